"""Folds: even, by the seed, and never with copies of an image in two of them."""

from __future__ import annotations

import numpy as np
import pytest

from alasl.data.split import Split
from alasl.learner.folds import assign_folds


def split_of(groups):
    rows = np.arange(120)
    return Split(rows[:30], rows[30:100], rows[100:], groups)


@pytest.mark.parametrize("seed", range(5))
def test_a_group_comes_into_one_part_and_parts_stay_even(seed):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 70, 120)
    groups[100:] = 70 + np.arange(20)
    part = assign_folds(split_of(groups), 120, 4, seed)
    assert (part[100:] == -1).all()
    for group in np.unique(groups[:100]):
        assert len(set(part[:100][groups[:100] == group].tolist())) == 1
    for rows in (slice(0, 30), slice(30, 100)):
        assert np.ptp(np.bincount(part[rows], minlength=4)) <= 12
    assert (part == assign_folds(split_of(groups), 120, 4, seed)).all()
    assert (part != assign_folds(split_of(groups), 120, 4, seed + 1)).any()


def test_groups_of_one_image_change_nothing():
    alone, none = (assign_folds(split_of(g), 120, 4, 0) for g in (np.arange(120), None))
    np.testing.assert_array_equal(alone, none)
