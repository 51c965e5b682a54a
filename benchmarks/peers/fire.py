"""FIRE as published (Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006)), for unit masses."""

from __future__ import annotations

import numpy as np
from numba import njit

ALPHA, ALPHA_SHRINK = 0.1, 0.99
GROW, SHRINK, DELAY = 1.1, 0.5, 5
LARGEST_MOVE = 0.1


@njit(cache=True)
def _sums(velocities, forces):
    """Power, squared speed and squared force of flat arrays."""
    power = speed = force = 0.0
    for d in range(len(forces)):
        power += forces[d] * velocities[d]
        speed += velocities[d] * velocities[d]
        force += forces[d] * forces[d]
    return power, speed, force


@njit(cache=True)
def _advance(positions, velocities, forces, keep, turn, time_step, largest):
    """Semi-implicit Euler after mixing velocities; no coordinate moves by more than ``largest``."""
    move = 0.0
    for d in range(len(forces)):
        v = keep * velocities[d] + turn * forces[d] + time_step * forces[d]
        velocities[d] = v
        move = max(move, abs(v) * time_step)
    scale = time_step if move <= largest else time_step * largest / move
    for d in range(len(forces)):
        positions[d] += scale * velocities[d]


class Fire:
    """One descent; all coordinates have one velocity and one time step.

    Args:
        size: number of coordinates.
        time_step: at the start.
        longest: the longest time step.
    """

    def __init__(self, size: int, time_step: float, longest: float) -> None:
        self.velocities = np.zeros(size)
        self.time_step, self.longest = time_step, longest
        self._alpha, self._downhill = ALPHA, 0

    def step(self, positions: np.ndarray, forces: np.ndarray) -> None:
        """Advance ``positions`` in place; both are flat."""
        power, speed, force = _sums(self.velocities, forces)
        if power > 0.0:
            keep, turn = 1.0 - self._alpha, self._alpha * np.sqrt(speed / force)
            self._downhill += 1
            if self._downhill > DELAY:
                self.time_step = min(GROW * self.time_step, self.longest)
                self._alpha *= ALPHA_SHRINK
        else:
            keep, turn = 0.0, 0.0
            if self._downhill or speed > 0.0:
                self.time_step *= SHRINK
            self._alpha, self._downhill = ALPHA, 0
        _advance(positions, self.velocities, forces, keep, turn, self.time_step, LARGEST_MOVE)
