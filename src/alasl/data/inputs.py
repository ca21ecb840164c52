"""What a model sees of images: a row of features for each, or a file for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alasl.data.evidence import Evidence
from alasl.errors import DataError

Rows = NDArray[np.intp]


class ByRow(Protocol):
    """An array, or what becomes one when it is indexed."""

    def __getitem__(self, rows: Rows, /) -> NDArray[np.floating]: ...


@dataclass(frozen=True, eq=False)
class Inputs:
    """N images as a model sees them; `take` gives a view of some of them and copies nothing.

    features: (M, D) floats of all images, or None. paths: M image files, or None.
    around: what neighbours look like, (n, D) of n of the M images when indexed by them, or None.
    evidence: (S, M, L), what S other models say of each entry, or None.
    rows: (N,), which of the M images these are; None for all.

    >>> import numpy as np
    >>> inputs = Inputs(features=np.eye(3, dtype=np.float32))
    >>> inputs.take([2, 0]).array()
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """

    features: NDArray[np.floating] | None = None
    paths: tuple[Path, ...] | None = None
    evidence: Evidence | None = None
    rows: Rows | None = None
    around: ByRow | None = None

    def __post_init__(self) -> None:
        if self.features is None and self.paths is None:
            raise DataError("a model needs features or image files to see")

    def __len__(self) -> int:
        return self.whole if self.rows is None else len(self.rows)

    def __repr__(self) -> str:
        seen = "files" if self.features is None else f"features of {self.features.shape[1]}"
        return f"<Inputs: {len(self)} images, {seen}>"

    @property
    def whole(self) -> int:
        """M: the images that this is a view of."""
        return len(self.features) if self.features is not None else len(self.paths or ())

    @property
    def places(self) -> Rows:
        """(N,): the rows of all images that these are."""
        return np.arange(self.whole) if self.rows is None else self.rows

    def take(self, rows: ArrayLike) -> Inputs:
        """Some of these images, in the order of `rows` (n,)."""
        chosen = np.ascontiguousarray(rows, np.intp)
        return replace(self, rows=chosen if self.rows is None else self.rows[chosen])

    def array(self) -> NDArray[np.float32]:
        """(N, D): the features. Raises `DataError` where there are files only."""
        if self.features is None:
            raise DataError("this model needs features, and there are image files only")
        chosen = self.features[slice(None) if self.rows is None else self.rows]
        return np.asarray(chosen, np.float32)

    def surroundings(self) -> NDArray[np.float32]:
        """(N, D): what their neighbours look like. Raises `DataError` where there are none."""
        if self.around is None:
            raise DataError("this model looks at the neighbours of images, and there are none")
        return np.asarray(self.around[self.places], np.float32)

    def files(self) -> Sequence[Path]:
        """N image files. Raises `DataError` where there are features only."""
        if self.paths is None:
            raise DataError(
                "there are no images to train on, only features",
                do="take a model that learns from features: --model logistic",
            )
        return self.paths if self.rows is None else [self.paths[row] for row in self.rows]

    def others(self) -> Evidence | None:
        """(S, N, L): the evidence of other models on these images, or None."""
        if self.evidence is None or self.rows is None:
            return self.evidence
        return self.evidence.take(self.rows)
