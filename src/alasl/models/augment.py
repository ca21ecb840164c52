"""What training does to an image: cut a box out of it, then two random distortions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torchvision.transforms import v2

from alasl.models.randomness import seeded

# Images, not tensors: Pillow distorts a 224 x 224 image ten times as fast as torchvision.
_DISTORT = v2.RandAugment(interpolation=v2.InterpolationMode.BILINEAR, fill=128)


def augment(square: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A distorted copy of an image, uint8 (S, S, 3): cutout, then RandAugment."""
    image = Image.fromarray(cut_out(square, rng))
    with seeded(int(rng.integers(2**63 - 1))):
        return np.asarray(_DISTORT(image))


def cut_out(square: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The image with a box of half its sides in one random colour, cut off at the border."""
    cut, size = square.copy(), square.shape[0]
    centre = rng.integers(size, size=2)
    (top, left), (bottom, right) = np.maximum(centre - size // 4, 0), centre + size // 4
    cut[top:bottom, left:right] = rng.integers(256, size=3)
    return cut
