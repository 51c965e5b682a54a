"""Fig. 3: predicted against exact quantum splitting (a-c) and barrier (d-f), out of fold."""

from __future__ import annotations

from collections.abc import Mapping
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

#: Symbol of each quantity, and what says that nothing predicted it.
QUANTITIES = {"splitting": "E_{qs}", "barrier": "E_b"}

COLUMNS = ["quantity", *KEYS, "preparation_temperature", "iteration", "exact", "predicted"]


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


def points(
    frame: pd.DataFrame,
    quantity: str,
    exact: str,
    predicted: str,
    temperatures: Mapping[str, float],
) -> pd.DataFrame:
    """Rows of :data:`COLUMNS` of the pairs that have both values.

    Args:
        frame: a row for each double well: keys, ``iteration``, both values.
        quantity: a key of :data:`QUANTITIES`.
        exact: column of the exact value.
        predicted: column of the predicted one.
        temperatures: preparation temperature of each glass.
    """
    rows = frame[[*KEYS, "iteration"]].assign(
        quantity=quantity,
        preparation_temperature=frame["glass"].map(temperatures).astype(float),
        exact=frame[exact].astype(float),
        predicted=frame[predicted].astype(float),
    )
    return rows.dropna(subset=["exact", "predicted"])[COLUMNS]


def correlations(found: pd.DataFrame, temperatures: Mapping[str, float]) -> pd.DataFrame:
    """Agreement for each quantity and T_f, and over all glasses (T_f NaN).

    Args:
        found: rows of :func:`points`.
        temperatures: preparation temperature of each glass.
    """
    rows = []
    for quantity in QUANTITIES:
        own = found[found["quantity"] == quantity]
        for value in [*sorted(set(temperatures.values())), float("nan")]:
            here = own if np.isnan(value) else own[own["preparation_temperature"] == value]
            rows.append(
                {
                    "quantity": quantity,
                    "preparation_temperature": value,
                    "glasses": here["glass"].nunique(),
                    **correlation(here["exact"].to_numpy(), here["predicted"].to_numpy()),
                }
            )
    return pd.DataFrame(rows)


def numbers(out_of_fold: pd.DataFrame, temperatures: Mapping[str, float]) -> Numbers:
    """Points and correlations of all panels.

    Args:
        out_of_fold: the table of that name.
        temperatures: preparation temperature of each glass.

    Returns:
        ``points`` (a row for each quantity and double well) and ``correlation`` (a row for each
        quantity and T_f, and for all glasses).
    """
    wells = out_of_fold[out_of_fold["is_double_well"].astype(bool)].assign(iteration=-1)
    exact = {"splitting": "quantum_splitting", "barrier": "barrier"}
    parts = [
        points(wells, quantity, exact[quantity], f"predicted_{quantity}", temperatures)
        for quantity in QUANTITIES
    ]
    found = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    return {"points": found, "correlation": correlations(found, temperatures)}


def collect(results: Results) -> Numbers:
    """The numbers of a run."""
    return numbers(results.out_of_fold, results.temperatures)


def draw(numbers: Numbers, results: Results) -> Figure:
    """Draw the panels: a column for each T_f, the most stable glasses first."""
    return panels(numbers, results, list(QUANTITIES), "DW out of fold")


def panels(numbers: Numbers, results: Results, quantities: list[str], what: str) -> Figure:
    """Draw rows of panels, one for each quantity, with a column for each T_f.

    Args:
        numbers: as :func:`numbers` gives them.
        results: the run.
        quantities: keys of :data:`QUANTITIES`.
        what: the points, for the sentence that refuses a panel.
    """
    values = sorted(set(results.temperatures.values()))
    rows, columns = len(quantities), len(values)
    if columns == 1:
        rows, columns = 1, len(quantities)
    width = style.PAGE if columns > 1 else style.COLUMN
    side = min(width / columns, 3.2)
    figure = style.new_figure(width, side * rows + 0.45, results.footer)
    grid = figure.subplots(rows, columns, squeeze=False)
    threshold = results.config.unit_systems[results.config.loop.unit_system].tls_threshold
    needed = results.config.analysis.min_points
    colours = style.temperature_colours(values)
    statistics = {
        (row["quantity"], row["preparation_temperature"]): row
        for row in numbers["correlation"].to_dict("records")
    }
    found = numbers["points"]
    for i, quantity in enumerate(quantities):
        labelled = False
        for j, value in enumerate(values):
            axes = grid[0, i] if len(values) == 1 else grid[i, j]
            # the paper's letters: d-f belong to the barrier, whatever the number of panels
            style.letter(axes, chr(ord("a") + i * max(3, len(values)) + j))
            axes.set_title(rf"$T_f$ = {value:g}", fontsize=8.0)
            chosen = (found["quantity"] == quantity) & (found["preparation_temperature"] == value)
            if chosen.sum() < needed:
                text = f"{what}, ${QUANTITIES[quantity]}$"
                style.refuse(axes, style.too_few(int(chosen.sum()), needed, text), 30)
                axes.set_box_aspect(1)
                continue
            axes.plot(
                found.loc[chosen, "exact"], found.loc[chosen, "predicted"], ".", ms=2.5, alpha=0.6,
                mew=0, color=colours[value], rasterized=True,
            )  # fmt: skip
            line = threshold if quantity == "splitting" else None
            _dress(axes, found[chosen], quantity, line, statistics[quantity, value])
            if not labelled:
                labelled = True
                axes.set_ylabel(rf"predicted ${QUANTITIES[quantity]}$ ($\epsilon$)")
    return figure


def _dress(
    axes: Axes, points: pd.DataFrame, quantity: str, threshold: float | None, found: dict[Any, Any]
) -> None:
    """Axes, the line of equality, the TLS threshold, and Pearson's r in words."""
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
    if threshold is not None:
        axes.axhline(threshold, ls=":", color=style.BLACK, lw=0.8)
        axes.axvline(threshold, ls=":", color=style.BLACK, lw=0.8)
    axes.set_xlabel(rf"exact ${QUANTITIES[quantity]}$ ($\epsilon$)")
    axes.text(
        0.03,
        0.97,
        f"$r$ = {found['r_log']:.3f} ($\\log_{{10}}$)\n$r$ = {found['r_linear']:.3f} (linear)\n"
        f"{int(found['points']):,} DW",
        transform=axes.transAxes,
        va="top",
        fontsize=6.5,
        bbox=style.PAPER,
    )
