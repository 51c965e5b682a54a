"""Start of a command, and first use of the kernels."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.context import Context
from benchmarks.part import Comparison, Part
from benchmarks.timing import in_turn, timed
from tlsfind.errors import TlsfindError

#: A process that uses the engine for the first time, with the kernels' cache in a folder.
FIRST_USE = """
import sys
from pathlib import Path
import tlsfind.kernels as kernels
kernels.cache_folder = lambda: Path(sys.argv[1])
import numpy as np
from tlsfind.configuration import Configuration
from tlsfind.engine import make_engine
places = np.stack(np.meshgrid(*[np.arange(6.0)] * 3), axis=-1).reshape(-1, 3)
engine = make_engine(Configuration(places, np.ones(216), 6.0))
engine.energy_forces(places)
if len(sys.argv) > 2:
    sys.exit()
engine.quench(places + 0.05 * np.random.default_rng(0).normal(size=places.shape))
engine.path_energy_forces(np.stack([places, places + 0.01]))
"""


def measure(context: Context) -> dict[str, Any]:
    """Seconds of ``tlsfind --help``, and of a process that uses the engine."""
    help_ = _process("-m", "tlsfind", "--help")
    times = in_turn({"help": help_, "python": _process("-c", "pass")}, context.pick(7, 2), 1.0, 0.0)
    found = {
        "help_seconds": times["help"].median,
        "help": times["help"].numbers("seconds"),
        "python": times["python"].numbers("seconds"),
    }
    with tempfile.TemporaryDirectory(prefix="tlsfind-bench-") as folder:
        only_forces = ["forces"] if context.quick else []
        use = _process("-c", FIRST_USE, folder, *only_forces)
        found["first_use_cold_seconds"] = timed(use)[0]
        if not any(Path(folder).rglob("*.nb?")):
            raise TlsfindError("the kernels were not compiled into the folder named for them")
        warm = in_turn({"warm": use}, context.pick(3, 1), 1.0, 0.0)["warm"]
        found["first_use_warm_seconds"] = warm.median
    return {"startup": found}


def _process(*arguments: str) -> Callable[[], None]:
    """A way that runs Python with ``arguments`` to its end."""

    def run() -> None:
        done = subprocess.run(
            [sys.executable, *arguments], capture_output=True, text=True, env=dict(os.environ)
        )
        if done.returncode:
            raise TlsfindError(f"a command failed: {done.stderr.strip().splitlines()[-1:]}")

    return run


PART = Part(
    "startup",
    "Start",
    "Whole processes, Python included. First use: energies, a quench and a path's forces of 216 "
    "particles, with the cache of compiled kernels empty (cold) and filled (warm).",
    measure,
    (
        Comparison(
            "tlsfind --help", "s", "startup.help_seconds", "python -c pass",
            "startup.python.seconds",
        ),
        Comparison("first use of the engine, warm cache", "s", "startup.first_use_warm_seconds"),
        Comparison("first use of the engine, cold cache", "s", "startup.first_use_cold_seconds"),
    ),
)  # fmt: skip
