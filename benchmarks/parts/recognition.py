"""What recognising minima saves in the exploration, and whether it ever names the wrong one."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.context import Context
from benchmarks.part import Comparison, Growth, Part
from tlsfind.config import Explore, Landscape
from tlsfind.configuration import Configuration
from tlsfind.engine import make_engine
from tlsfind.engine.base import State
from tlsfind.landscape.identity import Catalogue
from tlsfind.landscape.recognition import Recogniser
from tlsfind.prepare.start import maxwell_velocities

QUENCHES = {500: 1000, 1500: 400}  # by number of particles
TRAJECTORY = 100  # quenches
STEPS = 20  # between two
SETTINGS = Explore(trajectories=1, steps=STEPS, quench_every=STEPS)


def measure(context: Context) -> dict[str, Any]:
    """Evaluations with and without recognition, and the quenches of which it changed the end."""
    sizes = [context.main] if context.quick else list(QUENCHES)
    found = {
        str(n): follow(context.glass(n).configuration, context.pick(QUENCHES.get(n, 0), 20))
        for n in sizes
    }
    main = found[str(sizes[0])]
    return {"recognition": {**main, "by_particles": found}}


def follow(configuration: Configuration, quenches: int, seed: int = 11) -> dict[str, float]:
    """Quench along trajectories; every quench that is stopped is finished as well.

    Args:
        configuration: where each trajectory starts.
        quenches: in all.
        seed: of the velocities.
    """
    engine = make_engine(configuration)
    identity = Landscape()
    catalogue = Catalogue(
        configuration.box, identity.energy_window, identity.displacement_tolerance
    )
    counts = {"quenches": 0, "recognised": 0, "wrong": 0, "spent": 0, "to_the_end": 0}
    rng = np.random.default_rng(seed)
    while counts["quenches"] < quenches:
        velocities = maxwell_velocities(
            len(configuration), SETTINGS.temperature, rng, engine.masses
        )
        state = State(configuration.positions.copy(), velocities)
        recogniser = Recogniser(
            configuration.box, SETTINGS.recognition_radius, engine.energy_forces
        )
        for _ in range(min(TRAJECTORY, quenches - counts["quenches"])):
            engine.run(state, STEPS, SETTINGS.time_step)
            early = engine.quench(state.positions, SETTINGS.force_tolerance, stop=recogniser)
            full = engine.quench(state.positions, SETTINGS.force_tolerance)
            number = catalogue.find_or_add(full.positions, full.energy, full.max_force)
            counts["quenches"] += 1
            counts["recognised"] += early.stopped
            counts["wrong"] += early.stopped and recogniser.found != number
            counts["spent"] += early.evaluations
            counts["to_the_end"] += full.evaluations
            recogniser.remember(number, full)
        counts["spent"] += recogniser.evaluations
    return {
        **counts,
        "minima": len(catalogue),
        "evaluations": counts["spent"] / counts["quenches"],
        "evaluations_to_the_end": counts["to_the_end"] / counts["quenches"],
        "ratio": counts["to_the_end"] / counts["spent"],
    }


PART = Part(
    "recognition",
    "Recognition of minima",
    "Trajectories of 100 quenches, 20 steps apart, at T = 0.04. A quench that was stopped because "
    "its minimum was recognised is finished as well: `wrong` counts those that end elsewhere.",
    measure,
    (
        Comparison(
            "force evaluations of a quench of a trajectory", "", "recognition.evaluations",
            "every quench finished", "recognition.evaluations_to_the_end", "recognition.ratio",
        ),
        Comparison("quenches whose minimum recognition changed", "", "recognition.wrong"),
    ),
    (
        Growth(
            "Recognition", "particles", "recognition.by_particles",
            {
                "quenches": "quenches", "recognised": "recognised", "wrong": "wrong",
                "minima": "minima", "evaluations": "evaluations",
                "to the end": "evaluations_to_the_end", "ratio": "ratio",
            },
        ),
    ),
)  # fmt: skip
