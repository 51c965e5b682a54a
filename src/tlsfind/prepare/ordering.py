"""Particles numbered along a curve through space, so that neighbours are near each other in memory.

A glass does not mix: numbers given once to the cold configuration stay good for all its minima.
The images of a path gain most (docs/performance.md): eight of them take 192 bytes a particle. A
liquid of species keeps the numbers of its data file.
"""

from __future__ import annotations

import numpy as np

#: Bits of a cell's index along each axis: cells of about 0.7 sigma at N = 1500 and density 1.
BITS = 4


def z_order(positions: np.ndarray, box: float) -> np.ndarray:
    """Order (N,) of particles along Z-order's curve (G. M. Morton, IBM technical report, 1966).

    Args:
        positions: (N, 3), anywhere.
        box: edge of the cubic box.

    Returns:
        Indices of the particles by cell; in the order of their numbers within a cell.
    """
    cells = 1 << BITS
    index = np.floor(np.mod(positions / box, 1.0) * cells).astype(np.int64) % cells
    code = np.zeros(len(positions), np.int64)
    for bit in range(BITS):
        for axis in range(3):
            code |= ((index[:, axis] >> bit) & 1) << (3 * bit + axis)
    return np.argsort(code, kind="stable")
