"""What jobs ask of a scheduler: by the size of their inputs, and more at a second attempt.

Inputs are made to look large by a hole at their end, in copies of the finished run.
"""

from __future__ import annotations

import os
import re

import pytest

from tlsfind import config as settings
from tlsfind.plan.resources import Resources
from workflow_runs import TEST_CONFIG, copy_without, snakemake

NEEDS = Resources(settings.load(TEST_CONFIG))
#: MB; different sums, differences and largest values.
MINIMA, PAIRS, BLOCKS = (300, 450), (4000, 7000), ((200, 90), (330, 150))
OF_PAIRS = ("select_initial", "train", "select_standard", "library", "draw", "table_one",
            "table_two", "summary")  # fmt: skip


def enlarge(path, megabytes):
    """Make a file look so large, without a change of its time or use of the disk."""
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    os.truncate(path, megabytes * 10**6)
    os.utime(path, ns=times)


def asked(output):
    """MB and minutes of every job that snakemake shows, by rule and, where it has one, wildcard.

    Values are lists: one entry for each time that the job is shown.
    """
    found = {}
    start = r"^(?:local)?(?:rule|checkpoint) (\w+):\n((?: +.*\n)+)"
    for rule, lines in re.findall(start, output, re.MULTILINE):
        if rule == "all":
            continue
        wildcards = dict(re.findall(r"(\w+)=([\w.-]+)", re.search("wildcards: (.*)|$", lines)[0]))
        item = wildcards.get("glass") or wildcards.get("job")
        (resources,) = re.findall("resources: (.*)", lines)
        values = dict(re.findall(r"(\w+)=(\d+)", resources))
        numbers = int(values["mem_mb"]), int(values["runtime"])
        found.setdefault((rule, item) if item else rule, []).append(numbers)
    return found


def needs(rule, megabytes=None):
    return NEEDS.memory(rule, megabytes), NEEDS.runtime(rule, megabytes)


@pytest.fixture(scope="module")
def copy(folder, tmp_path_factory):
    """A copy of the run without its loop and what follows, whose arrays and tables look large."""
    path = tmp_path_factory.mktemp("resources") / "copy"
    results = copy_without(folder, path, "loop", "standard", "library", "figures", "tables")
    for k, size in enumerate(MINIMA):
        enlarge(results / f"landscape/T0.12-{k:04d}/minima.npz", size)
        enlarge(results / f"pairs/T0.12-{k:04d}.parquet", PAIRS[k])
        for block, megabytes in enumerate(BLOCKS[k]):
            enlarge(results / f"explore/T0.12-{k:04d}/block-{block:03d}/minima.npz", megabytes)
    return path, results


def dry_run(folder):
    done = snakemake(folder, "-n", "--configfile", TEST_CONFIG)
    assert done.returncode == 0, done.stdout[-4000:]
    return asked(done.stdout)


def test_jobs_ask_by_the_size_of_their_inputs(copy):
    folder, _ = copy
    found = dry_run(folder)
    for k, size in enumerate(PAIRS):
        assert found["predict", f"{k:03d}"] == [needs("predict", size)]
    for rule in OF_PAIRS:
        assert found[rule] == [needs(rule, sum(PAIRS))], rule
    for rule in ("solve_paths", "solve_standard"):  # the glasses are mapped one after the other
        assert set(found[rule]) == {needs(rule, max(MINIMA))}
    # each of these is told from the estimate, and single files from their sum
    estimate = {rule: needs(rule) for rule in ("predict", "train", "solve_paths")}
    assert found["train"] != [estimate["train"]]
    assert found["solve_paths"][0] != estimate["solve_paths"]
    assert needs("solve_paths", max(MINIMA)) != needs("solve_paths", sum(MINIMA))
    assert len({estimate["predict"], *(found["predict", f"{k:03d}"][0] for k in (0, 1))}) == 3


def test_what_is_not_there_yet_is_estimated(copy):
    folder, results = copy
    (results / "pairs/T0.12-0000.parquet").unlink()
    for name in ("minima.npz", "minima.parquet", "transitions.parquet", "visits.parquet"):
        (results / f"landscape/T0.12-0001/{name}").unlink()
    found = dry_run(folder)
    assert found["landscape", "T0.12-0001"] == [needs("landscape", sum(BLOCKS[1]))]
    assert found["pair_features", "T0.12-0000"] == [needs("pair_features", MINIMA[0])]
    assert found["pair_features", "T0.12-0001"] == [needs("pair_features")]
    for rule in ("solve_paths", "train"):
        assert set(found[rule]) == {needs(rule)}
    assert found["predict", "000"] == [needs("predict")]
    for rule, size in (("landscape", sum(BLOCKS[1])), ("pair_features", MINIMA[0])):
        assert needs(rule, size) != needs(rule)


def test_a_second_attempt_asks_for_twice_as_much(folder, tmp_path):
    results = copy_without(folder, tmp_path, "pairs/T0.12-0000.parquet")
    minima = results / "landscape" / "T0.12-0000" / "minima.npz"
    times = minima.stat().st_atime_ns, minima.stat().st_mtime_ns
    minima.write_bytes(minima.read_bytes()[:-100])
    os.utime(minima, ns=times)
    target = (results / "pairs/T0.12-0000.parquet").relative_to(tmp_path)
    options = ("--configfile", TEST_CONFIG, "--cores", 1, "--retries", 1)
    done = snakemake(tmp_path, *options, target)
    assert done.returncode == 1
    assert "minima.npz" in done.stdout
    first = needs("pair_features", minima.stat().st_size / 1e6)
    second = tuple(2 * value for value in first)
    assert asked(done.stdout)["pair_features", "T0.12-0000"] == [first, second]
    assert len(list((results / "jobs" / "pairs").glob("T0.12-0000-*.json"))) == 3  # and the run's
