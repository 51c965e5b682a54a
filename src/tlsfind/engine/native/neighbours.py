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


def shift_table(box: float) -> np.ndarray:
    """(27, 3) periodic shifts; code = 9 (kx + 1) + 3 (ky + 1) + (kz + 1)."""
    steps = np.array([-1.0, 0.0, 1.0]) * box
    return np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(27, 3)


@njit(inline="always", fastmath=FAST, error_model="numpy")
def _nearest(d, box, inverse_box):
    """The nearest periodic image of a coordinate difference and its number of boxes."""
    k = np.rint(d * inverse_box)
    return d - k * box, k


@njit(inline="always", fastmath=FAST, error_model="numpy")
def _range(sigma, skin, fixed):
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
    return _range(sigma, skin, fixed) + 2.0 * far


@kernel
def build_list(positions, reach, diameters, box, skin, fixed, start, neighbour, inverse, shift):
    """Fill a half list; returns the number of pairs (more than the capacity: too small a list).

    Looks into the 27 cells around each particle where the box holds at least four cells along an
    edge, at all particles otherwise. Returns -1 where coordinates are more than 1.5 boxes apart,
    not finite, or senselessly far from the box.

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
    longest = longest_range(reach, diameters, skin, fixed)
    longest2 = longest * longest
    cells = int(box / longest)
    if cells < 4:
        cells = 1
    cells = min(cells, 64)
    head = np.full(cells * cells * cells, -1, np.int32)
    following = np.empty(n, np.int32)
    cell_of = np.zeros((n, 3), np.int32)
    scale = cells / box
    inverse_box = 1.0 / box
    for k in range(n):
        i = n - 1 - k  # each chain then runs in increasing order
        for axis in range(3):
            if not (abs(positions[i, axis]) <= FARTHEST * box):
                return -1
            if cells > 1:
                folded = positions[i, axis] - box * np.floor(positions[i, axis] * inverse_box)
                cell_of[i, axis] = min(int(folded * scale), cells - 1)
        c = (cell_of[i, 0] * cells + cell_of[i, 1]) * cells + cell_of[i, 2]
        following[i] = head[c]
        head[c] = i
    around = 27 if cells > 1 else 1
    capacity = len(neighbour)
    count = 0
    for i in range(n):
        start[i] = count
        x, y, z = positions[i, 0], positions[i, 1], positions[i, 2]
        diameter = diameters[i]
        reach_i = reach[i]
        for a in range(around):
            ox, oy, oz = a // 9 - 1, (a // 3) % 3 - 1, a % 3 - 1
            if around == 1:
                ox, oy, oz = 0, 0, 0
            cx = (cell_of[i, 0] + ox) % cells
            cy = (cell_of[i, 1] + oy) % cells
            cz = (cell_of[i, 2] + oz) % cells
            j = head[(cx * cells + cy) * cells + cz]
            while j >= 0:
                if j > i:
                    dx, kx = _nearest(positions[j, 0] - x, box, inverse_box)
                    dy, ky = _nearest(positions[j, 1] - y, box, inverse_box)
                    dz, kz = _nearest(positions[j, 2] - z, box, inverse_box)
                    r2 = dx * dx + dy * dy + dz * dz
                    if r2 < longest2:
                        sigma = mixed_diameter(diameter, diameters[j])
                        limit = _range(sigma, skin, fixed) + reach_i + reach[j]
                        if r2 < limit * limit:
                            if abs(kx) > 1 or abs(ky) > 1 or abs(kz) > 1:
                                return -1
                            if count < capacity:
                                neighbour[count] = j
                                inverse[count] = 1.0 / (sigma * sigma)
                                shift[count] = int(13 - 9 * kx - 3 * ky - kz)
                            count += 1
                j = following[j]
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
