"""Numba kernel that quenches a configuration to its inherent structure.

Limited-memory BFGS (Nocedal, Math. Comput. 35, 773 (1980)) with a cap on the displacement of a
step, so that the walk stays in the basin where it started, and with a fall-back to steepest
descent wherever a step would climb.
"""

from __future__ import annotations

import numpy as np

from tlsfind.engine.native.dynamics import OK, refresh_list
from tlsfind.engine.native.forces import energy_forces
from tlsfind.kernels import kernel

MEMORY = 10
FIRST_STEP = 0.02  # largest displacement of a particle in a steepest-descent step
LARGEST_STEP = 0.1  # the same for a quasi-Newton step
CLIMB = 1e-12  # relative energy increase that is rounding, not climbing
LARGEST_ENERGY = 1e140  # beyond, two particles are within 1e-11, at one place but for rounding
NOT_CONVERGED = 3


@kernel
def largest_component(forces):
    """Largest absolute component of ``forces`` (N, 3); NaN if there is one."""
    largest = 0.0
    for i in range(len(forces)):
        for axis in range(3):
            value = abs(forces[i, axis])
            if value != value:
                return value
            largest = max(largest, value)
    return largest


@kernel
def _dot(a, b):
    total = 0.0
    for k in range(len(a)):
        total += a[k] * b[k]
    return total


@kernel
def _direction(force, steps, changes, curvatures, stored, newest, direction, weights):
    """Two-loop recursion: ``direction`` = H force from the last ``stored`` steps."""
    direction[:] = force
    for back in range(stored):
        k = (newest - back) % MEMORY
        weights[k] = _dot(steps[k], direction) * curvatures[k]
        for d in range(len(direction)):
            direction[d] -= weights[k] * changes[k, d]
    if stored > 0:
        scale = 1.0 / (curvatures[newest] * _dot(changes[newest], changes[newest]))
        for d in range(len(direction)):
            direction[d] *= scale
    for back in range(stored - 1, -1, -1):
        k = (newest - back) % MEMORY
        beta = curvatures[k] * _dot(changes[k], direction)
        for d in range(len(direction)):
            direction[d] += (weights[k] - beta) * steps[k, d]


@kernel
def _capped(direction, cap):
    """Factor that limits the largest displacement of a particle to ``cap``."""
    largest = 0.0
    for i in range(len(direction) // 3):
        square = 0.0
        for axis in range(3):
            square += direction[3 * i + axis] ** 2
        largest = max(largest, square)
    largest = np.sqrt(largest)
    return 1.0 if largest <= cap else cap / largest


@kernel
def quench(
    positions, forces, tolerance, max_evaluations, diameters, box, skin, reference, reach, lists,
    shifts,
):  # fmt: skip
    """Minimise in place until the largest force component is at most ``tolerance``.

    Args:
        positions, forces: (N, 3), both overwritten.
        tolerance: largest force component.
        max_evaluations: force evaluations before giving up.
        diameters, box, skin, reference, reach, lists, shifts: see ``dynamics.refresh_list``.

    Returns:
        (status, energy, largest force component, evaluations). An energy above LARGEST_ENERGY
        means that nothing was done.
    """
    n = positions.size
    flat = positions.reshape(n)
    flat_forces = forces.reshape(n)
    steps = np.empty((MEMORY, n))
    changes = np.empty((MEMORY, n))
    curvatures = np.empty(MEMORY)
    weights = np.empty(MEMORY)
    direction = np.empty(n)
    old_positions = np.empty(n)
    old_forces = np.empty(n)
    stored = 0
    newest = -1
    status = refresh_list(positions, reference, reach, diameters, box, skin, lists)
    if status != OK:
        return status, 0.0, 0.0, 0
    energy = energy_forces(positions, shifts, lists[0], lists[1], lists[2], lists[3], forces)
    evaluations = 1
    if not (energy < LARGEST_ENERGY):
        return NOT_CONVERGED, energy, np.inf, evaluations
    first = FIRST_STEP
    while True:
        largest = largest_component(forces)
        if largest <= tolerance:
            return OK, energy, largest, evaluations
        if evaluations >= max_evaluations or not (largest < np.inf):
            return NOT_CONVERGED, energy, largest, evaluations
        old_positions[:] = flat
        old_forces[:] = flat_forces
        old_energy = energy
        if stored > 0:
            _direction(flat_forces, steps, changes, curvatures, stored, newest, direction, weights)
            if _dot(direction, flat_forces) <= 0.0:
                stored = 0
        if stored == 0:
            for d in range(n):
                direction[d] = flat_forces[d] / largest
            cap = min(first, 0.1 * largest)
        else:
            cap = LARGEST_STEP
        factor = _capped(direction, cap)
        while True:
            for d in range(n):
                flat[d] = old_positions[d] + factor * direction[d]
            status = refresh_list(positions, reference, reach, diameters, box, skin, lists)
            if status != OK:
                flat[:] = old_positions
                return status, old_energy, largest, evaluations
            energy = energy_forces(
                positions, shifts, lists[0], lists[1], lists[2], lists[3], forces
            )
            evaluations += 1
            if energy <= old_energy + CLIMB * abs(old_energy):
                break
            if evaluations >= max_evaluations:
                flat[:] = old_positions
                flat_forces[:] = old_forces
                return NOT_CONVERGED, old_energy, largest, evaluations
            if stored > 0:
                stored = 0
                for d in range(n):
                    direction[d] = old_forces[d] / largest
                factor = _capped(direction, min(first, 0.1 * largest))
            else:
                factor *= 0.3
        k = (newest + 1) % MEMORY
        for d in range(n):
            steps[k, d] = flat[d] - old_positions[d]
            changes[k, d] = old_forces[d] - flat_forces[d]
        curvature = _dot(steps[k], changes[k])
        if curvature > 1e-10 * _dot(changes[k], changes[k]):
            curvatures[k] = 1.0 / curvature
            newest = k
            stored = min(stored + 1, MEMORY)
