"""Weights of images from which the members of an ensemble learn different things."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alasl.seeds import stream


def bootstrap(seed: int, members: int, images: int) -> NDArray[np.float32]:
    """(E, n): how often each member sees each image, Poisson with mean 1; row e is of member e.

    Oza and Russell, "Online bagging and boosting", AISTATS 2001.
    """
    draws = [stream(seed, "member", member).poisson(1.0, images) for member in range(members)]
    return np.asarray(draws, np.float32)
