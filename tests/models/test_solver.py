"""The solver: the optimum that SciPy finds, whatever is known, and a bound on what is missed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize
from scipy.special import expit, logit

from alasl.labels import UNKNOWN
from alasl.models import known as module
from alasl.models import lockstep, sources
from alasl.models.others import Held
from alasl.models.solver import DEVIATION, Solution, solve
from alasl.models.sources import trust
from alasl.sparse import Sparse

Table = NDArray[np.float64]


def problem(
    images: int = 120, width: int = 7, labels: int = 5, known: float = 1.0, seed: int = 0
) -> tuple[Table, Table]:
    """Features (n, D) and targets (n, L) that depend on them; some are unknown."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((images, width)) * np.linspace(0.3, 2, width)
    logits = features @ rng.standard_normal((width, labels)) - rng.uniform(0, 3, labels)
    targets = (rng.random(logits.shape) < expit(logits)).astype(float)
    targets[rng.random(targets.shape) >= known] = -1
    return features, targets


def evidence_for(targets: Table, sources: int = 2, seed: int = 1) -> Table:
    """(S, n, L): logits that know a little of the targets, a third of them missing."""
    rng = np.random.default_rng(seed)
    told = 1.5 * targets - 2 + rng.standard_normal((sources, *targets.shape))
    told[rng.random(told.shape) < 1 / 3] = np.nan
    return np.asarray(told)


def optimum(x: Table, t: Table, c: Table, means: Table, deviations: Table) -> Table:
    """The least of sum c BCE(x . v, t) + |(v - means) / deviations|^2 / 2, over v (K,)."""

    def loss(v: Table) -> tuple[float, Table]:
        logits, away = x @ v, (v - means) / deviations
        value = (c * (np.logaddexp(0, logits) - t * logits)).sum() + away @ away / 2
        return value, x.T @ (c * (expit(logits) - t)) + away / deviations

    found = minimize(loss, means, jac=True, method="BFGS", options={"gtol": 1e-9})
    return np.asarray(found.x)


def reference(
    features: Table,
    targets: Table,
    counts: Table | None = None,
    spread: float = 3.6,
    evidence: Table | None = None,
) -> tuple[Table, Table, Table]:
    """Weights (D, L), bias (L,) and slopes (S, L): the losses as they are written, by SciPy."""
    (images, width), labels = features.shape, targets.shape[1]
    counts = np.where(targets >= 0, 1.0 if counts is None else counts, 0.0)
    evidence = np.zeros((0, images, labels)) if evidence is None else evidence
    with np.errstate(invalid="ignore"):
        centres = np.array([logit(np.nanmean(expit(said))) for said in evidence])
    news = np.nan_to_num(evidence - centres[:, None, None])
    used = counts > 0
    believed = trust(Held(torch.tensor(evidence)), torch.tensor(targets), torch.tensor(counts))
    slopes, doubts = believed.means.numpy(), believed.deviations.numpy()
    # What all labels have in common: a bias, beside the sources as far as they are believed.
    base = centres.mean() if len(centres) else 0.0
    told, t, c = np.tensordot(slopes, news[:, used], 1), targets[used], counts[used]

    def slope(bias: float) -> float:
        return float((c * (expit(told + bias) - t)).sum() + (bias - base) / 25)

    common = [brentq(slope, -50, 50, xtol=1e-12)]
    means = np.concatenate([np.zeros(width), common, slopes])
    deviations = np.concatenate([np.full(width, spread / width**0.5), [1.5], doubts])
    table = []
    for label, rows in enumerate(used.T):
        x = np.column_stack([features[rows], np.ones(rows.sum()), news[:, rows, label].T])
        table.append(optimum(x, targets[rows, label], counts[rows, label], means, deviations))
    found = np.array(table)
    return found[:, :width].T, found[:, width], found[:, width + 1 :].T


def solved(
    features: Table,
    targets: Table,
    counts: Table | None = None,
    *,
    dtype: torch.dtype = torch.float64,
    evidence: Table | None = None,
    start: Solution | None = None,
    tolerance: float = 1e-6,
    **settings: float,
) -> Solution:
    return solve(
        torch.tensor(features, dtype=dtype),
        torch.tensor(targets),
        None if counts is None else torch.tensor(counts),
        evidence=None if evidence is None else torch.tensor(evidence),
        start=start,
        tolerance=tolerance,
        **settings,
    )


CASES = ["dense", "sparse", "soft", "counted", "evidence", "sparse with all"]


