"""Hiding entries: exact counts, nested masks, and what each mechanism is for."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from alasl.data.missingness import MECHANISMS, hide
from alasl.errors import UsageError

SHARING = [name for name, found in MECHANISMS.items() if found.takes_share]
every = pytest.mark.parametrize("name", MECHANISMS)
sharing = pytest.mark.parametrize("name", SHARING)


@pytest.fixture
def complete():
    return (np.random.default_rng(0).random((400, 30)) < 0.1).astype(np.int8)


@pytest.fixture
def gaps(complete):
    return np.where(np.random.default_rng(1).random(complete.shape) < 0.2, -1, complete).astype(
        np.int8
    )


@pytest.mark.parametrize("share", [0, 0.2, 0.4, 0.613, 0.999])
@pytest.mark.parametrize("table", ["complete", "gaps"])
@sharing
def test_counts_are_exact(name, share, table, request):
    entries = request.getfixturevalue(table)
    mask = hide(entries, name, share, 0)
    assert mask.shape == entries.shape
    assert mask.dtype == np.bool_
    assert not mask[entries == -1].any()
    if name == "positives":
        assert mask[entries == 1].sum() == round(share * (entries == 1).sum())
        assert mask[entries == 0].all()
    else:
        assert mask.sum() == round(share * (entries != -1).sum())


def test_a_spread_is_how_far_the_rates_of_labels_lie_apart(complete):
    shares = [hide(complete, f"label:spread={s}", 0.4, 0).mean(axis=0).std() for s in (0, 1, 2)]
    assert shares[0] < 0.03 < shares[1] < shares[2]
    same = hide(complete, "label", 0.4, 0)
    assert (hide(complete, "label:spread=1.0", 0.4, 0) == same).all()


@every
def test_the_seed_decides(name, complete):
    share = 0.4 if name in SHARING else 0
    before = complete.copy()
    first = hide(complete, name, share, 0)
    assert (first == hide(complete, name, share, 0)).all()
    assert (first != hide(complete, name, share, 1)).any()
    assert (complete == before).all()


@sharing
def test_a_higher_share_hides_more_of_the_same(name, complete):
    masks = [hide(complete, name, share, 0) for share in (0.0, 0.2, 0.4, 0.6)]
    for less, more in pairwise(masks):
        assert (more | ~less).all()


@pytest.mark.parametrize(("name", "axis"), [("label", 0), ("image", 1)])
def test_rates_differ_along_their_axis_only(name, axis, complete):
    mask, even = hide(complete, name, 0.4, 0), hide(complete, "uniform", 0.4, 0)
    assert mask.mean(axis).std() > 3 * even.mean(axis).std()
    assert mask.mean(1 - axis).std() < 1.3 * even.mean(1 - axis).std()
    assert mask.mean(axis).max() > 0.8
    assert mask.mean(axis).min() < 0.15


def test_uniform_hides_present_and_absent_alike():
    entries = (np.random.default_rng(0).random((1000, 80)) < 0.3).astype(np.int8)
    mask = hide(entries, "uniform", 0.4, 0)
    spread = (0.24 / (entries == 1).sum()) ** 0.5
    assert abs(mask[entries == 1].mean() - 0.4) < 4 * spread


def test_single_keeps_one_positive_by_chance(gaps):
    gaps[:20] = np.minimum(gaps[:20], 0)
    left = np.where(hide(gaps, "single", 0, 0), -1, gaps)
    assert (left != 0).all()
    assert ((left == 1).sum(axis=1) == (gaps == 1).any(axis=1)).all()
    two = np.ones((2000, 2), np.int8)
    first = ~hide(two, "single", 0, 0)[:, 0]
    assert abs(first.mean() - 0.5) < 4 * (0.25 / 2000) ** 0.5


@pytest.mark.parametrize(
    ("name", "share", "message"),
    [
        ("uniform", 1, r"\[0, 1\)"),
        ("uniform", -0.1, r"\[0, 1\)"),
        ("uniform", float("nan"), r"\[0, 1\)"),
        ("single", 0.4, "takes no share"),
        ("unifrom", 0.4, "did you mean 'uniform'"),
        ("label:spread=-1", 0.4, "spread must be float from 0 to 10"),
    ],
)
def test_bad_settings_are_refused(name, share, message, complete):
    with pytest.raises(UsageError, match=message):
        hide(complete, name, share, 0)


@every
def test_empty_and_unknown_tables(name):
    share = 0.4 if name in SHARING else 0
    for entries in (np.zeros((0, 3), np.int8), np.full((4, 3), -1, np.int8)):
        assert not hide(entries, name, share, 0).any()
