"""Fig. S1: kinds of models side by side, and what a perceptron makes of E_qs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from tlsfind.analysis import style
from tlsfind.analysis.figures import scan_curves

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMES = {
    "ensemble": "weighted ensemble",
    "lightgbm": "LightGBM, bagged",
    "catboost": "CatBoost, bagged",
    "extra_trees": "ExtraTrees, bagged",
    "screen": "CatBoost, screening",
    "perceptron": "perceptron",
}

#: R2 from which the axis begins; lower ones are drawn at the edge with their value.
LOWEST = 0.0


def collect(found: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """What is drawn: ``scores`` of each kind, and ``points`` of the lowest T_f that has any.

    Args:
        found: tables "scan" and "scan_points".
    """
    points = found["scan_points"]
    points = points[points["variant"].isin(["ensemble", "perceptron"])]
    if len(points):
        lowest = points["preparation_temperature"].min()
        first = points["split"].eq("row") if "row" in set(points["split"]) else True
        kept = (points["preparation_temperature"] == lowest) & (points["repeat"] == 0) & first
        points = points[kept]
    return {
        "scores": scan_curves.curves(found["scan"]),
        "points": points.reset_index(drop=True),
        "trainings": found["scan"],
    }


def draw(numbers: dict[str, pd.DataFrame], source: str) -> Figure:
    """The figure: (a) R2, (b) the perceptron's predictions, (c) accuracy."""
    scores, trainings = numbers["scores"], numbers["trainings"]
    figure = style.new_figure(style.PAGE, 2.8, scan_curves.footer(trainings, source))
    a, b, c = figure.subplots(1, 3, width_ratios=[1.0, 0.9, 0.8])
    dots(a, scores[scores["model"] == "predictor"], "r2_log", trainings, names=True)
    a.set_xlabel(r"R$^2$ of $\log_{10} E_{qs}$")
    scatter(b, numbers["points"])
    dots(c, scores[scores["model"] == "classifier"], "accuracy", trainings, names=False)
    c.set_xlabel("accuracy of the DW classifier")
    for axes, name in zip((a, b, c), "abc", strict=True):
        style.letter(axes, name)
    handles, labels = a.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 4))
    return figure


def dots(
    axes: Axes, scores: pd.DataFrame, score: str, trainings: pd.DataFrame, names: bool
) -> None:
    """Scores of each kind of model, best on top: filled by row, open by glass."""
    if scores.empty:
        style.refuse(axes, scan_curves.reasons(trainings), 26)
        return
    order = [name for name in NAMES if name in set(scores["variant"])]
    temperatures = sorted(scores["preparation_temperature"].unique())
    colours = style.temperature_colours(temperatures)
    lanes = [(t, s) for t in temperatures for s in scan_curves.SPLITS]
    low = LOWEST if score == "r2_log" else 0.0
    for temperature, split, rows in scan_curves.lanes(scores, "preparation_temperature"):
        lane = lanes.index((temperature, split))
        height = [
            order.index(v) + 0.6 * (lane - 0.5 * (len(lanes) - 1)) / len(lanes)
            for v in rows["variant"]
        ]
        values = rows[score].clip(lower=low)
        axes.errorbar(
            values, height, xerr=rows[f"{score}_std"].where(rows[score] > low).fillna(0.0),
            fmt="o", color=colours[temperature], mfc="white" if split == "glass" else None,
            elinewidth=0.8, label=rf"$T_f$ = {temperature:g}, by {split}",
        )  # fmt: skip
    below = scores[scores[score] < low].groupby("variant")[score].agg(["min", "max"])
    for variant, (least, most) in below.iterrows():
        axes.annotate(
            f"{least:.2f} to {most:.2f}", (low, order.index(str(variant))), (6, 0),
            textcoords="offset points", fontsize=6.0, va="center",
        )  # fmt: skip
    axes.set_yticks(range(len(order)), [NAMES[name] if names else "" for name in order])
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.grid(axis="x", color="#e5e5e5", lw=0.5)


def scatter(axes: Axes, points: pd.DataFrame) -> None:
    """Predicted against exact E_qs of held-out double wells, on logarithmic axes."""
    from matplotlib.ticker import LogLocator, NullFormatter

    if points.empty:
        style.refuse(axes, "not drawn: no predicted double wells", 26)
        return
    looks = {"ensemble": (style.GREY, 2.0), "perceptron": (style.VERMILION, 3.0)}
    for name, (colour, size) in looks.items():
        rows = points[points["variant"] == name]
        axes.scatter(
            rows["exact"], rows["predicted"], s=size, color=colour, lw=0, alpha=0.6,
            label=NAMES[name], rasterized=True,
        )  # fmt: skip
    ends = [points["exact"].min(), points["exact"].max()]
    axes.plot(ends, ends, color=style.BLACK, ls="--", lw=0.7)
    axes.set_xscale("log")
    axes.set_yscale("log")
    decades = math.log10(ends[1] / ends[0])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0,) if decades > 2.0 else (1.0, 3.0)))
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(r"exact $E_{qs}$ ($\epsilon$)")
    axes.set_ylabel(r"predicted $E_{qs}$ ($\epsilon$)")
    temperature = points["preparation_temperature"].iloc[0]
    split = points["split"].iloc[0]
    axes.legend(
        title=rf"$T_f$ = {temperature:g}, by {split}", title_fontsize=6.5, loc="lower right"
    )
