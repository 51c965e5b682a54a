"""One identity per minimum: energy within a window, then displacement below a tolerance.

A configuration is a known minimum if

1. its energy is within ``energy_window`` of the minimum's, and
2. its total displacement d from it, in minimum image and freed of a common translation, is at
   most ``displacement_tolerance``;

the closest in displacement is taken if several qualify. Where particles are identical and none
qualifies by number, d is taken after matching (:mod:`tlsfind.matching`): configurations that differ
by a permutation of identical particles are one minimum. Energy alone would merge different minima
of nearly one energy, displacement alone would compare every configuration with every minimum.

The first configuration found of a minimum, and its numbering, represents it for good. The order in
which configurations come therefore does not change which of them are one minimum, provided that
the scatter of a minimum is below half the window and half the tolerance and that different minima
are further apart than both; quenches to a force of 1e-6 are, by orders of magnitude.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

import numpy as np

from tlsfind.errors import InputError
from tlsfind.landscape.kernel import displacement_within
from tlsfind.matching import displacements


class Catalogue:
    """The distinct minima found so far, numbered 0, 1, ... in the order of finding.

    Args:
        box: edge of the cubic box.
        energy_window: largest difference of total energy within one minimum.
        displacement_tolerance: largest total displacement d within one minimum.
        types: (N,) types, particles of one being identical, or None: all differ.
    """

    def __init__(
        self,
        box: float,
        energy_window: float,
        displacement_tolerance: float,
        types: np.ndarray | None = None,
    ) -> None:
        self.box = float(box)
        self.energy_window = float(energy_window)
        self.displacement_tolerance = float(displacement_tolerance)
        self.types = types
        self._count = 0
        self._positions = np.empty((0, 0, 3))
        self._values = np.empty((0, 2))  # energy, largest force
        self._sorted_energies: list[float] = []
        self._sorted_indices: list[int] = []

    def __len__(self) -> int:
        return self._count

    @property
    def positions(self) -> np.ndarray:
        """Positions (n, N, 3) of the minima, a view that a later addition may detach."""
        return self._positions[: self._count]

    @property
    def energies(self) -> np.ndarray:
        """Total energies (n,)."""
        return self._values[: self._count, 0]

    @property
    def max_forces(self) -> np.ndarray:
        """Largest force components (n,)."""
        return self._values[: self._count, 1]

    def find(self, positions: np.ndarray, energy: float) -> int | None:
        """Index of the minimum that a configuration (N, 3) of that energy is, or None.

        Raises:
            InputError: the energy is not finite, or the number of particles has changed.
        """
        positions = self._checked(positions, energy)
        low = bisect_left(self._sorted_energies, energy - self.energy_window)
        high = bisect_right(self._sorted_energies, energy + self.energy_window)
        candidates = sorted(self._sorted_indices[low:high])
        index = self._closest(candidates, positions)
        if index is None and self.types is not None:
            index = self._closest_matched(candidates, positions)
        return index

    def _closest(self, candidates: list[int], positions: np.ndarray) -> int | None:
        """The closest of ``candidates`` within the tolerance, particles taken by number."""
        closest, index = np.inf, None
        for candidate in candidates:
            tolerance = min(closest, self.displacement_tolerance)
            distance = displacement_within(
                self._positions[candidate], positions, self.box, tolerance
            )
            if distance < closest:
                closest, index = distance, candidate
        return index

    def _closest_matched(self, candidates: list[int], positions: np.ndarray) -> int | None:
        """The closest of ``candidates`` within the tolerance after matching."""
        closest, index = np.inf, None
        for candidate in candidates:
            moved = displacements(self._positions[candidate], positions, self.box, self.types)
            distance = float(np.linalg.norm(moved))
            if distance <= self.displacement_tolerance and distance < closest:
                closest, index = distance, candidate
        return index

    def find_or_add(self, positions: np.ndarray, energy: float, max_force: float) -> int:
        """Index of the minimum that a configuration (N, 3) is; it is added if it is new.

        Raises:
            InputError: the energy is not finite, or the number of particles has changed.
        """
        energy = float(energy)
        index = self.find(positions, energy)
        return self._add(positions, energy, float(max_force)) if index is None else index

    def _checked(self, positions: np.ndarray, energy: float) -> np.ndarray:
        positions = np.ascontiguousarray(positions, dtype=np.float64)
        if positions.ndim != 2 or positions.shape[1] != 3:
            raise InputError(f"a minimum has positions {positions.shape}, expected (N, 3)")
        if self._count and positions.shape != self._positions.shape[1:]:
            raise InputError(
                f"a minimum has {len(positions)} particles, expected {self._positions.shape[1]} "
                "as in the minima before"
            )
        if not np.isfinite(energy):
            raise InputError(f"a minimum has energy {energy}, expected a finite number")
        return positions

    def _add(self, positions: np.ndarray, energy: float, max_force: float) -> int:
        index = self._count
        if index == len(self._positions):
            self._grow(len(positions))
        self._positions[index] = positions
        self._values[index] = energy, max_force
        place = bisect_right(self._sorted_energies, energy)
        self._sorted_energies.insert(place, energy)
        self._sorted_indices.insert(place, index)
        self._count += 1
        return index

    def _grow(self, particles: int) -> None:
        """Enlarge the storage by half (at least 16), so that additions cost constant time."""
        capacity = self._count + max(16, self._count // 2)
        stored = np.empty((capacity, particles, 3))
        values = np.empty((capacity, 2))
        if self._count:
            stored[: self._count] = self.positions
            values[: self._count] = self._values[: self._count]
        self._positions, self._values = stored, values
