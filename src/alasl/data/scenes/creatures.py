"""People and animals."""

from __future__ import annotations

from alasl.data.scenes.canvas import INK, WHITE, Colour, Pen, shade
from alasl.data.scenes.palette import CATS, DOGS, HAIR, PAINTS, SKIN
from alasl.data.scenes.things import thing


@thing("person", 1.7)
def person(pen: Pen, kind: str = "stands") -> None:
    """Standing, walking, waving or sitting; in trousers, a skirt or a coat."""
    dice = pen.dice
    sits = kind == "sits"
    skin, hair = dice.pick(SKIN), dice.paint(HAIR)
    top, bottom, shoe = dice.paint(PAINTS), shade(dice.paint(PAINTS), -0.25), dice.near(INK)
    wide = dice.between(0.105, 0.14)
    skirt = not sits and dice.chance(0.3)
    stride = dice.pick((0.03, 0.05, 0.12))
    hip = 0.47 if not sits else 0.28
    lift = hip - 0.47
    if sits:
        pen.line(bottom, 0.09, ((0, hip), (0.2, hip), (0.21, 0.03)))
        pen.line(shoe, 0.06, ((0.2, 0.02), (0.27, 0.02)))
    else:
        pen.shadow(0.2)
        for side in (-1, 1):
            leg = shade(bottom, -0.12 if side < 0 else 0)
            foot = side * stride
            pen.line(skin if skirt else leg, 0.075, ((side * 0.045, hip), (foot, 0.04)))
            pen.line(shoe, 0.055, ((foot - 0.01, 0.025), (foot + 0.06, 0.025)))
    _arm(pen, shade(top, -0.2), skin, -wide, lift, dice.pick(("down", "bent", "up")))
    hem = 0.22 if skirt else dice.pick((0.43, 0.4, 0.3)) + lift
    flare = dice.between(1.2, 1.7) if skirt else 1.05
    pen.blob(top, (
        (-wide * 0.8, 0.8 + lift), (wide * 0.8, 0.8 + lift), (wide, 0.72 + lift),
        (wide * 0.85, 0.55 + lift), (wide * flare, hem), (0, hem - 0.01), (-wide * flare, hem),
        (-wide * 0.85, 0.55 + lift), (-wide, 0.72 + lift),
    ))  # fmt: skip
    if dice.chance(0.3):
        pen.box(dice.paint(PAINTS), -wide * 0.95, 0.57 + lift, wide * 0.95, 0.62 + lift)
    _arm(pen, shade(top, 0.08), skin, wide, lift, dice.pick(("down", "down", "bent", "up")))
    _head(pen, skin, hair, 0.895 + lift)


def _arm(pen: Pen, sleeve: Colour, skin: Colour, x: float, lift: float, pose: str) -> None:
    side = 1 if x > 0 else -1
    elbow, hand = {
        "down": ((x + side * 0.035, 0.6), (x + side * 0.03, 0.46)),
        "bent": ((x + side * 0.06, 0.61), (x + side * 0.13, 0.66)),
        "up": ((x + side * 0.1, 0.7), (x + side * 0.13, 0.88)),
    }[pose]
    joints = [(x * 0.85, 0.76 + lift), (elbow[0], elbow[1] + lift), (hand[0], hand[1] + lift)]
    pen.line(sleeve, 0.06, joints)
    pen.disc(skin, *joints[-1], 0.032)


def _head(pen: Pen, skin: Colour, hair: Colour, y: float) -> None:
    dice = pen.dice
    style = dice.pick(("short", "long", "bun", "hat", "cap"))
    if style == "long":
        pen.blob(hair, ((-0.085, y + 0.03), (0, y + 0.1), (0.085, y + 0.03), (0.09, y - 0.12),
                        (0, y - 0.1), (-0.09, y - 0.12)))  # fmt: skip
    pen.line(shade(skin, -0.12), 0.05, ((0, y - 0.12), (0, y - 0.05)))
    pen.disc(skin, 0, y, 0.068, 0.078)
    if style in ("hat", "cap"):
        felt = dice.paint(PAINTS)
        brim = 0.13 if style == "hat" else 0.07
        pen.blob(felt, ((-0.075, y + 0.03), (-0.06, y + 0.1), (0.06, y + 0.1), (0.075, y + 0.03)))
        pen.line(shade(felt, -0.15), 0.025, ((-brim, y + 0.035), (max(brim, 0.12), y + 0.035)))
        return
    pen.blob(hair, ((-0.075, y), (-0.06, y + 0.075), (0.01, y + 0.098), (0.07, y + 0.06),
                    (0.07, y + 0.025), (0.0, y + 0.045), (-0.045, y + 0.02)))  # fmt: skip
    if style == "bun":
        pen.disc(hair, -0.03, y + 0.1, 0.038)


