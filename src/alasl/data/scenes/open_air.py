"""The settings outdoors: the backdrop of each, and what may stand in it."""

from __future__ import annotations

from alasl.data.scenes.canvas import SIZE, Dice, mix, shade
from alasl.data.scenes.palette import LEAVES
from alasl.data.scenes.stage import OPEN_AIR, Placed, Stage, Zone, setting


def _sky_zone(horizon: float) -> Zone:
    """Where birds fly."""
    return Zone(20, 236, 26, max(40.0, horizon * 0.8), (34, 26), depth=horizon + 12)


def _kites(horizon: float) -> Zone:
    """Where kites fly: whole, over what is far."""
    return Zone(40, 216, 70, 104, (40, 54), depth=horizon + 14)


def _water(stage: Stage, top: float, bottom: float) -> None:
    """Water from y to y, coloured by the sky above it."""
    sky = stage.light.sky
    sea = stage.dice.near((64, 132, 158), 12)
    stage.fill((top + 0.1, mix(sky[1], stage.light.on(sea), 0.55)), lit=True)
    stage.fill((bottom, mix(sky[0], stage.light.on(shade(sea, -0.2)), 0.8)), lit=True)
    stage.specks((shade(sea, 0.3), shade(sea, -0.15)), top + 4, bottom, 46, 7)


def _people(stage: Stage, zone: Zone, chance: float, upto: int, umbrella: float,
            dog: float) -> list[Placed]:  # fmt: skip
    people = stage.put("person", zone, chance, upto)
    for one in people:
        stage.shelter(one, umbrella)
        stage.beside(one, "dog", dog, 0.8)
    return people


@setting(0.13)
def sea(dice: Dice) -> Stage:
    """Open water, at times with islands or a pier."""
    stage = Stage(dice, OPEN_AIR, zoom=dice.between(1.0, 1.5))
    horizon = dice.between(84, 138)
    pier = dice.between(206, 226) if dice.chance(0.28) else None
    stage.sky(horizon)
    _water(stage, horizon, SIZE)
    far = Zone(10, 246, horizon + 3, horizon + 40, (11, 20), 0.9)
    near = Zone(20, 236, horizon + 40, (pier or 246) - 6, (20, 34), 0.4)
    if dice.chance(0.35):
        stage.ridge(dice.near((112, 132, 128)), horizon + 0.5, 16, 0.8)
    if dice.chance(0.3):
        island = Zone(40, 216, horizon + 2, horizon + 8, (11, 13), 0.6)
        for spot in stage.put("rock", island, size=3.2):
            stage.beside(spot, "tower", 0.45, 0.0, 0.7)
            stage.beside(spot, "tree", 0.45, 2.0, 0.9)
            stage.beside(spot, "house", 0.35, -2.5, 0.7)
    stage.put("boat", far, 0.58, 3)
    stage.put("boat", near, 0.55, 2)
    stage.put("buoy", near, 0.3, 2)
    stage.put("bird", _sky_zone(horizon), 0.4, 4, kind="flies")
    stage.put("bird", near, 0.12, 2, kind="swims", size=1.0)
    if pier is not None:
        wood = dice.near((150, 118, 88))
        stage.back.box(shade(wood, -0.4), 0, pier + 8, SIZE, pier + 16)
        stage.back.box(wood, 0, pier, SIZE, pier + 9)
        for k in range(9):
            x = k * 32 + 4
            stage.back.box(shade(wood, -0.3), x, pier + 8, x + 6, SIZE)
        deck = Zone(20, 236, pier + 2, pier + 7, (42, 44))
        _people(stage, deck, 0.6, 2, 0.12, 0.15)
        stage.put("bench", deck, 0.25)
        stage.put("street lamp", deck, 0.3, size=0.7)
        stage.put("barrel", deck, 0.3)
        stage.put("bird", deck, 0.2)
        stage.put("crate", deck, 0.3)
    return stage


