"""Paths solved in a process of their own: the same results, and deaths that cost one path."""

import os
import signal
import threading
import time
from functools import partial

import numpy as np
import pandas as pd
import pytest

from tlsfind import config as configuration
from tlsfind import tables
from tlsfind.configuration import Configuration
from tlsfind.errors import ConfigError
from tlsfind.interop.native import Minima, save_minima
from tlsfind.paths import stage
from tlsfind.paths.worker import Worker, solve_pair

N, BOX = 4, 10.0
GLASS = "T0.3-0000"
#: Lennard-Jones particles that are all of different types.
FOUR = {
    "units": "lj",
    "species": {name: {"share": 0.25} for name in "ABCD"},
    "commands": "pair_style lj/cut 3.0\npair_coeff * * 1.0 1.0",
}


def make_config(**lammps):
    return configuration.parse(
        {
            "run": {"name": "worker", "output": "results", "seed": 1},
            "model": {"n_particles": 200, "lammps": {**FOUR, **lammps}},
            "glasses": [{"preparation_temperature": 0.3, "count": 1}],
            "prepare": {"blocks": 20},
            "explore": {"trajectories": 1, "steps": 10, "quench_every": 5},
            "paths": {"images": 11, "force_tolerance": 0.01, "grid": 301, "time_step": 0.02},
        }
    )


def trimer(shift: float) -> np.ndarray:
    """A dimer at its distance, a third particle left or right of it on its axis, one far away."""
    r = 2.0 ** (1.0 / 6.0)
    return np.array(
        [[4.0, 5.0, 5.0], [4.0 + r, 5.0, 5.0], [4.0 + r / 2, 5.0 + shift, 5.0], [0.5, 0.5, 0.5]]
    )


R = 2.0 ** (1.0 / 6.0)
HEIGHT = np.sqrt(3.0) / 2.0 * R  # of an equilateral triangle of that edge
LEFT, RIGHT = trimer(-HEIGHT), trimer(HEIGHT)
PARTICLES = Configuration(LEFT, np.ones(N), BOX, "trimer", np.array([1, 2, 3, 4]))


@pytest.fixture(scope="module")
def config():
    return make_config()


def test_the_worker_gives_what_this_process_gives(config):
    own = solve_pair(config, PARTICLES, LEFT, RIGHT)
    with Worker(config) as worker:
        first = worker.solve(PARTICLES, LEFT, RIGHT)
        again = worker.solve(PARTICLES, LEFT, RIGHT)
    # The third particle passes between the other two, which make room: 3 bonds become 2 at most.
    assert own.status == "double_well"
    assert 0.5 < own.barrier < 3.0
    for other in (first, again):
        assert other.status == own.status
        assert other.barrier == own.barrier
        assert other.quantum_splitting == own.quantum_splitting
        np.testing.assert_array_equal(other.energy, own.energy)


#: Name of a file: each call of the tasks below adds a line to it.
CALLS = "TLSFIND_TEST_CALLS"
#: How many of the calls with minimum a on the right end by a signal in the worker itself.
DEATHS = "TLSFIND_TEST_DEATHS"


def solve_or_die(config, particles, a, b):
    """The task of the worker, which dies as often as it is told to."""
    is_fatal = np.array_equal(a, RIGHT) and not np.array_equal(a, b)
    with open(os.environ[CALLS], "a+") as file:
        file.seek(0)
        earlier = file.read().count("fatal")
        file.write("fatal\n" if is_fatal else "harmless\n")
    if is_fatal and earlier < int(os.environ[DEATHS]):
        os.kill(os.getpid(), signal.SIGKILL)
    return solve_pair(config, particles, a, b)


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """The file of calls, of which none is to die."""
    monkeypatch.setenv(CALLS, str(tmp_path / "calls"))
    monkeypatch.setenv(DEATHS, "0")
    return tmp_path / "calls"


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def test_a_worker_that_is_killed_once_costs_nothing(config, caplog):
    """Killed from outside, in the middle of a path."""
    with Worker(config) as worker:
        before = worker.solve(PARTICLES, LEFT, RIGHT)
        process = worker._process
        assert process is not None
        assert process.pid is not None

        def kill() -> None:
            time.sleep(0.2)
            os.kill(process.pid, signal.SIGKILL)

        os.kill(process.pid, signal.SIGSTOP)  # it will not answer before it is killed
        killer = threading.Thread(target=kill)
        killer.start()
        after = worker.solve(PARTICLES, LEFT, RIGHT)
        killer.join()
    assert after.status == "double_well"
    assert after.barrier == before.barrier
    assert after.quantum_splitting == before.quantum_splitting
    (warning,) = warnings(caplog)
    assert "killed by SIGKILL" in warning
    assert "tried once more" in warning


