"""What every model promises, shipped or of scikit-learn: the contract of `Estimator`."""

from __future__ import annotations

import itertools
import runpy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alasl.data.inputs import Inputs
from alasl.errors import DataError, UsageError
from alasl.models.base import Context, Estimator, Job
from alasl.models.model import Model
from alasl.models.prepare import Prepared
from alasl.models.registry import Kind, available, resolve

draw_squares = runpy.run_path(str(Path(__file__).with_name("finetune_child.py")))["draw_squares"]
TINY = Context("test_efficientnet", Path("none"))
# Whole networks train on squares of 32 pixels here, in few steps.
SMALL = "epochs=6:size=32:batch=5:workers=0:precision=float32:rate=0.003:augment=False:average=0.5"

# Some factors are enough for four labels: fifty take ten times as long.
FEW = {"exposure": "exposure:factors=10:steps=20"}

LEARN_FROM_UNKNOWN = {"curriculum", "exposure"}
SPECS = [kind.name for kind in available()]
SPECS += [
    "sklearn.linear_model:LogisticRegression",
    "sklearn.ensemble:RandomForestClassifier:n_estimators=5",
]


@dataclass(frozen=True)
class World:
    """A kind of model with images to learn from: of `train` and `test` the truth is known."""

    kind: Kind
    inputs: Inputs
    truth: np.ndarray
    train: np.ndarray
    test: np.ndarray

    def new(self, labels: int | None = None) -> Estimator:
        return self.kind.estimator(labels or self.truth.shape[1], TINY)

    def hidden(self, seed: int = 1) -> np.ndarray:
        """What is known of the training images: about half, something of each label and answer."""
        entries = self.truth[self.train].copy()
        entries[np.random.default_rng(seed).random(entries.shape) < 0.5] = -1
        return entries

    def fitted(self, targets: Any, weights: Any = None, seed: int = 0, **more: Any) -> Estimator:
        estimator = self.new()
        estimator.fit(self.inputs.take(self.train), targets, weights, seed=seed, **more)
        return estimator

    def logits(self, targets: Any, weights: Any = None, seed: int = 0) -> np.ndarray:
        """The logits of the test images after a training."""
        return self.fitted(targets, weights, seed).logits(self.inputs.take(self.test))

    def p(self, targets: Any, weights: Any = None, seed: int = 0) -> np.ndarray:
        """Their probabilities."""
        estimator = self.fitted(targets, weights, seed)
        return estimator.predict_proba(self.inputs.take(self.test))


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("squares")
    draw_squares(folder)
    return folder


@pytest.fixture(
    params=[
        pytest.param(
            spec, marks=[pytest.mark.slow] if resolve(spec).source.inputs == "images" else []
        )
        for spec in SPECS
    ]
)
def world(request: pytest.FixtureRequest, squares: Path) -> World:
    kind = resolve(request.param)
    if kind.source.inputs == "images":
        truth = np.load(squares / "entries.npy")
        paths = tuple(squares / f"{row}.png" for row in range(len(truth)))
        kind, inputs, train = resolve(f"{request.param}:{SMALL}"), Inputs(paths=paths), 20
    else:
        rng = np.random.default_rng(0)
        features = rng.standard_normal((260, 8), dtype=np.float32)
        truth = (features @ rng.standard_normal((8, 4)) > 0.5).astype(np.int8)
        kind = resolve(FEW.get(request.param, request.param))
        inputs = Prepared.of(kind, Inputs(features=features), np.arange(200)).inputs
        train = 200
    rows = np.arange(len(truth))
    return World(kind, inputs, truth, rows[:train], rows[train:])


def test_it_learns_and_gives_probabilities(world: World) -> None:
    targets = world.hidden()
    estimator = world.fitted(targets)
    seen = world.inputs.take(world.train)
    p = estimator.predict_proba(seen)
    assert p.shape == targets.shape
    assert p.dtype == np.float32
    assert ((p >= 0) & (p <= 1)).all()
    np.testing.assert_allclose(p, 1 / (1 + np.exp(-estimator.logits(seen))), rtol=1e-4, atol=1e-6)
    assert p[targets == 1].mean() > p[targets == 0].mean() + 0.05
    assert estimator.predict_proba(seen.take([])).shape == (0, targets.shape[1])
    assert estimator.embed(seen).shape[0] == len(seen)
    # What an image gets does not hang on what stands beside it.
    order = np.random.default_rng(0).permutation(len(seen))
    np.testing.assert_allclose(estimator.predict_proba(seen.take(order)), p[order], atol=1e-5)
    np.testing.assert_allclose(estimator.predict_proba(seen.take([3]))[0], p[3], atol=1e-5)


def test_any_negative_target_is_unknown(world: World) -> None:
    targets = world.hidden()
    other = np.where(targets < 0, np.int8(-7), targets)
    np.testing.assert_array_equal(world.logits(targets), world.logits(other))


