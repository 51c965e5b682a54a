"""Commands for one configuration or one pair: ``energy``, ``pair`` and ``path``.

With ``--json`` the standard output is one strictly valid JSON document with the names of the
tables; numbers that are not finite become null. Remarks go to the standard error stream.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tlsfind.cli.show import draw_profile, picture_format, print_json, print_table, remark, text
from tlsfind.errors import ConfigError, InputError

if TYPE_CHECKING:
    import numpy as np

    from tlsfind.config import Config, Paths
    from tlsfind.configuration import Configuration
    from tlsfind.engine import Engine
    from tlsfind.paths.solver import PathResult
    from tlsfind.units import UnitSystem

#: Largest force component above which an endpoint is not taken for a minimum.
MINIMUM_FORCE = 1e-3

#: How far diameters and boxes of one pair may differ: many programs write eight decimals.
SAME_PARTICLES = 1e-7

_PANEL = "Single cases"


class DiameterSource(StrEnum):
    """Columns that may stand for the diameter."""

    CHARGE = "charge"


class EngineName(StrEnum):
    """What evaluates energies and forces."""

    NATIVE = "native"
    LAMMPS = "lammps"


_FILE_HELP = (
    "Extended XYZ, LAMMPS data, glass.npz, or one minimum of a minima file as minima.npz#12."
)
Files = Annotated[list[str], typer.Argument(metavar="FILE...", help=_FILE_HELP)]
First = Annotated[str, typer.Argument(metavar="A", help=_FILE_HELP)]
Second = Annotated[str, typer.Argument(metavar="B", help="The same particles in another minimum.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
DiameterFrom = Annotated[
    DiameterSource | None,
    typer.Option(
        "--diameter-from",
        help="Column of LAMMPS data with atom_style charge that holds the diameter.",
    ),
]
EngineOption = Annotated[
    EngineName | None,
    typer.Option(
        "--engine",
        help="What evaluates energies and forces; native by default, lammps for other models.",
    ),
]
RunConfig = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="Take model, engine, path settings and units of this run.",
    ),
]
Quench = Annotated[bool, typer.Option("--quench", help="Quench A and B to their minima first.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module to ``app``."""
    for command in (energy, pair, path):
        app.command(rich_help_panel=_PANEL)(command)


@dataclass(frozen=True)
class Endpoint:
    """One end of a pair.

    Attributes:
        spec: how the user named it.
        positions: (N, 3).
        energy: total energy.
        max_force: largest force component.
    """

    spec: str
    positions: np.ndarray
    energy: float
    max_force: float


@dataclass(frozen=True)
class Endpoints:
    """Two configurations of the same particles, ``a`` the one of lower energy."""

    engine: Engine
    box: float
    a: Endpoint
    b: Endpoint
    exchanged: bool
    types: np.ndarray | None = None


def energy(
    files: Files,
    config: RunConfig = None,
    engine_name: EngineOption = None,
    diameter_from: DiameterFrom = None,
    as_json: Json = False,
) -> None:
    """Energy per particle and largest force component of configurations."""
    run = _run(config)
    rows = []
    for spec in files:
        configuration = _read(spec, diameter_from, run)
        engine = _engine(configuration, run, engine_name)
        with _file_named(configuration):
            point = _evaluate(engine, spec, configuration.positions)
        rows.append((spec, point.energy / len(configuration), point.max_force))
    names = ["file", "energy_per_particle", "max_force"]
    if as_json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        print_table(names, [[spec, text(value), text(force, 3)] for spec, value, force in rows])


def pair(
    first: First,
    second: Second,
    particles: Annotated[
        int, typer.Option("--particles", "-M", min=1, max=20, help="Most displaced particles, M.")
    ] = 3,
    quench: Quench = False,
    config: RunConfig = None,
    engine_name: EngineOption = None,
    diameter_from: DiameterFrom = None,
    as_json: Json = False,
) -> None:
    """Features of a pair of minima, as in the table of pairs."""
    from tlsfind.pairs.features import pair_features

    ends = _endpoints(first, second, diameter_from, quench, _run(config), engine_name)
    if particles > len(ends.a.positions):
        raise InputError(
            f"--particles {particles}: {first} has {len(ends.a.positions)} particles, expected at "
            "most as many"
        )
    features = pair_features(
        ends.a.positions,
        ends.b.positions,
        ends.a.energy,
        ends.b.energy,
        ends.box,
        particles,
        ends.types,
    )
    if as_json:
        print_json({"minimum_a": ends.a.spec, "minimum_b": ends.b.spec, **features})
        return
    _print_endpoints(ends, quench)
    print_table(["feature", "value"], [[name, text(value)] for name, value in features.items()])


