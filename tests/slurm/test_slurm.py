"""``snakemake --profile slurm`` on a real Slurm: killed jobs and killed controllers lose nothing.

One run has all the faults: a job is cancelled, a command is killed with -9, the controlling
snakemake is killed with -9 and, started again, with TERM; see ``slurm_run.Faults``.
"""

from __future__ import annotations

import re

from slurm_run import BATCH, RETRIED

from tlsfind import tables
from workflow_runs import same_files

KEYS = ["glass", "minimum_a", "minimum_b"]


def test_the_run_ends(faults):
    assert faults.statuses[-1] == 0, faults.logs[-1][-4000:]
    assert "<html" in (faults.results / "report.html").read_text()
    assert not faults.left[-1]


def test_jobs_run_in_slurm(faults):
    """With what the rule asks for, in the profile's partition."""
    text = "\n".join(faults.logs)
    for rule in ("prepare", "explore", "solve_paths", "train", "report"):
        assert f"rule_{rule}" in text, rule
    for key in ("slurm_partition=main", "mem_mb=", "runtime="):
        assert re.search(rf"resources: .*{key}", text), key
    assert "Falling back to 'sacct'" not in text


def test_same_results_as_undisturbed(faults, reference):
    assert len(same_files(reference, faults.results)) > 70


def test_killed_jobs_are_retried(faults):
    """The cancelled job and the one whose command was killed, and no other."""
    assert faults.logs[0].count(RETRIED) == 2
    assert "SLURM status is: 'CANCELLED'" in faults.logs[0]
    assert "SLURM status is: 'FAILED'" in faults.logs[0]
    assert all(RETRIED not in log for log in faults.logs[1:])


def test_a_retried_job_asks_for_more(faults):
    log = faults.logs[0]
    for job in re.findall(rf"{RETRIED} (\d+)", log):
        asked = re.findall(
            rf"    jobid: {job}\n(?:    .*\n)*?    resources: .*mem_mb=(\d+).*runtime=(\d+)", log
        )
        (memory, minutes), (more_memory, more_minutes) = (map(int, pair) for pair in asked)
        assert more_memory > memory
        assert more_minutes > minutes


def test_no_path_is_lost_or_doubled(faults):
    selected = tables.read_many(sorted(faults.results.glob("loop/*/selection/*.parquet")))
    last = sorted((faults.results / "loop").iterdir())[-1]
    paths = tables.read(last / "paths.parquet")
    assert not paths.duplicated(KEYS).any()
    assert sorted(map(tuple, paths[KEYS].to_numpy())) == sorted(
        map(tuple, selected[KEYS].to_numpy())
    )


def test_no_path_is_solved_again(faults):
    """What was in a journal at a kill is in the final table: same solution, same seconds."""
    assert len(faults.known) > 5
    tables_of_batches = [faults.results / BATCH.format(number) for number in range(3)]
    final = set(tables.read_many(tables_of_batches)["seconds"])
    assert faults.known <= final


def test_lock_of_a_killed_controller(faults):
    """Started again it says what to do, and nothing runs."""
    assert faults.statuses[:3] == [-9, 1, 0]
    assert faults.left[0], "jobs of a killed controller go on"
    assert "--unlock" in faults.locked
    assert "has been submitted" not in faults.locked


def test_terminated_controller_waits_for_its_jobs(faults):
    """And leaves no lock: the next one was started without --unlock."""
    assert faults.statuses[3] != 0
    assert not faults.left[3]


def test_logs_stay_in_the_project(faults):
    """Logs of jobs that failed are kept, the other ones are deleted."""
    kept = list((faults.folder / ".snakemake" / "slurm_logs").rglob("*.log"))
    assert kept
    assert not list(faults.folder.glob("slurm-*.out"))
