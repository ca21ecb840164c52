"""The settings indoors: the backdrop of each, and what may stand in it."""

from __future__ import annotations

from alasl.data.scenes.canvas import SIZE, WHITE, Dice, mix, shade
from alasl.data.scenes.palette import PAINTS, WALLS, WOODS
from alasl.data.scenes.stage import INDOORS, Stage, Zone, setting

FREE = (24.0, 232.0)


def _window(stage: Stage, y: float, wide: float, high: float) -> tuple[float, float]:
    """A window with nothing but sky behind it; the wall that it leaves free, from x to x."""
    x = stage.dice.pick((stage.dice.between(18, 50), stage.dice.between(206, 238) - wide))
    pen, frame = stage.back, stage.dice.near(WHITE, 6)
    pen.box(frame, x - 4, y - 4, x + wide + 4, y + high + 4)
    for k in range(6):
        sky = mix(*stage.light.sky, k / 5)
        pen.box(sky, x, y + high * k / 6, x + wide, y + high * (k + 1) / 6, lit=True)
    pen.line(frame, 2.5, ((x + wide / 2, y), (x + wide / 2, y + high)))
    pen.line(frame, 2.5, ((x, y + high * 0.4), (x + wide, y + high * 0.4)))
    if stage.dice.chance(0.5):
        cloth = stage.dice.paint(PAINTS)
        for left in (x - 8, x + wide - 6):
            pen.box(cloth, left, y - 7, left + 14, y + high + 10)
            pen.box(shade(cloth, -0.15), left + 8, y - 7, left + 11, y + high + 10)
    return (x + wide + 28, 236.0) if x < 60 else (20.0, x - 28)


def _lean(stage: Stage, left: float, right: float, y: float) -> None:
    """A board on the wall."""
    wood = stage.dice.paint(WOODS)
    stage.back.box(shade(wood, -0.25), left, y, right, y + 6)
    stage.back.box(wood, left - 2, y - 1, right + 2, y + 3)


@setting(0.15)
def kitchen(dice: Dice) -> Stage:
    """A worktop under a wall, near or further off, at times with a table in front."""
    stage = Stage(dice, INDOORS)
    zoom = dice.between(0.85, 1.7)
    wall, tile = dice.paint(WALLS), dice.paint((WHITE, *WALLS))
    top = dice.between(128, 168)
    stage.fill((0, shade(wall, 0.1)), (top, wall), lit=False)
    step = dice.between(14, 22)
    if dice.chance(0.6):
        stage.back.box(tile, 0, top - 2.5 * step, SIZE, top)
        for k in range(20):
            stage.back.line(shade(tile, -0.1), 1, ((k * step, top - 2.5 * step), (k * step, top)))
        for k in range(3):
            y = top - k * step
            stage.back.line(shade(tile, -0.1), 1, ((0, y), (SIZE, y)))
    free = FREE
    if dice.chance(0.5):
        free = _window(stage, 14, dice.between(56, 84), top - 66)
    front, board = dice.paint((*WALLS, *PAINTS)), dice.paint((*WOODS, (200, 200, 196)))
    stage.fill((top + 0.1, front), (SIZE, shade(front, -0.2)))
    width = dice.between(52, 76)
    for k in range(6):
        left = k * width - dice.between(0, 4)
        stage.back.box(shade(front, -0.12), left + 3, top + 26, left + width - 3, SIZE)
        stage.back.box(front, left + 5, top + 28, left + width - 5, SIZE)
        stage.back.line(shade(front, -0.5), 3, ((left + 12, top + 40), (left + 24, top + 40)))
    stage.back.box(board, 0, top, SIZE, top + 16)
    stage.back.box(shade(board, -0.3), 0, top + 15, SIZE, top + 21)
    worktop = Zone(16, 240, top + 3, top + 13, (96 * zoom, 104 * zoom))
    if dice.chance(0.45):
        y = dice.between(50, 76)
        left, right = free[0] - 8, free[1] + 8
        _lean(stage, left, right, y)
        shelf = Zone(left + 10, right - 10, y, y + 0.5, (90, 100))
        for name, chance in (("plate", 0.4), ("jug", 0.4), ("cup", 0.3), ("book", 0.15),
                             ("bottle", 0.2), ("plant", 0.25)):  # fmt: skip
            stage.put(name, shelf, chance)
    stage.put("clock", Zone(*free, 40, 84, (96, 110), depth=0), 0.14, kind="wall")
    stage.put("picture", Zone(*free, 50, 84, (60, 70), depth=-0.4), 0.2)
    stage.put("hanging lamp", Zone(40, 216, 42, 84, (90, 110), depth=top), 0.16, 2)
    for name, chance, upto in (
        ("cup", 0.42, 3), ("bottle", 0.42, 3), ("plate", 0.4, 2), ("fruit", 0.35, 3),
        ("jug", 0.35, 1), ("pot", 0.35, 1), ("banana", 0.16, 1), ("plant", 0.15, 1),
        ("book", 0.08, 1), ("cat", 0.05, 1),
    ):  # fmt: skip
        stage.put(name, worktop, chance, upto, size=0.55 if name == "cat" else 1.0)
    stage.put("flower", worktop, 0.12, size=0.5, kind=dice.pick(("pot", "vase")))
    floor = Zone(40, 216, 238, 256, (70, 78))
    stage.put("person", floor, 0.2)
    stage.put("cat", floor, 0.1, size=1.5)
    stage.put("dog", floor, 0.05)
    stage.put("stool", floor, 0.15)
    for table in stage.put("table", floor, 0.36, size=1.15):
        stage.on(table, (("plate", 0.5), ("cup", 0.4), ("flower", 0.15), ("bottle", 0.25),
                         ("banana", 0.15), ("fruit", 0.3), ("book", 0.1)))  # fmt: skip
        stage.beside(table, "chair", 0.6, 0.9)
        stage.beside(table, "chair", 0.3, -0.9)
    return stage