def test_unknown_entries_teach_nothing_unless_it_says_so(world: World) -> None:
    """A weight on an entry of which nothing is known counts for nothing."""
    assert world.new().learns_from_unknown == (world.kind.name in LEARN_FROM_UNKNOWN)
    targets = world.hidden()
    weights = np.ones(targets.shape, np.float32)
    weights[targets < 0] = 50
    ones = np.ones(targets.shape, np.float32)
    np.testing.assert_array_equal(world.logits(targets, weights), world.logits(targets, ones))


def test_a_weight_of_none_is_as_unknown(world: World) -> None:
    truth = world.truth[world.train]
    weights = (world.hidden() >= 0).astype(np.float32)
    hidden = np.where(weights > 0, truth, np.int8(-1))
    np.testing.assert_allclose(
        world.logits(truth, weights), world.logits(hidden, weights), atol=1e-4
    )
    assert not np.allclose(world.logits(truth), world.logits(hidden), atol=1e-2)


def test_weights_of_one_are_as_none(world: World) -> None:
    targets = world.hidden()
    ones = np.ones(targets.shape, np.float32)
    np.testing.assert_allclose(world.p(targets, ones), world.p(targets), atol=0.02)


def test_the_more_an_answer_counts_the_more_it_is_believed(world: World) -> None:
    if not world.kind.source.takes_weights:
        pytest.skip("it takes no weights")
    targets = world.hidden()
    # A network's steps are as long whatever it learns from, so only much more tells.
    few, many = (0.2, 5) if world.kind.source.inputs == "features" else (0.05, 20)
    less, more = (
        world.p(targets, np.where(targets == 1, count, 1).astype(np.float32)).mean()
        for count in (few, many)
    )
    assert less + 0.05 < more


def test_a_probability_may_be_a_target_where_it_says_so(world: World) -> None:
    if not world.kind.source.soft_targets:
        pytest.skip("it takes 1 and 0 only")
    shape = (len(world.train), world.truth.shape[1])
    means = [world.p(np.full(shape, t, np.float32)).mean() for t in (0.1, 0.4, 0.6, 0.9)]
    assert means[0] < means[1] - 0.05 < 0.5 < means[2] + 0.05 < means[3]
    # 1 and 0 as floats are 1 and 0.
    targets = world.hidden()
    np.testing.assert_allclose(world.p(targets.astype(np.float32)), world.p(targets), atol=1e-5)


def test_the_order_of_images_matters_no_more_than_chance(world: World) -> None:
    targets = world.hidden()
    order = np.random.default_rng(2).permutation(len(targets))
    turned = world.new()
    turned.fit(world.inputs.take(world.train[order]), targets[order], seed=0)
    found = turned.predict_proba(world.inputs.take(world.test))
    expected = world.p(targets)
    by_chance = np.abs(world.p(targets, seed=1) - expected).mean()
    assert np.abs(found - expected).mean() <= 1.5 * by_chance + 2e-3


def test_the_seed_determines_it(world: World) -> None:
    targets = world.hidden()
    np.testing.assert_array_equal(world.logits(targets, seed=3), world.logits(targets, seed=3))
    # Whatever was fitted before.
    again = world.fitted(world.hidden(2), seed=4)
    again.fit(world.inputs.take(world.train), targets, seed=3)
    found = again.logits(world.inputs.take(world.test))
    np.testing.assert_array_equal(found, world.logits(targets, seed=3))


def test_a_warm_start_goes_on(world: World) -> None:
    seen, targets = world.inputs.take(world.train), world.hidden()
    estimator = world.fitted(targets)
    estimator.fit(seen, targets, seed=1, warm_start=True)
    assert np.isfinite(estimator.logits(seen)).all()
    first = world.fitted(targets, warm_start=True)
    np.testing.assert_allclose(
        first.predict_proba(seen), world.fitted(targets).predict_proba(seen), atol=0.01
    )


def test_it_tells_after_each_epoch(world: World) -> None:
    seen: list[tuple[int, np.ndarray]] = []
    test = world.inputs.take(world.test)
    estimator = world.fitted(
        world.hidden(), eval_on=test, on_epoch=lambda epoch, logits: seen.append((epoch, logits))
    )
    defaults = {parameter.name: parameter.default for parameter in world.kind.parameters}
    epochs = {**defaults, **world.kind.settings}.get("epochs", 1)
    assert [epoch for epoch, _ in seen] == list(range(epochs))
    assert all(logits.shape == (len(test), world.truth.shape[1]) for _, logits in seen)
    np.testing.assert_allclose(seen[-1][1], estimator.logits(test), atol=1e-4)
    # Looking on changes nothing.
    np.testing.assert_array_equal(world.logits(world.hidden()), estimator.logits(test))


@pytest.mark.parametrize("known", ["present", "absent", "nothing", "one present", "weightless"])
def test_a_label_of_which_little_is_known_stays_finite(world: World, known: str) -> None:
    targets, weights = world.hidden(), None
    targets[:, 0] = {"present": 1, "absent": 0}.get(known, -1)
    if known == "one present":
        targets[0, 0] = 1
    if known == "weightless":
        weights = np.ones(targets.shape, np.float32)
        weights[:, 0] = 0
        targets[:, 0] = world.truth[world.train, 0]
    logits = world.logits(targets, weights)
    assert np.isfinite(logits).all()
    assert np.abs(logits).max() < 100
    if known == "present":
        assert logits[:, 0].mean() > 0
    if known == "absent":
        assert logits[:, 0].mean() < 0


