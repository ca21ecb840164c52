"""Why what is said of a training may be wrong beyond its intervals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from alasl.labels import UNKNOWN, Entries
from alasl.project.ground import Ground
from alasl.project.rechecking import error_rates
from alasl.project.records import AGAIN, Queued
from alasl.project.settings import ProjectSettings
from alasl.project.store import Store

# Half the width of mAP's interval, in points, and the audit answers a label that it takes in the
# simulations of docs/trust.md: where it is wider, one decides little by it.
UNSURE, ENOUGH = 5.0, 25
# The share of given entries that may well be wrong and nobody is told.
WRONG = 0.01


_EARLY = (
    "mAP is known within {points} points only, by {n} audit answer(s) a label: "
    "too early to stop or to compare by; "
)
_WRONG = (
    "people call {share} % ({low} to {high}) of the given NAME wrong, by {n} gold question(s); "
    "those of test images are taken for right, so mAP may be several points off: alasl suspects"
)
# Each kind in English, where there is one and where there are other numbers; also the page's.
WORDS = {
    kind: {"one": text.replace("(s)", ""), "other": text.replace("(s)", "s")}
    for kind, text in {
        "few": f"{_EARLY}{{good}} points take about {{takes}}",
        "wide": f"{_EARLY}it takes more",
        "again": "{n} answer(s) to test images against the model not asked again yet: until then "
        "a wrong one counts as right, and mAP may be points off its interval",
        "presents": _WRONG.replace("NAME", "presents"),
        "absents": _WRONG.replace("NAME", "absents"),
    }.items()
}
# Values that have a digit after the point.
_SHARES = ("share", "low", "high")


@dataclass(frozen=True)
class Doubt:
    """One reason: kind and values are what it is said by, in any language."""

    kind: str
    values: Mapping[str, float]

    def __str__(self) -> str:
        words = WORDS[self.kind]["one" if self.values["n"] == 1 else "other"]
        said = {k: f"{v:.{1 if k in _SHARES else 0}f}" for k, v in self.values.items()}
        return words.format(**said)


def second_looks(queue: Iterable[Queued]) -> int:
    """How many second looks a queue still asks for."""
    return sum(q.why == AGAIN and not q.done for q in queue)


def doubts(
    store: Store,
    tested: Entries,
    settings: ProjectSettings,
    ground: Ground | None,
    again: int,
) -> Iterator[Doubt]:
    """Why mAP may be off: few answers; answers asked for once, of whom nobody is seen to err; and
    given entries that people call wrong, where those of test images, (T, L), count as right."""
    if ground is None:
        return
    half = (ground.map[1] - ground.map[0]) / 2 if ground.map else 0.0
    if half > UNSURE and not ground.complete:
        many = round(ground.answers / max(1, sum(one is not None for one in ground.ap)))
        few = many < ENOUGH
        yield Doubt(
            "few" if few else "wide",
            {"points": round(half), "n": many} | ({"good": UNSURE, "takes": ENOUGH} if few else {}),
        )
    if again and ground.answers and ground.erring is None:
        yield Doubt("again", {"n": again})
    if settings.audit and settings.audit_given and (tested == UNKNOWN).any():
        return
    for rate, name in zip(error_rates(store), ("presents", "absents"), strict=True):
        if rate.low > WRONG and (tested == rate.value).any():
            share, low, high = 100 * rate.share, 100 * rate.low, 100 * rate.high
            yield Doubt(name, {"share": share, "low": low, "high": high, "n": rate.checked})
