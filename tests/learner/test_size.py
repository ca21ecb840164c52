"""A large table is trained on by its known entries alone, as a small one is whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from alasl import sparse
from alasl.data.dataset import Dataset
from alasl.data.evidence import Predictions
from alasl.data.opening import make_split
from alasl.errors import NothingToDo, UsageError
from alasl.labels import Labels
from alasl.learner import ActiveLearner, asking, scoring, size
from alasl.learner import learner as learning
from alasl.learner.asking import Asking
from alasl.models import known as known_entries
from alasl.models import prepare as prepared_images
from alasl.models import solver
from alasl.models.estimators import logistic
from alasl.models.prepare import prepare
from alasl.models.transforms import Applied
from alasl.project.targets import Chances, Weights
from alasl.settings import RunSettings
from alasl.simulation.simulation import Simulation
from alasl.sparse import Sparse
from alasl.strategies import resolve


@pytest.mark.parametrize("said", ["given", "by people", "by a machine", "with predictions"])
def test_known_entries_alone_teach_the_same(
    make_dataset: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    dataset = make_dataset(120)
    if said == "with predictions":
        others = tuple(told(dataset, name, 0) for name in ("one", "two"))
        dataset = replace(dataset, predictions=others)
    settings = RunSettings(data="made", missing=0.7, answers=30)
    split = make_split(dataset, settings)
    run = Simulation(dataset.labels, split, settings, prepare(dataset, split.seen, settings))
    known, learner = run.known, run.learner
    open_ = split.pool[known.of(split.pool)[:, 0] < 0]
    cols = np.zeros(len(open_), np.intp)
    if said == "by people":
        chances = np.linspace(0.1, 0.9, len(open_), dtype=np.float32)
        machine = Sparse.at_places(known.sparse.shape, open_[:5], cols[:5], np.int8(1))
        known = replace(
            known,
            targets=Chances(known.human_labels, open_, cols, chances),
            weights=Weights(machine, 0.5),
        )
    elif said == "by a machine":
        known = replace(
            known, automatic=Sparse.at_places(known.sparse.shape, open_, cols, np.int8(1))
        )
    whole, job = learner.train(known).logits, learner.job(known)
    monkeypatch.setattr(size, "LARGE", 0)
    monkeypatch.setattr(learning, "FEW", 0)
    monkeypatch.setattr(Labels, "of", None)  # no image is taken whole
    few = learner.job(known)
    assert isinstance(few.targets, Sparse)
    assert few.key() != job.key()
    np.testing.assert_array_equal(few.rows, job.rows)
    np.testing.assert_array_equal(few.targets.dense(), job.targets)
    assert (few.weights is None) == (job.weights is None)
    if few.weights is not None:
        np.testing.assert_array_equal(
            few.weights.dense()[job.targets >= 0], job.weights[job.targets >= 0]
        )
    np.testing.assert_allclose(learner.train(known).logits, whole, atol=1e-5)
    # Of much that is known, choices are made by some labels.
    monkeypatch.setattr(logistic, "CHOSEN", len(few.targets) // 2)
    assert np.isfinite(learner.train(known).logits).all()


@pytest.mark.parametrize("strategy", ["variance", "entry-entropy", "entry-positive", "entropy"])
@pytest.mark.parametrize("by", ["label", "image"])
def test_what_others_say_is_found_label_by_label(
    make_dataset: Callable[..., Dataset],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    strategy: str,
    by: str,
) -> None:
    dataset = make_dataset(150)
    others = tuple(told(dataset, name, seed) for seed, name in enumerate(("one", "two")))
    dataset = replace(dataset, predictions=others)
    asked = {"images": 5} if strategy == "entropy" else {"answers": 25, "by": by}
    settings = RunSettings(data="made", missing=0.7, strategy=strategy, **asked)
    split = make_split(dataset, settings)
    run = Simulation(dataset.labels, split, settings, prepare(dataset, split.seen, settings))
    run.evaluate()
    whole = run.learner.ask(run.known)
    monkeypatch.setattr(size, "LARGE", 0)
    if strategy != "entropy":  # which goes image by image
        monkeypatch.setattr(Asking, "_pool", None)
    monkeypatch.setattr(scoring, "LABELS", 4)
    few = run.learner.ask(run.known)
    np.testing.assert_array_equal(few.rows, whole.rows)
    np.testing.assert_array_equal(few.cols, whole.cols)
    assert not caplog.records
    if strategy == "variance":
        # Of features that do not fit, what others say is of the same images.
        monkeypatch.setattr(asking, "SEEN", 30 * run.learner.inputs.array().shape[1])
        _, rows = run.learner._drawn(run.known, split.pool)
        assert np.isin(run.learner.ask(run.known).rows, rows[:30]).all()


def told(dataset: Dataset, name: str, seed: int) -> Predictions:
    """Predictions that say nothing of some images."""
    rng = np.random.default_rng(seed)
    likely = 0.2 + 0.5 * (dataset.labels.entries == 1) + 0.3 * rng.random(dataset.labels.shape)
    likely[seed::7] = np.nan
    return Predictions(name, likely.astype(np.float32))


def test_of_too_large_a_pool_a_part_is_shown(
    make_dataset: Callable[..., Dataset],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    dataset = make_dataset(120)
    settings = RunSettings(data="made", missing=0.7, images=20, rounds=1, strategy="entropy")
    split = make_split(dataset, settings)
    run = Simulation(dataset.labels, split, settings, prepare(dataset, split.seen, settings))
    run.evaluate()
    labels = dataset.labels.shape[1]
    monkeypatch.setattr(asking, "WHOLE", 25 * labels)
    pool = run.learner._pool(run.known, split.pool, resolve("audi"))
    assert len(pool) == 25
    assert set(np.asarray(pool.ids)) < set(split.pool)
    assert "audi weighs tables of all that can be asked: it is shown 25 of" in caplog.text
    labelled = pool.need("labelled")
    assert not np.isin(labelled.ids, split.pool).any(), "what is not shown is not labelled"
    query = run.learner.ask(run.known)
    assert len(np.unique(query.rows)) <= 25
    caplog.clear()
    # Chance is as good among as many, drawn.
    assert len(run.learner.ask(run.known, by="random")) > 0
    assert not caplog.records


def test_nothing_is_asked_of_images_left_out(make_dataset: Callable[..., Dataset]) -> None:
    dataset = make_dataset(60)
    settings = RunSettings(data="made", missing=0.7, answers=60, rounds=1, by="label")
    split = make_split(dataset, settings)
    run = Simulation(dataset.labels, split, settings, prepare(dataset, split.seen, settings))
    run.evaluate()
    lost = np.zeros(60, np.bool_)
    lost[split.pool[::2]] = True
    asked = np.unique(run.learner.ask(run.known, without=lost).rows)
    assert set(asked) <= set(split.pool[1::2])
    assert len(set(run.learner.ask(run.known).rows) & set(split.pool[::2])) > 0
    lost[split.pool] = True
    with pytest.raises(NothingToDo):
        run.learner.ask(run.known, without=lost)


def test_some_entries_are_judged_as_in_the_whole_table(
    make_dataset: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = make_dataset(60)
    settings = RunSettings(data="made", missing=0.7, answers=10, folds=3)
    split = make_split(dataset, settings)
    run = Simulation(dataset.labels, split, settings, prepare(dataset, split.seen, settings))
    folded = run.learner.folded(run.known)
    whole = run.learner.out_of_fold(run.known)
    rng = np.random.default_rng(0)
    rows, cols = rng.integers(0, 60, 300), rng.integers(0, dataset.labels.shape[1], 300)
    monkeypatch.setattr(sparse, "_BLOCK", 7 * dataset.labels.shape[1])
    np.testing.assert_allclose(folded.at(rows, cols), whole[rows, cols], rtol=1e-5)
    assert np.isnan(folded.at(split.test, 0 * split.test)).all()


def test_features_that_do_not_fit_are_made_when_they_are_asked_for(
    make_dataset: Callable[..., Dataset],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    dataset = make_dataset(200)
    settings = RunSettings(data="made", missing=0.7, answers=30, strategy="variance", by="label")
    split = make_split(dataset, settings)

    def learner() -> Simulation:
        prepared = prepare(dataset, split.seen, settings)
        run = Simulation(dataset.labels, split, settings, prepared)
        run.evaluate()
        return run

    whole = learner()
    monkeypatch.setattr(prepared_images, "HELD", 0)
    made = learner()
    seen = made.learner.inputs
    assert isinstance(seen.features, Applied)
    np.testing.assert_allclose(seen.array(), whole.learner.inputs.array(), atol=1e-5)
    ours, theirs = (run.learner.train(run.known).logits for run in (made, whole))
    np.testing.assert_allclose(ours, theirs, atol=1e-3)
    # Of too many, the first by their draws are held, and variance looks at all the same.
    monkeypatch.setattr(size, "LARGE", 0)
    monkeypatch.setattr(asking, "SEEN", 20 * seen.features.shape[1])
    query = made.learner.ask(made.known)
    _, rows = made.learner._drawn(made.known, split.pool)
    assert np.isin(query.rows, rows[20:]).any()
    # One that goes image by image is shown all.
    ours, theirs = (run.learner.ask(made.known, by="entropy") for run in (made, whole))
    np.testing.assert_array_equal(ours.rows, theirs.rows)
    assert not caplog.records
    # Another strategy that goes label by label is shown these alone, and where neighbours count.
    shown = "shown 20 of them, drawn"
    with monkeypatch.context() as patch:
        patch.setattr(type(made.learner.estimator), "smooth", 0.5)
        assert np.isin(made.learner.ask(made.known).rows, rows[:20]).all()
        assert f"variance is {shown}" in caplog.text
    made.learner.strategy = resolve("entry-margin")
    assert np.isin(made.learner.ask(made.known).rows, rows[:20]).all()
    assert f"entry-margin is {shown}" in caplog.text


@pytest.mark.parametrize(
    "model",
    ["logistic:smooth=0:spread=1.8", "logistic", "logistic:smooth=0.5", "probe:epochs=2"],
)
def test_of_features_that_do_not_fit_a_training_makes_a_labels_own(
    make_dataset: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    dataset = make_dataset(400)
    settings = RunSettings(data="made", missing=0.9, answers=30, model=model)
    split = make_split(dataset, settings)
    monkeypatch.setattr(size, "LARGE", 0)
    monkeypatch.setattr(learning, "FEW", 0)
    monkeypatch.setattr(solver, "SAMPLE", 20)
    monkeypatch.setattr(known_entries, "GATHERED", 0)
    monkeypatch.setattr(known_entries, "GAIN", 1)

    def learner() -> ActiveLearner:
        prepared = prepare(dataset, split.seen, settings)
        return Simulation(dataset.labels, split, settings, prepared).learner

    run = Simulation(dataset.labels, split, settings, prepare(dataset, split.seen, settings))
    known, whole = run.known, learner().train(run.known).logits
    monkeypatch.setattr(prepared_images, "HELD", 0)
    made, many, find = learner(), [], Applied.__getitem__

    def seen(features: Applied, rows: Any) -> Any:
        found = find(features, rows)
        many.append(len(found))
        return found

    monkeypatch.setattr(Applied, "__getitem__", seen)
    np.testing.assert_allclose(made.train(known).logits, whole, atol=1e-3)
    if "spread" in model:  # or all are looked at to find it
        most = max(len(split.test), *known.sparse.take(split.seen).per_col())
        assert max(many) <= most < len(made.job(known).rows)


def test_what_needs_a_whole_table_says_so() -> None:
    size.require_whole("plans", (2**20, 128))
    with pytest.raises(UsageError, match="plans need a table of all entries") as error:
        size.require_whole("plans", (2**20, 129))
    assert "1048576 images x 129 labels" in error.value.seen
