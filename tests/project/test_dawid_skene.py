"""Dawid-Skene: EM as plain loops, rates recovered from simulated people, likelihood never falls."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alasl.project import dawid_skene as dawid_skene_module
from alasl.project.agreement import Answers
from alasl.project.dawid_skene import STRENGTH, USUAL, dawid_skene

MISS = np.array([0.05, 0.15, 0.3, 0.1, 0.5])
ALARM = np.array([0.02, 0.1, 0.05, 0.2, 0.5])  # the last one guesses
SHARE = np.array([0.5, 0.2, 0.35, 0.1])


def simulate(seed: int, images: int, asked: float, by_label: float = 1.0):
    """Answers of five people and the truth; `by_label` multiplies the misses of label 0."""
    rng = np.random.default_rng(seed)
    truth = (rng.random((images, len(SHARE))) < SHARE).astype(np.int8)
    miss = np.repeat(MISS[:, None], len(SHARE), axis=1)
    miss[:, 0] *= by_label
    person, row, col = np.nonzero(rng.random((len(MISS), *truth.shape)) < asked)
    rate = np.where(truth[row, col] == 1, miss[person, col], ALARM[person])
    value = np.where(rng.random(len(row)) < rate, 1 - truth[row, col], truth[row, col])
    return Answers.of(row, col, [f"p{p}" for p in person], value), truth


def test_it_finds_the_error_rates_the_shares_and_the_truth() -> None:
    answers, truth = simulate(0, 600, 0.6)
    found = dawid_skene(answers)
    np.testing.assert_allclose(found.miss, MISS, atol=0.05)
    np.testing.assert_allclose(found.false_alarm, ALARM, atol=0.03)
    np.testing.assert_allclose(found.share, truth.mean(axis=0), atol=0.03)
    true = truth[found.rows, found.cols]
    of = answers.entries()[2]
    votes = np.bincount(of, answers.values) / np.bincount(of)
    wrong = ((found.probability > 0.5) != true).mean()
    assert wrong < 0.8 * ((votes > 0.5) != true).mean()
    # The probabilities mean what they say: of those near 0.8, about 0.8 are present.
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        at = (found.probability >= low) & (found.probability <= low + 0.2)
        error = math.sqrt(0.25 / at.sum())
        assert abs(true[at].mean() - found.probability[at].mean()) < 3 * error + 0.02


def test_a_label_that_is_hard_gets_rates_of_its_own_and_others_keep_the_persons() -> None:
    answers, _ = simulate(1, 600, 0.8, by_label=1.9)
    found = dawid_skene(answers)
    np.testing.assert_allclose(found.by_label[0, :3, 0], 1.9 * MISS[:3], atol=0.08)
    np.testing.assert_allclose(found.by_label[0, :3, 2], MISS[:3], atol=0.08)
    # One answer to a fifth label tells nearly nothing.
    people = [found.names[p] for p in answers.people]
    one = Answers.of([*answers.rows, 0], [*answers.cols, 9], [*people, "p2"], [*answers.values, 1])
    more = dawid_skene(one)
    assert more.labels.tolist() == [0, 1, 2, 3, 9]
    assert abs(more.by_label[0, 2, 4] - more.miss[2]) < 0.05
    # Who was never asked of it keeps the own rates exactly.
    assert more.by_label[0, 0, 4] == pytest.approx(more.miss[0], abs=1e-12)


def loops(answers: Answers, truth: np.ndarray, steps: int) -> dict[tuple[int, int], float]:
    """The first fit, one pair of rates a person, written down plainly."""
    said: dict[tuple[int, int], dict[int, int]] = {}
    for r, c, p, v in zip(answers.rows, answers.cols, answers.people, answers.values, strict=True):
        said.setdefault((int(r), int(c)), {})[int(p)] = int(v)
    belief = {
        e: float(truth[e]) if truth[e] >= 0 else sum(a.values()) / len(a) for e, a in said.items()
    }
    for _ in range(steps):
        miss, alarm = {}, {}
        for p in range(len(answers.names)):
            present = sum(belief[e] for e, a in said.items() if p in a)
            absent = sum(1 - belief[e] for e, a in said.items() if p in a)
            missed = sum(belief[e] for e, a in said.items() if a.get(p) == 0)
            false = sum(1 - belief[e] for e, a in said.items() if a.get(p) == 1)
            miss[p] = (missed + STRENGTH * USUAL) / (present + STRENGTH)
            alarm[p] = (false + STRENGTH * USUAL) / (absent + STRENGTH)
        share = {}
        for label in {c for _, c in said}:
            own = [belief[e] for e in said if e[1] == label and truth[e] < 0]
            share[label] = (sum(own) + 1) / (len(own) + 2)
        for e, a in said.items():
            if truth[e] >= 0:
                continue
            yes, no = share[e[1]], 1 - share[e[1]]
            for p, v in a.items():
                yes *= 1 - miss[p] if v else miss[p]
                no *= alarm[p] if v else 1 - alarm[p]
            belief[e] = yes / (yes + no)
    return {("miss", p): m for p, m in miss.items()} | {("alarm", p): a for p, a in alarm.items()}


def test_em_is_the_plain_loops() -> None:
    answers, true = simulate(2, 30, 0.5)
    truth = np.full_like(true, -1)
    truth[:5] = true[:5]
    found = dawid_skene(answers, truth)
    expected = loops(answers, truth, len(found.history[0]))
    for p in range(len(MISS)):
        assert found.miss[p] == pytest.approx(expected["miss", p], abs=1e-9)
        assert found.false_alarm[p] == pytest.approx(expected["alarm", p], abs=1e-9)


@pytest.mark.slow
@settings(max_examples=80)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 5), st.integers(0, 2), st.sampled_from("abc"), st.sampled_from([1, 0])
        ),
        max_size=40,
    ),
    st.lists(st.sampled_from([1, 0, -1]), min_size=18, max_size=18),
)
def test_the_log_posterior_never_falls_and_known_truth_stays(said, truth) -> None:
    rows, cols, people, values = zip(*said, strict=True) if said else ((), (), (), ())
    gold = np.array(truth, np.int8).reshape(6, 3)
    answers = Answers.of(rows, cols, people, values)
    for found in (dawid_skene(answers, gold), dawid_skene(answers)):
        for history in found.history:
            assert np.diff(history).min(initial=0) >= -1e-9
        assert len(found.probability) == len(set(zip(rows, cols, strict=True)))
        assert ((found.miss > 0) & (found.miss < 1)).all()
    found = dawid_skene(answers, gold)
    known = gold[found.rows, found.cols]
    np.testing.assert_array_equal(found.probability[known >= 0], known[known >= 0])


def test_a_gold_set_tells_two_people_apart() -> None:
    # Two people who disagree on one label: only known truth can say whom to believe.
    rng = np.random.default_rng(0)
    true = (rng.random((500, 1)) < 0.5).astype(np.int8)
    bad = np.where(rng.random(500) < 0.4, 1 - true[:, 0], true[:, 0])
    rows, cols = np.tile(np.arange(500), 2), np.zeros(1000, int)
    answers = Answers.of(rows, cols, ["bad"] * 500 + ["good"] * 500, [*bad, *true[:, 0]])
    gold = np.full_like(true, -1)
    gold[:200] = true[:200]
    found = dawid_skene(answers, gold)
    assert found.names == ("bad", "good")
    np.testing.assert_allclose([found.miss[0], found.false_alarm[0]], 0.4, atol=0.12)
    assert found.miss[1] < 0.05
    assert ((found.probability > 0.5) == true[found.rows, 0]).mean() > 0.97


def test_one_careful_answer_is_believed_as_far_as_people_usually_are() -> None:
    (probability,) = dawid_skene(Answers.of([0], [0], ["a"], [1])).probability
    assert 0.85 < probability < 0.99


def test_the_probability_is_bayes_rule_on_the_rates_of_each_label() -> None:
    answers, _ = simulate(3, 200, 0.5, by_label=1.9)
    found = dawid_skene(answers)
    odds = {
        (r, c): found.share[c] / (1 - found.share[c])
        for r, c in zip(found.rows, found.cols, strict=True)
    }
    for r, c, p, v in zip(answers.rows, answers.cols, answers.people, answers.values, strict=True):
        miss, alarm = found.by_label[:, p, c]
        odds[r, c] *= (1 - miss) / alarm if v else miss / (1 - alarm)
    np.testing.assert_allclose(found.probability, [o / (1 + o) for o in odds.values()], atol=1e-9)


def three_people(seed: int, images: int, labels: int, spread: float) -> tuple[Answers, np.ndarray]:
    """Answers of people who err at 5, 20 and 20 %, more or less by label, to every entry."""
    rng = np.random.default_rng(seed)
    truth = (rng.random((images, labels)) < 0.3).astype(np.int8)
    rows, cols = (places.ravel() for places in np.indices(truth.shape))
    said = []
    for error in (0.05, 0.2, 0.2):
        rates = error * np.exp(spread * rng.standard_normal((2, labels)))
        wrong = rng.random(truth.shape) < np.where(truth == 1, *np.clip(rates, 0.01, 0.45))
        said.append(np.where(wrong, 1 - truth, truth).ravel())
    names = np.repeat(["a", "b", "c"], len(rows)).tolist()
    return Answers.of(np.tile(rows, 3), np.tile(cols, 3), names, np.concatenate(said)), truth


@pytest.mark.parametrize(("images", "seeds"), [(12, 30), (36, 30), (125, 8), (1250, 2)])
def test_labels_have_rates_of_their_own_only_as_far_as_the_evidence_carries(
    images: int, seeds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {"majority": 0.0, "pooled": 0.0, "found": 0.0}
    for seed in range(seeds):
        answers, truth = three_people(seed, images, 8, 0.0)
        found = dawid_skene(answers)
        says = found.probability > 0.5
        wrong["found"] += float((says != truth[found.rows, found.cols]).mean())
        votes = np.zeros(truth.shape)
        np.add.at(votes, (answers.rows, answers.cols), answers.values)
        wrong["majority"] += float(((votes > 1.5) != truth).mean())
        with monkeypatch.context() as patch:
            patch.setattr(dawid_skene_module, "_strength", lambda *_: dawid_skene_module.MOST)
            pooled = dawid_skene(answers)
        wrong["pooled"] += float(
            ((pooled.probability > 0.5) != truth[found.rows, found.cols]).mean()
        )
    assert wrong["found"] <= 1.1 * min(wrong["majority"], wrong["pooled"])


def test_how_far_is_told_by_how_much_labels_differ() -> None:
    alike = [dawid_skene(three_people(seed, 400, 20, 0.0)[0]).strength for seed in range(5)]
    apart = [dawid_skene(three_people(seed, 400, 20, 0.8)[0]).strength for seed in range(5)]
    assert min(alike) > 300
    assert max(apart) < 100
