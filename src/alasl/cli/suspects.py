"""`alasl suspects`: given entries that are likely wrong, and how many are."""

from __future__ import annotations

from pathlib import Path

import click

from alasl.cli import options
from alasl.counting import counted

_NAMES = {1: "presents", 0: "absents"}


@click.command("suspects")
@options.project_argument
@click.option(
    "--count",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="how many presents, and how many absents, to list",
)
@click.option("--out", type=options.FILE, help="write the list to a file with a column to fill in")
@options.trust_option
@options.download_option
@options.json_option
@options.quiet_option
def command(
    project: Path,
    count: int,
    out: Path | None,
    trust: bool,
    as_json: bool,
) -> None:
    """List the given entries of PROJECT that are likely wrong, presents and absents apart.

    Each is judged by a model that did not see its image. The test set is left out. Fill in the
    file that --out wrote (1 present, 0 absent, ? nobody can tell) and settle them: alasl resolve
    PROJECT FILE --person NAME. Or let the queue ask them: recheck in project.toml. How many given
    entries are wrong is told by gold questions, which chance draws.
    """
    from alasl.project.driver import Driver
    from alasl.project.exports import write_suspects
    from alasl.project.rechecking import error_rates

    opened = options.open_to_work(project, trust)
    both = Driver(opened, options.Bar("features", "image"), trust=trust).suspects()
    listed = [side.first(count) for side in both]
    rates = error_rates(opened.store)
    if out:
        write_suspects(opened, listed, out)
    images, names = opened.store.images, opened.store.names
    if as_json:
        options.print_json(
            {
                "suspects": [
                    {"image": images[i], "label": names[j], "given": side.value, "probability": p}
                    for side in listed
                    for i, j, p in side
                ],
                "of": {_NAMES[side.value]: len(side) for side in both},
                "error_rates": {
                    _NAMES[rate.value]: {
                        "checked": rate.checked,
                        "wrong": rate.wrong,
                        "low": rate.low,
                        "high": rate.high,
                    }
                    for rate in rates
                },
            }
        )
        return
    for side, shown, rate in zip(both, listed, rates, strict=True):
        if not len(side):
            click.echo(f"{_NAMES[side.value]}: none is given, or all were answered")
            continue
        click.echo(f"{_NAMES[side.value]}, {len(shown)} of {len(side)}, the likeliest wrong first:")
        for i, j, p in shown:
            click.echo(f"  {images[i]!r}, label {names[j]!r}: present with {100 * p:.1f} %")
        if rate.checked:
            by = counted(rate.checked, "gold question")
            share, low, high = (100 * each for each in (rate.share, rate.low, rate.high))
            click.echo(
                f"  wrong by {by}: {share:.1f} % (95 % interval {low:.1f} to {high:.1f}), "
                "people's own errors among them"
            )
        else:
            click.echo("  how many are wrong is not known: no gold question was answered yet")
    if out:
        click.echo(f"{out}: {counted(sum(map(len, listed)), 'entry', 'entries')} to look at")
