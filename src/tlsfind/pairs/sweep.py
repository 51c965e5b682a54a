"""A pass over the displacements of a pair, eight particles at a time in the lanes of a vector.

A running maximum with a branch for each particle costs more than all the arithmetic, and LLVM
vectorises neither it nor the sums beside it. Here a group of particles costs one branch, hardly
ever taken: whether any of its squares is among the largest so far. Only then does the pass stop
and leave the group to whoever called it. In a pair of a glass of 1500 particles that happens about
a dozen times.

Each lane has sums of its own, so that their order, and the last bit, is the same wherever the pass
is inlined.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tlsfind.vectors import DOUBLE, FLOAT, Vectors

LANES = 8
_INDEX = ir.IntType(64)
_MASK = ir.IntType(LANES)


def _number(kind: types.Array) -> ir.Type:
    """The LLVM type of the entries of an array."""
    return FLOAT if kind.dtype == types.float32 else DOUBLE


def _squares(v: Vectors, starts: list[ir.Value], ends: list[ir.Value], i: ir.Value) -> ir.Value:
    """Squared displacements of the particles from ``i`` on, from rows x, y, z to others."""
    x, y, z = (
        v.subtract(v.load(end, i), v.load(start, i))
        for start, end in zip(starts, ends, strict=True)
    )
    return v.times_add(z, z, v.times_add(y, y, v.times(x, x)))


def _rows(context, builder, kind: types.Array, value: ir.Value) -> list[ir.Value]:
    """Addresses of the rows of an array (3, N)."""
    array = cgutils.create_struct_proxy(kind)(context, builder, value=value)
    size = builder.extract_value(array.shape, 1)
    return [
        builder.gep(array.data, [builder.mul(size, ir.Constant(_INDEX, axis))]) for axis in range(3)
    ]


@intrinsic
def square(context, a, b, i):
    """Squared displacement of particle ``i`` from a to b, (3, N) both, rounded as in a group."""
    signature = a.dtype(a, b, types.int64)

    def generate(context, builder, signature, arguments):
        """Instructions for one particle."""
        v = Vectors(builder, 1, _number(a))
        starts, ends = (_rows(context, builder, a, value) for value in arguments[:2])
        found = _squares(v, starts, ends, arguments[2])
        return builder.extract_element(found, ir.Constant(_INDEX, 0))

    return signature, generate


@intrinsic
def advance(context, a, b, begin, end, floor, sums, group):
    """Go on from particle ``begin`` to the next group that has a square above ``floor``.

    Args:
        a: (3, N) displacements of one minimum, contiguous, in single or double precision.
        b: (3, N) those of the other, alike.
        begin: a multiple of LANES.
        end: a multiple of LANES, at most N.
        floor: a number of the precision of ``a``.
        sums: (2, LANES) sums of the squares, and of their squares, of each lane; all groups that
            are passed, and the one that is found, are added.
        group: (LANES,) receives the squares of the group that is found.

    Returns:
        The first particle of that group; if there is none ``end``, or ``begin`` beyond it.
    """
    signature = types.int64(a, b, types.int64, types.int64, a.dtype, sums, group)

    def generate(context, builder, signature, arguments):
        """Instructions of the pass: a loop over groups with two ways out."""
        starts, ends = (_rows(context, builder, a, value) for value in arguments[:2])
        begin, end, floor = arguments[2:5]
        totals, found = (
            cgutils.create_struct_proxy(kind)(context, builder, value=value).data
            for kind, value in zip((sums, group), arguments[5:], strict=True)
        )
        v = Vectors(builder, LANES, _number(a))
        wide = Vectors(builder, LANES)
        zero = ir.Constant(_INDEX, 0)
        limit = v.broadcast(floor)
        place = cgutils.alloca_once_value(builder, begin)
        second, fourth = (
            cgutils.alloca_once_value(builder, wide.load(totals, zero, row)) for row in range(2)
        )
        test, add, go_on, stop, done = (
            builder.append_basic_block(f"advance.{name}")
            for name in ("test", "add", "go_on", "stop", "done")
        )
        builder.branch(test)

        builder.position_at_end(test)
        i = builder.load(place)
        builder.cbranch(builder.icmp_signed("<", i, end), add, done)

        builder.position_at_end(add)
        squares = _squares(v, starts, ends, i)
        exact = squares if v.number == DOUBLE else builder.fpext(squares, wide.type)
        builder.store(wide.add(builder.load(second), exact), second)
        builder.store(wide.times_add(exact, exact, builder.load(fourth)), fourth)
        above = builder.bitcast(builder.fcmp_ordered(">", squares, limit), _MASK)
        builder.cbranch(builder.icmp_unsigned("!=", above, ir.Constant(_MASK, 0)), stop, go_on)

        builder.position_at_end(go_on)
        builder.store(builder.add(i, ir.Constant(_INDEX, LANES)), place)
        builder.branch(test)

        builder.position_at_end(stop)
        v.store(found, zero, 0, squares)
        builder.branch(done)

        builder.position_at_end(done)
        for row, total in enumerate((second, fourth)):
            wide.store(totals, zero, row, builder.load(total))
        return builder.load(place)

    return signature, generate
