"""Swaps and dynamics together sample the canonical distribution."""

import numpy as np
import pytest

from tlsfind.config import Prepare
from tlsfind.engine.native.engine import NativeEngine
from tlsfind.errors import InputError
from tlsfind.prepare import sampler as sampling
from tlsfind.prepare.hybrid import hybrid_blocks
from tlsfind.prepare.sampler import HybridSampler


def sample(spheres, temperature, blocks, seed, **settings):
    """Potential and kinetic energies (blocks, 2) of all particles, and the share accepted."""
    positions, diameters, box = (np.copy(part) for part in spheres)
    rng = np.random.default_rng(seed)
    sampler = HybridSampler(positions, diameters, float(box), Prepare(blocks=20, **settings), rng)
    sampler.run(150, 2 * temperature)
    sampler.run(250, temperature)
    series = np.empty((blocks, 2))
    half, rows, lists = sampler._scratch()
    counts = np.zeros(3, np.int64)
    s = sampler.settings
    status = hybrid_blocks(
        blocks, positions, diameters, float(box), sampler._shifts, temperature,
        round(s.swaps_per_particle * len(diameters)), s.max_diameter_difference, s.md_steps,
        s.time_step, sampling.MD_SKIN, half, rows, lists, rng, series, counts,
    )  # fmt: skip
    assert status == 0
    return series * len(diameters), counts[2] / blocks, counts[1] / counts[0]


def independent(series):
    """``series`` thinned to its integrated autocorrelation time."""
    x = series - series.mean()
    correlation = np.correlate(x, x, "full")[len(x) - 1 :] / (x @ x)
    time = 1.0
    for k in range(1, len(x)):  # window of five times the time (Sokal)
        time += 2.0 * correlation[k]
        if k > 5 * time:
            break
    return series[:: max(int(np.ceil(time)), 1)]


def slope_of_log_ratio(first, second):
    """Slope of ln[P1(E) / P2(E)] by maximum likelihood, and its standard error.

    Logistic regression, as in Shirts, J. Chem. Theory Comput. 9, 909 (2013).
    """
    energy = np.concatenate([first, second])
    label = np.concatenate([np.ones(len(first)), np.zeros(len(second))])
    design = np.column_stack([np.ones_like(energy), energy - energy.mean()])
    parameters = np.zeros(2)
    for _ in range(50):
        probability = 1.0 / (1.0 + np.exp(-design @ parameters))
        hessian = (design * (probability * (1 - probability))[:, None]).T @ design
        parameters += np.linalg.solve(hessian, design.T @ (label - probability))
    return parameters[1], np.sqrt(np.linalg.inv(hessian)[1, 1])


def test_energy_histograms_at_two_temperatures(spheres):
    """ln[P1(E) / P2(E)] = (beta_2 - beta_1) E + const: slope and linearity.

    The time step is long, so that the dynamics is rejected now and then.
    """
    cold, hot = 0.24, 0.26
    (a, accepted, swapped), (b, _, _) = (
        sample(spheres, t, 4000, seed, time_step=0.02) for seed, t in enumerate((cold, hot))
    )
    assert 0.3 < accepted < 0.95
    assert 0.05 < swapped < 0.5
    first, second = independent(a[:, 0]), independent(b[:, 0])
    assert min(len(first), len(second)) > 300
    slope, error = slope_of_log_ratio(first, second)
    expected = 1.0 / hot - 1.0 / cold
    assert error < 0.15 * abs(expected)  # the test has teeth
    assert abs(slope - expected) < 4.0 * error

    edges = np.quantile(np.concatenate([first, second]), np.linspace(0.05, 0.95, 9))
    counts = [np.histogram(values, edges)[0].astype(float) for values in (first, second)]
    centres = 0.5 * (edges[1:] + edges[:-1])
    ratio = np.log(counts[0] / counts[1])
    sigma = np.sqrt(1.0 / counts[0] + 1.0 / counts[1])
    constant = np.average(ratio - expected * centres, weights=sigma**-2)
    chi2 = (((ratio - expected * centres - constant) / sigma) ** 2).sum()
    assert chi2 < 24.3  # 7 degrees of freedom, probability 1e-3


