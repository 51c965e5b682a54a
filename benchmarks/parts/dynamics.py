"""A step of molecular dynamics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.context import Context
from benchmarks.glasses import Glass
from benchmarks.part import Comparison, Growth, Part
from benchmarks.peers.lammps import ONE_TYPE, SIZE_CLASSES, engines
from benchmarks.timing import in_turn
from tlsfind.engine import Engine, State, make_engine

STEPS = {"native": 200, "lepton_one_type": 40, "lepton_classes": 40}
TIME_STEP = 0.01


def measure(context: Context) -> dict[str, Any]:
    """Microseconds of a step, by number of particles."""
    by_size = {str(n): _one(context, n) for n in context.sizes}
    return {"dynamics": {**by_size[str(context.main)], "by_particles": by_size}}


def _way(engine: Engine, glass: Glass, steps: int) -> Callable[[], object]:
    def run() -> None:
        state = State(glass.configuration.positions.copy(), glass.velocities.copy())
        engine.run(state, steps, TIME_STEP)

    return run


def _one(context: Context, particles: int) -> dict[str, Any]:
    glass = context.glass(particles)
    with engines(glass) as lammps:
        every: dict[str, Engine] = {"native": make_engine(glass.configuration), **lammps}
        ways = {name: _way(engine, glass, STEPS[name]) for name, engine in every.items()}
        times = in_turn(ways, min(context.rounds, 5), STEPS)
    native = times["native"]
    return {
        **native.numbers("microseconds"),
        **{name: times[name].numbers("microseconds") for name in lammps},
        "ratio_lepton": native.over(times["lepton_classes"]),
        "ratio_lepton_one_type": native.over(times["lepton_one_type"]),
    }


PART = Part(
    "dynamics",
    "Molecular dynamics",
    "NVE from the glass at T = 0.04 with dt = 0.01, 200 steps (LAMMPS: 40) with the set-up of the "
    "run and its neighbour lists, for each step.",
    measure,
    (
        Comparison(
            "MD step", "us", "dynamics.microseconds", ONE_TYPE,
            "dynamics.lepton_one_type.microseconds", "dynamics.ratio_lepton_one_type",
        ),
        Comparison(
            "MD step", "us", "dynamics.microseconds", SIZE_CLASSES,
            "dynamics.lepton_classes.microseconds", "dynamics.ratio_lepton",
        ),
    ),
    (
        Growth(
            "MD step with N", "N", "dynamics.by_particles",
            {
                "us": "microseconds",
                "LAMMPS, one type, us": "lepton_one_type.microseconds",
                "LAMMPS, 8 classes, us": "lepton_classes.microseconds",
                "ratio to 8 classes": "ratio_lepton",
            },
        ),
    ),
)  # fmt: skip
