"""Kernels of the project in plain NumPy and SciPy, as one would write them first."""

from __future__ import annotations

import numpy as np

from tlsfind.engine.native.potential import C0, C2, C4, CUTOFF, NON_ADDITIVITY


def pair_features(a: np.ndarray, b: np.ndarray, box: float, particles: int) -> np.ndarray:
    """Features (2 M + 1,) of minima ``a`` and ``b`` (N, 3), as those of ``pairs.features``."""
    move = b - a
    move = move - move[0]
    move -= box * np.rint(move / box)
    move -= move.mean(axis=0)
    squares = (move**2).sum(axis=1)
    largest = np.argpartition(squares, -particles)[-particles:]
    largest = largest[np.argsort(-squares[largest], kind="stable")]
    middle = a[largest] + 0.5 * move[largest]
    apart = middle[1:] - middle[0]
    apart -= box * np.rint(apart / box)
    second, fourth = squares.sum(), (squares**2).sum()
    participation = second**2 / fourth if fourth > 0 else 0.0
    return np.concatenate(
        [
            np.sqrt(squares[largest]),
            [np.sqrt(second), participation],
            np.linalg.norm(apart, axis=1),
        ]
    )


def particle_energy(i: int, positions: np.ndarray, diameters: np.ndarray, box: float) -> float:
    """Energy of particle ``i`` with all others (paper, Eq. 2)."""
    apart = positions - positions[i]
    apart -= box * np.rint(apart / box)
    square = (apart**2).sum(axis=1)
    square[i] = np.inf
    own = diameters[i]
    sigma = 0.5 * (diameters + own) * (1.0 - NON_ADDITIVITY * np.abs(diameters - own))
    near = square < (CUTOFF * sigma) ** 2
    x2 = square[near] / sigma[near] ** 2
    return float((x2**-6 + C0 + C2 * x2 + C4 * x2**2).sum())


def swap_attempt(
    positions: np.ndarray,
    diameters: np.ndarray,
    box: float,
    temperature: float,
    limit: float,
    rng: np.random.Generator,
) -> bool:
    """Try to exchange the diameters of two particles, in place; whether it was accepted."""
    i, j = rng.integers(len(diameters), size=2)
    if abs(diameters[i] - diameters[j]) > limit:
        return False
    before = sum(particle_energy(k, positions, diameters, box) for k in (i, j))
    diameters[[i, j]] = diameters[[j, i]]
    change = sum(particle_energy(k, positions, diameters, box) for k in (i, j)) - before
    if change <= 0.0 or rng.random() < np.exp(-change / temperature):
        return True
    diameters[[i, j]] = diameters[[j, i]]
    return False


def sparse_levels(
    position: np.ndarray, energy: np.ndarray, kinetic_constant: float, points: int
) -> np.ndarray:
    """The two lowest levels of Eq. 1 by the same finite differences and ARPACK, shift-inverted."""
    from scipy.interpolate import CubicSpline
    from scipy.sparse import diags
    from scipy.sparse.linalg import eigsh

    grid = np.linspace(position[0], position[-1], points)
    potential = CubicSpline(position, energy)(grid)[1:-1]
    hop = kinetic_constant / (grid[1] - grid[0]) ** 2
    side = np.full(len(potential) - 1, -hop)
    matrix = diags([side, potential + 2.0 * hop, side], [-1, 0, 1], format="csc")
    found = eigsh(matrix, k=2, sigma=potential.min(), return_eigenvectors=False)
    return np.sort(found)
