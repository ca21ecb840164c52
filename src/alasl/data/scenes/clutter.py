"""Things without a label: they hide others, and look a little like them."""

from __future__ import annotations

import math

from alasl.data.scenes.canvas import INK, WHITE, Pen, mix, shade
from alasl.data.scenes.palette import AUTUMN, LAMPLIGHT, LEAVES, METALS, PAINTS, WOODS
from alasl.data.scenes.things import clutter


@clutter("cloud", 1.0)
def cloud(pen: Pen) -> None:
    tone = mix(pen.light.sky[1], WHITE, 0.12 if pen.light.dark else 0.55)
    for k in range(pen.dice.count(3, 5)):
        x = (k - 2) * 0.55 + pen.dice.between(-0.15, 0.15)
        pen.poly(tone, _ellipse(x, 0.3, pen.dice.between(0.5, 0.9), 0.32), alpha=170, lit=True)
    pen.poly(tone, _ellipse(0, 0.5, 0.7, 0.42), alpha=170, lit=True)


def _ellipse(x: float, y: float, rx: float, ry: float) -> list[tuple[float, float]]:
    turns = [k * math.tau / 28 for k in range(28)]
    return [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in turns]


@clutter("bush", 0.9)
def bush(pen: Pen) -> None:
    leaf = pen.dice.paint((*LEAVES, *LEAVES, AUTUMN[0]))
    pen.shadow(0.8)
    for k in range(6):
        x = (k - 2.5) * 0.26
        high = pen.dice.between(0.3, 0.62) * (1 - abs(x) * 0.4)
        pen.disc(shade(leaf, -0.16 + 0.06 * (k % 3)), x, high, 0.36, 0.36)
    pen.box(shade(leaf, -0.16), -0.7, 0, 0.7, 0.3)


@clutter("rock", 0.6)
def rock(pen: Pen) -> None:
    stone = pen.dice.paint(((148, 142, 138), (176, 164, 148), (112, 112, 120), (226, 220, 208)))
    pen.shadow(0.8)
    tip = pen.dice.between(-0.2, 0.2)
    pen.poly(stone, ((-0.75, 0), (-0.55, 0.5), (tip, 0.9), (0.5, 0.6), (0.75, 0)))
    pen.poly(shade(stone, -0.2), ((0.1, 0), (tip, 0.9), (0.5, 0.6), (0.75, 0)))


@clutter("fence", 0.9)
def fence(pen: Pen) -> None:
    wood = pen.dice.paint(WOODS)
    posts = pen.dice.count(5, 9)
    for y in (0.35, 0.68):
        pen.line(wood, 0.08, ((-posts * 0.3, y), (posts * 0.3, y)))
    for k in range(posts):
        x = (k - (posts - 1) / 2) * 0.6
        pen.line(shade(wood, -0.12), 0.11, ((x, 0), (x, 0.95)))


@clutter("sign", 2.6)
def sign(pen: Pen) -> None:
    pen.shadow(0.08)
    paint = pen.dice.paint(PAINTS)
    pen.line(pen.dice.paint(METALS), 0.035, ((0, 0), (0, 0.95)))
    kind = pen.dice.pick(("round", "board", "arrow"))
    if kind == "round":
        pen.disc(paint, 0, 0.9, 0.13)
        pen.disc(WHITE, 0, 0.9, 0.085)
    elif kind == "board":
        pen.box(paint, -0.12, 0.62, 0.12, 1.0)
        for y in (0.72, 0.82, 0.92):
            pen.line(shade(paint, 0.5), 0.025, ((-0.07, y), (0.07, y)))
    else:
        pen.poly(paint, ((-0.2, 0.8), (-0.2, 0.94), (0.18, 0.94), (0.27, 0.87), (0.18, 0.8)))


@clutter("bin", 0.9)
def bin_(pen: Pen) -> None:
    paint = pen.dice.paint((*METALS, *LEAVES))
    pen.shadow(0.35)
    pen.poly(paint, ((-0.24, 0), (-0.3, 0.85), (0.3, 0.85), (0.24, 0)))
    pen.line(shade(paint, -0.25), 0.12, ((-0.32, 0.88), (0.32, 0.88)))
    pen.line(shade(paint, 0.25), 0.05, ((-0.1, 0.12), (-0.12, 0.75)))


@clutter("crate", 0.7)
def crate(pen: Pen) -> None:
    wood = pen.dice.paint((*WOODS, *PAINTS[:4]))
    pen.shadow(0.55)
    pen.box(wood, -0.5, 0, 0.5, 0.85)
    for y in (0.06, 0.79):
        pen.line(shade(wood, -0.2), 0.1, ((-0.46, y), (0.46, y)))
    pen.line(shade(wood, -0.12), 0.09, ((-0.42, 0.12), (0.42, 0.74)))


