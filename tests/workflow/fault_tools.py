"""What the tests of faults do to processes and disks, and what they ask of a run's paths."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from os_processes import PATIENCE
from tlsfind import tables
from tlsfind.paths.journal import count_whole, saved_rows

KEYS = ["glass", "minimum_a", "minimum_b"]


def end(process, kind):
    """Send a signal to a process of this test and wait for its end."""
    process.send_signal(kind)
    return process.wait(timeout=PATIENCE)


def processes(folder, word, part=""):
    """Running tlsfind commands that were started in ``folder``, with ``part`` in an argument."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
            here = (process / "cwd").resolve() == Path(folder).resolve()
        except OSError:
            continue
        texts = [os.fsdecode(argument) for argument in arguments]
        names = [Path(text).name for text in texts]
        if here and word in names and "tlsfind" in names[:2] and any(part in x for x in texts):
            found.append(int(process.name))
    return found


def journal(table):
    """The journal beside a table of paths."""
    return table.with_name(f"{table.name}.journal")


def solved(table):
    """How many paths of a batch are in its journal."""
    file = journal(table)
    return count_whole(file)[0] if file.exists() else 0


def journal_keys(table):
    """Keys of the pairs in the journal of a batch."""
    lines = journal(table).read_bytes().splitlines()[1:]
    return [json.loads(line.partition(b" ")[2])["key"] for line in lines if line.endswith(b"}")]


def solved_seconds(folder):
    """How long each path in the journals in a folder took: no two are the same."""
    files = folder.rglob("*.journal")
    return {row["seconds"] for file in files for row in saved_rows(file)}


def same_table(results, expected, name):
    """The table ``name`` equals that of the undisturbed run; it has each pair once."""
    frames = [tables.read(root / name) for root in (results, expected)]
    frames = [frame.drop(columns="seconds", errors="ignore") for frame in frames]
    pd.testing.assert_frame_equal(*frames, check_exact=True)
    if set(KEYS) <= set(frames[0]) and "paths" in name:
        assert not frames[0].duplicated(KEYS).any()


@contextmanager
def disk(place, size):
    """A small disk of its own at ``place``; skips the test where that is not permitted."""
    place.mkdir()
    if refusal := mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", place):
        pytest.skip(f"no disk can be mounted here: {refusal}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@contextmanager
def unwritable(place):
    """A folder that nobody can write to.

    Yields:
        Why that is not permitted here, or nothing.
    """
    place.mkdir(parents=True, exist_ok=True)
    refusal = mount("--bind", place, place)
    if refusal:
        yield refusal
        return
    try:
        remount(place, "ro,bind")
        yield ""
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def mount(*arguments):
    """Mount something; why it could not be, or nothing."""
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True)
    return (done.stderr.strip() or "mount failed") if done.returncode else ""


def remount(place, options):
    subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True)


def fill(place, free=0):
    """Fill a disk but for ``free`` bytes."""
    size = shutil.disk_usage(place).free - free
    with (place / "filler").open("wb") as file:
        file.write(bytes(size))
