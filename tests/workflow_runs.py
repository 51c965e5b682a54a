"""Runs of the workflow for tests: how snakemake is started, copied and compared."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from tlsfind import tables

ROOT = Path(__file__).parents[1]
TEST_CONFIG = ROOT / "config" / "test.yaml"
# Files that say when and where something ran.
PROVENANCE = ("jobs.parquet", "provenance.json", "table_2.csv")

# Runs the command after it; the last line says the most memory that it had, in kB. A process of its
# own, because what a child of pytest starts with counts for the child.
MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(f"most memory: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss} kB", flush=True)
sys.exit(code)
"""


def command(folder, *arguments):
    """The command that runs snakemake with the project's Snakefile in ``folder``."""
    program = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    return [*program, "--directory", str(folder), *map(str, arguments)]


def environment():
    """The environment of a run."""
    return {key: value for key, value in os.environ.items() if key != "TLSFIND_DEBUG"}


def start(folder, *arguments):
    """Start snakemake in a session of its own; its output goes to ``folder``/output.txt."""
    with (Path(folder) / "output.txt").open("w") as output:
        return subprocess.Popen(
            command(folder, *arguments),
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment(),
            start_new_session=True,
        )


def snakemake(folder, *arguments, before=()):
    """Run snakemake with the project's Snakefile in ``folder``, ``before`` in front of it."""
    return subprocess.run(
        [*before, *command(folder, *arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(),
    )


def measured_snakemake(folder, *arguments):
    """The same as :func:`snakemake`, and the most memory that it had, in bytes."""
    done = snakemake(folder, *arguments, before=[sys.executable, "-c", MEASURED])
    return done, 1024 * int(re.findall(r"^most memory: (\d+) kB$", done.stdout, re.MULTILINE)[-1])


def planned_jobs(output):
    """Number of jobs of each rule in the job statistics of a dry run."""
    stats = output[output.index("Job stats:") :]
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", stats, flags=re.MULTILINE))
    return {rule: int(count) for rule, count in jobs.items() if rule not in ("total", "all")}


def copy_without(folder, copy, *patterns):
    """A copy of a finished run, with all times, from which some results are missing.

    Args:
        folder: where the workflow ran.
        copy: the new folder; may exist.
        patterns: what to leave out, inside the results, as for ``Path.glob``.

    Returns:
        The folder of the copy's results.
    """
    shutil.copytree(folder, copy, symlinks=True, dirs_exist_ok=True)
    results = Path(copy) / "results" / "test"
    for pattern in patterns:
        found = list(results.glob(pattern))
        assert found, pattern
        for path in found:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return results


def same_files(first: Path, second: Path) -> list[str]:
    """Compare all results of two runs.

    Returns:
        The names of the files compared; tables without the column ``seconds``.
    """
    names = [_names(folder) for folder in (first, second)]
    assert names[0] == names[1]
    for name in names[0]:
        pair = first / name, second / name
        if name.endswith(".parquet"):
            frames = (tables.read(file).drop(columns="seconds", errors="ignore") for file in pair)
            pd.testing.assert_frame_equal(*frames, check_exact=True, obj=name)
        elif name.endswith(".npz"):
            _same_arrays(*pair)
        else:
            assert pair[0].read_text() == pair[1].read_text(), name
    return names[0]


def _names(folder: Path) -> list[str]:
    """Tables, arrays and texts of a run; the folders of models apart, which hold times."""
    kinds = {".parquet", ".npz", ".csv", ".json"}
    files = [file.relative_to(folder) for file in folder.rglob("*") if file.suffix in kinds]
    return sorted(
        str(file)
        for file in files
        if file.name not in PROVENANCE and not {"models", "jobs"} & set(file.parts)
    )


def _same_arrays(first: Path, second: Path) -> None:
    with np.load(first) as a, np.load(second) as b:
        assert set(a.files) == set(b.files), first
        for key in a.files:
            np.testing.assert_array_equal(a[key], b[key], err_msg=f"{first}: {key}")
