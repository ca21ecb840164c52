"""Images in tars as webdataset packs them: the same as in a folder; what is broken is named."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alasl.annotate.pictures import Pictures
from alasl.cli import exit_code
from alasl.data import tars
from alasl.data.duplicates import digests
from alasl.data.formats import has_table, read
from alasl.data.images import images_below, load_square, look
from alasl.data.named_images import named_images
from alasl.data.scenes import make_scenes
from alasl.errors import DataError
from alasl.project.folder import load


def photo(shade: int = 0, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (20, 16), (shade, 90, 90)).save(file, kind)
    return file.getvalue()


def pack(path: Path, changed: float = 1e9, **files: bytes) -> Path:
    """A tar of files by name, which changed long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as file:
        for name, content in files.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            file.addfile(about, io.BytesIO(content))
    os.utime(path, (changed, changed))
    return path


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALASL_CACHE", str(tmp_path_factory.mktemp("cache")))
    tars._kept.cache_clear()


def shards(folder: Path, images: Path, of: int = 3) -> Path:
    """The files of a folder in so many tars, each with a note beside it."""
    files = sorted(images.iterdir())
    for number in range(of):
        some = files[number * len(files) // of : (number + 1) * len(files) // of]
        packed = {file.name: file.read_bytes() for file in some}
        pack(folder / f"{number:05d}.tar", **packed, **{f"{one.stem}.json": b"{}" for one in some})
    return folder


def test_images_are_those_of_the_folder(tmp_path: Path) -> None:
    make_scenes(tmp_path / "scenes", 7)
    plain = named_images(tmp_path / "scenes" / "images")
    packed = named_images(shards(tmp_path / "packed", tmp_path / "scenes" / "images"))
    assert packed.ids == tuple(Path(image).stem for image in plain.ids)
    assert digests(packed.inputs.files())[0] == digests(plain.inputs.files())[0]
    for one, other in zip(packed.inputs.files(), plain.inputs.files(), strict=True):
        np.testing.assert_array_equal(load_square(one, 32), load_square(other, 32))
        assert tars.size(one) == other.stat().st_size
    one_by_one = named_images(sorted((tmp_path / "packed").iterdir()))
    assert (one_by_one.ids, one_by_one.inputs.paths) == (packed.ids, packed.inputs.paths)


@pytest.mark.slow
def test_features_and_queue_are_those_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_scenes(tmp_path / "scenes", 40)
    shards(tmp_path / "packed", tmp_path / "scenes" / "images")
    asked, common = [], ("--backbone", "lite0@64", "--quiet")
    for images in ("scenes/images", "packed"):
        name = images.partition("/")[0]
        monkeypatch.setenv("ALASL_CACHE", str(tmp_path / f"cache-{name}"))
        assert exit_code(["features", images, "--out", f"{name}.npy", *common]) == 0
        assert exit_code(["init", f"p-{name}", images, *("--label", "cat"), *common]) == 0
        assert exit_code(["suggest", f"p-{name}", "--quiet"]) == 0
        project = load(tmp_path / f"p-{name}")
        asked.append([(one.image, one.label) for one in project.store.queue()])
    np.testing.assert_array_equal(np.load("scenes.npy"), np.load("packed.npy"))
    assert asked[0] == asked[1] != []


def test_keys_that_come_in_several_tars_begin_with_their_tar(tmp_path: Path) -> None:
    pack(tmp_path / "a.tar", **{"1.png": photo(1), "2.png": photo(2)})
    pack(tmp_path / "deep" / "b.tar", **{"1.png": photo(3)})
    assert named_images(tmp_path).ids == ("a/1", "a/2", "deep/b/1")
    other = pack(tmp_path / "deep" / "a.tar", **{"1.png": photo(3)})
    both = [tmp_path / "a.tar", other]
    assert named_images(both).ids == tuple(
        f"{both[n]}/{key}" for n, key in ((0, 1), (0, 2), (1, 1))
    )


def test_other_files_hidden_ones_and_those_that_lead_out_are_passed_over(tmp_path: Path) -> None:
    names = ("./a.b/1.png", ".hidden.png", "._1.png", "../out.png", "/root.png", "1.txt", "x.cls")
    pack(tmp_path / "a.tar", **dict.fromkeys(names, photo()))
    assert named_images(tmp_path).ids == ("a.b/1",)


def test_tars_beside_images_are_passed_over(tmp_path: Path) -> None:
    pack(tmp_path / "a.tar", **{"1.png": photo()})
    (tmp_path / "2.png").write_bytes(photo())
    assert named_images(tmp_path).ids == ("2.png",)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda whole: whole[:700], "damaged or cut off"),
        (lambda whole: whole[:1100] + b"\1" * 400 + whole[1500:], "damaged or cut off"),
        (lambda whole: b"no tar at all"[: len(whole)], "damaged or cut off"),
        (lambda whole: whole[:0], "damaged or cut off"),
        (gzip.compress, "compressed"),
    ],
)
def test_a_broken_tar_is_named(tmp_path: Path, change, what) -> None:
    tar = pack(tmp_path / "a.tar", **{"1.png": photo(), "2.png": photo()})
    tar.write_bytes(change(tar.read_bytes()))
    with pytest.raises(DataError, match=what) as error:
        images_below(tmp_path)
    assert error.value.where == str(tar)
    assert error.value.do


