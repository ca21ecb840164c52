"""`alasl suggest`: which answers to get next."""

from __future__ import annotations

from pathlib import Path

import click

from alasl.cli import options
from alasl.cli.engine_options import asked_for, engine_options
from alasl.cli.train import lines, training_dict
from alasl.counting import counted


@click.command("suggest")
@options.project_argument
@click.option(
    "--train/--no-train",
    "train",
    default=True,
    show_default=True,
    help="train first if anything is new, or take the model as it stands",
)
@click.option(
    "--out", type=options.FILE, help="write the queue to a file, for people who answer elsewhere"
)
@click.option(
    "--format", "format", default="queue", show_default=True, help="of --out: queue, label-studio"
)
@click.option(
    "--prefix",
    default="",
    help="put before an image's name in --out to make its address, as https://host/",
)
@engine_options("processes at once, which divide the labels [one, on all processors]")
@options.skip_bad_option
@options.trust_option
@options.download_option
@options.json_option
@options.quiet_option
def command(
    project: Path,
    train: bool,
    out: Path | None,
    format: str,
    prefix: str,
    engine: str,
    workers: int | None,
    address: str | None,
    skip_bad: bool,
    trust: bool,
    as_json: bool,
) -> None:
    """Train PROJECT's model and put the entries to ask next into its queue, best first.

    `alasl annotate` asks them. With --out they are also written to a file that a spreadsheet, or
    Label Studio, can open; `alasl import` takes the answers. With --skip-bad, images whose files
    cannot be used leave the project first; `alasl undo` brings them back. With --engine or
    --workers, processes score a large pool, and the queue is the same; one process trains.
    """
    from alasl.project.driver import Driver

    opened = options.open_to_work(project, trust)
    if out:
        from alasl.project.exchange import writer_of_queries

        writer_of_queries(format)  # before the queue is another
    if skip_bad:
        from alasl.project.growing import drop_bad

        for image, why in drop_bad(opened, "suggest --skip-bad"):
            click.echo(f"dropped {image}: {why}", err=True)
    with opened.training(), asked_for(engine, workers, address) as by:
        driver = Driver(opened, options.Bar("features", "image"), trust=trust)
        training = driver.renew() if train else None
        asked = driver.suggest(by)
    doubts = driver.doubts(training) if training else []
    if out:
        from alasl.project.exports import write_queue

        write_queue(opened, out, format, prefix)
    queued = len(opened.store.queue())
    if as_json:
        found = {"asked": asked, "wanted": queued, "out": str(out) if out else None}
        result = {
            **found,
            "training": training_dict(training, doubts) if training else None,
        }
        options.print_json(result)
        return
    if training:
        for text in (*lines(training, opened.store.names, opened.settings.audit), *doubts):
            click.echo(text)
    more = " (with repeats and gold questions)" if queued > asked else ""
    click.echo(
        f"{counted(asked, 'entry', 'entries')} to ask, {counted(queued, 'answer')} wanted{more}"
    )
    click.echo(f"queue: {out}" if out else f"next: alasl annotate {project}")
