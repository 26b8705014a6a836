"""What all groups share: seeded draws, runs in several precisions, and the writing of a group with its index."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from .variants import Variant

Tensors = dict[str, torch.Tensor]
NOISE_DTYPES = (torch.float32, torch.bfloat16, torch.float16)


@dataclass(frozen=True)
class Context:
    """Where a set goes to, where CLIP's vocabulary is, and which variant is written."""

    out: Path
    vocabulary: Path
    variant: Variant

    def checkpoint(self, *parts: str) -> Path:
        """A folder below checkpoints/."""
        return self.out.joinpath("checkpoints", *parts)

    def generator(self, name: str) -> torch.Generator:
        """A generator of its own for everything that has a name, so that no draw depends on another."""
        return torch.Generator().manual_seed(self.variant.seed * 2**32 + zlib.crc32(name.encode()))

    def normal(self, name: str, *shape: int) -> torch.Tensor:
        """Standard normal float32 numbers."""
        return torch.randn(*shape, generator=self.generator(name), dtype=torch.float32)

    def uniform(self, name: str, *shape: int) -> torch.Tensor:
        """Uniform float32 numbers in [-1, 1)."""
        return torch.rand(*shape, generator=self.generator(name), dtype=torch.float32) * 2 - 1


@dataclass
class Group:
    """A directory of results with its index.json."""

    context: Context
    name: str
    about: str
    extra: dict[str, Any] = field(default_factory=dict)
    files: dict[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The directory, made if it is not there."""
        folder = self.context.out / self.name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def add(self, file: str, how: str, tensors: Tensors | None = None, noise: Any = None, **more: Any) -> None:
        """Writes the tensors of a file, floating ones as float32, and its entry in the index."""
        entry: dict[str, Any] = {"how": how}
        if tensors is not None:
            stored = {name: _stored(tensor) for name, tensor in tensors.items()}
            save_file(stored, self.folder / file, metadata={"format": "pt"})
            entry["tensors"] = {name: _described(tensor) for name, tensor in stored.items()}
        if noise is not None:
            entry["noise"] = noise
        self.files[file] = entry | more

    def close(self) -> None:
        """Writes index.json."""
        index = {"group": self.name, "about": self.about} | self.extra | {"files": self.files}
        (self.folder / "index.json").write_text(json.dumps(index, indent=1) + "\n")


def measured(run: Callable[[torch.dtype], Tensors]) -> tuple[Tensors, dict[str, Any]]:
    """The results of `run` in float64, and the error of its other precisions against them."""
    golden = run(torch.float64)
    noise = {}
    for dtype in NOISE_DTYPES:
        results = run(dtype)
        noise[str(dtype).removeprefix("torch.")] = {name: error(results[name], golden[name]) for name in golden}
    return golden, noise


def error(actual: torch.Tensor, expected: torch.Tensor) -> dict[str, float]:
    """max|x - ref| / max|ref| and the same with root mean squares, to three digits."""
    difference = actual.double() - expected.double()
    largest = expected.double().abs().max().item()
    power = expected.double().square().mean().sqrt().item()
    return {
        "max": _rounded(difference.abs().max().item() / max(largest, 1e-30)),
        "rms": _rounded(difference.square().mean().sqrt().item() / max(power, 1e-30)),
    }


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")


def _stored(tensor: torch.Tensor) -> torch.Tensor:
    kept = tensor.detach().float() if tensor.is_floating_point() else tensor.detach()
    return kept.contiguous().clone()


def _described(tensor: torch.Tensor) -> dict[str, Any]:
    return {"shape": list(tensor.shape), "dtype": str(tensor.dtype).removeprefix("torch.")}
