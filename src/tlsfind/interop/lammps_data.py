"""LAMMPS data files of ``atom_style sphere`` and ``atom_style charge``.

Lines of ``Atoms``: ``id type diameter density x y z [ix iy iz]`` (sphere) or
``id type q x y z [ix iy iz]`` (charge). Some groups keep a polydisperse particle's diameter in the
charge column; this is read only when it is asked for. The style is taken from the hint in
``Atoms # style`` or else from the number of columns. Files of particles that have a type and no
diameter of their own are read by :mod:`tlsfind.interop.lammps_types`.

Particles are sorted by id, positions are shifted so that the box starts at the origin, and image
flags are applied. https://docs.lammps.org/read_data.html
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from tlsfind.configuration import Configuration
from tlsfind.interop.lammps_text import (
    Section,
    atom_count,
    atoms,
    atoms_section,
    check_count,
    cubic_box,
    number,
    read_text,
    refuse,
    split,
)
from tlsfind.tables import atomic

#: Columns of an Atoms line by style, without image flags.
COLUMNS = {
    "sphere": ("id", "type", "diameter", "density", "x", "y", "z"),
    "charge": ("id", "type", "q", "x", "y", "z"),
}


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
    header, sections = split(read_text(path))
    count = atom_count(path, header)
    low, box = cubic_box(path, header)
    section = atoms_section(path, sections)
    check_count(path, count, section, sections)
    style = _style(path, section)
    if style == "charge" and diameter_from != "charge":
        refuse(
            path,
            section.header.line,
            "atom_style charge, which has no diameter",
            "atom_style sphere; if the charge column holds the diameters, use the option "
            "--diameter-from charge",
        )
    found = atoms(path, section, style, COLUMNS[style])
    diameters = _diameters(path, section, style)
    order = np.argsort(found.ids, kind="stable")
    positions = found.positions - low + box * found.images
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


def _style(path: Path, section: Section) -> str:
    """The atom style: from the hint behind ``Atoms``, or else from the number of columns."""
    hint = section.header.comment.split()
    if hint and hint[0] in COLUMNS:
        return hint[0]
    if len(hint) == 1 or (hint and hint[0] == "hybrid"):
        refuse(path, section.header.line, f"atom_style {' '.join(hint)}", "sphere or charge")
    columns = len(section.rows[0].words)
    for style, names in COLUMNS.items():
        if columns in (len(names), len(names) + 3):
            return style
    refuse(
        path,
        section.rows[0].line,
        f"{columns} columns",
        " or ".join(
            f"{len(names)} or {len(names) + 3} (atom_style {style}: {' '.join(names)} [ix iy iz])"
            for style, names in COLUMNS.items()
        ),
    )


def _diameters(path: Path, section: Section, style: str) -> np.ndarray:
    """Diameters (N,) in the file's order."""
    names = COLUMNS[style]
    size = names.index("diameter" if style == "sphere" else "q")
    diameters = np.zeros(len(section.rows))
    for i, row in enumerate(section.rows):
        diameters[i] = number(path, row, size, f"a diameter in column {names[size]}")
        if diameters[i] <= 0:
            refuse(path, row.line, f"diameter {row.words[size]}", "a positive number")
        if style == "sphere":
            number(path, row, size + 1, "a density")
    return diameters
