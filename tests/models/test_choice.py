"""The strength of a prior and the neighbours' share, found on held-out entries."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from alasl.data.inputs import Inputs
from alasl.errors import UsageError
from alasl.models import choice
from alasl.models.choice import MORE, USUAL, Choice, choose
from alasl.models.estimators.logistic import Logistic, LogisticSettings
from alasl.models.held_out import PARTS, Train, Trials, held_out
from alasl.models.neighbours import Neighbours
from alasl.models.registry import resolve


def table(images: int = 400, labels: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    entries = (rng.random((images, labels)) < 0.4).astype(np.int8)
    entries[rng.random(entries.shape) < 0.3] = -1
    return rng.standard_normal((images, 3)).astype(np.float32), entries


def as_good_as(truth: np.ndarray, good: dict[Choice, float], noise: float = 0.0) -> Train[Choice]:
    """A training whose logits are the truth's side by `good`, with some noise of its own."""

    def train(_kept: np.ndarray, held: np.ndarray, of: Choice, _part: int) -> np.ndarray:
        rng = np.random.default_rng(round(1e6 * (of.spread + of.smooth)))
        by = good.get(of, 0.1)
        return by * np.where(truth[held] == 1, 1, -1) + noise * rng.standard_normal(
            (len(held), truth.shape[1])
        )

    return train


def test_the_spread_of_the_least_log_loss_is_taken() -> None:
    features, entries = table()
    good = {Choice(3.6): 1.0, Choice(1.8): 2.0, Choice(0.9): 3.0, Choice(0.45): 2.0}
    train = as_good_as(entries, good)
    assert choose(train, features, entries, None, USUAL, smooth=False) == Choice(0.9)
    assert choose(train, features, entries, None, USUAL, spread=False, smooth=False) == USUAL
    # What comes after a worse one is not tried.
    good = {Choice(3.6): 2.0, Choice(1.8): 1.0, Choice(0.9): 3.0}
    assert choose(as_good_as(entries, good), features, entries, None, USUAL) == USUAL


def test_what_is_usual_stays_where_nothing_is_surely_better() -> None:
    features, entries = table(400)
    train = as_good_as(entries, {}, noise=0.3)
    assert choose(train, features, entries, None, USUAL) == USUAL
    better = as_good_as(entries, {Choice(3.6): 1.0, Choice(1.8): 2.0})
    assert choose(better, features, entries, None, USUAL) == Choice(1.8)
    few = np.where(np.arange(400)[:, None] < 340, entries, -1).astype(np.int8)
    assert (few >= 0).sum() < choice.FEW
    assert choose(better, features, few, None, USUAL) == USUAL
    wide, broad = np.tile(entries[:9], 50), as_good_as(np.tile(entries, 50), {Choice(1.8): 2.0})
    assert (wide >= 0).sum() > choice.FEW
    assert choose(broad, features[:9], wide, None, USUAL) == USUAL
    nothing = np.full_like(entries, -1)
    assert choose(better, features, nothing, None, USUAL) == USUAL


def test_neighbours_are_taken_where_they_explain_a_good_deal_more() -> None:
    features, entries = table(400)
    rng = np.random.default_rng(1)
    noise = rng.standard_normal(entries.shape)
    side = np.where(entries == 1, 1, -1)

    def chosen(quality: float, scale: float = 1.0) -> Choice:
        def train(_kept: np.ndarray, held: np.ndarray, of: Choice, _part: int) -> np.ndarray:
            by = quality if of.smooth else 1.0
            # As sure as it may be, or not: the logits of a normal signal of this strength.
            logits = 2 * by * (by * side[held] + noise[held])
            return logits * (scale if of.smooth else 1.0)

        return choose(train, features, entries, None, USUAL, spread=False)

    assert chosen(1.5).smooth == choice.SMOOTH
    assert chosen(1.01).smooth == 0
    # Being too sure is no matter.
    assert chosen(1.5, 5.0).smooth == choice.SMOOTH
    assert chosen(1.0, 0.5).smooth == 0


def test_the_margin_is_a_share_of_what_is_explained_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[float] = []

    def margin(more: np.ndarray, least: np.ndarray, errors: float = 1) -> bool:
        assert errors == 2
        asked.append(float(least[0]))
        assert (least == least[0]).all()
        return bool(more.mean() > least[0])

    monkeypatch.setattr(choice, "surely_above", margin)
    features, entries = table()
    train = as_good_as(entries, {USUAL: 0.7, Choice(3.6, 0.5): 2.0}, noise=0.5)
    found = choose(train, features, entries, None, USUAL, spread=False)
    held = held_out(features, entries, None)
    tried = Trials(train, held, entries, None)
    expected = MORE * (tried.without - tried.scaled(USUAL)).mean()
    assert asked == [pytest.approx(expected)]
    assert found.smooth == choice.SMOOTH


