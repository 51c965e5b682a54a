"""One undisturbed run of config/test.yaml for all tests of the workflow, which only read it."""

from __future__ import annotations

import pytest

from workflow_runs import TEST_CONFIG, snakemake


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder in which the workflow ran to its end."""
    path = tmp_path_factory.mktemp("workflow")
    done = snakemake(path, "--configfile", TEST_CONFIG, "--cores", 2)
    assert done.returncode == 0, done.stdout[-8000:]
    return path
