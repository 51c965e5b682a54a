"""Levels of one-dimensional potentials: exact spectra, an independent method, symmetries."""

import numpy as np
import pytest

from tlsfind.paths.schroedinger import levels, on_grid, quantum_splitting
from tlsfind.units import BUILT_IN

ARGON = BUILT_IN["argon"].kinetic_constant


def sinc_dvr(potential, c, half_width, count=2, points=400):
    """Levels by the sinc basis of Colbert and Miller, J. Chem. Phys. 96, 1982 (1992).

    It converges exponentially with the number of points, unlike the differences under test.
    """
    x = np.linspace(-half_width, half_width, points)
    apart = np.subtract.outer(np.arange(points), np.arange(points))
    kinetic = 2.0 * (-1.0) ** apart / np.where(apart == 0, 6 / np.pi**2, apart**2)
    return np.linalg.eigvalsh(c / (x[1] - x[0]) ** 2 * kinetic + np.diag(potential(x)))[:count]


def quartic(height, half_distance, tilt=0.0):
    """Wells at +- half_distance under a barrier of ``height``, tilted by ``tilt`` between them."""
    return lambda x: height * ((x / half_distance) ** 2 - 1) ** 2 + 0.5 * tilt * x / half_distance


@pytest.mark.parametrize("c", [1e-6, ARGON, 0.5, 40.0])
@pytest.mark.parametrize("stiffness", [0.3, 25.0])
def test_harmonic_spectrum(c, stiffness):
    quantum = np.sqrt(2 * c * stiffness)
    width = (2 * c / stiffness) ** 0.25  # c = hbar^2 / 2m: sqrt(hbar / m omega)
    x = np.linspace(-8 * width, 8 * width, 41)
    found = levels(x, 0.5 * stiffness * x**2, c)
    np.testing.assert_allclose(found, quantum * np.array([0.5, 1.5]), rtol=1e-5)
    assert quantum_splitting(x, 0.5 * stiffness * x**2, c) == pytest.approx(quantum, rel=1e-5)


def test_more_levels_of_the_harmonic_well():
    x = np.linspace(-9, 9, 60)
    np.testing.assert_allclose(levels(x, x**2, 1.0, count=6), np.arange(1, 12, 2), rtol=1e-4)


@pytest.mark.parametrize("length", [0.2, 3.0])
def test_particle_in_a_box(length):
    x = np.linspace(1.0, 1.0 + length, 9)
    exact = ARGON * (np.pi * np.array([1, 2, 3]) / length) ** 2
    np.testing.assert_allclose(levels(x, np.zeros(9), ARGON, count=3), exact, rtol=3e-6)


def test_pure_quartic_literature():
    # Hioe and Montroll, J. Math. Phys. 16, 1945 (1975): p^2 + x^4
    x = np.linspace(-5, 5, 201)
    np.testing.assert_allclose(
        levels(x, x**4, 1.0, 8001), [1.060362090484, 3.799673029801], rtol=1e-6
    )


def test_exactly_solvable_sextic_double_wells():
    """Turbiner, Commun. Math. Phys. 118, 467 (1988): levels in closed form.

    x^6 - 3 x^2 has E_1 = 0 with exp(-x^4/4), x^6 - 5 x^2 has E_2 = 0 with x exp(-x^4/4), and
    x^6 - 7 x^2 has E_1 and E_3 = -+ 2 sqrt 2.
    """
    x = np.linspace(-3.5, 3.5, 401)
    for strength, index, exact in [
        (3, 0, 0.0),
        (5, 1, 0.0),
        (7, 0, -2 * np.sqrt(2)),
        (7, 2, 2 * np.sqrt(2)),
    ]:
        found = levels(x, x**6 - strength * x**2, 1.0, 12001, count=3)[index]
        assert found == pytest.approx(exact, abs=3e-6)


@pytest.mark.parametrize(("height", "half_distance"), [(0.05, 0.4), (0.03, 0.5), (0.1, 0.3)])
def test_tunnel_splitting_of_the_symmetric_quartic(height, half_distance):
    potential = quartic(height, half_distance)
    reference = sinc_dvr(potential, ARGON, 2.5 * half_distance)
    assert reference[1] < height  # it does tunnel
    x = np.linspace(-2.5 * half_distance, 2.5 * half_distance, 401)
    found = levels(x, potential(x), ARGON, 10001)
    np.testing.assert_allclose(found, reference, rtol=3e-6)
    assert found[1] - found[0] == pytest.approx(reference[1] - reference[0], rel=3e-5)
    default = quantum_splitting(x[::8], potential(x[::8]), ARGON)
    assert default == pytest.approx(reference[1] - reference[0], rel=3e-3)


