"""Records of jobs: what they say of work that ends, fails, is killed, or cannot be recorded."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tlsfind import jobs, provenance, tables
from tlsfind.cli import main
from tlsfind.config import load, parse
from tlsfind.errors import InputError
from tlsfind.progress import progress

BUSY = """
import time
while time.process_time() < 0.3:
    pass
"""

WORK = """
import sys, time
from tlsfind.jobs import recorded
from tlsfind.progress import progress
with recorded("explore", "T0.1-0000 block 3", "abc", 7), progress(10, "work") as advance:
    advance(4)
    print("working", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setenv(jobs.VARIABLE, str(tmp_path / jobs.FOLDER))
    return tmp_path


def content(output):
    """A config for results in a folder."""
    return {
        "run": {"name": "x", "output": str(output), "seed": 3},
        "glasses": [{"preparation_temperature": 0.1, "count": 1}],
        "prepare": {"blocks": 20},
        "explore": {"trajectories": 1, "steps": 10, "quench_every": 5},
    }


def only(results):
    """The only record of a run."""
    (record,) = jobs.read_records(results)
    return record


def test_record_of_work_that_ends(results, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "815")
    with jobs.recorded("explore", "T0.1-0000 block 3", "abc", 7), progress(10, "work") as advance:
        during = only(results)
        advance(4)
    assert (during.status, during.done, during.total) == ("running", 0, 0)
    assert not jobs.is_lost(during)
    after = only(results)
    assert (after.stage, after.item) == ("explore", "T0.1-0000 block 3")
    assert (after.status, after.done, after.total) == ("done", 4, 10)
    assert (after.pid, after.slurm_job) == (os.getpid(), "815")
    assert (after.config_hash, after.seed, after.message) == ("abc", 7, "")
    assert after.cpu_seconds > 0
    assert after.max_rss_mb > 10
    assert datetime.fromisoformat(after.started) <= datetime.fromisoformat(after.updated)
    (file,) = (results / jobs.FOLDER / "explore").iterdir()
    assert file.name.startswith("T0.1-0000-block-3-")
    assert file.name.endswith(f"Z-{os.getpid()}.json")


def test_record_of_work_that_fails(results):
    def work():
        with jobs.recorded("pairs", "", "", 0):
            raise InputError("no minima\nat all")

    with pytest.raises(InputError):
        work()
    record = only(results)
    assert (record.status, record.message) == ("failed", "no minima")


def test_signs_of_life_tell_the_progress(results, monkeypatch):
    monkeypatch.setattr(jobs, "INTERVAL", 0.01)
    with jobs.recorded("pairs", "", "", 0), progress(10, "work") as advance:
        advance(6)
        limit = datetime.now(UTC) + timedelta(seconds=60)
        while only(results).done != 6:
            assert datetime.now(UTC) < limit


def test_no_sign_of_life_comes_after_the_end(results, monkeypatch):
    """The thread that gives signs of life may wake up while the end is written."""
    keepers = []
    beat = jobs._Keeper.beat
    monkeypatch.setattr(jobs._Keeper, "beat", lambda keeper: keepers.append(keeper))
    with jobs.recorded("pairs", "", "", 0):
        pass
    monkeypatch.setattr(jobs._Keeper, "beat", beat)
    (keeper,) = keepers
    keeper.write()
    assert only(results).status == "done"


def test_processor_time_is_that_of_the_process_and_its_children(results):
    """Work of a process and of a child of it that has ended."""
    with jobs.recorded("pairs", "", "", 0):
        before = only(results).cpu_seconds
        end = time.process_time() + 0.3
        while time.process_time() < end:
            pass
        subprocess.run([sys.executable, "-c", BUSY], check=True)
    assert only(results).cpu_seconds - before >= 0.6


def test_killed_work_is_lost(results):
    """A process killed with -9 leaves a running record; on its host it is known at once."""
    with subprocess.Popen([sys.executable, "-c", WORK], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"working\n"
        record = only(results)
        assert record.status == "running"
        assert not jobs.is_lost(record)
        process.send_signal(signal.SIGKILL)
    assert jobs.is_lost(only(results))
    elsewhere = replace(record, host="another-machine")
    begin = datetime.fromisoformat(record.updated)
    assert not jobs.is_lost(elsewhere, begin + timedelta(seconds=jobs.LOST_AFTER - 1))
    assert jobs.is_lost(elsewhere, begin + timedelta(seconds=jobs.LOST_AFTER + 1))
    done = replace(elsewhere, status="done")
    assert not jobs.is_lost(done, begin + timedelta(days=1))


def test_nothing_is_recorded_unless_asked(tmp_path, monkeypatch):
    monkeypatch.delenv(jobs.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    with jobs.recorded("pairs", "", "", 0):
        pass
    assert list(tmp_path.iterdir()) == []


def test_work_goes_on_where_no_record_can_be_written(results, caplog):
    (results / jobs.FOLDER).write_text("a file where the folder should be")
    with jobs.recorded("pairs", "", "", 0):
        done = True
    assert done
    assert [r.levelname for r in caplog.records] == ["WARNING"]
    assert "is not written" in caplog.text


def test_damaged_records_are_left_out(results, caplog):
    with jobs.recorded("pairs", "", "", 0):
        pass
    (results / jobs.FOLDER / "pairs" / "cut.json").write_text('{"stage": "pai')
    assert only(results).stage == "pairs"
    assert "cut.json is damaged" in caplog.text


def test_commands_of_a_stage_are_recorded(results, tmp_path):
    """A command that fails leaves its message in the record, whatever it was."""
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps(content(results)))
    command = ["explore", "T0.1-0000", tmp_path / "none.npz", "--block", 0]
    command += ["--config", config, "--output", tmp_path / "block"]
    assert main(list(map(str, command))) == 2
    record = only(results)
    assert (record.stage, record.item) == ("explore", "T0.1-0000 block 0")
    assert record.status == "failed"
    assert "none.npz" in record.message
    assert (record.config_hash, record.seed) == (load(config).hash, 3)

    jobs_table = tmp_path / "jobs.parquet"
    assert main(["provenance", str(results), "-c", str(config), "-o", str(jobs_table)]) == 0
    rows = tables.read(jobs_table, tables.schema("jobs").names).to_dict("records")
    assert [(row["stage"], row["status"]) for row in rows] == [
        ("explore", "failed"),
        ("provenance", "running"),
    ]


def test_starts_are_kept_with_the_versions(tmp_path):
    config = parse(content(tmp_path / "run"), "test")
    for _ in range(2):
        provenance.record_start(config, ["snakemake", "--cores", "2"])
        with (tmp_path / "run" / provenance.STARTS).open("a") as file:
            file.write('{"started": "20')  # cut off
    starts = provenance.read_starts(tmp_path / "run")
    assert len(starts) == 2
    assert starts[0]["command"] == "snakemake --cores 2"
    assert starts[0]["config_hash"] == config.hash
    assert starts[0]["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"numpy", "lightgbm", "snakemake"} <= set(starts[0]["versions"])
