"""Force evaluation of one configuration."""

from __future__ import annotations

from typing import Any

from benchmarks.context import Context
from benchmarks.part import Comparison, Growth, Part
from benchmarks.peers.lammps import ONE_TYPE, SIZE_CLASSES, force_runs
from benchmarks.timing import in_turn
from tlsfind.engine import make_engine

STEPS = 20  # evaluations in one run of LAMMPS


def measure(context: Context) -> dict[str, Any]:
    """Microseconds of an evaluation, by number of particles."""
    by_size = {str(n): _one(context, n) for n in context.sizes}
    return {"force": {**by_size[str(context.main)], "by_particles": by_size}}


def _one(context: Context, particles: int) -> dict[str, Any]:
    glass = context.glass(particles)
    positions = glass.starts[0]
    engine = make_engine(glass.configuration)
    with force_runs(glass, positions, STEPS) as runs:
        ways = {"native": lambda: engine.energy_forces(positions), **runs}
        times = in_turn(ways, context.rounds, {"native": 1, **dict.fromkeys(runs, STEPS)})
    native = times["native"]
    return {
        **native.numbers("microseconds"),
        **{name: times[name].numbers("microseconds") for name in runs},
        "ratio_lepton": native.over(times["lepton_classes"]),
        "ratio_lepton_one_type": native.over(times["lepton_one_type"]),
    }


PART = Part(
    "force",
    "Force evaluation",
    "Energy and forces of a configuration of the dynamics at T = 0.04, by a call from Python, with "
    "a neighbour list that still holds. LAMMPS: a run in which nothing moves, without set-up.",
    measure,
    (
        Comparison(
            "force evaluation", "us", "force.microseconds", ONE_TYPE,
            "force.lepton_one_type.microseconds", "force.ratio_lepton_one_type",
        ),
        Comparison(
            "force evaluation", "us", "force.microseconds", SIZE_CLASSES,
            "force.lepton_classes.microseconds", "force.ratio_lepton",
        ),
    ),
    (
        Growth(
            "Force evaluation with N", "N", "force.by_particles",
            {
                "us": "microseconds",
                "LAMMPS, one type, us": "lepton_one_type.microseconds",
                "LAMMPS, 8 classes, us": "lepton_classes.microseconds",
                "ratio to 8 classes": "ratio_lepton",
            },
        ),
    ),
)  # fmt: skip
