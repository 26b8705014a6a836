"""Paints descriptions. The order of random draws is part of the data: the same seed must give the same picture."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from descriptions import COLOURS, POSITIONS, Description
from drawing import SIZE, Canvas

GRASS, SNOW, WOOD = (95, 175, 80), (240, 243, 248), (110, 70, 40)
SIDES = (-1, 1)


def paint(description: Description, size: int = SIZE) -> np.ndarray:
    """The picture of a description, uint8 [size, size, 3]."""
    canvas = Canvas(description, size)
    PAINTERS[description["kind"]](canvas, description)
    return canvas.pixels()


def _scaled(colour: tuple[int, ...], factor: float) -> tuple[int, ...]:
    return tuple(int(value * factor) for value in colour)


def _sometimes_sun(canvas: Canvas, chance: float, places: tuple[float, float], y: float, radius: float) -> tuple | None:
    return (canvas.r.choice(places), y, radius) if canvas.r.random() < chance else None


def _centre(canvas: Canvas, x: float = 0.5, y: float = 0.5, dx: float = 0.02, dy: float = 0.02) -> tuple[float, float]:
    u = canvas.r.uniform
    return x + u(-dx, dx), y + u(-dy, dy)


def _one(canvas: Canvas, d: Description) -> None:
    canvas.background(d["bg"])
    shown, u = d["objs"][0], canvas.r.uniform
    radii = {"small": u(0.11, 0.13), "medium": u(0.18, 0.21), "large": u(0.29, 0.34)}
    x, y = POSITIONS[shown["pos"]]
    if shown["size"] == "large":  # keeps it within the picture
        x, y = 0.5 + (x - 0.5) * 0.55, 0.5 + (y - 0.5) * 0.55
    x, y = _centre(canvas, x, y, 0.025, 0.025)
    canvas.shape(shown["shape"], shown["c"], x, y, radii[shown["size"]])


def _two(canvas: Canvas, d: Description) -> None:
    canvas.background(d["bg"])
    u = canvas.r.uniform
    distance = u(0.23, 0.28)
    for shown, side in zip(d["objs"], SIDES, strict=True):
        radius = u(0.15, 0.19)
        along, across = 0.5 + side * distance, 0.5 + u(-0.04, 0.04)
        x, y = (along, across) if d["rel"] == "left" else (across, along)
        canvas.shape(shown["shape"], shown["c"], x, y, radius)


def _house(canvas: Canvas, d: Description) -> None:
    u = canvas.r.uniform
    canvas.sky(d["sky"], 0.75, (canvas.r.choice((0.18, 0.82)), 0.18, 0.085))
    canvas.rectangle(0, 0.74, 1, 1, canvas.lit(SNOW if d["snow"] else GRASS))
    x = 0.5 + u(-0.05, 0.05) + (0.08 if d["tree"] else 0)
    half, height = u(0.2, 0.24), u(0.28, 0.33)
    top = 0.82 - height
    if d["tree"]:
        canvas.rectangle(0.145, 0.6, 0.185, 0.8, canvas.lit(WOOD))
        canvas.ellipse(0.165, 0.53, 0.11, 0.14, canvas.lit((60, 140, 65)))
    canvas.rectangle(x - half, top, x + half, 0.82, canvas.lit(d["c"]))
    roof = [(x - half - 0.06, top), (x, top - u(0.19, 0.23)), (x + half + 0.06, top)]
    canvas.polygon(roof, canvas.lit(d["c2"]))
    canvas.rectangle(x - 0.05, 0.66, x + 0.05, 0.82, canvas.lit((100, 60, 35)))
    window = (255, 230, 130) if d["sky"] == "night" else canvas.lit((190, 230, 250))
    for shift in (-0.135, 0.135):
        canvas.rectangle(x + shift - 0.045, top + 0.06, x + shift + 0.045, top + 0.15, window)


def _hills(canvas: Canvas, d: Description) -> None:
    u, colour = canvas.r.uniform, COLOURS[d["c"]]
    canvas.sky(d["sky"], 0.8, (u(0.25, 0.75), u(0.25, 0.42), u(0.1, 0.13)))
    canvas.ellipse(u(0.1, 0.3), 1.05, 0.6, u(0.42, 0.5), canvas.lit(_scaled(colour, 0.8)))
    canvas.ellipse(u(0.7, 0.9), 1.1, 0.65, u(0.45, 0.55), canvas.lit(colour))


def _tree(canvas: Canvas, d: Description) -> None:
    canvas.sky(d["sky"], 0.8, _sometimes_sun(canvas, 0.5, (0.15, 0.85), 0.16, 0.075))
    canvas.rectangle(0, 0.8, 1, 1, canvas.lit(SNOW if d["snow"] else (105, 180, 85)))
    x = 0.5 + canvas.r.uniform(-0.06, 0.06)
    trunk = [(x - 0.045, 0.55), (x + 0.045, 0.55), (x + 0.065, 0.86), (x - 0.065, 0.86)]
    canvas.polygon(trunk, canvas.lit(WOOD))
    leaves = canvas.lit(d["c"])
    for dx, dy, radius in ((-0.13, 0.04, 0.15), (0.13, 0.04, 0.15), (0, -0.1, 0.18), (0, 0.08, 0.14)):
        canvas.ellipse(x + dx, 0.42 + dy, radius, radius, leaves)
    if d["apples"]:
        for dx, dy in ((-0.15, 0.02), (0.02, -0.13), (0.14, 0.06), (-0.03, 0.08), (0.1, -0.06), (-0.1, -0.08)):
            canvas.ellipse(x + dx, 0.42 + dy, 0.027, 0.027, canvas.lit("red"))


def _face(canvas: Canvas, d: Description) -> None:
    canvas.background(d["bg"])
    x, y = _centre(canvas)
    radius, dark = canvas.r.uniform(0.33, 0.38), (30, 25, 30)
    canvas.ellipse(x, y, radius, radius, canvas.jittered(d["c"]))
    for side in SIDES:
        canvas.ellipse(x + side * radius * 0.36, y - radius * 0.22, radius * 0.11, radius * 0.16, dark)
    width = int(radius * 0.11 * canvas.width)
    if d["mood"] == "happy":
        corners = (x - radius * 0.55, y - radius * 0.45, x + radius * 0.55, y + radius * 0.6)
        canvas.arc(corners, (25, 155), dark, width)
    elif d["mood"] == "sad":
        corners = (x - radius * 0.45, y + radius * 0.3, x + radius * 0.45, y + radius * 1.1)
        canvas.arc(corners, (205, 335), dark, width)
    else:
        canvas.ellipse(x, y + radius * 0.42, radius * 0.16, radius * 0.2, dark)


def _boat(canvas: Canvas, d: Description) -> None:
    u = canvas.r.uniform
    canvas.sky(d["sky"], 0.68, _sometimes_sun(canvas, 0.6, (0.2, 0.8), 0.2, 0.085))
    canvas.rectangle(0, 0.68, 1, 1, canvas.lit((40, 110, 190)))
    x = 0.5 + u(-0.06, 0.06)
    sails = canvas.lit(d["c2"])
    canvas.rectangle(x - 0.012, 0.2, x + 0.012, 0.68, canvas.lit(WOOD))
    canvas.polygon([(x + 0.03, 0.22), (x + 0.03, 0.6), (x + 0.27, 0.6)], sails)
    canvas.polygon([(x - 0.03, 0.28), (x - 0.03, 0.6), (x - 0.2, 0.6)], sails)
    hull = [(x - 0.3, 0.64), (x + 0.32, 0.64), (x + 0.22, 0.79), (x - 0.2, 0.79)]
    canvas.polygon(hull, canvas.lit(d["c"]))
    for _ in range(4):
        left, top = u(0, 0.9), u(0.83, 0.97)
        canvas.rectangle(left, top, left + 0.1, top + 0.012, canvas.lit((120, 180, 230)))


def _flower(canvas: Canvas, d: Description) -> None:
    u = canvas.r.uniform
    if d["bg"]:
        canvas.background(d["bg"])
    else:
        canvas.sky(d["sky"], 1.0)
        canvas.rectangle(0, 0.84, 1, 1, canvas.lit(GRASS))
    x, y, radius = 0.5 + u(-0.04, 0.04), u(0.36, 0.4), u(0.115, 0.13)
    stem = canvas.lit((55, 145, 60))
    canvas.rectangle(x - 0.018, y, x + 0.018, 0.95, stem)
    canvas.ellipse(x - 0.1, 0.76, 0.09, 0.04, stem)
    canvas.ellipse(x + 0.1, 0.7, 0.09, 0.04, stem)
    petals = canvas.lit(d["c"])
    for angle in (index * math.pi / 3 + 0.26 for index in range(6)):
        across, down = x + math.cos(angle) * 0.155, y + math.sin(angle) * 0.155
        canvas.ellipse(across, down, radius * 0.82, radius * 0.82, petals)
    canvas.ellipse(x, y, 0.095, 0.095, canvas.lit(d["c2"]))


def _mountain(canvas: Canvas, d: Description) -> None:
    u = canvas.r.uniform
    canvas.sky(d["sky"], 0.75, _sometimes_sun(canvas, 0.6, (0.18, 0.82), 0.16, 0.08))
    left, right, middle = ((u(*across), u(*up)) for across, up in PEAKS)
    for (x, y), half, light in ((left, 0.36, 0.8), (right, 0.4, 0.85), (middle, 0.42, 1.0)):
        _peak(canvas, x, y, half, _scaled(COLOURS[d["c"]], light))
    canvas.rectangle(0, 0.77, 1, 1, canvas.lit((60, 130, 200) if d["lake"] else (85, 160, 75)))


PEAKS = (((0.2, 0.3), (0.4, 0.46)), ((0.72, 0.8), (0.36, 0.44)), ((0.45, 0.55), (0.2, 0.26)))


def _peak(canvas: Canvas, x: float, y: float, half: float, colour: tuple[int, ...]) -> None:
    """A mountain down to y = 0.78, with snow on its top."""
    slope, snow = (0.78 - y) / half, 0.12
    canvas.polygon([(x - half, 0.78), (x, y), (x + half, 0.78)], canvas.lit(colour, 5))
    across = snow / slope
    cap = [
        (x - across, y + snow),
        (x, y),
        (x + across, y + snow),
        (x + across * 0.4, y + snow * 0.7),
        (x, y + snow * 1.15),
        (x - across * 0.4, y + snow * 0.7),
    ]
    canvas.polygon(cap, canvas.lit((248, 248, 252), 5))


def _cat(canvas: Canvas, d: Description) -> None:
    canvas.background(d["bg"])
    x, y = _centre(canvas, 0.5, 0.56)
    s, fur = canvas.r.uniform(0.29, 0.33), canvas.jittered(d["c"])
    dark = (70, 60, 65) if d["c"] == "black" else _scaled(fur, 0.72)
    for side in SIDES:
        ear = ((0.98, -0.25), (0.82, -1.3), (0.15, -0.8))
        inner = ((0.85, -0.5), (0.76, -1.08), (0.38, -0.78))
        canvas.polygon([(x + side * s * a, y + s * b) for a, b in ear], fur)
        canvas.polygon([(x + side * s * a, y + s * b) for a, b in inner], (240, 150, 165))
    canvas.ellipse(x, y, s * 1.08, s * 0.92, fur)
    for side in SIDES:
        eye = x + side * s * 0.42
        canvas.ellipse(eye, y - s * 0.12, s * 0.2, s * 0.22, canvas.jittered(d["eye"]))
        canvas.ellipse(eye, y - s * 0.12, s * 0.08, s * 0.19, (15, 15, 20))
        for down, lift in ((0.22, -0.06), (0.4, 0.14)):
            whisker = [(x + side * s * 0.45, y + s * (down + 0.03)), (x + side * s * 1.25, y + s * (down + lift))]
            canvas.line(whisker, dark, int(canvas.width * 0.012))
    canvas.polygon([(x - s * 0.13, y + s * 0.2), (x + s * 0.13, y + s * 0.2), (x, y + s * 0.36)], (240, 130, 150))
    for side in SIDES:
        middle = x + side * s * 0.17
        corners = (middle - s * 0.17, y + s * 0.28, middle + s * 0.17, y + s * 0.58)
        canvas.arc(corners, (10, 170), dark, int(canvas.width * 0.014))


def _planet(canvas: Canvas, d: Description) -> None:
    canvas.background({"type": "night"})
    x, y = _centre(canvas, dx=0.05, dy=0.05)
    radius, colour = canvas.r.uniform(0.22, 0.27), canvas.jittered(d["c"])
    ring, width = canvas.jittered((225, 200, 150)), int(radius * 0.2 * canvas.width)
    corners = (x - radius * 1.75, y - radius * 0.5, x + radius * 1.75, y + radius * 0.5)
    if d["rings"]:
        canvas.arc(corners, (180, 360), ring, width)
    canvas.ellipse(x, y, radius, radius, colour)
    canvas.paste(_scaled(colour, 0.8), _bands(canvas, x, y, radius))
    if d["rings"]:
        canvas.arc(corners, (0, 180), ring, width)


def _bands(canvas: Canvas, x: float, y: float, radius: float) -> Image.Image:
    """Three bands across a disc, as a mask."""
    bands, w = Image.new("L", (canvas.width, canvas.width), 0), canvas.width
    brush = ImageDraw.Draw(bands)
    for top in (-0.55, -0.05, 0.45):
        corners = [(x - radius) * w, (y + top * radius) * w, (x + radius) * w, (y + (top + 0.2) * radius) * w]
        brush.rectangle(corners, fill=255)
    return Image.fromarray(np.minimum(np.array(canvas.disc_mask(x, y, radius)), np.array(bands)))


def _car(canvas: Canvas, d: Description) -> None:
    canvas.sky(d["sky"], 0.7, _sometimes_sun(canvas, 0.5, (0.15, 0.85), 0.16, 0.08))
    canvas.rectangle(0, 0.66, 1, 1, canvas.lit((100, 175, 85)))
    canvas.rectangle(0, 0.74, 1, 1, canvas.lit((90, 90, 95)))
    for left in (0.05, 0.45, 0.85):
        canvas.rectangle(left, 0.89, left + 0.18, 0.915, canvas.lit((235, 235, 220)))
    x = 0.5 + canvas.r.uniform(-0.06, 0.06)
    colour = canvas.lit(d["c"])
    roof = ((-0.22, 0.52), (-0.13, 0.36), (0.12, 0.36), (0.22, 0.52))
    body = ((-0.36, 0.7), (-0.36, 0.55), (-0.22, 0.5), (0.22, 0.5), (0.36, 0.56), (0.36, 0.7))
    for outline in (roof, body):
        canvas.polygon([(x + dx, y) for dx, y in outline], colour)
    glass = canvas.lit((190, 230, 250))
    canvas.polygon([(x - 0.17, 0.51), (x - 0.105, 0.395), (x - 0.015, 0.395), (x - 0.015, 0.51)], glass)
    canvas.polygon([(x + 0.17, 0.51), (x + 0.1, 0.395), (x + 0.015, 0.395), (x + 0.015, 0.51)], glass)
    for shift in (-0.2, 0.2):
        canvas.ellipse(x + shift, 0.71, 0.085, 0.085, (30, 30, 33))
        canvas.ellipse(x + shift, 0.71, 0.04, 0.04, canvas.lit((180, 180, 185)))


def _fish(canvas: Canvas, d: Description) -> None:
    u = canvas.r.uniform
    canvas.gradient(canvas.jittered((70, 180, 225)), canvas.jittered((20, 80, 165)))
    x, y = _centre(canvas, 0.47, 0.5, 0.04, 0.08)
    s, colour = u(0.23, 0.27), canvas.jittered(d["c"])
    fins = _scaled(colour, 0.8)
    tail = [(x + s * 0.8, y), (x + s * 1.65, y - s * 0.65), (x + s * 1.45, y), (x + s * 1.65, y + s * 0.65)]
    canvas.polygon(tail, fins)
    canvas.polygon([(x - s * 0.3, y - s * 0.5), (x + s * 0.2, y - s * 1.0), (x + s * 0.5, y - s * 0.4)], fins)
    canvas.ellipse(x, y, s * 1.1, s * 0.65, colour)
    canvas.ellipse(x - s * 0.6, y - s * 0.12, s * 0.15, s * 0.15, (250, 250, 250))
    canvas.ellipse(x - s * 0.63, y - s * 0.12, s * 0.07, s * 0.08, (15, 15, 20))
    canvas.polygon([(x + s * 0.05, y + s * 0.05), (x + s * 0.5, y - s * 0.12), (x + s * 0.5, y + s * 0.3)], fins)
    for _ in range(canvas.r.randint(2, 5)):
        radius = u(0.014, 0.028)
        canvas.ellipse(u(0.05, 0.3), u(0.08, 0.5), radius, radius, (200, 235, 250))
    canvas.rectangle(0, 0.9, 1, 1, canvas.jittered((225, 205, 150)))


PAINTERS: dict[str, Callable[[Canvas, Description], None]] = {
    "one": _one,
    "two": _two,
    "house": _house,
    "hills": _hills,
    "tree": _tree,
    "face": _face,
    "boat": _boat,
    "flower": _flower,
    "mountain": _mountain,
    "cat": _cat,
    "planet": _planet,
    "car": _car,
    "fish": _fish,
}
