"""Single comparisons of a stored result, or of an engine, with a reference engine.

A comparison gives a :class:`Check`. Whatever goes wrong with LAMMPS is a check that failed, with
LAMMPS's own message.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from tlsfind import seeds
from tlsfind.config import Config
from tlsfind.engine.base import Engine, Quench, State
from tlsfind.errors import TlsfindError
from tlsfind.matching import displacements
from tlsfind.paths.solver import PathResult
from tlsfind.prepare.start import maxwell_velocities
from tlsfind.validate import RIM
from tlsfind.validate.sample import Stored

#: What is checked of a minimum, and of a path.
OF_MINIMA = ("energy", "force", "displaced_force", "quench")
OF_PATHS = ("verdict", "barrier", "quantum_splitting")


@dataclass(frozen=True)
class Check:
    """One comparison; the attributes are columns of the table ``validation``.

    Attributes:
        what: one of ``OF_MINIMA`` or ``OF_PATHS``.
        glass: name of the glass.
        minimum_a: the minimum, or the lower one of a pair.
        minimum_b: the other minimum of a pair.
        value: by the run or its engine.
        reference: by the reference.
        difference: what is compared with the tolerance; None where the reference failed.
        tolerance: the largest difference allowed.
        seconds: time of the check.
        message: what went wrong, or how the values came about.
    """

    what: str
    glass: str
    minimum_a: int
    minimum_b: int | None
    value: float | None
    reference: float | None
    difference: float | None
    tolerance: float
    seconds: float
    message: str = ""

    @property
    def within(self) -> bool:
        """Whether the difference is within the tolerance."""
        return self.difference is not None and self.difference <= self.tolerance

    def row(self) -> dict[str, Any]:
        """The row of the table."""
        return {**asdict(self), "within": self.within}


@dataclass(frozen=True)
class QuenchComparison:
    """Quenches of two engines from one start.

    Attributes:
        quench: by the engine.
        reference: by the reference.
        distance: total displacement d between the two ends.
        same: whether both converged and ``distance`` is within the tolerance.
        rim: whether both ends, if they differ, are minima of both engines.
    """

    quench: Quench
    reference: Quench
    distance: float
    same: bool
    rim: bool


def of_minima(config: Config) -> tuple[str, ...]:
    """What is checked of a minimum of this run.

    Where the run's engine is LAMMPS too, there is nothing to compare off a stored minimum.
    """
    if config.engine_name == "lammps":
        return tuple(what for what in OF_MINIMA if what != "displaced_force")
    return OF_MINIMA


def distance(a: np.ndarray, b: np.ndarray, box: float, types: np.ndarray | None) -> float:
    """Total displacement d between two configurations, identical particles being matched."""
    return float(np.linalg.norm(displacements(a, b, box, types)))


def thermal(
    config: Config, engine: Engine, stored: Stored, steps: int, seed: int | None = None
) -> np.ndarray:
    """Positions (N, 3) after ``steps`` time steps of the exploration's dynamics.

    Args:
        config: the run.
        engine: what moves the particles.
        stored: the minimum that they leave.
        steps: time steps.
        seed: another seed than the run's.
    """
    state = start(config, engine, stored, seed)
    engine.run(state, steps, config.explore.time_step)
    return state.positions


def start(config: Config, engine: Engine, stored: Stored, seed: int | None = None) -> State:
    """A minimum with random velocities of the exploration's temperature."""
    rng = seeds.generator(config.run.seed if seed is None else seed, "validate", *stored.key)
    n = len(stored.configuration)
    velocities = maxwell_velocities(n, config.explore.temperature, rng, engine.masses)
    return State(stored.configuration.positions.copy(), velocities)


def force_difference(engine: Engine, reference: Engine, positions: np.ndarray) -> float:
    """Largest difference of a force component at ``positions`` (N, 3)."""
    return float(
        np.abs(engine.energy_forces(positions)[1] - reference.energy_forces(positions)[1]).max()
    )


def compare_quenches(
    config: Config, engine: Engine, reference: Engine, positions: np.ndarray, stored: Stored
) -> QuenchComparison:
    """Quench ``positions`` (N, 3) with both engines.

    Where the ends differ each engine quenches the other's end, which must stay.
    """
    settings, tolerance = config.explore, config.landscape.displacement_tolerance
    box, types = stored.configuration.box, config.model.identical(stored.configuration.types)

    def quench(by: Engine, where: np.ndarray) -> Quench:
        return by.quench(where, settings.force_tolerance, settings.max_evaluations)

    def stays(by: Engine, end: Quench) -> bool:
        again = quench(by, end.positions)
        return again.converged and distance(end.positions, again.positions, box, types) <= tolerance

    own, other = quench(engine, positions), quench(reference, positions)
    d = distance(own.positions, other.positions, box, types)
    converged = own.converged and other.converged
    same = converged and d <= tolerance
    rim = converged and not same and stays(reference, own) and stays(engine, other)
    return QuenchComparison(own, other, d, same, rim)


