"""Samplers alone: whole trajectories with a formula in place of the U-Net, and the forward process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from .common import Context, Group, Tensors, error
from .float64 import default_dtype, scheduler_class
from .tape import Tape, played
from .variants import Config

ABOUT = (
    "Full denoising trajectories with a formula in place of the U-Net. Per case: CASE/latents [calls+1, B, C, H, W]"
    " (0 = unit noise 'start' times init_noise_sigma, k = after the k-th model call), CASE/timesteps, CASE/sigmas"
    " (where the scheduler has them), CASE/noise [draws, B, C, H, W]: what each random draw returned, in order of use."
)
FAKE_MODEL = (
    "For latents of shape [B, C, H, W], with N = C*H*W and i the flat NCHW index inside one batch item:"
    " out[b, i] = tanh(0.8 * x[b, i] - 0.3 * x[b, (i + 1) mod N] + 0.4 * sin(0.37 * i + 0.01 * t)); x is the output of"
    " scale_model_input(latents, t) and t the (possibly fractional) timestep, whatever the prediction type."
)
GOLDEN = (
    "computed with every float32 in the scheduler replaced by float64, then rounded; fp32_native is the error of the"
    " library as shipped (float32 latents) against it"
)
NOTE = (
    "an integer timestep is decided by rounding: CASE/timesteps and CASE/latents are those of the shipped float32 code,"
    " CASE/exact_timesteps and CASE/exact_latents those of float64; either is acceptable"
)

V = {"prediction_type": "v_prediction"}
SAMPLE = {"prediction_type": "sample"}
KARRAS, EXPONENTIAL, BETA = {"use_karras_sigmas": True}, {"use_exponential_sigmas": True}, {"use_beta_sigmas": True}
LEADING = {"timestep_spacing": "leading", "steps_offset": 1}
TRAILING, LINSPACE = {"timestep_spacing": "trailing"}, {"timestep_spacing": "linspace"}
ZERO_SNR = {"rescale_betas_zero_snr": True} | V | TRAILING
SIGMA_MIN_END = {"final_sigmas_type": "sigma_min"}
SHORT = {"num_train_timesteps": 800}
LINEAR = {"beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02}
COSINE = {"beta_schedule": "squaredcos_cap_v2"}
SDE = {"algorithm_type": "sde-dpmsolver++"}
COMMON = {"v": V, "leading1": LEADING, "trailing": TRAILING, "t800": SHORT}
SPACED = COMMON | {"karras": KARRAS, "exponential": EXPONENTIAL, "beta": BETA}

# file -> class, what all its cases have, and its cases of 10 steps; 4, 10 and 25 plain steps are made of each
FILES: dict[str, tuple[str, Config, dict[str, Config]]] = {
    "ddpm": (
        "DDPMScheduler",
        {"clip_sample": False},
        COMMON
        | {"linspace": LINSPACE, "zsnr": ZERO_SNR, "linear_betas": LINEAR, "cosine_betas": COSINE, "sample": SAMPLE}
        | {"fixed_large": {"variance_type": "fixed_large"}, "clip": {"clip_sample": True}},
    ),
    "ddim": (
        "DDIMScheduler",
        {"clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1},
        COMMON
        | {"linspace": LINSPACE, "zsnr": ZERO_SNR, "alpha_one": {"set_alpha_to_one": True}, "sample": SAMPLE}
        | {"clip": {"clip_sample": True}, "threshold": {"thresholding": True, "sample_max_value": 1.5}}
        | {"eta07": {"eta": 0.7}, "eta1": {"eta": 1.0}, "v_eta07": V | {"eta": 0.7}},
    ),
    "pndm": (
        "PNDMScheduler",
        {"skip_prk_steps": True, "set_alpha_to_one": False, "steps_offset": 1},
        {"v": V, "trailing": TRAILING, "linspace": LINSPACE, "t800": SHORT, "prk": {"skip_prk_steps": False}},
    ),
    "euler": (
        "EulerDiscreteScheduler",
        {},
        SPACED
        | {"zsnr": ZERO_SNR, "leading1_karras": LEADING | KARRAS, "sigma_min_end": SIGMA_MIN_END}
        | {"log_linear": {"interpolation_type": "log_linear"}}
        | {"churn": {"s_churn": 4.0, "s_tmin": 0.05, "s_tmax": 10.0, "s_noise": 1.003}},
    ),
    "euler_a": ("EulerAncestralDiscreteScheduler", {}, COMMON | {"zsnr": ZERO_SNR}),
    "heun": ("HeunDiscreteScheduler", {}, SPACED | {"sample": SAMPLE}),
    "dpmpp_2m": (
        "DPMSolverMultistepScheduler",
        {},
        SPACED
        | {
            "sample": SAMPLE,
            "heun": {"solver_type": "heun"},
            "order1": {"solver_order": 1},
            "order3": {"solver_order": 3},
        }
        | {"lu": {"use_lu_lambdas": True}, "no_lower_final": {"lower_order_final": False}, "zsnr": ZERO_SNR}
        | {"euler_at_final": {"euler_at_final": True}, "karras_euler_at_final": KARRAS | {"euler_at_final": True}}
        | {"sigma_min_end": SIGMA_MIN_END, "eps_form": {"algorithm_type": "dpmsolver"} | SIGMA_MIN_END}
        | {"threshold": {"thresholding": True, "sample_max_value": 1.5}},
    ),
    "dpmpp_2m_sde": (
        "DPMSolverMultistepScheduler",
        SDE,
        {"karras": KARRAS, "heun": {"solver_type": "heun"}, "v": V, "leading1": LEADING}
        | {"order1": {"solver_order": 1}, "order3": {"solver_order": 3}}
        | {"eps_form": {"algorithm_type": "sde-dpmsolver"} | SIGMA_MIN_END},
    ),
    "unipc": (
        "UniPCMultistepScheduler",
        {},
        SPACED
        | {"sample": SAMPLE, "order1": {"solver_order": 1}, "order3": {"solver_order": 3}, "zsnr": ZERO_SNR}
        | {"bh1": {"solver_type": "bh1"} | SIGMA_MIN_END, "eps_form": {"predict_x0": False} | SIGMA_MIN_END}
        | {"no_corrector_0_1": {"disable_corrector": [0, 1]}},
    ),
    "lcm": (
        "LCMScheduler",
        {},
        {"v": V, "sample": SAMPLE, "t800": SHORT, "zsnr": {"rescale_betas_zero_snr": True} | V},
    ),
}
STEP_ARGUMENTS = ("eta", "s_churn", "s_tmin", "s_tmax", "s_noise")
PLAIN_STEPS = {"lcm": (4, 8)}
SCHEDULES = {
    "scaled_linear": {},
    "zsnr": {"rescale_betas_zero_snr": True},
    "linear": LINEAR,
    "cosine": COSINE,
}


def write(context: Context) -> None:
    """Writes schedulers/."""
    group = Group(context, "schedulers", ABOUT, {"fake_model": FAKE_MODEL, "golden": GOLDEN})
    for file in FILES:
        _write_file(group, file)
    _write_forward(group)
    group.close()


def _cases(context: Context, file: str) -> Iterator[tuple[str, Config, Config, int]]:
    """Name, configuration, arguments of step() and number of steps of a file's cases."""
    _, base, cases = FILES[file]
    plain = PLAIN_STEPS.get(file, (4, 10, 25))
    listed = [("", {}, usual) for usual in plain]
    listed += [(f"_{name}", settings, plain[0] if file == "lcm" else 10) for name, settings in cases.items()]
    for name, settings, usual in listed:
        steps = context.variant.steps[usual]
        arguments = {key: value for key, value in settings.items() if key in STEP_ARGUMENTS}
        config = {key: value for key, value in settings.items() if key not in STEP_ARGUMENTS}
        yield f"{file}{name}_{steps}", context.variant.betas | base | config, arguments, steps


