"""What grows and stands outdoors."""

from __future__ import annotations

import math

from alasl.data.scenes.canvas import INK, WHITE, Colour, Pen, mix, shade
from alasl.data.scenes.palette import (
    AUTUMN,
    BLOOMS,
    GLASS,
    LAMPLIGHT,
    LEAVES,
    METALS,
    PAINTS,
    ROOFS,
    WALLS,
    WOODS,
)
from alasl.data.scenes.things import thing


@thing("tree", 4.6)
def tree(pen: Pen, kind: str = "") -> None:
    """Round, pine, poplar, bare or palm."""
    dice = pen.dice
    kind = kind or dice.pick(("round", "round", "round", "pine", "pine", "poplar", "bare"))
    leaf = dice.paint(AUTUMN if kind == "round" and dice.chance(0.22) else LEAVES)
    bark = dice.paint(WOODS[:4])
    pen.shadow(0.26)
    if kind == "pine":
        pen.box(bark, -0.03, 0, 0.03, 0.25)
        tiers = dice.count(3, 4)
        for k in range(tiers):
            low, wide = 0.14 + k * 0.64 / tiers, 0.29 * (1 - k / (tiers + 1.4))
            high = low + 0.36
            pen.poly(leaf, ((-wide, low), (0, high), (wide, low)))
            pen.poly(shade(leaf, -0.2), ((wide * 0.1, low), (0, high), (wide, low)))
    elif kind == "poplar":
        pen.box(bark, -0.025, 0, 0.025, 0.3)
        pen.blob(leaf, ((0, 0.14), (-0.15, 0.4), (-0.1, 0.8), (0, 1.02), (0.1, 0.8), (0.15, 0.4)))
        pen.blob(shade(leaf, -0.18), ((0.02, 0.18), (0.03, 0.55), (0.02, 0.95), (0.09, 0.75),
                                      (0.13, 0.4)))  # fmt: skip
    elif kind == "palm":
        _palm(pen, leaf, bark)
    elif kind == "bare":
        pen.line(bark, 0.06, ((0, 0), (0.01, 0.45)))
        for x, y, w in ((-0.2, 0.8, 0.035), (0.22, 0.86, 0.035), (0.02, 0.98, 0.035),
                        (-0.3, 0.62, 0.025), (0.32, 0.66, 0.025)):  # fmt: skip
            bend = dice.between(0.42, 0.6)
            pen.curve(bark, w, ((0.005, 0.36), (x * bend, y * 0.72), (x, y)))
            pen.line(bark, 0.016, ((x * 0.75, y * 0.85), (x * 0.75 + 0.09, y * 0.85 + 0.12)))
    else:
        pen.poly(bark, ((-0.055, 0), (-0.03, 0.5), (0.03, 0.5), (0.055, 0)))
        wide = dice.between(0.24, 0.36)
        for tone, lift, turn in ((-0.2, -0.04, 0.3), (0.0, 0.0, 1.4), (0.16, 0.05, 2.2)):
            for k in range(5 if tone else 6):
                a = turn + k * 2.5
                r = dice.between(0.45, 0.75) * (1 if tone <= 0 else 0.7)
                x = math.cos(a) * wide * r - (0.05 if tone > 0 else 0)
                y = 0.66 + lift + math.sin(a) * 0.22 * r
                pen.disc(shade(leaf, tone), x, y, wide * (0.5 if tone <= 0 else 0.28))
        if dice.chance(0.15):
            for _ in range(7):
                x, y = dice.between(-0.7, 0.7) * wide, dice.between(0.5, 0.8)
                pen.disc((206, 74, 62), x, y, 0.022)


