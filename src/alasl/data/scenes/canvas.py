"""What scenes are drawn with: dice, colours, a pen that records shapes, and the painting of them.

Coordinates of a scene are pixels of the finished image, y down. A pen has coordinates of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw

from alasl.seeds import stream

Colour = tuple[int, int, int]
Points = Sequence[tuple[float, float]]
T = TypeVar("T")

SIZE = 256
FINE = 2  # painted this much larger, then reduced, for smooth edges
MARGIN = SIZE  # what hangs out of the frame by more than this is not counted

WHITE: Colour = (250, 247, 240)
INK: Colour = (52, 48, 60)
_BRIGHT: Colour = (255, 248, 226)
_DEEP: Colour = (38, 34, 66)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """The colour `share` of the way from one to the other."""
    r, g, b = (round(x + (y - x) * share) for x, y in zip(one, other, strict=True))
    return r, g, b


def shade(colour: Colour, by: float) -> Colour:
    """Towards warm light for `by` > 0, towards blue shadow for `by` < 0."""
    return mix(colour, _BRIGHT if by > 0 else _DEEP, abs(by))


class Dice:
    """The chances of one scene, all from one stream of random numbers."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._random = rng.random

    def chance(self, share: float) -> bool:
        """True in `share` of the throws."""
        return self._random() < share

    def between(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        return low + (high - low) * self._random()

    def count(self, low: int, high: int) -> int:
        """A whole number in [low, high]."""
        return low + int(self._random() * (high - low + 1))

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices, all equally likely."""
        return choices[int(self._random() * len(choices))]

    def near(self, colour: Colour, by: float = 14) -> Colour:
        """A colour like the given one."""
        light = self.between(-by, by)
        r, g, b = (min(255, max(0, round(x + light + self.between(-by, by) / 2))) for x in colour)
        return r, g, b

    def paint(self, choices: Sequence[Colour]) -> Colour:
        """A colour like one of the choices."""
        return self.near(self.pick(choices))


@dataclass(frozen=True)
class Light:
    """How the hour and the weather colour a scene.

    sky: its colours, top to horizon. tint: what each colour is multiplied by. haze: what far things
    fade to, by up to `fade`. dark: lamps and windows are lit.
    """

    sky: tuple[Colour, Colour]
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    haze: Colour = (214, 226, 232)
    fade: float = 0.25
    dark: bool = False

    def on(self, colour: Colour, far: float = 0.0) -> Colour:
        """The colour as it looks in this light, `far` (0 to 1) of the way to the horizon."""
        r, g, b = (round(x * t) for x, t in zip(colour, self.tint, strict=True))
        return mix((r, g, b), self.haze, self.fade * far)


@dataclass(slots=True)
class Shape:
    """A filled polygon, or a stroke where `width` > 0; alpha below 255 is see-through."""

    points: NDArray[np.float64]
    colour: Colour
    width: float = 0.0
    alpha: int = 255


@dataclass(slots=True)
class Glow:
    """A soft round light, added to what was painted."""

    x: float
    y: float
    radius: float
    colour: Colour


@dataclass(slots=True)
class Item:
    """A thing in a scene: its shapes, and its label unless it is clutter.

    depth: things are painted by growing depth, so the far and high ones come first. holder: what it
    stands on or is held by, and cannot be there without.
    """

    label: str | None
    depth: float
    shapes: list[Shape] = field(default_factory=list)
    glows: list[Glow] = field(default_factory=list)
    holder: Item | None = None


@cache
def _circle(corners: int) -> NDArray[np.float64]:
    turn = np.linspace(0, 2 * math.pi, corners, endpoint=False)
    return np.stack([np.cos(turn), np.sin(turn)], axis=1)


@cache
def _spline(pieces: int) -> NDArray[np.float64]:
    """Weights (pieces, 4) of four points in a row for a smooth curve between the middle two."""
    t = np.linspace(0, 1, pieces, endpoint=False)
    terms = np.stack([np.ones_like(t), t, t**2, t**3], axis=1)
    catmull_rom = np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]]) / 2
    return np.asarray(terms @ catmull_rom)


class Pen:
    """Records shapes onto an item, in coordinates of its own: (0, 0) at (x, y), y up unless `down`.

    unit: pixels of one unit; a thing is about one unit tall. far: share of the way to the horizon.
    """

    def __init__(
        self,
        item: Item,
        dice: Dice,
        light: Light,
        x: float = 0.0,
        y: float = 0.0,
        unit: float = 1.0,
        *,
        far: float = 0.0,
        flip: bool = False,
        tilt: float = 0.0,
        down: bool = False,
    ) -> None:
        self.item, self.dice, self.light, self.unit, self.far = item, dice, light, unit, far
        self._origin = np.array([x, y])
        c, s = unit * math.cos(tilt), unit * math.sin(tilt)
        self._axes = np.array([[-c if flip else c, s if flip else -s], [-s, c if down else -c]])

    def poly(
        self, colour: Colour, points: Points | NDArray[np.float64], *, alpha: int = 255,
        lit: bool = False, width: float = 0.0,
    ) -> None:  # fmt: skip
        """A polygon, or a stroke of a width in units; `lit` shines by itself."""
        placed = np.asarray(points, dtype=np.float64) @ self._axes + self._origin
        seen = colour if lit else self.light.on(colour, self.far)
        self.item.shapes.append(Shape(placed, seen, width * self.unit, alpha))

    def blob(self, colour: Colour, points: Points) -> None:
        """A smooth closed shape through the points."""
        knots = np.asarray(points, dtype=np.float64)
        rows = np.stack([np.roll(knots, shift, axis=0) for shift in (1, 0, -1, -2)], axis=1)
        self.poly(colour, (_spline(6) @ rows).reshape(-1, 2))

    def line(self, colour: Colour, width: float, points: Points) -> None:
        """A stroke of straight pieces."""
        self.poly(colour, points, width=width)

    def curve(self, colour: Colour, width: float, points: Points) -> None:
        """A smooth stroke through the points."""
        knots = np.asarray(points, dtype=np.float64)
        knots = np.concatenate([knots[:1], knots, knots[-1:]])
        rows = np.stack([knots[i : len(knots) - 3 + i] for i in range(4)], axis=1)
        smooth = np.concatenate([(_spline(7) @ rows).reshape(-1, 2), knots[-1:]])
        self.poly(colour, smooth, width=width)

    def disc(
        self, colour: Colour, x: float, y: float, rx: float, ry: float | None = None, *,
        alpha: int = 255, lit: bool = False,
    ) -> None:  # fmt: skip
        """A circle or an ellipse."""
        radii = (rx, rx if ry is None else ry)
        corners = 12 if max(radii) * self.unit < 6 else 30
        self.poly(colour, _circle(corners) * radii + (x, y), alpha=alpha, lit=lit)

    def ring(self, colour: Colour, width: float, x: float, y: float, radius: float) -> None:
        """A circle's line."""
        line = _circle(30) * radius + (x, y)
        self.poly(colour, np.concatenate([line, line[:2]]), width=width)

    def box(
        self,
        colour: Colour,
        left: float,
        low: float,
        right: float,
        high: float,
        *,
        lit: bool = False,
    ) -> None:
        """An upright rectangle."""
        corners = ((left, low), (left, high), (right, high), (right, low))
        self.poly(colour, corners, lit=lit)

    def glow(self, colour: Colour, x: float, y: float, radius: float) -> None:
        """A soft light, where the scene is dark."""
        if self.light.dark:
            cx, cy = np.array([x, y]) @ self._axes + self._origin
            self.item.glows.append(Glow(float(cx), float(cy), radius * self.unit, colour))

    def shadow(self, reach: float) -> None:
        """The shadow on the ground, `reach` units to either side."""
        alpha = 26 if self.light.dark else 46
        self.disc(_DEEP, 0.0, 0.0, reach * 1.1, reach * 0.16, alpha=alpha)


def visible_share(items: Sequence[Item]) -> list[tuple[int, float]]:
    """For each item, in painting order: its visible pixels, and their share of all its pixels.

    Exact at the image's own resolution: an item is covered by later ones and cut by the frame.
    """
    side = SIZE + 2 * MARGIN
    ids = Image.new("L", (side, side))
    draw = ImageDraw.Draw(ids)
    drawn = []
    for i, item in enumerate(items, start=1):
        for shape in item.shapes:
            if shape.alpha == 255:
                _trace(draw, shape, 1, MARGIN, i)
        drawn.append(ids.crop(_reach(item, side)).histogram()[i] if item.label else 0)
    left = ids.crop((MARGIN, MARGIN, MARGIN + SIZE, MARGIN + SIZE)).histogram()
    return [(left[i], left[i] / max(1, whole)) for i, whole in enumerate(drawn, start=1)]


def _reach(item: Item, side: int) -> tuple[int, int, int, int]:
    """A box of the id buffer that holds all of an item."""
    slack = 2 + max(shape.width for shape in item.shapes)
    corners = np.concatenate([shape.points for shape in item.shapes]) + MARGIN
    low, high = corners.min(axis=0) - slack, corners.max(axis=0) + slack + 1
    left, top, right, bottom = (int(min(side, max(0, v))) for v in (*low, *high))
    return left, top, max(left + 1, right), max(top + 1, bottom)


def paint(stops: Sequence[tuple[float, Colour]], items: Sequence[Item]) -> Image.Image:
    """The picture: a gradient through the stops (y, colour), then the items in their order."""
    side = SIZE * FINE
    rows = (np.arange(side) + 0.5) / FINE
    ys = [y for y, _ in stops]
    column = np.stack([np.interp(rows, ys, [c[k] for _, c in stops]) for k in range(3)], axis=1)
    line = Image.fromarray(np.rint(column).astype(np.uint8)[:, None])
    image = line.resize((side, side), Image.Resampling.NEAREST)
    plain, clear = ImageDraw.Draw(image), ImageDraw.Draw(image, "RGBA")
    for item in items:
        for shape in item.shapes:
            if shape.alpha == 255:
                _trace(plain, shape, FINE, 0, shape.colour)
            else:
                _trace(clear, shape, FINE, 0, (*shape.colour, shape.alpha))
    image = image.reduce(FINE)
    for item in items:
        for glow in item.glows:
            _shine(image, glow)
    return ImageChops.multiply(image, _paper())


def _trace(
    draw: ImageDraw.ImageDraw, shape: Shape, scale: int, margin: int, fill: int | tuple[int, ...]
) -> None:
    points = (shape.points * scale + margin).ravel().tolist()
    if shape.width:
        width = max(1, round(shape.width * scale))
        draw.line(points, fill=fill, width=width, joint="curve" if width > 2 else None)
        if width > 3:  # round ends
            half = width / 2 - 0.5
            for x, y in (points[:2], points[-2:]):
                draw.ellipse((x - half, y - half, x + half, y + half), fill=fill)
    else:
        draw.polygon(points, fill=fill)


def _shine(image: Image.Image, glow: Glow) -> None:
    reach = max(2, round(glow.radius))
    x, y = round(glow.x), round(glow.y)
    mask = _halo().resize((2 * reach, 2 * reach), Image.Resampling.BILINEAR)
    image.paste(glow.colour, (x - reach, y - reach), mask)


@cache
def _halo() -> Image.Image:
    """A round mask, brightest in the middle."""
    distance = np.hypot(*np.mgrid[-1:1:64j, -1:1:64j])
    return Image.fromarray((150 * np.clip(1 - distance, 0, 1) ** 2).astype(np.uint8))


@cache
def _paper() -> Image.Image:
    """A faint grain and darker corners, as of a printed picture."""
    y, x = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
    grain = stream(0, "paper").normal(0, 2.0, (SIZE, SIZE))
    grey = np.clip(254 - 16 * (x**2 + y**2) + grain, 0, 255).astype(np.uint8)
    return Image.merge("RGB", [Image.fromarray(grey)] * 3)
