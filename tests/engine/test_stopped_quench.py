"""A quench that is asked on its way whether to stop."""

import numpy as np
import pytest

from tlsfind.engine import make_engine
from tlsfind.engine.native.engine import LOOKS
from tlsfind.engine.native.minimise import (
    MEMORY,
    NEWEST,
    STORED,
    USED,
    _history_sum,
    _remember,
    _weights,
    empty_memory,
)


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
    assert early.max_force < 0.02
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


def two_loops(steps, changes, force):
    """Nocedal's recursion on vectors; ``steps`` and ``changes`` from the oldest to the newest."""
    direction, first = force.copy(), []
    for step, change in zip(reversed(steps), reversed(changes), strict=True):
        first.append(step @ direction / (step @ change))
        direction -= first[-1] * change
    direction *= steps[-1] @ changes[-1] / (changes[-1] @ changes[-1])
    for step, change in zip(steps, changes, strict=True):
        direction += (first.pop() - change @ direction / (step @ change)) * step
    return direction


def test_direction_is_that_of_the_recursion_on_vectors():
    """What the recursion must not ask for, a step times an older change, is NaN."""
    rng = np.random.default_rng(4)
    size, stored, newest = 30, 7, 2
    steps = rng.normal(size=(MEMORY, size))
    changes = steps + 0.3 * rng.normal(size=(MEMORY, size))  # positive with their own step only
    force = rng.normal(size=size)
    order = [(newest - back) % MEMORY for back in range(stored)]  # newest first
    step_change = np.full((MEMORY, MEMORY), np.nan)
    for age, k in enumerate(order):
        for j in order[: age + 1]:
            step_change[k, j] = steps[k] @ changes[j]
    weights = np.empty(2 * MEMORY)
    scale = _weights(
        step_change, changes @ changes.T,
        np.concatenate([steps @ force, changes @ force]), stored, newest, weights,
    )  # fmt: skip
    found = scale * force + weights[:MEMORY] @ steps + weights[MEMORY:] @ changes
    oldest_first = list(reversed(order))
    expected = two_loops(list(steps[oldest_first]), list(changes[oldest_first]), force)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


def test_memory_over_many_steps_gives_the_directions_of_its_vectors():
    """Longer than the memory, with a step that is not kept and a restart in between."""
    rng = np.random.default_rng(5)
    n = 20
    memory = empty_memory(n)
    history, step_change, change_change, products, _, counts, _ = memory
    positions, forces = rng.normal(size=3 * n), rng.normal(size=3 * n)
    kept: list[tuple[np.ndarray, np.ndarray]] = []
    for number in range(3 * MEMORY):
        step = 0.1 * rng.normal(size=3 * n)
        change = (-1.0 if number == 8 else 1.0) * step + 0.02 * rng.normal(size=3 * n)
        if number == 17:  # as after a climb
            counts[STORED] = 0
            kept.clear()
        _remember(memory, positions + step, forces - change, positions, forces)
        positions, forces = positions + step, forces - change
        if number != 8:
            kept.append((step, change))
        assert counts[STORED] == min(len(kept), MEMORY)
        weights = np.empty(2 * MEMORY)
        direction = np.empty(3 * n)
        scale = _weights(
            step_change, change_change, products, counts[STORED], counts[NEWEST], weights
        )
        _history_sum(history, counts[USED], weights, scale, forces, direction)
        steps, changes = (list(column) for column in zip(*kept[-MEMORY:], strict=True))
        expected = two_loops(steps, changes, forces)
        np.testing.assert_allclose(direction, expected, atol=2e-5 * np.abs(expected).max())
