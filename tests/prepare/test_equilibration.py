"""The verdict on synthetic evidence."""

import numpy as np
import pandas as pd
import pytest

from tlsfind.prepare.equilibration import correlation_time, drift, judge, relaxation, self_overlap


def evidence(potential=0.0, inherent=0.0, overlap=0.05, rows=40, seed=1):
    """Evidence whose energies drift by ``potential`` and ``inherent`` over the whole run."""
    rng = np.random.default_rng(seed)
    fraction = np.arange(1, rows + 1) / rows
    half = np.full(rows, np.nan)
    later = fraction > 0.5
    half[later] = overlap + (1 - overlap) * np.exp(-(fraction[later] - 0.5) / 0.05)
    quenched = np.where(
        np.arange(rows) % 2 == 1, 0.24 + inherent * fraction + rng.normal(0, 5e-4, rows), np.nan
    )
    return pd.DataFrame(
        {
            "block": 100 * np.arange(1, rows + 1),
            "potential_energy": 0.40 + potential * fraction + rng.normal(0, 1e-3, rows),
            "kinetic_temperature": 0.1,
            "inherent_energy": quenched,
            "self_overlap": 0.1,
            "self_overlap_half": half,
            "swap_acceptance": 0.1,
        }
    )


@pytest.mark.parametrize("seed", range(5))
def test_stationary_evidence_passes(seed):
    verdict = judge(evidence(seed=seed))
    assert verdict.equilibrated
    assert "FAILED" not in verdict.reasons
    assert abs(verdict.potential_energy_drift) < 3
    assert abs(verdict.inherent_energy_drift) < 3
    assert verdict.equilibrium_inherent_energy == pytest.approx(0.24, abs=5e-4)
    assert verdict.self_overlap < 0.1


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"potential": -0.02}, "FAILED potential energy"),
        ({"potential": +0.02}, "FAILED potential energy"),
        ({"inherent": -0.01}, "FAILED inherent energy"),
        ({"overlap": 0.8}, "FAILED self-overlap"),
    ],
)
def test_drift_ageing_and_freezing_fail(change, reason, seed):
    verdict = judge(evidence(seed=seed, **change))
    assert not verdict.equilibrated
    assert verdict.reasons.startswith(reason)
    assert verdict.reasons.count("FAILED") == 1


def test_the_first_half_does_not_count():
    """An equilibration may start anywhere: only the second half is judged."""
    series = evidence()
    series.loc[series["block"] < 1500, "potential_energy"] += 0.3
    assert judge(series).equilibrated


def test_a_frozen_liquid_has_no_relaxation_time():
    assert np.isnan(judge(evidence(overlap=0.8)).relaxation_blocks)


@pytest.mark.parametrize("rows", [1, 2, 4])
def test_too_little_evidence_fails(rows):
    verdict = judge(evidence(rows=rows))
    assert not verdict.equilibrated
    assert verdict.reasons.count("FAILED") >= 2


def test_drift_is_the_difference_of_the_halves():
    change, error = drift(np.array([1.0, 3.0, 2.0, 4.0]))
    assert change == 1.0
    assert error == pytest.approx(np.sqrt(0.9))  # squared residuals 1.8, two parameters
    assert np.isnan(drift(np.array([1.0, 2.0, 3.0]))).all()


@pytest.mark.parametrize("values", [4, 6, 10])
def test_a_steady_drift_does_not_hide_behind_its_own_spread(values):
    noise = np.random.default_rng(0).normal(0, 1e-3, values)
    change, error = drift(np.linspace(0.0, -0.02, values) + noise)
    assert abs(change) > 5 * error


def test_relaxation_interpolates_to_one_over_e():
    level = np.exp(-1.0)
    assert relaxation(np.array([10.0, 20.0]), np.array([0.5, level])) == pytest.approx(20.0)
    assert relaxation(np.array([10.0]), np.array([2 * level - 1.0])) == pytest.approx(5.0)
    assert np.isnan(relaxation(np.array([10.0, 20.0]), np.array([0.9, 0.8])))
    blocks = np.arange(1.0, 2001.0)
    assert relaxation(blocks, np.exp(-blocks / 300.0)) == pytest.approx(300.0, abs=1e-3)


def test_relaxation_time_counts_from_the_configuration_it_refers_to():
    """Half time of 50 blocks in chunks of 4 is block 28, the first row after it."""
    blocks = np.array([*range(4, 50, 4), 50])
    half = np.where(blocks > 28, np.exp(-(blocks - 28.0) / 6.0), np.nan)
    series = pd.DataFrame(
        {
            "block": blocks,
            "potential_energy": 0.4,
            "inherent_energy": 0.24,
            "self_overlap_half": half,
        }
    )
    assert judge(series).relaxation_blocks == pytest.approx(6.0, abs=0.5)


def test_self_overlap_counts_particles_near_their_places():
    rng = np.random.default_rng(0)
    positions = rng.uniform(0, 6, (1000, 3))
    translation = np.array([0.5, 9.0, -2.0])
    assert self_overlap(positions + translation, positions) == 1.0  # a common translation
    moved = positions.copy()
    moved[:250, 0] += 0.4
    moved[250:500, 0] -= 0.4
    moved[500:, 1] += 0.2 * np.where(np.arange(500) % 2, 1, -1)
    assert self_overlap(moved, positions) == 0.5


@pytest.mark.parametrize("memory", [0.0, 0.6, 0.8])
def test_stationary_correlated_values_seldom_fail(memory):
    """Less than a tenth beyond three standard errors, where uncorrected errors give a quarter."""
    rng = np.random.default_rng(7)
    failures = 0
    for _ in range(300):
        values = rng.normal(size=60)
        for k in range(1, 60):
            values[k] = memory * values[k - 1] + np.sqrt(1.0 - memory**2) * values[k]
        change, error = drift(values)
        failures += abs(change) > 3 * error
    assert failures < 30


def test_correlation_time_of_an_autoregressive_process():
    rng = np.random.default_rng(3)
    times = []
    for _ in range(50):
        values = rng.normal(size=400)
        for k in range(1, 400):
            values[k] = 0.8 * values[k - 1] + 0.6 * values[k]
        times.append(correlation_time(values - values.mean()))
    assert np.median(times) == pytest.approx(0.5 * 1.8 / 0.2, rel=0.15)
