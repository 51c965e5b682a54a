"""A call in a second process: its result, its errors, its end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tlsfind.beside import beside
from tlsfind.errors import InputError, TlsfindError


def power(base, exponent):
    return base**exponent, os.getpid()


def refuse(found):
    raise InputError(f"found {found}, expected another")


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def note_and_sleep(path):
    Path(path).write_text(str(os.getpid()))
    time.sleep(120)


def alive(pid):
    """Whether a process runs; one that has ended and waits to be read has no command line."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition, seconds=60):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.05)


@pytest.mark.parametrize("processes", [1, 2])
def test_result(processes):
    with beside(power, 2, 10, processes=processes) as result:
        value, pid = result()
    assert value == 1024
    assert (pid == os.getpid()) == (processes == 1)


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_is_raised_here(processes):
    with (
        pytest.raises(InputError, match=r"^found 3, expected another$"),
        beside(refuse, 3, processes=processes) as result,
    ):
        result()


def test_a_process_that_is_killed_is_one_message():
    with (
        pytest.raises(TlsfindError, match="ended with status -9 before it had its result"),
        beside(die) as result,
    ):
        result()


def test_an_error_of_the_body_ends_it(tmp_path):
    file = tmp_path / "pid"

    def fail():
        with beside(note_and_sleep, file):
            wait_until(lambda: file.exists() and file.read_text())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not alive(file.read_text())


def test_it_ends_with_a_process_that_is_killed(tmp_path):
    file = tmp_path / "pid"
    program = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import test_beside\n"
        "from tlsfind.beside import beside\n"
        "if __name__ == '__main__':\n"
        f"    with beside(test_beside.note_and_sleep, {str(file)!r}) as result:\n"
        "        result()\n"
    )
    script = tmp_path / "program.py"
    script.write_text(program)
    first = subprocess.Popen([sys.executable, str(script)])
    wait_until(lambda: file.exists() and file.read_text())
    assert alive(file.read_text())
    first.kill()
    first.wait()
    wait_until(lambda: not alive(file.read_text()))
