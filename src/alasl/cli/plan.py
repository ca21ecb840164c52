"""`alasl plan`: what it would take to reach a mAP, before anybody labels."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from alasl.cli import options
from alasl.cli.setting_options import ByHeading, setting_options
from alasl.config import made
from alasl.counting import counted
from alasl.settings import TimeSettings

if TYPE_CHECKING:
    from alasl.project.hours import Hours
    from alasl.project.plans import Plan


@click.command("plan", cls=ByHeading)
@options.project_argument
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
@setting_options(TimeSettings, without=("by", "seed"))
@options.trust_option
@options.download_option
@options.json_option
@options.quiet_option
def command(
    project: Path,
    target: float,
    seeds: int,
    trust: bool,
    as_json: bool,
    **given: float | None,
) -> None:
    """Forecast how many answers and hours PROJECT takes to reach a mAP.

    Most of what is known of the pool is hidden and asked again in simulations: by the project's
    strategy, whole images at a time, and by chance. Nothing is asked or changed. Each figure has
    an 80 % interval, whose upper end is some five times the lower one; in simulations on ten data
    sets such intervals held in 76 to 87 %. The forecast is kept, and status and report set it
    beside what comes.
    """
    from alasl.project.driver import Driver
    from alasl.project.hours import hours
    from alasl.project.planning import plan
    from alasl.project.timing import measured

    opened = options.open_to_work(project, trust)
    takes = measured(opened.store).but(opened.settings).but(made(TimeSettings, given))
    driver = Driver(opened, options.Bar("features", "image"), trust=trust)
    with opened.training():
        forecast = plan(driver, target, seeds, options.Bar("trainings", "training"))
    told = hours(forecast, opened.store, takes)
    if as_json:
        options.print_json({**asdict(forecast), "hours": [asdict(one) for one in told]})
        return
    click.echo(
        f"mAP now {forecast.now:.1f} % ({_sure(forecast)}); to reach {target:g} % (80 % interval, "
        f"{counted(seeds, 'seed')}):"
    )
    for one, by in zip(told, forecast.forecasts, strict=True):
        click.echo(f"  {by}; {_in_words(one)}")
    click.echo(
        f"at {takes.grid:.2g} s an answer by label, {takes.open:.2g} s to open an image and "
        f"{takes.answer:.2g} s an answer by image, {takes.tag:.2g} s a tag; "
        "simulated on what is known alone; ?: more than there is to ask"
    )


def _sure(made: Plan) -> str:
    """How sure mAP is, and what it rests on, in words."""
    ends = f"95 % interval {made.sure[0]:.1f} to {made.sure[1]:.1f}, " if made.sure else ""
    return f"{ends}by {made.on}"


def _in_words(told: Hours) -> str:
    ways = [f"{name} {_range(*of)}" for name, of in told.by.items()]
    return "hours: " + ", ".join(ways) if ways else "no hours"


def _range(middle: float | None, low: float, high: float | None) -> str:
    most = "?" if high is None else f"{high:.2g}"
    return f"{'?' if middle is None else f'{middle:.2g}'} ({low:.2g} to {most})"
