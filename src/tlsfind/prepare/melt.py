"""Liquids of models that have no swaps: molecular dynamics with a Berendsen thermostat.

Swap moves need energies of single particles, which LAMMPS does not give. So these liquids
equilibrate by their own dynamics, and T_f is a temperature at which that takes an acceptable time:
far above what swap Monte Carlo reaches.
"""

from __future__ import annotations

import numpy as np

from tlsfind.config import Prepare
from tlsfind.engine.base import Engine, State
from tlsfind.errors import InputError
from tlsfind.prepare.sampler import ChunkResult


class DynamicsSampler:
    """Runs a liquid at constant temperature by molecular dynamics.

    A chunk depends on positions and velocities alone, so that a run goes on alike after a restart.

    Args:
        engine: moves the particles.
        positions: (N, 3), unwrapped, changed in place by :meth:`run`.
        velocities: (N, 3), changed in place by :meth:`run`.
        settings: the section ``prepare`` of the config.
    """

    def __init__(
        self, engine: Engine, positions: np.ndarray, velocities: np.ndarray, settings: Prepare
    ):
        self.engine = engine
        self.positions = positions
        self.velocities = velocities
        self.settings = settings

    def run(self, blocks: int, temperature: float) -> ChunkResult:
        """Run ``blocks`` blocks of ``md_steps`` steps at ``temperature``.

        Returns:
            Averages over all steps; no acceptances.

        Raises:
            InputError: the dynamics diverged.
        """
        settings = self.settings
        state = State(self.positions.copy(), self.velocities.copy())
        energies = advance(self.engine, state, blocks * settings.md_steps, settings, temperature)
        self.positions[:], self.velocities[:] = state.positions, state.velocities
        n = len(self.positions)
        return ChunkResult(
            potential_energy=float(energies[:, 0].mean() / n),
            kinetic_temperature=float(energies[:, 1].mean() * 2.0 / (3.0 * n - 3.0)),
            swap_acceptance=np.nan,
            dynamics_acceptance=np.nan,
        )


def advance(
    engine: Engine, state: State, steps: int, settings: Prepare, temperature: float
) -> np.ndarray:
    """Advance ``state`` in place with the thermostat at ``temperature``.

    Returns:
        (steps, 2): potential and kinetic energy after each step.

    Raises:
        InputError: the dynamics diverged.
    """
    energies = engine.run(
        state,
        steps,
        settings.time_step,
        temperature=temperature,
        thermostat_time=settings.thermostat_time,
    )
    finite = np.isfinite(energies).all() and np.isfinite(state.positions).all()
    if not (finite and np.isfinite(state.velocities).all()):
        raise InputError(
            f"the dynamics at T = {temperature:g} diverged: prepare.time_step "
            f"{settings.time_step:g} is too long"
        )
    return energies
