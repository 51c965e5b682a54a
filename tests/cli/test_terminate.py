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
