"""Image files: every kind that opens, upright and RGB, and every broken one by its reason."""

from __future__ import annotations

import os
import socket
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from alasl.data.images import EXTENSIONS, each, load_image, load_square, look, readable_images
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
    seen = look(tmp_path / "a.jpg", 224)
    assert seen.pixels.size == (decoded, decoded)
    assert seen.size == (width, width)


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
        half = f"truncated: the file has {len(whole) // 2} of {len(whole)} bytes"
        return half if how == "webp" else "truncated or damaged"
    if how == "bytes":
        path.write_bytes(np.random.default_rng(0).bytes(4096))
        return "no image of a known kind"
    if how == "html":
        path.write_text(
            "\n<!DOCTYPE html><html><body>404 Not Found</body></html>", encoding="utf-8"
        )
        return "HTML"
    if how == "empty":
        path.touch()
        return "zero bytes"
    if how == "folder":
        path.mkdir()
        return "cannot be read"
    if how == "eps":
        path.write_text(
            "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", encoding="utf-8"
        )
        return "no image of a known kind"
    if how == "float":
        Image.fromarray(np.ones((9, 9), np.float32)).save(path, "TIFF")
        return "floats"
    if how in ("65 megapixels", "200 megapixels"):
        bomb(path, int(how.split()[0]) * 1000, 1000)
        return "more than 64 megapixels"
    if how == "heic":
        path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))
        return "cannot decode the file's kind, 'heic'; convert it to JPEG"
    if how == "git-lfs":
        path.write_text(
            "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", encoding="utf-8"
        )
        return "git lfs pull"
    if how == "pipe":
        os.mkfifo(path)
        return "this is a named pipe, not a file"
    if how == "socket":
        with socket.socket(socket.AF_UNIX) as held:
            held.bind(str(path))
        return "this is a socket, not a file"
    if how == "device":
        path.symlink_to("/dev/zero")
        return "this is a device, not a file"
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
    "heic",
    "git-lfs",
]
SPECIAL = [pytest.param(how, marks=pytest.mark.posix) for how in ("pipe", "device", "socket")]


@pytest.mark.parametrize("how", [*HOW, *SPECIAL, "missing", "65 megapixels", "200 megapixels"])
def test_a_broken_file_is_named_with_its_reason(tmp_path: Path, how):
    path = tmp_path / "photo"
    reason = broken(path, how)
    for load in (load_image, lambda path: load_square(path, 32)):
        with pytest.raises(DataError, match=reason) as error:
            load(path)
        assert error.value.where == str(path)


@pytest.mark.slow
def test_just_under_the_limit_of_pixels_is_only_truncated(tmp_path: Path):
    bomb(tmp_path / "a.png", 64_000, 1000)
    with pytest.raises(DataError, match="truncated"):
        load_image(tmp_path / "a.png")


def test_a_name_with_a_nul_is_an_error_too():
    with pytest.raises(DataError, match="cannot be read"):
        load_image("a\0b.jpg")


def chunk(kind: bytes, data: bytes, wrong: int = 0) -> bytes:
    check = zlib.crc32(kind + data) ^ wrong
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(5_000_000))),
        chunk(b"iTXt", b"k\0\1\0\0\0" + zlib.compress(bytes(5_000_000))),
        chunk(b"iCCP", b"n\0\0" + zlib.compress(bytes(3_000_000))),
        chunk(b"tEXt", b"k\0abc", wrong=1),
        chunk(b"gAMA", b"\0\1\2\3", wrong=1),
        chunk(b"pHYs", b"\0"),
        b"".join(chunk(b"tEXt", b"k%d\0" % i + bytes(900_000)) for i in range(75)),
    ],
    ids=["text", "unicode", "profile", "text sum", "gamma sum", "short", "many texts"],
)
@pytest.mark.parametrize("place", [33, -12])
def test_a_png_is_shown_whatever_stands_beside_its_pixels(tmp_path: Path, extra, place):
    exif = Image.Exif()
    exif[0x0112] = 6
    photo().save(tmp_path / "a.png", exif=exif)
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "b.png").write_bytes(content[:place] + extra + content[place:])
    seen = look(tmp_path / "b.png")
    np.testing.assert_array_equal(seen.pixels, load_image(tmp_path / "a.png"))
    assert [note.startswith("parts of the file beside the pixels") for note in seen.notes] in (
        [True],
        [],  # Pillow passes over what comes after the pixels
    )
    assert seen.notes or place == -12
    load_square(tmp_path / "b.png", 8)


