"""Fig. 4 b and c: density of tunnelling states, and TLS and double wells per glass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tlsfind.analysis import style
from tlsfind.analysis.results import Results
from tlsfind.analysis.statistics import poisson_interval
from tlsfind.units import UnitSystem

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = dict[str, pd.DataFrame]


def cumulative_density(splittings: np.ndarray, volume: float, glasses: int) -> pd.DataFrame:
    """n(E)/E at each splitting found.

    Args:
        splittings: (n,) quantum splittings of all double wells.
        volume: of one glass.
        glasses: number of glasses.

    Returns:
        ``quantum_splitting``, ``count`` (those at most as large), ``density`` = count / (E volume
        glasses) in eps^-1 sigma^-3, and its 95 % Poisson limits ``low`` and ``high``.
    """
    energy = np.sort(splittings[np.isfinite(splittings) & (splittings > 0)])
    count = np.arange(1, len(energy) + 1)
    limits = np.array([poisson_interval(int(k)) for k in count]).reshape(-1, 2)
    scale = 1.0 / (energy * volume * max(glasses, 1))
    return pd.DataFrame(
        {
            "quantum_splitting": energy,
            "count": count,
            "density": count * scale,
            "low": limits[:, 0] * scale,
            "high": limits[:, 1] * scale,
        }
    )


def plateau(
    splittings: np.ndarray, system: UnitSystem, volume: float, glasses: int
) -> dict[str, float]:
    """n_0, the density n(E)/E at the TLS threshold of a unit system.

    Returns:
        ``tls``; ``n_0`` with limits in eps^-1 sigma^-3; ``n_0_ev_cm3`` with limits in
        eV^-1 cm^-3. For a uniform density of splittings, as in the tunnelling model, the estimate
        is unbiased and of least variance.
    """
    tls = int(np.count_nonzero(splittings < system.tls_threshold))
    scale = 1.0 / (system.tls_threshold * volume * max(glasses, 1))
    low, high = (limit * scale for limit in poisson_interval(tls))
    factor = system.density_of_states_factor
    return {
        "tls": tls,
        "n_0": tls * scale,
        "n_0_low": low,
        "n_0_high": high,
        "n_0_ev_cm3": tls * scale * factor,
        "n_0_ev_cm3_low": low * factor,
        "n_0_ev_cm3_high": high * factor,
    }


def numbers(
    double_wells: pd.DataFrame,
    temperatures: Mapping[str, float],
    systems: Mapping[str, UnitSystem],
    volume: float,
) -> Numbers:
    """Densities and counts.

    Args:
        double_wells: the library.
        temperatures: preparation temperature of every glass, also of those without double wells.
        systems: unit systems, the loop's first.
        volume: of one glass.

    Returns:
        ``density`` (n(E)/E in the first unit system, for each T_f), ``plateau`` (n_0 for each T_f
        and unit system) and ``per_glass`` (double wells and TLS of each glass).
    """
    unit = next(iter(systems))
    temperature = double_wells["glass"].map(temperatures)
    curves, rows = [], []
    for value in sorted(set(temperatures.values()), reverse=True):
        glasses = sum(t == value for t in temperatures.values())
        wells = double_wells[temperature == value]
        for name, system in systems.items():
            splittings = wells[f"quantum_splitting_{name}"].to_numpy(dtype=np.float64)
            rows.append(
                {
                    "preparation_temperature": value,
                    "unit_system": name,
                    "glasses": glasses,
                    "double_wells": len(wells),
                    **plateau(splittings, system, volume, glasses),
                }
            )
            if name == unit:
                curve = cumulative_density(splittings, volume, glasses)
                curves.append(curve.assign(preparation_temperature=value))
    is_tls = double_wells[f"quantum_splitting_{unit}"] < systems[unit].tls_threshold
    per_glass = pd.DataFrame(
        {"glass": list(temperatures), "preparation_temperature": list(temperatures.values())}
    )
    for column, chosen in (("double_wells", double_wells), ("tls", double_wells[is_tls])):
        counts = chosen["glass"].value_counts()
        per_glass[column] = per_glass["glass"].map(counts).fillna(0).astype(int)
    filled = [curve for curve in curves if len(curve)] or curves[:1]
    return {
        "density": pd.concat(filled, ignore_index=True),
        "plateau": pd.DataFrame(rows),
        "per_glass": per_glass,
    }


def collect(results: Results) -> Numbers:
    """The numbers of a run."""
    return numbers(
        results.double_wells, results.temperatures, results.config.unit_systems, results.volume
    )


def draw(numbers: Numbers, results: Results) -> Figure:
    """Draw panels b and c."""
    figure = style.new_figure(style.PAGE, 3.1, results.footer)
    values = sorted(numbers["per_glass"]["preparation_temperature"].unique(), reverse=True)
    grid = figure.add_gridspec(len(values), 2, width_ratios=[1.25, 1])
    left = figure.add_subplot(grid[:, 0])
    style.letter(left, "b")
    _density(left, numbers, results)
    for row, value in enumerate(values):
        axes = figure.add_subplot(grid[row, 1])
        if row == 0:
            style.letter(axes, "c")
        glasses = numbers["per_glass"]
        _histogram(
            axes,
            glasses[glasses["preparation_temperature"] == value],
            value,
            results.config.analysis.min_points,
        )
        if row == len(values) - 1 and axes.get_xticks().size:
            axes.set_xlabel("TLS or DW of a glass")
    return figure


def _density(axes: Axes, numbers: Numbers, results: Results) -> None:
    unit = results.config.loop.unit_system
    system = results.config.unit_systems[unit]
    needed = results.config.analysis.min_points
    plateaus = numbers["plateau"]
    plateaus = plateaus[plateaus["unit_system"] == unit]
    colours = style.temperature_colours(list(results.temperatures.values()))
    refused, texts = [], []
    for row in plateaus.to_dict("records"):
        value = row["preparation_temperature"]
        curve = numbers["density"]
        curve = curve[curve["preparation_temperature"] == value]
        if len(curve) < needed:
            refused.append(style.too_few(len(curve), needed, f"$T_f$ = {value:g}"))
            continue
        axes.plot(
            curve["quantum_splitting"], curve["density"], color=colours[value],
            label=rf"$T_f$ = {value:g}",
        )  # fmt: skip
        axes.fill_between(
            curve["quantum_splitting"], curve["low"], curve["high"],
            color=colours[value], alpha=0.15, lw=0,
        )  # fmt: skip
        if row["tls"]:
            start = min(curve["quantum_splitting"].min(), system.tls_threshold)
            axes.hlines(
                row["n_0"], start, system.tls_threshold, color=colours[value], ls="--", lw=0.9
            )
        texts.append(
            f"$T_f$ = {value:g}: $n_0$ = {row['n_0']:.2g} $\\epsilon^{{-1}}\\sigma^{{-3}}$"
            f" = {_scientific(row['n_0_ev_cm3'])} eV$^{{-1}}$ cm$^{{-3}}$"
        )
    if not axes.lines:
        style.refuse(axes, "\n".join(refused) or "no double well was found")
        return
    axes.axvline(system.tls_threshold, ls=":", color=style.BLACK, lw=0.8)
    axes.set(xscale="log", yscale="log")
    axes.set_xlabel(r"$E_{qs}$ ($\epsilon$)")
    axes.set_ylabel(r"$n(E_{qs}) / E_{qs}$  ($\epsilon^{-1} \sigma^{-3}$)")
    drawn = numbers["density"]["density"]
    low, high = drawn.min() / 3.0, max(drawn.max(), plateaus["n_0"].max()) * 2.0
    axes.set_ylim(low, high * (high / low) ** (0.1 * (len(texts) + len(refused))))
    axes.text(
        0.02, 0.99, "\n".join([*texts, *refused]), transform=axes.transAxes, va="top", fontsize=6.0,
        bbox=style.PAPER,
    )  # fmt: skip
    axes.legend(loc="lower left", frameon=True, edgecolor="none", framealpha=0.85)


def _scientific(value: float) -> str:
    if not np.isfinite(value) or value <= 0:
        return f"{value:g}"
    exponent = int(np.floor(np.log10(value)))
    return f"{value / 10**exponent:.1f}$\\times 10^{{{exponent}}}$"


def histogram_edges(largest: int, bins: int = 24) -> np.ndarray:
    """Edges at half-integers, each bin as many integers wide as keeps it to ``bins`` bins."""
    width = max(1, -(-(largest + 1) // bins))
    return np.arange(0, largest + 1 + width, width) - 0.5


def _histogram(axes: Axes, glasses: pd.DataFrame, value: float, needed: int) -> None:
    counts = {name: glasses[name].to_numpy() for name in ("tls", "double_wells")}
    if len(glasses) < needed:
        listed = "; ".join(
            f"{label} " + ", ".join(str(n) for n in sorted(counts[name], reverse=True))
            for name, label in (("tls", "TLS"), ("double_wells", "DW"))
        )
        plural = "es" if len(glasses) != 1 else ""
        style.refuse(
            axes,
            f"$T_f$ = {value:g}: {len(glasses)} glass{plural}, fewer than {needed}: no histogram;\n"
            f"per glass: {listed}",
            44,
        )
        return
    from matplotlib.ticker import MaxNLocator

    edges = histogram_edges(int(max(c.max() for c in counts.values())))
    for name, population in (("double_wells", "double_well"), ("tls", "tls")):
        heights = np.histogram(counts[name], edges)[0]
        axes.stairs(
            heights, edges, fill=True, alpha=0.45, color=style.POPULATIONS[population],
            label=style.LABELS[population],
        )  # fmt: skip
        axes.stairs(heights, edges, color=style.POPULATIONS[population], lw=0.8)
    axes.set_ylabel("glasses")
    axes.set_xlim(edges[0], edges[-1])
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    axes.legend(loc="upper right", title=rf"$T_f$ = {value:g}", title_fontsize=6.5)
