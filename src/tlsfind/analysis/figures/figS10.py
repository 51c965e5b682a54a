"""Fig. S10: models trained at one preparation temperature and used at another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tlsfind import tables
from tlsfind.analysis import style
from tlsfind.analysis.results import Results
from tlsfind.errors import DamagedError, InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = dict[str, pd.DataFrame]

FILE = Path("tables") / "transfer.csv"

SCORES = {"r_log": r"$r$ of $\log_{10} E_{qs}$", "accuracy": "accuracy of the classifier"}

#: How the training temperature itself is scored out of fold.
SPLITS = ("row", "glass")


def numbers(transfer: pd.DataFrame) -> Numbers:
    """Square matrices of scores.

    Args:
        transfer: table "transfer".

    Returns:
        ``matrix``: ``score`` (a key of :data:`SCORES`), ``split`` (of the diagonal),
        ``training_temperature``, ``prediction_temperature``, ``value``, ``pairs``,
        ``double_wells`` (at the prediction temperature).
    """
    rows = []
    for score in SCORES:
        for split in SPLITS:
            own = transfer[transfer["split"].isin(("other", split))]
            rows += [
                {
                    "score": score, "split": split,
                    "training_temperature": row["training_temperature"],
                    "prediction_temperature": row["prediction_temperature"],
                    "value": row[score], "pairs": row["pairs"],
                    "double_wells": row["double_wells"],
                }
                for row in own.to_dict("records")
            ]  # fmt: skip
    columns = ["score", "split", "training_temperature", "prediction_temperature", "value",
               "pairs", "double_wells"]  # fmt: skip
    return {"matrix": pd.DataFrame(rows, columns=columns)}


def collect(results: Results) -> Numbers:
    """The numbers of a run; no rows if it has one preparation temperature only."""
    file = results.root / FILE
    names = tables.schema("transfer").names
    if not file.exists():
        return numbers(pd.DataFrame(columns=names))
    try:
        transfer = pd.read_csv(file)
    except (ValueError, OSError) as error:
        raise DamagedError(f"{file} is damaged: {error}") from None
    if missing := [name for name in names if name not in transfer]:
        raise InputError(f"{file} lacks {', '.join(missing)}, expected table transfer")
    return numbers(transfer)


def draw(numbers: Numbers, results: Results) -> Figure:
    """Draw a matrix for each score (rows) and split of the diagonal (columns)."""
    matrix = numbers["matrix"]
    if matrix.empty:
        figure = style.new_figure(style.COLUMN, 1.4, results.footer)
        style.refuse(figure.subplots(), "one preparation temperature: nothing to transfer to")
        return figure
    count = matrix["training_temperature"].nunique()
    side = 1.35 + 0.35 * count
    figure = style.new_figure(min(2 * side + 0.8, style.PAGE), 2 * side, results.footer)
    grid = figure.subplots(len(SCORES), len(SPLITS), squeeze=False)
    letters = iter("abcd")
    for row, (score, title) in zip(grid, SCORES.items(), strict=True):
        for axes, split in zip(row, SPLITS, strict=True):
            chosen = matrix[(matrix["score"] == score) & (matrix["split"] == split)]
            _matrix(axes, chosen)
            style.letter(axes, next(letters))
            axes.set_title(f"{title},\ndiagonal by {split}", fontsize=6.5, loc="right")
    return figure


def _matrix(axes: Axes, rows: pd.DataFrame) -> None:
    """Training temperature across, prediction temperature down, as in the paper."""
    from matplotlib.colors import LinearSegmentedColormap

    wide = rows.pivot(
        index="prediction_temperature", columns="training_temperature", values="value"
    )
    order = sorted(wide.columns, reverse=True)
    values = wide.loc[order, order].to_numpy(dtype=float)
    colours = LinearSegmentedColormap.from_list("scores", ["#FFFFFF", style.SKY, style.BLUE])
    axes.imshow(np.nan_to_num(values), cmap=colours, vmin=0.0, vmax=1.0, aspect="equal")
    for i, line in enumerate(values):
        for j, value in enumerate(line):
            axes.text(
                j, i, f"{value:.2f}" if np.isfinite(value) else "–", ha="center", va="center",
                fontsize=7.0, color="white" if value > 0.75 else "black",
            )  # fmt: skip
    labels = [f"{value:g}" for value in order]
    axes.set_xticks(range(len(order)), labels)
    axes.set_yticks(range(len(order)), labels)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("trained at $T_f$")
    axes.set_ylabel("used at $T_f$")
