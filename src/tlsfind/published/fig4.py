"""Fig. 4 from the published tables: confusion of held-out TLS, n(E)/E with n_0, TLS per glass.

The paper draws panel a of the pairs that its loop picked at T_f = 0.062. Their features are not
published, so it is drawn here of the held-out double wells at the T_f of the labelled tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tlsfind.analysis import style
from tlsfind.analysis.figures.fig4 import cumulative_density, histogram_edges, plateau
from tlsfind.published import paper
from tlsfind.published.density import low_energy_density
from tlsfind.published.source import Source
from tlsfind.units import UnitSystem

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = dict[str, pd.DataFrame]


def confusion(points: pd.DataFrame, threshold: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Confusion matrix, and what is found by solving all pairs predicted below a line.

    Args:
        points: ``exact`` and ``predicted`` E_qs, n rows.
        threshold: E_qs of a TLS.

    Returns:
        One row of counts ``true_positive``, ``false_positive``, ``false_negative``,
        ``true_negative``; and a row for each of ``paper.LINES`` with ``multiple``, ``paths``
        (pairs predicted below it), ``tls`` (found among them) and ``share`` (of all TLS).
    """
    tls = (points["exact"] < threshold).to_numpy()
    predicted = points["predicted"].to_numpy()
    said = predicted < threshold
    counts = {
        "true_positive": int((tls & said).sum()),
        "false_positive": int((~tls & said).sum()),
        "false_negative": int((tls & ~said).sum()),
        "true_negative": int((~tls & ~said).sum()),
    }
    rows = []
    for multiple in paper.LINES:
        below = predicted < multiple * threshold
        found = int((tls & below).sum())
        share = found / tls.sum() if tls.any() else float("nan")
        rows.append({"multiple": multiple, "paths": int(below.sum()), "tls": found, "share": share})
    return pd.DataFrame([counts]), pd.DataFrame(rows)


def numbers(
    held_out: Mapping[float, pd.DataFrame],
    splittings: Mapping[float, np.ndarray],
    per_glass: pd.DataFrame,
    unit: UnitSystem,
    volume: float,
) -> Numbers:
    """All numbers of the figure.

    Args:
        held_out: ``exact`` and ``predicted`` E_qs of double wells, by T_f.
        splittings: of the double wells of the iterative run, by T_f, each of shape (n,).
        per_glass: ``glass``, ``preparation_temperature``, ``double_wells``, ``tls`` of every glass.
        unit: unit system of E_qs.
        volume: of one glass.

    Returns:
        ``confusion`` and ``lines`` by T_f; ``density`` (n(E)/E), ``plateau`` (n_0 at the threshold
        and from low E, with the paper's), ``per_glass``.
    """
    matrices, lines, curves, rows = [], [], [], []
    for t_f, points in held_out.items():
        matrix, below = confusion(points, unit.tls_threshold)
        matrices.append(matrix.assign(preparation_temperature=t_f))
        lines.append(below.assign(preparation_temperature=t_f))
    for t_f, values in splittings.items():
        glasses = int((per_glass["preparation_temperature"] == t_f).sum())
        curve = cumulative_density(values, volume, glasses)
        curves.append(curve.assign(preparation_temperature=t_f))
        low = low_energy_density(values, volume, glasses) or {}
        at = plateau(values, unit, volume, glasses)
        printed = paper.TEMPERATURES.get(t_f)
        rows.append(
            {
                "preparation_temperature": t_f,
                "glasses": glasses,
                "tls": at["tls"],
                "n_0_threshold": at["n_0"],
                "n_0_threshold_low": at["n_0_low"],
                "n_0_threshold_high": at["n_0_high"],
                "n_0": low.get("n_0", np.nan),
                "n_0_low": low.get("low", np.nan),
                "n_0_high": low.get("high", np.nan),
                "n_0_splittings": low.get("count", 0),
                "n_0_below": low.get("energy", np.nan),
                "n_0_ev_cm3": low.get("n_0", np.nan) * unit.density_of_states_factor,
                "n_0_paper": printed.n_0 if printed else np.nan,
            }
        )
    tables = {
        "confusion": matrices, "lines": lines, "density": curves,
    }  # fmt: skip
    found = {
        name: pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
        for name, parts in tables.items()
    }
    return {**found, "plateau": pd.DataFrame(rows), "per_glass": per_glass}


