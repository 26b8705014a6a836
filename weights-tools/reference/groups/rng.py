"""Random numbers of torch: its generator on the CPU, and the Philox generator of CUDA devices."""

from __future__ import annotations

import math

import numpy as np
import torch

from .common import Context, Group, Tensors

CPU_HOW = (
    "torch.randn on the CPU from a fresh generator: cpu/SEED/COUNT (float32). cpu_sequence: three calls of 10, then"
    " three of 20, on one generator. cpu_half and cpu_double: other dtypes draw differently. cpu_uniform: torch.rand."
)
CPU_ALGORITHM = {
    "engine": "MT19937 seeded with the low 32 bits of the seed",
    "count >= 16 (float32)": "a 24-bit uniform per element, then Box-Muller within blocks of 16 (element j with j + 8);"
    " if the count does not divide by 16, the last 16 elements are recomputed from 16 fresh words",
    "count < 16": "Box-Muller on pairs of 53-bit uniforms, two words each; the second number of a pair waits in the"
    " generator for the next element, even across calls",
}
CUDA_HOW = (
    "torch.randn on a CUDA device, computed here in float64 from the description, not on a device: element i uses"
    " Philox4x32-10 with key = seed (low word first), counter = (k, 0, i, 0) where k counts earlier randn calls;"
    " u = x0 2^-32 + 2^-33, v = (x1 2^-32 + 2^-33) 2 pi, out = sqrt(-2 ln u) sin v. Holds while one call needs no more"
    " than one element per thread. A device computes it in float32, so expect 1e-6 relative."
)
SEQUENCE = (10, 20)
WORD = 0xFFFFFFFF
ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
LATENT = (1, 4, 64, 64)


def write(context: Context) -> None:
    """Writes rng/."""
    group = Group(context, "rng", "Random numbers of peers, for seed compatibility.")
    cpu: Tensors = {}
    for seed in context.variant.random_seeds:
        cpu |= _cpu(seed, context.variant.random_counts)
    group.add("torch_cpu.safetensors", CPU_HOW, cpu, algorithm=CPU_ALGORITHM)
    cuda: Tensors = {}
    for seed in context.variant.random_seeds[:2]:
        cuda |= _cuda(seed)
    group.add("torch_cuda_philox.safetensors", CUDA_HOW, cuda)
    group.close()


def _cpu(seed: int, counts: tuple[int, ...]) -> Tensors:
    def fresh() -> torch.Generator:
        return torch.Generator().manual_seed(seed)

    draws = {f"cpu/{seed}/{count}": torch.randn(count, generator=fresh()) for count in counts}
    draws[f"cpu/{seed}/" + "x".join(map(str, LATENT))] = torch.randn(*LATENT, generator=fresh())
    shared = fresh()
    for count in SEQUENCE:
        calls = [torch.randn(count, generator=shared) for _ in range(3)]
        draws[f"cpu_sequence/{seed}/{count}"] = torch.cat(calls)
    draws[f"cpu_half/{seed}/64"] = torch.randn(64, generator=fresh(), dtype=torch.float16)
    draws[f"cpu_double/{seed}/40"] = torch.randn(40, generator=fresh(), dtype=torch.float64)
    draws[f"cpu_uniform/{seed}/20"] = torch.rand(20, generator=fresh())
    return draws


def _cuda(seed: int) -> Tensors:
    size = math.prod(LATENT)
    return {
        f"cuda/{seed}/" + "x".join(map(str, LATENT)): torch.from_numpy(_normal(seed, 0, size)).reshape(LATENT),
        f"cuda_second_call/{seed}/16": torch.from_numpy(_normal(seed, 1, 16)),
        f"philox_words/{seed}": torch.from_numpy(_philox(seed, 0, 8).astype(np.int64)),
    }


def _normal(seed: int, call: int, count: int) -> np.ndarray:
    words = _philox(seed, call, count).astype(np.float64)
    u = words[:, 0] * 2.0**-32 + 2.0**-33
    v = (words[:, 1] * 2.0**-32 + 2.0**-33) * 2 * math.pi
    return np.sqrt(-2 * np.log(u)) * np.sin(v)


def _philox(seed: int, call: int, count: int) -> np.ndarray:
    """Philox4x32-10 (Salmon et al. 2011): words [count, 4] of the counters (call, 0, i, 0)."""
    zero = np.zeros(count, dtype=np.uint64)
    x = [zero + call, zero, np.arange(count, dtype=np.uint64), zero]
    key = [seed & WORD, seed >> 32 & WORD]
    for _ in range(ROUNDS):
        products = [x[0] * np.uint64(MULTIPLIERS[0]), x[2] * np.uint64(MULTIPLIERS[1])]
        high = [product >> np.uint64(32) for product in products]
        low = [product & np.uint64(WORD) for product in products]
        x = [high[1] ^ x[1] ^ np.uint64(key[0]), low[1], high[0] ^ x[3] ^ np.uint64(key[1]), low[0]]
        key = [(part + step) & WORD for part, step in zip(key, KEY_STEPS, strict=True)]
    return np.stack(x, axis=1)
