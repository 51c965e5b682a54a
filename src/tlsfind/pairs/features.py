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
"""

from __future__ import annotations

import numpy as np

from tlsfind.errors import InputError
from tlsfind.pairs import kernel


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

    Raises:
        InputError: the shape is wrong, M exceeds N, or positions are not finite.
    """

    def __init__(self, positions: np.ndarray, box: float, particles: int) -> None:
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

    def features(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Geometric features (2 M + 1, R) of R pairs, rows as in :func:`geometry_names`.

        Args:
            first: (R,) row of minimum a of each pair in ``positions``.
            second: (R,) row of minimum b.
        """
        out = np.empty((2 * self.particles + 1, len(first)))
        kernel.pair_block(
            self._displaced,
            self._extents,
            self._reference,
            self.box,
            np.ascontiguousarray(first, dtype=np.int64),
            np.ascontiguousarray(second, dtype=np.int64),
            out,
        )
        return out


def pair_features(
    a: np.ndarray, b: np.ndarray, energy_a: float, energy_b: float, box: float, particles: int
) -> dict[str, float]:
    """Features of a single pair, by the kernel of the stage.

    Args:
        a: (N, 3) positions of one minimum.
        b: (N, 3) positions of the other, the same particles in the same order.
        energy_a: total energy of ``a``.
        energy_b: total energy of ``b``.
        box: edge of the cubic box.
        particles: M, the number of most displaced particles.

    Returns:
        ``delta_e`` and the geometric features by name. The minimum of lower energy counts as the
        first whichever is given first.

    Raises:
        InputError: shapes differ, M exceeds N, or positions are not finite.
    """
    if np.shape(a) != np.shape(b):
        raise InputError(
            f"the two minima have shapes {np.shape(a)} and {np.shape(b)}, expected the same "
            "particles"
        )
    if energy_b < energy_a:
        a, b, energy_a, energy_b = b, a, energy_b, energy_a
    geometry = PairGeometry(np.stack([a, b]), box, particles)
    values = geometry.features(np.array([0]), np.array([1]))[:, 0]
    names = geometry_names(particles)
    return {
        "delta_e": float(energy_b - energy_a),
        **{name: float(value) for name, value in zip(names, values, strict=True)},
    }
