#!/usr/bin/env python3
"""Writes a set of reference tensors: tiny random models and what torch and diffusers compute with them."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch

from groups import checkpoints, formats, pipelines, rng, schedulers, text, tokenizer, unet, vae
from groups.common import Context
from groups.variants import VARIANTS

GROUPS = {
    "checkpoints": checkpoints.write,
    "text": text.write,
    "unet": unet.write,
    "vae": vae.write,
    "pipelines": pipelines.write,
    "schedulers": schedulers.write,
    "formats": formats.write,
    "tokenizer": tokenizer.write,
    "rng": rng.write,
}


def arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder that the set is written to")
    parser.add_argument("--vocabulary", type=Path, required=True, help="folder with CLIP's merges.txt and vocab.json")
    parser.add_argument("--variant", type=int, default=1, choices=sorted(VARIANTS), help="which shapes and texts")
    parser.add_argument("--group", nargs="*", default=list(GROUPS), choices=list(GROUPS), help="default: all groups")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    """Writes the groups asked for, in the order in which they depend on each other."""
    args = arguments()
    torch.set_num_threads(args.threads)
    torch.set_grad_enabled(False)
    context = Context(args.out, args.vocabulary, VARIANTS[args.variant])
    for name in (name for name in GROUPS if name in args.group):
        started = time.time()
        GROUPS[name](context)
        print(f"{name}: {time.time() - started:.1f} s", flush=True)


if __name__ == "__main__":
    main()
