"""Logistic regression on frozen features, at its optimum: for labels of which little is known.

Where few entries are known, a linear probe's training stops far from, or runs far past, the best
point; the optimum of a penalised loss depends on neither rate, batch nor epochs.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor, nn

from alasl.data.evidence import Evidence
from alasl.data.inputs import Inputs, Rows
from alasl.errors import UsageError
from alasl.models.base import (
    Chances,
    Estimator,
    OnEpoch,
    Probabilities,
    Table,
    Tensors,
    check_labels,
    restored,
    taken,
)
from alasl.models.beside import Beside
from alasl.models.bootstrap import bootstrap
from alasl.models.choice import USUAL, Choice, choose
from alasl.models.device import pick_device, small_products, tensor_of
from alasl.models.held_out import PARTS as HELD_PARTS
from alasl.models.modules import chances_of, linear
from alasl.models.neighbours import Neighbours
from alasl.models.registry import model
from alasl.models.solver import SAMPLE, TOLERANCE, ByRow, Solution, solve
from alasl.models.transforms import FEW, Applied, Transform, fitting
from alasl.seeds import stream
from alasl.sparse import Sparse

# How far a logit may be from the optimum's where choices are only compared.
ROUGH = 0.1
# Images whose features are in hand at a time.
IMAGES = 2**16
# Their logits, likewise.
TABLE = 2**24
# Known entries by which choices are made, about, of a table of which these alone are held; and
# logits of held-out images that are in hand then.
CHOSEN, HELD = 2**18, 2**24
# What a solution is kept as.
PARTS = ("weights", "bias", "slopes", "centres", "gap", "doubts")


@dataclass(frozen=True)
class LogisticSettings:
    """What `Choice` has; None for what known entries, held out, say is best (docs/settings.md)."""

    spread: float | None = None
    smooth: float | None = None

    def __post_init__(self) -> None:
        if self.spread is not None and not self.spread > 0:
            raise UsageError("spread must be more than 0", seen=repr(self.spread))
        if self.smooth is not None and not 0 <= self.smooth < 1:
            raise UsageError("smooth must be at least 0 and below 1", seen=repr(self.smooth))


@model("logistic")
class Logistic(Estimator):
    """Penalised logistic regression on frozen features, at its optimum."""

    Settings = LogisticSettings
    soft_targets = True
    ensemble = True
    takes_evidence = True
    takes_few = True

    def __init__(self, labels: int, settings: LogisticSettings | None = None) -> None:
        self.labels = labels
        self._settings = settings or LogisticSettings()
        self._device = pick_device()
        self._solution: Solution | None = None
        self._choice = Choice(smooth=0.0)
        self._members: list[Solution] = []

    @property
    def sources(self) -> int:
        """See `Estimator.sources`."""
        return 0 if self._solution is None else len(self._solution.slopes)

    @classmethod
    def make_transform(cls, features: NDArray[np.floating], rows: Rows) -> Transform:
        """See `Estimator.make_transform`: features are flattened where most are skewed."""
        return fitting(features, rows)

    @classmethod
    def make_neighbours(cls, features: NDArray[np.floating], rows: Rows) -> Neighbours | None:
        """See `Estimator.make_neighbours`."""
        return None if features.shape[1] < FEW else Neighbours.fit(features, rows)

    @classmethod
    def settled(cls, params: dict[str, Any]) -> dict[str, Any]:
        """See `Estimator.settled`."""
        given = {name: value for name, value in params.items() if value is not None}
        return {**asdict(USUAL), **given}

    def fit(
        self,
        inputs: Inputs,
        targets: Table,
        weights: Table = None,
        *,
        seed: int = 0,  # noqa: ARG002  nothing is left to chance
        warm_start: bool = False,
        eval_on: Inputs | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> None:
        """See `Estimator.fit`; it counts as one epoch."""
        self._choice = self._chosen(inputs, targets, weights)
        start = self._solution if warm_start else None
        self._solution = self._train(inputs, targets, weights, self._choice, start)
        if eval_on is not None and on_epoch:
            on_epoch(0, self.logits(eval_on))

    def logits(self, inputs: Inputs) -> NDArray[np.float32]:
        """See `Estimator.logits`."""
        return self._logits(inputs, fitted(self._solution))

    def predict_proba(self, inputs: Inputs) -> Probabilities:
        """See `Estimator.predict_proba`; in the place of the logits, as both take much memory."""
        logits = self.logits(inputs)
        found: Probabilities = expit(logits, out=logits)
        return found

    def fit_members(
        self,
        inputs: Inputs,
        targets: Table,
        weights: Table = None,
        *,
        seed: int,
        members: int,
    ) -> None:
        """See `Estimator.fit_members`."""
        choice = self._choice
        if self._solution is None:
            choice = self._choice = self._chosen(inputs, targets, weights)
        if isinstance(targets, Sparse) and _fills(targets):
            # Of what is not held no image's draw could be told.
            targets, weights = targets.dense(), weights.dense()
        self._members = [
            self._train(inputs, targets, _times(draw, targets, weights), choice)
            for draw in bootstrap(seed, members, len(inputs))
        ]

    def members_proba(self, inputs: Inputs) -> Probabilities:
        """See `Estimator.members_proba`."""
        logits = np.stack([self._logits(inputs, each) for each in self._members])
        return torch.from_numpy(logits).sigmoid().numpy()

    @property
    def smooth(self) -> float:
        """See `Estimator.smooth`."""
        return self._choice.smooth

    @property
    def spread(self) -> float:
        """See `Estimator.spread`: what was found, or set."""
        return self._choice.spread

    def module(self) -> nn.Module:
        """See `Estimator.module`; it has no evidence of other models."""
        found = fitted(self._solution)
        return linear(found.weights, found.bias)

    def evidence(self, inputs: Inputs) -> NDArray[np.float32] | None:
        """See `Estimator.evidence`: logits less their centre, times what is left of the slope."""
        others, found = inputs.others(), fitted(self._solution)
        if others is None:
            return None
        parts = (found.doubts, found.centres)
        doubts, centres = (part.cpu().numpy()[:, None, None] for part in parts)
        return np.asarray(doubts * np.nan_to_num(others[:] - centres, nan=0.0), np.float32)

    def tensors(self) -> Tensors:
        """See `Estimator.tensors`."""
        found = fitted(self._solution)
        # Whole, so that a model from a file asks the same.
        choice = torch.tensor([self._choice.spread, self._choice.smooth], dtype=torch.float64)
        return {**{name: getattr(found, name) for name in PARTS}, "choice": choice}

    def restore(self, tensors: Tensors, *, trust: bool = False) -> None:  # noqa: ARG002
        """See `Estimator.restore`."""
        parts = restored(tensors, *PARTS)
        check_labels(parts[0].shape[-1], self.labels)
        self._solution = Solution(*(each.to(self._device) for each in parts))
        # Before version 2 there was no choice, and no neighbours.
        spread, smooth = tensors["choice"].tolist() if "choice" in tensors else (USUAL.spread, 0.0)
        self._choice = Choice(spread, smooth)

    def embed(self, inputs: Inputs) -> NDArray[np.float32]:
        """See `Estimator.embed`: the features, mixed with what the neighbours look like."""
        return self._array(inputs, self._choice.smooth)

    def chances(self) -> Chances | None:
        """See `Estimator.chances`."""
        found = fitted(self._solution)
        if self.sources:
            return None
        weights, bias = (each.float().cpu().numpy() for each in (found.weights, found.bias))
        return partial(chances_of, weights, bias)

    def beside(self, others: Evidence) -> Beside:
        """See `Estimator.beside`."""
        found = fitted(self._solution)
        parts = (found.weights, found.bias, found.slopes, found.centres, found.doubts)
        return Beside(others, *(each.float().cpu().numpy() for each in parts))

    def _chosen(self, inputs: Inputs, targets: Table, weights: Table) -> Choice:
        """What is set, and what held-out entries say of the rest."""
        settings, near = self._settings, inputs.around is not None
        usual = Choice(
            USUAL.spread if settings.spread is None else settings.spread,
            (settings.smooth or 0.0) if near else 0.0,
        )
        find_smooth = near and settings.smooth is None
        if settings.spread is not None and not find_smooth:
            return usual
        before: dict[int, Solution] = {}
        if isinstance(targets, Sparse):
            inputs, targets, weights = _enough(inputs, targets, weights)

        def train(kept: Rows, held: Rows, choice: Choice, part: int) -> NDArray[np.float32]:
            before[part] = self._solve(
                inputs.take(kept),
                taken(targets, kept),
                None if weights is None else taken(weights, kept),
                choice,
                before.get(part),
                ROUGH,
            )
            return self._logits(inputs.take(held), before[part], choice)

        return choose(
            train,
            inputs.array(),
            targets,
            weights,
            usual,
            spread=settings.spread is None,
            smooth=find_smooth,
        )

    def _seen(self, inputs: Inputs, smooth: float) -> Tensor:
        """(n, D): what the regression sees of images, with so much of their neighbours in it."""
        own = tensor_of(inputs, self._device)
        if not smooth:
            return own
        around = torch.from_numpy(inputs.surroundings()).to(self._device)
        return torch.lerp(own, around, smooth)

    def _array(self, inputs: Inputs, smooth: float) -> NDArray[np.float32]:
        """As `_seen`; of many images, those that are being mixed are few at a time."""
        if not smooth or len(inputs) <= IMAGES:
            return np.asarray(self._seen(inputs, smooth).cpu().numpy(), np.float32)
        every = np.arange(len(inputs))
        found = np.empty((len(every), inputs.take([]).array().shape[1]), np.float32)
        for rows in np.split(every, every[IMAGES::IMAGES]):
            found[rows[0] : rows[0] + len(rows)] = self._seen(inputs.take(rows), smooth).cpu()
        return found

    def _features(self, inputs: Inputs, targets: Table, smooth: float) -> Tensor | ByRow:
        """As `_seen`; of features that do not fit, each label's few images when it is its turn."""
        few = isinstance(targets, Sparse) and not _fills(targets)
        if not few or not isinstance(inputs.features, Applied) or self._device.type != "cpu":
            return self._seen(inputs, smooth)
        shape = len(inputs), inputs.take([]).array().shape[1]
        return ByRow(shape, lambda rows: self._array(inputs.take(rows), smooth))

    def _train(
        self,
        inputs: Inputs,
        targets: Table,
        weights: Table,
        choice: Choice,
        start: Solution | None = None,
    ) -> Solution:
        """A training with what was chosen."""
        return self._solve(inputs, targets, weights, choice, start)

    def _solve(
        self,
        inputs: Inputs,
        targets: Table,
        weights: Table,
        choice: Choice,
        start: Solution | None = None,
        tolerance: float = TOLERANCE,
    ) -> Solution:
        device, others = self._device, inputs.others()
        if start is not None and len(start.slopes) != (0 if others is None else len(others)):
            start = None  # of other sources
        with small_products(device):
            seen, scale = self._features(inputs, targets, choice.smooth), 1.0
            if choice.smooth:
                # What is mixed is smaller: a logit's deviation is to be the same.
                step, some = 1, inputs
                if isinstance(seen, ByRow):
                    step = max(1, len(seen) // SAMPLE)
                    some = inputs.take(np.arange(0, len(seen), step))
                own = tensor_of(some, device).square().mean()
                scale = float((own / seen[::step].square().mean().clamp(min=1e-12)).sqrt())
            return solve(
                seen,
                _on(targets, device),
                None if weights is None else _on(weights, device),
                spread=choice.spread * scale,
                evidence=others,
                start=start,
                tolerance=tolerance,
            )

    def _logits(
        self, inputs: Inputs, by: Solution, choice: Choice | None = None
    ) -> NDArray[np.float32]:
        device = self._device
        labels = by.weights.shape[1]
        found = np.empty((len(inputs), labels), np.float32)
        step = max(1, min(IMAGES, TABLE // max(1, labels)))
        for start in range(0, len(inputs), step):
            rows = slice(start, start + step)
            some = inputs if len(inputs) <= step else inputs.take(np.arange(len(inputs))[rows])
            others = some.others()
            with small_products(device):
                evidence = None if others is None else torch.as_tensor(others[:], device=device)
                seen = self._seen(some, (choice or self._choice).smooth)
                found[rows] = by.logits(seen, evidence).cpu().numpy()
        return found


def _on(table: Table, device: torch.device) -> Tensor | Sparse:
    return table if isinstance(table, Sparse) else torch.as_tensor(table, device=device)


def _times(draw: NDArray[np.float32], targets: Table, weights: Table) -> Table:
    """(n, L): weights, times how often each image was drawn, (n,)."""
    if isinstance(targets, Sparse):
        counts = 1 if weights is None else weights.values
        return replace(targets, values=draw[targets.rows] * np.float32(counts))
    ones = np.ones((1, targets.shape[1]), np.float32) if weights is None else weights
    return draw[:, None] * ones


def _enough(inputs: Inputs, targets: Sparse, weights: Any) -> tuple[Inputs, Table, Table]:
    """Of much that is known, some labels whole, drawn, which are enough to choose by.

    Labels, not images: how much is known of each label is what a prior stands against. Where a
    label knows more than is held, it is a table of these.
    """
    images, labels = targets.shape
    share = min(1, CHOSEN / max(1, len(targets)), HELD * HELD_PARTS / max(1, images * labels))
    if fills := _fills(targets):
        share = min(share, HELD / max(1, images * labels))
    many = max(1, int(share * labels))
    if many < labels:
        cols = np.sort(stream(0, "labels to choose by").permutation(labels)[:many])
        if inputs.evidence is not None:
            inputs = replace(inputs, evidence=inputs.evidence.take_cols(cols))
        targets = targets.take_cols(cols)
        weights = None if weights is None else weights.take_cols(cols)
    if fills:
        return inputs, targets.dense(), weights.dense()
    if many == labels:
        return inputs, targets, weights
    rows = np.flatnonzero(targets.per_row())
    return inputs.take(rows), targets.take(rows), None if weights is None else weights.take(rows)


def _fills(targets: Sparse) -> bool:
    """Whether what is not held is known of any label: nearly all images are then of each such."""
    return bool((np.asarray(targets.empty) >= 0).any())


def fitted(solution: Solution | None) -> Solution:
    """The solution. Raises `RuntimeError` before a fit."""
    if solution is None:
        raise RuntimeError("fit comes first")
    return solution