@clutter("barrel", 0.8)
def barrel(pen: Pen) -> None:
    wood = pen.dice.paint((*WOODS[:4], *PAINTS[:5]))
    pen.shadow(0.45)
    pen.blob(wood, ((-0.3, 0), (-0.42, 0.45), (-0.3, 0.92), (0.3, 0.92), (0.42, 0.45), (0.3, 0)))
    for y in (0.22, 0.7):
        pen.line(INK, 0.06, ((-0.37, y), (0.37, y)))


@clutter("ball", 0.45)
def ball(pen: Pen) -> None:
    paint = pen.dice.paint(PAINTS)
    pen.shadow(0.45)
    pen.disc(paint, 0, 0.45, 0.45)
    pen.blob(pen.dice.paint(PAINTS), ((-0.1, 0.88), (0.12, 0.88), (0.2, 0.45), (0.1, 0.03),
                                      (-0.12, 0.03), (-0.02, 0.45)))  # fmt: skip


@clutter("towel", 0.3)
def towel(pen: Pen) -> None:
    paint = pen.dice.paint(PAINTS)
    pen.poly(paint, ((-1.6, 0), (-1.1, 0.75), (1.7, 0.75), (1.3, 0)))
    pen.poly(pen.dice.paint(PAINTS), ((-0.5, 0), (-0.1, 0.75), (0.4, 0.75), (0.1, 0)))


@clutter("buoy", 1.0)
def buoy(pen: Pen) -> None:
    paint = pen.dice.paint(PAINTS)
    pen.disc(WHITE, 0, 0, 0.5, 0.06, alpha=110)
    pen.poly(paint, ((-0.35, 0), (-0.12, 0.75), (0.12, 0.75), (0.35, 0)))
    pen.box(WHITE, -0.24, 0.3, 0.24, 0.46)
    pen.disc(LAMPLIGHT if pen.light.dark else paint, 0, 0.85, 0.12, lit=pen.light.dark)


@clutter("haystack", 1.5)
def haystack(pen: Pen) -> None:
    straw = pen.dice.near((216, 180, 98))
    pen.shadow(0.7)
    if pen.dice.chance(0.5):
        pen.disc(straw, 0, 0.48, 0.5)
        for r in (0.36, 0.22, 0.1):
            pen.ring(shade(straw, -0.2), 0.03, 0, 0.48, r)
    else:
        pen.blob(straw, ((-0.7, 0), (-0.55, 0.5), (0, 1), (0.55, 0.5), (0.7, 0)))
        pen.line(shade(straw, -0.2), 0.03, ((-0.2, 0.1), (-0.08, 0.8)))


@clutter("tower", 9.0)
def tower(pen: Pen) -> None:
    """A lighthouse or a windmill."""
    stone = pen.dice.near(WHITE)
    paint = pen.dice.paint(PAINTS[:4])
    pen.poly(stone, ((-0.13, 0), (-0.08, 0.8), (0.08, 0.8), (0.13, 0)))
    if pen.dice.chance(0.6):
        for low in (0.12, 0.42):
            pen.poly(paint, ((-0.12 + low * 0.06, low), (-0.1 + low * 0.03, low + 0.16),
                             (0.1 - low * 0.03, low + 0.16), (0.12 - low * 0.06, low)))  # fmt: skip
        pen.box(LAMPLIGHT, -0.055, 0.8, 0.055, 0.92, lit=pen.light.dark)
        pen.glow(LAMPLIGHT, 0, 0.86, 0.5)
        pen.poly(paint, ((-0.09, 0.92), (0, 1.03), (0.09, 0.92)))
        return
    pen.poly(paint, ((-0.09, 0.8), (0, 0.95), (0.09, 0.8)))
    start = pen.dice.between(0, 1.5)
    for k in range(4):
        a = start + k * math.pi / 2
        c, s = math.cos(a), math.sin(a)
        pen.poly(shade(stone, -0.15), ((0.05 * c, 0.78 + 0.05 * s),
                                       (0.34 * c - 0.06 * s, 0.78 + 0.34 * s + 0.06 * c),
                                       (0.36 * c, 0.78 + 0.36 * s)))  # fmt: skip


@clutter("plate", 0.22)
def plate(pen: Pen) -> None:
    """A bowl or a plate, with fruit at times."""
    glaze = pen.dice.paint(PAINTS)
    pen.shadow(0.7)
    if pen.dice.chance(0.5):
        for x in (-0.3, 0.05, 0.32):
            pen.disc(pen.dice.paint(((206, 74, 62), (228, 150, 62), (150, 176, 84))), x, 0.55, 0.26)
    pen.blob(glaze, ((-0.75, 0.55), (-0.5, 0.12), (-0.2, 0), (0.2, 0), (0.5, 0.12), (0.75, 0.55)))


@clutter("fruit", 0.14)
def fruit(pen: Pen) -> None:
    peel = pen.dice.paint(((206, 74, 62), (228, 150, 62), (150, 176, 84), (130, 70, 96)))
    pen.shadow(0.4)
    pen.disc(peel, 0, 0.45, 0.45)
    pen.disc(shade(peel, 0.4), -0.14, 0.6, 0.1)
    pen.line((96, 76, 52), 0.08, ((0, 0.85), (0.06, 1.05)))


