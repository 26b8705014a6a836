"""A byte-level BPE in CLIP's convention, learned from captions."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

from captions import FILLERS, caption
from descriptions import describe

START, END = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"
PIECES = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[a-z]+|[0-9]|[^\sa-z0-9]+")
CAPTIONS, FILLER_COUNT, SEED = 60_000, 40, 5
LENGTH = 77
Word = tuple[str, ...]


def train(folder: Path, size: int) -> None:
    """Writes a vocabulary of `size` entries: bytes, bytes that end a word, merges, start and end."""
    alphabet = _byte_letters()
    merges = _merges(_words(), size - 2 * len(alphabet) - 2)
    entries = alphabet + [letter + WORD_END for letter in alphabet] + ["".join(pair) for pair in merges] + [START, END]
    if len(set(entries)) != len(entries):
        raise ValueError("the vocabulary has an entry twice: two merges spell the same piece")
    folder.mkdir(parents=True, exist_ok=True)
    numbered = {entry: number for number, entry in enumerate(entries)}
    (folder / "vocab.json").write_text(json.dumps(numbered, ensure_ascii=False))
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n")
    _write_settings(folder)


def load(folder: Path) -> Any:
    """The tokenizer of a folder."""
    from transformers import CLIPTokenizer

    return CLIPTokenizer.from_pretrained(folder)


def token_ids(tokenizer: Any, texts: list[str]) -> Any:
    """Ids [n, 77], padded and truncated."""
    return tokenizer(texts, padding="max_length", truncation=True, max_length=LENGTH, return_tensors="pt")["input_ids"]


def _words() -> dict[Word, int]:
    """How often words occur in captions, as sequences of letters."""
    r = random.Random(SEED)
    counts: Counter[str] = Counter()
    for _ in range(CAPTIONS):
        counts.update(PIECES.findall(caption(describe(r), r).lower()))
    for word in FILLERS:
        counts[word.lower()] += FILLER_COUNT
    return {(*word[:-1], word[-1] + WORD_END): count for word, count in counts.items() if word.isascii()}


def _merges(words: dict[Word, int], count: int) -> list[tuple[str, str]]:
    """The pairs to merge: always the most frequent one, of equals the last in the alphabet."""
    merges: list[tuple[str, str]] = []
    while len(merges) < count:
        pairs: Counter[tuple[str, str]] = Counter()
        for word, times in words.items():
            for pair in zip(word, word[1:], strict=False):
                pairs[pair] += times
        if not pairs:
            break
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        words = {_merged(word, best): times for word, times in words.items()}
    return merges


def _merged(word: Word, pair: tuple[str, str]) -> Word:
    letters: list[str] = []
    index = 0
    while index < len(word):
        together = word[index : index + 2] == pair
        letters.append("".join(pair) if together else word[index])
        index += 2 if together else 1
    return tuple(letters)


def _byte_letters() -> list[str]:
    """A printable letter for every byte, in CLIP's order: printable bytes stand for themselves and come first."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + index) for index in range(len(others))]


def _write_settings(folder: Path) -> None:
    def special(text: str) -> dict[str, Any]:
        flags = {"lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
        return {"content": text} | flags

    specials = {"bos_token": special(START), "eos_token": special(END), "pad_token": END, "unk_token": special(END)}
    settings = {
        "add_prefix_space": False,
        "do_lower_case": True,
        "errors": "replace",
        "model_max_length": LENGTH,
        "tokenizer_class": "CLIPTokenizer",
    }
    (folder / "special_tokens_map.json").write_text(json.dumps(specials, indent=2))
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | specials, indent=2))
