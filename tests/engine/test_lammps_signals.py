"""Signals and errors while LAMMPS calls back into Python give no wrong result."""

import os
import signal
import threading
import time

import numpy as np
import pytest

from tlsfind.engine.lammps import path as lammps_path
from tlsfind.engine.lammps.engine import LammpsEngine
from tlsfind.engine.lammps.system import System
from tlsfind.interrupts import held_back


class Stopped(BaseException):
    """As what a signal raises: not an Exception."""


@pytest.fixture(scope="module")
def lammps(liquid):
    configuration, _ = liquid
    with LammpsEngine(System.polydisperse(configuration.diameters, configuration.box)) as engine:
        yield engine


@pytest.fixture
def handler():
    """Sets what SIGTERM does."""
    before = signal.getsignal(signal.SIGTERM)
    yield lambda do: signal.signal(signal.SIGTERM, do)
    signal.signal(signal.SIGTERM, before)


def stop(*_):
    raise Stopped


def send_soon(seconds):
    def send():
        time.sleep(seconds)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=send).start()


def images(configuration, count=200):
    direction = np.random.default_rng(1).normal(0.0, 0.05, configuration.positions.shape)
    return configuration.positions + np.linspace(-0.5, 0.5, count)[:, None, None] * direction


def calls(lammps, configuration):
    return {
        "quench": lambda: lammps.quench(configuration.positions, 1e-12, 600).positions,
        "path": lambda: lammps.path_energy_forces(images(configuration))[1],
    }


@pytest.mark.parametrize("name", ["quench", "path"])
@pytest.mark.parametrize("part", [0.2, 0.5])
def test_a_signal_is_raised_after_the_run_and_the_engine_lives(liquid, lammps, handler, name, part):
    work = calls(lammps, liquid[0])[name]
    begin = time.monotonic()
    expected = work()
    seconds = time.monotonic() - begin
    handler(stop)
    send_soon(part * seconds)
    with pytest.raises(Stopped):
        [work() for _ in range(10)]
    assert signal.getsignal(signal.SIGTERM) is stop
    np.testing.assert_array_equal(work(), expected)


@pytest.mark.parametrize("name", ["quench", "path"])
def test_a_signal_that_ends_nothing_changes_no_result(liquid, lammps, handler, name):
    work = calls(lammps, liquid[0])[name]
    expected = work()
    came = []
    handler(lambda *_: came.append(1))
    send_soon(0.01)
    np.testing.assert_array_equal(work(), expected)
    while not came:
        np.testing.assert_array_equal(work(), expected)


def test_an_exception_in_the_callback_is_raised(liquid, lammps, monkeypatch):
    pictures = images(liquid[0], 5)
    expected = lammps.path_energy_forces(pictures)
    count = []

    def rint(values):
        count.append(1)
        if len(count) == 2:
            raise Stopped
        return np.round(values)

    class Numpy:
        def __getattr__(self, name):
            return rint if name == "rint" else getattr(np, name)

    with monkeypatch.context() as patch:
        patch.setattr(lammps_path, "np", Numpy())
        with pytest.raises(Stopped):
            lammps.path_energy_forces(pictures)
    for again, first in zip(lammps.path_energy_forces(pictures), expected, strict=True):
        np.testing.assert_array_equal(again, first)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_exception_that_lammps_dropped_gives_no_result(liquid, lammps, monkeypatch):
    """Raised before our function is called, in the wrapper of the ``lammps`` package."""
    library = lammps._ready().library
    original = library.set_fix_external_callback

    def dropping(name, function, caller):
        calls = []

        def call(*arguments):
            calls.append(1)
            if len(calls) == 3:
                raise Stopped
            function(*arguments)

        original(name, call, caller)

    monkeypatch.setattr(library, "set_fix_external_callback", dropping)
    with pytest.raises(RuntimeError, match="4 images of a path, expected 5"):
        lammps.path_energy_forces(images(liquid[0], 5))


def test_held_back(handler):
    seen = []
    handler(lambda *_: seen.append("handled"))
    with held_back(lambda: seen.append("stop")):
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        seen.append("work")
    assert seen == ["stop", "stop", "work", "handled"]
    thread = threading.Thread(target=lambda: held_back().__enter__())
    thread.start()
    thread.join()
