"""What a check counts, against plain loops, and every bad file it names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alasl.data.check import check
from alasl.data.dataset import Dataset
from alasl.data.formats import read
from alasl.errors import DataError
from alasl.labels import Labels

NAMES = ("dog", "cat", "cow", "hen", "pig")
ENTRIES = np.array(
    [
        [1, 1, 1, -1, 0],
        [1, 1, -1, -1, 0],
        [1, 0, -1, -1, 0],
        [-1, -1, -1, -1, -1],
        [0, 1, 1, -1, 0],
        [0, 0, 0, -1, 0],
    ],
    np.int8,
)


def made(folder: Path) -> Dataset:
    """Six images: two equal, one cut, one of a single pixel, one animated, one misnamed."""
    rng = np.random.default_rng(0)
    ids = ("a.png", "b.png", "cut.jpg", "one.png", "film.gif", "real.png")
    for image in ids[:3]:
        Image.fromarray(rng.integers(0, 256, (40, 40, 3), np.uint8)).save(folder / image)
    (folder / "b.png").write_bytes((folder / "a.png").read_bytes())
    (folder / "cut.jpg").write_bytes((folder / "cut.jpg").read_bytes()[:900])
    Image.new("RGB", (1, 1)).save(folder / "one.png")
    frames = [Image.new("RGB", (30, 30), colour) for colour in ("red", "blue")]
    frames[0].save(folder / "film.gif", save_all=True, append_images=frames[1:])
    Image.new("RGB", (50, 50)).save(folder / "real.png", "JPEG")
    return Dataset(Labels(ENTRIES, NAMES, ids), tuple(folder / image for image in ids), name="made")


def test_counts_agree_with_plain_loops(tmp_path: Path):
    report = check(made(tmp_path))
    assert (report.images, report.labels, report.files, report.features) == (6, 5, 6, None)
    flat = ENTRIES.ravel().tolist()
    assert report.known == sum(entry != -1 for entry in flat)
    assert report.unknown == sum(entry == -1 for entry in flat)
    assert report.present == sum(entry == 1 for entry in flat)
    for col, count in enumerate(report.per_label):
        column = ENTRIES[:, col].tolist()
        assert count.name == NAMES[col]
        assert count.present == column.count(1)
        assert count.absent == column.count(0)
        assert count.unknown == column.count(-1)
    assert [(pair.labels, pair.images) for pair in report.pairs] == [
        (("dog", "cat"), 2),
        (("cat", "cow"), 2),
        (("dog", "cow"), 1),
    ]
    assert report.unknown_per_image == (1, 1, 1.5, 2, 5)
    assert report.present_per_image == (0, 0.25, 1.5, 2, 3)
    assert report.labels_never_present == ("hen", "pig")
    assert report.labels_all_unknown == ("hen",)
    assert report.images_all_unknown == ("one.png",)


def test_files_are_named_with_their_reason(tmp_path: Path):
    dataset = made(tmp_path)
    seen: list[tuple[int, int]] = []
    report = check(dataset, workers=2, on_progress=lambda *step: seen.append(step))
    assert seen == [(6, 6)]
    assert [(bad.image, bad.path) for bad in report.bad] == [("cut.jpg", str(tmp_path / "cut.jpg"))]
    assert "truncated" in report.bad[0].reason
    notes = {note.image: note.reason for note in report.notes}
    assert notes == {
        "one.png": "the image is only 1 x 1 pixels",
        "film.gif": "the image is animated; its first frame is used",
        "real.png": "the file is a JPEG, which its extension does not say",
    }
    assert [(d.images, d.contradictions) for d in report.duplicates] == [(("a.png", "b.png"), ())]
    kinds = [finding["kind"] for finding in report.findings()]
    assert kinds == ["bad", "note", "note", "note", "duplicate"]


def test_a_data_set_goes_on_without_its_bad_files(tmp_path: Path):
    dataset = made(tmp_path)
    (tmp_path / "real.png").unlink()
    rest, bad = dataset.readable()
    assert rest.labels.images == ("a.png", "b.png", "one.png", "film.gif")
    np.testing.assert_array_equal(rest.labels.entries, ENTRIES[[0, 1, 3, 4]])
    assert rest.paths is not None
    assert [path.name for path in rest.paths] == list(rest.labels.images)
    assert [path.name for path, _ in bad] == ["cut.jpg", "real.png"]
    assert rest.readable() == (rest, [])
    with pytest.raises(DataError, match="none of the 2 image files can be used") as error:
        dataset.take([2, 5]).readable()
    assert len(error.value.more) == 2


def test_duplicates_that_disagree_are_told(tmp_path: Path):
    dataset = made(tmp_path)
    (tmp_path / "real.png").write_bytes((tmp_path / "a.png").read_bytes())
    (duplicate,) = check(dataset).duplicates
    assert duplicate.images == ("a.png", "b.png", "real.png")
    assert duplicate.contradictions == ("dog", "cat", "cow")


def test_what_is_nearly_the_same_is_told_beside_what_is_equal(tmp_path: Path):
    features = np.eye(6, 9, dtype=np.float32)
    features[1] = features[0]  # a.png and b.png, which are equal files anyway
    features[5] = features[4] + 0.1 * features[5]
    report = check(made(tmp_path), features=features)
    assert [group.images for group in report.near] == [("film.gif", "real.png")]
    assert report.near[0].contradictions == ("cat", "cow")
    assert "near duplicate" in [finding["kind"] for finding in report.findings()]
    features[2] = features[1] + 0.1 * features[2]
    near = check(made(tmp_path), features=features).near
    assert [group.images for group in near] == [
        ("a.png", "b.png", "cut.jpg"),
        ("film.gif", "real.png"),
    ]


@pytest.mark.parametrize("count", [1, 32, 33, 100])
def test_every_file_is_looked_at_in_order(tmp_path: Path, count):
    ids = tuple(f"{i:03}.png" for i in range(count))
    for place in range(0, count, 2):
        Image.new("RGB", (20, 20), (place, 0, 0)).save(tmp_path / ids[place])
    labels = Labels(np.zeros((count, 1)), ("dog",), ids)
    report = check(Dataset(labels, tuple(tmp_path / image for image in ids)))
    assert [bad.image for bad in report.bad] == list(ids[1::2])
    assert {bad.reason for bad in report.bad} <= {"the image file does not exist"}


def test_features_need_no_files(make_dataset):
    dataset = make_dataset(images=50, labels=3)
    report = check(dataset)
    assert (report.files, report.features) == (None, 16)
    assert (report.bad, report.notes, report.duplicates) == ((), (), ())


def test_a_real_data_set_is_without_fault(shared_data: Path):
    report = check(read(shared_data / "coco256"))
    assert (report.images, report.files, report.present) == (256, 256, 735)
    assert report.bad == ()
    assert report.labels_never_present == ("parking meter", "cow", "toaster", "hair drier")
    assert report.pairs[0].labels == ("person", "handbag")
