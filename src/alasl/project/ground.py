"""What a training's figures rest on, and how sure they are: plain records, kept as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from alasl.counting import counted

# A figure and the ends of its 95 % interval, in per cent.
Told = tuple[float, float, float]
# What was noted for each label of a training, for those that the table has now.
Place = Callable[[Sequence[Any]], Sequence[Any]]

# The figures as words.
SPOKEN = {
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "prevalence": "prevalence",
    "calibration": "calibration error",
}


@dataclass(frozen=True)
class Figures:
    """One figure, as precision: its mean over labels and each label's, None where undefined.

    left_out: why a label has none, by its column. over: of how many labels the mean is.
    """

    mean: Told | None
    labels: tuple[Told | None, ...]
    left_out: dict[int, str]
    over: int


@dataclass(frozen=True)
class Bin:
    """Entries of the labels judged whose probability is from `low` up to `high`.

    expected: presents by the probabilities. observed: presents, with the 95 % interval.
    """

    low: float
    high: float
    entries: int
    expected: float
    observed: Told


@dataclass(frozen=True)
class Ground:
    """What a training's mAP and AP rest on, and how sure they are.

    images: that were judged; compare at equal numbers. answers: of the audit. complete: every entry
    judged is known. map: the 95 % interval of mAP, in per cent; ap: of each label, None where
    undefined. left_out: why a label has no AP, by its column. gain: what this training gained over
    the last one, in mAP points, and its 95 % interval; None for the first.
    figures: precision, recall, f1, prevalence and calibration (the calibration error). bins: of
    probabilities. Both empty for trainings of versions that did not judge them. checked: answers
    to entries that were given; wrong: those of them that say otherwise. copies: of the images,
    those that are nearly the same as one that the model learned from. erring: the shares of wrong
    answers to absent entries and to present ones, where people contradict each other, or
    themselves; None where they do not. erring_ends: their 95 % intervals; of older versions none.
    """

    images: int
    answers: int
    complete: bool
    map: tuple[float, float] | None
    ap: tuple[tuple[float, float] | None, ...]
    left_out: dict[int, str]
    gain: tuple[float, float, float] | None = None
    figures: dict[str, Figures] = field(default_factory=dict)
    bins: tuple[Bin, ...] = ()
    checked: int = 0
    wrong: int = 0
    copies: int = 0
    erring: tuple[float, float] | None = None
    erring_ends: tuple[tuple[float, float], ...] | None = None

    @property
    def on(self) -> str:
        """What it rests on, in words."""
        if self.complete:
            on = f"{self.images} test images, all known"
        else:
            images = counted(self.images, "test image")
            on = f"{counted(self.answers, 'audit answer')} to {images}"
            if not self.answers:
                on = f"what was given of {images}"
        if self.checked and not self.complete:
            on += f"; {self.checked} of them checked what was given, most often where the model"
            on += f" doubts it: {self.wrong} {'was' if self.wrong == 1 else 'were'} wrong"
        if self.erring and not self.complete:
            ends = [f" ({100 * a:.1f} to {100 * b:.1f})" for a, b in self.erring_ends or ()]
            false, miss = (
                f"{100 * share:.1f} %{sure}"
                for share, sure in zip(self.erring, ends or ("", ""), strict=True)
            )
            on += f"; {false} of the answers to absents and {miss} of those to presents"
            on += " seem wrong, which is reckoned with"
        if self.copies:
            on += (
                f"; rather too high, as {self.copies} of the images are nearly the same as others "
                "that the model learned from"
            )
        return on


def read(values: Mapping[str, Any], place: Place, came: Mapping[int, str]) -> Ground:
    """The ground that JSON holds, with what it says of labels at the places that these have now.

    came: columns of labels that there were none of when it was noted, and what to say of them.
    """

    def left_out(noted: Mapping[str, str]) -> dict[int, str]:
        by_column = [noted.get(str(column)) for column in range(len(values["ap"]))]
        kept = {column: why for column, why in enumerate(place(by_column)) if why}
        return dict(sorted({**kept, **came}.items()))

    def told(noted: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(None if one is None else tuple(one) for one in noted)

    figures = {
        name: Figures(
            None if each["mean"] is None else tuple(each["mean"]),
            tuple(place(told(each["labels"]))),
            left_out(each["left_out"]),
            each["over"],
        )
        for name, each in values.get("figures", {}).items()
    }
    bins = [Bin(**{**each, "observed": tuple(each["observed"])}) for each in values.get("bins", ())]
    whole, gain = (None if values[key] is None else tuple(values[key]) for key in ("map", "gain"))
    changed = {
        "map": whole,
        "ap": tuple(place(told(values["ap"]))),
        "left_out": left_out(values["left_out"]),
        "gain": gain,
        "figures": figures,
        "bins": tuple(bins),
    }
    return Ground(**{**values, **changed})
