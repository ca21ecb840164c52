"""Weak absents: whose they are, what they count, and that other tables never have any."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from alasl.data.dataset import Dataset
from alasl.data.evidence import Predictions
from alasl.data.opening import make_split
from alasl.labels import ABSENT, PRESENT, UNKNOWN, Labels
from alasl.learner import ActiveLearner, Known, NotGiven, size, weak
from alasl.learner import learner as learning
from alasl.learner.weak import COUNTS, SHARES, WeakAbsents, Worth, weighted
from alasl.metrics import surely_above
from alasl.models.base import Job
from alasl.models.prepare import prepare
from alasl.settings import RunSettings
from alasl.simulation.simulation import Simulation
from alasl.sparse import Sparse

MakeDataset = Callable[..., Dataset]
TAGS = RunSettings(data="made", mechanism="positives", missing=0.5, answers=40)


def run_of(dataset: Dataset, settings: RunSettings = TAGS, **more: Any) -> Simulation:
    settings = replace(settings, **more)
    split = make_split(dataset, settings)
    return Simulation(dataset.labels, split, settings, prepare(dataset, split.seen, settings))


def presents_only(run: Simulation) -> tuple[ActiveLearner, Known]:
    """The run's learner, and a table that knows of no absent outside the test set."""
    learner, split = run.learner, run.split
    entries = run.known.human_labels.entries.copy()
    seen = split.seen
    entries[seen] = np.where(entries[seen] == ABSENT, UNKNOWN, entries[seen])
    unknown = np.zeros(entries.shape, np.bool_)
    unknown[split.pool] = entries[split.pool] == UNKNOWN
    labels = run.known.human_labels.but(entries)
    return learner, replace(run.known, human_labels=labels, initially_unknown=NotGiven.of(unknown))


def parts_of(run: Simulation) -> tuple[Any, ...]:
    """What a learner of its own on the run's table is made of."""
    learner = run.learner
    return learner._prepared, learner.split, learner.settings, learner.test_entries


@pytest.mark.parametrize("weights", [False, True])
def test_weights_are_those_of_loops(weights: bool) -> None:
    rng = np.random.default_rng(0)
    targets = rng.choice(np.array([1, 0, -1], np.int8), (30, 4), p=[0.2, 0.1, 0.7])
    guessed = (targets == UNKNOWN) & (rng.random(targets.shape) < 0.9)
    guessed[:, 3] = False
    before = rng.random(targets.shape).astype(np.float32) if weights else None
    capped = (targets == ABSENT) & (rng.random(targets.shape) < 0.5)
    job = weighted(Job(np.arange(30), targets, before, 7), guessed, Worth(0.25, 0.03), capped)
    assert job.weights is not None
    for j in range(4):
        left = sum(bool(guessed[i, j]) for i in range(30)) / 30
        for i in range(30):
            own = 1.0 if before is None else float(before[i, j])
            count = 0.25**left
            if capped[i, j]:
                own = min(own, 0.3)
            assert job.targets[i, j] == (ABSENT if guessed[i, j] else targets[i, j])
            assert job.weights[i, j] == pytest.approx(count * (0.03 if guessed[i, j] else own))
    assert job.targets.dtype == np.int8
    assert job.weights.dtype == np.float32
    assert job.seed == 7


@pytest.mark.parametrize("mechanism", ["uniform", "label", "image"])
@pytest.mark.parametrize("missing", [0.0, 0.4, 0.9, 0.98])
def test_a_table_that_chance_made_incomplete_trains_as_if_it_were_ignored(
    make_dataset: MakeDataset, mechanism: str, missing: float
) -> None:
    settings = replace(TAGS, mechanism=mechanism, missing=missing, rounds=0)
    runs = [run_of(make_dataset(), settings, assume=assume) for assume in ("auto", "ignore")]
    jobs = [run.learner.job(run.known) for run in runs]
    assert jobs[0].key() == jobs[1].key()
    scores = [run.learner.train(run.known).probabilities for run in runs]
    np.testing.assert_array_equal(*scores)


def test_unknown_entries_of_tags_are_absent_and_weak(make_dataset: MakeDataset) -> None:
    learner, known = presents_only(run_of(make_dataset()))
    rows = learner.split.seen
    job = learner.job(known)
    np.testing.assert_array_equal(job.rows, rows)
    np.testing.assert_array_equal(job.targets, (known.entries[rows] == PRESENT).astype(np.int8))
    worth = learner._weak_absents._worth
    assert worth is not None
    assert worth.count in (1, *COUNTS)
    assert worth.share in (1, *SHARES)
    unknown = known.entries[rows] == UNKNOWN
    weights = np.where(unknown, worth.share, 1) * worth.count ** unknown.mean(axis=0)
    np.testing.assert_allclose(job.weights, weights, rtol=1e-6)


