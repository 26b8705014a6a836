"""What all training shares: mixed precision with averaged weights, a budget of time or steps, and saved states."""

from __future__ import annotations

import math
import os
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor, nn

SAVE_SECONDS = 180
LABEL_HEIGHT, LABEL_LETTERS, LABEL_LINES, MARGIN = 34, 20, 3, 4


def seed(number: int, threads: int) -> None:
    """Seeds every stream of random numbers."""
    torch.set_num_threads(threads)
    torch.manual_seed(number)
    np.random.seed(number)
    random.seed(number)


def rate(progress: float, peak: float, warmup: float = 0.03, end: float = 0.02) -> float:
    """The learning rate: a linear start, then a cosine down to `end` of the peak."""
    if progress < warmup:
        return peak * progress / warmup
    return peak * (end + (1 - end) * 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup))))


class Budget:
    """How long a training may take: minutes, or steps where they are given."""

    def __init__(self, minutes: float, steps: int | None) -> None:
        self._started, self._seconds, self._steps = time.time(), minutes * 60, steps

    def progress(self, step: int) -> float:
        """0 at the start, 1 when the budget is spent."""
        if self._steps is not None:
            return min(1.0, step / self._steps)
        return min(1.0, (time.time() - self._started) / self._seconds)


class Trainer:
    """bfloat16 weights for speed, float32 master weights for AdamW, and an exponential average of these."""

    def __init__(
        self,
        model: nn.Module,
        average: float,
        state: Path,
        betas: tuple[float, float] = (0.9, 0.98),
        decay: float = 0.01,
    ) -> None:
        self.model, self.step, self._average, self._state = model, 0, average, state
        self.master = [parameter.detach().clone().float() for parameter in model.parameters()]
        self.averaged = [parameter.clone() for parameter in self.master]
        self._optimizer = torch.optim.AdamW(self.master, lr=1e-3, betas=betas, weight_decay=decay, fused=True)
        model.to(torch.bfloat16)
        self._live = list(model.parameters())
        self._saved = time.time()

    def learn(self, loss: Tensor, rate: float, clip: float = 1.0) -> None:
        """One step along the loss's gradient, its norm clipped."""
        loss.backward()
        gradients = [
            torch.zeros_like(master) if live.grad is None else torch.empty_like(master).copy_(live.grad)
            for live, master in zip(self._live, self.master, strict=True)
        ]
        _average_over_processes(gradients)
        scale = min(1.0, clip / (nn.utils.get_total_norm(gradients).item() + 1e-6))
        for live, master, gradient in zip(self._live, self.master, gradients, strict=True):
            master.grad, live.grad = gradient.mul_(scale), None
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        self.step += 1
        with torch.no_grad():
            torch._foreach_copy_(self._live, self.master)
            if self.step % 4 == 0:
                kept = min(self._average**4, (1 + self.step / 4) / (10 + self.step / 4))
                torch._foreach_lerp_(self.averaged, self.master, 1 - kept)

    def resume(self) -> None:
        """Goes on from the saved state, if there is one."""
        if not self._state.exists():
            return
        saved = torch.load(self._state)
        self.step = saved["step"]
        for own, value in zip(self.master + self.averaged, saved["master"] + saved["averaged"], strict=True):
            own.copy_(value)
        self._optimizer.load_state_dict(saved["optimizer"])
        torch._foreach_copy_([live.data for live in self._live], self.master)
        print(f"goes on from step {self.step}", flush=True)

    def save(self) -> None:
        """Saves the state by way of another file, so that none is ever half-written."""
        parts = {"step": self.step, "master": self.master, "averaged": self.averaged}
        temporary = self._state.with_suffix(".new")
        torch.save(parts | {"optimizer": self._optimizer.state_dict()}, temporary)
        os.replace(temporary, self._state)
        self._saved = time.time()

    def save_now_and_then(self, save: Callable[[], None] | None = None) -> None:
        """Saves every few minutes: the state, or what `save` saves, which must include it."""
        if time.time() - self._saved > SAVE_SECONDS:
            (save or self.save)()

    def finish(self, model: nn.Module) -> nn.Module:
        """Saves the state and puts the averaged weights into a model of the same shape in float32."""
        self.save()
        with torch.no_grad():
            for parameter, value in zip(model.parameters(), self.averaged, strict=True):
                parameter.data = value.clone()
        return model.eval()


class Log:
    """Running means of what a training measures, printed now and then."""

    def __init__(self, name: str, batch: int, every: int, smoothing: float = 0.95) -> None:
        self._name, self._batch, self._every, self._smoothing = name, batch, every, smoothing
        self._means: dict[str, float] = {}
        self._since, self._steps = time.time(), 0

    def add(self, step: int, progress: float, **values: float) -> None:
        """Takes a step's values and prints a line every so many steps."""
        kept = self._smoothing
        self._means = {
            k: v if k not in self._means else kept * self._means[k] + (1 - kept) * v for k, v in values.items()
        }
        self._steps += 1
        if self._steps % self._every == 0:
            speed = self._every * self._batch / (time.time() - self._since)
            means = ", ".join(f"{name} {value:.4f}" for name, value in self._means.items())
            print(f"{self._name} {step} ({progress:.1%}): {means}, {speed:.0f}/s", flush=True)
            self._since = time.time()


def contact_sheet(images: Sequence[np.ndarray], columns: int, labels: Sequence[str] | None = None) -> Image.Image:
    """Pictures in rows, with labels of up to three lines under them."""
    size = len(images[0])
    height = size + MARGIN + (LABEL_HEIGHT if labels else 0)
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * (size + MARGIN), rows * height), (255, 255, 255))
    brush = ImageDraw.Draw(sheet)
    for index, image in enumerate(images):
        x, y = (index % columns) * (size + MARGIN) + MARGIN // 2, (index // columns) * height + MARGIN // 2
        sheet.paste(Image.fromarray(np.asarray(image)), (x, y))
        for number, line in enumerate(_lines(labels[index]) if labels else []):
            brush.text((x, y + size + number * 10), line, fill=(0, 0, 0))
    return sheet


def _lines(label: str) -> list[str]:
    lines = [""]
    for word in label.split():
        if len(lines[-1]) + len(word) > LABEL_LETTERS:
            lines.append("")
        lines[-1] += word + " "
    return lines[:LABEL_LINES]


def _average_over_processes(gradients: list[Tensor]) -> None:
    if not torch.distributed.is_initialized():
        return
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    torch.distributed.all_reduce(flat)
    flat /= torch.distributed.get_world_size()
    for gradient, mean in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))
