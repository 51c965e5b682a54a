"""How far the native engine and LAMMPS agree, measured on the minima and double wells of a run.

All of it is done by the functions that the run itself uses: nothing here computes a force or a path
of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tlsfind.config import Config, Paths
from tlsfind.engine.base import Engine
from tlsfind.errors import ConfigError
from tlsfind.paths.solver import PathResult
from tlsfind.paths.stage import pair_solver
from tlsfind.progress import Advance, progress
from tlsfind.validate.checks import compare_quenches, force_difference, start, thermal
from tlsfind.validate.sample import Stored, draw_minima, draw_pairs
from tlsfind.validate.stage import check_available, engines, pair_of, reference_config

STEPS = (1, 10, 100)  # of the trajectories
THERMAL_INTERVALS = 10  # of explore.quench_every, before a configuration is quenched
TIGHTER = 10.0  # factor on the tolerances where a difference is looked into
FINER = 4  # times as many images there
LOOKED_INTO = 4  # at most so many differences of each kind


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes:
        pairs: double wells solved on native forces and on those of LAMMPS.
        neb_pairs: the first of them, solved by LAMMPS neb as well.
        neb_images: images of these paths.
        starts: configurations that are quenched.
    """

    pairs: int
    neb_pairs: int
    neb_images: int
    starts: int


@dataclass(frozen=True)
class Agreement:
    """What was measured; one row for each case.

    Attributes:
        static: energy per particle and force differences, at minima and displaced.
        trajectories: differences of positions and velocities, by ``steps``.
        quenches: ends of both engines.
        string: paths by the string solver, native against LAMMPS.
        neb: paths by the native string solver against LAMMPS neb.
        string_tight, neb_tight: the first of those outside the tolerances again, with tighter
            ones, and by the native solver with ``FINER`` times as many images.
        seconds: wall time of each part.
    """

    static: pd.DataFrame
    trajectories: pd.DataFrame
    quenches: pd.DataFrame
    string: pd.DataFrame
    neb: pd.DataFrame
    string_tight: pd.DataFrame
    neb_tight: pd.DataFrame
    seconds: dict[str, float]


