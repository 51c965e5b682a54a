"""A quench that is asked on its way whether to stop."""

import numpy as np
import pytest

from tlsfind.engine import make_engine
from tlsfind.engine.native.engine import LOOKS
from tlsfind.engine.native.minimise import MEMORY, _weights


def test_asking_changes_nothing(liquid):
    """Interrupted and continued, the descent is the same bit for bit."""
    configuration, _ = liquid
    engine = make_engine(configuration)
    seen = []

    def never(positions, energy, forces):
        found, there = engine_of_looks.energy_forces(positions)
        assert energy == pytest.approx(found, rel=1e-12)
        np.testing.assert_allclose(forces, there, atol=1e-10)
        seen.append(float(np.abs(forces).max()))
        return False

    engine_of_looks = make_engine(configuration)
    plain = engine.quench(configuration.positions)
    asked = engine.quench(configuration.positions, stop=never)
    np.testing.assert_array_equal(plain.positions, asked.positions)
    assert (plain.energy, plain.max_force, plain.evaluations) == (
        asked.energy,
        asked.max_force,
        asked.evaluations,
    )
    assert asked.converged
    assert not asked.stopped
    assert len(seen) == len(LOOKS)
    assert all(force <= look for force, look in zip(seen, LOOKS, strict=True))


def test_a_stopped_quench_is_not_converged(liquid):
    configuration, _ = liquid
    engine = make_engine(configuration)
    full = engine.quench(configuration.positions)
    early = engine.quench(
        configuration.positions, stop=lambda x, e, f: float(np.abs(f).max()) < 0.02
    )
    assert early.stopped
    assert not early.converged
    assert early.max_force <= 0.01
    assert early.evaluations < full.evaluations
    assert early.energy > full.energy


def test_no_look_below_the_tolerance(liquid):
    configuration, _ = liquid
    looks = []
    found = make_engine(configuration).quench(
        configuration.positions, 2e-3, stop=lambda x, e, f: looks.append(e) or False
    )
    assert found.converged
    assert len(looks) == sum(look > 2e-3 for look in LOOKS)


def test_direction_is_that_of_the_recursion_on_vectors():
    """The coefficients against Nocedal's two loops, written on vectors."""
    rng = np.random.default_rng(4)
    size, stored, newest = 30, 7, 2
    curvature = rng.normal(size=(size, size))
    curvature = curvature @ curvature.T + np.eye(size)
    steps, force = rng.normal(size=(MEMORY, size)), rng.normal(size=size)
    changes = steps @ curvature
    order = [(newest - back) % MEMORY for back in range(stored)]  # newest first
    weights = np.empty(2 * MEMORY)
    scale = _weights(
        steps @ changes.T, changes @ changes.T,
        np.concatenate([steps @ force, changes @ force]), stored, newest, weights,
    )  # fmt: skip
    found = scale * force + weights[:MEMORY] @ steps + weights[MEMORY:] @ changes
    expected, first = force.copy(), {}
    for k in order:
        first[k] = steps[k] @ expected / (steps[k] @ changes[k])
        expected -= first[k] * changes[k]
    expected *= steps[newest] @ changes[newest] / (changes[newest] @ changes[newest])
    for k in reversed(order):
        second = changes[k] @ expected / (steps[k] @ changes[k])
        expected += (first[k] - second) * steps[k]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())
