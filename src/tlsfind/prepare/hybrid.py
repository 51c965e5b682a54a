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

from tlsfind.engine.native.dynamics import DIVERGED, LIST_TOO_SMALL, OK, velocity_verlet
from tlsfind.engine.native.forces import energy_forces
from tlsfind.engine.native.neighbours import build_list, moved
from tlsfind.engine.native.potential import (
    CUTOFF,
    CUTOFF2,
    mixed_diameter,
    pair_energy,
)
from tlsfind.kernels import kernel

WIDE_SKIN = 0.7


@kernel
def wide_list(positions, diameters, box, half, full_start, full_neighbour, full_shift):
    """Fill a full list (both directions) of every pair that some exchange of diameters can join.

    ``half`` is a half list used as scratch; returns OK, LIST_TOO_SMALL or DIVERGED.
    """
    n = len(positions)
    start, neighbour, inverse, shift = half
    widest = 0.0
    for i in range(n):
        widest = max(widest, mixed_diameter(diameters[i], diameters[i]))
    reach = np.zeros(n)
    count = build_list(
        positions, reach, diameters, box, WIDE_SKIN, CUTOFF * widest, start, neighbour, inverse,
        shift,
    )  # fmt: skip
    if count < 0:
        return DIVERGED
    if count > len(neighbour) or 2 * count > len(full_neighbour):
        return LIST_TOO_SMALL
    full_start[:] = 0
    for i in range(n):
        full_start[i + 1] += start[i + 1] - start[i]
        for k in range(start[i], start[i + 1]):
            full_start[neighbour[k] + 1] += 1
    for i in range(n):
        full_start[i + 1] += full_start[i]
    filled = full_start[:n].copy()
    for i in range(n):
        for k in range(start[i], start[i + 1]):
            j = neighbour[k]
            full_neighbour[filled[i]] = j
            full_shift[filled[i]] = shift[k]
            filled[i] += 1
            full_neighbour[filled[j]] = i
            full_shift[filled[j]] = 26 - shift[k]
            filled[j] += 1
    return OK


@kernel
def squared_distances(positions, shifts, full_start, full_neighbour, full_shift, squares):
    """Fill the squared distance of every entry of the full list."""
    for i in range(len(positions)):
        for k in range(full_start[i], full_start[i + 1]):
            j = full_neighbour[k]
            s = full_shift[k]
            dx = positions[j, 0] - positions[i, 0] + shifts[s, 0]
            dy = positions[j, 1] - positions[i, 1] + shifts[s, 1]
            dz = positions[j, 2] - positions[i, 2] + shifts[s, 2]
            squares[k] = dx * dx + dy * dy + dz * dz


@kernel
def particle_energy(i, own, other, its, diameters, full_start, full_neighbour, squares):
    """Energy of particle ``i`` with diameter ``own`` while ``other`` has diameter ``its``."""
    energy = 0.0
    for k in range(full_start[i], full_start[i + 1]):
        j = full_neighbour[k]
        sigma = mixed_diameter(own, its if j == other else diameters[j])
        x2 = squares[k] / (sigma * sigma)
        if x2 < CUTOFF2:
            energy += pair_energy(x2)
    return energy


