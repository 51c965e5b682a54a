"""Several configurations at once: the images of a path."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from benchmarks.context import Context
from benchmarks.glasses import Glass
from benchmarks.part import Comparison, Growth, Part
from benchmarks.peers.lammps import CLASSES, SIZE_CLASSES, system
from benchmarks.timing import in_turn
from tlsfind.configuration import displacements
from tlsfind.engine import make_engine
from tlsfind.engine.lammps.engine import LammpsEngine

IMAGES = 40


def straight(glass: Glass, images: int) -> np.ndarray:
    """Images (P, N, 3) on the line between two minima of a middling pair."""
    pairs = glass.close_pairs(3)
    a, b = pairs[len(pairs) // 2]
    weights = np.linspace(0.0, 1.0, images)[:, None, None]
    return a + weights * displacements(a, b, glass.configuration.box)


def measure(context: Context) -> dict[str, Any]:
    """Microseconds of an image, by number of particles and of images."""
    found = context.by_particles(partial(_one, context))
    glass = context.glass(context.main)
    engine = make_engine(glass.configuration)
    counts = context.pick(1, 0) * [10, 20, 40, 80] or [5, 10]
    stacks = {count: straight(glass, count) for count in counts}
    ways = {
        str(count): lambda stack=stack: engine.path_energy_forces(stack)
        for count, stack in stacks.items()
    }
    times = in_turn(ways, context.rounds, {str(count): count for count in counts})
    found["by_images"] = {name: t.numbers("microseconds") for name, t in times.items()}
    return {"lanes": found}


def _one(context: Context, particles: int) -> dict[str, Any]:
    glass = context.glass(particles)
    engine = make_engine(glass.configuration)
    count = context.pick(IMAGES, 5)
    images = straight(glass, count)

    def one_by_one() -> None:
        for image in images:
            engine.energy_forces(image)

    with LammpsEngine(system(glass, CLASSES["lepton_classes"])) as lammps:
        ways = {
            "lanes": lambda: engine.path_energy_forces(images),
            "one_by_one": one_by_one,
            "lepton_classes": lambda: lammps.path_energy_forces(images),
        }
        times = in_turn(ways, context.rounds, count)
    lanes = times["lanes"]
    return {
        **lanes.numbers("microseconds"),
        "one_by_one": times["one_by_one"].numbers("microseconds"),
        "lepton_classes": times["lepton_classes"].numbers("microseconds"),
        "ratio_one_by_one": lanes.over(times["one_by_one"]),
        "ratio_lepton": lanes.over(times["lepton_classes"]),
    }


PART = Part(
    "lanes",
    "Several configurations at once",
    "Energies and forces of 40 images on the line between two minima, for each image, by one call "
    "from Python with packing and unpacking; against one call for each image, and against LAMMPS, "
    "which goes through the images in one run.",
    measure,
    (
        Comparison(
            "force evaluation in lanes, per image", "us", "lanes.microseconds",
            "the native engine, one by one", "lanes.one_by_one.microseconds",
            "lanes.ratio_one_by_one",
        ),
        Comparison(
            "force evaluation in lanes, per image", "us", "lanes.microseconds", SIZE_CLASSES,
            "lanes.lepton_classes.microseconds", "lanes.ratio_lepton",
        ),
    ),
    (
        Growth(
            "An image with N (40 images)", "N", "lanes.by_particles",
            {
                "us per image": "microseconds",
                "one by one, us": "one_by_one.microseconds",
                "LAMMPS, us": "lepton_classes.microseconds",
                "ratio to LAMMPS": "ratio_lepton",
            },
        ),
        Growth(
            "An image with the number of images", "images", "lanes.by_images",
            {"us per image": "microseconds"},
        ),
    ),
)  # fmt: skip
