"""The active loop: what it found, how much each iteration gave, what it may have missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tlsfind.analysis import style
from tlsfind.analysis.results import Results
from tlsfind.analysis.statistics import share_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = dict[str, pd.DataFrame]


def numbers(paths: pd.DataFrame, is_tls: np.ndarray) -> Numbers:
    """Counts of each iteration and their running totals.

    Args:
        paths: the loop's paths.
        is_tls: which of them are TLS, (n,) bool.
    """
    frame = pd.DataFrame(
        {
            "iteration": paths["iteration"].to_numpy(dtype=int),
            "paths": 1,
            "double_wells": (paths["status"] == "double_well").to_numpy(dtype=int),
            "tls": np.asarray(is_tls, dtype=int),
        }
    )
    counts = frame.groupby("iteration", as_index=False).sum()
    for name in ("paths", "double_wells", "tls"):
        counts[f"total_{name}"] = counts[name].cumsum()
    for name in ("double_wells", "tls"):
        counts[f"{name}_per_path"] = counts[name] / counts["paths"]
        low, high = share_interval(counts[name].to_numpy(), counts["paths"].to_numpy())
        counts[f"{name}_per_path_low"], counts[f"{name}_per_path_high"] = low, high
    return {"iterations": counts}


def collect(results: Results) -> Numbers:
    """The numbers of a run."""
    from tlsfind.analysis.tables import table1

    found = numbers(results.loop_paths, results.is_tls(results.loop_paths))
    table = table1.collect(results)
    unit = results.config.loop.unit_system
    chosen = table[(table["unit_system"] == unit) & table["preparation_temperature"].isna()]
    columns = ["standard_tls_per_path", "standard_tls_per_path_low", "standard_tls_per_path_high"]
    standard = chosen[columns].reset_index(drop=True)
    return {**found, "standard": standard, "estimates": estimates(results.history)}


def estimates(history: pd.DataFrame) -> pd.DataFrame:
    """What the models expected of each batch, and what they expect of the pairs without a path.

    Args:
        history: table "history".
    """
    columns = ["iteration", "tls", "expected_tls", "total_tls", "missing_tls", "missing_tls_low"]
    return history[[*columns, "missing_tls_high"]].reset_index(drop=True)


def draw(numbers: Numbers, results: Results) -> Figure:
    """Draw the three panels."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

    figure = style.new_figure(style.PAGE, 2.8, results.footer)
    left, right, last = figure.subplots(1, 3)
    counts = numbers["iterations"]
    shown = (
        ("paths", style.GREY, "paths"),
        ("double_wells", style.BLUE, "DW"),
        ("tls", style.VERMILION, "TLS"),
    )
    for name, colour, label in shown:
        positive = counts[counts[f"total_{name}"] > 0]
        left.plot(positive["iteration"], positive[f"total_{name}"], "o-", color=colour, label=label)
        if name == "paths":
            continue
        centre = counts[f"{name}_per_path"]
        low, high = (counts[f"{name}_per_path_{side}"] for side in ("low", "high"))
        right.errorbar(
            counts["iteration"], centre, np.array([centre - low, high - centre]), fmt="o-",
            color=colour, capsize=2, lw=1.0, label=label,
        )  # fmt: skip
    standard = numbers["standard"]["standard_tls_per_path"].to_numpy(dtype=float)
    if len(standard) and np.isfinite(standard[0]):
        right.axhline(
            standard[0], ls="--", color=style.VERMILION, lw=0.9, label="TLS, standard procedure"
        )
        _, low, high = numbers["standard"].iloc[0]
        right.axhspan(low, high, color=style.VERMILION, alpha=0.08, lw=0)
    left.set_yscale("log")
    left.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    left.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    left.yaxis.set_minor_formatter(NullFormatter())
    left.set_ylabel("found so far")
    right.set_ylabel("share of the iteration's paths")
    right.set_ylim(bottom=0.0)
    _draw_estimates(last, numbers["estimates"])
    for axes, name in ((left, "a"), (right, "b"), (last, "c")):
        style.letter(axes, name)
        axes.set_xlabel("iteration")
        axes.set_xlim(-0.4, counts["iteration"].max() + 0.4)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(loc="best")
    return figure


def _draw_estimates(axes: Axes, frame: pd.DataFrame) -> None:
    """TLS of each batch against what was expected of it, and the TLS estimated to be missing."""
    from matplotlib.ticker import StrMethodFormatter

    iteration = frame["iteration"].to_numpy(dtype=float)
    mean, low, high = (
        frame[f"missing_tls{end}"].to_numpy(dtype=float) for end in ("", "_low", "_high")
    )
    # a quantile of a skewed distribution can lie on the other side of its mean
    bars = np.maximum([mean - low, high - mean], 0.0)
    axes.errorbar(
        iteration, mean, bars, fmt="o-", color=style.BLUE, capsize=2, lw=1.0,
        label="estimated missing",
    )  # fmt: skip
    axes.plot(iteration, frame["tls"], "s-", color=style.VERMILION, lw=1.0, label="found")
    expected = frame["expected_tls"].astype(float)
    known = expected.notna().to_numpy()
    if known.any():
        axes.plot(
            iteration[known], expected[known], "x", color="black", ms=5,
            label="expected when picked",
        )  # fmt: skip
    axes.set_yscale("symlog", linthresh=1.0)  # one to hundreds, and none
    axes.set_ylim(bottom=0.0)
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.set_ylabel("TLS of the iteration")
