"""A picture of a two-level system: the particles that move between its two minima.

A flat drawing of a three-dimensional move, seen along the direction in which least of it happens:

1. displacements freed of a common translation, periodic images resolved;
2. the particle that moves most in the middle;
3. axes of the drawing: the first two principal axes of the displacements;
4. particles that move at least a share of the largest displacement coloured by it, with arrows;
   their neighbours as faint circles, the farther ones first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tlsfind.analysis import style
from tlsfind.analysis.results import Results
from tlsfind.configuration import Configuration
from tlsfind.errors import InputError
from tlsfind.interop.native import read_minima
from tlsfind.pairs.keys import KEYS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = dict[str, pd.DataFrame]

#: Share of the largest displacement from which a particle counts as moving.
SHARE = 0.25
#: Neighbours are drawn whose centre is closer than this to one that moves.
NEIGHBOURHOOD = 1.3
#: Longest arrow in the drawing, in units of sigma.
ARROW = 0.9
COLOURS = "viridis_r"


def axes_of(displacements: np.ndarray) -> np.ndarray:
    """The principal axes of displacement vectors (n, 3), the largest first, shape (3, 3)."""
    _, vectors = np.linalg.eigh(displacements.T @ displacements)
    axes = vectors.T[::-1]
    signs = np.sign(axes[np.arange(3), np.abs(axes).argmax(axis=1)])
    axes = axes * signs[:, None]
    return axes if np.linalg.det(axes) > 0 else axes * np.array([[1.0], [1.0], [-1.0]])


def particles(
    positions: np.ndarray,
    displacements: np.ndarray,
    diameters: np.ndarray,
    box: float,
    share: float = SHARE,
) -> pd.DataFrame:
    """The particles of the drawing.

    Args:
        positions: (N, 3) in the first minimum.
        displacements: (N, 3) to the second, periodic images resolved.
        diameters: (N,).
        box: edge of the cubic box.
        share: of the largest displacement from which a particle counts as moving.

    Returns:
        A row for each particle shown, the farthest first: ``particle``, ``x``, ``y``, ``depth``
        (from the particle that moves most, along the axes of the drawing), ``move_x``, ``move_y``,
        ``move_depth``, ``displacement`` (its length), ``diameter``, ``moves``.
    """
    lengths = np.linalg.norm(displacements, axis=1)
    moves = (lengths >= share * lengths.max()) & (lengths > 0)
    axes = axes_of(displacements[moves])
    centre = positions[int(lengths.argmax())]
    away = positions - centre
    away = (away - box * np.rint(away / box)) @ axes.T
    near = np.linalg.norm(away[:, None] - away[None, moves], axis=2).min(axis=1) < NEIGHBOURHOOD
    along = displacements @ axes.T
    frame = pd.DataFrame(
        {
            "particle": np.arange(len(positions)),
            "x": away[:, 0], "y": away[:, 1], "depth": away[:, 2],
            "move_x": along[:, 0], "move_y": along[:, 1], "move_depth": along[:, 2],
            "displacement": lengths, "diameter": diameters, "moves": moves,
        }
    )  # fmt: skip
    return frame[near | moves].sort_values("depth", kind="stable").reset_index(drop=True)


def numbers(
    first: Configuration,
    second: Configuration,
    types: np.ndarray | None,
    about: dict[str, float | str],
    share: float = SHARE,
) -> Numbers:
    """The drawing of a pair.

    Args:
        first: the minimum of lower energy.
        second: the other.
        types: (N,) types of identical particles, or None.
        about: what is known of the pair, kept as the part ``pair``.
        share: of the largest displacement from which a particle counts as moving.
    """
    from tlsfind import matching  # compiled kernels, which other commands do without

    move = matching.displacements(first.positions, second.positions, first.box, types)
    shown = particles(first.positions, move, first.diameters, first.box, share)
    lengths = np.linalg.norm(move, axis=1)
    known = {
        "total_displacement": float(np.linalg.norm(move)),
        "participation_ratio": float((lengths**2).sum() ** 2 / (lengths**4).sum()),
        "share": share,
        "box": first.box,
    }
    return {"particles": shown, "pair": pd.DataFrame([{**about, **known}])}


def pair_numbers(results: Results, glass: str, a: int, b: int) -> Numbers:
    """The drawing of two minima of a run.

    Raises:
        InputError: there is no such minimum.
    """
    folder = results.root / "landscape" / glass
    first, second = read_minima(folder / "minima.npz", [a, b])
    wells, unit = results.double_wells, results.config.loop.unit_system
    own = wells[(wells["glass"] == glass) & (wells["minimum_a"] == a) & (wells["minimum_b"] == b)]
    about: dict[str, float | str] = {
        "glass": glass, "minimum_a": a, "minimum_b": b, "unit_system": unit
    }  # fmt: skip
    for name in (f"quantum_splitting_{unit}", "barrier"):
        key = name.removesuffix(f"_{unit}")
        about[key] = float(own[name].iloc[0]) if len(own) else float("nan")
    return numbers(first, second, results.config.model.identical(first.types), about)


def lowest(results: Results) -> tuple[str, int, int]:
    """The pair of lowest quantum splitting of a run.

    Raises:
        InputError: the run has no double well.
    """
    wells = results.double_wells
    if wells.empty:
        raise InputError(f"{results.root} has no double well, expected at least one to draw")
    row = wells.iloc[0]
    return str(row["glass"]), int(row["minimum_a"]), int(row["minimum_b"])


def collect(results: Results) -> Numbers:
    """The drawing of the TLS of lowest quantum splitting; without rows if there is none."""
    wells = results.double_wells
    if not results.is_tls(wells).any():
        return {"particles": pd.DataFrame(), "pair": pd.DataFrame(columns=KEYS)}
    return pair_numbers(results, *lowest(results))


def draw(numbers: Numbers, results: Results) -> Figure:
    """Draw the particles."""
    figure = style.new_figure(style.COLUMN * 1.35, 4.2, results.footer)
    axes = figure.add_subplot()
    shown = numbers["particles"]
    if shown.empty:
        style.refuse(axes, "no TLS was found in this run")
        return figure
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    largest = float(shown["displacement"].max())
    scale = Normalize(0.0, largest)
    colours = colormaps[COLOURS]
    _circles(axes, shown, colours, scale)
    stretch = _arrows(axes, shown)
    _frame(axes, shown)
    bar = figure.colorbar(
        ScalarMappable(scale, colours), ax=axes, location="bottom", shrink=0.55, aspect=28, pad=0.02
    )
    bar.set_label(rf"$|\Delta r_i|$ ($\sigma$); arrows {stretch:.2g} times as long", fontsize=7.0)
    _say(axes, numbers["pair"].iloc[0])
    return figure


def _circles(axes: Axes, shown: pd.DataFrame, colours, scale) -> None:
    from matplotlib.patches import Circle

    for order, row in enumerate(shown.to_dict("records")):
        radius = 0.5 * row["diameter"]
        place = (row["x"], row["y"])
        if row["moves"]:
            look = {"facecolor": colours(scale(row["displacement"])), "edgecolor": style.BLACK,
                    "lw": 0.7, "alpha": 0.9, "zorder": 10 + 1e-3 * order}  # fmt: skip
        else:
            look = {"facecolor": "#F2F2F2", "edgecolor": "#BBBBBB", "lw": 0.5, "alpha": 0.35,
                    "zorder": 1 + 1e-3 * order}  # fmt: skip
        axes.add_patch(Circle(place, radius, **look))


def _arrows(axes: Axes, shown: pd.DataFrame) -> float:
    """Arrows of the particles that move; returns how many times longer than the moves they are."""
    moving = shown[shown["moves"]]
    flat = moving[["move_x", "move_y"]].to_numpy()
    longest = float(np.linalg.norm(flat, axis=1).max())
    stretch = max(1.0, ARROW / longest) if longest > 0 else 1.0
    for (x, y), (dx, dy) in zip(moving[["x", "y"]].to_numpy(), flat, strict=True):
        axes.annotate(
            "", xy=(x + stretch * dx, y + stretch * dy), xytext=(x, y), zorder=30,
            arrowprops={"arrowstyle": "-|>", "color": style.VERMILION, "lw": 1.2,
                        "mutation_scale": 7, "shrinkA": 0, "shrinkB": 0},
        )  # fmt: skip
    return stretch


def _frame(axes: Axes, shown: pd.DataFrame) -> None:
    """Limits that show every circle, and a bar of length sigma instead of axes."""
    radius = 0.5 * shown["diameter"]
    for which, limits in (("x", axes.set_xlim), ("y", axes.set_ylim)):
        limits((shown[which] - radius).min() - 0.2, (shown[which] + radius).max() + 0.2)
    axes.set_aspect("equal")
    axes.set_axis_off()
    left, bottom = axes.get_xlim()[0], axes.get_ylim()[0]
    axes.set_ylim(bottom - 0.6)
    axes.plot([left + 0.2, left + 1.2], [bottom - 0.25] * 2, color=style.BLACK, lw=2)
    axes.text(left + 1.35, bottom - 0.25, r"1 $\sigma$", va="center", fontsize=7.0)


def _say(axes: Axes, pair: pd.Series) -> None:
    words = [
        f"{pair['glass']}, minima {pair['minimum_a']} and {pair['minimum_b']}",
        rf"$d$ = {pair['total_displacement']:.2f} $\sigma$, PR = {pair['participation_ratio']:.1f}",
    ]
    if np.isfinite(pair["quantum_splitting"]):
        words[1] += (
            rf", $E_{{qs}}$ = {pair['quantum_splitting']:.2g} $\epsilon$,"
            rf" barrier {pair['barrier']:.2g} $\epsilon$"
        )
    axes.set_title("\n".join(words), fontsize=7.0, loc="left")
