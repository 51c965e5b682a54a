"""The analysis stage: figures with their numbers, Table I, the summary and the report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from tlsfind import tables
from tlsfind.analysis import style
from tlsfind.analysis import summary as summaries
from tlsfind.analysis.captions import CAPTIONS
from tlsfind.analysis.figures import (
    density_bootstrap,
    disconnectivity,
    equilibration,
    explanation,
    fig1b,
    fig3,
    fig4,
    fig6,
    loop,
    picture,
    recall,
)
from tlsfind.analysis.results import Results
from tlsfind.analysis.sections import extra_images
from tlsfind.analysis.tables import table1
from tlsfind.config import Config, load

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Drawing(NamedTuple):
    """A figure: what gathers its numbers from a run, and what draws them."""

    collect: Callable[[Results], dict[str, pd.DataFrame]]
    draw: Callable[[dict[str, pd.DataFrame], Results], Figure]


FIGURES: dict[str, Drawing] = {
    "fig1b": Drawing(fig1b.collect, fig1b.draw),
    "fig3": Drawing(fig3.collect, fig3.draw),
    "fig4": Drawing(fig4.collect, fig4.draw),
    "fig6": Drawing(fig6.collect, fig6.draw),
    "equilibration": Drawing(equilibration.collect, equilibration.draw),
    "loop": Drawing(loop.collect, loop.draw),
    "recall": Drawing(recall.collect, recall.draw),
    "picture": Drawing(picture.collect, picture.draw),
    "disconnectivity": Drawing(disconnectivity.collect, disconnectivity.draw),
    "density_bootstrap": Drawing(density_bootstrap.collect, density_bootstrap.draw),
}


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as CSV, atomically."""
    with tables.atomic(path) as temporary:
        frame.to_csv(temporary, index=False)


def figures(config: Config, results: Path, output: Path) -> list[Path]:
    """Draw every figure into ``output``: ``<figure>.<format>`` and ``<figure>_<part>.csv``.

    Args:
        config: the run.
        results: its folder of results.
        output: folder to write into.

    Returns:
        The images.

    Raises:
        InputError: a table of the run is missing or damaged.
    """
    run = Results(config, Path(results))
    numbers = {name: figure.collect(run) for name, figure in FIGURES.items()}
    written = []
    for name, figure in FIGURES.items():
        for part, frame in numbers[name].items():
            write_csv(frame, Path(output) / f"{name}_{part}.csv")
        with style.styled():
            written += style.save(
                figure.draw(numbers[name], run), Path(output) / name, config.analysis.formats
            )
    return written


def table_one(config: Config, results: Path, output: Path) -> pd.DataFrame:
    """Write Table I as the CSV file ``output``.

    Raises:
        InputError: a table of the run is missing or damaged.
    """
    table = table1.collect(Results(config, Path(results)))
    write_csv(table, Path(output))
    return table


def summary(results: Path) -> dict[str, Any]:
    """The numbers of a run, which are also written to ``summary.json`` in its folder.

    Raises:
        ConfigError: the run's ``config.yaml`` is missing or wrong.
        InputError: a table of the run is missing or damaged.
    """
    results = Path(results)
    numbers = summaries.collect(Results(load(results / "config.yaml"), results))
    with tables.atomic(results / "summary.json") as temporary:
        temporary.write_text(json.dumps(numbers, indent=2, allow_nan=False) + "\n")
    return numbers


print_summary = summaries.print_summary


def report(config: Config, results: Path, output: Path) -> None:
    """Write the report as one HTML file that needs no network and no other file.

    Args:
        config: the run.
        results: its folder of results.
        output: the file.

    Raises:
        InputError: a table of the run is missing or damaged.
    """
    from tlsfind.analysis.report import render

    run = Results(config, Path(results))
    numbers = {name: figure.collect(run) for name, figure in FIGURES.items()}
    images: dict[str, tuple[str, bytes]] = {}
    for name, figure in FIGURES.items():
        with style.styled():
            images[name] = "image/png", style.png(figure.draw(numbers[name], run))
    if (run.root / "explain" / "importance.parquet").exists():
        with style.styled():
            drawn = explanation.draw(explanation.collect(run), run)
            images["explanation"] = "image/png", style.png(drawn)
    images = {**extra_images(run.root, CAPTIONS), **images}
    page = render(run, images, numbers)
    with tables.atomic(Path(output)) as temporary:
        temporary.write_text(page, encoding="utf-8")
