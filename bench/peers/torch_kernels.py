#!/usr/bin/env python3
"""Times torch on the operations that KernelBench times, each by every means torch has for it, and keeps the fastest.

Attention by each backend of scaled_dot_product_attention; convolutions channels_last with cuDNN's search; norms and products
with what follows them eagerly and, in a second round over all rows, compiled, which takes seconds a row. Work is captured in a CUDA graph where that is possible, so that nothing of Python
is timed; the L2 cache is flushed before each timing, as KernelBench does it.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

DTYPES = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32}
FLUSH_BYTES = 256 << 20  # more than the L2 cache of any GPU, as in KernelBench
WARM_UPS = 3
Work = Callable[[], Any]
Row = dict[str, Any]
Function = Callable[..., Any]


def arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", type=Path, required=True, help="what KernelBench --list-shapes wrote")
    parser.add_argument("--out", type=Path, required=True, help="written row by row; valid JSON whenever it is read")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N or cpu")
    parser.add_argument("--short", action="store_true", help="three timings each, nothing compiled: for trying")
    parser.add_argument("--limit", type=float, default=float("inf"), help="seconds after which no further row is begun")
    parser.add_argument("--repeat", type=int, default=20, help="timings of each")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out, which takes seconds a row")
    return parser.parse_args()


def main() -> None:
    """Times the rows in turn."""
    args = arguments()
    started = time.monotonic()
    device = torch.device(args.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise SystemExit("torch finds no CUDA device: take --device cpu, or a torch that fits the driver")
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    clock = Clock(device, 3 if args.short else args.repeat)
    rows = json.loads(args.shapes.read_text())["rows"]
    work = [(row, False) for row in rows]
    if not (args.short or args.no_compile):
        for limit in ("recompile_limit", "accumulated_recompile_limit"):
            setattr(torch._dynamo.config, limit, 1 << 20)
        work += [(row, True) for row in rows if row["op"] in OPERATIONS and row["op"] not in ONE_KERNEL]
    ended = "whole"
    with torch.inference_mode(), Appended(args.out, head(device, args)) as out:
        for done, (row, compiles) in enumerate(work):
            if time.monotonic() - started > args.limit:
                ended = f"after {done} of {len(work)} rows, by --limit"
                break
            result = timed(row, clock, device, compiles)
            out.append(result)
            print(result["id"], result.get("by", ""), result.get("median_us", result.get("skipped", "")), flush=True)
        out.finish(ended)


def head(device: torch.device, args: argparse.Namespace) -> Row:
    """What the numbers are of."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    found: Row = {
        "what": "torch on the operations that KernelBench times, the fastest of its ways",
        "when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "peer": f"torch {torch.__version__}, the fastest of its ways",
        "device": args.device,
        "gpu": {"model": name},
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
    }
    return found | ({"trial": "short"} if args.short else {})


class Clock:
    """Times work on a device."""

    def __init__(self, device: torch.device, repeat: int) -> None:
        self._device = device
        self._repeat = repeat
        self._flushed = torch.empty(FLUSH_BYTES, dtype=torch.uint8, device=device) if device.type == "cuda" else None

    def microseconds(self, work: Work) -> list[float]:
        """Sorted timings."""
        for _ in range(WARM_UPS):
            work()
        if self._flushed is None:
            return sorted(self._on_host(work) for _ in range(self._repeat))
        run = self._captured(work)
        return sorted(self._on_device(run) for _ in range(self._repeat))

    def _captured(self, work: Work) -> Work:
        """The work as a graph; itself where it cannot be captured."""
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                work()
        except RuntimeError:
            torch.cuda.synchronize(self._device)
            return work
        return graph.replay

    def _on_device(self, run: Work) -> float:
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        self._flushed.zero_()
        start.record()
        run()
        end.record()
        end.synchronize()
        return 1e3 * start.elapsed_time(end)

    @staticmethod
    def _on_host(work: Work) -> float:
        started = time.perf_counter()
        work()
        return 1e6 * (time.perf_counter() - started)


