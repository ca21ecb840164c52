"""Which labels are known by presence: tags are, tables that chance made incomplete are not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given as example
from hypothesis import strategies as st
from scipy.stats import binom

from alasl.data import presence
from alasl.data.missingness import MECHANISMS, hide
from alasl.data.presence import LEVEL, PLAUSIBLE, in_words, known_by_presence
from alasl.labels import ABSENT, PRESENT, UNKNOWN, Entries

LABELS = 12


def table(seed: int = 0, images: int = 600) -> Entries:
    """Complete; labels present in 2 to 70 % of the images."""
    often = np.linspace(0.02, 0.7, LABELS)
    return (np.random.default_rng(seed).random((images, LABELS)) < often).astype(np.int8)


def hidden(entries: Entries, mechanism: str, share: float, seed: int = 0) -> Entries:
    return np.where(hide(entries, mechanism, share, seed), UNKNOWN, entries).astype(np.int8)


def by_loops(given: Entries) -> list[bool]:
    """The rule, an entry at a time."""
    images, labels = given.shape
    part = [any(given[i, j] == UNKNOWN for j in range(labels)) for i in range(images)]
    counts = []
    for j in range(labels):
        rows = [i for i in range(images) if part[i] and given[i, j] != UNKNOWN]
        rows = rows or [i for i in range(images) if given[i, j] != UNKNOWN]
        present = sum(given[i, j] == PRESENT for i in rows)
        whole = all(given[i, j] != UNKNOWN for i in range(images))
        counts.append((0, 0) if whole else (present, len(rows) - present))

    def surprises(present: int, absent: int) -> bool:
        return bool(binom.cdf(absent, present + absent, 1 - PLAUSIBLE) <= LEVEL)

    tagged = surprises(sum(p for p, _ in counts), sum(a for _, a in counts))
    found = []
    for present, absent in counts:
        only = present > 0 and absent == 0
        passes = surprises(present, absent)
        found.append(only or passes if tagged else only and passes)
    return found


@pytest.mark.parametrize("share", [0.0, 0.5, 0.8])
def test_a_table_of_tags_is_known_by_presence(share: float) -> None:
    assert known_by_presence(hidden(table(), "positives", share)).all()


def test_so_is_a_table_of_one_present_label_an_image() -> None:
    given = hidden(table(), "single", 0.0)
    assert known_by_presence(given).tolist() == (given == PRESENT).any(axis=0).tolist()


def test_images_that_are_known_whole_hide_nothing() -> None:
    given = hidden(table(), "positives", 0.5)
    given[:200] = table()[:200]
    assert known_by_presence(given).all()


@pytest.mark.parametrize("mechanism", ["uniform", "label", "image"])
@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9, 0.98, 0.995])
def test_a_table_that_chance_made_incomplete_is_not(mechanism: str, share: float) -> None:
    assert mechanism in MECHANISMS
    for seed in range(20):
        assert not known_by_presence(hidden(table(seed), mechanism, share, seed)).any()


def test_nor_is_a_complete_table_nor_one_of_which_nothing_is_known() -> None:
    assert not known_by_presence(np.ones((500, 3), np.int8)).any()
    assert not known_by_presence(np.full((500, 3), UNKNOWN, np.int8)).any()
    assert not known_by_presence(np.zeros((0, 3), np.int8)).any()


def test_one_label_of_tags_is_found_among_others_that_were_looked_at() -> None:
    entries = table()
    given = hidden(entries, "uniform", 0.5)
    given[:, 6] = np.where(entries[:, 6] == PRESENT, PRESENT, UNKNOWN)
    assert np.flatnonzero(known_by_presence(given)).tolist() == [6]
    # Where all else is known, the images with the tag are known whole.
    given = entries.copy()
    given[:, 6] = np.where(entries[:, 6] == PRESENT, PRESENT, UNKNOWN)
    assert np.flatnonzero(known_by_presence(given)).tolist() == [6]
    # A handful of presents may be all that chance left of a common label.
    few = np.full((600, 1), UNKNOWN, np.int8)
    few[:30] = PRESENT
    assert not known_by_presence(np.hstack([few, hidden(entries, "uniform", 0.5)]))[0]
    few[:31] = PRESENT
    assert known_by_presence(np.hstack([few, hidden(entries, "uniform", 0.5)]))[0]


def test_a_few_absents_among_tags_change_nothing_and_many_do() -> None:
    entries = table()
    given = hidden(entries, "positives", 0.2)
    rows = np.flatnonzero(entries[:, 11] == ABSENT)
    given[rows[:10], 11] = ABSENT
    assert known_by_presence(given).all()
    given[rows, 11] = ABSENT
    assert np.flatnonzero(~known_by_presence(given)).tolist() == [11]


@example(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 4))
def test_it_is_what_loops_say(seed: int, images: int, labels: int) -> None:
    rng = np.random.default_rng(seed)
    odds = rng.dirichlet([0.3, 2, 0.7], labels)
    given = np.array([rng.choice([ABSENT, PRESENT, UNKNOWN], images, p=p) for p in odds], np.int8).T
    assert known_by_presence(given).tolist() == by_loops(given)


def test_it_is_said_in_words() -> None:
    assert in_words(["a", "b"], 2).startswith("known by presence: all 2 labels: ")
    assert in_words(["a"], 2).startswith("known by presence: 1 of 2 labels: ")


def test_counts_go_by_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    table = np.random.default_rng(0).integers(-1, 2, (400, 5)).astype(np.int8)
    table[:150] = np.abs(table[:150])
    table[:, 4] = np.where(np.arange(400) < 150, table[:, 4], -1)
    part = (table == -1).any(axis=1)
    inside = [(table[part] == value).sum(axis=0) for value in (1, 0)]
    everywhere = [(table == value).sum(axis=0) for value in (1, 0)]
    nowhere = inside[0] + inside[1] == 0
    assert nowhere.tolist() == [False] * 4 + [True]
    monkeypatch.setattr("alasl.data.presence.BLOCK", 64)
    for found, some, every in zip(presence._counts(table), inside, everywhere, strict=True):
        np.testing.assert_array_equal(found, np.where(nowhere, every, some))
