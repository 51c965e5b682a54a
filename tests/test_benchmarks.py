"""The benchmarks run; their numbers are of machines and stand in docs/."""

import subprocess
import sys
from pathlib import Path

from tlsfind import tables

ROOT = Path(__file__).parents[1]


def test_streaming_benchmark_measures_the_stages(tmp_path):
    command = [sys.executable, ROOT / "benchmarks" / "streaming.py", "--folder", tmp_path]
    command += ["--minima", "60", "--particles", "200", "--rows-limit", "500"]
    command += ["--stages", "generate", "landscape", "pairs", "select 0"]
    done = subprocess.run(map(str, command), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    head, *lines, sizes = done.stdout.splitlines()
    assert head.split()[0] == "stage"
    rows = [int(line[10:].split()[0]) for line in lines]
    assert rows == [60, 60, 500, 500]
    assert all(float(line.split()[-1]) > 50 for line in lines)  # MiB of a process with NumPy
    assert sizes.startswith("pairs.parquet")
    assert len(tables.read(tmp_path / "landscape" / "minima.parquet")) == 60
    chosen = tables.read_many(sorted((tmp_path / "selection").glob("*.parquet")))
    assert len(chosen) == 500
