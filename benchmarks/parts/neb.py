"""A path against ``neb`` of LAMMPS and against springs in process.

The barrier of the path relaxed to a force of 1e-3 is taken as exact. Each way starts from the same
straight line. Its time to the barrier is that of the first iteration from which the barrier stays
within the error. The project's solver is asked for that anew with more and more iterations, LAMMPS
and the springs say it as they go. The set-up of LAMMPS, from a short run, is part of its time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks.barriers import ERROR, barrier, settled
from benchmarks.context import Context
from benchmarks.glasses import Glass
from benchmarks.part import Comparison, Part
from benchmarks.parts.path import Pair, solve
from benchmarks.peers import neb
from benchmarks.peers.lammps import CLASSES, system
from benchmarks.peers.springs import Band
from benchmarks.timing import timed
from tlsfind.config import Paths
from tlsfind.configuration import displacements
from tlsfind.engine import make_engine
from tlsfind.errors import TlsfindError
from tlsfind.paths.mep import StringRelaxation, straight_path
from tlsfind.paths.solver import PathResult

EXACT_FORCE = 1e-3
GROWTH = 1.3  # of the iterations that the solver is allowed
ENOUGH = 3  # limits in a row at which the barrier is right
TYPICAL_BARRIER = 0.1


@dataclass(frozen=True)
class Sizes:
    """How far each way is taken.

    Attributes:
        images: of the path.
        exact: iterations allowed for the exact barrier.
        iterations: of the solver and of the springs.
        neb: of LAMMPS.
        every: iterations of LAMMPS between two barriers.
        candidates: pairs of which one is taken.
    """

    images: int
    exact: int
    iterations: int
    neb: int
    every: int
    candidates: int


FULL = Sizes(40, 3000, 2000, 200, 10, 5)
QUICK = Sizes(8, 60, 40, 100, 10, 1)


def measure(context: Context) -> dict[str, Any]:
    """Cost of an iteration, and time to the same barrier, of each way."""
    sizes = QUICK if context.quick else FULL
    glass = context.glass(context.main)
    pair, exact = _typical(glass, sizes)
    ours, own_cost = _solver(glass, pair, exact, sizes)
    springs, springs_cost = _springs(glass, pair, exact, sizes)
    lammps, lammps_cost = _lammps(glass, pair, exact, sizes)
    found = {
        "barrier": exact,
        "barrier_error": ERROR,
        "to_barrier": ours,
        "microseconds_per_image": own_cost,
        "lammps_neb": {**lammps, "microseconds_per_image": lammps_cost},
        "springs": {**springs, "microseconds_per_image": springs_cost},
        "ratio_lammps_neb": lammps["seconds"] / ours["seconds"],
        "ratio_lammps_neb_iteration": lammps_cost / own_cost,
        "ratio_springs": springs["seconds"] / ours["seconds"],
        "ratio_springs_iteration": springs_cost / own_cost,
    }
    return {"path": found}


def _height(result: PathResult) -> float:
    """The barrier between the two minima, whatever the verdict."""
    inner = (result.xi >= 0.0) & (result.xi <= 1.0)
    return barrier(result.xi[inner], result.energy[inner])


def _typical(glass: Glass, sizes: Sizes) -> tuple[Pair, float]:
    """The double well whose barrier is nearest to the typical one, and its exact barrier.

    Where there is no double well it is any path that was solved.
    """
    settings = Paths(images=sizes.images, max_iterations=sizes.exact, refinements=0)
    found = []
    for pair in glass.close_pairs(sizes.candidates):
        result = solve(glass, pair, settings)[1]
        if len(result.xi):
            height = _height(result)
            away = abs(np.log(height / TYPICAL_BARRIER)) if height > 0 else np.inf
            found.append((result.status != "double_well", away, pair))
    if not found:
        raise TlsfindError("no path could be solved to compare with neb")
    pair = min(found, key=lambda one: one[:2])[2]
    closer = settings.model_copy(update={"force_tolerance": EXACT_FORCE})
    return pair, _height(solve(glass, pair, closer)[1])


def _solver(glass: Glass, pair: Pair, exact: float, sizes: Sizes) -> tuple[dict[str, Any], float]:
    """The project's path solver: time to the barrier, and microseconds of an image's iteration."""
    limits, seconds, heights, done = [], [], [], []
    limit = 10.0
    while limit <= sizes.iterations:
        settings = Paths(
            images=sizes.images,
            force_tolerance=EXACT_FORCE,
            max_iterations=round(limit),
            refinements=0,
        )
        spent, result = solve(glass, pair, settings)
        limits.append(round(limit))
        seconds.append(spent)
        done.append(result.iterations)
        heights.append(_height(result) if len(result.xi) else np.inf)
        right = np.abs(np.array(heights[-ENOUGH:]) - exact) <= ERROR * abs(exact)
        if result.status != "not_converged" or (len(right) == ENOUGH and right.all()):
            break
        limit *= GROWTH
    k = settled(np.array(heights), exact)
    cost = _iteration(glass, pair, sizes)
    last = len(limits) - 1 if k is None else k
    numbers = {"seconds": seconds[last], "iterations": done[last], "reached": k is not None}
    return numbers, cost


def _iteration(glass: Glass, pair: Pair, sizes: Sizes) -> float:
    """Microseconds of one image in an iteration of the solver with all images."""
    engine = make_engine(glass.configuration)
    a, b = pair
    move = displacements(a, b, glass.configuration.box)
    costs = []
    for _ in range(3):
        relaxation = StringRelaxation(engine, straight_path(a, a + move, sizes.images))
        limit = min(sizes.iterations, 100)
        seconds, _ = timed(partial(relaxation.run, 0.0, limit))
        costs.append(seconds / limit / (sizes.images - 2))
    return 1e6 * float(np.median(costs))


def _line(glass: Glass, pair: Pair, images: int) -> np.ndarray:
    a, b = pair
    weights = np.linspace(0.0, 1.0, images)[:, None, None]
    return a + weights * displacements(a, b, glass.configuration.box)


def _springs(glass: Glass, pair: Pair, exact: float, sizes: Sizes) -> tuple[dict[str, Any], float]:
    """Springs in process, one iteration after the other."""
    engine = make_engine(glass.configuration)
    Band(engine, _line(glass, pair, sizes.images)).step()  # compiled or loaded
    setup, band = timed(lambda: Band(engine, _line(glass, pair, sizes.images)))
    heights, seconds = [barrier(band.positions(), band.energies)], [setup]
    for _ in range(sizes.iterations):
        spent, _ = timed(band.step)
        seconds.append(spent)
        heights.append(barrier(band.positions(), band.energies))
        if band.force < EXACT_FORCE:
            break
    k = settled(np.array(heights), exact)
    last = len(heights) - 1 if k is None else k
    numbers = {
        "seconds": float(np.sum(seconds[: last + 1])),
        "iterations": max(last, 1),
        "reached": k is not None,
    }
    return numbers, 1e6 * float(np.median(seconds[1:])) / (sizes.images - 2)


def _lammps(glass: Glass, pair: Pair, exact: float, sizes: Sizes) -> tuple[dict[str, Any], float]:
    """``neb`` with a process for each image."""
    particles = system(glass, CLASSES["lepton_classes"])
    images = _line(glass, pair, sizes.images)
    short = neb.relax(particles, images, sizes.every, sizes.every)
    long = neb.relax(particles, images, sizes.neb, sizes.every)
    an_iteration = (long.seconds - short.seconds) / (sizes.neb - sizes.every)
    if an_iteration <= 0:
        raise TlsfindError(
            f"neb took {long.seconds:.3g} s for {sizes.neb} iterations and {short.seconds:.3g} s "
            f"for {sizes.every}, expected more: the machine is too busy"
        )
    heights = [barrier(p, e) for p, e in zip(long.positions, long.energies, strict=True)]
    k = settled(np.array(heights), exact)
    iterations = int(long.iterations[-1 if k is None else k])
    setup = max(short.seconds - sizes.every * an_iteration, 0.0)
    numbers = {
        "seconds": setup + iterations * an_iteration,
        "iterations": max(iterations, 1),
        "setup_seconds": setup,
        "reached": k is not None,
        "partitions": sizes.images,
    }
    return numbers, 1e6 * an_iteration / (sizes.images - 2)


PART = Part(
    "neb",
    "One path against nudged elastic bands",
    "One double well, from the straight line, 40 images. Time to a barrier that stays within 1 % "
    "of the one of the path relaxed to a force of 1e-3; where a way did not get there within its "
    "iterations (200 of LAMMPS, 2000 of the others) the time is that of all of them, and the "
    "ratio a lower bound. `lammps neb` has kappa = 1, FIRE, 40 partitions and all cores of the "
    "machine, the other two have one core. An iteration is counted for each of the 38 images "
    "that move.",
    measure,
    (
        Comparison(
            "path to a barrier within 1 %", "s", "path.to_barrier.seconds",
            "lammps neb, 40 partitions", "path.lammps_neb.seconds", "path.ratio_lammps_neb",
        ),
        Comparison(
            "path to a barrier within 1 %", "s", "path.to_barrier.seconds",
            "springs in process", "path.springs.seconds", "path.ratio_springs",
        ),
        Comparison(
            "iteration of an image", "us", "path.microseconds_per_image",
            "lammps neb, 40 partitions", "path.lammps_neb.microseconds_per_image",
            "path.ratio_lammps_neb_iteration",
        ),
        Comparison(
            "iteration of an image", "us", "path.microseconds_per_image",
            "springs in process", "path.springs.microseconds_per_image",
            "path.ratio_springs_iteration",
        ),
        Comparison(
            "iterations to that barrier", "", "path.to_barrier.iterations",
            "lammps neb, 40 partitions", "path.lammps_neb.iterations",
        ),
        Comparison(
            "iterations to that barrier", "", "path.to_barrier.iterations",
            "springs in process", "path.springs.iterations",
        ),
    ),
)  # fmt: skip
