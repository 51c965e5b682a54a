"""LAMMPS data files of ``atom_style sphere`` and ``atom_style charge``.

Lines of ``Atoms``: ``id type diameter density x y z [ix iy iz]`` (sphere) or
``id type q x y z [ix iy iz]`` (charge). Some groups keep a polydisperse particle's diameter in the
charge column; this is read only when it is asked for. The style is taken from the hint in
``Atoms # style`` or else from the number of columns. Section headers are recognised with or
without blank lines around them. As in LAMMPS, the first line is a title and is not looked at;
it and the comments may be in any encoding of text.

Particles are sorted by id, positions are shifted so that the box starts at the origin, and image
flags are applied. https://docs.lammps.org/read_data.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NoReturn

import numpy as np

from tlsfind.configuration import Configuration
from tlsfind.errors import InputError
from tlsfind.interop import TILT_TOLERANCE, cubic_edge
from tlsfind.tables import atomic

#: Columns of an Atoms line by style, without image flags.
COLUMNS = {
    "sphere": ("id", "type", "diameter", "density", "x", "y", "z"),
    "charge": ("id", "type", "q", "x", "y", "z"),
}

_SECTION = re.compile(r"[A-Z][A-Za-z]*( [A-Z][A-Za-z]*)*")
_DIGITS = re.compile(r"[0-9]{1,18}")
_NOT_FINITE = re.compile(r"(nan|inf|infinity)\b", re.IGNORECASE)


@dataclass
class _Row:
    """A line that is not blank: its number, its words, and the comment behind it."""

    line: int
    words: list[str]
    comment: str


@dataclass
class _Section:
    """A section: its name, the header's row, and its rows."""

    name: str
    header: _Row
    rows: list[_Row] = field(default_factory=list)


