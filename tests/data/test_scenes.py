"""Drawn scenes: the same for a seed anywhere, labels that agree with what shows, safe folders."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alasl.data.formats import read
from alasl.data.images import load_image
from alasl.data.scenes import NAMES, draw, make_scenes
from alasl.data.scenes import folder as folder_module
from alasl.data.scenes.canvas import SIZE, Dice, Item, Light, Pen, visible_share
from alasl.data.scenes.scene import LEAST_PIXELS, LEAST_SHARE, visible
from alasl.data.scenes.stage import INDOORS, SETTINGS, SMALLEST, Spot, Stage, set_stage
from alasl.data.scenes.things import THINGS, thing
from alasl.errors import ConflictError, UsageError
from alasl.seeds import stream


def dice(*path: str | int) -> Dice:
    return Dice(stream(0, *path))


def box(label: str | None, depth: float, left: float, top: float, right: float, low: float) -> Item:
    item = Item(label, depth)
    pen = Pen(item, dice("box"), Light(((0, 0, 0), (0, 0, 0))), down=True)
    pen.box((200, 0, 0), left, top, right, low)
    return item


def contents(folder: Path) -> dict[str, bytes]:
    files = (p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


def test_a_scene_is_the_same_alone_and_after_others() -> None:
    image, labels = draw(3, 7)
    for index in (0, 5):
        draw(3, index)
    again, same = draw(3, 7)
    assert (image.mode, image.size) == ("RGB", (SIZE, SIZE)) == ("RGB", (256, 256))
    assert image.tobytes() == again.tobytes()
    assert (labels.dtype, labels.shape) == (np.int8, (len(NAMES),))
    assert labels.tolist() == same.tolist()
    others = {draw(3, 8)[0].tobytes(), draw(4, 7)[0].tobytes(), image.tobytes()}
    assert len(others) == 3


def test_visible_share_counts_pixels() -> None:
    items = [
        box("whole", 0, 10, 10, 29, 29),  # 20 x 20 pixels, corners included
        box("half", 1, 100, 10, 119, 29),
        box(None, 2, 110, 10, 140, 29),
        box("gone", 3, 50, 50, 59, 59),
        box("cover", 4, 45, 45, 65, 65),
        box("frame", 5, -10, 100, 9, 119),  # half of it left of the frame
    ]
    assert visible_share(items) == [
        (400, 1.0), (200, 0.5), (31 * 20, 31 * 20), (0, 0.0), (441, 1.0), (200, 0.5)
    ]  # fmt: skip


def test_a_hidden_thing_is_not_drawn_and_not_present() -> None:
    hidden, cover = box("cat", 0, 50, 50, 69, 69), box(None, 1, 50, 50, 69, 60)
    assert visible_share([hidden, cover])[0] == (180, 0.45)
    assert visible([hidden, cover]) == [cover]
    assert visible([cover, hidden]) == [cover, hidden]
    tiny = box("cat", 0, 5, 5, 14, 14)
    assert visible_share([tiny]) == [(100, 1.0)]
    assert visible([tiny]) == []


def test_what_a_hidden_thing_holds_goes_with_it() -> None:
    table, cover = box("table", 0, 50, 50, 69, 69), box(None, 1, 50, 50, 69, 69)
    cup = box("cup", 2, 50, 30, 69, 49)
    assert visible([table, cover, cup]) == [cover, cup]
    cup.holder = table
    assert visible([table, cover, cup]) == [cover]


def test_see_through_shapes_hide_nothing() -> None:
    thing_, veil = box("cat", 0, 50, 50, 69, 69), Item(None, 1)
    Pen(veil, dice("veil"), Light(((0, 0, 0), (0, 0, 0))), down=True).disc(
        (0, 0, 0), 60, 60, 30, alpha=40
    )
    assert visible_share([thing_, veil])[0] == (400, 1.0)


@pytest.mark.parametrize("index", range(12))
def test_labels_agree_with_what_is_left_in_the_picture(index: int) -> None:
    kept = visible(set_stage(dice("scene", index)).items)
    shares = visible_share(kept)
    for item, (pixels, share) in zip(kept, shares, strict=True):
        assert item.label is None or (pixels >= LEAST_PIXELS and share >= LEAST_SHARE)
        assert item.label is None or item.label in NAMES
    assert {n for n, v in zip(NAMES, draw(0, index)[1], strict=True) if v} == {
        item.label for item in kept if item.label
    }
    # No more things than the id buffer can tell apart.
    assert len(kept) < 255


@pytest.mark.parametrize("name", sorted(THINGS))
def test_every_thing_stands_on_its_foot_and_is_about_a_unit_tall(name: str) -> None:
    drawn = THINGS[name]
    for k in range(12):
        item = Item(drawn.label, 0)
        light = INDOORS[k % 3][1]
        drawn.draw(Pen(item, dice(name, k), light, 128, 200, 60))
        solid = np.concatenate([s.points for s in item.shapes if s.alpha == 255 or name == "cloud"])
        assert np.isfinite(solid).all()
        height = (200 - solid[:, 1].min()) / 60
        assert height > 0.25
        if name not in ("hanging lamp", "kite"):
            assert height < 1.45
            assert solid[:, 1].max() < 200 + 0.15 * 60
        assert abs(solid[:, 0] - 128).max() < 3 * 60


@pytest.mark.slow
def test_the_frequencies_are_those_of_real_data() -> None:
    seen = [{i.label for i in visible(set_stage(dice("scene", k)).items)} for k in range(400)]
    table = np.array([[name in labels for name in NAMES] for labels in seen])
    share = dict(zip(NAMES, table.mean(axis=0), strict=True))
    assert 2.4 < table.sum(axis=1).mean() < 3.6
    assert 0.25 < max(share.values()) < 0.5
    assert min(share.values()) > 0.005
    assert sum(value < 0.06 for value in share.values()) >= 4
    together = dict(zip(NAMES, table[table[:, NAMES.index("cup")]].mean(axis=0), strict=True))
    assert together["table"] > 1.5 * share["table"]
    assert together["boat"] == 0


def test_names_and_settings() -> None:
    assert 22 <= len(NAMES) <= 26
    assert list(NAMES) == sorted(set(NAMES))
    assert len(SETTINGS) >= 6
    assert sum(share for share, _ in SETTINGS) == pytest.approx(1, abs=0.1)
    with pytest.raises(ValueError, match="two things are called 'boat'"):
        thing("boat", 1.0)(lambda _: None)


def test_a_far_thing_is_no_smaller_than_can_be_told() -> None:
    stage = Stage(dice("far"), INDOORS)
    assert stage.place("cat", Spot(100, 100, 1.0, 1.0)).unit == SMALLEST


@pytest.mark.slow
def test_any_number_of_workers_makes_the_same_folder(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    one = make_scenes(
        tmp_path / "one", 45, seed=5, workers=1, on_progress=lambda *at: seen.append(at)
    )
    two = make_scenes(tmp_path / "two", 45, seed=5, workers=2)
    assert contents(one) == contents(two)
    assert seen == [(k, 45) for k in range(1, 46)]
    few = make_scenes(tmp_path / "few", 3, seed=5, workers=2)
    name = "images/00002.jpg"
    assert contents(few)[name] == contents(one)[name]


def test_a_folder_reads_as_a_data_set(tmp_path: Path) -> None:
    folder = make_scenes(tmp_path / "deep" / "scenes", 4, seed=1, workers=1)
    data = read(folder)
    assert data.labels.names == NAMES
    assert data.paths is not None
    expected = [draw(1, i) for i in range(4)]
    np.testing.assert_array_equal(data.labels.entries, [labels for _, labels in expected])
    for path, (image, _) in zip(data.paths, expected, strict=True):
        pixels = np.asarray(load_image(path), dtype=float)
        assert pixels.shape == (SIZE, SIZE, 3)
        assert abs(pixels - np.asarray(image)).mean() < 4
    assert [p.name for p in folder.parent.iterdir()] == ["scenes"]


def test_the_same_scenes_are_left_as_they_are(tmp_path: Path) -> None:
    folder = make_scenes(tmp_path / "scenes", 2, workers=1)
    stamp = (folder / "labels.csv").stat().st_mtime_ns
    assert make_scenes(folder, 2, workers=1) == folder
    assert (folder / "labels.csv").stat().st_mtime_ns == stamp


def test_anything_else_in_the_folder_is_a_conflict(tmp_path: Path) -> None:
    folder = make_scenes(tmp_path / "scenes", 2, workers=1)
    before = contents(folder)
    for count, seed in ((3, 0), (2, 1)):
        with pytest.raises(ConflictError, match="something else"):
            make_scenes(folder, count, seed, workers=1)
    assert contents(folder) == before
    (folder / "images" / "00001.jpg").unlink()
    with pytest.raises(ConflictError, match="with 1 images"):
        make_scenes(folder, 2, workers=1)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "photo.jpg").write_bytes(b"mine")
    with pytest.raises(ConflictError, match="no scenes"):
        make_scenes(tmp_path / "mine", 2, workers=1)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConflictError):
        make_scenes(tmp_path / "file", 2, workers=1)
    note = json.loads(before[".scenes.json"])
    assert note == {"version": folder_module.VERSION, "seed": 0, "count": 2}


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "scenes").mkdir()
    assert len(contents(make_scenes(tmp_path / "scenes", 1, workers=1))) == 3


def test_a_stop_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    def stop(done: int, _: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_scenes(tmp_path / "scenes", 4, workers=1, on_progress=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("bad", [{"count": 0}, {"seed": -1}, {"workers": 0}])
def test_numbers_out_of_range_are_refused(tmp_path: Path, bad: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="at least"):
        make_scenes(tmp_path / "scenes", **bad)


def test_images_are_of_one_size(tmp_path: Path) -> None:
    folder = make_scenes(tmp_path / "scenes", 3, seed=2, workers=1)
    for path in sorted((folder / "images").iterdir()):
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (256, 256))
