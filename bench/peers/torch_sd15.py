#!/usr/bin/env python3
"""Times torch on a Stable Diffusion checkpoint in diffusers' layout: text encoder, one step of the U-Net, VAE decoder.

Best eager settings: bfloat16, channels_last, scaled dot product attention, inference mode; --compile compiles as well.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import torch_models

PARTS = ("text", "unet", "vae")
DTYPES = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32}


def arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder with unet/, vae/ and text_encoder/")
    parser.add_argument("--part", choices=("all", *PARTS), default="all")
    parser.add_argument("--repeat", type=int, default=5, help="timed runs of each part")
    parser.add_argument("--warmup", type=int, default=2, help="runs of each part before")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--dtype", choices=tuple(DTYPES), default="bf16")
    parser.add_argument("--threads", type=int, default=0, help="default: torch's own choice")
    parser.add_argument("--size", type=int, default=512, help="width and height in pixels")
    parser.add_argument(
        "--batch", type=int, default=2, help="of the U-Net and the text encoder: 2 is one guided picture"
    )
    parser.add_argument("--compile", action="store_true", help="use torch.compile")
    parser.add_argument("--json", action="store_true", help="write one JSON object")
    return parser.parse_args()


def main() -> None:
    """Times the parts asked for and prints the report."""
    args = arguments()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    report: dict[str, Any] = {
        "peer": "torch",
        "torch": torch.__version__,
        "device": args.device,
        "description": _description(torch.device(args.device)),
        "dtype": args.dtype,
        "threads": torch.get_num_threads(),
        "compiled": args.compile,
        "model": str(args.model),
    }
    with torch.inference_mode():
        for part in PARTS if args.part == "all" else (args.part,):
            report[part] = _timed(_prepared(part, args), args)
    print(json.dumps(report) if args.json else _readable(report))


def _prepared(part: str, args: argparse.Namespace) -> Callable[[], torch.Tensor]:
    """One run of a part, ready to be called."""
    device, dtype = torch.device(args.device), DTYPES[args.dtype]
    loader = {"text": torch_models.load_text_encoder, "unet": torch_models.load_unet, "vae": torch_models.load_decoder}
    network = loader[part](args.model).to(device, dtype).to(memory_format=torch.channels_last)
    run = torch.compile(network, mode="max-autotune" if device.type == "cuda" else None) if args.compile else network
    inputs = _inputs(part, args, network)
    return lambda: run(*inputs)


def _inputs(part: str, args: argparse.Namespace, network: torch.nn.Module) -> tuple[torch.Tensor, ...]:
    device, dtype = torch.device(args.device), DTYPES[args.dtype]

    def latents(count: int) -> torch.Tensor:
        drawn = torch.randn(count, 4, args.size // 8, args.size // 8)
        return drawn.to(device, dtype).to(memory_format=torch.channels_last)

    if part == "text":
        vocabulary = network.embeddings["token_embedding"].num_embeddings
        return (torch.randint(vocabulary, (args.batch, 77)).to(device),)
    if part == "vae":
        return (latents(1),)
    times = torch.full((args.batch,), 501, device=device)
    context = torch.randn(args.batch, 77, network.config["cross_attention_dim"]).to(device, dtype)
    return latents(args.batch), times, context


def _timed(run: Callable[[], torch.Tensor], args: argparse.Namespace) -> dict[str, Any]:
    def seconds() -> float:
        started = time.perf_counter()
        run()
        if args.device.startswith("cuda"):
            torch.cuda.synchronize(args.device)
        return time.perf_counter() - started

    for _ in range(args.warmup):
        seconds()
    taken = [seconds() for _ in range(args.repeat)]
    return {
        "n": args.repeat,
        "median_seconds": statistics.median(taken),
        "min_seconds": min(taken),
        "seconds": taken,
    }


def _description(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    names = [line.split(":")[1].strip() for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.is_file() else []


def _readable(report: dict[str, Any]) -> str:
    lines = [f"torch {report['torch']}, {report['description']}, {report['dtype']}, {report['threads']} threads"]
    for part in PARTS:
        if part in report:
            timed = report[part]
            lines.append(
                f"{part:<5}{timed['median_seconds']:.4f} s median of {timed['n']}, {timed['min_seconds']:.4f} min"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
