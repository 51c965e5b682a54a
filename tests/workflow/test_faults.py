"""Faults in the middle of a run: what is solved is not solved again, and the tables are the same.

Every fault is done to a copy of the finished run from which some results were deleted.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from tlsfind import tables
from tlsfind.cli import main
from tlsfind.paths.journal import count_whole
from workflow_runs import TEST_CONFIG, copy_without, snakemake, start

KEYS = ["glass", "minimum_a", "minimum_b"]
BATCH = "loop/00/paths/batch-000.parquet"
SOLVED = "loop/00/paths.parquet"
CONFIGURED = ("--configfile", TEST_CONFIG, "--cores", 1)
PATIENCE = 120.0
#: What is left out of a copy so that batch 0 of the paths is solved again.
UNSOLVED = ("loop/00/paths/batch-000.*", "loop/00/candidates/batch-000.*", SOLVED)


@pytest.fixture(scope="module")
def expected(folder):
    """The results of the undisturbed run."""
    return folder / "results" / "test"


def run(folder, results, *targets):
    """Run snakemake in a copy to some of its results and return the output."""
    wanted = [(results / target).relative_to(folder) for target in targets]
    done = snakemake(folder, *CONFIGURED, *wanted)
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def same_table(results, expected, name):
    """The table ``name`` equals that of the undisturbed run; it has each pair once."""
    frames = [tables.read(root / name) for root in (results, expected)]
    frames = [frame.drop(columns="seconds", errors="ignore") for frame in frames]
    pd.testing.assert_frame_equal(*frames, check_exact=True)
    if set(KEYS) <= set(frames[0]) and "paths" in name:
        assert not frames[0].duplicated(KEYS).any()


def journal_keys(results, name=BATCH):
    """Keys of the pairs in the journal of a batch."""
    lines = (results / f"{name}.journal").read_bytes().splitlines()[1:]
    return [json.loads(line.partition(b" ")[2])["key"] for line in lines if line.endswith(b"}")]


def assert_solved_once(results, expected):
    """The solved paths are those of the undisturbed run, and none was solved twice."""
    for name in (BATCH, SOLVED):
        same_table(results, expected, name)
    keys = journal_keys(results)
    assert len(keys) == len(set(keys)) == len(tables.read(results / BATCH))


def wait_until(condition):
    """What ``condition`` gives as soon as it is true."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.005)
    return found


def solved_some(results, least=5):
    """Whether the journal of the batch says that so many paths are solved."""
    file = results / f"{BATCH}.journal"
    return file.exists() and count_whole(file)[0] >= least


def processes(folder, word):
    """Running tlsfind commands that were started in ``folder``."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
            here = (process / "cwd").resolve() == Path(folder).resolve()
        except OSError:
            continue
        names = [Path(os.fsdecode(argument)).name for argument in arguments]
        if here and word in names and "tlsfind" in names[:2]:
            found.append(int(process.name))
    return found


def end(process, kind):
    """Send a signal to a process of this test and wait for its end."""
    process.send_signal(kind)
    return process.wait(timeout=PATIENCE)


def test_a_job_is_killed(folder, expected, tmp_path):
    """With signal 9, while it solves paths."""
    results = copy_without(folder, tmp_path, *UNSOLVED)
    target = (results / SOLVED).relative_to(tmp_path)
    workflow = start(tmp_path, *CONFIGURED, target)
    wait_until(lambda: solved_some(results))
    (job,) = processes(tmp_path, "paths")
    os.kill(job, signal.SIGKILL)
    assert workflow.wait(timeout=PATIENCE) != 0
    assert not (results / BATCH).exists()
    solved = len(journal_keys(results))
    assert 5 <= solved < 40
    run(tmp_path, results, SOLVED)
    log = (results / "logs" / "paths" / "00-000.log").read_text()
    assert f"{solved} paths of this batch are solved already" in log
    assert_solved_once(results, expected)


def test_the_workflow_is_ended_with_term(folder, expected, tmp_path):
    """It lets the running jobs finish, starts no others, and can be started again."""
    results = copy_without(folder, tmp_path, *UNSOLVED)
    target = (results / SOLVED).relative_to(tmp_path)
    workflow = start(tmp_path, *CONFIGURED, target)
    wait_until(lambda: solved_some(results))
    end(workflow, signal.SIGTERM)
    assert not processes(tmp_path, "paths")
    assert (results / BATCH).exists()
    assert not (results / SOLVED).exists()
    run(tmp_path, results, SOLVED)
    assert_solved_once(results, expected)


def test_the_workflow_is_killed(folder, expected, tmp_path):
    """Its job goes on alone, its lock stays; the next workflow waits for the job."""
    results = copy_without(folder, tmp_path, *UNSOLVED)
    target = (results / SOLVED).relative_to(tmp_path)
    workflow = start(tmp_path, *CONFIGURED, target)
    wait_until(lambda: solved_some(results))
    (orphan,) = processes(tmp_path, "paths")
    os.kill(orphan, signal.SIGSTOP)  # so that it is still there when the next one comes
    try:
        end(workflow, signal.SIGKILL)
        refused = snakemake(tmp_path, *CONFIGURED, target)
        assert refused.returncode != 0
        assert "--unlock" in refused.stdout
        assert snakemake(tmp_path, *CONFIGURED, "--unlock").returncode == 0
        again = start(tmp_path, *CONFIGURED, target)
        log = results / "logs" / "paths" / "00-000.log"
        wait_until(lambda: log.exists() and "waiting for it to end" in log.read_text())
    finally:
        os.kill(orphan, signal.SIGCONT)
    assert again.wait(timeout=PATIENCE) == 0, (tmp_path / "output.txt").read_text()[-4000:]
    assert_solved_once(results, expected)


@contextmanager
def disk(place, size):
    """A small disk of its own at ``place``; skips the test where that is not permitted."""
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)],
        capture_output=True,
        text=True,
    )
    if made.returncode:
        pytest.skip(f"no disk can be mounted here: {made.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def remount(place, options):
    subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True)


def fill(place, free=0):
    """Fill a disk but for ``free`` bytes."""
    size = shutil.disk_usage(place).free - free
    with (place / "filler").open("wb") as file:
        file.write(bytes(size))


def test_the_disk_is_full_in_the_middle(folder, expected, tmp_path):
    with disk(tmp_path / "disk", "64m") as place:
        results = copy_without(folder, place, *UNSOLVED)
        fill(place, 300_000)
        target = (results / SOLVED).relative_to(place)
        done = snakemake(place, *CONFIGURED, target)
        assert done.returncode != 0
        assert "cannot be written: the disk is full" in done.stdout, done.stdout[-4000:]
        assert not (results / BATCH).exists()
        assert not list(results.rglob("*.tmp"))
        solved = len(journal_keys(results))
        assert 0 < solved < 40
        remount(place, "size=128m")
        run(place, results, SOLVED)
        assert_solved_once(results, expected)


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
    minima = results / "landscape" / "T0.12-0001" / "minima.npz"
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
    run(tmp_path, tmp_path, *targets)
    assert (results / f"{BATCH}.journal").read_bytes() == stamp
    assert batch.read_bytes() == (expected / BATCH).read_bytes()
    same_table(results, expected, f"pairs/{pairs.name}")
    assert minima.read_bytes() == (expected / minima.relative_to(results)).read_bytes()
    assert json.loads(state.read_text()) == json.loads(
        (expected / "loop/00/state.json").read_text()
    )
    assert "Nothing to be done" in snakemake(tmp_path, *CONFIGURED, "-n").stdout
    assert main(["check", str(results)]) == 0
