"""Synthetic runs with their library, made once."""

import sys
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from synthetic_run import make_config, make_run
from tlsfind.analysis.results import Results
from tlsfind.config import Config
from tlsfind.library.stage import library


class Run(NamedTuple):
    config: Config
    root: Path
    truth: dict[str, pd.DataFrame]

    @property
    def results(self) -> Results:
        return Results(self.config, self.root)


def finished(root: Path, counts: dict[float, int], **options) -> Run:
    config = make_config(root, counts, **options.pop("config", {}))
    truth = make_run(config, **options)
    pairs = [root / "pairs" / f"{name}.parquet" for name in config.glass_names]
    library(
        config,
        root / "loop" / "02" / "paths.parquet",
        root / "standard" / "paths.parquet",
        pairs,
        root / "landscape",
        root / "library",
    )
    return Run(config, root, truth)


@pytest.fixture(scope="session")
def run(tmp_path_factory) -> Run:
    """Two preparation temperatures, some TLS, the standard procedure sampled."""
    root = tmp_path_factory.mktemp("run") / "results"
    return finished(root, {0.092: 10, 0.062: 4}, minima=40)


@pytest.fixture(scope="session")
def poor_run(tmp_path_factory) -> Run:
    """Two glasses, few double wells, no TLS."""
    root = tmp_path_factory.mktemp("poor") / "results"
    return finished(root, {0.092: 2}, minima=10, tls=False)