def test_nothing_known_at_all_leaves_it_near_even_odds(world: World) -> None:
    nothing = np.full((len(world.train), world.truth.shape[1]), -1, np.int8)
    assert np.abs(world.p(nothing) - 0.5).max() < 0.25


def test_many_are_trained_as_each_alone(world: World) -> None:
    jobs = [
        Job(world.train, world.hidden(0), None, 0),
        Job(world.train[5:], world.hidden(1)[5:], None, 1),
        Job(world.train, world.hidden(2), np.full(world.hidden().shape, 0.5, np.float32), 2),
        Job(world.train, world.hidden(3), None, 0),
    ]
    test = world.inputs.take(world.test)
    told: dict[int, list[int]] = {}
    together = [world.new() for _ in jobs]
    type(together[0]).fit_many(
        together,
        world.inputs,
        jobs,
        eval_on=test,
        on_epoch=lambda place, epoch, _: told.setdefault(place, []).append(epoch),
    )
    assert sorted(told) == [0, 1, 2, 3]
    assert len({tuple(epochs) for epochs in told.values()}) == 1
    for one, job in zip(together, jobs, strict=True):
        alone = world.new()
        alone.fit(world.inputs.take(job.rows), job.targets, job.weights, seed=job.seed)
        np.testing.assert_allclose(one.logits(test), alone.logits(test), atol=1e-3)
        again = world.new()
        again.restore({name: each.clone() for name, each in one.tensors().items()})
        np.testing.assert_array_equal(again.logits(test), one.logits(test))


def test_an_ensemble_where_it_says_so(world: World) -> None:
    seen, targets = world.inputs.take(world.train), world.hidden()
    test = world.inputs.take(world.test)
    estimator = world.fitted(targets)
    before = estimator.logits(test)
    if not world.kind.source.ensemble:
        with pytest.raises(UsageError, match="needs an ensemble"):
            estimator.fit_members(seen, targets, seed=0, members=3)
        return
    estimator.fit_members(seen, targets, seed=0, members=3)
    members = estimator.members_proba(test)
    assert members.shape == (3, len(test), world.truth.shape[1])
    assert ((members >= 0) & (members <= 1)).all()
    for one, other in itertools.combinations(members, 2):
        assert np.abs(one - other).mean() > 1e-3
    # They are about as good as the model, and leave it as it is.
    assert np.abs(members.mean(axis=0) - estimator.predict_proba(test)).mean() < 0.25
    np.testing.assert_array_equal(estimator.logits(test), before)
    again = world.new()
    again.fit_members(seen, targets, seed=0, members=3)
    np.testing.assert_array_equal(again.members_proba(test), members)
    again.fit_members(seen, targets, seed=1, members=3)
    assert (again.members_proba(test) != members).any()
    # A weight of 0 is as unknown to members, too.
    weights = (targets >= 0).astype(np.float32)
    lies = np.where(targets < 0, np.int8(1), targets)
    for known in (targets, lies):
        again.fit_members(seen, known, weights, seed=0, members=3)
        if known is targets:
            members = again.members_proba(test)
    np.testing.assert_allclose(
        again.members_proba(test), members, atol=1e-4 if world.kind.source.soft_targets else 0.5
    )


def test_what_it_learned_is_kept_bit_by_bit(world: World) -> None:
    estimator, test = world.fitted(world.hidden()), world.inputs.take(world.test)
    again = world.new()
    again.restore({name: each.clone() for name, each in estimator.tensors().items()})
    np.testing.assert_array_equal(again.logits(test), estimator.logits(test))
    np.testing.assert_array_equal(again.predict_proba(test), estimator.predict_proba(test))
    with pytest.raises(DataError):
        world.new(labels=7).restore(estimator.tensors())
    with pytest.raises(DataError):
        world.new().restore({})


def test_a_model_file_predicts_the_same(world: World, tmp_path: Path) -> None:
    names = tuple(f"label{number}" for number in range(world.truth.shape[1]))
    if world.kind.source.inputs == "images":
        model = Model(names, world.kind, world.fitted(world.hidden()))
        images: Any = [world.inputs.files()[row] for row in world.test]
    else:
        features = np.random.default_rng(0).standard_normal((260, 8), dtype=np.float32)
        model = Model.fit(features[world.train], world.hidden(), names=names, kind=world.kind.spec)
        images = features[world.test]
    path = tmp_path / "model.safetensors"
    model.save(path)
    again = Model.load(path)
    assert again.names == names
    assert again.kind.spec == world.kind.spec
    np.testing.assert_array_equal(again.predict_proba(images), model.predict_proba(images))
    np.testing.assert_array_equal(again.logits(images), model.logits(images))
    # And is written as it was read.
    again.save(tmp_path / "twice.safetensors")
    twice = Model.load(tmp_path / "twice.safetensors")
    np.testing.assert_array_equal(twice.logits(images), model.logits(images))
