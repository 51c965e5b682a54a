"""Where the loop stands: what it found, what it may have missed, whether it goes on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tlsfind import tables
from tlsfind.config import Config
from tlsfind.errors import DamagedError, InputError
from tlsfind.learn import acquisition, missing, stopping
from tlsfind.learn.classifier import LABELLED
from tlsfind.learn.selection import BELOW_GATE, SCREENED_OUT
from tlsfind.pairs.keys import KEYS, PairSet, batches

#: Columns of the history for the estimate and the ends of its interval.
MISSING = ("missing_tls", "missing_tls_low", "missing_tls_high")


@dataclass(frozen=True)
class Remaining:
    """What the predictions say of the pairs without a path.

    Args:
        pairs: how many there are.
        expected_tls: sum of their predicted probabilities of a TLS.
    """

    pairs: int
    expected_tls: float


def remaining(predictions: Sequence[Path], solved: PairSet) -> Remaining:
    """Sum over the pairs without a path, streamed.

    Args:
        predictions: predictions tables of the last models, of all pairs.
        solved: pairs that have a path.

    Raises:
        InputError: a file is missing, damaged or lacks a column.
    """
    pairs, expected = 0, 0.0
    for _, frame in batches(predictions, [*KEYS, "probability_tls"]):
        open_pairs = ~solved.contains(frame)
        pairs += int(open_pairs.sum())
        expected += float(np.nansum(frame["probability_tls"].to_numpy(dtype=float)[open_pairs]))
    return Remaining(pairs, expected)


def counts(config: Config, solved: pd.DataFrame, iteration: int) -> dict[str, Any]:
    """Paths, double wells and TLS of one iteration and of all up to it.

    Args:
        config: gives the TLS threshold.
        solved: paths of the loop, from :func:`tlsfind.learn.training.loop_paths`.
        iteration: iteration of the loop.
    """
    double_well = (solved["status"] == "double_well").to_numpy()
    new = (solved["iteration"] == iteration).to_numpy()
    tls = is_tls(config, solved)
    expected = solved.loc[new, "probability_tls"]
    return {
        "paths": int(new.sum()),
        "double_wells": int((double_well & new).sum()),
        "tls": int((tls & new).sum()),
        "total_paths": len(solved),
        "total_double_wells": int(double_well.sum()),
        "total_tls": int(tls.sum()),
        "expected_tls": float(expected.sum()) if expected.notna().any() else None,
    }


def is_tls(config: Config, solved: pd.DataFrame) -> np.ndarray:
    """Whether each path is a TLS in the loop's unit system, shape (n,), bool."""
    threshold = config.unit_systems[config.loop.unit_system].tls_threshold
    double_well = (solved["status"] == "double_well").to_numpy()
    return double_well & (solved["splitting"].to_numpy() < threshold)


def missing_tls(config: Config, solved: pd.DataFrame, rest: Remaining) -> missing.Estimate:
    """Estimate of the TLS among the pairs without a path.

    The sum of probabilities is corrected by how many TLS the chosen pairs had, against how many the
    models had expected in them when they chose. Pairs drawn from the strata, by a rule without a
    model, or without a verdict do not count.
    """
    by_model = set(acquisition.FROM_PREDICTIONS) - {"random"} | {BELOW_GATE, SCREENED_OUT}
    chosen = (
        solved["probability_tls"].notna()
        & solved["stratum"].isin(by_model)
        & solved["status"].isin(LABELLED)
    ).to_numpy()
    found = int((is_tls(config, solved) & chosen).sum())
    expected = float(solved.loc[chosen, "probability_tls"].sum())
    return missing.estimate(rest.expected_tls, found, expected)


def read_history(previous: Path | None, iteration: int) -> pd.DataFrame:
    """The history before ``iteration``; empty without a previous one.

    Args:
        previous: history table.
        iteration: iteration that comes next.

    Raises:
        InputError: the table is missing or damaged, or does not end with ``iteration`` - 1.
    """
    names = tables.schema("history").names
    if previous is None:
        if iteration == 0:
            return pd.DataFrame(columns=names)
        raise InputError(f"iteration {iteration} needs the history of iteration {iteration - 1}")
    history = tables.read(previous, names)
    found = history["iteration"].tolist()
    if found != list(range(iteration)):
        raise InputError(
            f"history {previous} has the iterations {found}, expected {list(range(iteration))}"
        )
    return history


def read_training(folder: Path) -> dict[str, Any]:
    """The content of ``training.json`` of a training.

    Raises:
        InputError: the file is missing, damaged or incomplete.
    """
    path = folder / "training.json"
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        raise InputError(f"{folder} is no training: {path} does not exist") from None
    except (OSError, ValueError) as error:
        raise DamagedError(f"{path} cannot be read: {error}") from None
    keys = (
        "trained",
        "classifier_accuracy",
        "splitting_r_log",
        "barrier_r",
        "time_limit_struck",
        "notes",
    )
    lacking = [key for key in keys if key not in content]
    if lacking:
        raise InputError(f"{path} lacks {', '.join(lacking)}: train again")
    return {key: content[key] for key in keys}


def has_models(model: Path) -> bool:
    """Whether a training made models; True for a folder of models alone.

    Args:
        model: the folder of a training, or the folder ``models`` in it.

    Raises:
        InputError: its ``training.json`` is damaged or incomplete.
    """
    return not (model / "training.json").exists() or bool(read_training(model)["trained"])


def history_row(
    iteration: int,
    numbers: dict[str, Any],
    training: dict[str, Any],
    estimate: missing.Estimate,
) -> dict[str, Any]:
    """The row of table "history" for this iteration."""
    known = (estimate.mean, estimate.low, estimate.high)
    interval = known if training["trained"] else (None, None, None)
    return {
        "iteration": iteration,
        **numbers,
        **{key: value for key, value in training.items() if key != "trained"},
        "notes": "; ".join(training["notes"]),
        **dict(zip(MISSING, interval, strict=True)),
    }


def state(
    config: Config, row: dict[str, Any], pairs_left: int, trained: bool = True
) -> dict[str, Any]:
    """The content of ``state.json``: where the loop stands and whether it goes on.

    Args:
        config: the run's config.
        row: the last row of the history.
        pairs_left: pairs without a path.
        trained: whether there are models.
    """
    decision = stopping.verdict(
        row["iteration"],
        row["tls"],
        row["total_tls"],
        pairs_left,
        row["missing_tls_high"],
        trained,
        stop_on=config.loop.stop_on,
        stop_fraction=config.loop.stop_fraction,
        missing_fraction=config.loop.missing_fraction,
        min_iterations=config.loop.min_iterations,
        max_iterations=config.loop.max_iterations,
    )
    new = {f"new_{name}": row[name] for name in ("paths", "double_wells", "tls")}
    others = {
        key: value for key, value in row.items() if key not in ("paths", "double_wells", "tls")
    }
    return {**asdict(decision), **new, **others, "pairs_left": pairs_left}
