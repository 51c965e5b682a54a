"""Forces of several configurations at once, one configuration in each SIMD lane.

The images of a path share one neighbour list, so the same pair is evaluated for all of them. LLVM
does not vectorise that loop by itself (it cannot prove that the rows of two particles do not
overlap), so the body is written with explicit vectors of ``LANES`` numbers. LLVM splits them
where the processor's vectors are shorter.

Images are stored in chunks: (chunks, N, 3, LANES), so that what one pass touches stays in cache.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from tlsfind.engine.native.vectors import PotentialVectors
from tlsfind.kernels import FAST, kernel

LANES = 8
ROW = 3 * LANES


@intrinsic
def _add_pair(context, images, i, j, sx, sy, sz, scale, forces, energies):
    """Add the pair (i, j) in all lanes.

    ``images`` and ``forces`` are flat arrays, ``i`` and ``j`` offsets of the particles' rows in
    them, ``energies`` an array of LANES numbers.
    """
    array = types.Array(types.float64, 1, "C")
    signature = types.void(
        array, types.int64, types.int64, *[types.float64] * 4, array, array
    )  # fmt: skip

    def generate(context, builder, signature, arguments):
        data = [
            cgutils.create_struct_proxy(array)(context, builder, value=arguments[k]).data
            for k in (0, 7, 8)
        ]
        x, f, e = data
        _, i, j, *numbers, _, _ = arguments
        v = PotentialVectors(builder, LANES)
        shifts = [v.broadcast(number) for number in numbers[:3]]
        scale = v.broadcast(numbers[3])
        d = [
            v.add(v.subtract(v.load(x, j, axis), v.load(x, i, axis)), shifts[axis])
            for axis in range(3)
        ]
        x2 = v.times(v.square(d), scale)
        energy, force = v.pair(x2, scale, v.inside(x2))
        v.accumulate(e, ir.Constant(j.type, 0), 0, energy)
        for axis in range(3):
            component = v.times(force, d[axis])
            v.accumulate(f, j, axis, component)
            v.accumulate(f, i, axis, builder.fneg(component))
        return context.get_dummy_value()

    return signature, generate


@kernel
def lane_energy_forces(images, shifts, start, neighbour, inverse, shift, energies, forces):
    """Energies and forces of all lanes of all chunks.

    Args:
        images: (chunks, N, 3, LANES), contiguous.
        shifts: (27, 3) periodic shifts.
        start, neighbour, inverse, shift: a list that holds for all images, see ``neighbours``.
        energies: (chunks, LANES), overwritten.
        forces: (chunks, N, 3, LANES), contiguous, overwritten.
    """
    chunks, n = images.shape[0], images.shape[1]
    flat = images.reshape(images.size)
    flat_forces = forces.reshape(forces.size)
    flat_forces[:] = 0.0
    energies[:] = 0.0
    for c in range(chunks):
        base = c * n * ROW
        energy = energies[c]
        for i in range(n):
            for k in range(start[i], start[i + 1]):
                s = shift[k]
                _add_pair(  # type: ignore[call-arg]
                    flat,
                    base + i * ROW,
                    base + np.int64(neighbour[k]) * ROW,
                    shifts[s, 0],
                    shifts[s, 1],
                    shifts[s, 2],
                    inverse[k],
                    flat_forces,
                    energy,
                )


@kernel
def lane_reach(images, centre, reach):
    """Fill the centre (N, 3) of each particle's range over all images and its radius (N,)."""
    chunks, n = images.shape[0], images.shape[1]
    for i in range(n):
        for axis in range(3):
            low = images[0, i, axis, 0]
            high = low
            for c in range(chunks):
                for p in range(LANES):
                    low = min(low, images[c, i, axis, p])
                    high = max(high, images[c, i, axis, p])
            centre[i, axis] = 0.5 * (low + high)
    reach[:] = 0.0
    for c in range(chunks):
        for i in range(n):
            reach[i] = max(reach[i], _farthest(images[c, i], centre[i]))
    for i in range(n):
        reach[i] = np.sqrt(reach[i])


@njit(inline="always", fastmath=FAST, error_model="numpy")
def _farthest(rows, centre):
    """Largest squared distance of the lanes of one particle (3, LANES) from ``centre``, or NaN."""
    worst = 0.0
    total = 0.0
    for p in range(LANES):
        dx = rows[0, p] - centre[0]
        dy = rows[1, p] - centre[1]
        dz = rows[2, p] - centre[2]
        square = dx * dx + dy * dy + dz * dz
        worst = max(worst, square)
        total += square
    return worst if total == total else total  # max() would lose a NaN


@kernel
def lane_moved(images, centre, reach, allowance):
    """Whether a particle is farther than its reach plus ``allowance`` from its centre."""
    chunks, n = images.shape[0], images.shape[1]
    for c in range(chunks):
        for i in range(n):
            limit = reach[i] + allowance
            if not (_farthest(images[c, i], centre[i]) <= limit * limit):
                return True
    return False
