"""Fig. S7: the active loop against the standard procedure, path by path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tlsfind.analysis import style
from tlsfind.analysis.figures import figS6
from tlsfind.analysis.results import Results
from tlsfind.analysis.tables import table1
from tlsfind.pairs.keys import KEYS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = dict[str, pd.DataFrame]


def numbers(
    paths: pd.DataFrame, is_tls: np.ndarray, qualifies: np.ndarray, standard: Mapping[Any, Any]
) -> Numbers:
    """What the loop found for its paths, and how much of it the standard procedure would see.

    Args:
        paths: the loop's paths.
        is_tls: which are TLS, shape (n,).
        qualifies: which of these pairs the standard procedure would solve, shape (n,).
        standard: a row of Table I.

    Returns:
        ``iterations``: paths, double wells and TLS so far, and the new TLS that qualify for the
        standard procedure and those that do not; ``standard``: its paths (all that qualify) and
        its TLS, counted if ``complete``, else extrapolated, with the 95 % interval.
    """
    frame = pd.DataFrame(
        {
            "iteration": paths["iteration"].to_numpy(dtype=int),
            "paths": 1,
            "double_wells": (paths["status"] == "double_well").to_numpy(dtype=int),
            "tls": np.asarray(is_tls, dtype=int),
            "qualifying": np.asarray(is_tls & qualifies, dtype=int),
            "excluded": np.asarray(is_tls & ~qualifies, dtype=int),
        }
    )
    counts = frame.groupby("iteration", as_index=False).sum()
    for name in ("paths", "double_wells", "tls"):
        counts[name] = counts[name].cumsum()
    pairs = float(standard["standard_qualifying"])
    rates = {
        f"tls{end}": pairs * float(standard[f"standard_tls_per_path{end}"])
        for end in ("", "_low", "_high")
    }
    row = {"paths": int(pairs), "complete": bool(standard["standard_complete"]), **rates}
    return {"iterations": counts, "standard": pd.DataFrame([row])}


def collect(results: Results) -> Numbers:
    """The numbers of a run."""
    table = table1.collect(results)
    unit = results.config.loop.unit_system
    row = table[(table["unit_system"] == unit) & table["preparation_temperature"].isna()].iloc[0]
    paths = results.loop_paths
    known = paths[KEYS].merge(results.scan.solved, on=KEYS, how="left")
    least = known[["transitions_ab", "transitions_ba"]].astype(float).min(axis=1).to_numpy()
    qualifies = least >= results.config.loop.standard_transitions
    return numbers(paths, results.is_tls(paths), qualifies, row.to_dict())


def draw(numbers: Numbers, results: Results) -> Figure:
    """Draw TLS against paths, and the new TLS of each iteration."""
    figure = style.new_figure(style.PAGE, 2.9, results.footer)
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1.0])
    style.letter(left, "a")
    _found(left, numbers)
    style.letter(right, "b")
    _new(right, numbers["iterations"], results.config.loop.standard_transitions)
    return figure


def _found(axes: Axes, numbers: Numbers) -> None:
    """Running totals, with the outcome of the standard procedure."""
    counts = numbers["iterations"]
    for name, colour, marker, label in (
        ("double_wells", style.BLUE, "o-", "DW, loop"),
        ("tls", style.VERMILION, "^-", "TLS, loop"),
    ):
        axes.plot(counts["paths"], counts[name], marker, color=colour, label=label)
    row = numbers["standard"].iloc[0]
    if np.isfinite(row["tls"]) and row["paths"]:
        kind = "" if row["complete"] else " (extrapolated)"
        bars = np.maximum([[row["tls"] - row["tls_low"]], [row["tls_high"] - row["tls"]]], 0.0)
        axes.errorbar(
            [row["paths"]], [row["tls"]], bars, fmt="D", color=style.BLACK, capsize=2, lw=1.0,
            label=f"TLS, standard procedure{kind}",
        )  # fmt: skip
        axes.axhline(row["tls"], ls="--", lw=0.9, color=style.BLACK)
    else:
        axes.plot([], [], " ", label="standard procedure: not run")
    highest = max(counts["double_wells"].max(), np.nan_to_num(row["tls_high"]))
    figS6.counts_axis(axes, float(highest))
    axes.set_xlim(left=0.0)
    axes.set_xlabel("paths")
    axes.set_ylabel("found so far")
    axes.legend(loc="lower right")


def _new(axes: Axes, counts: pd.DataFrame, threshold: int) -> None:
    """TLS that each iteration added, those that the standard procedure excludes on top."""
    from matplotlib.ticker import MaxNLocator

    x = counts["iteration"].to_numpy(dtype=float)
    low = counts["qualifying"].to_numpy(dtype=float)
    high = counts["excluded"].to_numpy(dtype=float)
    axes.bar(x, low, 0.7, color=style.SKY, label=rf"$\min(T_{{ab}}, T_{{ba}}) \geq {threshold}$")
    axes.bar(
        x, high, 0.7, bottom=low, color=style.ORANGE, hatch="///", edgecolor="white", lw=0.0,
        label="excluded by the standard procedure",
    )  # fmt: skip
    top = max(float((low + high).max()), 1.0)
    axes.set_ylim(0.0, 1.3 * top)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("iteration (0: first batch)")
    axes.set_ylabel("new TLS")
    axes.legend(loc="upper right")
