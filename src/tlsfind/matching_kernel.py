"""Numba kernels of the matching of identical particles (see :mod:`tlsfind.matching`).

Particles of one type are ``members[starts[t] : starts[t + 1]]``. ``moves`` are displacements from
a to b in minimum image, so that particle k of b is at ``a[k] + moves[k]``.
"""

from __future__ import annotations

import numpy as np

from tlsfind.kernels import kernel

_NONE = np.empty(0, np.int64)


@kernel(fastmath=False)
def _square(a, moves, site, particle, box):
    """Squared distance of ``particle`` of b from ``site`` of a, minimum image."""
    square = 0.0
    for axis in range(3):
        apart = a[particle, axis] + moves[particle, axis] - a[site, axis]
        apart -= box * np.rint(apart / box)
        square += apart * apart
    return square


@kernel(fastmath=False)
def like_squares(positions, members, starts, box):
    """Smallest squared distance between two particles of each type; infinity for a single one.

    Args:
        positions: (N, 3) positions.
        members: (N,) particles sorted by type.
        starts: (T + 1,) where each type begins in ``members``.
        box: edge of the cubic box.

    Returns:
        (T,) squared distances.
    """
    types = starts.shape[0] - 1
    smallest = np.full(types, np.inf)
    for t in range(types):
        for first in range(starts[t], starts[t + 1]):
            i = members[first]
            for second in range(first + 1, starts[t + 1]):
                j = members[second]
                square = 0.0
                for axis in range(3):
                    apart = positions[j, axis] - positions[i, axis]
                    apart -= box * np.rint(apart / box)
                    square += apart * apart
                smallest[t] = min(smallest[t], square)
    return smallest


@kernel(fastmath=False)
def improvable(a, moves, own, bound, box, rounds, tolerance):
    """Particles of a type among which a better assignment may exist, or proof that there is none.

    Giving the site of particle k to particle l changes the sum of squares by
    w(k, l) = |a_l + u_l - a_k|^2 - |u_l|^2, and an assignment is the best one if and only if no
    closed chain of such changes has a negative sum. Chains are looked for by Bellman and Ford's
    method: y_l = min(0, min_k (y_k + w(k, l))), repeated until nothing changes, which is the proof.
    A negative chain can be entered at a particle from which all its partial sums are negative, so
    every particle of it gets a negative y. w(k, l) < 0 needs |u_l| above half the distance of a_k
    and a_l; y of all other particles stays 0 unless a chain reaches them, and little is computed.

    Args:
        a: (N, 3) positions of one minimum.
        moves: (N, 3) displacements u to the other.
        own: (n,) the particles of the type.
        bound: square of half the smallest distance between them in ``a``.
        box: edge of the cubic box.
        rounds: repetitions after which to give up; chains of up to so many particles are covered.
        tolerance: smallest change of a sum of squares that counts.

    Returns:
        The particles with y < 0; none if the present assignment is proved to be the best one.
    """
    size = own.shape[0]
    gained = np.zeros(size)
    now = np.empty(size, np.int64)
    later = np.empty(size, np.int64)
    waiting = np.zeros(size, np.bool_)
    active = 0
    for place in range(size):
        particle = own[place]
        square = 0.0
        for axis in range(3):
            square += moves[particle, axis] ** 2
        if square <= bound:
            continue
        nearest = square
        for other in range(size):
            if other != place:
                nearest = min(nearest, _square(a, moves, own[other], particle, box))
        if nearest < square - tolerance:
            gained[place] = nearest - square
            now[active] = place
            active += 1
    for _ in range(rounds):
        if active == 0:
            return _NONE
        count = 0
        for index in range(active):
            site = now[index]
            for place in range(size):
                if place == site:
                    continue
                particle = own[place]
                edge = _square(a, moves, own[site], particle, box)
                for axis in range(3):
                    edge -= moves[particle, axis] ** 2
                if gained[site] + edge < gained[place] - tolerance:
                    gained[place] = gained[site] + edge
                    if not waiting[place]:
                        waiting[place] = True
                        later[count] = place
                        count += 1
        now, later = later, now
        active = count
        for index in range(active):
            waiting[now[index]] = False
    return own[gained < 0.0] if active else _NONE


@kernel(fastmath=False)
def costs(a, moves, chosen, box):
    """Squared distances (m, m) of the particles ``chosen`` (m,) in b from their sites in a.

    Rows are sites, columns particles of b.
    """
    size = chosen.shape[0]
    matrix = np.empty((size, size))
    for i in range(size):
        for j in range(size):
            matrix[i, j] = _square(a, moves, chosen[i], chosen[j], box)
    return matrix


@kernel(fastmath=False)
def pair_moves(u, reference, first, second, box, a, moves):
    """Positions ``a`` (N, 3) of minimum ``first`` and the ``moves`` (N, 3) to minimum ``second``.

    Args:
        u: (n, 3, N) displacements of the minima from the reference.
        reference: (3, N) positions of the reference.
        first: row of one minimum.
        second: row of the other.
        box: edge of the cubic box.
        a: receives the positions.
        moves: receives the displacements in minimum image.
    """
    for axis in range(3):
        for i in range(a.shape[0]):
            a[i, axis] = reference[axis, i] + u[first, axis, i]
            moved = u[second, axis, i] - u[first, axis, i]
            moves[i, axis] = moved - box * np.rint(moved / box)


@kernel(fastmath=False)
def unsettled(u, reference, first, second, bounds, members, starts, box, rounds, tolerance):
    """Which of R pairs may have a better assignment than that by number: (R,) bool.

    Args:
        u: (n, 3, N) displacements of the minima from the reference.
        reference: (3, N) positions of the reference.
        first: (R,) row of one minimum of each pair.
        second: (R,) row of the other.
        bounds: (n, T) squares of half the smallest distance between like particles.
        members: (N,) particles sorted by type.
        starts: (T + 1,) where each type begins in ``members``.
        box: edge of the cubic box.
        rounds: as for :func:`improvable`.
        tolerance: as for :func:`improvable`.
    """
    size = u.shape[2]
    a = np.empty((size, 3))
    moves = np.empty((size, 3))
    result = np.zeros(first.shape[0], np.bool_)
    for row in range(first.shape[0]):
        pair_moves(u, reference, first[row], second[row], box, a, moves)
        for t in range(starts.shape[0] - 1):
            own = members[starts[t] : starts[t + 1]]
            bound = bounds[first[row], t]
            if improvable(a, moves, own, bound, box, rounds, tolerance).shape[0] > 0:
                result[row] = True
                break
    return result
