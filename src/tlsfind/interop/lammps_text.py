"""The text of a LAMMPS data file taken apart: header, box, sections and the numbers in them.

Section headers are recognised with or without blank lines around them. As in LAMMPS, the first
line is a title and is not looked at; it and the comments may be in any encoding of text.
https://docs.lammps.org/read_data.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import numpy as np

from tlsfind.errors import InputError
from tlsfind.interop import TILT_TOLERANCE, cubic_edge

_SECTION = re.compile(r"[A-Z][A-Za-z]*( [A-Z][A-Za-z]*)*")
_DIGITS = re.compile(r"[0-9]{1,18}")
_NOT_FINITE = re.compile(r"(nan|inf|infinity)\b", re.IGNORECASE)


@dataclass
class Row:
    """A line that is not blank: its number, its words, and the comment behind it."""

    line: int
    words: list[str]
    comment: str


@dataclass
class Section:
    """A section: its name, the header's row, and its rows."""

    name: str
    header: Row
    rows: list[Row] = field(default_factory=list)


def refuse(path: Path, line: int, found: str, expected: str) -> NoReturn:
    """Raise an InputError about a line of a file."""
    raise InputError(f"{path}, line {line}: found {found}, expected {expected}")


def split(text: str) -> tuple[list[Row], list[Section]]:
    """Header rows and sections of a file. The title line is dropped."""
    header: list[Row] = []
    sections: list[Section] = []
    for place, line in enumerate(text.splitlines()[1:], start=2):
        content, _, comment = line.partition("#")
        words = content.split()
        if not words:
            continue
        row = Row(place, words, comment.strip())
        name = " ".join(words)
        if _SECTION.fullmatch(name) and not _NOT_FINITE.match(name):
            sections.append(Section(name, row))
        elif sections:
            sections[-1].rows.append(row)
        else:
            header.append(row)
    return header, sections


