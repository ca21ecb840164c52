"""Agreement against worked examples that are published, plain loops, and by its properties."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from alasl.errors import DataError
from alasl.evaluate.intervals import exact_interval
from alasl.project.agreement import (
    Answers,
    agreement,
    right_of_known,
)


def parse(*coders: str) -> tuple[list[int], list[int]]:
    """Units and values of one line a coder, with * for no answer."""
    said = [(u, int(v)) for line in coders for u, v in enumerate(line.split()) if v != "*"]
    return [unit for unit, _ in said], [value for _, value in said]


@pytest.mark.parametrize(
    ("alpha", "coders"),
    [
        # Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011: A, two observers, binary.
        (0.095, ("0 1 0 0 0 0 0 0 1 0", "1 1 1 0 0 1 0 0 0 0")),
        # The same, C: any number of observers, answers missing.
        (
            0.743,
            (
                "1 2 3 3 2 1 4 1 2 * * *",
                "1 2 3 3 2 2 4 1 2 5 * 3",
                "* 3 3 3 2 3 4 2 2 5 1 *",
                "1 2 3 3 2 4 4 1 2 5 1 *",
            ),
        ),
        # Three coders and fifteen units, as in the encyclopedia's article on alpha.
        (
            0.691,
            (
                "* * * * * 3 4 1 2 1 1 3 3 * 3",
                "1 * 2 1 3 3 4 3 * * * * * * *",
                "* * 2 1 3 4 4 * 2 1 1 3 3 * 4",
            ),
        ),
    ],
)
def test_the_loops_are_right_by_published_examples(alpha: float, coders: tuple[str, ...]) -> None:
    assert loops(*parse(*coders)) == pytest.approx(alpha, abs=5e-4)


def loops(units, values) -> float:
    """Alpha as its definition has it: pairs of answers within units, and over all of them."""
    of: dict[int, list[int]] = {}
    for unit, value in zip(units, values, strict=True):
        of.setdefault(unit, []).append(value)
    many = [said for said in of.values() if len(said) > 1]
    everything = [value for said in many for value in said]
    n = len(everything)
    observed = sum(
        sum(a != b for a, b in itertools.permutations(said, 2)) / (len(said) - 1) for said in many
    )
    expected = sum(a != b for a, b in itertools.permutations(everything, 2))
    return 1 - (observed / n) / (expected / (n * (n - 1))) if expected else math.nan


def simulated(
    seed: int, people: int = 3, images: int = 40, labels: int = 3, error: float = 0.15
) -> tuple[Answers, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = (rng.random((images, labels)) < 0.4).astype(np.int8)
    said = rng.random((people, images, labels)) < 0.7
    person, row, col = np.nonzero(said)
    wrong = rng.random(len(row)) < error
    value = np.where(wrong, 1 - truth[row, col], truth[row, col])
    return Answers.of(row, col, [f"p{p}" for p in person], value), truth


def test_alpha_of_a_table_by_label_and_by_person() -> None:
    answers, _ = simulated(1)
    found = agreement(answers)
    unit = answers.rows * 3 + answers.cols
    assert found.overall.value == pytest.approx(loops(unit, answers.values), abs=1e-12)
    for col, alpha in found.labels.items():
        at = answers.cols == col
        assert alpha.value == pytest.approx(loops(unit[at], answers.values[at]), abs=1e-12)
        assert alpha.entries == sum(np.bincount(unit[at]) > 1)
    assert set(found.labels) == {0, 1, 2}

    for name, alpha in found.people.items():
        own = {u: v for u, p, v in zip(unit, answers.people, answers.values, strict=True)
               if answers.names[p] == name}  # fmt: skip
        mine, theirs = [], []
        for u, v in own.items():
            rest = answers.values[(unit == u) & (answers.people != answers.names.index(name))]
            if len(rest):
                mine.append(float(v))
                theirs.append(rest.mean())
        n = 2 * len(mine)
        ones = sum(mine) + sum(theirs)
        observed = sum(abs(a - b) for a, b in zip(mine, theirs, strict=True)) / len(mine)
        assert alpha.value == pytest.approx(
            1 - observed / (2 * ones * (n - ones) / (n * (n - 1))), abs=1e-12
        )
        assert alpha.entries == len(mine)


def test_with_two_people_each_against_the_other_is_alpha() -> None:
    answers, _ = simulated(2, people=2)
    found = agreement(answers)
    for alpha in found.people.values():
        assert alpha.value == pytest.approx(found.overall.value, abs=1e-12)


def test_agreement_falls_with_errors_and_finds_who_guesses() -> None:
    values = [agreement(simulated(3, error=e)[0]).overall.value for e in (0.0, 0.1, 0.3, 0.5)]
    assert values[0] == 1
    assert values == sorted(values, reverse=True)
    assert abs(values[-1]) < 0.2
    good, _ = simulated(4, people=4, images=100, error=0.02)
    guess = np.random.default_rng(0).integers(0, 2, len(good))
    values_ = np.where(good.people == 2, guess, good.values)
    people = [good.names[p] for p in good.people]
    found = agreement(Answers.of(good.rows, good.cols, people, values_)).people
    assert min(found, key=lambda name: found[name].value) == "p2"
    assert found["p2"].high < found["p1"].low


@pytest.mark.slow
def test_the_interval_holds_the_true_alpha_about_as_often_as_it_says() -> None:
    # Two people, errors e, share of presents q: alpha in the long run is known.
    q, e, hits = 0.4, 0.15, 0
    one = q * (1 - e) + (1 - q) * e
    true = 1 - 2 * e * (1 - e) / (2 * one * (1 - one))
    for seed in range(200):
        alpha = agreement(simulated(seed, people=2, images=60, error=e)[0]).overall
        hits += alpha.low <= true <= alpha.high
    assert stats.binomtest(hits, 200, 0.95).pvalue > 0.01


@pytest.mark.slow
def test_the_interval_is_as_wide_as_drawing_images_again_makes_it() -> None:
    answers, _ = simulated(6, images=150)
    alpha = agreement(answers).overall
    rng, drawn = np.random.default_rng(0), []
    for _ in range(300):
        rows = rng.integers(0, 150, 150)
        taken = [(k, np.flatnonzero(answers.rows == row)) for k, row in enumerate(rows)]
        at = np.concatenate([places for _, places in taken])
        images = np.repeat([k for k, _ in taken], [len(places) for _, places in taken])
        people = [answers.names[p] for p in answers.people[at]]
        again = Answers.of(images, answers.cols[at], people, answers.values[at])
        drawn.append(agreement(again).overall.value)
    assert alpha.high - alpha.low == pytest.approx(2 * 1.976 * np.std(drawn), rel=0.15)


def test_nothing_can_be_said_of_too_little() -> None:
    nothing = agreement(Answers.of([], [], [], []))
    assert (nothing.labels, nothing.people, nothing.overall.entries) == ({}, {}, 0)
    assert math.isnan(nothing.overall.value)
    alone = agreement(Answers.of([0, 1], [0, 0], ["a", "b"], [1, 0]))
    assert math.isnan(alone.people["a"].value)
    assert alone.labels == {}
    same = agreement(Answers.of([0, 0], [0, 0], ["a", "b"], [1, 1])).overall
    assert same.entries == 1
    assert math.isnan(same.value)


def test_the_last_word_of_a_person_stands_and_cannot_tell_takes_it_back() -> None:
    rows, cols = [0, 0, 0, 1, 1, 2], [0, 0, 0, 1, 1, 0]
    answers = Answers.of(rows, cols, ["a", "b", "a", "a", "a", "c"], [1, 1, 0, 1, -1, -1])
    found = {
        (answers.names[p], r, c): v
        for p, r, c, v in zip(
            answers.people, answers.rows, answers.cols, answers.values, strict=True
        )
    }
    assert found == {("a", 0, 0): 0, ("b", 0, 0): 1}
    assert answers.names == ("a", "b", "c")
    with pytest.raises(DataError, match="as many"):
        Answers.of([0], [0], ["a", "b"], [1])
    with pytest.raises(DataError, match="must be 1"):
        Answers.of([0], [0], ["a"], [2])


def test_right_answers_to_gold_questions_are_counted() -> None:
    truth = np.full((5, 2), -1, np.int8)
    truth[0], truth[1] = [1, 0], [0, 1]
    rows, cols = [0, 0, 1, 1, 2, 0], [0, 1, 0, 1, 0, 0]
    people = ["ann", "ann", "ann", "ann", "ann", "ben"]
    answers = Answers.of(rows, cols, people, [1, 0, 0, 0, 1, -1])
    assert right_of_known(answers, truth) == {"ann": (4, 3), "ben": (0, 0)}


@settings(max_examples=40)
@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_exact_interval_is_where_the_tails_reach_a_fortieth(hits_trials) -> None:
    hits, trials = hits_trials
    low, high = exact_interval(hits, trials)
    above = 1.0 if hits == 0 else stats.binom.sf(hits - 1, trials, low)
    below = 1.0 if hits == trials else stats.binom.cdf(hits, trials, high)
    assert above == pytest.approx(1.0 if hits == 0 else 0.025, abs=1e-6)
    assert below == pytest.approx(1.0 if hits == trials else 0.025, abs=1e-6)
    assert low <= hits / trials <= high
