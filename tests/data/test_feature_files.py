"""Features of one's own from files of every layout, against the arrays they were written from."""

from __future__ import annotations

import io
import logging
import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from alasl.cli import exit_code
from alasl.data.feature_files import features_for, holds_features, images_of, joined, read_shards
from alasl.errors import DataError

ROWS = np.random.default_rng(0).standard_normal((23, 4)).astype(np.float32)
IDS = tuple(f"{row:03}.jpg" for row in range(23))


def shards(folder: Path, names: Sequence[str] | None = None, kind: type = np.float32) -> Path:
    """As clip-retrieval writes features: two rows a file, so that 10 comes after 9."""
    (folder / "img_emb").mkdir(parents=True)
    (folder / "metadata").mkdir()
    for number, start in enumerate(range(0, len(ROWS), 2)):
        np.save(folder / "img_emb" / f"img_emb_{number}.npy", ROWS[start : start + 2].astype(kind))
        if names is not None:
            column = pa.table(
                {"caption": [*IDS[start : start + 2]], "image_path": names[start : start + 2]}
            )
            parquet.write_table(column, folder / "metadata" / f"metadata_{number}.parquet")
    return folder


def packed(folder: Path, images: Sequence[str], rows: Sequence[object]) -> Path:
    """As webdataset packs features: a file for each image, eight images a tar."""
    folder.mkdir()
    for start in range(0, len(images), 8):
        with tarfile.open(folder / f"{start}.tar", "w") as tar:
            for image, row in list(zip(images, rows, strict=True))[start : start + 8]:
                file = io.BytesIO()
                np.save(file, row)
                about = tarfile.TarInfo(f"{Path(image).stem}.npy")
                about.size = file.tell()
                file.seek(0)
                tar.addfile(about, file)
                tar.addfile(tarfile.TarInfo(image), io.BytesIO())
    return folder


def test_hidden_files_are_passed_over_and_none_is_advised_to_be_run(tmp_path: Path) -> None:
    folder = shards(tmp_path / "clip", IDS)
    for kind in ("img_emb/._img_emb_0.npy", "metadata/._metadata_0.parquet"):
        (folder / kind).write_bytes(b"mac")
    assert np.array_equal(features_for(folder, IDS), ROWS)
    (folder / "img_emb" / "img_emb_0.npy").write_bytes(b"mac")
    with pytest.raises(DataError, match="cannot be read as") as error:
        read_shards(folder)
    assert "allow_pickle" not in str(error.value)


def test_tars_hold_a_file_for_each_image(tmp_path: Path) -> None:
    folder = packed(tmp_path / "tars", IDS, ROWS)
    assert np.array_equal(features_for(folder, IDS[::-1]), ROWS[::-1])
    assert np.array_equal(features_for(folder / "8.tar", IDS[8:16]), ROWS[8:16])
    assert images_of(read_shards(folder)) == tuple(Path(image).stem for image in IDS)
    (folder / "none.tar").write_bytes(bytes(1024))
    assert not holds_features(folder / "none.tar")
    with pytest.raises(DataError, match="the features cannot be read as"):
        read_shards(packed(tmp_path / "odd", IDS[:2], [ROWS[0], ROWS[1, :2]]))


def test_a_file_stays_on_the_disk(tmp_path: Path) -> None:
    np.save(tmp_path / "own.npy", ROWS)
    found = features_for(tmp_path / "own.npy", IDS)
    assert isinstance(found, np.memmap)
    assert np.array_equal(found, ROWS)


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_shards_without_names_are_in_the_order_of_their_numbers(tmp_path: Path, kind: type) -> None:
    folder = shards(tmp_path / "clip", kind=kind)
    assert np.array_equal(features_for(folder, IDS), ROWS.astype(kind))
    assert features_for(folder, IDS).dtype == kind
    assert np.array_equal(features_for(folder / "img_emb", IDS), ROWS.astype(kind))
    assert images_of(read_shards(folder))[:2] == ("0", "1")


