"""What the single-case commands show: strictly valid JSON, small tables, a picture of a profile."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tlsfind.errors import InputError

if TYPE_CHECKING:
    from tlsfind.paths.solver import PathResult


def strict(value: Any) -> Any:
    """``value`` with arrays as lists and with None for every number that is not finite."""
    if isinstance(value, Mapping):
        return {str(key): strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [strict(item) for item in value]
    if hasattr(value, "tolist"):  # an array or number of NumPy, which is not imported for this
        return strict(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def print_json(content: Any) -> None:
    """Print ``content`` as JSON without NaN and Infinity, which JSON does not know."""
    typer.echo(json.dumps(strict(content), indent=2, allow_nan=False))


def print_table(header: list[str], rows: Iterable[list[str]]) -> None:
    """Print rows of words; the first column is aligned left, the others right."""
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for number, name in enumerate(header):
        table.add_column(name, justify="left" if number == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(highlight=False, markup=False).print(table)


def remark(text: str) -> None:
    """Print a warning on the standard error stream."""
    typer.echo(f"tlsfind: warning: {text}", err=True)


def text(value: Any, digits: int = 10) -> str:
    """A number for the eye; a dash for none."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "-"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def draw_profile(plot: Path, file_format: str, result: PathResult, unit: str) -> None:
    """Draw V(xi) and, for a double well, its two lowest levels in one unit system.

    Args:
        plot: the file.
        file_format: a format of matplotlib.
        result: of the path solver; its energies are above minimum a.
        unit: name of the unit system.

    Raises:
        InputError: there is no profile, because the path was not solved.
    """
    import numpy as np
    from matplotlib.figure import Figure

    from tlsfind.tables import atomic

    xi, profile = np.asarray(result.xi, dtype=float), np.asarray(result.energy, dtype=float)
    if xi.size == 0 or not np.isfinite(profile).any():
        reason = f"{result.status} {result.message}".rstrip()
        raise InputError(f"--plot {plot}: no profile to draw, the status is {reason}")
    figure = Figure(figsize=(5.0, 3.6), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(xi, profile, "o-", color="black", markersize=3, linewidth=1, label=r"$V(\xi)$")
    top = float(np.nanmax(profile[(xi >= 0) & (xi <= 1)], initial=0.0))
    if result.status == "double_well":
        levels = (result.energy_1.get(unit), result.energy_2.get(unit))
        for number, (level, colour) in enumerate(zip(levels, ("C0", "C1"), strict=True), start=1):
            if level is None or not math.isfinite(level):
                continue
            top = max(top, level)
            inside = xi[profile <= level]
            left, right = (inside[0], inside[-1]) if inside.size > 1 else (xi[0], xi[-1])
            axes.hlines(
                level, left, right, color=colour, label=f"$E_{number}$ ({unit}) = {level:.6g}"
            )
    low = float(np.nanmin(profile))
    height = max(top - low, 1e-12)  # the continuation beyond the minima may rise far above
    axes.set_ylim(low - 0.05 * height, top + 0.4 * height)
    shown = xi[profile <= top + 0.4 * height]
    margin = 0.03 * max(float(np.ptp(shown)), 1e-12)
    axes.set_xlim(shown.min() - margin, shown.max() + margin)
    axes.set_xlabel(r"reaction coordinate $\xi$")
    axes.set_ylabel(r"energy above minimum a / $\epsilon$")
    axes.set_title(result.status.replace("_", " "))
    axes.legend(fontsize="small")
    with atomic(plot) as temporary:
        figure.savefig(temporary, format=file_format, dpi=150)


def picture_format(plot: Path) -> str:
    """The format of matplotlib that the suffix of ``plot`` names.

    Raises:
        InputError: there is none.
    """
    from matplotlib.backend_bases import FigureCanvasBase

    known = sorted(FigureCanvasBase.get_supported_filetypes())
    suffix = plot.suffix.lower().lstrip(".")
    if suffix not in known:
        raise InputError(
            f"--plot {plot}: found suffix {plot.suffix!r}, expected one of {', '.join(known)}"
        )
    return suffix
