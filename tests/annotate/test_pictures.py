"""Images as the page shows them: every kind of file, none from outside, and no bomb."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image

from alasl.annotate.pictures import SIDES, Pictures, Size
from alasl.errors import DataError


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def png_of(width: int, height: int) -> bytes:
    """A PNG of zeros, row by row compressed, so that it is small however large it says it is."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    squeeze = zlib.compressobj(1)
    rows = b"".join(squeeze.compress(bytes(1 + width)) for _ in range(height)) + squeeze.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", SIDES)
def test_an_image_is_scaled_down_to_its_size_and_never_up(tmp_path: Path, size: Size) -> None:
    Image.new("RGB", (6000, 1500), "red").save(tmp_path / "wide.jpg")
    Image.new("RGB", (50, 20), "red").save(tmp_path / "tiny.png")
    pictures = Pictures(["wide.jpg", "tiny.png"], tmp_path)
    wide, tiny = opened(pictures.get(0, size)), opened(pictures.get(1, size))
    assert wide.format == tiny.format == "JPEG"
    assert wide.size == (SIDES[size], SIDES[size] // 4)
    assert tiny.size == (50, 20)


def test_an_image_is_upright_and_says_nothing_of_its_maker(tmp_path: Path) -> None:
    image = Image.new("RGB", (800, 400), "blue")
    image.paste("red", (0, 0, 400, 400))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Camera 12345"  # turned to the right; its maker
    exif.get_ifd(0x8825)[1] = "N"
    image.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    content = Pictures(["turned.jpg"], tmp_path).get(0, "small")
    upright = opened(content)
    assert upright.size == (210, 420)
    above, below = upright.getpixel((105, 70)), upright.getpixel((105, 350))
    assert above[0] > 200 > 50 > above[2]  # type: ignore[index]
    assert below[2] > 200 > 50 > below[0]  # type: ignore[index]
    assert not upright.getexif()
    assert b"Camera" not in content


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "I;16", "1", "LA"])
def test_every_kind_of_pixels_is_shown(tmp_path: Path, mode: str) -> None:
    image = Image.new(mode, (30, 30))
    image.save(tmp_path / ("a.tif" if mode == "CMYK" else "a.png"))
    name = next(path.name for path in tmp_path.iterdir())
    assert opened(Pictures([name], tmp_path).get(0, "small")).mode == "RGB"


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    bomb = png_of(9_000, 8_000)
    assert len(bomb) < 500_000
    (tmp_path / "bomb.png").write_bytes(bomb)
    # One that only says so, and would be read for long.
    (tmp_path / "lie.png").write_bytes(png_of(10, 10).replace(
        struct.pack(">II", 10, 10), struct.pack(">II", 2**31 - 1, 2**31 - 1)))  # fmt: skip
    pictures = Pictures(["bomb.png", "lie.png"], tmp_path)
    with pytest.raises(DataError, match="more than 64 megapixels"):
        pictures.get(0, "small")
    with pytest.raises(DataError):
        pictures.get(1, "small")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"<svg onload='alert(1)'/>", "HTML or XML"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "no image of a known kind"),
        (b"GIF89a" + b"\x00" * 10, "image"),
    ],
)
def test_what_is_no_image_is_refused_with_the_reason(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(DataError, match=reason):
        Pictures(["a.jpg"], tmp_path).get(0, "large")


def test_a_half_cut_image_is_refused(tmp_path: Path) -> None:
    image = Image.effect_noise((300, 300), 50)
    image.save(tmp_path / "a.jpg")
    content = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="truncated"):
        Pictures(["a.jpg"], tmp_path).get(0, "large")


