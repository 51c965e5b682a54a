"""Fig. 4: predicted against exact splittings with their confusion, density of states, counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tlsfind.analysis import confusion, style
from tlsfind.analysis.results import Results
from tlsfind.analysis.statistics import poisson_interval
from tlsfind.units import UnitSystem

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = dict[str, pd.DataFrame]

#: Multiples of the TLS threshold at which panel a has lines.
MULTIPLES = (1.0, 2.0, 4.0)

#: The classes of panel a: of double wells alone, which all have an exact splitting.
WELLS = ("tls", "double_well")


def agreement(
    out_of_fold: pd.DataFrame, temperatures: Mapping[str, float], threshold: float
) -> Numbers:
    """Predicted against exact splittings of double wells and what follows for TLS (panel a).

    Args:
        out_of_fold: the table of that name.
        temperatures: preparation temperature of each glass.
        threshold: of E_qs of a TLS.

    Returns:
        ``points`` (``glass``, ``preparation_temperature``, ``exact``, ``predicted``),
        ``confusion`` (rows of :func:`tlsfind.analysis.confusion.counts` of the classes
        :data:`WELLS`, by predicted splitting) and ``multiples``: for each of :data:`MULTIPLES`
        the TLS and the other double wells that are predicted below it, and the share of all TLS.
    """
    frame = out_of_fold[out_of_fold["is_double_well"].astype(bool)]
    points = pd.DataFrame(
        {
            "glass": frame["glass"],
            "preparation_temperature": frame["glass"].map(temperatures).astype(float),
            "exact": frame["quantum_splitting"].astype(float),
            "predicted": frame["predicted_splitting"].astype(float),
        }
    ).dropna()
    exact, predicted = points["exact"].to_numpy(), points["predicted"].to_numpy()
    wells = np.ones(len(points), dtype=bool)
    tls = exact < threshold
    rows = []
    for multiple in MULTIPLES:
        below = predicted < multiple * threshold
        found = int((below & tls).sum())
        rows.append(
            {
                "multiple": multiple,
                "tls": int(tls.sum()),
                "tls_below": found,
                "share": found / tls.sum() if tls.any() else float("nan"),
                "others_below": int((below & ~tls).sum()),
            }
        )
    return {
        "points": points.reset_index(drop=True),
        "confusion": confusion.counts(
            confusion.classes(wells, exact, threshold),
            confusion.classes(wells, predicted, threshold),
            WELLS,
        ),
        "multiples": pd.DataFrame(rows),
    }


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
    config = results.config
    threshold = config.unit_systems[config.loop.unit_system].tls_threshold
    return {
        **agreement(results.out_of_fold, results.temperatures, threshold),
        **numbers(results.double_wells, results.temperatures, config.unit_systems, results.volume),
    }


def draw(numbers: Numbers, results: Results) -> Figure:
    """Draw panels a and b above, c below."""
    figure = style.new_figure(style.PAGE, 5.2, results.footer)
    grid = figure.add_gridspec(2, 1, height_ratios=[1.9, 1.0])
    above = grid[0].subgridspec(1, 2, width_ratios=[1.0, 1.15])
    values = sorted(numbers["per_glass"]["preparation_temperature"].unique(), reverse=True)
    left, right = figure.add_subplot(above[0]), figure.add_subplot(above[1])
    style.letter(left, "a")
    _agreement(left, numbers, results)
    style.letter(right, "b")
    _density(right, numbers, results)
    below = grid[1].subgridspec(1, len(values))
    for column, value in enumerate(values):
        axes = figure.add_subplot(below[column])
        if column == 0:
            style.letter(axes, "c")
        glasses = numbers["per_glass"]
        _histogram(
            axes,
            glasses[glasses["preparation_temperature"] == value],
            value,
            results.config.analysis.min_points,
        )
        if axes.get_xticks().size:
            axes.set_xlabel("TLS or DW of a glass")
    return figure


def _agreement(axes: Axes, numbers: Numbers, results: Results) -> None:
    """Points over the quadrants of the confusion matrix, with lines at multiples."""
    points = numbers["points"]
    points = points[(points["exact"] > 0) & (points["predicted"] > 0)]
    needed = results.config.analysis.min_points
    if len(points) < needed:
        style.refuse(axes, style.too_few(len(points), needed, "DW out of fold"), 30)
        return
    threshold = results.config.unit_systems[results.config.loop.unit_system].tls_threshold
    colours = style.temperature_colours(list(results.temperatures.values()))
    low = min(points[["exact", "predicted"]].min().min(), threshold) / 1.6
    high = max(points[["exact", "predicted"]].max().max(), MULTIPLES[-1] * threshold) * 1.6
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high), aspect="equal")
    edges = {"tls": (low, threshold), "double_well": (threshold, high)}
    for row in numbers["confusion"].to_dict("records"):
        x, y = edges[row["exact"]], edges[row["predicted"]]
        axes.fill_between(
            x, *y, color=style.SKY, alpha=0.45 * np.nan_to_num(row["share"]), lw=0, zorder=0
        )
    for value, colour in colours.items():
        own = points[points["preparation_temperature"] == value]
        if len(own):
            axes.plot(
                own["exact"], own["predicted"], ".", ms=2.5, alpha=0.6, mew=0, color=colour,
                label=rf"$T_f$ = {value:g}", rasterized=True,
            )  # fmt: skip
    axes.axvline(threshold, ls=":", color=style.BLACK, lw=0.8)
    multiples = numbers["multiples"]
    enough = multiples["tls"].iloc[0] >= needed
    for row in multiples.to_dict("records"):
        first = row["multiple"] == 1.0
        axes.axhline(
            row["multiple"] * threshold, ls=":" if first else "--", lw=0.8 if first else 0.6,
            color=style.BLACK if first else style.GREY,
        )  # fmt: skip
        if enough:
            axes.text(
                high, row["multiple"] * threshold,
                rf" {row['multiple']:g}$\times$: {row['share']:.0%}", fontsize=5.5, va="center",
                clip_on=False,
            )  # fmt: skip
    axes.set_xlabel(r"exact $E_{qs}$ ($\epsilon$)")
    axes.set_ylabel(r"predicted $E_{qs}$ ($\epsilon$)")
    axes.legend(loc="upper left", markerscale=3)
    inset = axes.inset_axes((0.7, 0.09, 0.27, 0.27))
    confusion.draw(inset, numbers["confusion"], WELLS, 5.0)
    inset.set_title("predicted", fontsize=5.0, pad=1.5, bbox=style.PAPER)
    inset.set_ylabel("exact", fontsize=5.0, labelpad=0.5)
    if not enough:
        text = style.too_few(int(multiples["tls"].iloc[0]), needed, "share of TLS")
        axes.text(
            0.03, 0.76, text.replace(", fewer", ",\nfewer"), transform=axes.transAxes, fontsize=5.5,
            color="#555555", bbox=style.PAPER,
        )  # fmt: skip


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
