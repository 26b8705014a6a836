"""A canvas for flat pictures: jittered colours, simple shapes, skies and backgrounds, anti-aliased by supersampling."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from PIL import Image, ImageDraw

from descriptions import COLOURS, Description

SIZE, SUPERSAMPLING = 128, 3  # pixels of a picture; samples per pixel and direction
Colour = tuple[int, ...]
Point = tuple[float, float]
BRIGHTNESS = {"day": 1.0, "sunset": 0.85, "night": 0.5}
JITTER = 9
STAR, CLOUD = (245, 245, 215), (250, 250, 252)


class Canvas:
    """Draws in units of the picture's width, y downwards. Every colour is jittered by the description's own stream."""

    def __init__(self, description: Description, size: int = SIZE) -> None:
        self.r = random.Random(description["seed"])
        self.width = size * SUPERSAMPLING
        self.image = Image.new("RGB", (self.width, self.width))
        self._brush = ImageDraw.Draw(self.image)
        self._brightness = BRIGHTNESS.get(description.get("sky"), 1.0)

    def pixels(self) -> np.ndarray:
        """The picture, uint8 [size, size, 3]."""
        return np.array(self.image.reduce(SUPERSAMPLING))

    def jittered(self, colour: str | Sequence[int], amount: int = JITTER) -> Colour:
        """A named or given colour, a little off."""
        values = COLOURS[colour] if isinstance(colour, str) else colour
        return tuple(max(0, min(255, value + self.r.randint(-amount, amount))) for value in values)

    def lit(self, colour: str | Sequence[int], amount: int = JITTER) -> Colour:
        """A jittered colour in the light of the sky."""
        return tuple(int(value * self._brightness) for value in self.jittered(colour, amount))

    def polygon(self, points: Iterable[Point], colour: Colour) -> None:
        """A filled polygon."""
        self._brush.polygon([(x * self.width, y * self.width) for x, y in points], fill=colour)

    def ellipse(self, x: float, y: float, a: float, b: float, colour: Colour) -> None:
        """A filled ellipse with half axes a and b."""
        self._brush.ellipse(self._box(x, y, a, b), fill=colour)

    def rectangle(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """A filled rectangle."""
        w = self.width
        self._brush.rectangle([left * w, top * w, right * w, bottom * w], fill=colour)

    def arc(
        self, corners: tuple[float, float, float, float], angles: tuple[int, int], colour: Colour, width: int
    ) -> None:
        """An arc of the ellipse within the corners (left, top, right, bottom)."""
        left, top, right, bottom = (value * self.width for value in corners)
        self._brush.arc([(left, top), (right, bottom)], *angles, fill=colour, width=width)

    def line(self, points: Iterable[Point], colour: Colour, width: int) -> None:
        """A line."""
        self._brush.line([(x * self.width, y * self.width) for x, y in points], fill=colour, width=width)

    def gradient(self, top: Colour, bottom: Colour, end: float = 1.0) -> None:
        """From one colour at the top to another at `end`."""
        height = int(end * self.width)
        share = np.linspace(0, 1, max(height, 1))[:, None]
        column = (np.array(top) * (1 - share) + np.array(bottom) * share).round().astype(np.uint8)
        self.image.paste(Image.fromarray(np.repeat(column[:, None], self.width, 1)), (0, 0))

    def stars(self, count: int, lowest: float = 1.0) -> None:
        """Stars above `lowest`."""
        for _ in range(count):
            radius = self.r.uniform(0.007, 0.013)
            self.ellipse(self.r.random(), self.r.random() * lowest, radius, radius, STAR)

    def background(self, background: Description) -> None:
        """Plain, gradient, stripes, dots or the night sky."""
        kind = background["type"]
        if kind == "night":
            self.gradient(self.jittered((12, 16, 48), 5), self.jittered((30, 36, 90), 6))
            self.stars(26)
            return
        first = self.jittered(background["c"])
        second = self.jittered(background["c2"]) if "c2" in background else first
        if kind == "gradient":
            self.gradient(first, second)
            return
        self.rectangle(0, 0, 1, 1, first)
        if kind == "stripes":
            self._stripes(second, background["dir"] == "h")
        elif kind == "dots":
            for row in range(5):
                for column in range(5):
                    self.ellipse((row + 0.5) / 5, (column + 0.5) / 5, 0.045, 0.045, second)

    def sky(self, kind: str, horizon: float, sun: tuple[float, float, float] | None = None) -> None:
        """A sky down to the horizon, with a sun or moon at (x, y, radius), and clouds by day."""
        if kind == "day":
            self.gradient(self.jittered((95, 170, 240)), self.jittered((190, 225, 250)))
        elif kind == "sunset":
            self.gradient(self.jittered((120, 70, 150)), self.jittered((255, 165, 80)), horizon)
        else:
            self.gradient(self.jittered((12, 16, 48), 5), self.jittered((40, 48, 105), 6))
            self.stars(18, horizon * 0.9)
        if sun:
            self._sun(kind, *sun)
        if kind == "day":
            self._clouds()

    def shape(self, kind: str, colour: str, x: float, y: float, radius: float) -> None:
        """One of the shapes around (x, y)."""
        fill = self.jittered(colour)
        if kind == "circle":
            self.ellipse(x, y, radius, radius, fill)
        elif kind == "ring":
            mask = self.disc_mask(x, y, radius)
            ImageDraw.Draw(mask).ellipse(self._box(x, y, radius * 0.55, radius * 0.55), fill=0)
            self.paste(fill, mask)
        else:
            self.polygon(OUTLINES[kind](x, y, radius), fill)

    def disc_mask(self, x: float, y: float, radius: float) -> Image.Image:
        """A mask that is 255 within a disc."""
        mask = Image.new("L", (self.width, self.width), 0)
        ImageDraw.Draw(mask).ellipse(self._box(x, y, radius, radius), fill=255)
        return mask

    def paste(self, colour: Colour, mask: Image.Image) -> None:
        """Fills where the mask is set."""
        self.image.paste(colour, (0, 0, self.width, self.width), mask)

    def _box(self, x: float, y: float, a: float, b: float) -> list[Point]:
        w = self.width
        return [((x - a) * w, (y - b) * w), ((x + a) * w, (y + b) * w)]

    def _stripes(self, colour: Colour, horizontal: bool) -> None:
        for index in range(0, 8, 2):
            if horizontal:
                self.rectangle(0, index / 8, 1, (index + 1) / 8, colour)
            else:
                self.rectangle(index / 8, 0, (index + 1) / 8, 1, colour)

    def _sun(self, kind: str, x: float, y: float, radius: float) -> None:
        if kind == "night":
            self.ellipse(x, y, radius * 0.8, radius * 0.8, self.jittered((240, 240, 215), 6))
        else:
            self.ellipse(x, y, radius, radius, self.jittered((255, 220, 70) if kind == "day" else (255, 120, 60), 6))

    def _clouds(self) -> None:
        for _ in range(self.r.randint(0, 2)):
            x, y = self.r.uniform(0.1, 0.9), self.r.uniform(0.1, 0.28)
            size = self.r.uniform(0.035, 0.05)
            for shift, scale in ((-1.4, 0.8), (0, 1.2), (1.4, 0.8)):
                self.ellipse(x + shift * size, y, size * scale * 1.3, size * scale * 0.8, CLOUD)


def _regular(x: float, y: float, radius: float, count: int, scale: Callable[[int], float], start: float) -> list[Point]:
    """Corners on a circle, each at its own distance."""
    corners = []
    for index in range(count):
        angle, distance = start + 2 * math.pi * index / count, radius * scale(index)
        corners.append((x + distance * math.cos(angle), y + distance * math.sin(angle)))
    return corners


def _square(x: float, y: float, radius: float) -> list[Point]:
    return _regular(x, y, radius, 4, lambda _: 1.2, -math.pi / 4)


def _star(x: float, y: float, radius: float) -> list[Point]:
    return _regular(x, y, radius, 10, lambda index: 0.47 if index % 2 else 1.12, -math.pi / 2)


def _diamond(x: float, y: float, radius: float) -> list[Point]:
    return [(x, y - radius * 1.15), (x + radius * 0.8, y), (x, y + radius * 1.15), (x - radius * 0.8, y)]


def _triangle(x: float, y: float, radius: float) -> list[Point]:
    return [(x, y - radius), (x + radius * 1.05, y + radius * 0.82), (x - radius * 1.05, y + radius * 0.82)]


def _cross(x: float, y: float, radius: float) -> list[Point]:
    a, b = radius * 0.95, radius * 0.34
    corners = [
        (-b, -a),
        (b, -a),
        (b, -b),
        (a, -b),
        (a, b),
        (b, b),
        (b, a),
        (-b, a),
        (-b, b),
        (-a, b),
        (-a, -b),
        (-b, -b),
    ]
    return [(x + u, y + v) for u, v in corners]


def _heart(x: float, y: float, radius: float) -> list[Point]:
    points = []
    for t in (2 * math.pi * index / 60 for index in range(60)):
        rise = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        points.append((x + radius * 16 * math.sin(t) ** 3 / 15.5, y - radius * rise / 15.5))
    return points


def _crescent(x: float, y: float, radius: float) -> list[Point]:
    """The rim of a disc, and back along the rim of another disc that bites it."""
    outer = np.linspace(-2.2 + math.pi, 2.2 + math.pi, 40)
    rim = [(x + radius * math.cos(a), y + radius * math.sin(a)) for a in outer]
    end_x, end_y = rim[-1]
    centre = x + radius * 0.62
    bite = math.hypot(end_x - centre, end_y - y)
    first = math.atan2(end_y - y, end_x - centre) % (2 * math.pi)
    inner = np.linspace(first, 2 * math.pi - first, 40)
    return rim + [(centre + bite * math.cos(a), y + bite * math.sin(a)) for a in inner]


OUTLINES: dict[str, Callable[[float, float, float], list[Point]]] = {
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "heart": _heart,
    "diamond": _diamond,
    "cross": _cross,
    "crescent": _crescent,
}
