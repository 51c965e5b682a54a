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

from tlsfind.engine.native.potential import C0, C2, C4, CUTOFF2
from tlsfind.kernels import FAST, kernel

LANES = 8
ROW = 3 * LANES
_FLAGS = ("contract", "reassoc", "arcp", "nsz")


class _Vectors:
    """Builds LLVM instructions on vectors of LANES doubles."""

    def __init__(self, builder: ir.IRBuilder):
        self.builder = builder
        self.type = ir.VectorType(ir.DoubleType(), LANES)
        self.pointer = self.type.as_pointer()

    def constant(self, value: float) -> ir.Constant:
        """A vector with ``value`` in every lane."""
        return ir.Constant(self.type, [ir.Constant(ir.DoubleType(), value)] * LANES)

    def broadcast(self, scalar: ir.Value) -> ir.Value:
        """A vector with a scalar in every lane."""
        lane = ir.IntType(32)
        single = self.builder.insert_element(
            ir.Constant(self.type, ir.Undefined), scalar, ir.Constant(lane, 0)
        )
        mask = ir.Constant(ir.VectorType(lane, LANES), [ir.Constant(lane, 0)] * LANES)
        return self.builder.shuffle_vector(single, ir.Constant(self.type, ir.Undefined), mask)

    def address(self, data: ir.Value, offset: ir.Value, row: int) -> ir.Value:
        """Address of the vector ``row`` rows of lanes after ``offset``."""
        index = self.builder.add(offset, ir.Constant(offset.type, row * LANES))
        return self.builder.bitcast(self.builder.gep(data, [index]), self.pointer)

    def load(self, data: ir.Value, offset: ir.Value, row: int) -> ir.Value:
        """The vector at :meth:`address`."""
        return self.builder.load(self.address(data, offset, row), align=8)

    def accumulate(self, data: ir.Value, offset: ir.Value, row: int, value: ir.Value) -> None:
        """Add ``value`` to the vector at :meth:`address`."""
        address = self.address(data, offset, row)
        total = self.builder.fadd(self.builder.load(address, align=8), value, flags=_FLAGS)
        self.builder.store(total, address, align=8)

    def add(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """Sum of two vectors."""
        return self.builder.fadd(a, b, flags=_FLAGS)

    def subtract(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """Difference of two vectors."""
        return self.builder.fsub(a, b, flags=_FLAGS)

    def times(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """Product of two vectors."""
        return self.builder.fmul(a, b, flags=_FLAGS)


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
        v = _Vectors(builder)
        shifts = [v.broadcast(number) for number in numbers[:3]]
        scale = v.broadcast(numbers[3])
        d = [
            v.add(v.subtract(v.load(x, j, axis), v.load(x, i, axis)), shifts[axis])
            for axis in range(3)
        ]
        squares = [v.times(component, component) for component in d]
        x2 = v.times(v.add(v.add(squares[0], squares[1]), squares[2]), scale)
        inverse = builder.fdiv(v.constant(1.0), x2, flags=_FLAGS)
        inverse3 = v.times(v.times(inverse, inverse), inverse)
        inverse6 = v.times(inverse3, inverse3)
        polynomial = v.times(x2, v.add(v.constant(C2), v.times(v.constant(C4), x2)))
        energy = v.add(v.add(inverse6, v.constant(C0)), polynomial)
        linear = v.add(v.constant(2.0 * C2), v.times(v.constant(4.0 * C4), x2))
        force = v.subtract(v.times(v.constant(12.0), v.times(inverse6, inverse)), linear)
        force = v.times(force, scale)
        inside = builder.fcmp_ordered("<", x2, v.constant(CUTOFF2))
        zero = v.constant(0.0)
        v.accumulate(e, ir.Constant(j.type, 0), 0, builder.select(inside, energy, zero))
        force = builder.select(inside, force, zero)
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
