"""The autoencoder: trained whole on crops, then its decoder alone, which leaves the latents as they are."""

from __future__ import annotations

import math
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import data
from drawing import SIZE
from training import Budget, Log, Trainer, contact_sheet, rate, seed

UNSCALED = 0.18215  # diffusers' default scaling_factor: none was measured yet
LATENT_NOISE = 0.04  # standard deviation, in the U-Net's scale, that the decoder learns to bear
EVALUATED, BATCH = 64, 8


def train(args: Namespace) -> None:
    """Trains the autoencoder and writes it to vae/."""
    seed(0, args.threads)
    model = _model(args).to(memory_format=torch.channels_last)
    _start_almost_linear(model)
    pictures, r = data.load(args.work, "train"), np.random.default_rng(0)
    trainer = Trainer(model, 0.996, args.work / "vae.state", decay=1e-4)
    if args.resume:
        trainer.resume()
        r = np.random.default_rng(trainer.step)
    budget, log = Budget(args.minutes, args.steps), Log("vae", args.batch, 25)
    while (progress := budget.progress(trainer.step)) < 1:
        x = _crops(pictures.images, args.batch, args.crop, r)
        latents = model.encode(x.to(torch.bfloat16)).latent_dist
        mean, log_variance = latents.mean.float(), latents.logvar.float()
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        error = model.decode(z.to(torch.bfloat16)).sample.float() - x
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()
        trainer.learn(_distance(error) + args.kl * divergence, rate(progress, args.rate))
        log.add(trainer.step, progress, squared=error.square().mean().item(), kl=divergence.item())
        trainer.save_now_and_then()
    _finish(trainer.finish(_model(args)), args.work)


def train_decoder(args: Namespace) -> None:
    """Goes on with the decoder alone; the latents, and so the U-Net, stay valid."""
    seed(1, args.threads)
    model, whole = (load(args.work).to(memory_format=torch.channels_last) for _ in range(2))
    trainer = Trainer(_decoder(model), 0.996, args.work / "decoder.state", betas=(0.9, 0.99), decay=1e-4)
    if args.resume:
        trainer.resume()
    model.to(torch.bfloat16)
    pictures, r = data.load(args.work, "train"), np.random.default_rng(1 + trainer.step)
    budget, log = Budget(args.minutes, args.steps), Log("decoder", args.batch, 50)
    while (progress := budget.progress(trainer.step)) < 1:
        x = _crops(pictures.images, args.batch, args.crop, r)
        with torch.no_grad():
            z = model.encode(x.to(torch.bfloat16)).latent_dist.mean
            z = z + LATENT_NOISE / model.config.scaling_factor * torch.randn_like(z)
        error = model.decode(z).sample.float() - x
        trainer.learn(_distance(error), rate(progress, args.rate))
        log.add(trainer.step, progress, squared=error.square().mean().item())
        trainer.save_now_and_then()
    trainer.finish(_decoder(whole))
    _finish(whole, args.work)


def load(work: Path) -> Any:
    """The trained autoencoder."""
    from diffusers import AutoencoderKL

    return AutoencoderKL.from_pretrained(work / "vae").eval()


def _model(args: Namespace) -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=tuple(args.channels),
        layers_per_block=args.layers,
        latent_channels=4,
        norm_num_groups=args.groups,
        sample_size=SIZE,
    )


def _decoder(model: Any) -> nn.ModuleList:
    return nn.ModuleList([model.post_quant_conv, model.decoder])


@torch.no_grad()
def _start_almost_linear(model: nn.Module) -> None:
    """A pyramid at first: silent residual branches, identity shortcuts, means on the way down, copies on the way up."""
    for name, module in model.named_modules():
        if name.endswith(("conv2", "to_out.0")):
            module.weight.zero_()
            module.bias.zero_()
        elif name.endswith("conv_shortcut"):
            nn.init.dirac_(module.weight)
            module.weight.add_(0.02 * torch.randn_like(module.weight))
        elif name.endswith(("downsamplers.0.conv", "upsamplers.0.conv")):
            same = range(len(module.weight))
            module.weight.mul_(0.1)
            if "down" in name:
                for y, x in ((0, 0), (0, 1), (1, 0), (1, 1)):
                    module.weight[same, same, y, x] += 0.25
            else:
                module.weight[same, same, 1, 1] += 1.0


def _crops(images: np.ndarray, count: int, size: int, r: np.random.Generator) -> Tensor:
    """Random squares of random pictures, [n, 3, size, size] in [-1, 1], channels last in memory."""
    crops = np.empty((count, size, size, 3), np.uint8)
    for crop, index in zip(crops, r.integers(0, len(images), count), strict=True):
        top, left = r.integers(0, SIZE - size + 1, 2)
        crop[:] = images[index, top : top + size, left : left + size]
    return scaled(crops)


def scaled(images: np.ndarray) -> Tensor:
    """uint8 [n, h, w, 3] -> [n, 3, h, w] in [-1, 1]."""
    return torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).float() / 127.5 - 1


def _distance(error: Tensor) -> Tensor:
    """Absolute and squared errors, and those of the differences between neighbours, so that edges count."""
    across, down = error[..., 1:] - error[..., :-1], error[..., 1:, :] - error[..., :-1, :]
    return error.abs().mean() + 2 * error.square().mean() + 0.5 * (across.abs().mean() + down.abs().mean())


@torch.no_grad()
def _finish(model: Any, work: Path) -> None:
    """Measures the autoencoder on pictures that it has not seen, and saves it with its scaling factor."""
    x = scaled(data.load(work, "test").images[:EVALUATED])
    latents, decoded = [], []
    with torch.autocast("cpu", torch.bfloat16):
        for part in x.split(BATCH):
            latents.append(model.encode(part).latent_dist.mean.float())
            decoded.append(model.decode(latents[-1]).sample.float().clamp(-1, 1))
    z, y = torch.cat(latents), torch.cat(decoded)
    if model.config.scaling_factor == UNSCALED:
        model.register_to_config(scaling_factor=round(1 / z.std().item(), 5))
    model.save_pretrained(work / "vae")
    error = (y - x).square().flatten(1).mean(1)
    each = (10 * torch.log10(4 / error)).mean()
    whole = 10 * math.log10(4 / error.mean())
    print(
        f"unseen pictures: {whole:.2f} dB, {each:.2f} dB mean of each; scaling {model.config.scaling_factor}",
        flush=True,
    )
    pairs = torch.stack([x[:24], y[:24]], 1).flatten(0, 1).permute(0, 2, 3, 1)
    contact_sheet(list(pairs.mul(127.5).add(127.5).round().byte().numpy()), 12).save(work / "vae.png")
