"""The LAMMPS engine: energies, forces, quenches and dynamics of any potential that LAMMPS knows.

Every call puts the particles into the box, at rest or with the given velocities, and builds the
neighbour lists anew, so that a result depends on what was handed in alone. After a failure LAMMPS
is thrown away, and made anew by the next call.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tlsfind.configuration import minimum_image, wrap
from tlsfind.engine.base import Quench, State, Stop, checked_positions
from tlsfind.engine.lammps.instance import KINETIC, Instance, LammpsFailure
from tlsfind.engine.lammps.library import LOG_VARIABLE
from tlsfind.engine.lammps.path import path_energy_forces
from tlsfind.engine.lammps.quench import Minimiser, minimise
from tlsfind.engine.lammps.system import System
from tlsfind.errors import InputError, TlsfindError

if TYPE_CHECKING:
    from tlsfind.config import Engine as Settings

LARGEST_ENERGY = 1e140  # beyond, two particles are at one place but for rounding

#: LAMMPS's words for particles that flew apart.
DIVERGED = (
    *("Lost atoms", "Out of range atoms", "Non-numeric", "atoms missing", "too far"),
    "Computed current temperature",  # the thermostat met infinite velocities
)
THERMOSTAT = "tlsfind_thermostat"
INTEGRATOR = "tlsfind_integrator"


class LammpsEngine:
    """An engine (``engine.base.Engine``) on the LAMMPS library; a context manager.

    Args:
        system: the particles and their potential.
        settings: section ``engine`` of the config; None for its defaults.
        log: file for LAMMPS's log; None: the file named by ``TLSFIND_LAMMPS_LOG``, else none.

    Raises:
        ConfigError: LAMMPS refuses a command of the model.
        TlsfindError: LAMMPS is missing or cannot be set up.
    """

    def __init__(self, system: System, settings: Settings | None = None, log: Path | None = None):
        named = os.environ.get(LOG_VARIABLE)
        self.system = system
        self.n_particles = system.n_particles
        self.box = float(system.box)
        self.masses = system.masses
        self._python = None if settings is None else settings.python
        self.minimiser = Minimiser.of("fire" if settings is None else settings.minimiser, system)
        self._log = log if log is not None else (Path(named) if named else None)
        self._closed = False
        self._instance: Instance | None = Instance(system, self._python, self._log)

    def _ready(self) -> Instance:
        """The LAMMPS instance, made anew after a failure."""
        if self._closed:
            raise TlsfindError("this LAMMPS instance was closed")
        if self._instance is None:
            self._instance = Instance(self.system, self._python, self._log)
        return self._instance

    def _check_energy(self, energy: float, positions: np.ndarray) -> None:
        if not energy < LARGEST_ENERGY:
            from tlsfind.engine.native.engine import closest_pair

            self.release()
            i, j, distance = closest_pair(positions, self.box)
            raise InputError(
                f"energy {energy:g}: the nearest particles, {i + 1} and {j + 1}, are at the "
                f"distance {distance:.3g}, expected particles apart"
            )

    def energy(self, positions: np.ndarray) -> float:
        """Total potential energy of ``positions`` (N, 3)."""
        return self.energy_forces(positions)[0]

    def energy_forces(self, positions: np.ndarray) -> tuple[float, np.ndarray]:
        """Total potential energy and forces (N, 3) of ``positions`` (N, 3).

        Raises:
            InputError: the positions have the wrong shape, are not finite, or overlap.
            LammpsFailure: LAMMPS failed.
        """
        folded = wrap(checked_positions(self.n_particles, positions), self.box)
        instance = self._ready()
        try:
            instance.put(folded)
            instance.command("run 0 post no")
        except LammpsFailure:
            self.release()
            raise
        energy = instance.potential_energy()
        self._check_energy(energy, folded)
        return energy, instance.get("f")

    def path_energy_forces(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Energies (P,) and forces (P, N, 3) of ``images`` (P, N, 3), unwrapped along the path.

        Raises:
            InputError: an image has the wrong shape, is not finite, or particles overlap.
            LammpsFailure: LAMMPS failed.
        """
        images = np.asarray(images, dtype=np.float64)
        if images.ndim != 3 or images.shape[1:] != (self.n_particles, 3) or not len(images):
            raise InputError(
                f"the images of a path have shape {images.shape}, expected "
                f"(P, {self.n_particles}, 3)"
            )
        if not np.isfinite(images).all():
            raise InputError("the images of a path have NaN or infinite positions")
        try:
            energies, forces = path_energy_forces(self._ready(), images)
        except LammpsFailure:
            self.release()
            raise
        for energy, image in zip(energies, images, strict=True):
            self._check_energy(energy, image)
        return energies, forces

    def quench(
        self,
        positions: np.ndarray,
        force_tolerance: float = 1e-6,
        max_evaluations: int = 20000,
        stop: Stop | None = None,
    ) -> Quench:
        """The inherent structure of ``positions`` (N, 3), unwrapped along the descent.

        LAMMPS descends in one go: ``stop`` is never asked.

        Raises:
            InputError: positions are not finite, or two particles are at the same place.
            LammpsFailure: LAMMPS failed.
        """
        original = checked_positions(self.n_particles, positions)
        before = self.energy_forces(original)
        largest, evaluations = float(np.abs(before[1]).max()), 1
        if largest <= force_tolerance or max_evaluations <= 1:
            return Quench(original.copy(), before[0], largest, 1, largest <= force_tolerance)
        folded = wrap(original, self.box)
        try:
            found, spent = minimise(
                self._ready(), folded, self.minimiser, force_tolerance, max_evaluations - 1
            )
        except LammpsFailure:
            self.release()
            raise
        moved = original + minimum_image(found - folded, self.box)
        energy, forces = self.energy_forces(moved)
        largest = float(np.abs(forces).max())
        return Quench(moved, energy, largest, evaluations + spent, largest <= force_tolerance)

    def run(
        self,
        state: State,
        steps: int,
        time_step: float,
        temperature: float = 0.0,
        thermostat_time: float = 0.0,
    ) -> np.ndarray:
        """Advance ``state`` in place: NVE, or Berendsen where ``thermostat_time`` > 0.

        Velocity Verlet; the temperature counts N - 1 particles. ``state`` is left as it was if
        the dynamics diverge. All arguments are in reduced units.

        Returns:
            (steps, 2): potential and kinetic energy after each step.

        Raises:
            InputError: the dynamics diverged.
            LammpsFailure: LAMMPS failed.
        """
        positions = checked_positions(self.n_particles, state.positions)
        velocities = np.asarray(state.velocities, dtype=np.float64)
        if velocities.shape != positions.shape or not np.isfinite(velocities).all():
            raise InputError("the velocities do not fit the positions or are not finite")
        if steps <= 0:
            return np.empty((0, 2))
        unit = self.system.time_unit
        folded = wrap(positions, self.box)
        instance = self._ready()
        try:
            instance.put(folded, velocities / unit)
            instance.command(f"timestep {float(time_step) * unit!r}", f"fix {INTEGRATOR} all nve")
            if thermostat_time > 0:
                target = float(temperature) * self.system.temperature_unit
                relaxation = max(float(thermostat_time), float(time_step)) * unit
                instance.command(
                    f"fix {THERMOSTAT} all temp/berendsen {target!r} {target!r} {relaxation!r}"
                )
            instance.start_record("thermo_pe", KINETIC)
            instance.command(f"run {int(steps)} post no")
            energies = instance.stop_record(steps + 1, 2)[1:]
            end, velocities = instance.unwrapped(), instance.get("v") * unit
            instance.command(f"unfix {INTEGRATOR}")
            if thermostat_time > 0:
                instance.command(f"unfix {THERMOSTAT}")
        except LammpsFailure as failure:
            self.release()
            if any(words in failure.line for words in DIVERGED):
                raise _diverged(f"LAMMPS: {failure.line}") from None
            raise
        if not (np.isfinite(energies).all() and np.isfinite(end).all()):
            self.release()
            raise _diverged("energies or positions are not finite")
        state.positions[:] = positions + (end - folded)
        state.velocities[:] = velocities
        return energies

    def release(self) -> None:
        """Throw LAMMPS away; the next call makes it anew."""
        instance, self._instance = self._instance, None
        if instance is not None:
            instance.close()

    def close(self) -> None:
        """End LAMMPS for good; a second call does nothing."""
        self.release()
        self._closed = True

    def __enter__(self) -> LammpsEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_instance", None) is not None:
            self.close()


def _diverged(why: str) -> InputError:
    return InputError(
        f"the dynamics diverged ({why}): check for overlapping particles and the time step"
    )


_shared: list[tuple[LammpsEngine, Settings | None]] = []


def shared_engine(system: System, settings: Settings | None = None) -> LammpsEngine:
    """The engine of this process: the last one where ``system`` is the same, else a new one.

    The LAMMPS of the last engine is then ended (that engine would start another if it were used
    again), so that a process keeps no more than one.
    """
    if _shared:
        engine, known = _shared[0]
        if known == settings and not engine._closed and engine.system.same_as(system):
            return engine
        engine.release()
        _shared.clear()
    engine = LammpsEngine(system, settings)
    _shared.append((engine, settings))
    return engine
