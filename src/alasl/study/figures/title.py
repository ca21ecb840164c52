"""A figure's title: what is shown, of which runs, on which data, over how many seeds."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from alasl.figures import plain, thousands
from alasl.study.figures.lines import Line, identical
from alasl.study.results import Results
from alasl.study.spec import Plot


def title(
    results: Results,
    plot: Plot,
    lines: Sequence[Line],
    says: str,
    what: str,
    along: str | None = None,
) -> str:
    """What is shown, of which runs; the data; n and the interval; what is identical.

    says: what is shown, where the plot has no title of its own. what: shows the interval, "band" or
    "bar". along: the setting on the axis.
    """
    if not any(line.asks for line in lines):
        says += ", nothing asked"
    where = "".join(
        f", {key} {f'{100 * value:.0f} %' if key == 'missing' else value}"
        for key, value in plot.where.items()
        if key != "strategy" and key != along
    )
    counts = sorted({len({run.settings.seed for run in line.runs}) for line in lines})
    n = " to ".join(dict.fromkeys(str(count) for count in (counts[0], counts[-1])))
    bars = f"mean of n = {n} seeds; {what}: 95 % interval" if counts[-1] > 1 else "n = 1 seed"
    size = f"{thousands(results.images)} images, {results.labels} labels"
    text = [
        plain(plot.title, 70) if plot.title else f"{says}{plain(where, 40)}",
        f"{plain(results.data, 30)}, {size}",
        bars if results.complete else f"{bars}; unfinished",
    ]
    for group in identical(lines):
        if len(group) > 1:
            names = ", ".join(plain(line.name, 60) for line in group)
            text += textwrap.wrap(f"identical in every seed: {names}", 70)
    return "\n".join(text)
