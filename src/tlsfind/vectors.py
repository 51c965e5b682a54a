"""LLVM instructions on vectors of numbers, for kernels that LLVM does not vectorise by itself.

LLVM splits vectors where the processor's are shorter.
"""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir
from numba.core import cgutils

#: No "reassoc": the order of sums, and so the last bit, is the same wherever a kernel is inlined.
FLAGS = ("contract", "arcp", "nsz")
LANE = ir.IntType(32)
DOUBLE = ir.DoubleType()
FLOAT = ir.FloatType()


class Vectors:
    """Builds instructions on vectors of ``lanes`` numbers, doubles unless said."""

    def __init__(self, builder: ir.IRBuilder, lanes: int, number: ir.Type = DOUBLE):
        self.builder = builder
        self.lanes = lanes
        self.number = number
        self.align = 4 if number == FLOAT else 8
        self.type = ir.VectorType(number, lanes)
        self.pointer = self.type.as_pointer()

    def constant(self, value: float) -> ir.Constant:
        """A vector with ``value`` in every lane."""
        return ir.Constant(self.type, [ir.Constant(self.number, value)] * self.lanes)

    def broadcast(self, scalar: ir.Value) -> ir.Value:
        """A vector with a scalar in every lane."""
        undefined = ir.Constant(ir.VectorType(scalar.type, self.lanes), ir.Undefined)
        single = self.builder.insert_element(undefined, scalar, ir.Constant(LANE, 0))
        return self.builder.shuffle_vector(single, undefined, self._mask([0] * self.lanes))

    def _mask(self, places: Sequence[int]) -> ir.Constant:
        return ir.Constant(
            ir.VectorType(LANE, self.lanes), [ir.Constant(LANE, place) for place in places]
        )

    def shuffle(self, a: ir.Value, b: ir.Value, places: Sequence[int]) -> ir.Value:
        """The lanes ``places`` of a, and (from ``lanes`` on) of b."""
        return self.builder.shuffle_vector(a, b, self._mask(places))

    def address(self, data: ir.Value, offset: ir.Value, row: int = 0) -> ir.Value:
        """Address of the vector ``row`` rows of lanes after ``offset``."""
        index = self.builder.add(offset, ir.Constant(offset.type, row * self.lanes))
        return self.builder.bitcast(self.builder.gep(data, [index]), self.pointer)

    def load(self, data: ir.Value, offset: ir.Value, row: int = 0) -> ir.Value:
        """The vector at :meth:`address`."""
        return self.builder.load(self.address(data, offset, row), align=self.align)

    def store(self, data: ir.Value, offset: ir.Value, row: int, value: ir.Value) -> None:
        """Make ``value`` the vector at :meth:`address`."""
        self.builder.store(value, self.address(data, offset, row), align=self.align)

    def accumulate(self, data: ir.Value, offset: ir.Value, row: int, value: ir.Value) -> None:
        """Add ``value`` to the vector at :meth:`address`."""
        address = self.address(data, offset, row)
        total = self.add(self.builder.load(address, align=self.align), value)
        self.builder.store(total, address, align=self.align)

    def add(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """Sum of two vectors."""
        return self.builder.fadd(a, b, flags=FLAGS)

    def subtract(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """Difference of two vectors."""
        return self.builder.fsub(a, b, flags=FLAGS)

    def times(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """Product of two vectors."""
        return self.builder.fmul(a, b, flags=FLAGS)

    def times_add(self, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
        """The sum a b + c, rounded once where the processor can, and twice elsewhere.

        Which product of a sum of products :meth:`add` and :meth:`times` round is up to LLVM; here
        it is not.
        """
        kind = "f32" if self.number == FLOAT else "f64"
        signature = ir.FunctionType(self.type, [self.type] * 3)
        name = f"llvm.fmuladd.v{self.lanes}{kind}"
        function = cgutils.get_or_insert_function(self.builder.module, signature, name)
        return self.builder.call(function, [a, b, c])

    def square(self, components: Sequence[ir.Value]) -> ir.Value:
        """Sum of the squares of three vectors."""
        x, y, z = (self.times(component, component) for component in components)
        return self.add(self.add(x, y), z)
