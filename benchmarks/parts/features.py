"""Features of pairs of minima."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.context import Context
from benchmarks.part import Comparison, Growth, Part
from benchmarks.peers.plain import pair_features
from benchmarks.streaming import Landscape
from benchmarks.timing import in_turn
from tlsfind.errors import TlsfindError
from tlsfind.pairs.features import PairGeometry

PARTICLES = 3  # M
PLAIN = 50


def measure(context: Context) -> dict[str, Any]:
    """Microseconds of a pair, by number of particles and of minima."""
    few = context.pick(200, 12)
    found = context.by_particles(lambda particles: _one(context, particles, few))
    counts = [100, 500, 2000] if not context.quick else [6, 12]
    by_minima = {str(count): _one(context, context.main, count) for count in counts}
    return {"features": {**found, "by_minima": by_minima}}


def _one(context: Context, particles: int, minima: int) -> dict[str, Any]:
    landscape = Landscape(minima, particles)
    places = [landscape.positions(k) for k in range(minima)]
    geometry = PairGeometry(places, landscape.box, PARTICLES, single=True)
    first, second = (rows[: context.pick(20_000, 60)] for rows in np.triu_indices(minima, 1))
    _check(geometry, places, landscape.box)

    def plain() -> None:
        for a, b in zip(first[:PLAIN], second[:PLAIN], strict=True):
            pair_features(places[a], places[b], landscape.box, PARTICLES)

    ways = {"ours": lambda: geometry.features(first, second), "numpy": plain}
    work = {"ours": len(first), "numpy": min(PLAIN, len(first))}
    times = in_turn(ways, context.rounds, work)
    ours, unit = times["ours"], "microseconds_per_pair"
    return {
        **ours.numbers(unit),
        "per_second": 1.0 / ours.median,
        "numpy": times["numpy"].numbers(unit),
        "ratio_numpy": ours.over(times["numpy"]),
    }


def _check(geometry: PairGeometry, places: list[np.ndarray], box: float) -> None:
    """Raise a TlsfindError unless both ways give the same, to single precision."""
    ours = geometry.features(np.array([0]), np.array([len(places) - 1]))[:, 0]
    plain = pair_features(places[0], places[-1], box, PARTICLES)
    if not np.allclose(ours, plain, rtol=1e-4, atol=1e-4):
        raise TlsfindError(f"features {ours} and in NumPy {plain}, expected the same")


PART = Part(
    "features",
    "Features of pairs",
    "Made-up minima that differ by local rearrangements (200, unless said), pairs in the order of "
    "the stage: one minimum with all later ones, M = 3, displacements in single precision.",
    measure,
    (
        Comparison(
            "features of a pair", "us", "features.microseconds_per_pair", "plain NumPy",
            "features.numpy.microseconds_per_pair", "features.ratio_numpy",
        ),
        Comparison("features of pairs", "/s", "features.per_second"),
    ),
    (
        Growth(
            "Features with N", "N", "features.by_particles",
            {
                "us per pair": "microseconds_per_pair",
                "plain NumPy, us": "numpy.microseconds_per_pair",
                "ratio": "ratio_numpy",
            },
        ),
        Growth(
            "Features with the number of minima", "minima", "features.by_minima",
            {"us per pair": "microseconds_per_pair", "ratio": "ratio_numpy"},
        ),
    ),
)  # fmt: skip
