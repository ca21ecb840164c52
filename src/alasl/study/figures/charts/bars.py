"""Means with their intervals as bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from alasl.study.stats import Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def bars(
    axes: Axes,
    places: Sequence[float],
    found: Sequence[Interval],
    shade: str,
    mark: str,
    across: bool = False,
) -> None:
    """Means with their intervals as bars; without a bar where there is no interval."""
    means = [f.mean for f in found]
    ends: Any = [
        [0.0 if math.isnan(f.low) else f.mean - f.low for f in found],
        [0.0 if math.isnan(f.high) else f.high - f.mean for f in found],
    ]
    x, y = (means, places) if across else (places, means)
    axes.errorbar(
        x,
        y,
        **{"xerr" if across else "yerr": ends},
        fmt=mark or "none",
        color=shade,
        ecolor=shade,
        elinewidth=1.5,
        capsize=2.5,
        zorder=3,
    )
