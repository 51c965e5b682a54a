"""Fig. 1: a cut through the energy landscape (a), and V(xi) of two-level systems (b).

The paper's panel a is a drawing. Here it is one of this run: levels of the minima of several
glasses, and minimum-energy paths that share minima, strung together. What is drawn between two
minima is V(xi) of their path; only the order along the axis is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tlsfind.analysis import style
from tlsfind.analysis.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EXAMPLES = 6

#: Most paths that are strung together.
SEGMENTS = 7

#: Most glasses whose minima are shown, and most levels of one.
GLASSES, LEVELS = 12, 200

Numbers = dict[str, pd.DataFrame]


def spread(count: int, wanted: int) -> np.ndarray:
    """At most ``wanted`` ranks, evenly spread over 0 ... count - 1, both ends included."""
    return np.unique(np.rint(np.linspace(0, count - 1, min(wanted, count))).astype(int))


def numbers(tls: pd.DataFrame, unit: str) -> Numbers:
    """Profiles and levels of examples (panel b).

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


def chain(double_wells: pd.DataFrame, is_tls: np.ndarray | None = None) -> list[tuple[int, bool]]:
    """Double wells of one glass that share minima, end to end.

    From each TLS (each double well if there is none) both ends are lengthened by the lowest
    barrier to a minimum that is not yet in the chain, up to ``SEGMENTS``; of the longest chains
    the one with the first row is taken.

    Args:
        double_wells: the library.
        is_tls: which are TLS, shape (n,); None: unknown.

    Returns:
        For each path its row and whether it is walked backwards, from b to a.
    """
    best: list[tuple[int, bool]] = []
    starts = np.zeros(len(double_wells), dtype=bool) if is_tls is None else np.asarray(is_tls)
    starts = starts if starts.any() else ~starts
    rows = double_wells.reset_index(drop=True).sort_values("barrier", kind="stable")
    for _, glass in rows.groupby("glass", sort=True):
        a, b = (glass[f"minimum_{end}"].to_numpy() for end in "ab")
        index = glass.index.to_numpy()
        edges: dict[int, list[tuple[int, int]]] = {}
        for i, (first, second) in enumerate(zip(a.tolist(), b.tolist(), strict=True)):
            edges.setdefault(first, []).append((i, second))
            edges.setdefault(second, []).append((i, first))
        for start in np.flatnonzero(starts[index]):
            found = _grow(int(start), a.tolist(), b.tolist(), edges)
            walked = [(int(index[i]), back) for i, back in found]
            first = min(i for i, _ in walked)
            if len(walked) > len(best) or (
                len(walked) == len(best) and first < min(i for i, _ in best)
            ):
                best = walked
    return best


def _grow(
    start: int, a: list[int], b: list[int], edges: Mapping[int, list[tuple[int, int]]]
) -> list[tuple[int, bool]]:
    """A chain through one path; ``edges`` has the paths of each minimum, lowest barrier first."""
    left, right = a[start], b[start]
    seen = {left, right}
    found = [(start, False)]
    grown = True
    while grown and len(found) < SEGMENTS:
        grown = False
        for at_right in (True, False):
            end = right if at_right else left
            step = next(((i, other) for i, other in edges[end] if other not in seen), None)
            if step is None or len(found) == SEGMENTS:
                continue
            i, other = step
            seen.add(other)
            grown = True
            if at_right:
                found, right = [*found, (i, a[i] != end)], other
            else:
                found, left = [(i, b[i] != end), *found], other
    return found


def cut(double_wells: pd.DataFrame, is_tls: np.ndarray) -> Numbers:
    """The cut through the landscape (panel a).

    Args:
        double_wells: the library, with profiles and transition counts.
        is_tls: which are TLS, shape (n,).

    Returns:
        ``cut``: a row for each point with ``segment``, ``length`` (along the paths, from the
        first minimum) and ``energy`` (above the lowest minimum of the cut); ``segments``: a row
        for each path with its minima in order, ``begin``, ``end``, ``tls`` and ``transitions``
        between its minima seen in the dynamics, both directions.
    """
    wells = double_wells.reset_index(drop=True)
    points, segments = [], []
    length, energy = 0.0, 0.0
    for number, (row, back) in enumerate(chain(wells, is_tls)):
        well: Any = wells.loc[row]
        xi, profile = (np.asarray(well[name], dtype=np.float64) for name in ("xi", "energy"))
        inside = (xi > -1e-9) & (xi < 1.0 + 1e-9)  # both minima, whatever the rounding
        x, v = xi[inside], profile[inside]
        if back:
            x, v = 1.0 - x[::-1], v[::-1]
        v = v - v[0] + energy
        along = length + x * well["path_length"]
        points.append(pd.DataFrame({"segment": number, "length": along, "energy": v}))
        ends = (well["minimum_a"], well["minimum_b"])
        segments.append(
            {
                "segment": number, "glass": well["glass"],
                "minimum_from": int(ends[back]), "minimum_to": int(ends[not back]),
                "begin": length, "end": length + well["path_length"],
                "tls": bool(is_tls[row]),
                "transitions": int(well["transitions_ab"]) + int(well["transitions_ba"]),
            }
        )  # fmt: skip
        length, energy = length + float(well["path_length"]), float(v[-1])
    if not points:
        return {
            "cut": pd.DataFrame({"segment": [], "length": [], "energy": []}),
            "segments": pd.DataFrame({"segment": [], "glass": []}),
        }
    line = pd.concat(points, ignore_index=True)
    line["energy"] -= _ends(line)["energy"].min()
    return {"cut": line, "segments": pd.DataFrame(segments)}


