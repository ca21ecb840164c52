"""The paper's strategies against their formulas, in plain loops."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from alasl.query import Budget, select
from alasl.strategies import Pool, resolve
from alasl.strategies.combine import combined, in_stages


def ratio(row):
    unknown = sum(value == -1 for value in row)
    known = len(row) - unknown
    return Fraction(unknown, known) if known else math.inf


def eq4(row):
    return -abs(ratio(row) - 1)


def eq6(row, p, form="printed", over="all"):
    total = 0.0
    for value, q in zip(row.tolist(), p.tolist(), strict=True):
        if over == "unknown" and value != -1:
            continue
        total -= q * math.log(q) if q > 0 else 0
        if form == "binary":
            total -= (1 - q) * math.log(1 - q) if q < 1 else 0
    return total


def by_loop(pool, value):
    """All images with something to ask, highest value first, ties by their draws."""
    rows = [i for i in range(len(pool)) if pool.askable[i].any()]
    return sorted(rows, key=lambda i: (value(i), pool.ties[i]), reverse=True)


def asked(pool, spec, images=10**6):
    scores = resolve(spec)(pool)
    return select(pool.askable, scores, pool.ties, "images", Budget(images=images)).images.tolist()


def test_random_asks_by_the_draws_alone(kind, make_pool):
    pool = make_pool(kind)
    assert asked(pool, "random") == by_loop(pool, lambda _: 0)


def test_hard_is_eq_5_and_medium_eq_4(kind, make_pool):
    pool = make_pool(kind)
    assert asked(pool, "hard") == by_loop(pool, lambda i: ratio(pool.entries[i]))
    assert asked(pool, "medium") == by_loop(pool, lambda i: eq4(pool.entries[i]))


def test_ratios_by_hand():
    """Of 15 labels, 9, 5, 15 and 7 are unknown: ratios 3/2, 1/2, infinite, 7/8."""
    entries = np.zeros((4, 15), np.int8)
    for row, unknown in enumerate((9, 5, 15, 7)):
        entries[row, :unknown] = -1
    pool = Pool(entries, np.array([0.1, 0.2, 0.3, 0.4]))
    assert asked(pool, "hard") == [2, 0, 3, 1]
    scores = resolve("medium")(pool)
    assert scores[0] == scores[1]  # both at a distance of 1/2
    assert asked(pool, "medium") == [3, 1, 0, 2]


@pytest.mark.parametrize("form", ["printed", "binary"])
@pytest.mark.parametrize("over", ["all", "unknown"])
def test_entropy_is_eq_6(form, over, kind, make_pool):
    pool = make_pool(kind)
    scores = resolve(f"entropy:form={form}:over={over}")(pool)
    for i in by_loop(pool, lambda _: 0):
        expected = eq6(pool.entries[i], pool.probabilities[i], form, over)
        assert scores[i] == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_entropy_of_a_long_pool_is_that_of_its_rows(make_pool):
    """Longer than a block, so that blocks are put together rightly."""
    pool = make_pool()
    rows = np.random.default_rng(0).integers(len(pool), size=5000)
    assert (resolve("entropy")(pool.take(rows)) == resolve("entropy")(pool)[rows]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_entropy_at_certainty_is_zero(dtype):
    p = np.array([[0, 1], [1, 1], [np.nextafter(dtype(0), dtype(1)), np.nextafter(dtype(1), 0)]])
    pool = Pool(np.full((3, 2), -1, np.int8), np.zeros(3), p.astype(dtype))
    with np.errstate(all="raise", under="ignore"):
        for spec in ("entropy", "entropy:form=binary"):
            scores = resolve(spec)(pool)
            assert (scores[:2] == 0).all()
            assert 0 < scores[2] < 1e-5


def test_the_printed_form_peaks_at_1_over_e_and_the_binary_at_a_half():
    p = np.linspace(0, 1, 1001)[:, None]
    pool = Pool(np.full((1001, 1), -1, np.int8), np.zeros(1001), p)
    assert p[resolve("entropy")(pool).argmax(), 0] == pytest.approx(1 / math.e, abs=1e-3)
    assert p[resolve("entropy:form=binary")(pool).argmax(), 0] == 0.5


@pytest.mark.parametrize(("first", "share"), [("hard", ratio), ("medium", eq4)])
def test_with_entropy(first, share, kind, make_pool):
    pool = make_pool(kind)
    rows = by_loop(pool, lambda _: 0)
    # By score rather than by ratio: what is infinite has to enter a product as a number.
    scores = resolve(first)(pool)
    one = {i: float(scores[i]) for i in rows}
    two = {i: eq6(pool.entries[i], pool.probabilities[i]) for i in rows}

    def unit(values, i):
        low, high = min(values.values()), max(values.values())
        return (values[i] - low) / (high - low) if high > low else 1.0

    def rank(values, i):
        below = sum(v < values[i] for v in values.values())
        return below + (1 + sum(v == values[i] for v in values.values())) / 2

    got = resolve(f"{first}+entropy")(pool)
    for i in rows:
        assert got[i] == pytest.approx(unit(one, i) * unit(two, i), rel=1e-9, abs=1e-12)
    got = resolve(f"{first}+entropy:combine=ranks")(pool)
    for i in rows:
        # Ranks of the strategy's own entropies: the loop's differ in the last bit.
        two[i] = float(resolve("entropy")(pool)[i])
    for i in rows:
        assert got[i] == rank(one, i) + rank(two, i)
    expected = by_loop(pool, lambda i: (share(pool.entries[i]), two[i]))
    assert asked(pool, f"{first}+entropy:combine=ties") == expected


def test_nothing_known_leaves_the_product_alive():
    """An image of infinite ratio neither drowns the other ratios nor decides by itself."""
    entries = np.zeros((4, 8), np.int8)
    for row, unknown in enumerate((8, 4, 2, 4)):
        entries[row, :unknown] = -1
    p = np.full((4, 8), 0.3)
    p[0], p[3] = 0.001, 0.28
    pool = Pool(entries, np.arange(4) / 4, p)
    assert asked(pool, "medium+entropy", 3)[:2] == [1, 3]
    assert asked(pool, "hard+entropy", 3)[:2] == [1, 3]


@pytest.mark.parametrize("combine", ["product", "ranks", "ties"])
def test_a_constant_score_leaves_the_other_in_charge(combine):
    scores = np.array([0.3, 0.1, 0.9, 0.3])
    for one, two in ((scores, np.ones(4)), (np.ones(4), scores)):
        both = combined(one, two, combine)
        assert (np.sign(both[:, None] - both) == np.sign(scores[:, None] - scores)).all()


@pytest.mark.parametrize("spec", ["hard+medium", "hard+medium+entropy"])
@pytest.mark.parametrize(("asked_before", "by_hard"), [(0, 5), (3, 2), (5, 0), (9, 0)])
def test_a_batch_may_lie_across_the_border(spec, asked_before, by_hard, make_pool):
    """Of a budget of 50 the first 5 are by Hard; batches of 4 and 8 images."""
    suffix = spec.removeprefix("hard+medium")
    for seed in range(10):
        pool = replace(make_pool("even", seed), asked=asked_before, budget=50)
        hard, medium = asked(pool, f"hard{suffix}"), asked(pool, f"medium{suffix}")
        expected = hard[:by_hard] + [i for i in medium if i not in hard[:by_hard]]
        assert asked(pool, spec) == expected
        for images in (4, 8):
            assert asked(pool, spec, images) == expected[:images]


def test_the_share_of_hard_goes_from_none_to_all(make_pool):
    pool = replace(make_pool("even"), asked=0, budget=60)
    assert asked(pool, "hard+medium:share=0") == asked(pool, "medium")
    assert asked(pool, "hard+medium:share=1") == asked(pool, "hard")


def test_stages_put_the_first_above_any_score():
    pool = Pool(np.full((3, 1), -1, np.int8), np.array([0.5, 0.6, 0.7]), budget=10)
    first, then = np.array([1.0, 1.0, 0.0]), np.array([-5.0, -5.0, 1e6])
    assert in_stages(pool, first, then, 0.1).argmax() == 1
