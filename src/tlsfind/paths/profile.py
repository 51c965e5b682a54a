"""The energy along a path: how many wells, how high the barrier, and what lies beyond the ends."""

from __future__ import annotations

import numpy as np

from tlsfind.engine.base import Engine

LONGEST_EXTRAPOLATION = 400  # images


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
    step = end - inside
    length = float(np.linalg.norm(step))
    distances: list[float] = []
    energies: list[float] = []
    batch = 8
    for first in range(1, LONGEST_EXTRAPOLATION + 1, batch):
        count = np.arange(first, first + batch)
        images = end + count[:, None, None] * step
        found, _ = engine.path_energy_forces(images)
        for k, energy in zip(count, found, strict=True):
            distances.append(k * length)
            energies.append(float(energy))
            if energy > ceiling:
                return np.array(distances), np.array(energies)
    return np.array(distances), np.array(energies)


def spline_maximum(position: np.ndarray, energy: np.ndarray) -> float:
    """Largest value of the cubic spline through a profile."""
    from scipy.interpolate import CubicSpline

    spline = CubicSpline(position, energy)
    top = float(np.max(energy))
    inside = spline.derivative().roots(extrapolate=False)
    inside = inside[np.isfinite(inside)]
    return max(top, float(np.max(spline(inside)))) if inside.size else top
