"""Models that learn with other models' predictions: better by good ones, whole in their file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from alasl.data.dataset import Dataset
from alasl.data.evidence import Evidence, Predictions, evidence_of, log_odds
from alasl.data.inputs import Inputs
from alasl.data.opening import make_split
from alasl.errors import DataError, UsageError
from alasl.models.model import Model
from alasl.models.prepare import Prepared, prepare
from alasl.models.registry import resolve
from alasl.settings import RunSettings

MakeDataset = Callable[..., Dataset]


def told(dataset: Dataset, name: str = "clip", seed: int = 3, good: float = 2.0) -> Predictions:
    """What another model says: right about `good` deviations more often than by chance."""
    rng = np.random.default_rng(seed)
    truth = dataset.labels.entries
    logits = good * (rng.standard_normal(truth.shape) + good * truth) - good**2 / 2 - 2
    return Predictions(name, expit(logits).astype(np.float32))


def ready(dataset: Dataset, **chosen: str) -> tuple[Prepared, np.ndarray]:
    settings = RunSettings(data="made", **chosen)
    rows = make_split(dataset, settings).seen
    return prepare(dataset, rows, settings), rows


def test_without_an_answer_the_model_says_what_the_other_says(make_dataset: MakeDataset) -> None:
    dataset = make_dataset()
    source = told(dataset)
    prepared, _ = ready(replace(dataset, predictions=(source,)))
    estimator = resolve("logistic").estimator(6)
    estimator.fit(prepared.inputs, np.full(dataset.labels.shape, -1, np.int8))
    np.testing.assert_allclose(
        estimator.logits(prepared.inputs), log_odds(source.probabilities), atol=1e-4
    )


def test_an_entry_of_which_nothing_is_said_goes_by_the_image(make_dataset: MakeDataset) -> None:
    dataset = make_dataset()
    source = told(dataset)
    silent = source.probabilities.copy()
    silent[:50] = np.nan
    prepared, _ = ready(replace(dataset, predictions=(Predictions("clip", silent),)))
    estimator = resolve("logistic").estimator(6)
    estimator.fit(prepared.inputs, dataset.labels.entries)
    alone = replace(prepared.inputs, evidence=None).take(np.arange(50))
    np.testing.assert_allclose(
        estimator.logits(prepared.inputs.take(np.arange(50))), estimator.logits(alone), atol=1e-5
    )
    assert np.isfinite(estimator.logits(prepared.inputs)).all()


@pytest.mark.parametrize("model", ["probe", "sklearn.linear_model:LogisticRegression"])
def test_a_model_that_cannot_take_them_says_which_can(
    make_dataset: MakeDataset, model: str
) -> None:
    dataset = make_dataset()
    with pytest.raises(
        UsageError, match=r"does not learn from(.|\n)*--model curriculum or logistic"
    ):
        ready(replace(dataset, predictions=(told(dataset),)), model=model)
    inputs = Inputs(dataset.features, evidence=evidence_of((told(dataset),)))
    with pytest.raises(UsageError, match="does not learn from"):
        Model.fit(inputs, dataset.labels.entries, kind=model)


def trained(dataset: Dataset, *sources: Predictions) -> Model:
    prepared, rows = ready(replace(dataset, predictions=sources))
    estimator = resolve("logistic").estimator(6)
    estimator.fit(prepared.inputs.take(rows), dataset.labels.entries[rows])
    return Model(
        dataset.labels.names,
        prepared.kind,
        estimator,
        prepared.transform,
        predictions=prepared.predictions,
    )


def test_a_models_file_keeps_what_it_learned_of_others(
    make_dataset: MakeDataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = make_dataset()
    clip, ram = told(dataset), told(dataset, "ram", seed=4, good=1.0)
    model = trained(dataset, clip, ram)
    model.save(tmp_path / "m.safetensors")
    again = Model.load(tmp_path / "m.safetensors")
    assert again.predictions == ("clip", "ram")
    features = np.asarray(dataset.features)
    # In the order in which they were learned, however they are given.
    evidence = again.evidence((ram, clip), len(dataset))
    inputs = Inputs(features, evidence=evidence)
    expected = model.predict_proba(Inputs(features, evidence=evidence_of((clip, ram))))
    np.testing.assert_array_equal(again.predict_proba(inputs), expected)
    some = inputs.take([5, 2])
    np.testing.assert_allclose(again.predict_proba(some), expected[[5, 2]], rtol=1e-5)
    assert not caplog.records

    with pytest.raises(UsageError, match="no predictions named clip, ram"):
        again.predict_proba(features)
    partly = clip.probabilities.copy()
    partly[:30] = np.nan
    again.evidence((Predictions("clip", partly), ram), len(dataset))
    assert [r.getMessage() for r in caplog.records] == [
        "the model learned with the predictions 'clip', and there are none of 30 of 200 images: "
        "these go by what is seen alone"
    ]


def test_evidence_of_other_sources_is_refused(make_dataset: MakeDataset) -> None:
    dataset = make_dataset()
    model = trained(dataset, told(dataset))
    features = np.asarray(dataset.features)
    with pytest.raises(DataError, match=r"2 sources(.|\n)*1: clip"):
        model.predict_proba(
            Inputs(features, evidence=Evidence.of(np.zeros((2, 200, 6), np.float32)))
        )
    with pytest.raises(UsageError, match=r"seen: ram(.|\n)*learned with clip"):
        model.evidence((told(dataset, "ram"),), 200)
    bare = trained(dataset)
    with pytest.raises(UsageError, match="it learned without any"):
        bare.evidence((told(dataset),), 200)
    assert bare.evidence((), 200) is None


def test_a_warm_start_survives_another_source(make_dataset: MakeDataset) -> None:
    dataset = make_dataset()
    prepared, rows = ready(dataset)
    told_of, _ = ready(replace(dataset, predictions=(told(dataset),)))
    targets = dataset.labels.entries[rows]
    warm, cold = (resolve("logistic").estimator(6) for _ in range(2))
    warm.fit(prepared.inputs.take(rows), targets)
    warm.fit(told_of.inputs.take(rows), targets, warm_start=True)
    cold.fit(told_of.inputs.take(rows), targets)
    np.testing.assert_allclose(warm.logits(told_of.inputs), cold.logits(told_of.inputs), atol=0.05)


def test_what_a_strategy_sees_of_it_is_what_may_still_move_a_logit(
    make_dataset: MakeDataset,
) -> None:
    dataset = make_dataset()
    source = told(dataset)
    prepared, rows = ready(replace(dataset, predictions=(source,)))
    estimator = resolve("logistic").estimator(6)
    estimator.fit(prepared.inputs.take(rows), dataset.labels.entries[rows])
    seen = estimator.evidence(prepared.inputs.take([4, 9]))
    tensors = estimator.tensors()
    expected = (log_odds(source.probabilities[[4, 9]]) - float(tensors["centres"])) * float(
        tensors["doubts"]
    )
    assert seen is not None
    np.testing.assert_allclose(seen[0], expected, rtol=1e-4)
    assert estimator.evidence(replace(prepared.inputs, evidence=None)) is None
    assert resolve("probe").estimator(6).evidence(prepared.inputs) is None
