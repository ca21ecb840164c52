"""The selector against plain loops and brute force: best for the budget, never beyond it, fair."""

from __future__ import annotations

from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alasl import ranking
from alasl.errors import DataError, NothingToDo, UsageError
from alasl.query import Budget, Price, Query, select
from alasl.seeds import spread


@st.composite
def pools(draw, images=8, labels=4, levels=True):
    """A mask, entry scores that are often equal, ties, and prices of answers."""
    n, width = draw(st.integers(1, images)), draw(st.integers(1, labels))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    askable = rng.random((n, width)) < draw(st.sampled_from([0.3, 0.7, 1.0]))
    askable[rng.integers(n), rng.integers(width)] = True
    scores = rng.integers(0, 4, (n, width)).astype(float) if levels else rng.random((n, width))
    prices = rng.integers(1, 5, width).astype(float)
    return askable, scores, rng.random(n), prices


def pairs(found: Query) -> list[tuple[int, int]]:
    return list(zip(found.rows.tolist(), found.cols.tolist(), strict=True))


def took(found: Query, price: Price, labels: int) -> tuple[int, int, float]:
    """Images, answers and seconds that a query takes, counted one by one."""
    each = np.broadcast_to(price.answer, labels)
    opened = {row for row, _ in pairs(found)}
    return len(opened), len(found), price.open * len(opened) + sum(each[c] for _, c in pairs(found))


def attempt(*args) -> Query | None:
    try:
        return select(*args)
    except UsageError as error:
        assert "does not buy one answer" in str(error)  # noqa: PT017 - the rest is a failure
        return None


# Against a full sort


@given(pools(), st.integers(1, 9))
def test_images_equal_a_full_sort(pool, images):
    askable, scores, ties, _ = pool
    score = scores[:, 0]
    rows = [i for i in range(len(askable)) if askable[i].any()]
    best = sorted(rows, key=lambda i: (score[i], ties[i]), reverse=True)[:images]
    found = select(askable, score, ties, "images", Budget(images=images))
    assert pairs(found) == [(i, j) for i in best for j in np.flatnonzero(askable[i])]
    assert found.images.tolist() == best


@given(pools(), st.integers(1, 9))
def test_the_scores_of_an_images_entries_are_summed(pool, images):
    askable, scores, ties, _ = pool
    hidden = np.where(askable, scores, -np.inf)
    summed = np.where(askable, scores, 0).sum(axis=1)
    one = select(askable, hidden, ties, "images", Budget(images=images))
    assert pairs(one) == pairs(select(askable, summed, ties, "images", Budget(images=images)))


@given(pools(), st.integers(1, 40), st.sampled_from([3, 1 << 20]))
def test_entries_equal_a_full_sort(pool, answers, block):
    """In blocks of one row as in one piece."""
    askable, scores, ties, _ = pool
    draws = spread(ties, askable.shape[1])
    every = [(i, j) for i, j in np.ndindex(askable.shape) if askable[i, j]]
    best = sorted(every, key=lambda e: (scores[e], draws[e]), reverse=True)[:answers]
    first = list(dict.fromkeys(i for i, _ in best))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "BLOCK", block)
        found = select(askable, scores, ties, "entries", Budget(answers=answers))
    assert pairs(found) == sorted(best, key=lambda e: (first.index(e[0]), e[1]))


@given(pools(), st.integers(1, 40))
def test_an_images_score_counts_for_each_of_its_entries(pool, answers):
    askable, scores, ties, _ = pool
    score = scores[:, 0]
    wide = np.repeat(score[:, None], askable.shape[1], axis=1)
    one = select(askable, score, ties, "entries", Budget(answers=answers))
    assert pairs(one) == pairs(select(askable, wide, ties, "entries", Budget(answers=answers)))


def test_a_long_pool_in_blocks_equals_one_sort():
    """Long enough for candidates to be thinned out many times, with many equal scores."""
    rng = np.random.default_rng(0)
    askable = rng.random((3000, 7)) < 0.8
    scores, ties = np.round(rng.random((3000, 7)), 2), rng.random(3000)
    draws = spread(ties, 7)
    every = np.flatnonzero(askable)
    order = every[np.lexsort((draws.ravel()[every], scores.ravel()[every]))[::-1]]
    for answers in (1, 50, 700, 20_000):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ranking, "BLOCK", 500)
            found = select(askable, scores, ties, "entries", Budget(answers=answers))
        assert sorted(found.rows * 7 + found.cols) == sorted(order[:answers])


# Against brute force: images are opened at a price, answers differ in theirs


