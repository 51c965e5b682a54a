"""Quenches by FIRE, conjugate gradients and L-BFGS on the project's forces, counted alike.

All end at the first evaluation whose largest force component is within the tolerance. The line
searches of SciPy compare energies, of which they run out of digits before that: what gives up is
started again from where it was.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.peers.fire import Fire
from tlsfind.engine import Engine

TIME_STEP, LONGEST = 0.02, 0.1
MOST_EVALUATIONS = 20_000
RESTARTS = 20


class _Reached(Exception):
    """The tolerance is met."""


@dataclass
class Descent:
    """A descent.

    Attributes:
        evaluations: of the forces.
        converged: whether the tolerance was met.
        energy: at the end.
    """

    evaluations: int = 0
    converged: bool = False
    energy: float = np.nan


class _Counted:
    """Energy and gradient of flat coordinates; counts, and ends the descent."""

    def __init__(self, engine: Engine, tolerance: float, descent: Descent) -> None:
        self._engine, self._tolerance, self._descent = engine, tolerance, descent
        self.last = np.empty(0)

    def __call__(self, flat: np.ndarray) -> tuple[float, np.ndarray]:
        energy, forces = self._engine.energy_forces(flat.reshape(-1, 3))
        self._descent.evaluations += 1
        self.last = flat
        self._descent.energy = energy
        if np.abs(forces).max() <= self._tolerance:
            self._descent.converged = True
            raise _Reached
        if self._descent.evaluations >= MOST_EVALUATIONS:
            raise _Reached
        return energy, -forces.reshape(-1)


def _fire(function: Callable, start: np.ndarray) -> None:
    positions, fire = start.copy(), Fire(start.size, TIME_STEP, LONGEST)
    while True:
        fire.step(positions, -function(positions)[1])


def _scipy(method: str, **options: float) -> Callable[[Callable, np.ndarray], None]:
    def descend(function: Callable, start: np.ndarray) -> None:
        from scipy.optimize import minimize

        minimize(function, start, jac=True, method=method, options=options)

    return descend


#: The ways down, by name: functions of energy-and-gradient and of the start, both flat.
WAYS: dict[str, Callable[[Callable, np.ndarray], None]] = {
    "fire": _fire,
    "cg": _scipy("CG", gtol=0.0, maxiter=MOST_EVALUATIONS),
    "lbfgs": _scipy("L-BFGS-B", gtol=0.0, ftol=0.0, maxiter=MOST_EVALUATIONS, maxfun=10**6),
}


def descend(name: str, engine: Engine, start: np.ndarray, tolerance: float) -> Descent:
    """Quench ``start`` (N, 3) until the largest force component is at most ``tolerance``."""
    found = Descent()
    counted = _Counted(engine, tolerance, found)
    counted.last = start.reshape(-1).copy()
    with contextlib.suppress(_Reached):
        for _ in range(RESTARTS):
            WAYS[name](counted, counted.last.copy())
    return found
