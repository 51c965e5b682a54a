"""What the models look at: Shapley values and permutation importance (paper, Figs. 5 and S4).

A model is taken as a function of the features of pairs, (n, F) -> (n,): the calibrated probability
of a double well, and -log10 E_qs. Labels, weights and keys cannot get among the features. The
methods stand in :mod:`tlsfind.interpret.importance`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tlsfind import seeds, tables
from tlsfind.config import Analysis, Config
from tlsfind.correlation import pearson
from tlsfind.errors import InputError
from tlsfind.interpret.importance import (
    Drop,
    Model,
    Score,
    Shapley,
    accuracy,
    negative_log_loss,
    negative_rmse,
    permutation_importance,
    shapley,
)
from tlsfind.learn import labelled as labelled_table
from tlsfind.learn.labelled import Labelled
from tlsfind.pairs.keys import KEYS

if TYPE_CHECKING:
    from tlsfind.learn.classifier import Classifier
    from tlsfind.learn.predictor import Predictor

#: The permutation importance uses this many times the pairs whose SHAP values are computed.
IMPORTANCE_FACTOR = 5

#: Fewest pairs from which a model is explained.
MIN_PAIRS = 10

CLASSIFIER, PREDICTOR = "classifier", "predictor"

#: Scores of each model, all higher for better, and whether the table holds them with the sign back.
SCORES: dict[str, dict[str, tuple[Score, bool]]] = {
    CLASSIFIER: {"accuracy": (accuracy, False), "log_loss": (negative_log_loss, True)},
    PREDICTOR: {"rmse": (negative_rmse, True), "r": (pearson, False)},
}


def shap_table(name: str, pairs: pd.DataFrame, features: list[str], found: Shapley) -> pd.DataFrame:
    """Shapley values as rows of ``shap.parquet``, F rows for each pair.

    Args:
        name: of the model.
        pairs: keys and features of the explained pairs, n rows.
        features: their names, F.
        found: their Shapley values.
    """
    n, count = found.values.shape
    frame = pairs[KEYS].loc[pairs.index.repeat(count)].reset_index(drop=True)
    return frame.assign(
        model=name,
        feature=np.tile(np.asarray(features, dtype=object), n),
        value=pairs[features].to_numpy(dtype=float).ravel(),
        shap=found.values.ravel(),
        base=found.base,
        prediction=found.prediction.repeat(count),
    )


def importance_table(
    name: str,
    rows: np.ndarray,
    features: list[str],
    found: Shapley,
    drops: Mapping[str, Drop],
    scored: int,
) -> pd.DataFrame:
    """Rows of ``importance.parquet``: for each score the features by rank.

    Args:
        name: of the model, a key of ``SCORES``.
        rows: features of the explained pairs, shape (n, F).
        features: their names, F.
        found: Shapley values of the explained pairs.
        drops: what :func:`permutation_importance` found with the scores of the model.
        scored: number of pairs that it scored.
    """
    mean = np.abs(found.values).mean(axis=0)
    order = np.argsort(-mean, kind="stable")
    ranks = pd.DataFrame(rows).rank(), pd.DataFrame(found.values).rank()
    direction = [pearson(*(rank[i].to_numpy() for rank in ranks)) for i in order]
    common = pd.DataFrame(
        {
            "model": name,
            "feature": [features[i] for i in order],
            "rank": np.arange(1, len(order) + 1),
            "mean_abs_shap": mean[order],
            "direction": direction,
            "pairs": scored,
        }
    )
    parts = []
    for score, (_, turned) in SCORES[name].items():
        drop = drops[score]
        parts.append(
            common.assign(
                score=score,
                score_value=-drop.score if turned else drop.score,
                drop_mean=drop.mean[order],
                drop_std=drop.std[order],
            )
        )
    return pd.concat(parts, ignore_index=True)


def explain_model(
    name: str,
    model: Model,
    pairs: pd.DataFrame,
    features: list[str],
    exact: np.ndarray,
    *,
    sample: int,
    background: int,
    shuffles: int,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Explain one model on random samples of labelled pairs.

    Args:
        name: ``classifier`` or ``predictor``.
        model: a function of ``features``.
        pairs: keys and features, n rows.
        features: their names.
        exact: is_double_well, or -log10 E_qs, shape (n,).
        sample: most pairs whose Shapley values are computed; the permutation importance takes
            ``IMPORTANCE_FACTOR`` times as many.
        background: most pairs of the background.
        shuffles: of each feature.
        seed: of the run.

    Returns:
        Rows of ``shap.parquet`` and of ``importance.parquet``.

    Raises:
        InputError: fewer than ``MIN_PAIRS`` pairs.
    """
    if len(pairs) < MIN_PAIRS:
        raise InputError(
            f"{len(pairs)} pairs to explain the {name} on, expected at least {MIN_PAIRS}"
        )
    stream = seeds.sequence(seed, "explain", list(SCORES).index(name))
    choice, orders, shuffling = stream.spawn(3)
    rng = np.random.default_rng(choice)

    def draw(count: int) -> np.ndarray:
        return np.sort(rng.choice(len(pairs), min(count, len(pairs)), replace=False))

    x = pairs[features].to_numpy(dtype=float)
    explained, scored = draw(sample), draw(IMPORTANCE_FACTOR * sample)
    found = shapley(model, x[explained], x[draw(background)], orders)
    scores = {score: function for score, (function, _) in SCORES[name].items()}
    drops = permutation_importance(model, x[scored], exact[scored], scores, shuffles, shuffling)
    return (
        shap_table(name, pairs.iloc[explained], features, found),
        importance_table(name, x[explained], features, found, drops, len(scored)),
    )


