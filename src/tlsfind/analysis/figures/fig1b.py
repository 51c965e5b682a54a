"""Fig. 1b: profiles V(xi) of two-level systems with their two lowest levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tlsfind.analysis import style
from tlsfind.analysis.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EXAMPLES = 6

Numbers = dict[str, pd.DataFrame]


def spread(count: int, wanted: int) -> np.ndarray:
    """At most ``wanted`` ranks, evenly spread over 0 ... count - 1, both ends included."""
    return np.unique(np.rint(np.linspace(0, count - 1, min(wanted, count))).astype(int))


def numbers(tls: pd.DataFrame, unit: str) -> Numbers:
    """Profiles and levels of examples.

    Args:
        tls: TLS sorted by quantum splitting, with profiles.
        unit: the unit system of the levels.

    Returns:
        ``profiles`` (a row for each point) and ``levels`` (a row for each example).
    """
    chosen = tls.iloc[spread(len(tls), EXAMPLES)] if len(tls) else tls
    levels = pd.DataFrame(
        {
            "example": np.arange(len(chosen)),
            **{name: chosen[name].to_numpy() for name in ("glass", "minimum_a", "minimum_b")},
            "energy_1": chosen[f"energy_1_{unit}"].to_numpy(dtype=np.float64),
            "energy_2": chosen[f"energy_2_{unit}"].to_numpy(dtype=np.float64),
            "quantum_splitting": chosen[f"quantum_splitting_{unit}"].to_numpy(dtype=np.float64),
            "barrier": chosen["barrier"].to_numpy(dtype=np.float64),
            "path_length": chosen["path_length"].to_numpy(dtype=np.float64),
        }
    )
    profiles = [
        pd.DataFrame({"example": example, "xi": np.asarray(xi), "energy": np.asarray(energy)})
        for example, (xi, energy) in enumerate(zip(chosen["xi"], chosen["energy"], strict=True))
    ]
    empty = pd.DataFrame({"example": [], "xi": [], "energy": []})
    return {"profiles": pd.concat(profiles) if profiles else empty, "levels": levels}


def collect(results: Results) -> Numbers:
    """The numbers of a run."""
    wells = results.double_wells
    return numbers(wells[results.is_tls(wells)], results.config.loop.unit_system)


def draw(numbers: Numbers, results: Results) -> Figure:
    """Draw the profiles."""
    levels, profiles = numbers["levels"], numbers["profiles"]
    columns = min(max(len(levels), 1), 3)
    rows = max(-(-len(levels) // 3), 1)
    width = style.PAGE if columns > 1 else style.COLUMN
    figure = style.new_figure(width, 1.9 * rows + 0.3, results.footer)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    if levels.empty:
        style.refuse(grid[0], "no TLS was found in this run")
        return figure
    for axes in grid[len(levels) :]:
        axes.set_axis_off()
    for axes, level in zip(grid, levels.to_dict("records"), strict=False):
        rows_of = profiles[profiles["example"] == level["example"]]
        _profile(axes, rows_of["xi"].to_numpy(), rows_of["energy"].to_numpy(), level)
        style.letter(axes, "abcdef"[int(level["example"])])
    for axes in grid[::columns]:
        axes.set_ylabel(r"$V$ ($\epsilon$)")
    for axes in grid[max(len(levels) - columns, 0) : len(levels)]:
        axes.set_xlabel(r"$\xi$")
    return figure


def _profile(axes: Axes, xi: np.ndarray, energy: np.ndarray, level: dict) -> None:
    first, second = level["energy_1"], level["energy_2"]
    top = max(level["barrier"], second) * 1.7
    axes.plot(xi, energy, color=style.BLACK)
    for value, colour, name in ((first, style.BLUE, "$E_1$"), (second, style.VERMILION, "$E_2$")):
        inside = xi[energy <= value]
        if inside.size:
            axes.hlines(value, inside.min(), inside.max(), color=colour, lw=1.0, label=name)
    near = xi[energy <= top]
    margin = 0.03 * np.ptp(near)
    axes.set_xlim(near.min() - margin, near.max() + margin)
    axes.set_ylim(min(0.0, energy.min()) - 0.05 * top, top)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0.91), borderaxespad=0.0, ncols=2)
    axes.text(
        0.5,
        0.99,
        rf"$E_{{qs}}$ = {level['quantum_splitting']:.2g} $\epsilon$, $d$ = "
        rf"{level['path_length']:.2f} $\sigma$",
        transform=axes.transAxes,
        ha="center",
        va="top",
        fontsize=6.5,
    )
    axes.set_title(
        f"{level['glass']}  {level['minimum_a']}–{level['minimum_b']}", loc="right", fontsize=6.0
    )
