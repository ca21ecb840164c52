"""The automatic labeller: its promise over many draws, and that nothing else may calibrate it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import binom

from alasl.errors import DataError, UsageError
from alasl.labeller import given as labeller
from alasl.labeller.bound import Bound
from alasl.labeller.given import answer, trusted_thresholds
from alasl.labels import ABSENT, PRESENT, UNKNOWN, Labels

SEEDS = 200
# What the model makes of the true probability.
MODELS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "calibrated": lambda q: q,
    "far too high": lambda q: q**0.2,
    "far too low": lambda q: q**5,
    "upside down": lambda q: 1 - q,
    "rough": lambda q: np.round(q, 1),
    "not monotone": lambda q: np.abs(q - 0.1),
}


def world(rng: np.random.Generator, count: int, mean: float) -> np.ndarray:
    """True probabilities of a label that the features tell well, but not fully."""
    return expit(mean + 3 * rng.standard_normal(count))


def shares(risk: np.ndarray, chance: np.ndarray, threshold: float) -> list[float]:
    """Over a whole population: wrong among the side's answers, and lost of what it should leave."""
    taken = risk <= threshold
    wrong = chance[taken].sum()
    return [wrong / taken.sum() if taken.any() else 0.0, wrong / chance.sum()]


@pytest.mark.parametrize(("model", "mean"), [*((m, -4.0) for m in MODELS), ("calibrated", 0.0)])
def test_over_200_draws_the_bound_is_broken_no_more_than_promised(model: str, mean: float) -> None:
    bound, seen = Bound(0.08, 0.2), MODELS[model]
    all_q = world(np.random.default_rng(10**6), 5_000, mean)
    broken = {"both": 0, "answers": 0, "naive": 0}
    given_ = 0
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        q, pool = world(rng, 600, mean), world(rng, 1500, mean)
        truth = rng.random(600) < q
        worst = dict.fromkeys(broken, 0.0)
        for risk_of, is_wrong, chance in (
            (seen, truth, all_q),
            (lambda q: 1 - seen(q), ~truth, 1 - all_q),
        ):
            risk, everywhere = risk_of(q), risk_of(all_q)
            for share in ("both", "answers"):
                found = trusted_thresholds(
                    risk,
                    is_wrong,
                    risk_of(pool),
                    np.ones(1500, bool),
                    np.zeros(1500, bool),
                    replace(bound, share=share),
                )
                if len(found):
                    given_ += 1
                    measured = shares(everywhere, chance, found[-1])
                    worst[share] = max(worst[share], *measured[: 2 if share == "both" else 1])
            # The loosest threshold under which the calibration entries themselves keep the bound.
            order = np.argsort(risk)
            kept = np.flatnonzero(is_wrong[order].cumsum() <= bound.wrong * np.arange(1, 601))
            if len(kept):
                measured = shares(everywhere, chance, risk[order][kept[-1]])
                worst["naive"] = max(worst["naive"], measured[0])
        for name, value in worst.items():
            broken[name] += value > bound.wrong
    most = binom.isf(1e-3, SEEDS, bound.delta)
    assert broken["both"] <= most
    assert broken["answers"] <= most
    if model == "calibrated":
        assert broken["naive"] > most
        assert given_ > SEEDS


def plainly(risk, wrong, reach, open_, found_wrong, bound):
    """The thresholds by loops, and the tests by SciPy's binomial distribution."""
    scores = sorted(reach[open_])
    counts = sorted({min(math.ceil(1.1**k), len(scores)) for k in range(400)}) if scores else []
    tried = sorted({scores[count - 1] for count in counts})
    accepted, started = [], False
    hoped = len(risk) * sum(1 - r for r in reach) / len(reach) / 3 if len(reach) else 0
    for t in tried:
        here = sum(r <= t for r in reach)
        left = sum(r <= t for r in reach[open_])
        allowed = (bound.wrong * left + sum(r <= t for r in reach[found_wrong])) / here
        needed = math.log(bound.delta / 2) / math.log(1 - allowed) if allowed < 1 else 0
        if not started:
            first = min(max(hoped, labeller._FEWEST * needed), labeller._MOST * needed)
            started = len(risk) * here / len(reach) >= first
        if not started:
            continue
        count = sum(r <= t for r in risk)
        mistakes = sum(r <= t for r in risk[wrong])
        p = binom.cdf(mistakes, count, allowed)
        if bound.share == "both":
            p = max(p, binom.cdf(mistakes, wrong.sum(), bound.wrong))
        if p > bound.delta / 2:
            break
        accepted.append(t)
    return accepted


