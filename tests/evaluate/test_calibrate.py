"""The calibration's credible draws have the mean that they should."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit, logit

from alasl.evaluate.audit import Audit
from alasl.evaluate.calibrate import _LENT, View, _lent, calibrate
from alasl.evaluate.erring import Answers
from alasl.evaluate.fitting import fit
from alasl.evaluate.order import Order
from alasl.labels import UNKNOWN


def certain(y: np.ndarray) -> Answers:
    """Entries beyond doubt."""
    return Answers(np.zeros(len(y)), np.zeros(len(y)), y)


@pytest.mark.parametrize(("presents", "answers"), [(1, 30), (2, 50), (5, 60), (0, 20)])
def test_the_mean_of_the_coefficients_is_that_of_the_whole_distribution(
    presents: int, answers: int
) -> None:
    """Of one level, against sums over a fine grid; the top alone lies much further off."""
    y = np.zeros(answers)
    y[:presents] = 1
    x, offset, precision = sparse.csr_matrix(np.ones((answers, 1))), np.full(answers, -2.0), 1.0
    fitted = fit(x, certain(y), offset, np.array([precision]))
    grid = np.linspace(-8, 6, 20001)
    told = presents * (offset[0] + grid) - answers * np.logaddexp(0, offset[0] + grid)
    weight = np.exp(told - precision * grid**2 / 2 - told.max())
    mean = (grid * weight).sum() / weight.sum()
    assert abs(fitted.theta[0] - mean) > 0.05
    assert abs(fitted.mean[0] - mean) < 0.35 * abs(fitted.theta[0] - mean)


def test_nothing_moves_where_presents_and_absents_are_as_many() -> None:
    y = np.array([1.0, 0.0] * 10)
    x, offset = sparse.csr_matrix(np.ones((20, 1))), np.zeros(20)
    fitted = fit(x, certain(y), offset, np.array([1.0]))
    assert fitted.mean - fitted.theta == pytest.approx(0, abs=1e-9)
    assert expit(fitted.theta[0]) == pytest.approx(0.5)


IMAGES, LABELS = 800, 8


def odds_by_label(kind: str, *, given: float = 0.3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Each label's mean log-odds as calibrated, of entries not seen, and as it truly is.

    A model that says the same of all labels, half of which have more presents than it says, half
    fewer. Of a table of this kind a share is given; five entries of each label were drawn.
    """
    rng = np.random.default_rng(seed)
    guess = rng.normal(-1, 1.2, (IMAGES, LABELS))
    truth_odds = guess + np.where(np.arange(LABELS) % 2, 1.2, -1.2)
    truth = (rng.random(guess.shape) < expit(truth_odds)).astype(np.int8)
    # Known for being present: four times as often as for being absent.
    seldom = {"random": 1.0, "tags": 0.25}[kind]
    known = rng.random(guess.shape) < np.where(truth == 1, given, seldom * given)
    drawn = np.zeros(guess.shape, np.bool_)
    for col in range(LABELS):
        drawn[rng.choice(np.flatnonzero(~known[:, col]), 5, replace=False), col] = True
    pi = np.where(known, 0.0, 5 / (~known).sum(axis=0))
    entries = np.where(known | drawn, truth, UNKNOWN).astype(np.int8)
    audit = Audit(entries, known, drawn, pi)
    view = View(Order.of(guess), expit(guess))
    curves = calibrate([view], audit).curves(rng, 1)
    found = [curve.odds[~audit.seen[:, col]].mean() for col, curve in enumerate(curves)]
    unseen = np.ma.masked_array(truth, audit.seen).mean(axis=0)
    return np.array(found), logit(np.asarray(unseen))


@pytest.mark.parametrize("kind", ["random", "tags"])
def test_given_entries_tell_how_labels_differ(kind: str) -> None:
    """Of five answers nobody could tell; in common they may be known for whatever reason."""
    many, few = (
        np.mean([np.corrcoef(*odds_by_label(kind, given=given, seed=s))[0, 1] for s in range(3)])
        for given in (0.3, 0.002)
    )
    assert many > 0.95
    assert few < 0.8


def test_that_given_entries_are_presents_tells_nothing() -> None:
    entries = np.array([[1, 1], [1, 0], [-1, 1], [-1, -1]], np.int8)
    none = np.zeros(entries.shape)
    lent = _lent(Audit(entries, entries >= 0, none > 0, none))
    np.testing.assert_array_equal(lent, (entries >= 0) & [False, True])


def test_a_sample_of_the_given_entries_is_spread_over_all_images() -> None:
    rng = np.random.default_rng(0)
    known = rng.random((60_000, 3)) < [0.5, 0.9, 0.01]
    entries = np.where(known, rng.integers(0, 2, known.shape), UNKNOWN).astype(np.int8)
    none = np.zeros(known.shape)
    lent = _lent(Audit(entries, known, none > 0, none))
    assert not (lent & ~known).any()
    most = _LENT // 3 + 1
    np.testing.assert_array_equal(lent.sum(axis=0), [most, most, known[:, 2].sum()])
    for part in np.split(lent[:, :2], 10):
        np.testing.assert_allclose(part.sum(axis=0), most / 10, rtol=0.05)
