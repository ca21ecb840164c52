"""What a plan takes of people's time: by label, by image, and by tagging whole images."""

from __future__ import annotations

from dataclasses import dataclass

from alasl.data.presence import known_by_presence
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
    a strategy picks are scattered. Tagging opens an image, sets its tags, and the rest is absent;
    it has no hours where nothing says how many tags an image has.
    """
    tags, of_image = _present(store), len(store.names)
    told = []
    for one in plan.forecasts:
        if one.way != WHOLE:
            each = {"by label": seconds.by_label(1), "by image": seconds.by_image(1, 1)}
        elif tags is not None:
            each = {"tagging": seconds.by_tags(1, tags * of_image) / of_image}
        else:
            each = {}
        by = {
            name: tuple(
                None if answers is None else answers * takes / 3600
                for answers in (one.answers, one.low, one.high)
            )
            for name, takes in each.items()
        }
        told.append(Hours(one.way, by))  # type: ignore[arg-type]  # low is a number
    return told


def _present(store: Store) -> float | None:
    """The share of entries that are present: as the last training's audit found, else among those
    known, and None where these are known because they are present."""
    ground = [training.ground for training in store.trainings() if training.ground]
    found = ground[-1].figures.get("prevalence") if ground else None
    if found and found.mean:
        return found.mean[0] / 100
    known = store.labels().sparse
    if not len(known) or known_by_presence(known).any():
        return None
    return float((known.values == PRESENT).mean())