def minimum_checks(
    config: Config, stored: Stored, engine: Engine, reference: Engine
) -> list[Check]:
    """Check a stored minimum: its energy, forces there and nearby, and a quench.

    Args:
        config: the run.
        stored: the minimum.
        engine: the engine of the run.
        reference: the engine that judges.
    """
    limits = config.validation
    positions, n = stored.configuration.positions, len(stored.configuration)

    @cache
    def displaced() -> np.ndarray:
        return thermal(config, engine, stored, config.explore.quench_every)

    def energy() -> tuple[float, float, float, str]:
        value, found = stored.energy / n, reference.energy(positions) / n
        return value, found, abs(value - found), ""

    def force() -> tuple[float, float, float, str]:
        largest = float(np.abs(reference.energy_forces(positions)[1]).max())
        component = force_difference(engine, reference, positions)
        difference = max(component, abs(largest - stored.max_force))
        return stored.max_force, largest, difference, ""

    def displaced_force() -> tuple[float, float, float, str]:
        largest = [
            float(np.abs(by.energy_forces(displaced())[1]).max()) for by in (engine, reference)
        ]
        return largest[0], largest[1], force_difference(engine, reference, displaced()), ""

    def quench() -> tuple[float, float, float, str]:
        found = compare_quenches(config, engine, reference, displaced(), stored)
        energies = found.quench.energy, found.reference.energy
        return *energies, found.distance if converged(found) else np.nan, words(found)

    def converged(found: QuenchComparison) -> bool:
        return found.quench.converged and found.reference.converged

    def words(found: QuenchComparison) -> str:
        if not converged(found):
            return "a quench missed the force tolerance"
        if found.same:
            return ""
        return RIM if found.rim else "different minima, and one does not stay in the other engine"

    tolerances = (
        limits.energy_tolerance,
        limits.force_tolerance,
        limits.force_tolerance,
        config.landscape.displacement_tolerance,
    )
    measures = (energy, force, displaced_force, quench)
    return [
        _check(what, stored, tolerance, measure)
        for what, tolerance, measure in zip(OF_MINIMA, tolerances, measures, strict=True)
        if what in of_minima(config)
    ]


def _check(
    what: str,
    stored: Stored,
    tolerance: float,
    measure: Callable[[], tuple[float, float, float, str]],
) -> Check:
    """``measure`` as a check, failures included."""
    begin = time.perf_counter()
    value = reference = difference = None
    try:
        value, reference, difference, message = measure()
        difference = None if np.isnan(difference) else difference
    except (TlsfindError, ArithmeticError) as error:
        message = str(error)
    seconds = time.perf_counter() - begin
    return Check(
        what, stored.glass, stored.minimum, None, value, reference, difference, tolerance,
        seconds, message,
    )  # fmt: skip


def failed_minimum(config: Config, stored: Stored, message: str) -> list[Check]:
    """The checks of a minimum where LAMMPS died."""

    def fail() -> tuple[float, float, float, str]:
        raise TlsfindError(message)

    return [_check(what, stored, 0.0, fail) for what in of_minima(config)]


def path_checks(config: Config, row: pd.Series, result: PathResult, seconds: float) -> list[Check]:
    """Check the path of a double well of the library.

    Args:
        config: the run.
        row: its row in the library.
        result: its path by the reference.
        seconds: time that it took.
    """
    limits, unit = config.validation, config.loop.unit_system
    same = result.status == row["status"]
    said = "" if same else f"{row['status']} here, {result.status} by the reference"
    if result.message:
        said = f"{said}: {result.message}" if said else result.message
    column = f"quantum_splitting_{unit}"
    values = (
        (float(row["wells"]), float(result.wells), None if same else 1.0, 0.0),
        (row["barrier"], result.barrier, None, limits.barrier_tolerance),
        (row[column], result.quantum_splitting[unit], None, limits.splitting_tolerance),
    )
    checks = []
    for what, (value, reference, difference, tolerance) in zip(OF_PATHS, values, strict=True):
        if what == "verdict":
            difference = float(not same)
        elif np.isfinite(reference):
            difference = abs(value - reference)
            if what == "quantum_splitting":
                difference /= max(abs(value), np.finfo(float).tiny)
        checks.append(
            Check(
                what=what,
                glass=str(row["glass"]),
                minimum_a=int(row["minimum_a"]),
                minimum_b=int(row["minimum_b"]),
                value=float(value),
                reference=float(reference) if np.isfinite(reference) else None,
                difference=difference,
                tolerance=tolerance,
                seconds=seconds if what == "verdict" else 0.0,
                message=said,
            )
        )
    return checks
