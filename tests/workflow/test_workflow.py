"""The whole workflow: config/test.yaml from nothing to the report, once, and what it leaves."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from tlsfind import tables
from tlsfind.cli import main
from tlsfind.config import load
from tlsfind.jobs import read_records
from tlsfind.provenance import read_starts
from workflow_runs import TEST_CONFIG, planned_jobs, snakemake

KEYS = ["glass", "minimum_a", "minimum_b"]


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
    made = ("tables/table_1.csv", "tables/table_2.csv", "library/double_wells.parquet")
    for name in ("summary.json", *made):
        assert (results / name).stat().st_size > 0
    for name in ("fig1", "fig2", "fig3", "fig4", "fig6", "figS6", "figS7", "equilibration", "loop"):
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


def test_every_job_is_recorded(results, config):
    """Where and how long each job ran is kept, and gathered before the report."""
    records = read_records(results)
    assert len(records) == len(list(results.rglob("logs/**/*.log")))
    assert {record.status for record in records} == {"done"}
    configs = {record.config_hash for record in records if record.stage != "summary"}
    assert configs == {config.hash}
    assert min(record.cpu_seconds for record in records) > 0
    explored = [record for record in records if record.stage == "explore"]
    assert min(record.total for record in explored) > 0
    assert all(record.done == record.total for record in explored)
    gathered = tables.read(results / "jobs.parquet")
    assert len(gathered) == len(records) - 2  # Table II, made of them, and the report come after
    assert gathered["status"].value_counts().to_dict() == {"done": len(gathered) - 1, "running": 1}
    (start,) = read_starts(results)
    assert "--cores 2" in start["command"]
    assert start["config_hash"] == config.hash
    report = (results / "report.html").read_text()
    assert "all stages" in report
    assert start["host"] in report


def test_loop_walks_to_its_end(results, config, last):
    iterations = sorted(path.name for path in (results / "loop").iterdir())
    assert iterations == [f"{k:02d}" for k in range(len(iterations))]
    assert 1 < len(iterations) <= config.loop.max_iterations + 1
    states = [json.loads((results / "loop" / k / "state.json").read_text()) for k in iterations]
    assert not any(state["converged"] for state in states[:-1])
    assert states[-1]["converged"] or len(iterations) == config.loop.max_iterations + 1
    history = tables.read(last / "history.parquet")
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
    """Same config, same results, with and without snakemake: as far as the pairs."""
    name = config.glass_names[1]
    common = ["--config", results / "config.yaml"]
    glass = tmp_path / "glass"
    tlsfind("prepare", name, *common, "--output", glass)
    same_arrays(glass / "glass.npz", results / "glasses" / name / "glass.npz")
    for table in ("glass", "equilibration"):
        same_table(glass / f"{table}.parquet", results / "glasses" / name / f"{table}.parquet")

    blocks = [tmp_path / f"block-{b:03d}" for b in range(config.trajectory_blocks)]
    for number, block in enumerate(blocks):
        arguments = [name, glass / "glass.npz", "--block", number]
        tlsfind("explore", *arguments, *common, "--output", block)
        same_arrays(block / "minima.npz", results / "explore" / name / block.name / "minima.npz")
        for table in ("visits", "trajectories"):
            file = f"{table}.parquet"
            same_table(block / file, results / "explore" / name / block.name / file)

    landscape = tmp_path / "landscape"
    tlsfind("landscape", name, *blocks, *common, "--output", landscape)
    same_arrays(landscape / "minima.npz", results / "landscape" / name / "minima.npz")
    for table in ("minima", "transitions", "visits"):
        file = f"{table}.parquet"
        same_table(landscape / file, results / "landscape" / name / file)
    tlsfind("pairs", name, landscape, *common, "--output", tmp_path / "pairs.parquet")
    same_table(tmp_path / "pairs.parquet", results / "pairs" / f"{name}.parquet")


def test_loop_by_hand_gives_the_same(results, config, last, tmp_path):
    """Same config, same results, with and without snakemake: a turn of the loop, the library.

    One batch of paths is solved again; the other ones are the workflow's.
    """
    pairs = [results / "pairs" / f"{name}.parquet" for name in config.glass_names]
    common = ["--config", results / "config.yaml"]
    here, there = tmp_path / "00", results / "loop" / "00"
    tlsfind("select", *pairs, "--iteration", 0, *common, "--output", here / "selection")
    same_tables(here / "selection", there / "selection")

    batch = Path("paths/batch-001.parquet")
    arguments = [here / "selection" / batch.name, results / "landscape", "--output", here / batch]
    candidates = Path("candidates") / batch.name
    tlsfind("paths", *arguments, "--candidates", here / candidates, *common)
    same_table(here / batch, there / batch)
    same_table(here / candidates, there / candidates)

    batches = [file for file in there.glob("paths/*.parquet") if file.name != batch.name]
    paths = here / "paths.parquet"
    tlsfind("collect", here / batch, *batches, *common, "--output", paths)
    same_table(paths, there / "paths.parquet")

    arguments = [*pairs, "--iteration", 0, "--paths", paths]
    tlsfind("train", *arguments, *common, "--output", here / "model")
    for table in ("labelled.parquet", "out_of_fold.parquet"):
        same_table(here / "model" / table, there / "model" / table)

    predictions = here / "predictions.parquet"
    tlsfind("predict", *pairs, "--model", here / "model", *common, "--output", predictions)
    expected = tables.read_many(sorted((there / "predictions").iterdir()))
    pd.testing.assert_frame_equal(tables.read(predictions), expected, check_exact=True)

    arguments = [predictions, "--iteration", 0, "--paths", paths, "--model", here / "model"]
    tlsfind("assess", *arguments, *common, "--output", here)
    same_table(here / "history.parquet", there / "history.parquet")
    states = [json.loads((k / "state.json").read_text()) for k in (here, there)]
    assert states[0] == states[1]

    arguments = [*pairs, "--iteration", 1, "--paths", paths, "--predictions", predictions]
    tlsfind("select", *arguments, *common, "--output", tmp_path / "01" / "selection")
    same_tables(tmp_path / "01" / "selection", results / "loop" / "01" / "selection")

    arguments = [*pairs, "--paths", last / "paths.parquet"]
    arguments += ["--standard", results / "standard" / "paths.parquet"]
    arguments += ["--landscapes", results / "landscape", *common]
    tlsfind("library", *arguments, "--output", tmp_path / "library")
    same_tables(tmp_path / "library", results / "library")
    folders = (tmp_path / "library" / "tls", results / "library" / "tls")
    files = [sorted(folder.glob("*.xyz")) for folder in folders]
    for one, two in zip(*files, strict=True):
        assert (one.name, one.read_text()) == (two.name, two.read_text())


def tlsfind(*arguments):
    """Run a command, which has to succeed."""
    assert main([str(argument) for argument in arguments]) == 0


def same_arrays(first, second):
    with np.load(first) as a, np.load(second) as b:
        assert set(a.files) == set(b.files)
        for key in a.files:
            np.testing.assert_array_equal(a[key], b[key])


def same_table(first, second):
    """Equal to the last bit, but for how long the work took."""
    one, two = (
        tables.read(file).drop(columns="seconds", errors="ignore") for file in (first, second)
    )
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def same_tables(first, second):
    """All tables of two folders."""
    names = sorted(file.name for file in second.glob("*.parquet"))
    assert names
    assert sorted(file.name for file in first.glob("*.parquet")) == names
    for name in names:
        same_table(first / name, second / name)


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
    assert main(["summary", str(results)]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert any(re.fullmatch(r"Glasses +2\b.*", line) for line in shown)
    head, _, places = shown[-1].partition(": ")
    assert head == "Results"
    expected = [results / name for name in ("report.html", "figures", "library")]
    assert list(map(Path, places.split(", "))) == expected
    again = snakemake(folder, "-n", "--configfile", TEST_CONFIG)
    assert "Nothing to be done" in again.stdout


# Planned jobs of the rules from some rule on. After `assess`, a checkpoint, comes what the rest of
# the run needs if the loop ends there: whether it goes on to `select_next` is in the new state.
REPORTED = {"provenance": 1, "table_two": 1, "report": 1}
CHECKED = {"validate": 1, "summary": 1}
FROM_STANDARD = {
    "select_standard": 1,
    "solve_standard": 2,
    "collect_standard": 1,
    "library": 1,
    "table_one": 1,
    **CHECKED,
    "draw": 1,
    **REPORTED,
}
FROM_ASSESS = {"assess": 1, "explain": 1, **FROM_STANDARD}
FROM_TRAIN = {"train": 1, "predict": 2, **FROM_ASSESS}
FROM_PATHS = {"solve_paths": 3, "collect_paths": 1, **FROM_TRAIN}
FROM_SELECTION = {"select_initial": 1, **FROM_PATHS}
FROM_LANDSCAPE = {"landscape": 2, "pair_features": 2, **FROM_SELECTION}
FROM_NEXT = {"select_next": 1, "solve_paths": 1, "collect_paths": 1, **FROM_TRAIN}


@pytest.mark.parametrize(
    ("change", "jobs"),
    [
        # neither the library nor Table I reads it
        ("analysis.min_points: 3", {"draw": 1, **REPORTED}),
        # every block of every glass holds other trajectories now
        ("explore.trajectories_per_block: 1", {"explore": 32, **FROM_LANDSCAPE}),
        # one more block for each glass, the old ones stay
        ("explore.trajectories: 24", {"explore": 2, **FROM_LANDSCAPE}),
        ("pairs.particles: 4", {"pair_features": 2, **FROM_SELECTION}),
        ("analysis.explain_sample: 150", {"explain": 1, **REPORTED}),
        ("loop.standard_transitions: 1", FROM_STANDARD),
        ("paths.grid: 601", FROM_PATHS),
        ("validation.minima: 3", {**CHECKED, **REPORTED}),
        ("loop.min_iterations: 2", FROM_ASSESS),
        # the initial batch and its model stay
        ("loop.paths_per_iteration: 31", FROM_NEXT),
        ("loop.gate: 0.4", FROM_NEXT),
        ("learn.screen_share: 0.2", FROM_TRAIN),
        # only how many pairs are in memory at a time
        ("pairs.rows_per_block: 1000", {}),
    ],
)
def test_change_reruns_only_what_reads_it(folder, tmp_path, change, jobs):
    ((key, value),) = yaml.safe_load(change).items()
    section, name = key.split(".")
    content = yaml.safe_load(TEST_CONFIG.read_text())
    content.setdefault(section, {})[name] = value
    changed = tmp_path / "config.yaml"
    changed.write_text(yaml.safe_dump(content))
    plan = snakemake(folder, "-n", "--configfile", changed)
    assert plan.returncode == 0, plan.stdout
    if jobs:
        assert planned_jobs(plan.stdout) == jobs
    else:
        assert "Nothing to be done" in plan.stdout


def test_damaged_output_is_made_again(folder, results, config):
    """A deleted result is the only thing that is planned, with what follows from it."""
    table = results / "tables" / "table_1.csv"
    content = table.read_bytes()
    table.unlink()
    plan = snakemake(folder, "-n", "--configfile", TEST_CONFIG)
    table.write_bytes(content)
    assert planned_jobs(plan.stdout) == {"table_one": 1, "summary": 1, **REPORTED}


def test_warm_start(folder, last, tmp_path):
    """A table trains models that pick the initial batch; a missing one is an error, not nothing."""
    content = yaml.safe_load(TEST_CONFIG.read_text())
    changed = tmp_path / "config.yaml"
    content["loop"]["start_table"] = str(last / "model" / "labelled.parquet")
    changed.write_text(yaml.safe_dump(content))
    plan = snakemake(folder, "-n", "--configfile", changed)
    assert plan.returncode == 0, plan.stdout
    jobs = planned_jobs(plan.stdout)
    assert jobs == {"train_start": 1, "predict_start": 2, **FROM_SELECTION}

    content["loop"] |= {"start_table": None, "start_model": str(last / "model")}
    changed.write_text(yaml.safe_dump(content))
    plan = snakemake(folder, "-n", "--configfile", changed)
    assert planned_jobs(plan.stdout) == {"predict_start": 2, **FROM_SELECTION}

    content["loop"]["start_model"] = "nowhere"
    changed.write_text(yaml.safe_dump(content))
    plan = snakemake(folder, "-n", "--configfile", changed)
    assert plan.returncode == 1
    assert "loop.start_model: nowhere/training.json does not exist" in plan.stdout
