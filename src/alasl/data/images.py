"""Image files to pixels: every kind a folder may hold, and one clear error for every broken one.

Memory: at most 16 bytes a pixel, so 1 GB for the largest image, of which a process decodes one at
a time; a JPEG is scaled down as it is decoded.
"""

from __future__ import annotations

import importlib.util
import io
import re
import threading
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from alasl.data import mending, tars
from alasl.errors import DataError
from alasl.files import refuse_special

Result = TypeVar("Result")

# What is decoded; a JPEG, which may be decoded at 1/8, may have as many as Pillow opens.
MAX_PIXELS = 64_000_000
# Of images larger than this, one is decoded at a time.
_LARGE = 16_000_000
_one_large = threading.Lock()

# An explicit list: Pillow also opens formats that run outside programs (EPS) or are rarely meant.
# The keys are Pillow's names, tried in this order; the extensions are those that fit each.
EXTENSIONS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "JPEG2000": (".jp2", ".j2k", ".jpx"),
    "AVIF": (".avif",),
}
# Pillow has AVIF since 11.3.
_DECODED = tuple(
    kind
    for kind in EXTENSIONS
    if kind != "AVIF" or importlib.util.find_spec("PIL.AvifImagePlugin") is not None
)
# Every extension, in small letters.
KNOWN = frozenset(extension for group in EXTENSIONS.values() for extension in group)

# Files that a thread takes at once, and rows that are scaled at once.
_CHUNK, _ROWS = 32, 256
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow warns from 89 megapixels on, and has an error from twice that on.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def images_in(tar: Path) -> list[Path]:
    """The image files in a tar. Raises as `tars.members` does."""
    return [path for path in tars.members(tar) if path.suffix.lower() in KNOWN]


def images_below(folder: Path) -> list[Path]:
    """The image files below a folder, sorted by name; hidden ones, and others, are left out.

    Where there is none, those in the tars below it, or in the tar that it is itself.
    Raises `DataError` where there is none either.
    """

    def files(endings: Collection[str]) -> Iterator[Path]:
        for path in folder.rglob("*"):
            if (
                path.suffix.lower() in endings
                and path.is_file()
                and not any(part.startswith(".") for part in path.relative_to(folder).parts)
            ):
                yield path

    found = sorted(files(KNOWN))
    if not found:
        packed = [folder] if tars.is_tar(folder) else files((".tar",))
        found = sorted(path for tar in packed for path in images_in(tar))
    if not found:
        raise DataError(
            "there are no images here",
            where=str(folder),
            do=f"their names end in one of {', '.join(sorted(KNOWN))}",
        )
    return found


@dataclass(frozen=True)
class Look:
    """An image and what is worth knowing of its file.

    pixels: RGB and upright. kind: Pillow's name of the file's kind. size: width and height of the
    image in the file. notes: what of it is not as it was.
    """

    pixels: Image.Image
    kind: str
    size: tuple[int, int]
    animated: bool
    notes: tuple[str, ...]


def look(path: str | Path, side: int | None = None) -> Look:
    """The image as a person sees it: RGB, upright, the first frame, transparent parts white.

    side: pixels that are enough on either side; a large JPEG is then decoded at 1/2, 1/4 or 1/8 of
    its size, but never below. Raises a `DataError` with path and reason for whatever cannot be
    decoded, except a little at its end.
    """

    def see(image: Image.Image) -> tuple[Image.Image, str, bool]:
        kind = "JPEG" if image.format == "MPO" else image.format or ""
        # Pages of a TIFF, and pictures beside that of a JPEG, are no film.
        film = kind not in ("TIFF", "JPEG") and getattr(image, "is_animated", False)
        return _upright(_as_rgb(image), image), kind, film

    (pixels, kind, film), size, notes = _decode(Path(path), side, see)
    return Look(pixels, kind, size, film, notes)


def load_image(path: str | Path, side: int | None = None) -> Image.Image:
    """The pixels of `look`."""
    return look(path, side).pixels


