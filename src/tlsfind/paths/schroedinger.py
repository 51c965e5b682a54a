"""The one-dimensional Schroedinger equation along a path (paper, Eq. 1)."""

from __future__ import annotations

import numpy as np


def on_grid(position: np.ndarray, energy: np.ndarray, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Cubic-spline interpolation of a profile on an even grid.

    Args:
        position: (n,) increasing positions along the path, in units of sigma.
        energy: (n,) potential energy there.
        points: number of grid points.

    Returns:
        Grid (points,) and potential (points,).
    """
    from scipy.interpolate import CubicSpline

    grid = np.linspace(position[0], position[-1], points)
    return grid, CubicSpline(position, energy)(grid)


def levels(
    position: np.ndarray,
    energy: np.ndarray,
    kinetic_constant: float,
    points: int = 2001,
    count: int = 2,
) -> np.ndarray:
    """The lowest energy levels of a particle in a potential, by finite differences.

    Solves -c psi'' + V psi = E psi with c = hbar^2 / (2 m sigma^2 eps) and psi = 0 at both ends.
    This is Eq. 1 with x = d xi. The three-point Laplacian makes the matrix tridiagonal; its
    error falls with the square of the grid spacing.

    Args:
        position: (n,) increasing positions x along the path, in units of sigma. The ends must
            lie where the wave function has vanished.
        energy: (n,) potential energy there, in units of eps.
        kinetic_constant: c.
        points: grid points, the ends included.
        count: number of levels.

    Returns:
        (count,) energies in increasing order, on the scale of ``energy``.
    """
    from scipy.linalg import eigh_tridiagonal

    grid, potential = on_grid(position, energy, points)
    hop = kinetic_constant / (grid[1] - grid[0]) ** 2
    bottom = potential.min()
    diagonal = (potential[1:-1] - bottom) + 2.0 * hop
    off_diagonal = np.full(len(diagonal) - 1, -hop)
    found = eigh_tridiagonal(
        diagonal, off_diagonal, eigvals_only=True, select="i", select_range=(0, count - 1)
    )
    return found + bottom


def quantum_splitting(
    position: np.ndarray, energy: np.ndarray, kinetic_constant: float, points: int = 2001
) -> float:
    """E_qs = E_2 - E_1 of a profile; arguments as for :func:`levels`."""
    first, second = levels(position, energy, kinetic_constant, points)
    return float(second - first)