def test_kinetic_energy_is_maxwellian(spheres):
    """Mean and variance of the kinetic energy after acceptance; rejections leave no bias."""
    temperature, n = 0.25, 200
    series, accepted, _ = sample(spheres, temperature, 2500, 7, time_step=0.02)
    kinetic = series[:, 1]
    assert accepted < 0.95
    error = kinetic.std() / np.sqrt(len(independent(kinetic)))
    assert kinetic.mean() == pytest.approx(1.5 * n * temperature, abs=4 * error)
    assert kinetic.var() == pytest.approx(1.5 * n * temperature**2, rel=0.15)


def test_the_time_step_decides_the_acceptance_but_not_the_energy(spheres):
    short, high, _ = sample(spheres, 0.25, 1500, 1, time_step=0.01)
    long, low, _ = sample(spheres, 0.25, 1500, 2, time_step=0.025)
    assert high > 0.85
    assert low < high - 0.1
    means, errors = [], []
    for series in (short[:, 0], long[:, 0]):
        means.append(series.mean())
        errors.append(series.std() / np.sqrt(len(independent(series))))
    assert abs(means[0] - means[1]) < 4 * np.hypot(*errors)


def test_diameters_are_conserved_and_energies_are_those_of_the_engine(spheres):
    positions, diameters, box = spheres
    before = np.sort(diameters)
    sampler = HybridSampler(positions, diameters, box, Prepare(blocks=20), np.random.default_rng(1))
    for _ in range(20):
        result = sampler.run(1, 0.3)
        energy = NativeEngine(diameters, box).energy(positions)
        assert result.potential_energy == pytest.approx(energy / 200, rel=1e-11)
    np.testing.assert_array_equal(np.sort(diameters), before)


def test_same_result_where_the_list_has_to_grow(spheres):
    results = []
    for pairs in (60, 2):
        positions, diameters, box = (np.copy(part) for part in spheres)
        rng = np.random.default_rng(1)
        sampler = HybridSampler(positions, diameters, float(box), Prepare(blocks=20), rng)
        sampler._pairs_per_particle = pairs
        results.append((sampler.run(10, 0.3), positions, diameters, rng.random()))
    assert results[0][0] == results[1][0]
    for k in (1, 2, 3):
        np.testing.assert_array_equal(results[0][k], results[1][k])


def test_no_dependence_on_wrapping(spheres):
    """A liquid strays over many boxes in a long run; positions stay unwrapped all the same."""
    ends = []
    boxes = spheres[2] * np.random.default_rng(3).integers(-6, 7, (200, 3))
    for offset in (0.0, boxes):
        positions, diameters, box = (np.copy(part) for part in spheres)
        positions = positions + offset
        sampler = HybridSampler(
            positions, diameters, float(box), Prepare(blocks=20), np.random.default_rng(1)
        )
        sampler.run(3, 0.3)
        ends.append(positions - offset)
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-8)


def test_wide_list_serves_the_dynamics_between_its_updates(spheres, monkeypatch):
    """The dynamics' list is filtered from the wide one: an early update must change nothing."""
    positions, diameters, box = spheres
    diameters[:] = np.sort(diameters)[-1]  # all as large as the largest: the longest ranges
    expanded = box * 2.2  # a gas, where pairs come from far away
    positions *= 2.2
    sampler = HybridSampler(
        positions, diameters, expanded, Prepare(blocks=20), np.random.default_rng(1)
    )
    chunked = positions.copy()
    other = HybridSampler(
        chunked, diameters.copy(), expanded, Prepare(blocks=20), np.random.default_rng(1)
    )
    sampler.run(15, 1.0)  # the wide list is kept as long as it holds
    for _ in range(15):
        other.run(1, 1.0)  # made anew for every block
    np.testing.assert_allclose(positions, chunked, atol=1e-7)


def test_too_long_a_time_step_and_too_small_a_box(spheres):
    positions, diameters, box = spheres
    rng = np.random.default_rng(1)
    with pytest.raises(InputError, match="too small"):
        HybridSampler(positions[:100], diameters[:100], 0.8 * box, Prepare(blocks=20), rng)
    positions[5] = positions[6] + 1e-9
    with pytest.raises(InputError, match="diverged"):
        HybridSampler(positions, diameters, box, Prepare(blocks=20), rng).run(5, 0.3)
