"""Moving images of a path into SIMD lanes and their forces out of them.

The layouts are (P, N, 3) and (chunks, N, 3, LANES), see ``lanes``. Lanes beyond the last image
repeat it.
"""

from __future__ import annotations

from tlsfind.engine.native.lanes import LANES
from tlsfind.kernels import kernel

BLOCK = 8  # coordinates of all lanes that are moved at a time: one cache line of each image


@kernel
def pack_images(images, home, packed):
    """Fill ``packed`` (chunks, N, 3, LANES) with ``images`` (P, N, 3) less ``home`` (N, 3)."""
    count, size = images.shape[0], 3 * images.shape[1]
    chunks = packed.shape[0]
    source = images.reshape(images.size)
    origin = home.reshape(size)
    target = packed.reshape(packed.size)
    for c in range(chunks):
        for first in range(0, size, BLOCK):
            last = min(first + BLOCK, size)
            for lane in range(LANES):
                row = min(c * LANES + lane, count - 1) * size
                for d in range(first, last):
                    target[(c * size + d) * LANES + lane] = source[row + d] - origin[d]


@kernel
def unpack_forces(packed, forces):
    """Fill ``forces`` (P, N, 3) from ``packed`` (chunks, N, 3, LANES)."""
    count, size = forces.shape[0], 3 * forces.shape[1]
    source = packed.reshape(packed.size)
    target = forces.reshape(forces.size)
    for c in range(packed.shape[0]):
        lanes = min(LANES, count - c * LANES)
        for first in range(0, size, BLOCK):
            last = min(first + BLOCK, size)
            for lane in range(lanes):
                row = (c * LANES + lane) * size
                for d in range(first, last):
                    target[row + d] = source[(c * size + d) * LANES + lane]
