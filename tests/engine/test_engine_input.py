"""Senseless input to an engine ends in one clear message."""

import numpy as np
import pytest

from tlsfind.engine import make_engine
from tlsfind.engine.base import State
from tlsfind.engine.native.engine import NativeEngine
from tlsfind.errors import InputError

CALLS = ["energy", "energy_forces", "quench", "run"]


def call(engine, name, positions):
    if name == "run":
        return engine.run(State(positions, np.zeros_like(positions)), 10, 0.01)
    return getattr(engine, name)(positions)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("n", [220, 2600])
def test_two_particles_at_one_place(make_liquid, large, name, n):
    configuration = large if n == 2600 else make_liquid(1)
    positions = configuration.positions.copy()
    positions[11] = positions[80] + configuration.box  # the same place by periodicity
    with pytest.raises(InputError, match="particles 12 and 81 are at the same place"):
        call(make_engine(configuration), name, positions)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_positions_that_are_not_finite(make_liquid, name, value):
    configuration = make_liquid(1)
    engine = make_engine(configuration)
    positions = configuration.positions.copy()
    positions[5, 2] = value
    for _ in range(2):  # and again with the same engine
        with pytest.raises(InputError, match="particle 6 has a NaN or infinite position"):
            call(engine, name, positions)
    assert engine.energy(configuration.positions) == pytest.approx(
        make_engine(configuration).energy(configuration.positions), rel=1e-13
    )


@pytest.mark.parametrize("name", CALLS)
def test_wrong_number_of_particles(make_liquid, name):
    configuration = make_liquid(1)
    with pytest.raises(InputError, match=r"shape \(219, 3\), expected \(220, 3\)"):
        call(make_engine(configuration), name, configuration.positions[1:].copy())


@pytest.mark.parametrize("n", [220, 2600])
def test_velocities_that_are_not_finite(make_liquid, large, n):
    configuration = large if n == 2600 else make_liquid(1)
    velocities = np.zeros_like(configuration.positions)
    velocities[7, 1] = np.nan
    state = State(configuration.positions.copy(), velocities)
    with pytest.raises(InputError, match="diverged"):
        make_engine(configuration).run(state, 10, 0.01)


def test_too_small_a_box():
    with pytest.raises(InputError, match=r"box edge 4 is too small: the longest .* 2\.025"):
        NativeEngine(np.array([0.8, 1.62]), 4.0)
