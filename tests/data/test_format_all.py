"""What every format keeps: read(write(x)) == x, and how a data set is found in a folder."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from alasl.data.formats import FORMATS, read, read_table, write
from alasl.errors import DataError, UsageError
from alasl.labels import Labels

WRITABLE = [name for name, each in FORMATS.items() if each.write]
SUFFIX = {name: each.suffixes[0] for name, each in FORMATS.items() if each.suffixes}

HOSTILE = [
    *[
        "\ufeffbom",
        "a,b",
        'say "dog"',
        '"',
        "two\nlines",
        "\r",
        "\r\n",
        "=1+1",
        "@SUM(A1)",
        " ",
        " x ",
        "a;b",
    ],
    *["\t", "\u202eتحت", "é", "🐕", "image", "label", "value", "1", "0", "-1", "nan"],
    *["#", "'", "x" * 300],
]


def names(first):
    text = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1)
    return st.sampled_from(first) | text


@st.composite
def tables(draw):
    safe = names(HOSTILE).filter(lambda name: not any(sign in name for sign in "/\\:."))
    images = draw(st.lists(safe, min_size=1, max_size=6, unique=True))
    labels = draw(st.lists(names(HOSTILE), min_size=1, max_size=6, unique=True))
    cells = st.sampled_from([1, 0, -1])
    shape = len(images), len(labels)
    flat = draw(st.lists(cells, min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]))
    entries = np.array(flat, np.int8).reshape(shape)
    return Labels(entries, tuple(labels), tuple(images))


def round_trip(labels: Labels, format: str, folder: Path, **options) -> Labels:
    path = folder / ("table" + SUFFIX[format])
    write(labels, path, format)
    table, file = read_table(path, format=format, **options)
    assert file == path
    return table.labels


def same(a: Labels, b: Labels) -> None:
    assert (a.images, a.names) == (b.images, b.names)
    np.testing.assert_array_equal(a.entries, b.entries)


@pytest.mark.parametrize("format", WRITABLE)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(labels=tables())
@example(labels=Labels(np.full((len(HOSTILE), 1), -1), ("dog",), tuple(HOSTILE)))
@example(labels=Labels(np.ones((1, len(HOSTILE))), tuple(HOSTILE), ("a.jpg",)))
@example(labels=Labels(np.full((2, 2), -1), ("b", "a"), ("2", "1")))
def test_what_is_written_is_read_back(format, labels):
    bare = 0 in labels.known_per_image() or 0 in labels.known_per_label()
    with tempfile.TemporaryDirectory() as folder:
        if format == "openimages" and bare:
            # It has no way to name an image or a label of which nothing is known.
            with pytest.raises(DataError, match="no known entry"):
                write(labels, Path(folder) / "x.csv", format)
            assert list(Path(folder).iterdir()) == []
        else:
            same(round_trip(labels, format, Path(folder), empty="unknown"), labels)


@pytest.mark.parametrize("format", ["csv-long", "label-studio", "npz"])
def test_where_an_entry_came_from_is_kept(tmp_path: Path, format):
    labels = Labels(np.array([[1, -1, 0], [-1, -1, -1]]), ("a", "b", "c"), ("x", "y"))
    labels = labels.merge([0, 1], [1, 2], [0, 1], "anna").merge([1], [0], [1], "=bo, b")
    back = round_trip(labels, format, tmp_path)
    same(back, labels)
    for row, col in np.argwhere(labels.known):
        assert back.sources[back.source[row, col]] == labels.sources[labels.source[row, col]]


@pytest.mark.parametrize("format", WRITABLE)
@pytest.mark.parametrize(
    ("images", "names", "fails"),
    [
        (("a", "b"), ("x\0", "y"), {"csv-wide", "csv-long", "openimages", "npz"}),
        (("a", "b"), ("x\0z", "y"), {"csv-wide", "csv-long", "openimages"}),
        (("a", "b"), ("x\ud800", "y"), {"csv-wide", "csv-long", "openimages"}),
        (("a\0", "b"), ("x", "y"), set(WRITABLE)),
        (("", "b"), ("x", "y"), set(WRITABLE)),
        (("a", "b"), ("", "y"), set(WRITABLE)),
        (("../a", "C:\\b"), ("x", "y"), set()),
    ],
)
def test_what_cannot_be_carried_is_refused(tmp_path: Path, format, images, names, fails):
    labels = Labels(np.array([[1, 0], [0, 1]]), names, images)
    path = tmp_path / ("table" + SUFFIX[format])
    path.write_text("old")
    if format in fails:
        with pytest.raises(DataError):
            write(labels, path, format)
        assert path.read_text() == "old"
        assert [file for file in tmp_path.iterdir() if file.name.startswith(".")] == []
    else:
        same(round_trip(labels, format, tmp_path), labels)


@pytest.mark.parametrize("format", WRITABLE)
@pytest.mark.parametrize("shape", [(0, 2), (2, 0)])
def test_a_table_of_nothing_is_refused(tmp_path: Path, format, shape):
    labels = Labels(np.zeros(shape, np.int8), ("a", "b")[: shape[1]], ("x", "y")[: shape[0]])
    with pytest.raises(DataError, match="nothing to write"):
        write(labels, tmp_path / "t", format)


TABLE = Labels(np.array([[1, 0], [0, 1], [1, 1]]), ("dog", "cat"), ("a.png", "b.png", "s/c.png"))


def make_folder(folder: Path, format: str = "csv-wide", labels: Labels = TABLE) -> Path:
    """A data set as it should be: images/ and one table."""
    for image in labels.images:
        (folder / "images" / image).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20)).save(folder / "images" / image)
    write(labels, folder / ("table" + SUFFIX[format]), format)
    return folder


@pytest.mark.parametrize("format", WRITABLE)
def test_a_folder_with_one_table_needs_no_options(tmp_path: Path, format):
    make_folder(tmp_path, format)
    (tmp_path / "split.csv").write_text("image,split\na.png,train\n")
    (tmp_path / "README.md").write_text("# about")
    dataset = read(tmp_path)
    same(dataset.labels, TABLE)
    assert dataset.paths == tuple(tmp_path / "images" / image for image in TABLE.images)
    assert dataset.name == tmp_path.name


@pytest.mark.parametrize("format", SUFFIX)
@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe\x00\x01", b"{", b"PK\x03\x04", b"[]"])
def test_a_malformed_file_is_one_clear_error(tmp_path: Path, format, content):
    path = tmp_path / ("table" + SUFFIX[format])
    path.write_bytes(content)
    for name in (format, None):
        with pytest.raises(DataError) as error:
            read(path, format=name, require_images=False)
        assert str(path) in str(error.value)


@pytest.mark.parametrize("format", WRITABLE)
@settings(max_examples=50)
@given(data=st.data())
def test_a_damaged_file_is_never_a_bug(format, data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("table" + SUFFIX[format])
        write(TABLE, path, format)
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 3))):
            at = data.draw(st.integers(0, len(content) - 1))
            content[at] = data.draw(st.integers(0, 255))
        path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
        with contextlib.suppress(DataError, UsageError):  # what is not these is a bug
            read_table(path, format=format)


def test_several_tables_are_listed(tmp_path: Path):
    make_folder(tmp_path)
    (tmp_path / "more.csv").write_text("image,dog\na.png,1\nb.png,1\ns/c.png,0\n")
    (tmp_path / "other.csv").write_text("something,else\n")
    with pytest.raises(UsageError, match="--labels") as error:
        read(tmp_path)
    assert set(error.value.more) == {"more.csv", "table.csv"}
    assert read(tmp_path, labels="more.csv").labels.names == ("dog",)
    assert read(tmp_path, labels=tmp_path / "more.csv").labels.names == ("dog",)
    with pytest.raises(DataError, match="does not exist"):
        read(tmp_path, labels="none.csv")


def test_nothing_to_read_is_said(tmp_path: Path):
    with pytest.raises(DataError, match="no table of entries here"):
        read(tmp_path)
    with pytest.raises(DataError, match="no such file or folder"):
        read(tmp_path / "none")
    (tmp_path / "a.csv").write_text("something,else\n")
    for _ in range(2):
        with pytest.raises(DataError, match="first column must be called 'image'") as error:
            read(tmp_path)
        assert "a.csv:1" in str(error.value)
        assert "seen: 'something'" in str(error.value)
        assert "read as csv-wide; --format names another: coco, csv-long" in str(error.value)
        (tmp_path / "split.csv").write_text("Image,split\na,train\n")
        (tmp_path / "oidv7-class-descriptions.csv").write_text("/m/1,Cat\n")
    (tmp_path / "a.dat").write_text("something else")
    with pytest.raises(DataError, match="no format known here") as error:
        read(tmp_path / "a.dat")
    assert len(error.value.more) == len(FORMATS)
    with pytest.raises(UsageError, match="csv-wide"):
        read(tmp_path, format="csv")
    with pytest.raises(UsageError, match="unknown or absent"):
        read(tmp_path, empty="negative")


@pytest.mark.parametrize(
    "id_", ["../../x.png", "/x.png", "a/../../x.png", "C:\\x.png", "..\\x.png"]
)
def test_an_id_never_leads_out_of_the_folder(tmp_path: Path, id_):
    folder = make_folder(tmp_path / "a" / "data")
    for outside in (tmp_path, tmp_path / "a", folder.parent):
        Image.new("RGB", (9, 9)).save(outside / "x.png")
    labels = Labels(np.ones((1, 1)), ("dog",), (id_.replace("/x", f"{tmp_path}/x", id_[0] == "/"),))
    write(labels, folder / "table.csv", "csv-wide")
    with pytest.raises(DataError, match="1 of 1 image files are missing"):
        read(folder)
    Image.new("RGB", (9, 9)).save(folder / "images" / "x.png")
    assert read(folder).paths == (folder / "images" / "x.png",)


def test_ids_are_files_with_or_without_extension(tmp_path: Path):
    make_folder(tmp_path)
    (tmp_path / "images" / "a.PNG.txt").touch()
    (tmp_path / "table.csv").write_text("image,dog\na,1\ns/c,0\nb.png,0\n")
    expected = [tmp_path / "images" / name for name in ("a.png", "s/c.png", "b.png")]
    assert list(read(tmp_path).paths or ()) == expected
    Image.new("RGB", (9, 9)).save(tmp_path / "images" / "a.jpg")
    with pytest.raises(DataError, match="several files fit") as error:
        read(tmp_path)
    assert error.value.seen == "a.jpg, a.png"


def test_images_may_be_beside_the_table_or_elsewhere(tmp_path: Path):
    make_folder(tmp_path)
    (tmp_path / "images").rename(tmp_path / "photos")
    dataset = read(tmp_path, images=tmp_path / "photos")
    assert read(tmp_path).paths == dataset.paths
    assert dataset.paths is not None
    assert all(path.is_file() for path in dataset.paths)
    (tmp_path / "table.csv").rename(tmp_path / "photos" / "table.csv")
    assert read(tmp_path / "photos").paths == dataset.paths
    assert read(tmp_path / "photos" / "table.csv").paths == dataset.paths
    with pytest.raises(DataError, match="does not exist"):
        read(tmp_path / "photos", images=tmp_path / "none")


def test_missing_images_are_counted_unless_features_are_there(tmp_path: Path):
    images = tuple(f"{i}.png" for i in range(9))
    labels = Labels(np.ones((9, 1)), ("dog",), images)
    make_folder(tmp_path, labels=labels)
    for image in images[1:]:
        (tmp_path / "images" / image).unlink()
    with pytest.raises(DataError, match="8 of 9 image files are missing") as error:
        read(tmp_path)
    assert "and 3 more" in str(error.value)
    loose = read(tmp_path, require_images=False)
    assert loose.paths is not None
    assert loose.paths[4] == tmp_path / "images" / "4.png"
    np.save(tmp_path / "f.npy", np.ones((9, 2), np.float32))
    assert read(tmp_path, features="f.npy").paths is None


def test_a_table_alone_is_enough_for_some(tmp_path: Path):
    write(TABLE, tmp_path / "t.csv", "csv-wide")
    assert read(tmp_path, require_images=False).paths is None
    write(TABLE, tmp_path / "t.npz", "npz", features=np.eye(3, dtype=np.float16))
    dataset = read(tmp_path / "t.npz")
    assert dataset.paths is None
    np.testing.assert_array_equal(dataset.features, np.eye(3))
    with pytest.raises(UsageError, match="cannot carry features"):
        write(TABLE, tmp_path / "u.csv", "csv-wide", features=np.eye(3))


@pytest.mark.parametrize(
    ("features", "says"),
    [
        (np.ones((2, 4), np.float32), "one row for each image"),
        (np.ones((3,), np.float32), "one row for each image"),
        (np.ones((3, 4), np.int64), "must be floats"),
        (np.array([[1.0], [np.nan], [2.0]]), "not finite"),
        (np.array([[{}], [{}], [{}]], object), "cannot be read as .npy"),
    ],
)
def test_features_must_fit_the_table(tmp_path: Path, features, says):
    make_folder(tmp_path)
    np.save(tmp_path / "f.npy", features)
    with pytest.raises(DataError, match=says) as error:
        read(tmp_path, features="f.npy")
    assert "f.npy" in str(error.value)
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path, features="none.npy")


def test_features_are_mapped_not_loaded(tmp_path: Path):
    make_folder(tmp_path)
    np.save(tmp_path / "f.npy", np.ones((3, 4), np.float32))
    dataset = read(tmp_path, features=tmp_path / "f.npy")
    assert isinstance(dataset.features, np.memmap)
    assert dataset.paths is not None


def test_only_what_can_be_written_is(tmp_path: Path):
    for format in ("voc", "xml"):
        with pytest.raises(UsageError, match="csv-wide"):
            write(TABLE, tmp_path / "x", format)
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "x.csv", tmp_path):
        with pytest.raises(UsageError, match="no file can be written here"):
            write(TABLE, path, "csv-wide")


@pytest.mark.parametrize(
    ("folder", "labels", "shape", "present"),
    [
        ("corel5k", "labels_top80.csv", (4999, 80), 13608),
        ("corel5k", "labels.csv", (4999, 374), 17606),
        ("coco256", None, (256, 80), 735),
    ],
)
def test_real_folders_are_read(shared_data: Path, folder, labels, shape, present):
    dataset = read(shared_data / folder, labels=labels)
    assert dataset.labels.shape == shape
    assert int(dataset.labels.present_per_label().sum()) == present
    assert dataset.paths is not None
    assert dataset.paths[0].is_file()


def test_a_real_table_without_images_goes_through_every_format(shared_data: Path, tmp_path: Path):
    labels = read(shared_data / "coco-labels" / "val2017.csv", require_images=False).labels
    assert labels.shape == (4952, 80)
    for format in WRITABLE:
        same(round_trip(labels.take(range(300)), format, tmp_path), labels.take(range(300)))


@pytest.mark.parametrize("format", [name for name in WRITABLE if name != "npz"])
def test_known_entries_are_written_without_a_table_of_all(
    format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    entries = np.where(rng.random((9, 5)) < 0.5, -1, rng.integers(0, 2, (9, 5))).astype(np.int8)
    entries[:5] = np.abs(np.eye(5, dtype=np.int8) - (np.eye(5) == 0))  # something of each image
    entries[5:, 0] = 1
    images = tuple(f"{number}.jpg" for number in range(9))
    whole = Labels(entries, ("a", "b", "c", "d", "e"), images)
    few = Labels(whole.sparse, whole.names, images, whole.sources, whole.origin)
    path = {name: tmp_path / f"{name}{SUFFIX[format]}" for name in ("whole", "few")}
    write(whole, path["whole"], format)
    monkeypatch.setattr(Labels, "_tables", None)
    write(few, path["few"], format)
    assert path["few"].read_bytes() == path["whole"].read_bytes()


@pytest.mark.parametrize("format", [name for name in WRITABLE if name not in ("csv-wide", "npz")])
def test_of_few_known_entries_no_whole_table_is_read(format: str, tmp_path: Path) -> None:
    entries = np.full((30, 20), -1, np.int8)
    entries[np.arange(30), np.arange(30) % 20] = np.arange(30) % 3 == 0
    ids, said = (tuple(f"{name}{i}" for i in range(n)) for name, n in (("image", 30), ("cat", 20)))
    found = round_trip(Labels(entries, said, ids), format, tmp_path)
    assert found._whole is None
    same(found, Labels(entries, said, ids))