def measure(config: Config, results: Path, sizes: Sizes, seed: int) -> Agreement:
    """Measure the agreement on a finished run.

    Args:
        config: the run, of the native engine.
        results: its folder of results.
        sizes: how much is measured.
        seed: of the sample.

    Raises:
        ConfigError: the engine of the run is LAMMPS.
        InputError: a file of the run is missing or damaged.
        TlsfindError: LAMMPS is missing.
    """
    if config.engine_name != "native":
        raise ConfigError(
            "the engine of this run is lammps, expected native: the page compares both engines"
        )
    check_available(config)
    minima = draw_minima(config, results, sizes.starts, seed)
    tls = len(draw_pairs(config, results, 0, sizes.pairs // 2, seed))
    wells = draw_pairs(config, results, sizes.pairs - tls, tls, seed)
    first = _mixed(wells, sizes.neb_pairs)
    own = with_paths(config)
    on_lammps = reference_config(with_paths(config, solver="string"))
    few = with_paths(config, images=sizes.neb_images)
    neb = reference_config(with_validation(few, "lammps-neb"))
    seconds: dict[str, float] = {}

    def timed(name: str, part: Callable[[], Any]) -> Any:
        begin = time.perf_counter()
        found = part()
        seconds[name] = time.perf_counter() - begin
        return found

    static, trajectories, quenches = timed("engines", lambda: _engines(config, minima, seed))
    string = timed("string", lambda: _paths(own, on_lammps, results, wells, "string"))
    neb_rows = timed("neb", lambda: _paths(few, neb, results, first, "neb"))
    return Agreement(
        static, trajectories, quenches, string, neb_rows,
        timed("string_tight", lambda: _tighter(config, own, on_lammps, results, string)),
        timed("neb_tight", lambda: _tighter(config, few, neb, results, neb_rows)),
        seconds,
    )  # fmt: skip


def with_paths(config: Config, **changes: Any) -> Config:
    """The run with other keys of ``paths``; the solver is ``string`` unless named."""
    paths = config.paths.model_copy(update={"solver": "string", **changes})
    return config.model_copy(update={"paths": paths})


def with_validation(config: Config, solver: str) -> Config:
    """The run with another ``validation.solver``."""
    changed = config.validation.model_copy(update={"solver": solver})
    return config.model_copy(update={"validation": changed})


def tight(paths: Paths) -> dict[str, Any]:
    """Keys of ``paths`` for a tighter relaxation."""
    return {
        "force_tolerance": paths.force_tolerance / TIGHTER,
        "splitting_tolerance": paths.splitting_tolerance / TIGHTER,
        "max_iterations": 5 * paths.max_iterations,
    }


def _mixed(wells: pd.DataFrame, count: int) -> pd.DataFrame:
    """``count`` rows, half of them TLS where there are so many."""
    is_tls = wells["tls"].to_numpy(dtype=bool)
    tls, others = np.flatnonzero(is_tls), np.flatnonzero(~is_tls)
    of_tls = min(len(tls), max(count - count // 2, count - len(others)))
    return wells.iloc[[*tls[:of_tls], *others[: count - of_tls]]]


def _engines(
    config: Config, minima: list[Stored], seed: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Energies, forces, trajectories and quenches."""
    static: list[dict] = []
    moved: list[dict] = []
    quenched: list[dict] = []
    glasses: set[str] = set()
    with progress(len(minima), "energies, forces, quenches") as advance:
        for stored in minima:
            engine, reference = engines(config, stored.configuration)
            steps = THERMAL_INTERVALS * config.explore.quench_every
            displaced = thermal(config, engine, stored, steps, seed)
            static.append(_static(stored, engine, reference, displaced))
            if stored.glass not in glasses:
                moved += _trajectory(config, stored, engine, reference, seed)
                glasses.add(stored.glass)
            quenched.append(_quench(config, stored, engine, reference, displaced))
            advance()
    return pd.DataFrame(static), pd.DataFrame(moved), pd.DataFrame(quenched)


def _static(
    stored: Stored, engine: Engine, reference: Engine, displaced: np.ndarray
) -> dict[str, Any]:
    row: dict[str, Any] = {"glass": stored.glass, "minimum": stored.minimum}
    places = {"minimum": stored.configuration.positions, "displaced": displaced}
    for name, positions in places.items():
        difference = engine.energy(positions) - reference.energy(positions)
        row[f"energy_{name}"] = abs(difference) / len(positions)
        row[f"force_{name}"] = force_difference(engine, reference, positions)
        row[f"largest_{name}"] = float(np.abs(engine.energy_forces(positions)[1]).max())
    return row


def _trajectory(
    config: Config, stored: Stored, engine: Engine, reference: Engine, seed: int
) -> Iterator[dict[str, Any]]:
    """Differences of two trajectories from one start after each number of ``STEPS``."""
    for steps in STEPS:
        states = [start(config, by, stored, seed) for by in (engine, reference)]
        for by, state in zip((engine, reference), states, strict=True):
            by.run(state, steps, config.explore.time_step)
        a, b = states
        yield {
            "glass": stored.glass,
            "steps": steps,
            "position": float(np.abs(a.positions - b.positions).max()),
            "velocity": float(np.abs(a.velocities - b.velocities).max()),
        }


def _quench(
    config: Config, stored: Stored, engine: Engine, reference: Engine, displaced: np.ndarray
) -> dict[str, Any]:
    found = compare_quenches(config, engine, reference, displaced, stored)
    return {
        "glass": stored.glass,
        "minimum": stored.minimum,
        "same": found.same,
        "rim": found.rim,
        "converged": found.quench.converged and found.reference.converged,
        "distance": found.distance,
        "energy": abs(found.quench.energy - found.reference.energy),
        "native_evaluations": found.quench.evaluations,
        "lammps_evaluations": found.reference.evaluations,
    }


def _paths(
    native: Config, lammps: Config, results: Path, wells: pd.DataFrame, name: str
) -> pd.DataFrame:
    """Solve pairs in two ways.

    Args:
        native: the run as the native engine solves its paths.
        lammps: the run as LAMMPS solves its paths.
        results: folder of results.
        wells: rows of the library.
        name: for the progress bar.
    """
    with ExitStack() as stack:
        solvers = [stack.enter_context(pair_solver(config)) for config in (native, lammps)]
        advance = stack.enter_context(progress(len(wells), f"paths, {name}"))
        rows = list(_solve(native, solvers, results, wells, advance))
    return pd.DataFrame(rows)


def _solve(
    config: Config, solvers: list[Callable], results: Path, wells: pd.DataFrame, advance: Advance
) -> Iterator[dict[str, Any]]:
    unit = config.loop.unit_system
    for _, well in wells.iterrows():
        a, b = pair_of(results, well)
        row = {name: well[name] for name in ("glass", "minimum_a", "minimum_b", "tls")}
        found: list[PathResult] = []
        for name, solve in zip(("native", "lammps"), solvers, strict=True):
            begin = time.perf_counter()
            result = solve(a, a.positions, b.positions)
            found.append(result)
            row |= {
                f"{name}_status": result.status,
                f"{name}_message": result.message,
                f"{name}_barrier": result.barrier,
                f"{name}_splitting": result.quantum_splitting[unit],
                f"{name}_force": result.final_force,
                f"{name}_change": result.splitting_change,
                f"{name}_iterations": result.iterations,
                f"{name}_seconds": time.perf_counter() - begin,
            }
        first, second = found
        row["barrier_difference"] = abs(first.barrier - second.barrier)
        splittings = [result.quantum_splitting[unit] for result in found]
        row["splitting_difference"] = abs(splittings[1] - splittings[0]) / splittings[0]
        row["within"] = bool(
            first.status == second.status == "double_well"
            and row["barrier_difference"] <= config.validation.barrier_tolerance
            and row["splitting_difference"] <= config.validation.splitting_tolerance
        )
        yield row
        advance()


def _tighter(
    config: Config, native: Config, lammps: Config, results: Path, rows: pd.DataFrame
) -> pd.DataFrame:
    """The first few rows outside the tolerances again, relaxed further on both sides."""
    if not len(rows) or rows["within"].all():
        return rows.iloc[:0]
    outside = rows[~rows["within"]].head(LOOKED_INTO)
    changes = tight(config.paths)
    closer = [
        with_paths(run, solver=run.paths.solver, images=run.paths.images, **changes)
        for run in (native, lammps)
    ]
    found = _paths(closer[0], closer[1], results, outside, "relaxed further")
    finer = with_paths(closer[0], images=FINER * closer[0].paths.images)
    return _with_finer(finer, results, found)


def _with_finer(finer: Config, results: Path, rows: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with barrier and E_qs by the native solver with more images."""
    unit = finer.loop.unit_system
    barriers, splittings = [], []
    with pair_solver(finer) as solve, progress(len(rows), "paths, more images") as advance:
        for _, row in rows.iterrows():
            a, b = pair_of(results, row)
            result = solve(a, a.positions, b.positions)
            barriers.append(result.barrier)
            splittings.append(result.quantum_splitting[unit])
            advance()
    return rows.assign(finer_barrier=barriers, finer_splitting=splittings)
