"""Numba kernels of particle swaps: rows of neighbours, energies of particles, attempts.

1. A row of neighbours for each particle holds, both ways, every pair that some exchange of
   diameters can join. It is made once for many blocks, nearest first (in steps of distance).
2. For each block, ``update_rows`` fills the squared distances and, for each particle and each of
   some levels of squared distance, where the last neighbour below that level stands.
3. A particle's energy is summed to the last neighbour that a particle of its diameter can reach
   (``farthest_contact``). Pair energies are never negative, so a sum that has passed the bound of
   the Metropolis test decides the attempt.

Decisions are those of full sums over all pairs.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tlsfind.engine.native.dynamics import DIVERGED, LIST_TOO_SMALL, OK
from tlsfind.engine.native.neighbours import build_list
from tlsfind.engine.native.potential import (
    CUTOFF,
    CUTOFF2,
    NON_ADDITIVITY,
    mixed_diameter,
    pair_energy,
)
from tlsfind.kernels import FAST, kernel

LEVELS = 31  # of squared distance; one more column holds what is beyond the last
NEAREST2 = 0.6  # first level: neighbours in contact are hardly ever nearer
ROUNDING = 1.0 + 1e-12  # of a squared range, so that rounding never drops a pair
INNER = 0.5 / NON_ADDITIVITY  # sigma_ij grows with s_j up to here, if s_j > s_i


def empty_rows(n: int, capacity: int) -> tuple[np.ndarray, ...]:
    """Space for rows of ``n`` particles with ``capacity`` neighbours in all."""
    return (
        np.zeros(n + 1, np.int64),
        np.zeros(capacity, np.int32),
        np.zeros(capacity, np.int8),
        np.zeros(capacity),
        np.zeros((n, LEVELS + 1), np.int32),
    )


@njit(inline="always", fastmath=FAST)
def farthest_contact(diameter, largest):
    """The largest sigma_ij of a particle of ``diameter`` with any of diameter ``largest`` or less.

    For s_j < s_i, sigma_ij = (s_i + s_j) / 2 (1 - 0.2 |s_i - s_j|) has the slope 1/2 + 0.2 s_j in
    s_j, for s_j > s_i 1/2 - 0.2 s_j: it grows up to s_j = s_i, then on to 2.5, and falls beyond.
    """
    return mixed_diameter(diameter, min(max(diameter, INNER), largest))


@njit(inline="always", fastmath=FAST, error_model="numpy")
def _level(square, scale):
    """Level of a squared distance, 0 to LEVELS."""
    return min(max(int((square - NEAREST2) * scale), 0), LEVELS)


@njit(inline="always", fastmath=FAST, error_model="numpy")
def level_scale(longest):
    """Levels per unit of squared distance where the last one ends at ``longest``."""
    return LEVELS / (max(longest * longest, 2.0 * NEAREST2) - NEAREST2)


@kernel
def build_rows(positions, diameters, box, skin, half, rows):
    """Fill ``start``, ``neighbour`` and ``shift`` of the rows; nearest first, in steps of distance.

    Args:
        positions: (N, 3), folded into the box.
        diameters: (N,).
        box: box edge.
        skin: added to the range 1.25 max(diameters).
        half: half list (start, neighbour, inverse, shift), scratch.
        rows: start (N + 1,) int64; neighbour int32, shift int8 and squares, one for each neighbour;
            ends (N, LEVELS + 1) int32: see ``update_rows``.

    Returns:
        OK, LIST_TOO_SMALL or DIVERGED.
    """
    n = len(positions)
    half_start, half_neighbour, inverse, half_shift = half
    start, neighbour, shift, _, _ = rows
    range_ = CUTOFF * diameters.max()
    count = build_list(
        positions, np.zeros(n), diameters, box, skin, range_, half_start, half_neighbour, inverse,
        half_shift,
    )  # fmt: skip
    if count < 0:
        return DIVERGED
    if count > len(half_neighbour) or 2 * count > len(neighbour):
        return LIST_TOO_SMALL
    start[:] = 0
    for i in range(n):
        start[i + 1] += half_start[i + 1] - half_start[i]
        for k in range(half_start[i], half_start[i + 1]):
            start[half_neighbour[k] + 1] += 1
    for i in range(n):
        start[i + 1] += start[i]
    filled = start[:n].copy()
    for i in range(n):
        for k in range(half_start[i], half_start[i + 1]):
            j = half_neighbour[k]
            neighbour[filled[i]] = j
            shift[filled[i]] = half_shift[k]
            filled[i] += 1
            neighbour[filled[j]] = i
            shift[filled[j]] = 26 - half_shift[k]
            filled[j] += 1
    _sort_rows(positions, box, level_scale(range_ + skin), rows)
    return OK


@kernel
def _sort_rows(positions, box, scale, rows):
    """Sort each row by the level of its squared distances."""
    start, neighbour, shift, _, _ = rows
    longest = 0
    for i in range(len(positions)):
        longest = max(longest, start[i + 1] - start[i])
    level = np.empty(longest, np.int64)
    old_neighbour = np.empty(longest, np.int32)
    old_shift = np.empty(longest, np.int8)
    first = np.empty(LEVELS + 2, np.int64)
    for i in range(len(positions)):
        begin = start[i]
        first[:] = 0
        for m in range(start[i + 1] - begin):
            j = neighbour[begin + m]
            s = np.int64(shift[begin + m])
            old_neighbour[m] = j
            old_shift[m] = s
            dx = positions[j, 0] - positions[i, 0] + box * (s // 9 - 1)
            dy = positions[j, 1] - positions[i, 1] + box * ((s // 3) % 3 - 1)
            dz = positions[j, 2] - positions[i, 2] + box * (s % 3 - 1)
            level[m] = _level(dx * dx + dy * dy + dz * dz, scale)
            first[level[m] + 1] += 1
        for c in range(LEVELS + 1):
            first[c + 1] += first[c]
        for m in range(start[i + 1] - begin):
            k = begin + first[level[m]]
            first[level[m]] += 1
            neighbour[k] = old_neighbour[m]
            shift[k] = old_shift[m]


@kernel
def update_rows(positions, shifts, scale, rows):
    """Fill the squared distances and the ``ends`` of the rows.

    ``ends[i, c]`` is one more than the place of the last neighbour of ``i`` on level ``c`` or below
    (``start[i]`` if there is none); the last column is scratch.

    Args:
        positions: (N, 3), near those that the rows were built with.
        shifts: (27, 3) periodic shifts.
        scale: see ``level_scale``; of the longest range that is asked for.
        rows: see ``build_rows``.
    """
    start, neighbour, shift, squares, ends = rows
    for i in range(len(positions)):
        x = positions[i, 0]
        y = positions[i, 1]
        z = positions[i, 2]
        ends[i, :] = start[i]
        for k in range(np.uint64(start[i]), np.uint64(start[i + 1])):
            j = np.uint32(neighbour[k])
            s = np.uint8(shift[k])
            dx = positions[j, 0] - x + shifts[s, 0]
            dy = positions[j, 1] - y + shifts[s, 1]
            dz = positions[j, 2] - z + shifts[s, 2]
            square = dx * dx + dy * dy + dz * dz
            squares[k] = square
            ends[i, _level(square, scale)] = k + 1
        for c in range(1, LEVELS):
            ends[i, c] = max(ends[i, c], ends[i, c - 1])


@njit(inline="always", fastmath=FAST, error_model="numpy")
def _end(i, distance, scale, ends):
    """One more than the place of the last neighbour of ``i`` nearer than ``distance``."""
    return ends[i, min(_level(ROUNDING * distance * distance, scale), LEVELS - 1)]


@njit(inline="always", fastmath=FAST, error_model="numpy")
def _add_energy(energy, most, i, own, largest, scale, diameters, rows):
    """``energy`` plus that of particle ``i`` with diameter ``own``.

    Some number above ``most`` where the sum is above ``most``.
    """
    start, neighbour, _, squares, ends = rows
    end = _end(i, CUTOFF * farthest_contact(own, largest), scale, ends)
    for k in range(np.uint64(start[i]), np.uint64(end)):
        sigma = mixed_diameter(own, diameters[np.uint32(neighbour[k])])
        x2 = squares[k] / (sigma * sigma)
        if x2 < CUTOFF2:
            energy += pair_energy(x2)
            if energy > most:
                break
    return energy


@kernel
def particle_energies(diameters, scale, rows, energies):
    """Fill the energy of each particle: that of all its pairs."""
    largest = diameters.max()
    for i in range(len(diameters)):
        energies[i] = _add_energy(0.0, np.inf, i, diameters[i], largest, scale, diameters, rows)


@kernel
def swap_attempts(attempts, temperature, limit, diameters, scale, rows, energies, rng):
    """Attempt swaps of diameters at fixed positions; returns the number accepted.

    Args:
        attempts: number of attempts.
        temperature: T.
        limit: largest difference of the two diameters.
        diameters: (N,), changed in place.
        scale, rows: see ``update_rows``; right for all pairs in contact.
        energies: (N,) filled with the energy of each particle at the end.
        rng: random generator.
    """
    n = len(diameters)
    largest = diameters.max()
    particle_energies(diameters, scale, rows, energies)
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
        most = energies[i] + energies[j] - temperature * np.log(1.0 - rng.random())
        diameters[i] = b
        diameters[j] = a
        new_i = _add_energy(0.0, most, i, b, largest, scale, diameters, rows)
        if not new_i > most:
            both = _add_energy(new_i, most, j, a, largest, scale, diameters, rows)
            if not both > most:
                _update_neighbours(i, j, a, b, largest, scale, diameters, rows, energies)
                _update_neighbours(j, i, b, a, largest, scale, diameters, rows, energies)
                energies[i] = new_i
                energies[j] = both - new_i
                accepted += 1
                continue
        diameters[i] = a
        diameters[j] = b
    return accepted


@njit(inline="always", fastmath=FAST, error_model="numpy")
def _update_neighbours(i, j, old, new, largest, scale, diameters, rows, energies):
    """Change the energies of the neighbours of ``i`` (but not ``j``) as its diameter changes."""
    start, neighbour, _, squares, ends = rows
    end = _end(i, CUTOFF * farthest_contact(max(old, new), largest), scale, ends)
    for k in range(np.uint64(start[i]), np.uint64(end)):
        m = np.uint32(neighbour[k])
        if m == j:
            continue
        sigma = mixed_diameter(old, diameters[m])
        x2 = squares[k] / (sigma * sigma)
        change = 0.0
        if x2 < CUTOFF2:
            change -= pair_energy(x2)
        sigma = mixed_diameter(new, diameters[m])
        x2 = squares[k] / (sigma * sigma)
        if x2 < CUTOFF2:
            change += pair_energy(x2)
        energies[m] += change


@kernel
def half_list(diameters, skin, scale, rows, lists):
    """Fill the half list of the pairs nearer than 1.25 sigma_ij + ``skin`` from the rows.

    Returns:
        OK or LIST_TOO_SMALL.
    """
    row_start, row_neighbour, row_shift, squares, ends = rows
    start, neighbour, inverse, shift = lists
    largest = diameters.max()
    count = 0
    for i in range(len(diameters)):
        start[i] = count
        own = diameters[i]
        end = _end(i, CUTOFF * farthest_contact(own, largest) + skin, scale, ends)
        for k in range(np.uint64(row_start[i]), np.uint64(end)):
            j = row_neighbour[k]
            sigma = mixed_diameter(own, diameters[j])
            reach = CUTOFF * sigma + skin
            if j > i and squares[k] < reach * reach:
                if count >= len(neighbour):
                    return LIST_TOO_SMALL
                neighbour[count] = j
                inverse[count] = 1.0 / (sigma * sigma)
                shift[count] = row_shift[k]
                count += 1
    start[len(diameters)] = count
    return OK
