"""Fig. S4: permutation importance of the features at each T_f, and Shapley values at the lowest."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tlsfind.analysis import style
from tlsfind.analysis.figures import explanation, scan_curves

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MODELS = ("predictor", "classifier")

#: Scores by whose drop the features are compared.
SCORES = {"predictor": "rmse", "classifier": "log_loss"}

#: Drops are drawn from this share of the largest on; what is below stands at the edge.
FLOOR = 1e-3


def label(feature: str) -> str:
    """The symbol of a feature, also of those of table "structure"."""
    if found := re.fullmatch(r"q(\d+)_(a|b|change)_(\d+)", feature):
        where = {"a": "a", "b": "b", "change": r"\Delta"}[found[2]]
        return rf"$q_{{{found[1]}}}^{{{where}}}({found[3]})$"
    if found := re.fullmatch(r"diameter_(\d+)", feature):
        return rf"$\sigma_{{{found[1]}}}$"
    return explanation.label(feature)


def collect(found: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """What is drawn.

    Args:
        found: tables "scan", "scan_importance" and "scan_shap".

    Returns:
        ``drops``: mean drop of a score and its standard deviation over the repetitions, and both
        as shares of the largest (``share``, ``share_std``); ``points``: Shapley values at the
        lowest T_f, as in :func:`explanation.numbers`; ``trainings``: the table "scan".
    """
    return {
        "drops": drops(found["scan_importance"]),
        "points": points(found["scan_shap"], found["scan_importance"]),
        "trainings": found["scan"],
    }


def drops(importance: pd.DataFrame) -> pd.DataFrame:
    """Means over the repetitions, as shares of the largest of each T_f and model."""
    chosen = importance[importance["score"] == importance["model"].map(SCORES)]
    by = ["preparation_temperature", "model", "score", "feature"]
    mean = chosen.groupby(by, as_index=False).agg(
        drop_mean=("drop_mean", "mean"),
        drop_std=("drop_mean", "std"),
        repeats=("repeat", "nunique"),
        score_value=("score_value", "mean"),
        mean_abs_shap=("mean_abs_shap", "mean"),
        pairs=("pairs", "median"),
    )
    largest = mean.groupby(["preparation_temperature", "model"])["drop_mean"].transform("max")
    largest = largest.where(largest > 0)
    mean["share"], mean["share_std"] = mean["drop_mean"] / largest, mean["drop_std"] / largest
    order = ["preparation_temperature", "model", "drop_mean"]
    return mean.sort_values(order, ascending=[True, True, False], ignore_index=True)


def points(shap: pd.DataFrame, importance: pd.DataFrame) -> pd.DataFrame:
    """Points of the beeswarms at the lowest T_f, features by rank in the first repetition."""
    if shap.empty:
        return shap.assign(rank=[], level=[], offset=[])
    lowest = shap["preparation_temperature"].min()
    chosen = importance[
        (importance["preparation_temperature"] == lowest) & (importance["repeat"] == 0)
    ]
    own = shap[shap["preparation_temperature"] == lowest]
    return explanation.numbers(own, chosen)["points"]


def draw(numbers: dict[str, pd.DataFrame], source: str) -> Figure:
    """The figure: (a, b) of the predictor, (c, d) of the classifier."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap

    drop, shap = numbers["drops"], numbers["points"]
    colours = LinearSegmentedColormap.from_list(
        "features", [style.BLUE, "#C9C9C9", style.VERMILION]
    )
    footer = scan_curves.footer(numbers["trainings"], source)
    shown = min(explanation.SHOWN, max(drop["feature"].nunique(), 3)) if len(drop) else 3
    figure = style.new_figure(style.PAGE, 1.2 + 0.42 * shown, footer)
    grid = figure.subplots(2, 2, width_ratios=[0.85, 1.0])
    for i, model in enumerate(MODELS):
        bars(grid[i, 0], drop[drop["model"] == model], numbers["trainings"])
        own = shap[shap["model"] == model] if len(shap) else shap
        if len(own):
            explanation.swarm(grid[i, 1], own, model, colours)
            names = own[own["rank"] <= explanation.SHOWN].drop_duplicates("rank")
            names = names.sort_values("rank")
            grid[i, 1].set_yticks(names["rank"], [label(name) for name in names["feature"]])
            temperature = own["preparation_temperature"].iloc[0]
            grid[i, 1].set_title(
                rf"{explanation.MODELS[model]['title']}, $T_f$ = {temperature:g}", fontsize=7.0
            )
        else:
            style.refuse(grid[i, 1], scan_curves.reasons(numbers["trainings"]), 30)
        style.letter(grid[i, 0], "ac"[i])
        style.letter(grid[i, 1], "bd"[i])
    bar = figure.colorbar(
        ScalarMappable(cmap=colours), ax=grid[:, 1], ticks=[0, 1], pad=0.01, aspect=40
    )
    bar.ax.set_yticklabels(["low", "high"])
    bar.set_label("value of the feature", labelpad=-8)
    bar.outline.set_visible(False)
    return figure


def bars(axes: Axes, drop: pd.DataFrame, trainings: pd.DataFrame) -> None:
    """Drop of the score without each feature, as a share of the largest, for each T_f."""
    drop = drop[drop["share"].notna()]
    if drop.empty:
        style.refuse(axes, scan_curves.reasons(trainings), 30)
        return
    temperatures = sorted(drop["preparation_temperature"].unique())
    first = drop[drop["preparation_temperature"] == temperatures[0]]
    order = list(first.sort_values("share", ascending=False)["feature"])[: explanation.SHOWN]
    colours = style.temperature_colours(temperatures)
    for k, temperature in enumerate(temperatures):
        rows = drop[drop["preparation_temperature"] == temperature].set_index("feature")
        rows = rows.reindex(order)
        y = np.arange(len(order)) + 0.5 * (k - 0.5 * (len(temperatures) - 1)) / len(temperatures)
        share = rows["share"].to_numpy(dtype=float)
        spread = np.nan_to_num(rows["share_std"].to_numpy(dtype=float))
        seen = share > FLOOR
        low = np.clip(share - spread, FLOOR, None)
        axes.hlines(y[seen], low[seen], (share + spread)[seen], color=colours[temperature], lw=0.9)
        axes.plot(
            share[seen], y[seen], "o", color=colours[temperature],
            label=rf"$T_f$ = {temperature:g}",
        )  # fmt: skip
        if not seen.all():  # an empty line that is not clipped lies at the figure's corner
            edge = np.full((~seen).sum(), FLOOR)
            axes.plot(edge, y[~seen], "<", mfc="white", color=colours[temperature], clip_on=False)
    axes.set_xscale("log")
    axes.set_xlim(FLOOR, 2.5)
    axes.set_yticks(range(len(order)), [label(name) for name in order])
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e5e5e5", lw=0.5)
    what = {
        "rmse": r"rise of the rms error of $\log_{10} E_{qs}$",
        "log_loss": "rise of the log loss",
    }
    axes.set_xlabel(f"{what[drop['score'].iloc[0]]},\nshare of the largest", fontsize=7.5)
    axes.legend(loc="lower right")
