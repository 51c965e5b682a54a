"""Predictions for all pairs, streamed: screening models on all, ensembles where it matters.

A call of an ensemble costs some 50 ms however few pairs it is for, so ``ROWS`` pairs are read at a
time. Columns go from Arrow to the screening models and back with no table of pandas between: only
the few pairs that the ensembles predict become one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from tlsfind import tables
from tlsfind.config import Config
from tlsfind.errors import InputError
from tlsfind.learn import screen, training
from tlsfind.learn.classifier import Classifier
from tlsfind.learn.predictor import Predictor, from_target
from tlsfind.pairs.keys import KEYS, record_batches

#: Pairs that are predicted at a time. No result depends on it.
ROWS = 524_288


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
        x = screen.matrix(features, self.screen.features)
        return pd.DataFrame(self.columns(x, lambda rows: features[rows]), index=features.index)

    def columns(
        self, x: np.ndarray, features_of: Callable[[np.ndarray], pd.DataFrame]
    ) -> dict[str, np.ndarray]:
        """The columns of table "predictions" but the keys, each of shape (n,).

        Args:
            x: features of the screen, shape (n, n_features), float32.
            features_of: the features of the pairs of a mask, shape (n,), for the ensembles.
        """
        first = self.screen.predict_matrix(x)
        rescored = first.probability_tls >= self.screen.cutoff
        probability, target, tls = first.probability, first.target, first.probability_tls
        low = self.screen.residuals.quantile(target, 1.0 - self._level)
        splitting, low = from_target(target), from_target(low)
        if rescored.any():
            best = self.rescore(features_of(rescored))
            probability[rescored], tls[rescored] = best.probability, best.probability_tls
            splitting[rescored] = from_target(best.target)
            low[rescored] = self.predictor.low(best.target, self._level)
        return {
            "probability_double_well": probability.astype(np.float32),
            "predicted_splitting": splitting.astype(np.float32),
            "splitting_low": low.astype(np.float32),
            "probability_tls": tls.astype(np.float32),
            "rescored": rescored,
        }

    def rescore(self, features: pd.DataFrame) -> screen.Predictions:
        """What the ensembles say of each row of ``features``, whatever the screen says."""
        probability, target = self.classifier.probability(features), self.predictor.target(features)
        below = self.predictor.below(target, self._threshold)
        return screen.Predictions(probability, target, probability * below)


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
        for path, batch in record_batches(pairs, [*KEYS, *models.features], ROWS):
            if batch.num_rows:
                _check_finite(batch, models.features, path)
                x = _matrix(batch, models.screen.features)
                predicted = models.columns(x, _Rows(batch, models.features))
                seen, rescored = seen + len(x), rescored + int(predicted["rescored"].sum())
                keys = [batch.column(name) for name in KEYS]
                values = [pa.array(predicted[name]) for name in schema.names[len(KEYS) :]]
                out.write_table(pa.table([*keys, *values], schema=schema))
    return rescored / seen if seen else 0.0


class _Rows:
    """Rows of a batch as a table of pandas, asked for by a mask."""

    def __init__(self, batch: pa.RecordBatch, features: list[str]) -> None:
        self._batch, self._features = batch, features

    def __call__(self, rows: np.ndarray) -> pd.DataFrame:
        """The features of the rows of a mask, shape (n,)."""
        chosen = np.flatnonzero(rows)
        columns = {name: _values(self._batch, name)[chosen] for name in self._features}
        return pd.DataFrame(columns)


def _values(batch: pa.RecordBatch, name: str) -> np.ndarray:
    """A column of numbers, shape (n,); nothing is copied unless some are missing."""
    return batch.column(name).to_numpy(zero_copy_only=False)


def _matrix(batch: pa.RecordBatch, features: list[str]) -> np.ndarray:
    """Columns as float32, shape (n, n_features), in memory order of rows."""
    x = np.empty((batch.num_rows, len(features)), np.float32)
    for place, name in enumerate(features):
        x[:, place] = _values(batch, name)
    return x


def predict_nothing(config: Config, pairs: Sequence[Path], output: Path) -> float:
    """Write rows without predictions for every row of ``pairs``, where there are no models.

    Returns:
        0, the share of the pairs that the ensembles predicted.

    Raises:
        InputError: a file is missing or damaged.
    """
    schema = tables.stamped(tables.schema("predictions"), config.hash, config.run.seed)
    with tables.writer(output, schema) as out:
        for _, batch in record_batches(pairs, KEYS, ROWS):
            if batch.num_rows:
                keys = [batch.column(name) for name in KEYS]
                nothing = [pa.nulls(batch.num_rows, field.type) for field in list(schema)[3:-1]]
                rescored = pa.array(np.zeros(batch.num_rows, dtype=bool))
                out.write_table(pa.table([*keys, *nothing, rescored], schema=schema))
    return 0.0


def _check_finite(batch: pa.RecordBatch, features: list[str], path: Path) -> None:
    """Check that a batch of the file ``path`` has numbers everywhere.

    Raises:
        InputError: it has not.
    """
    for name in features:
        finite = np.isfinite(_values(batch, name))
        if not finite.all():
            row = int(np.argmin(finite))
            pair = ", ".join(str(batch.column(key)[row].as_py()) for key in KEYS)
            raise InputError(f"feature {name} of pair {pair} in {path} is not a finite number")
