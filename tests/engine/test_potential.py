"""The pair potential of Eq. 2: coefficients, smoothness at the cutoff, mixing rule."""

import naive_spheres
import numpy as np
import pytest

from tlsfind.engine.native import potential as kernel
from tlsfind.engine.native.engine import NativeEngine

X_C = 1.25


def two_particles(distance, a=1.1, b=0.8, box=8.0):
    """Energy and force along x on the second of two particles across the boundary."""
    engine = NativeEngine(np.array([a, b]), box)
    positions = np.array([[box - 0.3, 1.0, 2.0], [box - 0.3 + distance, 1.0, 2.0]])
    energy, forces = engine.energy_forces(positions)
    return energy, forces[1, 0]


def test_coefficients_of_the_checklist():
    assert pytest.approx(-1.924145348608, abs=1e-12) == kernel.C0
    assert pytest.approx(2.111062325330, abs=1e-12) == kernel.C2
    assert pytest.approx(-0.591097451092, abs=1e-12) == kernel.C4


@pytest.mark.parametrize(
    ("function", "order"),
    [(naive_spheres.potential, 3), (naive_spheres.slope, 2), (naive_spheres.curvature, 1)],
)
def test_value_slope_and_curvature_vanish_at_the_cutoff(function, order):
    """v, v', v'' go to zero as the third, second and first power of the distance to x_c."""
    h = 1e-3
    near, far = function(np.array([X_C - h, X_C - 2 * h]))
    assert abs(near) < 100.0 * h**order
    assert far / near == pytest.approx(2.0**order, rel=0.05)
    assert function(np.array([X_C, X_C + 1e-9, 2.0])).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("x", [0.7, 0.9, 1.0, 1.1, 1.2, 1.2499])
def test_kernel_has_this_potential(x):
    assert kernel.pair_energy.py_func(x * x) == pytest.approx(
        float(naive_spheres.potential(np.array(x))), rel=1e-12, abs=1e-14
    )
    assert -x * kernel.pair_force.py_func(x * x) == pytest.approx(
        float(naive_spheres.slope(np.array(x))), rel=1e-12, abs=1e-14
    )


def test_energy_of_two_particles_and_zero_beyond_their_own_cutoff():
    sigma = 0.5 * (1.1 + 0.8) * (1.0 - 0.2 * 0.3)
    for x in (0.8, 1.0, 1.24):
        energy, force = two_particles(x * sigma)
        assert energy == pytest.approx(float(naive_spheres.potential(np.array(x))), rel=1e-10)
        assert force == pytest.approx(-float(naive_spheres.slope(np.array(x))) / sigma, rel=1e-10)
    assert two_particles(X_C * sigma * (1 + 1e-12)) == (0.0, 0.0)
    # The additive mixture would reach farther: non-additivity shortens the range.
    assert two_particles(X_C * 0.5 * (1.1 + 0.8) * 0.99) == (0.0, 0.0)


def test_equal_diameters_mix_to_themselves_and_mixing_is_symmetric():
    mix = kernel.mixed_diameter.py_func
    assert mix(1.3, 1.3) == 1.3
    assert mix(0.8, 1.4) == mix(1.4, 0.8) == pytest.approx(1.1 * (1 - 0.2 * 0.6))
