"""Fig. S9: what the perceptron that tells T_f goes by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from tlsfind import tables
from tlsfind.analysis import style
from tlsfind.analysis.figures import explanation
from tlsfind.analysis.results import Results
from tlsfind.errors import DamagedError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = dict[str, pd.DataFrame]

#: Features of panel a, as in the paper.
SHOWN = 9

#: Places in the results.
FILE = Path("tables") / "stability.json"
SHAP = Path("tables") / "stability_shap.parquet"

NOT_MADE = "one preparation temperature, or too few pairs of one: no perceptron tells them apart"


def numbers(content: dict[str, Any], shap: pd.DataFrame) -> Numbers:
    """Points of the beeswarm and the partial dependences.

    Args:
        content: what :func:`tlsfind.interpret.stability.stability` writes.
        shap: the table that it writes beside.

    Returns:
        ``points``: rows of ``shap`` with ``rank``, ``level`` and ``offset``, as in
        :func:`tlsfind.analysis.figures.explanation.numbers`; ``dependence``: ``feature``,
        ``value``, ``temperature`` (told), for every feature; ``pairs``: as in
        :mod:`~tlsfind.analysis.figures.figS8`, with the accuracies of both splits.
    """
    ranks = pd.DataFrame({"feature": list(content["shap"])})
    ranks["rank"] = range(1, len(ranks) + 1)
    dependence = [
        pd.DataFrame({"feature": name, **found})
        for name, found in content["partial_dependence"].items()
    ]
    pairs = pd.DataFrame(
        {
            "preparation_temperature": content["temperatures"],
            "glasses": content["glasses"],
            "pairs": content["pairs"],
            "commonest": content["commonest"],
            **{name: content[name]["accuracy"] for name in ("by_row", "by_glass")},
        }
    )
    return {
        "points": explanation.placed(shap, ranks),
        "dependence": pd.concat(dependence, ignore_index=True),
        "pairs": pairs,
    }


def ends(features: list[str]) -> tuple[str, str]:
    """The features of panels b and c: the smallest and the largest displacement."""
    last = max(int(name.rpartition("_")[2]) for name in features if name.startswith("displace"))
    return f"displacement_{last}", "displacement_1"


def collect(results: Results) -> Numbers:
    """The numbers of a run; empty if no perceptron could tell its temperatures apart."""
    file = results.root / FILE
    nothing = {name: pd.DataFrame({"feature": []}) for name in ("points", "dependence", "pairs")}
    if not file.exists():
        return nothing
    try:
        content = json.loads(file.read_text())
    except ValueError as error:
        raise DamagedError(f"{file} is not valid JSON: {error}") from None
    if "note" in content:
        return nothing
    return numbers(content, tables.read(results.root / SHAP, tables.schema("shap").names))


def draw(numbers: Numbers, results: Results) -> Figure:
    """Draw the beeswarm and two partial dependences."""
    if numbers["points"].empty:
        figure = style.new_figure(style.COLUMN, 1.4, results.footer)
        style.refuse(figure.subplots(), NOT_MADE)
        return figure
    features = list(dict.fromkeys(numbers["points"]["feature"]))
    figure = style.new_figure(style.PAGE, 3.1, results.footer)
    grid = figure.add_gridspec(2, 2, width_ratios=[1.5, 1.0])
    left = figure.add_subplot(grid[:, 0])
    style.letter(left, "a")
    _swarm(figure, left, numbers["points"], numbers["pairs"])
    values = numbers["pairs"]["preparation_temperature"].tolist()
    for row, (feature, name) in enumerate(zip(ends(features), "bc", strict=True)):
        axes = figure.add_subplot(grid[row, 1])
        style.letter(axes, name)
        rows = numbers["dependence"]
        rows = rows[rows["feature"] == feature]
        axes.plot(rows["value"], rows["temperature"], "o-", color=style.BLUE)
        for value in values:
            axes.axhline(value, ls=":", lw=0.8, color=style.GREY)
        axes.set_xlabel(rf"{explanation.label(feature)} ($\sigma$)")
        axes.set_ylabel("$T_f$ told")
    return figure


def _swarm(figure: Figure, axes: Axes, points: pd.DataFrame, pairs: pd.DataFrame) -> None:
    """The beeswarm with its colour bar and the accuracies."""
    explanation.swarm_of(axes, points[points["rank"] <= SHOWN], explanation.colours())
    explanation.colour_bar(figure, [axes])
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel(r"Shapley value (right: higher $T_f$ told)")
    row = pairs.iloc[0]
    said = [
        f"{row[name]:.2f} {words}" if pd.notna(row[name]) else f"none {words}"
        for name, words in (("by_row", "by row"), ("by_glass", "by glass"))
    ]
    axes.set_title(
        f"accuracy {', '.join(said)}; commonest $T_f$: {row['commonest']:.2f}", fontsize=6.0,
        loc="right",
    )  # fmt: skip
