"""The variants of a set: shapes, prompts, steps and seeds. All that tells one set from another stands here.

Variant 1 has the proportions of the published models. Variant 2 is a second opinion: valid, but awkward wherever
code is tempted to assume something (odd widths, three levels, nested depths, head sizes that are no power of two).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Config = dict[str, Any]
CROSS, PLAIN = "CrossAttnDownBlock2D", "DownBlock2D"


@dataclass(frozen=True)
class Variant:
    """Everything that differs from set to set."""

    seed: int
    merges: int  # of the cut-down vocabulary
    text: dict[str, Config]
    unet: dict[str, Config]
    vae: dict[str, Config]
    prediction: dict[str, str]
    prompts: tuple[str, ...]
    negative: str
    unet_cases: dict[str, Config]
    vae_cases: dict[str, Config]
    picture: tuple[int, int]  # height, width of the pipelines
    pipeline_cases: dict[str, Config]
    betas: Config
    sample_shape: tuple[int, ...]  # of the schedulers' trajectories
    steps: dict[int, int]  # of the schedulers' trajectories: the usual number of steps, and the one that is taken
    random_seeds: tuple[int, ...]
    random_counts: tuple[int, ...]
    legacy_end: tuple[str, ...] = field(default=())  # text encoders that pool at the largest id


def text_encoder(width: int, inner: int, layers: int, heads: int, activation: str, projection: int = 0) -> Config:
    """A CLIP text encoder; with a projection, the class that has one."""
    return {
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "hidden_act": activation,
        "projection_dim": projection or width,
        "with_projection": projection > 0,
    }


def unet(channels: list[int], attention: list[bool], cross: int, heads: Any, groups: int, **more: Any) -> Config:
    """A U-Net; `attention` says which levels, from the finest, have transformers."""
    down = [CROSS if each else PLAIN for each in attention]
    up = [name.replace("Down", "Up") for name in reversed(down)]
    return {
        "block_out_channels": channels,
        "down_block_types": down,
        "up_block_types": up,
        "cross_attention_dim": cross,
        "attention_head_dim": heads,
        "norm_num_groups": groups,
        "sample_size": 8,
    } | more


def vae(channels: list[int], layers: int, groups: int, scaling: float) -> Config:
    """An autoencoder."""
    return {
        "block_out_channels": channels,
        "down_block_types": ["DownEncoderBlock2D"] * len(channels),
        "up_block_types": ["UpDecoderBlock2D"] * len(channels),
        "layers_per_block": layers,
        "norm_num_groups": groups,
        "latent_channels": 4,
        "scaling_factor": scaling,
        "sample_size": 8 * 2 ** (len(channels) - 1),
    }


def pass_of(model: str, batch: int, size: tuple[int, int], time: Any, tokens: int = 77, taps: bool = False) -> Config:
    """One pass of a U-Net; `time` is one number or one for each item of the batch."""
    times = time if isinstance(time, list) else [time]
    return {"model": model, "batch": batch, "size": size, "time": times, "tokens": tokens, "taps": taps}


def draw(model: str, scheduler: str, prompt: Any, steps: int, scale: float, note: str = "", **more: Any) -> Config:
    """One text-to-image run; `prompt` is an index into the prompts, or a list of them. `strength` makes it
    image-to-image, `overrides` change the scheduler's configuration, `image` stores the decoded picture too."""
    return {
        "model": model,
        "scheduler": scheduler,
        "prompt": prompt,
        "steps": steps,
        "scale": scale,
        "note": note,
    } | more