@pytest.mark.parametrize("spelled", ["/mnt/photos/{}", "{}", "C:\\photos\\{}", "stem"])
def test_shards_with_names_are_put_in_the_tables_order(
    tmp_path: Path, spelled: str, caplog: pytest.LogCaptureFixture
) -> None:
    names = [
        name.removesuffix(".jpg") if spelled == "stem" else spelled.format(name) for name in IDS
    ]
    folder = shards(tmp_path / "clip", names)
    order = np.random.default_rng(1).permutation(23)[:9]
    with caplog.at_level(logging.WARNING):
        found = features_for(folder, [IDS[row] for row in order])
    assert np.array_equal(found, ROWS[order])
    assert "14 rows of features are of no image of the table" in caplog.text
    assert images_of(read_shards(folder)) == tuple(names)
    assert np.array_equal(joined(read_shards(folder)), ROWS)


@pytest.mark.parametrize("fixed", [False, True])
def test_parquet_brings_its_one_column_of_vectors(tmp_path: Path, fixed: bool) -> None:
    kind = pa.list_(pa.float32(), 4) if fixed else pa.list_(pa.float32())
    columns = {
        "id": [*IDS],
        "tags": pa.array([["dog"]] * 23),
        "embedding": pa.array(ROWS.tolist(), kind),
    }
    parquet.write_table(pa.table(columns), tmp_path / "own.parquet")
    assert np.array_equal(features_for(tmp_path / "own.parquet", IDS[::-1]), ROWS[::-1])
    del columns["id"]
    parquet.write_table(pa.table(columns), tmp_path / "plain.parquet")
    assert np.array_equal(features_for(tmp_path / "plain.parquet", IDS), ROWS)


