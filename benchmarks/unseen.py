"""Tables of numbers that no default was chosen on, to ask `benchmarks.asking` about.

`words20`, `words200`: counts of words (scikit-learn's `make_multilabel_classification`). `gauss16`,
`gauss64`: each label present adds one of its three centres, and there is noise. `curved10`: labels
are thresholds of quadratic forms of ten hidden numbers, seen with noise; `curved50` has forty more
numbers of pure noise.

Run: python -m benchmarks.unseen FOLDER
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import make_multilabel_classification

IMAGES, LABELS = 2500, 20

Drawn = tuple[NDArray[np.floating], NDArray[np.integer]]


def main() -> None:
    """Write each table, with its features, as npz."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, features, labels in tables():
        np.savez(
            folder / f"{name}.npz",
            labels=labels.astype(np.int8),
            names=np.array([f"label {number}" for number in range(labels.shape[1])]),
            images=np.array([f"{number}.jpg" for number in range(len(labels))]),
            features=features.astype(np.float32),
        )


def tables() -> Iterator[tuple[str, NDArray[np.floating], NDArray[np.integer]]]:
    """Names, features (N, D) and labels (N, L)."""
    words = {"n_samples": IMAGES, "n_labels": 3, "allow_unlabeled": True}
    yield (
        "words20",
        *make_multilabel_classification(
            n_features=20, n_classes=15, length=40, random_state=1, **words
        ),
    )
    yield (
        "words200",
        *make_multilabel_classification(
            n_features=200, n_classes=25, length=80, random_state=2, **words
        ),
    )
    yield "gauss64", *_gauss(64, 0.35, seed=3)
    yield "gauss16", *_gauss(16, 0.6, seed=4)
    features, labels = _curved(seed=5)
    yield "curved50", features, labels
    yield "curved10", features[:, :10], labels


def _shares(rng: np.random.Generator, low: float, high: float) -> NDArray[np.floating]:
    return np.exp(rng.uniform(np.log(low), np.log(high), LABELS))


def _gauss(width: int, noise: float, seed: int) -> Drawn:
    rng = np.random.default_rng(seed)
    labels = (rng.random((IMAGES, LABELS)) < _shares(rng, 0.02, 0.25)).astype(np.int8)
    centres = rng.standard_normal((LABELS, 3, width)) * 4 / np.sqrt(width)
    which = rng.integers(3, size=labels.shape)
    added = centres[np.arange(LABELS), which] * labels[:, :, None]
    return added.sum(axis=1) + noise * rng.standard_normal((IMAGES, width)), labels


def _curved(seed: int) -> Drawn:
    rng = np.random.default_rng(seed)
    hidden = rng.standard_normal((IMAGES, 10))
    forms, slopes = 0.15 * rng.standard_normal((LABELS, 10, 10)), rng.standard_normal((10, LABELS))
    heights = np.einsum("ni,lij,nj->nl", hidden, forms, hidden) + hidden @ slopes
    heights += 0.5 * rng.standard_normal(heights.shape)
    cuts = [np.quantile(h, 1 - p) for h, p in zip(heights.T, _shares(rng, 0.03, 0.3), strict=True)]
    seen = hidden + 0.5 * rng.standard_normal(hidden.shape)
    noise = rng.standard_normal((IMAGES, 40))
    return np.hstack([seen, noise]), (heights > cuts).astype(np.int8)


if __name__ == "__main__":
    main()
