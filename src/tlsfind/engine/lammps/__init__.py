"""LAMMPS as an engine for any potential, and as the judge of the native engine."""

from __future__ import annotations

from tlsfind.engine.lammps.library import find_mpi, lammps_module, last_error

__all__ = ["find_mpi", "lammps_module", "last_error"]
