"""Fig. S8: accuracy of the perceptron that tells T_f, against its depth and its width."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from tlsfind.analysis import style
from tlsfind.analysis.figures.figS9 import NOT_MADE
from tlsfind.analysis.results import Results
from tlsfind.errors import DamagedError, InputError
from tlsfind.interpret.stability import LAYERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = dict[str, pd.DataFrame]

#: Place in the results of the scan, which only `snakemake figures` makes.
FILE = Path("tables") / "stability_scan.json"

SPLITS = {"row": (style.SKY, "o--", "by row"), "glass": (style.BLUE, "s-", "by glass")}


def numbers(content: dict[str, Any]) -> Numbers:
    """The scan and what it rests on.

    Args:
        content: what :func:`tlsfind.interpret.stability.stability` writes with its scan.

    Returns:
        ``scan``: ``panel`` (``depth`` or ``width``), ``depth``, ``width``, ``split``, ``accuracy``;
        ``pairs``: ``preparation_temperature``, ``glasses``, ``pairs``, ``commonest``.
    """
    rows = []
    for row in content["scan"]:
        for panel, wanted in (("depth", row["width"] == LAYERS[0]), ("width", row["depth"] == 2)):
            if wanted:
                rows += [
                    {
                        "panel": panel, "depth": row["depth"], "width": row["width"],
                        "split": split, "accuracy": row[f"by_{split}"],
                    }
                    for split in SPLITS
                ]  # fmt: skip
    scan = pd.DataFrame(rows, columns=["panel", "depth", "width", "split", "accuracy"])
    pairs = pd.DataFrame(
        {
            "preparation_temperature": content["temperatures"],
            "glasses": content["glasses"],
            "pairs": content["pairs"],
            "commonest": content.get("commonest"),
        }
    )
    return {"scan": scan.astype({"accuracy": float}), "pairs": pairs}


def read(file: Path) -> dict[str, Any]:
    """What `tlsfind stability --scan` wrote.

    Raises:
        InputError: there is no such file, or one without a scan.
    """
    try:
        content = json.loads(file.read_text())
    except FileNotFoundError:
        raise InputError(f"{file} does not exist") from None
    except (OSError, ValueError) as error:
        raise DamagedError(f"{file} is not valid JSON: {error}") from None
    if "scan" not in content:
        raise InputError(f"{file} has no scan, expected what `tlsfind stability --scan` writes")
    return content


def collect(results: Results) -> Numbers:
    """The numbers of a run.

    Raises:
        InputError: as for :func:`read`.
    """
    return numbers(read(results.root / FILE))


def draw(numbers: Numbers, results: Results) -> Figure:
    """Draw accuracy against depth (a) and width (b)."""
    if numbers["scan"].empty:
        figure = style.new_figure(style.COLUMN, 1.4, results.footer)
        style.refuse(figure.subplots(), NOT_MADE)
        return figure
    pairs = numbers["pairs"]
    rests = ", ".join(
        f"{row['pairs']:,} pairs of {row['glasses']} glasses at T_f = "
        f"{row['preparation_temperature']:g}"
        for row in pairs.to_dict("records")
    )
    figure = style.new_figure(style.PAGE, 2.7, f"{results.footer}; perceptrons: {rests}")
    panels = {"depth": "hidden layers of 60 units", "width": "units of each of 2 hidden layers"}
    for axes, (panel, label), name in zip(
        figure.subplots(1, 2, sharey=True), panels.items(), "ab", strict=True
    ):
        style.letter(axes, name)
        rows = numbers["scan"]
        _panel(axes, rows[rows["panel"] == panel], panel, float(pairs["commonest"].iloc[0]))
        axes.set_xlabel(label)
    figure.axes[0].set_ylabel("accuracy, out of fold")
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, panel: str, commonest: float) -> None:
    for split, (colour, marker, label) in SPLITS.items():
        own = rows[rows["split"] == split].dropna(subset=["accuracy"]).sort_values(panel)
        if len(own):
            axes.plot(own[panel], own["accuracy"], marker, color=colour, label=label)
        else:
            axes.plot([], [], " ", label=f"{label}: too few glasses")
    axes.axhline(commonest, ls=":", lw=0.9, color=style.BLACK, label=r"always the commonest $T_f$")
    axes.set_xticks(sorted(rows[panel].unique()))
    axes.set_ylim(top=1.02)
    axes.legend(loc="best")