def _palm(pen: Pen, leaf: Colour, bark: Colour) -> None:
    lean = pen.dice.between(0.05, 0.25)
    pen.curve(bark, 0.055, ((0, 0), (lean * 0.3, 0.4), (lean, 0.78)))
    for k in range(8):
        a = -0.5 + k * 4.1 / 7
        tip = (lean + 0.36 * math.cos(a), 0.8 + 0.22 * math.sin(a) - 0.08)
        mid = (lean + 0.2 * math.cos(a), 0.84 + 0.2 * math.sin(a))
        tone = shade(leaf, -0.15 if k % 2 else 0.05)
        pen.blob(tone, ((lean, 0.78), (mid[0], mid[1] + 0.03), tip, (mid[0], mid[1] - 0.045)))


@thing("house", 6.0)
def house(pen: Pen) -> None:
    """With a gable or a hipped roof, one or two floors, a door, windows and a chimney."""
    dice = pen.dice
    wall, roof, trim = dice.paint(WALLS), dice.paint(ROOFS), dice.near(WHITE)
    half = dice.between(0.36, 0.62)
    floors = dice.count(1, 2)
    eave = 0.4 if floors == 1 else 0.62
    top = eave + dice.between(0.28, 0.4)
    pen.shadow(half * 1.05)
    if dice.chance(0.6):
        x = dice.between(-0.7, 0.7) * half
        pen.box(shade(roof, -0.15), x - 0.05, eave + 0.1, x + 0.05, top + 0.06)
    pen.box(wall, -half, 0, half, eave)
    pen.box(shade(wall, -0.12), half * 0.55, 0, half, eave)
    over = half + 0.06
    if dice.chance(0.5):  # gable
        pen.poly(wall, ((-half, eave), (0, top), (half, eave)))
        pen.line(roof, 0.07, ((-over, eave - 0.05), (0, top), (over, eave - 0.05)))
    else:
        inset = half * dice.between(0.15, 0.5)
        pen.poly(roof, ((-over, eave), (-over + inset, top), (over - inset, top), (over, eave)))
        pen.line(shade(roof, -0.2), 0.025, ((-over, eave), (over, eave)))
    door = dice.paint(PAINTS)
    at = dice.pick((-0.5, 0.0, 0.45)) * half
    pen.box(trim, at - 0.085, 0, at + 0.085, 0.26)
    pen.box(door, at - 0.065, 0, at + 0.065, 0.24)
    columns = 3 if half > 0.48 else 2
    for floor in range(floors):
        for k in range(columns):
            x = half * (-0.66 + 1.32 * k / (columns - 1))
            y = 0.13 + floor * 0.27
            if floor == 0 and abs(x - at) < 0.17:
                continue
            lit = pen.light.dark and dice.chance(0.6)
            pen.box(trim, x - 0.075, y - 0.015, x + 0.075, y + 0.165)
            pen.box(LAMPLIGHT if lit else GLASS, x - 0.055, y, x + 0.055, y + 0.15, lit=lit)
            pen.line(trim, 0.014, ((x, y), (x, y + 0.15)))
            if lit:
                pen.glow(LAMPLIGHT, x, y + 0.08, 0.25)


@thing("bench", 1.05)
def bench(pen: Pen) -> None:
    """Of slats on iron legs, with or without a back."""
    dice = pen.dice
    wood, iron = dice.paint((*WOODS, (110, 140, 110))), dice.paint(METALS)
    long = dice.between(0.75, 1.05)
    pen.shadow(long)
    back = dice.chance(0.75)
    for side in (-1, 1):
        x = side * long * 0.8
        pen.line(iron, 0.06, ((x - 0.06, 0), (x - 0.02, 0.42)))
        pen.line(iron, 0.06, ((x + 0.1, 0), (x + 0.06, 0.42)))
        if back:
            pen.line(iron, 0.06, ((x, 0.4), (x, 0.95)))
    if back:
        for y in (0.62, 0.76, 0.9):
            pen.line(wood, 0.09, ((-long, y), (long, y)))
    pen.line(shade(wood, 0.12), 0.09, ((-long, 0.46), (long, 0.46)))
    pen.line(shade(wood, -0.2), 0.05, ((-long, 0.39), (long, 0.39)))