def best_by_brute_force(askable, scores, price, seconds, images=np.inf, answers=np.inf):
    """The largest summed score over all sets of entries within the budget."""
    entries = [(i, j) for i, j in np.ndindex(askable.shape) if askable[i, j]]
    each = np.broadcast_to(price.answer, askable.shape[1])
    best = 0.0
    for some in chain.from_iterable(
        combinations(entries, size) for size in range(1, len(entries) + 1)
    ):
        opened = len({i for i, _ in some})
        cost = price.open * opened + sum(each[j] for _, j in some)
        if cost <= seconds * (1 + 1e-9) and opened <= images and len(some) <= answers:
            best = max(best, sum(scores[e] for e in some))
    return best


def small(seed: int):
    """At most 9 entries, so that all subsets can be tried."""
    rng = np.random.default_rng(seed)
    askable = rng.random((3, 3)) < 0.85
    askable[0, 0] = True
    price = Price(rng.integers(1, 4, 3).astype(float), float(rng.choice([0, 0.5, 2, 6])))
    return askable, rng.random((3, 3)), rng.random(3), price


@pytest.mark.parametrize("seed", range(40))
def test_no_set_of_entries_is_worth_more_for_the_same_seconds(seed):
    """Wherever the greedy ranking is not cut inside an image's prefix, it is the optimum."""
    askable, scores, ties, price = small(seed)
    each, exact = np.asarray(price.answer), 0
    for seconds in np.arange(1, 16, 0.5):
        found = attempt(askable, scores, ties, "entries", Budget(seconds=seconds), price)
        if found is None:
            assert (price.open + each[np.nonzero(askable)[1]] > seconds).all()
            continue
        spent = took(found, price, 3)[2]
        got = sum(scores[e] for e in pairs(found))
        optimum = best_by_brute_force(askable, scores, price, spent)
        # What greedy can lose: less than one image's best prefix, bought in part.
        alone = max(scores[i][askable[i]].sum() for i in range(3) if askable[i].any())
        assert optimum - alone < got <= optimum + 1e-9
        # Every border of a ranking by the gain over cost of whole prefixes is an optimum.
        if is_border(askable, scores, price, set(pairs(found))):
            assert got == pytest.approx(optimum)
            exact += 1
    assert exact >= 2


def is_border(askable, scores, price, chosen):
    """Whether some rate of exchange makes exactly `chosen` worth its cost, image by image."""
    each = np.asarray(price.answer)
    rates = {0.0}
    for i, j in np.ndindex(askable.shape):
        rates.add(scores[i, j] / each[j])
    for i in range(len(askable)):
        mine = np.flatnonzero(askable[i])
        for size in range(1, len(mine) + 1):
            for some in combinations(mine, size):
                rates.add(scores[i, list(some)].sum() / (price.open + each[list(some)].sum()))
    for rate in rates:
        for nudge in (1 - 1e-9, 1 + 1e-9):
            worth = scores - rate * nudge * each
            wanted = set()
            for i in range(len(askable)):
                mine = [j for j in np.flatnonzero(askable[i]) if worth[i, j] > 0]
                if sum(worth[i, j] for j in mine) > rate * nudge * price.open:
                    wanted |= {(i, int(j)) for j in mine}
            if wanted == chosen:
                return True
    return False


@pytest.mark.parametrize("seed", range(20))
def test_images_by_the_second_are_the_best_where_the_budget_ends_with_one(seed):
    askable, scores, ties, price = small(seed)
    each = np.asarray(price.answer)
    rows = [i for i in range(3) if askable[i].any()]
    cost = {i: price.open + each[askable[i]].sum() for i in rows}
    worth = {i: scores[i][askable[i]].sum() for i in rows}
    ranked = sorted(rows, key=lambda i: worth[i] / cost[i], reverse=True)
    for count in range(1, len(rows) + 1):
        seconds = sum(cost[i] for i in ranked[:count])
        found = select(askable, scores, ties, "images", Budget(seconds=seconds), price)
        assert found.images.tolist() == ranked[:count]
        optimum = max(
            sum(worth[i] for i in some)
            for size in range(1, len(rows) + 1)
            for some in combinations(rows, size)
            if sum(cost[i] for i in some) <= seconds * (1 + 1e-9)
        )
        assert sum(worth[i] for i in ranked[:count]) == pytest.approx(optimum)


# The budget


