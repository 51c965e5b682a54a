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

Precision. Displacements from the first minimum may be held in single precision, which halves the
memory and the time of many minima. With eps = 2^-24 and D_k the total displacement of minimum k
from the first one, d and every |dr_i| are then right within eps (D_a + D_b + 3 d), from the
rounding of u_a, u_b and the differences; distances within twice that, unless two displacements are
so nearly equal that their particles change places. Measured errors: docs/pairs.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sized
from itertools import chain

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
        positions: the n minima, each (N, 3) with N > 0; they are taken one by one.
        box: edge of the cubic box.
        particles: M, the number of most displaced particles.
        types: (N,) types, particles of one being identical, or None: all differ.
        count: n, needed where ``positions`` has no length.
        single: hold the displacements in single precision. Identical particles are matched in
            double precision whatever it says.

    Raises:
        InputError: the shape is wrong, M exceeds N, positions are not finite, or the types do not
            fit.
    """

    def __init__(
        self,
        positions: Iterable[np.ndarray],
        box: float,
        particles: int,
        types: np.ndarray | None = None,
        *,
        count: int | None = None,
        single: bool = False,
    ) -> None:
        count = len(positions) if isinstance(positions, Sized) else count or 0
        minima = iter(positions)
        first = next(minima, None)
        if first is None:
            first = np.zeros((particles if types is None else len(types), 3))
        reference = _minimum(first)
        size = len(reference)
        if not 1 <= particles <= size:
            raise InputError(
                f"features of the {particles} most displaced particles were asked for, expected 1 "
                f"to {size}, the number of particles"
            )
        self.box = float(box)
        self.particles = int(particles)
        self._reference = np.ascontiguousarray(reference.T)
        kept = np.float32 if single and types is None else np.float64
        self._displaced = np.zeros((count, 3, size), kept)
        self._extents = np.zeros(count)
        self._species: matching.Species | None = None
        if types is not None:
            self._species = matching.Species.of(types, size)
            self._limits = np.zeros((count, len(self._species.starts) - 1))
        for minimum, k in zip(chain([reference], minima), range(count), strict=False):
            self._add(k, _minimum(minimum, size), reference, types)

    def _add(
        self, k: int, positions: np.ndarray, reference: np.ndarray, types: np.ndarray | None
    ) -> None:
        """Hold minimum ``k``; identical particles are numbered as in the first, if possible."""
        u = np.empty(self._reference.shape)
        self._extents[k] = kernel.unwrapped(positions, reference, self.box, u)
        if types is not None and self._species is not None:
            self._limits[k] = matching.bounds(positions, self._species, self.box)
            if k and (u * u).sum(axis=0).max() > self._limits[0].min():
                u = matching.match(reference, positions, self.box, types)[1].T
                self._extents[k] = np.abs(u - u[:, :1]).max()
        self._displaced[k] = u

    def features(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Geometric features (2 M + 1, R) of R pairs, rows as in :func:`geometry_names`.

        Args:
            first: (R,) row of minimum a of each pair in ``positions``.
            second: (R,) row of minimum b.
        """
        first = np.ascontiguousarray(first, dtype=np.int64)
        second = np.ascontiguousarray(second, dtype=np.int64)
        out = np.empty((2 * self.particles + 1, len(first)))
        turns = np.argsort(second, kind="stable")  # a minimum b is fetched once for all its pairs
        self._compute(self._displaced, self._extents, first, second, turns, out)
        if self._species is not None:
            self._match(self._species, first, second, out)
        return out

    def _compute(
        self,
        displaced: np.ndarray,
        extents: np.ndarray,
        first: np.ndarray,
        second: np.ndarray,
        turns: np.ndarray,
        out: np.ndarray,
    ) -> None:
        """Let the kernel put the features of pairs of ``displaced`` into ``out``."""
        kernel.pair_block(displaced, extents, self._reference, self.box, first, second, turns, out)

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
            turns = np.arange(len(rows))
            self._compute(ends, np.zeros(len(ends)), even, even + 1, turns, part)
            out[:, rows] = part

    def _matched(self, species: matching.Species, a: int, b: int) -> tuple[np.ndarray, np.ndarray]:
        """Displacements (3, N) of two minima from the reference, after matching them."""
        from_reference = self._displaced[a]
        positions = np.ascontiguousarray((self._reference + from_reference).T)
        moves = np.ascontiguousarray((self._displaced[b] - from_reference).T)
        _, moves = matching.settled(positions, moves, species, self._limits[a], self.box)
        return from_reference, from_reference + moves.T


def _minimum(positions: np.ndarray, size: int | None = None) -> np.ndarray:
    """Positions (N, 3) of a minimum, checked; N is ``size`` where that is given.

    Raises:
        InputError: the shape is wrong or the positions are not finite.
    """
    positions = np.ascontiguousarray(positions, dtype=np.float64)
    if positions.ndim != 2 or positions.shape[1] != 3 or not len(positions):
        raise InputError(f"a minimum has positions {positions.shape}, expected (N, 3) with N > 0")
    if size is not None and len(positions) != size:
        raise InputError(f"a minimum has {len(positions)} particles, expected {size} as the first")
    if not np.isfinite(positions).all():
        raise InputError("minima with NaN or infinite positions, expected finite numbers")
    return positions


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
