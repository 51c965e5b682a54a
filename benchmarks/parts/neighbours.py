"""Neighbour lists: what making one costs, the skin, and the numbers of the particles."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.context import Context
from benchmarks.glasses import Glass
from benchmarks.part import Comparison, Growth, Part
from benchmarks.parts.dynamics import steps_of
from benchmarks.parts.lanes import IMAGES, straight
from benchmarks.timing import in_turn
from tlsfind.engine.native.engine import SKIN, NativeEngine

SKINS = (0.1, 0.15, SKIN, 0.3, 0.4)
STEPS = 200

Ways = dict[str, Callable[[], object]]


def measure(context: Context) -> dict[str, Any]:
    """Lists in force evaluations, skins and orders of particles, by number of particles."""
    found = context.by_particles(partial(_one, context))
    found["by_skin"] = _skins(context)
    return {"neighbours": found}


def _one(context: Context, particles: int) -> dict[str, Any]:
    glass = context.glass(particles)
    return {**_lists(context, glass), "order": _orders(context, glass)}


def _lists(context: Context, glass: Glass) -> dict[str, Any]:
    """Microseconds of both lists, and of the forces of a configuration whose list holds."""
    engine = NativeEngine(glass.configuration.diameters, glass.configuration.box)
    positions = np.mod(glass.starts[0], engine.box)

    def pruned() -> None:
        engine._reference[:] = np.inf
        engine._refresh(positions)

    def from_cells() -> None:
        engine._wide[4][:] = np.inf
        pruned()

    ways: Ways = {
        "forces": lambda: engine.energy_forces(positions),
        "pruned": pruned,
        "from_cells": from_cells,
    }
    times = in_turn(ways, context.rounds)
    return {
        **times["pruned"].numbers("microseconds"),
        "in_evaluations": times["forces"].over(times["pruned"]),
        "from_cells": {
            **times["from_cells"].numbers("microseconds"),
            "in_evaluations": times["forces"].over(times["from_cells"]),
        },
    }


def _skins(context: Context) -> dict[str, Any]:
    """Times of a step and of a quench with each skin, over those with the default one."""
    glass = context.glass(context.main)
    diameters, box = glass.configuration.diameters, glass.configuration.box
    engines = {skin: NativeEngine(diameters, box, skin) for skin in SKINS}
    rounds = min(context.rounds, 5)
    steps = in_turn({str(s): steps_of(e, glass, STEPS) for s, e in engines.items()}, rounds, STEPS)
    quenches = in_turn(
        {str(s): partial(e.quench, glass.starts[0], 1e-6) for s, e in engines.items()}, rounds
    )
    usual = str(SKIN)
    return {
        name: {
            "step": steps[usual].over(steps[name]),
            "quench": quenches[usual].over(quenches[name]),
        }
        for name in steps
    }


def _orders(context: Context, glass: Glass) -> dict[str, float]:
    """How many times longer everything takes with particles numbered at random."""
    shuffled = np.random.default_rng(0).permutation(len(glass.configuration))
    images = straight(glass, context.pick(IMAGES, 5))
    ways: dict[str, Ways] = {"forces": {}, "image": {}, "quench": {}}
    for name, order in (("curve", np.arange(len(shuffled))), ("random", shuffled)):
        engine = NativeEngine(glass.configuration.diameters[order], glass.configuration.box)
        one, path = glass.starts[0][order].copy(), images[:, order].copy()
        ways["forces"][name] = partial(engine.energy_forces, one)
        ways["image"][name] = partial(engine.path_energy_forces, path)
        ways["quench"][name] = partial(engine.quench, one, 1e-6)
    times = {name: in_turn(both, context.rounds) for name, both in ways.items()}
    return {name: t["curve"].over(t["random"]) for name, t in times.items()}


PART = Part(
    "neighbours",
    "Neighbour lists",
    "A list is pruned from a wide one, which is made from cells and holds for good in a glass. "
    "Skins at T = 0.04: 200 steps from the glass, and a quench; times over those with the default "
    "skin. Particles are numbered along a curve through space; the same with random numbers.",
    measure,
    (
        Comparison("making a list, in force evaluations", "", "neighbours.in_evaluations"),
        Comparison(
            "making both lists, in force evaluations", "", "neighbours.from_cells.in_evaluations"
        ),
        Comparison(
            "an image, particles numbered at random over along a curve", "x",
            "neighbours.order.image",
        ),
    ),
    (
        Growth(
            "Lists with N", "N", "neighbours.by_particles",
            {
                "us": "microseconds",
                "in force evaluations": "in_evaluations",
                "both lists, us": "from_cells.microseconds",
                "both, in force evaluations": "from_cells.in_evaluations",
            },
        ),
        Growth(
            "Skin", "skin", "neighbours.by_skin",
            {"step of dynamics": "step", "quench": "quench"},
        ),
        Growth(
            "Numbers at random over numbers along a curve", "N", "neighbours.by_particles",
            {
                "force evaluation": "order.forces",
                "an image of 40": "order.image",
                "quench": "order.quench",
            },
        ),
    ),
)  # fmt: skip
