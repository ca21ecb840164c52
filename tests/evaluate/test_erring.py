"""People's errors: found from answers that differ, and reckoned with in every figure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit, logit

from alasl.errors import DataError
from alasl.evaluate.audit import Audit
from alasl.evaluate.draw import inclusion, weights
from alasl.evaluate.erring import Answers, spread
from alasl.evaluate.estimate import Estimate, Scored, estimate
from alasl.evaluate.fitting import fit
from alasl.metrics import average_precision

IMAGES, LABELS = 1000, 8


def audited(
    rates: tuple[float, float], seed: int, *, each: float = 80.0
) -> tuple[np.ndarray, np.ndarray, Audit]:
    """A model's log-odds, the truth, both (N, L), and an audit by people who err at these rates."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(-4.5, 2.5, (IMAGES, LABELS))
    truth = (rng.random(odds.shape) < expit(odds)).astype(np.int8)
    none = np.zeros(odds.shape, np.bool_)
    pi = inclusion(weights(odds), ~none, each)
    drawn = rng.random(odds.shape) < pi
    # Three answers each: of an absent entry, 2.8 of 100 majorities are wrong at 10 %.
    wrong = rng.random((3, *odds.shape)) < np.where(truth == 1, rates[1], rates[0])
    presents = np.where(wrong, 1 - truth, truth).sum(axis=0)
    looks = np.stack([3 - presents, presents]) * drawn
    return odds, truth, Audit((presents > 1).astype(np.int8), none, drawn, pi, looks=looks)


def judged(odds: np.ndarray, audit: Audit) -> Estimate:
    called = (odds > 0).astype(np.int8)
    return estimate(Scored(odds, expit(odds), called), audit, draws=40)


def test_map_holds_where_people_err() -> None:
    """At 10 % wrong; with what most of them say taken for the truth it is points too low."""
    off, believed, held, rates = [], [], [], []
    for seed in range(4):
        odds, truth, audit = audited((0.1, 0.1), seed)
        exact = average_precision(odds, truth)
        found, plain = judged(odds, audit), judged(odds, replace(audit, looks=None))
        kept = ~np.isnan(found.labels.value)
        off.append(float(found.mean.value) - exact[kept].mean())
        believed.append(float(plain.mean.value) - exact[~np.isnan(plain.labels.value)].mean())
        held.append(found.mean.low <= exact[kept].mean() <= found.mean.high)
        assert found.erring is not None
        rates.append(found.erring.value)
        recall = (truth * (odds > 0)).sum(axis=0)[kept] / truth.sum(axis=0)[kept]
        assert abs(float(found.calls["recall"].mean.value) - recall.mean()) < 0.05
    assert all(held)
    assert np.mean(np.square(off)) < 0.4 * np.mean(np.square(believed))
    np.testing.assert_allclose(np.mean(rates, axis=0), 0.1, atol=0.015)


def test_where_nobody_contradicts_anybody_nothing_changes() -> None:
    odds, _, audit = audited((0.0, 0.0), 0)
    found, plain = judged(odds, audit), judged(odds, replace(audit, looks=None))
    assert found.erring is None
    assert float(found.mean.value) == float(plain.mean.value)
    np.testing.assert_array_equal(found.labels.low, plain.labels.low)


def test_a_tie_is_an_answer_that_tells_nothing_but_of_errors() -> None:
    entries, none = np.array([[-1], [-1], [1], [1]], np.int8), np.zeros((4, 1), np.bool_)
    looks = np.array([[1, 0, 0, 0], [1, 0, 1, 0]])[:, :, None]
    drawn = np.array([[True], [True], [True], [True]])
    audit = Audit(entries, none, drawn, np.full((4, 1), 0.5), looks=looks)
    np.testing.assert_array_equal(audit.audited[:, 0], [True, False, True, True])
    # The last is known without an answer, so beyond doubt.
    np.testing.assert_array_equal(audit.settled[:, 0], [False, False, False, True])
    assert replace(audit, looks=np.minimum(looks, [[[0]], [[1]]])).doubted is None


def test_looks_are_of_the_same_entries() -> None:
    _, _, audit = audited((0.0, 0.0), 0)
    with pytest.raises(DataError, match="looks must be of an audit's entries"):
        replace(audit, looks=np.zeros((2, 3, LABELS), np.intp))


def test_the_rates_spread_as_the_likelihood_falls() -> None:
    """The precision of rates and log-odds against differences of the likelihood."""
    rng = np.random.default_rng(3)
    absents, presents = rng.integers(0, 3, (2, 40)).astype(float)
    said = Answers(absents, presents, np.zeros(40))
    odds, rates = rng.normal(-1, 1, 40), np.array([-2.5, -1.5])

    def worth(odds: np.ndarray, rates: np.ndarray) -> float:
        present, absent = said.likelihoods(rates)
        told = (np.logaddexp(odds + present, absent) - np.logaddexp(0, odds))[said.many > 0].sum()
        prior = np.log(expit(rates)) + 50 * np.log(expit(-rates))
        return float(told + prior.sum())

    precision, across = spread(said, odds, rates)
    step = 1e-3

    def second(i: np.ndarray, j: np.ndarray) -> float:
        """i, j: (2 + n,) directions of the rates and the log-odds."""
        signs = [(a, b, a * b) for a in (1, -1) for b in (1, -1)]
        ends = [(step * (a * i + b * j), sign) for a, b, sign in signs]
        return -sum(s * worth(odds + e[2:], rates + e[:2]) for e, s in ends) / (4 * step**2)

    unit = np.eye(2 + len(odds))
    for k in range(2):
        for m in range(2):
            assert precision[k, m] == pytest.approx(second(unit[k], unit[m]), rel=1e-3, abs=1e-4)
        for entry in np.flatnonzero(said.many > 0)[:5]:
            expected = second(unit[k], unit[2 + entry])
            assert across[k, entry] == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_rates_are_told_by_answers_that_differ() -> None:
    rng = np.random.default_rng(4)
    n = 4000
    truth = rng.random(n) < 0.3
    wrong = rng.random((3, n)) < np.where(truth, 0.12, 0.03)
    presents = (truth ^ wrong).sum(axis=0).astype(float)
    said = Answers(3 - presents, presents, np.zeros(n))
    level = sparse.csr_matrix(np.ones((n, 1)))
    found = fit(level, said, np.full(n, logit(0.5)), np.array([0.01]))
    assert found.rates is not None
    np.testing.assert_allclose(expit(found.rates), [0.03, 0.12], atol=0.015)
    assert expit(found.theta[0]) == pytest.approx(0.3, abs=0.03)


@pytest.mark.slow
def test_the_intervals_of_rates_hold_and_they_are_not_drawn_low() -> None:
    """Of few presents, what one expects would tell 6 % for 10; 95 % of the intervals hold."""
    rng, n = np.random.default_rng(5), 600
    true, told_, held = np.array([0.04, 0.1]), [], []
    level = sparse.csr_matrix(np.ones((n, 1)))
    for _ in range(150):
        truth = rng.random(n) < 0.1
        wrong = rng.random((2, n)) < np.where(truth, true[1], true[0])
        presents = (truth ^ wrong).sum(axis=0).astype(float)
        odds = np.where(truth, 2.0, -3.0) + rng.normal(0, 1, n)
        found = fit(level, Answers(2 - presents, presents, np.zeros(n)), odds, np.array([1.0])).told
        assert found is not None
        told_.append(found.value)
        held.append((found.low <= true) & (true <= found.high))
    np.testing.assert_allclose(np.mean(told_, axis=0), true, rtol=0.15)
    assert (np.mean(held, axis=0) > 0.9).all()