def test_a_standard_error_is_what_it_takes_to_change_a_choice() -> None:
    other = np.array([[0.5, np.nan, 0.2], [0.4, 0.3, 0.6]])
    for away, sure in (([0.1, 0.1, 0.1, 0.1, 0.1], True), ([0.2, -0.1, 0.1, 0.0, -0.1], False)):
        one = other.copy()
        one[~np.isnan(other)] += away
        mean = sum(away) / 5
        error = (sum((each - mean) ** 2 for each in away) / 5 / 5) ** 0.5
        assert surely_above(one, other) == (mean > error) == sure
        assert surely_above(one, other, 1.5) == (mean > 1.5 * error)
    assert not surely_above(other, other)


@pytest.mark.slow
def test_without_a_sure_gain_they_are_plain_absents_or_none_where_absents_are_known(
    make_dataset: MakeDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weak, "surely_above", lambda *_: False)
    run = run_of(make_dataset(400), clean=0.3)
    learner, known = presents_only(run)
    assert learner.job(known).weights is not None
    assert learner._weak_absents._worth == Worth(1.0, 1.0)
    # The clean set is known whole: its absents tell that the weak ones bring nothing.
    job = ActiveLearner(*parts_of(run)).job(run.known)
    ignored = run_of(make_dataset(400), clean=0.3, assume="ignore")
    assert job.key() == ignored.learner.job(ignored.known).key()


def test_an_answer_takes_a_weak_absents_place_and_what_nobody_can_tell_is_none(
    make_dataset: MakeDataset,
) -> None:
    learner, known = presents_only(run_of(make_dataset()))
    first = learner.job(known)
    row = int(learner.split.pool[np.argmax((known.entries[learner.split.pool] < 0).all(axis=1))])
    entries, closed = known.human_labels.entries.copy(), known.closed.put([row], [2], True)
    entries[row, :2] = PRESENT, ABSENT
    asked = closed.put([row, row], [0, 1], True)
    told = known.human_labels.but(entries)
    later = replace(known, human_labels=told, asked=asked, closed=closed)
    job = learner.job(later)
    place = int(np.flatnonzero(job.rows == row)[0])
    assert job.targets[place].tolist() == [PRESENT, ABSENT, UNKNOWN, *[ABSENT] * 3]
    assert job.weights is not None
    assert job.weights[place, 1] == job.weights[job.targets[:, 1] == PRESENT, 1].max()
    assert first.weights is not None


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("worth", [Worth(), Worth(0.25, 0.03)], ids=["little", "less"])
def test_of_a_large_table_they_are_not_held(
    make_dataset: MakeDataset, monkeypatch: pytest.MonkeyPatch, worth: Worth, told: bool
) -> None:
    monkeypatch.setattr(WeakAbsents, "_chosen", lambda *_: worth)
    dataset = make_dataset()
    if told:
        said = np.random.default_rng(0).random(dataset.labels.shape).astype(np.float32)
        dataset = replace(dataset, predictions=(Predictions("told", said),))
    learner, known = presents_only(run_of(dataset))
    entries, pool = known.human_labels.entries.copy(), learner.split.pool
    entries[pool[:4], 0] = ABSENT, ABSENT, PRESENT, UNKNOWN
    asked = known.asked.put(pool[:4], [0] * 4, True)
    closed = known.closed.put(pool[3:5], [0, 1], True)
    known = replace(known, human_labels=known.human_labels.but(entries), asked=asked, closed=closed)
    job, logits = learner.job(known), learner.train(known).logits
    monkeypatch.setattr(size, "LARGE", 0)
    monkeypatch.setattr(learning, "FEW", 0)
    few = learner.job(known)
    assert len(few.targets) < (entries[few.rows] >= 0).sum() + 3
    np.testing.assert_array_equal(few.rows, job.rows)
    np.testing.assert_array_equal(few.targets.dense(), job.targets)
    counts = job.targets >= 0
    np.testing.assert_array_equal(few.weights.dense()[counts], job.weights[counts])
    assert few.key() != replace(few, targets=replace(few.targets, empty=-1)).key()
    np.testing.assert_allclose(learner.train(known).logits, logits, atol=1e-3)
    some = np.arange(0, len(job.rows), 2)
    np.testing.assert_array_equal(few.take(some, 0).targets.dense(), job.targets[some])
    learner._fit_members(known)
    assert learner.estimator.members_proba(learner.inputs.take(pool)).shape[1] == len(pool)


