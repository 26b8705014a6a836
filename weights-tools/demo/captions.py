"""Puts descriptions into words, in many ways. The order of random draws is part of the data, as in scenes.py."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from descriptions import Description

FILLERS = (Path(__file__).parent / "words.txt").read_text().split()  # what people write around what they want to see
COLOUR_WORDS = {
    "cyan": ["cyan", "cyan", "turquoise", "light blue"],
    "purple": ["purple", "purple", "violet"],
    "gray": ["gray", "grey"],
    "red": ["red", "red", "red", "crimson"],
    "pink": ["pink", "pink", "pink", "rose"],
    "yellow": ["yellow", "yellow", "yellow", "golden"],
}
SHAPE_WORDS = {
    "circle": ["circle", "circle", "disc", "ball", "dot"],
    "square": ["square", "square", "box"],
    "ring": ["ring", "ring", "donut"],
    "diamond": ["diamond", "diamond", "rhombus"],
    "cross": ["cross", "plus sign"],
    "crescent": ["crescent", "crescent moon", "moon"],
}
SIZE_WORDS = {"small": ["small", "little", "tiny", "small"], "large": ["large", "big", "huge", "large"]}
SKY_WORDS = {
    "day": ["", " under a blue sky", " on a sunny day", " in the daytime", ", blue sky", " by day"],
    "sunset": [" at sunset", " at sunset", " at dusk", " under an orange sky", ", sunset sky", " in the evening"],
    "night": [" at night", " at night", " under the stars", " under a starry sky", " in the moonlight", ", night sky"],
}
MOOD_WORDS = {
    "happy": ["smiling face", "happy face", "smiley", "smiley face", "smiling emoji"],
    "sad": ["sad face", "unhappy face", "sad emoji"],
    "surprised": ["surprised face", "shocked face", "surprised emoji"],
}
TREE_WORDS = {
    "orange": ["an orange tree in autumn", "an autumn tree", "a tree with orange leaves", "an orange tree"],
    "pink": ["a pink tree", "a cherry blossom tree", "a tree with pink blossoms", "a tree with pink leaves"],
    "white": ["a snowy tree", "a white tree in the snow", "a tree in winter", "a tree covered with snow"],
    "green": ["a green tree", "a tree", "a tree with green leaves", "a big green tree"],
}
NIGHT_WORDS = [
    " in the night sky", " in a starry night sky", " among the stars", ", night sky background", " at night with stars",
    " on a night sky", " in space",
]  # fmt: skip
BEFORE = [""] * 5 + [
    "a picture of ", "a drawing of ", "an illustration of ", "an image of ", "a painting of ", "a photo of ",
    "a simple picture of ", "a cartoon of ",
]  # fmt: skip
AFTER = [""] * 7 + [
    ", flat design", ", simple illustration", ", clip art", ", highly detailed", ", masterpiece, best quality",
    ", digital art", ", vector art", ", cartoon style",
]  # fmt: skip


class Voice:
    """A stream of choices, and whether clauses may be dropped."""

    def __init__(self, r: random.Random, full: bool) -> None:
        self.r = r
        self.choose = r.choice
        self._full = full

    def drops(self, chance: float) -> bool:
        """Whether a clause is left out; a full caption leaves none out and draws nothing."""
        return not self._full and self.r.random() < chance

    def colour(self, name: str) -> str:
        """A word for a colour."""
        return self.choose(COLOUR_WORDS.get(name, [name]))

    def colours(self, described: Description) -> tuple[str, str]:
        """Words for the first and the second colour of something; empty where there is none."""
        first = self.colour(described["c"]) if "c" in described else ""
        return first, self.colour(described["c2"]) if "c2" in described else ""

    def shape(self, shown: Description) -> str:
        """Colour and shape of an object."""
        return f"{self.colour(shown['c'])} {self.choose(SHAPE_WORDS.get(shown['shape'], [shown['shape']]))}"

    def sky(self, description: Description) -> str:
        """The time of day. A word is drawn for each time, so that all use the stream alike."""
        return {time: self.choose(words) for time, words in SKY_WORDS.items()}[description["sky"]]

    def background(self, background: Description) -> str:
        """What is behind an object."""
        kind = background["type"]
        first, second = self.colours(background)
        if kind == "stripes":
            return self._stripes(first, second, background["dir"])
        return self.choose(NIGHT_WORDS if kind == "night" else _background_words(kind, first, second))

    def _stripes(self, first: str, second: str, direction: str) -> str:
        way = self.choose(["", "", "horizontal " if direction == "h" else "vertical "])
        a, b = (first, second) if self.r.random() < 0.5 else (second, first)
        return self.choose([
            f" on {a} and {b} {way}stripes",
            f" on a background of {way}{a} and {b} stripes",
            f", striped {a} and {b} background",
            f" on {a} and {b} {way}striped background",
        ])  # fmt: skip


def caption(description: Description, r: random.Random, filler: bool = True, full: bool = False) -> str:
    """One of many ways to say a description; clauses are dropped at random unless `full`."""
    voice = Voice(r, full)
    first, second = voice.colours(description)
    text = SPEAKERS[description["kind"]](voice, description, first, second)
    return _filled(r, text) if filler else text


def article(noun: str) -> str:
    """The noun with a or an."""
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def _background_words(kind: str, first: str, second: str) -> list[str]:
    an = article(first)
    if kind == "plain":
        on = f" on {an} background"
        return [on, on, f" on {first}", f", {first} background", f" against {an} background", f" over {an} background"]
    if kind == "gradient":
        return [
            f" on a gradient background from {first} to {second}",
            f" on {an} to {second} gradient",
            f", {first} and {second} gradient background",
            f" on {an} and {second} gradient",
        ]
    return [
        f" on {an} background with {second} dots",
        f" on {an} background with {second} polka dots",
        f", {first} background with {second} dots",
        f" on a polka dot background, {second} on {first}",
    ]


def _filled(r: random.Random, text: str) -> str:
    """The text among words that say nothing about the picture."""
    text = r.choice(BEFORE) + text + r.choice(AFTER)
    if r.random() < 0.12:
        count = r.randint(1, 6) if r.random() < 0.9 else r.randint(10, 28)
        phrases = [" ".join(r.choice(FILLERS) for _ in range(r.randint(1, 2))) for _ in range(count)]
        text = f"{text}, {', '.join(phrases)}"
    if r.random() < 0.05:
        text = text[0].upper() + text[1:] + "."
    return text


def _one(voice: Voice, d: Description, *_: str) -> str:
    shown = d["objs"][0]
    noun = voice.shape(shown)
    if shown["size"] != "medium" and not voice.drops(0.3):
        noun = f"{voice.choose(SIZE_WORDS[shown['size']])} {noun}"
    where = _where(voice, shown["pos"])
    behind = "" if voice.drops(0.08) else voice.background(d["bg"])
    first = voice.r.random() < 0.5 or behind.startswith(",")
    return article(noun) + (where + behind if first else behind + where)


def _where(voice: Voice, position: str) -> str:
    if position == "center":
        return "" if voice.drops(0.6) else voice.choose([" in the center", " in the middle", " at the center"])
    if voice.drops(0.12):
        return ""
    if " " in position:
        return voice.choose([f" in the {position} corner", f" at the {position}", f" in the {position}"])
    if position in ("left", "right"):
        return voice.choose([f" on the {position}", f" on the {position} side", f" at the {position}"])
    return voice.choose([f" at the {position}", f" near the {position}", f" at the {position}"])


def _two(voice: Voice, d: Description, *_: str) -> str:
    text = _related(voice, *d["objs"], d["rel"] == "left")
    return text + ("" if voice.drops(0.08) else voice.background(d["bg"]))


def _related(voice: Voice, first: Description, second: Description, beside: bool) -> str:
    def noun(shown: Description) -> str:
        return article(voice.shape(shown))

    way = voice.r.random()
    if way < 0.4:
        besides = [" to the left of ", " left of ", " on the left of "]
        overs = [" above ", " above ", " over ", " on top of "]
        return noun(first) + voice.choose(besides if beside else overs) + noun(second)
    if way < 0.75:
        besides = [" to the right of ", " right of ", " on the right of "]
        unders = [" below ", " below ", " under ", " beneath "]
        return noun(second) + voice.choose(besides if beside else unders) + noun(first)
    if not beside:
        return f"{noun(first)} at the top and {noun(second)} at the bottom"
    if way < 0.88:
        return f"{noun(first)} on the left and {noun(second)} on the right"
    link = " next to " if voice.r.random() < 0.5 else " and "
    return noun(first) + link + noun(second)


def _house(voice: Voice, d: Description, wall: str, roof: str) -> str:
    words = [f"{wall} house", f"{wall} house", f"small {wall} house", f"{wall} cottage"]
    text = article("house" if voice.drops(0.15) else voice.choose(words))
    text += "" if voice.drops(0.25) else f" with {article(roof)} roof"
    if d["tree"] and not voice.drops(0.15):
        text += voice.choose([" and a tree", " next to a tree", " beside a tree"])
    if d["snow"]:
        text += voice.choose([" in the snow", " in winter", " on snow"])
    return text + voice.sky(d)


def _hills(voice: Voice, d: Description, colour: str, _: str) -> str:
    light = "moon" if d["sky"] == "night" else "sun"
    hills = f"{'snowy' if d['c'] == 'white' else colour} hills"
    words = [
        f"the {light} over {hills}",
        f"{hills} and the {light}",
        f"a landscape with {hills}",
        f"{article(light)} above {hills}",
        hills,
        f"rolling {hills}",
    ]
    return voice.choose(words) + voice.sky(d)


def _tree(voice: Voice, d: Description, colour: str, _: str) -> str:
    others = [f"{article(colour)} tree", f"a tree with {colour} leaves", f"a big {colour} tree"]
    text = voice.choose(TREE_WORDS.get(d["c"], others))
    if d["apples"]:
        text = voice.choose(["an apple tree", "a tree with red apples", "a green tree with apples"])
    return text + voice.sky(d)


def _face(voice: Voice, d: Description, colour: str, _: str) -> str:
    text = article(f"{colour} {voice.choose(MOOD_WORDS[d['mood']])}")
    return text + ("" if voice.drops(0.1) else voice.background(d["bg"]))


def _boat(voice: Voice, d: Description, hull: str, sails: str) -> str:
    noun = voice.choose(["sailing boat", "sailboat", "boat", "sailing ship"])
    voice.r.random()  # decides nothing, but the captions that the model was trained on have drawn it
    text = article(noun if voice.drops(0.15) else f"{hull} {noun}")
    text += "" if voice.drops(0.25) else voice.choose([f" with {sails} sails", f" with {article(sails)} sail"])
    return text + voice.choose([" on the sea", " on the water", " on the ocean", "", " on a blue sea"]) + voice.sky(d)


def _flower(voice: Voice, d: Description, petals: str, middle: str) -> str:
    words = [f"{petals} flower", f"{petals} flower", f"{petals} daisy", f"{petals} blossom"]
    text = article(voice.choose(words))
    inner = [f" with {article(middle)} center", f" with {article(middle)} middle"]
    text += "" if voice.drops(0.4) else voice.choose(inner)
    if d["bg"]:
        return text + ("" if voice.drops(0.1) else voice.background(d["bg"]))
    return text + voice.choose([" in a meadow", " on the grass", " in a field", " in a garden"]) + voice.sky(d)


def _mountain(voice: Voice, d: Description, colour: str, _: str) -> str:
    named = [
        f"{colour} mountains",
        f"snow-capped {colour} mountains",
        f"{article(colour)} mountain",
        f"a landscape with {colour} mountains",
        f"{colour} mountains with snow",
    ]
    text = voice.choose(["mountains", "snowy mountains", "a mountain landscape"] if voice.drops(0.15) else named)
    lake = [" by a lake", " and a lake", " over a lake", " behind a lake"]
    return text + voice.choose(lake if d["lake"] else ["", " and green fields", " and a green meadow"]) + voice.sky(d)


def _cat(voice: Voice, d: Description, fur: str, _: str) -> str:
    text = article(f"{fur} {voice.choose(['cat', 'cat', 'cat face', 'kitten', 'cute cat'])}")
    text += "" if voice.drops(0.5) else f" with {d['eye']} eyes"
    return text + ("" if voice.drops(0.1) else voice.background(d["bg"]))


def _planet(voice: Voice, d: Description, colour: str, _: str) -> str:
    rings = voice.choose([" with rings", " with a ring", " with rings around it"]) if d["rings"] else ""
    where = [" in space", " in the night sky", " among the stars", " in outer space", ""]
    return article(f"{colour} planet") + rings + voice.choose(where)


def _car(voice: Voice, d: Description, colour: str, _: str) -> str:
    where = [" on the road", " on a road", " on the street", "", " driving on a road"]
    return article(f"{colour} car") + voice.choose(where) + voice.sky(d)


def _fish(voice: Voice, _: Description, colour: str, __: str) -> str:
    where = [" under water", " in the sea", " swimming in the ocean", " underwater", " in blue water", ""]
    return article(f"{colour} fish") + voice.choose(where)


SPEAKERS: dict[str, Callable[[Voice, Description, str, str], str]] = {
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
