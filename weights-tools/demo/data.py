"""The drawn pictures on disk: NAME.npy, uint8 [n, 128, 128, 3], and NAME.json, their descriptions."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path

import numpy as np

from descriptions import Description, describe
from drawing import SIZE
from scenes import paint

SETS = {"test": (1_024, 99), "train": (40_000, 1)}  # pictures and seed


@dataclass(frozen=True)
class Pictures:
    """Pictures and what they show."""

    images: np.ndarray
    descriptions: list[Description]

    def __len__(self) -> int:
        return len(self.descriptions)


def draw(folder: Path, limit: int | None = None, processes: int = 2) -> None:
    """Draws both sets; `limit` draws only the first of each."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (count, seed) in SETS.items():
        r = random.Random(seed)
        descriptions = [describe(r) for _ in range(min(count, limit or count))]
        shape = (len(descriptions), SIZE, SIZE, 3)
        images = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.uint8, shape)
        with Pool(processes) as pool:
            for index, image in enumerate(pool.imap(paint, descriptions, 64)):
                images[index] = image
        images.flush()
        (folder / f"{name}.json").write_text(json.dumps(descriptions))
        print(f"{name}: {len(descriptions)} pictures", flush=True)


def load(folder: Path, name: str) -> Pictures:
    """A set, its pictures mapped into memory."""
    descriptions = json.loads((folder / f"{name}.json").read_text())
    return Pictures(np.load(folder / f"{name}.npy", mmap_mode="r"), descriptions)
