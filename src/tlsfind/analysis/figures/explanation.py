"""Fig. 5: Shapley values of both models, and the permutation importance of Fig. S4a."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tlsfind import tables
from tlsfind.analysis import style
from tlsfind.analysis.results import Results
from tlsfind.config import Config

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = dict[str, pd.DataFrame]

#: Most features that a panel shows, the most important ones.
SHOWN = 12

#: Bins along the axis in which points are stacked.
BINS = 60

MODELS: dict[str, dict[str, Any]] = {
    "predictor": {
        "title": r"splitting predictor, $-\log_{10} E_{qs}$",
        "axis": r"Shapley value (right: lower $E_{qs}$)",
        "score": "rmse",
        "drop": r"rise of the rms error of $\log_{10} E_{qs}$",
    },
    "classifier": {
        "title": "double-well classifier, probability",
        "axis": "Shapley value (right: more likely DW)",
        "score": "accuracy",
        "drop": "drop of the accuracy",
    },
}

_SYMBOLS = {
    "delta_e": r"$\Delta E$",
    "total_displacement": r"$d$",
    "participation_ratio": "PR",
    "transitions_ab": r"$T_{ab}$",
    "transitions_ba": r"$T_{ba}$",
}


def label(feature: str) -> str:
    """The paper's symbol of a feature."""
    if found := re.fullmatch(r"displacement_(\d+)", feature):
        return rf"$\Delta r_{{{found[1]}}}$"
    if found := re.fullmatch(r"distance_1_(\d+)", feature):
        return rf"$|r_1 - r_{{{found[1]}}}|$"
    return _SYMBOLS.get(feature, feature)


def numbers(shap: pd.DataFrame, importance: pd.DataFrame) -> Numbers:
    """What is drawn.

    Args:
        shap: the table ``shap.parquet``.
        importance: the table ``importance.parquet``.

    Returns:
        ``points``: rows of ``shap`` with ``rank``, ``level`` (the feature's value as a share of its
        range between its 5 % and 95 % quantiles) and ``offset`` (vertical, -0.4 to 0.4);
        ``importance``: that table.
    """
    ranks = importance[["model", "feature", "rank"]].drop_duplicates()
    return {"points": placed(shap, ranks), "importance": importance}


def placed(shap: pd.DataFrame, ranks: pd.DataFrame) -> pd.DataFrame:
    """Points of beeswarms, sorted by model and rank.

    Args:
        shap: the table of that name.
        ranks: ``rank`` of each ``feature``, and ``model`` if there are several.

    Returns:
        Rows of ``shap`` with ``rank``, ``level`` and ``offset`` (:func:`numbers`).
    """
    parts = []
    ranked = shap.merge(ranks, on=[name for name in ("model", "feature") if name in ranks])
    for (model, _), rows in ranked.groupby(["model", "rank"]):
        span = shap.loc[shap["model"] == model, "shap"]
        parts.append(
            rows.assign(
                level=_level(rows["value"].to_numpy(dtype=float)),
                offset=_offsets(rows["shap"].to_numpy(dtype=float), span.min(), span.max()),
            )
        )
    return pd.concat(parts).sort_values(["model", "rank"], kind="stable", ignore_index=True)


def _level(values: np.ndarray) -> np.ndarray:
    """Place between the 5 % and the 95 % quantile, shape (n,), 0 to 1; 0.5 if these agree."""
    low, high = np.quantile(values, [0.05, 0.95])
    if high <= low:
        return np.full(len(values), 0.5)
    return np.clip((values - low) / (high - low), 0.0, 1.0)


