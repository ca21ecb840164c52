"""`alasl export`: a project's table, answers or queue as a file; a model to take away."""

from __future__ import annotations

from pathlib import Path

import click

from alasl.cli import options
from alasl.counting import counted
from alasl.errors import UsageError


@click.command("export")
@options.project_argument
@click.argument("out", type=options.FILE)
@click.option("--to", help="the format: csv-wide, coco, label-studio, ...; not for a model")
@click.option(
    "--what",
    type=click.Choice(("table", "answers", "queue", "model")),
    default="table",
    show_default=True,
    help="the table as it is now, what each person said, what is still to be asked, or the model",
)
@click.option(
    "--prefix", default="", help="put before an image's name to make its address, as https://host/"
)
@options.trust_option
@options.json_option
@options.quiet_option
def command(
    project: Path,
    out: Path,
    to: str | None,
    what: str,
    prefix: str,
    trust: bool,
    as_json: bool,
) -> None:
    """Write PROJECT's table, each person's answers, the queue or the model to the file OUT.

    With --what model, PROJECT may also be the folder of a run, or a model's file. OUT ends in
    .safetensors, the file that `alasl predict` takes, or .onnx; its card, in Markdown, is written
    beside it.
    """
    if what == "model":
        _model(project, out, to, trust, as_json)
        return
    from alasl.project.exports import export, formats_of
    from alasl.project.folder import load

    if to is None:
        raise UsageError(
            "name the format with --to", do=f"there are: {', '.join(formats_of(what))}"
        )
    entries = export(load(project), out, to, what, prefix)  # type: ignore[arg-type]  # click checked
    if as_json:
        options.print_json({"out": str(out), "what": what, "entries": entries})
    else:
        click.echo(f"{out}: {what}, {counted(entries, 'entry', 'entries')}")


def _model(place: Path, out: Path, to: str | None, trust: bool, as_json: bool) -> None:
    from alasl.prediction.exports import export_model

    if to is not None:
        raise UsageError(
            "a model is written as its file's name says: .safetensors or .onnx",
            seen=f"--to {to}",
            do="leave out --to",
        )
    model, card = export_model(place, out, trust=trust)
    if as_json:
        labels = list(model.names)
        result = {"out": str(out), "what": "model", "labels": labels, "card": str(card)}
        options.print_json(result)
    else:
        click.echo(f"{out}: {model}; card: {card}")
