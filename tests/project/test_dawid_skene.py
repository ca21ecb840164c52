"""Dawid-Skene: EM as plain loops, rates recovered from simulated people, likelihood never falls."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alasl.project.agreement import Answers
from alasl.project.dawid_skene import PAIRS, PERSON, USUAL, dawid_skene

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


def said_of(answers: Answers) -> dict[tuple[int, int], dict[int, int]]:
    said: dict[tuple[int, int], dict[int, int]] = {}
    for r, c, p, v in zip(answers.rows, answers.cols, answers.people, answers.values, strict=True):
        said.setdefault((int(r), int(c)), {})[int(p)] = int(v)
    return said


def test_how_often_people_err_is_told_by_how_often_pairs_disagree() -> None:
    answers, _ = simulate(2, 30, 0.5)
    apart, pairs = PAIRS * 2 * USUAL * (1 - USUAL), PAIRS
    for values in map(list, (by.values() for by in said_of(answers).values())):
        of = list(combinations(values, 2))
        if of:
            pairs += len(values) - 1
            apart += (len(values) - 1) * sum(a != b for a, b in of) / len(of)
    assert dawid_skene(answers).usual == pytest.approx((1 - math.sqrt(1 - 2 * apart / pairs)) / 2)


def test_rates_are_those_of_plain_loops_over_the_entries_that_tell() -> None:
    answers, true = simulate(2, 60, 0.5)
    truth = np.full_like(true, -1)
    truth[:5] = true[:5]
    found = dawid_skene(answers, truth)
    believed = dict(zip(zip(found.rows, found.cols, strict=True), found.probability, strict=True))
    telling = {e: a for e, a in said_of(answers).items() if len(a) > 2 or truth[e] >= 0}

    def rates(person: int, label: int | None, prior: tuple[float, float], worth: float):
        miss = [prior[0] * worth, worth]
        alarm = [prior[1] * worth, worth]
        for e, a in telling.items():
            if person not in a or (label is not None and e[1] != label):
                continue
            miss[0] += believed[e] * (a[person] == 0)
            miss[1] += believed[e]
            alarm[0] += (1 - believed[e]) * (a[person] == 1)
            alarm[1] += 1 - believed[e]
        return miss[0] / miss[1], alarm[0] / alarm[1]

    for person in range(len(MISS)):
        own = rates(person, None, (found.usual, found.usual), PERSON)
        assert own == pytest.approx((found.miss[person], found.false_alarm[person]), abs=1e-2)
        for place, label in enumerate(found.labels):
            each = rates(person, label, own, found.strength)
            assert each == pytest.approx(found.by_label[:, person, place], abs=1e-2)
    counted = np.bincount([p for a in telling.values() for p in a], minlength=len(MISS))
    np.testing.assert_array_equal(found.told, counted)


def test_two_who_disagree_change_no_rates_but_what_is_usual() -> None:
    rng = np.random.default_rng(0)
    for error in (0.02, 0.1, 0.3):
        true = rng.random((400, 3)) < (0.05, 0.3, 0.6)
        rows, cols = (places.ravel() for places in np.indices(true.shape))
        said = [(true ^ (rng.random(true.shape) < error)).ravel() for _ in "ab"]
        names = ["a"] * len(rows) + ["b"] * len(rows)
        answers = Answers.of(
            np.tile(rows, 2), np.tile(cols, 2), names, np.concatenate(said).astype(int)
        )
        found = dawid_skene(answers)
        assert found.usual == pytest.approx(error, abs=0.03)
        assert found.told.tolist() == [0, 0]
        np.testing.assert_allclose(found.by_label, found.usual)
        np.testing.assert_allclose(found.share, true.mean(axis=0), atol=0.05)


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
    assert found.miss[1] < 0.08
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


def answered(
    seed: int, images: int, errors: Sequence[float], *, present: float = 0.3, spread: float = 0.0
) -> tuple[Answers, np.ndarray]:
    """Answers of people to every entry of eight labels; they err more or less by label."""
    rng = np.random.default_rng(seed)
    truth = (rng.random((images, 8)) < present).astype(np.int8)
    rows, cols = (places.ravel() for places in np.indices(truth.shape))
    said = []
    for error in errors:
        rates = error * np.exp(spread * rng.standard_normal((2, 8)))
        wrong = rng.random(truth.shape) < np.where(truth == 1, *np.clip(rates, 0.01, 0.45))
        said.append(np.where(wrong, 1 - truth, truth).ravel())
    people = len(errors)
    names = np.repeat([f"p{p}" for p in range(people)], len(rows)).tolist()
    said_ = np.concatenate(said)
    return Answers.of(np.tile(rows, people), np.tile(cols, people), names, said_), truth


@pytest.mark.parametrize("errors", [(0.05, 0.2, 0.2), (0.1, 0.1, 0.1), (0.05, 0.25)])
@pytest.mark.parametrize("present", [0.1, 0.3])
@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_no_worse_than_most_votes_whatever_people_err_at(
    errors: tuple[float, ...], present: float, spread: float
) -> None:
    for images, seeds in ((12, 40), (125, 4)):
        wrong = most = 0.0
        for seed in range(seeds):
            answers, truth = answered(seed, images, errors, present=present, spread=spread)
            found = dawid_skene(answers)
            wrong += float(((found.probability > 0.5) != truth[found.rows, found.cols]).mean())
            votes = np.zeros(truth.shape)
            np.add.at(votes, (answers.rows, answers.cols), answers.values)
            tied = votes * 2 == len(errors)
            most += float(np.where(tied, 0.5, (votes * 2 > len(errors)) != truth).mean())
        assert wrong <= 1.1 * most


def test_how_far_is_told_by_how_much_labels_differ() -> None:
    three = (0.05, 0.2, 0.2)
    alike = [dawid_skene(answered(seed, 400, three)[0]).strength for seed in range(5)]
    apart = [dawid_skene(answered(seed, 400, three, spread=0.8)[0]).strength for seed in range(5)]
    assert min(alike) > 300
    assert max(apart) < 100