def test_losses_are_those_of_plain_loops_and_count_by_weight() -> None:
    features, entries = table()
    soft = np.where(entries >= 0, 0.1 + 0.7 * entries, -1).astype(np.float32)
    weights = np.random.default_rng(3).random(entries.shape).astype(np.float32)
    weights[5] = 0
    train = as_good_as(entries, {USUAL: 0.8}, noise=1.0)
    held = held_out(features, soft, weights)
    tried = Trials(train, held, soft, weights)
    expected, base = [], []
    for number, kept, out in held:
        logits = train(kept, out, USUAL, number)
        known = weights[kept] * (soft[kept] >= 0)
        overall = (known * soft[kept]).sum() / known.sum()
        for place, row in enumerate(out):
            loss = without = 0.0
            for label in range(4):
                t = soft[row, label]
                if t < 0:
                    continue
                p = 1 / (1 + np.exp(-logits[place, label]))
                rate = (known[:, label] @ soft[kept, label] + 5 * overall) / (
                    known[:, label].sum() + 5
                )
                loss -= weights[row, label] * (t * np.log(p) + (1 - t) * np.log(1 - p))
                without -= weights[row, label] * (t * np.log(rate) + (1 - t) * np.log(1 - rate))
            expected.append(loss)
            base.append(without)
    np.testing.assert_allclose(tried.losses(USUAL), expected)
    np.testing.assert_allclose(tried.without, base, rtol=1e-5)


@pytest.mark.parametrize("by", [0.2, 1.0, 6.0])
def test_a_scale_is_the_best_one(by: float) -> None:
    features, entries = table(300)
    train = as_good_as(entries, {USUAL: by}, noise=2 * by)
    held = held_out(features, entries, None)
    tried = Trials(train, held, entries, None)
    logits = np.concatenate([train(kept, out, USUAL, number) for number, kept, out in held])
    targets = np.concatenate([entries[out] for *_, out in held])
    known = targets >= 0

    def loss(at: np.ndarray) -> float:
        found = at[0] * logits + at[1]
        return float((np.logaddexp(0, found) - targets * found)[known].sum())

    best = minimize(loss, [1.0, 0.0], tol=1e-10).fun
    assert tried.scaled(USUAL).sum() == pytest.approx(best, rel=1e-6)


@given(st.integers(0, 10), st.integers(2, 80), st.integers(1, 500))
def test_parts_share_no_image_and_no_copy(seed: int, images: int, enough: int) -> None:
    features, entries = table(images, seed=seed)
    of = np.random.default_rng(seed).integers(0, images // 2 + 1, images)
    held = held_out(features[of], entries, None, enough)
    known = entries >= 0
    seen, before = set(), 0
    for number, kept, out in held:
        assert before < enough
        before += int(known[out].sum())
        assert known[out].any(axis=1).all()
        assert known[kept].any(axis=1).all()
        assert not {*of[kept]} & {*of[out]}
        assert number not in seen
        seen.add(number)
    parts = [set(out) for *_, out in held]
    assert not any(one & other for one, other in product(parts, parts) if one is not other)
    if len(held) == PARTS:
        assert set().union(*parts) == {*np.flatnonzero(known.any(axis=1))}


# The logistic's own


def clusters(images: int = 400, wrong: float = 0.0) -> tuple[Inputs, np.ndarray]:
    """Images of twelve kinds, each of its own labels, which a few directions of many tell."""
    rng = np.random.default_rng(4)
    kinds = rng.standard_normal((12, 40))
    of = rng.integers(0, 12, images)
    features = kinds[of] + rng.standard_normal((images, 40))
    entries = (rng.random((12, 8)) < 0.3)[of].astype(np.int8)
    entries = np.where(rng.random(entries.shape) < wrong, 1 - entries, entries)
    entries[rng.random(entries.shape) < 0.6] = -1
    features = features.astype(np.float32)
    near = Neighbours.fit(features, np.arange(images))
    assert near is not None
    return Inputs(features, around=near.around(features)), entries.astype(np.int8)


@pytest.mark.slow
def test_logistic_finds_both_and_members_go_by_them() -> None:
    inputs, entries = clusters()
    model = Logistic(8)
    model.fit(inputs, entries)
    assert model.smooth == choice.SMOOTH
    again = Logistic(8)
    again.restore(model.tensors())
    np.testing.assert_array_equal(again.logits(inputs), model.logits(inputs))
    assert again.smooth == model.smooth
    model.fit_members(inputs, entries, seed=0, members=2)
    assert model.members_proba(inputs).shape == (2, 400, 8)
    alone = Logistic(8)
    alone.fit_members(inputs, entries, seed=0, members=2)
    np.testing.assert_array_equal(alone.members_proba(inputs), model.members_proba(inputs))


@pytest.mark.slow
def test_wrong_entries_want_a_smaller_spread_and_what_is_set_stays() -> None:
    inputs, entries = clusters(wrong=0.25)
    for spread, smooth in product((None, 2.5), (None, 0.25, 0.0)):
        model = Logistic(8, LogisticSettings(spread, smooth))
        model.fit(inputs, entries)
        if spread is None:
            assert model._choice.spread < USUAL.spread
        else:
            assert model._choice.spread == spread
        if smooth is not None:
            assert model.smooth == smooth
    model = Logistic(8)
    model.fit(Inputs(inputs.features), entries)
    assert model.smooth == 0


def test_where_trainings_are_only_compared_nothing_is_looked_for() -> None:
    settled = resolve("logistic").settled()
    assert settled.settings == {"spread": 3.6, "smooth": 0.0}
    assert resolve("logistic:spread=2").settled().settings == {"spread": 2.0, "smooth": 0.0}
    assert resolve("probe").settled().settings == {}


@pytest.mark.parametrize("spec", ["spread=0", "smooth=1", "smooth=-0.1", "spread=nan"])
def test_settings_out_of_range_are_refused(spec: str) -> None:
    with pytest.raises(UsageError, match="must be"):
        resolve(f"logistic:{spec}")
