"""Numba kernel that decides whether two configurations are displaced by less than a tolerance."""

from __future__ import annotations

import numpy as np

from tlsfind.kernels import kernel

CHUNK = 64  # particles between two looks at whether the tolerance is exceeded already


@kernel(fastmath=False)
def displacement_within(a, b, box, tolerance):
    """Total displacement d between two configurations, or infinity if it exceeds a tolerance.

    d is the root of the summed squared displacements in minimum image, freed of a common
    translation (the semantics of ``configuration.displacements``). The spread of the first k
    displacements about their own mean never exceeds d^2, so the sum is given up at the first k
    where it is above the square of the tolerance.

    Args:
        a: (N, 3) positions.
        b: (N, 3) positions of the same particles.
        box: edge of the cubic box.
        tolerance: largest d of interest.

    Returns:
        d, or infinity.
    """
    size = a.shape[0]
    limit = tolerance * tolerance
    give_up = limit * (1.0 + 1e-6) + 1e-10  # room for rounding of the running sums
    moved = np.empty((size, 3))
    total = np.zeros(3)
    squares = 0.0
    for begin in range(0, size, CHUNK):
        end = min(begin + CHUNK, size)
        for i in range(begin, end):
            for axis in range(3):
                step = (b[i, axis] - a[i, axis]) - (b[0, axis] - a[0, axis])
                step -= box * np.rint(step / box)
                moved[i, axis] = step
                total[axis] += step
                squares += step * step
        common = (total[0] ** 2 + total[1] ** 2 + total[2] ** 2) / end
        if squares - common > give_up:
            return np.inf
    mean = total / size
    result = 0.0
    for i in range(size):
        for axis in range(3):
            result += (moved[i, axis] - mean[axis]) ** 2
    return np.sqrt(result) if result <= limit else np.inf