def _ends(line: pd.DataFrame) -> pd.DataFrame:
    """The minima along a cut: first points of all segments and the last point of the last."""
    return pd.concat([line.groupby("segment").head(1), line.tail(1)], ignore_index=True)


def glass_levels(energies: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Energies of minima, at most ``LEVELS`` of a glass, evenly spread over their ranks.

    Args:
        energies: energy per particle of all minima of each glass.

    Returns:
        ``glass``, ``minima`` (all of them) and ``energy_per_particle``.
    """
    parts = [pd.DataFrame({"glass": [], "minima": [], "energy_per_particle": []})]
    for glass, values in energies.items():
        ordered = np.sort(values)
        if len(ordered):
            shown = ordered[spread(len(ordered), LEVELS)]
            parts.append(
                pd.DataFrame({"glass": glass, "minima": len(ordered), "energy_per_particle": shown})
            )
    return pd.concat(parts[1:] or parts, ignore_index=True)


def collect(results: Results) -> Numbers:
    """The numbers of a run."""
    wells = results.double_wells
    is_tls = results.is_tls(wells)
    names = list(results.temperatures)
    shown = [names[i] for i in spread(len(names), GLASSES)]
    return {
        **numbers(wells[is_tls], results.config.loop.unit_system),
        **cut(wells, is_tls),
        "glasses": glass_levels({name: results.minimum_energies(name) for name in shown}),
    }


def draw(numbers: Numbers, results: Results) -> Figure:
    """Draw the landscape above and the profiles below."""
    levels, profiles = numbers["levels"], numbers["profiles"]
    columns = 3
    rows = max(-(-len(levels) // columns), 1)
    figure = style.new_figure(style.PAGE, 2.4 + 1.85 * rows, results.footer)
    grid = figure.add_gridspec(1 + rows, 1, height_ratios=[2.2, *[1.85] * rows])
    top = grid[0].subgridspec(1, 2, width_ratios=[1.0, 2.2])
    left, right = figure.add_subplot(top[0]), figure.add_subplot(top[1])
    style.letter(left, "a")
    _levels(left, numbers["glasses"], results.temperatures)
    _cut(right, numbers["cut"], numbers["segments"])
    if levels.empty:
        axes = figure.add_subplot(grid[1])
        style.letter(axes, "b")
        style.refuse(axes, "no TLS was found in this run")
        return figure
    below = [grid[1 + row].subgridspec(1, columns) for row in range(rows)]
    places = [figure.add_subplot(row[column]) for row in below for column in range(columns)]
    style.letter(places[0], "b")
    for axes in places[len(levels) :]:
        axes.set_axis_off()
    for axes, level in zip(places, levels.to_dict("records"), strict=False):
        rows_of = profiles[profiles["example"] == level["example"]]
        _profile(axes, rows_of["xi"].to_numpy(), rows_of["energy"].to_numpy(), level)
    for axes in places[::columns]:
        axes.set_ylabel(r"$V$ ($\epsilon$)")
    for axes in places[max(len(levels) - columns, 0) : len(levels)]:
        axes.set_xlabel(r"$\xi$")
    return figure


def _levels(axes: Axes, glasses: pd.DataFrame, temperatures: Mapping[str, float]) -> None:
    """Minima of each glass as levels, a column for each glass."""
    colours = style.temperature_colours(list(temperatures.values()))
    names = list(dict.fromkeys(glasses["glass"]))
    if not names:
        style.refuse(axes, "no minima")
        return
    for place, glass in enumerate(names):
        own = glasses.loc[glasses["glass"] == glass, "energy_per_particle"].to_numpy(dtype=float)
        axes.hlines(own, place - 0.38, place + 0.38, color=colours[temperatures[glass]], lw=0.3)
    for value, colour in colours.items():
        if any(temperatures[name] == value for name in names):
            axes.plot([], [], color=colour, label=rf"$T_f$ = {value:g}")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.2 * (high - low))
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.set_xticks([])
    axes.set_xlabel("glass")
    axes.set_ylabel(r"minima, energy $/N$ ($\epsilon$)")
    axes.legend(loc="upper left", ncols=2, columnspacing=1.0)


def _cut(axes: Axes, line: pd.DataFrame, segments: pd.DataFrame) -> None:
    """Paths end to end; colours tell TLS, broken lines the pairs that the dynamics never linked."""
    if segments.empty:
        style.refuse(axes, "no double well was found in this run")
        return
    for row in segments.to_dict("records"):
        own = line[line["segment"] == row["segment"]]
        axes.plot(
            own["length"], own["energy"], "-" if row["transitions"] else "--",
            color=style.VERMILION if row["tls"] else style.BLUE,
        )  # fmt: skip
    ends = _ends(line)
    axes.plot(ends["length"], ends["energy"], "o", color=style.BLACK, ms=3.5, zorder=3)
    for label, line_style, colour in (
        ("TLS", "-", style.VERMILION),
        ("other DW", "-", style.BLUE),
        ("never followed in the dynamics", "--", style.GREY),
        ("minimum", "none", style.BLACK),
    ):
        marker = "o" if line_style == "none" else ""
        axes.plot([], [], ls=line_style, marker=marker, color=colour, label=label)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.28 * (high - low))
    axes.legend(loc="upper left", ncols=2, columnspacing=1.2)
    axes.set_title(f"{segments['glass'].iloc[0]}", loc="right", fontsize=6.0)
    axes.set_xlabel(r"length along the paths ($\sigma$)")
    axes.set_ylabel(r"$V$ ($\epsilon$)")


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
