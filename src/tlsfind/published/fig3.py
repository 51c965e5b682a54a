"""Fig. 3 a-c from the published tables: predicted against exact E_qs of held-out double wells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tlsfind.analysis import style
from tlsfind.analysis.figures.fig3 import correlation
from tlsfind.published import paper
from tlsfind.published.predict import LARGEST_SPLITTING, SPLITS
from tlsfind.published.source import Source

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = dict[str, pd.DataFrame]

TITLES = {"row": "held out at random", "glass": "new glasses held out"}

#: Hexagons along an axis, which spans decades.
HEXAGONS = 60


def numbers(held_out: dict[tuple[float, str], pd.DataFrame]) -> Numbers:
    """Points and correlations of the panels.

    Args:
        held_out: rows of table "out_of_fold" by T_f and split.

    Returns:
        ``points`` (a row for each held-out double well) and ``correlation`` (two rows for each
        panel: of all, and of those with E_qs below ``LARGEST_SPLITTING``).
    """
    points, rows = [], []
    for (t_f, split), frame in held_out.items():
        known = frame["quantum_splitting"].notna() & frame["predicted_splitting"].notna()
        panel = frame.loc[known, ["glass", "minimum_a", "minimum_b"]].assign(
            exact=frame.loc[known, "quantum_splitting"].astype(float),
            predicted=frame.loc[known, "predicted_splitting"].astype(float),
            preparation_temperature=t_f,
            split=split,
        )
        points.append(panel)
        for largest in (np.inf, LARGEST_SPLITTING):
            chosen = panel[panel["exact"] < largest]
            found = correlation(chosen["exact"].to_numpy(), chosen["predicted"].to_numpy())
            head = {"preparation_temperature": t_f, "split": split, "below": largest}
            rows.append({**head, **found})
    return {"points": pd.concat(points, ignore_index=True), "correlation": pd.DataFrame(rows)}


def collect(source: Source) -> Numbers:
    """The numbers of the published tables."""
    return numbers(
        {(t_f, split): source.predictions(t_f, split) for t_f in source.trained for split in SPLITS}
    )


def draw(numbers: Numbers, source: Source) -> Figure:
    """A row of panels for each T_f: held out at random, and by glass."""
    temperatures = sorted(numbers["points"]["preparation_temperature"].unique())
    figure = style.new_figure(style.PAGE, 0.4 + 3.2 * len(temperatures), source.footer)
    grid = figure.subplots(len(temperatures), 2, squeeze=False)
    for row, t_f in enumerate(temperatures):
        for column, split in enumerate(SPLITS):
            axes = grid[row, column]
            letter = paper.PANELS.get(t_f, "abcdefgh"[row])
            style.letter(axes, letter if column == 0 else f"{letter}′")
            axes.set_title(f"$T_f$ = {t_f:g}, {TITLES[split]}", fontsize=8.0)
            points, found = numbers["points"], numbers["correlation"]
            panel = (points["preparation_temperature"] == t_f) & (points["split"] == split)
            rows = (found["preparation_temperature"] == t_f) & (found["split"] == split)
            _panel(axes, points[panel], found[rows], source)
        grid[row, 0].set_ylabel(r"predicted $E_{qs}$ ($\epsilon$)")
    return figure


def _panel(axes: Axes, points: pd.DataFrame, found: pd.DataFrame, source: Source) -> None:
    needed = source.config.analysis.min_points
    if len(points) < needed:
        style.refuse(axes, style.too_few(len(points), needed, "held-out DW"))
        return
    values = points[["exact", "predicted"]].to_numpy()
    low, high = values.min() / 1.3, values.max() * 1.3
    image = axes.hexbin(
        points["exact"], points["predicted"], gridsize=HEXAGONS, xscale="log", yscale="log",
        extent=(np.log10(low), np.log10(high), np.log10(low), np.log10(high)), mincnt=1,
        cmap="viridis", bins="log", linewidths=0.1, rasterized=True,
    )  # fmt: skip
    bar = axes.figure.colorbar(image, ax=axes, pad=0.02, aspect=30, shrink=0.85)
    bar.set_label("double wells", fontsize=6.5)
    bar.ax.tick_params(labelsize=6.0)
    bar.outline.set_visible(False)
    threshold = source.config.unit.tls_threshold
    axes.plot([low, high], [low, high], "--", color=style.BLACK, lw=0.8)
    axes.axhline(threshold, ls=":", color=style.BLACK, lw=0.8)
    axes.axvline(threshold, ls=":", color=style.BLACK, lw=0.8)
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    axes.set_xlabel(r"exact $E_{qs}$ ($\epsilon$)")
    everything = found[np.isinf(found["below"])].iloc[0]
    axes.text(
        0.03, 0.97,
        f"$r$ = {everything['r_log']:.3f} ($\\log_{{10}}$)\n"
        f"$r$ = {everything['r_linear']:.3f} (linear)\n{int(everything['points']):,} DW",
        transform=axes.transAxes, va="top", fontsize=7.0, bbox=style.PAPER,
    )  # fmt: skip
