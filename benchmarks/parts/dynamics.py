"""A step of molecular dynamics."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.context import Context
from benchmarks.glasses import Glass
from benchmarks.part import Part
from benchmarks.peers.lammps import against_lammps, comparisons, engines, growth
from benchmarks.timing import in_turn
from tlsfind.engine import Engine, State, make_engine

STEPS = {"native": 200, "lepton_one_type": 40, "lepton_classes": 40}
TIME_STEP = 0.01


def measure(context: Context) -> dict[str, Any]:
    """Microseconds of a step, by number of particles."""
    return {"dynamics": context.by_particles(partial(_one, context))}


def steps_of(engine: Engine, glass: Glass, steps: int) -> Callable[[], object]:
    """A way that runs ``steps`` steps from the glass, set-up and lists included."""

    def run() -> None:
        state = State(glass.configuration.positions.copy(), glass.velocities.copy())
        engine.run(state, steps, TIME_STEP)

    return run


def _one(context: Context, particles: int) -> dict[str, Any]:
    glass = context.glass(particles)
    with engines(glass) as lammps:
        every: dict[str, Engine] = {"native": make_engine(glass.configuration), **lammps}
        ways = {name: steps_of(engine, glass, STEPS[name]) for name, engine in every.items()}
        times = in_turn(ways, min(context.rounds, 5), STEPS)
    return against_lammps(times)


PART = Part(
    "dynamics",
    "Molecular dynamics",
    "NVE from the glass at T = 0.04 with dt = 0.01, 200 steps (LAMMPS: 40) with the set-up of the "
    "run and its neighbour lists, for each step.",
    measure,
    comparisons("MD step", "dynamics"),
    (growth("MD step with N", "dynamics"),),
)
