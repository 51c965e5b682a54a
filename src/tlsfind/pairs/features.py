"""The features of pairs of minima (paper, IV.E; checklist 29), without the transition counts.

For minima a (the lower energy) and b, with dr_i the displacement of particle i from a to b in
minimum image and freed of a common translation:

- ``delta_e``: energy of b minus energy of a;
- ``displacement_1`` .. ``displacement_M``: the M largest |dr_i| in decreasing order, equal ones in
  the order of particles;
- ``total_displacement``: d = sqrt(sum_i |dr_i|^2);
- ``participation_ratio``: PR = d^4 / sum_i |dr_i|^4, between 1 (one particle moves) and N (all
  move alike); 0 if nothing moves;
- ``distance_1_2`` .. ``distance_1_M``: distance in minimum image of the particle with the largest
  displacement to the others of the M, between their mid-points over a and b.

Where particles are identical, dr_i leads to where particle i, or an identical one, is in b, by the
best assignment (:mod:`tlsfind.matching`). Minima are numbered once as in the first minimum, as far
as possible. Pairs then go through the kernel by number, those with a displacement beyond the bound
of the matching are checked, and those with a better assignment go through the kernel once more.
"""

from __future__ import annotations

import numpy as np

from tlsfind import matching, matching_kernel
from tlsfind.errors import InputError
from tlsfind.pairs import kernel

MATCHED_AT_ONCE = 256  # pairs whose matched displacements are in memory together


def geometry_names(particles: int) -> list[str]:
    """Names of the geometric features for M = ``particles``, in the order of the kernel's rows."""
    return [
        *(f"displacement_{i}" for i in range(1, particles + 1)),
        "total_displacement",
        "participation_ratio",
        *(f"distance_1_{i}" for i in range(2, particles + 1)),
    ]


