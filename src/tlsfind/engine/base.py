"""What every engine can do: energies, forces, quenches and dynamics of one set of particles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from tlsfind.errors import InputError


@dataclass(frozen=True)
class Quench:
    """An inherent structure.

    Attributes:
        positions: (N, 3).
        energy: total energy.
        max_force: largest absolute force component.
        evaluations: force evaluations spent.
        converged: whether the force tolerance was met.
        stopped: whether the caller's ``stop`` ended it before that.
    """

    positions: np.ndarray
    energy: float
    max_force: float
    evaluations: int
    converged: bool
    stopped: bool = False


#: Asked on the way down with positions (N, 3), total energy and forces (N, 3): true ends a quench.
Stop = Callable[[np.ndarray, float, np.ndarray], bool]


@dataclass
class State:
    """A moving system.

    Attributes:
        positions: (N, 3), unwrapped.
        velocities: (N, 3).
    """

    positions: np.ndarray
    velocities: np.ndarray


def checked_positions(count: int, positions: np.ndarray) -> np.ndarray:
    """``positions`` as float64.

    Args:
        count: number of particles N.
        positions: (N, 3).

    Raises:
        InputError: the shape is wrong, or a position is not finite.
    """
    positions = np.asarray(positions, dtype=np.float64)
    if positions.shape != (count, 3):
        raise InputError(f"positions have shape {positions.shape}, expected ({count}, 3)")
    bad = ~np.isfinite(positions)
    if bad.any():
        raise InputError(
            f"particle {np.flatnonzero(bad.any(axis=1))[0] + 1} has a NaN or infinite "
            "position, expected finite numbers"
        )
    return positions


class Engine(Protocol):
    """The protocol that the rest of the project is written against.

    Attributes:
        n_particles: N.
        box: edge of the cubic box.
        masses: (N,) in the model's unit of mass.
    """

    n_particles: int
    box: float
    masses: np.ndarray

    def energy(self, positions: np.ndarray) -> float:
        """Total potential energy of ``positions`` (N, 3)."""
        ...

    def energy_forces(self, positions: np.ndarray) -> tuple[float, np.ndarray]:
        """Total potential energy and forces (N, 3) of ``positions`` (N, 3)."""
        ...

    def path_energy_forces(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Energies (P,) and forces (P, N, 3) of ``images`` (P, N, 3), unwrapped along the path."""
        ...

    def quench(
        self,
        positions: np.ndarray,
        force_tolerance: float = 1e-6,
        max_evaluations: int = 20000,
        stop: Stop | None = None,
    ) -> Quench:
        """The inherent structure of ``positions`` (N, 3), unless ``stop`` ends the descent early.

        How often ``stop`` is asked, if at all, is the engine's business.
        """
        ...

    def run(
        self,
        state: State,
        steps: int,
        time_step: float,
        temperature: float = 0.0,
        thermostat_time: float = 0.0,
    ) -> np.ndarray:
        """Advance ``state`` in place: NVE, or Berendsen where ``thermostat_time`` > 0.

        Returns:
            (steps, 2): potential and kinetic energy after each step.
        """
        ...


@runtime_checkable
class FillsPathForces(Protocol):
    """What an engine may offer besides: forces of a path into arrays that exist."""

    def fill_path_forces(
        self, images: np.ndarray, energies: np.ndarray, forces: np.ndarray
    ) -> None:
        """``Engine.path_energy_forces`` into contiguous arrays (P,) and (P, N, 3)."""
        ...
