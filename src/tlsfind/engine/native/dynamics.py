"""Numba kernels for molecular dynamics."""

from __future__ import annotations

import numpy as np

from tlsfind.engine.native.forces import energy_forces
from tlsfind.engine.native.neighbours import moved
from tlsfind.engine.native.pruning import SPARE, build_wide_list, prune, strayed
from tlsfind.kernels import kernel

OK = 0
LIST_TOO_SMALL = 1
DIVERGED = 2


@kernel
def refresh_list(positions, reference, wide, diameters, box, skin, wide_skin, lists):
    """Make the list anew around ``positions`` if they left ``reference`` by half the skin.

    Args:
        positions: (N, 3).
        reference: (N, 3) positions of the list, brought up to date.
        wide, lists: the wide list and the list in use, see ``pruning``.
        diameters: (N,).
        box: box edge.
        skin, wide_skin: of the two lists.

    Returns:
        OK, LIST_TOO_SMALL or DIVERGED.
    """
    if not moved(positions, reference, 0.5 * skin):
        return OK
    count = 0
    capacity = len(wide[1])
    if strayed(positions, wide[4], box, 0.5 * (wide_skin - skin)):
        count = build_wide_list(positions, diameters, box, wide_skin, wide)
    if 0 <= count <= capacity:
        reference[:] = positions
        capacity = len(lists[1]) - SPARE
        count = prune(positions, diameters, box, skin, wide, lists)
    if count < 0 or count > capacity:
        reference[:] = np.inf
        return DIVERGED if count < 0 else LIST_TOO_SMALL
    return OK


@kernel
def kinetic_energy(velocities):
    """Kinetic energy of unit masses; ``velocities`` is (N, 3)."""
    total = 0.0
    for i in range(len(velocities)):
        for axis in range(3):
            total += velocities[i, axis] ** 2
    return 0.5 * total


@kernel
def velocity_verlet(
    positions, velocities, forces, time_step, steps, temperature, coupling, diameters, box, skin,
    wide_skin, reference, wide, lists, shifts, energies,
):  # fmt: skip
    """Integrate in place; with ``coupling`` > 0 under a Berendsen thermostat.

    Args:
        positions, velocities, forces: (N, 3), advanced in place; ``forces`` must be current.
        time_step: dt.
        steps: number of steps.
        temperature: target of the thermostat.
        coupling: dt / tau of the thermostat, at most 1, 0 for NVE (Berendsen et al., J. Chem. Phys.
            81, 3684 (1984)).
        diameters, box, skin, wide_skin, reference, wide, lists: see ``refresh_list``.
        shifts: (27, 3) periodic shifts.
        energies: (steps, 2), filled with potential and kinetic energy after each step.

    Returns:
        (status, steps done). After LIST_TOO_SMALL, and after DIVERGED where the coordinates have
        only spread too far, the call can be repeated for the rest.
    """
    n = len(positions)
    half = 0.5 * time_step
    for step in range(steps):
        for i in range(n):
            for axis in range(3):
                velocities[i, axis] += half * forces[i, axis]
                positions[i, axis] += time_step * velocities[i, axis]
        status = refresh_list(positions, reference, wide, diameters, box, skin, wide_skin, lists)
        if status != OK:
            for i in range(n):
                for axis in range(3):
                    positions[i, axis] -= time_step * velocities[i, axis]
                    velocities[i, axis] -= half * forces[i, axis]
            return status, step
        potential = energy_forces(positions, shifts, lists[0], lists[1], lists[2], lists[3], forces)
        for i in range(n):
            for axis in range(3):
                velocities[i, axis] += half * forces[i, axis]
        kinetic = kinetic_energy(velocities)
        if not (kinetic < np.inf):
            return DIVERGED, step
        if coupling > 0.0 and kinetic > 0.0:
            current = 2.0 * kinetic / (3.0 * n - 3.0)
            factor = np.sqrt(1.0 + coupling * (temperature / current - 1.0))
            for i in range(n):
                for axis in range(3):
                    velocities[i, axis] *= factor
            kinetic *= factor * factor
        energies[step, 0] = potential
        energies[step, 1] = kinetic
    return OK, steps
