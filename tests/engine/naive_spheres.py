"""The paper's potential once more, written from Eq. 2 in NumPy over all pairs, for comparison."""

import numpy as np

X_C = 1.25


def potential(x):
    """v(x) of Eq. 2, zero beyond the cutoff."""
    v = x**-12.0 - 28.0 / X_C**12 + 48.0 * x**2 / X_C**14 - 21.0 * x**4 / X_C**16
    return np.where(x < X_C, v, 0.0)


def slope(x):
    """v'(x)."""
    v = -12.0 * x**-13.0 + 96.0 * x / X_C**14 - 84.0 * x**3 / X_C**16
    return np.where(x < X_C, v, 0.0)


def curvature(x):
    """v''(x)."""
    v = 156.0 * x**-14.0 + 96.0 / X_C**14 - 252.0 * x**2 / X_C**16
    return np.where(x < X_C, v, 0.0)


def energy_forces(positions, diameters, box):
    """Energy and forces (N, 3) by a sum over all pairs, nearest images."""
    energy, forces = 0.0, np.zeros_like(positions)
    for i in range(len(positions)):
        vectors = positions - positions[i]
        vectors -= box * np.round(vectors / box)
        r = np.sqrt((vectors**2).sum(axis=1))
        r[i] = np.inf
        sigma = 0.5 * (diameters + diameters[i]) * (1.0 - 0.2 * np.abs(diameters - diameters[i]))
        near = r < X_C * sigma
        x = r[near] / sigma[near]
        energy += 0.5 * potential(x).sum()
        forces[i] = ((slope(x) / (sigma[near] * r[near]))[:, None] * vectors[near]).sum(axis=0)
    return energy, forces