@kernel
def swap_attempts(
    attempts, temperature, limit, diameters, full_start, full_neighbour, squares, energies, rng
):
    """Attempt swaps of diameters at fixed positions; returns the number accepted.

    Args:
        attempts: number of attempts.
        temperature: T.
        limit: largest difference of the two diameters.
        diameters: (N,), changed in place.
        full_start, full_neighbour, squares: full list with squared distances.
        energies: (N,) scratch, energy of each particle.
        rng: random generator.
    """
    n = len(diameters)
    for i in range(n):
        energies[i] = particle_energy(
            i, diameters[i], -1, 0.0, diameters, full_start, full_neighbour, squares
        )
    accepted = 0
    for _ in range(attempts):
        i = int(rng.random() * n)
        j = int(rng.random() * n)
        a, b = diameters[i], diameters[j]
        if i == j or abs(a - b) > limit:
            continue
        if a > b:  # the particle that grows first: it decides most rejections
            i, j = j, i
            a, b = b, a
        bound = -temperature * np.log(1.0 - rng.random())
        old = energies[i] + energies[j]
        new_i = particle_energy(i, b, j, a, diameters, full_start, full_neighbour, squares)
        if new_i - old > bound:  # pair energies are never negative
            continue
        new_j = particle_energy(j, a, i, b, diameters, full_start, full_neighbour, squares)
        if new_i + new_j - old > bound:
            continue
        _update_neighbours(i, j, a, b, diameters, full_start, full_neighbour, squares, energies)
        _update_neighbours(j, i, b, a, diameters, full_start, full_neighbour, squares, energies)
        diameters[i] = b
        diameters[j] = a
        energies[i] = new_i
        energies[j] = new_j
        accepted += 1
    return accepted


@kernel
def _update_neighbours(i, j, old, new, diameters, full_start, full_neighbour, squares, energies):
    """Change the energies of the neighbours of ``i`` (but not ``j``) as its diameter changes."""
    for k in range(full_start[i], full_start[i + 1]):
        m = full_neighbour[k]
        if m == j:
            continue
        sigma = mixed_diameter(old, diameters[m])
        x2 = squares[k] / (sigma * sigma)
        if x2 < CUTOFF2:
            energies[m] -= pair_energy(x2)
        sigma = mixed_diameter(new, diameters[m])
        x2 = squares[k] / (sigma * sigma)
        if x2 < CUTOFF2:
            energies[m] += pair_energy(x2)


@kernel
def _filter_list(
    positions, diameters, skin, full_start, full_neighbour, full_shift, squares, lists
):
    """Fill the half list for the dynamics from the full list; returns OK or LIST_TOO_SMALL."""
    start, neighbour, inverse, shift = lists
    count = 0
    for i in range(len(positions)):
        start[i] = count
        for k in range(full_start[i], full_start[i + 1]):
            j = full_neighbour[k]
            if j < i:
                continue
            sigma = mixed_diameter(diameters[i], diameters[j])
            reach = CUTOFF * sigma + skin
            if squares[k] < reach * reach:
                if count >= len(neighbour):
                    return LIST_TOO_SMALL
                neighbour[count] = j
                inverse[count] = 1.0 / (sigma * sigma)
                shift[count] = full_shift[k]
                count += 1
    start[len(positions)] = count
    return OK


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
    skin, half, full, lists, rng, series, counts,
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
        skin: of the dynamics' list, below WIDE_SKIN: the wide list, from which it is filtered, must
            hold all its pairs when every particle has moved by half the difference.
        half, lists: half lists (start, neighbour, inverse, shift), scratch.
        full: (start, neighbour, shift, squares), the full list, scratch.
        rng: random generator.
        series: (blocks, 2), filled with potential and kinetic energy per particle.
        counts: (3,) int64, increased by swaps attempted, swaps accepted, dynamics accepted.

    Returns:
        OK, LIST_TOO_SMALL or DIVERGED; after anything but OK the state is to be thrown away.
    """
    n = len(positions)
    full_start, full_neighbour, full_shift, squares = full
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
            status = wide_list(
                positions, diameters, box, half, full_start, full_neighbour, full_shift
            )
            if status != OK:
                return status
            wide_reference[:] = positions
        squared_distances(positions, shifts, full_start, full_neighbour, full_shift, squares)
        counts[0] += attempts
        counts[1] += swap_attempts(
            attempts, temperature, limit, diameters, full_start, full_neighbour, squares,
            energies, rng,
        )  # fmt: skip
        if _filter_list(
            positions, diameters, skin, full_start, full_neighbour, full_shift, squares, lists
        ):
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
