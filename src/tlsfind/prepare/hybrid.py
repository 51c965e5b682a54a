"""Numba kernels of the hybrid Monte Carlo: blocks of particle swaps and of molecular dynamics.

One block (paper, IV.B; Berthier et al., J. Stat. Mech. 064004 (2019)):

1. A number of swap attempts: two particles chosen at random exchange their diameters with the
   Metropolis probability. Pairs whose diameters differ by more than a limit are rejected unseen,
   which is symmetric and so keeps detailed balance.
2. Velocities are drawn from the Maxwell distribution, some steps of NVE follow, and the new
   positions are accepted with the Metropolis probability of the total energy (hybrid Monte
   Carlo, Duane et al., Phys. Lett. B 195, 216 (1987)), so that the time step leaves no bias.
"""

from __future__ import annotations

import numpy as np

from tlsfind.engine.native.dynamics import LIST_TOO_SMALL, OK, velocity_verlet
from tlsfind.engine.native.forces import energy_forces
from tlsfind.engine.native.neighbours import moved
from tlsfind.engine.native.potential import CUTOFF
from tlsfind.kernels import kernel
from tlsfind.prepare.swaps import build_rows, half_list, level_scale, swap_attempts, update_rows

WIDE_SKIN = 0.7


@kernel
def _fold(positions, boxes, box):
    """Fold ``positions`` into the box in place, counting in ``boxes`` (N, 3) what was taken off.

    Neighbour lists need it: in a liquid, particles stray any number of boxes from each other.
    """
    for i in range(len(positions)):
        for axis in range(3):
            k = np.floor(positions[i, axis] / box)
            positions[i, axis] -= k * box
            boxes[i, axis] += k


@kernel
def hybrid_blocks(
    blocks, positions, diameters, box, shifts, temperature, attempts, limit, md_steps, time_step,
    skin, half, rows, lists, rng, series, counts,
):  # fmt: skip
    """Run blocks of swaps and dynamics, changing ``positions`` and ``diameters`` in place.

    Args:
        blocks: number of blocks.
        positions: (N, 3), unwrapped.
        diameters: (N,).
        box, shifts: box edge and its (27, 3) shifts.
        temperature: T.
        attempts: swap attempts in a block.
        limit: largest difference of diameters in a swap.
        md_steps, time_step: of the dynamics.
        skin: of the dynamics' list, below WIDE_SKIN: the rows, from which it is filtered, must hold
            all its pairs when every particle has moved by half the difference.
        half, lists: half lists (start, neighbour, inverse, shift), scratch.
        rows: rows of neighbours (start, neighbour, shift, squares, ends), scratch.
        rng: random generator.
        series: (blocks, 2), filled with potential and kinetic energy per particle.
        counts: (3,) int64, increased by swaps attempted, swaps accepted, dynamics accepted.

    Returns:
        OK, LIST_TOO_SMALL or DIVERGED; after anything but OK the state is to be thrown away.
    """
    n = len(positions)
    scale = level_scale(CUTOFF * diameters.max() + skin)
    wide_reference = np.full((n, 3), np.inf)
    boxes = np.zeros((n, 3))
    reference = np.empty((n, 3))
    forces = np.empty((n, 3))
    velocities = np.empty((n, 3))
    old = np.empty((n, 3))
    energies = np.empty(n)
    md_energies = np.empty((md_steps, 2))
    pairs = len(half[1])  # room of the list that the dynamics make if a particle moves far
    wide = (
        np.zeros(n + 1, np.int64), np.zeros(pairs, np.int32), np.zeros(pairs),
        np.zeros(pairs, np.int8), np.full((n, 3), np.inf),
    )  # fmt: skip
    deviation = np.sqrt(temperature)
    for block in range(blocks):
        if moved(positions, wide_reference, 0.5 * (WIDE_SKIN - skin)):
            _fold(positions, boxes, box)
            status = build_rows(positions, diameters, box, WIDE_SKIN, half, rows)
            if status != OK:
                return status
            wide_reference[:] = positions
        update_rows(positions, shifts, scale, rows)
        counts[0] += attempts
        counts[1] += swap_attempts(
            attempts, temperature, limit, diameters, scale, rows, energies, rng
        )
        if half_list(diameters, skin, scale, rows, lists) != OK:
            return LIST_TOO_SMALL
        reference[:] = positions
        old[:] = positions
        kinetic = 0.0
        for i in range(n):
            for axis in range(3):
                velocities[i, axis] = deviation * rng.standard_normal()
                kinetic += 0.5 * velocities[i, axis] ** 2
        potential = energy_forces(positions, shifts, lists[0], lists[1], lists[2], lists[3], forces)
        status, _ = velocity_verlet(
            positions, velocities, forces, time_step, md_steps, 0.0, 0.0, diameters, box, skin,
            skin, reference, wide, lists, shifts, md_energies,
        )  # fmt: skip
        if status != OK:
            return status
        change = md_energies[-1, 0] + md_energies[-1, 1] - potential - kinetic
        if change <= -temperature * np.log(1.0 - rng.random()):
            counts[2] += 1
            potential = md_energies[-1, 0]
            kinetic = md_energies[-1, 1]
        else:
            positions[:] = old
        series[block, 0] = potential / n
        series[block, 1] = kinetic / n
    for i in range(n):
        for axis in range(3):
            positions[i, axis] += box * boxes[i, axis]
    return OK
