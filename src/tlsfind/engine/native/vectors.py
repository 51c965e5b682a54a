"""LLVM instructions on vectors of doubles, for kernels that LLVM does not vectorise by itself.

LLVM splits vectors where the processor's are shorter.
"""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from tlsfind.engine.native.potential import C0, C2, C4, CUTOFF2

#: No "reassoc": the order of sums, and so the last bit, is the same wherever a kernel is inlined.
FLAGS = ("contract", "arcp", "nsz")
LANE = ir.IntType(32)


class Vectors:
    """Builds instructions on vectors of ``lanes`` doubles."""

    def __init__(self, builder: ir.IRBuilder, lanes: int):
        self.builder = builder
        self.lanes = lanes
        self.type = ir.VectorType(ir.DoubleType(), lanes)
        self.pointer = self.type.as_pointer()

    def constant(self, value: float) -> ir.Constant:
        """A vector with ``value`` in every lane."""
        return ir.Constant(self.type, [ir.Constant(ir.DoubleType(), value)] * self.lanes)

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
        return self.builder.load(self.address(data, offset, row), align=8)

    def accumulate(self, data: ir.Value, offset: ir.Value, row: int, value: ir.Value) -> None:
        """Add ``value`` to the vector at :meth:`address`."""
        address = self.address(data, offset, row)
        self.builder.store(self.add(self.builder.load(address, align=8), value), address, align=8)

    def add(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """Sum of two vectors."""
        return self.builder.fadd(a, b, flags=FLAGS)

    def subtract(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """Difference of two vectors."""
        return self.builder.fsub(a, b, flags=FLAGS)

    def times(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """Product of two vectors."""
        return self.builder.fmul(a, b, flags=FLAGS)

    def square(self, components: Sequence[ir.Value]) -> ir.Value:
        """Sum of the squares of three vectors."""
        x, y, z = (self.times(component, component) for component in components)
        return self.add(self.add(x, y), z)

    def inside(self, x2: ir.Value) -> ir.Value:
        """Which lanes are inside the cutoff."""
        return self.builder.fcmp_ordered("<", x2, self.constant(CUTOFF2))

    def pair(self, x2: ir.Value, scale: ir.Value, counted: ir.Value) -> tuple[ir.Value, ir.Value]:
        """``potential.pair_energy``, and ``potential.pair_force`` times ``scale``; 0 elsewhere.

        Args:
            x2: (r / sigma_ij)^2.
            scale: 1 / sigma_ij^2.
            counted: which lanes count.
        """
        inverse = self.builder.fdiv(self.constant(1.0), x2, flags=FLAGS)
        inverse3 = self.times(self.times(inverse, inverse), inverse)
        inverse6 = self.times(inverse3, inverse3)
        even = self.add(self.constant(C2), self.times(self.constant(C4), x2))
        energy = self.add(self.add(inverse6, self.constant(C0)), self.times(x2, even))
        linear = self.add(self.constant(2.0 * C2), self.times(self.constant(4.0 * C4), x2))
        steep = self.times(self.constant(12.0), self.times(inverse6, inverse))
        force = self.times(self.subtract(steep, linear), scale)
        zero = self.constant(0.0)
        return (
            self.builder.select(counted, energy, zero),
            self.builder.select(counted, force, zero),
        )
