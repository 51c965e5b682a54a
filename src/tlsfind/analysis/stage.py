"""The analysis stage: figures with their numbers, Table I, the summary and the report."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
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
    fig1,
    fig2,
    fig3,
    fig3_prospective,
    fig4,
    fig6,
    figS6,
    figS7,
    figS8,
    figS9,
    figS10,
    loop,
    picture,
    recall,
)
from tlsfind.analysis.results import Results
from tlsfind.analysis.sections import extra_images, read_image
from tlsfind.analysis.tables import table1, table2
from tlsfind.config import Config, load
from tlsfind.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Drawing(NamedTuple):
    """A figure: what gathers its numbers from a run, and what draws them."""

    collect: Callable[[Results], dict[str, pd.DataFrame]]
    draw: Callable[[dict[str, pd.DataFrame], Results], Figure]


FIGURES: dict[str, Drawing] = {
    "fig1": Drawing(fig1.collect, fig1.draw),
    "fig2": Drawing(fig2.collect, fig2.draw),
    "fig3": Drawing(fig3.collect, fig3.draw),
    "fig3_prospective": Drawing(fig3_prospective.collect, fig3_prospective.draw),
    "fig4": Drawing(fig4.collect, fig4.draw),
    "fig6": Drawing(fig6.collect, fig6.draw),
    "equilibration": Drawing(equilibration.collect, equilibration.draw),
    "loop": Drawing(loop.collect, loop.draw),
    "recall": Drawing(recall.collect, recall.draw),
    "picture": Drawing(picture.collect, picture.draw),
    "disconnectivity": Drawing(disconnectivity.collect, disconnectivity.draw),
    "density_bootstrap": Drawing(density_bootstrap.collect, density_bootstrap.draw),
    "figS6": Drawing(figS6.collect, figS6.draw),
    "figS7": Drawing(figS7.collect, figS7.draw),
    "figS9": Drawing(figS9.collect, figS9.draw),
    "figS10": Drawing(figS10.collect, figS10.draw),
}

#: Figures that rest on more than the default target makes: drawn when they are named, and shown
#: in the report if their file, relative to the results, is there.
ON_REQUEST: dict[str, tuple[Drawing, Path]] = {
    "figS8": (Drawing(figS8.collect, figS8.draw), figS8.FILE),
}


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as CSV, atomically."""
    with tables.atomic(path) as temporary:
        frame.to_csv(temporary, index=False)


def figures(
    config: Config, results: Path, output: Path, only: Sequence[str] | None = None
) -> list[Path]:
    """Draw figures into ``output``: ``<figure>.<format>`` and ``<figure>_<part>.csv``.

    Args:
        config: the run.
        results: its folder of results.
        output: folder to write into.
        only: names of the figures; all of :data:`FIGURES` if None or empty.

    Returns:
        The images.

    Raises:
        InputError: a table of the run is missing or damaged, or there is no such figure.
    """
    known = {**FIGURES, **{name: drawing for name, (drawing, _) in ON_REQUEST.items()}}
    for name in only or []:
        if name not in known:
            raise InputError(f"figure {name!r} is unknown, expected one of {', '.join(known)}")
    chosen = {name: known[name] for name in (only or FIGURES)}
    run = Results(config, Path(results))
    numbers = {name: figure.collect(run) for name, figure in chosen.items()}
    written = []
    for name, figure in chosen.items():
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


def table_two(config: Config, results: Path, output: Path) -> pd.DataFrame:
    """Write Table II as the CSV file ``output``.

    Raises:
        InputError: a table of the run is missing or damaged.
    """
    table = table2.collect(Results(config, Path(results)))
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


def report(config: Config, results: Path, output: Path, drawn: Sequence[Path] = ()) -> None:
    """Write the report as one HTML file that needs no network and no other file.

    Args:
        config: the run.
        results: its folder of results.
        output: the file.
        drawn: folders with figures of this run that were drawn from its tables as they are now;
            a figure that none of them holds as PNG is drawn.

    Raises:
        InputError: a table of the run is missing or damaged.
    """
    from tlsfind.analysis.report import render

    run = Results(config, Path(results))
    numbers = {name: figure.collect(run) for name, figure in FIGURES.items()}
    images = {**extra_images(run.root, CAPTIONS), **_images(run, numbers, drawn)}
    page = render(run, images, numbers)
    with tables.atomic(Path(output)) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _images(
    run: Results, numbers: dict[str, dict[str, pd.DataFrame]], drawn: Sequence[Path]
) -> dict[str, tuple[str, bytes]]:
    """MIME type and content of every figure that the run has the tables for."""
    makers: dict[str, Callable[[], Figure]] = {
        name: partial(figure.draw, numbers[name], run) for name, figure in FIGURES.items()
    }
    for name, (figure, file) in ON_REQUEST.items():
        if (run.root / file).exists():
            makers[name] = partial(_collected, figure, run)
    if (run.root / "explain" / "importance.parquet").exists():
        makers["explanation"] = partial(
            _collected, Drawing(explanation.collect, explanation.draw), run
        )
    images = {}
    # PNG files of other formats, or of figures on request, may be of earlier tables
    drawn = drawn if "png" in run.config.analysis.formats else ()
    for name, make in makers.items():
        files = [Path(folder) / f"{name}.png" for folder in drawn if name not in ON_REQUEST]
        there = [path for path in files if path.is_file()]
        if there:
            images[name] = "image/png", read_image(there[0], "image/png")
            continue
        with style.styled():
            images[name] = "image/png", style.png(make())
    return images


def _collected(figure: Drawing, run: Results) -> Figure:
    return figure.draw(figure.collect(run), run)
