"""The models and the pairs of a finished run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tlsfind.analysis.results import Results
from tlsfind.learn.prediction import Models
from tlsfind.pairs.keys import batches


@dataclass(frozen=True)
class Trained:
    """Models in memory.

    Attributes:
        models: of the last iteration of the loop that has some.
        folder: with a folder for each of them.
        threshold: E_qs of a TLS.
    """

    models: Models
    folder: Path
    threshold: float


def load(results: Results) -> Trained:
    """The last models of a run.

    Raises:
        InputError: the run trained none, or they are damaged.
    """
    config = results.config
    threshold = config.unit_systems[config.loop.unit_system].tls_threshold
    folder = results.root / "loop" / f"{results.final_iteration:02d}" / "model"
    models = Models(folder, threshold, config.loop.confidence)
    return Trained(models, folder / "models" if (folder / "models").is_dir() else folder, threshold)


def pool(results: Results, features: list[str], count: int) -> pd.DataFrame:
    """Features of at most ``count`` pairs of the run, at random, shape (n, n_features)."""
    frames = [frame for _, frame in batches(results.pair_files.values(), features)]
    every = pd.concat(frames, ignore_index=True)
    if len(every) > count:
        rows = np.sort(np.random.default_rng(0).choice(len(every), count, replace=False))
        every = every.iloc[rows].reset_index(drop=True)
    return every[features]
