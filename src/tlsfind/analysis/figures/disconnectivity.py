"""Disconnectivity graph of a glass: which minima lie behind which barriers, and its TLS.

Energies of saddles come from the solved paths. That of a double well is the saddle's own. The top
of any other path is an upper bound of the lowest barrier between its ends, because a lower way may
exist by a third minimum; it is used as such. Two minima between which no path was solved are joined
only by way of others, or not at all. The top is that of the spline through the images, which may be
few where several wells were told early.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tlsfind import tables
from tlsfind.analysis import style
from tlsfind.analysis.results import Results
from tlsfind.analysis.superbasins import lowest_saddles, superbasins, tree
from tlsfind.pairs.keys import KEYS
from tlsfind.paths.profile import spline_maximum

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = dict[str, pd.DataFrame]

RUNGS = 60
#: Statuses of paths whose top is taken for a bound.
BOUNDS = ("multiple_wells", "single_well", "not_converged")
#: Paths read at a time: their profiles are long.
ROWS = 4096


def saddles_of(paths: pd.DataFrame, energies: pd.Series) -> pd.DataFrame:
    """The known saddles of a glass.

    Args:
        paths: solved paths with ``status``, ``barrier`` (above the lower minimum) and ``top`` (the
            highest energy between both ends, above minimum a).
        energies: energy of each minimum, by its identifier.

    Returns:
        ``minimum_a``, ``minimum_b``, ``energy`` of the saddle, ``exact`` (else an upper bound); the
        lowest for each pair.
    """
    exact = paths["status"] == "double_well"
    ends = [paths[end].map(energies).to_numpy(dtype=np.float64) for end in KEYS[1:]]
    above_a = np.where(exact, ends[0], ends[0] + paths["top"].to_numpy(dtype=np.float64))
    barrier = np.where(exact, paths["barrier"].to_numpy(dtype=np.float64), 0.0)
    # Never below an end: energies and barriers come from files of their own and are rounded.
    energy = np.fmax(np.where(exact, np.fmin(*ends) + barrier, above_a), np.fmax(*ends))
    frame = paths[KEYS[1:]].assign(energy=energy, exact=exact.to_numpy())
    usable = (exact | paths["status"].isin(BOUNDS)).to_numpy() & np.isfinite(energy)
    frame = frame[usable].sort_values("energy", kind="stable")
    return frame.drop_duplicates(KEYS[1:]).reset_index(drop=True)


def numbers(
    minima: pd.DataFrame, saddles: pd.DataFrame, tls: pd.DataFrame, rungs: int = RUNGS
) -> Numbers:
    """The tree of one glass.

    Args:
        minima: ``minimum`` and ``energy`` of each minimum.
        saddles: from :func:`saddles_of`.
        tls: ``minimum_a``, ``minimum_b`` and ``quantum_splitting`` of the TLS.
        rungs: energies of the ladder, from the highest saddle needed to the lowest minimum.

    Returns:
        ``nodes`` (:func:`tlsfind.analysis.superbasins.tree`, with the column ``minimum`` of the
        lowest), ``levels`` (superbasins of each rung), ``tls`` (with the node where both minima
        join, and its energy; -1 if they do not), ``saddles`` that join something. Energies are
        counted from the lowest minimum. Minima that no saddle joins to others are left out.
    """
    identifiers = minima["minimum"].to_numpy()
    row_of = {int(identifier): row for row, identifier in enumerate(identifiers)}
    energies = minima["energy"].to_numpy(dtype=np.float64)
    energies = energies - energies.min() if len(energies) else energies
    base = float(minima["energy"].min()) if len(minima) else 0.0
    edges = np.array([[row_of[a], row_of[b]] for a, b in saddles[KEYS[1:]].to_numpy()], dtype=int)
    edges = edges.reshape(-1, 2)
    heights = saddles["energy"].to_numpy(dtype=np.float64) - base
    used = lowest_saddles(len(energies), edges, heights)
    kept = np.unique(edges[used])
    renumbered = np.full(len(energies), -1)
    renumbered[kept] = np.arange(len(kept))
    edges, heights = renumbered[edges[used]], heights[used]
    own = energies[kept]
    ladder = _ladder(own, heights, rungs)
    basins = superbasins(own, edges, heights, ladder)
    nodes = tree(own, basins, ladder)
    nodes["minimum"] = identifiers[kept][nodes["lowest"].to_numpy(dtype=int)]
    levels = pd.DataFrame(
        {
            "energy": ladder,
            "minima": (basins >= 0).sum(axis=1),
            "superbasins": [len(np.unique(row[row >= 0])) for row in basins],
            "largest": [int(np.bincount(row[row >= 0]).max(initial=0)) for row in basins],
        }
    )
    return {
        "nodes": nodes,
        "levels": levels,
        "tls": _marked(tls, row_of, renumbered, basins, nodes),
        "saddles": saddles.iloc[used].assign(energy=heights).reset_index(drop=True),
    }


def _ladder(energies: np.ndarray, saddles: np.ndarray, rungs: int) -> np.ndarray:
    """Rungs from the highest saddle down to just above the lowest minimum."""
    if not len(saddles):
        return np.empty(0)
    top = float(max(saddles.max(), energies.max()))
    return np.linspace(top, 0.0, rungs, endpoint=False)


def _marked(
    tls: pd.DataFrame,
    row_of: dict[int, int],
    renumbered: np.ndarray,
    basins: np.ndarray,
    nodes: pd.DataFrame,
) -> pd.DataFrame:
    """The TLS with the node of the lowest superbasin that holds both minima."""
    rung_of = nodes["rung"].to_numpy()
    joined, energy = [], []
    for a, b in tls[KEYS[1:]].to_numpy():
        one, other = (int(renumbered[row_of[int(m)]]) for m in (a, b))
        same = np.flatnonzero((basins[:, one] == basins[:, other]) & (basins[:, one] >= 0))
        node = -1
        if min(one, other) >= 0 and same.size:
            inside = np.flatnonzero(basins[same[-1]] == basins[same[-1], one])
            lowest = nodes["lowest"].to_numpy()
            at = np.flatnonzero((rung_of == same[-1]) & np.isin(lowest, inside))
            node = int(at[0])
        joined.append(node)
        energy.append(float(nodes["energy"].iloc[node]) if node >= 0 else np.nan)
    return tls.assign(node=joined, energy=energy).reset_index(drop=True)


def tops(path: Path, glass: str) -> pd.DataFrame:
    """The solved paths of a glass with the highest energy of each between its ends.

    Args:
        path: a table of paths, read by batches.
        glass: name of the glass.

    Raises:
        InputError: the table is missing or damaged.
    """
    columns = [*KEYS, "status", "barrier", "xi", "energy"]
    parts = []
    for batch in tables.iter_batches(path, columns, ROWS):
        frame = batch.to_pandas()
        frame = frame[frame["glass"] == glass]
        top = [_top(xi, energy) for xi, energy in zip(frame["xi"], frame["energy"], strict=True)]
        parts.append(frame.drop(columns=["xi", "energy"]).assign(top=np.array(top, dtype=float)))
    filled = [part for part in parts if len(part)] or parts[:1]
    empty = pd.DataFrame(columns=[*columns[:-2], "top"])
    return pd.concat(filled, ignore_index=True) if filled else empty


def _top(xi: np.ndarray | None, energy: np.ndarray | None) -> float:
    if xi is None or energy is None or not len(energy):
        return float("nan")
    values = np.asarray(energy, dtype=np.float64)
    position = np.asarray(xi, dtype=np.float64)
    inside = (position >= 0.0) & (position <= 1.0)
    return spline_maximum(position[inside], values[inside]) if inside.sum() > 1 else float("nan")


def richest(tls: pd.DataFrame, glasses: list[str]) -> str:
    """The glass with most TLS; the first of several, or of all if there are none."""
    counts = tls["glass"].value_counts()
    return max(glasses, key=lambda glass: int(counts.get(glass, 0)))


def collect(results: Results) -> Numbers:
    """The numbers of the glass of ``analysis.landscape_glass``, or of the one with most TLS."""
    unit = results.config.loop.unit_system
    solved = results.solved
    tls = solved[results.is_tls(solved)]
    glass = results.config.analysis.landscape_glass or richest(tls, list(results.temperatures))
    minima = tables.read(
        results.root / "landscape" / glass / "minima.parquet", ["minimum", "energy"]
    )[["minimum", "energy"]]
    files = [results.root / "loop" / f"{results.final_iteration:02d}" / "paths.parquet"]
    if len(results.standard_paths):
        files.append(results.root / "standard" / "paths.parquet")
    parts = [part for part in (tops(file, glass) for file in files) if len(part)]
    paths = pd.concat(parts, ignore_index=True) if parts else tops(files[0], glass)
    energies = minima.set_index("minimum")["energy"]
    own = tls[tls["glass"] == glass]
    splitting = own[f"quantum_splitting_{unit}"].to_numpy(dtype=np.float64)
    found = numbers(
        minima,
        saddles_of(paths, energies),
        own[KEYS[1:]].assign(quantum_splitting=splitting).reset_index(drop=True),
    )
    about = pd.DataFrame(
        {
            "glass": [glass],
            "minima": [len(minima)],
            "connected": [int((found["nodes"]["rung"] == RUNGS).sum())],
            "tls": [len(own)],
            "base": [float(minima["energy"].min())],
        }
    )
    return {**found, "glass": about}


def draw(numbers: Numbers, results: Results) -> Figure:
    """Draw the tree with the TLS on it."""
    about = numbers["glass"].iloc[0]
    figure = style.new_figure(style.PAGE, 4.2, f"{results.footer}. Glass {about['glass']}")
    axes = figure.add_subplot()
    nodes, needed = numbers["nodes"], results.config.analysis.min_points
    if about["connected"] < needed:
        found = int(about["connected"])
        style.refuse(axes, style.too_few(found, needed, "minima with a known barrier to another"))
        return figure
    _branches(axes, nodes)
    _two_level_systems(axes, numbers["tls"], nodes)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.set_ylabel(r"energy above the lowest minimum ($\epsilon$)")
    alone = int(about["minima"] - about["connected"])
    exact = numbers["saddles"]["exact"]
    axes.set_title(
        f"{about['glass']}: {int(about['connected'])} of {int(about['minima'])} minima"
        f" ({alone} without a known barrier are left out); {int(exact.sum())} barriers of double "
        f"wells, {int((~exact).sum())} upper bounds",
        loc="left", fontsize=6.5,
    )  # fmt: skip
    axes.margins(x=0.01)
    return figure


def _segments(nodes: pd.DataFrame) -> dict[int, np.ndarray]:
    """The line of each node to its parent, (2, 2): from (x, energy) to the parent's."""
    x, energy = nodes["x"].to_numpy(), nodes["energy"].to_numpy()
    return {
        int(node): np.array([[x[node], energy[node]], [x[up], energy[up]]])
        for node, up in zip(nodes["node"], nodes["parent"].to_numpy(dtype=int), strict=True)
        if up >= 0
    }