def read_lammps_data(
    path: str | Path, diameter_from: Literal["charge"] | None = None
) -> Configuration:
    """Read a LAMMPS data file.

    Args:
        path: the file.
        diameter_from: ``"charge"`` takes the diameters of ``atom_style charge`` from the charge
            column.

    Returns:
        The particles in the order of their ids.

    Raises:
        InputError: naming file, line, what was found and what was expected.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    if b"\0" in content:
        raise InputError(f"{path} is a binary file, expected a LAMMPS data file")
    header, sections = _split(content.decode("utf-8", errors="replace"))
    count = _atom_count(path, header)
    low, box = _cubic_box(path, header)
    section = _atoms_section(path, sections)
    _check_count(path, count, section, sections)
    style = _style(path, section)
    if style == "charge" and diameter_from != "charge":
        _refuse(
            path,
            section.header.line,
            "atom_style charge, which has no diameter",
            "atom_style sphere; if the charge column holds the diameters, use the option "
            "--diameter-from charge",
        )
    ids, diameters, positions, images = _particles(path, section, style)
    order = np.argsort(ids, kind="stable")
    positions = positions - low + box * images
    return Configuration(positions[order], diameters[order], box, str(path))


def write_lammps_data(
    path: str | Path,
    configuration: Configuration,
    style: Literal["sphere", "charge"] = "sphere",
) -> None:
    """Write a LAMMPS data file that gives the same configuration when read back.

    Positions are wrapped and image flags written. All particles have type 1 and mass 1: in
    ``sphere`` through the density 6 / (pi diameter^3), in ``charge``, where the charge column
    gets the diameter, through the section ``Masses``.
    """
    box = configuration.box
    images = np.floor(configuration.positions / box)
    wrapped = configuration.positions - box * images
    over = wrapped >= box
    wrapped[over] = 0.0
    images[over] += 1
    lines = [
        f"LAMMPS data file written by tlsfind, atom_style {style}",
        "",
        f"{len(configuration)} atoms",
        "1 atom types",
        "",
        *(f"0.0 {box:.16e} {axis}lo {axis}hi" for axis in "xyz"),
        "",
    ]
    if style == "charge":
        lines += ["Masses", "", "1 1.0", ""]
    lines += [f"Atoms # {style}", ""]
    density = 6.0 / (np.pi * configuration.diameters**3)
    for i, diameter in enumerate(configuration.diameters):
        size = f"{diameter:.16e}"
        if style == "sphere":
            size += f" {density[i]:.16e}"
        place = " ".join(f"{x:.16e}" for x in wrapped[i])
        flags = " ".join(f"{int(x)}" for x in images[i])
        lines.append(f"{i + 1} 1 {size} {place} {flags}")
    with atomic(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n")


def _refuse(path: Path, line: int, found: str, expected: str) -> NoReturn:
    raise InputError(f"{path}, line {line}: found {found}, expected {expected}")


def _split(text: str) -> tuple[list[_Row], list[_Section]]:
    """Header rows and sections of a file. The title line is dropped."""
    header: list[_Row] = []
    sections: list[_Section] = []
    for number, line in enumerate(text.splitlines()[1:], start=2):
        content, _, comment = line.partition("#")
        words = content.split()
        if not words:
            continue
        row = _Row(number, words, comment.strip())
        name = " ".join(words)
        if _SECTION.fullmatch(name) and not _NOT_FINITE.match(name):
            sections.append(_Section(name, row))
        elif sections:
            sections[-1].rows.append(row)
        else:
            header.append(row)
    return header, sections


def _atom_count(path: Path, header: list[_Row]) -> int:
    rows = [row for row in header if row.words[1:] == ["atoms"]]
    if len(rows) != 1:
        raise InputError(
            f"{path}: found {len(rows)} lines 'N atoms' before the first section, expected one "
            "(the first line of a LAMMPS data file is a title and not counted)"
        )
    return _integer(path, rows[0], 0, "the number of atoms")


def _cubic_box(path: Path, header: list[_Row]) -> tuple[np.ndarray, float]:
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
        low[axis], high = (_number(path, rows[0], i, "a box bound") for i in (0, 1))
        edges[axis] = high - low[axis]
        last = max(last, rows[0].line)
        if edges[axis] <= 0:
            _refuse(path, rows[0].line, " ".join(rows[0].words), "LO below HI")
    edge = cubic_edge(edges)
    if edge is None:
        found = " x ".join(f"{edge:.10g}" for edge in edges)
        _refuse(path, last, f"a box of {found}", "a cubic box")
    for row in header:
        if row.words[-1] in ("avec", "bvec", "cvec"):
            _refuse(path, row.line, "a general triclinic box", "a cubic box")
        if row.words[-3:] == ["xy", "xz", "yz"]:
            tilt = [_number(path, row, i, "a tilt factor") for i in range(len(row.words) - 3)]
            if max(map(abs, tilt), default=0.0) > TILT_TOLERANCE * edges.max():
                _refuse(path, row.line, f"tilt factors {' '.join(row.words[:-3])}", "a cubic box")
    return low, edge


def _atoms_section(path: Path, sections: list[_Section]) -> _Section:
    found = [section for section in sections if section.name == "Atoms"]
    if len(found) != 1:
        names = ", ".join(section.name for section in sections) or "none"
        raise InputError(
            f"{path}: found {len(found)} sections 'Atoms', expected one (sections: {names})"
        )
    return found[0]


def _check_count(path: Path, count: int, atoms: _Section, sections: list[_Section]) -> None:
    """Check the number of Atoms lines, before any of them is read."""
    found = len(atoms.rows)
    if found > count:
        _refuse(path, atoms.rows[count].line, f"{found} lines of Atoms", f"{count} atoms")
    if found < count:
        last = atoms.rows[-1].line if atoms.rows else atoms.header.line
        after = [section for section in sections if section.header.line > last]
        end = f"section {after[0].name}" if after else "end of file"
        _refuse(path, last, f"{end} after {found} lines of Atoms", f"{count} atoms")
    if not atoms.rows:
        _refuse(path, atoms.header.line, "no atoms", "at least one")


def _style(path: Path, section: _Section) -> str:
    """The atom style: from the hint behind ``Atoms``, or else from the number of columns."""
    hint = section.header.comment.split()
    if hint and hint[0] in COLUMNS:
        return hint[0]
    if len(hint) == 1 or (hint and hint[0] == "hybrid"):
        _refuse(path, section.header.line, f"atom_style {' '.join(hint)}", "sphere or charge")
    columns = len(section.rows[0].words)
    for style, names in COLUMNS.items():
        if columns in (len(names), len(names) + 3):
            return style
    _refuse(
        path,
        section.rows[0].line,
        f"{columns} columns",
        " or ".join(
            f"{len(names)} or {len(names) + 3} (atom_style {style}: {' '.join(names)} [ix iy iz])"
            for style, names in COLUMNS.items()
        ),
    )


def _particles(
    path: Path, section: _Section, style: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Ids (N,), diameters (N,), positions (N, 3) and image flags (N, 3), in the file's order."""
    names = COLUMNS[style]
    size = names.index("diameter" if style == "sphere" else "q")
    first = names.index("x")
    columns = len(section.rows[0].words)
    count = len(section.rows)
    ids = np.zeros(count, dtype=np.int64)
    diameters = np.zeros(count)
    positions = np.zeros((count, 3))
    images = np.zeros((count, 3))
    seen: dict[int, int] = {}
    if columns not in (len(names), len(names) + 3):
        _refuse(
            path,
            section.rows[0].line,
            f"{columns} columns",
            f"{len(names)} or {len(names) + 3} of atom_style {style}: {' '.join(names)} [ix iy iz]",
        )
    for i, row in enumerate(section.rows):
        if len(row.words) != columns:
            _refuse(path, row.line, f"{len(row.words)} columns", f"{columns} as in the first line")
        ids[i] = identifier = _integer(path, row, 0, "a particle id")
        if identifier in seen:
            _refuse(
                path,
                row.line,
                f"id {identifier}, which is also in line {seen[identifier]}",
                "every id once",
            )
        seen[identifier] = row.line
        _integer(path, row, 1, "a particle type")
        diameters[i] = _number(path, row, size, f"a diameter in column {names[size]}")
        if diameters[i] <= 0:
            _refuse(path, row.line, f"diameter {row.words[size]}", "a positive number")
        if style == "sphere":
            _number(path, row, size + 1, "a density")
        for axis in range(3):
            positions[i, axis] = _number(path, row, first + axis, f"coordinate {'xyz'[axis]}")
            if columns > len(names):
                images[i, axis] = _image_flag(path, row, first + 3 + axis)
    return ids, diameters, positions, images


def _number(path: Path, row: _Row, column: int, what: str) -> float:
    """A finite real number."""
    word = row.words[column]
    try:
        value = float(word)
    except ValueError:
        value = np.nan
    if not np.isfinite(value) or "_" in word:
        _refuse(path, row.line, repr(word), f"{what}, a finite number")
    return value


def _integer(path: Path, row: _Row, column: int, what: str) -> int:
    """A positive integer."""
    word = row.words[column]
    if not _DIGITS.fullmatch(word) or int(word) == 0:
        _refuse(path, row.line, repr(word), f"{what}, a positive integer")
    return int(word)


def _image_flag(path: Path, row: _Row, column: int) -> int:
    """An integer of either sign."""
    word = row.words[column]
    if not _DIGITS.fullmatch(word.removeprefix("-").removeprefix("+")):
        _refuse(path, row.line, repr(word), "an image flag, an integer")
    return int(word)
