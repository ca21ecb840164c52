"""Furniture and what stands on it."""

from __future__ import annotations

import math

from alasl.data.scenes.canvas import INK, WHITE, Pen, mix, shade
from alasl.data.scenes.palette import LAMPLIGHT, METALS, PAINTS, WOODS
from alasl.data.scenes.things import thing


@thing("table", 0.8)
def table(pen: Pen) -> None:
    """With four legs or one foot, bare or under a cloth; its top is at one unit."""
    dice = pen.dice
    wood = dice.paint((*WOODS, (240, 236, 228)))
    half = dice.between(0.72, 0.95)
    dark = shade(wood, -0.25)
    pen.shadow(half)
    kind = dice.pick(("legs", "legs", "foot", "cloth"))
    if kind == "foot":
        pen.line(dark, 0.12, ((0, 0.06), (0, 0.9)))
        pen.line(dark, 0.07, ((-0.32, 0.03), (0, 0.14), (0.32, 0.03)))
    else:
        for x in (-half * 0.72, half * 0.72):
            pen.line(shade(dark, -0.2), 0.07, ((x, 0.1), (x, 0.9)))
        for x in (-half * 0.88, half * 0.88):
            pen.line(dark, 0.09, ((x, 0.02), (x, 0.9)))
        pen.box(dark, -half * 0.9, 0.78, half * 0.9, 0.9)
    pen.disc(wood, 0, 0.97, half, 0.13)
    pen.poly(dark, ((-half, 0.97), (-half * 0.97, 0.91), (half * 0.97, 0.91), (half, 0.97)))
    pen.disc(wood, 0, 0.98, half, 0.11)
    if kind == "cloth":
        cloth = dice.paint(PAINTS)
        drop = [(half * (k / 4 - 1), 0.66 + 0.05 * (k % 2)) for k in range(9)]
        pen.poly(cloth, ((-half, 0.98), *drop, (half, 0.98)))
        pen.disc(shade(cloth, 0.25), 0, 0.98, half, 0.11)


@thing("chair", 0.95)
def chair(pen: Pen) -> None:
    """From the side or the front, of wood or with a cushion."""
    dice = pen.dice
    wood = dice.paint((*WOODS, *PAINTS[:4]))
    dark = shade(wood, -0.25)
    pen.shadow(0.32)
    if dice.chance(0.6):  # from the side
        for x, tone in ((-0.16, dark), (0.2, dark), (-0.25, wood), (0.26, wood)):
            pen.line(tone, 0.055, ((x * 1.08, 0.02), (x * 0.95, 0.46)))
        pen.line(wood, 0.06, ((-0.25, 0.44), (-0.31, 1.0)))
        pen.line(dark, 0.05, ((-0.16, 0.46), (-0.21, 0.98)))
        for y in (0.66, 0.8, 0.93):
            pen.line(wood, 0.06, ((-0.28, y), (-0.18, y)))
        pen.line(wood, 0.08, ((-0.27, 0.47), (0.28, 0.47)))
        if dice.chance(0.5):
            pen.line(dice.paint(PAINTS), 0.09, ((-0.2, 0.53), (0.24, 0.53)))
        return
    for side in (-1, 1):
        pen.line(dark, 0.055, ((side * 0.2, 0.1), (side * 0.2, 0.5)))
        pen.line(wood, 0.06, ((side * 0.26, 0.02), (side * 0.25, 0.48)))
        pen.line(wood, 0.06, ((side * 0.22, 0.46), (side * 0.23, 0.98)))
    if dice.chance(0.5):
        for x in (-0.1, 0, 0.1):
            pen.line(dark, 0.035, ((x, 0.5), (x, 0.9)))
    else:
        pen.box(dark, -0.2, 0.62, 0.2, 0.84)
    pen.line(wood, 0.08, ((-0.23, 0.95), (0.23, 0.95)))
    seat = dice.paint(PAINTS) if dice.chance(0.4) else shade(wood, 0.12)
    pen.poly(seat, ((-0.28, 0.44), (-0.22, 0.54), (0.22, 0.54), (0.28, 0.44)))