@settings(max_examples=60)
@given(
    st.integers(0, 10**6),
    st.integers(1, 400),
    st.integers(1, 300),
    st.sampled_from([0.02, 0.3]),
    st.sampled_from([0.05, 0.2]),
    st.sampled_from(["both", "answers"]),
)
def test_the_thresholds_are_those_of_plain_loops(seed, n, m, rate, wrong, share) -> None:
    rng = np.random.default_rng(seed)
    risk, reach = rng.random(n).round(2), rng.random(m).round(2)
    mistaken = rng.random(n) < rate * risk
    open_ = rng.random(m) < 0.8
    found = ~open_ & (rng.random(m) < rate)
    bound = Bound(wrong, 0.2, share)
    expected = plainly(risk, mistaken, reach, open_, found, bound)
    told = trusted_thresholds(risk, mistaken, reach, open_, found, bound)
    assert told.tolist() == expected


def table(rng: np.random.Generator, images: int, labels: int = 3, rate: float = -1.0):
    """A table, its first half known and drawn by chance; probabilities, truth, what is hidden."""
    q = expit(rate + 5 * rng.standard_normal((images, labels)))
    truth = (rng.random(q.shape) < q).astype(np.int8)
    hidden = np.zeros(q.shape, np.bool_)
    hidden[images // 2 :] = True
    names = tuple(f"l{j}" for j in range(labels))
    known = Labels(truth, names, tuple(f"i{i}" for i in range(images))).forget(hidden)
    return known, q, truth, hidden


def test_answers_are_given_on_both_sides_and_mostly_right() -> None:
    known, q, truth, hidden = table(np.random.default_rng(0), 4000)
    told = answer(known, q.astype(np.float32), np.arange(2000), hidden, Bound())
    for side in (ABSENT, PRESENT):
        taken = told.entries == side
        assert (taken.sum(axis=0) > 300).all()
        assert (truth[taken] != side).mean() < 0.05
        lost = (taken & (truth != side)).sum(axis=0) / (hidden & (truth != side)).sum(axis=0)
        assert (lost < 0.05).all()
    assert (told.entries[~hidden] == UNKNOWN).all()
    assert (told.low < told.high).all()
    assert ((told.entries == ABSENT) == (hidden & (q.astype(np.float32) <= told.low))).all()


def test_only_given_entries_of_images_drawn_by_chance_calibrate() -> None:
    known, q, truth, hidden = table(np.random.default_rng(1), 3000)
    drawn = np.arange(1000)
    before = answer(known, q, drawn, hidden, Bound())
    # Entries known from the start of other images, all wrong, change nothing.
    entries = known.entries.copy()
    entries[1000:1500] = 1 - entries[1000:1500]
    others = answer(known.but(entries), q, drawn, hidden, Bound())
    np.testing.assert_array_equal(before.low, others.low)
    # What a person answered of an image in `drawn` calibrates nothing either.
    late = np.zeros(hidden.shape, np.bool_)
    late[:500] = True
    rows, cols = np.nonzero(late)
    fewer = known.forget(late)
    wrong = fewer.merge(rows, cols, 1 - truth[rows, cols], source="oracle, round 1")
    for labels in (fewer, wrong):
        told = answer(labels, q, drawn, hidden, Bound())
        np.testing.assert_array_equal(told.low, answer(fewer, q, drawn, hidden, Bound()).low)
    assert (told.high != before.high).any()


@pytest.mark.slow
def test_the_bound_holds_for_what_people_left_whichever_way_it_was_chosen() -> None:
    """People were asked first what is surely present, which leaves the doubtful ones."""
    bound = Bound(0.1, 0.2, "answers")
    broken = {"counted": 0, "ignored": 0}
    gave = 0
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        known, q, truth, hidden = table(rng, 2400, 1, rate=0.0)
        # They look at the truth: as unfair as a choice can be.
        asked = hidden & (q > 0.5) & (truth == PRESENT) & (rng.random(q.shape) < 0.8)
        rows, cols = np.nonzero(asked)
        told = known.merge(rows, cols, truth[rows, cols], source="oracle, round 1")
        for name, mask in (("counted", hidden), ("ignored", hidden & told.unknown)):
            given_ = answer(told, q, np.arange(1200), mask, bound).entries
            present = given_ == PRESENT
            if present.any():
                gave += name == "counted"
                broken[name] += (truth[present] == ABSENT).mean() > bound.wrong
    assert gave > SEEDS / 4
    assert broken["counted"] <= binom.isf(1e-3, SEEDS, bound.delta)
    assert broken["ignored"] > SEEDS / 2


def test_a_label_with_few_present_entries_gets_no_answer_that_might_lose_them() -> None:
    known, q, truth, hidden = table(np.random.default_rng(0), 4000, rate=-1.0)
    few = np.flatnonzero((truth[:2000, 0] == PRESENT) & (np.arange(2000) > 500))
    thinned = known.forget(np.isin(np.arange(4000), few)[:, None] & [True, False, False])
    present = (thinned.entries[:2000, 0] == PRESENT).sum()
    bound = Bound(1 - 0.05 ** (1 / (present + 1)), 0.1)
    assert bound.least > present  # not enough to be sure even if none is lost
    safe = answer(thinned, q, np.arange(2000), hidden, bound)
    assert np.isnan(safe.low[0])
    assert not np.isnan(safe.low[1:]).any()
    bold = answer(thinned, q, np.arange(2000), hidden, replace(bound, share="answers"))
    assert not np.isnan(bold.low[0])
    assert (bold.entries[:, 0] == ABSENT).any()


def test_what_a_person_could_not_tell_is_left_alone() -> None:
    known, q, _, hidden = table(np.random.default_rng(0), 2000)
    closed = np.zeros(hidden.shape, np.bool_)
    closed[1500:] = True
    told = answer(known, q, np.arange(1000), hidden, Bound(), closed)
    assert (told.entries[closed] == UNKNOWN).all()
    assert (told.entries[1000:1500] != UNKNOWN).any()


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.floats(-4, 4))
def test_the_sides_never_meet_and_the_order_of_images_decides_nothing(seed, rate) -> None:
    rng = np.random.default_rng(seed)
    known, q, _, hidden = table(rng, 1000, 2, rate)
    q = (q > 0.5) * 0.2 + 0.4 * rng.random(q.shape)  # two sides that overlap in part
    told = answer(known, q, np.arange(500), hidden, Bound(0.2))
    assert not (told.low >= told.high).any()
    order = rng.permutation(1000)
    drawn = np.flatnonzero(order < 500)
    again = answer(known.take(order), q[order], drawn, hidden[order], Bound(0.2))
    np.testing.assert_array_equal(again.entries, told.entries[order])


def test_what_does_not_fit_is_refused() -> None:
    known, q, _, hidden = table(np.random.default_rng(0), 100)
    with pytest.raises(DataError, match="must fit the table"):
        answer(known, q[:, :2], np.arange(50), hidden, Bound())
    with pytest.raises(DataError, match="was not hidden"):
        answer(known, q, np.arange(50), ~hidden, Bound())
    with pytest.raises(DataError, match="NaN"):
        answer(known, np.where(hidden, np.nan, q), np.arange(50), hidden, Bound())
    for wrong in (0.0, 0.5, -1):
        with pytest.raises(UsageError, match="share wrong"):
            Bound(wrong)
    with pytest.raises(UsageError, match="delta"):
        Bound(0.1, 1.0)
