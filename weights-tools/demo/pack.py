"""Packs the trained parts into a diffusers folder in float16, with the key names of Stable Diffusion 1.x."""

from __future__ import annotations

import json
import shutil
from argparse import Namespace
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

import clip
import vae

PREFIXES = {"text_encoder": "text_model.", "image_encoder": "vision_model."}
PROJECTION = "visual_projection"


def pack(args: Namespace) -> None:
    """Writes the folder anew."""
    from diffusers import UNet2DConditionModel

    shutil.rmtree(args.out, ignore_errors=True)
    whole = clip.load(args.work)
    unet = UNet2DConditionModel.from_pretrained(args.work / "unet")
    _pipeline(args.work, whole, unet).save_pretrained(args.out, safe_serialization=True)
    for file in (args.work / "tokenizer").iterdir():
        shutil.copy(file, args.out / "tokenizer" / file.name)
    for part, prefix in PREFIXES.items():
        _restore_names(args.out / part / "model.safetensors", prefix)
    rest = {  # two tensors of the CLIP model that a Stable Diffusion folder has no other place for
        "text_projection.weight": whole.text_projection.weight.detach().half().contiguous(),
        "logit_scale": whole.logit_scale.detach().float(),
    }
    save_file(rest, args.out / "image_encoder" / "text_projection.safetensors", metadata={"format": "pt"})
    _clean(args.out)
    files = [path for path in sorted(args.out.rglob("*")) if path.is_file()]
    print(f"{len(files)} files, {sum(path.stat().st_size for path in files) / 2**20:.2f} MiB in {args.out}")


def _pipeline(work: Path, whole: Any, unet: Any) -> Any:
    from diffusers import PNDMScheduler, StableDiffusionPipeline
    from transformers import CLIPImageProcessor, CLIPTextModel, CLIPTokenizer, CLIPVisionModelWithProjection

    text = CLIPTextModel(whole.config.text_config)
    image = CLIPVisionModelWithProjection(whole.config.vision_config)
    for part, prefix in ((text, PREFIXES["text_encoder"]), (image, PREFIXES["image_encoder"])):
        part.load_state_dict(_weights_of(part, whole, prefix))
    scheduler = PNDMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        skip_prk_steps=True,
        set_alpha_to_one=False,
        steps_offset=1,
    )
    return StableDiffusionPipeline(
        vae=vae.load(work).half(),
        text_encoder=text.half(),
        tokenizer=CLIPTokenizer.from_pretrained(work / "tokenizer"),
        unet=unet.half(),
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=CLIPImageProcessor.from_pretrained(work / "clip"),
        image_encoder=image.half(),
        requires_safety_checker=False,
    )


def _weights_of(part: Any, whole: Any, prefix: str) -> dict[str, Any]:
    """What the whole CLIP model holds of a part, under the part's names (some versions leave the prefix off)."""
    tensors = whole.state_dict()
    return {name: tensors[name] if name in tensors else tensors[prefix + name] for name in part.state_dict()}


def _restore_names(path: Path, prefix: str) -> None:
    tensors = load_file(path)
    named = {key if key.startswith((prefix, PROJECTION)) else prefix + key: value for key, value in tensors.items()}
    save_file(named, path, metadata={"format": "pt"})


def _clean(folder: Path) -> None:
    """No paths of the machine and no version's class names in what is published."""
    for path in [*folder.rglob("config.json"), folder / "model_index.json"]:
        content = json.loads(path.read_text().replace("CLIPImageProcessorPil", "CLIPImageProcessor"))
        content.pop("_name_or_path", None)
        path.write_text(json.dumps(content, indent=2, sort_keys=path.name == "config.json") + "\n")