def _write_file(group: Group, file: str) -> None:
    context = group.context
    start = context.normal(f"{file}/start", *context.variant.sample_shape)
    tensors, entries = {"start": start}, {}
    for case, config, arguments, steps in _cases(context, file):
        entry = {"class": FILES[file][0], "config": config, "steps": steps}
        if arguments:
            entry["step_arguments"] = arguments
        tape = Tape(context, file)
        exact = _trajectory(entry, start, tape, double=True)
        native = _trajectory(entry, start, tape, double=False)
        tensors |= {f"{case}/{name}": value for name, value in _stored(entry, exact, native).items()}
        entries[case] = entry
    group.add(f"{file}.safetensors", "see 'cases'", tensors, cases=entries)


def _stored(entry: dict[str, Any], exact: Tensors, native: Tensors) -> Tensors:
    """What is kept of both runs of a case; completes its entry in the index."""
    moved = (exact["timesteps"] - native["timesteps"]).abs().max().item()
    entry["model_calls"] = len(exact["latents"]) - 1
    entry["noise_draws"] = len(exact["noise"]) if "noise" in exact else 0
    entry["init_noise_sigma"] = exact.pop("init_noise_sigma").item()
    native.pop("init_noise_sigma")
    entry["fp32_native"] = error(native["latents"], exact["latents"]) | {"timesteps_abs": moved}
    entry["stored"] = "float64"
    if moved < 0.5:
        return exact
    entry["stored"] = "float32_native"
    entry["fp32_native"]["note"] = NOTE
    return native | {f"exact_{name}": exact[name] for name in ("latents", "timesteps")}


