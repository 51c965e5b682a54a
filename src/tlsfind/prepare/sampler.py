"""The hybrid sampler: holds the particles and the scratch space of the kernels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tlsfind.config import Prepare
from tlsfind.engine.native.dynamics import LIST_TOO_SMALL, OK
from tlsfind.engine.native.engine import empty_lists
from tlsfind.engine.native.neighbours import shift_table
from tlsfind.engine.native.potential import CUTOFF
from tlsfind.errors import InputError
from tlsfind.prepare.hybrid import WIDE_SKIN, hybrid_blocks
from tlsfind.prepare.swaps import empty_rows

MD_SKIN = 0.3


@dataclass(frozen=True)
class ChunkResult:
    """Averages over some blocks.

    Attributes:
        potential_energy: mean per particle.
        kinetic_temperature: mean.
        swap_acceptance: accepted share of swap attempts.
        dynamics_acceptance: accepted share of the dynamics.
    """

    potential_energy: float
    kinetic_temperature: float
    swap_acceptance: float
    dynamics_acceptance: float


class HybridSampler:
    """Samples a liquid at constant temperature by particle swaps and hybrid Monte Carlo.

    Args:
        positions: (N, 3), unwrapped, changed in place by :meth:`run`.
        diameters: (N,), changed in place by :meth:`run`.
        box: box edge.
        settings: the section ``prepare`` of the config.
        rng: random generator.

    Raises:
        InputError: the box is too small for the neighbour lists.
    """

    def __init__(
        self,
        positions: np.ndarray,
        diameters: np.ndarray,
        box: float,
        settings: Prepare,
        rng: np.random.Generator,
    ):
        self.positions = positions
        self.diameters = diameters
        self.box = box
        self.settings = settings
        self.rng = rng
        self._shifts = shift_table(box)
        self._pairs_per_particle = 60
        longest = CUTOFF * float(diameters.max()) + WIDE_SKIN
        if longest > 0.5 * box:
            raise InputError(
                f"the box edge {box:g} is too small: the neighbour list reaches {longest:g}, "
                "expected at most half the box edge; take more particles or a lower density"
            )

    def _scratch(self):
        n, pairs = len(self.diameters), self._pairs_per_particle
        rows = empty_rows(n, 2 * n * pairs)
        return empty_lists(n, n * pairs), rows, empty_lists(n, n * pairs)

    def run(self, blocks: int, temperature: float) -> ChunkResult:
        """Run ``blocks`` blocks at ``temperature``.

        All lists are made anew, so that a run in chunks continues alike after a restart.

        Raises:
            InputError: the dynamics diverged.
        """
        n = len(self.diameters)
        settings = self.settings
        attempts = round(settings.swaps_per_particle * n)
        series = np.empty((blocks, 2))
        while True:
            before = (
                self.positions.copy(), self.diameters.copy(), self.rng.bit_generator.state
            )  # fmt: skip
            half, rows, lists = self._scratch()
            counts = np.zeros(3, np.int64)
            status = hybrid_blocks(
                blocks, self.positions, self.diameters, self.box, self._shifts, temperature,
                attempts, settings.max_diameter_difference, settings.md_steps,
                settings.time_step, MD_SKIN, half, rows, lists, self.rng, series, counts,
            )  # fmt: skip
            if status == OK:
                break
            if status != LIST_TOO_SMALL:
                raise InputError(
                    f"the dynamics at T = {temperature:g} diverged: time step "
                    f"{settings.time_step:g} is too long, expected about 0.01"
                )
            self.positions[:], self.diameters[:] = before[0], before[1]
            self.rng.bit_generator.state = before[2]
            self._pairs_per_particle *= 2
        return ChunkResult(
            potential_energy=float(series[:, 0].mean()),
            kinetic_temperature=float(series[:, 1].mean() * 2.0 / 3.0),
            swap_acceptance=float(counts[1] / max(counts[0], 1)),
            dynamics_acceptance=float(counts[2] / blocks),
        )