def test_a_path_on_which_two_workers_die_has_failed(config, calls, monkeypatch, caplog):
    monkeypatch.setenv(DEATHS, "1000")
    with Worker(config, task=solve_or_die) as worker:
        failed = worker.solve(PARTICLES, RIGHT, LEFT)
        assert calls.read_text().split() == ["fatal"] * 2
        after = worker.solve(PARTICLES, LEFT, RIGHT)
    assert failed.status == "failed"
    assert "died twice on this path: the process of LAMMPS died (killed by SIGKILL)" in (
        failed.message
    )
    assert set(failed.quantum_splitting) == set(after.quantum_splitting)
    assert after.status == "double_well"
    assert len(warnings(caplog)) == 1


@pytest.fixture
def batch(config, tmp_path, calls, monkeypatch):
    """Solves three pairs, the second of which kills its workers as often as is asked for."""
    minima = Minima(
        np.array([LEFT, RIGHT]), np.zeros(2), np.zeros(2), np.arange(2), PARTICLES.diameters, BOX,
        GLASS, types=PARTICLES.types,
    )  # fmt: skip
    save_minima(tmp_path / GLASS / "minima.npz", minima)
    rows = [
        {"glass": GLASS, "minimum_a": a, "minimum_b": b, "iteration": 0, "stratum": "close"}
        for a, b in ((0, 1), (1, 0), (0, 0))
    ]
    tables.write(rows, tmp_path / "s.parquet", tables.schema("selection"))
    monkeypatch.setattr(stage, "Worker", partial(Worker, task=solve_or_die))

    def solve(name, deaths):
        monkeypatch.setenv(DEATHS, str(deaths))
        calls.unlink(missing_ok=True)
        output = tmp_path / f"{name}.parquet"
        stage.solve_batch(config, tmp_path / "s.parquet", tmp_path, output, tmp_path / "c.parquet")
        return tables.read(output)

    return solve


def test_a_death_leaves_no_trace_in_a_batch(batch, calls, tmp_path):
    expected = batch("undisturbed", 0).drop(columns="seconds")
    assert expected["status"].tolist() == ["double_well", "double_well", "endpoints_identical"]
    disturbed = batch("disturbed", 1)
    assert calls.read_text().split() == ["harmless", "fatal", "fatal", "harmless"]
    pd.testing.assert_frame_equal(disturbed.drop(columns="seconds"), expected, check_exact=True)
    # all three are in the journal: nothing is solved when the batch runs again
    again = batch("disturbed", 0)
    assert not calls.exists()
    pd.testing.assert_frame_equal(again, disturbed, check_exact=True)


def test_a_crash_that_comes_back_costs_one_row_until_it_runs_again(batch, calls):
    paths = batch("paths", 1000)
    assert calls.read_text().split() == ["harmless", "fatal", "fatal", "harmless"]
    assert paths["status"].tolist() == ["double_well", "failed", "endpoints_identical"]
    assert "died twice" in paths["message"][1]
    assert "killed by SIGKILL" in paths["message"][1]
    again = batch("paths", 0)
    assert calls.read_text().split() == ["fatal"]
    assert again["status"].tolist() == ["double_well", "double_well", "endpoints_identical"]
    assert again["seconds"].tolist()[::2] == paths["seconds"].tolist()[::2]
    assert again["barrier"][1] == pytest.approx(again["barrier"][0])


def test_an_error_of_lammps_is_a_failed_path_with_its_last_line(calls, caplog):
    """LAMMPS is told to stop with an error as soon as there is a force; nothing is tried twice."""
    config = make_config(
        commands="pair_style lj/cut 3.0\npair_coeff * * 1.0 1.0\n"
        "compute height all reduce max fy\n"
        "variable steep equal c_height>1e-3\n"
        "fix guard all halt 1 v_steep > 0 error hard"
    )
    with Worker(config, task=solve_or_die) as worker:
        failed = worker.solve(PARTICLES, LEFT, RIGHT)
        assert calls.read_text().split() == ["harmless"]
        again = worker.solve(PARTICLES, LEFT, RIGHT)
    assert failed.status == again.status == "failed"
    assert "Fix halt condition" in failed.message
    assert not warnings(caplog)


def test_an_unknown_pair_style_is_an_error_of_the_config():
    config = make_config(commands="pair_style lj/cutt 3.0\npair_coeff * * 1.0 1.0")
    with Worker(config) as worker, pytest.raises(ConfigError, match="lj/cutt"):
        worker.solve(PARTICLES, LEFT, RIGHT)


def test_a_fault_of_the_task_is_raised_here_and_not_blamed_on_lammps(config):
    with Worker(config, task=divide) as worker:
        assert worker.call(6, 3) == 2
        with pytest.raises(RuntimeError, match="ZeroDivisionError"):
            worker.call(1, 0)
        assert worker.call(8, 2) == 4


def divide(_config, a, b):
    return a // b


def test_a_worker_whose_parent_died_leaves_nothing(config):
    worker = Worker(config, task=divide)
    assert worker.call(4, 2) == 2
    process, connection = worker._process, worker._connection
    assert process is not None
    assert connection is not None
    connection.close()  # as the system does when the parent is killed
    process.join(timeout=30)
    assert process.exitcode == 0
    assert not worker._folder.exists()
