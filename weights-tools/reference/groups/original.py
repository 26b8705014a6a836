"""Names of the original single files: the networks' as their first authors called them, for every depth and width."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch

from .common import Tensors

Names = dict[str, str]
UNET_TOP = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
}
RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
VAE_PATTERNS = (
    (r"down_blocks\.(\d+)\.resnets", r"down.\1.block"),
    (r"down_blocks\.(\d+)\.downsamplers\.0", r"down.\1.downsample"),
    (r"up_blocks\.(\d+)\.resnets", r"up.\1.block"),
    (r"up_blocks\.(\d+)\.upsamplers\.0", r"up.\1.upsample"),
    (r"mid_block\.resnets\.0", "mid.block_1"),
    (r"mid_block\.resnets\.1", "mid.block_2"),
    (r"mid_block\.attentions\.0\.group_norm", "mid.attn_1.norm"),
    (r"mid_block\.attentions\.0\.to_([qkv])", r"mid.attn_1.\1"),
    (r"mid_block\.attentions\.0\.to_out\.0", "mid.attn_1.proj_out"),
    (r"conv_norm_out", "norm_out"),
    (r"conv_shortcut", "nin_shortcut"),
)
OPEN_CLIP = (
    (r"embeddings\.token_embedding", "token_embedding"),
    (r"embeddings\.position_embedding\.weight", "positional_embedding"),
    (r"encoder\.layers", "transformer.resblocks"),
    (r"layer_norm(\d)", r"ln_\1"),
    (r"self_attn", "attn"),
    (r"mlp\.fc1", "mlp.c_fc"),
    (r"mlp\.fc2", "mlp.c_proj"),
    (r"final_layer_norm", "ln_final"),
)


def unet_names(keys: Mapping[str, object], layers: int) -> Names:
    """The original name of every key of a U-Net with `layers` layers per block."""
    return {key: _unet_name(key, layers, keys) for key in keys}


def vae_names(keys: Mapping[str, object]) -> Names:
    """The original name of every key of an autoencoder; the decoder counts its levels from the finest."""
    levels = 1 + max(int(match[1]) for key in keys if (match := re.match(r"decoder\.up_blocks\.(\d+)", key)))
    return {key: _vae_name(key, levels) for key in keys}


def vae_tensors(tensors: Tensors) -> Tensors:
    """An autoencoder's tensors in original names; its attention is written as 1x1 convolutions there."""
    names = vae_names(tensors)
    attention = re.compile(r"mid\.attn_1\.(q|k|v|proj_out)\.weight$")
    return {
        name: tensors[key][:, :, None, None] if attention.search(name) else tensors[key] for key, name in names.items()
    }


def open_clip_tensors(tensors: Tensors) -> Tensors:
    """A text encoder's tensors as OpenCLIP names them, with queries, keys and values in one matrix."""
    renamed: Tensors = {}
    for key, tensor in tensors.items():
        if key == "text_projection.weight":
            renamed["text_projection"] = tensor.T.contiguous()
            continue
        name = key.removeprefix("text_model.")
        for pattern, replacement in OPEN_CLIP:
            name = re.sub(pattern, replacement, name)
        renamed[name] = tensor
    return _fused(renamed)


def _fused(tensors: Tensors) -> Tensors:
    result = {name: tensor for name, tensor in tensors.items() if not re.search(r"attn\.[qkv]_proj", name)}
    for name in [name for name in tensors if "attn.q_proj" in name]:
        parts = [tensors[name.replace("q_proj", f"{part}_proj")] for part in "qkv"]
        result[name.replace("q_proj.", "in_proj_")] = torch.cat(parts)
    return result


def _unet_name(key: str, layers: int, keys: Mapping[str, object]) -> str:
    stem, _, leaf = key.rpartition(".")
    for name, original in UNET_TOP.items():
        if stem == name or stem.startswith(name + "."):
            return _resnet_name(f"{original}{stem[len(name) :]}.{leaf}", name)
    match = re.match(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.*)", key)
    if match is None:
        raise KeyError(f"{key} is no key of a U-Net that is known here")
    side, block, kind, index, rest = match[1], int(match[2]), match[3], int(match[4]), match[5]
    first = block * (layers + 1) + (side == "down")
    where = (
        f"{'input' if side == 'down' else 'output'}_blocks.{first + (layers if kind.endswith('samplers') else index)}"
    )
    if kind == "downsamplers":
        return f"{where}.0.{rest.replace('conv', 'op')}"
    if kind == "upsamplers":
        attends = any(other.startswith(f"up_blocks.{block}.attentions") for other in keys)
        return f"{where}.{2 if attends else 1}.{rest}"
    return _resnet_name(f"{where}.{1 if kind == 'attentions' else 0}.{rest}", kind)


def _resnet_name(name: str, kind: str) -> str:
    if "resnets" not in kind:
        return name
    for part, original in RESNET.items():
        name = re.sub(rf"\.{part}\.", f".{original}.", name)
    return name


def _vae_name(key: str, levels: int) -> str:
    name = re.sub(r"up_blocks\.(\d+)", lambda match: f"up_blocks.{levels - 1 - int(match[1])}", key)
    for pattern, replacement in VAE_PATTERNS:
        name = re.sub(pattern, replacement, name)
    return name