def _offsets(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Vertical places of points stacked from the middle outwards, shape (n,), -0.4 to 0.4."""
    places = np.floor((values - low) / max(high - low, 1e-300) * BINS).astype(int)
    offsets = np.zeros(len(values))
    for place in np.unique(places):
        rows = np.flatnonzero(places == place)
        steps = np.arange(len(rows))
        offsets[rows] = np.where(steps % 2, 1.0, -1.0) * ((steps + 1) // 2)
    return offsets * min(0.08, 0.4 / max(np.abs(offsets).max(), 1.0))


def collect(results: Results) -> Numbers:
    """The numbers of a run, from its folder ``explain``."""
    return read(results.root / "explain")


def read(folder: Path) -> Numbers:
    """The numbers of what :func:`tlsfind.interpret.explain.explain` wrote.

    Raises:
        InputError: a table is missing or damaged.
    """
    return numbers(
        tables.read(folder / "shap.parquet", tables.schema("shap").names),
        tables.read(folder / "importance.parquet", tables.schema("importance").names),
    )


def draw(numbers: Numbers, results: Results) -> Figure:
    """Draw the four panels, with the run's numbers at the foot."""
    return panels(numbers, results.footer)


def panels(numbers: Numbers, footer: str) -> Figure:
    """Draw the four panels: Shapley values above, permutation importance below."""
    features = numbers["points"].groupby("model")["feature"].nunique().clip(upper=SHOWN).max()
    figure = style.new_figure(style.PAGE, 1.6 + 0.42 * int(features), footer)
    axes_of = figure.subplots(2, 2, height_ratios=[1.6, 1.0])
    for column, model in enumerate(MODELS):
        points = numbers["points"]
        swarm(axes_of[0, column], points[points["model"] == model], model, colours())
        importance = numbers["importance"]
        bars(axes_of[1, column], importance[importance["model"] == model], model)
        style.letter(axes_of[0, column], "ab"[column])
        style.letter(axes_of[1, column], "cd"[column])
    colour_bar(figure, list(axes_of[0, :]))
    return figure


def colours() -> Any:
    """Colours of the values of features, from low to high."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("levels", [style.BLUE, "#C8C8C8", style.VERMILION])


def colour_bar(figure: Figure, axes: list[Axes]) -> None:
    """The colours of beeswarms beside their panels."""
    from matplotlib.cm import ScalarMappable

    bar = figure.colorbar(
        ScalarMappable(cmap=colours()), ax=axes, ticks=[0, 1], pad=0.01, aspect=35
    )
    bar.ax.set_yticklabels(["low", "high"])
    bar.set_label("value of the feature", labelpad=-8)
    bar.outline.set_visible(False)


def swarm(axes: Axes, points: pd.DataFrame, model: str, colour_map: Any) -> None:
    """Shapley values of one model with its title."""
    swarm_of(axes, points[points["rank"] <= SHOWN], colour_map)
    axes.set_title(MODELS[model]["title"], fontsize=8.0)
    axes.set_xlabel(MODELS[model]["axis"])


def swarm_of(axes: Axes, points: pd.DataFrame, colour_map: Any) -> None:
    """Shapley values, a row of points for each feature."""
    axes.scatter(
        points["shap"], points["rank"] + points["offset"], c=points["level"], cmap=colour_map,
        vmin=0.0, vmax=1.0, s=4, lw=0, rasterized=True, zorder=2,
    )  # fmt: skip
    axes.axvline(0.0, color=style.GREY, lw=0.7, zorder=1)
    _rows(axes, points)


def bars(axes: Axes, importance: pd.DataFrame, model: str) -> None:
    """Permutation importance of one model, with the standard deviation over the shuffles."""
    rows = importance[
        (importance["score"] == MODELS[model]["score"]) & (importance["rank"] <= SHOWN)
    ]
    axes.barh(
        rows["rank"], rows["drop_mean"], xerr=rows["drop_std"].fillna(0.0), height=0.65,
        color=style.SKY, error_kw={"lw": 0.7, "capsize": 1.5},
    )  # fmt: skip
    axes.axvline(0.0, color=style.GREY, lw=0.7)
    axes.set_xlabel(MODELS[model]["drop"])
    if len(rows):
        axes.text(
            0.97, 0.05, f"{rows['score_value'].iloc[0]:.3f} with all features\n"
            f"{int(rows['pairs'].iloc[0]):,} pairs", transform=axes.transAxes, ha="right",
            va="bottom", fontsize=6.5,
        )  # fmt: skip
    _rows(axes, rows)


def _rows(axes: Axes, rows: pd.DataFrame) -> None:
    """Name the features on the vertical axis, the most important on top."""
    names = rows.drop_duplicates("rank").sort_values("rank")
    axes.set_yticks(names["rank"], [label(name) for name in names["feature"]])
    axes.set_ylim(len(names) + 0.6, 0.4)
    axes.tick_params(axis="y", length=0)


def write(config: Config, folder: Path) -> list[Path]:
    """Draw what stands in ``folder`` into it: ``explanation.<format>`` and the points as CSV.

    Args:
        config: the run, for the formats and the name.
        folder: that of ``shap.parquet`` and ``importance.parquet``.

    Returns:
        The images.

    Raises:
        InputError: a table is missing or damaged.
    """
    found = read(folder)
    counts = found["points"].drop_duplicates(["model", "glass", "minimum_a", "minimum_b"])
    shown = counts["model"].value_counts()
    footer = f"{config.run.name}: " + ", ".join(f"{n} pairs ({name})" for name, n in shown.items())
    for part, frame in found.items():
        with tables.atomic(folder / f"explanation_{part}.csv") as temporary:
            frame.to_csv(temporary, index=False)
    with style.styled():
        return style.save(panels(found, footer), folder / "explanation", config.analysis.formats)