@thing("cup", 0.25)
def cup(pen: Pen) -> None:
    """A mug, a teacup on its saucer, or a paper cup."""
    dice = pen.dice
    glaze = dice.paint(PAINTS)
    dark = shade(glaze, -0.2)
    drink = dice.pick(((94, 62, 46), (176, 116, 62), (240, 226, 200)))
    pen.shadow(0.55)
    kind = dice.pick(("mug", "mug", "teacup", "paper"))
    if kind == "paper":
        pen.poly(glaze, ((-0.3, 0), (-0.42, 0.9), (0.42, 0.9), (0.3, 0)))
        pen.poly(dark, ((-0.34, 0.25), (-0.385, 0.6), (0.385, 0.6), (0.34, 0.25)))
        pen.line(WHITE, 0.13, ((-0.42, 0.93), (0.42, 0.93)))
        return
    if kind == "teacup":
        pen.disc(shade(glaze, 0.2), 0, 0.06, 0.8, 0.12)
        pen.ring(glaze, 0.1, 0.55, 0.52, 0.18)
        pen.blob(glaze, ((-0.52, 0.86), (-0.42, 0.35), (-0.2, 0.1), (0.2, 0.1), (0.42, 0.35),
                         (0.52, 0.86)))  # fmt: skip
        pen.disc(dark, 0, 0.84, 0.52, 0.12)
        pen.disc(drink, 0, 0.82, 0.44, 0.09)
        return
    pen.ring(glaze, 0.12, 0.44, 0.48, 0.24)
    pen.box(glaze, -0.42, 0.06, 0.42, 0.9)
    pen.disc(glaze, 0, 0.07, 0.42, 0.08)
    pen.box(dark, 0.22, 0.08, 0.42, 0.9)
    if dice.chance(0.4):
        pen.box(dice.paint(PAINTS), -0.42, 0.4, 0.42, 0.56)
    pen.disc(shade(glaze, 0.25), 0, 0.9, 0.42, 0.1)
    pen.disc(drink, 0, 0.89, 0.34, 0.07)


@thing("bottle", 0.48)
def bottle(pen: Pen) -> None:
    """Of wine, oil, milk or water."""
    dice = pen.dice
    glass = dice.paint(((70, 104, 76), (112, 70, 52), (172, 204, 212), (236, 236, 230),
                        (208, 168, 76), (128, 50, 62)))  # fmt: skip
    half = dice.between(0.13, 0.19)
    shoulder = dice.between(0.5, 0.66)
    neck = half * dice.between(0.32, 0.5)
    pen.shadow(half * 1.4)
    pen.blob(glass, ((-half, 0.02), (-half, shoulder - 0.05), (-neck, shoulder + 0.14),
                     (-neck, 0.95), (neck, 0.95), (neck, shoulder + 0.14), (half, shoulder - 0.05),
                     (half, 0.02), (0, -0.01)))  # fmt: skip
    pen.box(dice.paint(PAINTS), -neck * 1.2, 0.92, neck * 1.2, 1.02)
    pen.line(shade(glass, 0.5), 0.03, ((-half * 0.6, 0.1), (-half * 0.6, shoulder - 0.08)))
    if dice.chance(0.65):
        pen.box(dice.paint(((244, 236, 216), *PAINTS)), -half, 0.16, half, 0.42)
        pen.line(dice.paint(PAINTS), 0.03, ((-half * 0.6, 0.3), (half * 0.6, 0.3)))


@thing("banana", 0.28)
def banana(pen: Pen) -> None:
    """One, or a bunch."""
    dice = pen.dice
    peel = dice.paint(((240, 204, 74), (232, 190, 66), (226, 208, 84)))
    for k in range(dice.count(1, 3)):
        up = k * 0.2
        colour = shade(peel, -0.1 * k)
        outer = [(0.95 * math.cos(a), 0.85 - 0.85 * math.sin(a) + up * 0.4)
                 for a in (0.1, 0.6, 1.1, 1.57, 2.1, 2.6, 3.0)]  # fmt: skip
        inner = [(0.8 * math.cos(a), 0.95 - 0.55 * math.sin(a) + up)
                 for a in (2.9, 2.4, 1.57, 0.8, 0.2)]  # fmt: skip
        pen.poly(colour, (*outer, *inner))
        pen.line(shade(colour, -0.2), 0.05, ((-0.7, 0.45 + up * 0.7), (-0.2, 0.2 + up * 0.7),
                                             (0.3, 0.2 + up * 0.7)))  # fmt: skip
        pen.line((110, 90, 60), 0.12, (outer[0], (0.98, 0.95 + up * 0.4)))
        pen.disc((110, 90, 60), outer[-1][0], outer[-1][1] + 0.02, 0.06)


@thing("clock", 0.42)
def clock(pen: Pen, kind: str = "") -> None:
    """On the wall, or an alarm clock on its feet; round or square; kind: "wall" or "alarm"."""
    dice = pen.dice
    rim, face = dice.paint((*PAINTS, *WOODS)), dice.paint((WHITE, (240, 226, 198), (66, 70, 84)))
    hand = INK if sum(face) > 400 else WHITE
    if kind == "alarm":
        for side in (-1, 1):
            pen.line(rim, 0.08, ((side * 0.25, 0.2), (side * 0.36, 0.02)))
            pen.disc(shade(rim, -0.2), side * 0.28, 0.93, 0.15, 0.12)
    if kind != "alarm" and dice.chance(0.25):
        pen.box(rim, -0.48, 0.02, 0.48, 0.98)
        pen.box(face, -0.39, 0.11, 0.39, 0.89)
    else:
        pen.disc(rim, 0, 0.5, 0.48)
        pen.disc(face, 0, 0.5, 0.39)
    for k in range(12 if pen.unit > 30 else 4):
        a = k * math.tau / (12 if pen.unit > 30 else 4)
        pen.line(hand, 0.035, ((0.28 * math.cos(a), 0.5 + 0.28 * math.sin(a)),
                               (0.34 * math.cos(a), 0.5 + 0.34 * math.sin(a))))  # fmt: skip
    for reach, width in ((0.17, 0.06), (0.28, 0.045)):
        a = dice.between(0, math.tau)
        pen.line(hand, width, ((0, 0.5), (reach * math.cos(a), 0.5 + reach * math.sin(a))))


