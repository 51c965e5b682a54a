"""LAMMPS data files of particles with types, for models given as LAMMPS commands.

The atom style is the one of the model, not guessed from the number of columns: ``id type q x y z``
and ``id molecule type x y z`` have the same number. Particles are sorted by id and positions are
shifted so that the box starts at the origin; image flags are applied, so that molecules stay whole.
https://docs.lammps.org/read_data.html
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlsfind.config_model import LammpsModel
from tlsfind.configuration import Configuration
from tlsfind.errors import InputError
from tlsfind.interop.lammps_text import (
    Row,
    Section,
    atom_count,
    atoms,
    atoms_section,
    check_count,
    cubic_box,
    integer,
    read_text,
    refuse,
    split,
)

#: Columns of an Atoms line by style, without image flags.
COLUMNS = {
    "angle": ("id", "molecule", "type", "x", "y", "z"),
    "atomic": ("id", "type", "x", "y", "z"),
    "bond": ("id", "molecule", "type", "x", "y", "z"),
    "charge": ("id", "type", "q", "x", "y", "z"),
    "full": ("id", "molecule", "type", "q", "x", "y", "z"),
    "molecular": ("id", "molecule", "type", "x", "y", "z"),
    "sphere": ("id", "type", "diameter", "density", "x", "y", "z"),
}


@dataclass(frozen=True)
class TypedParticles:
    """What a data file says of its particles.

    Attributes:
        positions: (N, 3) in the order of the ids, the box from the origin.
        types: (N,) int32 from 1.
        box: edge of the cubic box.
    """

    positions: np.ndarray
    types: np.ndarray
    box: float


def read_typed_configuration(path: str | Path, model: LammpsModel) -> Configuration:
    """Read the particles of a data file of a model given as LAMMPS commands.

    Raises:
        InputError: naming file, line, what was found and what was expected.
    """
    found = read_lammps_types(path, model.atom_style, list(model.species))
    sizes = np.array([species.diameter for species in model.species.values()])
    return Configuration(found.positions, sizes[found.types - 1], found.box, str(path), found.types)


def read_lammps_types(path: str | Path, style: str, species: list[str]) -> TypedParticles:
    """Read the particles of a data file whose types 1, 2, ... are the given species.

    Args:
        path: the file.
        style: its ``atom_style``.
        species: names of the species, for the number of types and for messages.

    Raises:
        InputError: naming file, line, what was found and what was expected.
    """
    path = Path(path)
    if style not in COLUMNS:
        raise InputError(
            f"{path}: found atom_style {style} in the config, expected one whose data files are "
            f"read: {', '.join(sorted(COLUMNS))}"
        )
    header, sections = split(read_text(path))
    count = atom_count(path, header)
    _check_types(path, header, species)
    low, box = cubic_box(path, header)
    section = atoms_section(path, sections)
    check_count(path, count, section, sections)
    _check_style(path, section, style)
    found = atoms(path, section, style, COLUMNS[style])
    foreign = np.flatnonzero(found.types > len(species))
    if foreign.size:
        refuse(
            path,
            section.rows[foreign[0]].line,
            f"particle type {found.types[foreign[0]]}",
            f"1 to {len(species)} ({', '.join(species)})",
        )
    order = np.argsort(found.ids, kind="stable")
    if found.ids[order[-1]] != count:
        raise InputError(
            f"{path}: found ids up to {found.ids[order[-1]]} of {count} atoms, expected the ids 1 "
            f"to {count} (`reset_atoms id` of LAMMPS renumbers them)"
        )
    positions = found.positions - low + box * found.images
    types = found.types[order].astype(np.int32)
    return TypedParticles(positions[order], types, box)


def _check_types(path: Path, header: list[Row], species: list[str]) -> None:
    """Raise unless the header has as many types as there are species."""
    rows = [row for row in header if row.words[1:] == ["atom", "types"]]
    if len(rows) != 1:
        raise InputError(
            f"{path}: found {len(rows)} lines 'N atom types' before the first section, expected one"
        )
    types = integer(path, rows[0], 0, "the number of atom types")
    if types != len(species):
        refuse(
            path,
            rows[0].line,
            f"{types} atom types",
            f"{len(species)}, one for each species of the config ({', '.join(species)})",
        )


def _check_style(path: Path, section: Section, style: str) -> None:
    """Raise if the hint behind ``Atoms`` names another style."""
    hint = section.header.comment.split()
    if hint and hint[0] != style and (hint[0] in COLUMNS or hint[0] == "hybrid"):
        refuse(
            path,
            section.header.line,
            f"atom_style {' '.join(hint)}",
            f"{style}, the atom_style of the config",
        )
