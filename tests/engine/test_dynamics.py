"""Molecular dynamics: conserved quantities, the order of the integrator, the thermostat."""

from itertools import pairwise

import numpy as np
import pytest

from tlsfind.engine import make_engine
from tlsfind.engine.base import State
from tlsfind.engine.native.engine import NativeEngine, empty_lists
from tlsfind.errors import InputError
from tlsfind.prepare.start import maxwell_velocities


def moving(liquid):
    configuration, velocities = liquid
    return State(configuration.positions.copy(), velocities.copy())


def test_energy_is_conserved_to_second_order_in_the_time_step(liquid):
    engine = make_engine(liquid[0])
    amplitudes = []
    for halvings in range(3):
        steps = 300 * 2**halvings
        series = engine.run(moving(liquid), steps, 0.01 / 2**halvings)
        total = series.sum(axis=1)
        amplitudes.append(total.std())
        drift = abs(total[: steps // 2].mean() - total[steps // 2 :].mean())
        assert drift < total.std()  # it fluctuates, it does not drift
        assert series[:, 0].std() > 50 * total.std()  # potential and kinetic energy exchange
    for coarse, fine in pairwise(amplitudes):
        assert 3.0 < coarse / fine < 5.5


def test_energies_belong_to_the_state(liquid):
    engine = make_engine(liquid[0])
    state = moving(liquid)
    series = engine.run(state, 25, 0.01)
    assert engine.energy(state.positions) == pytest.approx(series[-1, 0], rel=1e-12)
    assert 0.5 * (state.velocities**2).sum() == pytest.approx(series[-1, 1], rel=1e-12)


def test_momentum_is_conserved(liquid):
    state = moving(liquid)
    state.velocities += np.array([0.3, -0.1, 0.2])
    before = state.velocities.sum(axis=0)
    start = state.positions.mean(axis=0)
    make_engine(liquid[0]).run(state, 300, 0.01)
    np.testing.assert_allclose(state.velocities.sum(axis=0), before, atol=1e-11)
    # Positions come back unwrapped: the centre of mass moves on uniformly.
    np.testing.assert_allclose(
        state.positions.mean(axis=0), start + 3.0 * before / len(state.positions), atol=1e-11
    )


def test_time_is_reversible(liquid):
    engine = make_engine(liquid[0])
    state = moving(liquid)
    engine.run(state, 150, 0.01)
    there = np.abs(state.positions - liquid[0].positions).max()
    state.velocities *= -1.0
    engine.run(state, 150, 0.01)
    assert there > 0.1
    assert np.abs(state.positions - liquid[0].positions).max() < 1e-8
    assert np.abs(state.velocities + liquid[1]).max() < 1e-8


def test_first_step_is_velocity_verlet(liquid):
    engine = make_engine(liquid[0])
    state = moving(liquid)
    dt = 0.005
    _, forces = engine.energy_forces(state.positions)
    velocities = state.velocities + 0.5 * dt * forces
    positions = state.positions + dt * velocities
    _, forces = engine.energy_forces(positions)
    velocities = velocities + 0.5 * dt * forces
    engine.run(state, 1, dt)
    np.testing.assert_allclose(state.positions, positions, atol=1e-12)
    np.testing.assert_allclose(state.velocities, velocities, atol=1e-11)


@pytest.mark.parametrize("target", [0.03, 0.2])
def test_berendsen_reaches_its_target(liquid, target):
    n = len(liquid[0])
    series = make_engine(liquid[0]).run(
        moving(liquid), 1500, 0.01, temperature=target, thermostat_time=0.5
    )
    temperature = series[-500:, 1].mean() * 2 / (3 * n - 3)
    assert temperature == pytest.approx(target, rel=0.08)


def test_berendsen_relaxes_exponentially_without_forces():
    """An ideal gas forgets its temperature at the rate 1 / tau (Berendsen et al., 1984)."""
    n = 27
    places = np.stack(np.meshgrid(*[np.arange(3) * 10.0] * 3), axis=-1).reshape(-1, 3)
    state = State(places, maxwell_velocities(n, 0.1, np.random.default_rng(0)))
    engine = NativeEngine(np.ones(n), 30.0)
    series = engine.run(state, 100, 0.01, temperature=0.4, thermostat_time=1.0)
    temperature = series[:, 1] * 2 / (3 * n - 3)
    expected = 0.4 - 0.3 * 0.99 ** np.arange(1, 101)
    np.testing.assert_allclose(temperature, expected, rtol=1e-10)


def test_particles_at_rest_are_no_trouble_for_the_thermostat(minimum):
    state = State(minimum.positions.copy(), np.zeros_like(minimum.positions))
    series = make_engine(minimum).run(state, 5, 0.01, temperature=0.1, thermostat_time=1.0)
    assert np.isfinite(series).all()


@pytest.mark.parametrize("size", ["small", "cells"])
def test_result_does_not_depend_on_what_the_engine_did_before(liquid, large, size):
    """Bit for bit: a trajectory must not depend on the block of trajectories it runs in."""
    if size == "small":
        configuration, velocities = liquid
    else:
        configuration = large
        velocities = maxwell_velocities(len(large), 0.1, np.random.default_rng(1))
    fresh, used = make_engine(configuration), make_engine(configuration)
    rng = np.random.default_rng(3)
    used.energy(configuration.positions + rng.normal(0.0, 0.03, configuration.positions.shape))
    results = []
    for engine in (fresh, used):
        state = State(configuration.positions.copy(), velocities.copy())
        results.append((engine.run(state, 30, 0.01), state))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1].positions, results[1][1].positions)
    np.testing.assert_array_equal(results[0][1].velocities, results[1][1].velocities)


def test_same_where_the_list_has_to_grow_on_the_way(liquid):
    configuration, velocities = liquid
    engine = make_engine(configuration)
    expected = State(configuration.positions.copy(), velocities.copy())
    series = engine.run(expected, 40, 0.01)
    starved = make_engine(configuration)
    starved._lists = empty_lists(len(configuration), 100)
    state = moving(liquid)
    np.testing.assert_array_equal(starved.run(state, 40, 0.01), series)
    np.testing.assert_array_equal(state.positions, expected.positions)
    assert len(starved._lists[1]) > 100


def test_a_liquid_may_stray_over_many_boxes(liquid):
    """Planes that stream past each other for boxes on end."""
    n, box = 54, 12.0
    places = np.stack(np.meshgrid(np.arange(6), np.arange(3), np.arange(3)), axis=-1)
    positions = 2.0 * places.reshape(-1, 3).astype(float)
    velocities = np.zeros((n, 3))
    velocities[:, 2] = np.where(positions[:, 0] % 4 == 0, 5.0, -5.0)  # planes 2 apart: no contact
    engine = NativeEngine(np.full(n, 1.2), box)
    state = State(positions.copy(), velocities)
    engine.run(state, 1200, 0.01)
    assert np.abs(state.positions - positions).max() > 4 * box


def test_divergence_is_an_error_and_leaves_the_state(liquid):
    state = moving(liquid)
    with pytest.raises(InputError, match="diverged"):
        make_engine(liquid[0]).run(state, 2000, 0.5)
    np.testing.assert_array_equal(state.positions, liquid[0].positions)
    np.testing.assert_array_equal(state.velocities, liquid[1])
