"""`alasl study`: a grid of runs over seeds, its figures, its claims with intervals."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alasl.cli import options
from alasl.cli.engine_options import engine_options
from alasl.cli.setting_options import ByHeading, run_options
from alasl.errors import UsageError

if TYPE_CHECKING:
    from alasl.study.spec import Study


AT_ONCE = "runs at once [all processors]"


class Studies(options.WholeLines):
    """`run`, `resume` and `list`, and every study that comes with the package by its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        from alasl.study.spec import shipped

        return [*super().list_commands(ctx), *shipped()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if found := super().get_command(ctx, cmd_name):
            return found
        from alasl.study.spec import shipped

        study = shipped().get(cmd_name)
        return None if study is None else _shipped_command(study)


@click.group("study", cls=Studies)
def command() -> None:
    """Run a grid of experiments over many seeds and say what holds, with intervals."""


# What every new study takes: settings of its runs, seeds, folder, engine.
study_options = options.all_of(
    options.quiet_option,
    options.json_option,
    engine_options(AT_ONCE),
    options.download_option,
    options.trust_option,
    click.option("--out", type=options.PATH, help="the study's folder [runs/study-...]"),
    click.option("--seeds", type=click.IntRange(1), help="how many seeds [the study's own]"),
    run_options,
)


def _shipped_command(study: Study) -> click.Command:
    @click.command(study.name, cls=ByHeading, help=f"{study.about}.")
    @click.argument("data")
    @study_options
    def shipped_command(**given: Any) -> None:
        _new(study, None, **given)

    return shipped_command


@command.command("run", cls=ByHeading)
@click.argument("file", type=options.PATH)
@click.argument("data", required=False)
@study_options
def run(file: Path, data: str | None, **given: Any) -> None:
    """Run the study of a TOML FILE, on its own data or on DATA."""
    from alasl.study.spec import read_study

    _new(read_study(file), file, data=data, **given)


@command.command("resume")
@click.argument("folder", type=options.PATH)
@options.trust_option
@engine_options(AT_ONCE)
@options.json_option
@options.quiet_option
def resume(folder: Path, trust: bool, **given: Any) -> None:
    """Go on with the study in FOLDER; done runs are kept."""
    from alasl.errors import DataError
    from alasl.study.spec import read_study

    file = folder / "study.toml"
    if not file.exists():
        raise DataError("no study here", where=str(folder), do="name a folder that a study made")
    study = read_study(file)
    options.check_trust(trust, file, *study.named())
    _run(study, folder, **given)


@command.command("list")
def list_() -> None:
    """The studies that come with the package."""
    from alasl.study.spec import shipped

    for study in shipped().values():
        runs = len(study.runs(study.seed_range[0])) * study.seeds
        click.echo(f"{study.name}  ({runs} runs: {study.seeds} seeds)\n    {study.about}")


def _new(
    study: Study,
    file: Path | None,
    data: str | None,
    config: Path | None,
    seeds: int | None,
    out: Path | None,
    engine: str,
    workers: int | None,
    address: str | None,
    as_json: bool,
    trust: bool,
    **given: Any,
) -> None:
    """Begin a study, from its file where it has one, with settings of its runs changed."""
    from alasl.study.spec import checked

    changed = options.settings_given(config, given, trust)
    if data is not None:
        changed["data"] = data
    for name in changed:
        if all(name in grid.values for grid in study.grids):
            raise UsageError(f"every grid of the study sets {name!r} itself, so it cannot be given")
    if file:
        kept = {k: v for k, v in study.base.items() if k not in changed}
        options.check_trust(trust, file, *dataclasses.replace(study, base=kept).named())
    base = {**study.base, **changed}
    if not base.get("data"):
        raise click.UsageError("name the data set")
    study = checked(dataclasses.replace(study, base=base, seeds=seeds or study.seeds))
    folder = out or Path("runs") / f"study-{study.name}-{Path(base['data']).resolve().stem}"
    _run(study, folder, engine, workers, address, as_json)


def _run(
    study: Study,
    folder: Path,
    engine: str,
    workers: int | None,
    address: str | None,
    as_json: bool,
) -> None:
    from alasl.clusters import workers as open_workers
    from alasl.study.claims import CLAIMS
    from alasl.study.engine import load_results, run_study
    from alasl.study.figures import check_plots
    from alasl.study.page import write_study

    # What would only be missed at the end is asked for before hours of work.
    check_plots(study)
    if study.claims:
        CLAIMS.resolve(study.claims, study.name)
    options.remark(f"{study.name}: {study.about} -> {folder}")
    try:
        with open_workers(engine, workers, address) as found:
            bar = options.Bar(study.name, "run")
            results = run_study(
                study,
                folder,
                found,
                extracting=options.Bar("features", "image"),
                progress=lambda done, running, of: bar(done, of, f"{running} running"),
            )
    except KeyboardInterrupt:
        partial = load_results(folder)
        if partial.runs:
            write_study(partial, folder)
            click.echo(f"a report of what is done: {folder / 'study.html'}", err=True)
        raise
    claims = write_study(results, folder)
    if as_json:
        options.print_json(
            {
                "study": study.name,
                "folder": str(folder),
                "runs": len(results.runs),
                "claims": [_no_nan(dataclasses.asdict(claim)) for claim in claims],
            }
        )
        return
    for claim in claims:
        click.echo(f"{claim.claim:4} {claim.verdict:15} {claim.sentence}")
    click.echo(f"report: {folder / 'study.html'}")


def _no_nan(values: dict[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and v != v else v for k, v in values.items()}
