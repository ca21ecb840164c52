"""`alasl plan`: what it would take to reach a mAP, before anybody labels."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from alasl.cli.options import (
    Bar,
    allow_download,
    download_option,
    json_option,
    print_json,
    quiet_option,
    show_warnings,
    trust_option,
)

if TYPE_CHECKING:
    from alasl.project.hours import Hours


@click.command("plan")
@click.argument("project", type=click.Path(path_type=Path))
@click.option(
    "--target", type=click.FloatRange(0, 100, min_open=True), required=True, help="mAP to reach, %"
)
@click.option(
    "--seeds",
    type=click.IntRange(min=2),
    default=5,
    show_default=True,
    help="simulations of each way of asking",
)
@click.option(
    "--answer-seconds",
    type=click.FloatRange(0, min_open=True),
    help="people's time for an answer [as measured on the page, else 1]",
)
@click.option(
    "--open-seconds",
    type=click.FloatRange(0),
    default=2.0,
    show_default=True,
    help="people's time for opening an image",
)
@click.option(
    "--tag-seconds",
    type=click.FloatRange(0, min_open=True),
    default=3.0,
    show_default=True,
    help="people's time for a tag, where whole images are tagged",
)
@trust_option
@download_option
@json_option
@quiet_option
def command(
    project: Path,
    target: float,
    seeds: int,
    answer_seconds: float | None,
    open_seconds: float,
    tag_seconds: float,
    trust: bool,
    download: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Forecast how many answers and hours PROJECT takes to reach a mAP.

    Most of what is known of the pool is hidden and asked again in simulations: by the project's
    strategy, whole images at a time, and by chance. Nothing is asked or changed. Each figure has
    an interval in which four of five such forecasts should lie. The forecast is kept, and status
    and report set it beside what comes.
    """
    from alasl.project.driver import Driver
    from alasl.project.folder import load
    from alasl.project.hours import Seconds, hours, measured
    from alasl.project.planning import plan

    show_warnings(quiet)
    allow_download(download)
    opened = load(project)
    seconds = Seconds(answer_seconds or measured(opened.store) or 1.0, open_seconds, tag_seconds)
    driver = Driver(opened, Bar("features", "image", quiet), trust=trust)
    with opened.training():
        made = plan(driver, target, seeds, Bar("trainings", "training", quiet))
    told = hours(made, opened.store, seconds)
    if as_json:
        print_json({"schema_version": 1, **asdict(made), "hours": [asdict(one) for one in told]})
        return
    click.echo(f"mAP now {made.now:.1f} %; to reach {target:g} % (80 % interval, {seeds} seeds):")
    for one, forecast in zip(told, made.forecasts, strict=True):
        click.echo(f"  {forecast}; {_in_words(one)}")
    click.echo(
        f"at {seconds.answer:.2g} s an answer, {open_seconds:g} s to open an image, "
        f"{tag_seconds:g} s a tag; simulated on what is known alone; ?: more than there is to ask"
    )


def _in_words(told: Hours) -> str:
    ways = [f"{name} {_range(*of)}" for name, of in told.by.items()]
    return "hours: " + ", ".join(ways) if ways else "no hours"


def _range(middle: float | None, low: float, high: float | None) -> str:
    most = "?" if high is None else f"{high:.2g}"
    return f"{'?' if middle is None else f'{middle:.2g}'} ({low:.2g} to {most})"
