"""Force evaluation of one configuration."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.context import Context
from benchmarks.part import Part
from benchmarks.peers.lammps import against_lammps, comparisons, force_runs, growth
from benchmarks.timing import in_turn
from tlsfind.engine import make_engine

STEPS = 20  # evaluations in one run of LAMMPS


def measure(context: Context) -> dict[str, Any]:
    """Microseconds of an evaluation, by number of particles."""
    return {"force": context.by_particles(partial(_one, context))}


def _one(context: Context, particles: int) -> dict[str, Any]:
    glass = context.glass(particles)
    positions = glass.starts[0]
    engine = make_engine(glass.configuration)
    with force_runs(glass, positions, STEPS) as runs:
        ways = {"native": lambda: engine.energy_forces(positions), **runs}
        times = in_turn(ways, context.rounds, {"native": 1, **dict.fromkeys(runs, STEPS)})
    return against_lammps(times)


PART = Part(
    "force",
    "Force evaluation",
    "Energy and forces of a configuration of the dynamics at T = 0.04, by a call from Python, with "
    "a neighbour list that still holds. LAMMPS: a run in which nothing moves, without set-up.",
    measure,
    comparisons("force evaluation", "force"),
    (growth("Force evaluation with N", "force"),),
)
