"""A user's own trajectories in the place of the stages ``prepare`` and ``explore``.

1. All files are read and checked, so that a wrong last frame is not found out after hours.
2. Every frame is a visit. Where its largest force component is at most ``explore.force_tolerance``
   it is a minimum as it is; any other frame is quenched.
3. Minima are reduced to distinct ones as they come, as in ``explore``.

What is written has the names and columns of those stages, so that the rest of the workflow is the
same. What nobody has measured (equilibration, temperature, conservation of energy) is null.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from pathlib import Path

import numpy as np

from tlsfind import tables
from tlsfind.config import Config, Model
from tlsfind.configuration import Configuration
from tlsfind.engine import Engine, make_engine
from tlsfind.engine.base import Quench
from tlsfind.errors import InputError
from tlsfind.explore.stage import Trajectory, write_block
from tlsfind.interop.frames import (
    DiameterFrom,
    Frame,
    check_same_ids,
    natural_order,
    read_frames,
)
from tlsfind.interop.native import save_glass
from tlsfind.landscape.identity import Catalogue
from tlsfind.progress import progress

logger = logging.getLogger("tlsfind")

VERDICT = "imported: equilibration not judged"
DENSITY_TOLERANCE = 1e-3  # relative; the volume of the tables is that of model.density
SHARE_TOLERANCE = 1e-3  # of the particles, and one more for rounding


@dataclass
class Checked:
    """Files of frames that fit each other and the model.

    Attributes:
        files: in the order of the trajectories.
        counts: frames of each.
        first: the first frame of all.
    """

    files: list[Path]
    counts: list[int]
    first: Frame


@dataclass
class _Import:
    """An import under way: its engine, and the minima and counts so far."""

    config: Config
    engine: Engine
    catalogue: Catalogue
    moved: int = 0
    first_energy: float | None = None


def import_trajectory(
    config: Config,
    glass: str,
    files: Iterable[Path],
    output: Path,
    diameter_from: DiameterFrom | None = None,
) -> None:
    """Turn frames of own trajectories into visits and minima of a glass.

    Args:
        config: the run.
        glass: name of the glass.
        files: LAMMPS dumps or extended XYZ; every file is one trajectory. They are numbered 0, 1,
            ... in natural order of their names.
        output: folder of results, which receives ``glasses/<glass>/`` and
            ``explore/<glass>/block-000/``.
        diameter_from: ``"charge"`` takes the diameters from the column ``q``.

    Raises:
        ConfigError: the config has no such glass.
        InputError: a file is unusable, or does not fit the other files or the model.
    """
    _, temperature = config.glass(glass)
    checked = check_files(config, files, diameter_from)
    particles = checked.first.configuration
    settings = config.landscape
    work = _Import(
        config,
        make_engine(particles, config),
        Catalogue(
            particles.box,
            settings.energy_window,
            settings.displacement_tolerance,
            config.model.identical(particles.types),
        ),
    )
    trajectories = []
    with progress(sum(checked.counts), f"import {glass}: frames") as advance:
        for number, (file, count) in enumerate(zip(checked.files, checked.counts, strict=True)):
            frames = islice(read_frames(file, _species(config), diameter_from), count)
            trajectories.append(_trajectory(work, number, frames, advance))
    total = sum(checked.counts)
    logger.info(
        "%s: %d trajectories, %d frames, %d of them minima as they are, %d distinct minima",
        glass, len(trajectories), total, total - work.moved, len(work.catalogue),
    )  # fmt: skip
    output = Path(output)
    block = output / "explore" / glass / "block-000"
    write_block(config, glass, particles, work.catalogue, trajectories, block)
    _write_glass(config, glass, temperature, particles, work.first_energy, output)


def check_files(
    config: Config, files: Iterable[Path], diameter_from: DiameterFrom | None = None
) -> Checked:
    """Read all frames of all files, and check that they are frames of the model.

    Raises:
        InputError: naming the file, what was found and what was expected.
    """
    ordered = natural_order(map(Path, files))
    if not ordered:
        raise InputError("no file of frames was given, expected at least one")
    repeated = [file for file, other in pairwise(ordered) if file == other]
    if repeated:
        raise InputError(f"{repeated[0]} was given twice, expected every trajectory once")
    first: Frame | None = None
    counts = []
    with progress(len(ordered), "import: check of the files") as advance:
        for file in ordered:
            count = 0
            for frame in read_frames(file, _species(config), diameter_from):
                count = frame.number
                if first is None:
                    _check_model(config, frame)
                    first = frame
                elif count == 1:
                    check_same_ids(first, frame)
            counts.append(count)
            advance()
    assert first is not None  # a file without a frame is an error of its reader
    if max(counts) == 1 and len(counts) > 1:
        logger.warning(
            "%d files of one frame each: every file is one trajectory, so that there are no "
            "transitions; if they are one trajectory, join them in one file (cat)",
            len(counts),
        )
    return Checked(ordered, counts, first)


def _species(config: Config) -> Mapping[str, float] | None:
    """Diameters of the model's species by name; None for the built-in model."""
    model = config.model.lammps
    return None if model is None else {n: s.diameter for n, s in model.species.items()}