def test_a_png_whose_pixels_and_text_are_damaged_is_one_nonetheless(tmp_path: Path):
    path = tmp_path / "a.png"
    photo().save(path)
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 60] ^= 255
    start = content.index(b"IDAT") - 4
    path.write_bytes(content[:start] + chunk(b"tEXt", b"k\0abc", wrong=1) + content[start:])
    with pytest.raises(DataError, match="truncated or damaged"):
        load_image(path)


def test_a_png_whose_pixels_are_damaged_is_refused_all_the_same(tmp_path: Path):
    photo().save(tmp_path / "a.png")
    content = bytearray((tmp_path / "a.png").read_bytes())
    content[60] ^= 1
    text = chunk(b"tEXt", b"k\0abc", wrong=1)
    for whole in (content, content[:33] + text + content[33:]):
        (tmp_path / "b.png").write_bytes(whole)
        with pytest.raises(DataError, match=r"b\.png: the"):
            look(tmp_path / "b.png")


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"subsampling": 0, "quality": 95}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("GIF", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("PPM", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("JPEG2000", {}),
        ("JPEG2000", {"no_jp2": True, "irreversible": True}),
    ],
)
@pytest.mark.parametrize("missing", [1, 2, 10, 100])
def test_an_image_whose_last_bytes_are_missing_is_shown(tmp_path: Path, kind, options, missing):
    y, x = np.mgrid[0:300, 0:400]
    noise = np.random.default_rng(0).integers(0, 40, (300, 400))
    pixels = np.stack([x / 2 + 20, y / 2 + 20, 60 + 0 * x], axis=2) + noise[..., None]
    Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "a", kind, **options)
    whole = np.asarray(load_image(tmp_path / "a"), int)
    content = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(content[:-missing])
    for side in (None, 30):
        seen = look(tmp_path / "a", side)
        assert seen.notes == () or ("the end of the file is missing" in seen.notes[0])
    assert seen.size == (400, 300)
    there = np.abs(np.asarray(look(tmp_path / "a").pixels, int) - whole).mean(axis=(1, 2)) < 12
    assert there.mean() > 0.94
    assert load_square(tmp_path / "a", 32).shape == (32, 32, 3)


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_an_avif_whose_last_bytes_are_missing_is_shown_or_named(tmp_path: Path):
    """Its decoder goes on from what is no picture for as long as it finds no contradiction."""
    noise = np.random.default_rng(0).integers(-20, 20, (200, 300, 1))
    pixels = np.asarray(photo(300, 200), int) + noise
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(tmp_path / "a.avif", quality=90)
    whole = np.asarray(load_image(tmp_path / "a.avif"), int)
    content = (tmp_path / "a.avif").read_bytes()
    shown = 0
    for missing in (1, 2, 3, 5, 10, 30, 100, 300, 1000):
        (tmp_path / "a.avif").write_bytes(content[:-missing])
        (bad,) = readable_images([tmp_path / "a.avif"])[1] or [None]
        if bad:
            assert f"the file has {len(content) - missing} of {len(content)} bytes" in bad[1]
            continue
        shown += 1
        seen = look(tmp_path / "a.avif")
        assert "the end of the file is missing" in seen.notes[0]
        there = np.abs(np.asarray(seen.pixels, int) - whole).mean(axis=(1, 2)) < 12
        assert there.mean() > 0.9
    assert shown > 1


