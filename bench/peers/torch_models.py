"""Stable Diffusion in plain torch, its modules named as diffusers names them, so that its files load as they are.

The peer that the engine is timed against. Nothing here is slower than it must be: torch's scaled dot product attention,
one pass per group norm and SiLU, no copies between layouts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Config = dict[str, Any]
DTYPES = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32, "I64": torch.int64}


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, mapped into memory, not copied."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    size = path.stat().st_size - 8 - length
    data = torch.from_file(str(path), shared=False, size=8 + length + size, dtype=torch.uint8)[8 + length :]
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        raw = data[begin:end]
        aligned = raw if (8 + length + begin) % DTYPES[entry["dtype"]].itemsize == 0 else raw.clone()
        tensors[name] = aligned.view(DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors


class Resnet(nn.Module):
    """x [n, in, h, w], time [n, t] -> [n, out, h, w]."""

    def __init__(self, inputs: int, outputs: int, time: int, groups: int, eps: float) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, inputs, eps)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.time_emb_proj = nn.Linear(time, outputs) if time else None
        self.norm2 = nn.GroupNorm(groups, outputs, eps)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, x: Tensor, time: Tensor | None = None) -> Tensor:
        """`time` has been through SiLU already."""
        h = self.conv1(F.silu(self.norm1(x), inplace=True))
        if self.time_emb_proj is not None:
            h = h + self.time_emb_proj(time)[:, :, None, None]
        h = self.conv2(F.silu(self.norm2(h), inplace=True))
        return h + (x if self.conv_shortcut is None else self.conv_shortcut(x))


class Attention(nn.Module):
    """x [n, t, width], context [n, s, context width] -> [n, t, width]."""

    def __init__(self, width: int, context: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context, width, bias=False)
        self.to_v = nn.Linear(context, width, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """Attends from x to the context."""
        q, k, v = (split(part, self.heads) for part in (self.to_q(x), self.to_k(context), self.to_v(context)))
        return self.to_out[0](merge(F.scaled_dot_product_attention(q, k, v)))


class Geglu(nn.Module):
    """The gated first half of a feed-forward part."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 8 * width)

    def forward(self, x: Tensor) -> Tensor:
        """x [n, t, c] -> [n, t, 4 c]."""
        values, gates = self.proj(x).chunk(2, dim=-1)
        return values * F.gelu(gates)


