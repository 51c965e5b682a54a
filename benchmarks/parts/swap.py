"""Attempts to exchange the diameters of two particles."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from benchmarks.context import Context
from benchmarks.glasses import T_F
from benchmarks.part import Comparison, Growth, Part
from benchmarks.peers.plain import swap_attempt
from benchmarks.timing import Times, in_turn
from tlsfind.config import Prepare
from tlsfind.prepare.sampler import HybridSampler

BLOCKS = 5
FEW, MANY = 5.0, 25.0  # attempts for each particle in a block; the default, and five times that
PLAIN = 20


def measure(context: Context) -> dict[str, Any]:
    """Microseconds of an attempt, by number of particles."""
    return {"swap": context.by_particles(partial(_one, context))}


def _sampler(context: Context, particles: int, attempts: float) -> HybridSampler:
    configuration = context.glass(particles).configuration
    return HybridSampler(
        configuration.positions.copy(),
        configuration.diameters.copy(),
        configuration.box,
        Prepare(blocks=20, swaps_per_particle=attempts),
        np.random.default_rng(0),
    )


def _one(context: Context, particles: int) -> dict[str, Any]:
    samplers = {name: _sampler(context, particles, name) for name in (0.0, FEW, MANY)}
    configuration = context.glass(particles).configuration
    diameters, rng = configuration.diameters.copy(), np.random.default_rng(0)
    limit = samplers[FEW].settings.max_diameter_difference

    def plain() -> None:
        for _ in range(PLAIN):
            swap_attempt(configuration.positions, diameters, configuration.box, T_F, limit, rng)

    ways = {
        f"{name:g}": lambda sampler=sampler: sampler.run(BLOCKS, T_F)
        for name, sampler in samplers.items()
    }
    blocks = dict.fromkeys(ways, BLOCKS)
    times = in_turn({**ways, "plain": plain}, context.rounds, {**blocks, "plain": PLAIN})
    none, few, many = (times[f"{name:g}"].rounds for name in (0.0, FEW, MANY))
    ours = Times(np.maximum(few - none, 1e-9) / (FEW * particles))
    bare = Times(np.maximum(many - few, 1e-9) / ((MANY - FEW) * particles))
    return {
        **ours.numbers("microseconds"),
        "per_second": 1.0 / ours.median,
        "microseconds_without_lists": 1e6 * bare.median,
        "block_milliseconds": 1e3 * float(np.median(few)),
        "block_milliseconds_without_swaps": 1e3 * float(np.median(none)),
        "numpy": times["plain"].numbers("microseconds"),
        "ratio_numpy": ours.over(times["plain"]),
    }


PART = Part(
    "swap",
    "Swap attempts",
    "What a block of the hybrid Monte Carlo at T = 0.092 with 5 attempts for each particle takes "
    "more than one without, for each attempt: lists and energies for the swaps are included. "
    "Without them: 25 against 5 attempts. The peer, in NumPy, looks at all particles; it knows no "
    "lists.",
    measure,
    (
        Comparison(
            "swap attempt", "us", "swap.microseconds", "plain NumPy", "swap.numpy.microseconds",
            "swap.ratio_numpy",
        ),
        Comparison("swap attempts", "/s", "swap.per_second"),
        Comparison("block of 10 MD steps and 5 N swap attempts", "ms", "swap.block_milliseconds"),
    ),
    (
        Growth(
            "Swaps with N", "N", "swap.by_particles",
            {
                "us per attempt": "microseconds",
                "without lists, us": "microseconds_without_lists",
                "block, ms": "block_milliseconds",
                "block without swaps, ms": "block_milliseconds_without_swaps",
                "plain NumPy, us": "numpy.microseconds",
            },
        ),
    ),
)  # fmt: skip
