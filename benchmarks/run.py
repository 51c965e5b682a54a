"""Measure, print the table, write the JSON and the page.

    python -m benchmarks                                    everything, 10 minutes on two cores
    python -m benchmarks --only force,quench --page ""       some parts, without the page
    python -m benchmarks --against results/bench-old.json    with a column against an earlier run

A part that fails is named at the end, with status 1; the numbers of the others are kept.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

#: Before NumPy is imported: everything is measured on one thread.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status: 1 after failures, 2 for a wrong call."""
    for variable in THREADS:
        os.environ.setdefault(variable, "1")
    options = _parser().parse_args(arguments)
    from benchmarks import machine, page, registry, table
    from benchmarks.context import Context
    from tlsfind.errors import TlsfindError

    try:
        parts = registry.selected(options.only)
        former = json.loads(options.against.read_text()) if options.against else None
    except (TlsfindError, OSError, ValueError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    context = Context(options.cache, options.run, options.quick)
    begin = time.monotonic()
    result: dict[str, Any] = {"machine": machine.describe(), "settings": settings(options)}
    failures = measure(context, parts, result)
    result["settings"]["seconds"] = round(time.monotonic() - begin, 1)
    lines = [line for part in parts for line in part.comparisons]
    cells = table.rows(lines, result, former)
    print(table.text(cells, table.headings(former is not None)))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(result, indent=2, allow_nan=False) + "\n")
    print(f"{options.output} written after {result['settings']['seconds']:.0f} s")
    if str(options.page) not in ("", "."):
        options.page.write_text(page.render(result, former))
        print(f"{options.page} written")
    for name, reason in failures.items():
        print(f"benchmarks: part {name} failed: {reason}", file=sys.stderr)
    return 1 if failures else 0


def settings(options: argparse.Namespace) -> dict[str, Any]:
    """The options that the numbers depend on."""
    return {"quick": options.quick, "run": str(options.run), "cache": str(options.cache)}


def measure(context: Any, parts: Sequence[Any], result: dict[str, Any]) -> dict[str, str]:
    """Measure parts into ``result``; returns what failed, and why."""
    from benchmarks.part import merge

    failures: dict[str, str] = {}
    result["part_seconds"] = {}
    for part in parts:
        begin = time.monotonic()
        try:
            merge(result, part.measure(context))
        except Exception as error:  # whatever it is: the numbers of the other parts are kept
            failures[part.name] = f"{type(error).__name__}: {error}"
        seconds = round(time.monotonic() - begin, 1)
        result["part_seconds"][part.name] = seconds
        print(f"{part.name}: {seconds} s", file=sys.stderr, flush=True)
    if failures:
        result["failed"] = failures
    return failures


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure tlsfind.")
    parser.add_argument("--only", default="", help="parts, separated by commas; default: all")
    parser.add_argument(
        "--run", type=Path, default=Path("results/demo"), help="finished run to read"
    )
    parser.add_argument("--output", type=Path, default=Path("results/bench.json"))
    parser.add_argument("--page", type=Path, default=Path(""), help="page to write; default: none")
    parser.add_argument("--against", type=Path, help="JSON of an earlier run to compare with")
    parser.add_argument(
        "--cache", type=Path, default=Path("results/bench"), help="folder of the glasses"
    )
    parser.add_argument("--quick", action="store_true", help="smallest sizes: a test, no numbers")
    return parser
