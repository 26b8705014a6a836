"""Trajectories of samplers that diffusers does not have, in float64, written from the papers' formulas: tests/reference/schedulers-k.

Run as `python samplers_k.py OUT`. A formula stands for the network (see fake_model in the index); what is stored of each of its calls is the scaled input
and the time that it was given, and of the whole the last sample. Needs numpy and safetensors.
"""

from __future__ import annotations

import json
import math
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from safetensors.numpy import save_file

SHAPE = (1, 2, 3, 4)
TIMES = 1000
FAKE_MODEL = (
    "out[i] = tanh(0.8 * x[i] - 0.3 * x[(i + 1) mod N] + 0.4 * sin(0.37 * i + 0.01 * t)) for the flat index i;"
    " without the prompt the same at t + 50. x is the input scaled by 1 / sqrt(sigma^2 + 1)."
)

roots = np.linspace(0.00085**0.5, 0.012**0.5, TIMES)
bars = np.cumprod(1 - roots**2)
trained = np.sqrt((1 - bars) / bars)
logs = np.log(trained)


def time_of(sigma: float) -> float:
    return float(np.interp(math.log(sigma), logs, np.arange(TIMES)))


def sigma_of(time: float) -> float:
    return math.exp(float(np.interp(time, np.arange(TIMES), logs)))


def predict(x: np.ndarray, time: float) -> np.ndarray:
    flat = x.reshape(-1)
    i = np.arange(flat.size)
    return np.tanh(0.8 * flat - 0.3 * np.roll(flat, -1) + 0.4 * np.sin(0.37 * i + 0.01 * time)).reshape(x.shape)


class Case:
    """Calls of the network and draws of noise, written down."""

    def __init__(self, tape: np.ndarray) -> None:
        self.tape = tape
        self.inputs: list[np.ndarray] = []
        self.times: list[float] = []
        self.draws = 0

    def picture(self, x: np.ndarray, sigma: float) -> np.ndarray:
        scaled = x / math.sqrt(sigma**2 + 1)
        self.inputs.append(scaled)
        self.times.append(time_of(sigma))
        return x - sigma * predict(scaled, self.times[-1])

    def unguided(self, x: np.ndarray, sigma: float) -> np.ndarray:
        return x - sigma * predict(x / math.sqrt(sigma**2 + 1), time_of(sigma) + 50)

    def noise(self) -> np.ndarray:
        self.draws += 1
        return self.tape[self.draws - 1]


# ---- schedules: n levels and where the last step ends


def karras(n: int, low: float = trained[0], high: float = trained[-1]) -> list[float]:
    a, b = high ** (1 / 7), low ** (1 / 7)
    return [(a + (b - a) * i / max(n - 1, 1)) ** 7 for i in range(n)] + [0.0]


def exponential(n: int) -> list[float]:
    return [*np.exp(np.linspace(logs[-1], logs[0], n)), 0.0]


def uniform(n: int) -> list[float]:
    return [sigma_of(t) for t in np.linspace(TIMES - 1, 0, n)] + [0.0]


def sgm_uniform(n: int) -> list[float]:
    return [sigma_of(t) for t in np.linspace(TIMES - 1, 0, n + 1)[:-1]] + [0.0]


def simple(n: int) -> list[float]:
    return [trained[TIMES - 1 - int(i * TIMES / n)] for i in range(n)] + [0.0]


