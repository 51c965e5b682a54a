"""Numba kernels of the pair features.

How a pair costs little:

1. ``unwrapped`` stores, once per minimum k, the displacement u_k of every particle from the first
   minimum, freed of wrapping and of a common translation. A pair is then u_b - u_a, one
   subtraction per coordinate, and the mean of that is zero already.
2. The minimum image is needed only if a particle may have moved by more than half a box within
   the pair. Two numbers per pair, the extents of u_a and u_b, rule that out for all particles at
   once.
3. The squares, their sums and the largest M of them come from one pass with explicit vectors,
   which stops only where a group of particles has a square above the M-th largest so far
   (:mod:`tlsfind.pairs.sweep`). No square is stored but those of such groups.
4. With many minima the displacements come from main memory, and that takes as long as the
   arithmetic. They may be in single precision: differences and squares are then formed in single
   precision too, the sums in double. And the pairs of a block are computed in the order of
   minimum b, so that it is fetched once for all its partners a in the block.

Arrays are (coordinate, particle), so that particles are contiguous.
"""

from __future__ import annotations

import numpy as np

from tlsfind.kernels import kernel
from tlsfind.pairs.sweep import LANES, advance, square


@kernel(fastmath=False)
def unwrapped(positions, reference, box, u):
    """Displacement of a minimum from a reference, freed of wrapping and common translation.

    Args:
        positions: (N, 3) the minimum.
        reference: (N, 3) positions of the reference.
        box: edge of the cubic box.
        u: (3, N) receives the displacements. The semantics are those of
            ``configuration.displacements``.

    Returns:
        The extent: the largest component of a particle's displacement relative to particle 0.
    """
    size = positions.shape[0]
    extent = 0.0
    for axis in range(3):
        first = positions[0, axis] - reference[0, axis]
        total = 0.0
        for i in range(size):
            moved = positions[i, axis] - reference[i, axis] - first
            moved -= box * np.rint(moved / box)
            u[axis, i] = moved
            total += moved
            extent = max(extent, abs(moved))
        mean = total / size
        for i in range(size):
            u[axis, i] -= mean
    return extent


@kernel(fastmath=False)
def _nearest_image(a, b, box, image):
    """``image`` = a plus the displacements from a to b in minimum image, mean removed.

    All (3, N). The images are taken relative to the displacement of particle 0.
    """
    size = a.shape[1]
    for axis in range(3):
        first = np.float64(b[axis, 0]) - np.float64(a[axis, 0])
        total = 0.0
        for i in range(size):
            moved = np.float64(b[axis, i]) - np.float64(a[axis, i]) - first
            moved -= box * np.rint(moved / box)
            image[axis, i] = moved
            total += moved
        mean = total / size
        for i in range(size):
            image[axis, i] += a[axis, i] - mean


@kernel(fastmath=False)
def sums_and_largest(a, b, sums, group, best, index):
    """Sums over the squared displacements from a to b, and the largest of them.

    Args:
        a: (3, N) displacements of one minimum.
        b: (3, N) those of the other.
        sums: (2, LANES), for use here.
        group: (LANES,), for use here.
        best: (M,) receives the M <= N largest squares in decreasing order, equal ones in the order
            of particles.
        index: (M,) receives their particles.

    Returns:
        The sum of the squares and the sum of their squares.
    """
    size = a.shape[1]
    whole = size - size % LANES
    last = best.shape[0] - 1
    for m in range(last + 1):
        best[m] = -1.0
    for lane in range(LANES):
        sums[0, lane] = 0.0
        sums[1, lane] = 0.0
    begin = 0
    while True:
        begin = advance(a, b, begin, whole, best[last], sums, group)  # type: ignore[call-arg]
        if begin >= size:
            break
        count = min(LANES, size - begin)
        if count < LANES:  # what is left over after the last whole group
            for lane in range(count):
                group[lane] = square(a, b, begin + lane)
                wide = np.float64(group[lane])
                sums[0, lane] += wide
                sums[1, lane] += wide * wide
        for lane in range(count):
            candidate = group[lane]
            if candidate > best[last]:
                place = last
                while place > 0 and best[place - 1] < candidate:
                    best[place] = best[place - 1]
                    index[place] = index[place - 1]
                    place -= 1
                best[place] = candidate
                index[place] = begin + lane
        begin += count
    second = 0.0
    fourth = 0.0
    for lane in range(LANES):
        second += sums[0, lane]
        fourth += sums[1, lane]
    return second, fourth


@kernel(fastmath=False)
def _mid_point_distance(reference, a, b, box, i, j):
    """Distance of the mid-points of particles i and j over a and b, minimum image."""
    square = 0.0
    for axis in range(3):
        apart = reference[axis, i] - reference[axis, j]
        apart += 0.5 * (np.float64(a[axis, i]) + np.float64(b[axis, i]))
        apart -= 0.5 * (np.float64(a[axis, j]) + np.float64(b[axis, j]))
        apart -= box * np.rint(apart / box)
        square += apart * apart
    return np.sqrt(square)


@kernel(fastmath=False)
def pair_block(u, extents, reference, box, first, second, turns, out):
    """Geometric features of a block of pairs.

    Args:
        u: (n, 3, N) displacements of the minima from the reference, see :func:`unwrapped`, in
            single or double precision.
        extents: (n,) largest component of each, relative to particle 0.
        reference: (3, N) positions of the reference.
        box: edge of the cubic box.
        first: (R,) index of minimum a of each pair.
        second: (R,) index of minimum b of each pair.
        turns: (R,) the order in which to compute the pairs; no result depends on it.
        out: (2 M + 1, R) receives |dr_1| .. |dr_M| in decreasing order, d, the participation
            ratio, and the distances of the mid-points of particles 1 and 2 .. M. The
            participation ratio of two identical minima is 0.
    """
    particles = (out.shape[0] - 1) // 2
    size = u.shape[2]
    sums = np.empty((2, LANES))
    group = np.empty(LANES, u.dtype)
    image = np.empty((3, size), u.dtype)
    best = np.empty(particles, u.dtype)
    index = np.empty(particles, np.int64)
    for row in turns:
        a = u[first[row]]
        b = u[second[row]]
        if extents[first[row]] + extents[second[row]] >= 0.5 * box:
            _nearest_image(a, b, box, image)
            b = image
        total, fourth = sums_and_largest(a, b, sums, group, best, index)
        for m in range(particles):
            out[m, row] = np.sqrt(np.float64(best[m]))
        out[particles, row] = np.sqrt(total)
        out[particles + 1, row] = total * total / fourth if fourth > 0.0 else 0.0
        for m in range(1, particles):
            out[particles + 1 + m, row] = _mid_point_distance(
                reference, a, b, box, index[0], index[m]
            )
