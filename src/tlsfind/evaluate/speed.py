"""What a prediction costs: time for a pair, and the models' size on disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from tlsfind.learn.classifier import Classifier
from tlsfind.learn.predictor import Predictor
from tlsfind.learn.screen import Screen
from tlsfind.threads import limit_threads

#: Pairs in one call, made of a table's own ones over and over.
SCREEN_PAIRS, ENSEMBLE_PAIRS = 200_000, 10_000

#: Calls, of which the fastest counts: a busy machine only makes them slower.
SCREEN_CALLS, ENSEMBLE_CALLS = 7, 2


def tiled(frame: pd.DataFrame, n: int) -> pd.DataFrame:
    """``frame`` over and over until there are at least ``n`` rows."""
    times = -(-n // len(frame))
    return frame.iloc[np.tile(np.arange(len(frame)), times)].reset_index(drop=True)


def fastest(call: Callable[[], object], calls: int) -> tuple[float, float]:
    """Wall time and processor time (of all threads) of the fastest call, in seconds each."""
    wall, cpu = [], []
    for _ in range(calls):
        begin, begin_cpu = time.perf_counter(), time.process_time()
        call()
        wall.append(time.perf_counter() - begin)
        cpu.append(time.process_time() - begin_cpu)
    return min(wall), min(cpu)


def of_screen(screen: Screen, features: pd.DataFrame) -> dict[str, float]:
    """Microseconds for a pair of a whole ``Screen.predict`` on one thread.

    Args:
        screen: trained.
        features: shape (n, n_features), n > 0.
    """
    frame = tiled(features, SCREEN_PAIRS)
    with limit_threads(1):
        wall, _ = fastest(lambda: screen.predict(frame), SCREEN_CALLS)
    return {"microseconds_per_pair": 1e6 * wall / len(frame), "pairs_timed": len(frame)}


def of_ensembles(
    classifier: Classifier,
    predictor: Predictor,
    features: pd.DataFrame,
    folders: Iterable[Path],
    threads: int,
) -> dict[str, float]:
    """Microseconds for a pair of both ensembles together, and their size.

    Args:
        classifier: trained, in memory.
        predictor: trained, in memory.
        features: shape (n, n_features), n > 0.
        folders: of both models.
        threads: of the models, for the record.
    """
    frame = tiled(features, ENSEMBLE_PAIRS)

    def both() -> None:
        """Predict all rows with both ensembles."""
        classifier.probability(frame)
        predictor.target(frame)

    wall, cpu = fastest(both, ENSEMBLE_CALLS)
    return {
        "microseconds_per_pair": 1e6 * wall / len(frame),
        "processor_microseconds_per_pair": 1e6 * cpu / len(frame),
        "pairs_timed": len(frame),
        "threads": threads,
        "megabytes": sum(size(folder) for folder in folders) / 1e6,
    }


def size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
