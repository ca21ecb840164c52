"""What an image's neighbours look like, in a collection of which no label is looked at.

Images that look alike mostly have the same labels, and the mean of several says more surely what
they look like than one of them. A model mixes it with an image's own features (`models/choice`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alasl.data.inputs import Rows
from alasl.errors import DataError
from alasl.seeds import stream

# Neighbours of an image: all that are nearer than the one after the last of these.
NEAREST = 20
# Images among which neighbours are looked for: more are not nearer by much, and every new image is
# compared with all of them. Of fewer than the least the nearest are not near.
MOST, LEAST = 2**14, 50
# An image as like another as this is the same one, or a copy.
SAME = 0.9999
# Similarities in a block, and images.
BLOCK, IMAGES = 2**22, 1024
# Against a division by nothing, where all neighbours are equally far.
TINY = 1e-3

Matrix = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Finds the mean of the nearest images of a collection.

    references: float16 (R, D), the features of its images, after the transform; rounded here once,
    so that a model that is saved gives the same.
    """

    references: NDArray[np.float16]

    @classmethod
    def fit(cls, features: NDArray[np.floating], rows: Rows) -> Neighbours | None:
        """Among the images `rows` (n,) of features (N, D); None where these are fewer than LEAST.

        Copies count once. Of more than `MOST` as many are drawn, always the same.
        """
        drawn = stream(0, "neighbours").permutation(len(rows))[:MOST]
        found = np.asarray(features[np.sort(rows[drawn])], np.float16)
        # As one number each, so that equal rows are told by one comparison.
        whole = found.view(np.dtype((np.void, found.dtype.itemsize * found.shape[1])))
        first = np.unique(whole[:, 0], return_index=True)[1]
        return cls(found[np.sort(first)]) if len(first) >= LEAST else None

    @classmethod
    def of(cls, references: NDArray[np.floating], width: int | None) -> Neighbours:
        """From `references` as a file has them. Raises `DataError` for ones of another width."""
        if references.ndim != 2 or references.shape[1] != width or len(references) <= NEAREST:
            raise DataError(
                "these are no neighbours of the model's features", seen=str(references.shape)
            )
        return cls(np.asarray(references, np.float16))

    def around(self, features: NDArray[np.floating]) -> Matrix:
        """(n, D): the mean of each image's nearest, weighted by how much nearer than the next.

        features: (n, D), after the transform. With c the cosine between two images, one of the
        `NEAREST` weighs max(c, 0) less the same of the next one after them, so no image comes in
        or goes out with a jump. An image itself, and its copies, are left out. Each row by itself;
        2 n R D multiplications.
        """
        references = self.references.astype(np.float32)
        directions = _directions(references).T
        found = np.empty((len(features), references.shape[1]), np.float32)
        step = min(IMAGES, max(1, BLOCK // len(references)))
        for start in range(0, len(features), step):
            part = slice(start, start + step)
            like = _directions(np.asarray(features[part], np.float32)) @ directions
            like[like > SAME] = 0
            np.maximum(like, 0, out=like)
            nearest = np.argpartition(like, -NEAREST - 1, axis=1)[:, -NEAREST - 1 :]
            weights = np.take_along_axis(like, nearest, axis=1)
            weights -= weights.min(axis=1, keepdims=True)
            weights /= weights.sum(axis=1, keepdims=True) + TINY
            found[part] = np.matmul(weights[:, None], references[nearest])[:, 0]
        return found

    def tensors(self) -> Mapping[str, NDArray[np.float16]]:
        """All that `of` needs to make it again."""
        return {"references": self.references}


def _directions(features: Matrix) -> Matrix:
    """Rows of length 1."""
    length = np.sqrt(np.square(features).sum(axis=1, keepdims=True))
    directions: Matrix = features / np.maximum(length, 1e-12)
    return directions
