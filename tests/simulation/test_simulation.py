"""Algorithm 1: what is asked, what it costs, what is trained on."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from alasl.data.dataset import Dataset
from alasl.data.split import Split, stratified_split
from alasl.errors import DataError, NothingToDo, UsageError
from alasl.labels import UNKNOWN
from alasl.models.prepare import prepare
from alasl.settings import RunSettings
from alasl.simulation.simulation import Simulation

SETTINGS = RunSettings(strategy="random", missing=0.5, rounds=4, images=5, train="clean")


def make_run(dataset: Dataset, settings: RunSettings = SETTINGS) -> Simulation:
    split = stratified_split(dataset.labels, settings.seed)
    return simulation(dataset, split, settings)


def simulation(dataset: Dataset, split: Split, settings: RunSettings) -> Simulation:
    return Simulation(dataset.labels, split, settings, prepare(dataset, split.seen, settings))


def training_set(run: Simulation) -> tuple[np.ndarray, np.ndarray]:
    job = run.learner.job(run.known)
    return job.rows, job.targets


@pytest.fixture
def dataset(make_dataset: Callable[..., Dataset]) -> Dataset:
    return make_dataset()


def test_missing_hides_exactly_its_share_of_the_pool_and_nothing_else(dataset: Dataset) -> None:
    run = make_run(dataset)
    hidden = run.known.entries == UNKNOWN
    assert hidden.sum() == round(0.5 * len(run.split.pool) * 6)
    assert hidden[run.split.pool].sum() == hidden.sum()


def test_cost_is_the_unknown_entries_of_the_images_asked(dataset: Dataset) -> None:
    run = make_run(dataset)
    before = run.known.human_labels
    row_of = {image: row for row, image in enumerate(before.images)}
    cost = 0
    for number in range(1, 5):
        event = run.ask()
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
        assert run.cost == cost
        assert run.images == 5 * number
    row_asked = {asked.image for asked in event.asked}
    assert len(row_asked) == 5


def test_no_image_is_asked_twice_and_answers_are_the_truth(dataset: Dataset) -> None:
    run = make_run(dataset)
    images = [asked.image for _ in range(4) for asked in run.ask().asked]
    assert len(set(images)) == 20
    known = run.known.human_labels.known
    np.testing.assert_array_equal(run.known.entries[known], dataset.labels.entries[known])
    rows = np.isin(run.known.human_labels.images, images)
    assert known[rows].all()


def test_clean_training_takes_whole_images_only_and_grows_by_those_asked(dataset: Dataset) -> None:
    run = make_run(dataset)
    rows, targets = training_set(run)
    whole = set(np.flatnonzero(run.known.human_labels.known.all(axis=1))) - set(run.split.test)
    assert set(rows) == whole
    assert set(run.split.clean) <= set(rows)
    assert (targets != UNKNOWN).all()
    asked = {a.image for a in run.ask().asked}
    more, _ = training_set(run)
    assert set(more) - set(rows) == {
        i for i, n in enumerate(run.known.human_labels.images) if n in asked
    }


def test_known_training_adds_the_pool_and_never_the_test_set(dataset: Dataset) -> None:
    run = make_run(dataset, replace(SETTINGS, train="known"))
    rows, targets = training_set(run)
    assert not set(rows) & set(run.split.test)
    assert (targets == UNKNOWN).any()
    np.testing.assert_array_equal(targets, run.known.entries[rows])
    _, absent = training_set(make_run(dataset, replace(SETTINGS, train="known", assume="absent")))
    assert not (absent == UNKNOWN).any()


def test_images_of_which_nothing_is_known_are_for_losses_that_guess(dataset: Dataset) -> None:
    single = replace(SETTINGS, train="known", mechanism="single", missing=0.0, assume="ignore")
    rows, _ = training_set(make_run(dataset, single))
    run = make_run(dataset, replace(single, model="probe", loss="an"))
    more, targets = training_set(run)
    assert len(more) == len(run.split.clean) + len(run.split.pool) > len(rows)
    np.testing.assert_array_equal(targets, run.known.entries[more])
    np.testing.assert_array_equal(more[(targets != UNKNOWN).any(axis=1)], rows)


def test_strategies_of_one_seed_share_split_missing_and_oracle(dataset: Dataset) -> None:
    settings = replace(SETTINGS, oracle_error=0.3)
    one, two = make_run(dataset, settings), make_run(dataset, replace(settings, strategy="hard"))
    np.testing.assert_array_equal(one.known.entries, two.known.entries)
    everything = replace(settings, rounds=1, images=1)
    answers = []
    for strategy in ("random", "hard"):
        run = make_run(dataset, replace(everything, strategy=strategy, images=100))
        answers.append({(a.image, k): v for a in run.ask().asked for k, v in a.answers.items()})
    shared = answers[0].keys() & answers[1].keys()
    assert len(shared) > 100
    assert all(answers[0][key] == answers[1][key] for key in shared)


def test_an_oracle_with_an_error_rate_errs_at_that_rate(dataset: Dataset) -> None:
    run = make_run(dataset, replace(SETTINGS, oracle_error=0.25, rounds=1, images=130))
    run.ask()
    known = run.known.human_labels.known[run.split.pool]
    wrong = run.known.entries[run.split.pool] != dataset.labels.entries[run.split.pool]
    asked = run.cost
    assert 0.15 < (wrong & known).sum() / asked < 0.35


def test_replaying_the_rounds_gives_the_same_state(dataset: Dataset) -> None:
    run, again = make_run(dataset), make_run(dataset)
    for _ in range(3):
        again.take(run.ask())
    np.testing.assert_array_equal(again.known.entries, run.known.entries)
    assert (again.cost, again.images, again.round) == (run.cost, run.images, run.round)
    assert again.ask() == run.ask()


def test_what_the_truth_does_not_know_costs_nothing_and_stays_unknown(dataset: Dataset) -> None:
    entries = dataset.labels.entries.copy()
    entries[150:, 2] = UNKNOWN
    truth = replace(dataset, labels=dataset.labels.but(entries))
    split = stratified_split(truth.labels, 0)
    run = simulation(truth, split, replace(SETTINGS, missing=0.0, rounds=1, images=10))
    event = run.ask()
    assert run.cost == 0
    assert all(asked.answers == {"label2": -1} for asked in event.asked)
    with pytest.raises(UsageError, match="budget is beyond the pool"):
        simulation(truth, split, replace(SETTINGS, missing=0.0, rounds=9, images=10))


def test_a_budget_beyond_the_pool_is_refused_with_both_numbers(dataset: Dataset) -> None:
    with pytest.raises(UsageError, match=r"4 rounds of 50 images, \d+ images to ask"):
        make_run(dataset, replace(SETTINGS, images=50))


@pytest.mark.parametrize(
    ("ask", "given", "expected"),
    [
        ("images", {"images": 4}, [4, 6, 9, 14]),
        ("entries", {"answers": 4}, [4, 6, 9, 14]),
        ("entries", {"seconds": 8.0, "grid_seconds": 2.0, "by": "label"}, [4, 6, 9, 13]),
    ],
)
def test_rounds_grow(dataset: Dataset, ask: str, given: dict, expected: list[int]) -> None:
    run = make_run(dataset, replace(SETTINGS, ask=ask, growth=1.5, **given))
    rounds = [run.ask() for _ in range(4)]
    asked = [
        len(event.asked) if ask == "images" else sum(len(a.answers) for a in event.asked)
        for event in rounds
    ]
    assert asked == expected


@pytest.mark.parametrize("by", [None, "label", "image"])
def test_people_take_what_each_way_of_asking_takes(dataset: Dataset, by: str | None) -> None:
    run = make_run(dataset, replace(SETTINGS, by=by, ask="images", images=7))
    expected = 0.0
    for _ in range(3):
        event = run.ask()
        answers = sum(len(asked.answers) for asked in event.asked)
        by_image, by_label = 2.0 * 7 + 1.0 * answers, 1.7 * answers
        expected += {"image": by_image, "label": by_label}.get(by or "", min(by_image, by_label))
    assert run.time == pytest.approx(expected)


def test_tagging_takes_the_opening_and_the_tags_that_are_there(dataset: Dataset) -> None:
    run = make_run(dataset, replace(SETTINGS, ask="tags", images=7, tag_seconds=4.0))
    event = run.ask()
    said = [value for asked in event.asked for value in asked.answers.values()]
    assert len(event.asked) == 7
    assert run.time == pytest.approx(2.0 * 7 + 4.0 * said.count(1))
    assert run.cost == len(said), "what is not named is absent"


def test_an_oracle_overlooks_its_share_of_presents_and_no_absents(dataset: Dataset) -> None:
    run = make_run(dataset, replace(SETTINGS, ask="tags", images=60, rounds=1, oracle_missed=0.3))
    event = run.ask()
    truth = dict(zip(dataset.labels.images, dataset.labels.entries.tolist(), strict=True))
    names = dataset.labels.names
    said = [
        (truth[asked.image][names.index(name)], value)
        for asked in event.asked
        for name, value in asked.answers.items()
    ]
    assert all(value == 0 for true, value in said if true == 0)
    missed = [value == 0 for true, value in said if true == 1]
    assert 0.15 < np.mean(missed) < 0.45


def test_a_grown_budget_beyond_the_pool_is_refused(dataset: Dataset) -> None:
    with pytest.raises(UsageError, match=r"4 rounds of 20 images and more, \d+ images to ask"):
        make_run(dataset, replace(SETTINGS, images=20, growth=1.5))


def test_nothing_hidden_is_nothing_to_do(dataset: Dataset) -> None:
    with pytest.raises(NothingToDo, match="make some unknown with --missing"):
        make_run(dataset, replace(SETTINGS, missing=0.0))


def test_one_positive_an_image_takes_no_missing(dataset: Dataset) -> None:
    run = make_run(dataset, replace(SETTINGS, mechanism="single"))
    pool = run.known.entries[run.split.pool]
    assert ((pool == 1).sum(axis=1) <= 1).all()
    assert not (pool == 0).any()


def test_a_test_set_without_positives_is_refused(dataset: Dataset) -> None:
    split = stratified_split(dataset.labels, 0)
    entries = dataset.labels.entries.copy()
    entries[split.test] = 0
    truth = replace(dataset, labels=dataset.labels.but(entries))
    with pytest.raises(
        DataError, match="no label has a known present and a known absent entry in the test set"
    ):
        simulation(truth, split, SETTINGS)


def test_tags_alone_judge_nothing(dataset: Dataset) -> None:
    """Where only what is present is known, every ranking would be perfect: mAP 100 at chance."""
    split = stratified_split(dataset.labels, 0)
    entries = dataset.labels.entries.copy()
    entries[split.test] = np.where(entries[split.test] == 1, 1, UNKNOWN)
    tags = replace(dataset, labels=dataset.labels.but(entries))
    with pytest.raises(DataError, match="0 known absent entries"):
        simulation(tags, split, SETTINGS)
