"""Candidates found among many images are those of the whole table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from alasl.learner.labelwise import Labelwise
from alasl.query import Budget, Price, select
from alasl.sparse import Sparse
from alasl.strategies import Labelled, Pool, finding, posterior, resolve, seeking, variance
from alasl.strategies.streamed import Streamed

IMAGES, LABELS, WIDTH = 3000, 7, 9


def drawn(seed: int = 0, known: float = 0.02) -> Pool:
    """A pool by its draws; of one label no present is known, of one nothing can be asked."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((IMAGES, WIDTH)).astype(np.float32)
    # Some directions are known well, and others hardly.
    features *= np.linspace(0.2, 3, WIDTH, dtype=np.float32)
    logits = features @ rng.standard_normal((WIDTH, LABELS)) / 2 - 2
    p = (1 / (1 + np.exp(-logits))).astype(np.float32)
    entries = np.where(rng.random(p.shape) < known, rng.random(p.shape) < p, -1).astype(np.int8)
    entries[entries[:, 2] == 1, 2] = 0
    labelled = Labelled(
        np.where(rng.random((20, LABELS)) < 0.5, 0, -1).astype(np.int8),
        rng.random((20, LABELS)).astype(np.float32),
        rng.standard_normal((20, WIDTH)).astype(np.float32),
    )
    closed = rng.random(p.shape) < 0.01
    closed[:, 3] = True
    ties = np.sort(rng.random(IMAGES))
    return Pool(entries, ties, p, features, labelled=labelled, closed=closed, ask="entries")


