"""What a plan takes of people's time: by label, by image, and by tagging whole images."""

from __future__ import annotations

from dataclasses import dataclass

from alasl.labels import PRESENT
from alasl.project.forecast import WHOLE
from alasl.project.plans import Plan
from alasl.project.store import Store
from alasl.seconds import Seconds

Range = tuple[float | None, float, float | None]


@dataclass(frozen=True)
class Hours:
    """Hours that one way of asking takes: the median and the 80 % interval, by how it is done."""

    way: str
    by: dict[str, Range]


def hours(plan: Plan, store: Store, seconds: Seconds) -> list[Hours]:
    """Hours for each forecast of a plan.

    By label, on the page's grids, no image is opened. By image, each answer opens one: entries that
    a strategy picks are scattered. Tagging opens an image, sets its tags, and the rest is absent.
    """
    entries = store.labels().entries
    known = entries[entries >= 0]
    tags = float((known == PRESENT).mean()) if known.size else 0.0
    of_image = entries.shape[1]
    told = []
    for one in plan.forecasts:
        if one.way == WHOLE:
            each = {"tagging": seconds.by_tags(1, tags * of_image) / of_image}
        else:
            each = {"by label": seconds.by_label(1), "by image": seconds.by_image(1, 1)}
        by = {
            name: tuple(
                None if answers is None else answers * takes / 3600
                for answers in (one.answers, one.low, one.high)
            )
            for name, takes in each.items()
        }
        told.append(Hours(one.way, by))  # type: ignore[arg-type]  # low is a number
    return told
