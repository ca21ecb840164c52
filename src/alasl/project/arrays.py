"""Arrays that a project keeps, each a .npy file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alasl.errors import DataError
from alasl.files import let_go, replacing

# Bytes that are written at a time.
_BLOCK = 2**24

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


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write an array whole or not at all; some rows at a time, as it may be a large file's."""
    descr = np.lib.format.dtype_to_descr(array.dtype)
    header = {"descr": descr, "fortran_order": False, "shape": array.shape}
    step = max(1, _BLOCK // max(1, array[:1].nbytes))
    with replacing(path) as beside, beside.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, len(array), step):
            file.write(np.ascontiguousarray(array[start : start + step]).data)
            let_go(array)
