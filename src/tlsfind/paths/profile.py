"""The energy along a path: how many wells, how high the barrier, and what lies beyond the ends."""

from __future__ import annotations

import numpy as np

from tlsfind.engine.base import Engine

LONGEST_EXTRAPOLATION = 400  # images
BATCH = 8  # images evaluated at a time
GROWTH = 1.1  # of the spacing from one image to the next, up to
WIDEST_SPACING = 0.02  # sigma


def extrema(energy: np.ndarray, noise: float) -> tuple[list[int], list[int]]:
    """Wells and barriers of a profile, ignoring ups and downs smaller than ``noise``.

    A turning point counts once the energy has moved away from it by more than ``noise`` on both
    sides; an end of the profile counts as a well if the energy rises from it by more than that.

    Args:
        energy: (n,) energies along the path.
        noise: smallest depth.

    Returns:
        Indices of the wells and of the barriers between them, in order. Wells are one more than
        barriers.
    """
    wells: list[int] = []
    barriers: list[int] = []
    low = high = 0
    rising: bool | None = None  # unknown until the energy has moved by more than the noise
    for k in range(1, len(energy)):
        if energy[k] < energy[low]:
            low = k
        if energy[k] > energy[high]:
            high = k
        if rising is not False and energy[high] - energy[k] > noise:
            if rising:
                barriers.append(high)
            rising, low = False, k
        elif rising is not True and energy[k] - energy[low] > noise:
            wells.append(low)
            rising, high = True, k
    if rising is None or not rising:
        wells.append(low)
    return wells, barriers


def extrapolate(
    engine: Engine, end: np.ndarray, inside: np.ndarray, ceiling: float
) -> tuple[np.ndarray, np.ndarray]:
    """Continue a path in a straight line beyond its end, with true energies (paper, IV.D).

    Args:
        engine: the engine.
        end: (N, 3) the minimum at the end of the path.
        inside: (N, 3) the image next to it.
        ceiling: energy at which to stop.

    Returns:
        Distances (n,) from the end, increasing, and total energies (n,) there. The last is the
        first above the ceiling.
    """
    spacing = float(np.linalg.norm(end - inside))
    direction = (end - inside) / spacing
    ladder = _rungs(spacing)
    distances: list[float] = []
    energies: list[float] = []
    for first in range(0, len(ladder), BATCH):
        rungs = ladder[first : first + BATCH]
        found, _ = engine.path_energy_forces(end + rungs[:, None, None] * direction)
        for distance, energy in zip(rungs, found, strict=True):
            distances.append(float(distance))
            energies.append(float(energy))
            if energy > ceiling:
                return np.array(distances), np.array(energies)
    return np.array(distances), np.array(energies)


def _rungs(spacing: float) -> np.ndarray:
    """Distances at which a path is continued.

    They are spaced as on the path at first. On a short path the spacing then grows, or else the
    walls of a soft well would not be reached.
    """
    growth = spacing * GROWTH ** np.arange(LONGEST_EXTRAPOLATION)
    return np.cumsum(np.minimum(growth, max(spacing, WIDEST_SPACING)))


def spline_maximum(position: np.ndarray, energy: np.ndarray) -> float:
    """Largest value of the cubic spline through a profile."""
    from scipy.interpolate import CubicSpline

    spline = CubicSpline(position, energy)
    top = float(np.max(energy))
    inside = spline.derivative().roots(extrapolate=False)
    inside = inside[np.isfinite(inside)]
    return max(top, float(np.max(spline(inside)))) if inside.size else top
