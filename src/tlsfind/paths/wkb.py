"""The tunnel splitting Delta_0 of a double well in the WKB approximation (paper, Fig. 6e).

Delta_0 = (hbar omega / pi) exp(-S), S = integral of sqrt((V(x) - E) / c) over the forbidden
region, c = hbar^2 / (2 m sigma^2 eps) (Landau and Lifshitz, Quantum Mechanics, section 50, problem
3). The paper does not say which energy and frequency it takes. Here omega is the geometric mean of
the harmonic frequencies of the two wells, and E the higher of their harmonic ground levels, the
one from which a particle can tunnel into the other well.
"""

from __future__ import annotations

import numpy as np


def harmonic_quantum(curvature: float, kinetic_constant: float) -> float:
    """Quantum hbar omega = sqrt(2 c V'') of a well; 0 where its curvature is not positive."""
    return float(np.sqrt(max(2.0 * kinetic_constant * curvature, 0.0)))


def tunnel_splitting(
    position: np.ndarray,
    energy: np.ndarray,
    kinetic_constant: float,
    left: float,
    right: float,
    points: int = 4001,
) -> float:
    """WKB tunnel splitting of a double well.

    Args:
        position: (n,) increasing positions along the path, in units of sigma.
        energy: (n,) potential energy there.
        kinetic_constant: c.
        left: position of the left minimum.
        right: position of the right minimum.
        points: points of the quadrature.

    Returns:
        Delta_0 in units of eps; NaN where the level lies above the barrier or a well has no
        curvature, so that nothing tunnels.
    """
    from scipy.interpolate import CubicSpline

    spline = CubicSpline(position, energy)
    quanta = [harmonic_quantum(float(spline(x, 2)), kinetic_constant) for x in (left, right)]
    if min(quanta) <= 0.0:
        return float("nan")
    level = max(float(spline(x)) + 0.5 * q for x, q in zip((left, right), quanta, strict=True))
    grid = np.linspace(left, right, points)
    height = spline(grid) - level
    if height.max() <= 0.0:
        return float("nan")
    action = np.trapezoid(np.sqrt(np.clip(height, 0.0, None) / kinetic_constant), grid)
    return float(np.sqrt(quanta[0] * quanta[1]) / np.pi * np.exp(-action))