def _trajectory(entry: dict[str, Any], start: torch.Tensor, tape: Tape, double: bool) -> Tensors:
    dtype = torch.float64 if double else torch.float32
    with default_dtype(dtype), played(tape):
        scheduler = scheduler_class(entry["class"], double)(**entry["config"])
        scheduler.set_timesteps(entry["steps"])
        latents = start.to(dtype) * scheduler.init_noise_sigma
        states = [latents]
        for time in scheduler.timesteps:
            output = _fake_model(scheduler.scale_model_input(latents, time), time)
            latents = scheduler.step(output, time, latents, **entry.get("step_arguments", {})).prev_sample
            states.append(latents)
        results = {
            "latents": torch.stack(states),
            "timesteps": scheduler.timesteps.double(),
            "init_noise_sigma": torch.as_tensor(float(scheduler.init_noise_sigma)),
        }
    if hasattr(scheduler, "sigmas"):
        results["sigmas"] = torch.as_tensor(scheduler.sigmas)
    if tape.drawn:
        results["noise"] = torch.stack(tape.drawn)
    return results


def _fake_model(x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
    flat = x.reshape(len(x), -1)
    index = torch.arange(flat.shape[1], dtype=x.dtype)
    drift = 0.4 * torch.sin(0.37 * index + 0.01 * time.to(x.dtype))
    return torch.tanh(0.8 * flat - 0.3 * flat.roll(-1, dims=1) + drift).reshape(x.shape)


def _write_forward(group: Group) -> None:
    """Noise schedules, noise added to pictures, and velocities."""
    context = group.context
    shape = (4, *context.variant.sample_shape[1:])
    times = torch.tensor([0, 13, 487, 999])
    tensors = {"x0": context.normal("forward/x0", *shape), "noise": context.normal("forward/noise", *shape)}
    exact = _forward(context, tensors["x0"], tensors["noise"], times, double=True)
    native = _forward(context, tensors["x0"], tensors["noise"], times, double=False)
    noise = {"float32": {name: error(native[name], exact[name]) for name in exact}}
    how = (
        "DDPM.add_noise = sqrt(abar_t) x0 + sqrt(1-abar_t) noise; velocity = sqrt(abar_t) noise - sqrt(1-abar_t) x0."
        " betas and alphas_cumprod of four noise schedules are included."
    )
    group.add("forward.safetensors", how, tensors | {"timesteps": times} | exact, noise)


def _forward(context: Context, x0: torch.Tensor, noise: torch.Tensor, times: torch.Tensor, double: bool) -> Tensors:
    dtype = torch.float64 if double else torch.float32
    results: Tensors = {}
    with default_dtype(dtype):
        for name, settings in SCHEDULES.items():
            scheduler = scheduler_class("DDPMScheduler", double)(**(context.variant.betas | settings))
            results[f"{name}/betas"] = scheduler.betas
            results[f"{name}/alphas_cumprod"] = scheduler.alphas_cumprod
            results[f"{name}/add_noise"] = scheduler.add_noise(x0.to(dtype), noise.to(dtype), times)
            results[f"{name}/velocity"] = scheduler.get_velocity(x0.to(dtype), noise.to(dtype), times)
    return results
