"""Predictions for all pairs, streamed: screening models on all, ensembles where it matters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tlsfind import tables
from tlsfind.config import Config
from tlsfind.errors import InputError
from tlsfind.learn import screen, training
from tlsfind.learn.classifier import Classifier
from tlsfind.learn.predictor import Predictor, from_target
from tlsfind.pairs.keys import KEYS, batches


class Models:
    """The models of a training that predictions need, in memory.

    Args:
        folder: what a training wrote, or the folder ``models`` in it.
        threshold: E_qs of a TLS.
        level: probability with which E_qs is below its lower bound.

    Raises:
        InputError: a model is missing, damaged or of another threshold.
        TlsfindError: the models were written by other versions.
    """

    def __init__(self, folder: Path, threshold: float, level: float) -> None:
        folder = folder / "models" if (folder / "models").is_dir() else folder
        self.classifier = Classifier(folder / training.CLASSIFIER)
        self.predictor = Predictor(folder / training.PREDICTOR)
        self.screen = screen.load(folder / training.SCREEN)
        if not np.isclose(10.0**-self.screen.bound, threshold, rtol=1e-9):
            raise InputError(
                f"models in {folder} were trained for TLS below E_qs = {10.0**-self.screen.bound:g}"
                f", expected {threshold:g}, the threshold of the loop's unit system: train again"
            )
        self._threshold, self._level = threshold, level

    @property
    def features(self) -> list[str]:
        """The features that one model or another needs."""
        needed = [*self.screen.features, *self.classifier.features, *self.predictor.features]
        return list(dict.fromkeys(needed))

    def predict(self, features: pd.DataFrame) -> pd.DataFrame:
        """The columns of table "predictions" but the keys, for each row of ``features``."""
        first = self.screen.predict(features)
        rescored = first.probability_tls >= self.screen.cutoff
        probability, target, tls = first.probability, first.target, first.probability_tls
        low = from_target(self.screen.residuals.quantile(target, 1.0 - self._level))
        if rescored.any():
            best = features[rescored]
            probability[rescored] = self.classifier.probability(best)
            target[rescored] = self.predictor.target(best)
            below = self.predictor.below(target[rescored], self._threshold)
            tls[rescored] = probability[rescored] * below
            low[rescored] = self.predictor.low(target[rescored], self._level)
        return pd.DataFrame(
            {
                "probability_double_well": probability.astype(np.float32),
                "predicted_splitting": from_target(target).astype(np.float32),
                "splitting_low": low.astype(np.float32),
                "probability_tls": tls.astype(np.float32),
                "rescored": rescored,
            },
            index=features.index,
        )


def predict_table(config: Config, models: Models, pairs: Sequence[Path], output: Path) -> float:
    """Write the predictions for every row of ``pairs``, in their order.

    Args:
        config: the run's config.
        models: of a training.
        pairs: pairs tables.
        output: the predictions table.

    Returns:
        The share of the pairs that the ensembles predicted.

    Raises:
        InputError: a file is missing, damaged or lacks a feature; a feature is not finite.
    """
    schema = tables.stamped(tables.schema("predictions"), config.hash, config.run.seed)
    seen, rescored = 0, 0
    with tables.writer(output, schema) as out:
        for path, frame in batches(pairs, [*KEYS, *models.features]):
            if len(frame):
                features = frame[models.features]
                _check_finite(frame, features, path)
                predicted = models.predict(features)
                seen, rescored = seen + len(frame), rescored + int(predicted["rescored"].sum())
                keys = frame[KEYS].astype({"glass": str})
                out.write_table(tables.to_arrow(pd.concat([keys, predicted], axis=1), schema))
    return rescored / seen if seen else 0.0


def predict_nothing(config: Config, pairs: Sequence[Path], output: Path) -> float:
    """Write rows without predictions for every row of ``pairs``, where there are no models.

    Returns:
        0, the share of the pairs that the ensembles predicted.

    Raises:
        InputError: a file is missing or damaged.
    """
    schema = tables.stamped(tables.schema("predictions"), config.hash, config.run.seed)
    with tables.writer(output, schema) as out:
        for _, frame in batches(pairs, KEYS):
            if len(frame):
                keys = frame[KEYS].astype({"glass": str}).assign(rescored=False)
                out.write_table(tables.to_arrow(keys, schema))
    return 0.0


def _check_finite(frame: pd.DataFrame, features: pd.DataFrame, path: Path) -> None:
    finite = np.isfinite(features.to_numpy(dtype=float))
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        pair = ", ".join(str(frame[name].iloc[row]) for name in KEYS)
        raise InputError(
            f"feature {features.columns[column]} of pair {pair} in {path} is not a finite number"
        )