def ddim(n: int) -> list[float]:
    return [trained[i * (TIMES // n) + 1] for i in reversed(range(n))] + [0.0]


def kl_optimal(n: int) -> list[float]:
    high, low = math.atan(trained[-1]), math.atan(trained[0])
    return [math.tan(high + (low - high) * i / n) for i in range(n + 1)]


def align_your_steps(n: int) -> list[float]:
    table = [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029]
    return [*np.exp(np.interp(np.linspace(0, 10, n), range(11), np.log(table))), 0.0]


def without_penultimate(schedule: Callable[[int], list[float]], n: int) -> list[float]:
    levels = schedule(n + 1)
    return levels[:-2] + levels[-1:]


# ---- samplers


def ancestral(a: float, b: float, eta: float) -> tuple[float, float]:
    up = min(b, eta * math.sqrt(b**2 * (a**2 - b**2)) / a)
    return math.sqrt(b**2 - up**2), up


def euler_a(case: Case, x: np.ndarray, levels: list[float], eta: float = 1.0) -> np.ndarray:
    for a, b in zip(levels, levels[1:]):
        down, up = ancestral(a, b, eta)
        picture = case.picture(x, a)
        x = picture + (x - picture) * (down / a)
        if b > 0:
            x = x + up * case.noise()
    return x


def towards(x: np.ndarray, picture: np.ndarray, a: float, b: float) -> np.ndarray:
    return (b / a) * x + (1 - b / a) * picture


def dpmpp_2s_a(case: Case, x: np.ndarray, levels: list[float], eta: float = 1.0) -> np.ndarray:
    for a, b in zip(levels, levels[1:]):
        down, up = ancestral(a, b, eta)
        picture = case.picture(x, a)
        if down > 0:
            half = math.sqrt(a * down)
            picture = case.picture(towards(x, picture, a, half), half)
        x = towards(x, picture, a, down)
        if b > 0:
            x = x + up * case.noise()
    return x


def dpmpp_sde(case: Case, x: np.ndarray, levels: list[float], eta: float = 1.0) -> np.ndarray:
    for a, b in zip(levels, levels[1:]):
        picture = case.picture(x, a)
        if b == 0:
            return picture
        half = math.sqrt(a * b)
        down, up = ancestral(a, half, eta)
        middle = towards(x, picture, a, down) + up * case.noise()
        picture = case.picture(middle, half)
        down, up = ancestral(a, b, eta)
        x = towards(x, picture, a, down) + up * case.noise()
    return x


def dpmpp_2m(case: Case, x: np.ndarray, levels: list[float]) -> np.ndarray:
    old, last = None, 0.0
    for a, b in zip(levels, levels[1:]):
        picture = case.picture(x, a)
        if old is None or b == 0:
            x = towards(x, picture, a, b)
        else:
            ratio = math.log(last / a) / math.log(a / b)
            x = towards(x, picture + (picture - old) / (2 * ratio), a, b)
        old, last = picture, a
    return x


def multistep_sde(case: Case, x: np.ndarray, levels: list[float], eta: float, order: int, heun: bool) -> np.ndarray:
    """x' = e^(-h') x + the integral of the pictures' polynomial against e^(-h'), h' = (1 + eta) h."""
    pictures: list[np.ndarray] = []
    lengths: list[float] = []
    for a, b in zip(levels, levels[1:]):
        pictures.insert(0, case.picture(x, a))
        if b == 0:
            return pictures[0]
        h = math.log(a / b)
        s = (1 + eta) * h
        x = math.exp(-s) * x - math.expm1(-s) * pictures[0]
        if len(pictures) > 1:
            r0 = lengths[0] / h
            recent = (pictures[0] - pictures[1]) / r0
            phi2 = math.expm1(-s) / s + 1
            if order == 2:
                x = x + (phi2 if heun else -0.5 * math.expm1(-s)) * recent
            elif len(pictures) == 2:
                x = x + phi2 * recent
            else:
                r1 = lengths[1] / h
                older = (pictures[1] - pictures[2]) / r1
                bend = (recent - older) / (r0 + r1)
                x = x + phi2 * (recent + r0 * bend) - (phi2 / s - 0.5) * bend
        if eta > 0:
            x = x + case.noise() * b * math.sqrt(-math.expm1(-2 * eta * h))
        lengths.insert(0, h)
    return x


def heun(case: Case, x: np.ndarray, steps: list[tuple[float, float]], renoise: bool = True) -> np.ndarray:
    last = steps[0][0]
    for a, b in steps:
        if a > last and renoise:
            x = x + math.sqrt(a**2 - last**2) * case.noise()
        slope = (x - case.picture(x, a)) / a
        y = x + (b - a) * slope
        if b > 0:
            slope = (slope + (y - case.picture(y, b)) / b) / 2
        x = x + (b - a) * slope
        last = b
    return x


def churned(levels: list[float], churn: float, tmin: float, tmax: float) -> list[float]:
    share = min(churn / (len(levels) - 1), math.sqrt(2) - 1)
    return [a * (1 + share) if tmin <= a <= tmax else a for a in levels[:-1]]


def euler_churn(case: Case, x: np.ndarray, levels: list[float], churn: float, tmin: float, tmax: float) -> np.ndarray:
    for a, hat, b in zip(levels, churned(levels, churn, tmin, tmax), levels[1:]):
        if hat > a:
            x = x + math.sqrt(hat**2 - a**2) * case.noise()
        picture = case.picture(x, hat)
        x = x + (b - hat) * (x - picture) / hat
    return x


def heun_churn(case: Case, x: np.ndarray, levels: list[float], churn: float, tmin: float, tmax: float) -> np.ndarray:
    for a, hat, b in zip(levels, churned(levels, churn, tmin, tmax), levels[1:]):
        if hat > a:
            x = x + math.sqrt(hat**2 - a**2) * case.noise()
        x = heun(case, x, [(hat, b)])
    return x


def dpm2(case: Case, x: np.ndarray, levels: list[float], eta: float, churn: float = 0, tmin: float = 0, tmax: float = 0):
    for a, hat, b in zip(levels, churned(levels, churn, tmin, tmax), levels[1:]):
        if hat > a:
            x = x + math.sqrt(hat**2 - a**2) * case.noise()
        down, up = ancestral(hat, b, eta)
        slope = (x - case.picture(x, hat)) / hat
        if down > 0:
            half = math.sqrt(hat * down)
            y = x + (half - hat) * slope
            slope = (y - case.picture(y, half)) / half
        x = x + (down - hat) * slope
        if up > 0:
            x = x + up * case.noise()
    return x


def restart(case: Case, x: np.ndarray, levels: list[float]) -> np.ndarray:
    n = len(levels) - 1
    times, each = (0, 0) if n < 20 else (1, 9) if n < 36 else (2, n // 4)
    if times:
        levels = karras(n - times * each, levels[-2], levels[0])
    steps: list[tuple[float, float]] = []
    low = min(range(len(levels)), key=lambda i: abs(levels[i] - 0.1))
    high = min(range(len(levels)), key=lambda i: abs(levels[i] - 2))
    for i in range(len(levels) - 1):
        steps.append((levels[i], levels[i + 1]))
        if i + 1 == low:
            again = karras(each + 1, levels[low], levels[high])[:-1]
            for _ in range(times):
                steps += list(zip(again, again[1:]))
    return heun(case, x, steps)


def solver_step(case: Case, x: np.ndarray, a: float, b: float, order: int) -> tuple[np.ndarray, np.ndarray]:
    """DPM-Solver-1, -2 or -3, and for -3 the sample of second order that is embedded in it."""
    h = math.log(a / b)

    def epsilon(y: np.ndarray, sigma: float) -> np.ndarray:
        return (y - case.picture(y, sigma)) / sigma

    def first(r: float) -> np.ndarray:
        return x - a * math.exp(-r * h) * math.expm1(r * h) * e

    e = epsilon(x, a)
    if order == 1:
        return first(1), x
    r1 = 1 / order
    change = epsilon(first(r1), a * math.exp(-r1 * h)) - e
    second = first(1) - b / (2 * r1) * math.expm1(h) * change
    if order == 2:
        return second, x
    r2 = 2 / 3
    s2 = a * math.exp(-r2 * h)
    y = first(r2) - s2 * (r2 / r1) * (math.expm1(r2 * h) / (r2 * h) - 1) * change
    change = epsilon(y, s2) - e
    return first(1) - b / r2 * (math.expm1(h) / h - 1) * change, second


def dpm_fast(case: Case, x: np.ndarray, n: int, eta: float) -> np.ndarray:
    m = n // 3 + 1
    orders = [3] * (m - 2) + [2, 1] if n % 3 == 0 else [3] * (m - 1) + [n % 3]
    levels = np.exp(np.linspace(logs[-1], logs[0], m + 1))
    for order, a, b in zip(orders, levels, levels[1:]):
        down = max(trained[0], ancestral(a, b, eta)[0])
        x, _ = solver_step(case, x, a, down, order)
        up = math.sqrt(max(0.0, b**2 - down**2))
        if up > 0:
            x = x + up * case.noise()
    return x


def dpm_adaptive(case: Case, x: np.ndarray, eta: float) -> np.ndarray:
    position, end, length, before = -logs[-1], -logs[0], 0.05, x
    while position < end - 1e-5:
        goal = min(end, position + length)
        a, b = math.exp(-position), math.exp(-goal)
        down = max(trained[0], ancestral(a, b, eta)[0])
        high, low = solver_step(case, x, a, down, 3)
        scale = np.maximum(0.0078, 0.05 * np.maximum(abs(low), abs(before)))
        error = math.sqrt(np.mean(((low - high) / scale) ** 2))
        factor = 1 + math.atan((1 / (error + 1e-8)) ** (1 / (1.5 if eta else 3)) - 1)
        if factor >= 0.81:
            up = math.sqrt(max(0.0, b**2 - down**2))
            x = high + up * case.noise() if up > 0 else high
            before, position = low, goal
        length *= factor
    return x


def euler_cfg_pp(case: Case, x: np.ndarray, levels: list[float]) -> np.ndarray:
    for a, b in zip(levels, levels[1:]):
        guided, unguided = case.picture(x, a), case.unguided(x, a)
        guided = unguided + (guided - unguided) / 12.5
        x = guided + b * (x - unguided) / a
    return x


def ipndm(case: Case, x: np.ndarray, levels: list[float]) -> np.ndarray:
    slopes: list[np.ndarray] = []
    weights = [[1], [3 / 2, -1 / 2], [23 / 12, -16 / 12, 5 / 12], [55 / 24, -59 / 24, 37 / 24, -9 / 24]]
    for i, (a, b) in enumerate(zip(levels, levels[1:])):
        slopes.insert(0, (x - case.picture(x, a)) / a)
        x = x + (b - a) * sum(w * slope for w, slope in zip(weights[min(i, 3)], slopes))
    return x


def cases() -> dict[str, tuple[dict[str, Any], Callable[[Case, np.ndarray], np.ndarray]]]:
    """Sampler, schedule, steps and parameters as users name them; and what is done."""
    churn = {"s_churn": 3.0, "s_tmin": 0.1, "s_tmax": 10.0}
    how = tuple(churn.values())
    made: dict[str, tuple[dict[str, Any], Callable[[Case, np.ndarray], np.ndarray]]] = {}

    def add(name: str, sampler: str, schedule: str, steps: int, run: Callable[..., np.ndarray], **more: float) -> None:
        made[name] = ({"sampler": sampler, "schedule": schedule, "steps": steps, "parameters": more}, run)

    for name, schedule in {
        "karras": karras, "exponential": exponential, "uniform": uniform, "sgm_uniform": sgm_uniform, "simple": simple,
        "ddim": ddim, "kl_optimal": kl_optimal, "align_your_steps": align_your_steps,
    }.items():  # fmt: skip
        add(f"2m_{name}", "DPM++ 2M", name, 7, lambda c, x, s=schedule: dpmpp_2m(c, x, s(7)))
    add("euler_a_eta", "Euler a", "uniform", 6, lambda c, x: euler_a(c, x, uniform(6), 0.5), eta=0.5)
    add("2s_a", "DPM++ 2S a", "karras", 6, lambda c, x: dpmpp_2s_a(c, x, karras(6)))
    add("2s_a_eta", "DPM++ 2S a", "karras", 6, lambda c, x: dpmpp_2s_a(c, x, karras(6), 0.4), eta=0.4)
    add("sde", "DPM++ SDE", "karras", 5, lambda c, x: dpmpp_sde(c, x, karras(5)))
    add("sde_eta", "DPM++ SDE", "karras", 5, lambda c, x: dpmpp_sde(c, x, karras(5), 0.6), eta=0.6)
    add("2m_sde", "DPM++ 2M SDE", "exponential", 6, lambda c, x: multistep_sde(c, x, exponential(6), 1, 2, False))
    add("2m_sde_eta", "DPM++ 2M SDE", "exponential", 6,
        lambda c, x: multistep_sde(c, x, exponential(6), 0.5, 2, False), eta=0.5)  # fmt: skip
    add("2m_sde_heun", "DPM++ 2M SDE Heun", "exponential", 6, lambda c, x: multistep_sde(c, x, exponential(6), 1, 2, True))
    add("3m_sde", "DPM++ 3M SDE", "exponential", 7,
        lambda c, x: multistep_sde(c, x, without_penultimate(exponential, 7), 1, 3, False))  # fmt: skip
    add("3m_sde_eta", "DPM++ 3M SDE", "karras", 7,
        lambda c, x: multistep_sde(c, x, without_penultimate(karras, 7), 0.3, 3, False), eta=0.3)  # fmt: skip
    add("dpm2", "DPM2", "karras", 5, lambda c, x: dpm2(c, x, without_penultimate(karras, 5), 0))
    add("dpm2_churn", "DPM2", "karras", 5, lambda c, x: dpm2(c, x, without_penultimate(karras, 5), 0, *how), **churn)
    add("dpm2_a", "DPM2 a", "karras", 5, lambda c, x: dpm2(c, x, without_penultimate(karras, 5), 1))
    add("euler_churn", "Euler", "karras", 6, lambda c, x: euler_churn(c, x, karras(6), *how), **churn)
    add("heun_churn", "Heun", "karras", 5, lambda c, x: heun_churn(c, x, karras(5), *how), **churn)
    for n in (8, 22, 37):
        add(f"restart_{n}", "Restart", "karras", n, lambda c, x, n=n: restart(c, x, karras(n)))
    for n in (6, 7, 8):
        add(f"fast_{n}", "DPM fast", "", n, lambda c, x, n=n: dpm_fast(c, x, n, 1))
    add("fast_ode", "DPM fast", "", 7, lambda c, x: dpm_fast(c, x, 7, 0), eta=0.0)
    add("adaptive", "DPM adaptive", "", 20, lambda c, x: dpm_adaptive(c, x, 1))
    add("adaptive_ode", "DPM adaptive", "", 20, lambda c, x: dpm_adaptive(c, x, 0), eta=0.0)
    add("euler_cfg_pp", "Euler CFG++", "uniform", 6, lambda c, x: euler_cfg_pp(c, x, uniform(6)))
    add("ipndm", "iPNDM", "karras", 7, lambda c, x: ipndm(c, x, karras(7)))
    return made


def main(folder: pathlib.Path) -> None:
    generator = np.random.default_rng(20)
    start = generator.standard_normal(SHAPE)
    tape = generator.standard_normal((64, *SHAPE)).astype(np.float32).astype(float)
    tensors = {"start": start.astype(np.float32), "noise": tape.astype(np.float32)}
    start = tensors["start"].astype(float)
    index: dict[str, Any] = {}
    for name, (entry, run) in cases().items():
        case = Case(tape)
        first = {"ddim": ddim, "align_your_steps": align_your_steps}.get(entry["schedule"], karras)(entry["steps"])[0]
        last = run(case, first * start)
        index[name] = entry | {"calls": len(case.times), "draws": case.draws}
        kept = range(len(case.times)) if len(case.times) < 20 else range(0, len(case.times), 7)
        index[name]["kept"] = list(kept)
        tensors[f"{name}/inputs"] = np.stack([case.inputs[i] for i in kept]).astype(np.float32)
        tensors[f"{name}/times"] = np.array(case.times, np.float32)
        tensors[f"{name}/last"] = last.astype(np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "samplers.safetensors")
    about = {"group": "schedulers-k", "about": __doc__.split("\n")[0], "fake_model": FAKE_MODEL, "cases": index}
    (folder / "index.json").write_text(json.dumps(about, indent=1) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
