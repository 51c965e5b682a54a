"""Compile the native kernels once, so that later processes load them from the cache."""

from __future__ import annotations

import numpy as np

from tlsfind.config import Model, Paths, Prepare
from tlsfind.engine.base import State
from tlsfind.engine.native.engine import NativeEngine
from tlsfind.paths.solver import solve_path
from tlsfind.prepare.sampler import HybridSampler
from tlsfind.prepare.start import box_edge, draw_diameters, lattice_start, maxwell_velocities
from tlsfind.units import BUILT_IN


def warm_up() -> None:
    """Run every kernel on a small glass."""
    rng = np.random.default_rng(0)
    model = Model(n_particles=250)
    diameters, box = draw_diameters(model, rng), box_edge(model)
    engine = NativeEngine(diameters, box)
    positions = engine.quench(lattice_start(model, rng), 1e-2).positions
    HybridSampler(positions, diameters, box, Prepare(blocks=20), rng).run(2, 0.3)
    engine = NativeEngine(diameters, box)
    state = State(positions.copy(), maxwell_velocities(len(diameters), 0.1, rng))
    engine.run(state, 50, 0.01, temperature=0.05, thermostat_time=1.0)
    a = engine.quench(positions)
    b = engine.quench(state.positions)
    solve_path(engine, a.positions, b.positions, box, Paths(max_iterations=20), BUILT_IN)
