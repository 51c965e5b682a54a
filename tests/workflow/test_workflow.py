"""The whole workflow: config/test.yaml from nothing to the report, once, and what it leaves."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from tlsfind import tables
from tlsfind.cli import main
from tlsfind.config import load

ROOT = Path(__file__).parents[2]
TEST_CONFIG = ROOT / "config" / "test.yaml"
KEYS = ["glass", "minimum_a", "minimum_b"]


def snakemake(folder, *arguments):
    """Run snakemake with the project's Snakefile in ``folder``."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(folder), *map(str, arguments)]
    environment = {key: value for key, value in os.environ.items() if key != "TLSFIND_DEBUG"}
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )


def planned_rules(output):
    """Names of the rules in the job statistics of a dry run."""
    stats = output[output.index("Job stats:") :]
    return set(re.findall(r"^(\w+) +\d+$", stats, flags=re.MULTILINE)) - {"total"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which the workflow ran to its end."""
    path = tmp_path_factory.mktemp("workflow")
    done = snakemake(path, "--configfile", TEST_CONFIG, "--cores", 2)
    assert done.returncode == 0, done.stdout[-8000:]
    return path


@pytest.fixture(scope="module")
def results(folder):
    return folder / "results" / "test"


@pytest.fixture(scope="module")
def config(results):
    return load(results / "config.yaml")


@pytest.fixture(scope="module")
def last(results):
    """Folder of the loop's last iteration."""
    return sorted((results / "loop").iterdir())[-1]


def test_config_in_force_is_saved(config):
    assert config == load(TEST_CONFIG)


def test_targets_exist(results):
    report = (results / "report.html").read_text()
    assert "<html" in report
    assert "</html>" in report
    for name in ("summary.json", "tables/table_1.csv", "library/double_wells.parquet"):
        assert (results / name).stat().st_size > 0
    for name in ("fig1b", "fig3", "fig4", "fig6", "equilibration", "loop"):
        assert (results / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_tables_are_complete_and_stamped(results, config):
    files = sorted(results.rglob("*.parquet"))
    assert len(files) > 30
    for file in files:
        metadata = tables.metadata(file)
        assert metadata["config_hash"] == config.hash, file
        assert metadata["seed"] == str(config.run.seed), file
        tables.read(file)
    assert not list(results.rglob("*.tmp"))


def test_every_job_left_a_log_and_a_benchmark(results):
    logs = {p.relative_to(results / "logs").with_suffix("") for p in results.rglob("logs/**/*.log")}
    benchmarks = {
        p.relative_to(results / "benchmarks").with_suffix("")
        for p in results.rglob("benchmarks/**/*.tsv")
    }
    assert logs == benchmarks
    assert len(logs) > 20


def test_loop_walks_to_its_end(results, config, last):
    iterations = sorted(path.name for path in (results / "loop").iterdir())
    assert iterations == [f"{k:02d}" for k in range(len(iterations))]
    assert 1 < len(iterations) <= config.loop.max_iterations + 1
    states = [
        json.loads((results / "loop" / k / "model" / "state.json").read_text()) for k in iterations
    ]
    assert not any(state["converged"] for state in states[:-1])
    assert states[-1]["converged"] or len(iterations) == config.loop.max_iterations + 1
    history = tables.read(last / "model" / "history.parquet")
    assert history["iteration"].tolist() == list(range(len(iterations)))
    assert history["total_paths"].is_monotonic_increasing


def test_every_selected_pair_has_one_path(results, last):
    paths = tables.read(last / "paths.parquet")
    selected = tables.read_many(sorted((results / "loop").glob("*/selection/*.parquet")))
    assert not paths.duplicated(KEYS).any()
    key_sets = [set(map(tuple, frame[KEYS].to_numpy())) for frame in (paths, selected)]
    assert key_sets[0] == key_sets[1]
    assert len(selected) == len(paths)
    assert set(paths["status"]) <= set(tables.STATUSES)
    assert (paths["status"] == "double_well").sum() >= 10
    wells = paths[paths["status"] == "double_well"]
    assert (wells["quantum_splitting_argon"] > 0).all()
    np.testing.assert_allclose(
        wells["quantum_splitting_argon_4k"], wells["quantum_splitting_argon"], rtol=1e-6
    )
    assert (wells["barrier"] > 0).all()


def test_library_holds_the_double_wells_and_tls(results, config, last):
    solved = [tables.read(last / "paths.parquet"), tables.read(results / "standard/paths.parquet")]
    paths = pd.concat([frame for frame in solved if len(frame)]).drop_duplicates(KEYS)
    wells = tables.read(results / "library" / "double_wells.parquet")
    assert len(wells) == (paths["status"] == "double_well").sum()
    found = tables.read(results / "library" / "tls.parquet")
    unit = config.loop.unit_system
    threshold = config.unit_systems[unit].tls_threshold
    assert len(found) == (wells[f"quantum_splitting_{unit}"] < threshold).sum() > 0
    for row in found.to_dict("records"):
        stem = f"{row['glass']}_{row['minimum_a']}_{row['minimum_b']}"
        assert (results / "library" / "tls" / f"{stem}.xyz").is_file()


def test_standard_procedure_is_complete(results, config):
    counts = json.loads((results / "standard" / "selection.json").read_text())
    assert counts["to_solve"] == counts["sampled"] - counts["already_solved"]
    assert counts["sampled"] <= config.loop.standard_paths
    assert len(tables.read(results / "standard" / "paths.parquet")) == counts["to_solve"]


def test_library_resolves_to_the_same_splitting(results, capsys):
    """``tlsfind path`` on a double well of the library gives the row's numbers again."""
    row = tables.read(results / "library" / "double_wells.parquet").iloc[0]
    minima = results / "landscape" / row["glass"] / "minima.npz"
    ends = [f"{minima}#{row[name]}" for name in ("minimum_a", "minimum_b")]
    assert main(["path", *ends, "--config", str(results / "config.yaml"), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["status"] == "double_well"
    assert again["barrier"] == pytest.approx(row["barrier"], rel=1e-6)
    for unit in ("argon", "nip", "argon_4k"):
        assert again["quantum_splitting"][unit] == pytest.approx(
            row[f"quantum_splitting_{unit}"], rel=1e-6
        )


def test_stages_by_hand_give_the_same(results, config, tmp_path):
    """Same config, same results, with and without snakemake."""
    name = config.glass_names[1]
    common = ["--config", str(results / "config.yaml")]
    glass = tmp_path / "glass"
    assert main(["prepare", name, *common, "--output", str(glass)]) == 0
    same_arrays(glass / "glass.npz", results / "glasses" / name / "glass.npz")
    same_table(glass / "glass.parquet", results / "glasses" / name / "glass.parquet")

    block = tmp_path / "block"
    arguments = ["explore", name, str(glass / "glass.npz"), "--block", "1", *common]
    assert main([*arguments, "--output", str(block)]) == 0
    same_arrays(block / "minima.npz", results / "explore" / name / "block-001" / "minima.npz")
    same_table(block / "visits.parquet", results / "explore" / name / "block-001/visits.parquet")

    pairs = [str(results / "pairs" / f"{name}.parquet") for name in config.glass_names]
    arguments = ["select", *pairs, "--iteration", "0", *common, "--output", str(tmp_path / "s")]
    assert main(arguments) == 0
    for file in (results / "loop" / "00" / "selection").iterdir():
        same_table(tmp_path / "s" / file.name, file)


def same_arrays(first, second):
    with np.load(first) as a, np.load(second) as b:
        assert set(a.files) == set(b.files)
        for key in a.files:
            np.testing.assert_array_equal(a[key], b[key])


def same_table(first, second):
    pd.testing.assert_frame_equal(tables.read(first), tables.read(second))


def test_nothing_is_left_to_do(folder, results):
    before = (results / "config.yaml").stat().st_mtime_ns
    again = snakemake(folder, "-n", "--configfile", TEST_CONFIG)
    assert again.returncode == 0, again.stdout
    assert "Nothing to be done" in again.stdout
    assert (results / "config.yaml").stat().st_mtime_ns == before


def test_summary_command_reads_the_run(folder, results, capsys):
    assert main(["summary", str(results), "--json"]) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert numbers == json.loads((results / "summary.json").read_text())
    assert numbers["glasses"] == 2
    assert all(math.isfinite(numbers[key]) for key in ("minima", "pairs", "paths", "double_wells"))
    again = snakemake(folder, "-n", "--configfile", TEST_CONFIG)
    assert "Nothing to be done" in again.stdout


@pytest.mark.parametrize(
    ("section", "values", "expected"),
    [
        ("analysis", {"min_points": 3}, {"figures", "report", "all"}),
        ("explore", {"trajectories_per_block": 1}, None),
        (
            "loop",
            {"standard_transitions": 1},
            # the initial and later selections may follow the standard procedure
            {"select_standard"},
        ),
    ],
)
def test_change_reruns_only_what_reads_it(folder, tmp_path, section, values, expected):
    content = yaml.safe_load(TEST_CONFIG.read_text())
    content.setdefault(section, {}).update(values)
    changed = tmp_path / "config.yaml"
    changed.write_text(yaml.safe_dump(content))
    plan = snakemake(folder, "-n", "--configfile", changed)
    assert plan.returncode == 0, plan.stdout
    rules = planned_rules(plan.stdout)
    assert "prepare" not in rules
    if section == "analysis":
        assert rules == expected
    elif section == "explore":
        assert "explore" in rules
    else:
        assert expected <= rules
        assert not rules & {"explore", "landscape", "pair_features"}


def test_damaged_output_is_made_again(folder, results, config):
    """A deleted result is the only thing that is planned, with what follows from it."""
    table = results / "tables" / "table_1.csv"
    content = table.read_bytes()
    table.unlink()
    plan = snakemake(folder, "-n", "--configfile", TEST_CONFIG)
    table.write_bytes(content)
    assert {"table_one", "summary", "report"} <= planned_rules(plan.stdout)
    assert not planned_rules(plan.stdout) & {"train", "solve_paths", "library"}


@pytest.mark.parametrize("name", ["demo", "paper/T0.062", "paper/T0.07", "paper/T0.092"])
def test_dry_runs_in_a_clean_folder(name, tmp_path):
    path = ROOT / "config" / f"{name}.yaml"
    plan = snakemake(tmp_path, "-n", "--configfile", path)
    assert plan.returncode == 0, plan.stdout[-4000:]
    config = load(path)
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", plan.stdout, flags=re.MULTILINE))
    assert int(jobs["prepare"]) == len(config.glass_names)
    assert int(jobs["explore"]) == len(config.glass_names) * config.trajectory_blocks
    assert int(jobs["solve_paths"]) == -(-config.loop.initial_paths // config.paths.batch)
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
