"""Where a preparation starts: diameters from P(sigma), positions without overlaps."""

from __future__ import annotations

import numpy as np

from tlsfind.config import Model


def draw_diameters(model: Model, rng: np.random.Generator) -> np.ndarray:
    """Diameters (N,) distributed as P(sigma) ~ sigma^-3 on [diameter_min, diameter_max] (IV.A).

    Inverts the cumulative distribution at random numbers or at equally spaced quantiles; the
    order is random in both cases.
    """
    n = model.n_particles
    if model.diameters == "random":
        quantiles = rng.random(n)
    else:
        quantiles = rng.permutation((np.arange(n) + 0.5) / n)
    high = model.diameter_min**-2.0
    low = model.diameter_max**-2.0
    diameters = (high - quantiles * (high - low)) ** -0.5
    if model.unit_mean:
        diameters /= diameters.mean()
    return diameters


def box_edge(model: Model) -> float:
    """Edge of the cubic box that holds N particles at the number density of the model."""
    return (model.n_particles / model.density) ** (1.0 / 3.0)


def lattice_start(model: Model, rng: np.random.Generator) -> np.ndarray:
    """Positions (N, 3) on randomly chosen sites of a simple cubic lattice, slightly displaced.

    Free of overlaps for every diameter of the paper; the crystal is then melted.
    """
    return lattice(model.n_particles, box_edge(model), 0.02, rng)


def lattice(n: int, box: float, displacement: float, rng: np.random.Generator) -> np.ndarray:
    """Positions (n, 3) on randomly chosen sites of the smallest simple cubic lattice that fits.

    Args:
        n: number of particles.
        box: box edge.
        displacement: standard deviation of each coordinate from the site.
        rng: random generator.
    """
    edge = int(np.ceil(n ** (1.0 / 3.0)))
    sites = np.stack(np.meshgrid(*[np.arange(edge)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    chosen = sites[rng.permutation(len(sites))[:n]]
    return (chosen + 0.5) * (box / edge) + rng.normal(0.0, displacement, (n, 3))


def maxwell_velocities(
    n: int, temperature: float, rng: np.random.Generator, masses: np.ndarray | None = None
) -> np.ndarray:
    """Velocities (n, 3) at exactly ``temperature``, with zero total momentum.

    Args:
        n: number of particles.
        temperature: T.
        rng: random generator.
        masses: (n,) in units of mass; None: all are 1.
    """
    mass = np.ones((n, 1)) if masses is None else np.asarray(masses, dtype=float).reshape(n, 1)
    velocities = rng.normal(0.0, np.sqrt(temperature / mass), (n, 3))
    velocities -= (mass * velocities).sum(axis=0) / mass.sum()
    current = (mass * velocities**2).sum() / (3.0 * n - 3.0)
    return velocities * np.sqrt(temperature / current)
