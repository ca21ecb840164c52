"""Variance: the closed form against brute force, and picks that do not repeat each other."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from alasl.strategies import Pool, posterior, resolve, variance
from alasl.strategies.base import Labelled
from alasl.strategies.posterior import SPREAD


def drawn(seed: int = 0, images: int = 14, labels: int = 3, width: int = 4) -> Pool:
    rng = np.random.default_rng(seed)
    entries = rng.integers(-1, 2, (images, labels)).astype(np.int8)
    entries[rng.random(entries.shape) < 0.5] = -1
    return Pool(
        entries,
        rng.random(images),
        rng.random((images, labels)),
        rng.standard_normal((images, width)),
        labelled=Labelled(
            rng.integers(0, 2, (5, labels)).astype(np.int8),
            rng.random((5, labels)),
            rng.standard_normal((5, width)),
        ),
        batch=6,
    )


def summed_variance(known: list[tuple[np.ndarray, float]], pool: list[tuple[np.ndarray, float]]):
    """The pool's sum of h times the logit's variance, from the definition."""
    width = len(pool[0][0])
    precision = np.eye(width)
    for x, h in known:
        precision += h * np.outer(x, x)
    covariance = np.linalg.inv(precision)
    return sum(h * (x @ covariance @ x) for x, h in pool)


def with_evidence(pool: Pool, sources: int, seed: int = 1) -> Pool:
    rng = np.random.default_rng(seed)
    there = len(pool.labelled.entries)
    return replace(
        pool,
        evidence=2 * rng.standard_normal((sources, *pool.entries.shape)),
        labelled=replace(pool.labelled, evidence=2 * rng.standard_normal((sources, there, 3))),
    )


def of_labels(pool: Pool, columns: np.ndarray) -> Pool:
    def some(part: Pool | Labelled) -> dict[str, np.ndarray]:
        names = ("entries", "probabilities", "evidence")
        return {name: getattr(part, name)[..., columns] for name in names}

    return replace(pool, **some(pool), labelled=replace(pool.labelled, **some(pool.labelled)))


@pytest.mark.parametrize("target", ["top", "all"])
@pytest.mark.parametrize("sources", [0, 1, 2])
def test_each_pick_is_the_one_that_leaves_the_least_variance(sources, target, monkeypatch):
    monkeypatch.setattr(posterior, "MORE", 1)
    monkeypatch.setattr(posterior, "TIMES", 0.5)
    for seed in range(4):
        pool = drawn(seed)
        if sources:
            pool = with_evidence(pool, sources)
        scores = resolve(f"variance:target={target}")(pool)
        every = np.concatenate([pool.features, pool.labelled.features])
        centred = every - every.mean(axis=0)
        x = centred * SPREAD / np.sqrt((centred**2).sum() / len(centred))
        for label in range(3):
            mine, theirs = x[: len(pool)], x[len(pool) :]
            if sources:
                mine = np.hstack([mine, pool.evidence[:, :, label].T])
                theirs = np.hstack([theirs, pool.labelled.evidence[:, :, label].T])
            h = pool.probabilities[:, label] * (1 - pool.probabilities[:, label])
            q = pool.labelled.probabilities[:, label]
            known = [(mine[i], h[i]) for i in range(len(pool)) if pool.entries[i, label] >= 0]
            known += list(zip(theirs, q * (1 - q), strict=True))
            everyone = list(zip(mine, h, strict=True))
            left = [i for i in range(len(pool)) if pool.entries[i, label] < 0]
            counted = everyone
            if target == "top":
                p = pool.probabilities[:, label]
                many = 1 + int(sum(p[i] for i in left) / 2)
                assert many < len(left)
                counted = [everyone[i] for i in sorted(left, key=lambda i: -p[i])[:many]]
            order = np.argsort(-scores[:, label])[: len(left)]
            for place in range(min(4, len(left))):
                after = {i: summed_variance([*known, everyone[i]], counted) for i in left}
                best = min(after, key=after.__getitem__)
                assert order[place] == best
                known.append(everyone[best])
                left.remove(best)


def test_two_equal_images_are_not_asked_one_after_the_other():
    pool = drawn(images=30)
    features, p = pool.features.copy(), np.full(pool.probabilities.shape, 0.5)
    features[0] = features[1] = 20 * np.eye(4)[0]
    features[2] = 15 * np.eye(4)[1]
    entries = np.full_like(pool.entries, -1)
    twins = replace(pool, features=features, probabilities=p, entries=entries)
    scores = resolve("variance")(twins)
    for label in range(3):
        first, second = np.argsort(-scores[:, label])[:2]
        assert {first, second} != {0, 1}


def test_as_many_entries_are_first_in_each_label():
    pool = drawn(images=60)
    scores = resolve("variance")(pool)
    flat = np.argsort(-scores, axis=None)[:6]
    assert np.bincount(flat % 3, minlength=3).tolist() == [2, 2, 2]


def test_many_features_are_reduced_to_their_main_directions():
    pool = drawn(images=60, width=5)
    rng = np.random.default_rng(3)
    turned = np.linalg.qr(rng.standard_normal((200, 200)))[0][:5]
    wide = replace(
        pool,
        features=pool.features @ turned,
        labelled=replace(pool.labelled, features=pool.labelled.features @ turned),
    )
    a, b = resolve("variance")(pool), resolve("variance")(wide)
    for label in range(3):
        assert (np.argsort(-a[:, label])[:4] == np.argsort(-b[:, label])[:4]).all()


def test_of_a_large_pool_a_sample_stands_for_all_and_asks_for_much_the_same(monkeypatch):
    pool = drawn(images=600, width=8)
    asked = np.argsort(-resolve("variance")(pool), axis=0)[:20]
    monkeypatch.setattr(posterior, "SAMPLE", 150)
    scores = resolve("variance")(pool)
    same = [np.isin(np.argsort(-scores[:, j])[:20], asked[:, j]).mean() for j in range(3)]
    assert 0.5 < np.mean(same) < 1, "by chance it would be 0.03"
    # The sample is drawn with the images' draws, so their order decides nothing.
    turned = np.random.default_rng(1).permutation(600)
    np.testing.assert_array_equal(resolve("variance")(pool.take(turned)), scores[turned])


def test_evidence_goes_with_its_images_and_labels():
    pool = with_evidence(drawn(images=40), 1)
    scores = resolve("variance")(pool)
    turned = np.random.default_rng(1).permutation(40)
    np.testing.assert_array_equal(resolve("variance")(pool.take(turned)), scores[turned])
    other = pool.evidence.copy()
    other[:, :, 1] *= 3
    changed = resolve("variance")(replace(pool, evidence=other))
    np.testing.assert_array_equal(changed[:, [0, 2]], scores[:, [0, 2]])
    assert (changed[:, 1] != scores[:, 1]).any()


def test_a_first_present_is_sought_only_where_none_is_known() -> None:
    pool = drawn(3, images=40)
    entries, beside = np.minimum(pool.entries, 0), np.zeros((5, 3), np.int8)
    beside[:, 2] = 1
    pool = replace(pool, entries=entries, labelled=replace(pool.labelled, entries=beside), batch=12)
    scores = resolve("variance")(pool)
    every = np.concatenate([pool.features, pool.labelled.features])
    centred = every - every.mean(axis=0)
    x = centred * SPREAD / np.sqrt((centred**2).sum() / len(centred))
    p = np.concatenate([pool.probabilities, pool.labelled.probabilities])
    known = np.concatenate([entries, beside]) >= 0
    for label in range(3):
        h = p[:, label] * (1 - p[:, label])
        precision = np.eye(4) + x.T @ (x * (h * known[:, label])[:, None])
        left = np.flatnonzero(entries[:, label] < 0)
        # What a present at each does to the logits of all images of the pool.
        shifts = x[left] @ np.linalg.solve(precision, x[:40].T)
        moved, logits = np.log(shifts**2 @ h[:40]), np.log(p[left, label] / (1 - p[left, label]))
        usual = known[:, label].sum() * 5 / known.sum()
        weighed = usual**0.5 * logits / logits.std() + moved / moved.std()
        first = left[weighed.argmax()]
        assert (scores[first, label] == 1) == (label < 2)


def test_of_a_label_of_which_nothing_is_known_the_first_moves_most() -> None:
    pool = drawn(3, images=40)
    pool.entries[:, 0], pool.labelled.entries[:, 0], pool.probabilities[:, 0] = -1, -1, 0.1
    centred = pool.features - np.concatenate([pool.features, pool.labelled.features]).mean(axis=0)
    moved = ((centred @ centred.T) ** 2).sum(axis=1)
    assert resolve("variance")(pool)[:, 0].argmax() == moved.argmax()


def test_a_logit_s_deviation_is_the_model_s_own() -> None:
    pool = drawn(2, images=40)
    scores = resolve("variance")(pool)
    np.testing.assert_array_equal(resolve("variance")(replace(pool, spread=SPREAD)), scores)
    # Features twice as large, of a model whose logits are half as spread, say the same.
    small = resolve("variance")(replace(pool, spread=SPREAD / 8))
    assert (small != scores).any()
    double = replace(
        pool,
        spread=SPREAD / 8,
        features=2 * pool.features,
        labelled=replace(pool.labelled, features=2 * pool.labelled.features),
    )
    np.testing.assert_allclose(resolve("variance")(double), small, rtol=1e-4)


def test_it_holds_few_tables_of_the_pool_at_a_time() -> None:
    images, labels = 6000, 120
    rng = np.random.default_rng(0)
    entries = np.full((images, labels), -1, np.int8)
    probabilities = rng.random(entries.shape, dtype=np.float32)
    features = rng.standard_normal((images, 8), dtype=np.float32)
    beside = Labelled(entries[:0], probabilities[:0], features[:0], ids=np.arange(0))
    pool = Pool(
        entries, rng.random(images), probabilities, features, labelled=beside, ask="entries"
    )
    strategy = resolve("variance")
    strategy(pool)  # what is computed once, and imports
    tracemalloc.start()
    strategy(pool)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Scores in single precision are one; of slopes and masks there are those of few labels.
    assert peak < 2.2 * probabilities.nbytes


def test_a_lapack_that_fails_to_find_one_eigenvalue_does_not_stop_us(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    covariance = np.diag([1.0, 3.0, 2.0]).astype(np.float32)
    assert posterior.largest(covariance) == pytest.approx(3)

    def fail(*_: object, **__: object) -> None:
        raise np.linalg.LinAlgError("Internal Error.")

    monkeypatch.setattr(posterior, "eigh", fail)
    assert posterior.largest(covariance) == pytest.approx(3)


@pytest.mark.parametrize("known", [0.0, 0.1])
def test_what_a_bound_sifts_out_is_never_among_the_highest(known: float) -> None:
    rng = np.random.default_rng(3)
    features = rng.standard_normal((4000, 12)).astype(np.float32)
    slope = posterior.slope_of(rng.random(4000) ** 6)
    rows = np.flatnonzero(rng.random(4000) > known)
    root = rng.standard_normal((12, 12)) / 4
    covariance = (root @ root.T + np.eye(12)).astype(np.float32)
    whole = slope[rows] * posterior.variances(features, covariance)[rows]
    lengths = (features**2).sum(axis=1)
    sifted = variance._sifted(features, slope, rows, covariance, 150, lengths)
    highest = np.argsort(-whole)[:150]
    assert set(np.argsort(-sifted)[:150]) == set(highest)
    np.testing.assert_allclose(sifted[highest], whole[highest], rtol=1e-5)
    assert (sifted >= whole * (1 - 1e-5)).all()
    assert (sifted > whole * 1.01).sum() > 1000, "most are left at their bound"


def test_of_many_labels_as_many_are_asked_as_twice_the_answers_whatever_the_order() -> None:
    pool = with_evidence(drawn(3, images=40, labels=3), 1)
    repeated = np.arange(60) % 3
    many = replace(of_labels(pool, repeated), batch=7, ask="entries")
    scores = resolve("variance")(many)
    asked = np.flatnonzero((scores > 0).any(axis=0))
    assert len(asked) == 14
    # Each as if it were alone.
    alone = resolve("variance")(replace(pool, batch=1))
    for label in asked:
        assert scores[:, label].argmax() == alone[:, label % 3].argmax()
    # The same labels whatever order the images come in; all of them, where images are asked.
    turned = resolve("variance")(many.take(np.arange(40)[::-1]))
    np.testing.assert_array_equal(turned[::-1], scores)
    whole = resolve("variance")(replace(many, ask="images"))
    assert (np.where(many.askable, whole, 0).max(axis=0) > 0).all()


def test_images_that_come_by_their_draws_are_scored_alike_and_left_as_they_are() -> None:
    pool = drawn(1, images=30)
    order = np.argsort(pool.ties)
    sorted_ = replace(pool.take(order), features=pool.features[order].astype(np.float32))
    before = sorted_.features.copy()
    scores = resolve("variance")(sorted_)
    np.testing.assert_array_equal(sorted_.features, before)
    other = replace(pool, features=pool.features.astype(np.float32))
    np.testing.assert_array_equal(scores, resolve("variance")(other)[order])