class FeedForward(nn.Module):
    """x [n, t, c] -> [n, t, c]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.ModuleList([Geglu(width), nn.Identity(), nn.Linear(4 * width, width)])

    def forward(self, x: Tensor) -> Tensor:
        """Out to four times the width, gated, and back."""
        return self.net[2](self.net[0](x))


class TransformerBlock(nn.Module):
    """Self-attention, attention to the text, feed-forward; each with its residual."""

    def __init__(self, width: int, context: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn1 = Attention(width, width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.attn2 = Attention(width, context, heads)
        self.norm3 = nn.LayerNorm(width)
        self.ff = FeedForward(width)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """x [n, t, c] -> [n, t, c]."""
        h = self.norm1(x)
        x = x + self.attn1(h, h)
        x = x + self.attn2(self.norm2(x), context)
        return x + self.ff(self.norm3(x))


class Transformer(nn.Module):
    """Transformer blocks over the pixels of a feature map."""

    def __init__(self, width: int, context: int, heads: int, depth: int, groups: int, linear: bool) -> None:
        super().__init__()
        self.linear = linear
        self.norm = nn.GroupNorm(groups, width, eps=1e-6)
        self.proj_in = nn.Linear(width, width) if linear else nn.Conv2d(width, width, 1)
        blocks = [TransformerBlock(width, context, heads) for _ in range(depth)]
        self.transformer_blocks = nn.ModuleList(blocks)
        self.proj_out = nn.Linear(width, width) if linear else nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """x [n, c, h, w] -> [n, c, h, w]; in channels_last neither flattening nor its reverse copies."""
        size = x.shape
        h = self.norm(x)
        h = self.proj_in(to_tokens(h)) if self.linear else to_tokens(self.proj_in(h))
        for block in self.transformer_blocks:
            h = block(h, context)
        h = to_map(self.proj_out(h), size) if self.linear else self.proj_out(to_map(h, size))
        return h + x


class Resample(nn.Module):
    """Halves (stride 2) or doubles (nearest, then convolution) a feature map."""

    def __init__(self, width: int, down: bool) -> None:
        super().__init__()
        self.down = down
        self.conv = nn.Conv2d(width, width, 3, stride=2 if down else 1, padding=1)

    def forward(self, x: Tensor, size: Sequence[int] | None = None) -> Tensor:
        """x [n, c, h, w]; upwards to `size`, by default twice as large."""
        if self.down:
            return self.conv(x)
        return self.conv(F.interpolate(x, size or (2 * x.shape[2], 2 * x.shape[3]), mode="nearest"))


class Block(nn.Module):
    """One level of a U-Net: residual blocks, each with a transformer where the level attends, then a resampler."""

    def __init__(self, resnets: list[Resnet], attentions: list[Transformer], resample: Resample | None) -> None:
        super().__init__()
        self.resnets = nn.ModuleList(resnets)
        if attentions:
            self.attentions = nn.ModuleList(attentions)
        if resample is not None:
            setattr(self, "downsamplers" if resample.down else "upsamplers", nn.ModuleList([resample]))

    def layer(self, index: int, x: Tensor, time: Tensor, context: Tensor) -> Tensor:
        """One residual block and its transformer."""
        x = self.resnets[index](x, time)
        return self.attentions[index](x, context) if hasattr(self, "attentions") else x


class UNet(nn.Module):
    """The U-Net of Stable Diffusion 1, 2 and XL: UNet2DConditionModel, with a pooled text and sizes where its config adds them."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths, layers = config["block_out_channels"], config["layers_per_block"]
        heads = config["attention_head_dim"]
        self.config = config
        self._heads = heads if isinstance(heads, list) else [heads] * len(widths)
        depths = config.get("transformer_layers_per_block", 1)
        self._depths = depths if isinstance(depths, list) else [depths] * len(widths)
        self._time = 4 * widths[0]
        self.conv_in = nn.Conv2d(config["in_channels"], widths[0], 3, padding=1)
        self.time_embedding = nn.ModuleDict(
            {"linear_1": nn.Linear(widths[0], self._time), "linear_2": nn.Linear(self._time, self._time)}
        )
        if config.get("addition_embed_type") == "text_time":
            added = config["projection_class_embeddings_input_dim"]
            self.add_embedding = nn.ModuleDict(
                {"linear_1": nn.Linear(added, self._time), "linear_2": nn.Linear(self._time, self._time)}
            )
        skips = [widths[0]]
        self.down_blocks = nn.ModuleList()
        for level, width in enumerate(widths):
            attends = config["down_block_types"][level].startswith("Cross")
            inputs = [widths[max(level - 1, 0)]] + [width] * (layers - 1)
            last = level == len(widths) - 1
            skips += [width] * (layers + (not last))
            self.down_blocks.append(self._block(inputs, width, level, attends, None if last else Resample(width, True)))
        middle, level = widths[-1], len(widths) - 1
        resnets = [self._resnet(middle, middle), self._resnet(middle, middle)]
        self.mid_block = Block(resnets, [self._transformer(middle, level)], None)
        self.up_blocks = nn.ModuleList()
        before = middle
        for index, level in enumerate(reversed(range(len(widths)))):
            width = widths[level]
            attends = config["up_block_types"][index].startswith("Cross")
            inputs = [(before if layer == 0 else width) + skips.pop() for layer in range(layers + 1)]
            self.up_blocks.append(self._block(inputs, width, level, attends, Resample(width, False) if level else None))
            before = width
        self.conv_norm_out = nn.GroupNorm(config["norm_num_groups"], widths[0], config["norm_eps"])
        self.conv_out = nn.Conv2d(widths[0], config["out_channels"], 3, padding=1)

    @property
    def pooled_width(self) -> int:
        """Channels of the pooled text that is added to the time; 0 where none is."""
        if not hasattr(self, "add_embedding"):
            return 0
        return self.config["projection_class_embeddings_input_dim"] - 6 * self.config["addition_time_embed_dim"]

    def forward(
        self,
        x: Tensor,
        times: Tensor,
        context: Tensor,
        pooled: Tensor | None = None,
        sizes: Tensor | None = None,
    ) -> Tensor:
        """x [n, in, h, w], times [n], context [n, t, c], pooled [n, p], sizes [n, 6] -> [n, out, h, w]."""
        time = self._embedded(self.time_embedding, self._sinusoids(times, self.config["block_out_channels"][0]).to(x.dtype))
        if pooled is not None and sizes is not None:
            waves = self._sinusoids(sizes.flatten(), self.config["addition_time_embed_dim"])
            added = torch.cat([pooled, waves.reshape(len(x), -1).to(x.dtype)], dim=-1)
            time = time + self._embedded(self.add_embedding, added)
        time = F.silu(time)
        x = self.conv_in(x)
        skips = [x]
        for block in self.down_blocks:
            for index in range(len(block.resnets)):
                x = block.layer(index, x, time, context)
                skips.append(x)
            if hasattr(block, "downsamplers"):
                x = block.downsamplers[0](x)
                skips.append(x)
        x = self.mid_block.resnets[1](self.mid_block.layer(0, x, time, context), time)
        for block in self.up_blocks:
            for index in range(len(block.resnets)):
                x = block.layer(index, torch.cat([x, skips.pop()], dim=1), time, context)
            if hasattr(block, "upsamplers"):
                x = block.upsamplers[0](x, skips[-1].shape[2:])
        return self.conv_out(F.silu(self.conv_norm_out(x)))

    @staticmethod
    def _embedded(layers: nn.ModuleDict, x: Tensor) -> Tensor:
        return layers["linear_2"](F.silu(layers["linear_1"](x)))

    def _sinusoids(self, times: Tensor, width: int) -> Tensor:
        half = width // 2
        index = torch.arange(half, dtype=torch.float32, device=times.device)
        angles = times.float()[:, None] * torch.exp(-math.log(10000) * index / (half - self.config["freq_shift"]))
        waves = [angles.cos(), angles.sin()] if self.config["flip_sin_to_cos"] else [angles.sin(), angles.cos()]
        return torch.cat(waves, dim=-1)

    def _block(self, inputs: list[int], width: int, level: int, attends: bool, resample: Resample | None) -> Block:
        resnets = [self._resnet(each, width) for each in inputs]
        return Block(resnets, [self._transformer(width, level) for _ in inputs] if attends else [], resample)

    def _resnet(self, inputs: int, outputs: int) -> Resnet:
        return Resnet(inputs, outputs, self._time, self.config["norm_num_groups"], self.config["norm_eps"])

    def _transformer(self, width: int, level: int) -> Transformer:
        config = self.config
        context, linear = config["cross_attention_dim"], config["use_linear_projection"]
        return Transformer(
            width, context, self._heads[level], self._depths[level], config["norm_num_groups"], linear
        )