@given(
    pools(levels=False),
    st.sampled_from(["images", "entries"]),
    st.sampled_from([0.0, 0.5, 3.0, 50.0]),
    st.tuples(
        st.none() | st.integers(1, 8),
        st.none() | st.integers(1, 20),
        st.none() | st.floats(0.5, 60),
    ).filter(any),
)
def test_a_budget_is_never_exceeded_nor_left_where_it_would_buy_more(pool, ask, open, limits):
    askable, scores, ties, prices = pool
    budget, price = Budget(*limits), Price(prices, open)
    found = attempt(askable, scores, ties, ask, budget, price)
    caps = [np.inf if limit is None else limit for limit in limits]

    def fits(some):
        used = took(some, price, askable.shape[1])
        return all(u <= cap * (1 + 1e-9) for u, cap in zip(used, caps, strict=True))

    chosen = [] if found is None else pairs(found)
    assert len(set(chosen)) == len(chosen)
    assert all(askable[e] for e in chosen)
    if found is not None:
        assert fits(found)
    # One more image would be too much; or one more answer, where all take the same.
    if ask == "images":
        opened = {i for i, _ in chosen}
        assert all(set(chosen) >= {(i, j) for j in np.flatnonzero(askable[i])} for i in opened)
        for i in set(np.flatnonzero(askable.any(axis=1)).tolist()) - opened:
            more = chosen + [(i, j) for j in np.flatnonzero(askable[i])]
            assert not fits(Query(*map(np.array, zip(*more, strict=True))))
    elif limits[2] is None or (not open and len(set(prices)) == 1):
        for entry in {e for e in np.ndindex(askable.shape) if askable[e]} - set(chosen):
            assert not fits(Query(*map(np.array, zip(*[*chosen, entry], strict=True))))


def test_what_is_too_dear_is_passed_over():
    """The best image takes 5 answers of the 4 there are; the best entry 9 seconds of 3."""
    askable = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [0, 0, 1, 1, 0]], bool)
    score, ties = np.array([4.0, 3, 2, 1]), np.zeros(4)
    found = select(askable, score, ties, "images", Budget(answers=4))
    assert found.images.tolist() == [1, 3]
    worth = np.array([[90.0, 1, 2]])
    price = Price(np.array([9.0, 1, 1]), 1.0)
    found = select(np.ones((1, 3), bool), worth, ties[:1], "entries", Budget(seconds=3), price)
    assert pairs(found) == [(0, 1), (0, 2)]
    with pytest.raises(UsageError, match="does not buy one answer"):
        select(np.ones((1, 3), bool), worth, ties[:1], "entries", Budget(seconds=1.5), price)


# Two ends of one optimisation


