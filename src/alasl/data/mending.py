"""Image files that viewers show although a part of them is damaged or missing."""

from __future__ import annotations

import math
import re
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

PNG = b"\x89PNG\r\n\x1a\n"
# What pixels are made of, and which way is up; anything else may be broken or too large.
_NEEDED = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"eXIf")
_JPEG, _END = b"\xff\xd8", b"\xff\xd9"
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
# The share of the rows that may be missing, and the rows that a decoder of JPEG holds back.
_MISSING, _HELD = 0.1, 16
_TILE, _CODE_END = b"\xff\x90", b"\xff\xd9"

EXTRAS = "parts of the file beside the pixels are damaged or too large, and passed over"
CUT = "the end of the file is missing, so the last rows are not as they were"
COARSE = "the end of the file is missing, so the image is coarser than it was"


def without_extras(content: bytes) -> bytes | None:
    """A PNG without its texts, colour profiles and the like; None where it is none.

    Decoders refuse the whole file for one of them that is large or has a wrong checksum.
    """
    if not content.startswith(PNG):
        return None
    parts, at = [PNG], len(PNG)
    while at + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        chunk = content[at : at + length + 12]
        if kind in _NEEDED and (kind[:1].isupper() or _sound(chunk)):
            parts.append(chunk)
        at += length + 12
    return b"".join(parts)


def mended(content: bytes) -> tuple[bytes, str] | None:
    """A whole file in the place of a damaged one, and what of it is not as it was; None without.

    A PNG goes without its extras. A WebP, AVIF or JPEG 2000 of which a tenth is missing at most is
    filled up with zeros, from which decoders make the last rows, or finer detail, as they can.
    """
    bare = without_extras(content)
    if bare is not None:
        return None if len(bare) == len(content) else (bare, EXTRAS)
    length = full_length(content)
    missing = (length or 0) - len(content)
    if length is None or not 0 < missing <= _MISSING * length:
        return None
    filled = content + bytes(missing)
    if _code(content) is None:
        return filled, CUT
    return filled[: -len(_CODE_END)] + _CODE_END, COARSE


def full_length(content: bytes) -> int | None:
    """The bytes that a WebP, AVIF or JPEG 2000 says it has; None where it says nothing."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return 8 + int.from_bytes(content[4:8], "little")
    start = _code(content)
    if start is not None:
        return _code_length(content, start)
    if content[4:8] != b"ftyp":
        return None
    *_, (_, _, end) = _boxes(content)
    return end


def _boxes(content: bytes) -> Iterator[tuple[bytes, int, int | None]]:
    """(kind, where its content begins, where it ends) of each box; None for an unknown end."""
    at: int | None = 0
    while at is not None and at + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        head = 8
        if size == 1 and at + 16 <= len(content):
            head, size = 16, int.from_bytes(content[at + 8 : at + 16], "big")
        end = at + size if size >= head else None
        yield kind, at + head, end
        at = end


def _code(content: bytes) -> int | None:
    """Where the code of a JPEG 2000 begins; None for a file that is none."""
    if content.startswith(b"\xff\x4f\xff\x51"):
        return 0
    if content[4:8] != b"jP  ":
        return None
    return next((start for kind, start, _ in _boxes(content) if kind == b"jp2c"), None)


def _code_length(content: bytes, start: int) -> int | None:
    """Where the code of a JPEG 2000 ends, by the lengths of its parts."""
    at = content.find(_TILE, start)
    while 0 <= at <= len(content) - 10 and content.startswith(_TILE, at):
        length = int.from_bytes(content[at + 6 : at + 10], "big")
        if not length:
            return None
        at += length
    return at + len(_CODE_END) if at >= 0 else None


def ended(content: bytes) -> tuple[bytes, int] | None:
    """A JPEG whose end is missing with one put to it, and how often the image is scanned.

    Each scan of a progressive JPEG makes the whole image finer; others have one. None for a file
    that is no JPEG or has its end.
    """
    if not content.startswith(_JPEG):
        return None
    at, scans = len(_JPEG), 0
    while found := _MARKER.search(content, at):
        kind, at = found[0], found.end()
        if kind == _END:
            return None
        scans += kind == b"\xff\xda"
        if at + 2 <= len(content):
            at += struct.unpack_from(">H", content, at)[0]
    return content + _END, scans


def nearly_whole(image: Image.Image, height: int) -> bool:
    """Whether all but a few rows of an image were decoded when its file ended.

    height: rows of the image before it was scaled down. Rows that were not decoded are zero, so of
    an image with black rows more may count as missing than is.
    """
    image.tile = []  # type: ignore[attr-defined]  # there is nothing more to decode
    rows = np.asarray(image).reshape(image.height, -1).any(axis=1)
    held = math.ceil(_HELD * image.height / height)
    return bool((~rows).sum() <= max(held, _MISSING * image.height))


def _sound(chunk: bytes) -> bool:
    return len(chunk) >= 12 and zlib.crc32(chunk[4:-4]) == struct.unpack(">I", chunk[-4:])[0]
