"""Unit systems: the values that the paper states or implies."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from tlsfind.units import BUILT_IN, UnitSystem


def test_argon_constant():
    assert BUILT_IN["argon"].kinetic_constant == pytest.approx(7.85e-5, rel=2e-3)


def test_kinetic_constant_by_hand():
    # hbar^2 / (2 u angstrom^2 K k_B) = 24.25 for m = 1 u, sigma = 1 angstrom, eps = 1 K
    unit = UnitSystem(sigma=1.0, mass=1.0, epsilon=1.0)
    assert unit.kinetic_constant == pytest.approx(24.254, rel=1e-4)
    heavier = UnitSystem(sigma=2.0, mass=3.0, epsilon=5.0)
    assert heavier.kinetic_constant == pytest.approx(unit.kinetic_constant / (4 * 3 * 5), rel=1e-12)


@pytest.mark.parametrize(("name", "threshold"), [("argon", 0.0015), ("nip", 0.0002)])
def test_thresholds(name, threshold):
    assert BUILT_IN[name].tls_threshold == pytest.approx(threshold, rel=1e-12)


def test_threshold_follows_its_temperature():
    unit = UnitSystem(sigma=3.4, mass=40.0, epsilon=500.0, threshold_temperature=2.0)
    assert unit.tls_threshold == pytest.approx(0.004)


@pytest.mark.parametrize(("n_0", "decade"), [(0.67, 23), (4.47, 24), (25.14, 25)])
def test_densities_of_fig_4b(n_0, decade):
    """The paper: n_0 in eps^-1 sigma^-3 is about 10^23, 10^24, 10^25 per eV and cm^3 in Argon."""
    density = n_0 * BUILT_IN["argon"].density_of_states_factor
    assert round(math.log10(density)) == decade


def test_density_factor_by_hand():
    # eps = 666.7 K = 0.05745 eV; sigma^3 = 3.948e-23 cm^3
    factor = BUILT_IN["argon"].density_of_states_factor
    assert factor == pytest.approx(1 / (0.057449 * 3.9477e-23), rel=1e-4)


@pytest.mark.parametrize("key", ["sigma", "mass", "epsilon", "threshold_temperature"])
def test_senseless_values(key):
    values = {"sigma": 1.0, "mass": 1.0, "epsilon": 1.0, "threshold_temperature": 1.0, key: 0.0}
    with pytest.raises(ValidationError, match=key):
        UnitSystem(**values)
