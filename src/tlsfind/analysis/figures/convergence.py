"""E_qs, TLS and cost against the convergence of the path: force tolerance and number of images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tlsfind import tables
from tlsfind.analysis import style
from tlsfind.config import Config
from tlsfind.pairs.keys import KEYS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = dict[str, pd.DataFrame]

COLOURS = (style.ORANGE, style.BLUE, style.VERMILION, style.GREEN, style.PURPLE)
MARKERS = "osD^v"
#: Relative changes of E_qs by more than this are counted.
LARGE = 0.05


def numbers(table: pd.DataFrame, threshold: float) -> Numbers:
    """What each level of convergence does to E_qs and to the TLS.

    Args:
        table: ``convergence``.
        threshold: of TLS, in the units of its E_qs.

    Returns:
        ``levels``, a row for each number of images and force tolerance: ``pairs``,
        ``double_wells``, ``multiple_wells``, ``not_converged``; of the pairs that are double wells
        here and at the reference the median and the 5 and 95 % quantiles of E_qs over its
        reference minus 1 (``change``), the same of the barrier's median (``barrier_change``), the
        share whose E_qs is off by more than ``LARGE``; TLS among all pairs and, beside them, those
        of the reference (``tls``, ``tls_reference``), how many of these are not TLS here
        (``tls_lost``) and the other way round (``tls_false``); mean ``iterations``.
        ``reference``: the level that all are compared with, that of most images and lowest force.
    """
    finest = table["images"].max(), table["force_tolerance"].min()
    at = table[(table["images"] == finest[0]) & (table["force_tolerance"] == finest[1])]
    reference = at.set_index(KEYS)
    keys = pd.MultiIndex.from_frame(table[KEYS])
    exact = reference["quantum_splitting"].reindex(keys).to_numpy(dtype=np.float64)
    height = reference["barrier"].reindex(keys).to_numpy(dtype=np.float64)
    joined = table.assign(
        change=table["quantum_splitting"].to_numpy(dtype=np.float64) / exact - 1.0,
        barrier_change=table["barrier"].to_numpy(dtype=np.float64) / height - 1.0,
        tls=table["quantum_splitting"].to_numpy(dtype=np.float64) < threshold,
        tls_reference=exact < threshold,
    )
    rows = [
        {"images": images, "force_tolerance": tolerance, **_level(own)}
        for (images, tolerance), own in joined.groupby(["images", "force_tolerance"])
    ]
    about = {"images": [finest[0]], "force_tolerance": [finest[1]], "pairs": [len(at)],
             "unit_system": [table["unit_system"].iloc[0]], "threshold": [threshold]}  # fmt: skip
    return {"levels": pd.DataFrame(rows), "reference": pd.DataFrame(about)}


def _level(own: pd.DataFrame) -> dict[str, float]:
    counts = own["status"].value_counts()
    change = own["change"][np.isfinite(own["change"])]
    barrier = own["barrier_change"][np.isfinite(own["barrier_change"])]
    low, middle, high = (
        change.quantile([0.05, 0.5, 0.95]) if len(change) else (np.nan, np.nan, np.nan)
    )
    return {
        "pairs": len(own),
        **{name: int(counts.get(name, 0))
           for name in ("double_well", "multiple_wells", "single_well", "not_converged", "failed")},
        "compared": len(change),
        "change": middle,
        "change_low": low,
        "change_high": high,
        "large": float((change.abs() > LARGE).mean()) if len(change) else np.nan,
        "barrier_change": float(barrier.median()) if len(barrier) else np.nan,
        "tls": int(own["tls"].sum()),
        "tls_reference": int(own["tls_reference"].sum()),
        "tls_lost": int((own["tls_reference"] & ~own["tls"]).sum()),
        "tls_false": int((own["tls"] & ~own["tls_reference"]).sum()),
        "iterations": float(own["iterations"].mean()),
    }  # fmt: skip


def write(config: Config, folder: Path, footer: str) -> list[Path]:
    """Draw the figure of a folder with ``convergence.parquet`` and perhaps ``published.csv``.

    Args:
        config: the run.
        folder: the folder, which receives ``convergence.<format>`` and ``convergence_levels.csv``.
        footer: what the run is.

    Raises:
        InputError: the table is missing or damaged.
    """
    folder = Path(folder)
    table = tables.read(folder / "convergence.parquet", tables.schema("convergence").names)
    unit = config.loop.unit_system
    found = numbers(table, config.unit_systems[unit].tls_threshold)
    learned = folder / "published.csv"
    if learned.exists():
        found["published"] = pd.read_csv(learned)
    for name in ("levels", "reference"):
        with tables.atomic(folder / f"convergence_{name}.csv") as temporary:
            found[name].to_csv(temporary, index=False)
    with style.styled():
        figure = draw(found, footer, config.analysis.min_points)
        return style.save(figure, folder / "convergence", config.analysis.formats)


def draw(numbers: Numbers, footer: str, needed: int) -> Figure:
    """Draw the levels: a panel each for E_qs, TLS, iterations and the published values."""
    reference = numbers["reference"].iloc[0]
    learned = numbers.get("published")
    columns = 2
    text = (
        f"{footer}. {int(reference['pairs'])} double wells of it solved again; reference: "
        f"{int(reference['images'])} images, {reference['force_tolerance']:g}"
    )
    figure = style.new_figure(style.PAGE, 4.6, text)
    axes = figure.subplots(2, columns).ravel()
    levels = numbers["levels"]
    for panel, name in zip(axes, "abcd", strict=True):
        style.letter(panel, name)
    if levels["compared"].max() < needed:
        for panel in axes:
            style.refuse(panel, style.too_few(int(levels["compared"].max()), needed, "DW"))
        return figure
    _changes(axes[0], levels)
    _two_level_systems(axes[1], levels)
    _iterations(axes[2], levels)
    _published(axes[3], learned, needed)
    return figure


def _lines(axes: Axes, levels: pd.DataFrame, column: str) -> None:
    for k, (images, own) in enumerate(levels.groupby("images")):
        axes.plot(
            own["force_tolerance"], own[column], MARKERS[k % 5] + "-", color=COLOURS[k % 5],
            label=f"{images} images",
        )  # fmt: skip
    _force_axis(axes)


def _force_axis(axes: Axes) -> None:
    axes.set_xscale("log")
    if not axes.xaxis_inverted():
        axes.invert_xaxis()
    axes.set_xlabel(r"perpendicular force ($\epsilon / \sigma$)")


def _changes(axes: Axes, levels: pd.DataFrame) -> None:
    percent = levels.assign(
        **{name: 100 * levels[name] for name in ("change", "change_low", "change_high")}
    )
    axes.axhline(0.0, color=style.GREY, lw=0.7)
    _lines(axes, percent, "change")
    for k, (_, own) in enumerate(percent.groupby("images")):
        axes.fill_between(
            own["force_tolerance"], own["change_low"], own["change_high"], color=COLOURS[k % 5],
            alpha=0.12, lw=0,
        )  # fmt: skip
    axes.set_yscale("symlog", linthresh=1.0)
    axes.set_ylabel(r"change of $E_{qs}$ (%)")
    axes.legend(loc="lower left", title="median, 5 to 95 %", title_fontsize=6.5)


def _two_level_systems(axes: Axes, levels: pd.DataFrame) -> None:
    from matplotlib.ticker import MaxNLocator

    _lines(axes, levels, "tls")
    axes.axhline(levels["tls_reference"].max(), color=style.BLACK, ls=":", lw=0.9)
    axes.set_ylabel("TLS among these pairs")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.margins(y=0.25)


def _iterations(axes: Axes, levels: pd.DataFrame) -> None:
    _lines(axes, levels, "iterations")
    axes.set_yscale("log")
    axes.set_ylabel("iterations of a path, mean")


def _published(axes: Axes, learned: pd.DataFrame | None, needed: int) -> None:
    if learned is None:
        style.refuse(axes, "published tables were not given (--published)")
        return
    if not len(learned) or learned["pairs"].max() < needed:
        found = int(learned["pairs"].max()) if len(learned) else 0
        style.refuse(axes, style.too_few(found, needed, "DW drawn at random"))
        return
    images = 40 if 40 in set(learned["images"]) else int(learned["images"].max())
    own = learned[learned["images"] == images]
    axes.axhline(0.0, color=style.GREY, lw=0.7)
    for k, ((label, kind), part) in enumerate(own.groupby(["table", "features"])):
        words = "all features" if kind == "all" else "without transitions"
        axes.errorbar(
            part["force_tolerance"] * (1.0 + 0.06 * k), part["offset"],
            [part["offset"] - part["offset_low"], part["offset_high"] - part["offset"]],
            fmt=MARKERS[k % 5] + "-", capsize=2, color=COLOURS[(k + 1) % 5],
            label=f"{label}, {words}",
        )  # fmt: skip
    _force_axis(axes)
    axes.set_ylabel(r"median $\log_{10}$(ours / published)")
    axes.legend(
        loc="best", title=f"{images} images, {int(own['pairs'].max())} DW at random",
        title_fontsize=6.5,
    )  # fmt: skip
