"""A data set: a table of entries, and of each image pixels or features and what others predict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alasl.data.evidence import Predictions
from alasl.data.images import readable_images
from alasl.errors import DataError
from alasl.files import let_go
from alasl.labels import Labels

# Numbers that are looked at at a time.
_BLOCK = 2**22


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images with their labels; at least one of `paths` and `features` is there.

    labels: the table of entries, N images x L labels.
    paths: N image files, in the table's order, or None.
    features: (N, D) floats that the data set brought itself, or None.
    name: what figures and reports call it.
    predictions: what other models say of the entries; apart from what is known of them.
    groups: (N,), equal for images that are the same or nearly so; None where nobody has looked.
    """

    labels: Labels
    paths: tuple[Path, ...] | None = None
    features: NDArray[np.floating] | None = None
    name: str = "data"
    predictions: tuple[Predictions, ...] = ()
    groups: NDArray[np.intp] | None = None

    def __post_init__(self) -> None:
        if self.paths is not None and len(self.paths) != len(self):
            raise DataError(
                "there must be one file for each image of the table",
                seen=f"{len(self.paths)} files, {len(self)} images",
            )
        if self.features is not None:
            check_features(self.features, len(self))
        for source in self.predictions:
            source.check_shape(self.labels.shape)

    def __repr__(self) -> str:
        seen = ["files"] if self.paths is not None else []
        if self.features is not None:
            seen.append(f"features of {self.features.shape[1]}")
        return f"<Dataset {self.name!r}: {self.labels.counts}; {', '.join(seen)}>"

    def __len__(self) -> int:
        return len(self.labels.images)

    def take(self, rows: ArrayLike) -> Dataset:
        """The data set of some images, in the order of `rows` (n,)."""
        rows = np.asarray(rows, dtype=np.intp)
        return replace(
            self,
            labels=self.labels.take(rows),
            paths=None if self.paths is None else tuple(self.paths[i] for i in rows),
            features=None if self.features is None else self.features[rows],
            predictions=tuple(source.take(rows) for source in self.predictions),
            groups=None if self.groups is None else self.groups[rows],
        )

    def readable(
        self, on_progress: Callable[[int, int], None] | None = None
    ) -> tuple[Dataset, list[tuple[Path, str]]]:
        """The images whose files can be decoded, and the other files, each with its reason.

        on_progress: called with (files done, files in all). Raises a `DataError` where no image is
        left.
        """
        if self.paths is None:
            return self, []
        good, bad = readable_images(self.paths, on_progress=on_progress)
        if not len(good):
            raise DataError(
                f"none of the {len(self)} image files can be used",
                more=[f"{path}: {reason}" for path, reason in bad],
            )
        return (self.take(good) if bad else self), bad


def check_features(features: NDArray[np.generic], images: int, where: str | None = None) -> None:
    """Raise a `DataError` unless `features` is a finite float array (images, D)."""
    if features.ndim != 2 or features.shape[0] != images or features.shape[1] == 0:
        raise DataError(
            "features must be one row for each image of the table, in its order",
            where=where,
            seen=f"shape {features.shape} for {images} images",
        )
    if not np.issubdtype(features.dtype, np.floating):
        raise DataError("features must be floats", where=where, seen=str(features.dtype))
    bad = np.empty(images, np.bool_)
    step = max(1, _BLOCK // features.shape[1])
    for start in range(0, images, step):
        block = slice(start, start + step)
        bad[block] = ~np.isfinite(features[block]).all(axis=1)
        let_go(features)
    if bad.any():
        raise DataError(
            f"the features of {int(bad.sum())} of {images} images are not finite",
            where=where,
            seen=f"first in row {int(np.flatnonzero(bad)[0])}",
        )
