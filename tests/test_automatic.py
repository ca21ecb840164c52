"""A run with automatic answers: what they change, what they never do, and going on after a kill."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from alasl.data.dataset import Dataset
from alasl.data.split import stratified_split
from alasl.errors import UsageError
from alasl.experiment import hold_out, make_classifier, make_split, simulate
from alasl.labels import ABSENT, PRESENT, UNKNOWN
from alasl.loop import Loop
from alasl.models.crossfit import deal, out_of_fold
from alasl.report import advice_lines, write_run
from alasl.runs import HeldOut, Record, Side, load, write_results
from alasl.settings import RunSettings

SETTINGS = RunSettings(
    data="made",
    strategy="random",
    ask="entries",
    model="logistic",
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
    held = [replace(h, seconds=0.0) for h in record.held]
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
    assert [h.round for h in record.held] == [0, 1, 2, 3]
    assert all(h.given > 100 for h in record.held)
    assert record.costs == [0, 40, 80, 120]
    assert all(0 <= h.wrong <= 0.15 * h.given for h in record.held)
    write_results(record, tmp_path, {})
    with (tmp_path / "rounds.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["automatic"]) for row in rows] == [h.given for h in record.held]
    assert [int(row["automatic_wrong"]) for row in rows] == [h.wrong for h in record.held]
    assert [float(row["map_held_out"]) for row in rows] == pytest.approx(
        [h.map for h in record.held], abs=1e-3
    )
    # None that has an automatic answer when it is asked for is asked.
    split = make_split(dataset, SETTINGS)
    shape = (len(split.pool), 6)
    place = {dataset.labels.images[row]: i for i, row in enumerate(split.pool)}
    for held, step in zip(record.held, record.rounds, strict=False):
        assert held.absent
        assert held.present
        closed = held.absent.mask(shape) | held.present.mask(shape)
        for asked in step.asked:
            for name in asked.answers:
                assert not closed[place[asked.image], dataset.labels.names.index(name)]


def test_off_a_run_is_what_it_was(dataset: Dataset, record: Record) -> None:
    off = simulate(replace(SETTINGS, auto=None), dataset=dataset)
    other = simulate(
        replace(SETTINGS, auto=None, auto_weight=0.1, folds=3, calibrate="clean"), dataset=dataset
    )
    assert told(off) == told(other)
    assert off.held == []
    assert off.evaluations[0].epochs == record.evaluations[0].epochs
    assert off.maps[1:] != record.maps[1:]


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


def loop_of(dataset: Dataset, **changed: object) -> Loop:
    settings = replace(SETTINGS, **changed)
    return Loop(dataset.labels, stratified_split(dataset.labels, settings.seed), settings)


def side(mask: np.ndarray) -> Side:
    labels = mask.shape[1]
    return Side.of(mask, np.full(labels, np.nan), np.zeros_like(mask))


def answered(loop: Loop, absent: np.ndarray, present: np.ndarray, number: int = 0) -> None:
    loop.take_held(HeldOut(number, 50.0, 0.0, side(absent), side(present)))


def test_automatic_answers_are_marked_weighed_and_made_again_from_scratch(dataset: Dataset) -> None:
    loop = loop_of(dataset, auto_weight=0.25)
    pool = loop.split.pool
    unknown = loop.labels.unknown[pool]
    assert loop.weights(pool) is None
    absent, present = np.zeros_like(unknown), np.zeros_like(unknown)
    absent[:100], present[100:150] = unknown[:100], unknown[100:150]
    answered(loop, absent, present, 2)
    entries = loop.labels.entries[pool]
    assert (entries[absent] == ABSENT).all()
    assert (entries[present] == PRESENT).all()
    row, col = pool[np.nonzero(present)[0][0]], np.nonzero(present)[1][0]
    assert loop.labels.source_of(int(row), int(col)) == "automatic, round 2"
    weights = loop.weights(pool)
    assert weights is not None
    np.testing.assert_array_equal(weights, np.where(absent | present, 0.25, 1))
    assert loop.cost == 0
    # What is no longer trusted is unknown again.
    answered(loop, present, np.zeros_like(present), 3)
    entries = loop.labels.entries[pool]
    assert (entries[absent] == UNKNOWN).all()
    assert (entries[present] == ABSENT).all()


def test_a_persons_answer_goes_before_an_automatic_one(dataset: Dataset) -> None:
    loop = loop_of(dataset)
    event = loop.ask()
    asked = event.asked[0]
    (name, value), *_ = asked.answers.items()
    place = [loop.labels.images[row] for row in loop.split.pool].index(asked.image)
    col = loop.labels.names.index(name)
    wrong, nothing = np.zeros((2, len(loop.split.pool), 6), np.bool_)
    wrong[place, col] = True
    answered(loop, *((nothing, wrong) if value == ABSENT else (wrong, nothing)))
    row = int(loop.split.pool[place])
    assert loop.labels.entries[row, col] == value
    assert loop.labels.source_of(row, col) == "oracle, round 1"
    # And one that comes later takes its place.
    other = loop_of(dataset)
    answered(other, *((nothing, wrong) if value == ABSENT else (wrong, nothing)))
    assert other.labels.entries[row, col] == 1 - value
    other.take(event)
    assert other.labels.entries[row, col] == value


def test_a_round_with_nothing_left_to_ask_asks_nothing(dataset: Dataset) -> None:
    loop = loop_of(dataset)
    unknown = loop.labels.unknown[loop.split.pool]
    answered(loop, unknown, np.zeros_like(unknown))
    event = loop.ask()
    assert (event.round, event.asked, loop.cost) == (1, (), 0)
    answered(loop, np.zeros_like(unknown), np.zeros_like(unknown))
    assert len(loop.ask().asked) > 0


def test_what_a_person_could_not_tell_gets_no_automatic_answer(dataset: Dataset) -> None:
    loop = loop_of(dataset)
    pool = loop.split.pool
    probabilities = dataset.labels.entries * 0.98 + 0.01
    absent, present = loop.label(probabilities)
    before = absent.mask((len(pool), 6)) | present.mask((len(pool), 6))
    loop._asked[:200] = True  # asked, and still unknown
    absent, present = loop.label(probabilities)
    after = absent.mask((len(pool), 6)) | present.mask((len(pool), 6))
    assert before[:200].any()
    assert not after[:200].any()
    assert after[200:].any()


@pytest.mark.parametrize("mechanism", ["positives", "single"])
def test_what_is_known_for_being_present_does_not_calibrate(
    dataset: Dataset, mechanism: str
) -> None:
    with pytest.raises(UsageError, match="cannot be calibrated on them"):
        loop_of(dataset, mechanism=mechanism)
    loop_of(dataset, mechanism=mechanism, calibrate="clean")
    loop_of(dataset, mechanism=mechanism, auto=None)


def test_a_side_survives_packing() -> None:
    rng = np.random.default_rng(0)
    for shape in ((1, 1), (7, 3), (200, 80)):
        mask, other = rng.random((2, *shape)) < 0.3
        packed = Side.of(mask, rng.random(shape[1]), other)
        np.testing.assert_array_equal(packed.mask(shape), mask)
        assert packed.given == tuple(mask.sum(axis=0))
        assert packed.wrong == tuple((mask & other).sum(axis=0))


def test_summary_page_and_terminal_tell_of_automatic_answers_and_of_advice(
    record: Record, tmp_path: Path
) -> None:
    told = write_run(record, tmp_path)
    held = record.held[-1]
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
    assert told["advice_held_out"]["says"].startswith("Expected of the next 40 answers: ")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for line in advice_lines(record):
        assert line in page
    first = advice_lines(record)[0]
    assert first.startswith("By the test set: expected of the next 40 answers: ")
    assert f"({held.wrong / held.given:.1%})" in advice_lines(record)[-1]
    cells = f"<td>{held.given}</td><td>{held.wrong}</td></tr>"
    assert re.sub(r"(?<=\d)[\u00a0\u202f](?=\d)", "", page).count(cells) == 1
    assert page.count("<tr><td><bdi>label") == 6


def test_advice_is_none_before_a_round_and_a_run_ends_on_it_only_when_told(
    dataset: Dataset, tmp_path: Path
) -> None:
    settings = replace(SETTINGS, auto=None, rounds=6)
    assert simulate(replace(settings, rounds=0), dataset=dataset).advice is None
    plain = simulate(settings, dataset=dataset)
    assert plain.held == []
    assert plain.held_advice is None
    assert plain.advice is not None
    assert plain.advice.verdict is None
    advised = simulate(replace(settings, stop_below=1000.0), dataset=dataset)
    assert advised.maps == plain.maps
    assert [h.given for h in advised.held] == [0] * 7
    assert advised.advice is not None
    assert advised.held_advice is not None
    assert advised.advice.verdict == advised.held_advice.verdict == "stop"
    ended = simulate(replace(settings, stop_below=1000.0, on_stop="end"), tmp_path, dataset=dataset)
    # As soon as anything can be told: after the fourth evaluation.
    assert ended.done
    assert ended.maps == plain.maps[:4]
    assert told(simulate(ended.settings, tmp_path, dataset=dataset)) == told(ended)


class Remembers:
    """A classifier that notes what it was shown, and predicts the number of the training."""

    def __init__(self) -> None:
        self.shown: list[np.ndarray] = []

    def fit(self, rows, targets, *, seed, weights=None, **_):  # noqa: ARG002
        assert len(rows) == len(targets) == len(weights)
        np.testing.assert_array_equal(targets[:, 0], rows % 2)
        np.testing.assert_array_equal(weights[:, 0], rows)
        self.shown.append(rows)

    def predict(self, rows):
        return np.full((len(rows), 2), len(self.shown) - 1, np.float32)


def test_no_model_sees_the_images_that_it_is_asked_about(dataset: Dataset) -> None:
    split = stratified_split(dataset.labels, 0)
    part = deal(split, 800, 4, seed=0)
    assert (part[split.test] == -1).all()
    for rows in (split.clean, split.pool):
        counts = np.bincount(part[rows], minlength=4)
        assert counts.max() - counts.min() <= 1
    rows = np.sort(np.concatenate([split.clean, split.pool[::3]]))
    targets = np.stack([rows % 2] * 2, axis=1).astype(np.int8)
    classifier = Remembers()
    said = out_of_fold(
        classifier,  # type: ignore[arg-type]
        rows,
        targets,
        part,
        seed=0,
        weights=np.stack([rows] * 2, axis=1),
    )
    assert np.isnan(said[split.test]).all()
    assert len(classifier.shown) == 4
    for number, shown in enumerate(classifier.shown):
        asked = np.flatnonzero(said[:, 0] == number)
        assert not set(shown) & set(asked)
        assert set(shown) | set(np.intersect1d(asked, rows)) == set(rows)
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
        loop = Loop(dataset.labels, split, settings)
        event = hold_out(loop, make_classifier(dataset, split, settings))
        truth = dataset.labels.entries[split.pool]
        for side, other in ((event.absent, PRESENT), (event.present, ABSENT)):
            assert side is not None
            for col in range(6):
                if side.given[col]:
                    of += 1
                    theirs = ((truth[:, col] == other) & loop._was_unknown[:, col]).sum()
                    broken += side.wrong[col] > 0.1 * min(side.given[col], max(theirs, 1))
    assert of > 100
    assert broken <= binom.isf(1e-3, of, SETTINGS.auto_delta)
