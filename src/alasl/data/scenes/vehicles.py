"""What drives and what floats."""

from __future__ import annotations

from alasl.data.scenes.canvas import INK, WHITE, Colour, Pen, mix, shade
from alasl.data.scenes.palette import GLASS, LAMPLIGHT, METALS, PAINTS, WOODS
from alasl.data.scenes.things import thing

CHROME: Colour = (214, 214, 212)


def _wheel(pen: Pen, x: float, radius: float) -> None:
    pen.disc(INK, x, radius, radius)
    pen.disc(CHROME, x, radius, radius * 0.5)


def _window(pen: Pen) -> tuple[Colour, bool]:
    lit = pen.light.dark and pen.dice.chance(0.5)
    return (LAMPLIGHT, True) if lit else (pen.dice.near(GLASS), False)


@thing("car", 1.5)
def car(pen: Pen) -> None:
    """From the side: saloon, hatchback, van or pickup; or from the front."""
    dice = pen.dice
    paint = dice.paint(PAINTS)
    dark = shade(paint, -0.25)
    glass, lit = _window(pen)
    shape = dice.pick(("saloon", "hatch", "van", "pickup", "front"))
    if shape == "front":
        pen.shadow(0.72)
        for side in (-1, 1):
            pen.box(INK, side * 0.5 - 0.09, 0, side * 0.5 + 0.09, 0.3)
        pen.blob(paint, ((-0.6, 0.18), (-0.62, 0.5), (-0.4, 0.64), (-0.34, 0.96), (0.34, 0.96),
                         (0.4, 0.64), (0.62, 0.5), (0.6, 0.18)))  # fmt: skip
        pen.poly(glass, ((-0.4, 0.6), (-0.31, 0.9), (0.31, 0.9), (0.4, 0.6)), lit=lit)
        pen.box(dark, -0.28, 0.24, 0.28, 0.36)
        for side in (-1, 1):
            pen.disc(WHITE, side * 0.43, 0.42, 0.1, 0.075, lit=pen.light.dark)
            pen.glow(LAMPLIGHT, side * 0.43, 0.42, 0.5)
        return
    pen.shadow(1.35)
    roof = {
        "saloon": ((-0.75, 0.6), (-0.45, 0.97), (0.25, 0.98), (0.62, 0.62)),
        "hatch": ((-1.12, 0.6), (-0.95, 0.97), (0.1, 0.98), (0.5, 0.62)),
        "van": ((-1.24, 0.6), (-1.2, 1.2), (0.55, 1.2), (0.92, 0.62)),
        "pickup": ((-0.2, 0.6), (-0.15, 0.98), (0.35, 0.98), (0.62, 0.62)),
    }[shape]
    pen.poly(paint, roof)
    pen.blob(paint, ((-1.25, 0.24), (-1.28, 0.56), (-0.8, 0.64), (0.6, 0.64), (1.15, 0.55),
                     (1.28, 0.4), (1.24, 0.22), (0, 0.18)))  # fmt: skip
    left, right = roof[1], roof[2]
    middle = (left[0] + right[0]) / 2
    top = left[1] - 0.06
    pen.poly(glass, ((roof[0][0] + 0.12, 0.64), (left[0] + 0.06, top), (middle - 0.05, top),
                     (middle - 0.05, 0.64)), lit=lit)  # fmt: skip
    if not (shape == "van" and dice.chance(0.5)):
        pen.poly(glass, ((middle + 0.05, 0.64), (middle + 0.05, top), (right[0] - 0.04, top),
                         (roof[3][0] - 0.12, 0.64)), lit=lit)  # fmt: skip
    pen.line(dark, 0.03, ((middle, 0.62), (middle - 0.02, 0.26)))
    pen.line(dark, 0.05, ((-1.2, 0.25), (1.2, 0.25)))
    for x in (-0.78, 0.76):
        _wheel(pen, x, 0.25)
    pen.disc(LAMPLIGHT, 1.17, 0.45, 0.07, lit=pen.light.dark)
    pen.glow(LAMPLIGHT, 1.2, 0.45, 0.6)
    pen.disc((196, 60, 52), -1.22, 0.46, 0.05, 0.07)


