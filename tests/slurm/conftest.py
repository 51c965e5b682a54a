"""Fixtures of the tests that need a real Slurm: `make test-slurm`."""

from __future__ import annotations

import pytest
import slurm_cluster
from slurm_run import Controller, Faults, copy_project


def pytest_addoption(parser):
    parser.addoption("--slurm", action="store_true", help="start a real Slurm for tests/slurm")


@pytest.fixture(scope="session")
def cluster(request):
    """Folder of a running Slurm of one node."""
    if not request.config.getoption("--slurm", default=False):
        pytest.skip("needs a real Slurm: run make test-slurm")
    try:
        with slurm_cluster.slurm() as folder:
            yield folder
    except slurm_cluster.Unavailable as reason:
        pytest.skip(f"no Slurm here: {reason}")


@pytest.fixture(scope="session")
def undisturbed(cluster, tmp_path_factory):
    """A run of the test config without Slurm, which goes on in the background."""
    folder = copy_project(tmp_path_factory.mktemp("local"))
    run = Controller(folder, folder / "run.log", "--configfile", "config/test.yaml")
    yield run, folder / "results" / "test"
    run.interrupt()


@pytest.fixture(scope="session")
def reference(undisturbed):
    """Results of the undisturbed run."""
    run, results = undisturbed
    assert run.wait(600) == 0, run.tail()
    return results


@pytest.fixture(scope="session")
def faults(cluster, undisturbed, tmp_path_factory):
    """A run through Slurm in which everything was killed once."""
    return Faults(copy_project(tmp_path_factory.mktemp("slurm"))).run()