def path(
    first: First,
    second: Second,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot",
            metavar="FILE",
            help="Draw the profile with the two lowest levels; the suffix tells the format.",
        ),
    ] = None,
    config: RunConfig = None,
    engine_name: EngineOption = None,
    images: Annotated[
        int | None, typer.Option("--images", help="Images of the path, ends included.")
    ] = None,
    force_tolerance: Annotated[
        float | None,
        typer.Option("--force-tolerance", help="Perpendicular force of a converged double well."),
    ] = None,
    quench: Quench = False,
    diameter_from: DiameterFrom = None,
    as_json: Json = False,
) -> None:
    """Minimum-energy path between two minima: status, barrier, quantum splitting, profile."""
    run = _run(config)
    settings, units = _settings(run, images=images, force_tolerance=force_tolerance)
    format_of_plot = None if plot is None else picture_format(plot)
    ends = _endpoints(first, second, diameter_from, quench, run, engine_name)
    from tlsfind.paths.solver import solve_path

    result = solve_path(
        ends.engine,
        ends.a.positions,
        ends.b.positions,
        ends.box,
        settings,
        units,
        ends.types,
        None if run is None else run.engine,
    )
    if plot is not None and format_of_plot is not None:  # first: what fails prints nothing
        draw_profile(plot, format_of_plot, result, next(iter(units)))
        typer.echo(f"profile drawn in {plot}", err=True)
    if as_json:
        print_json(path_summary(ends, result, list(units)))
    else:
        _print_endpoints(ends, quench)
        _print_path(result, units)


def path_summary(ends: Endpoints, result: PathResult, units: list[str]) -> dict[str, Any]:
    """The JSON object of ``tlsfind path``; splittings are null unless it is a double well."""
    double_well = result.status == "double_well"

    def by_unit(values: Mapping[str, float]) -> dict[str, float | None]:
        return {unit: values.get(unit) if double_well else None for unit in units}

    delta_0 = by_unit(result.delta_0)
    return {
        "minimum_a": ends.a.spec,
        "minimum_b": ends.b.spec,
        "status": result.status,
        "message": result.message,
        "delta_e": result.delta_e,
        "barrier": result.barrier,
        "path_length": result.path_length,
        "quantum_splitting": by_unit(result.quantum_splitting),
        "delta_0": delta_0[units[0]],
        "delta_0_by_unit": delta_0,
        "energy_1": by_unit(result.energy_1),
        "energy_2": by_unit(result.energy_2),
        "wells": result.wells,
        "iterations": result.iterations,
        "final_force": result.final_force,
        "splitting_change": result.splitting_change,
        "xi": result.xi,
        "energy": result.energy,
    }


def _run(path: Path | None) -> Config | None:
    """The config of the run that is named, if one is."""
    if path is None:
        return None
    from tlsfind.config import load

    return load(path)


def _settings(run: Config | None, **overrides: Any) -> tuple[Paths, dict[str, UnitSystem]]:
    """Path settings and unit systems, of a run or the defaults, with the command's overrides.

    Raises:
        ConfigError: the config does not validate, or an override is out of range.
    """
    from pydantic import ValidationError

    from tlsfind.config import Paths
    from tlsfind.units import BUILT_IN

    settings, units = Paths(), dict(BUILT_IN)
    if run is not None:
        settings, units = run.paths, run.unit_systems
    given = {key: value for key, value in overrides.items() if value is not None}
    try:
        settings = Paths.model_validate({**settings.model_dump(), **given})
    except ValidationError as error:
        problem = error.errors()[0]
        option = "--" + "-".join(str(part) for part in problem["loc"]).replace("_", "-")
        raise ConfigError(f"{option} {problem['input']}: {problem['msg']}") from None
    return settings, units


