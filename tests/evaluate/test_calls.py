"""Precision, recall, F1, prevalence and calibration: exact where all is known, honest else."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import f1_score, precision_score, recall_score

from alasl.errors import DataError
from alasl.evaluate.audit import NO_AUDIT, NO_PRESENT, Audit
from alasl.evaluate.calls import BINS, EDGES, NAMES, NO_THRESHOLD, NONE_CALLED, Calls
from alasl.evaluate.draw import inclusion, permanent_numbers, weights
from alasl.evaluate.estimate import Estimate, Scored, estimate
from alasl.evaluate.intervals import exact_interval
from alasl.evaluate.thresholds import called_by_others, choose_thresholds

IMAGES, LABELS = 500, 16


def world(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A truth, and scores of a model that is too sure of itself."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(-2.5, 0.7, LABELS) + rng.normal(0, 2, (IMAGES, LABELS))
    truth = (rng.random(odds.shape) < expit(odds)).astype(np.int8)
    return truth, odds + rng.normal(0, 1.5, odds.shape)


def audited(
    truth: np.ndarray, scores: np.ndarray, budget: float, seed: int, certain: np.ndarray
) -> Audit:
    pi = inclusion(weights(scores), ~certain, budget)
    drawn = (permanent_numbers(*truth.shape, seed) < pi) & ~certain
    return Audit(np.where(certain | drawn, truth, -1).astype(np.int8), certain, drawn, pi)


def whole(truth: np.ndarray) -> Audit:
    known = np.ones(truth.shape, bool)
    return Audit(truth, known, ~known, np.zeros(truth.shape))


def judged(scores: np.ndarray, audit: Audit, seed: int = 0) -> Scored:
    """With calls as a project makes them."""
    p = expit(1.5 * scores + 1)
    inverse = np.divide(1, audit.pi, out=np.zeros(p.shape), where=audit.audited)
    worth = np.where(audit.certain, 1.0, inverse)
    return Scored(scores, p, called_by_others(p, audit.entries, weights=worth, seed=seed))


def true_figures(scored: Scored, truth: np.ndarray) -> dict[str, np.ndarray]:
    """By plain loops; NaN where undefined."""
    assert scored.called is not None
    found = {name: np.full(truth.shape[1], np.nan) for name in NAMES}
    for col in range(truth.shape[1]):
        hits = calls = presents = 0
        gap = 0.0
        for row in range(len(truth)):
            presents += int(truth[row, col])
            calls += int(scored.called[row, col] == 1)
            hits += int(truth[row, col] == 1 and scored.called[row, col] == 1)
        for low, high in pairwise(EDGES):
            expected, there = 0.0, 0
            for row in range(len(truth)):
                p = scored.probabilities[row, col]
                if low <= p < high or p == high == 1:
                    expected, there = expected + p, there + int(truth[row, col])
            gap += abs(expected - there)
        if calls:
            found["precision"][col] = hits / calls
        found["recall"][col] = hits / presents
        found["f1"][col] = 2 * hits / (calls + presents)
        found["prevalence"][col] = presents / len(truth)
        found["calibration"][col] = gap / len(truth)
    return found


@given(st.integers(0, 2**32 - 1), st.integers(2, 30), st.integers(1, 4))
def test_all_known_is_what_scikit_learn_says(seed: int, n: int, labels: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, (n, labels), np.int8)
    truth[0], truth[1] = 1, 0
    called, p = rng.integers(0, 2, (n, labels), np.int8), rng.random((n, labels))
    called[-1] = 1
    found = estimate(Scored(p, p, called), whole(truth)).calls
    options = {"average": None, "labels": range(labels), "zero_division": 0}
    if labels == 1:  # else taken for classes
        options = {"average": "binary", "zero_division": 0}
        truth, called = truth[:, 0], called[:, 0]
    for name, score in (
        ("precision", precision_score),
        ("recall", recall_score),
        ("f1", f1_score),
    ):
        expected = np.atleast_1d(score(truth, called, **options))
        np.testing.assert_allclose(found[name].labels.value, expected, atol=1e-12)
        assert found[name].mean.value == pytest.approx(expected.mean())
    np.testing.assert_allclose(found["prevalence"].labels.value, truth.mean(axis=0))
    for each in found.values():
        assert (each.labels.low <= each.labels.value + 1e-12).all()
        assert (each.labels.high >= each.labels.value - 1e-12).all()


def test_all_figures_are_those_of_plain_loops() -> None:
    truth, scores = world(0)
    scored = judged(scores, whole(truth))
    found = estimate(scored, whole(truth))
    for name, expected in true_figures(scored, truth).items():
        np.testing.assert_allclose(found.calls[name].labels.value, expected, atol=1e-12)
        assert found.calls[name].mean.value == pytest.approx(expected.mean())
    assert found.reliability is not None
    inside = [
        (EDGES[b] <= scored.probabilities) & (scored.probabilities < EDGES[b + 1])
        for b in range(BINS)
    ]
    for b, mask in enumerate(inside):
        assert found.reliability.sizes[b] == mask.sum()
        assert found.reliability.expected[b] == pytest.approx(scored.probabilities[mask].sum())
        assert found.reliability.observed.value[b] == truth[mask].sum()


def test_completed_tables_have_the_figures_of_complete_ones() -> None:
    truth, scores = world(1)
    scored = judged(scores, whole(truth))
    assert scored.called is not None
    calls = Calls(scored.called, scored.probabilities)
    expected = true_figures(scored, truth)
    for col in range(3):
        tables = np.stack([truth[:, col], np.roll(truth[:, col], 1)], axis=1).astype(np.float64)
        found = calls.exact(col, tables)
        for place, name in enumerate(NAMES):
            assert found[place, 0] == pytest.approx(expected[name][col])
        assert found[len(NAMES) :, 0].sum() == pytest.approx(truth[:, col].mean())


def test_intervals_of_shares_are_clopper_and_pearsons() -> None:
    truth, scores = world(2)
    scored = judged(scores, whole(truth))
    found = estimate(scored, whole(truth)).calls
    assert scored.called is not None
    for col in range(LABELS):
        called, present = scored.called[:, col] == 1, truth[:, col] == 1
        hits = int((called & present).sum())
        for name, trials in (("precision", called.sum()), ("recall", present.sum())):
            low, high = exact_interval(hits, int(trials))
            assert found[name].labels.low[col] == pytest.approx(low)
            assert found[name].labels.high[col] == pytest.approx(high)


def test_intervals_of_complete_tables_hold_for_other_images() -> None:
    """Of 150 tables of 300 images; thresholds stay, so that what is true stays."""
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(20000, 6))
    truth = (rng.random(scores.shape) < expit(2 * scores - 2)).astype(np.int8)
    p = expit(1.4 * scores - 1)
    called = (p > 0.4).astype(np.int8)
    found = []
    for _ in range(150):
        rows = rng.choice(len(truth), 300, replace=False)
        found.append(estimate(Scored(scores[rows], p[rows], called[rows]), whole(truth[rows])))
    for name in ("precision", "recall", "f1", "prevalence"):
        labels = [one.calls[name].labels for one in found]
        true = true_shares(called, truth)[name]
        held = np.mean([(each.low <= true) & (true <= each.high) for each in labels])
        assert 0.935 <= held <= 0.99, name
        means = [one.calls[name].mean for one in found]
        held = np.mean([each.low <= true.mean() <= each.high for each in means])
        assert 0.88 <= held <= 0.99, name
    means = [one.calls["calibration"].mean for one in found]
    true = np.mean([each.value for each in means])
    assert np.mean([each.low <= true <= each.high for each in means]) > 0.88


def true_shares(called: np.ndarray, truth: np.ndarray) -> dict[str, np.ndarray]:
    hits = (called & truth).sum(axis=0)
    return {
        "precision": hits / called.sum(axis=0),
        "recall": hits / truth.sum(axis=0),
        "f1": 2 * hits / (called.sum(axis=0) + truth.sum(axis=0)),
        "prevalence": truth.mean(axis=0),
    }


@pytest.mark.slow
@pytest.mark.parametrize("tags", [False, True])
def test_the_estimates_are_near_and_their_intervals_hold(tags: bool) -> None:
    """Twelve audits; by known entries alone precision would be judged far too high on tags."""
    off: dict[str, list[float]] = {name: [] for name in NAMES}
    held: dict[str, list[bool]] = {name: [] for name in NAMES}
    each: dict[str, list[float]] = {name: [] for name in NAMES}
    bins: list[float] = []
    for seed in range(12):
        truth, scores = world(seed)
        u = np.random.default_rng(seed).random(truth.shape)
        certain = np.where(truth == 1, u < 0.6, u < 0.05) if tags else u < 0.05
        audit = audited(truth, scores, 60, seed, certain)
        scored = judged(scores, audit, seed)
        found = estimate(scored, audit, draws=40)
        for name, true in true_figures(scored, truth).items():
            labels, mean = found.calls[name].labels, found.calls[name].mean
            kept = ~np.isnan(labels.value)
            assert kept.sum() > 10
            off[name].append(float(mean.value) - true[kept].mean())
            held[name].append(bool(mean.low <= true[kept].mean() <= mean.high))
            each[name].append(((labels.low <= true) & (true <= labels.high))[kept].mean())
        bins.append(bins_held(found, scored, truth))
    for name in NAMES:
        assert np.sqrt(np.mean(np.square(off[name]))) < 0.05, name
        assert abs(np.mean(off[name])) < 0.03, name
        assert np.mean(held[name]) >= 0.8, name
        assert 0.88 <= np.mean(each[name]) <= 1, name
    assert np.mean(bins) > 0.85


def bins_held(found: Estimate, scored: Scored, truth: np.ndarray) -> float:
    assert found.reliability is not None
    kept = ~np.isnan(found.labels.value)
    p, present, observed = scored.probabilities[:, kept], truth[:, kept], found.reliability.observed
    true = [present[(EDGES[b] <= p) & (p < EDGES[b + 1])].sum() for b in range(BINS)]
    return float(np.mean((observed.low <= true) & (true <= observed.high)))


def test_labels_without_ground_are_named_with_the_reason() -> None:
    truth, scores = world(5)
    audit = audited(truth, scores, 40, 0, np.zeros(truth.shape, bool))
    entries, drawn, certain = audit.entries.copy(), audit.drawn.copy(), audit.given.copy()
    entries[:, 3] = np.where(entries[:, 3] == 1, -1, entries[:, 3])
    drawn[:, 4] = False
    entries[:, 4] = -1
    entries[:2, 4], certain[:2, 4] = (1, 0), True
    # One known present: without its own image nothing chooses a threshold.
    entries[:, 5] = np.where(entries[:, 5] == 1, -1, entries[:, 5])
    drawn[7, 5], audit.pi[7, 5], entries[7, 5] = True, 0.5, 1
    audit = Audit(entries, certain, drawn, audit.pi)
    scored = judged(scores, audit)
    assert scored.called is not None
    scored.called[:, 6] = 0
    found = estimate(scored, audit).calls
    for name, each in found.items():
        none = {3: NO_PRESENT, 4: NO_AUDIT}
        if name in ("precision", "recall", "f1"):
            none[5] = NO_THRESHOLD
        if name == "precision":
            none[6] = NONE_CALLED
        if name == "prevalence":
            none[3] = f"at most {100 * audit.prevalence_at_most(3):.1f} %"
        assert each.left_out == none, name
        assert np.flatnonzero(np.isnan(each.labels.value)).tolist() == sorted(none)
        assert np.isfinite(each.mean.value)
    assert found["recall"].labels.value[6] == pytest.approx(0, abs=0.01)


def test_of_a_label_without_a_found_present_it_is_known_how_frequent_it_is_at_most() -> None:
    """As many presents as the audit would have missed all of, in 5 of 100 times, where it hardly
    looks."""
    entries, none = np.full((200, 2), -1, np.int8), np.zeros((200, 2), np.bool_)
    pi = np.full((200, 2), 0.1)
    pi[:100, 0] = 0.5
    drawn = none.copy()
    drawn[[0, 150]] = True
    entries[drawn] = 0
    audit = Audit(entries, none, drawn, pi)
    assert audit.prevalence_at_most(0) == 28 / 200, "0.9^28 is 0.052, 0.9^29 0.047"
    rare = np.random.default_rng(0).random((4000, 200)) < pi[:, 1]
    assert (~rare[:, -28:].any(axis=1)).mean() == pytest.approx(0.05, abs=0.015)
    claimed = np.where(np.arange(200)[:, None] >= 20, 0, -1).astype(np.int8).repeat(2, axis=1)
    assert replace(audit, claimed=claimed).prevalence_at_most(1) == 19 / 200


def test_a_label_known_whole_has_its_exact_figures_beside_others_that_are_not() -> None:
    truth, scores = world(8)
    certain = np.zeros(truth.shape, bool)
    certain[:, 2] = True
    audit = audited(truth, scores, 40, 0, certain)
    scored = judged(scores, audit)
    found = estimate(scored, audit).calls
    for name, true in true_figures(scored, truth).items():
        labels = found[name].labels
        assert labels.value[2] == pytest.approx(true[2])
        assert labels.low[2] < true[2] < labels.high[2], "over images, as nothing else is unknown"


def test_precision_is_as_unsure_as_new_images_where_all_that_is_called_is_known() -> None:
    truth, scores = world(3)
    known = np.zeros(truth.shape, bool)
    top = np.argsort(-scores[:, 0])[:8]
    called = np.zeros(truth.shape, np.int8)
    called[top, 0] = 1
    called[:, 1:] = scores[:, 1:] > 1
    known[top, 0] = True
    scored = Scored(scores, expit(scores), called)
    found = estimate(scored, audited(truth, scores, 30, 3, known)).calls["precision"].labels
    hits = int(truth[top, 0].sum())
    assert found.value[0] == pytest.approx(hits / 8)
    assert (found.low[0], found.high[0]) == pytest.approx(exact_interval(hits, 8))


def test_a_figure_of_1_is_not_ruled_out_where_nothing_speaks_against_it() -> None:
    truth, scores = world(4)
    scores[:, :3] = np.where(truth[:, :3], 3, -3) + np.random.default_rng(4).normal(0, 0.1)
    called = np.asarray(scores > 1, np.int8)
    audit = audited(truth, scores, 30, 4, np.zeros(truth.shape, bool))
    # Beside the first, whose calls are right, one with a wrong call, and one that misses one.
    wrong, missed = (
        np.flatnonzero(audit.drawn[:, 1] & (truth[:, 1] == 0))[0],
        np.flatnonzero(audit.drawn[:, 2] & (truth[:, 2] == 1))[0],
    )
    called[wrong, 1], called[missed, 2] = 1, 0
    found = estimate(Scored(scores, expit(scores), called), audit).calls
    reach = {name: found[name].labels.high[:3] == 1 for name in ("precision", "recall", "f1")}
    assert reach["precision"].tolist() == [True, False, True]
    assert reach["recall"].tolist() == [True, True, False]
    assert reach["f1"].tolist() == [True, False, False]


def test_without_calls_nothing_is_judged_of_them_and_ap_is_the_same() -> None:
    truth, scores = world(9)
    audit = audited(truth, scores, 40, 0, np.zeros(truth.shape, bool))
    scored = judged(scores, audit)
    plain = estimate(Scored(scored.scores, scored.probabilities), audit)
    assert plain.calls == {}
    assert plain.reliability is None
    assert plain.mean.value == estimate(scored, audit).mean.value


def test_calls_that_do_not_fit_are_refused() -> None:
    truth, scores = world(10)
    p = expit(scores)
    with pytest.raises(DataError, match="calls must fit"):
        estimate(Scored(p, p, np.zeros((3, 3), np.int8)), whole(truth))


def test_thresholds_of_other_images_are_judged_as_on_new_images() -> None:
    """Where the images that chose them have F1 seven points better."""
    rng = np.random.default_rng(0)

    def images(count: int) -> tuple[np.ndarray, np.ndarray]:
        p = expit(rng.normal(size=(count, 60)) - 3.5)
        return p, (rng.random(p.shape) < p).astype(np.int8)

    (p, truth), (fresh, new) = images(400), images(20000)
    thresholds = choose_thresholds(p, truth)
    true = true_shares((fresh >= thresholds).astype(np.int8), new)["f1"].mean()
    own = true_shares((p >= thresholds).astype(np.int8), truth)["f1"].mean()
    found = estimate(Scored(p, p, called_by_others(p, truth)), whole(truth))
    assert own > true + 0.05
    assert float(found.calls["f1"].mean.value) == pytest.approx(true, abs=0.015)