@pytest.mark.parametrize("tilt", [1e-4, 1e-3, 5e-3])
def test_asymmetric_quartic(tilt):
    potential = quartic(0.05, 0.4, tilt)
    reference = sinc_dvr(potential, ARGON, 1.0)
    x = np.linspace(-1.0, 1.0, 401)
    np.testing.assert_allclose(levels(x, potential(x), ARGON, 10001), reference, rtol=3e-6)


def test_small_asymmetry_follows_the_two_level_formula():
    """E_qs^2 = Delta_0^2 + Delta^2 while Delta is small against hbar omega."""
    height, half = 0.05, 0.4
    x = np.linspace(-1.0, 1.0, 401)
    tunnel = quantum_splitting(x, quartic(height, half)(x), ARGON, 8001)
    for tilt in np.array([0.5, 1.0, 3.0, 10.0]) * tunnel:
        # the tilt felt by the states is that between their mean positions, not the minima
        whole = quantum_splitting(x, quartic(height, half, tilt)(x), ARGON, 8001)
        felt = np.sqrt(whole**2 - tunnel**2)
        assert felt == pytest.approx(tilt, rel=0.06)
    assert tunnel < 0.1 * np.sqrt(2 * ARGON * 8 * height / half**2)


def test_large_asymmetry_leaves_both_levels_in_one_well():
    """Delta E is not E_qs: with the other well out of reach, E_qs is hbar omega of the lower."""
    height, half = 0.3, 0.5
    x = np.linspace(-0.9, 0.9, 301)
    splittings = []
    for tilt in (0.1, 0.15):
        potential = quartic(height, half, tilt)
        splitting = quantum_splitting(x, potential(x), ARGON, 4001)
        splittings.append(splitting)
        bottom = x[np.argmin(potential(x))]
        curvature = height * (12 * bottom**2 / half**4 - 4 / half**2)
        assert splitting == pytest.approx(np.sqrt(2 * ARGON * curvature), rel=0.05)
        assert splitting < 0.4 * tilt
    assert splittings[1] == pytest.approx(splittings[0], rel=0.05)


def test_grid_convergence_is_of_second_order():
    potential = quartic(0.05, 0.4, 4e-4)
    exact = np.diff(sinc_dvr(potential, ARGON, 1.0))[0]
    x = np.linspace(-1.0, 1.0, 1601)
    points = np.array([201, 401, 801, 1601])
    errors = [abs(quantum_splitting(x, potential(x), ARGON, p) - exact) for p in points]
    order = np.log2(np.array(errors[:-1]) / errors[1:])
    np.testing.assert_allclose(order, 2.0, atol=0.05)


def test_reflection_shift_of_position_and_of_energy():
    rng = np.random.default_rng(8)
    x = np.sort(np.concatenate([[-1.0, 1.0], rng.uniform(-1.0, 1.0, 60)]))
    energy = quartic(0.05, 0.4, 1e-3)(x)
    found = levels(x, energy, ARGON)
    np.testing.assert_allclose(levels(-x[::-1], energy[::-1], ARGON), found, rtol=1e-9)
    np.testing.assert_allclose(levels(x + 7.5, energy, ARGON), found, rtol=1e-8)
    np.testing.assert_allclose(levels(x, energy + 363.0, ARGON) - 363.0, found, rtol=1e-7)
    # units: energies and c by one factor
    np.testing.assert_allclose(levels(x, 5 * energy, 5 * ARGON), 5 * found, rtol=1e-9)
    # lengths by one factor and c by its square
    np.testing.assert_allclose(levels(2 * x, energy, 4 * ARGON), found, rtol=1e-9)


def test_uneven_knots():
    """A cubic potential is its own spline, wherever the knots are."""

    def potential(x):
        return 0.4 * x**2 + 0.05 * x**3

    even = np.linspace(-0.3, 0.3, 50)
    rng = np.random.default_rng(5)
    uneven = np.sort(np.concatenate([[-0.3, 0.3], rng.uniform(-0.3, 0.3, 30)]))
    np.testing.assert_allclose(
        levels(uneven, potential(uneven), ARGON), levels(even, potential(even), ARGON), rtol=1e-9
    )
    grid, values = on_grid(uneven, potential(uneven), 77)
    np.testing.assert_allclose(values, potential(grid), atol=1e-13)
    assert (grid[0], grid[-1], len(grid)) == (-0.3, 0.3, 77)


def test_heavier_particles_tunnel_less():
    x = np.linspace(-1.0, 1.0, 101)
    energy = quartic(0.05, 0.4)(x)
    splittings = [quantum_splitting(x, energy, c) for c in (ARGON, ARGON / 2, ARGON / 4)]
    assert splittings[0] > 2 * splittings[1] > 4 * splittings[2] > 0


def test_both_levels_lie_above_the_bottom_and_within_the_walls():
    x = np.linspace(-1.0, 1.0, 101)
    energy = quartic(0.05, 0.4, 2e-3)(x)
    first, second = levels(x, energy, ARGON)
    assert energy.min() < first < second
