"""Numba kernels of the pair features.

How a pair costs little:

1. ``unwrapped`` stores, once per minimum k, the displacement u_k of every particle from the first
   minimum, freed of wrapping and of a common translation. A pair is then u_b - u_a, one
   subtraction per coordinate, and the mean of that is zero already.
2. The minimum image is needed only if a particle may have moved by more than half a box within
   the pair. Two numbers per pair, the extents of u_a and u_b, rule that out for all particles at
   once.
3. The squares and their sums are formed in a loop with no branch, which vectorises (a running
   maximum in the same loop would prevent that); the largest M are then found in one pass over
   the squares, which are still in the first cache.
4. With many minima the displacements come from main memory, and that takes as long as the
   arithmetic. They may be in single precision: differences and squares are then formed in single
   precision too, the sums in double. And the pairs of a block are computed in the order of
   minimum b, so that it is fetched once for all its partners a in the block.

Arrays are (coordinate, particle), so that particles are contiguous.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tlsfind.kernels import kernel

# Sums may be reordered, so that they vectorise. Inlining is forced: as a function of its own
# ``_squares`` would round differently in the process that compiles it and in later ones.
_FAST = {"reassoc", "contract", "nsz"}


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


@njit(forceinline=True, fastmath=_FAST)
def _squares(ax, ay, az, bx, by, bz, squares):
    """Squared displacements (N,) from a to b; returns their sum and the sum of their squares."""
    second = 0.0
    fourth = 0.0
    for i in range(squares.shape[0]):
        dx = bx[i] - ax[i]
        dy = by[i] - ay[i]
        dz = bz[i] - az[i]
        square = dx * dx + dy * dy + dz * dz
        squares[i] = square
        wide = np.float64(square)
        second += wide
        fourth += wide * wide
    return second, fourth


@kernel(fastmath=False)
def _largest(squares, best, index):
    """The M largest of ``squares`` (N,) in decreasing order, and their particles.

    Equal squares come in the order of particles. ``best`` and ``index`` are (M,), M <= N.
    """
    last = best.shape[0] - 1
    best[:] = -1.0
    for i in range(squares.shape[0]):
        square = squares[i]
        if square > best[last]:
            place = last
            while place > 0 and best[place - 1] < square:
                best[place] = best[place - 1]
                index[place] = index[place - 1]
                place -= 1
            best[place] = square
            index[place] = i


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
    squares = np.empty(size, u.dtype)
    image = np.empty((3, size), u.dtype)
    best = np.empty(particles, u.dtype)
    index = np.empty(particles, np.int64)
    for row in turns:
        a = u[first[row]]
        b = u[second[row]]
        if extents[first[row]] + extents[second[row]] >= 0.5 * box:
            _nearest_image(a, b, box, image)
            b = image
        total, fourth = _squares(a[0], a[1], a[2], b[0], b[1], b[2], squares)
        _largest(squares, best, index)
        for m in range(particles):
            out[m, row] = np.sqrt(np.float64(best[m]))
        out[particles, row] = np.sqrt(total)
        out[particles + 1, row] = total * total / fourth if fourth > 0.0 else 0.0
        for m in range(1, particles):
            out[particles + 1 + m, row] = _mid_point_distance(
                reference, a, b, box, index[0], index[m]
            )
