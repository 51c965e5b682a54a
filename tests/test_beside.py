"""A call in a second process: its result, its errors, its end."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from os_processes import alive, wait_until
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


def hold_a_folder(path):
    with tempfile.TemporaryDirectory(dir=path):
        (Path(path) / "begun").touch()
        time.sleep(120)


class Awkward(Exception):
    """Does not come back from its pickle."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def raise_awkward():
    raise Awkward(1, 2)


@pytest.mark.parametrize("processes", [1, 2])
def test_result(processes):
    with beside(power, 2, 10, processes=processes) as result:
        value, pid = result()
    assert value == 1024
    assert (pid == os.getpid()) == (processes == 1)


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_is_raised_here(processes):
    with (
        pytest.raises(InputError, match=r"(?m)^found 3, expected another$"),
        beside(refuse, 3, processes=processes) as result,
    ):
        result()


def test_an_error_says_where_it_came_from():
    with pytest.raises(InputError) as caught, beside(refuse, 3) as result:
        result()
    assert "in refuse" in "".join(caught.value.__notes__)


def test_an_error_that_does_not_pickle_keeps_its_words():
    with (
        pytest.raises(TlsfindError, match=r"(?m)^Awkward: 1 and 2$"),
        beside(raise_awkward) as result,
    ):
        result()


def test_what_it_holds_is_cleaned_up(tmp_path):
    with beside(hold_a_folder, tmp_path):
        wait_until((tmp_path / "begun").exists)
        assert len(list(tmp_path.iterdir())) == 2
    assert list(tmp_path.iterdir()) == [tmp_path / "begun"]


def test_a_process_that_is_killed_is_one_message():
    with (
        pytest.raises(
            TlsfindError,
            match=r"ended with status -9 before it had its result.*\(out of memory\?\)",
        ),
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
    assert not alive(int(file.read_text()))


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
    assert alive(int(file.read_text()))
    first.kill()
    first.wait()
    wait_until(lambda: not alive(int(file.read_text())))
