#!/usr/bin/env python3
"""Makes the demo model, stage by stage: data, tokenizer, clip, vae, decoder, latents, texts, unet, pack, check."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

Options = dict[str, dict[str, Any]]


def _option(default: Any, **more: Any) -> dict[str, Any]:
    kind = {"type": type(default)} if default is not None and not isinstance(default, list) else {}
    return {"default": default} | kind | more


def _trained(minutes: float, batch: int, peak: float) -> Options:
    """What every training takes."""
    return {
        "--minutes": _option(minutes, help="time that training may take; the learning rate follows it"),
        "--steps": _option(None, type=int, help="steps in all, instead of minutes"),
        "--batch": _option(batch),
        "--rate": _option(peak, help="the highest learning rate"),
        "--resume": {"action": "store_true", "help": "go on from the saved state"},
    }


CROPPED = {"--crop": _option(64, help="width and height of a training picture")}
VAE_SHAPE = {
    "--kl": _option(2e-4, help="weight of the divergence from a standard normal distribution"),
    "--channels": _option([16, 32, 64, 96], type=int, nargs=4),
    "--layers": _option(1),
    "--groups": _option(4),
}
UNET_SHAPE = {
    "--channels": _option([64, 128, 160, 64], type=int, nargs=4),
    "--layers": _option(1),
    "--offset": _option(0.1, help="offset noise"),
    "--average": _option(0.998, help="of the exponential average of the weights"),
    "--flat": {"action": "store_true", "help": "a constant learning rate"},
    "--world": _option(1, help="processes that share the work; start one for each rank"),
    "--rank": _option(0),
}
STAGES: dict[str, tuple[str, str, Options]] = {
    "data": ("data", "draw", {"--limit": _option(None, type=int, help="draw only so many pictures")}),
    "tokenizer": ("tokenizer", "train", {"--size": _option(1536, help="entries of the vocabulary")}),
    "clip": ("clip", "train", _trained(10.0, 64, 1e-3)),
    "vae": ("vae", "train", _trained(20.0, 8, 1.2e-3) | CROPPED | VAE_SHAPE),
    "decoder": ("vae", "train_decoder", _trained(8.0, 8, 8e-4) | CROPPED),
    "latents": ("unet", "cache_latents", {"--pictures": _option(12_000)}),
    "texts": ("unet", "cache_texts", {"--pictures": _option(12_000), "--captions": _option(3)}),
    "unet": ("unet", "train", _trained(45.0, 48, 1.2e-3) | UNET_SHAPE),
    "pack": ("pack", "pack", {"--out": _option(Path("demo-model"))}),
    "check": (
        "check",
        "check",
        {
            "--model": _option(Path("demo-model")),
            "--sheet": _option(Path("contact-sheet.png")),
            "--count": _option(64, help="prompts of each kind that are measured"),
            "--steps": _option(25),
            "--guidance": _option(5.0),
            "--seed": _option(7),
        },
    ),
}


def arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    stages = parser.add_subparsers(dest="stage", required=True)
    for name, (_, _, options) in STAGES.items():
        stage = stages.add_parser(name, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        stage.add_argument("--work", type=Path, default=Path("work"), help="folder of everything in between")
        stage.add_argument("--threads", type=int, default=2)
        for option, settings in options.items():
            stage.add_argument(option, **settings)
    return parser.parse_args()


def main() -> None:
    """Runs one stage."""
    args = arguments()
    module, function, _ = STAGES[args.stage]
    run: Callable[..., None] = getattr(__import__(module), function)
    if args.stage == "data":
        run(args.work, args.limit, args.threads)
    elif args.stage == "tokenizer":
        run(args.work / "tokenizer", args.size)
    else:
        run(args)


if __name__ == "__main__":
    main()
