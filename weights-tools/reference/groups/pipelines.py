"""Whole runs on the tiny checkpoints, with every random draw stored."""

from __future__ import annotations

import gc
from typing import Any

import torch
from diffusers import (
    DiffusionPipeline,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLPipeline,
)
from diffusers.utils import logging
from PIL import Image
from transformers import CLIPTokenizer

from .checkpoints import load_text_encoder, load_unet, load_vae
from .common import Context, Group, Tensors, measured
from .float64 import default_dtype, scheduler_class
from .tape import Tape, played
from .variants import Config

ABOUT = (
    "Whole pipelines on the tiny checkpoints. latents_0 is what the caller supplies (unit noise; the pipeline"
    " multiplies it by init_noise_sigma) and absent for img2img; step_latents[k] is after step k; noise.K are the other"
    " random draws in order of use (see 'draws'); latents is the final result, image (a few cases) the decoded picture"
    " before clamping, NCHW, about [-1, 1]; CASE.png (CASE_1.png, ... for a batch) the 8-bit one:"
    " round(255*clamp(image/2+0.5))."
)
SCHEDULERS = {
    "ddpm": "DDPMScheduler",
    "ddim": "DDIMScheduler",
    "pndm": "PNDMScheduler",
    "euler": "EulerDiscreteScheduler",
    "euler_a": "EulerAncestralDiscreteScheduler",
    "heun": "HeunDiscreteScheduler",
    "dpmpp_2m": "DPMSolverMultistepScheduler",
    "unipc": "UniPCMultistepScheduler",
    "lcm": "LCMScheduler",
}
FROM_TEXT = {"sd1": StableDiffusionPipeline, "sd2": StableDiffusionPipeline, "sdxl": StableDiffusionXLPipeline}
FROM_IMAGE = {
    "sd1": StableDiffusionImg2ImgPipeline,
    "sd2": StableDiffusionImg2ImgPipeline,
    "sdxl": StableDiffusionXLImg2ImgPipeline,
}
GUIDANCE = "classifier-free guidance: uncond + scale * (cond - uncond)"
FROM_IMAGE_HOW = (
    "image to image from init.png. The last int(steps * strength) steps run; the start is"
    " add_noise(scaling_factor * encoding, noise) at the first of these timesteps"
)
STEP_DRAWS = "those of the scheduler, in order (a draw may be multiplied by zero)"
IMAGE_DRAWS = "0: noise of the VAE's sample (mean + std*noise), 1: the noise mixed into the encoding; then "


def write(context: Context) -> None:
    """Writes pipelines/."""
    logging.set_verbosity_error()
    group = Group(context, "pipelines", ABOUT)
    _write_init(group)
    for name, case in context.variant.pipeline_cases.items():
        _write_case(group, name, case)
    group.close()


def _write_init(group: Group) -> None:
    """A picture with smooth and sharp parts."""
    height, width = group.context.variant.picture
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    planes = [torch.sin(3 * x + y), torch.cos(4 * y - x), (x * y > 0.1).float() * 2 - 1]
    noise = 0.1 * group.context.uniform("init.png", height, width, 3)
    _save_png(torch.stack(planes).mul(0.8) + noise.permute(2, 0, 1), group.folder / "init.png")
    group.add("init.png", "input picture of the img2img cases")


def _write_case(group: Group, name: str, case: Config) -> None:
    arguments = _arguments(group.context, case)
    tape = Tape(group.context, name)
    details: dict[str, Any] = {}

    def run(dtype: torch.dtype) -> Tensors:
        golden = dtype == torch.float64
        with default_dtype(dtype if golden else torch.float32), played(tape):
            pipeline = _pipeline(group.context, case, dtype)
            result, more = _run(group, name, case, pipeline, arguments, dtype)
        if golden:
            config = {key: value for key, value in pipeline.scheduler.config.items() if not key.startswith("_")}
            more |= {f"noise.{index}": noise for index, noise in enumerate(tape.drawn)}
            details.update(tensors=more, config=config, pipeline=type(pipeline).__name__)
        gc.collect()
        return result

    results, noise = measured(run)
    pngs = [f"{name}.png" if index == 0 else f"{name}_{index}.png" for index in range(len(results["image"]))]
    for png, image in zip(pngs, results["image"], strict=True):
        _save_png(image, group.folder / png)
    kept = results if case.get("image") else {"latents": results["latents"]}
    entry = {
        "arguments": arguments,
        "scheduler": case["scheduler"],
        "scheduler_config": details["config"],
        "pipeline": details["pipeline"],
        "pngs": pngs,
    }
    if any(key.startswith("noise.") for key in details["tensors"]):
        entry["draws"] = (IMAGE_DRAWS if "strength" in case else "") + STEP_DRAWS
    group.add(f"{name}.safetensors", _how(case), kept | details["tensors"], noise, **entry)