@setting(0.13)
def beach(dice: Dice) -> Stage:
    """Sand with the sea behind it."""
    stage = Stage(dice, OPEN_AIR, zoom=dice.between(1.0, 1.5))
    horizon = dice.between(76, 112)
    shore = horizon + dice.between(26, 52)
    stage.sky(horizon)
    _water(stage, horizon, shore)
    sand = dice.near((232, 208, 164))
    stage.fill((shore + 0.1, shade(sand, 0.35)), (shore + 5, sand), (SIZE, shade(sand, -0.1)))
    stage.specks((shade(sand, 0.3), shade(sand, -0.12)), shore + 8, SIZE, 40, 2.5)
    water = Zone(10, 246, horizon + 3, shore - 6, (11, 17), 0.8)
    ground = Zone(16, 240, shore + 12, 248, (22, 46), 0.5)
    stage.put("boat", water, 0.42, 2)
    stage.put("tree", ground.part(0, 0.5), 0.3, 3, size=0.9, kind="palm")
    for parasol in stage.put("umbrella", ground, 0.32, 3, size=1.9):
        stage.beside(parasol, "towel", 0.5, 0.4)
        stage.beside(parasol, "chair", 0.3, 0.7)
        stage.beside(parasol, "book", 0.06, 0.5)
        stage.beside(parasol, "bottle", 0.12, -0.4)
    _people(stage, ground, 0.6, 3, 0.02, 0.2)
    stage.put("dog", ground.part(0.5, 1), 0.1)
    stage.put("kite", _kites(horizon), 0.13, 2)
    stage.put("bird", ground, 0.16, 3)
    stage.put("bird", _sky_zone(horizon), 0.2, 3, kind="flies")
    stage.put("boat", ground.part(0.2, 0.8), 0.1, size=0.7, kind="rowing")
    stage.put("ball", ground, 0.3)
    stage.put("towel", ground, 0.25)
    stage.put("rock", ground, 0.35, 3)
    stage.put("bicycle", ground, 0.04)
    stage.put("house", ground.part(0, 0.1), 0.08, size=0.5)
    return stage


@setting(0.22)
def street(dice: Dice) -> Stage:
    """Houses, a pavement and a road."""
    stage = Stage(dice, OPEN_AIR, zoom=dice.between(1.0, 1.5))
    horizon = dice.between(112, 140)
    kerb = horizon + dice.between(22, 34)
    far_kerb = dice.between(222, 244)
    stage.sky(horizon)
    if dice.chance(0.6):
        _skyline(stage, horizon)
    paving, tar = dice.near((206, 196, 184)), dice.near((112, 112, 122))
    stage.fill((horizon + 0.1, shade(paving, -0.1)), (kerb, paving))
    stage.fill((kerb + 0.1, shade(tar, 0.1)), (far_kerb, tar))
    stage.fill((far_kerb + 0.1, paving), (SIZE, paving))
    stage.back.box(shade(paving, 0.3), 0, kerb - 1.5, SIZE, kerb + 1)
    stage.back.box(shade(paving, -0.3), 0, far_kerb - 1, SIZE, far_kerb + 1.5)
    middle = (kerb + far_kerb) / 2
    for k in range(7):
        stage.back.box((236, 230, 214), k * 42 + 4, middle - 1, k * 42 + 24, middle + 1.2)
    wall = Zone(20, 236, horizon + 3, horizon + 7, (17, 19), 0.5)
    pavement = Zone(12, 244, horizon + 10, kerb - 3, (21, 26), 0.3)
    road = Zone(10, 246, kerb + 12, far_kerb - 8, (26, 38), 0.2)
    front = Zone(14, 242, far_kerb + 4, 252, (44, 50))
    stage.put("house", wall, 0.66, 3, more=0.6)
    stage.put("bush", wall, 0.4, 3)
    stage.put("tree", pavement, 0.45, 3, size=0.85)
    stage.put("car", road, 0.55, 3)
    stage.put("bus", road, 0.13, size=0.85)
    stage.put("bicycle", road, 0.12)
    stage.put("street lamp", pavement, 0.22, 2)
    stage.put("traffic light", pavement, 0.14, 2)
    stage.put("traffic light", front, 0.12, size=0.85)
    wet = 0.25 if stage.light.fade > 0.3 and not stage.light.dark else 0.03
    _people(stage, pavement, 0.4, 3, wet, 0.12)
    _people(stage, front, 0.25, 2, wet, 0.15)
    stage.put("bench", pavement, 0.12)
    stage.put("sign", pavement, 0.35, 2)
    stage.put("sign", front, 0.15)
    stage.put("bin", pavement, 0.3)
    stage.put("bicycle", front, 0.1)
    stage.put("cat", front, 0.06)
    stage.put("bird", front, 0.06, 3)
    stage.put("bird", _sky_zone(horizon), 0.08, 3, kind="flies")
    stage.put("flower", front, 0.07, kind="pot", size=1.2)
    return stage


