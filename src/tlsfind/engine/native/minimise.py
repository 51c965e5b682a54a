"""Numba kernels that quench a configuration to its inherent structure.

Limited-memory BFGS (Nocedal, Math. Comput. 35, 773 (1980)) with a cap on the displacement of a
step, so that the walk stays in the basin where it started, and with a fall-back to steepest
descent wherever a step would climb.

The two-loop recursion is done on coefficients: the direction is a sum of the stored steps, the
stored changes of force and the force, and all that the recursion asks for are products between
these. Of those only the products with the newest force are new in an iteration: a change of force
is the difference of two forces, and so are its products. So an iteration passes over the history
twice, once for products and once for the sum, where the recursion on vectors passes over it four
times. The history is in single precision, which leaves the minimum what it is: it is the forces
that say when it is reached.
"""

from __future__ import annotations

import numpy as np

from tlsfind.engine.native.dynamics import OK, refresh_list
from tlsfind.engine.native.forces import energy_forces
from tlsfind.kernels import kernel

MEMORY = 10
STRETCH = 512  # coordinates of the history that are passed over at a time
EVALUATIONS, STORED, NEWEST, USED = range(4)  # of the counts of a descent
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
def _history_products(history, used, force, products):
    """Fill products (2 MEMORY,) of the rows of ``history`` below ``used`` slots with ``force``."""
    products[:] = 0.0
    size = len(force)
    for begin in range(0, size, STRETCH):
        end = min(begin + STRETCH, size)
        for row in range(2 * MEMORY):
            if row % MEMORY < used:
                total = 0.0
                for d in range(np.uint64(begin), np.uint64(end)):
                    total += history[row, d] * force[d]
                products[row] += total


@kernel
def _history_sum(history, used, weights, scale, force, direction):
    """Fill ``direction`` = scale force + the sum of ``weights`` (2 MEMORY,) times history."""
    size = len(force)
    for begin in range(0, size, STRETCH):
        end = min(begin + STRETCH, size)
        for d in range(np.uint64(begin), np.uint64(end)):
            direction[d] = scale * force[d]
        for row in range(2 * MEMORY):
            if row % MEMORY < used:
                weight = weights[row]
                for d in range(np.uint64(begin), np.uint64(end)):
                    direction[d] += weight * history[row, d]


