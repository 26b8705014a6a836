"""What a picture shows, as data: drawn at random here, painted by scenes.py, put into words by captions.py."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

Description = dict[str, Any]
COLOURS = {
    "red": (220, 40, 45),
    "orange": (245, 140, 30),
    "yellow": (250, 215, 50),
    "green": (50, 165, 70),
    "blue": (45, 90, 215),
    "purple": (130, 60, 180),
    "pink": (250, 140, 185),
    "brown": (125, 75, 40),
    "black": (25, 25, 30),
    "white": (245, 245, 245),
    "gray": (140, 140, 145),
    "cyan": (70, 205, 220),
}
NAMES = list(COLOURS)
SHAPES = ["circle", "square", "triangle", "star", "heart", "ring", "diamond", "cross", "crescent"]
POSITIONS = {
    "center": (0.5, 0.5),
    "left": (0.26, 0.5),
    "right": (0.74, 0.5),
    "top": (0.5, 0.26),
    "bottom": (0.5, 0.74),
    "top left": (0.26, 0.26),
    "top right": (0.74, 0.26),
    "bottom left": (0.26, 0.74),
    "bottom right": (0.74, 0.74),
}
SKIES = ["day", "day", "sunset", "night"]
ALIKE = [  # pairs that are hard to tell apart
    {"red", "brown"}, {"red", "orange"}, {"orange", "yellow"}, {"blue", "purple"}, {"cyan", "white"}, {"gray", "white"},
    {"black", "brown"}, {"orange", "brown"}, {"pink", "white"}, {"gray", "brown"}, {"yellow", "white"},
    {"blue", "black"}, {"green", "brown"}, {"gray", "cyan"}, {"pink", "gray"}, {"purple", "black"}, {"gray", "purple"},
    {"green", "gray"},
]  # fmt: skip
TRIES, STRICT_TRIES = 200, 60


def describe(r: random.Random) -> Description:
    """A random description; all that is visible follows from it and from its own seed."""
    description: Description = {"seed": r.randrange(1 << 30)}
    draw = r.random()
    if draw < 0.50:
        description["kind"] = "one" if draw < 0.34 else "two"
        return _objects(r, description)
    description["kind"] = r.choice(list(SCENES))
    description["sky"] = r.choice(SKIES)
    SCENES[description["kind"]](r, description)
    return description


def distinct(r: random.Random, *used: str | None, among: Sequence[str] = NAMES) -> str:
    """A colour that stands out against all that are used; after many tries, at least another one."""
    for attempt in range(TRIES):
        colour = r.choice(among)
        if all(_differs(colour, other, attempt) for other in used if other):
            break
    return colour


def _differs(colour: str, other: str, attempt: int) -> bool:
    return colour != other and ({colour, other} not in ALIKE or attempt > STRICT_TRIES)


def _objects(r: random.Random, description: Description) -> Description:
    background = description["bg"] = _background(r)
    taken = (background["c"], background.get("c2"))
    avoided = ("blue", "black", "purple") if background["type"] == "night" else taken
    colour = distinct(r, *avoided)
    if description["kind"] == "one":
        size = r.choice(["small", "medium", "large", "large"])
        central = r.random() < (0.6 if size == "large" else 0.25)
        position = "center" if central else r.choice(list(POSITIONS))
        description["objs"] = [{"shape": r.choice(SHAPES), "c": colour, "size": size, "pos": position}]
        return description
    other = distinct(r, colour, *avoided) if r.random() < 0.85 else colour
    first, second = r.choice(SHAPES), r.choice(SHAPES)
    while first == second and colour == other:
        second = r.choice(SHAPES)
    description["rel"] = r.choice(["left", "above"])
    description["objs"] = [{"shape": first, "c": colour}, {"shape": second, "c": other}]
    return description


def _background(r: random.Random) -> Description:
    draw = r.random()
    if 0.82 <= draw < 0.91:
        return {"type": "night", "c": "black"}
    background = {"type": "plain", "c": r.choice(NAMES)}
    if draw >= 0.55:
        background["c2"] = distinct(r, background["c"])
        background["type"] = "gradient" if draw < 0.70 else "stripes" if draw < 0.82 else "dots"
    if background["type"] == "stripes":
        background["dir"] = r.choice("hv")
    return background


def _plain(r: random.Random, *used: str) -> Description:
    return {"type": "plain", "c": distinct(r, *used)}


def _house(r: random.Random, d: Description) -> None:
    walls = ["red", "yellow", "white", "blue", "pink", "orange", "purple", "gray", "brown"]
    d["c"] = distinct(r, among=walls)
    d["c2"] = distinct(r, d["c"], among=["red", "brown", "blue", "gray", "purple", "orange", "black"])
    d["tree"] = r.random() < 0.35
    d["snow"] = r.random() < 0.2


def _hills(r: random.Random, d: Description) -> None:
    d["c"] = r.choice(["green", "green", "green", "purple", "orange", "yellow", "blue", "white", "brown"])


def _tree(r: random.Random, d: Description) -> None:
    d["c"] = r.choice(["green", "green", "orange", "pink", "red", "yellow", "purple", "white"])
    d["apples"] = d["c"] == "green" and r.random() < 0.4
    d["snow"] = d["c"] == "white"


def _face(r: random.Random, d: Description) -> None:
    d["c"] = r.choice(["yellow"] * 3 + [name for name in NAMES if name not in ("black", "brown")])
    d["mood"] = r.choice(["happy", "happy", "sad", "surprised"])
    d["bg"] = _plain(r, d["c"])


def _boat(r: random.Random, d: Description) -> None:
    d["c"] = distinct(r, "blue", "cyan")
    d["c2"] = r.choice(["white", "white", "red", "yellow", "orange", "pink", "green", "purple"])


def _flower(r: random.Random, d: Description) -> None:
    d["c"] = r.choice(["red", "pink", "yellow", "white", "purple", "blue", "orange"])
    d["c2"] = distinct(r, d["c"], among=["yellow", "orange", "brown", "white"])
    d["bg"] = _plain(r, d["c"], "green") if r.random() < 0.5 else None


def _mountain(r: random.Random, d: Description) -> None:
    d["c"] = r.choice(["gray", "purple", "blue", "brown"])
    d["lake"] = r.random() < 0.5


def _cat(r: random.Random, d: Description) -> None:
    d["c"] = r.choice(["orange", "orange", "black", "gray", "white", "brown"])
    d["bg"] = _plain(r, d["c"])
    d["eye"] = r.choice(["green", "yellow", "blue"])


def _planet(r: random.Random, d: Description) -> None:
    d["c"] = r.choice(["red", "orange", "blue", "green", "purple", "yellow", "pink", "cyan"])
    d["rings"] = r.random() < 0.6


def _car(r: random.Random, d: Description) -> None:
    d["c"] = r.choice(["red", "red", "blue", "yellow", "green", "white", "orange", "pink", "purple", "black"])


def _fish(r: random.Random, d: Description) -> None:
    bodies = ["orange", "orange", "yellow", "red", "pink", "green", "purple", "white"]
    d["c"] = distinct(r, "blue", "cyan", among=bodies)


SCENES: dict[str, Callable[[random.Random, Description], None]] = {
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
