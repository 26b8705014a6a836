"""Random draws that are read from a tape, so that whoever compares needs no random generator."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from .common import Context


class Tape:
    """Gives the same draws in the same order to every run, and keeps what was drawn."""

    def __init__(self, context: Context, name: str) -> None:
        self._context = context
        self._name = name
        self.drawn: list[torch.Tensor] = []

    def rewind(self) -> None:
        """Starts the tape over."""
        self.drawn = []

    def draw(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """The next draw."""
        noise = self._context.normal(f"{self._name}/noise.{len(self.drawn)}", *shape)
        self.drawn.append(noise)
        return noise.to(dtype)


@contextmanager
def played(tape: Tape) -> Iterator[None]:
    """Makes every draw of diffusers come from the tape."""

    def randn_tensor(shape: Sequence[int], *_: Any, dtype: torch.dtype | None = None, **_ignored: Any) -> torch.Tensor:
        return tape.draw(tuple(shape), dtype or torch.get_default_dtype())

    modules = [module for name, module in list(sys.modules.items()) if name.startswith("diffusers")]
    replaced = [(module, vars(module)["randn_tensor"]) for module in modules if "randn_tensor" in vars(module)]
    for module, _ in replaced:
        module.randn_tensor = randn_tensor
    tape.rewind()
    try:
        yield
    finally:
        for module, original in replaced:
            module.randn_tensor = original
