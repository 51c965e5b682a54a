"""Numba kernels that build lists of neighbours.

A list is a half list in rows: the neighbours of particle i are ``neighbour[start[i]:start[i+1]]``,
all with a larger index. With each pair go 1 / sigma_ij^2 and the periodic shift (a code into
``shift_table``) that was nearest when the list was built; it stays right while positions are
not folded back into the box.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tlsfind.engine.native.potential import CUTOFF, mixed_diameter
from tlsfind.kernels import FAST, kernel

FARTHEST = 1e6  # boxes from the origin; beyond, a coordinate is the mark of diverging dynamics
# Relative error of a squared distance between folded coordinates, generously: folding costs
# FARTHEST times the rounding of a coordinate.
FOLDING = 1e-6


def shift_table(box: float) -> np.ndarray:
    """(27, 3) periodic shifts; code = 9 (kx + 1) + 3 (ky + 1) + (kz + 1)."""
    steps = np.array([-1.0, 0.0, 1.0]) * box
    return np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(27, 3)


@njit(inline="always", fastmath=FAST, error_model="numpy")
def nearest(d, box, inverse_box):
    """The nearest periodic image of a coordinate difference and its number of boxes."""
    k = np.rint(d * inverse_box)
    return d - k * box, k


@njit(inline="always", fastmath=FAST, error_model="numpy")
def pair_range(sigma, skin, fixed):
    """Range of a pair without the reaches of its particles."""
    return (fixed if fixed > 0.0 else CUTOFF * sigma) + skin


@kernel
def longest_range(reach, diameters, skin, fixed):
    """An upper bound of the range of every pair."""
    sigma = 0.0
    far = 0.0
    for i in range(len(diameters)):
        sigma = max(sigma, mixed_diameter(diameters[i], diameters[i]))
        far = max(far, reach[i])
    return pair_range(sigma, skin, fixed) + 2.0 * far


@kernel
def _sort_into_cells(positions, box, cells):
    """Sort particles into ``cells``^3 cells; within a cell they are in increasing order.

    Args:
        positions: (N, 3), all finite.
        box: box edge.
        cells: cells along an edge.

    Returns:
        ``cell`` (N, 3) int64 of each particle, ``first`` (cells^3 + 1,) int64 where each cell
        begins, ``order`` (N,) int32 particles by cell, ``folded`` (3, N) their coordinates in the
        box, in that order.
    """
    n = len(positions)
    cell = np.zeros((n, 3), np.int64)
    inside = np.empty((n, 3))
    first = np.zeros(cells * cells * cells + 1, np.int64)
    scale = cells / box
    inverse_box = 1.0 / box
    for i in range(n):
        for axis in range(3):
            inside[i, axis] = positions[i, axis] - box * np.floor(positions[i, axis] * inverse_box)
            if cells > 1:
                cell[i, axis] = min(int(inside[i, axis] * scale), cells - 1)
        first[(cell[i, 0] * cells + cell[i, 1]) * cells + cell[i, 2] + 1] += 1
    for c in range(len(first) - 1):
        first[c + 1] += first[c]
    filled = first[:-1].copy()
    order = np.empty(n, np.int32)
    folded = np.empty((3, n))
    for i in range(n):
        c = (cell[i, 0] * cells + cell[i, 1]) * cells + cell[i, 2]
        m = filled[c]
        filled[c] += 1
        order[m] = i
        for axis in range(3):
            folded[axis, m] = inside[i, axis]
    return cell, first, order, folded


@njit(inline="always", fastmath=FAST, error_model="numpy")
def _near(folded, begin, end, x, y, z, squares):
    """Squared distances from (x, y, z) to entries ``begin`` to ``end`` of ``folded``."""
    for m in range(np.uint64(end - begin)):
        k = m + np.uint64(begin)
        dx = folded[0, k] - x
        dy = folded[1, k] - y
        dz = folded[2, k] - z
        squares[m] = dx * dx + dy * dy + dz * dz


@njit(inline="always", fastmath=FAST, error_model="numpy")
def _near_periodic(folded, begin, end, x, y, z, box, squares):
    """The same to the nearest periodic images."""
    inverse_box = 1.0 / box
    for m in range(np.uint64(end - begin)):
        k = m + np.uint64(begin)
        dx = folded[0, k] - x
        dy = folded[1, k] - y
        dz = folded[2, k] - z
        dx -= box * np.rint(dx * inverse_box)
        dy -= box * np.rint(dy * inverse_box)
        dz -= box * np.rint(dz * inverse_box)
        squares[m] = dx * dx + dy * dy + dz * dz


@njit(inline="always")
def _wrapped(c, cells, box):
    """A cell number of -1 to ``cells`` as 0 to ``cells`` - 1, and what to add to coordinates."""
    if c < 0:
        return c + cells, box
    if c >= cells:
        return c - cells, -box
    return c, 0.0


@kernel
def build_list(positions, reach, diameters, box, skin, fixed, start, neighbour, inverse, shift):
    """Fill a half list; returns the number of pairs (more than the capacity: too small a list).

    Looks into the 27 cells around each particle where the box holds at least four cells along an
    edge, at all particles otherwise: first for everything nearer than the longest range, by
    coordinates folded into the box and without a branch, then at what was found. Returns -1 where
    coordinates are more than 1.5 boxes apart, not finite, or senselessly far from the box.

    Args:
        positions: (N, 3), each coordinate within 1.5 boxes of every other.
        reach: (N,) how far each particle strays from ``positions`` (0 for one configuration).
        diameters: (N,).
        box: box edge.
        skin: added to the range of every pair.
        fixed: if positive, this range for every pair instead of 1.25 sigma_ij.
        start: (N + 1,) int64, filled.
        neighbour: (capacity,) int32, filled.
        inverse: (capacity,) 1 / sigma_ij^2, filled.
        shift: (capacity,) int8, filled.
    """
    n = len(positions)
    for i in range(n):
        for axis in range(3):
            if not (abs(positions[i, axis]) <= FARTHEST * box):
                return -1
    longest = longest_range(reach, diameters, skin, fixed)
    longest2 = longest * longest
    largest = diameters.max()
    far = reach.max()
    cells = min(int(box / longest), 64)
    if cells < 4:
        cells = 1
    cell, first, order, folded = _sort_into_cells(positions, box, cells)
    later = first[:-1].copy()  # first particle of each cell whose turn has not come
    inverse_box = 1.0 / box
    around = 27 if cells > 1 else 1
    squares = np.empty(n)
    found = np.empty(n, np.int32)
    capacity = len(neighbour)
    count = 0
    for i in range(n):
        start[i] = count
        own = (cell[i, 0] * cells + cell[i, 1]) * cells + cell[i, 2]
        place = later[own]
        later[own] += 1
        # sigma_ij is at most the mean of both diameters
        farthest = pair_range(0.5 * (diameters[i] + largest), skin, fixed) + reach[i] + far
        generous2 = (1.0 + FOLDING) * farthest * farthest
        candidates = np.uint64(0)
        for a in range(around):
            if around == 1:
                begin, end = later[0], np.int64(n)
                _near_periodic(
                    folded, begin, end, folded[0, place], folded[1, place], folded[2, place], box,
                    squares,
                )  # fmt: skip
            else:
                cx, sx = _wrapped(cell[i, 0] + a // 9 - 1, cells, box)
                cy, sy = _wrapped(cell[i, 1] + (a // 3) % 3 - 1, cells, box)
                cz, sz = _wrapped(cell[i, 2] + a % 3 - 1, cells, box)
                c = (cx * cells + cy) * cells + cz
                begin, end = later[c], first[c + 1]
                _near(
                    folded, begin, end, folded[0, place] + sx, folded[1, place] + sy,
                    folded[2, place] + sz, squares,
                )  # fmt: skip
            for m in range(np.uint64(end - begin)):
                found[candidates] = order[m + np.uint64(begin)]
                if squares[m] < generous2:
                    candidates += np.uint64(1)
        x, y, z = positions[i, 0], positions[i, 1], positions[i, 2]
        diameter = diameters[i]
        reach_i = reach[i]
        for candidate in range(candidates):
            j = found[candidate]
            dx, kx = nearest(positions[j, 0] - x, box, inverse_box)
            dy, ky = nearest(positions[j, 1] - y, box, inverse_box)
            dz, kz = nearest(positions[j, 2] - z, box, inverse_box)
            r2 = dx * dx + dy * dy + dz * dz
            if r2 < longest2:
                sigma = mixed_diameter(diameter, diameters[j])
                limit = pair_range(sigma, skin, fixed) + reach_i + reach[j]
                if r2 < limit * limit:
                    if abs(kx) > 1 or abs(ky) > 1 or abs(kz) > 1:
                        return -1
                    if count < capacity:
                        neighbour[count] = j
                        inverse[count] = 1.0 / (sigma * sigma)
                        shift[count] = int(13 - 9 * kx - 3 * ky - kz)
                    count += 1
    start[n] = count
    return count


@kernel
def moved(positions, reference, limit):
    """Whether any particle is farther than ``limit`` from its ``reference`` (both (N, 3))."""
    limit2 = limit * limit
    for i in range(len(positions)):
        dx = positions[i, 0] - reference[i, 0]
        dy = positions[i, 1] - reference[i, 1]
        dz = positions[i, 2] - reference[i, 2]
        if not (dx * dx + dy * dy + dz * dz <= limit2):
            return True
    return False
