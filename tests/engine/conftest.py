"""Liquids and glasses of various sizes, made by the engine itself."""

import numpy as np
import pytest

from tlsfind.config import Model
from tlsfind.configuration import Configuration, wrap
from tlsfind.engine.base import State
from tlsfind.engine.native.engine import NativeEngine
from tlsfind.prepare.start import box_edge, draw_diameters, lattice_start, maxwell_velocities


def random_liquid(seed, n=220, noise=0.03):
    """Particles of random diameters at disordered places without strong overlaps."""
    rng = np.random.default_rng(seed)
    model = Model(n_particles=n)
    diameters, box = draw_diameters(model, rng), box_edge(model)
    start = lattice_start(model, rng) + rng.normal(0.0, 0.2, (n, 3))
    loose = NativeEngine(diameters, box).quench(start, 1e-2, 60).positions
    return Configuration(wrap(loose + rng.normal(0.0, noise, (n, 3)), box), diameters, box)


@pytest.fixture(scope="session")
def make_liquid():
    return random_liquid


@pytest.fixture(scope="session")
def liquid():
    """A liquid of 220 particles near T = 0.1: configuration and velocities."""
    start = random_liquid(5)
    engine = NativeEngine(start.diameters, start.box)
    rng = np.random.default_rng(6)
    state = State(start.positions.copy(), maxwell_velocities(len(start), 0.2, rng))
    engine.run(state, 1000, 0.005, temperature=0.1, thermostat_time=0.2)
    state.velocities -= state.velocities.mean(axis=0)
    return start.with_positions(wrap(state.positions, start.box)), state.velocities


@pytest.fixture(scope="session")
def large():
    """2600 particles: a box of at least four cells along an edge."""
    return random_liquid(7, n=2600)


@pytest.fixture(scope="session")
def minimum(liquid):
    """An inherent structure of the liquid."""
    configuration, _ = liquid
    engine = NativeEngine(configuration.diameters, configuration.box)
    return configuration.with_positions(engine.quench(configuration.positions, 1e-8).positions)
