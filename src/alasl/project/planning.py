"""What it would take to label a project, simulated on the entries that are known already.

Most of the pool's known entries are hidden and asked again, by the project's strategy, by chance
and whole images at a time, and the model is judged after each round: paired, as all ways of asking
begin with the same entries, seed by seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from alasl.counting import counted
from alasl.data.presence import known_by_presence
from alasl.data.split import Split
from alasl.errors import DataError, NothingToDo
from alasl.evaluate.audit import Audit
from alasl.evaluate.estimate import DRAWS, Estimate, Scored, estimate
from alasl.labels import UNKNOWN, Entries, Labels
from alasl.learner import ActiveLearner, Known
from alasl.learner.size import require_whole
from alasl.models.prepare import Prepared, context_of
from alasl.project.auditing import ground_of
from alasl.project.driver import Driver
from alasl.project.forecast import WHOLE, Curves, forecasts
from alasl.project.plans import Plan, keep
from alasl.project.records import Mask
from alasl.project.settings import ProjectSettings
from alasl.project.store import Store
from alasl.seeds import stream

# Parts of the known entries that chance keeps, for the curve, and the share of them that is then
# asked from one of them on, in so many rounds. It is small, as a strategy is worth the more
# the more it can choose from.
_PARTS, _BEGUN, _ASKED, _ROUNDS = (0.3, 0.5, 0.7), 1, 0.12, 2
# Entries of the pool without which a simulation says nothing.
_LEAST = 200
# Completed tables that each estimate of mAP takes: their number decides its last digits alone.
_DRAWS = 20

Progress = Callable[[int, int], None]


def curves(
    prepared: Prepared,
    split: Split,
    labels: Labels,
    audit: Audit,
    settings: ProjectSettings,
    seeds: int,
    progress: Progress | None = None,
) -> Curves:
    """The curves of every way of asking.

    labels: what is given and what people say. audit: what the test images are judged by; see
    `by_chance`. progress(done, of): called after each training.
    Raises `NothingToDo` where too little is known of the pool, and `DataError` where no label can
    be judged.
    """
    require_whole("plans", labels.shape)
    known = np.zeros(labels.shape, np.bool_)
    known[split.pool] = labels.known[split.pool]
    count = int(known.sum())
    if count < _LEAST:
        raise NothingToDo(
            "too little is known to plan by, as a plan hides most of it and asks it again",
            seen=f"{count} known entries of the pool, at least {_LEAST} are needed",
            do="answer some first: alasl suggest, alasl annotate",
        )
    batch = max(1, round(_ASKED * count / _ROUNDS))
    trial = _Trial(prepared, split, labels, audit, replace(settings, answers=batch), known)
    ways, trainings = ("strategy", WHOLE), 0
    of = 1 + seeds * (len(_PARTS) + len(ways) * _ROUNDS)
    chance: list[list[float]] = []
    reached: dict[str, list[float]] = {way: [] for way in ways}

    def done() -> None:
        nonlocal trainings
        trainings += 1
        if progress:
            progress(trainings, of)

    nothing = np.zeros(labels.shape, np.bool_)
    whole = trial.estimated(trial.learner(0), nothing, 0, nothing, DRAWS)
    now = 100 * float(whole.mean.value)
    done()
    if np.isnan(now):
        raise DataError(
            "no label can be judged: none has a known present and a known absent test image",
            do="answer a queue first, a part of which chance draws: alasl suggest, alasl annotate",
        )
    for seed in range(seeds):
        learner = trial.learner(seed)
        chance.append([])
        parts = trial.parts(seed)
        for hidden in parts:
            chance[-1].append(trial.judged(learner, hidden, 0, hidden))
            done()
        for way in ways:
            reached[way].append(trial.asked(way, seed, parts[_BEGUN], done))
    return Curves(
        known=count,
        askable=int(labels.unknown[split.pool].sum()),
        now=now,
        entries=count * np.array(_PARTS),
        chance=np.array(chance),
        start=_BEGUN,
        asked=batch * _ROUNDS,
        reached={way: np.array(found) for way, found in reached.items()},
        ground=ground_of(whole),
    )


def by_chance(entries: Entries) -> Audit:
    """Known entries of test images (T, L) as an audit, as if chance had chosen them."""
    drawn = entries != UNKNOWN
    share = np.broadcast_to(drawn.mean(axis=0), drawn.shape)
    return Audit(entries, np.zeros_like(drawn), drawn, share)


def plan(driver: Driver, target: float, seeds: int, progress: Progress | None = None) -> Plan:
    """Forecast what it takes to reach `target` mAP, in per cent, and keep it in the project.

    The test images are judged by the project's audit, or before any of its answers by what is known
    of them, as if chance had chosen it. Raises as `curves`, and `DataError` where labels are known
    by presence.
    """
    project, known = driver.project, driver.known()
    split, settings = project.split(), project.settings
    now = driver.audit(known, project.store.initial_and_labels()[0])
    audit = now.audit
    if not audit.audited.any() and not now.complete:
        audit = by_chance(now.entries)
    marked = known_by_presence(known.given(split.pool))
    if marked.any():
        raise DataError(
            "a plan hides known entries and asks them again, which says nothing of labels that are "
            "known because they are present",
            seen=f"{int(marked.sum())} of {len(marked)} labels, "
            f"as {project.store.names[int(marked.argmax())]!r}",
            do="go by what status says after each round: alasl status",
        )
    labels = known.human_labels
    found = curves(driver.prepared, split, labels, audit, settings, seeds, progress)
    told = tuple(forecasts(found, target, settings.seed))
    value, sure, on = _now(project.store, found)
    if audit is not now.audit:
        known_here = counted(int(audit.drawn.sum()), "known entry", "known entries")
        on = f"{known_here} of the test images alone, right only if chance chose them"
    made = Plan(target, value, project.store.filled(), seeds, told, sure, on)
    keep(project.folder, made)
    return made


def _now(store: Store, found: Curves) -> tuple[float, tuple[float, float] | None, str]:
    """mAP now, in per cent, its 95 % interval and what it rests on: what the last training has, as
    it is estimated along with the one before; where people said anything since, what the
    simulations' first model has."""
    since = ""
    for last in store.trainings()[-1:]:
        if last.event >= store.last_human_event() and last.map is not None and last.ground:
            return last.map, last.ground.map, last.ground.on
        since = ", with what was answered since the last training"
    ground = found.ground
    return found.now, ground.map if ground else None, f"{ground.on if ground else ''}{since}"


