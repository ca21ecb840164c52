"""npz: plain arrays only, values checked before they are narrowed."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from alasl.data.formats import npz, read_table, write
from alasl.errors import DataError
from alasl.labels import Labels
from alasl.sparse import Sparse

PLAIN = {
    "labels": np.array([[1, 0], [-1, 1]], np.int8),
    "names": np.array(["dog", "cat"]),
    "images": np.array(["a", "b"]),
}


def read(tmp_path: Path, **arrays):
    np.savez(tmp_path / "t.npz", **(PLAIN | arrays))
    return read_table(tmp_path)[0]


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"labels": PLAIN["labels"].astype(np.int64)},
        {"names": np.array([b"dog", b"cat"])},
        {"unrelated": np.arange(3)},
    ],
)
def test_labels_of_any_integer_kind_are_read(tmp_path: Path, arrays):
    labels = read(tmp_path, **arrays).labels
    assert labels.entries.dtype == np.int8
    assert labels.entries.tolist() == [[1, 0], [-1, 1]]
    assert labels.names == ("dog", "cat")


def test_a_large_table_is_neither_read_nor_written_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(npz, "KEPT", 5)
    monkeypatch.setattr(Sparse, "dense", None)
    rng = np.random.default_rng(0)
    entries = rng.integers(-1, 2, (7, 3)).astype(np.int8)
    few = Sparse.of(entries)
    by = rng.integers(0, 2, len(few)).astype(np.uint8)
    ids = tuple(f"i{row}" for row in range(7))
    labels = Labels(few, ("a", "b", "c"), ids, ("given", "ann"), by)
    write(labels, tmp_path / "t.npz", "npz", features=np.eye(7, dtype=np.float32))
    found, _ = read_table(tmp_path)
    again = found.labels
    np.testing.assert_array_equal(again.of(np.arange(7)), entries)
    np.testing.assert_array_equal(again.origin, by)
    np.testing.assert_array_equal(found.features, np.eye(7))
    with np.load(tmp_path / "t.npz") as file:
        np.testing.assert_array_equal(file["labels"], entries)
    with pytest.raises(DataError, match="seen: values from 0 to 3"):
        read(
            tmp_path, labels=np.array([[-1, 0], [0, 3], [-1, -1]]), images=np.array(["a", "b", "c"])
        )


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<f2"])
def test_features_are_mapped_where_they_lie_not_loaded(tmp_path: Path, order, packed, dtype):
    features = np.asarray(np.random.default_rng(0).random((2, 7)), dtype, order=order)
    save = np.savez_compressed if packed else np.savez
    save(tmp_path / "t.npz", **PLAIN, features=features)
    found = read_table(tmp_path)[0].features
    np.testing.assert_array_equal(found, features)
    assert isinstance(found, np.memmap) is not packed


def test_an_array_that_nobody_asked_for_is_not_read(tmp_path: Path):
    np.savez(tmp_path / "t.npz", **PLAIN)
    header = io.BytesIO()
    shape = (6_000_000_000,)
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    with zipfile.ZipFile(tmp_path / "t.npz", "a") as archive:
        archive.writestr("pixels.npy", header.getvalue())  # 6 GB by its word
    assert read_table(tmp_path)[0].labels.names == ("dog", "cat")
    with np.load(tmp_path / "t.npz") as file, pytest.raises((ValueError, MemoryError)):
        file["pixels"]  # so it would have been noticed


def test_true_and_false_are_present_and_absent(tmp_path: Path):
    labels = read(tmp_path, labels=np.array([[True, False], [False, True]])).labels
    assert labels.entries.tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"labels": np.array([[257, 0], [0, 1]])}, "must be 1 \\(present"),
        ({"labels": np.array([[255, 0], [0, 1]], np.uint8)}, "must be 1 \\(present"),
        ({"labels": np.array([[1.0, np.nan], [0, 1]])}, "must be integers"),
        ({"labels": np.array([1, 0])}, "must be integers"),
        ({"labels": np.ones((3, 2), np.int8)}, "shape differs"),
        ({"names": np.array(["dog", "dog"])}, "1 label name is there more than once"),
        ({"names": np.array([b"\xff", b"cat"])}, "not UTF-8"),
        ({"images": np.array([1, 2])}, "'images' must be a list of texts"),
        ({"images": np.array(["a", {}], object)}, "not a plain npz"),
        ({"sources": np.array(["given"]), "source": np.ones((2, 2), np.uint8)}, "does not fit"),
        ({"sources": np.array(["given"]), "source": np.full((2, 2), -1)}, "does not fit"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, arrays, says):
    with pytest.raises(DataError, match=says) as error:
        read(tmp_path, **arrays)
    assert "t.npz" in str(error.value)


def test_what_is_missing_is_named(tmp_path: Path):
    np.savez(tmp_path / "t.npz", labels=PLAIN["labels"], X=np.ones(3))
    with pytest.raises(DataError, match="lacks names, images; seen: labels, X"):
        read_table(tmp_path / "t.npz")
    np.save(tmp_path / "u.npy", PLAIN["labels"])
    with pytest.raises(DataError, match="not a plain npz"):
        read_table(tmp_path / "u.npy", format="npz")
