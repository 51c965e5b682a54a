"""Predictions for all pairs, streamed: the classifier on all, the predictor where it can matter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tlsfind import tables
from tlsfind.config import Config
from tlsfind.errors import InputError
from tlsfind.learn.classifier import Classifier
from tlsfind.learn.predictor import Predictor
from tlsfind.pairs.keys import KEYS, batches

#: The predictor runs at this double-well probability and above, or at ``loop.gate`` if lower.
LOWEST_GATE = 0.05


def predict_table(
    config: Config,
    classifier: Classifier,
    predictor: Predictor,
    pairs: Sequence[Path],
    output: Path,
) -> None:
    """Write the predictions for every row of ``pairs``, in their order.

    Args:
        config: the run's config.
        classifier: gives every pair a probability.
        predictor: gives a splitting to pairs at or above the gate; null below.
        pairs: pairs tables.
        output: the predictions table.

    Raises:
        InputError: a file is missing, damaged or lacks a feature; a feature is not finite.
    """
    gate = min(config.loop.gate, LOWEST_GATE)
    features = list(dict.fromkeys([*classifier.features, *predictor.features]))
    schema = tables.stamped(tables.schema("predictions"), config.hash, config.run.seed)
    with tables.writer(output, schema) as out:
        for path, frame in batches(pairs, [*KEYS, *features]):
            if len(frame):
                predicted = _predict(frame, features, classifier, predictor, gate, path)
                out.write_table(tables.to_arrow(predicted, schema))


def _predict(
    frame: pd.DataFrame,
    features: list[str],
    classifier: Classifier,
    predictor: Predictor,
    gate: float,
    path: Path,
) -> pd.DataFrame:
    values = frame[features]
    finite = np.isfinite(values.to_numpy(dtype=float))
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        pair = ", ".join(str(frame[name].iloc[row]) for name in KEYS)
        raise InputError(
            f"feature {features[column]} of pair {pair} in {path} is not a finite number"
        )
    probability = classifier.probability(values)
    splitting = np.full(len(frame), np.nan)
    able = probability.astype(np.float32) >= np.float32(gate)
    splitting[able] = predictor.splitting(values[able])
    return frame[KEYS].assign(
        glass=frame["glass"].astype(str),
        probability_double_well=probability.astype(np.float32),
        predicted_splitting=splitting.astype(np.float32),
    )
