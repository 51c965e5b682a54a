"""Whether a Snakemake that steers a run seems alive: what its locks and the processes show."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from tlsfind.provenance import read_starts

#: Arguments of the snakemake that runs one job for another snakemake.
_JOB = {b"--target-jobs", b"slurm-jobstep"}


@dataclass(frozen=True)
class Controller:
    """What was seen of the controlling process.

    Attributes:
        state: ``alive``, ``dead`` (a lock without its process), ``none`` (no lock), ``unknown``
            (a lock that may be held on another machine).
        says: the same in words.
        folder: working directory in which it was looked for.
    """

    state: str
    says: str
    folder: str


def find(results: Path) -> Controller:
    """Look for the controller of a run.

    Snakemake locks the files it works on in ``.snakemake/locks`` of its working directory, which
    the run's record of starts names; else the working directory here and those above the results
    are tried. Nothing is changed.

    Args:
        results: folder of the run.
    """
    starts = read_starts(results)
    last = starts[-1] if starts else {}
    places = [Path(last["folder"])] if last.get("folder") else []
    places += [Path.cwd(), *Path(results).resolve().parents]
    for folder in dict.fromkeys(places):
        locks = _locks(folder, results)
        if locks:
            return _judge(folder, locks, last.get("host", ""))
    seen = str(places[0])
    return Controller("none", "no lock of this run found: no snakemake is at work on it", seen)


def _judge(folder: Path, locks: list[Path], host: str) -> Controller:
    here = socket.gethostname()
    pids = _processes(folder)
    if pids:
        numbers = ", ".join(map(str, pids))
        return Controller("alive", f"snakemake runs in {folder} (process {numbers})", str(folder))
    what = f"{len(locks)} lock(s) in {locks[0].parent}"
    if host and host != here:
        says = f"{what}, started on {host}: whether it runs can be seen there only"
        return Controller("unknown", says, str(folder))
    says = (
        f"{what}, but no snakemake runs in {folder} on this machine ({here}): if it runs on no "
        "other, unlock with `snakemake --unlock` once no jobs are left"
    )
    return Controller("dead", says, str(folder))


def _locks(folder: Path, results: Path) -> list[Path]:
    """Lock files in ``folder`` that name files of the run."""
    target = Path(results).resolve()
    found = []
    try:
        candidates = sorted((folder / ".snakemake" / "locks").glob("*.lock"))
    except OSError:
        return []
    for lock in candidates:
        try:
            with lock.open(encoding="utf-8", errors="replace") as file:
                named = (line.strip() for line in file)
                if any(_within(folder / name, target) for name in named if name):
                    found.append(lock)
        except OSError:
            continue
    return found


def _within(path: Path, folder: Path) -> bool:
    absolute = os.path.abspath(path)  # the file need not exist
    real = str(folder)
    return absolute.startswith(real + os.sep) or os.path.realpath(absolute).startswith(
        real + os.sep
    )


def _processes(folder: Path) -> list[int]:
    """Processes of this machine that are a snakemake working in ``folder``."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(entry / "cwd") != str(folder.resolve()):
                continue
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        names = [Path(os.fsdecode(word)).name for word in words[:4]]
        if "snakemake" in names and _JOB.isdisjoint(words):
            found.append(int(entry.name))
    return sorted(found)
