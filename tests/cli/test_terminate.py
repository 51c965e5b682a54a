"""SIGTERM, as batch systems send it at the time limit, ends a command cleanly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tlsfind import reference
from tlsfind.cli import main


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_command_and_its_cleaning_up_is_done(monkeypatch, capsys, kind):
    folders = []

    def working():
        with tempfile.TemporaryDirectory(prefix="tlsfind-test-") as folder:
            folders.append(Path(folder))
            os.kill(os.getpid(), kind)
            time.sleep(60)

    monkeypatch.setattr(reference, "config_schema", working)
    assert main(["schema"]) == 128 + kind
    assert capsys.readouterr().err == f"tlsfind: ended by {kind.name}\n"
    assert not folders[0].exists()
    assert signal.getsignal(kind) == signal.SIG_DFL


def test_an_ignored_signal_stays_ignored(monkeypatch, capsys):
    def working():
        os.kill(os.getpid(), signal.SIGHUP)
        return "done"

    monkeypatch.setattr(reference, "config_schema", working)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert main(["schema"]) == 0
    finally:
        signal.signal(signal.SIGHUP, before)
    assert capsys.readouterr().out == "done"


def test_no_children_are_left(tmp_path):
    """Those in a session of their own, as LAMMPS with many replicas, are ended, too."""
    script = (
        "import sys; from pathlib import Path; from tlsfind import cli, reference\n"
        "from tlsfind.paths.lammps_replicas import _call\n"
        "reference.config_schema = lambda: _call(\n"
        f"    ['sh', '-c', 'echo $$ > pid; exec sleep 60'], {{}}, Path('{tmp_path}/out'))\n"
        "sys.exit(cli.main(['schema']))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path)
    file = tmp_path / "pid"
    try:
        while not (file.exists() and file.read_text()):
            assert process.poll() is None
            time.sleep(0.01)
        process.terminate()
        assert process.wait(timeout=60) == 143
    finally:
        process.kill()
    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text()), 0)


#: A command that sorts in C, with a comparison in Python: no exception passes through ``qsort``.
SORTING = """
import ctypes, functools, os, sys, tempfile, time
from pathlib import Path
from tlsfind import cli, interrupts, reference
from tlsfind.parquet import atomic
interrupts.AGAIN, interrupts.PATIENCE = 0.2, {patience}
PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
end = time.monotonic() + {seconds}

@PROTOTYPE
def compare(a, b):
    Path("sorting").touch()
    if time.monotonic() < end:
        time.sleep(0.01)
    return 0

def command():
    with atomic(Path("result")) as temporary, tempfile.TemporaryDirectory(dir=".") as folder:
        temporary.write_text("half")
        numbers = (ctypes.c_int * 5000)()
        ctypes.CDLL(None).qsort(numbers, 5000, 4, compare)
        Path("sorted").touch()
        {after}
    return "done"

reference.config_schema = command
sys.exit(cli.main(["schema"]))
"""
WAIT = "time.sleep(60)"
#: What a library may make of the exception.
SWALLOW = "\n".join(
    [
        "try: time.sleep(60)",
        "        except BaseException: pass",
        "        try: time.sleep(60)",
        "        except BaseException: raise KeyboardInterrupt from None",
    ]
)


def terminated(folder, script, sign, extra=0):
    """Exit status and messages of a script that gets SIGTERM once the file ``sign`` is there."""
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=folder, stderr=subprocess.PIPE, text=True
    )
    try:
        while not (folder / sign).exists():
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.01)
        for _ in range(1 + extra):
            process.terminate()
            time.sleep(0.05)
        said = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    return process.returncode, [line for line in said.splitlines() if line.startswith("tlsfind")]


@pytest.mark.parametrize(("after", "extra"), [(WAIT, 0), (WAIT, 2), (SWALLOW, 0), ("pass", 0)])
def test_a_signal_that_c_code_dropped_comes_again(tmp_path, after, extra):
    """Once the C code is done the command ends, with its cleaning up, one status, one message."""
    script = SORTING.format(patience=30, seconds=1, after=after)
    assert terminated(tmp_path, script, "sorting", extra) == (143, ["tlsfind: ended by SIGTERM"])
    left = {path.name for path in tmp_path.iterdir()} - {"result"}
    assert left == {"sorting", "sorted"}
    assert after == "pass" or not (tmp_path / "result").exists()


def test_c_code_that_calls_back_without_end_is_left(tmp_path):
    script = SORTING.format(patience=1, seconds=60, after=WAIT)
    assert terminated(tmp_path, script, "sorting") == (143, ["tlsfind: ended by SIGTERM"])
    assert [path.name for path in tmp_path.iterdir()] == ["sorting"]


#: A command that quenches with LAMMPS, or solves the images of a path, again and again.
LAMMPS = """
import sys
from pathlib import Path
import numpy as np
from tlsfind import cli, interrupts, reference
from tlsfind.engine.lammps.engine import LammpsEngine
from tlsfind.engine.lammps.system import System
interrupts.AGAIN = 60.0  # this must do without
rng = np.random.default_rng(1)
box = 7.0
grid = np.stack(np.meshgrid(*[np.arange(7.0)] * 3, indexing="ij"), -1).reshape(-1, 3)
diameters = rng.choice([0.9, 1.1], 343)

def command():
    with LammpsEngine(System.polydisperse(diameters, box)) as engine:
        while True:
            start = grid + rng.normal(0.0, 0.05, grid.shape)
            {call}
            Path("working").touch()

reference.config_schema = command
sys.exit(cli.main(["schema"]))
"""


@pytest.mark.parametrize(
    "call",
    [
        "engine.quench(start, 1e-9, 2000)",
        "engine.path_energy_forces(start + np.linspace(0, 0.1, 200)[:, None, None])",
    ],
)
def test_lammps_drops_no_signal(tmp_path, call):
    for _ in range(2):
        status = terminated(tmp_path, LAMMPS.format(call=call), "working")
        assert status == (143, ["tlsfind: ended by SIGTERM"])
        (tmp_path / "working").unlink()


def test_ctrl_c_has_its_own_status(monkeypatch, capsys):
    def working():
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(reference, "config_schema", working)
    assert main(["schema"]) == 130
    assert capsys.readouterr().err == "tlsfind: interrupted\n"
