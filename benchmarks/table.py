"""The table that the command prints: ours, the peer's, how many times better."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from benchmarks.part import Comparison, look_up

#: Units of which more is better.
RATES = ("/s", "per hour", "share")


def number(value: Any) -> str:
    """A number with three digits; a dash for none."""
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if value == 0:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def better(comparison: Comparison, now: float, former: float) -> float:
    """How many times better ``now`` is than ``former``."""
    return now / former if comparison.unit.endswith(RATES) else former / now


def rows(
    comparisons: Iterable[Comparison], result: dict[str, Any], former: dict[str, Any] | None = None
) -> list[list[str]]:
    """Cells of the comparisons that were measured.

    Args:
        comparisons: lines.
        result: the numbers.
        former: those of an earlier run, which add a column.
    """
    found = []
    for line in comparisons:
        ours = look_up(result, line.ours)
        if ours is None:
            continue
        ratio = look_up(result, line.ratio)
        cells = [line.what, f"{number(ours)} {line.unit}", line.peer or "-"]
        cells += [number(look_up(result, line.theirs)), "-" if ratio is None else number(ratio)]
        if former is not None:
            before = look_up(former, line.ours)
            cells.append("-" if not before else number(better(line, ours, before)))
        found.append(cells)
    return found


def headings(former: bool) -> list[str]:
    """Headings of :func:`rows`."""
    return ["what", "tlsfind", "peer", "its number", "ratio", *(["against before"] * former)]


def text(cells: list[list[str]], heads: list[str]) -> str:
    """A plain table with even columns."""
    widths = [max(len(row[k]) for row in [heads, *cells]) for k in range(len(heads))]
    lines = [heads, ["-" * width for width in widths], *cells]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in lines
    )


def markdown(cells: list[list[str]], heads: list[str]) -> str:
    """The same as a Markdown table."""
    lines = [heads, ["---"] * len(heads), *cells]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)
