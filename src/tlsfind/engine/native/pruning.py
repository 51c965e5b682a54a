"""Numba kernels of the two neighbour lists of the dynamics and of the quench.

A wide list reaches beyond the range of each pair by a wide skin. It is made from the positions and
then lasts as long as no particle has moved by half of what it reaches beyond the list in use, which
in a glass is for good. The list in use is pruned from it whenever a particle has moved by half the
skin: that costs about as much as a force evaluation.

The rows of the wide list are sorted, so that the list in use depends on the positions alone and not
on those for which the wide list was made.
"""

from __future__ import annotations

import numpy as np

from tlsfind.engine.native.neighbours import build_list, nearest, pair_range
from tlsfind.engine.native.potential import mixed_diameter
from tlsfind.kernels import kernel

WIDE_SKIN = 0.8
SPARE = 3  # entries after the last pair that ``forces`` may read, see there


@kernel
def strayed(positions, reference, box, limit):
    """Whether any particle is farther than ``limit`` from ``reference`` (both (N, 3), periodic)."""
    limit2 = limit * limit
    inverse_box = 1.0 / box
    for i in range(len(positions)):
        square = 0.0
        for axis in range(3):
            d = positions[i, axis] - reference[i, axis]
            d -= box * np.rint(d * inverse_box)
            square += d * d
        if not (square <= limit2):
            return True
    return False


@kernel
def build_wide_list(positions, diameters, box, skin, wide):
    """Fill the wide list; returns the number of pairs, or -1, see ``neighbours.build_list``.

    Args:
        positions: (N, 3).
        diameters: (N,).
        box: box edge.
        skin: of the wide list.
        wide: (start, neighbour, inverse, shift, reference), of which inverse and shift are scratch.
    """
    start, neighbour, inverse, shift, reference = wide
    none = np.zeros(len(positions))
    count = build_list(
        positions, none, diameters, box, skin, -1.0, start, neighbour, inverse, shift
    )
    if 0 <= count <= len(neighbour):
        for i in range(len(positions)):
            _sort(neighbour, start[i], start[i + 1])
        reference[:] = positions
    else:
        reference[:] = np.inf
    return count


@kernel
def _sort(values, begin, end):
    """Sort ``values[begin:end]`` by insertion."""
    for k in range(begin + 1, end):
        value = values[k]
        place = k
        while place > begin and values[place - 1] > value:
            values[place] = values[place - 1]
            place -= 1
        values[place] = value


@kernel
def prune(positions, diameters, box, skin, wide, lists):
    """Fill the list in use from the wide list.

    Args:
        positions: (N, 3), no particle farther from the wide list's reference than half the
            difference of the skins.
        diameters: (N,).
        box: box edge.
        skin: of the list in use.
        wide: see :func:`build_wide_list`.
        lists: (start, neighbour, inverse, shift), filled.

    Returns:
        The number of pairs; more than the capacity: too small a list; -1: two particles in range
        are more than 1.5 boxes apart in a coordinate.
    """
    wide_start, wide_neighbour = wide[0], wide[1]
    start, neighbour, inverse, shift = lists
    inverse_box = 1.0 / box
    capacity = np.uint64(max(len(neighbour) - SPARE, 0))
    found = np.empty(len(positions), np.int32)
    count = np.uint64(0)
    for i in range(len(positions)):
        start[i] = count
        x, y, z = positions[i, 0], positions[i, 1], positions[i, 2]
        diameter = diameters[i]
        near = np.uint64(0)
        for k in range(np.uint64(wide_start[i]), np.uint64(wide_start[i + 1])):
            j = wide_neighbour[k]
            dx, _ = nearest(positions[j, 0] - x, box, inverse_box)
            dy, _ = nearest(positions[j, 1] - y, box, inverse_box)
            dz, _ = nearest(positions[j, 2] - z, box, inverse_box)
            limit = pair_range(mixed_diameter(diameter, diameters[j]), skin, -1.0)
            found[near] = j  # kept only if it counts: there is no branch to be mispredicted
            near += np.uint64(dx * dx + dy * dy + dz * dz < limit * limit)
        if count + near <= capacity:
            for m in range(near):
                j = found[m]
                _, kx = nearest(positions[j, 0] - x, box, inverse_box)
                _, ky = nearest(positions[j, 1] - y, box, inverse_box)
                _, kz = nearest(positions[j, 2] - z, box, inverse_box)
                if abs(kx) > 1 or abs(ky) > 1 or abs(kz) > 1:
                    return -1
                sigma = mixed_diameter(diameter, diameters[j])
                neighbour[count + m] = j
                inverse[count + m] = 1.0 / (sigma * sigma)
                shift[count + m] = int(13 - 9 * kx - 3 * ky - kz)
        count += near
    start[len(positions)] = count
    return np.int64(count)
