"""Seeking a first present: each pick against the whole posterior, made anew."""

from __future__ import annotations

import numpy as np
import pytest

from alasl.strategies import seeking
from alasl.strategies.seeking import sought


def drawn(seed: int, images: int = 25, width: int = 4) -> tuple[np.ndarray, ...]:
    """Features, p of a regression with some weights, a covariance of these, draws."""
    rng = np.random.default_rng(seed)
    features = (2 * rng.standard_normal((images, width))).astype(np.float32)
    root = rng.standard_normal((width, width)) / 2
    covariance = (root @ root.T + np.eye(width) / 2).astype(np.float32)
    p = 1 / (1 + np.exp(3 - features @ rng.standard_normal(width) / 3))
    return features, p, covariance, rng.random(images)


@pytest.mark.parametrize("seed", range(6))
def test_each_pick_is_the_likeliest_present_where_those_before_are_absent(seed: int) -> None:
    features, p, covariance, ties = drawn(seed)
    rows = np.flatnonzero(np.arange(len(p)) % 4)
    scores = sought(features, p, rows, covariance, 6, ties)
    logits, precision = np.log(p / (1 - p)), np.linalg.inv(covariance.astype(np.float64))
    left = list(rows)
    for place in rows[np.argsort(-scores)[:6]]:
        now = 1 / (1 + np.exp(-logits))
        assert place == max(left, key=now.__getitem__)
        left.remove(place)
        x, q = features[place].astype(np.float64), now[place]
        # The posterior with an absent there, by a step of Newton from where it was.
        precision += q * (1 - q) * np.outer(x, x)
        logits = logits - q * (features @ np.linalg.inv(precision) @ x)
    # The rest by p, and after them all.
    order = rows[np.argsort(-scores)]
    assert (np.diff(p[order[6:]]) <= 0).all()
    assert scores.max() == 1
    assert scores.min() > 0


def test_of_two_equal_images_one_is_asked_and_then_another_kind() -> None:
    features, p, covariance, ties = drawn(1)
    features[1], p[1] = features[0], 0.5
    p[0], p[2:] = 0.5, 0.05
    scores = sought(features, p, np.arange(len(p)), 20 * covariance, 4, ties)
    first, second = np.argsort(-scores)[:2]
    assert first in {0, 1}
    assert second not in {0, 1}


def test_where_all_p_are_equal_the_draws_take_the_first() -> None:
    features, p, covariance, ties = drawn(2)
    p[:] = 0.1
    assert sought(features, p, np.arange(len(p)), covariance, 4, ties).argmax() == ties.argmax()


def test_picks_are_sought_among_the_highest_p(monkeypatch: pytest.MonkeyPatch) -> None:
    features, p, covariance, ties = drawn(3)
    monkeypatch.setattr(seeking, "CANDIDATES", 5)
    scores = sought(features, p, np.arange(len(p)), 20 * covariance, 5, ties)
    assert set(np.argsort(-scores)[:5]) == set(np.argsort(-p)[:5])
    assert not len(sought(features, p, np.arange(0), covariance, 5, ties))
