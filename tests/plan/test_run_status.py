"""How far a run has come, on a synthetic run folder and on hand-made records."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from synthetic_run import make_config, make_run
from tlsfind import config as settings
from tlsfind import tables
from tlsfind.errors import InputError
from tlsfind.jobs import Record
from tlsfind.paths.journal import Journal
from tlsfind.plan import measured
from tlsfind.plan.controller import find
from tlsfind.plan.status import look, to_dict
from tlsfind.plan.status_page import headline, lines, table

HERE = socket.gethostname()


def record(results, stage, item, status="done", seconds=60.0, age=0.0, done=0, total=0, **other):
    """Write the record of an attempt whose last sign of life is ``age`` seconds old."""
    now = datetime.now(UTC) - timedelta(seconds=age)
    content = Record(
        stage=stage, item=item, status=status, host="elsewhere", pid=1, slurm_job="",
        started=(now - timedelta(seconds=seconds)).isoformat(timespec="seconds"),
        updated=now.isoformat(timespec="seconds"), wall_seconds=seconds, cpu_seconds=seconds,
        max_rss_mb=100.0, done=done, total=total, version="0", config_hash="x", seed=1, message="",
    )  # fmt: skip
    content = {**asdict(content), **other}
    folder = results / "jobs" / stage
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{len(list(folder.iterdir()))}.json").write_text(json.dumps(content))


def rule(status, name):
    return next(row for row in status.rules if row.rule == name)


@pytest.fixture
def empty(tmp_path):
    """A run that has only begun."""
    config = make_config(tmp_path / "results", {0.09: 2})
    config.run.output.mkdir()
    (config.run.output / "config.yaml").write_text(settings.dump(config))
    return config.run.output


@pytest.fixture
def run(tmp_path):
    """A synthetic run whose loop has converged, with its paths."""
    config = make_config(tmp_path / "results", {0.09: 2})
    return config.run.output, make_run(config, minima=60, iterations=2)


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        look(tmp_path / "nothing")
    with pytest.raises(InputError, match=r"no config\.yaml"):
        look(tmp_path)


def test_a_run_that_has_only_begun(empty):
    status = look(empty)
    assert not status.finished
    assert all(row.done == 0 and not row.measured for row in status.rules)
    assert (status.paths.loop, status.paths.tls, status.spent) == (0, 0, 0.0)
    assert status.loop.iteration is None
    assert 0 < status.remaining[0] <= status.remaining[1]
    assert "goes on" in lines(status)[1]


def test_paths_double_wells_and_tls_are_counted(run):
    results, made = run
    status = look(results)
    columns = ["status", "quantum_splitting_argon"]
    solved = np.concatenate([made[name][columns].to_numpy() for name in ("paths", "standard")])
    wells = solved[solved[:, 0] == "double_well"]
    assert status.paths.loop == len(made["paths"])
    assert status.paths.standard == len(made["standard"])
    assert status.paths.double_wells == len(wells)
    assert status.paths.tls == (wells[:, 1] < 0.0015).sum() > 0
    assert status.loop.converged
    assert status.loop.iteration == 2
    # the loop has ended: what it needed is known
    assert rule(status, "assess").expected == (3, 3)
    assert rule(status, "collect_paths").done == 3
    assert rule(status, "pair_features").done == 2


def test_batches_and_journals_of_an_open_iteration_are_counted(run):
    results, made = run
    last = results / "loop" / "02"
    rows = made["paths"][made["paths"]["iteration"] == 2]
    for name in ("paths.parquet", "state.json"):
        (last / name).unlink()
    before = look(results)
    assert before.loop.iteration == 1
    assert before.paths.loop == len(made["paths"]) - len(rows)
    assert rule(before, "assess").expected == (3, 4)
    folder = last / "paths"
    schema = tables.schema("paths", tables.paths_columns(["argon", "nip"]))
    tables.write(rows.iloc[:40], folder / "batch-000.parquet", schema)
    entries = [
        {"status": "double_well", "quantum_splitting_argon": 0.0014},
        {"status": "double_well", "quantum_splitting_argon": 0.0016},
        {"status": "double_well", "quantum_splitting_argon": None},
        {"status": "single_well"},
    ]
    for batch in ("batch-000", "batch-001"):  # the table of the first is there: not counted
        with Journal(folder / f"{batch}.parquet.journal", "x") as journal:
            for k, row in enumerate(entries):
                journal.add(str(k), row, [])
    with (folder / "batch-001.parquet.journal").open("ab") as file:
        file.write(b'12345678 {"key": "5", "row": {"sta')
    after = look(results)
    first = rows.iloc[:40]
    wells = first[first["status"] == "double_well"]
    assert after.paths.loop == before.paths.loop + 40 + 4
    assert after.paths.journals == 4
    assert after.paths.double_wells == before.paths.double_wells + len(wells) + 3
    tls = (wells["quantum_splitting_argon"] < 0.0015).sum()
    assert after.paths.tls == before.paths.tls + tls + 1
    assert rule(after, "solve_paths").done == 1


def test_damaged_files_are_named_and_not_counted_as_done(run):
    results, made = run
    pairs = sorted((results / "pairs").glob("*.parquet"))[0]
    pairs.write_bytes(pairs.read_bytes()[:-10])
    (results / "loop" / "02" / "paths.parquet").write_bytes(b"")
    status = look(results)
    assert rule(status, "pair_features").done == 1
    assert rule(status, "pair_features").damaged == 1
    assert sorted(status.damaged) == sorted([str(pairs), f"{results}/loop/02/paths.parquet"])
    assert status.paths.loop == (made["paths"]["iteration"] < 2).sum()
    assert "tlsfind check" in lines(status)[-1]


def test_a_damaged_state_is_said(run):
    results, _ = run
    (results / "loop" / "01" / "state.json").write_text("{")
    status = look(results)
    assert status.loop.iteration == 0
    assert "loop/01/state.json" in status.loop.reason
    assert not status.loop.finished


def test_records_give_attempts_times_and_what_is_left(empty):
    record(empty, "explore", "T0.09-0000 block 0", seconds=1000.0)
    record(empty, "explore", "T0.09-0001 block 0", "running", 500.0, age=10, done=30, total=40)
    record(empty, "explore", "T0.09-0001 block 0", "failed", 200.0)
    record(empty, "prepare", "T0.09-0001", "running", 100.0, age=3600)
    visits = empty / "explore" / "T0.09-0000" / "block-000" / "visits.parquet"
    tables.write([], visits, tables.schema("visits"))
    status = look(empty)
    row = rule(status, "explore")
    assert (row.done, row.expected, row.running) == (1, (2, 2), 1)
    assert (row.failed, row.lost) == (1, 0)
    assert row.measured
    assert row.seconds == 1000.0
    assert row.remaining == pytest.approx((0.25 * 1000 / 3600,) * 2)  # three quarters are done
    assert rule(status, "prepare").lost == 1
    assert status.spent == pytest.approx(1800 / 3600)
    assert status.source == "records"
    assert "2 attempt(s) failed or were lost" in "\n".join(lines(status))


def test_benchmark_tables_serve_where_there_are_no_records(empty):
    for name, seconds in (("prepare/T0.09-0000", 30), ("paths/standard-000", 7), ("report", 4)):
        file = empty / "benchmarks" / f"{name}.tsv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:01\t100\n")
    (empty / "benchmarks" / "summary.tsv").write_text("")  # killed
    status = look(empty)
    assert status.source == "benchmarks"
    assert status.spent == pytest.approx(41 / 3600)
    assert rule(status, "prepare").seconds == 30
    assert rule(status, "solve_standard").seconds == 7
    assert not rule(status, "solve_paths").measured


@pytest.mark.parametrize(
    ("command", "item", "expected"),
    [
        ("select", "0", "select_initial"),
        ("select", "3", "select_next"),
        ("select-standard", "", "select_standard"),
        ("paths", "00/paths/batch-001", "solve_paths"),
        ("paths", "standard/paths/slice-001", "solve_standard"),
        ("collect", "loop/00/paths", "collect_paths"),
        ("collect", "demo/standard/paths", "collect_standard"),
        ("collect", "standard/loop/paths", "collect_paths"),  # never by the name of the run
        ("predict", "01/predictions/000", "predict"),
        ("predict", "start/predictions/000", "predict_start"),
        ("import", "trajectory T0.1-0000", "import_frames"),
        ("pairs", "T0.1-0000", "pair_features"),
        ("table-one", "", "table_one"),
        ("landscape", "T0.1-0000", "landscape"),
    ],
)
def test_commands_belong_to_rules(command, item, expected):
    assert measured.rule_of(command, item) == expected


def start(results, folder, host=HERE):
    line = json.dumps({"folder": str(folder), "host": host})
    (results / "starts.jsonl").write_text('{"folder": "/old"}\n' + line + "\n{cut")


def lock(folder, named):
    locks = folder / ".snakemake" / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    (locks / "0.output.lock").write_text(f"{named}\n")


def test_a_controller_is_told_by_locks_and_processes(empty, tmp_path):
    assert find(empty).state == "none"
    start(empty, tmp_path)
    lock(tmp_path, "other/glasses/x")
    assert find(empty).state == "none"  # the lock of another run in the same folder
    lock(tmp_path, "results/glasses/x/glass.npz")
    assert find(empty).state == "dead"
    assert "--unlock" in find(empty).says
    start(empty, tmp_path, host="elsewhere")
    assert find(empty).state == "unknown"
    start(empty, tmp_path)
    program = tmp_path / "snakemake"
    os.symlink("/bin/sleep", program)
    process = subprocess.Popen([str(program), "60"], cwd=tmp_path)
    try:
        found = find(empty)
        assert found.state == "alive"
        assert str(process.pid) in found.says
    finally:
        process.kill()
        process.wait()
    assert find(empty).state == "dead"


def test_looking_changes_nothing(run):
    results, _ = run
    before = {path: path.stat().st_mtime_ns for path in results.rglob("*")}
    status = look(results)
    assert {path: path.stat().st_mtime_ns for path in results.rglob("*")} == before
    newest = max(path.stat().st_mtime for path in results.rglob("*") if path.is_file())
    assert datetime.fromisoformat(status.last_activity).timestamp() == pytest.approx(newest, abs=1)


def test_as_json_and_in_words(run):
    results, _ = run
    status = look(results)
    content = json.loads(json.dumps(to_dict(status)))
    assert content["finished"] is False
    assert content["loop"]["converged"] is True
    assert {row["rule"] for row in content["rules"]} >= {"explore", "solve_paths", "report"}
    header, rows = table(status)
    assert all(len(row) == len(header) for row in rows)
    assert "synthetic" in headline(status)
    assert "converged: the last batch added 0 of 9 TLS" in lines(status)[1]


def test_a_job_of_two_processes_counts_both(empty):
    record(empty, "train", "0", seconds=10.0, cpu_seconds=17.0)
    record(empty, "explore", "T0.09-0000 block 0", seconds=10.0, cpu_seconds=17.0)
    found, _ = measured.attempts(empty)
    assert found["train"].spent == 17.0
    assert found["train"].seconds == [10.0]
    assert found["explore"].spent == 10.0
