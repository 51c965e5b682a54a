"""Force evaluations of a quench by different methods, from the same configurations."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.context import Context
from benchmarks.part import Comparison, Growth, Part
from benchmarks.peers.minimisers import WAYS, descend
from tlsfind.engine import make_engine

TOLERANCE = 1e-6
NAMES = {"fire": "FIRE", "cg": "conjugate gradients (SciPy)", "lbfgs": "L-BFGS-B (SciPy)"}


def measure(context: Context) -> dict[str, Any]:
    """Evaluations of the native quench and of each way."""
    glass = context.glass(context.main)
    engine = make_engine(glass.configuration)
    starts = glass.starts[: context.pick(10, 1)]
    native = [engine.quench(start, TOLERANCE) for start in starts]
    counts = {"native": [q.evaluations for q in native]}
    converged = {"native": sum(q.converged for q in native)}
    for name in WAYS:
        found = [descend(name, engine, start, TOLERANCE) for start in starts]
        counts[name] = [one.evaluations for one in found]
        converged[name] = sum(one.converged for one in found)
    numbers = {
        name: {
            "evaluations": float(np.mean(found)),
            "spread": [float(min(found)), float(max(found))],
            "converged": f"{converged[name]} of {len(starts)}",
            "ratio": float(np.mean(found) / np.mean(counts["native"])),
        }
        for name, found in counts.items()
    }
    return {"minimisers": numbers}


PART = Part(
    "minimisers",
    "Force evaluations of a quench",
    "From the same configurations, until no force component is above 1e-6. Counts, not times.",
    measure,
    tuple(
        Comparison(
            "force evaluations of a quench", "", "minimisers.native.evaluations", title,
            f"minimisers.{name}.evaluations", f"minimisers.{name}.ratio",
        )
        for name, title in NAMES.items()
    ),
    (
        Growth(
            "Force evaluations by method", "method", "minimisers",
            {"evaluations": "evaluations", "ratio": "ratio", "converged": "converged"},
        ),
    ),
)  # fmt: skip