def timed(row: Row, clock: Clock, device: torch.device, compiles: bool) -> Row:
    """The fastest way of a row, and what each took or why it could not be had."""
    found: Row = {"id": row["id"], "op": row["op"], "ways": {}}
    if row["op"] not in OPERATIONS:
        return found | {"skipped": "torch_kernels.py has no such operation"}
    best: list[float] | None = None
    try:
        operands = [operand(each, device) for each in row["operands"]]
        for name, work in ways(row["op"], operands, compiles):
            try:
                taken = clock.microseconds(work)
            except (RuntimeError, torch._dynamo.exc.TorchDynamoException) as error:
                found["ways"][name] = str(error).splitlines()[0][:120]
                continue
            found["ways"][name] = round(statistics.median(taken), 2)
            if best is None or statistics.median(taken) < statistics.median(best):
                best, found["by"] = taken, name
    except torch.OutOfMemoryError as error:
        found["skipped"] = str(error).splitlines()[0]
    if best is not None:
        n = len(best)
        p95 = best[-(-95 * n // 100) - 1]
        found |= {"n": n, "median_us": round(statistics.median(best), 2), "p95_us": round(p95, 2)}
    return found


# ---- operands ----


def operand(spec: Any, device: torch.device) -> Any:
    """An operand of random numbers; maps [n, h, w, c] become [n, c, h, w] in channels_last, which is the same memory."""
    if isinstance(spec, list):
        return [operand(each, device) for each in spec]
    if "tensor" in spec:
        if spec["dtype"] not in DTYPES:
            raise RuntimeError("its operands are ids or bytes")
        drawn = torch.randn(spec["tensor"], device=device).to(DTYPES[spec["dtype"]])
        return drawn.permute(0, 3, 1, 2) if drawn.dim() == 4 else drawn
    if "linear" in spec:
        return weight(spec, spec["linear"], device)
    if "conv2d" in spec:
        drawn, bias = weight(spec, spec["conv2d"], device)
        return drawn.permute(0, 3, 1, 2), bias, spec
    if "affine" in spec:
        return torch.randn(spec["affine"], device=device) / 10 + 1, torch.randn(spec["affine"], device=device) / 10
    return spec["value"]


def weight(spec: Row, shape: list[int], device: torch.device) -> tuple[Tensor, Tensor | None]:
    """A weight [out, ..., in] of deviation 1/sqrt(inputs), and its bias."""
    drawn = torch.randn(shape, device=device)
    dtype = DTYPES[spec["dtype"]]
    drawn = (drawn * (shape[0] / drawn.numel()) ** 0.5).to(dtype)
    return drawn, torch.randn(shape[0], device=device).to(dtype) / 10 if spec["bias"] else None


# ---- operations, in the order of the operands that KernelBench lists ----


def tokens(x: Tensor) -> Tensor:
    """A map [n, c, h, w] in channels_last as [n, h, w, c]; tokens as they are. No copy."""
    return x.permute(0, 2, 3, 1) if x.dim() == 4 else x


def linear(x: Tensor, layer: tuple[Tensor, Tensor | None]) -> Tensor:
    """x times a weight, and its bias."""
    return F.linear(tokens(x), *layer)


def normalised(x: Tensor, affine: tuple[Tensor, Tensor], epsilon: float) -> Tensor:
    """Layer norm."""
    gain, bias = (each.to(x.dtype) for each in affine)
    return F.layer_norm(x, (x.shape[-1],), gain, bias, epsilon)


def quick(x: Tensor) -> Tensor:
    """CLIP's GELU."""
    return x * torch.sigmoid(1.702 * x)


def geglu(x: Tensor, value: tuple[Tensor, Tensor | None], gate: tuple[Tensor, Tensor | None]) -> Tensor:
    """The gated product; see `merged`, which makes one product of the two."""
    return F.linear(x, *value) * F.gelu(F.linear(x, *gate))


def conv(x: Tensor, layer: tuple[Tensor, Tensor | None, Row]) -> Tensor:
    """A convolution in channels_last."""
    kernel, bias, spec = layer
    before, after = spec["pad_before"], spec["pad_after"]
    if before != after:
        x, before = F.pad(x, (before, after, before, after)), 0
    return F.conv2d(x, kernel, bias, stride=spec["stride"], padding=before)


def doubled(x: Tensor, height: int, width: int, layer: tuple[Tensor, Tensor | None, Row]) -> Tensor:
    """A convolution after enlarging by nearest neighbours."""
    return conv(F.interpolate(x, (height, width), mode="nearest"), layer)


def group(x: Tensor, affine: tuple[Tensor, Tensor], groups: int, epsilon: float) -> Tensor:
    """Group norm."""
    gain, bias = (each.to(x.dtype) for each in affine)
    return F.group_norm(x, groups, gain, bias, epsilon)


def heads_of(x: Tensor, heads: int) -> Tensor:
    """[n, t, c] -> [n, heads, t, c / heads]."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def attention(q: Tensor, k: Tensor, v: Tensor, heads: int, causal: bool) -> Tensor:
    """Attention of heads that lie side by side."""
    split = (heads_of(each, heads) for each in (q, k, v))
    return F.scaled_dot_product_attention(*split, is_causal=causal).transpose(1, 2).flatten(2)


OPERATIONS: dict[str, Function] = {
    "linear": linear,
    "linearAdd": lambda x, w, r: linear(x, w) + tokens(r),
    "linearGelu": lambda x, w: F.gelu(linear(x, w)),
    "linearQuickGelu": lambda x, w: quick(linear(x, w)),
    "linearSilu": lambda x, w: F.silu(linear(x, w)),
    "linearConcat": lambda a, b, w: F.linear(torch.cat([tokens(a), tokens(b)], -1), *w),
    "linearGeglu": geglu,
    "linears": lambda x, ws: [linear(x, w) for w in ws],
    "layerNormLinear": lambda x, a, e, w: linear(normalised(x, a, e), w),
    "layerNormLinearGelu": lambda x, a, e, w: F.gelu(linear(normalised(x, a, e), w)),
    "layerNormLinearQuickGelu": lambda x, a, e, w: quick(linear(normalised(x, a, e), w)),
    "layerNormLinearGeglu": lambda x, a, e, v, g: geglu(normalised(x, a, e), v, g),
    "layerNormLinears": lambda x, a, e, ws: [linear(y, w) for y in [normalised(x, a, e)] for w in ws],
    "conv2d": conv,
    "conv2dAdd": lambda x, w, r: conv(x, w) + r,
    "conv2dAddPerChannel": lambda x, w, t: conv(x, w) + t[:, :, None, None],
    "upsampleConv2d": doubled,
    "attention": attention,
    "groupNorm": group,
    "groupNormSilu": lambda x, a, g, e: F.silu(group(x, a, g, e)),
    "groupNormSiluConcat": lambda x, y, a, g, e: F.silu(group(torch.cat([x, y], 1), a, g, e)),
    "layerNorm": normalised,
    "silu": F.silu,
    "gelu": F.gelu,
    "quickGelu": quick,
    "add": torch.add,
    "mul": torch.mul,
    "scale": torch.mul,
    "cast": lambda x, dtype: x.to(DTYPES[dtype]),
    "concatChannels": lambda a, b: torch.cat([a, b], 1 if a.dim() == 4 else -1),
}
# What compiling can join to nothing, or what has kernels of its own.
ONE_KERNEL = {"attention", "linear", "conv2d", "silu", "gelu", "add", "mul", "scale", "cast", "concatChannels"}


def ways(op: str, operands: list[Any], compiles: bool) -> Iterator[tuple[str, Work]]:
    """Each way in which torch can compute an operation, with its name."""
    function = OPERATIONS[op]
    if op == "attention":
        for backend in ("FLASH_ATTENTION", "EFFICIENT_ATTENTION", "CUDNN_ATTENTION", "MATH"):
            yield f"sdpa {backend.lower()}", with_backend(getattr(SDPBackend, backend), function, operands)
        return
    for name, form, given in [("eager", function, operands), *merged(op, operands)]:
        if compiles:
            compiled = torch.compile(form, dynamic=False)
            yield f"{name} compiled", lambda compiled=compiled, given=given: compiled(*given)
        else:
            yield name, lambda form=form, given=given: form(*given)


def with_backend(backend: SDPBackend, function: Function, operands: list[Any]) -> Work:
    """Attention by one backend alone."""

    def work() -> Any:
        with sdpa_kernel(backend):
            return function(*operands)

    return work


def merged(op: str, operands: list[Any]) -> Iterator[tuple[str, Function, list[Any]]]:
    """Several products of one x as one product, its weights joined beforehand."""
    if op in ("linears", "layerNormLinears"):
        *first, layers = operands
        count = len(layers)
    elif op in ("linearGeglu", "layerNormLinearGeglu"):
        *first, value, gate = operands
        layers, count = [value, gate], 2
    else:
        return
    joined = torch.cat([w for w, _ in layers])
    bias = None if layers[0][1] is None else torch.cat([b for _, b in layers])

    def form(*given: Any) -> Any:
        x = given[0] if len(given) == 1 else normalised(*given)
        parts = F.linear(x, joined, bias).chunk(count, -1)
        return parts[0] * F.gelu(parts[1]) if op.endswith("Geglu") else parts

    yield "merged", form, first


# ---- results ----


class Appended:
    """A JSON object with a growing list "rows" that is valid after each of them."""

    def __init__(self, path: Path, first: Row) -> None:
        self._file = path.open("w+b")
        self._end = 0
        self._empty = True
        self._write(json.dumps(first, indent=1)[:-2] + ',\n"rows":[', "interrupted")

    def __enter__(self) -> Appended:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, row: Row) -> None:
        """Adds a row."""
        self._write(("\n" if self._empty else ",\n") + json.dumps(row), "interrupted")
        self._empty = False

    def finish(self, ended: str) -> None:
        """Says how it ended."""
        self._write("", ended)

    def _write(self, more: str, ended: str) -> None:
        tail = f'\n],\n"ended":{json.dumps(ended)}}}\n'
        self._file.seek(self._end)
        self._file.write((more + tail).encode())
        self._file.truncate()
        self._file.flush()
        self._end += len(more.encode())


if __name__ == "__main__":
    main()
