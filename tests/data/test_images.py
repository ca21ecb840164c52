"""Image files: every kind that opens, upright and RGB, and every broken one by its reason."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alasl.data.images import load_image, load_square, open_image
from alasl.errors import DataError


def photo(width=64, height=48):
    """Smooth colours, so that JPEG and scaling change little; all four corners differ."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([255 * x / width, 255 * y / height, 128 + 0 * x], axis=2)
    return Image.fromarray(pixels.astype(np.uint8))


def close(a, b, within=6):
    return np.abs(np.asarray(a, int) - np.asarray(b, int)).mean() < within


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.gif", "a.bmp", "a.tif", "a.ppm"])
def test_every_kind_opens_under_any_extension(tmp_path: Path, name):
    file, renamed = tmp_path / name, tmp_path / "b.dat"
    photo().save(file)
    renamed.write_bytes(file.read_bytes())
    for path in (file, renamed):
        image = load_image(path)
        assert image.mode == "RGB"
        assert close(image, photo(), within=20)


@pytest.mark.parametrize(
    ("mode", "name"),
    [("CMYK", "a.jpg"), ("L", "a.jpg"), ("P", "a.png"), ("1", "a.png"), ("LA", "a.png")],
)
def test_other_modes_become_rgb(tmp_path: Path, mode, name):
    photo().convert(mode).save(tmp_path / name)
    back = load_image(tmp_path / name)
    assert back.mode == "RGB"
    assert close(back, photo().convert(mode).convert("RGB"))
    assert load_square(tmp_path / name, 32).shape == (32, 32, 3)


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path):
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    back = np.asarray(load_image(tmp_path / "a.png"))
    np.testing.assert_array_equal(back[..., 0].ravel(), np.arange(256))
    np.testing.assert_array_equal(back[..., 0], back[..., 2])


@pytest.mark.parametrize("mode", ["RGBA", "P"])
def test_transparent_parts_are_white(tmp_path: Path, mode):
    image = Image.new("RGBA", (20, 20), (200, 0, 0, 0))
    image.paste((0, 0, 200, 255), (10, 0, 20, 20))
    image.convert(mode).save(tmp_path / "a.png")
    back = load_image(tmp_path / "a.png")
    assert back.getpixel((2, 2)) == (255, 255, 255)
    assert back.getpixel((15, 15)) == (0, 0, 200)


@pytest.mark.parametrize("frames", ["a.gif", "a.png", "a.webp"])
def test_an_animation_gives_its_first_frame(tmp_path: Path, frames):
    red, blue = Image.new("RGB", (30, 30), (255, 0, 0)), Image.new("RGB", (30, 30), (0, 0, 255))
    red.save(tmp_path / frames, save_all=True, append_images=[blue])
    assert close(load_image(tmp_path / frames), red)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, orientation, kind):
    # What a camera that was held askew stores: the inverse of what has to be done.
    inverse = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = photo()
    if orientation > 1:
        stored = stored.transpose(Image.Transpose(inverse[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {} if kind in ("PNG", "TIFF") else {"quality": 95}
    stored.save(tmp_path / "a", kind, exif=exif, **options)
    assert load_image(tmp_path / "a").size == photo().size
    assert close(load_image(tmp_path / "a"), photo())
    squished = photo().resize((24, 24), Image.Resampling.BICUBIC)
    assert close(load_square(tmp_path / "a", 24), squished)


def test_an_unreadable_exif_block_leaves_the_image_as_it_is(tmp_path: Path):
    photo().save(tmp_path / "a.jpg", exif=b"Exif\0\0not a TIFF header at all")
    assert close(load_image(tmp_path / "a.jpg"), photo())


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (224, 224), (640, 480), (2000, 1500)])
def test_a_square_is_the_squished_image(tmp_path: Path, size):
    photo(*size).save(tmp_path / "a.jpg", quality=95)
    square = load_square(tmp_path / "a.jpg", 224)
    whole = Image.open(tmp_path / "a.jpg").resize((224, 224), Image.Resampling.BICUBIC)
    assert square.dtype == np.uint8
    assert close(square, whole, within=1)


def test_a_square_keeps_fine_detail(tmp_path: Path):
    checks = np.indices((440, 440)).sum(axis=0) // 4 % 2 * 255
    Image.fromarray(checks.astype(np.uint8)).convert("RGB").save(tmp_path / "a.jpg", quality=95)
    whole = Image.open(tmp_path / "a.jpg").resize((224, 224), Image.Resampling.BICUBIC)
    assert close(load_square(tmp_path / "a.jpg", 224), whole, within=1)


@pytest.mark.parametrize(("width", "decoded"), [(447, 447), (449, 225), (1793, 225)])
def test_a_scaled_jpeg_is_never_below_the_square(tmp_path: Path, width, decoded):
    photo(width, width).save(tmp_path / "a.jpg")
    with open_image(tmp_path / "a.jpg") as image:
        image.draft("RGB", (224, 224))
        image.load()
        assert image.size == (decoded, decoded)


def bomb(path: Path, width: int, height: int) -> None:
    """A PNG of a few bytes whose header promises width x height pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)


def broken(path: Path, how: str) -> str:
    """Write a broken file; the words that its error must have."""
    if how in ("jpg", "png", "webp", "gif", "bmp", "tif"):
        rng = np.random.default_rng(0)
        image = Image.fromarray(rng.integers(0, 256, (120, 160, 3), np.uint8))
        image.save(path.with_suffix("." + how))
        whole = path.with_suffix("." + how).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        return "truncated or damaged"
    if how == "bytes":
        path.write_bytes(np.random.default_rng(0).bytes(4096))
        return "no image of a known kind"
    if how == "html":
        path.write_text("\n<!DOCTYPE html><html><body>404 Not Found</body></html>")
        return "HTML"
    if how == "empty":
        path.touch()
        return "zero bytes"
    if how == "folder":
        path.mkdir()
        return "cannot be read"
    if how == "eps":
        path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n")
        return "no image of a known kind"
    if how == "float":
        Image.fromarray(np.ones((9, 9), np.float32)).save(path, "TIFF")
        return "floats"
    if how in ("51 megapixels", "200 megapixels"):
        bomb(path, int(how.split()[0]) * 1000, 1000)
        return "more than 50 megapixels"
    return "does not exist"


HOW = [
    "jpg",
    "png",
    "webp",
    "gif",
    "bmp",
    "tif",
    "bytes",
    "html",
    "empty",
    "folder",
    "eps",
    "float",
]


@pytest.mark.parametrize("how", [*HOW, "missing", "51 megapixels", "200 megapixels"])
def test_a_broken_file_is_named_with_its_reason(tmp_path: Path, how):
    path = tmp_path / "photo"
    reason = broken(path, how)
    for load in (load_image, lambda path: load_square(path, 32)):
        with pytest.raises(DataError, match=reason) as error:
            load(path)
        assert error.value.where == str(path)


def test_just_under_the_limit_of_pixels_is_only_truncated(tmp_path: Path):
    bomb(tmp_path / "a.png", 50_000, 1000)
    with pytest.raises(DataError, match="truncated"):
        load_image(tmp_path / "a.png")


def test_a_name_with_a_nul_is_an_error_too():
    with pytest.raises(DataError, match="cannot be read"):
        load_image("a\0b.jpg")
