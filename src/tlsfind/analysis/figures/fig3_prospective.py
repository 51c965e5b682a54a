"""Fig. 3 a-c once more, with the predictions by which the active loop picked pairs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from tlsfind.analysis.figures import fig3
from tlsfind.analysis.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Numbers = dict[str, pd.DataFrame]


def numbers(paths: pd.DataFrame, temperatures: Mapping[str, float], unit: str) -> Numbers:
    """Points and correlations.

    Args:
        paths: the loop's paths.
        temperatures: preparation temperature of each glass.
        unit: the unit system that drove the loop.

    Returns:
        As :func:`tlsfind.analysis.figures.fig3.numbers`, of the splitting alone.
    """
    picked = paths[(paths["iteration"] >= 1) & (paths["status"] == "double_well")]
    found = fig3.points(
        picked, "splitting", f"quantum_splitting_{unit}", "predicted_splitting", temperatures
    )
    rows = fig3.correlations(found, temperatures)
    rows = rows[rows["quantity"] == "splitting"]
    return {"points": found.reset_index(drop=True), "correlation": rows.reset_index(drop=True)}


def collect(results: Results) -> Numbers:
    """The numbers of a run."""
    return numbers(results.loop_paths, results.temperatures, results.config.loop.unit_system)


def draw(numbers: Numbers, results: Results) -> Figure:
    """Draw a panel for each T_f."""
    return fig3.panels(numbers, results, ["splitting"], "DW predicted when picked")
