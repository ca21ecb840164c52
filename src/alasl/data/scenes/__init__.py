"""The embedded default data set: drawn scenes with exact labels, the same for a seed anywhere."""

from __future__ import annotations

from alasl.data.scenes.folder import make_scenes
from alasl.data.scenes.scene import NAMES, draw

__all__ = ["NAMES", "draw", "make_scenes"]
