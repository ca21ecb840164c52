"""One scene: set a stage, see what is visible, paint the rest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from alasl.data.scenes import (  # noqa: F401 - registers things and settings
    clutter,
    creatures,
    indoors,
    open_air,
    outdoors,
    rooms,
    vehicles,
)
from alasl.data.scenes.canvas import Dice, Item, paint, visible_share
from alasl.data.scenes.stage import set_stage
from alasl.data.scenes.things import THINGS
from alasl.seeds import stream

NAMES: tuple[str, ...] = tuple(sorted({t.label for t in THINGS.values() if t.label}))
LEAST_SHARE, LEAST_PIXELS = 0.5, 120


def draw(seed: int, index: int) -> tuple[Image.Image, NDArray[np.int8]]:
    """Scene `index` of a seed: RGB 256 x 256, and int8 (L,) in the order of `NAMES`.

    A labelled thing of which too little shows is left out of the picture, so each label is exact.
    """
    stage = set_stage(Dice(stream(seed, "scene", index)))
    items = visible(stage.items)
    labels = {item.label for item in items}
    return paint(stage.stops, items), np.array([name in labels for name in NAMES], dtype=np.int8)


def visible(items: Sequence[Item]) -> list[Item]:
    """The clutter, and the labelled things that show enough, where what holds them does too."""
    shows = {
        id(item): item.label is None or (share >= LEAST_SHARE and pixels >= LEAST_PIXELS)
        for item, (pixels, share) in zip(items, visible_share(items), strict=True)
    }
    return [
        item
        for item in items
        if shows[id(item)] and (item.holder is None or shows[id(item.holder)])
    ]
