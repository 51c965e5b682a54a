"""Labelled pairs of a made-up landscape, and settings that train in a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scan_settings import LEARN, SCANS
from tlsfind import tables
from tlsfind.learn import labelled
from tlsfind.learn.labelled import Labelled
from tlsfind.scans.draws import Study, studies


def make_up(pairs: int, glasses: int, seed: int, temperature: float) -> pd.DataFrame:
    """Pairs that are double wells if close, with E_qs^2 = (0.2 Delta E)^2 + Delta_0(d)^2.

    PR, distances and transitions say nothing of either.
    """
    rng = np.random.default_rng(seed)
    d = rng.uniform(0.3, 1.7, pairs)
    share = np.sort(rng.dirichlet([0.6] * 6, pairs), axis=1)[:, ::-1]
    frame = pd.DataFrame(
        {
            "glass": [f"T{temperature:g}-{k:04d}" for k in rng.integers(0, glasses, pairs)],
            "minimum_a": np.arange(pairs, dtype=np.int32),
            "minimum_b": np.arange(pairs, dtype=np.int32) + 1,
            "delta_e": rng.exponential(0.03, pairs),
            "total_displacement": d,
            "participation_ratio": 1.0 / (share**2).sum(axis=1),
            "transitions_ab": rng.poisson(2.0, pairs),
            "transitions_ba": rng.poisson(2.0, pairs),
            "preparation_temperature": temperature,
            "is_double_well": d < 1.0,
            "barrier": np.nan,
            "unit_system": "argon",
        }
    )
    for i in range(3):
        frame[f"displacement_{i + 1}"] = d * np.sqrt(share[:, i])
    for i in (2, 3):
        frame[f"distance_1_{i}"] = rng.uniform(0.8, 2.5, pairs)
    splitting = np.hypot(0.2 * frame["delta_e"], 0.05 * np.exp(-4.0 * d))
    return frame.assign(quantum_splitting=splitting.where(frame["is_double_well"]))


@pytest.fixture(scope="session")
def made_up() -> Callable[..., pd.DataFrame]:
    """The function that makes up labelled pairs: their number, glasses, seed and T_f."""
    return make_up


@pytest.fixture(scope="session")
def table() -> Labelled:
    """800 pairs of 8 glasses."""
    return labelled.check(make_up(800, 8, 1, 0.07), tables.feature_names(3), "made up")


@pytest.fixture(scope="session")
def study(table) -> Study:
    """The study of that table."""
    (found,) = studies(table, LEARN, SCANS, 0.0015, seed=3)
    return found


@pytest.fixture(scope="session")
def labelled_file(tmp_path_factory) -> Path:
    """The table as a file, with pairs of a second T_f of one glass."""
    frame = pd.concat([make_up(500, 5, 1, 0.07), make_up(400, 1, 2, 0.092)])
    path = tmp_path_factory.mktemp("labelled") / "labelled.parquet"
    labelled.write(frame, path, 3, seed=1)
    return path


@pytest.fixture(scope="session")
def few_features(tmp_path_factory) -> Path:
    """Pairs of one T_f with M = 1, six features."""
    path = tmp_path_factory.mktemp("few") / "labelled.parquet"
    labelled.write(make_up(500, 4, 1, 0.07), path, 1, seed=1)
    return path
