"""Figs. S2 and S3: scores against M, training pairs and training time (boosting rounds)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from tlsfind.analysis import style
from tlsfind.analysis.figures import scan_curves

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Scans of the panels, in the paper's order: S2 of the predictor, S3 of the classifier.
PANELS = {
    "predictor": ("particles", "size", "rounds"),
    "classifier": ("particles", "rounds", "size"),
}
SCORES = {
    "predictor": {
        "r2_log": r"R$^2$ of $\log_{10} E_{qs}$",
        "r_log": r"Pearson $r$ of $\log_{10} E_{qs}$",
    },
    "classifier": {"accuracy": "accuracy of the DW classifier"},
}
LABELS = {
    "particles": r"$M$, displaced particles",
    "size": "training pairs",
    "rounds": "boosting rounds",
}


def collect(found: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """What is drawn: ``curves``; and ``trainings``, the table "scan"."""
    return {"curves": scan_curves.curves(found["scan"]), "trainings": found["scan"]}


def draw(numbers: dict[str, pd.DataFrame], source: str) -> Figure:
    """The figure of the one model that the table is of."""
    curves, trainings = numbers["curves"], numbers["trainings"]
    model = trainings["model"].iloc[0] if len(trainings) else "predictor"
    scores = SCORES[model]
    footer = scan_curves.footer(trainings, source)
    figure = style.new_figure(style.PAGE, 0.5 + 2.0 * len(scores), footer)
    grid = figure.subplots(len(scores), 3, squeeze=False, sharey="row")
    for i, (score, label) in enumerate(scores.items()):
        for j, scan in enumerate(PANELS[model]):
            axes = grid[i, j]
            style.letter(axes, "abcdef"[3 * i + j])
            rows = curves[(curves["scan"] == scan) & curves[score].notna()]
            if rows.empty:
                style.refuse(axes, scan_curves.reasons(trainings[trainings["scan"] == scan]), 26)
                continue
            panel(axes, rows, scan, score, seconds=i == 0)
            axes.set_xlabel(LABELS[scan])
            if j == 0:
                axes.set_ylabel(label)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 4))
    return figure


def panel(axes: Axes, rows: pd.DataFrame, scan: str, score: str, seconds: bool) -> None:
    """Curves of one scan, a colour for each T_f; with ``seconds`` those along the top."""
    colours = style.temperature_colours(list(rows["preparation_temperature"]))
    for temperature, split, points in scan_curves.lanes(rows, "preparation_temperature"):
        label = rf"$T_f$ = {temperature:g}, by {split}"
        scan_curves.band(axes, points, score, colours[temperature], split, label)
    if scan == "particles":
        axes.set_xticks(sorted(rows["value"].unique()))
    else:
        scan_curves.logarithmic(axes, rows["value"])
    if scan == "rounds" and seconds:
        took = rows.groupby("value")["seconds"].median()
        top = axes.secondary_xaxis("top")
        top.set_xticks(list(took.index), [f"{s:.2g}" for s in took], minor=False)
        top.set_xticks([], minor=True)
        top.set_xlabel("seconds of a training (median)", fontsize=6.5)
        top.tick_params(labelsize=6.0)
    axes.grid(axis="y", color="#e5e5e5", lw=0.5)