ZERO_SNR = {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
KARRAS = {"use_karras_sigmas": True}

FIRST = Variant(
    seed=1,
    merges=500,
    text={
        "sd1/text_encoder": text_encoder(32, 80, 12, 4, "quick_gelu"),
        "sd2/text_encoder": text_encoder(40, 160, 5, 4, "gelu"),
        "sdxl/text_encoder": text_encoder(24, 96, 4, 4, "quick_gelu"),
        "sdxl/text_encoder_2": text_encoder(40, 160, 5, 4, "gelu", projection=40),
    },
    legacy_end=("sd1/text_encoder", "sdxl/text_encoder", "sdxl/text_encoder_2"),
    unet={
        "sd1/unet": unet([16, 24, 32, 32], [True, True, True, False], 32, 4, 8),
        "sd2/unet": unet(
            [16, 24, 32, 32],
            [True, True, True, False],
            40,
            [2, 3, 4, 8],
            8,
            layers_per_block=1,
            use_linear_projection=True,
        ),
        "sdxl/unet": unet(
            [16, 24, 32],
            [False, True, True],
            64,
            [2, 3, 8],
            8,
            transformer_layers_per_block=[1, 1, 2],
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=88,
        ),
        "inpaint/unet": unet([16, 16, 24, 24], [True, True, True, False], 32, 2, 8, layers_per_block=1, in_channels=9),
    },
    vae={
        "sd1/vae": vae([8, 16, 16, 16], 2, 4, 0.18215),
        "sd2/vae": vae([8, 12, 16, 16], 1, 4, 0.18215),
        "sdxl/vae": vae([8, 12, 16, 16], 1, 4, 0.13025),
    },
    prediction={"sd1": "epsilon", "sd2": "v_prediction", "sdxl": "epsilon"},
    prompts=(
        "a lighthouse on a rocky coast in the evening",
        "three green apples on a wooden table, soft light",
        "an old tram in a narrow street",
    ),
    negative="out of focus, noisy, text",
    unet_cases={
        "sd1_t999": pass_of("sd1/unet", 2, (16, 20), 999, taps=True),
        "sd1_t0": pass_of("sd1/unet", 1, (8, 8), 0),
        "sd1_t1": pass_of("sd1/unet", 1, (8, 8), 1),
        "sd1_t500_5": pass_of("sd1/unet", 1, (8, 8), 500.5),
        "sd1_t_each": pass_of("sd1/unet", 2, (8, 8), [981, 1], tokens=154),
        "sd2": pass_of("sd2/unet", 2, (16, 20), 701, taps=True),
        "sdxl": pass_of("sdxl/unet", 2, (16, 20), 601, taps=True),
        "inpaint": pass_of("inpaint/unet", 1, (16, 20), 501, taps=True),
    },
    vae_cases={
        "sd1_64x96": {"model": "sd1/vae", "batch": 2, "size": (64, 96)},
        "sd1_37x53": {"model": "sd1/vae", "batch": 1, "size": (37, 53)},
        "sdxl_64x96": {"model": "sdxl/vae", "batch": 2, "size": (64, 96)},
    },
    picture=(64, 96),
    pipeline_cases={
        "sd1_pndm": draw("sd1", "pndm", 0, 6, 7.5, image=True),
        "sd1_ddim": draw("sd1", "ddim", 0, 6, 7.5),
        "sd1_euler": draw("sd1", "euler", 0, 6, 7.5),
        "sd1_euler_a": draw("sd1", "euler_a", 0, 6, 7.5),
        "sd1_dpmpp_2m_karras": draw("sd1", "dpmpp_2m", 0, 6, 7.5, overrides=KARRAS),
        "sd1_heun": draw("sd1", "heun", 0, 6, 7.5),
        "sd1_unipc": draw("sd1", "unipc", 0, 6, 7.5),
        "sd1_no_cfg": draw("sd1", "ddim", 0, 6, 1.0, "no guidance, the negative prompt is ignored"),
        "sd1_clip_skip": draw("sd1", "euler", 0, 6, 7.5, "clip skip for both prompts", arguments={"clip_skip": 1}),
        "sd1_batch": draw("sd1", "ddim", [1, 2], 6, 7.5, "two prompts, DDIM eta 0.5", arguments={"eta": 0.5}),
        "sd1_lcm": draw("sd1", "lcm", 0, 4, 1.5),
        "sd2_v_ddim": draw("sd2", "ddim", 0, 6, 7.5, "v-prediction"),
        "sd2_v_zsnr_rescale": draw(
            "sd2", "ddim", 0, 6, 7.5, "zero terminal SNR", overrides=ZERO_SNR, arguments={"guidance_rescale": 0.7}
        ),
        "img2img_ddim_030": draw("sd1", "ddim", 1, 10, 7.5, strength=0.3),
        "img2img_ddim_075": draw("sd1", "ddim", 1, 10, 7.5, strength=0.75),
        "img2img_euler_075": draw("sd1", "euler", 1, 10, 7.5, strength=0.75, image=True),
        "img2img_dpmpp_2m_karras_050": draw("sd1", "dpmpp_2m", 1, 10, 7.5, strength=0.5, overrides=KARRAS),
        "sdxl_euler": draw("sdxl", "euler", 0, 6, 5.0, image=True),
    },
    betas={"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000},
    sample_shape=(1, 4, 5, 7),
    steps={4: 4, 8: 8, 10: 10, 25: 25},
    random_seeds=(0, 1, 42, 1234567890, 2**32 - 1, 2**32 + 7),
    random_counts=(1, 2, 5, 10, 15, 16, 17, 31, 1000),
)

SECOND = Variant(
    seed=20,
    merges=777,
    text={
        "sd1/text_encoder": text_encoder(36, 52, 4, 3, "quick_gelu"),
        "sd2/text_encoder": text_encoder(44, 100, 3, 4, "gelu"),
        "sdxl/text_encoder": text_encoder(20, 72, 2, 5, "quick_gelu"),
        "sdxl/text_encoder_2": text_encoder(30, 55, 5, 2, "gelu", projection=26),
    },
    legacy_end=("sd2/text_encoder",),
    unet={
        "sd1/unet": unet([12, 20, 36], [True, True, False], 36, 2, 4, layers_per_block=3),
        "sd2/unet": unet(
            [16, 32, 48, 48],
            [True, True, True, False],
            44,
            [4, 2, 3, 8],
            16,
            layers_per_block=1,
            use_linear_projection=True,
            flip_sin_to_cos=False,
            freq_shift=1,
        ),
        "sdxl/unet": unet(
            [10, 30, 40],
            [False, True, True],
            50,
            [1, 5, 4],
            10,
            transformer_layers_per_block=[1, 3, 2],
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=6,
            projection_class_embeddings_input_dim=26 + 36,
        ),
        "inpaint/unet": unet([8, 24], [True, False], 36, 2, 8, layers_per_block=1, in_channels=9),
        "nested/unet": unet(
            [8, 16, 24],
            [False, True, True],
            50,
            [2, 4, 3],
            8,
            transformer_layers_per_block=[1, [2, 1], [1, 3]],
            reverse_transformer_layers_per_block=[[3, 1, 2], [1, 2, 1], 1],
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=10,
            projection_class_embeddings_input_dim=26 + 60,
        ),
        "deep/unet": unet(
            [8, 8, 12, 12, 20], [True, False, True, True, False], 36, [2, 2, 3, 1, 5], 2, layers_per_block=1
        ),
    },
    vae={
        "sd1/vae": vae([8, 16, 24], 1, 8, 0.31),
        "sd2/vae": vae([12, 12, 24, 36], 2, 6, 0.2),
        "sdxl/vae": vae([10, 10, 20, 20], 1, 2, 0.13025),
    },
    prediction={"sd1": "epsilon", "sd2": "v_prediction", "sdxl": "epsilon"},
    prompts=(
        "Seven COPPER kettles, steaming; on a ship's deck!",
        "ein Fuchs im Schnee bei Nacht, 4k",
        "paper birds over the harbour (ink and gold) ... at 6:45",
    ),
    negative="grainy, cropped",
    unet_cases={
        "sd1_t999": pass_of("sd1/unet", 2, (9, 13), 999, taps=True),
        "sd1_t0": pass_of("sd1/unet", 1, (7, 5), 0, taps=True),
        "sd1_t1": pass_of("sd1/unet", 3, (4, 12), 1, tokens=231),
        "sd1_t321_25": pass_of("sd1/unet", 1, (1, 9), 321.25),
        "sd1_t_each": pass_of("sd1/unet", 3, (6, 11), [999, 37, 512], tokens=154),
        "sd2": pass_of("sd2/unet", 2, (7, 5), 643, taps=True),
        "sd2_even": pass_of("sd2/unet", 1, (16, 8), [13], tokens=154),
        "sdxl": pass_of("sdxl/unet", 2, (12, 9), 777, taps=True),
        "sdxl_each": pass_of("sdxl/unet", 3, (5, 6), [3, 888, 251], tokens=231),
        "inpaint": pass_of("inpaint/unet", 2, (10, 7), 204, taps=True),
        "nested": pass_of("nested/unet", 1, (9, 6), 459, taps=True),
        "deep": pass_of("deep/unet", 2, (17, 11), 101, taps=True),
    },
    vae_cases={
        "sd1_40x24": {"model": "sd1/vae", "batch": 3, "size": (40, 24)},
        "sd1_33x27": {"model": "sd1/vae", "batch": 1, "size": (33, 27)},
        "sd2_48x80": {"model": "sd2/vae", "batch": 1, "size": (48, 80)},
        "sd2_71x39": {"model": "sd2/vae", "batch": 2, "size": (71, 39)},
        "sdxl_64x40": {"model": "sdxl/vae", "batch": 1, "size": (64, 40)},
    },
    picture=(72, 40),
    pipeline_cases={
        "sd1_pndm": draw("sd1", "pndm", 0, 5, 4.25),
        "sd1_ddpm": draw("sd1", "ddpm", 1, 7, 3.0),
        "sd1_ddim": draw("sd1", "ddim", 2, 8, 11.0, image=True),
        "sd1_euler": draw("sd1", "euler", 1, 3, 6.5, overrides={"timestep_spacing": "trailing"}),
        "sd1_euler_karras": draw("sd1", "euler", 1, 9, 6.5, overrides=KARRAS),
        "sd1_euler_a": draw("sd1", "euler_a", 2, 7, 5.0),
        "sd1_dpmpp_2m_karras": draw("sd1", "dpmpp_2m", 0, 8, 8.0, overrides=KARRAS),
        "sd1_dpmpp_2m_sde": draw("sd1", "dpmpp_2m", 0, 7, 2.5, overrides={"algorithm_type": "sde-dpmsolver++"}),
        "sd1_heun": draw("sd1", "heun", 1, 4, 9.0),
        "sd1_unipc": draw("sd1", "unipc", 2, 7, 3.5, overrides={"solver_order": 3}),
        "sd1_no_cfg": draw("sd1", "euler", 2, 5, 1.0, "no guidance, the negative prompt is ignored"),
        "sd1_clip_skip": draw("sd1", "ddim", 0, 5, 7.0, "clip skip for both prompts", arguments={"clip_skip": 2}),
        "sd1_batch": draw("sd1", "ddim", [2, 0, 1], 5, 4.0, "three prompts, DDIM eta 0.8", arguments={"eta": 0.8}),
        "sd1_lcm": draw("sd1", "lcm", 1, 3, 2.0),
        "sd2_v_ddim": draw("sd2", "ddim", 1, 7, 6.0, "v-prediction", image=True),
        "sd2_v_euler": draw("sd2", "euler", 0, 5, 4.0, "v-prediction"),
        "sd2_v_zsnr_rescale": draw(
            "sd2", "ddim", 2, 5, 9.0, "zero terminal SNR", overrides=ZERO_SNR, arguments={"guidance_rescale": 0.35}
        ),
        "img2img_ddim_045": draw("sd1", "ddim", 0, 9, 5.5, strength=0.45, image=True),
        "img2img_ddim_100": draw("sd1", "ddim", 0, 4, 5.5, strength=1.0),
        "img2img_euler_a_060": draw("sd1", "euler_a", 1, 8, 3.0, strength=0.6),
        "img2img_heun_050": draw("sd1", "heun", 2, 6, 4.0, strength=0.5),
        "img2img_dpmpp_2m_karras_070": draw("sd1", "dpmpp_2m", 2, 7, 7.0, strength=0.7, overrides=KARRAS),
        "img2img_sd2_unipc_080": draw("sd2", "unipc", 1, 6, 6.0, strength=0.8),
        "sdxl_euler": draw("sdxl", "euler", 1, 5, 3.5),
    },
    betas={"beta_start": 0.0011, "beta_end": 0.0135, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000},
    sample_shape=(2, 4, 3, 5),
    steps={4: 3, 8: 7, 10: 9, 25: 21},
    random_seeds=(3, 77, 987654321, 2**31, 2**40 + 5),
    random_counts=(3, 6, 14, 16, 18, 33, 47, 640),
)

VARIANTS = {1: FIRST, 2: SECOND}
