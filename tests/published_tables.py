"""A small folder like that of the paper's authors, with a law that models can learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

#: Pairs, double wells and TLS of the labelled table; glasses of both tables.
PAIRS, GLASSES = 600, 6

#: Rows of the iterative runs, by label: double wells, TLS among them, others, others repeated.
RUNS = {"T007": (80, 30, 25, 5), "T0092": (60, 20, 15, 3)}

SETTINGS = {
    "learn": {
        "models": ["lightgbm"], "rounds": 15, "trees": 10, "folds": 2, "min_double_wells": 10,
    },
    "analysis": {
        "explain_sample": 10, "explain_background": 5, "permutations": 2, "min_points": 5,
    },
    "scans": {
        "splits": ["row"], "repeats": 1, "training_pairs": 150, "particles": [1], "sizes": [60],
        "rounds": [10], "feature_counts": [1, 4], "perceptron_layers": 1, "perceptron_epochs": 5,
    },
}  # fmt: skip


def labelled(seed: int = 2) -> pd.DataFrame:
    """Pairs of the classifier's table with E_qs; double wells are close and have transitions."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"Delta_E": 10 ** rng.uniform(-4, -1.7, PAIRS)})
    frame["total_displacement"] = rng.uniform(0.3, 1.6, PAIRS)
    for k in range(3):
        frame[f"displacement_{k}"] = frame["total_displacement"] * rng.uniform(0.4, 0.6) / (k + 1)
    frame["PR"] = rng.uniform(1.0, 8.0, PAIRS)
    frame["0to1"], frame["0to2"] = rng.uniform(0.8, 3.0, (2, PAIRS))
    well = frame["total_displacement"] < rng.normal(1.0, 0.08, PAIRS)
    for name in ("Tij", "Tji"):
        frame[name] = np.where(well, rng.integers(1, 90, PAIRS), rng.integers(0, 3, PAIRS))
    frame["conf"] = np.repeat(np.arange(1, GLASSES + 1), PAIRS // GLASSES)
    frame["i2"] = np.tile(np.arange(1, PAIRS // GLASSES + 1), GLASSES)
    frame["j2"] = frame["i2"] + 1
    frame["i"], frame["j"] = 0.21 + 1e-6 * frame["i2"], 0.21 + 1e-6 * frame["j2"]
    frame["T"] = 0.07
    frame["is_dw"] = well.astype(float)
    noise = 10 ** rng.normal(0.0, 0.05, PAIRS)
    frame["quantum_splitting"] = np.where(well, 0.6 * frame["Delta_E"] * noise, np.nan)
    frame["index"] = np.arange(PAIRS)
    return frame


def make(folder: Path) -> Path:
    """Write the six files of the authors into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    frame = labelled()
    twice = frame.iloc[[-1]].assign(total_displacement=1e-5, i2=900, j2=901, is_dw=0.0)
    classes = pd.concat([frame, twice], ignore_index=True).drop(columns="quantum_splitting")
    classes.to_feather(folder / "pretraining-classifier-T007.feather")
    wells = frame[frame["is_dw"] == 1].drop(columns="is_dw").reset_index(drop=True)
    wells.to_feather(folder / "pretraining-predictor-T007.feather")
    for label, (count, tls, others, repeated) in RUNS.items():
        rng = np.random.default_rng(tls)
        rows = pd.DataFrame({"conf": 1 + np.arange(count) % 4, "i": 1000 + np.arange(count)})
        rows["j"] = rows["i"] + 1
        low, high = np.linspace(5e-5, 1.4e-3, tls), rng.uniform(1.6e-3, 9e-3, count - tls)
        rows["out"] = np.concatenate([low, high])
        rows.to_csv(folder / f"quantum_splitting_{label}.csv")
        rows = pd.DataFrame({"conf": 1 + np.arange(others) % 3, "i": 3000 + np.arange(others)})
        rows["j"] = rows["i"] + 5
        rows = pd.concat([rows, rows.head(repeated)], ignore_index=True)
        rows.to_csv(folder / f"nonDW_{label}.csv")
    return folder
