"""NumPy npz: `labels` int8 (N, L), `names`, `images`, and `features` (N, D) where there are any."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alasl.data.formats.base import Features, Format, Options, Table
from alasl.data.formats.strangers import ZIP, is_npz
from alasl.errors import DataError
from alasl.labels import ABSENT, PRESENT, UNKNOWN, Labels


def _holds(path: Path, head: bytes) -> bool:
    return path.suffix.lower() == ".npz" or (head.startswith(ZIP) and is_npz(path))


def _read(path: Path, options: Options) -> Table:  # noqa: ARG001
    try:
        # Never pickle: a file from elsewhere must not run code.
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
    except OSError as error:
        raise DataError("the file cannot be read", where=str(path), seen=str(error)) from error
    # A damaged zip may claim a password, a later version, or nearly anything else.
    except (ValueError, TypeError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError("this is not a plain npz file", where=str(path), seen=str(error)) from error
    missing = [key for key in ("labels", "names", "images") if key not in arrays]
    if missing:
        raise DataError(
            f"the npz lacks {', '.join(missing)}",
            where=str(path),
            seen=", ".join(arrays) or "nothing",
        )
    entries = arrays["labels"]
    if entries.ndim != 2 or entries.dtype.kind not in "iub":
        raise DataError(
            "'labels' must be integers (N, L)",
            where=str(path),
            seen=f"{entries.dtype} {entries.shape}",
        )
    if not np.isin(entries, (PRESENT, ABSENT, UNKNOWN)).all():
        raise DataError(
            "'labels' must be 1 (present), 0 (absent) or -1 (unknown)",
            where=str(path),
            seen=f"values from {entries.min()} to {entries.max()}",
        )
    origin: dict[str, Any] = {}
    if "sources" in arrays and "source" in arrays:
        sources, source = _texts(path, "sources", arrays["sources"]), arrays["source"]
        if source.shape != entries.shape or not ((source >= 0) & (source < len(sources))).all():
            raise DataError("'source' does not fit 'labels' and 'sources'", where=str(path))
        origin = {"sources": sources, "source": source.astype(np.uint8)}
    labels = Labels(
        entries.astype(np.int8),
        _texts(path, "names", arrays["names"]),
        _texts(path, "images", arrays["images"]),
        **origin,
    )
    return Table(labels, arrays.get("features"))


def _texts(path: Path, key: str, array: NDArray[Any]) -> tuple[str, ...]:
    if array.ndim != 1 or array.dtype.kind not in "US":
        raise DataError(
            f"{key!r} must be a list of texts",
            where=str(path),
            seen=f"{array.dtype} {array.shape}",
        )
    try:
        return tuple(
            np.char.decode(array, "utf-8").tolist() if array.dtype.kind == "S" else array.tolist()
        )
    except UnicodeDecodeError as error:
        raise DataError(f"{key!r} is not UTF-8", where=str(path), seen=str(error)) from error


def _write(labels: Labels, path: Path, features: Features | None) -> None:
    arrays: dict[str, Any] = {"labels": labels.entries}
    for key, texts in (("names", labels.names), ("images", labels.images)):
        if any(text.endswith("\0") for text in texts):
            raise DataError("npz cannot carry a name that ends in a NUL", seen=key)
        arrays[key] = np.array(texts, dtype=np.str_)
    if len(labels.sources) > 1:
        arrays["sources"] = np.array(labels.sources, dtype=np.str_)
        arrays["source"] = labels.source
    if features is not None:
        arrays["features"] = features
    with path.open("wb") as file:
        np.savez(file, **arrays)


FORMAT = Format(
    "npz",
    "NumPy npz: labels int8 (1, 0, -1), names, images, and features if there are any",
    _holds,
    _read,
    _write,
    carries_features=True,
)
