"""The rules, profiles and configs themselves: what can be seen without a run."""

from __future__ import annotations

import re

import pytest
import yaml

from tlsfind.config import load
from workflow_runs import ROOT, TEST_CONFIG, measured_snakemake, snakemake


@pytest.mark.parametrize("name", ["demo", "paper/T0.062", "paper/T0.07", "paper/T0.092"])
def test_dry_runs_in_a_clean_folder(name, tmp_path):
    """Every config plans in bounded memory, the paper's with some thousands of jobs at most."""
    path = ROOT / "config" / f"{name}.yaml"
    plan, memory = measured_snakemake(tmp_path, "-n", "--configfile", path)
    assert plan.returncode == 0, plan.stdout[-4000:]
    config = load(path)
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", plan.stdout, flags=re.MULTILINE))
    assert int(jobs["prepare"]) == len(config.glass_names)
    assert int(jobs["explore"]) == len(config.glass_names) * config.trajectory_blocks
    assert int(jobs["solve_paths"]) == -(-config.loop.initial_paths // config.paths.batch)
    assert int(jobs["total"]) <= 5000
    assert memory < 2**30
    assert not (tmp_path / "results").exists()


def test_wrong_config_is_one_message(tmp_path):
    content = yaml.safe_load(TEST_CONFIG.read_text())
    content["explore"]["quench_evry"] = content["explore"].pop("quench_every")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(yaml.safe_dump(content))
    run = snakemake(tmp_path, "-n", "--configfile", wrong)
    assert run.returncode != 0
    assert f"{wrong}: 2 problem(s) in the config" in run.stdout
    assert "explore.quench_every: required key is missing" in run.stdout
    assert "Traceback" not in run.stdout
    assert len(run.stdout.splitlines()) < 12


def test_no_config(tmp_path):
    run = snakemake(tmp_path, "-n")
    assert run.returncode != 0
    assert "no config: name one with --configfile" in run.stdout


def test_lint():
    run = snakemake(ROOT, "--lint", "--configfile", ROOT / "config" / "demo.yaml")
    assert run.returncode == 0, run.stdout


def test_rules_state_all_they_need():
    """Every rule names log, benchmark, threads, memory and run time, in the same order."""
    order = ["input", "output", "log", "benchmark", "conda", "threads", "resources", "params"]
    for file in sorted((ROOT / "rules").glob("*.smk")):
        text = file.read_text()
        for rule in re.split(r"^(?=(?:rule|checkpoint) )", text, flags=re.MULTILINE)[1:]:
            found = re.findall(r"^    (\w+):", rule, flags=re.MULTILINE)
            name = rule.splitlines()[0]
            known = [key for key in found if key in order]
            assert known == sorted(known, key=order.index), name
            assert set(known) >= set(order) - {"input"}, name
            assert "mem_mb=" in rule, name
            assert "runtime=" in rule, name


def test_profiles():
    default = yaml.safe_load((ROOT / "profiles" / "default" / "config.yaml").read_text())
    assert default["cores"] == 2
    slurm = yaml.safe_load((ROOT / "slurm" / "config.yaml").read_text())
    assert slurm["executor"] == "slurm"
    assert {"slurm_partition", "mem_mb", "runtime"} <= set(slurm["default-resources"])
