"""Solutions of the Schroedinger equation along a path."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.context import Context
from benchmarks.part import Comparison, Growth, Part
from benchmarks.peers.plain import sparse_levels
from benchmarks.timing import in_turn
from tlsfind.errors import TlsfindError
from tlsfind.paths.schroedinger import levels
from tlsfind.units import BUILT_IN

POINTS = (501, 2001, 8001)
DEFAULT = 2001


def profile() -> tuple[np.ndarray, np.ndarray]:
    """Positions and energies (60,) of a slightly tilted quartic double well."""
    x = np.linspace(-0.4, 1.4, 60)
    return x, 16.0 * 0.05 * (x * (1.0 - x)) ** 2 + 0.003 * x


def measure(context: Context) -> dict[str, Any]:
    """Microseconds and solutions per second, by grid points."""
    by_points = {str(points): _one(context, points) for points in POINTS}
    return {"schroedinger": {**by_points[str(DEFAULT)], "by_points": by_points}}


def _one(context: Context, points: int) -> dict[str, Any]:
    position, energy = profile()
    constant = BUILT_IN["argon"].kinetic_constant
    ours = levels(position, energy, constant, points)
    plain = sparse_levels(position, energy, constant, points)
    if not np.allclose(ours, plain, rtol=1e-6):
        raise TlsfindError(f"levels {ours} and by ARPACK {plain}, expected the same")
    ways = {
        "ours": lambda: levels(position, energy, constant, points),
        "arpack": lambda: sparse_levels(position, energy, constant, points),
    }
    times = in_turn(ways, context.rounds)
    return {
        **times["ours"].numbers("microseconds"),
        "per_second": 1.0 / times["ours"].median,
        "arpack": times["arpack"].numbers("microseconds"),
        "ratio_arpack": times["ours"].over(times["arpack"]),
    }


PART = Part(
    "schroedinger",
    "Schroedinger equation",
    "The two lowest levels in a double well of 60 points, with spline and grid; 2001 grid points "
    "unless said. The peer solves the same matrix by ARPACK, shift-inverted.",
    measure,
    (
        Comparison(
            "Schroedinger equation", "us", "schroedinger.microseconds", "SciPy's ARPACK",
            "schroedinger.arpack.microseconds", "schroedinger.ratio_arpack",
        ),
        Comparison("Schroedinger solutions", "/s", "schroedinger.per_second"),
    ),
    (
        Growth(
            "Schroedinger equation with the grid", "points", "schroedinger.by_points",
            {"us": "microseconds", "ARPACK, us": "arpack.microseconds", "ratio": "ratio_arpack"},
        ),
    ),
)  # fmt: skip