def streamed(pool: Pool, held: int = IMAGES) -> Streamed:
    """The same, with the features of so many held; p is found by the features that are shown."""
    features, p = pool.need("features"), pool.need("probabilities")
    place = {row.tobytes(): at for at, row in enumerate(features)}

    def chances(seen: np.ndarray, labels: slice | np.ndarray) -> np.ndarray:
        return p[[place[row.tobytes()] for row in seen]][:, labels]

    assert pool.closed is not None
    return Streamed(
        Sparse.of(pool.entries),
        Sparse.of(pool.closed, False),
        pool.ties,
        chances,
        features[:held],
        pool.labelled,
        pool.spread,
        pool.batch,
        "entries",
        others=(lambda places: features[places]) if held < IMAGES else None,
    )


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks and samples of a large pool, in a small one."""
    for name, value in {"SAMPLE": 300, "DRAWN": 64, "CANDIDATES": 20, "BLOCK": 512}.items():
        for module in (posterior, finding, variance):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(seeking, "CANDIDATES", 60)
    sizes = {"FEW": 2, "LABELS": 3, "IMAGES": 512, "SAID": 100, "SOUGHT": 60}
    for name, value in sizes.items():
        monkeypatch.setattr(finding, name, value)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("spec", ["variance", "variance:target=all"])
@pytest.mark.parametrize("answers", [3, 40, 50])
@pytest.mark.parametrize("seed", range(2))
def test_what_is_found_is_what_the_whole_pool_would_have_picked(
    seed: int, answers: int, spec: str
) -> None:
    pool = replace(drawn(seed), batch=answers)
    strategy, budget = resolve(spec), Budget(answers=answers)
    whole = select(pool.askable, strategy(pool), pool.ties, "entries", budget, Price(1.7))
    chosen = Labelwise(pool.shape, pool.ties, budget, (Price(1.7), Price()))
    find = strategy.among(streamed(pool), answers)
    assert find is not None
    for labels in (np.array([1, 4, 2]), np.array([0, 3, 5, 6])):
        rows, cols, scores = find(labels)
        assert np.isin(cols, labels).all()
        chosen.merge(rows * LABELS + cols, scores)
    query, _ = chosen.query()
    np.testing.assert_array_equal(query.rows, whole.rows)
    np.testing.assert_array_equal(query.cols, whole.cols)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("held", [700, 2900])
def test_images_whose_features_are_not_held_are_found_as_well(
    held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = drawn()
    # It is told by those that are held.
    scale = posterior.Scale(np.zeros(WIDTH, np.float32), None, np.float32(1))
    monkeypatch.setattr(posterior.Scale, "fit", lambda *_: scale)
    whole, some = (resolve("variance").among(streamed(pool, n), 10) for n in (IMAGES, held))
    assert whole is not None
    assert some is not None
    labels = np.arange(LABELS)
    expected, found = whole(labels), some(labels)
    for label in labels:
        rows = found[0][found[1] == label]
        assert set(rows) == set(expected[0][expected[1] == label])
        assert pool.askable[rows, label].all()
    assert (found[0] >= held).any()


@pytest.mark.usefixtures("small")
def test_of_enough_known_entries_no_others_features_are_asked_for_here_and_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool, held = drawn(), IMAGES // 2
    asked: list[np.ndarray] = []

    def others(places: np.ndarray) -> np.ndarray:
        asked.append(places)
        assert pool.features is not None
        return pool.features[places]

    for enough, here_and_there in ((1, False), (10**6, True)):
        monkeypatch.setattr(finding, "ENOUGH", enough)
        monkeypatch.setattr(finding, "SAMPLE", 10**6)
        asked.clear()
        find = resolve("variance").among(replace(streamed(pool, held), others=others), 10)
        assert find is not None
        find(np.arange(1))
        # Blocks are asked for whole, and the candidates at the end.
        known = [each for each in asked[:-1] if (np.diff(each) != 1).any()]
        assert bool(known) is here_and_there


def test_few_entries_are_looked_at_in_full(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    del small
    looked = []

    def worth_of(one: finding._Label, p: np.ndarray, x: np.ndarray) -> np.ndarray:
        looked.append(len(p))
        return plain(one, p, x)

    plain = finding._Label.worth_of
    monkeypatch.setattr(finding._Label, "worth_of", worth_of)
    find = resolve("variance").among(streamed(drawn(), 1000), 10)
    assert find is not None
    find(np.arange(LABELS))
    assert sum(looked) < IMAGES * LABELS / 5


def test_where_more_is_wanted_than_there_are_candidates_nothing_is_found_so() -> None:
    pool = replace(drawn(), batch=10**5)
    strategy = resolve("variance")
    assert strategy.among(streamed(pool), 10**4) is None
    assert strategy.among(replace(streamed(pool), evidence=np.zeros((1, 1, 1))), 10) is None
    assert resolve("entry-entropy").among(streamed(pool), 10) is None


def test_the_highest_are_told_by_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posterior, "DRAWN", 50)
    rng = np.random.default_rng(0)
    values: Callable[[], np.ndarray]
    for values in (lambda: rng.random(3000), lambda: np.r_[np.zeros(2990), np.ones(10)]):
        for many in (5, 100, 1500):
            some = values().astype(np.float32)
            found = posterior.at_least(some, many)
            assert len(found) >= many
            assert some[found].min() >= np.delete(some, found).max(initial=0)
    assert len(posterior.at_least(rng.random(3000).astype(np.float32), 100)) < 1000


@pytest.mark.parametrize("seed", range(5))
def test_no_bound_is_below_what_it_bounds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((500, WIDTH)).astype(np.float32)

    def covariance(many: int) -> np.ndarray:
        known = rng.standard_normal((many, WIDTH)) * rng.random(WIDTH) * 4
        return posterior.covariance_of((known.T @ known).astype(np.float32))

    shape = finding._Shape.of(sum(covariance(many) for many in (0, 3, 50)) / np.float32(3))
    lengths = posterior.variances(x, shape.mean)
    for many in (0, 1, 5, 200):
        mine = covariance(many)
        exact = posterior.variances(x, mine)
        bound = shape.bound(mine)
        before = bound.values[0] * lengths
        assert (exact <= before).all()
        for count, usual in zip(bound.counts, bound.usual, strict=True):
            most = bound.most(count, x, lengths)
            assert (exact <= most).all()
            assert (most <= before * 1.001).all()
            assert 0.6 < np.mean(most / lengths) / usual < 1.6
            before = most
        assert (before < 0.9 * bound.values[0] * lengths).any()


def test_where_p_has_a_slope_or_more() -> None:
    p = np.random.default_rng(0).random(5000)
    slopes = np.array([-np.inf, 0, 1e-5, 0.01, 0.2, 0.2499, 0.2501, 7])
    far = np.abs(p - 1 / 2)[:, None] <= finding._aside(slopes)
    np.testing.assert_array_equal(far, posterior.slope_of(p)[:, None] >= slopes)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("width", [1, 2])
def test_features_that_say_little_are_enough(width: int) -> None:
    """One or two; and the same of many images, so that all are candidates alike."""
    pool = drawn()
    features = pool.need("features")[:, :width].copy()
    features[500:] = features.mean(axis=0)
    beside = pool.need("labelled")
    beside = replace(beside, features=beside.need("features")[:, :width])
    p = pool.need("probabilities").copy()
    p[500:] = p[500]
    pool = replace(pool, features=features, labelled=beside, probabilities=p, batch=30)
    whole = select(
        pool.askable, resolve("variance")(pool), pool.ties, "entries", Budget(answers=30), Price()
    )
    find = resolve("variance").among(streamed(pool), 30)
    assert find is not None
    rows, cols, scores = find(np.arange(LABELS))
    found = set(zip(rows[scores == 1].tolist(), cols[scores == 1].tolist(), strict=True))
    assert found <= set(zip(whole.rows.tolist(), whole.cols.tolist(), strict=True))
