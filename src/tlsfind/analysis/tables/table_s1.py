"""Table S1: the features of both models by their Shapley values, at each T_f."""

from __future__ import annotations

import pandas as pd

#: The paper's ranking (Table S1).
PAPER = {
    "classifier": [
        "transitions_ab",
        "transitions_ba",
        "displacement_3",
        "distance_1_3",
        "distance_1_2",
        "total_displacement",
        "displacement_1",
        "delta_e",
        "participation_ratio",
        "displacement_2",
    ],
    "predictor": [
        "delta_e",
        "displacement_1",
        "total_displacement",
        "displacement_2",
        "distance_1_2",
        "distance_1_3",
        "displacement_3",
        "transitions_ab",
        "transitions_ba",
        "participation_ratio",
    ],
}

COLUMNS = [
    "preparation_temperature",
    "model",
    "rank",
    "feature",
    "mean_abs_shap",
    "mean_abs_shap_std",
    "lowest_rank",
    "highest_rank",
    "repeats",
    "paper_rank",
]


def collect(importance: pd.DataFrame) -> pd.DataFrame:
    """The table.

    Args:
        importance: table "scan_importance".

    Returns:
        ``COLUMNS``: for each T_f and model the features by ``rank`` of ``mean_abs_shap``, the mean
        over the repetitions; their best and worst rank in a single one (``lowest_rank``,
        ``highest_rank``), and the rank in the paper (null for features that it does not rank).
    """
    once = importance.drop_duplicates(["preparation_temperature", "repeat", "model", "feature"])
    by = ["preparation_temperature", "model", "feature"]
    table = once.groupby(by, as_index=False).agg(
        mean_abs_shap=("mean_abs_shap", "mean"),
        mean_abs_shap_std=("mean_abs_shap", "std"),
        lowest_rank=("rank", "min"),
        highest_rank=("rank", "max"),
        repeats=("repeat", "nunique"),
    )
    order = ["preparation_temperature", "model", "mean_abs_shap"]
    table = table.sort_values(order, ascending=[True, True, False], ignore_index=True)
    table["rank"] = table.groupby(["preparation_temperature", "model"]).cumcount() + 1
    places = {
        (model, feature): place
        for model, features in PAPER.items()
        for place, feature in enumerate(features, start=1)
    }
    pairs = zip(table["model"], table["feature"], strict=True)
    table["paper_rank"] = pd.array([places.get(pair) for pair in pairs], dtype="Int64")
    return table[COLUMNS]
