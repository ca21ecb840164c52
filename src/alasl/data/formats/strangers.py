"""Files that are often given for a table and are none: what they are, and what to do."""

from __future__ import annotations

import zipfile
from pathlib import Path

_SHEET = "save the sheet as CSV UTF-8 and name that file"
_UNPACK = "unpack it and name the folder or the table in it"
_CSV = "write it as CSV, with pandas: to_csv(index=False)"

# What a file begins with, what it is, and what to do.
_BEGIN = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook of the old kind", _SHEET),
    (b"PAR1", "a Parquet file", _CSV),
    (b"ARROW1", "an Arrow file", _CSV),
    (b"\x89HDF", "an HDF5 file", _CSV),
    (b"SQLite format 3\0", "an SQLite database", _CSV),
    (b"\x93NUMPY", "a single NumPy array", "a table is an .npz with labels, names and images"),
    (b"\x80", "a pickle, which could run programs and is not read", _CSV),
    (b"\x1f\x8b", "compressed by gzip", "unpack it first"),
    (b"BZh", "compressed by bzip2", "unpack it first"),
    (b"\xfd7zXZ", "compressed by xz", "unpack it first"),
    (b"Rar!", "a RAR archive", _UNPACK),
    (b"7z\xbc\xaf", "a 7z archive", _UNPACK),
    (b"%PDF", "a PDF document", "name the table itself"),
    (b"version https://git-lfs", "a pointer of git-lfs", "fetch the file itself: git lfs pull"),
    (b"<!DOCTYPE html", "a web page", "download the file itself"),
    (b"<html", "a web page", "download the file itself"),
)
# The files of a folder of ALASL's, what it is, and what to do.
_OURS = (
    (("project.toml", "store.sqlite"), "a project", "write its table first: alasl export"),
    (("config.toml", "journal.jsonl"), "a run", "name the data that it was made of"),
    (("study.toml", "results.csv"), "a study", "name the data that it was made of"),
)
ZIP = b"PK\x03\x04"


def stranger(path: Path, head: bytes) -> tuple[str, str] | None:
    """What a file is that is no table, by its first bytes, and what to do; None if not known."""
    if head.startswith(ZIP):
        return _zip(path)
    if not head.removeprefix(b"\xef\xbb\xbf").strip():
        return "an empty file", "write the table again"
    return next(((what, do) for start, what, do in _BEGIN if head.startswith(start)), None)


def strange_folder(path: Path) -> tuple[str, str] | None:
    """What a folder is that ALASL made and that is no data set, and what to do; None for others."""
    for names, what, do in _OURS:
        if all((path / name).is_file() for name in names):
            return what, do
    return None


def is_npz(path: Path) -> bool:
    """Whether a zip archive holds arrays and nothing else."""
    names = _members(path)
    return names != [] and all(name.endswith(".npy") for name in names)


def _zip(path: Path) -> tuple[str, str] | None:
    names = _members(path)
    if any(name.startswith("xl/") for name in names):
        return "an Excel workbook", _SHEET
    if "mimetype" in names or "content.xml" in names:
        return "an OpenDocument file", _SHEET
    if any(name.startswith("Index/") for name in names):
        return "a Numbers document", _SHEET
    if names and not is_npz(path):
        return "a zip archive", _UNPACK
    return None


def _members(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (OSError, ValueError, RuntimeError, zipfile.BadZipFile):
        return []