@dataclass(frozen=True, eq=False)
class _Trial:
    """What all simulations share: known (N, L), the entries of the pool that can be hidden."""

    prepared: Prepared
    split: Split
    labels: Labels
    audit: Audit
    settings: ProjectSettings
    known: Mask

    def learner(self, seed: int) -> ActiveLearner:
        """One that asks single entries, a batch a round."""
        own = replace(
            self.settings, seed=self.settings.seed + seed, ask="entries", seconds=None, growth=1.0
        )
        nothing = np.full(self.audit.entries.shape, UNKNOWN, np.int8)
        return ActiveLearner(self.prepared, self.split, own, nothing, context_of(own))

    def parts(self, seed: int) -> list[Mask]:
        """(N, L) each: what is hidden where chance keeps the parts of what is known, nested."""
        draw = stream(self.settings.seed, "plan", seed).random(self.labels.shape)
        return [self.known & (draw >= part) for part in _PARTS]

    def asked(self, way: str, seed: int, at_first: Mask, done: Callable[[], None]) -> float:
        """mAP, in per cent, once a way of asking got its answers."""
        learner, hidden, value = self.learner(seed), at_first.copy(), float("nan")
        order = stream(self.settings.seed, "plan images", seed).permutation(self.split.pool)
        if way != WHOLE:
            # To ask by.
            learner.train(self._known(hidden, 0, at_first), by_folds=False)
        for number in range(_ROUNDS):
            if way == WHOLE:
                many = np.cumsum(hidden[order].sum(axis=1))
                images = int(np.searchsorted(many, self.settings.answers)) + 1
                hidden[order[:images]] = False
            else:
                query = learner.ask(self._known(hidden, number, at_first))
                hidden[query.rows, query.cols] = False
            value = self.judged(learner, hidden, number + 1, at_first)
            done()
        return value

    def estimated(
        self,
        learner: ActiveLearner,
        hidden: Mask,
        number: int,
        at_first: Mask,
        draws: int = _DRAWS,
    ) -> Estimate:
        """What a model is worth of all that is not hidden."""
        logits = learner.train(self._known(hidden, number, at_first), by_folds=False).logits
        return estimate(Scored(logits, expit(logits)), self.audit, self.settings.seed, draws)

    def judged(self, learner: ActiveLearner, hidden: Mask, number: int, at_first: Mask) -> float:
        """Its mAP, in per cent."""
        return 100 * float(self.estimated(learner, hidden, number, at_first).mean.value)

    def _known(self, hidden: Mask, number: int, at_first: Mask) -> Known:
        labels = self.labels.forget(hidden)
        never = np.zeros(hidden.shape, np.bool_)
        never[self.split.pool] = self.labels.unknown[self.split.pool]
        # What is unknown in truth can be asked of nobody here.
        asked = at_first & ~hidden
        return Known.by_masks(labels, at_first | never, asked, asked | never, round=number)