def test_an_npz_may_name_its_images(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", features=ROWS, images=np.array(IDS))
    assert np.array_equal(features_for(tmp_path / "own.npz", IDS[5:2:-1]), ROWS[5:2:-1])
    np.savez(tmp_path / "table.npz", features=ROWS, labels=np.zeros((23, 2)))
    assert not holds_features(tmp_path / "table.npz")
    assert not holds_features(tmp_path)
    assert not holds_features(tmp_path / "photo.jpg")


def test_an_image_that_comes_twice_needs_equal_rows(tmp_path: Path) -> None:
    names = [*IDS]
    names[20], names[5], names[4] = names[3], names[2], names[3]
    folder, last = (
        shards(tmp_path / "clip", names),
        tmp_path / "clip" / "img_emb" / "img_emb_10.npy",
    )
    rows = [0, 1, 2, 3]
    with pytest.raises(DataError, match="two different rows") as refused:
        features_for(folder, [IDS[row] for row in rows])
    assert refused.value.where == str(folder / "img_emb" / "img_emb_2.npy")
    np.save(folder / "img_emb" / "img_emb_2.npy", ROWS[[3, 2]])
    with pytest.raises(DataError, match=r"'003\.jpg' has two different rows") as refused:
        features_for(folder, [IDS[row] for row in rows])
    assert refused.value.where == str(last)
    np.save(last, ROWS[[3, 21]])
    assert np.array_equal(features_for(folder, [IDS[row] for row in rows]), ROWS[rows])
    # Twice in one file, and differently.
    names[20] = names[21]
    with pytest.raises(DataError, match=r"'021\.jpg' has two different rows"):
        features_for(shards(tmp_path / "more", names), [IDS[21]])


def spoilt(folder: Path, how: str) -> Path:
    names: list[str] = [*IDS]
    shards(folder, names)
    metadata, rows = (
        folder / "metadata" / "metadata_3.parquet",
        folder / "img_emb" / "img_emb_3.npy",
    )
    if how == "no file of names":
        metadata.unlink()
    elif how == "fewer names":
        parquet.write_table(pa.table({"image_path": ["a.jpg"]}), metadata)
    elif how == "other column":
        parquet.write_table(pa.table({"caption": ["a", "b"]}), metadata)
    elif how == "empty name":
        parquet.write_table(pa.table({"image_path": ["a", None]}), metadata)
    elif how == "not Parquet":
        metadata.write_bytes(b"PAR1, or so")
    elif how == "wider":
        np.save(rows, np.zeros((2, 5), np.float32))
    elif how == "cut off":
        rows.write_bytes(rows.read_bytes()[:50])
    elif how == "a number":
        np.save(rows, np.float32(1))
    elif how == "no vectors":
        (folder / "img_emb").rename(folder / "moved")
        parquet.write_table(pa.table({"id": ["a"]}), folder / "own.parquet")
        (folder / "metadata").rename(folder / "names")
    elif how == "ragged":
        (folder / "img_emb").rename(folder / "moved")
        (folder / "metadata").rename(folder / "names")
        parquet.write_table(pa.table({"v": [[1.0], [1.0, 2.0, 3.0]]}), folder / "own.parquet")
    elif how == "some":
        np.savez(folder / "own.npz", features=ROWS)
    return folder


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("no file of names", "one file of metadata for each"),
        ("fewer names", "one row of features for each image named"),
        ("other column", "no column names the images"),
        ("empty name", "1 rows of the column 'image_path' are empty"),
        ("not Parquet", "cannot be read as Parquet"),
        ("wider", "must be of one width"),
        ("cut off", "cannot be read as .npy"),
        ("a number", "one row for each image"),
        ("no vectors", "one column must hold the features"),
        ("ragged", "must have features of one width"),
    ],
)
def test_what_is_wrong_in_a_folder_is_said(tmp_path: Path, how: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        features_for(spoilt(tmp_path / "clip", how), IDS)


def test_what_is_no_float_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", features=np.full((23, 2), "a"), images=np.array(IDS))
    with pytest.raises(DataError, match="must be floats"):
        features_for(tmp_path / "own.npz", IDS)


def test_images_without_features_are_counted(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="1 of the table's 24 images have no features") as refused:
        features_for(shards(tmp_path / "clip", IDS), [*IDS, "new.jpg"])
    assert refused.value.seen == "first 'new.jpg'"


@pytest.mark.slow
def test_a_run_and_predict_take_a_folder_of_shards(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    rows = rng.standard_normal((120, 9)).astype(np.float16)
    present = (rows[:, :3] > 0).astype(int)
    lines = [
        "image,a,b,c",
        *(f"{i}.jpg,{','.join(map(str, row))}" for i, row in enumerate(present.tolist())),
    ]
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    folder = tmp_path / "clip"
    (folder / "img_emb").mkdir(parents=True)
    (folder / "metadata").mkdir()
    order = rng.permutation(120)
    for number in range(2):
        part = order[60 * number : 60 * number + 60]
        np.save(folder / "img_emb" / f"img_emb_{number}.npy", rows[part])
        names = pa.table({"image_path": [f"/photos/{row}.jpg" for row in part]})
        parquet.write_table(names, folder / "metadata" / f"metadata_{number}.parquet")
    run = [*("run", tmp_path, "--labels", "labels.csv", "--rounds", "1", "--answers", "20")]
    np.save(tmp_path / "own.npy", rows)
    for features in ("clip", "own.npy"):
        out = tmp_path / f"run-{features}"
        assert exit_code([*map(str, run), "--features", features, "--out", str(out), "-q"]) == 0
    said = {}
    for name, what in (("clip", folder), ("own.npy", folder), ("clip", tmp_path / "own.npy")):
        where = tmp_path / "predicted.csv"
        given = ["predict", tmp_path / f"run-{name}", what, "--out", where, "-q"]
        assert exit_code(list(map(str, given))) == 0
        said[name, what.name] = dict(line.split(",", 1) for line in where.read_text().splitlines())
    assert said["clip", "clip"] == said["own.npy", "clip"]
    by_row = said["clip", "own.npy"]
    assert {f"/photos/{row}.jpg": by_row[str(row)] for row in range(120)} | {
        "image": "a,b,c"
    } == said["clip", "clip"]
