"""What the loop asks of a classifier, whichever way it trains."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from alasl.labels import Entries

Rows = NDArray[np.intp]
Probabilities = NDArray[np.float32]
OnEpoch = Callable[[int, NDArray[np.float32]], None]


class Classifier(Protocol):
    """Fits on known entries of some images of a data set, predicts probabilities for others."""

    @property
    def learns_from_unknown(self) -> bool:
        """Whether unknown entries teach it anything, so images of which nothing is known do too."""

    def fit(
        self,
        rows: Rows,
        targets: Entries,
        *,
        seed: int,
        keep: bool = False,
        weights: NDArray[np.floating] | None = None,
        watch: Rows | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> None:
        """Train on the images `rows` (n,) with `targets` (n, L).

        What an entry of -1 teaches is the loss's affair; nothing, by default.
        weights: (n, L), 0 or more, how much each entry counts; None for 1.
        keep: go on from the last fit; otherwise restart from the pretrained weights.
        watch, on_epoch: after each epoch, on_epoch(epoch, logits (len(watch), L)) is called.
        """

    def predict(self, rows: Rows) -> Probabilities:
        """(n, L): the probability that each label is present in each of the images `rows`."""

    def fit_members(
        self,
        rows: Rows,
        targets: Entries,
        *,
        seed: int,
        members: int,
        weights: NDArray[np.floating] | None = None,
    ) -> None:
        """Train an ensemble beside the classifier, each member on a bootstrap of the images.

        weights: as for `fit`.
        Raises `UsageError` where the classifier has no ensembles.
        """

    def members(self, rows: Rows) -> Probabilities:
        """(E, n, L): what `predict` would give by each member of the ensemble."""

    def features(self, rows: Rows) -> NDArray[np.float32]:
        """(n, D): what the classifier sees of each of the images `rows`, before its last layer."""

    def save(self, path: Path) -> None:
        """Write the trained weights as safetensors, whole or not at all."""

    def load(self, path: Path) -> None:
        """Read weights that `save` wrote. Raises `DataError` where they do not fit."""