def _skyline(stage: Stage, horizon: float) -> None:
    """Plain far blocks, without windows: no houses to count."""
    dice = stage.dice
    tone = mix(stage.light.sky[1], (120, 128, 148), 0.3)
    x = -10.0
    while x < SIZE:
        wide = dice.between(16, 34)
        stage.back.box(tone, x, horizon - dice.between(14, 66), x + wide, horizon + 1)
        x += wide * dice.between(0.8, 1.3)


@setting(0.18)
def park(dice: Dice) -> Stage:
    """A lawn with trees, a path and at times a pond."""
    stage = Stage(dice, OPEN_AIR, zoom=dice.between(1.0, 1.5))
    horizon = dice.between(88, 126)
    stage.sky(horizon)
    lawn = dice.near((138, 172, 98))
    stage.ridge(shade(dice.paint(LEAVES), 0.15), horizon + 1, 15, 0.9)
    stage.fill((horizon + 0.1, shade(lawn, 0.2)), (SIZE, shade(lawn, -0.12)))
    start, end = dice.between(60, 196), dice.between(20, 236)
    gravel = dice.near((222, 204, 170))
    stage.back.poly(gravel, ((start - 3, horizon), (start + 3, horizon), (end + 42, SIZE),
                             (end - 42, SIZE)))  # fmt: skip
    stage.specks((shade(lawn, 0.25), shade(lawn, -0.2)), horizon + 6, SIZE, 36, 2.5)
    ground = Zone(14, 242, horizon + 8, 248, (17, 46), 0.6)
    if dice.chance(0.28):
        x, y = dice.between(50, 200), dice.between(horizon + 40, 220)
        pond = dice.near((122, 172, 190))
        stage.back.disc(shade(lawn, -0.3), x, y + 1, 62, 17)
        stage.back.disc(pond, x, y, 60, 15)
        lake = Zone(x - 40, x + 40, y - 8, y + 9, (30, 36))
        stage.put("bird", lake, 0.6, 3, kind="swims")
        stage.put("boat", lake, 0.12, size=0.45, kind="rowing")
    stage.put("tree", ground.part(0, 0.3), 0.7, 4)
    stage.put("tree", ground.part(0.3, 0.7), 0.25, 1)
    for seat in stage.put("bench", ground.part(0.15, 1), 0.36, 2):
        if dice.chance(0.3):
            stage.place("person", seat.spot, seat.spot.y + 0.3, seat.unit / 1.05 / seat.spot.scale,
                        kind="sits", holder=seat)  # fmt: skip
        stage.beside(seat, "book", 0.05, 0.3)
    wet = 0.2 if stage.light.fade > 0.3 and not stage.light.dark else 0.04
    _people(stage, ground.part(0.2, 1), 0.45, 3, wet, 0.3)
    stage.put("dog", ground.part(0.6, 1), 0.12)
    stage.put("cat", ground.part(0.7, 1), 0.05, size=1.1)
    stage.put("flower", ground.part(0.6, 1), 0.28, 4, size=1.1)
    stage.put("bicycle", ground.part(0.2, 1), 0.14)
    stage.put("street lamp", ground.part(0.1, 0.6), 0.2, 2, size=0.8)
    stage.put("kite", _kites(horizon), 0.07, 2)
    stage.put("bird", _sky_zone(horizon), 0.1, 3, kind="flies")
    stage.put("bird", ground.part(0.4, 1), 0.1, 3)
    stage.put("bush", ground, 0.45, 3)
    stage.put("rock", ground, 0.2)
    stage.put("bin", ground.part(0.3, 1), 0.15)
    stage.put("ball", ground.part(0.3, 1), 0.1)
    if dice.chance(0.07):
        for table in stage.put("table", ground.part(0.5, 0.9)):
            stage.on(table, (("bottle", 0.5), ("plate", 0.6), ("banana", 0.2), ("cup", 0.4)))
    return stage


