"""What other models predict, as a file for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np


def write_npz(table: Any, images: Sequence[str], names: Sequence[str], path: Path) -> None:
    """Probabilities (N, L) of images and labels, packed, as numpy writes them."""
    with path.open("wb") as file:
        np.savez_compressed(file, probabilities=table, images=np.array(images), names=names)
