"""Recognise, on the way down, the minimum that a quench will end in.

Most quenches of a trajectory end in a minimum that the trajectory has visited before. A descent
that has come close to a known minimum m need not be finished. With x the configuration, F its
force, E its energy and s the displacement from x to m, m is where the descent ends if

1. |s| <= ``radius``: x is close to m;
2. F . s > 0: x goes towards m, downhill;
3. E(x) - E(m) = F . s / 2 within ``HARMONIC``, relative: on a straight line from x to m the energy
   is a parabola with its minimum at m. The cubic through both energies and both slopes then has
   a curvature between 1 - 2 HARMONIC and 1 + 4 HARMONIC times that parabola's, positive all the
   way, so that nothing lies between x and m.

What comes out is then the known minimum as it was quenched, not a second copy of it: the gate of
``landscape.identity`` need not tell the two apart. docs/explore.md has the measurement.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

from tlsfind.configuration import displacements
from tlsfind.engine.base import Quench

HARMONIC = 0.1
#: Minima that are remembered, those visited last.
REMEMBERED = 64


class Recogniser:
    """The minima that a trajectory has visited, to tell where a quench is going.

    Args:
        box: box edge.
        radius: largest total displacement d between a configuration and its minimum; 0: none is
            ever recognised.
    """

    def __init__(self, box: float, radius: float):
        self.box = float(box)
        self.radius = float(radius)
        self.found: int | None = None
        self._known: OrderedDict[int, Quench] = OrderedDict()

    def __call__(self, positions: np.ndarray, energy: float, forces: np.ndarray) -> bool:
        """Whether a descent that has come to ``positions`` ends in a known minimum, ``found``.

        Args:
            positions: (N, 3).
            energy: total energy.
            forces: (N, 3).
        """
        # by 3. and Cauchy and Schwarz, the energy of m cannot be farther down than this
        deepest = energy - 0.5 * (1.0 + HARMONIC) * self.radius * float(np.linalg.norm(forces))
        self.found = None
        for number in reversed(self._known):
            minimum = self._known[number]
            if deepest <= minimum.energy < energy and self._leads_to(
                positions, energy, forces, minimum
            ):
                self.found = number
                return True
        return False

    def _leads_to(
        self, positions: np.ndarray, energy: float, forces: np.ndarray, minimum: Quench
    ) -> bool:
        step = displacements(positions, minimum.positions, self.box)
        if float(np.linalg.norm(step)) > self.radius:
            return False
        parabola = 0.5 * float((forces * step).sum())
        return abs(energy - minimum.energy - parabola) <= HARMONIC * parabola

    def minimum(self, number: int) -> Quench:
        """The quench that first led to a minimum."""
        return self._known[number]

    def remember(self, number: int, quench: Quench) -> None:
        """Remember that the minimum ``number`` was visited last.

        Args:
            number: its number in a catalogue.
            quench: a finished quench that led to it; not looked at where it is known already.
        """
        if number not in self._known:
            self._known[number] = quench
        self._known.move_to_end(number)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