@thing("book", 0.46)
def book(pen: Pen) -> None:
    """A row on its feet, a pile, one open or one leaning."""
    dice = pen.dice
    kind = dice.pick(("row", "row", "row", "pile", "open"))
    if kind == "open":
        cover = dice.paint(PAINTS)
        pen.poly(cover, ((-0.85, 0.12), (-0.7, 0.62), (0, 0.5), (0.7, 0.62), (0.85, 0.12), (0, 0)))
        for side in (-1, 1):
            pen.poly((246, 240, 224) if side < 0 else (230, 222, 202),
                     ((0, 0.06), (side * 0.78, 0.17), (side * 0.64, 0.6), (0, 0.5)))  # fmt: skip
            for k in range(3):
                y = 0.22 + k * 0.1
                pen.line((176, 168, 156), 0.025, ((side * 0.14, y + 0.02), (side * 0.58, y + 0.09)))
    elif kind == "pile":
        y = 0.0
        for _ in range(dice.count(2, 4)):
            cover, x = dice.paint(PAINTS), dice.between(-0.08, 0.08)
            half, thick = dice.between(0.5, 0.65), dice.between(0.14, 0.22)
            pen.box(cover, x - half, y, x + half, y + thick)
            pen.box((240, 232, 212), x - half + 0.1, y + 0.03, x + half + 0.01, y + thick - 0.03)
            y += thick
    else:
        count = dice.count(2, 6)
        x = -count * 0.1
        for k in range(count):
            cover, wide = dice.paint(PAINTS), dice.between(0.13, 0.22)
            tall, lean = (
                dice.between(0.75, 1.05),
                0.25 if k == count - 1 and dice.chance(0.5) else 0.0,
            )
            pen.poly(cover, ((x, 0), (x - lean, tall), (x + wide - lean, tall), (x + wide, 0)))
            band, y = x - lean * 0.75, tall * 0.75
            pen.line(shade(cover, 0.45), 0.04, ((band + 0.03, y), (band + wide - 0.03, y)))
            x += wide + 0.01


@thing("floor lamp", 1.6, label="lamp")
def floor_lamp(pen: Pen) -> None:
    """A shade on a stand."""
    pen.shadow(0.14)
    pole = pen.dice.paint((*METALS, *WOODS))
    pen.line(pole, 0.025, ((0, 0.03), (0, 0.85)))
    pen.disc(pole, 0, 0.02, 0.13, 0.025)
    _lampshade(pen, 0.72, 1.0, 0.09, 0.19)


@thing("table lamp", 0.5, label="lamp")
def table_lamp(pen: Pen) -> None:
    """A shade on a round foot."""
    pen.shadow(0.25)
    base = pen.dice.paint(PAINTS)
    pen.blob(
        base, ((-0.14, 0), (-0.18, 0.18), (-0.04, 0.42), (0.04, 0.42), (0.18, 0.18), (0.14, 0))
    )
    _lampshade(pen, 0.45, 1.0, 0.18, 0.36)


@thing("hanging lamp", 0.4, label="lamp")
def hanging_lamp(pen: Pen) -> None:
    """A shade on a cord from above; its foot is its lowest point."""
    pen.line(INK, 0.03, ((0, 0.8), (0, 9)))
    if pen.dice.chance(0.5):
        _lampshade(pen, 0.05, 0.8, 0.16, 0.6)
        return
    globe = LAMPLIGHT if pen.light.dark else mix(WHITE, LAMPLIGHT, 0.4)
    pen.disc(globe, 0, 0.4, 0.42, lit=pen.light.dark)
    pen.box(INK, -0.1, 0.78, 0.1, 0.92)
    pen.glow(LAMPLIGHT, 0, 0.4, 1.8)


def _lampshade(pen: Pen, low: float, high: float, above: float, below: float) -> None:
    cloth = pen.dice.paint(((244, 226, 186), *PAINTS))
    lit = pen.light.dark
    colour = mix(cloth, LAMPLIGHT, 0.6) if lit else cloth
    pen.poly(colour, ((-below, low), (-above, high), (above, high), (below, low)), lit=lit)
    pen.disc(LAMPLIGHT if lit else shade(cloth, 0.4), 0, low, below, below * 0.14, lit=lit)
    pen.glow(LAMPLIGHT, 0, low, below * 3.2)
