"""A stage: the backdrop of one scene, and where things are put on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import numpy as np

from alasl.data.scenes.canvas import SIZE, Colour, Dice, Item, Light, Pen
from alasl.data.scenes.things import THINGS

T = TypeVar("T")

SMALLEST = 28.0  # pixels that a unit has at least, so that a far thing can still be told

OPEN_AIR: tuple[tuple[float, Light], ...] = (
    (0.4, Light(((112, 172, 220), (216, 232, 236)))),
    (0.16, Light(((164, 186, 200), (224, 226, 220)), (0.94, 0.95, 0.97), fade=0.35)),
    (0.18, Light(((104, 100, 160), (250, 186, 132)), (1.0, 0.9, 0.83), (240, 184, 146), 0.4)),
    (0.1, Light(((198, 206, 208), (224, 226, 222)), (0.94, 0.95, 0.96), (216, 220, 218), 0.72)),
    (0.13, Light(((26, 34, 74), (84, 94, 140)), (0.6, 0.63, 0.8), (78, 90, 134), 0.3, True)),
)
INDOORS: tuple[tuple[float, Light], ...] = (
    (0.55, Light(((150, 196, 226), (222, 234, 236)))),
    (0.25, Light(((236, 180, 140), (250, 214, 170)), (1.0, 0.88, 0.76))),
    (0.16, Light(((26, 32, 66), (60, 66, 104)), (0.62, 0.56, 0.6), dark=True)),
)


class Spot(NamedTuple):
    """A place for a thing: its foot, pixels per metre, and how far to the horizon (0 to 1)."""

    x: float
    y: float
    scale: float
    far: float


class Placed(NamedTuple):
    """A thing that was put: its item, where it is, and its unit in pixels."""

    item: Item
    spot: Spot
    unit: float


@dataclass(frozen=True)
class Zone:
    """Where feet may stand: a box in pixels, smaller towards its top.

    scale: pixels per metre at the top and the bottom. deep: how far to the horizon its top is.
    depth: the painting order of what stands there, where it is not that of the feet.
    """

    left: float
    right: float
    top: float
    bottom: float
    scale: tuple[float, float]
    deep: float = 0.0
    depth: float | None = None

    def spot(self, dice: Dice) -> Spot:
        """A place anywhere in the zone."""
        t = dice.between(0, 1)
        small, large = self.scale
        return Spot(
            dice.between(self.left, self.right),
            self.top + (self.bottom - self.top) * t,
            small + (large - small) * t,
            self.deep * (1 - t),
        )

    def part(self, low: float, high: float) -> Zone:
        """The zone's slice from `low` to `high`, as shares of the way from top to bottom."""
        top, bottom = (self.top + (self.bottom - self.top) * t for t in (low, high))
        small, large = (self.scale[0] + (self.scale[1] - self.scale[0]) * t for t in (low, high))
        return replace(
            self, top=top, bottom=bottom, scale=(small, large), deep=self.deep * (1 - low)
        )


