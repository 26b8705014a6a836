#!/usr/bin/env python3
"""Times the engine and torch in turn on the same checkpoint, part by part, and writes a record."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OURS = "{root}/darkroom bench --json --model {model} --part {part} --repeat {repeat} --device {device} --dtype {dtype}"
PEER = (
    "{python} {root}/bench/peers/torch_sd15.py --json --model {model} --part {part} --repeat {repeat}"
    " --device {device} --dtype {dtype}"
)
PARTS = ("text", "unet", "vae")


def arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="checkpoint folder, such as weights-tools synthesize writes")
    parser.add_argument("--part", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=3, help="runs of each program and part, alternating")
    parser.add_argument("--repeat", type=int, default=5, help="timings within a run")
    parser.add_argument("--threads", type=int, default=0, help="of both programs; default: their own choice")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="bf16")
    parser.add_argument("--python", default=sys.executable, help="the Python that has torch")
    parser.add_argument("--ours", default=OURS, help="command of the engine; {part} {model} ... are filled in")
    parser.add_argument("--peer", default=PEER, help="command of the peer")
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "records", help="folder of the record")
    return parser.parse_args()


def main() -> None:
    """Runs both programs in turn, prints the ratios and writes the record."""
    args = arguments()
    runs: dict[str, dict[str, list[dict[str, Any]]]] = {part: {"ours": [], "peer": []} for part in args.part}
    for part in args.part:
        for _ in range(args.rounds):
            for who, command in (("ours", args.ours), ("peer", args.peer)):
                runs[part][who].append(_run(command, part, args))
    record = _record(runs, args)
    path = _written(record, args.out)
    for part, timed in record["parts"].items():
        ours, peer = timed["ours"]["median_seconds"], timed["peer"]["median_seconds"]
        print(f"{part:<5} ours {ours:.4f} s, torch {peer:.4f} s: {timed['ratio']:.2f} times as fast")
    print(f"record: {path}")


def _run(command: str, part: str, args: argparse.Namespace) -> dict[str, Any]:
    """The report of one run: the JSON object on the last line that it printed."""
    names = {key: getattr(args, key) for key in ("model", "repeat", "device", "dtype", "python")}
    words = [word.format(root=ROOT, part=part, **names) for word in shlex.split(command)]
    if args.threads:
        words += ["--threads", str(args.threads)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        raise SystemExit(f"{shlex.join(words)}\nended with {done.returncode} and no report:\n{done.stderr[-2000:]}")
    return json.loads(lines[-1])


def _record(runs: dict[str, dict[str, list[dict[str, Any]]]], args: argparse.Namespace) -> dict[str, Any]:
    first = next(iter(runs.values()))
    parts: dict[str, Any] = {}
    for part, both in runs.items():
        parts[part] = {who: _summary(part, reports) for who, reports in both.items()}
        parts[part]["ratio"] = parts[part]["peer"]["median_seconds"] / parts[part]["ours"]["median_seconds"]
    return {
        "when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "HEAD"),
        "modified": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "machine": {"system": platform.platform(), "processor": _processor(), "cores": os.cpu_count()},
        "device": args.device,
        "dtype": args.dtype,
        "model": Path(args.model).name,
        "rounds": args.rounds,
        "repeat": args.repeat,
        "threads": args.threads or "each program's own choice",
        "ours": _facts(first["ours"][0]),
        "peer": _facts(first["peer"][0]),
        "parts": parts,
    }


def _summary(part: str, reports: list[dict[str, Any]]) -> dict[str, Any]:
    """The median of the runs' medians, and what it was made of."""
    timed = [report[part] for report in reports]
    medians = [each["median_seconds"] for each in timed]
    return {
        "n": sum(each["n"] for each in timed),
        "median_seconds": statistics.median(medians),
        "min_seconds": min(each["min_seconds"] for each in timed),
        "medians_of_runs": medians,
    } | {key: timed[0][key] for key in ("flops",) if key in timed[0]}


def _facts(report: dict[str, Any]) -> dict[str, Any]:
    """What a report says about its program: everything but timings and paths."""
    timings = (*PARTS, "model", "load_seconds", "total_seconds")
    return {key: value for key, value in report.items() if key not in timings}


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _git(*words: str) -> str:
    return subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True, check=True).stdout.strip()


def _written(record: dict[str, Any], folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    device = record["device"].replace(":", "")
    path = folder / f"{record['when'][:19].replace(':', '')}-torch-{device}-{record['dtype']}.json"
    path.write_text(json.dumps(record, indent=1) + "\n")
    return path


if __name__ == "__main__":
    main()
