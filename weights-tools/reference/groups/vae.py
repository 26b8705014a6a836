"""Autoencoders: the distribution of the latents, a sample of it, and decoding."""

from __future__ import annotations

import torch

from .checkpoints import load_vae
from .common import Context, Group, Tensors, measured
from .variants import Config

ABOUT = (
    "AutoencoderKL. image in [-1, 1], NCHW. mean/logvar are what encode().latent_dist holds (logvar clamped to"
    " [-30, 20]); latent_sample = mean + exp(logvar/2) * noise; no scaling_factor anywhere here: the pipeline"
    " multiplies encodings and divides before decoding."
)
HOW = (
    "checkpoints/{}. Each encoder downsampler pads one row/column of zeros at the bottom/right only, then convolves"
    " with stride 2, so sizes floor"
)


def write(context: Context) -> None:
    """Writes vae/."""
    group = Group(context, "vae", ABOUT)
    for name, case in context.variant.vae_cases.items():
        _write_case(group, name, case)
    group.close()


def _write_case(group: Group, name: str, case: Config) -> None:
    context = group.context
    batch, (height, width) = case["batch"], case["size"]
    levels = len(context.variant.vae[case["model"]]["block_out_channels"])
    latent = (batch, 4, height >> (levels - 1), width >> (levels - 1))
    inputs = {
        "image": context.uniform(name + "/image", batch, 3, height, width),
        "noise": context.normal(name + "/noise", *latent),
        "z": context.normal(name + "/z", *latent),
    }

    def run(dtype: torch.dtype) -> Tensors:
        vae = load_vae(context.checkpoint(*case["model"].split("/")), dtype)
        latents = vae.encode(inputs["image"].to(dtype)).latent_dist
        return {
            "mean": latents.mean,
            "logvar": latents.logvar,
            "latent_sample": latents.mean + latents.std * inputs["noise"].to(dtype),
            "decoded": vae.decode(inputs["z"].to(dtype)).sample,
        }

    results, noise = measured(run)
    group.add(f"{name}.safetensors", HOW.format(case["model"]), inputs | results, noise)
