"""Fig. S5: scores against the number of features, in the order of their Shapley values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from tlsfind.analysis import style
from tlsfind.analysis.figures import explanation, scan_curves
from tlsfind.tables_scans import JOIN

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SCORES = {
    "classifier": ("accuracy", "accuracy of the DW classifier"),
    "predictor": ("r_log", r"Pearson $r$ of $\log_{10} E_{qs}$"),
}
COLOURS = {"all": style.BLUE, "without": style.ORANGE}
NAMES = {"all": "all features", "without": r"without $\Delta E$, $T_{ab}$, $T_{ba}$"}


def collect(found: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """What is drawn: ``curves``; and ``trainings``, the table "scan"."""
    return {"curves": scan_curves.curves(found["scan"]), "trainings": found["scan"]}


def draw(numbers: dict[str, pd.DataFrame], source: str) -> Figure:
    """The figure: (a) the classifier, (b) the predictor; a row of panels for each T_f."""
    curves, trainings = numbers["curves"], numbers["trainings"]
    temperatures = sorted(trainings["preparation_temperature"].unique()) or [0.0]
    footer = scan_curves.footer(trainings, source)
    figure = style.new_figure(style.PAGE, 0.4 + 2.7 * len(temperatures), footer)
    grid = figure.subplots(len(temperatures), 2, squeeze=False)
    for i, temperature in enumerate(temperatures):
        for j, (model, (score, label)) in enumerate(SCORES.items()):
            axes = grid[i, j]
            style.letter(axes, "abcdefghijkl"[2 * i + j])
            axes.set_title(rf"$T_f$ = {temperature:g}", fontsize=8.0)
            own = (curves["model"] == model) & (curves["preparation_temperature"] == temperature)
            rows = curves[own & curves[score].notna()]
            if rows.empty:
                of_model = trainings["model"] == model
                here = trainings[of_model & (trainings["preparation_temperature"] == temperature)]
                style.refuse(axes, scan_curves.reasons(here), 34)
                continue
            panel(axes, rows, score)
            axes.set_ylabel(label)
    found = [axes.get_legend_handles_labels() for axes in grid.flat]
    handles, labels = max(found, key=lambda pair: len(pair[1]))
    if handles:
        figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 4))
    return figure


def panel(axes: Axes, rows: pd.DataFrame, score: str) -> None:
    """Both curves of one model, and the order of the features in words."""
    for variant, split, points in scan_curves.lanes(rows, "variant"):
        label = f"{NAMES[variant]}, by {split}"
        scan_curves.band(axes, points, score, COLOURS[variant], split, label)
    lines = []
    for variant in COLOURS:
        own = rows[rows["variant"] == variant].drop_duplicates("value").sort_values("value")
        names = [name for added in own["feature"] for name in added.split(JOIN)]
        text = ", ".join(explanation.label(name) for name in names)
        lines += [f"{variant}: {text}"]
    axes.set_xticks(sorted(rows["value"].unique()))
    axes.set_xlabel("number of features, added in this order\n" + "\n".join(lines), fontsize=6.5)
    axes.grid(axis="y", color="#e5e5e5", lw=0.5)