@thing("bus", 3.0)
def bus(pen: Pen) -> None:
    """From the side, with one deck or two, or a small one."""
    dice = pen.dice
    paint = dice.paint(PAINTS)
    long = dice.between(0.85, 1.45)
    decks = 2 if dice.chance(0.25) else 1
    top = 1.3 if decks == 2 else 0.95
    pen.shadow(long * 1.05)
    pen.poly(paint, ((-long, 0.14), (-long, top - 0.05), (-long + 0.04, top), (long - 0.1, top),
                     (long - 0.03, top - 0.05), (long + 0.02, 0.5),
                     (long + 0.02, 0.14)))  # fmt: skip
    if dice.chance(0.6):
        pen.box(shade(dice.paint(PAINTS), 0.2), -long, 0.34, long, 0.42)
    panes = round(long * 2 / 0.32)
    for deck in range(decks):
        low, high = (0.52, 0.8) if decks == 1 else (0.5 + deck * 0.42, 0.74 + deck * 0.42)
        for k in range(panes):
            glass, lit = _window(pen)
            left = -long + 0.08 + k * (2 * long - 0.16) / panes
            pen.box(glass, left, low, left + (2 * long - 0.16) / panes - 0.05, high, lit=lit)
    pen.box(shade(paint, -0.3), long - 0.34, 0.14, long - 0.14, 0.8)
    pen.box(mix(GLASS, WHITE, 0.3), long - 0.31, 0.3, long - 0.17, 0.76)
    for x in (-long * 0.62, long * 0.5):
        _wheel(pen, x, 0.15)
    pen.disc(LAMPLIGHT, long, 0.28, 0.05, lit=pen.light.dark)
    pen.glow(LAMPLIGHT, long, 0.28, 0.35)


@thing("bicycle", 1.1)
def bicycle(pen: Pen) -> None:
    """From the side, with a straight or a low frame."""
    dice = pen.dice
    paint, tyre = dice.paint(PAINTS[:11]), dice.near(INK)
    thin = 0.075
    pen.shadow(0.8)
    for x in (-0.52, 0.52):
        pen.ring(tyre, 0.07, x, 0.34, 0.31)
        for k in ((0.29, 0.0), (0.0, 0.29), (0.2, 0.2), (0.2, -0.2)):
            pen.line(CHROME, 0.02, ((x - k[0], 0.34 - k[1]), (x + k[0], 0.34 + k[1])))
    seat, crank, head = (-0.22, 0.72), (-0.04, 0.32), (0.36, 0.76)
    low = dice.chance(0.4)
    pen.line(paint, thin, ((-0.52, 0.34), crank, seat))
    pen.line(paint, thin, ((-0.52, 0.34), (-0.2, 0.66)))
    pen.line(paint, thin, (crank, head))
    if not low:
        pen.line(paint, thin, (seat, head))
    pen.line(paint, thin, ((0.52, 0.34), head, (0.33, 0.92)))
    pen.line(tyre, 0.06, ((0.33, 0.92), (0.48, 0.96)) if low else ((0.22, 0.9), (0.44, 0.92)))
    pen.line(tyre, 0.09, ((-0.34, 0.76), (-0.14, 0.76)))
    pen.disc(CHROME, *crank, 0.07)
    if dice.chance(0.35):
        pen.box(dice.paint(WOODS), 0.42, 0.66, 0.72, 0.9)