def load_within(path: str | Path, side: int) -> Image.Image:
    """The same image, scaled down so that no side is longer; never enlarged. Errors as of `look`.

    Large images are decoded and scaled one at a time, so the memory is that of one.
    """

    def scale(image: Image.Image) -> Image.Image:
        # Before it becomes RGB, where that needs a second copy of all its pixels.
        early = image.mode in ("RGB", "RGBA", "L")
        if early:
            image.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=2.0)
        small = _as_rgb(image)
        if not early:
            small.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=2.0)
        return _upright(small, image)

    return _decode(Path(path), side, scale)[0]


def load_square(path: str | Path, size: int) -> NDArray[np.uint8]:
    """The same image squished to a square, uint8 (size, size, 3), read-only; bicubic.

    A large JPEG is decoded at 1/2, 1/4 or 1/8 of its size, never below `size` on either side.
    Raises a `DataError` as `look` does.
    """

    def squish(image: Image.Image) -> NDArray[np.uint8]:
        square = _as_rgb(image)
        if square.size != (size, size):
            square = square.resize((size, size), Image.Resampling.BICUBIC)
        # A square may be turned after it was squished, which is cheaper.
        return np.asarray(_upright(square, image))

    return _decode(Path(path), size, squish)[0]


def readable_images(
    paths: Sequence[Path],
    workers: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[NDArray[np.intp], list[tuple[Path, str]]]:
    """(n,) the rows of the image files that can be decoded, and the others with their reasons.

    Each file is decoded once, a JPEG at 1/8. on_progress: called with (files done, files in all).
    """

    def reason(path: Path) -> str | None:
        try:
            load_square(path, 8)
        except DataError as error:
            return error.what + (f"; seen: {error.seen}" if error.seen else "")
        return None

    reasons = each(reason, paths, workers, on_progress)
    good = np.flatnonzero([found is None for found in reasons])
    bad = [(path, found) for path, found in zip(paths, reasons, strict=True) if found is not None]
    return good, bad


def each(
    function: Callable[[Path], Result],
    paths: Sequence[Path],
    workers: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Result]:
    """What a function makes of each file, in order, by threads; on_progress(done, of)."""
    chunks = [paths[start : start + _CHUNK] for start in range(0, len(paths), _CHUNK)]
    results: list[Result] = []
    with ThreadPoolExecutor(workers) as pool:
        for done in pool.map(lambda chunk: [function(path) for path in chunk], chunks):
            results.extend(done)
            if on_progress:
                on_progress(len(results), len(paths))
    return results


def _decode(
    path: Path, side: int | None, use: Callable[[Image.Image], Result]
) -> tuple[Result, tuple[int, int], tuple[str, ...]]:
    """What `use` makes of the decoded image, the size in the file, and what was mended."""
    try:
        return _decode_file(path, None, side, use)
    except DataError as error:
        if not tars.is_file(path):
            raise
        mended = mending.mended(tars.content(path))
        if mended is None:
            raise
        content, note = mended
        try:
            result, size, notes = _decode_file(path, content, side, use)
        except DataError:
            raise error from None
        return result, size, (note, *notes)


def _decode_file(
    path: Path, content: bytes | None, side: int | None, use: Callable[[Image.Image], Result]
) -> tuple[Result, tuple[int, int], tuple[str, ...]]:
    with _open(path, content) as image:
        size = image.size
        if side is not None:
            image.draft("RGB", (side, side))
        pixels = image.width * image.height
        if pixels > MAX_PIXELS:
            raise _too_large(path, f"{size[0]} x {size[1]}")
        with _one_large if pixels > _LARGE else nullcontext():
            try:
                image.load()
                return use(image), size, ()
            except OSError as error:
                if "truncated" not in str(error):
                    raise
                whole = mending.nearly_whole(image, size[1])
                cut = mending.ended(tars.content(path)) if content is None else None
                if cut is None:
                    if not whole:
                        raise
                    return use(image), size, (mending.CUT,)
                content, scans = cut
                if not whole and scans < 2:
                    raise
    result, size, _ = _decode_file(path, content, side, use)
    return result, size, (mending.CUT if whole and scans < 2 else mending.COARSE,)


@contextmanager
def _open(path: Path, content: bytes | None) -> Iterator[Image.Image]:
    """An image whose pixels are not decoded yet, of a file or what was made of it.

    Any failure to decode inside the `with` block is raised as a `DataError` too.
    """
    try:
        refuse_special(on_disk := tars.holder(path))
        if content is None and on_disk != path:
            content = tars.content(path)
        source = path if content is None else io.BytesIO(content)
        with Image.open(source, formats=_DECODED) as image:
            yield image
    except DataError as error:
        if error.where is not None:
            raise
        raise DataError(error.what, where=str(path), seen=error.seen, do=error.do) from error
    except MemoryError:
        raise
    # Pillow's decoders raise nearly every kind of exception on a broken file.
    except Exception as error:
        raise _fault(path, error) from error


def _too_large(path: Path, seen: str | None = None) -> DataError:
    return DataError(
        f"the image has more than {MAX_PIXELS // 10**6} megapixels, or as a JPEG more than 178",
        where=str(path),
        seen=seen,
        do="scale it down first",
    )


def _fault(path: Path, error: Exception) -> DataError:
    if isinstance(error, Image.DecompressionBombError):
        return _too_large(path, re.sub(r"^Image size \((\d+) .*", r"\1 pixels", str(error)))
    return DataError(_reason(path, error), where=str(path))


def _reason(path: Path, error: Exception) -> str:
    """Why a file is not an image, in words that say what to look for."""
    if isinstance(error, FileNotFoundError):
        return "the image file does not exist"
    try:
        with tars.opened(path) as file:
            head = file.read(512)
    except (OSError, ValueError) as unreadable:
        return f"the image file cannot be read ({_words(unreadable)})"
    if not head:
        return "the image file is empty (zero bytes)"
    length, there = mending.full_length(tars.content(path)), tars.size(path)
    if length is not None and there < length:
        return f"the image is truncated: the file has {there} of {length} bytes"
    if isinstance(error, UnidentifiedImageError) and not head.startswith(mending.PNG):
        if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            return "the file holds HTML or XML, not an image"
        if head.startswith(b"version https://git-lfs"):
            return "the file is a pointer of git-lfs, not the image: git lfs pull"
        if head[4:8] == b"ftyp":
            kind = head[8:12].decode("ascii", errors="replace")
            return f"this Pillow cannot decode the file's kind, {kind!r}; convert it to JPEG"
        return "the file is no image of a known kind (" + ", ".join(_DECODED) + ")"
    return f"the image is truncated or damaged ({_words(error)})"


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).strip() or type(error).__name__


