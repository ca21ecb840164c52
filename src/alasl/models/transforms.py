"""What is done to features before a model sees them: fitted on images alone, kept with the model.

Features may be longer than memory, from a file mapped into it: every pass is made in blocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from alasl.data.inputs import Rows
from alasl.errors import DataError
from alasl.files import let_go

# Main directions of the features that are kept; all 1 280 give 0.1 mAP more at thrice the work.
DIRECTIONS = 512
# Numbers in a block, of which a few copies are held at a time.
BLOCK = 2**21
# Of fewer features, or of features less skewed, as another network's may be, roots scaled to length
# 1 would lose a good part of what they say.
FEW, SKEWED = 8, 0.5
# Images that are looked at to tell whether features are skewed.
LOOKED = 4096
# Features are of one unit if the largest tenth of their deviations is at most so many times the
# smallest.
UNITS = 10
# Rows asked for that are one in fewer than this many count as a passage through the file; so many
# blocks of them fill the memory with what they lie between.
NEAR, MANY = 4, 16

Features = NDArray[np.floating]
Tensors = Mapping[str, NDArray[np.floating]]


class Transform(Protocol):
    """Makes features (n, D) into features (n, width), each row by itself."""

    name: ClassVar[str]

    @property
    def width(self) -> int:
        """How many features come out."""

    def apply(self, features: Features) -> NDArray[np.float32]:
        """(n, width) of features (n, D). Raises `DataError` if they are not finite, or not D."""

    def tensors(self) -> dict[str, NDArray[np.floating]]:
        """All that `from_tensors` needs to make it again, with the same results to the last bit."""


@dataclass(frozen=True, eq=False)
class Standardise:
    """Mean 0 and variance 1 over the images it was fitted on; a feature constant there becomes 0.

    mean: (D,). scale: (D,), one over the standard deviation, or 0.
    """

    mean: Features
    scale: Features

    name: ClassVar[str] = "standardise"

    @classmethod
    def fit(cls, features: Features, rows: Rows) -> Standardise:
        """Fitted on the images `rows` (n,) of features (N, D), of which no label is looked at.

        Raises `DataError` where there is no image, or a feature is not a finite number.
        """
        return cls._of(_blocks(features, rows))

    @classmethod
    def _of(cls, blocks: Iterator[Features]) -> Standardise:
        """Means and variances merged block by block (Chan, Golub and LeVeque, 1979)."""
        count, mean, squares = 0, np.zeros(()), np.zeros(())
        for block in blocks:
            own = block.mean(axis=0, dtype=np.float64)
            away = block - own
            share, shift = len(block) / (count + len(block)), own - mean
            mean = mean + share * shift
            squares = squares + np.square(away, out=away).sum(axis=0) + count * share * shift**2
            count += len(block)
        if count == 0:
            raise DataError("a transform of features needs an image to be fitted on")
        std = np.sqrt(squares / count)
        return cls(mean, np.divide(1, std, out=np.zeros_like(std), where=std > 1e-8))

    def common(self) -> Standardise:
        """With one scale for all features, at variances of mean 1; itself if units differ.

        What varies much then says much, as in the output of a network, or on principal axes.
        """
        deviations = 1 / self.scale[self.scale > 0]
        if not len(deviations):
            return self
        small, large = np.quantile(deviations, (0.1, 0.9))
        if large > UNITS * small:
            return self
        scale = 1 / np.sqrt(np.square(deviations).mean())
        return Standardise(self.mean, np.where(self.scale > 0, scale, 0.0))

    @property
    def width(self) -> int:
        """See `Transform.width`."""
        return len(self.mean)

    def apply(self, features: Features) -> NDArray[np.float32]:
        """See `Transform.apply`."""
        return _whole(map(self._block, _blocks(features, width=len(self.mean))), self, features)

    def _block(self, block: Features) -> NDArray[np.float32]:
        result = block - self.mean.astype(block.dtype)
        result *= self.scale.astype(block.dtype)
        return result.astype(np.float32, copy=False)

    def tensors(self) -> dict[str, NDArray[np.floating]]:
        """See `Transform.tensors`."""
        return {"mean": self.mean, "scale": self.scale}


@dataclass(frozen=True, eq=False)
class Turn:
    """Features scaled, and told apart by their main directions, of which `DIRECTIONS` are kept.

    scaled: how they are scaled before. axes: (D, width), the longest last.
    """

    scaled: Standardise
    axes: NDArray[np.float32]

    name: ClassVar[str] = "turn"
    # What the axes are called in a file.
    key: ClassVar[str] = "directions"

    @classmethod
    def after(cls, scaled: Standardise, features: Features, rows: Rows) -> Self:
        """See `Standardise.fit`; scaled: fitted on the same."""
        seen = (scaled._block(cls._prepared(block)) for block in _blocks(features, rows))
        return cls(scaled, _main_axes(seen, scaled.width))

    @property
    def width(self) -> int:
        """See `Transform.width`."""
        return int(self.axes.shape[1])

    def apply(self, features: Features) -> NDArray[np.float32]:
        """See `Transform.apply`."""
        blocks = map(self._prepared, _blocks(features, width=len(self.axes)))
        return _whole((self.scaled._block(block) @ self.axes for block in blocks), self, features)

    def tensors(self) -> dict[str, NDArray[np.floating]]:
        """See `Transform.tensors`."""
        return {**self.scaled.tensors(), self.key: self.axes}

    @staticmethod
    def _prepared(block: Features) -> Features:
        """What is scaled: the features themselves."""
        return block


class Flatten(Turn):
    """Large values count less, and features are told apart by their main directions.

    Signed square roots scaled to length 1, then standardised, as Perronnin et al., "Improving the
    Fisher Kernel", ECCV 2010; then turned to their principal axes.
    """

    name: ClassVar[str] = "flatten"
    key: ClassVar[str] = "axes"

    @classmethod
    def fit(cls, features: Features, rows: Rows) -> Self:
        """See `Standardise.fit`."""
        return cls.after(Standardise._of(map(_roots, _blocks(features, rows))), features, rows)

    @staticmethod
    def _prepared(block: Features) -> Features:
        """Their roots."""
        return _roots(block)


@dataclass(frozen=True, eq=False)
class Applied:
    """Features that a transform makes of others once some are asked for: all would not fit.

    features: (N, D), mapped from a file. Indexed by rows (n,), or a slice, it gives (n, width).
    """

    features: Features
    transform: Transform

    @property
    def shape(self) -> tuple[int, int]:
        """(N, width)."""
        return len(self.features), self.transform.width

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, rows: Rows | slice) -> NDArray[np.float32]:
        places = np.arange(len(self))[rows] if isinstance(rows, slice) else rows
        found = np.empty((len(places), self.transform.width), np.float32)
        step = max(1, BLOCK // max(1, self.features.shape[1]))
        # What is asked for here and there is asked for again, and takes long to be mapped anew.
        passing = len(places) > 0 and np.ptp(places) < NEAR * len(places)
        for start in range(0, len(places), step):
            part = slice(start, start + step)
            found[part] = self.transform.apply(self.features[places[part]])
            # Of very many, now and then: of few the next need the same pages.
            if passing or (len(places) > MANY * step and part.stop % (MANY * step) == 0):
                let_go(self.features)
        return found


def fitting(features: Features, rows: Rows) -> Transform:
    """The transform that suits features (N, D), fitted on the images `rows` (n,).

    They are flattened where most are skewed. Raises `DataError`, see `Standardise.fit`.
    """
    plain = Standardise.fit(features, rows)
    if plain.width < FEW:
        return plain
    if skewness(plain, features, rows) >= SKEWED:
        return Flatten.fit(features, rows)
    plain = plain.common()
    return plain if plain.width <= DIRECTIONS else Turn.after(plain, features, rows)


def skewness(plain: Standardise, features: Features, rows: Rows) -> float:
    """The median of the features' skewness, of features (N, D) over some of the images `rows` (n,).

    0 where they are symmetric, as those of a normal distribution, above 0 where large values are
    rare, as in a network's last layer and in counts. plain: fitted on them.
    """
    some = rows[:: -(-len(rows) // LOOKED)]
    cubes = np.zeros(plain.width)
    for block in _blocks(features, some):
        cubes += (plain._block(block).astype(np.float64) ** 3).sum(axis=0)
    return float(np.median(cubes / len(some)))


def from_tensors(tensors: Tensors) -> Transform:
    """The transform whose `tensors` these are. Raises `DataError` where they are of none."""
    shapes = {name: np.shape(tensor) for name, tensor in tensors.items()}
    width = shapes.get("mean", ())
    kinds = {kind.key: kind for kind in (Flatten, Turn)}
    more = shapes.keys() - {"mean", "scale"}
    axes = shapes[min(more)] if more else (*width, 0)
    if not (
        {"mean", "scale"} <= shapes.keys()
        and len(more) < 2
        and more <= kinds.keys()
        and len(width) == 1
        and shapes["scale"] == width
        and len(axes) == 2
        and axes[:1] == width
    ):
        raise DataError("these tensors are not those of a transform of features", seen=str(shapes))
    standardise = Standardise(np.asarray(tensors["mean"]), np.asarray(tensors["scale"]))
    for name in more:
        return kinds[name](standardise, np.ascontiguousarray(tensors[name], np.float32))
    return standardise


def _main_axes(blocks: Iterator[Features], width: int) -> NDArray[np.float32]:
    """(width, n): the main directions of centred features, at variances of mean 1 along them."""
    count, products = 0, np.zeros((width, width))
    for block in blocks:
        count += len(block)
        products += block.T @ block
    kept = (max(0, width - DIRECTIONS), width - 1)
    variances, axes = eigh(products / count, subset_by_index=kept, overwrite_a=True)
    # The sign of an axis is the solver's whim; its largest part positive makes it one thing.
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    axes *= np.sqrt(len(variances) / max(float(variances.sum()), 1e-12))
    return np.ascontiguousarray(axes, np.float32)


def _roots(block: Features) -> Features:
    """Signed square roots, scaled to length 1: the squares of roots add up to the values."""
    sizes = np.abs(block)
    length = np.sqrt(sizes.sum(axis=1, keepdims=True, dtype=np.float64))
    sizes = np.sqrt(sizes, out=sizes)
    sizes /= np.maximum(length, 1e-12).astype(sizes.dtype)
    return np.copysign(sizes, block, out=sizes)


def _blocks(
    features: Features, rows: Rows | None = None, width: int | None = None
) -> Iterator[Features]:
    """The rows of features (N, D), or the `rows` of them, a block at a time.

    In float32, but in float64 where the features are.
    Raises `DataError` where one is not a finite number, or D is not `width`.
    """
    if features.ndim != 2 or width not in (None, features.shape[1]):
        raise DataError(
            "features have another width than those that the transform was fitted on",
            seen=f"{features.shape}, not (images, {width})",
        )
    total = len(features) if rows is None else len(rows)
    step = max(1, BLOCK // max(1, features.shape[1]))
    for start in range(0, total, step):
        block = _block(features, rows, start, step)
        if not np.isfinite(block).all():
            raise _not_finite(features, rows, start, step)
        yield block
        let_go(features)


def _block(features: Features, rows: Rows | None, start: int, step: int) -> Features:
    chosen = slice(start, start + step) if rows is None else rows[start : start + step]
    kind = np.float64 if features.dtype == np.float64 else np.float32
    return np.asarray(features[chosen], kind)


def _not_finite(features: Features, rows: Rows | None, first: int, step: int) -> DataError:
    total = len(features) if rows is None else len(rows)
    bad = np.concatenate(
        [
            start + np.flatnonzero(~np.isfinite(_block(features, rows, start, step)).all(axis=1))
            for start in range(first, total, step)
        ]
    )
    row = bad[0] if rows is None else rows[bad[0]]
    return DataError(
        "features must be finite numbers",
        where=f"row {row}, counted from 0",
        seen=f"{len(bad)} of {total} rows with NaN or infinity",
        do="leave these images out, or compute their features again",
    )


def _whole(
    blocks: Iterator[NDArray[np.float32]], transform: Transform, features: Features
) -> NDArray[np.float32]:
    result = np.empty((len(features), transform.width), np.float32)
    start = 0
    for block in blocks:
        result[start : start + len(block)] = block
        start += len(block)
    return result
