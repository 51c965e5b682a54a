"""Fig. S6: what each iteration of the active loop found, and the confusion of its predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tlsfind.analysis import confusion, style
from tlsfind.analysis.figures.fig1 import spread
from tlsfind.analysis.results import Results
from tlsfind.learn.classifier import is_labelled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = dict[str, pd.DataFrame]

#: Most confusion matrices that are drawn.
MATRICES = 12


def numbers(paths: pd.DataFrame, unit: str, threshold: float) -> Numbers:
    """Totals and confusion after each iteration.

    Paths that did not give a verdict count as ``unknown``. A pair is predicted by the models that
    picked it, before its path was solved; the first batch has no predictions.

    Args:
        paths: the loop's paths.
        unit: the unit system that drove the loop.
        threshold: of E_qs of a TLS.

    Returns:
        ``iterations``: ``iteration``, totals so far of ``tls``, ``double_well`` (other double
        wells), ``other`` and ``unknown``; ``confusion``: ``iteration`` and the columns of
        :func:`tlsfind.analysis.confusion.counts`.
    """
    iteration = paths["iteration"].to_numpy(dtype=int)
    known = is_labelled(paths["status"])
    exact = confusion.classes(
        (paths["status"] == "double_well").to_numpy(),
        paths[f"quantum_splitting_{unit}"].to_numpy(dtype=np.float64),
        threshold,
    )
    probability = paths["probability_double_well"].to_numpy(dtype=np.float64)
    splitting = paths["predicted_splitting"].to_numpy(dtype=np.float64)
    predicted = confusion.classes(probability >= confusion.GATE, splitting, threshold)
    rows, matrices = [], []
    for k in np.unique(iteration):
        until = iteration <= k
        counts = {name: int((until & known & (exact == name)).sum()) for name in confusion.CLASSES}
        rows.append({"iteration": k, **counts, "unknown": int((until & ~known).sum())})
        now = (iteration == k) & known & np.isfinite(probability)
        if now.any():
            matrix = confusion.counts(exact[now], predicted[now])
            matrix.insert(0, "iteration", k)
            matrices.append(matrix)
    empty = confusion.counts(exact[:0], predicted[:0]).iloc[:0].assign(iteration=[])
    return {
        "iterations": pd.DataFrame(rows),
        "confusion": pd.concat(matrices, ignore_index=True) if matrices else empty,
    }


def collect(results: Results) -> Numbers:
    """The numbers of a run."""
    unit = results.config.loop.unit_system
    threshold = results.config.unit_systems[unit].tls_threshold
    return numbers(results.loop_paths, unit, threshold)


def draw(numbers: Numbers, results: Results) -> Figure:
    """Draw the totals on the left, a matrix for each iteration on the right."""
    matrices = numbers["confusion"]
    found = np.unique(matrices["iteration"])
    shown = found[spread(len(found), MATRICES)] if len(found) else found
    columns = min(max(len(shown), 1), 4)
    rows = max(-(-len(shown) // columns), 1)
    figure = style.new_figure(style.PAGE, max(2.7, 1.45 * rows + 0.5), results.footer)
    outer = figure.add_gridspec(1, 2, width_ratios=[1.0, 0.55 * columns])
    left = figure.add_subplot(outer[0])
    style.letter(left, "a")
    totals(left, numbers["iterations"])
    grid = outer[1].subgridspec(rows, columns)
    if not len(shown):
        axes = figure.add_subplot(grid[0])
        style.letter(axes, "b")
        style.refuse(axes, "no iteration after the first batch: nothing was predicted", 24)
        return figure
    for place, k in enumerate(shown):
        axes = figure.add_subplot(grid[place // columns, place % columns])
        confusion.draw(axes, matrices[matrices["iteration"] == k], fontsize=5.5)
        axes.set_title(f"iteration {k}", fontsize=6.5, loc="right")
        if place % columns:
            axes.set_yticklabels([])
        else:
            axes.set_ylabel("exact", fontsize=6.5)
        if place + columns < len(shown):
            axes.set_xticklabels([])
        else:
            axes.tick_params(axis="x", labelrotation=40)
            axes.set_xlabel("predicted", fontsize=6.5)
        if place == 0:
            style.letter(axes, "b")
    return figure


def totals(axes: Axes, iterations: pd.DataFrame) -> None:
    """Totals of each class against the iteration."""
    from matplotlib.ticker import MaxNLocator

    shown = (
        ("other", style.GREY, "s-"),
        ("double_well", style.BLUE, "o-"),
        ("tls", style.VERMILION, "^-"),
    )
    for name, colour, marker in shown:
        axes.plot(
            iterations["iteration"], iterations[name], marker, color=colour,
            label=confusion.LABELS[name],
        )  # fmt: skip
    counts_axis(axes, float(iterations[list(confusion.CLASSES)].max().max()))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("iteration")
    axes.set_ylabel("pairs so far")
    axes.legend(loc="best")


def counts_axis(axes: Axes, highest: float) -> None:
    """A vertical axis for counts from none to ``highest``: logarithmic from one on."""
    from matplotlib.ticker import StrMethodFormatter

    axes.set_yscale("symlog", linthresh=1.0)
    axes.set_ylim(0.0, 2.5 * max(highest, 1.0))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
