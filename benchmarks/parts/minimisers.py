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
    counts = {"native": [float(q.evaluations) for q in native]}
    converged = {"native": [q.converged for q in native]}
    for name in WAYS:
        found = [descend(name, engine, start, TOLERANCE) for start in starts]
        counts[name] = [float(one.evaluations) for one in found]
        converged[name] = [one.converged for one in found]
    own = np.array(counts["native"])
    return {
        "minimisers": {
            name: _summary(np.array(found), own, np.array(converged[name]))
            for name, found in counts.items()
        }
    }


def _summary(found: np.ndarray, own: np.ndarray, converged: np.ndarray) -> dict[str, Any]:
    """Evaluations where the way converged, against ours from there; of all where it never did."""
    rows = converged if converged.any() else np.ones(len(found), dtype=bool)
    return {
        "evaluations": float(found[rows].mean()),
        "spread": [float(found[rows].min()), float(found[rows].max())],
        "converged": f"{converged.sum()} of {len(found)}",
        "ratio": float(found[rows].mean() / own[rows].mean()),
    }


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
