"""Cooling of an equilibrated liquid by molecular dynamics with a Berendsen thermostat.

Two ways: the thermostat set to the final temperature at once, or lowered at a constant rate,
in small steps, and then held.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tlsfind.config import Prepare
from tlsfind.configuration import Configuration, wrap
from tlsfind.engine.base import Engine, State
from tlsfind.prepare.melt import advance
from tlsfind.prepare.restart import Progress
from tlsfind.prepare.start import maxwell_velocities
from tlsfind.progress import progress

#: Steps of the thermostat's target: at most this many thermostat times, at least so many in all.
LONGEST_STEP = 0.1
FEWEST_STEPS = 100
#: Thermostat times at the final temperature after a linear cooling.
HOLD = 10.0


def cool(
    engine: Engine,
    state: Progress,
    temperature: float,
    settings: Prepare,
    rng: np.random.Generator,
    keep: Callable[[Progress], None] = lambda state: None,
    name: str = "",
) -> tuple[Configuration, np.ndarray, float]:
    """Cool the liquid from ``temperature`` to ``settings.cooling_temperature``.

    Args:
        engine: of the particles.
        state: the end of the equilibration, or a linear cooling under way. That changes positions,
            velocities and ``cooled``.
        temperature: T_f.
        settings: the section ``prepare`` of the config.
        rng: draws the velocities of a liquid that has none.
        keep: called with ``state`` now and then during a linear cooling.
        name: of the glass, for the progress.

    Returns:
        The cold configuration, its velocities (N, 3), and its mean kinetic temperature at the
        end: over the last tenth of ``cooling_time``, or the second half of the hold.

    Raises:
        InputError: the dynamics diverged.
    """
    n = engine.n_particles
    if state.velocities is None:
        velocities = maxwell_velocities(n, temperature, rng, engine.masses)
    else:
        velocities = state.velocities
    moving = State(state.positions, velocities)
    if state.cooled == 0:
        moving.positions = wrap(state.positions, state.box)
    if settings.cooling_rate is None:
        steps = max(round(settings.cooling_time / settings.time_step), 10)
        averaged = steps // 10
    else:
        _lower(engine, state, moving, temperature, settings, keep, name)
        steps = max(round(HOLD * settings.thermostat_time / settings.time_step), 10)
        averaged = steps // 2
    energies = advance(engine, moving, steps, settings, settings.cooling_temperature)
    final = float(energies[-averaged:, 1].mean() * 2.0 / (3.0 * n - 3.0))
    cold = Configuration(moving.positions, state.diameters, state.box, "glass", state.types)
    return cold, moving.velocities, final


def ramp(temperature: float, settings: Prepare) -> tuple[int, int]:
    """Time steps of a linear cooling from ``temperature``, and time steps at one target."""
    assert settings.cooling_rate is not None
    fall = temperature - settings.cooling_temperature
    steps = round(fall / settings.cooling_rate / settings.time_step)
    longest = round(LONGEST_STEP * settings.thermostat_time / settings.time_step)
    return steps, max(min(longest, steps // FEWEST_STEPS), 1)


def _lower(
    engine: Engine,
    state: Progress,
    moving: State,
    temperature: float,
    settings: Prepare,
    keep: Callable[[Progress], None],
    name: str,
) -> None:
    """Lower the thermostat to the final temperature; ``moving`` and ``state`` change."""
    steps, segment = ramp(temperature, settings)
    fall = temperature - settings.cooling_temperature
    with progress(steps, f"cool {name}") as report:
        report(state.cooled)
        while state.cooled < steps:
            count = min(segment, steps - state.cooled)
            target = temperature - fall * (state.cooled + 0.5 * count) / steps
            advance(engine, moving, count, settings, target)
            state.positions, state.velocities = moving.positions, moving.velocities
            state.cooled += count
            keep(state)
            report(count)
