"""The WKB tunnel splitting against the exact one."""

import numpy as np
import pytest

from tlsfind.paths.wkb import harmonic_quantum, tunnel_splitting

HEIGHT = 0.05
DEEP = (2.0, 2.5, 3.0, 4.0)  # barriers in units of hbar omega
X = np.linspace(-2.4, 2.4, 801)


def quartic(tilt=0.0):
    return HEIGHT * (X**2 - 1) ** 2 + 0.5 * tilt * X


def constant_for(quanta):
    """The c for which ``quanta`` times hbar omega is the barrier."""
    return (HEIGHT / quanta) ** 2 / (2 * 8 * HEIGHT)


def test_harmonic_quantum():
    assert harmonic_quantum(8.0, 0.25) == pytest.approx(2.0)
    assert harmonic_quantum(0.0, 1.0) == harmonic_quantum(-3.0, 1.0) == 0.0


def exact_splitting(c, points=140):
    """By the sinc basis of Colbert and Miller, J. Chem. Phys. 96, 1982 (1992).

    Its small matrix keeps the digits that splittings of 1e-12 need.
    """
    x = np.linspace(-2.4, 2.4, points)
    apart = np.subtract.outer(np.arange(points), np.arange(points))
    kinetic = 2.0 * (-1.0) ** apart / np.where(apart == 0, 6 / np.pi**2, apart**2)
    potential = np.diag(HEIGHT * (x**2 - 1) ** 2)
    first, second = np.linalg.eigvalsh(c / (x[1] - x[0]) ** 2 * kinetic + potential)[:2]
    return second - first


def wkb_splitting(c):
    return tunnel_splitting(X, quartic(), c, -1.0, 1.0)


@pytest.mark.parametrize("quanta", DEEP)
def test_against_the_exact_splitting_of_a_symmetric_quartic(quanta):
    c = constant_for(quanta)
    assert wkb_splitting(c) == pytest.approx(exact_splitting(c), rel=0.1)


def test_known_limit_of_the_ratio_to_the_exact_splitting():
    """With the harmonic ground level this form tends to sqrt(e / pi) of the exact splitting.

    Garg, Am. J. Phys. 68, 430 (2000). The correction falls as one over the number of quanta.
    """
    three, four = (wkb_splitting(c) / exact_splitting(c) for c in map(constant_for, (3.0, 4.0)))
    assert 4 * four - 3 * three == pytest.approx(np.sqrt(np.e / np.pi), rel=0.02)


def test_exponential_dependence():
    """-ln Delta_0 grows with the action: by the slope of the exact splitting."""
    constants = [constant_for(q) for q in DEEP]
    exact = [np.log(exact_splitting(c)) for c in constants]
    found = [np.log(wkb_splitting(c)) for c in constants]
    np.testing.assert_allclose(np.diff(found), np.diff(exact), rtol=0.02)
    # Leading order: S = integral of sqrt(V / c) = 4 / 3 sqrt(h / c), here 16 / 3 per quantum,
    # less half the logarithm of it
    assert found[-1] - found[-2] == pytest.approx(-16 / 3 + 0.5 * np.log(4 / 3), rel=0.06)


def test_nothing_tunnels_above_the_barrier():
    assert np.isnan(tunnel_splitting(X, quartic(), constant_for(0.4), -1.0, 1.0))
    assert np.isfinite(tunnel_splitting(X, quartic(), constant_for(0.6), -1.0, 1.0))


def test_a_place_without_curvature_is_no_well():
    assert np.isnan(tunnel_splitting(X, quartic(), constant_for(4), 0.0, 1.0))


def test_reflection_and_shift():
    energy = quartic(0.004)
    c = constant_for(4)
    left, right = X[np.argmin(energy)], X[400 + np.argmin(energy[400:])]
    found = tunnel_splitting(X, energy, c, left, right)
    assert 0 < found < HEIGHT
    mirrored = tunnel_splitting(-X[::-1], energy[::-1], c, -right, -left)
    assert mirrored == pytest.approx(found, rel=1e-9)
    assert tunnel_splitting(X + 3, energy + 100, c, left + 3, right + 3) == pytest.approx(
        found, rel=1e-6
    )


def test_the_barrier_is_what_counts():
    """A higher barrier of the same width lets less through."""
    c = constant_for(4)
    splittings = [tunnel_splitting(X, f * quartic(), c, -1.0, 1.0) for f in (1.0, 1.5, 2.0)]
    assert splittings[0] > splittings[1] > splittings[2] > 0
