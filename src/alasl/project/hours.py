"""What a plan takes of people's time: by label, by image, and by tagging whole images."""

from __future__ import annotations

from dataclasses import dataclass

from alasl.labels import PRESENT
from alasl.project.forecast import WHOLE
from alasl.project.plans import Plan
from alasl.project.store import Store

# Answers that must have been timed before the page's time is taken for what people take.
_TIMED = 50

Range = tuple[float | None, float, float | None]


@dataclass(frozen=True)
class Seconds:
    """People's time: for an answer, for opening an image, for a tag where whole images are tagged.

    2 s to open an image and 3 s a tag are what an independent check of such work took.
    """

    answer: float = 1.0
    open: float = 2.0
    tag: float = 3.0


@dataclass(frozen=True)
class Hours:
    """Hours that one way of asking takes: the median and the 80 % interval, by how it is done."""

    way: str
    by: dict[str, Range]


def measured(store: Store) -> float | None:
    """The mean seconds that an answer took on the page; None where too few were timed."""
    took = [a.seconds for a in store.answers() if a.seconds]
    return sum(took) / len(took) if len(took) >= _TIMED else None


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
            each = {"tagging": seconds.open / of_image + tags * seconds.tag}
        else:
            each = {"by label": seconds.answer, "by image": seconds.open + seconds.answer}
        by = {
            name: tuple(
                None if answers is None else answers * takes / 3600
                for answers in (one.answers, one.low, one.high)
            )
            for name, takes in each.items()
        }
        told.append(Hours(one.way, by))  # type: ignore[arg-type]  # low is a number
    return told
