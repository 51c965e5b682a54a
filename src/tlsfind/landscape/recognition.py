"""Recognise, on the way down, the minimum that a quench will end in.

Most quenches of a trajectory end in a minimum that the trajectory has visited before. A descent
that has come close to a known minimum m need not be finished. With x the configuration, F its
force, E its energy and s the displacement from x to m, m is where the descent ends if

1. |s| <= the radius of m: x is close to m;
2. F . s > 0: x goes towards m, downhill;
3. E(x) - E(m) = F . s / 2 within ``HARMONIC``, relative: on a straight line from x to m the energy
   is a parabola with its minimum at m. The cubic through both energies and both slopes then has
   a curvature between 1 - 2 HARMONIC and 1 + 4 HARMONIC times that parabola's, positive all the
   way, so that nothing lies between x and m.

A minimum next to a low barrier is left sideways from such a slope, along its softest direction. So
each minimum has a radius of its own, at most ``radius``: the distance at which, along the last
stretch of the descent that found it, the forces on both sides of m differ by ``HARMONIC`` of their
sum. In a cubic well that is the same share of the way to the barrier.

What comes out is then the known minimum as it was quenched, not a second copy of it: the gate of
``landscape.identity`` need not tell the two apart. docs/explore.md has the measurement.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import numpy as np

from tlsfind.configuration import displacements
from tlsfind.engine.base import Quench

HARMONIC = 0.1
#: Minima that are remembered, those visited last.
REMEMBERED = 64
#: Radius of a minimum whose surroundings no descent has been seen in, as a share of the largest.
UNSEEN = 0.25


class Recogniser:
    """The minima that a trajectory has visited, to tell where a quench is going.

    Args:
        box: box edge.
        radius: largest total displacement d between a configuration and its minimum; 0: none is
            ever recognised.
        energy_forces: total energy and forces (N, 3) of positions (N, 3).

    Attributes:
        found: number of the minimum that was recognised last.
        evaluations: of ``energy_forces``.
    """

    def __init__(
        self,
        box: float,
        radius: float,
        energy_forces: Callable[[np.ndarray], tuple[float, np.ndarray]],
    ):
        self.box = float(box)
        self.radius = float(radius)
        self.found: int | None = None
        self.evaluations = 0
        self._energy_forces = energy_forces
        self._known: OrderedDict[int, tuple[Quench, float]] = OrderedDict()  # with its radius
        self._seen: list[np.ndarray] = []
        self._last_energy = np.inf

    def __call__(self, positions: np.ndarray, energy: float, forces: np.ndarray) -> bool:
        """Whether a descent that has come to ``positions`` ends in a known minimum, ``found``.

        Args:
            positions: (N, 3).
            energy: total energy.
            forces: (N, 3).
        """
        if energy >= self._last_energy:  # another descent
            self._seen.clear()
        self._seen.append(positions.copy())
        self._last_energy = energy
        # by 3. and Cauchy and Schwarz, the energy of m cannot be farther down than this
        deepest = energy - 0.5 * (1.0 + HARMONIC) * self.radius * float(np.linalg.norm(forces))
        self.found = None
        for number in reversed(self._known):
            minimum, radius = self._known[number]
            if deepest <= minimum.energy < energy and self._leads_to(
                positions, energy, forces, minimum, radius
            ):
                self.found = number
                return True
        return False

    def _leads_to(
        self,
        positions: np.ndarray,
        energy: float,
        forces: np.ndarray,
        minimum: Quench,
        radius: float,
    ) -> bool:
        step = displacements(positions, minimum.positions, self.box)
        if float(np.linalg.norm(step)) > radius:
            return False
        parabola = 0.5 * float((forces * step).sum())
        return abs(energy - minimum.energy - parabola) <= HARMONIC * parabola

    def minimum(self, number: int) -> Quench:
        """The quench that first led to a minimum."""
        return self._known[number][0]

    def remember(self, number: int, quench: Quench) -> None:
        """Remember that the minimum ``number`` was visited last.

        Args:
            number: its number in a catalogue.
            quench: a finished quench that led to it, the last that this was asked about; not looked
                at where the minimum is known already.
        """
        if number not in self._known:
            self._known[number] = quench, self._harmonic_radius(quench.positions)
        self._seen.clear()
        self._last_energy = np.inf
        self._known.move_to_end(number)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _harmonic_radius(self, minimum: np.ndarray) -> float:
        """How far from a minimum (N, 3) its well is harmonic along the end of its descent."""
        asymmetries = []
        for positions in self._seen:
            away = displacements(minimum, positions, self.box)
            distance = float(np.linalg.norm(away))
            if 0.0 < distance <= self.radius:
                asymmetries.append(self._asymmetry(minimum, self.radius / distance * away))
        if not asymmetries:
            return UNSEEN * self.radius
        return self.radius * HARMONIC / max(HARMONIC, *asymmetries)

    def _asymmetry(self, minimum: np.ndarray, step: np.ndarray) -> float:
        """Difference of the restoring forces at both ends of ``step``, over their sum."""
        ahead, behind = (
            -sign * float((self._energy_forces(minimum + sign * step)[1] * step).sum())
            for sign in (1.0, -1.0)
        )
        self.evaluations += 2
        total = ahead + behind
        return abs(ahead - behind) / total if total > 0.0 else np.inf