def _branches(axes: Axes, nodes: pd.DataFrame) -> None:
    from matplotlib.collections import LineCollection

    lines = list(_segments(nodes).values())
    axes.add_collection(LineCollection(lines, colors=style.GREY, linewidths=0.6))
    axes.autoscale()


def _two_level_systems(axes: Axes, tls: pd.DataFrame, nodes: pd.DataFrame) -> None:
    """The ways of both minima of each TLS up to where they join, and points at the minima."""
    from matplotlib.collections import LineCollection
    from matplotlib.lines import Line2D

    segments = _segments(nodes)
    parent = nodes["parent"].to_numpy(dtype=int)
    leaves = nodes[nodes["rung"] == nodes["rung"].max()].set_index("minimum")["node"]
    lines, points = [], []
    for row in tls.to_dict("records"):
        for end in (row["minimum_a"], row["minimum_b"]):
            if row["node"] < 0 or end not in leaves.index:
                continue
            node = int(leaves[end])
            points.append(segments[node][0])
            while node != row["node"] and node >= 0:
                lines.append(segments[node])
                node = int(parent[node])
    if points:
        axes.add_collection(LineCollection(lines, colors=style.VERMILION, linewidths=1.0, zorder=3))
        axes.plot(*np.transpose(points), "o", color=style.VERMILION, markersize=2.4, zorder=4)
    handles = [
        Line2D([], [], color=style.GREY, lw=0.8, label="minima and the superbasins they join"),
        Line2D([], [], color=style.VERMILION, marker="o", markersize=2.4, lw=1.0,
               label=f"{int((tls['node'] >= 0).sum())} TLS"),
    ]  # fmt: skip
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.0, 0.0), ncols=2)
