"""What other models say of a large pool, beside its features: some labels at a time."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from alasl.data.evidence import Evidence
from alasl.data.inputs import Rows


class Beside:
    """(S, N, L), as `Pool.evidence` has it; indexed as `[:, images, label]`, it gives (S, n).

    others: (S, N, L), what S other models say. weights: (D, L), bias: (L,), slopes: (S, L),
    centres, doubts: (S,), of a `Solution`. Several threads may ask.
    """

    def __init__(
        self,
        others: Evidence,
        weights: NDArray[np.float32],
        bias: NDArray[np.float32],
        slopes: NDArray[np.float32],
        centres: NDArray[np.float32],
        doubts: NDArray[np.float32],
    ) -> None:
        self._others, self._weights, self._bias, self._slopes = others, weights, bias, slopes
        self._centres, self._doubts = centres, doubts
        self._last = threading.local()

    @property
    def shape(self) -> tuple[int, int, int]:
        """(S, N, L): sources, images, labels."""
        return self._others.shape

    def __getitem__(self, at: tuple[slice, Rows | slice, int]) -> NDArray[np.float32]:
        _, images, label = at
        labels = getattr(self._last, "labels", slice(0, 0))
        if not labels.start <= label < labels.stop:
            labels = slice(label, label + 1)
        news = self._news(labels)[:, :, label - labels.start]
        return self._doubts[:, None] * news[:, images]

    def take(self, rows: Rows) -> Beside:
        """That of some images."""
        parts = self._weights, self._bias, self._slopes, self._centres, self._doubts
        return Beside(self._others.take(rows), *parts)

    def chances(
        self, features: NDArray[Any], labels: slice | NDArray[np.intp]
    ) -> NDArray[np.float32]:
        """(n, w): the probabilities of some labels of the first n images, of features (n, D)."""
        logits = features @ self._weights[:, labels] + self._bias[labels]
        for news, slope in zip(self._news(labels), self._slopes[:, labels], strict=True):
            logits += slope * news[: len(logits)]
        found: NDArray[np.float32] = expit(logits, out=logits)
        return found

    def _news(self, labels: slice | NDArray[np.intp]) -> NDArray[np.float32]:
        """(S, N, n): log-odds less their source's centre, 0 where it is silent.

        Labels that stand side by side are asked for again by the same thread, one after the other.
        """
        if not isinstance(labels, slice):
            return self._found(labels)
        if getattr(self._last, "labels", None) != labels:
            self._last.news = self._found(np.arange(labels.start, labels.stop))
            self._last.labels = labels
        found: NDArray[np.float32] = self._last.news
        return found

    def _found(self, labels: NDArray[np.intp]) -> NDArray[np.float32]:
        said = self._others.columns(labels)
        said -= self._centres[:, None, None]
        return np.nan_to_num(said, copy=False, nan=0.0)