@thing("boat", 2.6)
def boat(pen: Pen, kind: str = "") -> None:
    """Afloat: with sails, a cabin, oars, or as a ship."""
    dice = pen.dice
    paint = dice.paint(PAINTS)
    pen.disc(WHITE, 0, 0.0, 0.7, 0.035, alpha=110)
    kind = kind or dice.pick(("sail", "sail", "cabin", "rowing", "ship"))
    if kind == "ship":
        _ship(pen, paint)
        return
    long = dice.between(0.42, 0.6) if kind != "rowing" else 0.6
    high = 0.2 if kind != "rowing" else 0.22
    if kind == "sail":
        _sails(pen, long)
    elif kind == "cabin":
        cabin = dice.paint((WHITE, (232, 200, 160), (190, 90, 70)))
        left = dice.pick((-0.3, -0.1))
        pen.box(cabin, left, 0.1, left + 0.36, 0.44)
        pen.box(shade(paint, -0.2), left - 0.04, 0.44, left + 0.4, 0.49)
        glass, lit = _window(pen)
        for k in (0.05, 0.2):
            pen.box(glass, left + k, 0.27, left + k + 0.1, 0.38, lit=lit)
        pen.line(dice.paint(WOODS), 0.02, ((left + 0.18, 0.48), (left + 0.18, 0.95)))
        pen.poly(dice.paint(PAINTS), ((left + 0.18, 0.95), (left + 0.18, 0.82), (left, 0.88)))
    else:
        for side in (-1, 1):
            pen.line(dice.paint(WOODS), 0.025, ((side * 0.12, 0.26), (side * 0.5, 0.04)))
    wood = dice.paint(WOODS)
    bow = long + 0.14
    pen.poly(paint, ((-long, high), (-long * 0.85, -0.01), (long * 0.8, -0.01), (bow, high + 0.05)))
    pen.poly(shade(paint, -0.3), ((-long * 0.9, 0.06), (-long * 0.85, -0.01), (long * 0.8, -0.01),
                                  (long * 0.9, 0.06)))  # fmt: skip
    pen.line(wood, 0.04, ((-long, high), (bow, high + 0.05)))
    pen.line(shade(paint, 0.4), 0.03, ((-long * 0.92, high * 0.5), (long, high * 0.55)))


def _sails(pen: Pen, long: float) -> None:
    dice = pen.dice
    sail = dice.paint((WHITE, (240, 226, 196), (206, 104, 74), (120, 160, 190), (228, 178, 84)))
    tall = dice.between(0.95, 1.25)
    pen.line(dice.paint(WOODS), 0.03, ((0, 0.15), (0, tall)))
    pen.blob(sail, ((-0.03, 0.3), (-0.03, tall - 0.02), (-0.18, 0.6), (-long * 0.9, 0.3)))
    if dice.chance(0.75):
        jib = shade(sail, -0.12)
        pen.poly(jib, ((0.04, 0.3), (0.03, tall * 0.86), (long, 0.3)))
    if dice.chance(0.4):
        pen.line(dice.paint(PAINTS), 0.04, ((-0.04, tall * 0.55), (-long * 0.5, tall * 0.5)))


def _ship(pen: Pen, paint: Colour) -> None:
    dice = pen.dice
    pen.poly(paint, ((-0.95, 0.3), (-0.88, -0.01), (0.85, -0.01), (1.08, 0.36)))
    pen.poly(shade(paint, -0.3), ((-0.9, 0.08), (-0.88, -0.01), (0.85, -0.01), (0.92, 0.08)))
    left = -0.7
    for deck in range(dice.count(1, 3)):
        low = 0.3 + deck * 0.13
        right = 0.6 - deck * 0.2
        pen.box(WHITE, left + deck * 0.08, low, right, low + 0.12)
        glass, lit = _window(pen)
        for k in range(5):
            x = left + 0.16 + k * (right - left - 0.2) / 5
            pen.box(glass, x, low + 0.035, x + 0.09, low + 0.085, lit=lit)
    pen.poly(dice.paint(PAINTS), ((-0.42, 0.55), (-0.4, 0.92), (-0.2, 0.92), (-0.18, 0.55)))
    pen.line(dice.paint(METALS), 0.02, ((0.35, 0.4), (0.35, 0.85)))
