"""From a pair of minima to a verdict: is it a double well, and what is its quantum splitting.

1. The ends are unwrapped and freed of a common translation.
2. A straight path is relaxed to a loose tolerance, with few images first, then with more, then with
   all. If it shows a well in between at any of these, and a quench from there leads to a third
   minimum, the pair has several wells and the work ends.
3. Otherwise the path is relaxed to the final tolerance, and the verdict is taken there in the
   same way: a dip that quenches to one of the two ends is no well of its own.
4. A double well's profile is continued beyond both minima with true energies, and the
   Schroedinger equation is solved for every unit system.
5. A double well is relaxed further, to a third of the force at a time, until E_qs stops changing.
   E_qs of a TLS is a small difference of two zero-point energies and needs it; most others do not.

Whatever goes wrong with one pair is a result with a status, never an exception.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from tlsfind import matching
from tlsfind.config import Engine as EngineSettings
from tlsfind.config import Paths
from tlsfind.configuration import displacements
from tlsfind.engine.base import Engine, Quench
from tlsfind.errors import InputError, TlsfindError
from tlsfind.paths import profile
from tlsfind.paths.lammps_neb import NebRelaxation, system_of
from tlsfind.paths.mep import Path, StringRelaxation, grown_path, straight_path
from tlsfind.paths.schroedinger import levels
from tlsfind.paths.wkb import tunnel_splitting
from tlsfind.units import UnitSystem

#: Ends closer than this (total displacement) are one minimum.
IDENTICAL = 1e-2
#: A quench from the path that ends closer than this to an end of the path found that end.
SAME_MINIMUM = 1e-2
QUENCH_TOLERANCE = 1e-6
#: Splittings below this are beyond the precision of the eigenvalues.
SMALLEST_SPLITTING = 1e-12


class Relaxation(Protocol):
    """A path that is being relaxed, by the string solver or by LAMMPS."""

    engine: Engine
    path: Path

    def run(self, tolerance: float, max_iterations: int) -> bool:
        """Relax to the perpendicular force ``tolerance``; whether it was met."""
        ...


@dataclass(frozen=True)
class Candidate:
    """A minimum found on a path with several wells.

    Attributes:
        image: image of the path that was quenched.
        positions: (N, 3).
        energy: total energy.
        max_force: largest force component.
    """

    image: int
    positions: np.ndarray
    energy: float
    max_force: float


@dataclass
class PathResult:
    """All that is known of a pair. Energies are counted from minimum a.

    Attributes:
        status: one of ``tables.STATUSES``.
        message: what went wrong, or empty.
        delta_e: energy of b minus energy of a.
        barrier: saddle energy minus energy of the lower minimum; NaN unless a double well.
        path_length: arc length between the minima.
        wells: wells along the path.
        iterations: iterations of the path solver.
        final_force: largest perpendicular force of an image.
        splitting_change: largest relative change of E_qs in the last refinement.
        xi: (n,) reaction coordinate, 0 at a and 1 at b, beyond them for a double well.
        energy: (n,) V(xi).
        quantum_splitting, energy_1, energy_2, delta_0: by unit system; NaN unless a double well.
        candidates: minima found on the way.
    """

    status: str
    message: str = ""
    delta_e: float = np.nan
    barrier: float = np.nan
    path_length: float = np.nan
    wells: int = 0
    iterations: int = 0
    final_force: float = np.nan
    splitting_change: float = np.nan
    xi: np.ndarray = field(default_factory=lambda: np.empty(0))
    energy: np.ndarray = field(default_factory=lambda: np.empty(0))
    quantum_splitting: dict[str, float] = field(default_factory=dict)
    energy_1: dict[str, float] = field(default_factory=dict)
    energy_2: dict[str, float] = field(default_factory=dict)
    delta_0: dict[str, float] = field(default_factory=dict)
    candidates: list[Candidate] = field(default_factory=list)


def solve_path(
    engine: Engine,
    a: np.ndarray,
    b: np.ndarray,
    box: float,
    settings: Paths,
    units: Mapping[str, UnitSystem],
    types: np.ndarray | None = None,
    programs: EngineSettings | None = None,
) -> PathResult:
    """Solve the path between two minima.

    Args:
        engine: the engine of their particles.
        a: (N, 3) positions of the first minimum, by convention the one of lower energy.
        b: (N, 3) positions of the second.
        box: box edge.
        settings: the section ``paths`` of the config.
        units: unit systems by name.
        types: (N,) types of identical particles: the path goes to that permutation of b which is
            closest to a. None: no particle has a twin.
        programs: the section ``engine`` of the config, which may name the programs of
            ``lammps-neb``.

    Returns:
        The result; a failure is a result with status ``failed``.
    """
    result = failed_result(units)
    try:
        _solve(engine, a, b, box, settings, units, types, programs, result)
    except (TlsfindError, ArithmeticError, ValueError, np.linalg.LinAlgError) as error:
        result.status = "failed"
        result.message = f"{type(error).__name__}: {error}"
        _forget_levels(result)
    return result


def failed_result(units: Iterable[str], message: str = "") -> PathResult:
    """A result that says only that it failed, and why."""
    nothing = dict.fromkeys(units, np.nan)
    return PathResult(
        "failed",
        message,
        quantum_splitting=dict(nothing),
        energy_1=dict(nothing),
        energy_2=dict(nothing),
        delta_0=dict(nothing),
    )


def _solve(
    engine: Engine,
    a: np.ndarray,
    b: np.ndarray,
    box: float,
    settings: Paths,
    units: Mapping[str, UnitSystem],
    types: np.ndarray | None,
    programs: EngineSettings | None,
    result: PathResult,
) -> None:
    move = matching.displacements(a, b, box, types)
    distance = float(np.linalg.norm(move))
    if distance < IDENTICAL:
        result.status = "endpoints_identical"
        result.path_length = distance
        result.delta_e = engine.energy(b) - engine.energy(a)
        return
    if types is not None:
        _check_end(engine, a + move, b, settings.noise)
    loose = max(settings.verdict_force, settings.force_tolerance)
    path = straight_path(a, a + move, settings.images)
    if settings.solver == "string":
        path = grown_path(
            engine, path, settings.first_images, loose, settings.max_iterations, settings.time_step,
            settings.steps, lambda few: _has_third_minimum(engine, few, settings, box, result),
        )  # fmt: skip
        if result.candidates:
            return
    relaxation = _relaxation(engine, path, settings, programs)
    for force in _looks(loose, settings):
        converged = relaxation.run(force, settings.max_iterations)
        if converged and _has_third_minimum(engine, path, settings, box, result):
            return
    converged = relaxation.run(settings.force_tolerance, settings.max_iterations)
    if not converged:
        _describe(path, result, len(profile.extrema(path.energies, settings.noise)[0]))
        result.status = "not_converged"
        result.message = (
            f"perpendicular force {path.force:.2g} after {path.iterations} iterations, "
            f"expected at most {settings.force_tolerance:g}"
        )
        if isinstance(relaxation, NebRelaxation):
            result.message += f" ({relaxation.remark})"
        return
    _verdict(engine, path, settings, units, box, result)
    if result.status == "double_well":
        _refine(relaxation, settings, units, box, result)


def _looks(loose: float, settings: Paths) -> list[float]:
    """Forces on the way to the final one at which a path is looked at: ``loose``, halved.

    Only ``loose`` where LAMMPS relaxes: each instalment starts all its processes anew.
    """
    forces = [loose]
    while settings.solver == "string" and forces[-1] > 3.0 * settings.force_tolerance:
        forces.append(0.5 * forces[-1])
    return forces


def _has_third_minimum(
    engine: Engine, path: Path, settings: Paths, box: float, result: PathResult
) -> bool:
    """Look for a third minimum on a path that is not final; if there is one, that is the result."""
    wells, _ = profile.extrema(path.energies, settings.noise)
    if len(wells) > 2:
        result.candidates = third_minima(engine, path, wells, box)
    if result.candidates:
        _describe(path, result, len(wells))
        result.status = "multiple_wells"
    return bool(result.candidates)


def _relaxation(
    engine: Engine, path: Path, settings: Paths, programs: EngineSettings | None
) -> Relaxation:
    if settings.solver == "lammps-neb":
        return NebRelaxation(engine, path, system_of(engine, programs), settings, programs)
    return StringRelaxation(engine, path, settings.time_step, settings.steps)


def _check_end(engine: Engine, end: np.ndarray, b: np.ndarray, noise: float) -> None:
    """Raise an InputError unless b has the same energy after its particles were exchanged."""
    change = engine.energy(end) - engine.energy(b)
    if not abs(change) <= noise:
        raise InputError(
            f"exchanging particles of one type changes the energy by {change:.3g}, expected "
            "identical particles"
        )


def _verdict(
    engine: Engine,
    path: Path,
    settings: Paths,
    units: Mapping[str, UnitSystem],
    box: float,
    result: PathResult,
) -> None:
    """Take the verdict on a converged path; a dip that is no minimum of its own does not count."""
    wells, _ = profile.extrema(path.energies, settings.noise)
    _describe(path, result, len(wells))
    _forget_levels(result)
    result.candidates = third_minima(engine, path, wells, box)
    if result.candidates:
        result.status = "multiple_wells"
    elif len(wells) < 2:
        result.status = "single_well"
    else:
        result.wells = 2
        _double_well(engine, path, settings, units, result)


def _refine(
    relaxation: Relaxation,
    settings: Paths,
    units: Mapping[str, UnitSystem],
    box: float,
    result: PathResult,
) -> None:
    """Relax a double well further until its quantum splitting no longer changes."""
    tolerance = settings.force_tolerance
    for _ in range(settings.refinements):
        tolerance /= 3.0
        before = dict(result.quantum_splitting)
        reached = relaxation.run(tolerance, settings.max_iterations)
        _verdict(relaxation.engine, relaxation.path, settings, units, box, result)
        if result.status != "double_well":
            return
        result.splitting_change = max(
            abs(after - before[unit]) / max(after, SMALLEST_SPLITTING)
            for unit, after in result.quantum_splitting.items()
        )
        if not reached or result.splitting_change <= settings.splitting_tolerance:
            return


def _forget_levels(result: PathResult) -> None:
    """Take back what only a double well has."""
    result.barrier = result.splitting_change = np.nan
    for quantity in (result.quantum_splitting, result.energy_1, result.energy_2, result.delta_0):
        quantity.update(dict.fromkeys(quantity, np.nan))


def third_minima(engine: Engine, path: Path, wells: list[int], box: float) -> list[Candidate]:
    """Minima other than the ends of the path to which its inner wells quench.

    Particles are compared by their numbers: a path by way of an end with identical particles
    exchanged has several wells.
    """
    found: list[Candidate] = []
    last = len(path.images) - 1
    for image in wells:
        if image in (0, last):
            continue
        quench: Quench = engine.quench(path.images[image], QUENCH_TOLERANCE)
        known = [path.images[0], path.images[-1], *(c.positions for c in found)]
        distances = [np.linalg.norm(displacements(k, quench.positions, box)) for k in known]
        if quench.converged and min(distances) > SAME_MINIMUM:
            found.append(Candidate(image, quench.positions, quench.energy, quench.max_force))
    return found


def _describe(path: Path, result: PathResult, wells: int) -> None:
    lengths = path.lengths()
    result.path_length = float(lengths[-1])
    result.delta_e = float(path.energies[-1] - path.energies[0])
    result.wells = wells
    result.iterations = path.iterations
    result.final_force = path.force
    result.xi = lengths / lengths[-1]
    result.energy = path.energies - path.energies[0]


def _double_well(
    engine: Engine,
    path: Path,
    settings: Paths,
    units: Mapping[str, UnitSystem],
    result: PathResult,
) -> None:
    """Continue the profile beyond the minima and solve the Schroedinger equation."""
    length = result.path_length
    inner_xi, inner_energy = result.xi, result.energy
    top = profile.spline_maximum(inner_xi, inner_energy)
    origin = path.energies[0]
    ceiling = origin + top + settings.extrapolation_energy
    left, left_energy = profile.extrapolate(engine, path.images[0], path.images[1], ceiling)
    right, right_energy = profile.extrapolate(engine, path.images[-1], path.images[-2], ceiling)
    result.xi = np.concatenate([-left[::-1] / length, inner_xi, 1.0 + right / length])
    result.energy = np.concatenate(
        [left_energy[::-1] - origin, inner_energy, right_energy - origin]
    )
    if min(left_energy[-1], right_energy[-1]) < ceiling:
        result.status = "failed"
        result.message = "the energy does not rise beyond a minimum: no confining wall was found"
        return
    result.status = "double_well"
    result.barrier = top - min(0.0, result.delta_e)
    position, length = _inertial_positions(path, left, right, engine.masses)
    for name, unit in units.items():
        c = unit.kinetic_constant
        first, second = levels(position, result.energy, c, settings.grid)
        result.energy_1[name] = float(first)
        result.energy_2[name] = float(second)
        result.quantum_splitting[name] = float(second - first)
        result.delta_0[name] = tunnel_splitting(position, result.energy, c, 0.0, length)


def _inertial_positions(
    path: Path, left: np.ndarray, right: np.ndarray, masses: np.ndarray
) -> tuple[np.ndarray, float]:
    """Positions along a path whose kinetic energy is that of one particle of unit mass.

    A step dr of all particles counts as the root of sum_i m_i |dr_i|^2, which is the arc length
    where all masses are 1.

    Args:
        path: the path.
        left: (l,) distances at which the path was continued beyond its first image.
        right: (r,) the same beyond its last.
        masses: (N,) masses in the unit of mass.

    Returns:
        Positions (l + P + r,) from the outermost on the left, 0 at the first image, and the
        position of the last image.
    """
    weighted = path.images * np.sqrt(masses)[:, None]
    inner = Path(weighted).lengths()
    plain = path.lengths()
    before = left * inner[1] / plain[1]  # straight on in the direction of the end's first step
    after = right * (inner[-1] - inner[-2]) / (plain[-1] - plain[-2])
    return np.concatenate([-before[::-1], inner, inner[-1] + after]), float(inner[-1])
