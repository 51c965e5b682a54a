"""Stage ``explore``: a block of NVE trajectories of one glass, each quenched every few steps.

The velocities of a trajectory are drawn anew from its own random stream, so that a trajectory does
not depend on the block it runs in. Quenched configurations are reduced to the distinct minima of
the block as they come (the gate of ``landscape.identity``), and the visits keep their order.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlsfind import seeds, tables
from tlsfind.config import Config
from tlsfind.configuration import Configuration
from tlsfind.engine import Engine, make_engine
from tlsfind.engine.base import Quench, State
from tlsfind.errors import ConfigError, InputError
from tlsfind.interop.native import Minima, load_glass, save_minima
from tlsfind.landscape.identity import Catalogue
from tlsfind.landscape.recognition import Recogniser
from tlsfind.prepare.start import maxwell_velocities
from tlsfind.progress import progress

logger = logging.getLogger("tlsfind")


@dataclass
class Trajectory:
    """What one trajectory gives: rows of the tables ``visits`` and ``trajectories``."""

    visits: list[dict]
    summary: dict


def explore(config: Config, glass: str, glass_file: Path, block: int, output: Path) -> None:
    """Run one block of trajectories.

    Args:
        config: the run.
        glass: name of the glass.
        glass_file: its ``glass.npz``.
        block: number of the block, from 0.
        output: folder for visits.parquet, trajectories.parquet and minima.npz.

    Raises:
        ConfigError: there is no such glass or block.
        InputError: the glass file is unusable or of another glass, or the dynamics diverged.
    """
    index, _ = config.glass(glass)
    settings = config.explore
    if not 0 <= block < config.trajectory_blocks:
        raise ConfigError(
            f"no block {block} of trajectories, expected 0 to {config.trajectory_blocks - 1}"
        )
    configuration, _, info = load_glass(glass_file)
    if str(info["glass"]) != glass:
        raise InputError(f"{glass_file} holds the glass {info['glass']}, expected {glass}")
    first = block * settings.trajectories_per_block
    numbers = range(first, min(first + settings.trajectories_per_block, settings.trajectories))
    engine = make_engine(configuration, config)
    catalogue = Catalogue(
        configuration.box,
        config.landscape.energy_window,
        config.landscape.displacement_tolerance,
        config.model.identical(configuration.types),
    )
    trajectories = []
    quenches = settings.steps // settings.quench_every
    with progress(len(numbers) * quenches, f"explore {glass} block {block}") as advance:
        for number in numbers:
            rng = seeds.generator(config.run.seed, "explore", index, number)
            trajectories.append(
                run_trajectory(config, engine, configuration, catalogue, number, rng, advance)
            )
    write_block(config, glass, configuration, catalogue, trajectories, Path(output))


def run_trajectory(
    config: Config,
    engine: Engine,
    configuration: Configuration,
    catalogue: Catalogue,
    number: int,
    rng: np.random.Generator,
    advance=lambda n=1: None,
) -> Trajectory:
    """Run one trajectory, adding its minima to ``catalogue``.

    A quench that misses the force tolerance is a visit with no minimum.
    """
    settings = config.explore
    n = len(configuration)
    velocities = maxwell_velocities(n, settings.temperature, rng, engine.masses)
    state = State(configuration.positions.copy(), velocities)
    recogniser = Recogniser(configuration.box, settings.recognition_radius, engine.energy_forces)
    visits: list[dict] = []
    energies: list[np.ndarray] = []
    counts = {"unconverged": 0, "recognised": 0, "evaluations": 0}
    for k in range(settings.steps // settings.quench_every):
        energies.append(engine.run(state, settings.quench_every, settings.time_step))
        quench = engine.quench(
            state.positions,
            settings.force_tolerance,
            settings.max_evaluations,
            recogniser if settings.recognition_radius > 0 else None,
        )
        counts["evaluations"] += quench.evaluations
        counts["recognised"] += quench.stopped
        counts["unconverged"] += not (quench.converged or quench.stopped)
        minimum, quench = _place(quench, recogniser, catalogue)
        visits.append(
            {
                "trajectory": number,
                "step": (k + 1) * settings.quench_every,
                "minimum": minimum,
                "energy": quench.energy,
                "max_force": quench.max_force,
            }
        )
        advance()
    if counts["unconverged"]:
        logger.warning(
            "trajectory %d: %d quenches missed the force tolerance", number, counts["unconverged"]
        )
    counts["evaluations"] += recogniser.evaluations
    series = np.concatenate(energies)
    return Trajectory(visits, {**_summary(number, n, series), "quenches": len(visits), **counts})


def _place(
    quench: Quench, recogniser: Recogniser, catalogue: Catalogue
) -> tuple[int | None, Quench]:
    """The minimum that a quench led to, None if it missed the tolerance, and a finished quench."""
    if quench.stopped:
        minimum = recogniser.found
        assert minimum is not None
        quench = recogniser.minimum(minimum)
    elif quench.converged:
        minimum = catalogue.find_or_add(quench.positions, quench.energy, quench.max_force)
    else:
        return None, quench
    recogniser.remember(minimum, quench)
    return minimum, quench


def energy_drift(total: np.ndarray) -> float:
    """Drift of a series over its length: slope of a straight-line fit times the length."""
    if len(total) < 2:
        return 0.0
    time = np.arange(len(total)) - 0.5 * (len(total) - 1)
    return float((time @ total) / (time @ time) * len(total))


def _summary(number: int, n: int, series: np.ndarray) -> dict:
    total = series.sum(axis=1) / n
    return {
        "trajectory": number,
        "steps": len(series),
        "temperature": float(series[:, 1].mean() * 2.0 / (3.0 * n - 3.0)),
        "energy_drift": energy_drift(total),
        "energy_fluctuation": float(total.std()),
    }


def write_block(
    config: Config,
    glass: str,
    configuration: Configuration,
    catalogue: Catalogue,
    trajectories: list[Trajectory],
    output: Path,
) -> None:
    """Write what a block of trajectories gives: minima.npz, trajectories.parquet, visits.parquet.

    Args:
        config: the run.
        glass: name of the glass.
        configuration: its particles.
        catalogue: the distinct minima of the block, which the visits number.
        trajectories: the trajectories in their order.
        output: the folder.
    """
    n = len(configuration)
    positions = catalogue.positions if len(catalogue) else np.empty((0, n, 3))
    save_minima(
        output / "minima.npz",
        Minima(
            positions=positions,
            energies=catalogue.energies,
            max_forces=catalogue.max_forces,
            minimum=np.arange(len(catalogue), dtype=np.int32),
            diameters=configuration.diameters,
            box=configuration.box,
            glass=glass,
            types=configuration.types,
        ),
    )
    for name, rows in (
        ("trajectories", [t.summary for t in trajectories]),
        ("visits", [visit for t in trajectories for visit in t.visits]),
    ):
        schema = tables.stamped(tables.schema(name), config.hash, config.run.seed)
        tables.write([{"glass": glass, **row} for row in rows], output / f"{name}.parquet", schema)