def test_what_they_count_follows_from_what_was_given(
    make_dataset: MakeDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(make_dataset())
    learner, known = presents_only(run)
    learner.job(known)
    half = known.initially_unknown.dense() & (np.arange(200) % 2 == 0)[:, None]
    entries = np.where(half, run._truth.entries, known.human_labels.entries)
    later = replace(known, human_labels=known.human_labels.but(entries), asked=Sparse.of(half, 0))
    chosen = WeakAbsents._chosen
    asked: list[Any] = []

    def spied(self: WeakAbsents, given: Any, labels: Any) -> Worth:
        asked.append(given)
        return chosen(self, given, labels)

    monkeypatch.setattr(WeakAbsents, "_chosen", spied)
    fresh, _ = presents_only(run_of(make_dataset()))
    assert fresh.job(later).key() == learner.job(later).key()
    every = np.arange(len(known.entries))
    np.testing.assert_array_equal(asked[0].given(every).dense(), known.entries)


def test_when_all_is_answered_they_are_gone(make_dataset: MakeDataset) -> None:
    run = run_of(make_dataset())
    learner, known = presents_only(run)
    learner.job(known)
    done = learner.job(replace(known, human_labels=run._truth))
    np.testing.assert_array_equal(done.targets, run._truth.entries[done.rows])
    assert done.weights is None


@pytest.mark.parametrize(
    "more", [{"assume": "ignore"}, {"model": "probe", "loss": "an"}], ids=["ignore", "an"]
)
def test_nor_where_the_settings_or_the_loss_say_otherwise(
    make_dataset: MakeDataset, more: dict[str, Any]
) -> None:
    learner, known = presents_only(run_of(make_dataset(), **more))
    job = learner.job(known)
    np.testing.assert_array_equal(job.targets, known.entries[job.rows])
    assert job.weights is None


def in_groups(seed: int, images: int = 600, labels: int = 6, groups: int = 8) -> Dataset:
    """Images of a few kinds, as real ones are; a label is present in a tenth of them."""
    rng = np.random.default_rng(seed)
    kinds = 2 * rng.standard_normal((groups, 16))
    features = rng.standard_normal((images, 16)) + kinds[rng.integers(0, groups, images)]
    said = features @ rng.standard_normal((16, labels))
    entries = (said > np.quantile(said, 0.9, axis=0)).astype(np.int8)
    names = tuple(f"label{j}" for j in range(labels))
    ids = tuple(f"{i:04d}.jpg" for i in range(images))
    return Dataset(Labels(entries, names, ids), features=features.astype(np.float32), name="made")


@pytest.mark.slow
@pytest.mark.parametrize("missing", [0.0, 0.5])
def test_they_are_worth_much(missing: float) -> None:
    maps: dict[str, list[float]] = {"auto": [], "ignore": [], "absent": []}
    for seed in range(3):
        for assume, found in maps.items():
            more = {"assume": assume, "seed": seed, "clean": 0.2, "missing": missing}
            learner, known = presents_only(run_of(in_groups(seed), **more))
            found.append(learner.train(known).epochs[-1])
    mean = {assume: np.mean(found) for assume, found in maps.items()}
    assert mean["auto"] > mean["ignore"] + 8
    assert mean["auto"] > mean["absent"] - 1


@pytest.mark.parametrize(
    "more", [{}, {"model": "probe"}, {"model": "sklearn.naive_bayes:GaussianNB"}], ids=str
)
def test_every_model_on_features_learns_from_them(
    make_dataset: MakeDataset, more: dict[str, Any]
) -> None:
    learner, known = presents_only(run_of(make_dataset(), **more))
    assert learner.train(known).epochs[-1] > 40


@pytest.mark.slow
def test_other_models_predictions_go_with_the_labels_tried(make_dataset: MakeDataset) -> None:
    dataset = make_dataset(120, 40)
    said = np.random.default_rng(0).random(dataset.labels.shape).astype(np.float32)
    dataset = replace(dataset, predictions=(Predictions("told", said),))
    learner, known = presents_only(run_of(dataset))
    learner.train(known)
    assert isinstance(learner._weak_absents, WeakAbsents)


def test_automatic_answers_are_not_calibrated_on_presents(
    make_dataset: MakeDataset, caplog: pytest.LogCaptureFixture
) -> None:
    run = run_of(make_dataset(400), auto=0.2, auto_delta=0.4, auto_share="answers", clean=0.3)
    probabilities = (run._truth.entries * 0.98 + 0.01).astype(np.float32)
    with caplog.at_level(logging.WARNING):
        assert (run.learner.auto_answers(run.known, probabilities).entries >= 0).any()
    assert not caplog.messages
    learner, known = presents_only(run)
    with caplog.at_level(logging.WARNING):
        found = learner.auto_answers(known, probabilities)
    assert (found.entries == UNKNOWN).all()
    assert "no automatic answers for 6 of 6 labels: their given entries are known" in caplog.text
