"""The U-Net: epsilon prediction on stored latents and text states, so that a step costs the U-Net alone."""

from __future__ import annotations

import random
from argparse import Namespace
from typing import Any

import torch
from torch import Tensor

import clip
import data
import tokenizer
import vae
from captions import caption
from drawing import SIZE
from training import Budget, Log, Trainer, rate, seed

TIMES = 1_000
BETA_START, BETA_END = 0.00085, 0.012
LARGEST_SNR = 5  # of the min-SNR weights (Hang et al. 2023)
UNCONDITIONAL = 0.1  # share of captions that are dropped, for classifier-free guidance
EARLY = 0.8  # exponent of the uniform draw of times: below 1, noisy times are more frequent
FLAT_WARMUP = 150  # steps
Cache = tuple[Tensor, Tensor, Tensor]  # latents [n, 4, h, w]; text states [n, captions, 77, c]; those of "" [1, 77, c]


@torch.inference_mode()
def cache_latents(args: Namespace) -> None:
    """Stores the latents of the first pictures."""
    seed(0, args.threads)
    pictures = data.load(args.work, "train").images[: args.pictures]
    model = vae.load(args.work).to(torch.bfloat16).to(memory_format=torch.channels_last)
    parts = []
    for first in range(0, len(pictures), 8):
        x = vae.scaled(pictures[first : first + 8]).to(torch.bfloat16)
        parts.append(model.encode(x).latent_dist.mean * model.config.scaling_factor)
    latents = torch.cat(parts).contiguous()
    torch.save(latents, args.work / "latents.pt")
    print(f"latents {list(latents.shape)}, standard deviation {latents.float().std():.3f}", flush=True)


@torch.inference_mode()
def cache_texts(args: Namespace) -> None:
    """Stores the text states of several captions of each of the first pictures."""
    seed(0, args.threads)
    descriptions = data.load(args.work, "train").descriptions[: args.pictures]
    tokens, r = tokenizer.load(args.work / "tokenizer"), random.Random(17)
    encoder = clip.load(args.work).text_model.to(torch.bfloat16)

    def encode(texts: list[str]) -> Tensor:
        return encoder(input_ids=tokenizer.token_ids(tokens, texts)).last_hidden_state

    parts = []
    for first in range(0, len(descriptions), 16):
        some = descriptions[first : first + 16]
        states = encode([caption(each, r) for each in some for _ in range(args.captions)])
        parts.append(states.unflatten(0, (len(some), args.captions)))
    torch.save({"states": torch.cat(parts), "empty": encode([""])}, args.work / "texts.pt")
    print(f"texts {args.captions} for each of {len(descriptions)} pictures", flush=True)


def train(args: Namespace) -> None:
    """Trains the U-Net and writes it to unet/; several processes, one per rank, share the work of a step."""
    seed(0, args.threads)
    if args.world > 1:
        meeting = f"file://{(args.work / 'meeting').resolve()}"
        torch.distributed.init_process_group("gloo", init_method=meeting, rank=args.rank, world_size=args.world)
    cache = _cache(args)
    model = _model(args, cache[2].shape[-1]).to(memory_format=torch.channels_last)
    trainer = Trainer(model, args.average, args.work / "unet.state", betas=(0.9, 0.99))
    if args.resume:
        trainer.resume()
    torch.manual_seed(trainer.step * args.world + args.rank)  # equal weights, but another batch in every process
    first, budget = trainer.step, Budget(args.minutes, args.steps)
    log = Log("unet", args.batch * args.world, 50, smoothing=0.98)
    while not _spent(progress := budget.progress(trainer.step), args):
        loss, plain = _loss(model, cache, args)
        started = min(1.0, (trainer.step - first + 1) / FLAT_WARMUP)
        trainer.learn(loss, args.rate * started if args.flat else rate(progress, args.rate))
        if args.rank == 0:
            log.add(trainer.step, progress, epsilon=plain)
            trainer.save_now_and_then(lambda: _write(trainer, args))
    if args.rank == 0:
        _write(trainer, args)
    if args.world > 1:
        torch.distributed.destroy_process_group()


def _spent(progress: float, args: Namespace) -> bool:
    """Whether any process has spent its budget: all stop together."""
    if args.world == 1:
        return progress >= 1
    spent = torch.tensor(float(progress >= 1))
    torch.distributed.all_reduce(spent)
    return spent.item() > 0


def _cache(args: Namespace) -> Cache:
    latents, texts = torch.load(args.work / "latents.pt"), torch.load(args.work / "texts.pt")
    if len(latents) != len(texts["states"]):
        raise ValueError(f"{len(latents)} latents, but texts of {len(texts['states'])} pictures: cache both alike")
    return latents, texts["states"], texts["empty"]


def _model(args: Namespace, context: int) -> Any:
    """Blocks as in Stable Diffusion 1.5, with silent residual branches at the start."""
    from diffusers import UNet2DConditionModel
    from diffusers.models.attention_processor import AttnProcessor

    model = UNet2DConditionModel(
        sample_size=SIZE // 8,
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        block_out_channels=tuple(args.channels),
        layers_per_block=args.layers,
        cross_attention_dim=context,
        attention_head_dim=8,
    )
    model.set_attn_processor(AttnProcessor())
    with torch.no_grad():
        for name, module in model.named_modules():
            if name.endswith(("conv2", "proj_out")) or name == "conv_out":
                module.weight.zero_()
                module.bias.zero_()
    return model


def _loss(model: Any, cache: Cache, args: Namespace) -> tuple[Tensor, float]:
    """The weighted loss of a batch, and its plain squared error."""
    latents, states, empty = cache
    chosen = torch.randint(0, len(latents), (args.batch,))
    context = states[chosen, torch.randint(0, states.shape[1], (args.batch,))]
    context = torch.where(torch.rand(args.batch, 1, 1) < UNCONDITIONAL, empty, context)
    x = latents[chosen].float()
    noise = torch.randn_like(x) + args.offset * torch.randn(args.batch, x.shape[1], 1, 1)
    times = (TIMES * torch.rand(args.batch) ** EARLY).long().clamp(0, TIMES - 1)
    alphas = _alphas()
    alpha = alphas[times].view(-1, 1, 1, 1)
    noisy = (alpha.sqrt() * x + (1 - alpha).sqrt() * noise).to(torch.bfloat16)
    predicted = model(noisy.contiguous(memory_format=torch.channels_last), times, context).sample.float()
    error = (predicted - noise).square().mean((1, 2, 3))
    snr = alphas / (1 - alphas)
    return (error * (snr.clamp(max=LARGEST_SNR) / snr)[times]).mean(), error.mean().item()


def _alphas() -> Tensor:
    """The cumulative products of the scaled linear schedule."""
    return torch.cumprod(1 - torch.linspace(BETA_START**0.5, BETA_END**0.5, TIMES) ** 2, 0)


def _write(trainer: Trainer, args: Namespace) -> None:
    trainer.finish(_model(args, trainer.model.config.cross_attention_dim)).save_pretrained(args.work / "unet")