@pytest.mark.posix
def test_no_file_from_outside_is_shown_wherever_links_lead(tmp_path: Path) -> None:
    inside, outside = tmp_path / "images", tmp_path / "images-not"
    inside.mkdir()
    outside.mkdir()
    Image.new("RGB", (9, 9)).save(outside / "secret.png")
    (inside / "link.png").symlink_to(outside / "secret.png")
    (inside / "folder").symlink_to(outside)
    (inside / "loop.png").symlink_to(inside / "loop.png")
    (inside / "good.png").write_bytes((outside / "secret.png").read_bytes())
    (inside / "alias.png").symlink_to(inside / "good.png")
    bad = [
        "link.png", "folder/secret.png", "../images-not/secret.png", "loop.png",
        str(outside / "secret.png"), "/etc/passwd", "/dev/zero", "good.png\x00.jpg", ".", "",
        "missing.png",
    ]  # fmt: skip
    pictures = Pictures([*bad, None, "good.png", "alias.png", str(inside / "good.png")], inside)
    for image in range(-1, len(bad) + 1):
        with pytest.raises(DataError):
            pictures.get(image, "small")
    for image in range(len(bad) + 1, len(pictures)):
        assert opened(pictures.get(image, "small")).size == (9, 9)
    with pytest.raises(DataError):
        pictures.get(len(pictures), "small")


@pytest.mark.posix
def test_links_into_a_folder_that_is_named_are_followed(tmp_path: Path) -> None:
    inside, named, other = (tmp_path / name for name in ("images", "named", "other"))
    for folder in (inside, named / "deep", other):
        folder.mkdir(parents=True)
    for folder in (named / "deep", other):
        Image.new("RGB", (9, 9)).save(folder / "a.png")
    (inside / "good.png").symlink_to(named / "deep" / "a.png")
    (inside / "bad.png").symlink_to(other / "a.png")
    (named / "deep" / "on.png").symlink_to(other / "a.png")
    (inside / "through.png").symlink_to(named / "deep" / "on.png")
    names = ["good.png", "bad.png", "through.png"]
    with pytest.raises(DataError, match=f"alasl annotate --links {named / 'deep'}"):
        Pictures(names, inside).get(0, "small")
    pictures = Pictures(names, inside, links=[named])
    assert opened(pictures.get(0, "small")).size == (9, 9)
    for image in (1, 2):
        with pytest.raises(DataError, match="outside"):
            pictures.get(image, "small")


def test_what_cannot_be_shown_is_found_before_it_is_asked(tmp_path: Path) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "good.png")
    for name in ("broken.png", "later.png"):
        (tmp_path / name).write_bytes(b"<html>")
    names = ["good.png", "missing.png", "broken.png", "later.png", "../out.png", None]
    found = Pictures(names, tmp_path).problems([0, 1, 2, 3, 4], asked={0, 1, 2})
    assert {image: error.what.split(",")[0].split(" (")[0] for image, error in found.items()} == {
        1: "the image file does not exist",
        2: "the file holds HTML or XML",
        4: "the image lies outside the project's images",
    }


@pytest.mark.posix
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(DataError, match="does not exist"):
        Pictures(["pipe.jpg"], tmp_path).get(0, "small")


@pytest.mark.posix
@pytest.mark.slow
def test_two_large_images_at_once_take_the_memory_of_one(tmp_path: Path) -> None:
    for name in ("0.jpg", "1.jpg"):
        Image.new("RGB", (6000, 4000), "red").save(tmp_path / name)
    code = (
        "import resource, sys, threading; from pathlib import Path\n"
        "from alasl.annotate.pictures import Pictures\n"
        "pictures = Pictures(['0.jpg', '1.jpg'], Path(sys.argv[1]))\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6\n"
        "before = peak()\n"
        "get = lambda image: pictures.get(image, 'huge')\n"
        "both = [threading.Thread(target=get, args=[image]) for image in (0, 1)]\n"
        "for one in both: one.start()\n"
        "for one in both: one.join()\n"
        "print(peak() - before)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    took = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    gigabytes = float(took) / (1000 if sys.platform == "darwin" else 1)
    assert gigabytes < 9 * 6000 * 4000 / 1e9


def test_what_was_sent_last_is_kept_up_to_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{i}.png" for i in range(4)]
    for name in names:
        Image.new("RGB", (40, 40)).save(tmp_path / name)
    pictures = Pictures(names, tmp_path)
    one = len(pictures.get(0, "small"))
    monkeypatch.setattr("alasl.annotate.pictures._CACHE", 2 * one)
    for image in range(4):
        pictures.get(image, "small")
    for name in names:
        (tmp_path / name).unlink()
    assert len(pictures.get(3, "small")) == len(pictures.get(2, "small")) == one
    for image in (0, 1):
        with pytest.raises(DataError):
            pictures.get(image, "small")
