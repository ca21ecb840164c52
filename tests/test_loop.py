"""Algorithm 1: what is asked, what it costs, what is trained on."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from alasl.data.dataset import Dataset
from alasl.data.split import stratified_split
from alasl.errors import DataError, NothingToDo, UsageError
from alasl.labels import UNKNOWN, Labels
from alasl.loop import Loop
from alasl.settings import RunSettings

SETTINGS = RunSettings(strategy="random", missing=0.5, rounds=4, images=5, train="clean")


def make_loop(dataset: Dataset, settings: RunSettings = SETTINGS) -> Loop:
    return Loop(dataset.labels, stratified_split(dataset.labels, settings.seed), settings)


@pytest.fixture
def dataset(make_dataset: Callable[..., Dataset]) -> Dataset:
    return make_dataset()


def test_missing_hides_exactly_its_share_of_the_pool_and_nothing_else(dataset: Dataset) -> None:
    loop = make_loop(dataset)
    hidden = loop.labels.entries == UNKNOWN
    assert hidden.sum() == round(0.5 * len(loop.split.pool) * 6)
    assert hidden[loop.split.pool].sum() == hidden.sum()


def test_cost_is_the_unknown_entries_of_the_images_asked(dataset: Dataset) -> None:
    loop = make_loop(dataset)
    before = loop.labels
    row_of = {image: row for row, image in enumerate(before.images)}
    cost = 0
    for number in range(1, 5):
        event = loop.ask()
        assert event.round == number
        assert len(event.asked) == 5
        for asked in event.asked:
            row = row_of[asked.image]
            unknown = int((before.entries[row] == UNKNOWN).sum())
            assert (asked.unknown, asked.known) == (unknown, 6 - unknown)
            assert set(asked.answers) == {
                name for j, name in enumerate(before.names) if before.entries[row, j] == UNKNOWN
            }
            cost += unknown
        assert loop.cost == cost
        assert loop.images == 5 * number
    row_asked = {asked.image for asked in event.asked}
    assert len(row_asked) == 5


def test_no_image_is_asked_twice_and_answers_are_the_truth(dataset: Dataset) -> None:
    loop = make_loop(dataset)
    images = [asked.image for _ in range(4) for asked in loop.ask().asked]
    assert len(set(images)) == 20
    known = loop.labels.known
    np.testing.assert_array_equal(loop.labels.entries[known], dataset.labels.entries[known])
    rows = np.isin(loop.labels.images, images)
    assert known[rows].all()


def test_clean_training_takes_whole_images_only_and_grows_by_those_asked(dataset: Dataset) -> None:
    loop = make_loop(dataset)
    rows, targets = loop.training_set()
    whole = set(np.flatnonzero(loop.labels.known.all(axis=1))) - set(loop.split.test)
    assert set(rows) == whole
    assert set(loop.split.clean) <= set(rows)
    assert (targets != UNKNOWN).all()
    asked = {a.image for a in loop.ask().asked}
    more, _ = loop.training_set()
    assert set(more) - set(rows) == {i for i, n in enumerate(loop.labels.images) if n in asked}


def test_known_training_adds_the_pool_and_never_the_test_set(dataset: Dataset) -> None:
    loop = make_loop(dataset, replace(SETTINGS, train="known"))
    rows, targets = loop.training_set()
    assert not set(rows) & set(loop.split.test)
    assert (targets == UNKNOWN).any()
    np.testing.assert_array_equal(targets, loop.labels.entries[rows])
    _, absent = make_loop(dataset, replace(SETTINGS, train="known", assume="absent")).training_set()
    assert not (absent == UNKNOWN).any()


def test_images_of_which_nothing_is_known_are_for_losses_that_guess(dataset: Dataset) -> None:
    loop = make_loop(dataset, replace(SETTINGS, train="known", mechanism="single", missing=0.0))
    rows, _ = loop.training_set()
    more, targets = loop.training_set(learns_from_unknown=True)
    assert len(more) == len(loop.split.clean) + len(loop.split.pool) > len(rows)
    np.testing.assert_array_equal(targets, loop.labels.entries[more])
    np.testing.assert_array_equal(more[(targets != UNKNOWN).any(axis=1)], rows)


def test_strategies_of_one_seed_share_split_missing_and_oracle(dataset: Dataset) -> None:
    settings = replace(SETTINGS, oracle_error=0.3)
    one, two = make_loop(dataset, settings), make_loop(dataset, replace(settings, strategy="hard"))
    np.testing.assert_array_equal(one.labels.entries, two.labels.entries)
    everything = replace(settings, rounds=1, images=1)
    answers = []
    for strategy in ("random", "hard"):
        loop = make_loop(dataset, replace(everything, strategy=strategy, images=100))
        answers.append({(a.image, k): v for a in loop.ask().asked for k, v in a.answers.items()})
    shared = answers[0].keys() & answers[1].keys()
    assert len(shared) > 100
    assert all(answers[0][key] == answers[1][key] for key in shared)


def test_an_oracle_with_an_error_rate_errs_at_that_rate(dataset: Dataset) -> None:
    loop = make_loop(dataset, replace(SETTINGS, oracle_error=0.25, rounds=1, images=130))
    loop.ask()
    known = loop.labels.known[loop.split.pool]
    wrong = loop.labels.entries[loop.split.pool] != dataset.labels.entries[loop.split.pool]
    asked = loop.cost
    assert 0.15 < (wrong & known).sum() / asked < 0.35


def test_replaying_the_rounds_gives_the_same_state(dataset: Dataset) -> None:
    loop, again = make_loop(dataset), make_loop(dataset)
    for _ in range(3):
        again.take(loop.ask())
    np.testing.assert_array_equal(again.labels.entries, loop.labels.entries)
    assert (again.cost, again.images, again.round) == (loop.cost, loop.images, loop.round)
    assert again.ask() == loop.ask()


def test_what_the_truth_does_not_know_costs_nothing_and_stays_unknown(dataset: Dataset) -> None:
    entries = dataset.labels.entries.copy()
    entries[150:, 2] = UNKNOWN
    truth = Labels(entries, dataset.labels.names, dataset.labels.images)
    split = stratified_split(truth, 0)
    loop = Loop(truth, split, replace(SETTINGS, missing=0.0, rounds=1, images=10))
    event = loop.ask()
    assert loop.cost == 0
    assert all(asked.answers == {"label2": -1} for asked in event.asked)
    with pytest.raises(UsageError, match="budget is beyond the pool"):
        Loop(truth, split, replace(SETTINGS, missing=0.0, rounds=9, images=10))


def test_a_budget_beyond_the_pool_is_refused_with_both_numbers(dataset: Dataset) -> None:
    with pytest.raises(UsageError, match=r"4 rounds of 50 images, \d+ images to ask"):
        make_loop(dataset, replace(SETTINGS, images=50))


@pytest.mark.parametrize(
    ("ask", "given", "expected"),
    [
        ("images", {"images": 4}, [4, 6, 9, 14]),
        ("entries", {"answers": 4}, [4, 6, 9, 14]),
        ("entries", {"seconds": 8.0, "answer_seconds": 2.0}, [4, 6, 9, 13]),
    ],
)
def test_rounds_grow(dataset: Dataset, ask: str, given: dict, expected: list[int]) -> None:
    loop = make_loop(dataset, replace(SETTINGS, ask=ask, growth=1.5, **given))
    rounds = [loop.ask() for _ in range(4)]
    asked = [
        len(event.asked) if ask == "images" else sum(len(a.answers) for a in event.asked)
        for event in rounds
    ]
    assert asked == expected


def test_a_grown_budget_beyond_the_pool_is_refused(dataset: Dataset) -> None:
    with pytest.raises(UsageError, match=r"4 rounds of 20 images and more, \d+ images to ask"):
        make_loop(dataset, replace(SETTINGS, images=20, growth=1.5))


def test_nothing_hidden_is_nothing_to_do(dataset: Dataset) -> None:
    with pytest.raises(NothingToDo, match="hide some with --missing"):
        make_loop(dataset, replace(SETTINGS, missing=0.0))


def test_one_positive_an_image_takes_no_missing(dataset: Dataset) -> None:
    loop = make_loop(dataset, replace(SETTINGS, mechanism="single"))
    pool = loop.labels.entries[loop.split.pool]
    assert ((pool == 1).sum(axis=1) <= 1).all()
    assert not (pool == 0).any()


def test_a_test_set_without_positives_is_refused(dataset: Dataset) -> None:
    split = stratified_split(dataset.labels, 0)
    entries = dataset.labels.entries.copy()
    entries[split.test] = 0
    truth = Labels(entries, dataset.labels.names, dataset.labels.images)
    with pytest.raises(DataError, match="no label has a known positive in the test set"):
        Loop(truth, split, SETTINGS)
