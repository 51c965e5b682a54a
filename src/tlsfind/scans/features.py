"""Scores against the number of features, in the order of their Shapley values (Fig. S5)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from tlsfind.config import Analysis
from tlsfind.errors import InputError, TrainingError
from tlsfind.progress import progress
from tlsfind.scans import importance, training
from tlsfind.scans.draws import KINDS, Kind, Study, draw, draws
from tlsfind.tables_scans import JOIN

#: The features that the second curve does without.
LEFT_OUT = ("delta_e", "transitions_ab", "transitions_ba")

ALL, WITHOUT = "all", "without"


def scan(study: Study, analysis: Analysis) -> list[dict[str, Any]]:
    """Rows of table "scan" for both models, with all features and without ``LEFT_OUT``.

    The order is found once for each model, on training pairs of the first repetition by row.
    """
    rows: list[dict[str, Any]] = []
    for model in KINDS:
        try:
            ranked = _ranking(study, model, analysis)
        except (TrainingError, InputError) as error:
            empty = training.row(study, "features", model, "row", 0)
            rows.append({**empty, "variant": ALL, "note": str(error)})
            continue
        curves = {ALL: ranked, WITHOUT: [name for name in ranked if name not in LEFT_OUT]}
        repetitions = list(draws(study, model))
        steps = {variant: _steps(study, names) for variant, names in curves.items()}
        total = len(repetitions) * sum(len(of) for of in steps.values())
        with progress(total, f"{model}, T_f = {study.temperature:g}: features") as advance:
            for split, repeat, pairs in repetitions:
                for variant, names in curves.items():
                    empty = {
                        **training.row(study, "features", model, split, repeat),
                        "variant": variant,
                    }
                    if isinstance(pairs, str):
                        rows.append({**empty, "note": pairs})
                        continue
                    limited = pairs.first(study.scans.training_pairs)
                    for before, count in pairwise([0, *steps[variant]]):
                        features = study.table.frame[names[:count]]
                        found = training.measured(study, model, limited, features)
                        added = JOIN.join(names[before:count])
                        place = {"value": float(count), "feature": added}
                        rows.append({**empty, **place, **found})
                        advance()
    return rows


def _steps(study: Study, names: list[str]) -> list[int]:
    """Numbers of features that models are trained on (``scans.feature_counts``), all at last."""
    chosen = study.scans.feature_counts
    every = range(1, len(names)) if chosen is None else chosen
    return [*sorted(count for count in every if count < len(names)), len(names)]


def _ranking(study: Study, model: Kind, analysis: Analysis) -> list[str]:
    pairs = draw(study, model, "row", 0).first(study.scans.training_pairs)
    features = study.table.frame[study.table.features]
    return importance.ranking(study, model, pairs, features, analysis)
