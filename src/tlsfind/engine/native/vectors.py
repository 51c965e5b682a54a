"""LLVM instructions of the pair potential on vectors of doubles."""

from __future__ import annotations

from llvmlite import ir

from tlsfind.engine.native.potential import C0, C2, C4, CUTOFF2
from tlsfind.vectors import FLAGS, Vectors


class PotentialVectors(Vectors):
    """Builds instructions on vectors of ``lanes`` doubles, the pair potential among them."""

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