def case(name: str) -> tuple[Table, Table, Table | None, Table | None]:
    """Features, targets, counts and evidence of a case."""
    features, targets = problem(known=0.15 if "sparse" in name else 0.8)
    rng = np.random.default_rng(2)
    counts = evidence = None
    if name in ("soft", "sparse with all"):
        targets = np.where(targets >= 0, 0.1 + 0.7 * targets, targets)
    if name in ("counted", "sparse with all"):
        counts = rng.integers(0, 4, targets.shape) * 0.5
    if name in ("evidence", "sparse with all"):
        evidence = evidence_for(np.abs(targets))
    return features, targets, counts, evidence


@pytest.mark.parametrize("name", CASES)
def test_it_is_the_optimum_that_scipy_finds(name: str) -> None:
    features, targets, counts, evidence = case(name)
    result = solved(features, targets, counts, evidence=evidence)
    weights, bias, slopes = reference(features, targets, counts, evidence=evidence)
    np.testing.assert_allclose(result.weights, weights, atol=1e-5)
    np.testing.assert_allclose(result.bias, bias, atol=1e-5)
    np.testing.assert_allclose(result.slopes, slopes, atol=1e-5)
    assert float(result.gap.max()) <= 1e-6


@pytest.mark.parametrize("spread", [0.5, 20.0])
def test_a_prior_of_another_spread(spread: float) -> None:
    features, targets = problem()
    weights, bias, _ = reference(features, targets, spread=spread)
    result = solved(features, targets, spread=spread)
    np.testing.assert_allclose(result.weights, weights, atol=1e-5)
    np.testing.assert_allclose(result.bias, bias, atol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_gathered_rows_and_whole_products_have_one_optimum(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    features, targets, counts, evidence = case(name)
    found = []
    for gain, gathered in ((0, 1), (0, 10**9), (10**9, 1)):
        monkeypatch.setattr(module, "GAIN", gain)
        monkeypatch.setattr(module, "GATHERED", gathered)
        found.append(solved(features, targets, counts, evidence=evidence))
    monkeypatch.setattr(module, "TABLE", 2 * len(features))
    found.append(solved(features, targets, counts, evidence=evidence))
    for other in found[1:]:
        torch.testing.assert_close(other.weights, found[0].weights, atol=1e-5, rtol=0)
        torch.testing.assert_close(other.bias, found[0].bias, atol=1e-5, rtol=0)
        torch.testing.assert_close(other.slopes, found[0].slopes, atol=1e-5, rtol=0)


@pytest.mark.parametrize("gain", [0, 10**9])
@pytest.mark.parametrize("told", [False, True])
def test_what_is_not_listed_is_what_its_label_says(
    gain: int, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    features, targets = problem(known=0.3)
    rng = np.random.default_rng(0)
    counts = np.where(targets < 0, 1, rng.choice([0.0, 1.0, 2.5], targets.shape))
    few, weighs = Sparse.of(targets, UNKNOWN), Sparse.of(counts, UNKNOWN)
    weighs = replace(few, values=weighs.at(few.rows, few.cols))
    # Two labels' other entries are absents that count little, but for three of nobody knows what.
    empty = np.array([0.0, UNKNOWN, 0.0, UNKNOWN, UNKNOWN])
    worth = np.array([0.25, 1.0, 0.1, 1.0, 1.0])
    rows = np.flatnonzero(targets[:, 0] < 0)[:3]
    few, weighs = (
        table.put(rows, 0 * rows, value) for table, value in ((few, UNKNOWN), (weighs, 0.0))
    )
    few, weighs = replace(few, empty=empty), replace(weighs, empty=worth)
    assert (few.dense()[rows, 0] == UNKNOWN).all()
    monkeypatch.setattr(module, "GAIN", gain)
    # Of what others say, some entries tell, the same in any form.
    monkeypatch.setattr(sources, "ENTRIES", 40)
    monkeypatch.setattr(module, "TABLE", 100)
    others = evidence_for(np.abs(targets)) if told else None
    whole = solved(features, few.dense(), weighs.dense(), evidence=others)
    x, said = torch.tensor(features), None if others is None else torch.tensor(others)
    found = solve(x, few, weighs, evidence=said, tolerance=1e-9)
    torch.testing.assert_close(found.doubts, whole.doubts, atol=1e-6, rtol=0)
    torch.testing.assert_close(found.weights, whole.weights, atol=1e-5, rtol=0)
    torch.testing.assert_close(found.bias, whole.bias, atol=1e-5, rtol=0)


@pytest.mark.slow
@given(
    st.integers(1, 60), st.integers(1, 9), st.integers(1, 6), st.floats(0, 1), st.integers(0, 999)
)
def test_no_logit_is_further_from_the_optimum_than_is_said(
    images: int, width: int, labels: int, known: float, seed: int
) -> None:
    features, targets = problem(images, width, labels, known, seed)
    told = evidence_for(np.abs(targets), seed=seed)
    rough = solved(features, targets, evidence=told, tolerance=0.3)
    exact = solved(features, targets, evidence=told, tolerance=1e-9)
    assert float(rough.gap.max()) <= 0.3
    assert float(exact.gap.max()) <= 1e-9
    # In units of the priors' deviations the unknowns differ by no more than the gradient's length;
    # the bias alone has a z of length DEVIATION, so a gap is at least that times as long.
    off = [
        (rough.weights - exact.weights) * width**0.5 / 3.6,
        (rough.bias - exact.bias)[None] / DEVIATION,
        (rough.slopes - exact.slopes) / exact.doubts[:, None],
    ]
    assert bool((torch.cat(off).norm(dim=0) * DEVIATION <= rough.gap + 1e-9).all())


def test_single_precision_comes_as_near_as_it_says() -> None:
    features, targets = problem(images=2000, width=40, labels=8)
    single = solved(features, targets, dtype=torch.float32, tolerance=0.01)
    double = solved(features, targets, tolerance=1e-8)
    x = torch.tensor(features)
    assert single.weights.dtype == torch.float32
    away = single.logits(x.float()) - double.logits(x)
    assert float(away.square().mean(0).sqrt().max()) <= 0.01
    assert float(single.gap.max()) <= 0.01


def test_a_label_of_one_class_has_a_finite_optimum() -> None:
    features, targets = problem()
    targets[:, 0], targets[:, 1] = 0, 1
    targets[5:, 2] = -1
    result = solved(features, targets)
    weights, bias, _ = reference(features, targets)
    np.testing.assert_allclose(result.bias, bias, atol=1e-4)
    np.testing.assert_allclose(result.weights, weights, atol=1e-4)


def test_a_label_of_which_nothing_is_known_is_left_to_the_prior() -> None:
    features, targets = problem()
    targets[:, 3] = -1
    told = evidence_for(np.abs(targets))
    alone, helped = solved(features, targets), solved(features, targets, evidence=told)
    for result in (alone, helped):
        assert float(result.weights[:, 3].abs().max()) == 0
        assert float(result.gap[3]) == 0
    _, bias, slopes = reference(features, targets)
    np.testing.assert_allclose(alone.bias[3], bias[3], atol=1e-5)
    _, bias, slopes = reference(features, targets, evidence=told)
    np.testing.assert_allclose(helped.bias[3], bias[3], atol=1e-5)
    np.testing.assert_allclose(helped.slopes[:, 3], slopes[:, 3], atol=1e-5)


def test_what_a_source_is_worth_is_learned_from_all_labels() -> None:
    features, targets = problem(images=400)
    targets[:, 3] = -1
    rng = np.random.default_rng(5)
    noise, other = rng.standard_normal((2, *targets.shape))
    told = np.stack([2 * np.abs(targets) - 1 + 2**0.5 * noise, other])
    trusted, useless = solved(features, targets, evidence=told).slopes[:, 3]
    assert float(trusted) > 0.8
    assert abs(float(useless)) < 0.15


def test_nothing_known_at_all_leaves_even_odds_or_the_evidence_as_it_is() -> None:
    features, targets = problem()
    targets[:] = -1
    assert solved(features, targets).bias.tolist() == [0] * 5
    told = evidence_for(targets, sources=1)
    said = solved(features, targets, evidence=told).logits(
        torch.tensor(features), torch.tensor(told)
    )
    heard = ~np.isnan(told[0])
    np.testing.assert_allclose(said[heard], told[0][heard])


def test_evidence_that_says_nothing_is_as_none() -> None:
    features, targets = problem(known=0.3)
    silent = np.full((1, *targets.shape), np.nan)
    alone, beside = solved(features, targets), solved(features, targets, evidence=silent)
    torch.testing.assert_close(beside.weights, alone.weights)
    torch.testing.assert_close(beside.bias, alone.bias)
    assert beside.slopes.tolist() == [[1] * 5]


@pytest.mark.parametrize("known", [0.15, 1.0])
def test_the_order_of_images_and_labels_does_not_matter(known: float) -> None:
    features, targets = problem(known=known)
    rng = np.random.default_rng(3)
    rows, columns = rng.permutation(len(features)), rng.permutation(5)
    one, other = solved(features, targets), solved(features[rows], targets[rows][:, columns])
    torch.testing.assert_close(other.weights, one.weights[:, columns], atol=1e-5, rtol=0)
    torch.testing.assert_close(other.bias, one.bias[columns], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", CASES)
def test_a_start_changes_no_optimum_and_from_there_takes_no_steps(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    features, targets, counts, evidence = case(name)
    steps = 0
    step = lockstep._direction

    def counted(*args: object) -> object:
        nonlocal steps
        steps += 1
        return step(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(lockstep, "_direction", counted)
    cold = solved(features, targets, counts, evidence=evidence)
    first, steps = steps, 0
    again = solved(features, targets, counts, evidence=evidence, start=cold)
    assert 2 * steps < first
    fewer = np.where(np.arange(len(targets))[:, None] < 100, targets, -1)
    before = solved(features, fewer, counts, evidence=evidence)
    warm = solved(features, targets, counts, evidence=evidence, start=before)
    for other in (again, warm):
        torch.testing.assert_close(other.weights, cold.weights, atol=1e-5, rtol=0)
        torch.testing.assert_close(other.bias, cold.bias, atol=1e-5, rtol=0)


def test_a_start_goes_with_other_evidence() -> None:
    features, targets = problem()
    told = evidence_for(np.abs(targets))
    before = solved(features, targets, evidence=told)
    shifted = solved(features, targets, evidence=told + 1, start=before)
    cold = solved(features, targets, evidence=told + 1)
    torch.testing.assert_close(shifted.weights, cold.weights, atol=1e-5, rtol=0)
    torch.testing.assert_close(shifted.slopes, cold.slopes, atol=1e-5, rtol=0)


def test_a_count_of_two_is_an_entry_twice_and_of_none_is_unknown() -> None:
    features, targets = problem(known=0.5)
    counts = np.random.default_rng(4).integers(0, 3, len(targets))
    weighted = solved(features, targets, np.repeat(counts[:, None], 5, axis=1))
    rows = np.repeat(np.arange(len(targets)), counts)
    repeated = solved(features[rows], targets[rows])
    torch.testing.assert_close(weighted.weights, repeated.weights, atol=1e-5, rtol=0)
    torch.testing.assert_close(weighted.bias, repeated.bias, atol=1e-5, rtol=0)


@pytest.mark.parametrize("scale", [1e-12, 1e-3, 1e3, 1e8])
@pytest.mark.parametrize("known", [0.15, 1.0])
def test_features_may_have_any_scale(scale: float, known: float) -> None:
    features, targets = problem(known=known)
    result = solved(features * scale, targets, dtype=torch.float32, tolerance=0.01)
    logits = result.logits(torch.tensor(features * scale))
    # Features so many times as large are a prior so many times as wide.
    exact = solved(features, targets, spread=3.6 * scale, tolerance=1e-6 * max(1, scale))
    expected = exact.logits(torch.tensor(features)).numpy()
    mild = np.abs(expected).max(axis=0) < 30
    assert mild.any()
    np.testing.assert_allclose(logits[:, mild], expected[:, mild], atol=0.01)
    # Without a prior to speak of, classes apart have an optimum that is next to nowhere.
    right = ((logits.numpy() > 0) == (targets > 0)) | (targets < 0)
    assert right[:, ~mild].all()
    assert bool(logits.isfinite().all())


def test_the_number_of_threads_changes_nothing() -> None:
    features, targets = problem(images=3000, width=64, labels=20)
    targets[:, :10] = np.where(np.arange(3000)[:, None] % 50 == 0, targets[:, :10], -1)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = solved(features, targets, dtype=torch.float32)
        torch.set_num_threads(4)
        four = solved(features, targets, dtype=torch.float32)
        assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(one.weights, four.weights)
    assert torch.equal(one.bias, four.bias)


def test_a_solution_can_take_part_in_a_training() -> None:
    features, targets = problem()
    result = solved(features, targets)
    weights = result.weights.requires_grad_()
    result.logits(torch.tensor(features)).sum().backward()  # type: ignore[no-untyped-call]
    assert weights.grad is not None
    moved = replace(result, bias=result.bias + 1)
    assert float((moved.bias - result.bias).min()) == 1