@pytest.mark.parametrize("kind", ["WEBP", "JPEG2000", "AVIF"])
def test_a_file_that_says_its_length_is_named_with_what_is_missing(tmp_path: Path, kind):
    if not features.check({"JPEG2000": "jpg_2000"}.get(kind, kind.lower())):
        pytest.skip(f"this Pillow has no {kind}")
    photo().save(tmp_path / "a", kind)
    content = (tmp_path / "a").read_bytes()
    kept = len(content) * 3 // 4
    (tmp_path / "a").write_bytes(content[:kept])
    with pytest.raises(DataError, match=f"truncated: the file has {kept} of {len(content)} bytes"):
        look(tmp_path / "a")


@pytest.mark.parametrize("cut", range(0, 60, 3))
@pytest.mark.parametrize("kind", ["WEBP", "JPEG2000", "AVIF"])
def test_any_head_of_a_file_is_a_clear_error(tmp_path: Path, kind, cut):
    if not features.check({"JPEG2000": "jpg_2000"}.get(kind, kind.lower())):
        pytest.skip(f"this Pillow has no {kind}")
    photo().save(tmp_path / "a", kind)
    (tmp_path / "a").write_bytes((tmp_path / "a").read_bytes()[:cut])
    with pytest.raises(DataError):
        look(tmp_path / "a")


@pytest.mark.parametrize(
    ("progressive", "kept", "shown"),
    [
        *[(False, 0.1, False), (False, 0.5, False), (False, 0.8, False)],
        *[(True, 0.01, False), (True, 0.5, True), (True, 0.8, True)],
    ],
)
def test_half_an_image_is_none_but_a_coarse_one_is(tmp_path: Path, progressive, kept, shown):
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.jpg", progressive=progressive)
    content = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(content[: round(kept * len(content))])
    if shown:
        assert "coarser" in look(tmp_path / "a.jpg").notes[0]
    else:
        with pytest.raises(DataError, match="truncated or damaged"):
            look(tmp_path / "a.jpg")


def test_what_follows_an_image_is_none_of_it(tmp_path: Path):
    photo().save(tmp_path / "a.jpg")
    whole = load_image(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes() + bytes(99))
    assert look(tmp_path / "a.jpg").notes == ()
    np.testing.assert_array_equal(load_image(tmp_path / "a.jpg"), whole)


@pytest.mark.slow
def test_a_phone_of_many_megapixels_is_decoded_scaled_down(tmp_path: Path):
    Image.new("RGB", (12_000, 9_000), (200, 30, 30)).save(tmp_path / "a.jpg")
    seen = look(tmp_path / "a.jpg", 1600)
    assert (seen.size, seen.pixels.size) == ((12_000, 9_000), (3000, 2250))
    assert load_square(tmp_path / "a.jpg", 32)[0, 0].tolist() == pytest.approx([200, 30, 30], abs=3)
    with pytest.raises(DataError, match="more than 64 megapixels"):
        look(tmp_path / "a.jpg")


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_avif_is_decoded_where_pillow_has_it(tmp_path: Path):
    photo().save(tmp_path / "a.avif")
    seen = look(tmp_path / "a.avif")
    assert (seen.kind, close(seen.pixels, photo())) == ("AVIF", True)
    assert ".avif" in EXTENSIONS["AVIF"]


def test_all_bad_files_are_told_at_once_and_the_good_ones_are_rows(tmp_path: Path):
    paths = [tmp_path / f"{i:02}.png" for i in range(70)]
    for path in paths:
        photo().save(path)
    paths[3].write_bytes(b"")
    paths[40].unlink()
    paths[69].write_text("<html>")
    steps: list[tuple[int, int]] = []
    good, bad = readable_images(paths, 2, lambda *step: steps.append(step))
    assert good.tolist() == [i for i in range(70) if i not in (3, 40, 69)]
    assert [path for path, _ in bad] == [paths[3], paths[40], paths[69]]
    assert [reason.split(",")[0] for _, reason in bad] == [
        "the image file is empty (zero bytes)",
        "the image file does not exist",
        "the file holds HTML or XML",
    ]
    assert steps[-1] == (70, 70)
    assert readable_images([])[0].tolist() == []


def test_each_keeps_the_order(tmp_path: Path):
    paths = [tmp_path / str(i) for i in range(100)]
    assert each(lambda path: path.name, paths, 4) == [str(i) for i in range(100)]