@setting(0.14)
def country(dice: Dice) -> Stage:
    """Fields below hills or mountains."""
    stage = Stage(dice, OPEN_AIR, zoom=dice.between(1.0, 1.5))
    horizon = dice.between(96, 128)
    stage.sky(horizon)
    field = dice.paint(((164, 178, 100), (142, 168, 104), (206, 186, 112), (176, 184, 132)))
    if dice.chance(0.5):
        stage.ridge(dice.near((132, 140, 164)), horizon - 4, 62, 1.0, steps=11, foot=horizon + 4)
    stage.ridge(mix(field, (96, 130, 120), 0.6), horizon, 30, 0.9, steps=4, foot=horizon + 22)
    stage.ridge(mix(field, (110, 140, 96), 0.4), horizon + 12, 18, 0.5, steps=3, foot=horizon + 22)
    stage.fill((horizon + 20, shade(field, 0.1)), (SIZE, shade(field, -0.15)))
    stage.specks((shade(field, 0.2), shade(field, -0.18)), horizon + 24, SIZE, 40, 3)
    ground = Zone(14, 242, horizon + 16, 248, (15, 46), 0.6)
    if dice.chance(0.18):
        y = dice.between(horizon + 30, horizon + 60)
        stage.back.disc(dice.near((120, 168, 190)), dice.between(60, 190), y, 74, 11)
        stage.put("boat", Zone(70, 186, y - 3, y + 5, (17, 19), 0.4), 0.5, size=0.8, kind="rowing")
    stage.put("house", ground.part(0, 0.2), 0.5, 2)
    stage.put("tree", ground.part(0, 0.4), 0.55, 4)
    stage.put("tower", ground.part(0, 0.2), 0.1, size=0.6)
    stage.put("sheep", ground.part(0.35, 1), 0.2, 4, more=0.6)
    stage.put("fence", ground.part(0.2, 0.8), 0.4, 2)
    stage.put("haystack", ground.part(0.1, 0.8), 0.25, 2)
    stage.put("bush", ground, 0.4, 3)
    stage.put("rock", ground.part(0.2, 1), 0.35, 3)
    stage.put("flower", ground.part(0.6, 1), 0.24, 4, size=1.1)
    _people(stage, ground.part(0.3, 1), 0.25, 2, 0.08, 0.3)
    stage.put("dog", ground.part(0.6, 1), 0.1)
    stage.put("cat", ground.part(0.7, 1), 0.06, size=1.1)
    stage.put("car", ground.part(0.2, 0.7), 0.12)
    stage.put("bicycle", ground.part(0.3, 1), 0.08)
    stage.put("kite", _kites(horizon), 0.05)
    stage.put("bird", _sky_zone(horizon), 0.15, 4, kind="flies")
    stage.put("bird", ground.part(0.5, 1), 0.06)
    return stage
