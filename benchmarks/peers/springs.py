"""The nudged elastic band in process: springs, uphill tangents, FIRE, on the project's engine.

Henkelman and Jonsson, J. Chem. Phys. 113, 9978 (2000): the tangent of an image leads to its higher
neighbour (Eqs. 8 to 11); an image feels the true force across the tangent and the spring force,
kappa times the difference of the two spacings, along it (Eq. 12). All images share one velocity of
FIRE, as in LAMMPS.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from benchmarks.peers.fire import Fire
from tlsfind.engine import Engine

SPRING = 1.0
TIME_STEP, LONGEST = 0.02, 0.06


@njit(cache=True)
def band_forces(images, energies, forces, spring, total):
    """Fill the force of the band on its images, and return the largest perpendicular force.

    Args:
        images, forces: (P, D).
        energies: (P,).
        spring: kappa.
        total: (P, D), filled; 0 at the ends.
    """
    count, size = images.shape
    total[0] = 0.0
    total[count - 1] = 0.0
    largest = 0.0
    for p in range(1, count - 1):
        before, here, after = energies[p - 1], energies[p], energies[p + 1]
        if after > here > before:
            ahead, behind = 1.0, 0.0
        elif after < here < before:
            ahead, behind = 0.0, 1.0
        else:
            high = max(abs(after - here), abs(before - here))
            low = min(abs(after - here), abs(before - here))
            ahead, behind = (high, low) if after > before else (low, high)
            if high == 0.0:
                ahead = behind = 1.0
        square = along = 0.0
        forward = backward = 0.0
        for d in range(size):
            f = images[p + 1, d] - images[p, d]
            b = images[p, d] - images[p - 1, d]
            tangent = ahead * f + behind * b
            total[p, d] = tangent
            square += tangent * tangent
            along += tangent * forces[p, d]
            forward += f * f
            backward += b * b
        norm = np.sqrt(square)
        pull = spring * (np.sqrt(forward) - np.sqrt(backward)) / norm
        across = along / square
        rest = 0.0
        for d in range(size):
            tangent = total[p, d]
            f = forces[p, d] - across * tangent
            rest += f * f
            total[p, d] = f + pull * tangent
        largest = max(largest, np.sqrt(rest))
    return largest


class Band:
    """A band between two ends that stay where they are.

    Args:
        engine: the engine.
        images: (P, N, 3), unwrapped; changed in place.
        spring: kappa.
    """

    def __init__(self, engine: Engine, images: np.ndarray, spring: float = SPRING) -> None:
        self.engine, self.images, self.spring = engine, images, spring
        self._flat = images.reshape(len(images), -1)
        self._total = np.zeros_like(self._flat)
        self._fire = Fire(self._flat.size, TIME_STEP, LONGEST)
        self.energies = np.empty(0)
        self.force = np.inf
        self._evaluate()

    def _evaluate(self) -> None:
        self.energies, forces = self.engine.path_energy_forces(self.images)
        flat = forces.reshape(self._flat.shape)
        self.force = band_forces(self._flat, self.energies, flat, self.spring, self._total)

    def step(self) -> None:
        """One iteration."""
        self._fire.step(self._flat.reshape(-1), self._total.reshape(-1))
        self._evaluate()

    def positions(self) -> np.ndarray:
        """Arc length (P,) of the images."""
        steps = np.linalg.norm(np.diff(self._flat, axis=0), axis=1)
        return np.concatenate([[0.0], np.cumsum(steps)])
