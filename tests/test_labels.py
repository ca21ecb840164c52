"""The table of entries: counts, merging, provenance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from alasl import labels as module
from alasl.errors import ConflictError, DataError
from alasl.labels import UNKNOWN, Labels, misfit


def table(entries: np.ndarray) -> Labels:
    n, length = entries.shape
    return Labels(
        entries.astype(np.int8),
        tuple(f"l{j}" for j in range(length)),
        tuple(f"i{i}" for i in range(n)),
    )


def source_of(labels: Labels, row: int, col: int) -> str:
    """Where an entry came from, as far as the table says."""
    return labels.sources[labels.source[row, col]]


ENTRIES = arrays(
    np.int8, st.tuples(st.integers(1, 6), st.integers(1, 5)), elements=st.sampled_from([-1, 0, 1])
)


@given(ENTRIES)
def test_counts_equal_plain_loops(entries: np.ndarray) -> None:
    labels = table(entries)
    for i, row in enumerate(entries):
        assert labels.known_per_image()[i] == sum(v != -1 for v in row)
        assert labels.unknown_per_image()[i] == sum(v == -1 for v in row)
    for j, column in enumerate(entries.T):
        assert labels.known_per_label()[j] == sum(v != -1 for v in column)
        assert labels.present_per_label()[j] == sum(v == 1 for v in column)


@given(ENTRIES, st.integers(0, 2**32))
def test_answers_that_contradict_nothing_fill_exactly_the_unknown(
    entries: np.ndarray, seed: int
) -> None:
    truth = np.random.default_rng(seed).integers(0, 2, entries.shape)
    truth = np.where(entries == UNKNOWN, truth, entries)
    labels = table(entries)
    rows, cols = np.nonzero(entries == UNKNOWN)
    merged = labels.merge(rows, cols, truth[rows, cols], "someone")
    np.testing.assert_array_equal(merged.entries, truth)
    for i, j in np.ndindex(*entries.shape):
        was_known = entries[i, j] != UNKNOWN
        assert source_of(merged, i, j) == ("given" if was_known else "someone")
    np.testing.assert_array_equal(labels.entries, entries)


def test_a_contradiction_is_refused_whole_and_named() -> None:
    labels = table(np.array([[1, -1], [0, -1]]))
    with pytest.raises(ConflictError, match=r"1 answers from 'bob'") as caught:
        labels.merge([0, 0], [1, 0], [1, 0], "bob")
    assert caught.value.more == ("image 'i0', label 'l0': 1 stands, 0 was answered",)
    assert labels.entries[0, 1] == UNKNOWN


def test_two_answers_to_one_entry_that_differ_are_a_contradiction() -> None:
    labels = table(np.array([[-1]]))
    with pytest.raises(ConflictError):
        labels.merge([0, 0], [0, 0], [1, 0], "bob")
    assert labels.merge([0, 0], [0, 0], [1, 0], "bob", on_conflict="keep").entries[0, 0] == 1
    assert labels.merge([0, 0], [0, 0], [1, 0], "bob", on_conflict="replace").entries[0, 0] == 0


def test_keep_lets_the_known_stand_and_replace_the_answer() -> None:
    labels = table(np.array([[1, -1]]))
    kept = labels.merge([0, 0], [0, 1], [0, 1], "bob", on_conflict="keep")
    assert kept.entries.tolist() == [[1, 1]]
    assert [source_of(kept, 0, j) for j in range(2)] == ["given", "bob"]
    replaced = labels.merge([0], [0], [0], "bob", on_conflict="replace")
    assert replaced.entries.tolist() == [[0, -1]]
    assert source_of(replaced, 0, 0) == "bob"


def test_cannot_tell_leaves_the_entry_unknown() -> None:
    merged = table(np.array([[-1, 1]])).merge([0, 0], [0, 1], [-1, -1], "bob")
    assert merged.entries.tolist() == [[-1, 1]]
    assert merged.sources == ("given", "bob")
    assert source_of(merged, 0, 0) == "given"


def test_forgetting_drops_entry_and_source() -> None:
    labels = table(np.array([[-1, 0]])).merge([0], [0], [1], "bob")
    hidden = labels.forget(np.array([[True, False]]))
    assert hidden.entries.tolist() == [[-1, 0]]
    assert source_of(hidden.merge([0], [0], [0], "ann"), 0, 0) == "ann"


@given(
    st.sampled_from([np.int8, np.uint8, np.int64, np.float32, np.bool_]),
    st.tuples(st.integers(0, 6), st.integers(0, 5)),
    st.integers(1, 9),
    st.data(),
)
def test_the_first_value_that_is_no_entry_is_found(
    dtype: type, shape: tuple[int, int], block: int, data: st.DataObject
) -> None:
    values = data.draw(arrays(np.int8, shape, elements=st.sampled_from([-1, 0, 0, 1, 1, 2])))
    values = values.astype(dtype)
    bad = [i for i, v in enumerate(values.flat) if v not in (-1, 0, 1)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", block)
        assert misfit(values) == (bad[0] if bad else None)
        assert misfit(values.ravel()) == (bad[0] if bad else None)


def test_numbers_between_and_none_at_all_are_no_entries() -> None:
    assert misfit(np.array([0, 0.5])) == 1
    assert misfit(np.array([[1, np.nan]])) == 1
    assert misfit(np.array(["1"])) == 0


@pytest.mark.parametrize("value", [2, -2, 7])
def test_anything_else_than_present_absent_unknown_is_refused(value: int) -> None:
    with pytest.raises(DataError, match="image 'i0', label 'l1'"):
        table(np.array([[0, value]]))
    with pytest.raises(DataError, match="an answer must be"):
        table(np.array([[0, -1]])).merge([0], [1], [value], "bob")


@pytest.mark.parametrize(
    ("names", "images", "what"),
    [
        (("a", "a"), ("x", "y"), "label name"),
        (("a", "b"), ("x", "x"), "image name"),
        (("a",), ("x", "y"), "shape"),
    ],
)
def test_names_and_ids_must_be_one_each(names: tuple, images: tuple, what: str) -> None:
    with pytest.raises(DataError, match=what):
        Labels(np.zeros((2, 2), np.int8), names, images)


def test_taking_rows_keeps_their_sources() -> None:
    labels = table(np.array([[-1], [0]])).merge([0], [0], [1], "bob")
    taken = labels.take([1, 0])
    assert taken.images == ("i1", "i0")
    assert [source_of(taken, i, 0) for i in range(2)] == ["given", "bob"]
