"""Stage ``paths``: solve a batch of pairs. Every selected pair gives exactly one row."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tlsfind import __version__, tables
from tlsfind.config import Config
from tlsfind.configuration import Configuration
from tlsfind.interop.native import Minima, open_minima
from tlsfind.paths.journal import Journal, digest, place
from tlsfind.paths.solver import PathResult
from tlsfind.paths.worker import Worker, solve_pair
from tlsfind.progress import progress

logger = logging.getLogger("tlsfind")

KEYS = [name for name, _, _ in tables.FIXED["selection"]]


def solve_batch(
    config: Config,
    selection: Path,
    landscape_root: Path,
    output: Path,
    candidates: Path,
    part: tuple[int, int] | None = None,
) -> None:
    """Solve the paths of a selection.

    Args:
        config: the run.
        selection: table ``selection``.
        landscape_root: folder with ``<glass>/minima.npz`` of every glass selected from.
        output: table ``paths`` to write.
        candidates: table ``candidates`` to write, minima found on paths with several wells.
        part: (i, n) solves only the part i, from 0, of the rows in n equal parts; neighbours in
            the table are of one glass, so that a part needs few landscapes.

    Raises:
        InputError: an input file is unusable or a minimum does not exist.
    """
    rows = tables.read(selection, KEYS)
    if part is not None:
        first, last = ((i * len(rows)) // part[1] for i in (part[0], part[0] + 1))
        rows = rows.iloc[first:last]
    units = list(config.unit_systems)
    solved: list[dict] = []
    found: list[dict] = []
    name = f"paths {Path(selection).parent.name}/{Path(selection).stem}"
    with (
        Journal(place(Path(output)), settings_digest(config)) as journal,
        pair_solver(config) as solve,
        progress(len(rows), name) as advance,
    ):
        for glass, group in rows.groupby("glass", sort=True):
            minima = open_minima(Path(landscape_root) / str(glass) / "minima.npz")
            particles = _particles(minima)
            for row in group.itertuples(index=False):
                a, b = (_positions(minima, m) for m in (row.minimum_a, row.minimum_b))
                keys = {name: _plain(getattr(row, name)) for name in KEYS}
                pair = digest(
                    glass, row.minimum_a, row.minimum_b, minima.box, minima.diameters,
                    minima.types, a, b,
                )  # fmt: skip
                known = journal.find(pair)
                if known is None:
                    start = time.perf_counter()
                    result = solve(particles, a, b)
                    seconds = time.perf_counter() - start
                    known = (
                        {**result_row(result, units), "seconds": seconds},
                        candidate_rows(keys, result),
                    )
                    if result.status != "failed":  # what failed is tried again in the next run
                        journal.add(pair, *known)
                solved.append({**keys, **known[0]})
                found += known[1]
                advance()
        _write(config, solved, found, Path(output), Path(candidates))


def settings_digest(config: Config) -> str:
    """A digest of all settings that the result of a path depends on.

    Raises:
        InputError: the model's data file cannot be read.
    """
    content = config.model_dump(mode="json", include={"model", "engine", "paths", "units"})
    return digest(
        __version__, config.loop.unit_system, sorted(content.items()), config.model.data_digest()
    )


@contextmanager
def pair_solver(
    config: Config,
) -> Iterator[Callable[[Configuration, np.ndarray, np.ndarray], PathResult]]:
    """What solves one pair: in this process, or where LAMMPS is the engine in one of its own.

    Yields:
        A function of the particles and the two minima, each (N, 3).

    Raises:
        TlsfindError: the solver's programs are missing.
    """
    if config.paths.solver == "lammps-neb":
        from tlsfind.paths.lammps_replicas import find_programs

        find_programs(config.engine)
    if config.engine_name == "native":
        yield partial(solve_pair, config)
        return
    with Worker(config) as worker:
        yield worker.solve


def _particles(minima: Minima) -> Configuration:
    """The particles of a glass, which is all an engine is made of; where they are does not matter.

    The minima may be none, or spoiled: that is the business of the pairs that need them.
    """
    anywhere = np.zeros((len(minima.diameters), 3))
    return Configuration(anywhere, minima.diameters, minima.box, minima.source, minima.types)


def _positions(minima: Minima, identifier: Any) -> np.ndarray:
    return np.array(minima.positions[minima.row(int(identifier))])


def _plain(value):
    """A value of a pandas row as a Python object; NaN as None."""
    if pd.isna(value):
        return None
    return value.item() if isinstance(value, np.generic) else value


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def result_row(result: PathResult, units: list[str]) -> dict:
    """A result as columns of the paths table (its keys and ``seconds`` apart); NaN is null."""
    row: dict = {
        "status": result.status,
        "message": result.message,
        "barrier": _number(result.barrier),
        "path_length": _number(result.path_length),
        "wells": result.wells,
        "iterations": result.iterations,
        "final_force": _number(result.final_force),
        "splitting_change": _number(result.splitting_change),
        "delta_0": _number(result.delta_0[units[0]]),
        "xi": result.xi.tolist(),
        "energy": result.energy.tolist(),
    }
    for name in units:
        row[f"quantum_splitting_{name}"] = _number(result.quantum_splitting[name])
        row[f"energy_1_{name}"] = _number(result.energy_1[name])
        row[f"energy_2_{name}"] = _number(result.energy_2[name])
        row[f"delta_0_{name}"] = _number(result.delta_0[name])
    return row


def candidate_rows(keys: dict, result: PathResult) -> list[dict]:
    """Rows of the table ``candidates``."""
    return [
        {
            "glass": keys["glass"],
            "minimum_a": keys["minimum_a"],
            "minimum_b": keys["minimum_b"],
            "image": candidate.image,
            "energy": candidate.energy,
            "max_force": candidate.max_force,
            "positions": candidate.positions.ravel(),
        }
        for candidate in result.candidates
    ]


def _write(
    config: Config, solved: list[dict], found: list[dict], output: Path, candidates: Path
) -> None:
    schema = tables.schema("paths", tables.paths_columns(config.unit_systems))
    extra = tables.schema("candidates")
    tables.write(found, candidates, tables.stamped(extra, config.hash, config.run.seed))
    tables.write(solved, output, tables.stamped(schema, config.hash, config.run.seed))
