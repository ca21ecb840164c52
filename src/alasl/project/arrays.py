"""Arrays that a project keeps, each a .npy file."""

from __future__ import annotations

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


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write an array whole or not at all."""
    with replacing(path) as beside, beside.open("wb") as file:
        np.save(file, array)
