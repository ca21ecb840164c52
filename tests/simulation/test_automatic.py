"""A run with automatic answers: what they change, what they never do, and going on after a kill."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from scipy.stats import binom

from alasl.data.dataset import Dataset
from alasl.data.inputs import Inputs
from alasl.data.opening import make_split
from alasl.data.split import stratified_split
from alasl.errors import UsageError
from alasl.journal import load
from alasl.labels import ABSENT, PRESENT, UNKNOWN
from alasl.learner.folds import assign_folds, out_of_fold
from alasl.models.base import Estimator, Job
from alasl.models.prepare import prepare
from alasl.record import AutoAnswers, OutOfFold, Record
from alasl.report import advice_lines, write_run
from alasl.report.tables import write_results
from alasl.settings import RunSettings
from alasl.simulation.run import simulate
from alasl.simulation.simulation import Simulation
from alasl.sparse import Sparse

SETTINGS = RunSettings(
    data="made",
    strategy="random",
    ask="entries",
    model="logistic:spread=1:smooth=0",  # to find these at each training takes most of its time
    missing=0.6,
    rounds=3,
    answers=40,
    auto=0.15,
    auto_delta=0.2,
    calibrate="known",
)


def told(record: Record) -> list[object]:
    """All of a record that must repeat: everything but the seconds."""
    evaluations = [replace(e, seconds=0.0) for e in record.evaluations]
    held = [replace(h, seconds=0.0) for h in record.out_of_fold]
    return [repr(evaluations), record.rounds, held]


@pytest.fixture(scope="module")
def dataset(make_dataset: Callable[..., Dataset]) -> Dataset:
    return make_dataset(images=800)


@pytest.fixture(scope="module")
def record(dataset: Dataset) -> Record:
    return simulate(SETTINGS, dataset=dataset)


def test_each_training_is_followed_by_automatic_answers_that_cost_nothing(
    record: Record, dataset: Dataset, tmp_path: Path
) -> None:
    assert [h.round for h in record.out_of_fold] == [0, 1, 2, 3]
    assert all(h.given > 100 for h in record.out_of_fold)
    assert record.costs == [0, 40, 80, 120]
    assert all(0 <= h.wrong <= 0.15 * h.given for h in record.out_of_fold)
    write_results(record, tmp_path, {})
    with (tmp_path / "rounds.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["automatic"]) for row in rows] == [h.given for h in record.out_of_fold]
    assert [int(row["automatic_wrong"]) for row in rows] == [h.wrong for h in record.out_of_fold]
    assert [float(row["map_out_of_fold"]) for row in rows] == pytest.approx(
        [h.map for h in record.out_of_fold], abs=1e-3
    )
    for row, held in zip(rows, record.out_of_fold, strict=True):
        low, high = held.interval or (0.0, 0.0)
        assert low < (held.map or 0.0) < high
        assert float(row["map_out_of_fold_low"]) == pytest.approx(low, abs=1e-3)
        assert float(row["map_out_of_fold_high"]) == pytest.approx(high, abs=1e-3)
    # None that has an automatic answer when it is asked for is asked.
    split = make_split(dataset, SETTINGS)
    shape = (len(split.pool), 6)
    place = {dataset.labels.images[row]: i for i, row in enumerate(split.pool)}
    for held, step in zip(record.out_of_fold, record.rounds, strict=False):
        assert held.absent
        assert held.present
        closed = held.absent.mask(shape) | held.present.mask(shape)
        for asked in step.asked:
            for name in asked.answers:
                assert not closed[place[asked.image], dataset.labels.names.index(name)]


@pytest.mark.slow
def test_off_a_run_is_what_it_was(dataset: Dataset, record: Record) -> None:
    off = simulate(replace(SETTINGS, auto=None), dataset=dataset)
    other = simulate(
        replace(SETTINGS, auto=None, auto_weight=0.1, folds=3, calibrate="clean"), dataset=dataset
    )
    assert told(off) == told(other)
    assert off.out_of_fold == []
    assert off.evaluations[0].epochs == record.evaluations[0].epochs
    assert off.maps[1:] != record.maps[1:]


@pytest.mark.slow
@pytest.mark.parametrize("steps", range(1, 12))
def test_a_run_stopped_after_any_step_goes_on_to_the_same_result(
    dataset: Dataset, record: Record, tmp_path: Path, steps: int
) -> None:
    left = steps

    def stop(_: Record) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(SETTINGS, tmp_path, dataset=dataset, on_event=stop)
    assert told(simulate(SETTINGS, tmp_path, dataset=dataset)) == told(record)
    assert told(load(tmp_path)) == told(record)


def run_of(dataset: Dataset, **changed: object) -> Simulation:
    settings = replace(SETTINGS, **changed)
    split = stratified_split(dataset.labels, settings.seed)
    return Simulation(dataset.labels, split, settings, prepare(dataset, split.seen, settings))


def side(mask: np.ndarray) -> AutoAnswers:
    labels = mask.shape[1]
    return AutoAnswers.of(mask, np.full(labels, np.nan), np.zeros_like(mask))


def answered(run: Simulation, absent: np.ndarray, present: np.ndarray, number: int = 0) -> None:
    run.take_out_of_fold(OutOfFold(number, 50.0, 0.0, side(absent), side(present)))


def test_automatic_answers_are_marked_weighed_and_made_again_from_scratch(dataset: Dataset) -> None:
    run = run_of(dataset, auto_weight=0.25)
    pool = run.split.pool
    unknown = run.known.human_labels.unknown[pool]
    assert run.learner.job(run.known).weights is None
    absent, present = np.zeros_like(unknown), np.zeros_like(unknown)
    absent[:100], present[100:150] = unknown[:100], unknown[100:150]
    answered(run, absent, present, 2)
    entries = run.known.entries[pool]
    assert (entries[absent] == ABSENT).all()
    assert (entries[present] == PRESENT).all()
    np.testing.assert_array_equal(run.known.by_machine(pool), absent | present)
    assert run.known.human_labels.unknown[pool][absent | present].all()
    job = run.learner.job(run.known)
    assert job.weights is not None
    by_machine = run.known.by_machine(job.rows)
    np.testing.assert_array_equal(job.weights, np.where(by_machine, np.float32(0.25), 1))
    assert run.cost == 0
    # What is no longer trusted is unknown again.
    answered(run, present, np.zeros_like(present), 3)
    entries = run.known.entries[pool]
    assert (entries[absent] == UNKNOWN).all()
    assert (entries[present] == ABSENT).all()


def test_a_persons_answer_goes_before_an_automatic_one(dataset: Dataset) -> None:
    run = run_of(dataset)
    run.evaluate()
    event = run.ask()
    asked = event.asked[0]
    (name, value), *_ = asked.answers.items()
    labels = run.known.human_labels
    place = [labels.images[row] for row in run.split.pool].index(asked.image)
    col = labels.names.index(name)
    wrong, nothing = np.zeros((2, len(run.split.pool), 6), np.bool_)
    wrong[place, col] = True
    answered(run, *((nothing, wrong) if value == ABSENT else (wrong, nothing)))
    row = int(run.split.pool[place])
    assert run.known.entries[row, col] == value
    assert run.known.by_machine(np.array([row])) is None, "that was the only one"
    # And one that comes later takes its place.
    other = run_of(dataset)
    answered(other, *((nothing, wrong) if value == ABSENT else (wrong, nothing)))
    assert other.known.entries[row, col] == 1 - value
    other.take(event)
    assert other.known.entries[row, col] == value


def test_a_round_with_nothing_left_to_ask_asks_nothing(dataset: Dataset) -> None:
    run = run_of(dataset)
    run.evaluate()
    unknown = run.known.human_labels.unknown[run.split.pool]
    answered(run, unknown, np.zeros_like(unknown))
    event = run.ask()
    assert (event.round, event.asked, run.cost) == (1, (), 0)
    answered(run, np.zeros_like(unknown), np.zeros_like(unknown))
    assert len(run.ask().asked) > 0


def test_what_a_person_could_not_tell_gets_no_automatic_answer(dataset: Dataset) -> None:
    run = run_of(dataset)
    pool = run.split.pool
    probabilities = (dataset.labels.entries * 0.98 + 0.01).astype(np.float32)
    before = run.learner.auto_answers(run.known, probabilities).entries[pool] != UNKNOWN
    asked = np.zeros(run.known.asked.shape, np.bool_)
    asked[pool[:200]] = True  # asked, and still unknown
    unsure = replace(run.known, asked=Sparse.of(asked, False))
    after = run.learner.auto_answers(unsure, probabilities).entries[pool] != UNKNOWN
    assert before[:200].any()
    assert not after[:200].any()
    assert after[200:].any()


@pytest.mark.parametrize("mechanism", ["positives", "single"])
def test_what_is_known_for_being_present_does_not_calibrate(
    dataset: Dataset, mechanism: str
) -> None:
    with pytest.raises(UsageError, match="cannot be calibrated on them"):
        run_of(dataset, mechanism=mechanism)
    run_of(dataset, mechanism=mechanism, calibrate="clean")
    run_of(dataset, mechanism=mechanism, auto=None)


def test_a_side_survives_packing() -> None:
    rng = np.random.default_rng(0)
    for shape in ((1, 1), (7, 3), (200, 80)):
        mask, other = rng.random((2, *shape)) < 0.3
        packed = AutoAnswers.of(mask, rng.random(shape[1]), other)
        np.testing.assert_array_equal(packed.mask(shape), mask)
        assert packed.given == tuple(mask.sum(axis=0))
        assert packed.wrong == tuple((mask & other).sum(axis=0))


@pytest.mark.slow
def test_summary_page_and_terminal_tell_of_automatic_answers_and_of_advice(
    record: Record, tmp_path: Path
) -> None:
    told = write_run(record, tmp_path)
    held = record.out_of_fold[-1]
    assert held.absent
    assert held.present
    assert told["automatic"] == {
        "bound": 0.15,
        "given": held.given,
        "wrong": held.wrong,
        "absent": {"given": sum(held.absent.given), "wrong": sum(held.absent.wrong)},
        "present": {"given": sum(held.present.given), "wrong": sum(held.present.wrong)},
    }
    assert told["advice"]["gain"] == record.advice.gain  # type: ignore[union-attr]
    assert told["advice_out_of_fold"]["says"].startswith("Expected of the next 40 answers: ")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for line in advice_lines(record):
        assert line in page
    first = advice_lines(record)[0]
    assert first.startswith("By the test set: expected of the next 40 answers: ")
    assert f"({held.wrong / held.given:.1%})" in advice_lines(record)[-1]
    cells = f"<td>{held.given}</td><td>{held.wrong}</td></tr>"
    assert re.sub(r"(?<=\d)[\u00a0\u202f](?=\d)", "", page).count(cells) == 1
    assert page.count("<tr><td><bdi>label") == 6


@pytest.mark.slow
def test_advice_is_none_before_a_round_and_a_run_ends_on_it_only_when_told(
    dataset: Dataset, tmp_path: Path
) -> None:
    settings = replace(SETTINGS, auto=None, rounds=6)
    assert simulate(replace(settings, rounds=0), dataset=dataset).advice is None
    plain = simulate(settings, dataset=dataset)
    assert plain.out_of_fold == []
    assert plain.out_of_fold_advice is None
    assert plain.advice is not None
    assert plain.advice.verdict is None
    advised = simulate(replace(settings, stop_below=1000.0), dataset=dataset)
    assert advised.maps == plain.maps
    assert [h.given for h in advised.out_of_fold] == [0] * 7
    assert advised.advice is not None
    assert advised.out_of_fold_advice is not None
    assert advised.advice.verdict == advised.out_of_fold_advice.verdict == "stop"
    ended = simulate(replace(settings, stop_below=1000.0, on_stop="end"), tmp_path, dataset=dataset)
    # As soon as anything can be told: after the fourth evaluation.
    assert ended.done
    assert ended.maps == plain.maps[:4]
    assert told(simulate(ended.settings, tmp_path, dataset=dataset)) == told(ended)


class Remembers(Estimator):
    """A model that notes what it was shown, and says by its logits which of all it is."""

    made: ClassVar[list[Remembers]] = []

    def __init__(self) -> None:
        self.number = len(self.made)
        self.made.append(self)

    def fit(self, inputs, targets, weights=None, **_):
        assert len(inputs) == len(targets) == len(weights)
        np.testing.assert_array_equal(targets[:, 0], inputs.places % 2)
        np.testing.assert_array_equal(weights[:, 0], inputs.places)
        self.shown = inputs.places

    def predict_proba(self, inputs):
        return np.full((len(inputs), 2), self.number, np.float32)


def test_no_model_sees_the_images_that_it_is_asked_about(dataset: Dataset) -> None:
    split = stratified_split(dataset.labels, 0)
    part = assign_folds(split, 800, 4, seed=0)
    assert (part[split.test] == -1).all()
    for rows in (split.clean, split.pool):
        counts = np.bincount(part[rows], minlength=4)
        assert counts.max() - counts.min() <= 1
    rows = np.sort(np.concatenate([split.clean, split.pool[::3]]))
    targets = np.stack([rows % 2] * 2, axis=1).astype(np.int8)
    weights = np.stack([rows] * 2, axis=1).astype(np.float32)
    Remembers.made.clear()
    found = out_of_fold(Remembers, Inputs(dataset.features), Job(rows, targets, weights, 0), part)
    assert np.isnan(found[split.test]).all()
    assert len(Remembers.made) == 4
    for number, model in enumerate(Remembers.made):
        asked = np.flatnonzero(found[:, 0] == number)
        assert not set(model.shown) & set(asked)
        assert set(model.shown) | set(np.intersect1d(asked, rows)) == set(rows)
        np.testing.assert_array_equal(part[asked], number)


@pytest.mark.slow
def test_over_many_runs_a_labels_bound_is_broken_no_more_than_promised(
    make_dataset: Callable[..., Dataset],
) -> None:
    """With models trained on the rest of the images, one draw of everything for each seed."""
    broken, of = 0, 0
    for seed in range(60):
        dataset = make_dataset(images=600, seed=seed)
        settings = replace(SETTINGS, seed=seed, auto=0.1)
        split = make_split(dataset, settings)
        run = Simulation(dataset.labels, split, settings, prepare(dataset, split.seen, settings))
        event = run.out_of_fold()
        truth = dataset.labels.entries[split.pool]
        for side, other in ((event.absent, PRESENT), (event.present, ABSENT)):
            assert side is not None
            for col in range(6):
                if side.given[col]:
                    of += 1
                    theirs = (
                        (truth[:, col] == other) & run.known.initially_unknown[split.pool][:, col]
                    ).sum()
                    broken += side.wrong[col] > 0.1 * min(side.given[col], max(theirs, 1))
    assert of > 100
    assert broken <= binom.isf(1e-3, of, SETTINGS.auto_delta)
