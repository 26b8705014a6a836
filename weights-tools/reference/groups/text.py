"""CLIP text encoders: every hidden state, what is pooled, clip skip, and the pair of SDXL."""

from __future__ import annotations

import torch
from transformers import CLIPTokenizer

from .checkpoints import load_text_encoder
from .common import Context, Group, Tensors, measured

ABOUT = (
    "CLIP text encoders. input_ids are int64 [batch, 77]. hidden_states is stacked [layers+1, batch, 77, width]: index"
    " 0 is token+position embedding, index i the output of layer i, and the last one is NOT passed through"
    " final_layer_norm; last_hidden_state is."
)
POOLING = "pooler_output: the row of the largest id when eos_token_id is 2, else of the first id equal to eos_token_id."


def write(context: Context) -> None:
    """Writes text/."""
    group = Group(context, "text", ABOUT)
    for model in ("sd1", "sd2"):
        _write_one(group, model)
    _write_pair(group)
    group.close()


def tokens(context: Context, model: str, prompts: list[str], tokenizer: str = "tokenizer") -> torch.Tensor:
    """Token ids [batch, 77] of a checkpoint's tokenizer."""
    loaded = CLIPTokenizer.from_pretrained(context.checkpoint(model, tokenizer))
    padded = loaded(prompts, padding="max_length", max_length=77, truncation=True, return_tensors="pt")
    return padded.input_ids.long()


def _prompts(context: Context, model: str) -> list[str]:
    prompts = context.variant.prompts
    if model == "sd1":
        return [prompts[0], " and ".join(prompts * 8), ""]
    return [prompts[1], context.variant.negative if model == "sd2" else prompts[2]]


def _write_one(group: Group, model: str) -> None:
    prompts = _prompts(group.context, model)
    ids = tokens(group.context, model, prompts)

    def run(dtype: torch.dtype) -> Tensors:
        encoder = load_text_encoder(group.context.checkpoint(model, "text_encoder"), dtype)
        results = _encode(encoder, ids)
        if model == "sd1":
            states = results["hidden_states"]
            normalised = [encoder.text_model.final_layer_norm(states[-k][:1]) for k in range(1, len(states))]
            results["skip"] = torch.stack(normalised)
        return results

    results, noise = measured(run)
    how = f"CLIPTextModel of checkpoints/{model}. {POOLING}"
    if model == "sd1":
        how += " skip[k-1] = final_layer_norm(hidden_states[-k]), first prompt only. Row 1 is truncated, row 2 empty."
    group.add(f"{model}.safetensors", how, {"input_ids": ids} | results, noise, prompts=prompts)


def _write_pair(group: Group) -> None:
    prompts = _prompts(group.context, "sdxl")
    first, second = (tokens(group.context, "sdxl", prompts, name) for name in ("tokenizer", "tokenizer_2"))

    def run(dtype: torch.dtype) -> Tensors:
        one = _encode(load_text_encoder(group.context.checkpoint("sdxl", "text_encoder"), dtype), first)
        two = _encode(load_text_encoder(group.context.checkpoint("sdxl", "text_encoder_2"), dtype), second)
        results = {f"encoder_1.{name}": value for name, value in one.items()}
        results |= {f"encoder_2.{name}": value for name, value in two.items()}
        results["prompt_embeds"] = torch.cat([one["hidden_states"][-2], two["hidden_states"][-2]], dim=-1)
        results["pooled_prompt_embeds"] = two["text_embeds"].clone()
        return results

    results, noise = measured(run)
    how = (
        "Both text encoders of checkpoints/sdxl. prompt_embeds = concat(hidden_states[-2] of each) on the channel axis,"
        " WITHOUT final_layer_norm; pooled_prompt_embeds = text_embeds of encoder 2, no bias."
    )
    ids = {"input_ids": first, "input_ids_2": second}
    group.add("sdxl.safetensors", how, ids | results, noise, prompts=prompts)


def _encode(encoder: torch.nn.Module, ids: torch.Tensor) -> Tensors:
    out = encoder(ids, output_hidden_states=True)
    results = {"hidden_states": torch.stack(out.hidden_states), "last_hidden_state": out.last_hidden_state}
    if "text_embeds" in out:
        return results | {"text_embeds": out.text_embeds}
    return results | {"pooler_output": out.pooler_output}
