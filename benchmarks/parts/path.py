"""A whole path: from two minima to the quantum splitting."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.context import Context
from benchmarks.glasses import Glass
from benchmarks.part import Comparison, Growth, Part
from benchmarks.timing import Times, timed
from tlsfind.config import Paths
from tlsfind.engine import make_engine
from tlsfind.paths.solver import PathResult, solve_path
from tlsfind.units import BUILT_IN

Pair = tuple[np.ndarray, np.ndarray]


def solve(glass: Glass, pair: Pair, settings: Paths) -> tuple[float, PathResult]:
    """Seconds and result of a path, with an engine made for it as in the stage."""

    def whole() -> PathResult:
        engine = make_engine(glass.configuration)
        return solve_path(engine, *pair, glass.configuration.box, settings, BUILT_IN)

    return timed(whole)


def measure(context: Context) -> dict[str, Any]:
    """Seconds of a path with the default settings, by number of particles and of images."""
    settings = Paths(images=context.pick(40, 8), max_iterations=context.pick(2000, 40))
    few, many = context.pick(3, 1), context.pick(8, 1)
    main = context.glass(context.main)
    solve(main, main.close_pairs(1)[0], settings)  # compiled or loaded

    def of_size(particles: int) -> dict[str, Any]:
        glass = context.glass(particles)
        count = many if particles == context.main else few
        return _summary(glass, glass.close_pairs(count), settings)

    found = context.by_particles(of_size)
    by_images = {}
    for images in [10, 20, 40, 80] if not context.quick else [6, 8]:
        changed = settings.model_copy(update={"images": images})
        by_images[str(images)] = _summary(main, main.close_pairs(few), changed)
    return {"path": {**found, "by_images": by_images}}


def _summary(glass: Glass, pairs: list[Pair], settings: Paths) -> dict[str, Any]:
    """Seconds and iterations over pairs, and how many there are of each status."""
    solved = [solve(glass, pair, settings) for pair in pairs]
    results = [result for _, result in solved]
    statuses = sorted({result.status for result in results})
    iterations = np.array([max(result.iterations, 1) for result in results])
    seconds = np.array([found for found, _ in solved])
    wells = np.array([result.status == "double_well" for result in results])
    found = {
        **Times(seconds).numbers("seconds"),
        "pairs": len(pairs),
        "iterations": float(np.median(iterations)),
        "milliseconds_per_iteration": 1e3 * float(seconds.sum() / iterations.sum()),
        "statuses": ", ".join(
            f"{sum(r.status == status for r in results)} {status}" for status in statuses
        ),
    }
    if wells.any():
        found["seconds_double_well"] = float(np.median(seconds[wells]))
    return found


PART = Part(
    "path",
    "One path",
    "From two minima to the verdict and, for double wells, E_qs: 40 images, default settings, one "
    "core. The pairs are spread evenly over those with d between 0.2 and 1.5; the spread is over "
    "pairs.",
    measure,
    (
        Comparison("one path", "s", "path.seconds"),
        Comparison("one path that is a double well", "s", "path.seconds_double_well"),
    ),
    (
        Growth(
            "Path with N (40 images)", "N", "path.by_particles",
            {
                "s": "seconds",
                "iterations": "iterations",
                "ms per iteration": "milliseconds_per_iteration",
                "verdicts": "statuses",
            },
        ),
        Growth(
            "Path with the number of images", "images", "path.by_images",
            {
                "s": "seconds",
                "iterations": "iterations",
                "ms per iteration": "milliseconds_per_iteration",
                "verdicts": "statuses",
            },
        ),
    ),
)  # fmt: skip
