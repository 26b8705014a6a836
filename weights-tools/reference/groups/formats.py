"""The same weights in other files: original single files, shards, other types and names; and malformed files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from . import malformed
from .common import Context, Group, Tensors
from .original import open_clip_tensors, unet_names, vae_names, vae_tensors

ABOUT = (
    "The tiny checkpoints in other weight formats. Tensor values equal those of checkpoints/ (float16) after the key"
    " mapping in key_map_*.json, except where a file says otherwise."
)
DIFFUSERS_WEIGHTS = "diffusion_pytorch_model.safetensors"
TEXT_HOW = {
    "sd1": "original keys, the text encoder as cond_stage_model.transformer.text_model.*",
    "sd2": "original keys, the text encoder in OpenCLIP names (cond_stage_model.model.*, fused in_proj) with one layer"
    " MORE than checkpoints/sd2/text_encoder: the last layer must be dropped",
    "sdxl": "original keys, the text encoders as conditioner.embedders.0.transformer.text_model.* and, in OpenCLIP"
    " names with the text_projection transposed, conditioner.embedders.1.model.*",
}
ORIGINAL_HOW = (
    "; VAE attention q,k,v,proj_out are 1x1 convolutions [C,C,1,1]. Schedule buffers, position ids and model_ema.*"
    " scalars are to be ignored. Sizes that cannot be read from shapes (head counts) are those of checkpoints/"
)
SHARDS = 3


def write(context: Context) -> None:
    """Writes formats/."""
    group = Group(context, "formats", ABOUT)
    for model in TEXT_HOW:
        _write_original(group, model)
    _write_sharded(group)
    _write_vaes(group)
    _write_new_names(group)
    malformed.write(group.folder / "malformed")
    group.add("malformed/", "broken safetensors files, and valid unusual ones (ok_*); expected.json has the verdicts")
    group.close()


def _weights(context: Context, *parts: str) -> Tensors:
    folder = context.checkpoint(*parts)
    file = "model.safetensors" if "text_encoder" in parts[-1] else DIFFUSERS_WEIGHTS
    return load_file(folder / file)


def _write_original(group: Group, model: str) -> None:
    context = group.context
    unet, vae = _weights(context, model, "unet"), _weights(context, model, "vae")
    layers = json.loads((context.checkpoint(model, "unet") / "config.json").read_text())["layers_per_block"]
    unet_map = {key: f"model.diffusion_model.{name}" for key, name in unet_names(unet, layers).items()}
    tensors = {unet_map[key]: tensor for key, tensor in unet.items()}
    tensors |= {f"first_stage_model.{name}": tensor for name, tensor in vae_tensors(vae).items()}
    tensors |= _text_tensors(context, model) | _ignored(context)
    key_map = {"unet": unet_map, "vae": {key: f"first_stage_model.{name}" for key, name in vae_names(vae).items()}}
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, group.folder / f"{model}.safetensors", metadata={"format": "pt"})
    (group.folder / f"key_map_{model}.json").write_text(json.dumps(key_map, indent=0) + "\n")
    group.add(f"{model}.safetensors", f"{TEXT_HOW[model]}{ORIGINAL_HOW}{model}")
    group.add(f"key_map_{model}.json", "diffusers key -> original key")


def _text_tensors(context: Context, model: str) -> Tensors:
    first = _weights(context, model, "text_encoder")
    if model == "sd1":
        return {f"cond_stage_model.transformer.{key}": tensor for key, tensor in first.items()} | _position_ids()
    if model == "sd2":
        named = open_clip_tensors(_with_another_layer(context, first))
        return {f"cond_stage_model.model.{key}": tensor for key, tensor in named.items()}
    second = open_clip_tensors(_weights(context, model, "text_encoder_2"))
    tensors = {f"conditioner.embedders.0.transformer.{key}": tensor for key, tensor in first.items()}
    return tensors | {f"conditioner.embedders.1.model.{key}": tensor for key, tensor in second.items()}


def _with_another_layer(context: Context, tensors: Tensors) -> Tensors:
    prefix = "text_model.encoder.layers."
    last = max(int(key.removeprefix(prefix).split(".")[0]) for key in tensors if key.startswith(prefix))
    more = {
        key.replace(f"{prefix}{last}.", f"{prefix}{last + 1}."): context.normal(key, *tensor.shape).half()
        for key, tensor in tensors.items()
        if key.startswith(f"{prefix}{last}.")
    }
    width = tensors["text_model.final_layer_norm.weight"].numel()
    return tensors | more | {"text_projection.weight": context.normal("text_projection", width, width).half()}


def _position_ids() -> Tensors:
    return {"cond_stage_model.transformer.text_model.embeddings.position_ids": torch.arange(77)[None]}


def _ignored(context: Context) -> Tensors:
    """What such files carry beside the networks."""
    betas = context.variant.betas
    table = torch.linspace(betas["beta_start"] ** 0.5, betas["beta_end"] ** 0.5, betas["num_train_timesteps"]) ** 2
    return {
        "betas": table,
        "alphas_cumprod": torch.cumprod(1 - table, dim=0),
        "model_ema.decay": torch.tensor(0.9999),
        "model_ema.num_updates": torch.tensor(1, dtype=torch.int32),
    }


def _copy_config(group: Group, source: Path, name: str) -> Path:
    folder = group.folder / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.copy(source / "config.json", folder / "config.json")
    return folder


def _write_sharded(group: Group) -> None:
    source = group.context.checkpoint("inpaint", "unet")
    folder = _copy_config(group, source, "sharded_unet")
    tensors = load_file(source / DIFFUSERS_WEIGHTS)
    names = sorted(tensors)
    files, total = {}, sum(tensor.nbytes for tensor in tensors.values())
    for shard in range(SHARDS):
        part = names[shard * len(names) // SHARDS : (shard + 1) * len(names) // SHARDS]
        file = f"diffusion_pytorch_model-{shard + 1:05}-of-{SHARDS:05}.safetensors"
        save_file({name: tensors[name] for name in part}, folder / file, metadata={"format": "pt"})
        files |= dict.fromkeys(part, file)
    index = {"metadata": {"total_size": total}, "weight_map": files}
    (folder / f"{DIFFUSERS_WEIGHTS}.index.json").write_text(json.dumps(index, indent=2))
    group.add("sharded_unet/", f"checkpoints/inpaint/unet in shards with {DIFFUSERS_WEIGHTS}.index.json")


def _write_vaes(group: Group) -> None:
    source = group.context.checkpoint("sd2", "vae")
    tensors = load_file(source / DIFFUSERS_WEIGHTS)
    notes = {"bf16": "rounded to bfloat16 (float16 -> bfloat16, nearest even)", "fp32": "same values as float32"}
    for name, dtype in {"bf16": torch.bfloat16, "fp32": torch.float32}.items():
        folder = _copy_config(group, source, f"{name}_vae")
        cast = {key: tensor.to(dtype) for key, tensor in tensors.items()}
        save_file(cast, folder / DIFFUSERS_WEIGHTS, metadata={"format": "pt"})
        group.add(f"{name}_vae/", f"checkpoints/sd2/vae, {notes[name]}")
    original = {name: tensor.contiguous() for name, tensor in vae_tensors(tensors).items()}
    save_file(original, group.folder / "vae_original.safetensors", metadata={"format": "pt"})
    group.add("vae_original.safetensors", "checkpoints/sd2/vae in original keys without the first_stage_model. prefix")


def _write_new_names(group: Group) -> None:
    source = group.context.checkpoint("sdxl", "text_encoder_2")
    folder = _copy_config(group, source, "text_encoder_new_names")
    tensors = {key.removeprefix("text_model."): value for key, value in load_file(source / "model.safetensors").items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    group.add("text_encoder_new_names/", "checkpoints/sdxl/text_encoder_2 without the prefix text_model.")