def _as_rgb(image: Image.Image) -> Image.Image:
    """The decoded image as RGB; 16-bit grey is scaled, not clipped."""
    image.load()
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I"):
        return Image.fromarray(_eight_bits(image)).convert("RGB")
    if image.mode == "F":
        raise DataError("the image has floats for pixels, of no known range")
    if image.has_transparency_data:
        seen = image if image.mode == "RGBA" else image.convert("RGBA")
        white = Image.new("RGB", seen.size, "white")
        white.paste(seen, mask=seen)
        return white
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> NDArray[np.uint8]:
    """Grey of 16 bits a pixel as 8 bits, scaled."""
    grey = np.asarray(image)
    scaled = np.empty(grey.shape, np.uint8)
    for rows in range(0, len(grey), _ROWS):
        block = grey[rows : rows + _ROWS].astype(np.float32)
        if block.min() < 0 or block.max() > 65535:
            raise DataError("the image has more than 16 bits a pixel")
        scaled[rows : rows + _ROWS] = np.rint(block / 257)
    return scaled


def _upright(pixels: Image.Image, image: Image.Image) -> Image.Image:
    """`pixels` turned as the EXIF orientation of the decoded `image` says."""
    try:
        turn = _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # as viewers do: an unreadable EXIF block says nothing about the pixels
        turn = None
    return pixels if turn is None else pixels.transpose(turn)