@thing("street lamp", 4.0, label="lamp")
def street_lamp(pen: Pen) -> None:
    """A lantern on a post, or an arm over the street."""
    dice = pen.dice
    iron = dice.paint(METALS)
    lit = pen.light.dark
    bulb = LAMPLIGHT if lit else (240, 232, 206)
    pen.shadow(0.08)
    kind = dice.pick(("lantern", "arm", "globes"))
    if kind == "arm":
        pen.line(iron, 0.03, ((0, 0), (0, 0.85)))
        pen.curve(iron, 0.026, ((0, 0.84), (0.05, 0.96), (0.24, 0.98)))
        pen.poly(iron, ((0.16, 0.97), (0.2, 1.01), (0.34, 0.99), (0.36, 0.96)))
        pen.disc(bulb, 0.27, 0.955, 0.075, 0.022, lit=lit)
        pen.glow(LAMPLIGHT, 0.27, 0.93, 0.34)
        return
    pen.line(iron, 0.032, ((0, 0), (0, 0.84)))
    pen.box(iron, -0.035, 0, 0.035, 0.1)
    if kind == "lantern":
        pen.poly(bulb, ((-0.05, 0.82), (-0.085, 0.98), (0.085, 0.98), (0.05, 0.82)), lit=lit)
        pen.poly(iron, ((-0.1, 0.97), (0, 1.05), (0.1, 0.97)))
        pen.line(iron, 0.016, ((0, 0.82), (0, 0.97)))
        pen.glow(LAMPLIGHT, 0, 0.9, 0.34)
    else:
        pen.line(iron, 0.024, ((-0.13, 0.8), (0.13, 0.8)))
        for x in (-0.13, 0.13):
            pen.disc(bulb, x, 0.86, 0.058, lit=lit)
            pen.glow(LAMPLIGHT, x, 0.86, 0.26)


@thing("traffic light", 3.6)
def traffic_light(pen: Pen) -> None:
    """Three lights in a box on a post, one of them lit."""
    dice = pen.dice
    case = dice.paint(((46, 48, 54), (60, 66, 60), (212, 170, 62)))
    pen.shadow(0.08)
    pen.line(dice.paint(METALS), 0.035, ((0, 0), (0, 0.7)))
    pen.box(case, -0.085, 0.55, 0.085, 1.02)
    on = dice.pick((0, 0, 1, 2, 2))
    for k, colour in enumerate(((86, 196, 118), (246, 196, 74), (232, 74, 62))):
        y = 0.635 + k * 0.15
        pen.disc(colour if k == on else mix(colour, INK, 0.72), 0, y, 0.058, lit=k == on)
        if k == on:
            pen.glow(colour, 0, y, 0.2)


@thing("umbrella", 1.2)
def umbrella(pen: Pen) -> None:
    """Open, seen from the side."""
    dice = pen.dice
    paint = dice.paint(PAINTS)
    other = dice.paint(PAINTS) if dice.chance(0.55) else shade(paint, -0.14)
    pen.line(dice.paint(WOODS), 0.03, ((0, 0.05), (0, 1.06)))
    wide, low = 0.62, 0.64
    ribs = [-wide + 2 * wide * k / 6 for k in range(7)]
    for k in range(6):
        left, right = ribs[k], ribs[k + 1]
        middle = (left + right) / 2
        rim = [left + (right - left) * share for share in (0, 0.2, 0.5, 0.8, 1)]
        arch = [(x, low + 0.38 * math.sqrt(max(0.0, 1 - (x / wide) ** 2))) for x in rim]
        # Each gore narrows to the tip and hangs in a scallop between its ribs.
        pen.poly(
            paint if k % 2 else other, (*arch, (right, low), (middle, low + 0.045), (left, low))
        )