def of_glasses(source: Source) -> pd.DataFrame:
    """Double wells and TLS of the iterative run in every glass of the tables."""
    parts = []
    for t_f, frame in source.verdicts.items():
        well = frame["is_double_well"].astype(bool)
        tls = well & (frame["quantum_splitting"].astype(float) < source.config.unit.tls_threshold)
        names = source.glasses[t_f]
        counts = {
            column: frame.loc[chosen, "glass"].value_counts().reindex(names, fill_value=0)
            for column, chosen in (("double_wells", well), ("tls", tls))
        }
        part = pd.DataFrame({k: v.to_numpy() for k, v in counts.items()})
        part.insert(0, "preparation_temperature", t_f)
        part.insert(0, "glass", names)
        parts.append(part)
    columns = ["glass", "preparation_temperature", "double_wells", "tls"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def collect(source: Source) -> Numbers:
    """The numbers of the published tables."""
    held_out = {}
    for t_f in source.trained:
        frame = source.predictions(t_f, "row").rename(
            columns={"quantum_splitting": "exact", "predicted_splitting": "predicted"}
        )
        held_out[t_f] = frame[["exact", "predicted"]].astype(float).dropna()
    return {
        **numbers(
            held_out,
            {t_f: source.splittings(t_f) for t_f in source.verdicts},
            of_glasses(source),
            source.config.unit,
            source.volume,
        ),
        "points": pd.concat(
            [points.assign(preparation_temperature=t_f) for t_f, points in held_out.items()],
            ignore_index=True,
        )
        if held_out
        else pd.DataFrame(columns=["exact", "predicted", "preparation_temperature"]),
    }


def draw(numbers: Numbers, source: Source) -> Figure:
    """Panels a (of the lowest T_f with models), b and c."""
    figure = style.new_figure(style.PAGE, 5.6, source.footer)
    values = sorted(source.verdicts, reverse=True)
    grid = figure.add_gridspec(2, 1, height_ratios=[1.15, 1.0])
    above = grid[0].subgridspec(1, 2)
    panels = [figure.add_subplot(above[0, k]) for k in range(2)]
    below = grid[1].subgridspec(1, max(len(values), 1))
    for axes, name in zip(panels, "ab", strict=True):
        style.letter(axes, name)
    _confusion(panels[0], numbers, source)
    _density(panels[1], numbers, source)
    for column, t_f in enumerate(values):
        axes = figure.add_subplot(below[0, column])
        if column == 0:
            style.letter(axes, "c")
        glasses = numbers["per_glass"]
        _histogram(axes, glasses[glasses["preparation_temperature"] == t_f], t_f, source)
    return figure


#: Colours of the quadrants of panel a and their names, by column of the confusion matrix.
QUADRANTS = {
    "true_positive": ("TLS found", style.GREEN),
    "false_negative": ("TLS missed", style.VERMILION),
    "false_positive": ("taken for TLS", style.ORANGE),
    "true_negative": ("no TLS", style.GREY),
}


def _confusion(axes: Axes, numbers: Numbers, source: Source) -> None:
    needed = source.config.analysis.min_points
    if not len(numbers["confusion"]):
        style.refuse(axes, "no labelled pairs with E_qs, no models")
        return
    t_f = numbers["confusion"]["preparation_temperature"].min()
    points = numbers["points"]
    points = points[points["preparation_temperature"] == t_f]
    axes.set_title(f"$T_f$ = {t_f:g}, held-out double wells", fontsize=8.0)
    if len(points) < needed:
        style.refuse(axes, style.too_few(len(points), needed, "held-out DW"))
        return
    threshold = source.config.unit.tls_threshold
    shown = points[points["exact"] < 20 * threshold]
    values = shown[["exact", "predicted"]].to_numpy()
    low, high = values.min() / 1.3, values.max() * 1.3
    matrix = numbers["confusion"].set_index("preparation_temperature").loc[t_f]
    for name, (text, colour) in QUADRANTS.items():
        x = (low, threshold) if name in ("true_positive", "false_negative") else (threshold, high)
        y = (low, threshold) if name in ("true_positive", "false_positive") else (threshold, high)
        axes.fill_between(x, y[0], y[1], color=colour, alpha=0.22, lw=0, zorder=0,
                          label=f"{text}: {int(matrix[name]):,}")  # fmt: skip
    axes.plot(
        shown["exact"], shown["predicted"], ".", ms=1.6, mew=0, color=style.BLACK, alpha=0.45,
        rasterized=True, zorder=1,
    )  # fmt: skip
    axes.plot([low, high], [low, high], "--", color=style.BLACK, lw=0.7)
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
    lines = numbers["lines"]
    for row in lines[lines["preparation_temperature"] == t_f].to_dict("records"):
        line = row["multiple"] * threshold
        axes.axhline(line, ls="--", color=style.BLUE, lw=0.7)
        axes.text(
            low * 1.1, line, f"↓ {row['share']:.1%} of TLS, {row['paths']:,} paths",
            fontsize=5.5, va="center", bbox=style.PAPER, zorder=3,
        )  # fmt: skip
    axes.set_xlabel(r"exact $E_{qs}$ ($\epsilon$)")
    axes.set_ylabel(r"predicted $E_{qs}$ ($\epsilon$)")
    axes.legend(loc="lower right", fontsize=5.5, frameon=True, edgecolor="none", framealpha=0.85)


def _density(axes: Axes, numbers: Numbers, source: Source) -> None:
    needed = source.config.analysis.min_points
    colours = style.temperature_colours(list(paper.TEMPERATURES))
    colours = {**style.temperature_colours(list(source.verdicts)), **colours}
    threshold = source.config.unit.tls_threshold
    refused, drawn = [], []
    for row in numbers["plateau"].to_dict("records"):
        t_f = row["preparation_temperature"]
        curve = numbers["density"]
        curve = curve[curve["preparation_temperature"] == t_f]
        if len(curve) < needed:
            refused.append(style.too_few(len(curve), needed, f"$T_f$ = {t_f:g}"))
            continue
        printed = f", paper {row['n_0_paper']:g}" if np.isfinite(row["n_0_paper"]) else ""
        axes.plot(
            curve["quantum_splitting"], curve["density"], color=colours[t_f],
            label=f"$T_f$ = {t_f:g}: $n_0$ = {row['n_0']:.3g}{printed}",
        )  # fmt: skip
        axes.fill_between(
            curve["quantum_splitting"], curve["low"], curve["high"], color=colours[t_f],
            alpha=0.15, lw=0,
        )  # fmt: skip
        start = curve["quantum_splitting"].min()
        if np.isfinite(row["n_0"]):
            axes.hlines(row["n_0"], start, row["n_0_below"], color=colours[t_f], ls="--", lw=0.9)
        if np.isfinite(row["n_0_paper"]):
            axes.hlines(row["n_0_paper"], start, threshold, color=colours[t_f], ls=":", lw=0.9)
        drawn.append(curve["density"])
    if not drawn:
        style.refuse(axes, "\n".join(refused) or "no double well")
        return
    axes.axvline(threshold, ls=":", color=style.BLACK, lw=0.8)
    axes.set(xscale="log", yscale="log")
    values = pd.concat(drawn)
    axes.set_ylim(values.min() / 1.5, values.max() * 6.0)
    axes.set_xlabel(r"$E_{qs}$ ($\epsilon$)")
    axes.set_ylabel(r"$n(E_{qs}) / E_{qs}$  ($\epsilon^{-1} \sigma^{-3}$)")
    if refused:
        axes.text(0.02, 0.02, "\n".join(refused), transform=axes.transAxes, fontsize=5.5)
    axes.legend(loc="upper left", fontsize=6.0)


def _histogram(axes: Axes, glasses: pd.DataFrame, t_f: float, source: Source) -> None:
    needed = source.config.analysis.min_points
    axes.set_title(f"$T_f$ = {t_f:g}, {len(glasses)} glasses", fontsize=8.0)
    if len(glasses) < needed:
        listed = "; ".join(
            f"{label} " + ", ".join(str(n) for n in sorted(glasses[name], reverse=True))
            for name, label in (("tls", "TLS"), ("double_wells", "DW"))
        )
        few = style.too_few(len(glasses), needed, "glasses")
        style.refuse(axes, f"{few}\nper glass: {listed}", 40)
        return
    edges = histogram_edges(int(glasses[["double_wells", "tls"]].to_numpy().max()))
    for name, population in (("double_wells", "double_well"), ("tls", "tls")):
        heights = np.histogram(glasses[name], edges)[0]
        colour = style.POPULATIONS[population]
        axes.stairs(
            heights, edges, fill=True, alpha=0.45, color=colour, label=style.LABELS[population]
        )
        axes.stairs(heights, edges, color=colour, lw=0.8)
    axes.set_xlabel("TLS or DW of a glass")
    axes.set_ylabel("glasses")
    axes.legend(loc="upper right")
