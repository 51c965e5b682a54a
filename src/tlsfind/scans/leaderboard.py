"""Kinds of models side by side on the same pairs (Fig. S1)."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from tlsfind.errors import TrainingError
from tlsfind.learn import screen
from tlsfind.learn.predictor import from_target, to_target
from tlsfind.pairs.keys import KEYS
from tlsfind.progress import progress
from tlsfind.scans import training
from tlsfind.scans.draws import CLASSIFIER, KINDS, PREDICTOR, Draw, Kind, Study, draw
from tlsfind.scans.training import Fitted

ENSEMBLE, SCREEN, PERCEPTRON = "ensemble", "screen", "perceptron"


def variants(study: Study) -> list[str]:
    """Kinds of models: the ensemble, its kinds each alone, the screening model, a perceptron."""
    kinds = study.learn.models
    alone = list(kinds) if len(kinds) > 1 else []
    return [ENSEMBLE, *alone, SCREEN, PERCEPTRON]


def scan(study: Study) -> tuple[list[dict[str, Any]], list[pd.DataFrame]]:
    """Train and score every kind of both models.

    Returns:
        Rows of table "scan", and parts of table "scan_points" (predicted double wells).
    """
    rows: list[dict[str, Any]] = []
    points: list[pd.DataFrame] = []
    features = study.table.frame[study.table.features]
    places = [(split, k) for split in study.scans.splits for k in range(study.scans.repeats)]
    title = f"leaderboard, T_f = {study.temperature:g}"
    with progress(len(places) * len(KINDS) * len(variants(study)), title) as advance:
        for split, repeat in places:
            for model in KINDS:
                for variant in variants(study):
                    empty = training.row(study, "leaderboard", model, split, repeat)
                    try:
                        pairs = draw(study, model, split, repeat)
                        pairs = pairs.first(study.scans.training_pairs)
                        with _fitted(study, model, variant, pairs, features) as fitted:
                            predicted = fitted.predict(features.iloc[pairs.test])
                        found = training.result(study, model, pairs, fitted, predicted)
                        if model == PREDICTOR:
                            points.append(_points(study, variant, pairs, predicted))
                    except TrainingError as error:
                        found = {"note": str(error)}
                    rows.append({**empty, "variant": variant, **found})
                    advance()
    return rows, points


def _points(study: Study, variant: str, pairs: Draw, predicted: np.ndarray) -> pd.DataFrame:
    """Exact and predicted E_qs of the held-out double wells."""
    return study.table.frame.iloc[pairs.test][KEYS].assign(
        preparation_temperature=study.temperature,
        variant=variant,
        split=pairs.split,
        repeat=pairs.repeat,
        exact=study.table.splitting[pairs.test],
        predicted=from_target(predicted),
    )


@contextmanager
def _fitted(
    study: Study, model: Kind, variant: str, pairs: Draw, features: pd.DataFrame
) -> Iterator[Fitted]:
    """A model of a kind, trained on ``pairs.train``."""
    if variant == SCREEN:
        yield _screen(study, model, pairs, features)
    elif variant == PERCEPTRON:
        yield perceptron(study, model, pairs, features)
    else:
        settings = study.learn
        if variant != ENSEMBLE:
            settings = settings.model_copy(update={"models": [variant]})
        with training.ensemble(study, model, pairs, features, settings) as fitted:
            yield fitted


def _screen(study: Study, model: Kind, pairs: Draw, features: pd.DataFrame) -> Fitted:
    """The screening models of the loop; they need pairs of both classes.

    The predictor among them sees no others than the double wells of ``pairs``.

    Raises:
        TrainingError: too few pairs of a class.
    """
    training.enough(study, model, pairs.train)
    rows = pairs.train
    if model == PREDICTOR:
        others = draw(study, CLASSIFIER, pairs.split, pairs.repeat).train
        others = others[~study.table.is_double_well[others]][: len(rows)]
        rows = np.concatenate([rows, others])
    begin = time.monotonic()
    trained = screen.fit(
        features.iloc[rows],
        study.table.is_double_well[rows],
        to_target(study.table.splitting[rows]),
        float(to_target(np.array(study.threshold))),
        rounds=study.learn.screen_rounds,
        seed=pairs.seed,
        threads=study.threads,
    )
    seconds = time.monotonic() - begin

    def predict(frame: pd.DataFrame) -> np.ndarray:
        """Probability of a double well, or -log10 E_qs, of each row."""
        found = trained.screen.predict(frame)
        return found.probability if model == CLASSIFIER else found.target

    return Fitted(predict, seconds, notes=["both screening models, and their folds, are trained"])


def perceptron(study: Study, model: Kind, pairs: Draw, features: pd.DataFrame) -> Fitted:
    """A multilayer perceptron on standardised features (paper, S1), all pairs alike in the loss.

    ``scans.perceptron_layers`` hidden layers of ``perceptron_width`` x N_features rectified linear
    units. Its training ends when the loss no longer changes by 1e-10 (paper), or after
    ``perceptron_epochs``.

    Raises:
        TrainingError: too few pairs of a class.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.preprocessing import StandardScaler

    training.enough(study, model, pairs.train)
    scans, rows = study.scans, pairs.train
    width = max(1, round(scans.perceptron_width * features.shape[1]))
    kind = MLPClassifier if model == CLASSIFIER else MLPRegressor
    network = kind(
        hidden_layer_sizes=(width,) * scans.perceptron_layers,
        max_iter=scans.perceptron_epochs,
        tol=1e-10,
        random_state=pairs.seed % 1_000_000,
    )
    begin = time.monotonic()
    scaler = StandardScaler().fit(features.iloc[rows].to_numpy(dtype=float))
    x = scaler.transform(features.iloc[rows].to_numpy(dtype=float))
    mean, spread = 0.0, 1.0
    target: np.ndarray = study.table.is_double_well[rows].astype(int)
    if model == PREDICTOR:
        target = to_target(study.table.splitting[rows])
        mean, spread = float(target.mean()), float(target.std()) or 1.0
        target = (target - mean) / spread
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        network.fit(x, target)
    seconds = time.monotonic() - begin
    notes = [f"{scans.perceptron_layers} layers of {width} units"]
    if any(issubclass(one.category, ConvergenceWarning) for one in caught):
        notes.append(f"still learning after {scans.perceptron_epochs} epochs")

    def predict(frame: pd.DataFrame) -> np.ndarray:
        inputs = scaler.transform(frame.to_numpy(dtype=float))
        if model == CLASSIFIER:
            return network.predict_proba(inputs)[:, 1]
        return mean + spread * network.predict(inputs)

    return Fitted(predict, seconds, notes=notes)
