"""Looks at what a packed model draws: a contact sheet, and how often colours, shapes and captions come out right."""

from __future__ import annotations

import json
import random
import time
from argparse import Namespace
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import clip
import data
import tokenizer
from captions import caption
from descriptions import COLOURS, NAMES, SHAPES, Description
from drawing import SIZE
from training import contact_sheet, seed

PROMPTS = [
    "a red circle on a blue background",
    "a large yellow star in the night sky",
    "a pink heart on a white background",
    "a small green square in the top left corner on an orange background",
    "a blue triangle on yellow and white stripes",
    "a purple ring on a gradient background from pink to orange",
    "a red square to the left of a blue circle on a white background",
    "a yellow star above a green heart on a purple background",
    "a white house with a red roof on a sunny day",
    "a yellow house with a blue roof and a tree at night",
    "the sun over green hills",
    "purple hills at sunset",
    "a green apple tree on a sunny day",
    "a cherry blossom tree under a blue sky",
    "a happy yellow smiley face on a blue background",
    "a sad blue face on a pink background",
    "a red sailing boat with white sails on the sea at sunset",
    "a brown boat with yellow sails under a blue sky",
    "a pink flower with a yellow center in a meadow",
    "snow-capped blue mountains by a lake at sunset",
    "an orange cat with green eyes on a purple background",
    "a black cat on a yellow background",
    "a red planet with rings in space",
    "an orange fish under water",
]
PLAIN_SEED, MIXED_SEED, FIRST_MIXED = 5_000, 9_000, 300
EDGE, FAR, ENOUGH = 5, 90, 60  # pixels; sum over channels; pixels
BATCH = 8
Sampler = Callable[[list[str], int], list[np.ndarray]]


def check(args: Namespace) -> None:
    """Writes the sheets and prints the numbers."""
    seed(0, args.threads)
    sample = _sampler(args)
    started = time.time()
    images = sample(PROMPTS, args.seed)
    print(f"{(time.time() - started) / len(images):.2f} s per picture")
    contact_sheet(images, 6, PROMPTS).quantize(256).save(args.sheet, optimize=True)
    if args.count:
        model, tokens = clip.load(args.work), tokenizer.load(args.work / "tokenizer")
        pictures = data.load(args.work, "test")
        report = _plain(args, sample, model, tokens, pictures) | _mixed(args, sample, model, tokens, pictures)
        print(json.dumps(report, indent=1))


def _sampler(args: Namespace) -> Sampler:
    from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(args.model, torch_dtype=torch.float32, safety_checker=None)
    pipeline.scheduler = DPMSolverMultistepScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    settings = {"height": SIZE, "width": SIZE, "num_inference_steps": args.steps, "guidance_scale": args.guidance}

    def sample(prompts: list[str], first_seed: int) -> list[np.ndarray]:
        images: list[np.ndarray] = []
        for first in range(0, len(prompts), BATCH):
            some = prompts[first : first + BATCH]
            seeds = [first_seed + first + index for index in range(len(some))]
            generators = [torch.Generator().manual_seed(number) for number in seeds]
            with torch.autocast("cpu", torch.bfloat16):
                drawn = pipeline(some, generator=generators, **settings).images
            images += [np.array(image) for image in drawn]
        return images

    return sample


def _plain(args: Namespace, sample: Sampler, model: Any, tokens: Any, pictures: data.Pictures) -> dict[str, float]:
    """One object on a plain background: are both colours and the shape right?"""
    asked = [each for each in pictures.descriptions if each["kind"] == "one" and each["bg"]["type"] == "plain"]
    asked = asked[: args.count]
    texts = [_say(each) for each in asked]
    images = sample(texts, PLAIN_SEED)
    contact_sheet(images, 8, texts).save(args.sheet.with_name("plain.png"))
    right = np.array([_right(each, image, model, tokens) for each, image in zip(asked, images, strict=True)])
    names = ("background colour right", "object colour right", "shape right (CLIP zero-shot)")
    return {"plain prompts": len(asked)} | dict(zip(names, right.mean(0).tolist(), strict=True))


def _say(description: Description, shape: str | None = None) -> str:
    shown = description["objs"][0]
    size = "" if shown["size"] == "medium" else shown["size"] + " "
    return f"a {size}{shown['c']} {shape or shown['shape']} on a {description['bg']['c']} background"


def _right(description: Description, image: np.ndarray, model: Any, tokens: Any) -> tuple[bool, bool, bool]:
    shown = description["objs"][0]
    strips = (image[:EDGE], image[-EDGE:], image[:, :EDGE], image[:, -EDGE:])
    behind = np.median(np.concatenate([strip.reshape(-1, 3) for strip in strips]), 0)
    far = image[np.abs(image.astype(float) - behind).sum(-1) > FAR]
    object_right = len(far) > ENOUGH and _nearest(np.median(far, 0)) == shown["c"]
    texts = clip.embed_texts(model, tokens, [_say(description, shape) for shape in SHAPES])
    best = SHAPES[int((texts @ clip.embed_images(model, image[None]).T).argmax())]
    return _nearest(behind) == description["bg"]["c"], object_right, best == shown["shape"]


def _nearest(colour: np.ndarray) -> str:
    return min(NAMES, key=lambda name: float(np.square(colour - np.array(COLOURS[name], float)).sum()))


def _mixed(args: Namespace, sample: Sampler, model: Any, tokens: Any, pictures: data.Pictures) -> dict[str, float]:
    """Full captions of unseen descriptions: does CLIP find the caption of each picture?"""
    r, chosen = random.Random(23), slice(FIRST_MIXED, FIRST_MIXED + args.count)
    texts = [caption(each, r, False, True) for each in pictures.descriptions[chosen]]
    images = sample(texts, MIXED_SEED)
    contact_sheet(images, 8, texts).save(args.sheet.with_name("mixed.png"))
    words = clip.embed_texts(model, tokens, texts)
    similar = words @ clip.embed_images(model, np.stack(images)).T
    drawn, count = clip.embed_images(model, pictures.images[chosen]), len(texts)
    others = (similar.sum() - similar.diag().sum()) / (count * (count - 1))
    return {
        "mixed prompts": count,
        "CLIP cosine right caption": similar.diag().mean().item(),
        "shuffled captions": others.item(),
        "drawn originals with right caption": (words * drawn).sum(1).mean().item(),
        f"prompt ranked first of {count}": (similar.argmax(0) == torch.arange(count)).float().mean().item(),
    }