def _how(case: Config) -> str:
    what = FROM_IMAGE_HOW if "strength" in case else "text to image"
    note = f"; {case['note']}" if case["note"] else ""
    return f"checkpoints/{case['model']}, {what}, {GUIDANCE}{note}"


def _arguments(context: Context, case: Config) -> Config:
    prompts, negative = context.variant.prompts, context.variant.negative
    chosen = case["prompt"]
    batch = isinstance(chosen, list)
    arguments = {
        "prompt": [prompts[index] for index in chosen] if batch else prompts[chosen],
        "negative_prompt": [""] * (len(chosen) - 1) + [negative] if batch else negative,
        "num_inference_steps": case["steps"],
        "guidance_scale": case["scale"],
    }
    if "strength" in case:
        arguments["strength"] = case["strength"]
    else:
        arguments["height"], arguments["width"] = context.variant.picture
    return arguments | case.get("arguments", {})


def _pipeline(context: Context, case: Config, dtype: torch.dtype) -> DiffusionPipeline:
    """The pipeline in a precision; float64 takes the schedulers' rendering in float64 too."""
    model = case["model"]
    parts: dict[str, Any] = {
        "unet": load_unet(context.checkpoint(model, "unet"), dtype),
        "vae": load_vae(context.checkpoint(model, "vae"), dtype),
        "scheduler": _scheduler(context, case, dtype == torch.float64),
    }
    for suffix in ("", "_2") if model == "sdxl" else ("",):
        folder = context.checkpoint(model, f"text_encoder{suffix}")
        parts[f"text_encoder{suffix}"] = load_text_encoder(folder, dtype)
        parts[f"tokenizer{suffix}"] = CLIPTokenizer.from_pretrained(context.checkpoint(model, f"tokenizer{suffix}"))
    if model == "sdxl":
        parts |= {"force_zeros_for_empty_prompt": True, "add_watermarker": False}
    else:
        parts |= {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    pipeline = (FROM_IMAGE if "strength" in case else FROM_TEXT)[model](**parts)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _scheduler(context: Context, case: Config, double: bool) -> Any:
    shipped = scheduler_class(SCHEDULERS[case["scheduler"]], double)
    config = shipped.load_config(context.checkpoint(case["model"], "scheduler"))
    return shipped.from_config(config | case.get("overrides", {}))


def _run(
    group: Group, name: str, case: Config, pipeline: DiffusionPipeline, arguments: Config, dtype: torch.dtype
) -> tuple[Tensors, Tensors]:
    """The results, and the other tensors of a run: latents after every step, timesteps, start."""
    steps: list[torch.Tensor] = []

    def after_step(_pipeline: Any, _index: int, _time: Any, tensors: Tensors) -> Tensors:
        steps.append(tensors["latents"].clone())
        return tensors

    given: dict[str, Any] = {}
    more: Tensors = {}
    if "strength" in case:
        given["image"] = Image.open(group.folder / "init.png").convert("RGB")
    else:
        more["latents_0"] = _start(group.context, name, case, pipeline)
        given["latents"] = more["latents_0"].to(dtype)
    called = arguments | given
    latents = pipeline(**called, output_type="latent", callback_on_step_end=after_step).images
    image = pipeline.vae.decode(latents / pipeline.vae.config.scaling_factor).sample
    more |= {"step_latents": torch.stack(steps), "timesteps": pipeline.scheduler.timesteps.double()}
    return {"latents": latents, "image": image}, more


def _start(context: Context, name: str, case: Config, pipeline: DiffusionPipeline) -> torch.Tensor:
    batch = len(case["prompt"]) if isinstance(case["prompt"], list) else 1
    height, width = (size // pipeline.vae_scale_factor for size in context.variant.picture)
    return context.normal(f"{name}/latents_0", batch, 4, height, width)


def _save_png(image: torch.Tensor, path: Any) -> None:
    levels = (image.double() / 2 + 0.5).clamp(0, 1).mul(255).round().to(torch.uint8)
    Image.fromarray(levels.permute(1, 2, 0).contiguous().numpy()).save(path)
