"""Snapshots of LAMMPS text dumps (``dump atom``, ``dump custom``), one at a time.

A reader of our own: that of ASE (3.29) leaves image flags alone, takes types and masses for
chemical elements, and names no line in its errors. https://docs.lammps.org/dump.html
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tlsfind.interop import TILT_TOLERANCE, cubic_edge
from tlsfind.interop.frame_rows import FrameText, RawFrame

_WANTED = "ITEM: TIMESTEP, NUMBER OF ATOMS, BOX BOUNDS, and then ATOMS with names of columns"


def snapshots(text: FrameText) -> Iterator[RawFrame]:
    """All snapshots of a dump, as they stand there.

    Raises:
        InputError: naming file, frame, line, what was found and what was expected.
    """
    units = None  # stands above the first snapshot only
    while (line := text.next_frame()) is not None:
        step = count = bounds = None
        while True:
            item = _item(text, line)
            if item.split()[:1] == ["ATOMS"]:
                break
            if item == "UNITS":
                units = text.need("the units").strip()
            elif item == "TIME":
                text.need("the time")
            elif item == "TIMESTEP":
                step = text.whole(text.need("the time step"), "the time step")
            elif item == "NUMBER OF ATOMS":
                count = text.whole(text.need("the number of particles"), "particles", least=1)
            elif item.startswith("BOX BOUNDS"):
                bounds = _box(text, item.split()[2:])
            else:
                text.refuse(f"ITEM: {item}", _WANTED)
            line = text.need("ITEM: ATOMS")
        if step is None or count is None or bounds is None:
            text.refuse("ITEM: ATOMS before the other items", _WANTED)
        columns = tuple(item.split()[1:])
        if not columns or len(set(columns)) < len(columns):
            text.refuse(f"ITEM: {item}", "ITEM: ATOMS with names of columns, each once")
        if "id" not in columns:
            text.refuse(f"ITEM: {item}", "a column id, to tell the particles apart")
        low, box = bounds
        yield RawFrame(text, columns, text.rows(count, len(columns)), box, low, step, units)


def _item(text: FrameText, line: str) -> str:
    """What follows ``ITEM:``."""
    start, mark, rest = line.strip().partition("ITEM:")
    if start or not mark:
        text.refuse(repr(line.strip()[:60]), "a line that begins with ITEM:")
    return " ".join(rest.split())


def _box(text: FrameText, flags: list[str]) -> tuple[np.ndarray, float]:
    """Lower corner (3,) and edge of the box; ``flags`` stand behind ``BOX BOUNDS``.

    Dumps of old versions have no flags; they are taken to be periodic.
    """
    if flags[:2] == ["abc", "origin"]:
        text.refuse("a general triclinic box", "a cubic box")
    tilted = flags[:3] == ["xy", "xz", "yz"]
    periodic = flags[3:] if tilted else flags
    if periodic and periodic != ["pp"] * 3:
        text.refuse(f"boundaries {' '.join(periodic)}", "pp pp pp, periodic in all directions")
    rows = np.zeros((3, 3 if tilted else 2))
    for axis, name in enumerate("xyz"):
        words = text.need(f"the bounds of the box in {name}").split()
        try:
            rows[axis] = np.array(words, dtype=np.float64)
        except ValueError:
            rows[axis] = np.nan
        if len(words) != rows.shape[1] or not np.isfinite(rows[axis]).all():
            text.refuse(repr(" ".join(words)), f"{rows.shape[1]} numbers, the bounds in {name}")
    edges = rows[:, 1] - rows[:, 0]
    edge = cubic_edge(edges)
    if edge is None:
        text.refuse(f"a box of {' x '.join(f'{e:.10g}' for e in edges)}", "a cubic box")
    if tilted and np.abs(rows[:, 2]).max() > TILT_TOLERANCE * edge:
        text.refuse(f"tilt factors {' '.join(f'{t:g}' for t in rows[:, 2])}", "a cubic box")
    return rows[:, 0].copy(), edge
