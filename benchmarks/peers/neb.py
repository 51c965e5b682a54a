"""``neb`` of LAMMPS with one partition for each image, and its barrier as it relaxes."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.timing import timed
from tlsfind.config import Paths
from tlsfind.engine.lammps.system import System
from tlsfind.paths.lammps_neb import SCRIPT, write_run
from tlsfind.paths.lammps_replicas import find_programs, run_replicas

#: Of the force on a replica: never met, so that all iterations are done.
TOLERANCE = 1e-12


@dataclass(frozen=True)
class Relaxed:
    """What a run of ``neb`` said.

    Attributes:
        seconds: of the whole run.
        iterations: (K,) at which it spoke.
        positions: (K, P) places of the images along the path, from 0 to 1.
        energies: (K, P), with eight digits.
    """

    seconds: float
    iterations: np.ndarray
    positions: np.ndarray
    energies: np.ndarray


def relax(system: System, images: np.ndarray, iterations: int, every: int) -> Relaxed:
    """Relax a path by ``neb`` with FIRE and kappa = 1.

    Args:
        system: the particles.
        images: (P, N, 3), where they start.
        iterations: how many, a multiple of ``every``.
        every: iterations between two lines of the log.

    Raises:
        TlsfindError: LAMMPS failed.
    """
    programs = find_programs()
    with tempfile.TemporaryDirectory(prefix="tlsfind-bench-") as name:
        folder = Path(name)
        write_run(folder, images, system, Paths(images=len(images)), TOLERANCE, iterations)
        script = folder / SCRIPT
        script.write_text(speak_every(script.read_text(), every))
        seconds, log = timed(lambda: run_replicas(programs, script, len(images)))
    steps, positions, energies = read_log(log)
    return Relaxed(seconds, steps - steps[0], positions, energies)


def speak_every(script: str, every: int) -> str:
    """The input with a line of the log every so many iterations."""
    changed, count = re.subn(r"(?m)^(neb \S+ \S+ \d+ \d+) \d+ ", rf"\g<1> {every} ", script)
    if count != 1:
        raise ValueError("the input has no line 'neb etol ftol N1 N2 Nevery', expected one")
    return changed


def read_log(log: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Steps (K,), places (K, P) and energies (K, P) of the relaxation without climbing."""
    rows = []
    for line in log.splitlines():
        words = line.split()
        if words[:1] == ["Climbing"]:
            break
        if words and words[0].isdecimal() and len(words) > 9:
            rows.append([float(word) for word in words])
    found = np.array(rows)
    return found[:, 0].astype(int), found[:, 9::2], found[:, 10::2]