def _read(spec: str, diameter_from: DiameterSource | None, run: Config | None) -> Configuration:
    from tlsfind.interop import read_configuration

    source: Literal["charge"] | None = None if diameter_from is None else "charge"
    return read_configuration(spec, source, None if run is None else run.model.lammps)


def _engine(configuration: Configuration, run: Config | None, name: EngineName | None) -> Engine:
    """The engine of the run, or the one that is named, with the file's name in its complaints."""
    from tlsfind.engine import make_engine

    chosen: Literal["native", "lammps"] | None = None
    if name is not None:
        chosen = "native" if name is EngineName.NATIVE else "lammps"
    try:
        return make_engine(configuration, run, chosen)
    except InputError as error:
        raise InputError(f"{configuration.source}: {error}") from None


@contextmanager
def _file_named(configuration: Configuration) -> Iterator[None]:
    """Put the file in front of what an engine says about its particles.

    Raises:
        InputError: the engine's, with the file.
    """
    try:
        yield
    except InputError as error:
        if str(error).startswith(configuration.source):
            raise
        raise InputError(f"{configuration.source}: {error}") from None


def _evaluate(engine: Engine, spec: str, positions: np.ndarray) -> Endpoint:
    total, forces = engine.energy_forces(positions)
    return Endpoint(spec, positions, float(total), float(abs(forces).max()))


def _endpoints(
    first: str,
    second: str,
    diameter_from: DiameterSource | None,
    quench: bool,
    run: Config | None,
    engine_name: EngineName | None,
) -> Endpoints:
    """Read a pair, quench it if asked to, and put the lower energy first.

    Raises:
        InputError: a file cannot be read, or the two hold different particles.
    """
    from tlsfind.configuration import check_same_particles

    configurations = [_read(spec, diameter_from, run) for spec in (first, second)]
    check_same_particles(configurations[0], configurations[1], tolerance=SAME_PARTICLES)
    engine = _engine(configurations[0], run, engine_name)
    ends = []
    for spec, configuration in zip((first, second), configurations, strict=True):
        with _file_named(configuration):
            if quench:
                minimum = engine.quench(configuration.positions)
                end = Endpoint(spec, minimum.positions, minimum.energy, minimum.max_force)
            else:
                end = _evaluate(engine, spec, configuration.positions)
        if not end.max_force <= MINIMUM_FORCE:
            cure = "the quench gave up" if quench else "--quench makes it one"
            remark(
                f"{spec} is not a minimum: its largest force component is {end.max_force:.3g}, "
                f"expected at most {MINIMUM_FORCE:g} ({cure})"
            )
        ends.append(end)
    a, b = ends
    exchanged = b.energy < a.energy
    if exchanged:
        a, b = b, a
    types = None if run is None else run.model.identical(configurations[0].types)
    return Endpoints(engine, configurations[0].box, a, b, exchanged, types)


def _print_endpoints(ends: Endpoints, quench: bool) -> None:
    count = len(ends.a.positions)
    rows = [
        [name, end.spec, text(end.energy / count), text(end.max_force, 3)]
        for name, end in (("minimum_a", ends.a), ("minimum_b", ends.b))
    ]
    print_table(["", "file", "energy_per_particle", "max_force"], rows)
    typer.echo(
        ("both quenched; " if quench else "")
        + "minimum_a is the one of lower energy"
        + (", here the second argument" if ends.exchanged else "")
    )


def _print_path(result: PathResult, units: Mapping[str, UnitSystem]) -> None:
    rows = [["status", result.status]]
    if result.message:
        rows.append(["message", result.message])
    for name in (
        "delta_e",
        "barrier",
        "path_length",
        "wells",
        "iterations",
        "final_force",
        "splitting_change",
    ):
        rows.append([name, text(getattr(result, name))])
    print_table(["quantity", "value"], rows)
    if result.status != "double_well":
        return
    levels = []
    for unit, system in units.items():
        splitting = result.quantum_splitting.get(unit, math.nan)
        numbers = (
            splitting,
            system.tls_threshold,
            *(values.get(unit) for values in (result.delta_0, result.energy_1, result.energy_2)),
        )
        verdict = "yes" if splitting < system.tls_threshold else "no"
        levels.append([unit, *(text(number, 5) for number in numbers), verdict])
    print_table(
        ["unit", "quantum_splitting", "threshold", "delta_0", "energy_1", "energy_2", "TLS"], levels
    )
