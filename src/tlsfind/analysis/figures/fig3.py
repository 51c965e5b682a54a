"""Fig. 3 a-c: predicted against exact quantum splitting, out of fold and when picked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tlsfind.analysis import style
from tlsfind.analysis.results import Results
from tlsfind.correlation import pearson
from tlsfind.pairs.keys import KEYS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = dict[str, pd.DataFrame]

PANELS = {"out_of_fold": "out of fold", "prospective": "predicted when picked"}


def correlation(exact: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """How well ``predicted`` (n,) agrees with ``exact`` (n,), both positive.

    Returns:
        ``points``; ``r_log``, Pearson's r of log10; ``r_linear``, of the values themselves;
        ``median_decades``, the median of log10(predicted / exact).
    """
    positive = (exact > 0) & (predicted > 0)
    exact, predicted = exact[positive], predicted[positive]
    ratio = np.log10(predicted) - np.log10(exact)
    return {
        "points": int(positive.sum()),
        "r_log": pearson(np.log10(exact), np.log10(predicted)),
        "r_linear": pearson(exact, predicted),
        "median_decades": float(np.median(ratio)) if len(ratio) else float("nan"),
    }


def numbers(out_of_fold: pd.DataFrame, paths: pd.DataFrame, unit: str) -> Numbers:
    """Points and correlations of both panels.

    Args:
        out_of_fold: the table of that name.
        paths: the loop's paths.
        unit: the unit system that drove the loop.

    Returns:
        ``points`` (a row for each pair) and ``correlation`` (a row for each panel).
    """
    columns = [*KEYS, "iteration", "exact", "predicted"]
    fold = out_of_fold.rename(
        columns={"quantum_splitting": "exact", "predicted_splitting": "predicted"}
    )
    fold = fold[fold["is_double_well"].astype(bool)].assign(iteration=-1)
    picked = paths.rename(
        columns={f"quantum_splitting_{unit}": "exact", "predicted_splitting": "predicted"}
    )
    picked = picked[(picked["iteration"] >= 1) & (picked["status"] == "double_well")]
    points, rows = [], []
    for panel, frame in (("out_of_fold", fold), ("prospective", picked)):
        frame = frame[columns].astype({"exact": float, "predicted": float})
        frame = frame.dropna(subset=["exact", "predicted"])
        points.append(frame.assign(panel=panel))
        found = correlation(frame["exact"].to_numpy(), frame["predicted"].to_numpy())
        rows.append({"panel": panel, **found})
    filled = [frame for frame in points if len(frame)] or points[:1]
    return {"points": pd.concat(filled, ignore_index=True), "correlation": pd.DataFrame(rows)}


def collect(results: Results) -> Numbers:
    """The numbers of a run."""
    return numbers(results.out_of_fold, results.loop_paths, results.config.loop.unit_system)


def draw(numbers: Numbers, results: Results) -> Figure:
    """Draw both panels."""
    figure = style.new_figure(style.PAGE, 3.5, results.footer)
    threshold = results.config.unit_systems[results.config.loop.unit_system].tls_threshold
    colours = style.temperature_colours(list(results.temperatures.values()))
    points = numbers["points"]
    temperature = points["glass"].map(results.temperatures)
    statistics = numbers["correlation"].set_index("panel").to_dict("index")
    axes_of = figure.subplots(1, 2)
    for axes, name, (panel, title) in zip(axes_of, "ab", PANELS.items(), strict=True):
        style.letter(axes, name)
        axes.set_title(title, fontsize=8.0)
        chosen = points["panel"] == panel
        needed = results.config.analysis.min_points
        if chosen.sum() < needed:
            style.refuse(axes, style.too_few(int(chosen.sum()), needed, f"DW {title}"))
            continue
        for value, colour in colours.items():
            rows = points[chosen & (temperature == value)]
            if len(rows):
                axes.plot(
                    rows["exact"], rows["predicted"], ".", ms=2.5, alpha=0.6, mew=0, color=colour,
                    label=rf"$T_f$ = {value:g}", rasterized=True,
                )  # fmt: skip
        _dress(axes, points[chosen], threshold, statistics[panel])
    axes_of[0].set_ylabel(r"predicted $E_{qs}$ ($\epsilon$)")
    return figure


def _dress(axes: Axes, points: pd.DataFrame, threshold: float, found: dict[Any, Any]) -> None:
    values = points[["exact", "predicted"]].to_numpy()
    values = values[values > 0]
    low, high = values.min() / 1.5, values.max() * 1.5
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high), aspect="equal")
    if high < 30 * low:  # matplotlib then labels every tick, one over the other
        from matplotlib.ticker import LogFormatterSciNotation, LogLocator

        for axis in (axes.xaxis, axes.yaxis):
            axis.set_minor_locator(LogLocator(subs=(2.0, 5.0)))
            axis.set_minor_formatter(LogFormatterSciNotation(minor_thresholds=(np.inf, np.inf)))
    axes.plot([low, high], [low, high], "--", color=style.BLACK, lw=0.8)
    axes.axhline(threshold, ls=":", color=style.BLACK, lw=0.8)
    axes.axvline(threshold, ls=":", color=style.BLACK, lw=0.8)
    axes.set_xlabel(r"exact $E_{qs}$ ($\epsilon$)")
    axes.text(
        0.03,
        0.97,
        f"$r$ = {found['r_log']:.3f} ($\\log_{{10}}$)\n$r$ = {found['r_linear']:.3f} (linear)\n"
        f"{int(found['points']):,} DW",
        transform=axes.transAxes,
        va="top",
        fontsize=7.0,
        bbox=style.PAPER,
    )
    axes.legend(loc="lower right", markerscale=3)
