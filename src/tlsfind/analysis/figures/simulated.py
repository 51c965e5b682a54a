"""Simulated loops: TLS against paths for each rule, and estimated against true missing TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tlsfind.analysis import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = dict[str, pd.DataFrame]

#: Colour, line style and label of each rule.
LOOKS = {
    "tls_probability": (style.VERMILION, "-", "TLS probability"),
    "lowest_splitting": (style.BLUE, "-", "lowest $E_{qs}$ behind the gate (paper)"),
    "lower_confidence": (style.GREEN, "-", "lower confidence bound of $E_{qs}$"),
    "gate_then_soft": (style.PURPLE, "-", "gate first, TLS probability last"),
    "smallest_delta_e": (style.ORANGE, "--", r"smallest $\Delta E$"),
    "standard": (style.SKY, "--", "most transitions"),
    "random": (style.GREY, "--", "random"),
}


def numbers(curves: pd.DataFrame) -> Numbers:
    """What is drawn.

    Args:
        curves: columns ``tlsfind.simulate.stage.CURVES``.

    Returns:
        ``share``: rule, paths, and median, least and most of the share of TLS over the seeds; a
        loop that found all stays at 1, one that was cut short ends the band. ``missing``: rule,
        true and estimated missing TLS and the interval, for each iteration with an estimate.
    """
    shares = []
    for rule, runs in curves.groupby("rule", sort=False):
        share = (runs["tls"] / runs["total_tls"]).rename("share")
        wide = pd.concat([runs[["paths", "seed"]], share], axis=1)
        wide = wide.pivot_table(index="paths", columns="seed", values="share").sort_index()
        cut = wide.bfill().isna() & (wide.ffill() < 1.0)
        wide = wide.ffill().mask(cut).dropna()
        shares.append(
            pd.DataFrame(
                {
                    "rule": rule,
                    "paths": wide.index.to_numpy(),
                    "median": wide.median(axis=1).to_numpy(),
                    "least": wide.min(axis=1).to_numpy(),
                    "most": wide.max(axis=1).to_numpy(),
                }
            )
        )
    columns = ["rule", "true_missing", "missing", "missing_low", "missing_high"]
    estimated = curves.loc[curves["missing"].notna(), columns].reset_index(drop=True)
    return {"share": pd.concat(shares, ignore_index=True), "missing": estimated}


def draw(numbers: Numbers, footer: str) -> Figure:
    """Draw both panels."""
    figure = style.new_figure(style.PAGE, 3.2, footer)
    left, right = figure.subplots(1, 2)
    _curves(left, numbers["share"])
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=4)
    if len(numbers["missing"]):
        _calibration(right, numbers["missing"])
    else:
        style.refuse(right, "no rule with models, so no estimate of missing TLS")
    for axes, name in ((left, "a"), (right, "b")):
        style.letter(axes, name)
    return figure


def _curves(axes: Axes, share: pd.DataFrame) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for rule, (colour, line, label) in LOOKS.items():
        curve = share[(share["rule"] == rule) & (share["paths"] > 0)]
        if not len(curve):
            continue
        axes.plot(curve["paths"], curve["median"], line, color=colour, label=label)
        axes.fill_between(
            curve["paths"], curve["least"], curve["most"], color=colour, alpha=0.2, lw=0
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="x", labelrotation=45)
    axes.set_ylim(0.0, 1.02)
    axes.set_xlabel("paths")
    axes.set_ylabel("share of the TLS found (band: all seeds)")


def _calibration(axes: Axes, missing: pd.DataFrame) -> None:
    """Points a little apart from 0, which a logarithm cannot show: both axes show n + 1."""
    for rule, (colour, _, _) in LOOKS.items():
        rows = missing[missing["rule"] == rule]
        if not len(rows):
            continue
        centre, low, high = (
            1.0 + rows[name] for name in ("missing", "missing_low", "missing_high")
        )
        errors = np.maximum([centre - low, high - centre], 0.0)
        axes.errorbar(
            1.0 + rows["true_missing"], centre, errors,
            fmt="o", ms=2.0, color=colour, elinewidth=0.4, alpha=0.7,
        )  # fmt: skip
    highest = 1.0 + max(missing["true_missing"].max(), missing["missing_high"].max())
    axes.plot([1.0, highest], [1.0, highest], color=style.BLACK, lw=0.7, zorder=0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("1 + TLS missing, exact")
    axes.set_ylabel("1 + TLS missing, estimate (bar: 90 %)")
