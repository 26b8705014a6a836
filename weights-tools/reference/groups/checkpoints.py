"""Tiny random models in the folders that diffusers writes: float16 safetensors, configurations, tokenizers."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, EulerDiscreteScheduler, PNDMScheduler, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from .common import Context
from .variants import Config

SCHEDULERS = {"sd1": PNDMScheduler, "sd2": DDIMScheduler, "sdxl": EulerDiscreteScheduler}
SPECIAL = ("<|startoftext|>", "<|endoftext|>")
TEXT_PREFIX = "text_model."


def write(context: Context) -> None:
    """Writes all checkpoints."""
    root = context.checkpoint()
    shutil.rmtree(root, ignore_errors=True)
    for model in SCHEDULERS:
        _write_tokenizers(context, model)
        _write_scheduler(context, model)
        _write_model_index(context, model)
    for part, config in context.variant.text.items():
        _write_text_encoder(context, part, config)
    for part, config in context.variant.unet.items():
        _save(context, part, UNet2DConditionModel(**config))
    for part, config in context.variant.vae.items():
        _save(context, part, AutoencoderKL(**config))
    index = {
        "group": "checkpoints",
        "about": "Random models in diffusers' layout, float16 safetensors. Every reference was computed from these"
        " float16 values widened to float64.",
        "folders": {path.parent.relative_to(root).as_posix(): "" for path in sorted(root.rglob("config.json"))},
    }
    (root / "index.json").write_text(json.dumps(index, indent=1) + "\n")


def load_unet(folder: Path, dtype: torch.dtype) -> UNet2DConditionModel:
    """A U-Net in the given precision."""
    return UNet2DConditionModel.from_pretrained(folder, torch_dtype=dtype).eval()


def load_vae(folder: Path, dtype: torch.dtype) -> AutoencoderKL:
    """An autoencoder in the given precision."""
    return AutoencoderKL.from_pretrained(folder, torch_dtype=dtype).eval()


def load_text_encoder(folder: Path, dtype: torch.dtype) -> CLIPTextModel | CLIPTextModelWithProjection:
    """A text encoder in the given precision, whichever of the two spellings of its keys the file has."""
    config = CLIPTextConfig.from_pretrained(folder)
    kind = CLIPTextModelWithProjection if "WithProjection" in config.architectures[0] else CLIPTextModel
    model = kind._from_config(config, attn_implementation="sdpa").to(dtype)
    stored = {_plain(name): tensor for name, tensor in load_file(folder / "model.safetensors").items()}
    wanted = {_plain(name): name for name in model.state_dict()}
    model.load_state_dict({wanted[name]: tensor for name, tensor in stored.items()})
    if not hasattr(
        model, "text_model"
    ):  # pipelines look for final_layer_norm there; as a plain attribute, no submodule
        object.__setattr__(model, "text_model", model)
    return model.eval()


def randomise(model: torch.nn.Module, generator: torch.Generator) -> torch.nn.Module:
    """Weights of sane scale: matrices keep the variance, and neither norms nor biases are at their defaults."""
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if "embedding" in name and parameter.ndim == 2 and "linear" not in name:
            parameter.copy_(noise * 0.5)
        elif parameter.ndim > 1:
            parameter.copy_(noise / math.sqrt(parameter[0].numel()))
        elif name.endswith("weight"):
            parameter.copy_(1 + 0.15 * noise)
        else:
            parameter.copy_(0.1 * noise)
    return model.half()


def _plain(name: str) -> str:
    return name.removeprefix(TEXT_PREFIX)


def _save(context: Context, part: str, model: UNet2DConditionModel | AutoencoderKL) -> None:
    randomise(model, context.generator(part)).save_pretrained(context.checkpoint(*part.split("/")))


def _write_text_encoder(context: Context, part: str, shape: Config) -> None:
    vocabulary = json.loads((context.checkpoint(part.split("/")[0], "tokenizer") / "vocab.json").read_text())
    start, end = (vocabulary[token] for token in SPECIAL)
    legacy = part in context.variant.legacy_end
    settings = {name: value for name, value in shape.items() if name != "with_projection"}
    config = CLIPTextConfig(
        vocab_size=len(vocabulary), bos_token_id=0 if legacy else start, eos_token_id=2 if legacy else end, **settings
    )
    model = (CLIPTextModelWithProjection if shape["with_projection"] else CLIPTextModel)(config)
    folder = context.checkpoint(*part.split("/"))
    randomise(model, context.generator(part)).save_pretrained(folder)
    tensors = load_file(folder / "model.safetensors")
    published = {
        name if name.startswith(("text_model.", "text_projection.")) else TEXT_PREFIX + name: tensor
        for name, tensor in tensors.items()
    }
    save_file(published, folder / "model.safetensors", metadata={"format": "pt"})


def _write_tokenizers(context: Context, model: str) -> None:
    pads = {"sd1": [SPECIAL[1]], "sd2": ["!"], "sdxl": [SPECIAL[1], "!"]}[model]
    for index, pad in enumerate(pads):
        folder = context.checkpoint(model, "tokenizer" if index == 0 else f"tokenizer_{index + 1}")
        folder.mkdir(parents=True)
        _write_vocabulary(context, folder)
        special = {"bos_token": SPECIAL[0], "eos_token": SPECIAL[1], "unk_token": SPECIAL[1], "pad_token": pad}
        config = {
            "add_prefix_space": False,
            "do_lower_case": True,
            "errors": "replace",
            "model_max_length": 77,
            "tokenizer_class": "CLIPTokenizer",
        }
        (folder / "tokenizer_config.json").write_text(json.dumps(config | special, indent=1))
        (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=1))


def _write_vocabulary(context: Context, folder: Path) -> None:
    """The bytes, the bytes that end a word, the first merges, and the two special tokens."""
    lines = (context.vocabulary / "merges.txt").read_text(encoding="utf-8").splitlines()
    full = json.loads((context.vocabulary / "vocab.json").read_text(encoding="utf-8"))
    tokens = sorted(full, key=full.get)[: 512 + context.variant.merges] + list(SPECIAL)
    (folder / "merges.txt").write_text("\n".join(lines[: 1 + context.variant.merges]) + "\n", encoding="utf-8")
    numbered = {token: number for number, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(numbered, ensure_ascii=False), encoding="utf-8")


def _write_scheduler(context: Context, model: str) -> None:
    settings = context.variant.betas | {"prediction_type": context.variant.prediction[model], "steps_offset": 1}
    if model != "sdxl":
        settings["set_alpha_to_one"] = False
    if model == "sd1":
        settings["skip_prk_steps"] = True
    if model == "sd2":
        settings["clip_sample"] = False
    if model == "sdxl":
        settings["timestep_spacing"] = "leading"
    folder = context.checkpoint(model, "scheduler")
    SCHEDULERS[model](**settings).save_pretrained(folder)
    path = folder / "scheduler_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"clip_sample": False}, indent=1))


def _write_model_index(context: Context, model: str) -> None:
    index = {
        "_class_name": "StableDiffusionXLPipeline" if model == "sdxl" else "StableDiffusionPipeline",
        "_diffusers_version": "0.27.0",
        "feature_extractor": [None, None],
        "image_encoder": [None, None],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "scheduler": ["diffusers", SCHEDULERS[model].__name__],
    }
    if model == "sdxl":
        index["force_zeros_for_empty_prompt"] = True
        index["text_encoder_2"] = ["transformers", "CLIPTextModelWithProjection"]
        index["tokenizer_2"] = ["transformers", "CLIPTokenizer"]
    else:
        index |= {"safety_checker": [None, None], "requires_safety_checker": False}
    (context.checkpoint(model) / "model_index.json").write_text(json.dumps(index, indent=1))
