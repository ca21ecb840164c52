"""Arrays that a project keeps, each a .npy file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alasl.errors import DataError
from alasl.files import replacing

AGAIN = "remove the folder model/: it is made again"
RESTORE = "bring the file back from a backup: alasl restore"


def load_array(path: Path, do: str = AGAIN) -> NDArray[Any]:
    """The array of a file, mapped into memory; `DataError` for a damaged one, with what to do."""
    try:
        # Never pickle: a project from elsewhere must run no code.
        found: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise DataError("the file is damaged", where=str(path), seen=str(error), do=do) from error
    return found


def load_entries(path: Path, rows: NDArray[np.intp], cols: NDArray[np.intp]) -> NDArray[Any]:
    """Entries (n,) of an array (N, L) in a file, at rows and columns; `DataError` as above.

    Read one by one: of a mapped file, the kernel brings many times as much into memory.
    """
    whole = load_array(path)
    found = np.empty(len(rows), whole.dtype)
    first, size = whole.offset, whole.dtype.itemsize  # type: ignore[attr-defined]  # it is mapped
    with path.open("rb", buffering=0) as file:
        for place, at in enumerate(np.ravel_multi_index((rows, cols), whole.shape).tolist()):
            file.seek(first + at * size)
            found[place] = np.frombuffer(file.read(size), whole.dtype)[0]
    return found


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write an array whole or not at all."""
    with replacing(path) as beside, beside.open("wb") as file:
        np.save(file, array)


def save_rows(path: Path, shape: tuple[int, int], parts: Iterable[NDArray[np.float32]]) -> None:
    """Write an array of float32 whole or not at all, whose rows come in parts."""
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    with replacing(path) as beside, beside.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for part in parts:
            file.write(np.ascontiguousarray(part, "<f4").data)
