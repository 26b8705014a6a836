"""Passes of U-Nets, with the activations of their blocks."""

from __future__ import annotations

import torch

from .checkpoints import load_unet
from .common import Context, Group, Tensors, measured
from .variants import Config

ABOUT = (
    "UNet2DConditionModel forward passes, NCHW. Per case: sample, timestep, encoder_hidden_states [, text_embeds,"
    " time_ids] -> out. tap.* are outputs of the named sub-modules (a down block's tap is its hidden state, after its"
    " downsampler if it has one; an up block's tap likewise)."
)


def write(context: Context) -> None:
    """Writes unet/."""
    group = Group(context, "unet", ABOUT)
    for name, case in context.variant.unet_cases.items():
        _write_case(group, name, case)
    group.close()


def _write_case(group: Group, name: str, case: Config) -> None:
    inputs = _inputs(group.context, name, case)
    taps: Tensors = {}

    def run(dtype: torch.dtype) -> Tensors:
        unet = load_unet(group.context.checkpoint(*case["model"].split("/")), dtype)
        if case["taps"] and dtype == torch.float64:
            _tap(unet, taps)
        added = {key: inputs[key].to(dtype) for key in ("text_embeds", "time_ids") if key in inputs}
        time = inputs["timestep"] if len(inputs["timestep"]) > 1 else inputs["timestep"][0]
        return {
            "out": unet(
                inputs["sample"].to(dtype),
                time,
                inputs["encoder_hidden_states"].to(dtype),
                added_cond_kwargs=added or None,
            ).sample
        }

    results, noise = measured(run)
    group.add(f"{name}.safetensors", f"checkpoints/{case['model']}", inputs | results | taps, noise)


def _inputs(context: Context, name: str, case: Config) -> Tensors:
    config = context.variant.unet[case["model"]]
    batch, (height, width) = case["batch"], case["size"]
    inputs = {
        "sample": context.normal(name + "/sample", batch, config.get("in_channels", 4), height, width),
        "timestep": torch.tensor(case["time"], dtype=torch.float32),
        "encoder_hidden_states": context.normal(name + "/text", batch, case["tokens"], config["cross_attention_dim"]),
    }
    if "addition_embed_type" in config:
        pooled = config["projection_class_embeddings_input_dim"] - 6 * config["addition_time_embed_dim"]
        sizes = [[512, 768, 16, 32, 1024, 960], [720.0, 1280, 0, 0, 720, 1280], [333, 77, 5, 9, 640, 64]]
        inputs["text_embeds"] = context.normal(name + "/pooled", batch, pooled)
        inputs["time_ids"] = torch.tensor(sizes[:batch], dtype=torch.float32)
    return inputs


def _tap(unet: torch.nn.Module, taps: Tensors) -> None:
    """Records what the blocks give, in the order of computation."""
    named = ["time_embedding", "add_embedding", "conv_in"]
    named += [f"down_blocks.{i}" for i in range(len(unet.down_blocks))] + ["mid_block"]
    named += [f"up_blocks.{i}" for i in range(len(unet.up_blocks))]
    for name in named:
        module = getattr(unet, name, None) if "." not in name else unet.get_submodule(name)
        if module is not None:
            module.register_forward_hook(lambda _module, _args, out, key=f"tap.{name}": _record(taps, key, out))


def _record(taps: Tensors, key: str, out: torch.Tensor | tuple) -> None:
    taps[key] = out[0] if isinstance(out, tuple) else out
