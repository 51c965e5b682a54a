"""Waiting for what other processes do."""

from __future__ import annotations

import os
import time

PATIENCE = 120.0


def wait_until(condition, workflow=None):
    """What ``condition`` gives as soon as it is true, while the process ``workflow`` runs."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, "nothing happened"
        assert workflow is None or workflow.poll() is None, "the workflow has ended"
        time.sleep(0.005)
    return found


def alive(pid):
    """Whether a process runs; one that has ended and waits to be read does not."""
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
