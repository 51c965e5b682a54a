"""Evidence of equilibration of every glass: energies and self-overlap against blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from tlsfind.analysis import style
from tlsfind.analysis.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Numbers = dict[str, pd.DataFrame]

PANELS = {
    "potential_energy": r"potential energy $/N$ ($\epsilon$)",
    "inherent_energy": r"inherent energy $/N$ ($\epsilon$)",
    "self_overlap": "self-overlap",
}


def numbers(series: pd.DataFrame, glasses: pd.DataFrame) -> Numbers:
    """The series of all glasses, each row with the glass's T_f and verdict.

    Args:
        series: the equilibration tables.
        glasses: the glasses table.
    """
    columns = ["glass", "preparation_temperature", "equilibrated"]
    return {"series": series.merge(glasses[columns], on="glass", how="left")}


def collect(results: Results) -> Numbers:
    """The numbers of a run."""
    return numbers(results.equilibration, results.glasses)


def draw(numbers: Numbers, results: Results) -> Figure:
    """Draw the three panels."""
    from matplotlib.lines import Line2D

    figure = style.new_figure(style.PAGE, 2.6, results.footer)
    grid = figure.subplots(1, 3)
    series = numbers["series"]
    if series.empty:
        for axes, name, column in zip(grid, "abc", PANELS, strict=True):
            style.letter(axes, name)
            style.refuse(axes, f"{column.replace('_', ' ')}: all glasses are imported, no record")
        return figure
    colours = style.temperature_colours(list(results.temperatures.values()))
    alpha = min(0.9, max(0.15, 6.0 / max(series["glass"].nunique(), 1)))
    for axes, name, (column, label) in zip(grid, "abc", PANELS.items(), strict=True):
        style.letter(axes, name)
        for _, rows in series.groupby("glass"):
            colour = colours.get(float(rows["preparation_temperature"].iloc[0]), style.GREY)
            good = bool(rows["equilibrated"].iloc[0])
            shown = rows.dropna(subset=[column])
            marker = "." if column == "inherent_energy" else None
            axes.plot(
                shown["block"], shown[column].astype(float), marker=marker,
                ls="-" if good else ":", color=colour, alpha=alpha, lw=1.0 if good else 0.8,
            )  # fmt: skip
            if column == "self_overlap":
                half = rows.dropna(subset=["self_overlap_half"])
                axes.plot(
                    half["block"], half["self_overlap_half"].astype(float), "--", color=colour,
                    alpha=alpha, lw=0.8,
                )  # fmt: skip
        axes.set_xlabel("blocks")
        axes.set_ylabel(label)
    grid[2].set_ylim(0.0, 1.05)
    entries = [Line2D([], [], color=c, label=rf"$T_f$ = {t:g}") for t, c in colours.items()]
    grid[1].legend(handles=entries, loc="upper right")
    return figure
