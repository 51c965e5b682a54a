"""Fig. 6: distributions of the features of TLS, of double wells and of all pairs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tlsfind.analysis import style
from tlsfind.analysis.results import EDGES, Results, fig6_values
from tlsfind.analysis.statistics import Histogram

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = dict[str, pd.DataFrame]

BAND_ALPHA = 0.13

DELTA_0_EDGES = np.logspace(-14, 0, 57)

PANELS: dict[str, dict[str, Any]] = {
    "transitions": {"label": r"$T_{ab} + T_{ba}$"},
    "delta_e": {"label": r"$\Delta E$ ($\epsilon$)", "log": True},
    "displacement_1": {"label": r"$\Delta r_1$ ($\sigma$)", "log": False},
    "total_displacement": {"label": r"$d$ ($\sigma$)", "log": False},
    "delta_0": {"label": r"$\Delta_0$ ($\epsilon$)", "log": True},
}


def well_histograms(wells: pd.DataFrame) -> dict[str, Histogram]:
    """The histograms of Fig. 6 of some double wells."""
    found = {name: Histogram(edges) for name, edges in EDGES.items()}
    for name, values in fig6_values(wells):
        found[name].add(values)
    found["delta_0"] = Histogram(DELTA_0_EDGES)
    found["delta_0"].add(wells["delta_0"].to_numpy(dtype=np.float64))
    return found


def as_frame(histogram: Histogram, **labels: Any) -> pd.DataFrame:
    """A histogram as rows: limits, count, density, and the counts that it leaves out."""
    return pd.DataFrame(
        {
            **{name: [value] * len(histogram.counts) for name, value in labels.items()},
            "low": histogram.edges[:-1],
            "high": histogram.edges[1:],
            "count": histogram.counts,
            "density": histogram.density,
            "points": histogram.total,
            "below": histogram.below,
            "above": histogram.above,
        }
    )


def coarsen(rows: pd.DataFrame, wanted: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """A histogram in no more bins than its points can fill.

    Args:
        rows: bins of one population in one panel.
        wanted: bins over the filled range; by default 2 n^(1/3) for n points (Rice's rule).

    Returns:
        Edges (m + 1,) and probability density (m,).
    """
    counts, points = rows["count"].to_numpy(), int(rows["points"].iloc[0])
    edges = np.append(rows["low"], rows["high"].iloc[-1])
    filled = np.flatnonzero(counts)
    if not filled.size:
        return edges, np.zeros(len(counts))
    wanted = wanted or max(4, int(2.0 * points ** (1.0 / 3.0)))
    first, last = filled[0], filled[-1] + 1
    starts = np.arange(first, last, -(-(last - first) // wanted))
    merged = edges[np.append(starts, last)]
    return merged, np.add.reduceat(counts[:last], starts) / (points * np.diff(merged))


def quantile(rows: pd.DataFrame, share: float) -> float:
    """The upper edge of the bin in which ``share`` of a population's points is reached."""
    reached = rows["below"].iloc[0] + rows["count"].cumsum() >= share * rows["points"].iloc[0]
    return float(rows["high"][reached].min() if reached.any() else rows["high"].max())


def inverse_amplitude(values: np.ndarray) -> tuple[float, float, float]:
    """The line A / x through the middle of a distribution.

    Args:
        values: (n,) positive.

    Returns:
        The 10 % and 90 % quantiles, and the A that makes A / x hold 80 % between them.
    """
    low, high = np.quantile(values, [0.1, 0.9])
    return float(low), float(high), 0.8 / float(np.log(high / low)) if high > low else 0.0


def bands(wells: pd.DataFrame, is_tls: np.ndarray, needed: int) -> pd.DataFrame:
    """Where TLS are found, for each panel: central 90 % of TLS, and extremes of double wells.

    Empty where there are fewer than ``needed`` TLS.
    """
    rows = []
    if np.count_nonzero(is_tls) >= needed:
        values = {
            **dict(fig6_values(wells)),
            "delta_0": wells["delta_0"].to_numpy(dtype=np.float64),
        }
        for name, every in values.items():
            low, high = np.nanquantile(every[is_tls], [0.05, 0.95])
            rows.append((name, low, high, np.nanmin(every), np.nanmax(every)))
    columns = ["panel", "tls_5", "tls_95", "double_well_min", "double_well_max"]
    return pd.DataFrame(rows, columns=columns)


def numbers(
    scanned: Mapping[float, Mapping[str, Histogram]],
    double_wells: pd.DataFrame,
    temperatures: Mapping[str, float],
    is_tls: np.ndarray,
    needed: int,
) -> Numbers:
    """Histograms, bands and the 1/Delta_0 line.

    Args:
        scanned: histograms over all pairs by preparation temperature and feature.
        double_wells: the library.
        temperatures: preparation temperature of every glass.
        is_tls: which double wells are TLS, (n,) bool.
        needed: fewest points of a distribution.

    Returns:
        ``histograms`` (a row for each temperature, panel, population and bin; temperature nan:
        all together), ``bands`` and ``inverse`` (the line A / Delta_0, empty if refused).
    """
    temperature = double_wells["glass"].map(temperatures).to_numpy(dtype=np.float64)
    total: dict[tuple[str, str], Histogram] = {}
    frames = []
    for value, over_all in scanned.items():
        here = temperature == value
        populations = {
            "all": dict(over_all),
            "double_well": well_histograms(double_wells[here]),
            "tls": well_histograms(double_wells[here & is_tls]),
        }
        for population, histograms in populations.items():
            for panel, histogram in histograms.items():
                labels = {"panel": panel, "population": population}
                frames.append(as_frame(histogram, preparation_temperature=value, **labels))
                key = (panel, population)
                total[key] = total[key] + histogram if key in total else histogram
    for (panel, population), histogram in total.items():
        labels = {"panel": panel, "population": population}
        frames.append(as_frame(histogram, preparation_temperature=np.nan, **labels))
    delta_0 = double_wells["delta_0"].to_numpy(dtype=np.float64)
    delta_0 = delta_0[np.isfinite(delta_0) & (delta_0 > 0)]
    line = [inverse_amplitude(delta_0)] if len(delta_0) >= needed else []
    return {
        "histograms": pd.concat(frames, ignore_index=True),
        "bands": bands(double_wells, is_tls, needed),
        "inverse": pd.DataFrame(line, columns=["low", "high", "amplitude"]),
    }


def collect(results: Results) -> Numbers:
    """The numbers of a run."""
    wells = results.double_wells
    return numbers(
        results.scan.histograms,
        wells,
        results.temperatures,
        results.is_tls(wells),
        results.config.analysis.min_points,
    )


def draw(numbers: Numbers, results: Results) -> Figure:
    """Draw the five panels."""
    from matplotlib.patches import Rectangle

    figure = style.new_figure(style.PAGE, 4.3, results.footer)
    grid = figure.subplots(2, 3).ravel()
    rows = numbers["histograms"]
    rows = rows[rows["preparation_temperature"].isna()]
    needed = results.config.analysis.min_points
    handles: dict[str, Any] = {}
    refused: list[str] = []
    for axes, name, panel in zip(grid, "abcde", PANELS, strict=False):
        style.letter(axes, name)
        drawn = {}
        for population in style.POPULATIONS:
            chosen = rows[(rows["panel"] == panel) & (rows["population"] == population)]
            points = int(chosen["points"].iloc[0]) if len(chosen) else 0
            if points >= needed:
                drawn[population] = chosen
            elif len(chosen):
                text = style.too_few(points, needed, style.LABELS[population])
                refused += [text] if text not in refused else []
        if not drawn:
            style.refuse(axes, "\n".join(refused), 30)
            continue
        handles |= (_transitions if panel == "transitions" else _continuous)(axes, panel, drawn)
        _bands(axes, panel, numbers["bands"])
        if panel == "delta_0" and len(numbers["inverse"]) and set(drawn) & {"double_well", "tls"}:
            low, high, amplitude = numbers["inverse"].iloc[0]
            x = np.array([low, high])
            handles[r"$1/\Delta_0$"] = axes.plot(
                x, 2.0 * amplitude / x, "--", color=style.BLACK, lw=0.9
            )[0]
        axes.set_xlabel(PANELS[panel]["label"])
    for axes in grid[::3]:
        axes.set_ylabel("probability density")
    grid[0].set_ylabel("share of pairs")
    grid[5].set_axis_off()
    if len(numbers["bands"]):
        names = ("central 90 % of TLS", "other DW", "no DW found")
        for name, colour in zip(names, (style.GREEN, style.YELLOW, style.VERMILION), strict=True):
            handles[name] = Rectangle((0, 0), 1, 1, color=colour, alpha=BAND_ALPHA, lw=0)
    if handles:
        grid[5].legend(handles.values(), handles, loc="upper left", fontsize=8.0)
    grid[5].text(
        0.02, 0.4, "\n".join(refused), transform=grid[5].transAxes, va="top", fontsize=6.0,
        color="#555555",
    )  # fmt: skip
    return figure


def _transitions(axes: Axes, panel: str, drawn: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Shares in bins of one, two, four ... transitions, side by side at equal distance."""
    last = max(int(np.flatnonzero(chosen["count"].to_numpy())[-1]) for chosen in drawn.values()) + 1
    first = next(iter(drawn.values()))
    names = [
        f"{int(low + 0.5)}" if high - low == 1 else f"{int(low + 0.5)}–{int(high - 0.5)}"
        for low, high in zip(first["low"][:last], first["high"][:last], strict=True)
    ]
    handles = {}
    for population, chosen in drawn.items():
        share = chosen["count"].to_numpy()[:last] / chosen["points"].iloc[0]
        handles[style.LABELS[population]] = axes.stairs(
            share, np.arange(last + 1) - 0.5, color=style.POPULATIONS[population], lw=1.2,
            baseline=None,
        )  # fmt: skip
    axes.set_yscale("log")
    axes.set_xticks(
        range(last), names, rotation=60, ha="right", rotation_mode="anchor", fontsize=5.5
    )
    return handles


def _continuous(axes: Axes, panel: str, drawn: dict[str, pd.DataFrame]) -> dict[str, Any]:
    handles = {}
    limits = []
    for population, chosen in drawn.items():
        edges, density = coarsen(chosen)
        limits.append((edges[0], quantile(chosen, 0.995)))
        shown = np.where(density > 0, density, np.nan) if PANELS[panel]["log"] else density
        handles[style.LABELS[population]] = axes.stairs(
            shown, edges, color=style.POPULATIONS[population], lw=1.2, baseline=None
        )
    if limits:
        axes.set_xlim(min(low for low, _ in limits), max(high for _, high in limits))
    if PANELS[panel]["log"]:
        axes.set(xscale="log", yscale="log")
    else:
        axes.set_ylim(bottom=0.0)
    return handles


def _bands(axes: Axes, panel: str, found: pd.DataFrame) -> None:
    row = found[found["panel"] == panel]
    if row.empty or panel == "transitions":
        return
    _, low, high, first, last = row.iloc[0]
    left, right = axes.get_xlim()
    for start, stop, colour in (
        (left, min(first, low), style.VERMILION),
        (first, low, style.YELLOW),
        (low, high, style.GREEN),
        (high, last, style.YELLOW),
        (max(last, high), right, style.VERMILION),
    ):
        if stop > start:
            axes.axvspan(max(start, left), min(stop, right), color=colour, alpha=BAND_ALPHA, lw=0)
    axes.set_xlim(left, right)
