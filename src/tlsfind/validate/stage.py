"""Stage ``validate``: a sample of a run evaluated again by LAMMPS.

LAMMPS is the reference. A run of the native engine is compared with the same potential in LAMMPS.
A run whose engine is LAMMPS is compared with a LAMMPS started afresh, which checks what is stored
and whether it can be reproduced, not LAMMPS itself.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

from tlsfind import tables
from tlsfind.config import Config
from tlsfind.configuration import Configuration
from tlsfind.engine.base import Engine
from tlsfind.errors import TlsfindError
from tlsfind.interop.native import read_minima
from tlsfind.progress import progress
from tlsfind.validate.checks import (
    OF_MINIMA,
    OF_PATHS,
    Check,
    failed_minimum,
    minimum_checks,
    path_checks,
)
from tlsfind.validate.sample import Stored, draw_minima, draw_pairs

logger = logging.getLogger("tlsfind")


def reference_config(config: Config) -> Config:
    """The run as the reference solves its paths: LAMMPS, with the solver of ``validation``."""
    engine = config.engine.model_copy(update={"name": "lammps"})
    paths = config.paths.model_copy(update={"solver": config.validation.solver})
    return config.model_copy(update={"engine": engine, "paths": paths})


def engines(config: Config, particles: Configuration) -> tuple[Engine, Engine]:
    """The engine of the run and the reference, a LAMMPS of its own.

    Raises:
        TlsfindError: LAMMPS is missing or refuses the model.
    """
    from tlsfind.engine import make_engine
    from tlsfind.engine.lammps.engine import LammpsEngine

    reference = make_engine(particles, config, name="lammps")
    if config.engine_name == "native":
        return make_engine(particles, config), reference
    assert isinstance(reference, LammpsEngine)
    return reference, LammpsEngine(reference.system, config.engine)


def check_stored(config: Config, stored: Stored) -> list[Check]:
    """Check a minimum with engines made for it.

    Raises:
        TlsfindError: LAMMPS is missing or refuses the model.
    """
    engine, reference = engines(config, stored.configuration)
    try:
        return minimum_checks(config, stored, engine, reference)
    finally:
        if config.engine_name == "lammps":
            reference.close()  # type: ignore[attr-defined]


def check_available(config: Config) -> None:
    """Raise a TlsfindError that says how to do without, unless LAMMPS is there."""
    from tlsfind.engine.lammps import lammps_module

    try:
        lammps_module(config.engine.python)
        if config.validation.solver == "lammps-neb":
            from tlsfind.paths.lammps_replicas import find_programs

            find_programs(config.engine)
    except TlsfindError as error:
        raise without(error) from None


def without(error: TlsfindError) -> TlsfindError:
    """``error`` with the way around it."""
    return TlsfindError(
        f"the run cannot be checked by LAMMPS: {error}; or leave the check out with "
        "validation.enabled: false in the config"
    )


def validate(config: Config, results: Path, output: Path) -> list[Check]:
    """Check a sample of a run, and write the table ``validation``.

    Args:
        config: the run.
        results: its folder of results.
        output: the table.

    Raises:
        InputError: a file of the run is missing or damaged.
        TlsfindError: LAMMPS is missing or refuses the model.
    """
    check_available(config)
    limits = config.validation
    minima = draw_minima(config, Path(results), limits.minima)
    pairs = draw_pairs(config, Path(results), limits.double_wells, limits.tls)
    with progress(len(minima) + len(pairs), "validate") as advance:
        try:
            checks = [
                *_check_minima(config, minima, advance),
                *_check_pairs(config, Path(results), pairs, advance),
            ]
        except TlsfindError as error:
            raise without(error) from None
    checks.sort(key=lambda check: [*OF_MINIMA, *OF_PATHS].index(check.what))
    schema = tables.stamped(tables.schema("validation"), config.hash, config.run.seed)
    tables.write([check.row() for check in checks], output, schema)
    outside = [check for check in checks if not check.within]
    for check in outside:
        logger.warning(
            "%s of %s %s: outside the tolerance: %s",
            check.what, check.glass, check.minimum_a, check.message or check.difference,
        )  # fmt: skip
    logger.info("%d checks, %d outside the tolerances", len(checks), len(outside))
    return checks


def _check_minima(config: Config, minima: list[Stored], advance: Any) -> list[Check]:
    from tlsfind.paths.worker import Worker, WorkerDied

    checks: list[Check] = []
    with Worker(config, check_stored) as worker:
        for stored in minima:
            try:
                checks += worker.call(stored)
            except WorkerDied as death:
                checks += failed_minimum(config, stored, str(death))
            advance()
    return checks


def _check_pairs(config: Config, results: Path, pairs: Any, advance: Any) -> list[Check]:
    from tlsfind.paths.stage import pair_solver

    checks: list[Check] = []
    with pair_solver(reference_config(config)) as solve:
        for _, row in pairs.iterrows():
            a, b = pair_of(results, row)
            begin = time.perf_counter()
            result = solve(a, a.positions, b.positions)
            checks += path_checks(config, row, result, time.perf_counter() - begin)
            advance()
    return checks


def pair_of(results: Path, row: Any) -> tuple[Configuration, Configuration]:
    """The two minima of a row of the library."""
    file = Path(results) / "landscape" / str(row["glass"]) / "minima.npz"
    a, b = read_minima(file, [int(row["minimum_a"]), int(row["minimum_b"])])
    return a, b
