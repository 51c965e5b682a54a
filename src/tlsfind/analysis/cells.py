"""Cells and tables of the report as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Table = dict[str, Any]

#: Tables of a run that have a place of their own in the report.
PLACED = ("table_1", "transfer")
#: Most rows shown of a further table.
ROWS = 60


def text(value: Any, digits: int = 4) -> str:
    """A cell: integers with thousands separated, floats with few digits, nothing for missing."""
    if value is None or (isinstance(value, float) and np.isnan(value)) or value is pd.NA:
        return "–"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    if isinstance(value, float | np.floating):
        return f"{value:.{digits}g}"
    return str(value)


def make_table(rows: Iterable[Mapping[Any, Any]], columns: Mapping[str, str]) -> Table:
    """Rows as text for the template; ``columns`` maps keys to headings, in order."""
    rows = list(rows)
    numeric = [
        all(not isinstance(row.get(key), str) for row in rows) and bool(rows) for key in columns
    ]
    cells = [[text(row.get(key)) for key in columns] for row in rows]
    return {"head": list(columns.values()), "rows": cells, "numeric": numeric}


def further_tables(folder: Path, captions: Mapping[str, str]) -> list[Table]:
    """The CSV tables of a folder that have a caption and no place of their own.

    Args:
        folder: ``tables`` of a run.
        captions: by the name of the table.
    """
    found = []
    for file in sorted(Path(folder).glob("*.csv")):
        if file.stem in PLACED or file.stem not in captions:
            continue
        frame = pd.read_csv(file)
        rows = frame.head(ROWS).to_dict("records")
        columns = {name: str(name).replace("_", " ") for name in frame.columns}
        title = file.stem.replace("_", " ").capitalize()
        about = {"name": file.stem, "title": title, "caption": captions[file.stem]}
        found.append({**make_table(rows, columns), **about})
    return found
