"""``tlsfind convergence``: paths of a run solved again at several force tolerances and images.

Every level is solved from the straight path with ``refinements`` = 0, so that E_qs is that of a
path relaxed to this perpendicular force and no further. The command reads the library and the
minima of a finished run and changes nothing in it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tlsfind import tables
from tlsfind.analysis.results import Results
from tlsfind.config import Config
from tlsfind.convergence import sample
from tlsfind.errors import InputError
from tlsfind.interop.native import read_minima
from tlsfind.pairs.keys import KEYS
from tlsfind.paths.solver import PathResult
from tlsfind.paths.stage import pair_solver
from tlsfind.progress import progress

logger = logging.getLogger("tlsfind")

TOLERANCES = (0.1, 0.05, 0.02, 0.01, 0.003, 0.001)
IMAGES = (20, 40, 80)
PAIRS = 60
#: Most iterations of a level: those of a run are too few for the lowest force.
ITERATIONS = 6000


def at_level(config: Config, images: int, tolerance: float) -> Config:
    """The run with its paths at one level of convergence."""
    paths = config.paths.model_copy(
        update={
            "images": images,
            "force_tolerance": tolerance,
            "refinements": 0,
            "max_iterations": max(config.paths.max_iterations, ITERATIONS),
        }
    )
    return config.model_copy(update={"paths": paths})


def level_row(row: pd.Series, result: PathResult, unit: str, images: int, tolerance: float
              ) -> dict[str, Any]:  # fmt: skip
    """A row of the table ``convergence``."""
    return {
        **{name: row[name] for name in (*KEYS, "stratified", "random")},
        "run_splitting": row[f"quantum_splitting_{unit}"],
        "images": images,
        "force_tolerance": tolerance,
        "status": result.status,
        "iterations": result.iterations,
        "final_force": result.final_force,
        "barrier": result.barrier,
        "path_length": result.path_length,
        "quantum_splitting": result.quantum_splitting.get(unit, np.nan),
        "unit_system": unit,
    }


def measure(
    config: Config,
    results: Path,
    chosen: pd.DataFrame,
    tolerances: Sequence[float],
    images: Sequence[int],
) -> pd.DataFrame:
    """Solve every path of a sample at every level.

    Args:
        config: the run.
        results: its folder of results.
        chosen: from :func:`tlsfind.convergence.sample.draw`.
        tolerances: perpendicular forces.
        images: numbers of images.

    Returns:
        Table ``convergence``, in the order of the sample.
    """
    unit = config.loop.unit_system
    levels = [(count, tolerance) for count in images for tolerance in tolerances]
    rows: list[dict[str, Any]] = []
    with progress(len(levels) * len(chosen), "convergence") as advance:
        for count, tolerance in levels:
            with pair_solver(at_level(config, count, tolerance)) as solve:
                for _, row in chosen.iterrows():
                    file = Path(results) / "landscape" / str(row["glass"]) / "minima.npz"
                    a, b = read_minima(file, [int(row["minimum_a"]), int(row["minimum_b"])])
                    result = solve(a, a.positions, b.positions)
                    rows.append(level_row(row, result, unit, count, tolerance))
                    advance()
    return pd.DataFrame(rows).sort_values([*KEYS, "images", "force_tolerance"], kind="stable")


def convergence(
    config: Config,
    results: Path,
    output: Path,
    *,
    pairs: int = PAIRS,
    random: int = 0,
    tolerances: Sequence[float] = TOLERANCES,
    images: Sequence[int] = IMAGES,
    published: Path | None = None,
) -> pd.DataFrame:
    """Measure the effect of the path's convergence on a run.

    Args:
        config: the run.
        results: its folder of results.
        output: folder that receives ``convergence.parquet``, the figure ``convergence`` with its
            numbers and, with ``published``, ``published.csv``.
        pairs: double wells of the stratified sample.
        random: double wells of the random sample.
        tolerances: perpendicular forces, all positive.
        images: numbers of images.
        published: folder of the authors' tables, whose E_qs a model learns and predicts for the
            random sample.

    Returns:
        Table ``convergence``.

    Raises:
        InputError: a file of the run is missing or damaged, it has no double well, a level is out
            of range, or the published tables cannot be used.
    """
    from tlsfind.analysis.figures import convergence as figure

    _check(tolerances, images)
    if published is not None and not random:
        raise InputError("--published needs double wells drawn at random, found --random 0")
    wells = Results(config, Path(results)).double_wells
    if wells.empty:
        raise InputError(f"{results} has no double well, expected at least one")
    unit = config.loop.unit_system
    threshold = config.unit_systems[unit].tls_threshold
    predictions = None
    if published is not None:  # first: what is wrong with the tables is said at once
        from tlsfind.convergence import published as learned

        predictions = learned.predictors(Path(published), config)
    chosen = sample.draw(wells, unit, threshold, pairs, random, config.run.seed)
    table = measure(config, Path(results), chosen, tolerances, images)
    schema = tables.stamped(tables.schema("convergence"), config.hash, config.run.seed)
    tables.write(table, Path(output) / "convergence.parquet", schema)
    if predictions is not None:
        from tlsfind.convergence import published as learned

        found = learned.offsets(table, chosen, predictions, config.run.seed)
        with tables.atomic(Path(output) / "published.csv") as temporary:
            found.to_csv(temporary, index=False)
    figure.write(config, Path(output), Results(config, Path(results)).footer)
    return table


def _check(tolerances: Sequence[float], images: Sequence[int]) -> None:
    """Raise an InputError where a level is out of range."""
    if not tolerances or not all(np.isfinite(t) and t > 0 for t in tolerances):
        raise InputError(f"force tolerances {list(tolerances)}, expected positive numbers")
    if not images or not all(5 <= count <= 500 for count in images):
        raise InputError(f"numbers of images {list(images)}, expected numbers from 5 to 500")