@clutter("jug", 0.3)
def jug(pen: Pen) -> None:
    """A jug, a teapot or an empty vase."""
    glaze = pen.dice.paint(PAINTS)
    pen.shadow(0.35)
    kind = pen.dice.pick(("vase", "jug", "teapot"))
    if kind == "teapot":
        pen.curve(glaze, 0.1, ((0.3, 0.25), (0.5, 0.35), (0.58, 0.62)))
        pen.ring(shade(glaze, -0.15), 0.07, -0.4, 0.38, 0.18)
        pen.disc(glaze, 0, 0.36, 0.42, 0.36)
        pen.disc(shade(glaze, -0.2), 0, 0.74, 0.07)
        return
    pen.blob(glaze, ((-0.16, 0), (-0.34, 0.3), (-0.13, 0.7), (-0.22, 0.95), (0.22, 0.95),
                     (0.13, 0.7), (0.34, 0.3), (0.16, 0)))  # fmt: skip
    if kind == "jug":
        pen.ring(glaze, 0.08, 0.28, 0.58, 0.2)
    pen.line(shade(glaze, 0.35), 0.05, ((-0.18, 0.2), (-0.18, 0.42)))


@clutter("pot", 0.26)
def pot(pen: Pen) -> None:
    """A saucepan, or a kettle."""
    metal = pen.dice.paint((*METALS, (190, 190, 188), *PAINTS[:3]))
    pen.shadow(0.6)
    pen.box(metal, -0.5, 0.02, 0.5, 0.62)
    pen.line(shade(metal, -0.3), 0.1, ((0.5, 0.52), (1.05, 0.58)))
    pen.line(shade(metal, 0.25), 0.08, ((-0.52, 0.65), (0.52, 0.65)))
    pen.disc(INK, 0, 0.74, 0.08)


@clutter("plant", 0.6)
def plant(pen: Pen) -> None:
    """Leaves in a pot, without a bloom."""
    leaf = pen.dice.paint(LEAVES)
    clay = pen.dice.paint(((196, 110, 78), (226, 210, 186), (110, 130, 140)))
    pen.shadow(0.28)
    for k in range(7):
        a = 0.35 + k * 0.41
        x, y = 0.42 * math.cos(a), 0.4 + 0.55 * math.sin(a)
        pen.blob(shade(leaf, -0.15 if k % 2 else 0.08),
                 ((0, 0.35), (x * 0.5 - 0.06, 0.35 + (y - 0.35) * 0.6), (x, y),
                  (x * 0.6 + 0.06, 0.35 + (y - 0.35) * 0.5)))  # fmt: skip
    pen.poly(clay, ((-0.15, 0), (-0.22, 0.38), (0.22, 0.38), (0.15, 0)))


@clutter("picture", 0.6)
def picture(pen: Pen) -> None:
    half = pen.dice.between(0.3, 0.6)
    pen.box(pen.dice.paint((*WOODS, WHITE, INK)), -half, 0, half, 1)
    one, other = pen.dice.paint(PAINTS), pen.dice.paint(PAINTS)
    pen.box(one, -half + 0.08, 0.08, half - 0.08, 0.92)
    pen.poly(other, ((-half + 0.08, 0.08), (-half + 0.08, 0.4), (0, 0.6), (half - 0.08, 0.3),
                     (half - 0.08, 0.08)))  # fmt: skip
    pen.disc(shade(one, 0.5), half * 0.3, 0.7, 0.09)


@clutter("sofa", 0.9)
def sofa(pen: Pen) -> None:
    cloth = pen.dice.paint(PAINTS)
    half = pen.dice.between(0.9, 1.3)
    pen.shadow(half * 1.1)
    pen.blob(shade(cloth, -0.1), ((-half, 0.1), (-half, 0.95), (0, 1.0), (half, 0.95), (half, 0.1)))
    pen.box(cloth, -half, 0.1, half, 0.5)
    pen.line(shade(cloth, -0.25), 0.03, ((0, 0.12), (0, 0.5)))
    for side in (-1, 1):
        arm = ((half - 0.08, 0.06), (half - 0.1, 0.6), (half + 0.16, 0.6), (half + 0.14, 0.06))
        pen.blob(shade(cloth, 0.1), [(side * x, y) for x, y in arm])
    if pen.dice.chance(0.6):
        x = pen.dice.between(-0.5, 0.5) * half
        pen.box(pen.dice.paint(PAINTS), x - 0.2, 0.46, x + 0.2, 0.82)


@clutter("stool", 0.5)
def stool(pen: Pen) -> None:
    wood = pen.dice.paint(WOODS)
    pen.shadow(0.4)
    for x in (-0.3, 0, 0.3):
        pen.line(shade(wood, -0.2), 0.09, ((x * 1.2, 0.03), (x * 0.8, 0.85)))
    pen.disc(wood, 0, 0.9, 0.42, 0.11)