def test_a_tar_without_its_end_is_read_with_a_warning(tmp_path: Path, caplog) -> None:
    tar = pack(tmp_path / "a.tar", **{"1.png": photo()})
    tar.write_bytes(tar.read_bytes()[:1024])
    assert named_images(tmp_path).ids == ("1",)
    assert "no end" in caplog.text


def test_a_name_that_comes_twice_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        for _ in range(2):
            file.addfile(tarfile.TarInfo("1.png"), io.BytesIO())
    with pytest.raises(DataError, match="1 files are twice in the tar"):
        named_images(tmp_path)
    pack(tmp_path / "a.tar", **{"1.png": photo(), "1.jpg": photo(kind="JPEG")})
    with pytest.raises(DataError, match="but for their endings") as error:
        named_images(tmp_path)
    assert error.value.more == (f"'1' in {tmp_path / 'a.tar'}",)


def test_tars_without_images_are_none(tmp_path: Path) -> None:
    pack(tmp_path / "a.tar", **{"1.txt": b"a cat"})
    with pytest.raises(DataError, match="there are no images here"):
        named_images(tmp_path)


def test_a_broken_image_is_named_by_its_path(tmp_path: Path) -> None:
    tar = pack(tmp_path / "a.tar", **{"1.png": photo()[:40], "2.jpg": b"", "3.png": b"<html>"})
    said = {}
    for path in tars.members(tar):
        with pytest.raises(DataError) as error:
            look(path)
        assert error.value.where == str(path)
        said[path.name] = error.value.what
    assert "truncated" in said["1.png"]
    assert "empty" in said["2.jpg"]
    assert "HTML" in said["3.png"]
    with pytest.raises(DataError, match="does not exist"):
        look(tar / "4.png")


def test_a_tar_that_changed_is_gone_through_again(tmp_path: Path) -> None:
    tar = pack(tmp_path / "a.tar", **{"1.png": photo(1)})
    before = digests([tar / "1.png"])[0]
    pack(tar, 1e9 + 1, **{"0.txt": b"more", "1.png": photo(200)})
    assert digests([tar / "1.png"])[0] != before
    assert look(tar / "1.png").pixels.getpixel((0, 0)) == (200, 90, 90)


def test_what_a_tar_holds_is_kept_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tar = pack(tmp_path / "a.tar", **{"1.png": photo(1)})
    images_below(tmp_path)
    tars._kept.cache_clear()
    monkeypatch.setattr(tarfile, "open", None)
    assert look(tar / "1.png").pixels.getpixel((0, 0)) == (1, 90, 90)


@pytest.mark.parametrize("ending", ["", ".png"])
def test_a_table_finds_its_images_in_tars(tmp_path: Path, ending: str, caplog) -> None:
    pack(tmp_path / "images" / "0.tar", **{"a/1.png": photo(1), "2.png": photo(2)})
    (tmp_path / "images" / "._0.tar").write_bytes(b"of macOS")
    rows = [f"{image}{ending},1" for image in ("2", "a/1")]
    (tmp_path / "labels.csv").write_text("\n".join(["image,cat", *rows]))
    paths = read(tmp_path).paths
    assert paths == tuple(tmp_path / "images" / "0.tar" / name for name in ("2.png", "a/1.png"))
    assert not caplog.text


def test_what_img2dataset_writes_beside_its_shards_is_no_table(tmp_path: Path) -> None:
    shards = [tmp_path / "00000.tar", tmp_path / "00001"]
    pack(shards[0], **{"1.png": photo(1)})
    shards[1].mkdir()
    for shard in shards:
        (tmp_path / f"{shard.stem}_stats.json").write_text('{"count": 1}')
    assert not has_table(tmp_path)
    shards[0].unlink()
    assert has_table(tmp_path)


def test_the_page_shows_them_where_their_tar_may_be_seen(tmp_path: Path) -> None:
    pack(tmp_path / "own" / "0.tar", **{"1.png": photo(1)})
    pack(tmp_path / "other" / "0.tar", **{"1.png": photo(1)})
    files = ["0.tar/1.png", "0.tar/2.png", "../other/0.tar/1.png", "0.tar/../../other/0.tar/1.png"]
    pictures = Pictures(files, tmp_path / "own")
    assert Image.open(io.BytesIO(pictures.get(0, "small"))).size == (20, 16)
    for image, what in ((1, "does not exist"), (2, "outside"), (3, "outside")):
        with pytest.raises(DataError, match=what):
            pictures.get(image, "small")


def test_a_project_finds_them_after_a_move(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    pack(tmp_path / "here" / "in" / "0.tar", **{f"{n}.png": photo(20 * n) for n in range(8)})
    code = exit_code(["init", "here/p", "here/in", "--label", "cat", "--no-near", "--quiet"])
    assert code == 0
    shutil.move("here", "there")
    project = load(Path("there/p"))
    project.require_images()
    assert not project.lost().any()
    (tmp_path / "there" / "in" / "0.tar").unlink()
    assert project.lost().all()
    with pytest.raises(DataError, match="not where the project looks"):
        project.require_images()
