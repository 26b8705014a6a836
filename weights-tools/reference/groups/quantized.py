"""A GGUF file with a tensor of every element type, and what ggml's own Python package widens them to."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import torch
from safetensors.torch import save_file

ROWS, COLUMNS = 2, 256
TYPES = ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K")
HALVES = {"Q4_0": (0,), "Q4_1": (0, 2), "Q5_0": (0,), "Q5_1": (0, 2), "Q8_0": (0,)}
HALVES |= {"Q2_K": (80, 82), "Q3_K": (108,), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,)}


def write(folder: Path) -> None:
    """types.gguf and types_expected.safetensors: random blocks whose scales are sane."""
    draw = np.random.default_rng(20)
    writer = gguf.GGUFWriter(folder / "types.gguf", "sd1")
    writer.add_string("note", "random blocks")
    expected = {}
    for name in TYPES:
        kind = gguf.GGMLQuantizationType[name]
        elements, size = gguf.GGML_QUANT_SIZES[kind]
        blocks = draw.integers(0, 256, (ROWS, COLUMNS // elements, size), dtype=np.uint8)
        for at in HALVES[name]:
            scales = draw.uniform(0.001, 0.1, blocks.shape[:2]).astype(np.float16)
            blocks[:, :, at : at + 2] = scales[..., None].view(np.uint8).reshape(*blocks.shape[:2], 2)
        data = blocks.reshape(ROWS, -1)
        writer.add_tensor(name.lower(), data, raw_dtype=kind)
        expected[name.lower()] = torch.from_numpy(gguf.quants.dequantize(data, kind).reshape(ROWS, COLUMNS).copy())
    plain = draw.standard_normal((3, 2, 1, 5)).astype(np.float32)
    writer.add_tensor("f32", plain)
    writer.add_tensor("f16", plain.astype(np.float16))
    expected["f32"] = torch.from_numpy(plain)
    expected["f16"] = torch.from_numpy(plain.astype(np.float16))
    flat = draw.standard_normal((2, 15)).astype(np.float16)
    writer.add_array("comfy.gguf.orig_shape.reshaped", [3, 2, 5])
    writer.add_tensor("reshaped", flat)
    expected["reshaped"] = torch.from_numpy(flat.reshape(3, 2, 5))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file(expected, folder / "types_expected.safetensors")


if __name__ == "__main__":
    write(Path("tests/src/test/resources/weights"))
