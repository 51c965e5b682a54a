"""The nudged elastic band of LAMMPS, as the paper used it: the reference for the string solver.

1. A data file and an input are written, and the coordinates of each image, one replica each.
2. ``neb`` runs with springs between neighbouring images (``fix neb``, kappa = 1) and FIRE. The
   ends are held. No image climbs: the saddle is found by the same spline as for the string.
3. The final coordinates are read back, in full precision, nearest to where each image was.
4. Energies and perpendicular forces are evaluated with the engine, so that they mean the same as
   those of the string solver; LAMMPS's own energies must agree with them.

All masses are 1, which changes the way to the path but not the path, so that the time step means
the same as for the string.
"""

from __future__ import annotations

import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

import numpy as np

from tlsfind.configuration import minimum_image, wrap
from tlsfind.engine.base import Engine
from tlsfind.errors import TlsfindError
from tlsfind.paths.lammps_replicas import find_programs, run_replicas
from tlsfind.paths.mep import Path
from tlsfind.paths.string_kernel import perpendicular_forces

if TYPE_CHECKING:
    from tlsfind.config import Engine as Programs
    from tlsfind.config import Paths
    from tlsfind.engine.lammps.system import System

#: FIRE starts at the longest time step divided by this (``tmax``), as the string solver does.
TIME_STEP_GROWTH = 3.0
DATA, SCRIPT, START, FINAL = "particles.data", "in.neb", "start", "final"
#: Largest relative difference between LAMMPS's energies, printed with 8 digits, and the engine's.
SAME_ENERGY = 1e-6


@dataclass(frozen=True)
class Record:
    """The last state that ``neb`` printed.

    Attributes:
        steps: iterations done.
        force: MaxReplicaForce, the largest norm of the force of an image, springs included.
        energies: (P,) potential energies.
    """

    steps: int
    force: float
    energies: np.ndarray


class NebRelaxation:
    """Relaxes one path with LAMMPS, in as many instalments as wanted.

    Args:
        engine: the engine, for energies and forces of the path that was found.
        path: the path, changed in place. Its ends stay where they are.
        system: the particles and their potential.
        settings: section ``paths`` of the config: spring constant and time step.
        programs: section ``engine`` of the config, where it names ``lmp`` and ``mpirun``.

    Raises:
        TlsfindError: a program is missing.
    """

    def __init__(
        self,
        engine: Engine,
        path: Path,
        system: System,
        settings: Paths,
        programs: Programs | None = None,
    ):
        self.engine = engine
        self.path = path
        self.lammps_force = np.inf
        self._system = system
        self._settings = settings
        self._programs = find_programs(programs)
        self._evaluate()

    def _evaluate(self) -> None:
        images = np.ascontiguousarray(self.path.images)
        energies, forces = self.engine.path_energy_forces(images)
        flat = images.reshape(len(images), -1)
        perpendicular, norms = np.zeros_like(flat), np.zeros(len(images))
        perpendicular_forces(flat, energies, forces.reshape(flat.shape), perpendicular, norms)
        self.path.energies = energies
        self.path.force = float(norms.max())

    def run(self, tolerance: float, max_iterations: int) -> bool:
        """Relax until the force on each image, springs included, is at most ``tolerance``.

        A path whose perpendicular force is small enough already is relaxed all the same as long
        as its springs are not: they act along the path, but even out the images.

        Args:
            tolerance: largest norm of the force of an image.
            max_iterations: limit on the iterations of this path in total.

        Returns:
            Whether the perpendicular force is at most ``tolerance``.

        Raises:
            FloatingPointError: the path diverged.
            TlsfindError: LAMMPS failed.
        """
        left = max_iterations - self.path.iterations
        if self.lammps_force > tolerance and left > 0:
            self._relax(tolerance, left)
        if not np.isfinite(self.path.force):
            raise FloatingPointError("the path diverged: its forces are not finite")
        return self.path.force <= tolerance

    def _relax(self, tolerance: float, steps: int) -> None:
        path = self.path
        with tempfile.TemporaryDirectory(prefix="tlsfind-neb-") as name:
            folder = FilePath(name)
            write_run(folder, path.images, self._system, self._settings, tolerance, steps)
            log = run_replicas(self._programs, folder / SCRIPT, len(path.images))
            record = read_record(log)
            images = read_images(folder, path.images, self._system.box)
        path.images = images
        path.iterations += record.steps
        self.lammps_force = record.force
        self._evaluate()
        difference = np.abs(record.energies - path.energies)
        if (difference > SAME_ENERGY * np.maximum(np.abs(path.energies), 1.0)).any():
            worst = int(np.argmax(difference))
            raise TlsfindError(
                f"image {worst + 1} of the path has the energy {record.energies[worst]:.8g} in "
                f"LAMMPS and {path.energies[worst]:.8g} in the engine, expected one model in both"
            )

    @property
    def remark(self) -> str:
        """What LAMMPS says of the force, for messages."""
        return f"LAMMPS neb: largest force of a replica {self.lammps_force:.2g}, springs included"