@given(pools(levels=False))
def test_free_opening_gives_free_entries_and_dear_opening_whole_images(pool):
    askable, scores, ties, _ = pool
    scores += 0.1
    answers = askable.sum()
    free = select(askable, scores, ties, "entries", Budget(seconds=answers / 2 + 1))
    entries = sorted(
        ((i, j) for i, j in np.ndindex(askable.shape) if askable[i, j]),
        key=lambda e: scores[e],
        reverse=True,
    )
    assert set(pairs(free)) == set(entries[: int(answers / 2 + 1)])
    dear = Price(1.0, 1e7)
    opened = max(1, int(askable.any(axis=1).sum()) // 2)
    seconds = opened * 1e7 + answers
    some = select(askable, scores, ties, "entries", Budget(seconds=seconds), dear)
    whole = select(askable, scores, ties, "images", Budget(images=opened))
    assert set(pairs(some)) == set(pairs(whole))


def test_the_dearer_an_opening_the_more_of_an_image_is_asked():
    rng = np.random.default_rng(1)
    askable, scores, ties = np.ones((200, 10), bool), rng.random((200, 10)) ** 3, rng.random(200)
    answers_an_image = []
    for open in (0, 0.5, 2, 8, 32, 128):
        found = select(askable, scores, ties, "entries", Budget(answers=500), Price(1.0, open))
        answers_an_image.append(len(found) / len(found.images))
    assert answers_an_image == sorted(answers_an_image)
    assert answers_an_image[0] < 3.5
    assert answers_an_image[-1] > 7


def test_of_a_prefix_bought_in_part_the_best_entries_are_taken():
    """Of three equal images, one is paid in whole and half of the next, never half of each."""
    askable, scores = np.ones((3, 4), bool), np.tile([2.0, 5, 3, 4], (3, 1))
    for ties in np.random.default_rng(0).random((10, 3)):
        found = select(askable, scores, ties, "entries", Budget(seconds=206), Price(1.0, 100.0))
        first, second = np.argsort(-ties)[:2]
        assert pairs(found) == [*((first, j) for j in range(4)), (second, 1), (second, 3)]


# Chance


@pytest.mark.slow
def test_ties_are_fair_to_images():
    """Each of 6 equal images is among the 2 asked in a third of 3 000 draws."""
    askable, draws = np.ones((6, 1), bool), 3000
    count = np.zeros(6)
    for ties in np.random.default_rng(0).random((draws, 6)):
        count[select(askable, np.zeros(6), ties, "images", Budget(images=2)).images] += 1
    deviation = (draws * (1 / 3) * (2 / 3)) ** 0.5
    assert (np.abs(count - draws / 3) < 4 * deviation).all()


@pytest.mark.slow
@pytest.mark.parametrize("block", [4, 1 << 20])
def test_ties_are_fair_to_entries(block, monkeypatch):
    """Each of 12 equal entries is among the 3 asked in a quarter of 1 000 draws."""
    monkeypatch.setattr(ranking, "BLOCK", block)
    askable, draws = np.ones((4, 3), bool), 1000
    count = np.zeros((4, 3))
    for ties in np.random.default_rng(0).random((draws, 4)):
        found = select(askable, np.zeros((4, 3)), ties, "entries", Budget(answers=3))
        count[found.rows, found.cols] += 1
    deviation = (draws * 0.25 * 0.75) ** 0.5
    assert (np.abs(count - draws / 4) < 4.5 * deviation).all()


@given(pools(), st.sampled_from(["images", "entries"]), st.sampled_from([0.0, 2.0]))
def test_the_order_of_images_decides_nothing(pool, ask, open):
    askable, scores, ties, prices = pool
    order = np.random.default_rng(len(askable)).permutation(len(askable))
    budget, price = Budget(seconds=12), Price(prices, open)
    still = attempt(askable, scores, ties, ask, budget, price)
    moved = attempt(askable[order], scores[order], ties[order], ask, budget, price)
    assert (still is None) == (moved is None)
    if still is not None and moved is not None:
        assert [(int(order[i]), j) for i, j in pairs(moved)] == pairs(still)


@given(pools(), st.sampled_from(["images", "entries"]), st.sampled_from([0.0, 2.0]))
def test_what_cannot_be_asked_decides_nothing(pool, ask, open):
    askable, scores, ties, prices = pool
    other = np.where(askable, scores, np.random.default_rng(0).random(scores.shape) * 9 - 4)
    budget, price = Budget(seconds=12), Price(prices, open)
    one, two = (attempt(askable, s, ties, ask, budget, price) for s in (scores, other))
    assert (one and pairs(one)) == (two and pairs(two))


def test_images_keep_the_order_asked():
    found = Query(np.array([5, 5, 2, 9, 9]), np.array([0, 1, 0, 0, 2]))
    assert found.images.tolist() == [5, 2, 9]


# Bad input


def test_bad_input_is_refused():
    askable, good = np.ones((3, 2), bool), np.zeros(3)
    for bad in (np.zeros(2), np.zeros((3, 1))):
        with pytest.raises(DataError, match="must fit the entries"):
            select(askable, bad, good, "images", Budget(images=1))
        with pytest.raises(DataError, match="must fit the entries"):
            select(askable, good, bad, "images", Budget(images=1))
    for nan in (np.array([0, np.nan, 1]), np.full((3, 2), np.nan)):
        with pytest.raises(DataError, match="NaN"):
            select(askable, nan, good, "entries", Budget(answers=1))
    for nothing in (np.zeros((0, 4), bool), np.zeros((2, 4), bool)):
        with pytest.raises(NothingToDo):
            select(nothing, np.zeros(len(nothing)), np.zeros(len(nothing)), "images", Budget(1))
    with pytest.raises(UsageError, match="scores must be 0 or more"):
        select(askable, -np.ones((3, 2)), good, "entries", Budget(answers=1), Price(1.0, 2.0))
    for limits in ({}, {"images": 0}, {"answers": -1}, {"images": 3, "seconds": 0.0}):
        with pytest.raises(UsageError, match="a budget of more than nothing"):
            Budget(**limits)
    for costs in ((0.0, 0.0), (np.array([1.0, -1.0]), 0.0), (1.0, -1.0), (float("nan"), 0.0)):
        with pytest.raises(UsageError, match="must take more than 0 seconds"):
            Price(*costs)


def test_a_score_is_needed_only_where_something_is_askable():
    askable = np.array([[True, False], [False, False]])
    found = select(askable, np.array([1.0, np.nan]), np.zeros(2), "images", Budget(images=2))
    assert pairs(found) == [(0, 0)]


def test_a_part_of_a_budget_buys_something():
    assert Budget(answers=100).part(0.75) == Budget(answers=75)
    assert Budget(images=1).part(0.1) == Budget(images=1)
    assert Budget(seconds=60.0).part(0.5) == Budget(seconds=30.0)
    assert Budget(answers=7).part(1.0) == Budget(answers=7)