class Stage:
    """One scene being set: its light, its backdrop and its things; `zoom` is how near all is."""

    def __init__(
        self, dice: Dice, lights: Sequence[tuple[float, Light]], zoom: float = 1.0
    ) -> None:  # fmt: skip
        self.dice, self.zoom = dice, zoom
        light = _weighted(dice, lights)
        top, low = light.sky
        self.light = replace(light, sky=(dice.near(top, 10), dice.near(low, 8)))
        self.stops: list[tuple[float, Colour]] = []
        self.items = [Item(None, -1.0)]
        self.back = Pen(self.items[0], dice, self.light, down=True)
        self._taken: list[Spot] = []

    def fill(self, *stops: tuple[float, Colour], lit: bool = False) -> None:
        """Carry the backdrop's gradient on, downwards, through (y, colour)."""
        self.stops += [(y, c if lit else self.light.on(c)) for y, c in stops]

    def sky(self, horizon: float) -> None:
        """The sky down to the horizon: its gradient, sun or moon, stars and clouds."""
        dice, light = self.dice, self.light
        self.fill((0, light.sky[0]), (horizon, light.sky[1]), lit=True)
        x, y = dice.between(20, 236), dice.between(14, max(20.0, horizon * 0.55))
        if light.dark:
            for _ in range(24):
                star = (dice.between(0, SIZE), dice.between(0, horizon * 0.8))
                self.back.disc((214, 218, 236), *star, dice.between(0.4, 0.9), lit=True)
            self.back.disc((246, 240, 214), x, y, 9, lit=True)
            if dice.chance(0.6):
                self.back.disc(light.sky[0], x + 4, y - 2, 8, lit=True)
        elif dice.chance(0.45):
            for radius, alpha in ((22, 40), (15, 60), (10, 255)):
                self.back.disc((255, 244, 210), x, y, radius, alpha=alpha, lit=True)
        sky = Zone(0, SIZE, 16, max(24.0, horizon * 0.7), (18, 9), depth=-0.5)
        if dice.chance(0.65):
            self.put("cloud", sky, upto=4)

    def ridge(
        self, colour: Colour, y: float, rise: float, far: float, steps: int = 7, foot: float = 0.0
    ) -> None:  # fmt: skip
        """A line of hills up to `rise` above y, or of mountains where `steps` is large."""
        foot = max(y + 1, foot)
        dice = self.dice
        tops = [(k * 300 / steps - 22, y - dice.between(0, rise)) for k in range(steps + 1)]
        pen = Pen(self.items[0], dice, self.light, far=far, down=True)
        knots = np.array(tops)
        xs = np.linspace(-22, 278, 61)
        if steps > 9:
            line = list(zip(knots[:, 0], knots[:, 1], strict=True))
        else:
            ease = (np.interp(xs, knots[:, 0], np.arange(len(tops)))) % 1
            left = np.clip(np.searchsorted(knots[:, 0], xs, "right") - 1, 0, len(tops) - 2)
            soft = ease * ease * (3 - 2 * ease)
            ys = knots[left, 1] * (1 - soft) + knots[left + 1, 1] * soft
            line = list(zip(xs, ys, strict=True))
        pen.poly(colour, [(-22, foot), *line, (278, foot)])

    def specks(self, colours: Sequence[Colour], top: float, bottom: float, count: int,
               long: float = 5.0) -> None:  # fmt: skip
        """Short level strokes: waves, grass or gravel, longer further down."""
        dice = self.dice
        for _ in range(count):
            t = dice.between(0, 1)
            x, y = dice.between(0, SIZE), top + (bottom - top) * t
            half = long * (0.4 + t) * dice.between(0.5, 1.2)
            self.back.line(dice.pick(colours), 1.0 + t * 0.8, ((x - half, y), (x + half, y)))

    def put(
        self, name: str, zone: Zone, chance: float = 1.0, upto: int = 1, size: float = 1.0,
        more: float = 0.45, kind: str = "",
    ) -> list[Placed]:  # fmt: skip
        """Put a thing in a zone, with a chance; and again, each time with the chance `more`."""
        placed: list[Placed] = []
        while len(placed) < upto and self.dice.chance(more if placed else chance):
            spots = [zone.spot(self.dice) for _ in range(3)]
            spot = max(spots, key=self._room)
            spot = spot._replace(scale=spot.scale * self.zoom)
            depth = spot.y if zone.depth is None else zone.depth
            placed.append(self.place(name, spot, depth, size, kind))
        return placed

    def place(
        self, name: str, spot: Spot, depth: float | None = None, size: float = 1.0,
        kind: str = "", holder: Placed | None = None,
    ) -> Placed:  # fmt: skip
        """Put a thing on a spot."""
        dice, thing = self.dice, THINGS[name]
        item = Item(thing.label, spot.y if depth is None else depth)
        item.holder = holder.item if holder else None
        unit = max(SMALLEST, thing.tall * spot.scale * size * dice.between(0.82, 1.2))
        flip, tilt = dice.chance(0.5), dice.between(-0.04, 0.04)
        pen = Pen(item, dice, self.light, spot.x, spot.y, unit, far=spot.far, flip=flip, tilt=tilt)
        thing.draw(pen, kind) if kind else thing.draw(pen)
        self.items.append(item)
        self._taken.append(spot)
        return Placed(item, spot, unit)

    def beside(
        self, other: Placed, name: str, chance: float, reach: float = 1.0, size: float = 1.0
    ) -> list[Placed]:
        """Put a thing `reach` metres to one side of another, a little nearer."""
        if not self.dice.chance(chance):
            return []
        spot = other.spot
        side = reach if spot.x < SIZE / 2 else -reach
        spot = spot._replace(x=spot.x + side * spot.scale, y=spot.y + self.dice.between(0.5, 3))
        return [self.place(name, spot, size=size)]

    def on(self, table: Placed, things: Sequence[tuple[str, float]]) -> None:
        """Lay things (name, chance) on a table's top, from left to right."""
        laid = [name for name, chance in things if self.dice.chance(chance)][:3]
        for k, name in enumerate(laid):
            x = ((k + 0.5) / len(laid) - 0.5) * 1.2 + self.dice.between(-0.06, 0.06)
            spot = table.spot._replace(
                x=table.spot.x + x * table.unit, y=table.spot.y - 0.97 * table.unit
            )
            kind = {"flower": "vase", "clock": "alarm"}.get(name, "")
            self.place(name, spot, table.spot.y + 0.1 + k * 0.01, 1.5, kind, table)

    def shelter(self, holder: Placed, chance: float) -> None:
        """Give a standing person an umbrella to hold."""
        if self.dice.chance(chance):
            x, y, scale, far = holder.spot
            grip = Spot(x + 0.1 * holder.unit, y - 0.62 * holder.unit, scale, far)
            self.place("umbrella", grip, y + 0.2, holder.unit / 1.7 / scale, "", holder)

    def _room(self, spot: Spot) -> float:
        """How far a spot is from those taken, in pixels; depth counts double."""
        return min(
            (abs(spot.x - x) + 2 * abs(spot.y - y) for x, y, _, _ in self._taken), default=0.0
        )


Setting = Callable[[Dice], Stage]
SETTINGS: list[tuple[float, Setting]] = []


def setting(share: float) -> Callable[[Setting], Setting]:
    """Register a function that sets a stage, drawn for `share` of the scenes."""

    def add(make: Setting) -> Setting:
        SETTINGS.append((share, make))
        return make

    return add


def set_stage(dice: Dice) -> Stage:
    """A stage of one of the settings, all its things put, in painting order."""
    stage = _weighted(dice, SETTINGS)(dice)
    stage.items.sort(key=lambda item: item.depth)
    return stage


def _weighted(dice: Dice, choices: Sequence[tuple[float, T]]) -> T:
    left = dice.between(0, sum(share for share, _ in choices))
    for share, choice in choices:
        left -= share
        if left < 0:
            return choice
    return choices[-1][1]
