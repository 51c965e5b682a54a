"""A folder like that of the paper's authors: synthetic pairs, written as their files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

PAIRS, WELLS = 12, 7
BELOW = 3  # E_qs below the threshold


def synthetic(particles: int = 3, seed: int = 5) -> pd.DataFrame:
    """Pairs of the authors' classifier table, the first ``WELLS`` being double wells."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {f"displacement_{k}": rng.uniform(0.1, 0.2, PAIRS) / (k + 1) for k in range(particles)}
    )
    frame["Delta_E"] = rng.uniform(0.001, 0.1, PAIRS)
    frame["i"] = 0.2 + 1e-4 * np.arange(PAIRS)
    frame["j"] = frame["i"] + frame["Delta_E"] / 1500
    for k in range(1, particles):
        frame[f"0to{k}"] = rng.uniform(0.8, 3.0, PAIRS)
    frame["total_displacement"] = rng.uniform(0.3, 0.6, PAIRS)
    frame["PR"] = rng.uniform(1.0, 5.0, PAIRS)
    frame["i2"] = np.arange(1.0, PAIRS + 1)
    frame["j2"] = frame["i2"] + 1 + rng.integers(0, 5, PAIRS)
    frame["Tij"] = rng.integers(0, 300, PAIRS).astype(float)
    frame["Tji"] = rng.integers(0, 300, PAIRS).astype(float)
    frame["T"] = 0.062
    frame["conf"] = np.repeat([3.0, 148750000.0], PAIRS // 2)
    frame["is_dw"] = (np.arange(PAIRS) < WELLS).astype(float)
    frame["index"] = np.arange(PAIRS)
    return frame


def as_predictor(frame: pd.DataFrame) -> pd.DataFrame:
    """The predictor table that belongs to a classifier table."""
    wells = frame[frame["is_dw"] == 1].drop(columns="is_dw").reset_index(drop=True)
    wells["quantum_splitting"] = np.linspace(0.0005, 0.01, len(wells))
    wells.loc[: BELOW - 1, "quantum_splitting"] = [0.0002, 0.0007, 0.00149]
    return wells.assign(index=np.arange(len(wells)))


def put(folder: Path, classifier=None, predictor=None, label: str = "T0062") -> Path:
    """Write feather files; ``None`` leaves a file out."""
    for name, frame in (("classifier", classifier), ("predictor", predictor)):
        if frame is not None:
            frame.to_feather(folder / f"pretraining-{name}-{label}.feather")
    return folder


def put_verdicts(folder: Path, wells=None, others=None, label: str = "T0062") -> Path:
    """Write csv files of (conf, i, j, E_qs) and (conf, i, j), with the authors' row numbers."""
    if wells is not None:
        pd.DataFrame(wells, columns=["conf", "i", "j", "out"]).to_csv(
            folder / f"quantum_splitting_{label}.csv"
        )
    if others is not None:
        pd.DataFrame(others, columns=["conf", "i", "j"]).to_csv(folder / f"nonDW_{label}.csv")
    return folder


def dropped(table) -> dict[str, int]:
    """Rows dropped by reason, all files together."""
    return {why: n for file in table.report.files for why, n in file.dropped.items()}
