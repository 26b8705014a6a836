#!/usr/bin/env python3
"""Writes goldens of T2I-Adapters (Mou et al. 2023, section 3.2): tiny random ones, a picture each, and their features in float64.

Needs torch and safetensors alone: the network is written out here from the paper, with the names that diffusers gives its tensors.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

CASES = {
    # Sides that are odd after the patches, one residual block, three levels.
    "full": dict(type="full_adapter", picture=3, channels=[6, 10, 8], layers=1, patch=2, size=(14, 22), halves=(1, 2)),
    # One halving, two levels of one width, a grey picture.
    "full_xl": dict(
        type="full_adapter_xl", picture=1, channels=[4, 6, 8, 8], layers=2, patch=4, size=(20, 12), halves=(2,)
    ),
}


class Weights:
    """Draws a tensor when it is first asked for, and keeps it as float16."""

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator
        self.tensors: dict[str, torch.Tensor] = {}

    def conv(self, name: str, x: torch.Tensor, out: int, kernel: int) -> torch.Tensor:
        """A convolution that keeps the size."""
        shape = (out, x.shape[1], kernel, kernel)
        fan = x.shape[1] * kernel * kernel
        weight = torch.randn(shape, generator=self.generator) / fan**0.5
        bias = torch.randn(out, generator=self.generator) * 0.2
        self.tensors[f"adapter.{name}.weight"] = weight.half()
        self.tensors[f"adapter.{name}.bias"] = bias.half()
        return F.conv2d(x, weight.half().double(), bias.half().double(), padding=kernel // 2)


def features(case: dict, weights: Weights, picture: torch.Tensor) -> list[torch.Tensor]:
    """The features of each level of a float64 picture."""
    n, c, height, width = picture.shape
    patch = case["patch"]
    x = picture.reshape(n, c, height // patch, patch, width // patch, patch).permute(0, 1, 3, 5, 2, 4)
    x = weights.conv("conv_in", x.reshape(n, c * patch * patch, height // patch, width // patch), case["channels"][0], 3)
    results = []
    for level, channels in enumerate(case["channels"]):
        if level in case["halves"]:
            x = F.avg_pool2d(x, 2, stride=2, ceil_mode=True)
        if x.shape[1] != channels:
            x = weights.conv(f"body.{level}.in_conv", x, channels, 1)
        for j in range(case["layers"]):
            h = weights.conv(f"body.{level}.resnets.{j}.block1", x, channels, 3).relu()
            x = x + weights.conv(f"body.{level}.resnets.{j}.block2", h, channels, 1)
        results.append(x)
    return results


def write(folder: Path, name: str, case: dict, seed: int) -> None:
    """Writes a folder of diffusers' layout with the golden beside it."""
    generator = torch.Generator().manual_seed(seed)
    weights = Weights(generator)
    picture = torch.rand(1, case["picture"], *case["size"], generator=generator)
    results = features(case, weights, picture.double())
    target = folder / name
    target.mkdir(parents=True, exist_ok=True)
    config = {
        "_class_name": "T2IAdapter",
        "adapter_type": case["type"],
        "channels": case["channels"],
        "downscale_factor": case["patch"],
        "in_channels": case["picture"],
        "num_res_blocks": case["layers"],
    }
    (target / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    save_file(weights.tensors, target / "diffusion_pytorch_model.safetensors")
    golden = {"picture": picture} | {f"feature.{i}": x.float().contiguous() for i, x in enumerate(results)}
    save_file(golden, target / "golden.safetensors")


def main() -> None:
    """Writes all cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder that the cases are written to")
    out = parser.parse_args().out
    for seed, (name, case) in enumerate(CASES.items()):
        write(out, name, case, seed)


if __name__ == "__main__":
    main()