def explain_both(
    classifier: Classifier,
    predictor: Predictor,
    pairs: Labelled,
    output: Path,
    *,
    analysis: Analysis,
    config_hash: str,
    seed: int,
) -> None:
    """Write ``shap.parquet`` and ``importance.parquet`` of both models on labelled pairs.

    The classifier is explained on random pairs, the predictor on random double wells with E_qs.

    Args:
        classifier: of double wells.
        predictor: of E_qs.
        pairs: what they are explained on.
        output: folder that receives both tables.
        analysis: numbers of pairs, of the background and of shuffles.
        config_hash: of the run.
        seed: of the run.

    Raises:
        InputError: fewer than ``MIN_PAIRS`` pairs or double wells with E_qs.
    """
    from tlsfind.learn.predictor import to_target

    known = pairs.is_double_well & np.isfinite(pairs.splitting)

    def of_frame(function: Callable[[pd.DataFrame], np.ndarray]) -> Model:
        return lambda rows: function(pd.DataFrame(rows, columns=pairs.features))

    tasks: list[tuple[str, Model, pd.DataFrame, np.ndarray]] = [
        (CLASSIFIER, of_frame(classifier.probability), pairs.frame, pairs.is_double_well),
        (
            PREDICTOR,
            of_frame(predictor.target),
            pairs.frame[known],
            to_target(pairs.splitting[known]),
        ),
    ]
    shap, importance = [], []
    for name, function, chosen, exact in tasks:
        first, second = explain_model(
            name,
            function,
            chosen,
            pairs.features,
            exact,
            sample=analysis.explain_sample,
            background=analysis.explain_background,
            shuffles=analysis.permutations,
            seed=seed,
        )
        shap.append(first)
        importance.append(second)
    for part, parts in (("shap", shap), ("importance", importance)):
        schema = tables.stamped(tables.schema(part), config_hash, seed)
        tables.write(pd.concat(parts, ignore_index=True), output / f"{part}.parquet", schema)


def explain(config: Config, model: Path, labelled: Path, output: Path, threads: int = 1) -> None:
    """Write ``shap.parquet`` and ``importance.parquet`` of both models of a training.

    The classifier is explained on random rows of the table, the predictor on random double wells.
    Scores of rows that the models were trained on flatter (:func:`permutation_importance`).

    Args:
        config: sections ``analysis`` (sizes), ``pairs`` (M), ``run`` (seed) and ``loop`` (units).
        model: folder with ``classifier/`` and ``predictor/``, or one that holds it as ``models/``.
        labelled: labelled table.
        output: folder that receives both tables.
        threads: threads of the predictions.

    Raises:
        InputError: a model or the table is missing, damaged or does not fit, E_qs in another unit
            system than the config's, or too few rows.
        TlsfindError: the models were written by other versions.
    """
    from tlsfind.learn import training
    from tlsfind.learn.classifier import Classifier
    from tlsfind.learn.predictor import Predictor

    table = labelled_table.read(labelled, config.pairs.particles)
    training.check_units(config, table, labelled)
    models = model / "models" if (model / "models").is_dir() else model
    classifier = Classifier(models / training.CLASSIFIER, threads)
    predictor = Predictor(models / training.PREDICTOR, threads)
    if predictor.quantity != "splitting":
        raise InputError(
            f"model {models / training.PREDICTOR} predicts the {predictor.quantity}, expected the "
            "splitting"
        )
    explain_both(
        classifier,
        predictor,
        table,
        output,
        analysis=config.analysis,
        config_hash=config.hash,
        seed=config.run.seed,
    )
