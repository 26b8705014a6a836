"""Safetensors files that must be refused with a clean error, and unusual ones that must be accepted."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

RULE = (
    "must_be is binding. A rejection is a clean error naming the file: no crash, no hang, no huge allocation, no stack"
    " overflow."
)
DATA = bytes(range(16))
TENSOR = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}


def write(folder: Path) -> None:
    """Writes the files and expected.json with the verdicts."""
    folder.mkdir(exist_ok=True)
    accepted, rejected = _accepted(), _rejected()
    for name, content in (accepted | rejected).items():
        (folder / f"{name}.safetensors").write_bytes(content)
    verdicts = {f"{name}.safetensors": {"must_be": "rejected"} for name in rejected}
    verdicts |= {f"{name}.safetensors": {"must_be": "accepted"} for name in accepted}
    (folder / "expected.json").write_text(json.dumps({"rule": RULE, "files": verdicts}, indent=1) + "\n")


def _file(header: Any, data: bytes = DATA, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def _one(**changes: Any) -> bytes:
    return _file({"a": TENSOR | changes})


def _accepted() -> dict[str, bytes]:
    scalar = {"s": {"dtype": "F32", "shape": [], "data_offsets": [0, 4]}}
    empty = {"e": {"dtype": "F16", "shape": [0, 3], "data_offsets": [4, 4]}}
    swapped = {
        "late": {"dtype": "F32", "shape": [2], "data_offsets": [8, 16]},
        "early": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
    }
    return {
        "ok_no_tensors": _file({}, b""),
        "ok_padded_header": _file(json.dumps({"a": TENSOR}).encode() + b" " * 9),
        "ok_scalar_and_empty": _file(scalar | empty, DATA[:4]),
        "ok_not_in_offset_order": _file(swapped),
        "ok_unicode_name": _file({"größe.重み": TENSOR}),
    }


def _rejected() -> dict[str, bytes]:
    whole = _file({"a": TENSOR})
    text = json.dumps({"a": TENSOR}).encode()
    second = {"dtype": "F32", "shape": [2], "data_offsets": [8, 16]}
    first = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    return {
        "empty_file": b"",
        "seven_bytes": whole[:7],
        "header_length_zero": struct.pack("<Q", 0),
        "header_length_past_end": _file(text, length=10_000),
        "header_length_max": _file(text, length=2**64 - 1),
        "header_length_negative_as_signed": _file(text, length=2**63),
        "header_claims_100mb": _file(text, length=100_000_001),
        "header_not_json": _file(b"not a header at all {"),
        "header_is_array": _file([]),
        "header_not_utf8": _file(text.replace(b'"a"', b'"\xff"')),
        "header_truncated_json": _file(text[:-3]),
        "header_leading_space": _file(b" " + text),
        "header_trailing_garbage": _file(text + b" x"),
        "header_deeply_nested": _file(b'{"a":' + b"[" * 50_000, b""),
        "data_truncated": whole[:-5],
        "data_trailing_bytes": whole + b"more",
        "dtype_unknown": _one(dtype="F7"),
        "dtype_number": _one(dtype=32),
        "duplicate_name": _file(b'{"a":%s,"a":%s}' % (json.dumps(first).encode(), json.dumps(second).encode())),
        "metadata_not_strings": _file({"__metadata__": {"n": 1}, "a": TENSOR}),
        "offsets_missing": _file({"a": {"dtype": "F32", "shape": [2, 2]}}),
        "offsets_three": _one(data_offsets=[0, 8, 16]),
        "offsets_negative": _one(data_offsets=[-16, 0]),
        "offsets_reversed": _one(data_offsets=[16, 0]),
        "offsets_out_of_range": _one(shape=[2, 3], data_offsets=[0, 24]),
        "offsets_overlap": _file({"a": first, "b": {"dtype": "F32", "shape": [3], "data_offsets": [4, 16]}}),
        "offsets_hole": _file({"a": first, "b": {"dtype": "F32", "shape": [1], "data_offsets": [12, 16]}}),
        "offsets_do_not_start_at_zero": _one(shape=[3], data_offsets=[4, 16]),
        "size_mismatch": _one(shape=[2, 3]),
        "shape_negative": _one(shape=[-2, -2]),
        "shape_fraction": _one(shape=[2.5, 2]),
        "shape_string": _one(shape=["2", 2]),
        "shape_product_overflow": _one(shape=[2**40, 2**40]),
    }
