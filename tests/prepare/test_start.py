"""Diameters, boxes, lattices and velocities of a start."""

import numpy as np
import pytest
from scipy import stats

from tlsfind.config import Model
from tlsfind.configuration import minimum_image
from tlsfind.prepare.start import box_edge, draw_diameters, lattice_start, maxwell_velocities

LOW, HIGH = 0.73, 1.62
#: Mean of sigma^-3 on [0.73, 1.62]: 2 / (1 / LOW + 1 / HIGH).
MEAN = 2.0 / (1.0 / LOW + 1.0 / HIGH)


def cumulative(sigma):
    """Integral of P(sigma) ~ sigma^-3."""
    return (LOW**-2 - sigma**-2) / (LOW**-2 - HIGH**-2)


@pytest.mark.parametrize("way", ["random", "quantiles"])
def test_diameters_follow_the_inverse_cube(way):
    model = Model(n_particles=4000, diameters=way)
    diameters = draw_diameters(model, np.random.default_rng(1))
    assert stats.kstest(diameters, cumulative).pvalue > 0.05
    assert diameters.min() >= LOW
    assert diameters.max() <= HIGH
    assert abs(np.corrcoef(diameters[:-1], diameters[1:])[0, 1]) < 0.05  # in random order


def test_mean_of_the_quantiles():
    assert pytest.approx(1.00647, abs=5e-6) == MEAN
    model = Model(n_particles=4000, diameters="quantiles")
    assert draw_diameters(model, np.random.default_rng(1)).mean() == pytest.approx(MEAN, abs=1e-5)


def test_quantiles_do_not_fluctuate_between_glasses_and_draws_do():
    quantiles = Model(n_particles=300, diameters="quantiles")
    independent = Model(n_particles=300, diameters="random")
    a, b = (draw_diameters(quantiles, np.random.default_rng(k)) for k in (1, 2))
    assert not np.array_equal(a, b)
    np.testing.assert_array_equal(np.sort(a), np.sort(b))
    draws = [draw_diameters(independent, np.random.default_rng(k)) for k in (1, 2)]
    assert draws[0].mean() != pytest.approx(draws[1].mean(), abs=1e-6)


@pytest.mark.parametrize("way", ["random", "quantiles"])
def test_unit_mean(way):
    model = Model(n_particles=500, diameters=way, unit_mean=True)
    diameters = draw_diameters(model, np.random.default_rng(1))
    assert diameters.mean() == pytest.approx(1.0, rel=1e-14)
    assert diameters.max() / diameters.min() <= HIGH / LOW


def test_one_size():
    model = Model(n_particles=200, diameter_min=1.1, diameter_max=1.1)
    np.testing.assert_allclose(draw_diameters(model, np.random.default_rng(0)), 1.1)


@pytest.mark.parametrize("density", [1.0, 0.9])
def test_density(density):
    model = Model(n_particles=700, density=density)
    assert 700 / box_edge(model) ** 3 == pytest.approx(density)


@pytest.mark.parametrize("n", [200, 500, 512, 1500])
@pytest.mark.parametrize("seed", [0, 1])
def test_start_has_no_overlaps(n, seed):
    model = Model(n_particles=n)
    rng = np.random.default_rng(seed)
    box = box_edge(model)
    positions = lattice_start(model, rng)
    assert positions.shape == (n, 3)
    spacing = box / np.ceil(n ** (1 / 3))
    closest = min(
        np.linalg.norm(minimum_image(positions[i + 1 :] - positions[i], box), axis=1).min()
        for i in range(n - 1)
    )
    assert closest > 0.7 * spacing  # particles differ from lattice sites by little
    assert closest > 0.6


def test_velocities_have_the_temperature_and_no_momentum():
    rng = np.random.default_rng(2)
    velocities = maxwell_velocities(250, 0.37, rng)
    assert (velocities**2).sum() / (3 * 250 - 3) == pytest.approx(0.37, rel=1e-12)
    np.testing.assert_allclose(velocities.sum(axis=0), 0.0, atol=1e-12)
    many = np.concatenate([maxwell_velocities(250, 0.37, rng).ravel() for _ in range(20)])
    assert stats.kstest(many / np.sqrt(0.37), "norm").pvalue > 0.01


def test_velocities_of_unequal_masses():
    rng = np.random.default_rng(4)
    masses = np.where(np.arange(300) % 3 == 0, 91.2, 63.5)
    many = []
    for _ in range(30):
        velocities = maxwell_velocities(300, 0.086, rng, masses)
        weighted = masses[:, None] * velocities
        assert (weighted * velocities).sum() / (3 * 300 - 3) == pytest.approx(0.086, rel=1e-12)
        np.testing.assert_allclose(weighted.sum(axis=0), 0.0, atol=1e-11)
        many.append(velocities)
    scaled = np.concatenate(many).ravel() * np.sqrt(np.tile(np.repeat(masses, 3), 30) / 0.086)
    assert stats.kstest(scaled, "norm").pvalue > 0.01  # equipartition: both species alike


def test_unit_masses_change_nothing():
    a = maxwell_velocities(200, 0.1, np.random.default_rng(5))
    b = maxwell_velocities(200, 0.1, np.random.default_rng(5), np.ones(200))
    np.testing.assert_array_equal(a, b)