@thing("dog", 1.05)
def dog(pen: Pen) -> None:
    """Standing or sitting; slim or stout, with pricked or hanging ears."""
    dice = pen.dice
    coat = dice.paint(DOGS)
    dark, pale = shade(coat, -0.25), shade(coat, 0.35)
    pen.shadow(0.5)
    long = dice.between(0.42, 0.6)
    if dice.chance(0.3):  # sitting
        pen.curve(coat, 0.09, ((-0.25, 0.08), (-0.45, 0.1), (-0.52, 0.25)))
        pen.blob(coat, ((-0.32, 0.02), (-0.33, 0.25), (-0.05, 0.6), (0.16, 0.66), (0.2, 0.4),
                        (0.14, 0.02)))  # fmt: skip
        pen.line(dark, 0.1, ((0.12, 0.45), (0.14, 0.05)))
        x, y = 0.12, 0.78
    else:
        tail = dice.between(0.5, 0.95)
        pen.curve(coat, 0.08, ((-long, 0.58), (-long - 0.14, tail * 0.8), (-long - 0.16, tail)))
        for foot, tone in ((-long + 0.2, dark), (long - 0.08, dark), (-long + 0.06, coat),
                           (long - 0.2, coat)):  # fmt: skip
            pen.line(tone, 0.11, ((foot, 0.4), (foot + dice.between(-0.05, 0.05), 0.05)))
        pen.blob(coat, ((-long, 0.6), (0, 0.64), (long, 0.7), (long + 0.03, 0.45), (0.1, 0.32),
                        (-long, 0.36)))  # fmt: skip
        if dice.chance(0.4):
            pen.disc(pale if dice.chance(0.5) else dark, -long * 0.3, 0.52, 0.2, 0.1)
        x, y = long + 0.08, 0.83
    pen.line(coat, 0.2, ((x - 0.08, y - 0.22), (x, y)))
    pen.disc(coat, x, y, 0.17, 0.155)
    snout = ((x + 0.05, y + 0.06), (x + 0.3, y), (x + 0.32, y - 0.08), (x + 0.06, y - 0.13))
    pen.blob(coat if dice.chance(0.5) else pale, snout)
    pen.disc(INK, x + 0.31, y - 0.01, 0.035)
    pen.disc(INK, x + 0.07, y + 0.05, 0.022)
    if dice.chance(0.65):
        pen.blob(dark, ((x - 0.08, y + 0.13), (x + 0.0, y + 0.1), (x - 0.04, y - 0.17),
                        (x - 0.16, y - 0.15)))  # fmt: skip
    else:
        pen.poly(dark, ((x - 0.15, y + 0.08), (x - 0.1, y + 0.3), (x + 0.03, y + 0.13)))


@thing("cat", 0.8)
def cat(pen: Pen) -> None:
    """Sitting, walking or lying, tabby or plain."""
    dice = pen.dice
    coat = dice.paint(CATS)
    dark, pale = shade(coat, -0.28), shade(coat, 0.45)
    pen.shadow(0.45)
    pose = dice.pick(("sits", "sits", "sits", "walks", "lies"))
    if pose == "sits":
        pen.curve(coat, 0.1, ((-0.15, 0.06), (-0.42, 0.05), (-0.5, 0.2), (-0.42, 0.34)))
        pen.blob(coat, ((-0.28, 0.02), (-0.27, 0.3), (-0.1, 0.64), (0.1, 0.66), (0.22, 0.3),
                        (0.2, 0.02)))  # fmt: skip
        pen.disc(pale, 0.06, 0.32, 0.09, 0.2)
        x, y = 0.03, 0.77
    elif pose == "walks":
        pen.curve(coat, 0.09, ((-0.5, 0.5), (-0.68, 0.65), (-0.66, 0.95), (-0.58, 1.02)))
        for foot, tone in ((-0.42, dark), (0.38, dark), (-0.28, coat), (0.25, coat)):
            pen.line(tone, 0.1, ((foot, 0.35), (foot + dice.between(-0.08, 0.08), 0.05)))
        pen.blob(coat, ((-0.5, 0.55), (0, 0.54), (0.45, 0.62), (0.46, 0.38), (0, 0.3),
                        (-0.5, 0.33)))  # fmt: skip
        x, y = 0.52, 0.72
    else:
        pen.curve(dark, 0.1, ((-0.5, 0.1), (-0.3, 0.04), (0.1, 0.05)))
        pen.blob(coat, ((-0.55, 0.03), (-0.5, 0.33), (-0.1, 0.44), (0.4, 0.34), (0.55, 0.03)))
        x, y = 0.45, 0.42
    if pose != "lies" and dice.chance(0.5):  # tabby
        for k in (-0.16, -0.02, 0.12):
            low = 0.44 if pose == "walks" else 0.3 + k
            pen.line(dark, 0.03, ((k * 1.5 - 0.05, low + 0.12), (k * 1.5 - 0.07, low - 0.04)))
    for side in (-1, 1):
        pen.poly(coat, ((x + side * 0.19, y + 0.05), (x + side * 0.17, y + 0.31),
                        (x + side * 0.03, y + 0.14)))  # fmt: skip
        pen.poly((226, 160, 156), ((x + side * 0.16, y + 0.1), (x + side * 0.155, y + 0.24),
                                   (x + side * 0.07, y + 0.14)))  # fmt: skip
    pen.disc(coat, x, y, 0.205, 0.17)
    for side in (-1, 1):
        pen.disc((196, 200, 96), x + side * 0.085, y + 0.03, 0.042)
        pen.disc(INK, x + side * 0.085, y + 0.03, 0.02, 0.038)
    pen.poly((206, 122, 122), ((x - 0.03, y - 0.035), (x + 0.03, y - 0.035), (x, y - 0.07)))