class PixelAttention(nn.Module):
    """The single-headed attention in the middle of an autoencoder."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.group_norm = nn.GroupNorm(groups, width, eps=1e-6)
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, x: Tensor) -> Tensor:
        """x [n, c, h, w] -> [n, c, h, w]."""
        tokens = to_tokens(self.group_norm(x))
        q, k, v = (split(part(tokens), 1) for part in (self.to_q, self.to_k, self.to_v))
        return x + to_map(self.to_out[0](merge(F.scaled_dot_product_attention(q, k, v))), x.shape)


class Decoder(nn.Module):
    """The decoder of AutoencoderKL: z [n, 4, h, w] -> [n, 3, 8 h, 8 w] with four levels."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths, groups = list(reversed(config["block_out_channels"])), config["norm_num_groups"]

        def resnet(inputs: int, outputs: int) -> Resnet:
            return Resnet(inputs, outputs, 0, groups, 1e-6)

        top = widths[0]
        self.post_quant_conv = nn.Conv2d(config["latent_channels"], config["latent_channels"], 1)
        self.conv_in = nn.Conv2d(config["latent_channels"], top, 3, padding=1)
        self.mid_block = Block([resnet(top, top), resnet(top, top)], [PixelAttention(top, groups)], None)
        self.up_blocks = nn.ModuleList()
        for level, width in enumerate(widths):
            inputs = [widths[max(level - 1, 0)]] + [width] * config["layers_per_block"]
            resample = Resample(width, False) if level < len(widths) - 1 else None
            self.up_blocks.append(Block([resnet(each, width) for each in inputs], [], resample))
        self.conv_norm_out = nn.GroupNorm(groups, widths[-1], eps=1e-6)
        self.conv_out = nn.Conv2d(widths[-1], config["out_channels"], 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        """Latents, already divided by the scaling factor, to pixels about [-1, 1]."""
        x = self.conv_in(self.post_quant_conv(z))
        x = self.mid_block.resnets[1](self.mid_block.attentions[0](self.mid_block.resnets[0](x)))
        for block in self.up_blocks:
            for resnet in block.resnets:
                x = resnet(x)
            if hasattr(block, "upsamplers"):
                x = block.upsamplers[0](x)
        return self.conv_out(F.silu(self.conv_norm_out(x)))


class TextLayer(nn.Module):
    """One layer of CLIP's text encoder."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config["hidden_size"]
        self.heads, self.quick = config["num_attention_heads"], config["hidden_act"] == "quick_gelu"
        self.layer_norm1 = nn.LayerNorm(width, config["layer_norm_eps"])
        self.self_attn = nn.ModuleDict({f"{name}_proj": nn.Linear(width, width) for name in ("q", "k", "v", "out")})
        self.layer_norm2 = nn.LayerNorm(width, config["layer_norm_eps"])
        inner = config["intermediate_size"]
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, inner), "fc2": nn.Linear(inner, width)})

    def forward(self, x: Tensor) -> Tensor:
        """x [n, t, c] -> [n, t, c]; a token sees itself and what stands before it."""
        h = self.layer_norm1(x)
        q, k, v = (split(self.self_attn[f"{name}_proj"](h), self.heads) for name in "qkv")
        x = x + self.self_attn["out_proj"](merge(F.scaled_dot_product_attention(q, k, v, is_causal=True)))
        h = self.mlp["fc1"](self.layer_norm2(x))
        return x + self.mlp["fc2"](h * torch.sigmoid(1.702 * h) if self.quick else F.gelu(h))


class TextEncoder(nn.Module):
    """CLIP's text encoder: ids [n, t] -> last hidden state [n, t, c], normalised."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config["hidden_size"]
        tokens = nn.Embedding(config["vocab_size"], width)
        positions = nn.Embedding(config["max_position_embeddings"], width)
        self.embeddings = nn.ModuleDict({"token_embedding": tokens, "position_embedding": positions})
        layers = nn.ModuleList(TextLayer(config) for _ in range(config["num_hidden_layers"]))
        self.encoder = nn.ModuleDict({"layers": layers})
        self.final_layer_norm = nn.LayerNorm(width, config["layer_norm_eps"])

    def forward(self, ids: Tensor) -> Tensor:
        """The normalised output of the last layer."""
        x = self.embeddings["token_embedding"](ids) + self.embeddings["position_embedding"].weight[: ids.shape[1]]
        for layer in self.encoder["layers"]:
            x = layer(x)
        return self.final_layer_norm(x)


def load_unet(model: Path) -> UNet:
    """The U-Net of a diffusers folder, in the types of its file."""
    return _loaded(UNet(_config(model / "unet")), model / "unet" / "diffusion_pytorch_model.safetensors")


def load_decoder(model: Path) -> Decoder:
    """The decoder of a diffusers folder."""
    return _loaded(Decoder(_config(model / "vae")), model / "vae" / "diffusion_pytorch_model.safetensors", "decoder.")


def load_text_encoder(model: Path, name: str = "text_encoder") -> TextEncoder:
    """A text encoder of a diffusers folder: text_encoder, or SDXL's text_encoder_2."""
    folder = model / name
    return _loaded(TextEncoder(_config(folder)), folder / "model.safetensors", "text_model.")


def split(x: Tensor, heads: int) -> Tensor:
    """[n, t, c] -> [n, heads, t, c / heads]."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def merge(x: Tensor) -> Tensor:
    """[n, heads, t, c / heads] -> [n, t, c]."""
    return x.transpose(1, 2).flatten(2)


def to_tokens(x: Tensor) -> Tensor:
    """[n, c, h, w] -> [n, h * w, c]."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)


def to_map(x: Tensor, size: Sequence[int]) -> Tensor:
    """[n, h * w, c] -> [n, c, h, w] of the given size."""
    return x.unflatten(1, (size[2], size[3])).permute(0, 3, 1, 2)


def _config(folder: Path) -> Config:
    return json.loads((folder / "config.json").read_text())


def _loaded(model: Any, path: Path, prefix: str = "") -> Any:
    """Gives a model the tensors of a file; `prefix` is left off, names that the model has not are left out.

    Some files write a linear layer as a convolution of one pixel, or the other way round: the numbers are the same.
    """
    tensors = {name.removeprefix(prefix): tensor for name, tensor in read_safetensors(path).items()}
    wanted = {name: own.shape for name, own in model.state_dict().items()}
    shaped = {name: tensors[name].reshape(shape) for name, shape in wanted.items() if name in tensors}
    model.load_state_dict(shaped, assign=True)
    return model.eval()