def read_text(path: Path) -> str:
    """The text of a data file.

    Raises:
        InputError: it does not exist, cannot be read, or is binary.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    if b"\0" in content:
        raise InputError(f"{path} is a binary file, expected a LAMMPS data file")
    return content.decode("utf-8", errors="replace")


def atom_count(path: Path, header: list[Row]) -> int:
    """The number before ``atoms`` in the header."""
    rows = [row for row in header if row.words[1:] == ["atoms"]]
    if len(rows) != 1:
        raise InputError(
            f"{path}: found {len(rows)} lines 'N atoms' before the first section, expected one "
            "(the first line of a LAMMPS data file is a title and not counted)"
        )
    return integer(path, rows[0], 0, "the number of atoms")


def cubic_box(path: Path, header: list[Row]) -> tuple[np.ndarray, float]:
    """Lower corner (3,) and edge of the box."""
    low = np.zeros(3)
    edges = np.zeros(3)
    last = 0
    for axis, letter in enumerate("xyz"):
        rows = [row for row in header if row.words[2:] == [f"{letter}lo", f"{letter}hi"]]
        if len(rows) != 1:
            raise InputError(
                f"{path}: found {len(rows)} lines 'LO HI {letter}lo {letter}hi' before the first "
                "section, expected one"
            )
        low[axis], high = (number(path, rows[0], i, "a box bound") for i in (0, 1))
        edges[axis] = high - low[axis]
        last = max(last, rows[0].line)
        if edges[axis] <= 0:
            refuse(path, rows[0].line, " ".join(rows[0].words), "LO below HI")
    edge = cubic_edge(edges)
    if edge is None:
        found = " x ".join(f"{edge:.10g}" for edge in edges)
        refuse(path, last, f"a box of {found}", "a cubic box")
    for row in header:
        if row.words[-1] in ("avec", "bvec", "cvec"):
            refuse(path, row.line, "a general triclinic box", "a cubic box")
        if row.words[-3:] == ["xy", "xz", "yz"]:
            tilt = [number(path, row, i, "a tilt factor") for i in range(len(row.words) - 3)]
            if max(map(abs, tilt), default=0.0) > TILT_TOLERANCE * edges.max():
                refuse(path, row.line, f"tilt factors {' '.join(row.words[:-3])}", "a cubic box")
    return low, edge


def atoms_section(path: Path, sections: list[Section]) -> Section:
    """The one section ``Atoms``."""
    found = [section for section in sections if section.name == "Atoms"]
    if len(found) != 1:
        names = ", ".join(section.name for section in sections) or "none"
        raise InputError(
            f"{path}: found {len(found)} sections 'Atoms', expected one (sections: {names})"
        )
    return found[0]


def check_count(path: Path, count: int, atoms: Section, sections: list[Section]) -> None:
    """Check the number of Atoms lines, before any of them is read."""
    found = len(atoms.rows)
    if found > count:
        refuse(path, atoms.rows[count].line, f"{found} lines of Atoms", f"{count} atoms")
    if found < count:
        last = atoms.rows[-1].line if atoms.rows else atoms.header.line
        after = [section for section in sections if section.header.line > last]
        end = f"section {after[0].name}" if after else "end of file"
        refuse(path, last, f"{end} after {found} lines of Atoms", f"{count} atoms")
    if not atoms.rows:
        refuse(path, atoms.header.line, "no atoms", "at least one")


@dataclass(frozen=True)
class Atoms:
    """The columns that every style of ``Atoms`` has, in the file's order.

    Attributes:
        ids: (N,) all different.
        types: (N,) from 1.
        positions: (N, 3) as in the file.
        images: (N, 3) image flags, 0 where there are none.
    """

    ids: np.ndarray
    types: np.ndarray
    positions: np.ndarray
    images: np.ndarray


def atoms(path: Path, section: Section, style: str, names: tuple[str, ...]) -> Atoms:
    """Read the lines of ``Atoms``, whose columns are ``names`` and perhaps three image flags.

    Raises:
        InputError: naming the line, what was found and what was expected.
    """
    first, kind = names.index("x"), names.index("type")
    columns = len(section.rows[0].words)
    count = len(section.rows)
    ids, types = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    positions, images = np.zeros((count, 3)), np.zeros((count, 3))
    seen: dict[int, int] = {}
    if columns not in (len(names), len(names) + 3):
        refuse(
            path,
            section.rows[0].line,
            f"{columns} columns",
            f"{len(names)} or {len(names) + 3} of atom_style {style}: {' '.join(names)} [ix iy iz]",
        )
    for i, row in enumerate(section.rows):
        if len(row.words) != columns:
            refuse(path, row.line, f"{len(row.words)} columns", f"{columns} as in the first line")
        ids[i] = identifier = integer(path, row, 0, "a particle id")
        if identifier in seen:
            refuse(
                path,
                row.line,
                f"id {identifier}, which is also in line {seen[identifier]}",
                "every id once",
            )
        seen[identifier] = row.line
        types[i] = integer(path, row, kind, "a particle type")
        for axis in range(3):
            positions[i, axis] = number(path, row, first + axis, f"coordinate {'xyz'[axis]}")
            if columns > len(names):
                images[i, axis] = image_flag(path, row, first + 3 + axis)
    return Atoms(ids, types, positions, images)


def number(path: Path, row: Row, column: int, what: str) -> float:
    """A finite real number."""
    word = row.words[column]
    try:
        value = float(word)
    except ValueError:
        value = np.nan
    if not np.isfinite(value) or "_" in word:
        refuse(path, row.line, repr(word), f"{what}, a finite number")
    return value


def integer(path: Path, row: Row, column: int, what: str) -> int:
    """A positive integer."""
    word = row.words[column]
    if not _DIGITS.fullmatch(word) or int(word) == 0:
        refuse(path, row.line, repr(word), f"{what}, a positive integer")
    return int(word)


def image_flag(path: Path, row: Row, column: int) -> int:
    """An integer of either sign."""
    word = row.words[column]
    if not _DIGITS.fullmatch(word.removeprefix("-").removeprefix("+")):
        refuse(path, row.line, repr(word), "an image flag, an integer")
    return int(word)
