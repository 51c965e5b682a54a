"""n_0 from the plateau of n(E)/E at low E."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from tlsfind.published.density import FEWEST, low_energy_density, uniform_range


def test_the_test_is_that_of_scipy():
    """Where the whole range but the last splitting is uniform, kstest agrees, and beyond not."""
    rng = np.random.default_rng(0)
    energy = np.sort(np.concatenate([rng.uniform(0, 1, 200), rng.uniform(1, 1.2, 400)]))
    count, end = uniform_range(energy)
    assert energy[count] == end
    assert kstest(energy[:count] / end, "uniform").pvalue >= 0.05
    for k in range(count + 1, len(energy)):
        assert kstest(energy[:k] / energy[k], "uniform").pvalue < 0.05
    assert 1.0 < end < 1.1


def test_density_of_uniform_splittings_is_unbiased():
    """Mean over 200 samples of 60 splittings with density 5, within four standard errors."""
    rng, volume, glasses = np.random.default_rng(1), 100.0, 3
    end = 60 / (5.0 * volume * glasses)
    found = [
        low_energy_density(rng.uniform(0, end, 60), volume, glasses, level=0.0)["n_0"]
        for _ in range(200)
    ]
    assert abs(np.mean(found) - 5.0) < 4 * np.std(found) / np.sqrt(200)


def test_interval_covers_and_energies_scale():
    rng = np.random.default_rng(2)
    energy = rng.uniform(0, 2e-3, 300)
    found = low_energy_density(energy, 1500.0, 10)
    assert found["low"] < 300 / (2e-3 * 1500 * 10) < found["high"]
    scaled = low_energy_density(energy * 10, 1500.0, 20)
    assert scaled["n_0"] == pytest.approx(found["n_0"] / 20)
    assert scaled["count"] == found["count"]


def test_order_does_not_matter_and_few_give_none():
    energy = np.random.default_rng(3).uniform(0, 1, 50)
    assert uniform_range(energy) == uniform_range(np.sort(energy)[::-1])
    assert uniform_range(energy[:FEWEST]) is None
    assert low_energy_density(energy[:3], 1.0, 1) is None
