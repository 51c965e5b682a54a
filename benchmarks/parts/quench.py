"""A quench from a configuration of the dynamics."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from benchmarks.context import Context
from benchmarks.part import Comparison, Growth, Part
from benchmarks.peers.lammps import CLASSES, ONE_TYPE, SIZE_CLASSES, engines
from benchmarks.timing import Times, timed
from tlsfind.configuration import displacements
from tlsfind.engine import Engine, make_engine

TOLERANCE = 1e-6
SAME = 1e-2  # displacement d below which two ends are one minimum


def measure(context: Context) -> dict[str, Any]:
    """Seconds and evaluations of a quench, by number of particles."""
    return {"quench": context.by_particles(partial(_one, context))}


def _one(context: Context, particles: int) -> dict[str, Any]:
    glass = context.glass(particles)
    main = particles == context.main
    many, few = (context.pick(20, 2), context.pick(3, 1)) if main else (context.pick(6, 1), 1)
    native = make_engine(glass.configuration)
    native.quench(glass.starts[0], TOLERANCE)  # compiled or loaded
    own = _quenches(native, glass.starts[:many])
    found = {
        **Times(own[0]).numbers("seconds"),
        "evaluations": float(np.mean(own[1])),
        "microseconds_per_evaluation": 1e6 * float(own[0].sum() / own[1].sum()),
        "configurations": many,
    }
    with engines(glass, list(CLASSES) if main else ["lepton_classes"]) as lammps:
        every: dict[str, Engine] = {"native": native, **lammps}
        rows = [
            {name: timed(partial(by.quench, start, TOLERANCE)) for name, by in every.items()}
            for start in glass.starts[:few]
        ]
    times = {name: Times(np.array([row[name][0] for row in rows])) for name in every}
    for name in lammps:
        ends = [(row["native"][1].positions, row[name][1].positions) for row in rows]
        same = sum(
            np.linalg.norm(displacements(a, b, glass.configuration.box)) < SAME for a, b in ends
        )
        found[name] = {
            **times[name].numbers("seconds"),
            "evaluations": float(np.mean([row[name][1].evaluations for row in rows])),
            "same_minimum": f"{same} of {few}",
        }
    found["ratio_lepton"] = times["native"].over(times["lepton_classes"])
    if main:
        found["ratio_lepton_one_type"] = times["native"].over(times["lepton_one_type"])
    return found


def _quenches(engine: Engine, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Seconds and evaluations of each quench."""
    found = [timed(partial(engine.quench, start, TOLERANCE)) for start in starts]
    return np.array([s for s, _ in found]), np.array([q.evaluations for _, q in found])


PART = Part(
    "quench",
    "Quench",
    "From configurations of the dynamics at T = 0.04, 200 steps apart, to a largest force "
    "component of 1e-6. The spread is over configurations. LAMMPS quenches the first ones, by "
    "FIRE as its engine does by default, each right after the native engine.",
    measure,
    (
        Comparison(
            "quench", "s", "quench.seconds", ONE_TYPE, "quench.lepton_one_type.seconds",
            "quench.ratio_lepton_one_type",
        ),
        Comparison(
            "quench", "s", "quench.seconds", SIZE_CLASSES, "quench.lepton_classes.seconds",
            "quench.ratio_lepton",
        ),
    ),
    (
        Growth(
            "Quench with N", "N", "quench.by_particles",
            {
                "s": "seconds",
                "evaluations": "evaluations",
                "us per evaluation": "microseconds_per_evaluation",
                "LAMMPS, 8 classes, s": "lepton_classes.seconds",
                "its evaluations": "lepton_classes.evaluations",
                "ratio": "ratio_lepton",
                "same minimum": "lepton_classes.same_minimum",
            },
        ),
    ),
)  # fmt: skip