@kernel
def _weights(step_change, change_change, products, stored, newest, weights):
    """The two-loop recursion on coefficients.

    Args:
        step_change: (MEMORY, MEMORY) products of step i with change j, for j not older than i.
        change_change: (MEMORY, MEMORY) products of changes.
        products: (2 MEMORY,) products of steps and of changes with the force.
        stored: steps in use.
        newest: slot of the newest one.
        weights: (2 MEMORY,) filled: the direction's coefficients of steps and of changes.

    Returns:
        The coefficient of the force.
    """
    weights[:] = 0.0
    for back in range(stored):
        k = (newest - back) % MEMORY
        along = products[k]
        for later in range(back):
            j = (newest - later) % MEMORY
            along += weights[MEMORY + j] * step_change[k, j]
        weights[MEMORY + k] = -along / step_change[k, k]
    scale = step_change[newest, newest] / change_change[newest, newest]
    for k in range(MEMORY):
        weights[MEMORY + k] *= scale
    for back in range(stored - 1, -1, -1):
        k = (newest - back) % MEMORY
        along = scale * products[MEMORY + k]
        for other in range(stored):
            j = (newest - other) % MEMORY
            along += weights[MEMORY + j] * change_change[k, j]
            if other > back:
                along += weights[j] * step_change[j, k]
        # minus the first loop's coefficient, which was scaled with the direction
        weights[k] = -weights[MEMORY + k] / scale - along / step_change[k, k]
    return scale


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
    positions, forces, tolerance, max_evaluations, diameters, box, skin, wide_skin, reference, wide,
    lists, shifts, memory,
):  # fmt: skip
    """Minimise in place until the largest force component is at most ``tolerance``.

    Called again with what it left and a smaller tolerance it goes on as if it had not stopped.

    Args:
        positions, forces: (N, 3), both overwritten.
        tolerance: largest force component.
        max_evaluations: force evaluations before giving up.
        diameters, box, skin, wide_skin, reference, wide, lists: see ``dynamics.refresh_list``.
        shifts: (27, 3) periodic shifts.
        memory: of this descent, see :func:`empty_memory`.

    Returns:
        (status, energy, largest force component). An energy above LARGEST_ENERGY means that
        nothing was done.
    """
    n = positions.size
    flat = positions.reshape(n)
    flat_forces = forces.reshape(n)
    history, step_change, change_change, products, _, counts, energies = memory
    weights = np.empty(2 * MEMORY)
    direction = np.empty(n)
    old_positions = np.empty(n)
    old_forces = np.empty(n)
    if counts[EVALUATIONS] == 0:
        status = refresh_list(positions, reference, wide, diameters, box, skin, wide_skin, lists)
        if status != OK:
            return status, 0.0, 0.0
        energies[0] = energy_forces(
            positions, shifts, lists[0], lists[1], lists[2], lists[3], forces
        )
        counts[EVALUATIONS] = 1
    energy = energies[0]
    if not (energy < LARGEST_ENERGY):
        return NOT_CONVERGED, energy, np.inf
    while True:
        largest = largest_component(forces)
        if largest <= tolerance:
            return OK, energy, largest
        if counts[EVALUATIONS] >= max_evaluations or not (largest < np.inf):
            return NOT_CONVERGED, energy, largest
        old_positions[:] = flat
        old_forces[:] = flat_forces
        old_energy = energy
        stored, newest = counts[STORED], counts[NEWEST]
        if stored > 0:
            scale = _weights(step_change, change_change, products, stored, newest, weights)
            _history_sum(history, counts[USED], weights, scale, flat_forces, direction)
            if not (_dot(direction, flat_forces) > 0.0):
                stored = 0
        if stored == 0:
            for d in range(n):
                direction[d] = flat_forces[d] / largest
            cap = min(FIRST_STEP, 0.1 * largest)
        else:
            cap = LARGEST_STEP
        factor = _capped(direction, cap)
        while True:
            for d in range(n):
                flat[d] = old_positions[d] + factor * direction[d]
            status = refresh_list(
                positions, reference, wide, diameters, box, skin, wide_skin, lists
            )
            if status != OK:
                flat[:] = old_positions
                return status, old_energy, largest
            energy = energy_forces(
                positions, shifts, lists[0], lists[1], lists[2], lists[3], forces
            )
            counts[EVALUATIONS] += 1
            if energy <= old_energy + CLIMB * abs(old_energy):
                break
            if counts[EVALUATIONS] >= max_evaluations:
                flat[:] = old_positions
                flat_forces[:] = old_forces
                return NOT_CONVERGED, old_energy, largest
            if stored > 0:
                stored = 0
                for d in range(n):
                    direction[d] = old_forces[d] / largest
                factor = _capped(direction, min(FIRST_STEP, 0.1 * largest))
            else:
                factor *= 0.3
        energies[0] = energy
        counts[STORED] = stored
        _remember(memory, flat, flat_forces, old_positions, old_forces)


@kernel
def _remember(memory, flat, forces, old_positions, old_forces):
    """Store the last step and change of force, with their products.

    Args:
        memory: see :func:`empty_memory`.
        flat, forces: (3 N,) after the step.
        old_positions, old_forces: (3 N,) before it.
    """
    history, step_change, change_change, products, former, counts, _ = memory
    k = (counts[NEWEST] + 1) % MEMORY
    curvature = 0.0
    square = 0.0
    for d in range(len(flat)):
        change = old_forces[d] - forces[d]
        curvature += (flat[d] - old_positions[d]) * change
        square += change * change
    kept = curvature > 1e-10 * square
    if kept:
        for d in range(len(flat)):
            history[k, d] = np.float32(flat[d] - old_positions[d])
            history[MEMORY + k, d] = np.float32(old_forces[d] - forces[d])
        counts[NEWEST] = k
        counts[STORED] = min(counts[STORED] + 1, MEMORY)
        counts[USED] = max(counts[USED], k + 1)
    former[:] = products
    _history_products(history, counts[USED], forces, products)
    if kept:
        for j in range(counts[USED]):
            step_change[j, k] = former[j] - products[j]
            change_change[j, k] = change_change[k, j] = former[MEMORY + j] - products[MEMORY + j]
        step_change[k, k] = curvature
        change_change[k, k] = square


def empty_memory(n: int) -> tuple[np.ndarray, ...]:
    """What a descent of ``n`` particles remembers, before its first evaluation.

    Returns:
        history (2 MEMORY, 3 N): steps and changes of force; products of steps with changes, and of
        changes (MEMORY, MEMORY); products (2 MEMORY,) of the history with the newest force, and
        with the one before; counts (4,): evaluations, steps stored, slot of the newest, slots
        used; the energy (1,).
    """
    return (
        np.zeros((2 * MEMORY, 3 * n), np.float32),
        np.zeros((MEMORY, MEMORY)),
        np.zeros((MEMORY, MEMORY)),
        np.zeros(2 * MEMORY),
        np.zeros(2 * MEMORY),
        np.array([0, 0, -1, 0]),
        np.zeros(1),
    )
