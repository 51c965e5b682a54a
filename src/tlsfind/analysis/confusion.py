"""Confusion of two-level systems, other double wells and all other pairs: counts and drawing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tlsfind.analysis import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Classes of a pair; a TLS is no other double well.
CLASSES = ("tls", "double_well", "other")
LABELS = {"tls": "TLS", "double_well": "other DW", "other": "non-DW"}

#: Predicted probability from which a pair counts as a predicted double well.
GATE = 0.5


def classes(is_double_well: np.ndarray, splitting: np.ndarray, threshold: float) -> np.ndarray:
    """Class of each pair, an element of :data:`CLASSES`, shape (n,).

    Args:
        is_double_well: exact verdict or a predicted one, shape (n,).
        splitting: E_qs, shape (n,); of other pairs than double wells it may be NaN.
        threshold: of E_qs below which a double well is a TLS.
    """
    wells = np.asarray(is_double_well, dtype=bool)
    tls = wells & (np.asarray(splitting, dtype=np.float64) < threshold)
    return np.select([tls, wells], ["tls", "double_well"], "other")


def counts(
    exact: np.ndarray, predicted: np.ndarray, names: Sequence[str] = CLASSES
) -> pd.DataFrame:
    """The confusion matrix as rows.

    Args:
        exact: class of each pair, shape (n,).
        predicted: the predicted one, shape (n,).
        names: the classes that count.

    Returns:
        ``exact``, ``predicted``, ``count`` and ``share``, that of the pairs of the exact class
        (NaN if there are none).
    """
    rows = []
    for true in names:
        here = exact == true
        told = [int((here & (predicted == name)).sum()) for name in names]
        total = sum(told)
        rows += [
            {"exact": true, "predicted": name, "count": n, "share": n / total if total else np.nan}
            for name, n in zip(names, told, strict=True)
        ]
    return pd.DataFrame(rows)


def draw(
    axes: Axes, frame: pd.DataFrame, names: Sequence[str] = CLASSES, fontsize: float = 6.0
) -> None:
    """Draw one confusion matrix: exact classes down, predicted ones across, counts in the cells.

    Args:
        axes: where.
        frame: rows of :func:`counts`.
        names: the classes, in order.
        fontsize: of all text, in points.
    """
    from matplotlib.colors import LinearSegmentedColormap

    wanted = pd.MultiIndex.from_product([list(names), list(names)])
    cells = frame.set_index(["exact", "predicted"]).reindex(wanted)
    count, share = (
        cells[name].to_numpy(dtype=float).reshape(len(names), -1) for name in ("count", "share")
    )
    colours = LinearSegmentedColormap.from_list("shares", ["#FFFFFF", style.SKY, style.BLUE])
    values = np.nan_to_num(share)
    axes.imshow(values, cmap=colours, vmin=0.0, vmax=1.0, aspect="equal")
    for i in range(len(names)):
        for j in range(len(names)):
            axes.text(
                j, i, f"{int(count[i, j]):,}", ha="center", va="center", fontsize=fontsize,
                color="white" if values[i, j] > 0.75 else "black",
            )  # fmt: skip
    labels = [LABELS[name] for name in names]
    axes.set_xticks(range(len(names)), labels, fontsize=fontsize)
    axes.set_yticks(range(len(names)), labels, fontsize=fontsize)
    axes.tick_params(length=0, pad=1.5)
    axes.spines[:].set(visible=True, linewidth=0.5, color=style.GREY)
