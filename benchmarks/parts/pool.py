"""Stages that stream over all pairs of a glass, with the number of minima and pairs."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import streaming
from benchmarks.context import Context
from benchmarks.part import Comparison, Growth, Part

#: The last has 10^7 pairs.
MINIMA = (500, 1000, 2000, 4473)
QUICK_STAGES = ("generate", "landscape", "pairs", "select 0")


def measure(context: Context) -> dict[str, Any]:
    """Seconds and memory of each stage, by number of minima."""
    counts = (20,) if context.quick else MINIMA
    by_minima = {str(count): _one(context, count) for count in counts}
    return {"pool": {**by_minima[str(counts[-1])], "by_minima": by_minima}}


def _one(context: Context, minima: int) -> dict[str, Any]:
    config = streaming.make_config(context.main)
    stages = QUICK_STAGES if context.quick else tuple(streaming.STAGES)
    root = Path(tempfile.mkdtemp(prefix="tlsfind-bench-"))
    found: dict[str, Any] = {"pairs": minima * (minima - 1) // 2}
    peaks = []
    try:
        for name in stages:
            rows, seconds, _, peak = streaming.run(name, root, config, minima, 0)
            key = name.replace(" ", "_")
            found[f"{key}_seconds"] = seconds
            found[f"{key}_microseconds_per_row"] = 1e6 * seconds / rows
            peaks.append(peak)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return {**found, "largest_memory_mib": max(peaks)}


PART = Part(
    "pool",
    "Stages over all pairs",
    "A made-up landscape, each stage in a process of its own with its start and its files "
    "(`benchmarks/streaming.py`); `make bench-streaming` goes further.",
    measure,
    (
        Comparison(
            "stage pairs, 10^7 pairs, per pair", "us", "pool.pairs_microseconds_per_row"
        ),
        Comparison(
            "stage predict, 10^7 pairs, per pair", "us", "pool.predict_microseconds_per_row"
        ),
        Comparison("largest memory of a stage, 10^7 pairs", "MiB", "pool.largest_memory_mib"),
    ),
    (
        Growth(
            "Stages with the number of minima", "minima", "pool.by_minima",
            {
                "pairs": "pairs",
                "landscape, s": "landscape_seconds",
                "pairs, s": "pairs_seconds",
                "pairs, us per pair": "pairs_microseconds_per_row",
                "train, s": "train_seconds",
                "predict, s": "predict_seconds",
                "predict, us per pair": "predict_microseconds_per_row",
                "select, s": "select_1_seconds",
                "largest memory, MiB": "largest_memory_mib",
            },
        ),
    ),
)  # fmt: skip
