"""What an image's neighbours look like, in a collection of which no label is looked at.

Images that look alike mostly have the same labels, and the mean of several says more surely what
they look like than one of them. A model mixes it with an image's own features (`models/choice`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import embedding_bag, normalize

from alasl.data.inputs import Rows
from alasl.errors import DataError
from alasl.models.device import pick_device
from alasl.seeds import stream

# Neighbours of an image: all that are nearer than the one after the last of these.
NEAREST = 20
# Images among which neighbours are looked for: more are not nearer by much, and every new image is
# compared with all of them. Of fewer than the least the nearest are not near.
MOST, LEAST = 2**14, 50
# An image as like another as this is the same one, or a copy.
SAME = 0.9999
# Copies that are found beside the nearest without a second look.
SPARE = 3
# Images of a group, whose highest similarity is compared first.
GROUP = 32
# Similarities in a block, and images.
BLOCK, IMAGES = 2**22, 1024
# Against a division by nothing, where all neighbours are equally far.
TINY = 1e-3

Matrix = NDArray[np.float32]
# Of similarities (n, R) the highest, and where they are.
Find = Callable[[Tensor], tuple[Tensor, Tensor]]


def nearest_of_all(like: Tensor) -> tuple[Tensor, Tensor]:
    """Similarities and places, (n, NEAREST + 1) each, of the highest of (n, R) but for copies."""
    found = like.masked_fill(like > SAME, 0).topk(NEAREST + 1, dim=1)
    return found.values, found.indices


class Surroundings:
    """What the images of a collection have around them, found once somebody asks.

    features: (N, D), after the transform. Indexed by rows (n,) it gives `Neighbours.around` of
    these. A training asks of labelled images only, and of all once it counts on their neighbours.
    kept: False where all would take too much memory: they are then found each time.
    """

    def __init__(
        self, neighbours: Neighbours, features: NDArray[np.floating], *, kept: bool = True
    ) -> None:
        self._neighbours, self._features, self._kept = neighbours, features, kept
        self._found = np.empty((0, features.shape[1]), np.float32)
        # Where each image's are in what is found; -1: not yet.
        self._place = np.full(len(features), -1, np.int32)

    def __getitem__(self, rows: Rows) -> Matrix:
        if not self._kept:
            return self._neighbours.around(self._features[rows])
        left = np.unique(rows[self._place[rows] < 0])
        if len(left):
            self._place[left] = len(self._found) + np.arange(len(left))
            new = self._neighbours.around(self._features[left])
            self._found = np.concatenate([self._found, new])
        return self._found[self._place[rows]]


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
        or goes out with a jump. An image itself, and its copies, are left out. Each row by itself,
        to the last bit; 2 n R D multiplications.
        """
        device = pick_device()
        references = torch.from_numpy(self.references.astype(np.float32)).to(device)
        directions = normalize(references, dim=1)
        found = np.empty((len(features), references.shape[1]), np.float32)
        step = min(IMAGES, max(1, BLOCK // len(references)))
        # The last part is filled up: a product's last bits hang on how many rows it has.
        part = torch.zeros(step, references.shape[1], device=device)
        for start in range(0, len(features), step):
            some = np.asarray(features[start : start + step], np.float32)
            part[: len(some)] = torch.from_numpy(some)
            mean = mean_of_nearest(part, references, directions, _nearest_in_groups)
            found[start : start + step] = mean[: len(some)].cpu().numpy()
        return found

    def tensors(self) -> Mapping[str, NDArray[np.float16]]:
        """All that `of` needs to make it again."""
        return {"references": self.references}


def mean_of_nearest(
    features: Tensor, references: Tensor, directions: Tensor, find: Find = nearest_of_all
) -> Tensor:
    """(n, D): see `Neighbours.around`, of features (n, D).

    references, directions: (R, D), the same of length 1. find: what finds the nearest; in a network
    that is exported nothing may hang on the numbers.
    """
    weights, nearest = find(normalize(features, dim=1) @ directions.T)
    weights = weights.clamp(min=0)
    weights = weights - weights[:, -1:]
    weights = weights / (weights.sum(dim=1, keepdim=True) + TINY)
    return embedding_bag(nearest, references, per_sample_weights=weights, mode="sum")


def _nearest_in_groups(like: Tensor) -> tuple[Tensor, Tensor]:
    """As `nearest_of_all`, in less time."""
    weights, nearest = _highest(like, NEAREST + 1 + SPARE)
    copied = (weights[:, SPARE] > SAME).nonzero()[:, 0]
    if len(copied):
        others = like[copied]
        others.masked_fill_(others > SAME, 0)
        weights[copied], nearest[copied] = _highest(others, NEAREST + 1 + SPARE)
    weights, order = weights.masked_fill(weights > SAME, 0).topk(NEAREST + 1, dim=1)
    return weights, nearest.gather(1, order)


def _highest(like: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """As `topk` of each row of (n, R): those are in as many groups, which their highest tells."""
    size = like.shape[1] // GROUP
    if size <= count:
        found = like.topk(min(count, like.shape[1]), dim=1)
        return found.values, found.indices
    whole = like[:, : size * GROUP].view(-1, GROUP, size)
    groups = whole.amax(dim=1).topk(count, dim=1).indices
    places = (groups[:, None] + size * torch.arange(GROUP, device=like.device)[:, None]).flatten(1)
    rest = torch.arange(size * GROUP, like.shape[1], device=like.device).expand(len(like), -1)
    places = torch.cat([places, rest], dim=1)
    values, at = like.gather(1, places).topk(count, dim=1)
    return values, places.gather(1, at)