class PairGeometry:
    """Minima of one glass, prepared so that a pair of them costs microseconds.

    It holds the displacements of all minima from the first one (n x 3 N numbers) and no reference
    to ``positions``.

    Args:
        positions: (n, N, 3) minima, N > 0.
        box: edge of the cubic box.
        particles: M, the number of most displaced particles.
        types: (N,) types, particles of one being identical, or None: all differ.

    Raises:
        InputError: the shape is wrong, M exceeds N, positions are not finite, or the types do not
            fit.
    """

    def __init__(
        self,
        positions: np.ndarray,
        box: float,
        particles: int,
        types: np.ndarray | None = None,
    ) -> None:
        positions = np.ascontiguousarray(positions, dtype=np.float64)
        if positions.ndim != 3 or positions.shape[2] != 3 or positions.shape[1] == 0:
            raise InputError(f"minima have shape {positions.shape}, expected (n, N, 3)")
        if not 1 <= particles <= positions.shape[1]:
            raise InputError(
                f"features of the {particles} most displaced particles were asked for, expected 1 "
                f"to {positions.shape[1]}, the number of particles"
            )
        if not np.isfinite(positions).all():
            raise InputError("minima with NaN or infinite positions, expected finite numbers")
        self.box = float(box)
        self.particles = int(particles)
        reference = positions[0] if len(positions) else np.zeros(positions.shape[1:])
        self._reference = np.ascontiguousarray(reference.T)
        self._displaced, self._extents = kernel.unwrapped(positions, reference, self.box)
        self._species: matching.Species | None = None
        if types is not None:
            self._species = matching.Species.of(types, positions.shape[1])
            self._limits = np.array(
                [matching.bounds(minimum, self._species, self.box) for minimum in positions]
            ).reshape(len(positions), len(self._species.starts) - 1)
            self._renumber(positions, types)

    def _renumber(self, positions: np.ndarray, types: np.ndarray) -> None:
        """Number the particles of all minima as in the first, as far as possible."""
        for k in range(1, len(positions)):
            u = self._displaced[k]
            if (u * u).sum(axis=0).max() > self._limits[0].min():
                moved = matching.match(positions[0], positions[k], self.box, types)[1].T
                self._displaced[k] = moved
                self._extents[k] = np.abs(moved - moved[:, :1]).max()

    def features(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Geometric features (2 M + 1, R) of R pairs, rows as in :func:`geometry_names`.

        Args:
            first: (R,) row of minimum a of each pair in ``positions``.
            second: (R,) row of minimum b.
        """
        first = np.ascontiguousarray(first, dtype=np.int64)
        second = np.ascontiguousarray(second, dtype=np.int64)
        out = np.empty((2 * self.particles + 1, len(first)))
        kernel.pair_block(
            self._displaced, self._extents, self._reference, self.box, first, second, out
        )
        if self._species is not None:
            self._match(self._species, first, second, out)
        return out

    def _match(
        self, species: matching.Species, first: np.ndarray, second: np.ndarray, out: np.ndarray
    ) -> None:
        """Put the features after matching into ``out`` for the pairs that need it."""
        far = np.flatnonzero(out[0] ** 2 > self._limits[first].min(axis=1))
        better = matching_kernel.unsettled(
            self._displaced,
            self._reference,
            first[far],
            second[far],
            self._limits,
            species.members,
            species.starts,
            self.box,
            matching.ROUNDS[0],
            matching.RELATIVE_TOLERANCE * self.box**2,
        )
        wide = self._extents[first[far]] + self._extents[second[far]] >= 0.5 * self.box
        doubtful = far[better | wide]  # of wide ones the kernel takes images relative to particle 0
        for begin in range(0, len(doubtful), MATCHED_AT_ONCE):
            rows = doubtful[begin : begin + MATCHED_AT_ONCE]
            ends = np.empty((2 * len(rows), *self._reference.shape))
            for k, row in enumerate(rows):
                ends[2 * k : 2 * k + 2] = self._matched(species, first[row], second[row])
            part = np.empty((len(out), len(rows)))
            even = np.arange(0, 2 * len(rows), 2)
            kernel.pair_block(
                ends, np.zeros(len(ends)), self._reference, self.box, even, even + 1, part
            )
            out[:, rows] = part

    def _matched(self, species: matching.Species, a: int, b: int) -> tuple[np.ndarray, np.ndarray]:
        """Displacements (3, N) of two minima from the reference, after matching them."""
        from_reference = self._displaced[a]
        positions = np.ascontiguousarray((self._reference + from_reference).T)
        moves = np.ascontiguousarray((self._displaced[b] - from_reference).T)
        _, moves = matching.settled(positions, moves, species, self._limits[a], self.box)
        return from_reference, from_reference + moves.T


def pair_features(
    a: np.ndarray,
    b: np.ndarray,
    energy_a: float,
    energy_b: float,
    box: float,
    particles: int,
    types: np.ndarray | None = None,
) -> dict[str, float]:
    """Features of a single pair, by the kernel of the stage.

    Args:
        a: (N, 3) positions of one minimum.
        b: (N, 3) positions of the other, the same particles in the same order.
        energy_a: total energy of ``a``.
        energy_b: total energy of ``b``.
        box: edge of the cubic box.
        particles: M, the number of most displaced particles.
        types: (N,) types, particles of one being identical, or None: all differ.

    Returns:
        ``delta_e`` and the geometric features by name. The minimum of lower energy counts as the
        first whichever is given first.

    Raises:
        InputError: shapes differ, M exceeds N, positions are not finite, or the types do not fit.
    """
    if np.shape(a) != np.shape(b):
        raise InputError(
            f"the two minima have shapes {np.shape(a)} and {np.shape(b)}, expected the same "
            "particles"
        )
    if energy_b < energy_a:
        a, b, energy_a, energy_b = b, a, energy_b, energy_a
    geometry = PairGeometry(np.stack([a, b]), box, particles, types)
    values = geometry.features(np.array([0]), np.array([1]))[:, 0]
    names = geometry_names(particles)
    return {
        "delta_e": float(energy_b - energy_a),
        **{name: float(value) for name, value in zip(names, values, strict=True)},
    }
