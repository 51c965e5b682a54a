"""Scores of repeated trainings as curves with bands, shared by the figures of the scans."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: What a point of a curve has in common.
BY = ["scan", "preparation_temperature", "model", "variant", "split", "value"]

SCORES = ("accuracy", "r2_log", "r_log", "rmse_log")

#: Least distance of two numbers along an axis, as a share of it.
NUMBERS_APART = 0.14

#: Looks of the two ways to hold pairs out.
SPLITS: dict[str, dict[str, Any]] = {
    "row": {"linestyle": "-", "label": "held out by row"},
    "glass": {"linestyle": "--", "label": "held out by glass"},
}


def curves(scan: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation over the repetitions of every point.

    Args:
        scan: table "scan".

    Returns:
        Columns ``BY``, ``feature``, ``repeats`` (those with a score), medians of
        ``training_pairs``, ``pairs`` and ``seconds``, and of each score its mean and ``_std`` (NaN
        for one repetition). Rows without any score are left out.
    """
    scored = scan[scan[list(SCORES)].notna().any(axis=1)]
    grouped = scored.groupby(BY, dropna=False, sort=True)
    found = grouped.agg(
        feature=("feature", "first"),
        repeats=("repeat", "nunique"),
        training_pairs=("training_pairs", "median"),
        training_glasses=("training_glasses", "median"),
        pairs=("pairs", "median"),
        seconds=("seconds", "median"),
        **{score: (score, "mean") for score in SCORES},
        **{f"{score}_std": (score, "std") for score in SCORES},
    )
    return found.reset_index()


def footer(scan: pd.DataFrame, source: str) -> str:
    """What a figure of scans rests on."""
    done = scan[scan["training_pairs"] > 0]
    parts = []
    for temperature, rows in done.groupby("preparation_temperature"):
        models = ", ".join(
            f"{model} {int(of['training_pairs'].max()):,} pairs "
            f"({int(of['pairs'].median()):,} held out)"
            for model, of in rows.groupby("model")
        )
        glasses = int(rows["training_glasses"].max())
        parts.append(f"T_f = {temperature:g}: {models}, {glasses} glasses")
    repeats = int(scan["repeat"].max()) + 1 if len(scan) else 0
    often = f"mean and standard deviation of {repeats} repetitions" if repeats > 1 else "once"
    return f"{source}, trained at most on: {'; '.join(parts)}; {often}."


def lanes(rows: pd.DataFrame, by: str) -> Iterator[tuple[Any, str, pd.DataFrame]]:
    """Rows of each value of a column and each way of holding out, the values in order."""
    for value in sorted(rows[by].unique()):
        for split in SPLITS:
            chosen = rows[(rows[by] == value) & (rows["split"] == split)]
            if len(chosen):
                yield value, split, chosen


def band(
    axes: Axes, points: pd.DataFrame, score: str, colour: str, split: str, label: str | None
) -> None:
    """One curve: mean as a line with markers, one standard deviation as a band."""
    points = points.sort_values("value")
    x, mean = points["value"].to_numpy(dtype=float), points[score].to_numpy(dtype=float)
    spread = np.nan_to_num(points[f"{score}_std"].to_numpy(dtype=float))
    axes.fill_between(x, mean - spread, mean + spread, color=colour, alpha=0.18, lw=0)
    axes.plot(
        x, mean, color=colour, ls=SPLITS[split]["linestyle"], marker="o",
        mfc=colour if split == "row" else "white", label=label,
    )  # fmt: skip


def logarithmic(axes: Axes, values: pd.Series) -> None:
    """A logarithmic axis with a tick at each value, numbers where they do not meet."""
    ticks = sorted(values.unique())
    decades = np.log10(ticks)
    apart = NUMBERS_APART * (decades[-1] - decades[0])
    labels, last = [], -np.inf
    for tick, place in zip(ticks, decades, strict=True):
        fits = place - last >= apart
        labels.append(f"{tick:g}" if fits else "")
        last = place if fits else last
    axes.set_xscale("log")
    axes.set_xticks(ticks, labels)
    axes.set_xticks([], minor=True)


def reasons(scan: pd.DataFrame) -> str:
    """Why there is nothing to draw."""
    notes = [note for note in scan["note"].unique() if note] if len(scan) else []
    return "not drawn: " + (notes[0] if notes else "no training of this scan")
