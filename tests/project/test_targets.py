"""What a model learns of people's answers: whom to believe, how much, and when at their word."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from alasl.labels import Labels
from alasl.learner.hard import hardened
from alasl.project.records import Answer
from alasl.project.store import Store
from alasl.project.targets import Chances, Targets, Weights, targets

Make = Callable[..., Store]


def learned(store: Store) -> Targets:
    return targets(store.labels(), store.initial_and_labels()[0].dense(), store.votes(), 0.25)


def whole(found: Chances | Weights | None) -> np.ndarray:
    """The table of all rows."""
    assert found is not None
    images = (found.labels if isinstance(found, Chances) else found.automatic).shape[0]
    return found[np.arange(images)]


def say(store: Store, person: str, values: dict[tuple[int, int], int]) -> None:
    answers = [Answer(i, j, value, 1.0) for (i, j), value in values.items()]
    store.answer(person, answers, request=f"{person}{store.last_event()}")


def test_what_nobody_contradicts_is_taken_at_its_word(make_store: Make) -> None:
    store = make_store(50, 2)
    say(store, "ann", {(i, 0): i % 2 for i in range(2, 50)})
    found = learned(store)
    assert found.chances is None
    assert found.weights is None


def test_a_contradiction_becomes_a_chance_in_between(make_store: Make) -> None:
    store = make_store(50, 2)
    say(store, "ann", {(i, 0): i % 2 for i in range(2, 40)})
    say(store, "ben", {(i, 0): i % 2 for i in range(2, 39)} | {(39, 0): 0})
    assert store.labels().entries[39, 0] == -1
    chance = whole(learned(store).chances)[39, 0]
    assert 0.2 < chance < 0.8
    store.resolve("lead", 39, 0, 1)
    assert whole(learned(store).chances)[39, 0] == 1


def test_who_errs_on_known_entries_is_believed_less(make_store: Make) -> None:
    """Careless says present of every second absent entry; the gold questions tell."""
    store = make_store(400, 1)
    store.import_answers("gold", [Answer(i, 0, i % 2) for i in range(2, 202)])
    gold = {(i, 0): i % 2 for i in range(2, 202)}
    given = store.labels().entries  # as if these had been given
    careless = {(i, 0): int(i % 2 or i % 4 == 0) for i in range(2, 202)}
    say(store, "careful", gold | {(300, 0): 1, (302, 0): 0})
    say(store, "careless", careless | {(301, 0): 1, (303, 0): 0})
    chances = whole(targets(store.labels(), given, store.votes(), 0.25).chances)
    assert chances[300, 0] > 0.95
    assert chances[301, 0] < 0.8
    assert chances[302, 0] < 0.05


def test_machines_count_less_and_models_without_chances_get_weights(make_store: Make) -> None:
    store = make_store(10, 2)
    automatic = np.full((10, 2), -1, np.int8)
    automatic[5, 0] = 1
    store.machine("m", automatic)
    assert whole(learned(store).weights)[5].tolist() == [0.25, 1]
    chances = np.array([[0.9, 0.2, 1.0, -1.0, 0.5]], np.float32)
    weights = np.array([[1, 1, 0.5, 1, 1]], np.float32)
    present, sure = hardened(chances, weights)
    assert present.tolist() == [[1, 0, 1, -1, 0]]
    np.testing.assert_allclose(sure, [[0.8, 0.6, 0.5, 1, 0]], atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_soft_labels_beat_the_majority_where_some_people_err(make_store: Make, seed: int) -> None:
    """Brier score against the truth, over entries that three people answered."""
    rng = np.random.default_rng(seed)
    store = make_store(302, 3)
    truth = (rng.random((302, 3)) < 0.3).astype(int)
    rates = {"ann": 0.02, "ben": 0.3, "cem": 0.3}
    for person, rate in rates.items():
        wrong = rng.random(truth.shape) < rate
        said = np.where(wrong, 1 - truth, truth)
        say(store, person, {(i, j): int(said[i, j]) for i in range(2, 302) for j in range(3)})
    soft, hard = whole(learned(store).chances)[2:], store.labels().entries[2:]
    assert np.mean((soft - truth[2:]) ** 2) < 0.6 * np.mean((hard - truth[2:]) ** 2)


def test_chances_of_any_rows_are_those_of_the_whole_table() -> None:
    rng = np.random.default_rng(0)
    entries = rng.integers(-1, 2, (30, 4)).astype(np.int8)
    at = np.unique(rng.integers(0, 120, 25))
    labels = Labels(entries, tuple("abcd"), tuple(map(str, range(30))))
    chances = Chances(labels, *np.divmod(at, 4), rng.random(len(at)))
    expected = entries.astype(np.float32)
    expected.flat[at] = chances.chances
    for rows in (np.arange(30), np.array([7, 3, 3, 29]), np.zeros(0, np.intp)):
        np.testing.assert_array_equal(chances[rows], expected[rows])
