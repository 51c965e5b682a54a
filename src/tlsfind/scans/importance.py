"""What the ensembles go by, on pairs that they were not trained on (Fig. S4, Table S1)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tlsfind.config import Analysis
from tlsfind.errors import InputError, TrainingError
from tlsfind.interpret.explain import explain_model
from tlsfind.learn.predictor import to_target
from tlsfind.pairs.keys import KEYS
from tlsfind.progress import progress
from tlsfind.scans import training
from tlsfind.scans.draws import KINDS, Draw, Kind, Study, draw
from tlsfind.scans.training import Fitted

#: Number of features from which fewer pairs are explained, so that the work does not grow.
FEW = 16

Parts = tuple[list[dict[str, Any]], list[pd.DataFrame], list[pd.DataFrame]]


def scan(study: Study, features: pd.DataFrame, analysis: Analysis) -> Parts:
    """Explain both models, in each repetition on the pairs held out at random.

    Args:
        study: the pairs.
        features: of all n pairs.
        analysis: numbers of pairs to explain, of the background and of shuffles.

    Returns:
        Rows of table "scan", parts of table "scan_importance", and of "scan_shap" (the first
        repetition).
    """
    rows: list[dict[str, Any]] = []
    importance: list[pd.DataFrame] = []
    shap: list[pd.DataFrame] = []
    title = f"importance, T_f = {study.temperature:g}"
    with progress(len(KINDS) * study.scans.repeats, title) as advance:
        for model in KINDS:
            for repeat in range(study.scans.repeats):
                empty = training.row(study, "importance", model, "row", repeat)
                try:
                    pairs = draw(study, model, "row", repeat).first(study.scans.training_pairs)
                    with training.ensemble(study, model, pairs, features) as fitted:
                        predicted = fitted.predict(features.iloc[pairs.test])
                        values, drops = explained(
                            study, model, fitted, features, pairs.test, analysis, repeat
                        )
                    found = training.result(study, model, pairs, fitted, predicted)
                    place = {"preparation_temperature": study.temperature}
                    importance.append(drops.assign(repeat=repeat, **place))
                    if repeat == 0:
                        shap.append(values.assign(**place))
                except (TrainingError, InputError) as error:  # too few pairs to train or explain
                    found = {"note": str(error)}
                rows.append({**empty, **found})
                advance()
    return rows, importance, shap


def explained(
    study: Study,
    model: Kind,
    fitted: Fitted,
    features: pd.DataFrame,
    rows: np.ndarray,
    analysis: Analysis,
    repeat: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Shapley values and permutation importance of a model on some pairs.

    Args:
        study: the pairs.
        model: which model.
        fitted: the model.
        features: of all n pairs.
        rows: the pairs to explain it on.
        analysis: numbers of pairs, of the background and of shuffles.
        repeat: part of the seed.

    Raises:
        InputError: too few pairs.
    """
    names = list(features.columns)
    exact = study.table.is_double_well if model == "classifier" else to_target_or_nan(study)
    pairs = pd.concat([study.table.frame.iloc[rows][KEYS], features.iloc[rows]], axis=1)
    fewer = min(1.0, FEW / len(names))
    return explain_model(
        model,
        lambda x: fitted.predict(pd.DataFrame(x, columns=names)),
        pairs,
        names,
        exact[rows],
        sample=max(10, round(analysis.explain_sample * fewer)),
        background=analysis.explain_background,
        shuffles=analysis.permutations,
        seed=study.seed + repeat,
    )


def to_target_or_nan(study: Study) -> np.ndarray:
    """-log10 E_qs of each pair, NaN where it has none, shape (n,)."""
    return np.where(study.eligible("predictor"), to_target(study.table.splitting), np.nan)


def ranking(
    study: Study, model: Kind, pairs: Draw, features: pd.DataFrame, analysis: Analysis
) -> list[str]:
    """The features by mean |Shapley value| on training pairs, the most important first.

    Raises:
        TrainingError, InputError: too few pairs to train or explain.
    """
    with training.ensemble(study, model, pairs, features) as fitted:
        _, drops = explained(study, model, fitted, features, pairs.train, analysis, pairs.repeat)
    return list(drops.sort_values("rank")["feature"].drop_duplicates())
