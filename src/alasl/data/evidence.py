"""What other models say of a data set's entries: evidence to learn from, never an entry."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logit

from alasl.errors import DataError, UsageError

# Probabilities nearer to 0 or 1 are as good as these: their log-odds stay finite.
LEAST = 1e-6
# It becomes the name of a file.
_NAME = re.compile(r"\w[\w.+-]*")
# Sources of evidence at most: how far they are believed is weighed for every choice of them.
MOST = 8


@dataclass(frozen=True, eq=False)
class Predictions:
    """The probabilities that one other model gives N images x L labels.

    name: what the source is called. probabilities: float32 (N, L) in [0, 1], NaN where it says
    nothing.

    >>> import numpy as np
    >>> clip = Predictions("clip", np.array([[0.9, np.nan], [np.nan, np.nan]], np.float32))
    >>> print(clip)
    clip: 1 of 4 entries, in 1 of 2 images and 1 of 2 labels
    """

    name: str
    probabilities: NDArray[np.float32]

    def __post_init__(self) -> None:
        check_name(self.name)
        predicted = self.probabilities[~np.isnan(self.probabilities)]
        if self.probabilities.ndim != 2 or ((predicted < 0) | (predicted > 1)).any():
            raise DataError(
                f"the predictions {self.name!r} must be probabilities (N, L) from 0 to 1",
                seen=f"shape {self.probabilities.shape}"
                + (f", {predicted.min()} to {predicted.max()}" if predicted.size else ""),
            )

    def check_shape(self, shape: tuple[int, int]) -> None:
        """Raise a `DataError` unless these are of N images x L labels, as `shape` says."""
        if self.probabilities.shape != shape:
            raise DataError(
                f"the predictions {self.name!r} do not fit the images and labels",
                seen=f"{self.probabilities.shape}, expected {shape}",
            )

    def counts(self) -> dict[str, int]:
        """Of how many entries, images and labels anything is predicted."""
        predicted = ~np.isnan(self.probabilities)
        return {
            "entries": int(predicted.sum()),
            "images": int(predicted.any(axis=1).sum()),
            "labels": int(predicted.any(axis=0).sum()),
        }

    def __str__(self) -> str:
        """Of how much anything is predicted."""
        of, (images, labels) = self.counts(), self.probabilities.shape
        return (
            f"{self.name}: {of['entries']} of {self.probabilities.size} entries, in "
            f"{of['images']} of {images} images and {of['labels']} of {labels} labels"
        )

    def __repr__(self) -> str:
        return f"<Predictions {self}>"

    @cached_property
    def digest(self) -> str:
        """Names the content: equal predictions, in whatever file, have equal digests."""
        shape = str(self.probabilities.shape).encode()
        # One pattern of bits for every NaN.
        plain = np.where(np.isnan(self.probabilities), np.float32(-1), self.probabilities)
        return hashlib.sha256(shape + plain.astype("<f4").tobytes()).hexdigest()[:16]

    @property
    def logits(self) -> NDArray[np.float32]:
        """(N, L): log-odds, NaN where nothing is said."""
        clipped = np.clip(self.probabilities.astype(np.float64), LEAST, 1 - LEAST)
        return np.asarray(logit(clipped), np.float32)

    def take(self, rows: ArrayLike) -> Predictions:
        """Those of some images, in the order of `rows` (n,)."""
        return replace(self, probabilities=self.probabilities[np.asarray(rows, np.intp)])


def digests(sources: Sequence[Predictions]) -> dict[str, str]:
    """What names the content of each source, by its name."""
    return {source.name: source.digest for source in sources}


def stacked(sources: Sequence[Predictions]) -> NDArray[np.float32] | None:
    """(S, N, L): logits of S sources as `Inputs.evidence` has them, None of no source.

    Raises `UsageError` where two have one name, or there are more than `MOST`.
    """
    check_sources([source.name for source in sources])
    return np.stack([source.logits for source in sources]) if sources else None


def check_name(name: str) -> None:
    """Raise a `UsageError` where a source may not be called so."""
    if not _NAME.fullmatch(name):
        raise UsageError("a name of predictions is of letters, digits, . _ + -", seen=repr(name))


def check_sources(names: Sequence[str]) -> None:
    """Raise a `UsageError` where two sources have one name, or there are more than `MOST`."""
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise UsageError(
            "two files of predictions have one name",
            seen=", ".join(map(repr, twice)),
            do="name them: --predictions NAME=FILE",
        )
    if len(names) > MOST:
        raise UsageError(f"there are more than {MOST} files of predictions", seen=str(len(names)))
