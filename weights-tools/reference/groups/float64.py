"""Renders diffusers' schedulers in float64: their source with every float32 replaced.

The library computes betas, sigmas and many casts in float32, whatever the latents are. Its rounding would limit what a
reference can say, so the references come from this rendering; how far the library as shipped is from it is recorded.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import diffusers
import torch

REPLACEMENTS = ((r"\bfloat32\b", "float64"), (r"\.float\(\)", ".double()"))


def scheduler_class(name: str, double: bool) -> type[Any]:
    """The class as shipped, or its rendering in float64."""
    shipped = getattr(diffusers, name)
    return getattr(_rendered(shipped.__module__), name) if double else shipped


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """Makes tensors without a type of their own come out in `dtype`."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@functools.cache
def _rendered(module_name: str) -> ModuleType:
    source = inspect.getsource(importlib.import_module(module_name))
    for pattern, replacement in REPLACEMENTS:
        source = re.sub(pattern, replacement, source)
    package, _, name = module_name.rpartition(".")
    module = ModuleType(f"{package}.float64_{name}")
    module.__package__ = package
    sys.modules[module.__name__] = module
    exec(compile(source, f"<{module_name} in float64>", "exec"), module.__dict__)
    return module