@thing("kite", 1.3)
def kite(pen: Pen) -> None:
    """A diamond or a wing, with a tail and its string."""
    dice = pen.dice
    paint, other = dice.paint(PAINTS), dice.paint(PAINTS)
    pen.line(shade(WHITE, -0.2), 0.012, ((0, 0.4), (0.4, -0.8), (1.0, -1.8)))
    tail = [(0, 0.05), (-0.14, -0.15), (0.06, -0.35), (-0.1, -0.6)]
    pen.curve(other, 0.03, tail)
    for x, y in tail[1:]:
        pen.poly(other, ((x - 0.08, y + 0.05), (x + 0.08, y - 0.05), (x + 0.08, y + 0.05),
                         (x - 0.08, y - 0.05)))  # fmt: skip
    if dice.chance(0.65):
        pen.poly(paint, ((0, 0), (-0.36, 0.62), (0, 1), (0.36, 0.62)))
        pen.poly(other, ((0, 0), (0, 1), (0.36, 0.62)))
        pen.poly(shade(paint, 0.3), ((0, 1), (-0.36, 0.62), (0, 0.62)))
    else:
        pen.poly(paint, ((-0.75, 0.25), (0, 0.9), (0, 0.35)))
        pen.poly(other, ((0.75, 0.25), (0, 0.9), (0, 0.35)))


@thing("flower", 1.0)
def flower(pen: Pen, kind: str = "ground") -> None:
    """One to six blooms, in the ground, in a pot or in a vase; kind: "ground", "pot", "vase"."""
    dice = pen.dice
    bloom, stem = dice.paint(BLOOMS), dice.paint(LEAVES)
    foot = 0.0 if kind == "ground" else 0.34
    for k in range(dice.count(2, 6) if kind == "ground" else dice.count(3, 6)):
        x = (k % 2 * 2 - 1) * (k + 1) // 2 * 0.15 + dice.between(-0.05, 0.05)
        y = dice.between(0.62, 0.95) - abs(x) * 0.2
        pen.curve(stem, 0.03, ((x * 0.3, foot), (x * 0.6, (foot + y) / 2), (x, y)))
        pen.blob(shade(stem, 0.1), ((x * 0.5, foot + 0.12), (x * 0.5 + 0.12, foot + 0.26),
                                    (x * 0.5 + 0.05, foot + 0.1)))  # fmt: skip
        _bloom(pen, bloom if dice.chance(0.75) else dice.paint(BLOOMS), x, y)
    if kind == "pot":
        clay = dice.paint(((196, 110, 78), (226, 210, 186), (110, 130, 140)))
        pen.poly(clay, ((-0.15, 0), (-0.22, 0.36), (0.22, 0.36), (0.15, 0)))
        pen.box(shade(clay, -0.15), -0.24, 0.31, 0.24, 0.38)
    elif kind == "vase":
        glaze = dice.paint(PAINTS)
        pen.blob(glaze, ((-0.1, 0), (-0.19, 0.15), (-0.08, 0.34), (-0.11, 0.4), (0.11, 0.4),
                         (0.08, 0.34), (0.19, 0.15), (0.1, 0)))  # fmt: skip


def _bloom(pen: Pen, colour: Colour, x: float, y: float) -> None:
    kind = pen.dice.pick(("daisy", "tulip", "round"))
    if kind == "tulip":
        pen.poly(colour, ((x - 0.09, y), (x - 0.11, y + 0.18), (x - 0.04, y + 0.1), (x, y + 0.2),
                          (x + 0.04, y + 0.1), (x + 0.11, y + 0.18), (x + 0.09, y)))  # fmt: skip
        pen.disc(colour, x, y + 0.03, 0.09)
    elif kind == "round":
        pen.disc(colour, x, y + 0.05, 0.14)
        pen.disc(shade(colour, -0.2), x + 0.01, y + 0.04, 0.065)
    else:
        for k in range(6):
            a = k * math.pi / 3
            pen.disc(colour, x + 0.1 * math.cos(a), y + 0.05 + 0.1 * math.sin(a), 0.075)
        pen.disc((240, 196, 84), x, y + 0.05, 0.055)
