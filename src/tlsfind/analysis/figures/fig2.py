"""Fig. 2: flow chart from glasses to two-level systems, with the numbers of the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from tlsfind.analysis import style
from tlsfind.analysis.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = dict[str, pd.DataFrame]

#: Place of the middle of each box, in units of boxes: from left to right, from the top down.
PLACES: dict[str, tuple[float, float]] = {
    "glasses": (0.0, 0.0),
    "explore": (1.0, 0.0),
    "minima": (2.0, 0.0),
    "pairs": (3.0, 0.0),
    "initial": (3.0, 1.0),
    "paths": (2.0, 1.0),
    "classifier": (1.0, 1.0),
    "predictor": (0.0, 1.0),
    "select": (1.0, 2.0),
    "stop": (2.0, 2.0),
    "library": (3.0, 2.0),
}

TITLES = {
    "glasses": "Glasses", "explore": "Exploration", "minima": "Inherent structures",
    "pairs": "Pairs", "initial": "First batch", "paths": "Paths, levels",
    "classifier": "DW classifier", "predictor": "$E_{qs}$ predictor", "select": "Next batch",
    "stop": "Stop?", "library": "Library",
}  # fmt: skip

#: Steps of the active loop, in another colour.
LOOP = ("paths", "classifier", "predictor", "select", "stop")

ARROWS = (
    ("glasses", "explore"), ("explore", "minima"), ("minima", "pairs"), ("pairs", "initial"),
    ("initial", "paths"), ("paths", "classifier"), ("classifier", "predictor"),
    ("predictor", "select"), ("select", "paths"), ("paths", "stop"), ("stop", "library"),
)  # fmt: skip


def numbers(found: Mapping[str, Any]) -> Numbers:
    """The text of each box.

    Args:
        found: ``glasses`` (by T_f), ``particles``, ``trajectories``, ``quenches``, ``minima``,
            ``pairs``, ``features``, ``displacements`` (M), ``history`` (that table), ``accuracy``,
            ``r_log``, ``acquisition``, ``converged``, ``standard`` (paths solved for it alone),
            ``double_wells`` and ``tls`` of the library.

    Returns:
        ``boxes``: ``box``, ``line`` (number of the line) and ``text``.
    """
    history = found["history"]
    first, later = history.iloc[0], history.iloc[1:]
    batches = int(later["paths"].max()) if len(later) else 0
    last = history.iloc[-1]
    lines = {
        "glasses": [
            f"N = {found['particles']:,}",
            *(f"$T_f$ = {value:g}: {count:,}" for value, count in found["glasses"].items()),
        ],
        "explore": [f"{found['trajectories']:,} trajectories", f"{found['quenches']:,} quenches"],
        "minima": [f"{found['minima']:,}"],
        "pairs": [
            f"{found['pairs']:,}",
            f"{found['features']} features, M = {found['displacements']}",
        ],
        "initial": [f"$K_0$ = {int(first['paths']):,} pairs", f"{int(first['double_wells']):,} DW"],
        "paths": [
            f"{int(last['total_paths']):,} paths of the loop",
            f"{found['standard']:,} more, standard",
        ],
        "classifier": [_score("accuracy", found["accuracy"]), "out of fold"],
        "predictor": [_score("r", found["r_log"]), "out of fold"],
        "select": [
            f"{len(later)} iteration{'s' if len(later) != 1 else ''}",
            f"of up to {batches:,} pairs" if batches else "no pair",
            f"by {found['acquisition'].replace('_', ' ').replace('tls', 'TLS')}",
        ],
        "stop": [
            f"last batch: {int(last['tls']):,} TLS",
            "converged" if found["converged"] else "not converged",
        ],
        "library": [f"{found['double_wells']:,} DW", f"{found['tls']:,} TLS"],
    }
    return {
        "boxes": pd.DataFrame(
            [
                {"box": box, "line": number, "text": text}
                for box, texts in lines.items()
                for number, text in enumerate(texts)
            ]
        )
    }


def _score(name: str, value: float) -> str:
    return f"{name} {value:.3f}" if pd.notna(value) else f"{name} unknown"


def collect(results: Results) -> Numbers:
    """The numbers of a run."""
    config, history = results.config, results.history
    counts = pd.Series(list(results.temperatures.values())).value_counts().sort_index()
    wells = results.double_wells
    return numbers(
        {
            "glasses": counts.to_dict(),
            "particles": results.particles,
            "trajectories": len(results.trajectories),
            "quenches": int(results.trajectories["quenches"].sum()),
            "minima": sum(results.minima.values()),
            "pairs": sum(results.scan.pairs.values()),
            "features": 2 * config.pairs.particles + 4,
            "displacements": config.pairs.particles,
            "history": history,
            "accuracy": float(history["classifier_accuracy"].iloc[-1]),
            "r_log": float(history["splitting_r_log"].iloc[-1]),
            "acquisition": config.loop.acquisition,
            "converged": bool(results.state.get("converged", False)),
            "standard": len(results.solved) - len(results.loop_paths),
            "double_wells": len(wells),
            "tls": int(results.is_tls(wells).sum()),
        }
    )


#: Size of a box and distance of two, in the units of the axes.
WIDTH, HEIGHT, STEP_X, STEP_Y = 1.68, 1.05, 2.15, 1.5


def draw(numbers: Numbers, results: Results) -> Figure:
    """Draw boxes and arrows."""
    figure = style.new_figure(style.PAGE, 3.7, results.footer)
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_aspect("equal")
    boxes = numbers["boxes"]
    for box in PLACES:
        _box(axes, box, boxes.loc[boxes["box"] == box, "text"].tolist())
    for start, end in ARROWS:
        _arrow(axes, start, end)
    x, y = _middle("predictor")
    axes.text(x, y - 1.22, "active loop:\ntrain again", color=style.BLUE, ha="center", fontsize=7.0)
    axes.set_xlim(-WIDTH / 2 - 0.1, 3 * STEP_X + WIDTH / 2 + 0.1)
    axes.set_ylim(-2 * STEP_Y - HEIGHT / 2 - 0.1, HEIGHT / 2 + 0.1)
    return figure


def _middle(box: str) -> tuple[float, float]:
    x, y = PLACES[box]
    return x * STEP_X, -y * STEP_Y


def _box(axes: Axes, box: str, lines: list[str]) -> None:
    """A box with its title and its lines."""
    from matplotlib.patches import FancyBboxPatch

    x, y = _middle(box)
    colour = style.BLUE if box in LOOP else style.GREY
    colour = style.VERMILION if box == "library" else colour
    axes.add_patch(
        FancyBboxPatch(
            (x - WIDTH / 2, y - HEIGHT / 2), WIDTH, HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.1", facecolor="white", edgecolor=colour, lw=1.2,
        )
    )  # fmt: skip
    axes.text(x, y + 0.33, TITLES[box], ha="center", va="center", fontsize=7.5, fontweight="bold")
    axes.text(x, y + 0.17, "\n".join(lines), ha="center", va="top", fontsize=6.0, linespacing=1.25)


def _arrow(axes: Axes, start: str, end: str) -> None:
    """An arrow from the rim of a box to that of another one."""
    (x0, y0), (x1, y1) = _middle(start), _middle(end)
    colour = style.BLUE if start in LOOP and end in LOOP else style.BLACK
    dx = WIDTH / 2 * ((x1 > x0) - (x1 < x0)) if y0 == y1 else 0.0
    dy = HEIGHT / 2 * ((y1 > y0) - (y1 < y0)) if x0 == x1 else 0.0
    if y0 != y1 and x0 != x1:  # from the side or foot of one to a side of the other
        dx, dy = WIDTH / 2 * (1 if x1 > x0 else -1), HEIGHT / 2 * (1 if y1 > y0 else -1)
        begin, finish = (x0 + 0.6 * dx, y0 + dy), (x1 - 0.6 * dx, y1 - dy)
    else:
        begin, finish = (x0 + dx, y0 + dy), (x1 - dx, y1 - dy)
    axes.annotate(
        "", finish, begin, arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1.0,
                                       "shrinkA": 1.5, "shrinkB": 1.5},
    )  # fmt: skip
