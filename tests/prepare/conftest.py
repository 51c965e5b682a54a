"""Small, quick preparations."""

import numpy as np
import pytest

from tlsfind import config as configuration
from tlsfind.config import Model
from tlsfind.engine.native.engine import NativeEngine
from tlsfind.prepare.start import box_edge, draw_diameters, lattice_start


def small_config(seed=3, **prepare):
    settings = {"blocks": 40, "melt_blocks": 15, "cooling_time": 3.0, "inherent_structures": 4}
    return configuration.parse(
        {
            "run": {"name": "small", "output": "unused", "seed": seed},
            "model": {"n_particles": 200, "diameters": "random"},
            "glasses": [{"preparation_temperature": 0.2, "count": 2}],
            "prepare": {**settings, **prepare},
            "explore": {"trajectories": 1, "steps": 10, "quench_every": 10},
        }
    )


@pytest.fixture(scope="session")
def make_config():
    return small_config


@pytest.fixture
def spheres():
    """200 particles without overlaps: positions, diameters, box."""
    rng = np.random.default_rng(11)
    model = Model(n_particles=200)
    diameters, box = draw_diameters(model, rng), box_edge(model)
    return (
        NativeEngine(diameters, box).quench(lattice_start(model, rng), 1e-2).positions,
        diameters,
        box,
    )
