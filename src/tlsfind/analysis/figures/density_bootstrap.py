"""Density of TLS n_0 with intervals that count glasses, not TLS, as the independent samples.

A Poisson interval takes every TLS for an event of its own. Glasses differ: some have many TLS and
some have none, and the pairs of a glass share minima. Where the counts of the glasses scatter more
than Poisson counts do (variance over mean above 1), its interval is too narrow. The bootstrap draws
whole glasses with replacement (B. Efron, Ann. Stat. 7, 1 (1979)).
"""

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

RESAMPLES = 10_000
#: Fewest glasses that are resampled.
FEWEST = 5
#: The paper's n_0 (Fig. 4b, argon), by T_f.
PAPER = {0.062: 0.67, 0.07: 4.47, 0.092: 25.14}


def bootstrap_interval(
    counts: np.ndarray, seed: int, confidence: float = 0.95, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """Percentile interval of the mean of ``counts`` (n,), by drawing n of them with replacement.

    Args:
        counts: one number for each glass.
        seed: of the draws.
        confidence: two-sided coverage.
        resamples: number of draws.
    """
    rng = np.random.default_rng(seed)
    counts = np.asarray(counts, dtype=np.float64)
    means = np.concatenate(
        [
            counts[rng.integers(0, len(counts), (block, len(counts)))].mean(axis=1)
            for block in np.diff(np.linspace(0, resamples, 11).astype(int))
        ]
    )
    tail = 0.5 * (1.0 - confidence)
    low, high = np.quantile(means, [tail, 1.0 - tail])
    return float(low), float(high)


def numbers(
    double_wells: pd.DataFrame,
    temperatures: Mapping[str, float],
    systems: Mapping[str, UnitSystem],
    volume: float,
    seed: int,
) -> Numbers:
    """n_0 of every preparation temperature and unit system with both intervals.

    Args:
        double_wells: the library.
        temperatures: preparation temperature of every glass, also of those without double wells.
        systems: unit systems.
        volume: of one glass.
        seed: of the bootstrap.

    Returns:
        ``n_0``: a row for each T_f and unit system with ``glasses``, ``tls``, ``dispersion``
        (variance of the glasses' counts over their mean), ``n_0`` and its 95 % limits by Poisson
        and by bootstrap (null with fewer than ``FEWEST`` glasses), in eps^-1 sigma^-3, and the
        factor to eV^-1 cm^-3. ``counts``: TLS of each glass.
    """
    rows, counted = [], []
    for name, system in systems.items():
        tls = double_wells[double_wells[f"quantum_splitting_{name}"] < system.tls_threshold]
        found = tls["glass"].value_counts()
        per_glass = pd.DataFrame(
            {"glass": list(temperatures), "preparation_temperature": list(temperatures.values())}
        )
        per_glass["unit_system"] = name
        per_glass["tls"] = per_glass["glass"].map(found).fillna(0).astype(int)
        counted.append(per_glass)
        for value in sorted(set(temperatures.values())):
            counts = per_glass.loc[per_glass["preparation_temperature"] == value, "tls"].to_numpy()
            rows.append(_row(value, name, system, counts, volume, seed))
    return {"n_0": pd.DataFrame(rows), "counts": pd.concat(counted, ignore_index=True)}


def _row(
    temperature: float,
    name: str,
    system: UnitSystem,
    counts: np.ndarray,
    volume: float,
    seed: int,
) -> dict[str, float | str]:
    scale = 1.0 / (system.tls_threshold * volume)
    total, glasses = int(counts.sum()), len(counts)
    poisson = [limit / glasses for limit in poisson_interval(total)]
    drawn = (float("nan"), float("nan"))
    if glasses >= FEWEST:
        drawn = bootstrap_interval(counts, seed)
    mean = total / glasses
    spread = float(counts.var(ddof=1)) / mean if glasses > 1 and total else float("nan")
    return {
        "preparation_temperature": temperature,
        "unit_system": name,
        "glasses": glasses,
        "tls": total,
        "dispersion": spread,
        "n_0": mean * scale,
        "poisson_low": poisson[0] * scale,
        "poisson_high": poisson[1] * scale,
        "bootstrap_low": drawn[0] * scale,
        "bootstrap_high": drawn[1] * scale,
        "ev_cm3_factor": system.density_of_states_factor,
    }


def collect(results: Results) -> Numbers:
    """The numbers of a run."""
    return numbers(
        results.double_wells, results.temperatures, results.config.unit_systems, results.volume,
        results.config.run.seed,
    )  # fmt: skip


def draw(numbers: Numbers, results: Results) -> Figure:
    """A panel for each unit system: n_0 against T_f with both intervals."""
    systems = list(results.config.unit_systems)
    figure = style.new_figure(style.PAGE, 2.9, results.footer)
    axes = figure.subplots(1, len(systems), squeeze=False).ravel()
    for k, (panel, name) in enumerate(zip(axes, systems, strict=True)):
        rows = numbers["n_0"][numbers["n_0"]["unit_system"] == name]
        style.letter(panel, "abcdefgh"[k % 8])
        paper = name == "argon" and results.config.model.lammps is None
        _panel(panel, rows, name, paper)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, name: str, paper: bool) -> None:
    axes.set_title(f"{name} units", fontsize=8.0)
    if not rows["tls"].sum():
        limits = ", ".join(
            f"{value:.2g} at T_f = {t:g}"
            for t, value in zip(rows["preparation_temperature"], rows["poisson_high"], strict=True)
        )
        style.refuse(axes, f"no TLS was found: n_0 is below its upper Poisson limit of {limits}")
        return
    place = np.arange(len(rows))
    value = rows["n_0"].to_numpy()
    shown = np.where(value > 0, value, np.nan)
    for shift, kind, colour, label in (
        (-0.08, "poisson", style.BLUE, "95 %, Poisson"),
        (0.08, "bootstrap", style.VERMILION, "95 %, bootstrap over glasses"),
    ):
        low, high = rows[f"{kind}_low"].to_numpy(), rows[f"{kind}_high"].to_numpy()
        errors = np.array([np.minimum(value - low, value), high - value])
        known = np.where(np.isfinite(high), shown, np.nan)
        axes.errorbar(
            place + shift, known, errors, fmt="o", color=colour, capsize=3, lw=1.2, label=label
        )
    if paper:
        values = rows["preparation_temperature"]
        points = [(k, PAPER[t]) for k, t in enumerate(values) if t in PAPER]
        if points:
            axes.plot(
                *np.transpose(points), "D", mfc="none", color=style.BLACK, ms=5, label="paper"
            )
    _notes(axes, rows, place)
    axes.set_yscale("log")
    axes.set_xlim(-0.6, len(rows) - 0.4)
    axes.set_ylabel(r"$n_0$ ($\epsilon^{-1} \sigma^{-3}$)")
    axes.set_xlabel(r"$T_f$")
    axes.margins(y=0.25)
    axes.legend(loc="upper left", bbox_to_anchor=(0.0, 1.0))
    bottom, top = axes.get_ylim()
    axes.set_ylim(bottom, top * (top / bottom) ** 0.3)


def _notes(axes: Axes, rows: pd.DataFrame, place: np.ndarray) -> None:
    """Under each T_f the glasses and TLS behind it."""
    labels = []
    for row in rows.to_dict("records"):
        text = f"{row['preparation_temperature']:g}\n{row['tls']:,} TLS, {row['glasses']} glass"
        text += "" if row["glasses"] == 1 else "es"
        if row["glasses"] < FEWEST:
            text += f"\n(fewer than {FEWEST}:\nno bootstrap)"
        elif np.isfinite(row["dispersion"]):
            text += f"\nvariance / mean {row['dispersion']:.1f}"
        labels.append(text)
    axes.set_xticks(place, labels, fontsize=6.5)
