"""Seeking a first present: each pick against the whole posterior and shifts, made anew."""

from __future__ import annotations

import numpy as np
import pytest

from alasl.strategies import seeking
from alasl.strategies.seeking import sought


def drawn(seed: int, images: int = 25, width: int = 4) -> tuple[np.ndarray, ...]:
    """Features, p of a regression with some weights, a covariance of these, a scatter, draws."""
    rng = np.random.default_rng(seed)
    features = (2 * rng.standard_normal((images, width))).astype(np.float32)
    root = rng.standard_normal((width, width)) / 2
    covariance = (root @ root.T + np.eye(width) / 2).astype(np.float32)
    p = 1 / (1 + np.exp(3 - features @ rng.standard_normal(width) / 3))
    scatter = (features.T * rng.random(images, np.float32)) @ features
    return features, p, covariance, scatter, rng.random(images)


def moved(features: np.ndarray, covariance: np.ndarray, scatter: np.ndarray) -> list[float]:
    """The mean square by which a present at each image moves the logits of the scatter's images."""
    found = []
    for x in features.astype(np.float64):
        shift = covariance @ x
        found.append(float(shift @ scatter @ shift))
    return found


@pytest.mark.parametrize("usual", [0.3, 4])
@pytest.mark.parametrize("seed", range(6))
def test_each_pick_is_a_likely_present_that_teaches_where_those_before_are_absent(
    seed: int, usual: float
) -> None:
    features, p, covariance, scatter, ties = drawn(seed)
    rows = np.flatnonzero(np.arange(len(p)) % 4)
    scores = sought(features, p, rows, covariance, scatter, usual, 6, ties)
    logits, precision = np.log(p / (1 - p)), np.linalg.inv(covariance.astype(np.float64))
    teaches = np.log(moved(features, covariance, scatter))
    teaches /= teaches[rows].std()
    scale, left = logits[rows].std() / usual**0.5, list(rows)
    for place in rows[np.argsort(-scores)[:6]]:
        now = 1 / (1 + np.exp(-logits))
        assert place == max(left, key=(logits / scale + teaches).__getitem__)
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
    features, p, covariance, scatter, ties = drawn(1)
    features[1], p[1] = features[0], 0.5
    p[0], p[2:] = 0.5, 0.05
    scores = sought(features, p, np.arange(len(p)), 20 * covariance, scatter, 1, 4, ties)
    first, second = np.argsort(-scores)[:2]
    assert first in {0, 1}
    assert second not in {0, 1}


def test_where_all_p_are_equal_the_first_moves_most_and_draws_decide_between_equals() -> None:
    features, p, covariance, scatter, ties = drawn(2)
    p[:] = 0.1
    scores = sought(features, p, np.arange(len(p)), covariance, scatter, 1, 4, ties)
    assert scores.argmax() == np.argmax(moved(features, covariance, scatter))
    features[:] = features[0]
    scores = sought(features, p, np.arange(len(p)), covariance, scatter, 1, 4, ties)
    assert scores.argmax() == ties.argmax()


def test_of_images_that_move_alike_the_likeliest_comes_first() -> None:
    _, p, covariance, scatter, ties = drawn(4)
    features = np.ones((len(p), 4), np.float32)
    features[::2] *= -1
    scores = sought(features, p, np.arange(len(p)), covariance, scatter, 1, 4, ties)
    assert scores.argmax() == p.argmax()


def test_where_no_present_of_any_label_is_known_the_likeliest_comes_first() -> None:
    for seed in range(6):
        features, p, covariance, scatter, ties = drawn(seed)
        scores = sought(features, p, np.arange(len(p)), covariance, scatter, 0, 4, ties)
        assert scores.argmax() == p.argmax()


def test_picks_are_sought_among_the_highest_p(monkeypatch: pytest.MonkeyPatch) -> None:
    features, p, covariance, scatter, ties = drawn(3)
    monkeypatch.setattr(seeking, "CANDIDATES", 5)
    scores = sought(features, p, np.arange(len(p)), 20 * covariance, scatter, 1, 5, ties)
    assert set(np.argsort(-scores)[:5]) == set(np.argsort(-p)[:5])
    assert not len(sought(features, p, np.arange(0), covariance, scatter, 1, 5, ties))
