"""The commands `tlsfind plan` and `tlsfind status`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from synthetic_run import make_config, make_run
from tlsfind.cli import main

ROOT = Path(__file__).parents[2]
DEMO = str(ROOT / "config" / "demo.yaml")


def test_plan_is_a_table(capsys):
    assert main(["plan", DEMO]) == 0
    out = capsys.readouterr().out
    lines = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert lines["prepare"].split()[1] == "8"
    assert "estimated" in out
    assert "paper's formula" in out
    assert "standard procedure" in out
    assert {"total", "waiting", "note:"} <= set(lines)
    assert "\x1b" not in out


def test_plan_as_json_with_minima_given(capsys):
    assert main(["plan", DEMO, "--minima", "100", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["minima"]["pairs"] == 8 * 4950
    assert content["iterations"] == [2, 3]
    assert sum(row["jobs"][1] for row in content["stages"]) == content["jobs"][1]
    assert sum(row["core_hours"][0] for row in content["stages"]) == pytest.approx(
        content["core_hours"][0]
    )


def test_plan_of_no_config(capsys, tmp_path):
    assert main(["plan", str(tmp_path / "none.yaml")]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_status_of_a_run(capsys, tmp_path):
    config = make_config(tmp_path / "results", {0.09: 1})
    make_run(config, iterations=1)
    assert main(["status", str(config.run.output)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("synthetic")
    assert "solve_paths" in out
    assert "controller:" in out
    assert main(["status", str(config.run.output), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "synthetic"


def test_status_of_no_run(capsys, tmp_path):
    assert main(["status", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "config.yaml" in err


@pytest.mark.parametrize("is_run", [False, True])
def test_plan_of_a_folder(capsys, tmp_path, is_run):
    if is_run:
        (tmp_path / "config.yaml").write_text("")
    assert main(["plan", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert f"{tmp_path} is a folder, expected a config file" in err
    assert "Errno" not in err
    assert (f"{tmp_path}/config.yaml" in err) == is_run
