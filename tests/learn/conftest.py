"""A made-up landscape whose double wells and splittings follow from the features."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tlsfind import tables
from tlsfind.learn import stage

KEYS = ["glass", "minimum_a", "minimum_b"]
PAIRS_SCHEMA = tables.schema("pairs", tables.pairs_columns(3))


def random_pairs(glass: str, minima: int, seed: int) -> pd.DataFrame:
    """All pairs of a glass with ``minima`` minima, with features like those of real ones."""
    rng = np.random.default_rng(seed)
    first, second = np.triu_indices(minima, 1)
    n = len(first)
    d = rng.gamma(6.0, 0.25, n)
    share = np.sort(rng.dirichlet([0.6] * 6, n), axis=1)[:, ::-1]
    displacement = d[:, None] * np.sqrt(share[:, :3])
    transitions = rng.poisson(np.where(d < 1.0, 3.0, 0.05)[:, None] * rng.random((n, 1)), (n, 2))
    frame = pd.DataFrame(
        {
            "glass": glass,
            "minimum_a": first.astype(np.int32),
            "minimum_b": second.astype(np.int32),
            "delta_e": rng.exponential(0.03, n),
            "total_displacement": d,
            "participation_ratio": 1.0 / (share**2).sum(axis=1),
            "transitions_ab": transitions[:, 0],
            "transitions_ba": transitions[:, 1],
        }
    )
    for i in range(3):
        frame[f"displacement_{i + 1}"] = displacement[:, i]
    for i in (2, 3):
        frame[f"distance_1_{i}"] = rng.uniform(0.8, 2.5, n)
    return frame


def solve(pairs: pd.DataFrame, iteration: int) -> pd.DataFrame:
    """The paths that this landscape has: double wells if close, with E_qs^2 = dE^2 + Delta_0^2."""
    d = pairs["total_displacement"]
    double_well = d < 1.0 + 0.2 * (pairs["transitions_ab"] > 0)
    delta_0 = 0.05 * np.exp(-4.0 * d)
    splitting = np.hypot(0.2 * pairs["delta_e"], delta_0)
    return pairs[KEYS].assign(
        iteration=iteration,
        stratum="x",
        status=np.where(double_well, "double_well", "multiple_wells"),
        barrier=np.where(double_well, 0.1 * d, np.nan),
        quantum_splitting_argon=np.where(double_well, splitting, np.nan),
    )


@pytest.fixture(scope="session")
def write_paths() -> Callable[[pd.DataFrame, Path], Path]:
    """Write a frame as a paths table of the built-in unit systems."""

    def write(frame: pd.DataFrame, path: Path) -> Path:
        schema = tables.schema("paths", tables.paths_columns(["argon", "nip"]))
        tables.write(frame, path, schema)
        return path

    return write


@pytest.fixture(scope="session")
def write_pairs() -> Callable[[pd.DataFrame, Path], Path]:
    """Write a frame as a pairs table with M = 3."""

    def write(frame: pd.DataFrame, path: Path) -> Path:
        tables.write(frame, path, PAIRS_SCHEMA)
        return path

    return write


@pytest.fixture(scope="session")
def landscape(tmp_path_factory, write_pairs) -> SimpleNamespace:
    """Two glasses: ``files`` and ``frame``, all their pairs."""
    folder = tmp_path_factory.mktemp("landscape")
    frames = {"A": random_pairs("A", 60, 1), "B": random_pairs("B", 45, 2)}
    files = [write_pairs(frame, folder / f"{name}.parquet") for name, frame in frames.items()]
    return SimpleNamespace(files=files, frame=pd.concat(frames.values(), ignore_index=True))


@pytest.fixture(scope="session")
def first_iteration(tmp_path_factory, landscape, make_config, write_paths) -> SimpleNamespace:
    """Iteration 0 of the loop on that landscape: select, solve, train, predict and assess."""
    folder = tmp_path_factory.mktemp("loop")
    settings = make_config()
    stage.select(settings, 0, landscape.files, folder / "selection")
    parts = []
    for file in sorted((folder / "selection").iterdir()):
        chosen = tables.read(file)[KEYS].merge(landscape.frame, on=KEYS)
        parts.append(write_paths(solve(chosen, 0), folder / "paths" / file.name))
    stage.collect(settings, parts, folder / "paths.parquet", None)
    stage.train(settings, 0, folder / "paths.parquet", landscape.files, folder / "model")
    predictions = [folder / "predictions.parquet"]
    share = stage.predict(settings, folder / "model", landscape.files, predictions[0])
    state = stage.assess(
        settings, 0, folder / "paths.parquet", predictions, folder / "model", folder / "state"
    )
    return SimpleNamespace(
        config=settings,
        folder=folder,
        parts=parts,
        paths=folder / "paths.parquet",
        model=folder / "model",
        predictions=predictions,
        share=share,
        state=state,
        history=folder / "state" / "history.parquet",
    )


@pytest.fixture(scope="session")
def solved_pairs() -> Callable[[pd.DataFrame, int], pd.DataFrame]:
    """The function that gives the paths of pairs of the made-up landscape."""
    return solve


@pytest.fixture(scope="session")
def made_up_pairs() -> Callable[[str, int, int], pd.DataFrame]:
    """The function that makes all pairs of a glass: its name, number of minima and seed."""
    return random_pairs