def system_of(engine: Engine, programs: Programs | None = None) -> System:
    """What LAMMPS must be told about the particles of ``engine``.

    Args:
        engine: the LAMMPS engine, or the native one with its built-in model.
        programs: section ``engine`` of the config, for the number of size classes.

    Raises:
        TypeError: the engine is neither of the two.
    """
    from tlsfind.engine.lammps.system import System

    system = getattr(engine, "system", None)
    if isinstance(system, System):
        return system
    diameters = getattr(engine, "diameters", None)
    if diameters is None:
        raise TypeError(f"lammps-neb knows no potential for a {type(engine).__name__}")
    if programs is None:
        return System.polydisperse(diameters, engine.box)
    return System.polydisperse(diameters, engine.box, programs.size_classes)


def write_run(
    folder: FilePath,
    images: np.ndarray,
    system: System,
    settings: Paths,
    tolerance: float,
    steps: int,
) -> None:
    """Write all that ``neb`` reads into ``folder``: data file, coordinates, input.

    Args:
        folder: an empty folder.
        images: (P, N, 3), where the images start.
        system: the particles.
        settings: section ``paths`` of the config.
        tolerance: norm of the force of a replica at which to stop.
        steps: most iterations.
    """
    (folder / DATA).write_text(system.data_text(images[0]))
    for k, image in enumerate(images, start=1):
        rows = enumerate(wrap(image, system.box).tolist(), start=1)
        lines = [f"{i} {x!r} {y!r} {z!r}" for i, (x, y, z) in rows]
        (folder / f"{START}.{k}").write_text("\n".join([str(len(lines)), *lines]) + "\n")
    commands = neb_commands(folder, len(images), system, settings, tolerance, steps)
    (folder / SCRIPT).write_text("\n".join(commands) + "\n")


def neb_commands(
    folder: FilePath, replicas: int, system: System, settings: Paths, tolerance: float, steps: int
) -> list[str]:
    """The commands of the input; arguments as for :func:`write_run`."""
    time_step = settings.time_step * system.time_unit / TIME_STEP_GROWTH
    sphere = system.atom_style.split()[0] == "sphere"
    return [
        "variable replica world " + " ".join(str(k + 1) for k in range(replicas)),
        *system.commands(folder / DATA),
        "set atom * mass 1.0" if sphere else "mass * 1.0",
        "thermo_modify norm no",
        f"timestep {time_step!r}",
        f"fix springs all neb {settings.neb_spring!r} parallel neigh",
        *(f"partition yes {end} fix end all setforce 0.0 0.0 0.0" for end in (1, replicas)),
        "min_style fire",
        f"min_modify tmax {TIME_STEP_GROWTH!r}",
        f"shell cd {shlex.quote(str(folder))}",
        f"neb 0.0 {tolerance!r} {steps} 0 {steps} each {START}.${{replica}}",
        f"write_dump all custom {FINAL}.${{replica}} id x y z modify sort id format float %.17g",
    ]


def read_record(log: str) -> Record:
    """The end of the relaxation, from the log of all replicas.

    Raises:
        TlsfindError: the log does not hold it.
    """
    first = last = None
    for line in log.splitlines():
        words = line.split()
        if words[:1] == ["Climbing"]:
            break
        if words and words[0].isdecimal() and len(words) > 9:
            first, last = first or words, words
    if first is None or last is None:
        raise TlsfindError("LAMMPS neb ended, but its log holds no line 'Step MaxReplicaForce ...'")
    return Record(int(last[0]) - int(first[0]), float(last[1]), np.array(last[10::2], dtype=float))


def read_images(folder: FilePath, images: np.ndarray, box: float) -> np.ndarray:
    """The final images (P, N, 3), each particle nearest to where it was in ``images``.

    The ends are those of ``images``.

    Raises:
        TlsfindError: a file is missing or does not hold N particles.
    """
    found = np.array(images, dtype=np.float64)
    for k in range(1, len(images) - 1):
        file = folder / f"{FINAL}.{k + 1}"
        try:
            rows = np.loadtxt(file, skiprows=9, ndmin=2)
        except (OSError, ValueError) as error:
            raise TlsfindError(f"LAMMPS neb ended, but {file.name} is no dump: {error}") from None
        ids = np.arange(1, images.shape[1] + 1)
        if rows.shape != (len(ids), 4) or not np.array_equal(rows[:, 0], ids):
            raise TlsfindError(
                f"LAMMPS neb ended, but {file.name} holds {len(rows)} rows, expected {len(ids)} "
                "particles with their ids"
            )
        found[k] += minimum_image(rows[:, 1:] - images[k], box)
    return found