@setting(0.13)
def room(dice: Dice) -> Stage:
    """A living room or a study."""
    stage = Stage(dice, INDOORS)
    wall, wood = dice.paint((*WALLS, *PAINTS)), dice.paint(WOODS)
    wall = shade(wall, 0.2)
    skirting = dice.between(150, 186)
    stage.fill((0, shade(wall, 0.08)), (skirting, wall))
    stage.fill((skirting + 0.1, shade(wood, 0.05)), (SIZE, shade(wood, -0.15)))
    stage.back.box(shade(wall, 0.5), 0, skirting - 5, SIZE, skirting)
    for k in range(9):
        off = (k - 4) * 20
        board = ((128 + off, skirting), (128 + off * 2.6, SIZE))
        stage.back.line(shade(wood, -0.15), 1, board)
    if dice.chance(0.55):
        rug = dice.paint(PAINTS)
        x, y = dice.between(80, 176), dice.between(skirting + 32, 232)
        stage.back.disc(rug, x, y, 82, 19)
        stage.back.disc(shade(rug, 0.25), x, y, 68, 15)
    free = FREE
    if dice.chance(0.5):
        free = _window(stage, 26, dice.between(46, 70), dice.between(56, 76))
    ground = Zone(24, 232, skirting + 8, 250, (56, 80))
    back = ground.part(0, 0.3)
    stage.put("picture", Zone(*free, 60, 110, (56, 70), depth=-0.4), 0.55, 3)
    stage.put("clock", Zone(*free, 44, 90, (80, 100), depth=0), 0.24, kind="wall")
    if dice.chance(0.45):
        y, left = dice.between(84, 112), free[0] - 8
        right = left + dice.between(60, 110)
        _lean(stage, left, right, y)
        shelf = Zone(left + 14, right - 14, y, y + 0.5, (66, 84))
        stage.put("book", shelf, 0.65, 2)
        for name, chance in (("jug", 0.3), ("plant", 0.3), ("clock", 0.14)):
            stage.put(name, shelf, chance, size=0.8, kind="alarm" if name == "clock" else "")
    stage.put("hanging lamp", Zone(50, 206, 50, 90, (80, 100), depth=skirting), 0.16)
    stage.put("sofa", back, 0.45)
    stage.put("floor lamp", back, 0.28)
    stage.put("plant", back, 0.35, 2, size=1.5)
    stage.put("crate", back, 0.2)
    for table in stage.put("table", ground.part(0.2, 0.9), 0.55):
        stage.on(table, (("book", 0.3), ("table lamp", 0.18), ("cup", 0.4), ("flower", 0.25),
                         ("clock", 0.08), ("bottle", 0.15), ("plate", 0.2),
                         ("jug", 0.2)))  # fmt: skip
        stage.beside(table, "chair", 0.55, 0.95)
        stage.beside(table, "chair", 0.25, -0.95)
    stage.put("chair", ground, 0.25, 2)
    stage.put("person", ground.part(0.3, 1), 0.35, 2)
    stage.put("cat", ground.part(0.3, 1), 0.3, 2, size=1.5)
    stage.put("dog", ground.part(0.3, 1), 0.16, size=1.15)
    stage.put("ball", ground.part(0.5, 1), 0.15)
    stage.put("stool", ground, 0.15)
    stage.put("book", ground.part(0.6, 1), 0.1, size=1.2)
    return stage
