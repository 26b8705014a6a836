#!/usr/bin/env python3
"""Times torch's networks as it is asked to: a JSON object a line on its input, an answer a line on its output.

Best settings: 16 bits, channels_last, scaled dot product attention, cuDNN's search, CUDA graphs; compiled as well where
"setting" is "compile" (torch.compile, then captured as the others are) or "max-autotune" (minutes for each pass). On the CPU, for trying, neither.

    {"op": "open", "model": FOLDER, "device": "cuda:0", "dtype": "f16"}       -> load_seconds, description
    {"op": "text" | "unet" | "vae" | "picture", "batch": 2, "setting": "graph" | "compile" | "max-autotune",
     "warmup": 3, "repeat": 10, "budget": 0.7, "steps": 20}                   -> seconds of each pass, prepare_seconds
    {"op": "memory"}                                                          -> peak_reserved_bytes, peak_bytes
    {"op": "close"}

An answer has "skipped" where memory is too small, "failed" where something else went wrong.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import torch_models

Question = dict[str, Any]
Run = Callable[[], Tensor]
DTYPES = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32}
TOKENS = 77
GUIDANCE = 7.5
MOST_KEPT = 8  # larger passes are made anew when another large one was made since


class Graph:
    """A pass on inputs that stay where they are: captured as a CUDA graph, on the CPU simply called."""

    def __init__(self, run: Run, device: torch.device) -> None:
        self._run = run
        if device.type != "cuda":
            self.output = run()
            self.replay = self._call
            return
        side = torch.cuda.Stream(device)
        side.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(side):
            for _ in range(3):  # searches, compiles and allocates; none of which may be captured
                run()
        torch.cuda.current_stream(device).wait_stream(side)
        torch.cuda.synchronize(device)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.output = run()
        self.replay = graph.replay

    def _call(self) -> None:
        self.output = self._run()


class Networks:
    """A model on a device; passes are prepared when they are first asked for and kept."""

    def __init__(self, question: Question) -> None:
        begun = time.perf_counter()
        model = Path(question["model"])
        self.device, self.dtype = torch.device(question["device"]), DTYPES[question["dtype"]]
        self.unet = self._placed(torch_models.load_unet(model))
        self.decoder = self._placed(torch_models.load_decoder(model))
        names = [name for name in ("text_encoder", "text_encoder_2") if (model / name).is_dir()]
        self.encoders = [self._placed(torch_models.load_text_encoder(model, name)) for name in names]
        self.synchronize()
        self.load_seconds = time.perf_counter() - begun
        self.size = self.unet.config["sample_size"]
        self._passes: dict[tuple[str, int, str], Graph] = {}
        self._inputs: dict[tuple[str, int], tuple[Tensor, ...]] = {}

    def _placed(self, network: Any) -> Any:
        return network.to(self.device, self.dtype).to(memory_format=torch.channels_last)

    def synchronize(self) -> None:
        """Waits for the device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def prepared(self, part: str, batch: int, setting: str) -> Graph:
        """A pass of a part: the text encoders, the U-Net on `batch` latents, the decoder."""
        key = (part, batch, setting)
        if key not in self._passes:
            inputs = self.inputs(part, batch)
            network: Any = {"unet": self.unet, "vae": self.decoder, "text": self._texts}[part]
            if setting != "graph":
                mode = "max-autotune-no-cudagraphs" if setting == "max-autotune" else "default"
                network = torch.compile(network, dynamic=False, fullgraph=True, mode=mode)
            if part == "unet" and batch > MOST_KEPT:
                self._forget_large()
            self._passes[key] = Graph(lambda: network(*inputs), self.device)
        return self._passes[key]

    def _forget_large(self) -> None:
        """Gives back what large passes hold: each graph has memory of its own."""
        self._passes = {key: run for key, run in self._passes.items() if key[1] <= MOST_KEPT}
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def inputs(self, part: str, batch: int) -> tuple[Tensor, ...]:
        """Random inputs, the same for every setting."""
        if (part, batch) not in self._inputs:
            self._inputs[part, batch] = self._drawn(part, batch)
        return self._inputs[part, batch]

    def _drawn(self, part: str, batch: int) -> tuple[Tensor, ...]:
        if part == "text":
            return (torch.randint(1000, (batch, TOKENS), device=self.device),)
        latents = self._normal(batch, 4, self.size, self.size).to(memory_format=torch.channels_last)
        if part == "vae":
            return (latents,)
        context = self._normal(batch, TOKENS, self.unet.config["cross_attention_dim"])
        given = (latents, torch.full((batch,), 501, device=self.device), context)
        if not self.unet.pooled_width:
            return given
        sizes = torch.tensor([8 * self.size, 8 * self.size, 0, 0] + [8 * self.size] * 2, device=self.device)
        return (*given, self._normal(batch, self.unet.pooled_width), sizes.expand(batch, 6).contiguous())

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, device=self.device, dtype=torch.float32).to(self.dtype)

    def _texts(self, ids: Tensor) -> Tensor:
        return torch.cat([encoder(ids) for encoder in self.encoders], dim=-1)

    def picture(self, batch: int, steps: int, setting: str) -> Tensor:
        """Texts, guided steps of Euler's method, decoding one by one, bytes on the host: what a request is."""
        text = self.prepared("text", 2, setting)
        step = self.prepared("unet", 2 * batch, setting)
        decode = self.prepared("vae", 1, setting)
        text.replay()
        latents, times = self.inputs("unet", 2 * batch)[:2]
        sample = torch.randn(batch, 4, self.size, self.size, device=self.device)
        sample = sample.to(memory_format=torch.channels_last)
        for index in range(steps):
            times.fill_(999 - 999 * index // steps)
            latents.copy_(torch.cat([sample, sample]))
            step.replay()
            without, given = step.output.float().chunk(2)
            sample = sample - (without + GUIDANCE * (given - without)) / steps
        pictures = []
        for one in sample.split(1):
            self.inputs("vae", 1)[0].copy_(one)
            decode.replay()
            pictures.append(((decode.output.float() * 0.5 + 0.5).clamp(0, 1) * 255).to(torch.uint8).cpu())
        return torch.cat(pictures)


def timed(networks: Networks, question: Question) -> dict[str, Any]:
    """The seconds of each pass; what had to be made before is told apart."""
    part, batch, setting = question["op"], question["batch"], question.get("setting", "graph")
    begun = time.perf_counter()
    run: Callable[[], Any]
    if part == "picture":
        steps = question.get("steps", 20)
        run = lambda: networks.picture(batch, steps, setting)  # noqa: E731
        for name, count in (("text", 2), ("unet", 2 * batch), ("vae", 1)):
            networks.prepared(name, count, setting)
    else:
        run = networks.prepared(part, batch, setting).replay
    networks.synchronize()
    prepared = time.perf_counter() - begun
    for _ in range(question.get("warmup", 3)):
        run()
    seconds: list[float] = []
    budget = question.get("budget", float("inf"))
    while not seconds or len(seconds) < question.get("repeat", 1) and sum(seconds) < budget:
        networks.synchronize()
        started = time.perf_counter()
        run()
        networks.synchronize()
        seconds.append(time.perf_counter() - started)
    return {"seconds": seconds, "prepare_seconds": prepared}


def opened(question: Question) -> tuple[Networks, dict[str, Any]]:
    """Loads the model."""
    torch.backends.cudnn.benchmark = True
    networks = Networks(question)
    cuda = networks.device.type == "cuda"
    name = torch.cuda.get_device_name(networks.device) if cuda else "cpu"
    return networks, {
        "load_seconds": networks.load_seconds,
        "description": f"torch {torch.__version__}, CUDA {torch.version.cuda}, {name}",
    }


def memory(networks: Networks) -> dict[str, Any]:
    """The most that torch had, of tensors and in its cache."""
    if networks.device.type != "cuda":
        return {"failed": "torch counts no memory on the CPU"}
    return {
        "peak_bytes": torch.cuda.max_memory_allocated(networks.device),
        "peak_reserved_bytes": torch.cuda.max_memory_reserved(networks.device),
    }


def main() -> None:
    """Answers until its input ends."""
    torch.manual_seed(0)
    networks: Networks | None = None
    with torch.inference_mode():
        for line in sys.stdin:
            question = json.loads(line)
            try:
                if question["op"] == "open":
                    networks, answer = opened(question)
                elif question["op"] == "close":
                    networks, answer = None, {}
                elif networks is None:
                    answer = {"failed": "no model is open"}
                elif question["op"] == "memory":
                    answer = memory(networks)
                else:
                    answer = timed(networks, question)
            except torch.cuda.OutOfMemoryError as error:
                answer = {"skipped": str(error)}
            except Exception as error:  # noqa: BLE001: told to who asked, who decides
                traceback.print_exc()
                answer = {"failed": f"{type(error).__name__}: {error}"}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
