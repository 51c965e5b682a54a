"""Figures of published mode: ``fig3``, ``fig4``, ``fig5`` with their numbers, and Table I."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from tlsfind import tables
from tlsfind.analysis import style
from tlsfind.analysis.figures import explanation
from tlsfind.errors import InputError
from tlsfind.interop import authors_files
from tlsfind.published import fig3, fig4
from tlsfind.published.settings import PublishedConfig
from tlsfind.published.source import TABLES, Source

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: A figure with its numbers.
Made = tuple["Figure", dict[str, pd.DataFrame]]

CAPTIONS = {
    "fig3": (
        "Predicted against exact quantum splitting of double wells that the predictor never saw, "
        "left held out at random, as in the paper, right in glasses that it never saw. Pairs share "
        "minima and glasses, so that the left flatters. Dashed: equality; dotted: the TLS "
        "threshold; colour: number of double wells. Compare Fig. 3a-c of the paper."
    ),
    "fig4": (
        "(a) Predicted against exact quantum splitting of held-out double wells near the TLS "
        "threshold, with the confusion matrix, and what is found by solving all pairs predicted "
        "below 1, 2 and 5 times the threshold (shown up to 20 times). (b) Cumulative number of "
        "double wells of the iterative runs for each glass and unit of volume over E_qs, with its "
        "95 % Poisson band. Dashed: n_0, over the range in which splittings are uniform; dotted: "
        "the value of the paper. (c) TLS and double wells of a glass. Compare Fig. 4 of the paper, "
        "whose panel a shows pairs picked by the loop at T_f = 0.062."
    ),
    "fig5": (
        "What the models go by: Shapley values of held-out pairs and permutation importance, as in "
        "Fig. 5 and S4 of the paper. The predictor is explained in -log10 E_qs, so that the right "
        "side is lower E_qs; the paper's axis is E_qs itself and mirrored."
    ),
}


def explained(source: Source, t_f: float) -> Made:
    """Fig. 5 of one T_f."""
    shap, importance = source.shap(t_f), source.importance(t_f)
    found = explanation.numbers(shap, importance)
    shown = shap.drop_duplicates(["model", "glass", "minimum_a", "minimum_b"])
    counts = shown["model"].value_counts()
    footer = f"{source.config.run.name}, T_f = {t_f:g}, pairs held out at random: " + ", ".join(
        f"{count} explained ({name})" for name, count in counts.items()
    )
    return explanation.panels(found, footer), found


def drawings(source: Source) -> dict[str, Callable[[], Made]]:
    """What draws each figure that the tables allow, by name.

    Raises:
        InputError: there is no imported table.
    """
    if not (source.verdicts or source.labelled):
        raise InputError(
            f"{source.root / TABLES} holds no imported table, expected what `tlsfind import "
            "authors` writes"
        )
    found: dict[str, Callable[[], Made]] = {}
    trained = source.trained
    if trained:
        found["fig3"] = lambda: _drawn(fig3.collect, fig3.draw, source)
    found["fig4"] = lambda: _drawn(fig4.collect, fig4.draw, source)
    for t_f in trained:
        name = "fig5" if len(trained) == 1 else f"fig5_{authors_files.label_of(t_f)}"
        found[name] = lambda t_f=t_f: explained(source, t_f)  # type: ignore[misc]
    return found


def _drawn(
    collect: Callable[[Source], dict[str, pd.DataFrame]],
    draw: Callable[[dict[str, pd.DataFrame], Source], Figure],
    source: Source,
) -> Made:
    numbers = collect(source)
    return draw(numbers, source), numbers


def figures(config: PublishedConfig, results: Path, output: Path) -> list[Path]:
    """Draw every figure into ``output``: images and ``<figure>_<part>.csv``.

    Args:
        config: of published mode.
        results: folder of its results.
        output: folder to write into.

    Returns:
        The images.

    Raises:
        InputError: a table is missing or damaged.
    """
    source = Source(config, results)
    written = []
    for name, make in drawings(source).items():
        with style.styled():
            figure, numbers = make()
            written += style.save(figure, output / name, config.analysis.formats)
        for part, frame in numbers.items():
            with tables.atomic(output / f"{name}_{part}.csv") as temporary:
                frame.to_csv(temporary, index=False)
    return written
