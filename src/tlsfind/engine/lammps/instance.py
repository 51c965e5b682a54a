"""One running LAMMPS: its arrays as NumPy views, its commands, its errors.

Nothing here knows about quenches or dynamics. Whatever goes wrong inside LAMMPS becomes a
:class:`LammpsFailure` with LAMMPS's own last error line; the instance must then be thrown away.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from tlsfind.config_model import FREE_ATOMS
from tlsfind.engine.lammps.library import last_error, new_instance, refused
from tlsfind.engine.lammps.system import System
from tlsfind.errors import ConfigError, TlsfindError

GLOBAL, VECTOR, ARRAY = 0, 1, 2  # LAMMPS's codes for what a fix holds
KINETIC = "tlsfind_kinetic"
RECORD = "tlsfind_record"


class LammpsFailure(TlsfindError):
    """LAMMPS stopped in the middle of a calculation; ``line`` is its last error line."""

    def __init__(self, line: str):
        super().__init__(f"LAMMPS failed: {line}")
        self.line = line

    def __reduce__(self) -> tuple[type, tuple[str]]:
        """How it passes from process to process."""
        return type(self), (self.line,)


class Instance:
    """A LAMMPS that holds the particles of ``system``.

    Args:
        system: the particles and their potential.
        python: see ``library.lammps_module``.
        log: file for LAMMPS's log, None for none.

    Raises:
        TlsfindError: LAMMPS is missing, or refuses the system.
    """

    def __init__(self, system: System, python: Path | None = None, log: Path | None = None):
        self.system = system
        self._log = log
        self.library = new_instance(python, log)
        try:
            self._set_up()
        except Exception:
            self.close()
            raise

    def _set_up(self) -> None:
        system = self.system
        own = set(system.pair_commands)
        with tempfile.TemporaryDirectory(prefix="tlsfind-") as folder:
            data = Path(folder) / "particles.data"
            data.write_text(system.data_text(_apart(system)))
            for command in system.commands(data):
                try:
                    self.library.command(command)
                except Exception as error:
                    if command in own:
                        raise refused(self.library, command, error) from None
                    where = f"{system.data_file}: " if system.data_file else ""
                    raise TlsfindError(
                        f"{where}LAMMPS cannot be set up: {last_error(str(error))} "
                        f"(command: {command})"
                    ) from None
        self._try_potential()
        self.command("thermo_style custom step pe", "thermo_modify norm no", "thermo 0")
        self.command(f"compute {KINETIC} all ke")
        count = int(self.library.get_natoms())
        if count != system.n_particles:
            raise TlsfindError(f"LAMMPS holds {count} particles, expected {system.n_particles}")

    def _try_potential(self) -> None:
        """Let LAMMPS compute once: what it misses in a potential it says only then.

        Not where bonds would tear between the sites of a lattice.
        """
        if self.system.atom_style not in FREE_ATOMS:
            return
        try:
            self.library.command("run 0 post no")
        except Exception as error:
            raise ConfigError(
                f"model.lammps.commands: LAMMPS cannot compute with them: {last_error(str(error))}"
            ) from None

    def command(self, *commands: str) -> None:
        """Execute ``commands``.

        Raises:
            LammpsFailure: one of them failed.
        """
        try:
            for command in commands:
                self.library.command(command)
        except Exception as error:
            raise LammpsFailure(last_error(str(error))) from None
        finally:
            if self._log is not None:
                self.library.flush_buffers()

    def view(self, name: str) -> np.ndarray:
        """LAMMPS's own array ``name`` (``x``, ``v``, ``f``), (N, 3), in LAMMPS's order.

        Valid until LAMMPS runs again.
        """
        return self.library.numpy.extract_atom(name)[: self.system.n_particles]

    def rows(self) -> np.ndarray:
        """(N,) row of each of LAMMPS's particles in an array ordered by id."""
        return self.library.numpy.extract_atom("id")[: self.system.n_particles] - 1

    def put(self, positions: np.ndarray, velocities: np.ndarray | None = None) -> None:
        """Place the particles.

        Args:
            positions: (N, 3) in the box [0, L).
            velocities: (N, 3) in LAMMPS's unit; at rest without.
        """
        rows = self.rows()
        self.view("x")[:] = positions[rows]
        self.view("v")[:] = 0.0 if velocities is None else velocities[rows]
        self._images()[:] = self._image_code(0)

    def get(self, name: str) -> np.ndarray:
        """A copy of ``x``, ``v`` or ``f`` (N, 3), ordered by id."""
        values = np.empty((self.system.n_particles, 3))
        values[self.rows()] = self.view(name)
        return values

    def unwrapped(self) -> np.ndarray:
        """Positions (N, 3), ordered by id, with the boxes crossed since ``put``."""
        bits, middle = self._image_bits()
        code = self._images().astype(np.int64)
        mask = 2 * middle - 1
        flags = np.stack([(code >> (bits * axis)) & mask for axis in range(3)], axis=1) - middle
        positions = np.empty((self.system.n_particles, 3))
        positions[self.rows()] = self.view("x") + self.system.box * flags
        return positions

    def _images(self) -> np.ndarray:
        return self.library.numpy.extract_atom("image")[: self.system.n_particles]

    def _image_bits(self) -> tuple[int, int]:
        """Bits of an image flag and its value at zero (LAMMPS: small or big image flags)."""
        bits = 10 if int(self.library.extract_setting("imageint")) == 4 else 21
        return bits, 2 ** (bits - 1)

    def _image_code(self, flag: int) -> int:
        bits, middle = self._image_bits()
        return sum((middle + flag) << (bits * axis) for axis in range(3))

    def potential_energy(self) -> float:
        """Potential energy of the last step."""
        return float(self.library.get_thermo("pe"))

    def start_record(self, *computes: str) -> None:
        """Record ``computes`` from now on at every step; ``stop_record`` gives the values."""
        self.command(f"fix {RECORD} all vector 1 {' '.join(f'c_{name}' for name in computes)}")

    def stop_record(self, count: int, columns: int) -> np.ndarray:
        """The record (count, columns) of a run, setup included."""
        kind = VECTOR if columns == 1 else ARRAY
        extract = self.library.extract_fix
        values = [extract(RECORD, GLOBAL, kind, i, j) for i in range(count) for j in range(columns)]
        self.command(f"unfix {RECORD}")
        return np.array(values, dtype=np.float64).reshape(count, columns)

    def close(self) -> None:
        """End LAMMPS."""
        if self.library is not None:
            self.library.close()
            self.library = None


def _apart(system: System) -> np.ndarray:
    """Places (N, 3) for the particles before any are given: a simple cubic lattice."""
    edge = int(np.ceil(system.n_particles ** (1.0 / 3.0) - 1e-9))
    sites = np.stack(np.meshgrid(*[np.arange(edge)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    return (sites[: system.n_particles] + 0.5) * (system.box / edge)
