"""Faults in the middle of a run: what is solved is not solved again, and the tables are the same.

Every fault is done to a copy of the finished run from which results were deleted. One run from
little more than the glasses to the report has most of them, one after the other.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings

import psutil
import pytest
import yaml
from fault_tools import (
    KEYS,
    disk,
    end,
    fill,
    journal_keys,
    processes,
    remount,
    same_table,
    solved,
    solved_seconds,
    unwritable,
)

from os_processes import PATIENCE, wait_until
from tlsfind import tables
from tlsfind.cli import main
from workflow_runs import TEST_CONFIG, copy_without, same_files, snakemake, start

BATCH = "loop/00/paths/batch-000.parquet"
SOLVED = "loop/00/paths.parquet"
MINIMA = "landscape/T0.12-0001/minima.npz"
CONFIGURED = ("--configfile", TEST_CONFIG, "--cores", 1)
#: What is left out of a copy so that batch 0 of the paths is solved again.
UNSOLVED = ("loop/00/paths/batch-000.*", "loop/00/candidates/batch-000.*", SOLVED)


@pytest.fixture(scope="module")
def expected(folder):
    """The results of the undisturbed run."""
    return folder / "results" / "test"


class Disturbed:
    """A run of the test config that is told to go on to its end after each fault.

    Attributes:
        folder: where it runs.
        results: its results.
        known: seconds of the paths that were solved when something happened.
    """

    #: Batches, other blocks and glasses go on beside what is hurt.
    CONFIGURED = ("--configfile", TEST_CONFIG, "--cores", 2)

    def __init__(self, finished, folder):
        kept = {"config.yaml", "glasses", "explore"}
        finished_results = finished / "results" / "test"
        left_out = [path.name for path in finished_results.iterdir() if path.name not in kept]
        self.folder = folder
        self.results = copy_without(finished, folder, *left_out, "explore/T0.12-0001")
        self.known = set()
        self._workflows = []

    def start(self, *targets):
        """Go on to the end, or to some results."""
        self._workflows.append(start(self.folder, *self.CONFIGURED, *targets))
        return self._workflows[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """End what a failure has left running."""
        for workflow in self._workflows:
            if workflow.poll() is None:
                os.killpg(workflow.pid, signal.SIGKILL)
                workflow.wait()

    def run(self, *targets):
        """Go on to the end, or to some results; exit status and output."""
        done = snakemake(self.folder, *self.CONFIGURED, *targets)
        return done.returncode, done.stdout

    def job(self, workflow, stage, part, ready=lambda: True):
        """Number of the process of a stage, once it runs and is ``ready``."""
        wait_until(ready, workflow)
        (job,) = wait_until(lambda: processes(self.folder, stage, part), workflow)
        return job

    def explore_killed(self):
        """With signal 9; what else was running ends, nothing of the block is there."""
        # nothing else to do, or the scheduler might start it instead of the other block
        blocks = (f"results/test/explore/T0.12-0001/block-00{i}/visits.parquet" for i in (0, 1))
        workflow = self.start(*blocks)
        job = self.job(workflow, "explore", "block-000")
        time.sleep(2.0)
        os.kill(job, signal.SIGKILL)
        assert workflow.wait(timeout=PATIENCE) != 0
        killed, other = (self.results / f"explore/T0.12-0001/block-00{i}" for i in (0, 1))
        assert not list(killed.glob("*.parquet"))
        assert not list(killed.glob("*.npz"))
        assert (other / "visits.parquet").exists()

    def folder_unwritable(self):
        """The stage that writes there fails with one message; the job beside it ends well."""
        pairs = self.results / "pairs"  # of the glass that no fault has met it may be there already
        before = set(pairs.glob("*"))
        assert before <= {pairs / "T0.12-0000.parquet"}
        with unwritable(pairs) as refusal:
            if refusal:
                warnings.warn(f"no folder is made unwritable: {refusal}", stacklevel=2)
                return
            status, output = self.run()
            assert status != 0
            assert "its disk is read-only" in output or "Read-only file system" in output, output
            assert set(pairs.iterdir()) == before
        assert (self.results / "explore/T0.12-0001/block-000/visits.parquet").exists()

    def paths_killed(self):
        """With signal 9, in the middle of a batch."""
        batch = self.results / BATCH
        workflow = self.start()
        job = self.job(workflow, "paths", "batch-000", lambda: solved(batch) >= 5)
        os.kill(job, signal.SIGKILL)
        assert workflow.wait(timeout=PATIENCE) != 0
        assert not batch.exists()
        assert 5 <= len(journal_keys(batch)) < 40
        self.known |= solved_seconds(self.results)

    def workflow_killed(self):
        """With signal 9: its job goes on alone, its lock stays; the next one waits for the job.

        Returns:
            The next workflow.
        """
        batch, log = self.results / BATCH, self.results / "logs/paths/00-000.log"
        before = solved(batch)
        workflow = self.start()
        orphan = self.job(workflow, "paths", "batch-000", lambda: solved(batch) > before)
        os.kill(orphan, signal.SIGSTOP)  # so that it is still there when the next one comes
        try:
            assert f"{before} paths of this batch are solved already" in log.read_text()
            end(workflow, signal.SIGKILL)
            self.known |= solved_seconds(self.results)
            status, output = self.run()
            assert status != 0
            assert "--unlock" in output
            assert self.run("--unlock")[0] == 0
            workflow = self.start()
            wait_until(
                lambda: log.exists() and "waiting for it to end" in log.read_text(), workflow
            )
        finally:
            os.kill(orphan, signal.SIGCONT)
        return workflow

    def workflow_terminated(self, workflow):
        """It lets its running job finish, starts no others, and leaves no lock."""
        batch = self.results / "loop/01/paths/batch-000.parquet"
        wait_until(lambda: solved(batch) >= 3, workflow)
        self.known |= solved_seconds(self.results)
        assert not batch.exists()
        assert end(workflow, signal.SIGTERM) != 0
        assert not processes(self.folder, "paths")
        assert batch.exists()
        assert not (self.results / "loop/01/paths.parquet").exists()


def test_a_run_with_one_fault_after_the_other(folder, expected, tmp_path):
    """From the glasses to the report: the results of the undisturbed run, all solved once."""
    with Disturbed(folder, tmp_path) as run:
        run.explore_killed()
        run.folder_unwritable()
        run.paths_killed()
        workflow = run.workflow_killed()
        run.workflow_terminated(workflow)
        status, output = run.run()
    assert status == 0, output[-4000:]

    assert len(same_files(expected, run.results)) > 70
    assert main(["check", str(run.results)]) == 0
    paths = tables.read(sorted((run.results / "loop").iterdir())[-1] / "paths.parquet")
    selected = tables.read_many(sorted(run.results.glob("loop/*/selection/*.parquet")))
    keys = [sorted(map(tuple, frame[KEYS].to_numpy())) for frame in (paths, selected)]
    assert keys[0] == keys[1]
    assert len(set(keys[0])) == len(keys[0])
    journals = list(run.results.rglob("*.journal"))
    assert len(journals) > 5
    for file in journals:
        table = file.with_suffix("")
        solved_keys = journal_keys(table)
        assert len(solved_keys) == len(set(solved_keys)) == len(tables.read(table))
    assert len(run.known) > 50
    assert run.known <= set(paths["seconds"])


@pytest.fixture
def lammps_batch(expected, tmp_path):
    """A command that solves four pairs of the run with the forces of LAMMPS, in some seconds."""
    content = yaml.safe_load((expected / "config.yaml").read_text())
    content["engine"] = {"name": "lammps"}
    content["paths"].update(images=10, refinements=0)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content))
    known = tables.read(expected / SOLVED)
    short = known[known["status"] == "double_well"].nsmallest(4, "path_length")[KEYS]
    every = tables.read_many(sorted(expected.glob("loop/00/selection/*.parquet")))
    rows = every.merge(short, on=KEYS).to_dict("records")
    assert len(rows) == 4
    tables.write(rows, tmp_path / "selection.parquet", tables.schema("selection"))

    def begin(output):
        output.mkdir()
        arguments = ["paths", tmp_path / "selection.parquet", expected / "landscape",
                     "--config", tmp_path / "config.yaml", "--output", output / "paths.parquet",
                     "--candidates", output / "candidates.parquet"]  # fmt: skip
        program = [sys.executable, "-m", "tlsfind", *map(str, arguments)]
        with (output / "log").open("w") as log:
            return subprocess.Popen(program, stderr=log)

    return begin


def lammps_process(process):
    """The process of LAMMPS of a command."""
    for child in psutil.Process(process.pid).children():
        if any("spawn_main" in argument for argument in child.cmdline()):
            return child
    return None


def test_the_process_of_lammps_is_killed(lammps_batch, tmp_path):
    """In the middle of a path, with signal 9: one warning, and the same tables."""
    undisturbed, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
    assert lammps_batch(undisturbed).wait(timeout=PATIENCE) == 0
    command = lammps_batch(disturbed)
    table = disturbed / "paths.parquet"
    try:
        wait_until(lambda: solved(table), command)
        time.sleep(0.1)
        worker = lammps_process(command)
        worker.suspend()
        assert solved(table) < 4
        worker.kill()
        assert command.wait(timeout=PATIENCE) == 0
    finally:
        command.kill()
    log = (disturbed / "log").read_text()
    assert log.count("WARNING") == 1
    assert "killed by SIGKILL" in log
    assert set(tables.read(table)["status"]) <= {"double_well", "multiple_wells"}
    assert len(set(journal_keys(table))) == len(journal_keys(table)) == 4
    for name in ("paths.parquet", "candidates.parquet"):
        same_table(disturbed, undisturbed, name)


def test_the_disk_is_full_in_the_middle(folder, expected, tmp_path):
    with disk(tmp_path / "disk", "64m") as place:
        results = copy_without(folder, place, *UNSOLVED)
        batch = results / BATCH
        fill(place, 300_000)
        target = (results / SOLVED).relative_to(place)
        done = snakemake(place, *CONFIGURED, target)
        assert done.returncode != 0
        assert "cannot be written: the disk is full" in done.stdout, done.stdout[-4000:]
        assert not batch.exists()
        assert not list(results.rglob("*.tmp"))
        assert 0 < len(journal_keys(batch)) < 40
        seconds = solved_seconds(batch.parent)
        remount(place, "size=128m")
        done = snakemake(place, *CONFIGURED, target)
        assert done.returncode == 0, done.stdout[-4000:]
        for name in (BATCH, SOLVED):
            same_table(results, expected, name)
        keys = journal_keys(batch)
        assert len(keys) == len(set(keys)) == len(tables.read(batch))
        assert seconds <= set(tables.read(results / SOLVED)["seconds"])


def stage_commands(results, output):
    """Commands of several stages that read the results of a run and write to ``output``."""
    pairs = sorted((results / "pairs").glob("*.parquet"))
    iteration, landscapes = results / "loop" / "00", results / "landscape"
    predictions = sorted((iteration / "predictions").glob("*.parquet"))
    blocks = sorted((results / "explore" / "T0.12-0000").iterdir())
    solved = iteration / "paths.parquet"
    batch = iteration / "selection" / "batch-000.parquet"
    return [
        ["landscape", "T0.12-0000", *blocks, "--output", output / "landscape"],
        ["pairs", "T0.12-0000", landscapes / "T0.12-0000", "--output", output / "pairs.parquet"],
        ["select", *pairs, "--iteration", 0, "--output", output / "selection"],
        ["paths", batch, landscapes, "--output", output / "p.parquet",
         "--candidates", output / "c.parquet"],
        ["collect", solved, "--output", output / "all.parquet"],
        ["assess", *predictions, "--iteration", 0, "--paths", solved,
         "--model", iteration / "model", "--output", output / "assess"],
        ["library", *pairs, "--paths", solved, "--landscapes", landscapes,
         "--output", output / "library"],
        ["table-one", results, "--output", output / "table.csv"],
        ["figures", results, "--output", output / "figures"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("full", "No space left on device"), ("read-only", "Read-only file system")],
)
def test_a_disk_that_cannot_be_written_to_is_one_message(expected, tmp_path, capsys, fault, reason):
    """It names the file and the folder; nothing is half-written, and what was there stays."""
    with disk(tmp_path / "disk", "1m") as place:
        if fault == "full":
            fill(place)
        else:
            remount(place, "ro")
        before = sorted(place.rglob("*"))
        for arguments in stage_commands(expected, place):
            words = [*map(str, arguments), "--config", str(expected / "config.yaml")]
            assert main(words) == 2, arguments
            lines = [x for x in capsys.readouterr().err.splitlines() if x.startswith("tlsfind: ")]
            assert len(lines) == 1
            assert lines[0].startswith(f"tlsfind: error: {place}"), lines
            wording = "the disk is full" if fault == "full" else "its disk is read-only"
            assert wording in lines[0] or reason in lines[0]
            files = [path for path in sorted(place.rglob("*")) if path.is_file()]
            assert [path for path in files if path.stat().st_size] == [
                path for path in before if path.is_file()
            ], arguments


def test_damaged_files_are_named_deleted_and_made_again(folder, expected, tmp_path, capsys):
    """In a finished run; only what was damaged is made again, and no path is solved for it."""
    results = copy_without(folder, tmp_path)
    batch, pairs = results / BATCH, results / "pairs" / "T0.12-0000.parquet"
    minima = results / MINIMA
    state, models = results / "loop/00/state.json", results / "loop/00/model/models"
    damaged = {batch, pairs, minima, state}
    state.write_bytes(b"")
    name = state.relative_to(tmp_path)
    assert f"{name} is damaged: delete it" in snakemake(tmp_path, *CONFIGURED, "-n").stdout
    batch.write_bytes(b"")
    os.truncate(pairs, 3000)
    os.truncate(minima, 20000)
    config = ["--config", str(results / "config.yaml")]
    hint = "tlsfind check DIR --remove"
    for arguments, file in (
        (["collect", batch, "--output", tmp_path / "a.parquet"], batch),
        (["select", pairs, "--iteration", 0, "--output", tmp_path / "b"], pairs),
        (["pairs", "T0.12-0001", minima.parent, "--output", tmp_path / "c.parquet"], minima),
    ):
        assert main([*map(str, arguments), *config]) == 2
        message = capsys.readouterr().err.splitlines()[-1]
        assert str(file) in message
        assert hint in message

    # a command that reads it names a damaged model, too
    broken = models / "classifier/autogluon/predictor.pkl"
    os.truncate(broken, broken.stat().st_size // 2)
    predict = ["predict", expected / "pairs" / pairs.name, "--model", models.parent]
    assert main([*map(str, predict), "--output", str(tmp_path / "d.parquet"), *config]) == 2
    assert hint in capsys.readouterr().err.splitlines()[-1]
    shutil.rmtree(models)
    shutil.copytree(expected / "loop/00/model/models", models)

    assert main(["check", str(results)]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert {line.split(": ")[1] for line in lines} == set(map(str, damaged))
    assert all(file.exists() for file in damaged)
    assert main(["check", str(results), "--remove"]) == 0
    targets = capsys.readouterr().out.splitlines()[-1].split()
    assert set(targets) == {str(file.relative_to(tmp_path)) for file in damaged}
    assert not any(file.exists() for file in damaged)

    stamp = (results / f"{BATCH}.journal").read_bytes()
    done = snakemake(tmp_path, *CONFIGURED, *targets)
    assert done.returncode == 0, done.stdout[-4000:]
    assert (results / f"{BATCH}.journal").read_bytes() == stamp
    assert batch.read_bytes() == (expected / BATCH).read_bytes()
    same_table(results, expected, f"pairs/{pairs.name}")
    assert minima.read_bytes() == (expected / minima.relative_to(results)).read_bytes()
    assert json.loads(state.read_text()) == json.loads(
        (expected / "loop/00/state.json").read_text()
    )
    assert "Nothing to be done" in snakemake(tmp_path, *CONFIGURED, "-n").stdout
    assert main(["check", str(results)]) == 0