def _check_model(config: Config, frame: Frame) -> None:
    """Raise an InputError unless a frame fits the section ``model``."""
    model, particles = config.model, frame.configuration
    where, n = particles.source, len(particles)
    if model.lammps is not None and model.lammps.data_file is not None:
        _check_units(model, frame)  # the engine compares the particles with the data file
        return
    if n != model.n_particles:
        raise InputError(
            f"{where} has {n} particles, expected {model.n_particles} as in model.n_particles"
        )
    density = n / particles.box**3
    if abs(density - model.density) > DENSITY_TOLERANCE * model.density:
        raise InputError(
            f"{where} has a box of edge {particles.box:.10g}, density {density:.6g}; expected "
            f"{model.density:g} as in model.density"
        )
    _check_units(model, frame)
    if model.lammps is None or particles.types is None:
        return
    for kind, (name, species) in enumerate(model.lammps.species.items(), start=1):
        count = int((particles.types == kind).sum())
        if species.share is None:
            continue
        if abs(count - species.share * n) > 1 + SHARE_TOLERANCE * n:
            raise InputError(
                f"{where} has {count} particles of type {kind} ({name}), expected "
                f"{species.share * n:g}, its share {species.share:g} of {n} in "
                "model.lammps.species"
            )


def _check_units(model: Model, frame: Frame) -> None:
    """Raise an InputError if a frame says that it is in other units than the model's."""
    units = "lj" if model.lammps is None else model.lammps.units
    if frame.units not in (None, units):
        raise InputError(
            f"{frame.configuration.source} is in units {frame.units}, expected {units} as in the "
            "model"
        )


def _trajectory(work: _Import, number: int, frames: Iterable[Frame], advance) -> Trajectory:
    """Visits of one file's frames, whose minima are added to the catalogue."""
    visits: list[dict] = []
    steps: list[int | None] = []
    quenches = unconverged = evaluations = 0
    for frame in frames:
        quench, moved = _minimum(work, frame.configuration)
        evaluations += quench.evaluations
        quenches += moved
        minimum = None
        if quench.converged:
            minimum = work.catalogue.find_or_add(quench.positions, quench.energy, quench.max_force)
        else:
            unconverged += 1
        if number == 0 and not visits and quench.converged:
            work.first_energy = quench.energy
        steps.append(frame.step)
        visits.append(
            {
                "trajectory": number,
                "step": frame.number if frame.step is None else frame.step,
                "minimum": minimum,
                "energy": quench.energy,
                "max_force": quench.max_force,
            }
        )
        advance()
    work.moved += quenches
    if unconverged:
        logger.warning("trajectory %d: %d quenches missed the force tolerance", number, unconverged)
    first, last = steps[0], steps[-1]
    summary = {
        "trajectory": number,
        "steps": None if first is None or last is None else last - first,
        "quenches": quenches,
        "unconverged": unconverged,
        "recognised": 0,
        "evaluations": evaluations,
    }
    return Trajectory(visits, summary)


def _minimum(work: _Import, frame: Configuration) -> tuple[Quench, bool]:
    """The minimum of a frame, and whether it had to be quenched to get there.

    Raises:
        InputError: energy or forces are not finite.
    """
    settings = work.config.explore
    try:
        energy, forces = work.engine.energy_forces(frame.positions)
        largest = float(np.abs(forces).max())
        if not (np.isfinite(energy) and np.isfinite(largest)):
            raise InputError(f"energy {energy} and largest force {largest}, expected finite ones")
        if largest <= settings.force_tolerance:
            return Quench(frame.positions, float(energy), largest, 1, True), False
        found = work.engine.quench(
            frame.positions, settings.force_tolerance, settings.max_evaluations
        )
    except InputError as error:
        raise InputError(f"{frame.source}: {error}") from None
    return replace(found, evaluations=found.evaluations + 1), True


def _write_glass(
    config: Config,
    glass: str,
    temperature: float,
    particles: Configuration,
    inherent: float | None,
    output: Path,
) -> None:
    """Write what ``prepare`` writes: glass.npz (the first frame, at rest) and its two tables."""

    def write(rows: list[dict], file: str, name: str) -> None:
        schema = tables.stamped(tables.schema(name), config.hash, config.run.seed)
        tables.write(rows, folder / file, schema)

    folder = output / "glasses" / glass
    row = {
        "glass": glass,
        "preparation_temperature": temperature,
        "n_particles": len(particles),
        "inherent_energy": None if inherent is None else inherent / len(particles),
        "verdict": VERDICT,
    }
    write([], "equilibration.parquet", "equilibration")
    write([row], "glass.parquet", "glasses")
    info = {
        "glass": glass,
        "temperature": config.explore.temperature,
        "preparation_temperature": temperature,
    }
    save_glass(folder / "glass.npz", particles, np.zeros_like(particles.positions), info)
