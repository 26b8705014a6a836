"""The text and image encoders: contrastive training (Radford et al. 2021) on pictures and fresh captions."""

from __future__ import annotations

import random
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

import data
import tokenizer
from captions import caption
from training import Budget, Log, Trainer, rate, seed

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
WIDTH, HEADS, INNER, TEXT_LAYERS, IMAGE_LAYERS, PATCH = 128, 4, 512, 12, 4, 16
SHORT, LONG_SHARE = 28, 0.04  # most captions are cut to SHORT tokens, a few take all 77 positions
EVALUATED = 256


def train(args: Namespace) -> None:
    """Trains both encoders and writes them to clip/."""
    from transformers import CLIPImageProcessor

    seed(0, args.threads)
    tokens, pictures = tokenizer.load(args.work / "tokenizer"), data.load(args.work, "train")
    model = _model(len(tokens))
    trainer = Trainer(model, 0.99, args.work / "clip.state", decay=0.05)
    if args.resume:
        trainer.resume()
    r, budget, log = random.Random(3 + trainer.step), Budget(args.minutes, args.steps), Log("clip", args.batch, 25)
    while (progress := budget.progress(trainer.step)) < 1:
        chosen = np.sort(np.random.choice(len(pictures), args.batch, False))
        loss = _loss(
            model, _ids(tokens, [caption(pictures.descriptions[i], r) for i in chosen], r), pictures.images[chosen]
        )
        trainer.learn(loss, rate(progress, args.rate))
        log.add(trainer.step, progress, loss=loss.item(), scale=model.logit_scale.exp().item())
        trainer.save_now_and_then()
    model = trainer.finish(model.float())
    model.save_pretrained(args.work / "clip")
    size = {"height": 128, "width": 128}
    CLIPImageProcessor(size={"shortest_edge": 128}, crop_size=size).save_pretrained(args.work / "clip")
    print(evaluate(model, tokens, data.load(args.work, "test")), flush=True)


def load(folder: Path) -> Any:
    """The trained CLIP model."""
    from transformers import CLIPModel

    return CLIPModel.from_pretrained(folder / "clip").eval()


def embed_texts(model: Any, tokens: Any, texts: list[str]) -> Tensor:
    """Unit vectors [n, 128] of texts."""
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        return F.normalize(_texts(model, tokenizer.token_ids(tokens, texts)).float(), dim=-1)


def embed_images(model: Any, images: np.ndarray) -> Tensor:
    """Unit vectors [n, 128] of pictures, uint8 [n, h, w, 3]."""
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        return F.normalize(_images(model, _pixels(images)).float(), dim=-1)


def evaluate(model: Any, tokens: Any, pictures: data.Pictures) -> dict[str, float]:
    """Retrieval among pairs that were not trained on."""
    r, count = random.Random(11), min(EVALUATED, len(pictures))
    texts = [caption(description, r, False, True) for description in pictures.descriptions[:count]]
    similar = embed_texts(model, tokens, texts) @ embed_images(model, pictures.images[:count]).T
    found = {"text->image": similar, "image->text": similar.T}
    report: dict[str, float] = {"pairs": count}
    for name, scores in found.items():
        rank = (scores > scores.diag()[:, None]).sum(1)
        report |= {f"{name}@{best}": (rank < best).float().mean().item() for best in (1, 5)}
    shuffled = similar.roll(1, 0).diag().mean().item()
    return report | {"cosine right": similar.diag().mean().item(), "cosine shuffled": shuffled}


def _model(vocabulary: int) -> Any:
    from transformers import CLIPConfig, CLIPModel

    shared = {
        "hidden_size": WIDTH,
        "intermediate_size": INNER,
        "num_attention_heads": HEADS,
        "hidden_act": "quick_gelu",
        "projection_dim": WIDTH,
    }
    text = {
        "vocab_size": vocabulary,
        "num_hidden_layers": TEXT_LAYERS,
        "max_position_embeddings": tokenizer.LENGTH,
        "bos_token_id": vocabulary - 2,
        "eos_token_id": vocabulary - 1,
        "pad_token_id": vocabulary - 1,
    }
    vision = {"image_size": 128, "patch_size": PATCH, "num_hidden_layers": IMAGE_LAYERS}
    config = CLIPConfig(text_config=shared | text, vision_config=shared | vision, projection_dim=WIDTH)
    model = CLIPModel._from_config(config, attn_implementation="eager")
    with torch.no_grad():  # CLIP's own initialisation leaves deep narrow text towers slow to start
        embeddings = model.text_model.embeddings
        embeddings.token_embedding.weight.normal_(0, 0.05)
        embeddings.position_embedding.weight.normal_(0, 0.02)
    return model


def _ids(tokens: Any, texts: list[str], r: random.Random) -> Tensor:
    if r.random() < LONG_SHARE:
        return tokenizer.token_ids(tokens, texts)
    ids = tokens(texts, padding=True, truncation=True, max_length=SHORT, return_tensors="pt")["input_ids"]
    ids[:, -1] = len(tokens) - 1  # the end, where a caption was cut
    return ids


def _loss(model: Any, ids: Tensor, images: np.ndarray) -> Tensor:
    texts = F.normalize(_texts(model, ids).float(), dim=-1)
    pictures = F.normalize(_images(model, _pixels(images).to(torch.bfloat16)).float(), dim=-1)
    logits = model.logit_scale.float().exp() * texts @ pictures.T
    pairs = torch.arange(len(ids))
    return (F.cross_entropy(logits, pairs) + F.cross_entropy(logits.T, pairs)) / 2


def _texts(model: Any, ids: Tensor) -> Tensor:
    return model.text_projection(model.text_model(input_ids=ids).pooler_output)


def _images(model: Any, pixels: Tensor) -> Tensor:
    return model.visual_projection(model.vision_model(pixel_values=pixels).pooler_output)


def _pixels(images: np.ndarray) -> Tensor:
    x = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).float() / 255
    return (x - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
