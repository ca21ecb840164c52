"""Image files to pixels: every kind a folder may hold, and one clear error for every broken one."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from alasl.errors import AlaslError, DataError

MAX_PIXELS = 50_000_000

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
}
# Every extension, in small letters.
KNOWN = frozenset(extension for group in EXTENSIONS.values() for extension in group)

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

# Pillow only warns from 89 megapixels on; ours is an error from 50 on.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def load_image(path: str | Path, side: int | None = None) -> Image.Image:
    """The image as a person sees it: RGB, upright, the first frame, transparent parts white.

    side: pixels that are enough on either side; a large JPEG is then decoded at 1/2, 1/4 or 1/8 of
    its size, but never below. Raises a `DataError` with path and reason for whatever cannot be
    decoded whole.
    """
    with open_image(path) as image:
        if side is not None:
            image.draft("RGB", (side, side))
        return _upright(_as_rgb(image), image)


def load_square(path: str | Path, size: int) -> NDArray[np.uint8]:
    """The same image squished to a square, uint8 (size, size, 3), read-only; bicubic.

    A large JPEG is decoded at 1/2, 1/4 or 1/8 of its size, never below `size` on either side.
    Raises a `DataError` with path and reason for whatever cannot be decoded whole.
    """
    with open_image(path) as image:
        image.draft("RGB", (size, size))
        square = _as_rgb(image)
        if square.size != (size, size):
            square = square.resize((size, size), Image.Resampling.BICUBIC)
        # A square may be turned after it was squished, which is cheaper.
        return np.asarray(_upright(square, image))


@contextmanager
def open_image(path: str | Path) -> Iterator[Image.Image]:
    """An image whose header was checked and whose pixels are not decoded yet.

    Any failure to decode inside the `with` block is raised as a `DataError` too.
    """
    path = Path(path)
    try:
        with Image.open(path, formats=tuple(EXTENSIONS)) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise DataError(
                    f"the image has more than {MAX_PIXELS // 10**6} megapixels",
                    where=str(path),
                    seen=f"{width} x {height}",
                    do="scale it down first",
                )
            yield image
    except (AlaslError, MemoryError):
        raise
    # Pillow's decoders raise nearly every kind of exception on a broken file.
    except Exception as error:
        raise DataError(_reason(path, error), where=str(path)) from error


def _reason(path: Path, error: Exception) -> str:
    """Why a file is not an image, in words that say what to look for."""
    if isinstance(error, FileNotFoundError):
        return "the image file does not exist"
    if isinstance(error, Image.DecompressionBombError):
        return f"the image has more than {MAX_PIXELS // 10**6} megapixels"
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except (OSError, ValueError) as unreadable:
        return f"the image file cannot be read ({_words(unreadable)})"
    if not head:
        return "the image file is empty (zero bytes)"
    if isinstance(error, UnidentifiedImageError):
        if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            return "the file holds HTML or XML, not an image"
        return "the file is no image of a known kind (" + ", ".join(EXTENSIONS) + ")"
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
        grey = np.asarray(image).astype(np.float32)
        if grey.min() < 0 or grey.max() > 65535:
            raise DataError("the image has more than 16 bits a pixel", where=_name(image))
        return Image.fromarray(np.rint(grey / 257).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise DataError("the image has floats for pixels, of no known range", where=_name(image))
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _upright(pixels: Image.Image, image: Image.Image) -> Image.Image:
    """`pixels` turned as the EXIF orientation of the decoded `image` says."""
    try:
        turn = _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # as viewers do: an unreadable EXIF block says nothing about the pixels
        turn = None
    return pixels if turn is None else pixels.transpose(turn)


def _name(image: Image.Image) -> str:
    return str(getattr(image, "filename", "image"))
