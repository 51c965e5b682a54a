"""Numba kernels for energies and forces over a neighbour list.

Four pairs of a particle at a time are evaluated in the lanes of a vector. Positions and forces are
kept in rows of four numbers meanwhile, x, y, z and one to spare, so that a row is one load; 4 x 4
transpositions make vectors of x, of y and of z of them and back. The spare number collects minus
the energy. What a row has left over after its groups of four is evaluated with the pairs that
follow in the list, which do not count.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from tlsfind.engine.native.potential import CUTOFF2, pair_energy, pair_force
from tlsfind.engine.native.vectors import PotentialVectors
from tlsfind.kernels import FAST, kernel

GROUP = 4
_INDEX = ir.IntType(64)


def _transposed(v: PotentialVectors, rows: list[ir.Value]) -> list[ir.Value]:
    """The columns of four vectors of four."""
    even, even_next = (v.shuffle(rows[k], rows[k + 1], [0, 4, 2, 6]) for k in (0, 2))
    odd, odd_next = (v.shuffle(rows[k], rows[k + 1], [1, 5, 3, 7]) for k in (0, 2))
    low, high = [0, 1, 4, 5], [2, 3, 6, 7]
    return [
        v.shuffle(even, even_next, low),
        v.shuffle(odd, odd_next, low),
        v.shuffle(even, even_next, high),
        v.shuffle(odd, odd_next, high),
    ]


@intrinsic
def _add_row(
    context, rows, shifts, neighbour, inverse, shift, begin, end, i, forces
):  # fmt: skip
    """Add the pairs ``begin`` to ``end`` of particle ``i`` to ``forces``.

    ``rows`` and ``forces`` are flat arrays of rows of four, ``shifts`` too (27 rows). The arrays of
    the list must go on for three entries after ``end``.
    """
    numbers = types.Array(types.float64, 1, "C")
    listed = (types.Array(types.int32, 1, "C"), numbers, types.Array(types.int8, 1, "C"))
    signature = types.void(numbers, numbers, *listed, *[types.int64] * 3, numbers)

    def generate(context, builder, signature, arguments):
        data = {
            k: cgutils.create_struct_proxy(signature.args[k])(
                context, builder, value=arguments[k]
            ).data
            for k in (0, 1, 2, 3, 4, 8)
        }
        begin, end, i = arguments[5:8]
        v = PotentialVectors(builder, GROUP)
        four = ir.Constant(_INDEX, GROUP)

        def row_of(indices, k):
            return builder.mul(builder.sext(builder.load(builder.gep(indices, [k])), _INDEX), four)

        own = builder.mul(i, four)
        here = v.load(data[0], own)
        totals = [cgutils.alloca_once(builder, v.type) for _ in range(GROUP)]
        for total in totals:
            builder.store(v.constant(0.0), total)
        places = ir.Constant(
            ir.VectorType(_INDEX, GROUP), [ir.Constant(_INDEX, lane) for lane in range(GROUP)]
        )
        with cgutils.for_range_slice(builder, begin, end, four, _INDEX) as (first, _):
            others, apart = [], []
            for lane in range(GROUP):
                k = builder.add(first, ir.Constant(_INDEX, lane))
                others.append(row_of(data[2], k))
                vector = v.subtract(v.load(data[0], others[lane]), here)
                apart.append(v.add(vector, v.load(data[1], row_of(data[4], k))))
            components = _transposed(v, apart)[:3]
            scale = v.load(data[3], first)
            x2 = v.times(v.square(components), scale)
            left = v.broadcast(builder.sub(end, first))
            counted = builder.and_(v.inside(x2), builder.icmp_signed("<", places, left))
            energy, force = v.pair(x2, scale, counted)
            push = [v.times(force, component) for component in components]
            for total, part in zip(totals, [*push, energy], strict=True):
                builder.store(v.add(builder.load(total), part), total)
            for other, part in zip(others, _transposed(v, [*push, v.constant(0.0)]), strict=True):
                v.accumulate(data[8], other, 0, part)
        sums = _transposed(v, [builder.load(total) for total in totals])
        total = v.add(v.add(sums[0], sums[1]), v.add(sums[2], sums[3]))
        v.accumulate(data[8], own, 0, builder.fneg(total))
        return context.get_dummy_value()

    return signature, generate


@njit(inline="always", fastmath=FAST, error_model="numpy")
def _add_row_one_by_one(rows, shifts, neighbour, inverse, shift, begin, end, i, forces):
    """The same for the end of the list, where fewer than three entries follow."""
    for k in range(begin, end):
        a, b, s = 4 * i, 4 * neighbour[k], 4 * shift[k]
        dx = rows[b] - rows[a] + shifts[s]
        dy = rows[b + 1] - rows[a + 1] + shifts[s + 1]
        dz = rows[b + 2] - rows[a + 2] + shifts[s + 2]
        x2 = (dx * dx + dy * dy + dz * dz) * inverse[k]
        if x2 < CUTOFF2:
            f = pair_force(x2) * inverse[k]
            forces[a] -= f * dx
            forces[a + 1] -= f * dy
            forces[a + 2] -= f * dz
            forces[a + 3] -= pair_energy(x2)
            forces[b] += f * dx
            forces[b + 1] += f * dy
            forces[b + 2] += f * dz


@kernel
def energy_forces(positions, shifts, start, neighbour, inverse, shift, forces):
    """Energy of one configuration; fills ``forces``.

    Args:
        positions: (N, 3).
        shifts: (27, 3) periodic shifts.
        start, neighbour, inverse, shift: the list, see ``neighbours``.
        forces: (N, 3), overwritten.
    """
    n = len(positions)
    rows = np.zeros(GROUP * n)
    pushed = np.zeros(GROUP * n)
    shift_rows = np.zeros(GROUP * len(shifts))
    for i in range(n):
        for axis in range(3):
            rows[GROUP * i + axis] = positions[i, axis]
    for s in range(len(shifts)):
        for axis in range(3):
            shift_rows[GROUP * s + axis] = shifts[s, axis]
    for i in range(n):
        begin, end = np.int64(start[i]), np.int64(start[i + 1])
        if end + GROUP - 1 <= len(neighbour):
            _add_row(  # type: ignore[call-arg]
                rows, shift_rows, neighbour, inverse, shift, begin, end, np.int64(i), pushed
            )
        else:
            _add_row_one_by_one(rows, shift_rows, neighbour, inverse, shift, begin, end, i, pushed)
    for i in range(n):
        for axis in range(3):
            forces[i, axis] = pushed[GROUP * i + axis]
    return _collected(pushed)


@kernel(fastmath=False)
def _collected(rows):
    """Minus the sum of the spare numbers of ``rows``, always in the same order."""
    totals = np.zeros(GROUP)
    for k in range(GROUP - 1, len(rows), GROUP):
        totals[(k // GROUP) % GROUP] -= rows[k]
    return (totals[0] + totals[1]) + (totals[2] + totals[3])