@thing("sheep", 1.1)
def sheep(pen: Pen) -> None:
    """A woolly body of curls on thin legs, head up or grazing."""
    dice = pen.dice
    wool = dice.paint(((244, 238, 224), (226, 216, 198), (120, 104, 96)))
    face = dice.paint(((58, 52, 56), (92, 74, 66), (228, 212, 190)))
    pen.shadow(0.6)
    for foot in (-0.32, -0.2, 0.2, 0.33):
        pen.line(face, 0.09, ((foot, 0.35), (foot, 0.04)))
    for k in range(9):
        a = k / 9 * 2 - 1
        pen.disc(shade(wool, -0.1), a * 0.5, 0.44 - 0.06 * (1 - a * a), 0.16)
    for k in range(8):
        a = k / 7 * 2 - 1
        pen.disc(wool, a * 0.46, 0.58 + 0.18 * (1 - a * a), 0.18)
    pen.disc(wool, 0, 0.6, 0.42, 0.22)
    x, y = (0.68, 0.78) if dice.chance(0.6) else (0.72, 0.35)
    pen.line(wool, 0.25, ((0.42, 0.62), (x - 0.1, y)))
    pen.blob(face, ((x - 0.12, y + 0.1), (x + 0.05, y + 0.12), (x + 0.17, y - 0.14),
                    (x + 0.08, y - 0.2), (x - 0.08, y - 0.08)))  # fmt: skip
    pen.line(face, 0.06, ((x - 0.1, y + 0.08), (x - 0.22, y + 0.05)))
    pen.disc(wool, x - 0.05, y + 0.14, 0.11, 0.08)
    pen.disc(WHITE, x + 0.03, y + 0.03, 0.026)


@thing("bird", 0.8)
def bird(pen: Pen, kind: str = "stands") -> None:
    """With spread wings, afloat or on its feet; kind: "flies", "swims", "stands"."""
    dice = pen.dice
    feather = dice.paint(((246, 244, 240), (70, 74, 88), (110, 92, 78), (86, 122, 158),
                          (190, 92, 70)))  # fmt: skip
    dark = shade(feather, -0.3)
    beak = dice.near((232, 160, 58))
    if kind == "flies":
        lift = dice.between(-0.1, 0.75)
        reach = dice.between(0.8, 1.15)
        pen.poly(dark, ((0.05, 0.5), (reach * 0.55, 0.5 + lift * 0.9), (reach, 0.38 + lift),
                        (reach * 0.5, 0.42 + lift * 0.5), (-0.12, 0.42)))  # fmt: skip
        pen.blob(feather, ((-0.45, 0.46), (-0.1, 0.55), (0.3, 0.52), (0.36, 0.44), (0, 0.32)))
        pen.poly(feather, ((0.12, 0.52), (-reach * 0.5, 0.55 + lift), (-reach, 0.4 + lift),
                           (-reach * 0.45, 0.4 + lift * 0.4), (-0.1, 0.4)))  # fmt: skip
        pen.poly(beak, ((0.34, 0.52), (0.34, 0.42), (0.48, 0.46)))
        return
    floor = 0.0 if kind == "swims" else 0.2
    if kind == "stands":
        pen.shadow(0.3)
        for foot in (-0.05, 0.1):
            pen.line(beak, 0.045, ((foot, 0.3), (foot, 0.02), (foot + 0.1, 0.02)))
    else:
        pen.disc(WHITE, 0, 0.01, 0.55, 0.07, alpha=120)
    pen.blob(feather, ((-0.62, floor + 0.3), (-0.2, floor + 0.36), (0.25, floor + 0.4),
                       (0.4, floor + 0.22), (0.2, floor + 0.02), (-0.2, floor + 0.02)))  # fmt: skip
    pen.blob(dark, ((-0.6, floor + 0.28), (-0.1, floor + 0.32), (0.1, floor + 0.2),
                    (-0.15, floor + 0.1)))  # fmt: skip
    neck = dice.pick((0.5, 0.55, 0.75))
    pen.line(feather, 0.16, ((0.28, floor + 0.28), (0.32, floor + neck)))
    pen.disc(feather, 0.33, floor + neck + 0.02, 0.14)
    pen.poly(beak, ((0.44, floor + neck + 0.07), (0.44, floor + neck - 0.04),
                    (0.64, floor + neck - 0.01)))  # fmt: skip
    pen.disc(INK, 0.36, floor + neck + 0.05, 0.025)
