"""Random numbers: every stream of a run is spawned from the one seed of the config."""

from __future__ import annotations

import numpy as np

#: The first element of the spawn key of each stage. Never renumber: tables depend on it.
STAGES = {
    "prepare": 0,
    "explore": 1,
    "select": 2,
    "learn": 3,
    "explain": 4,
    "validate": 5,
    "scan": 6,
}


def sequence(seed: int, stage: str, *key: int) -> np.random.SeedSequence:
    """The seed sequence of a stage, and within it of a glass, a trajectory, an iteration."""
    return np.random.SeedSequence(seed, spawn_key=(STAGES[stage], *key))


def generator(seed: int, stage: str, *key: int) -> np.random.Generator:
    """A PCG64 generator for ``key`` (glass index, trajectory, ...) of a stage."""
    return np.random.Generator(np.random.PCG64(sequence(seed, stage, *key)))


def integer(seed: int, stage: str, *key: int) -> int:
    """A 31-bit integer seed, for libraries that take nothing else."""
    return int(sequence(seed, stage, *key).generate_state(1, np.uint32)[0] >> 1)
