"""Reading and writing of configurations in the formats in use around the project.

========================  ======================================================================
format                    recognised by
========================  ======================================================================
project's own             suffix ``.npz``, or the first bytes of a zip archive; one minimum of a
                          ``minima.npz`` is named ``FILE.npz#IDENTIFIER``
extended XYZ              suffix ``.xyz`` or ``.extxyz``, or a first line that is one integer
                          with no line ``N atoms`` after it
LAMMPS data               everything else; ``atom_style sphere`` or ``charge``, or that of the model
========================  ======================================================================
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

from tlsfind.config_model import LammpsModel
from tlsfind.configuration import Configuration
from tlsfind.errors import InputError

XYZ_SUFFIXES = (".xyz", ".extxyz")

#: Relative difference of the edges of a cubic box; files of six digits have up to 5e-7.
EDGE_TOLERANCE = 1e-6

#: Relative size of the tilt factors or off-diagonal elements of a cubic box.
TILT_TOLERANCE = 1e-8

#: Lines, and their length, among which the header of LAMMPS data is looked for.
_HEADER_LINES, _LINE = 50, 10_000

_LAMMPS_COUNT = re.compile(rb"\s*[0-9]+\s+atoms\s*(#.*)?", re.DOTALL)


def cubic_edge(edges: np.ndarray) -> float | None:
    """The mean of the edges (3,) of a box, exact if they are equal; None if it is not cubic."""
    shortest = float(edges.min())
    if not (shortest > 0 and np.ptp(edges) <= EDGE_TOLERANCE * edges.max()):
        return None
    return shortest + float(np.mean(edges - shortest))


def split_specification(spec: str | Path) -> tuple[Path, int | None]:
    """Split ``FILE.npz#IDENTIFIER`` into the file and the identifier of a minimum.

    A file whose own name holds a ``#`` is taken as it is if it exists.

    Raises:
        InputError: what follows the ``#`` is not an identifier.
    """
    text = str(spec)
    name, mark, tail = text.rpartition("#")
    if not mark or Path(text).exists():
        return Path(text), None
    if not (tail.isascii() and tail.isdigit()):
        raise InputError(
            f"{text}: found {tail!r} after '#', expected the identifier of a minimum, "
            "as in minima.npz#12"
        )
    return Path(name), int(tail)


def read_configuration(
    spec: str | Path,
    diameter_from: Literal["charge"] | None = None,
    model: LammpsModel | None = None,
) -> Configuration:
    """Read one configuration, whatever its format.

    Args:
        spec: a file, or ``FILE.npz#IDENTIFIER`` for one minimum.
        diameter_from: ``"charge"`` takes the diameters from the charge column of LAMMPS data with
            ``atom_style charge``. Files of other formats hold diameters and do not look at it.
        model: a model of species, whose types LAMMPS data hold in place of diameters.

    Returns:
        The configuration; its ``source`` is ``spec``.

    Raises:
        InputError: the file is missing, malformed, or not a cubic periodic box of particles
            with diameters.
    """
    path, identifier = split_specification(spec)
    if not path.exists():
        raise InputError(f"{path} does not exist")
    if not path.is_file():
        raise InputError(f"{path} is not a file")
    kind = _format(path)
    if kind == "native":
        from tlsfind.interop.native import read_native

        return read_native(path, identifier)
    if identifier is not None:
        raise InputError(
            f"{spec}: '#{identifier}' names a minimum of a minima.npz, but {path} is {kind}"
        )
    if kind == "extended XYZ":
        from tlsfind.interop.extxyz import read_extxyz

        return read_extxyz(path)
    if model is not None:
        from tlsfind.interop.lammps_types import read_typed_configuration

        return read_typed_configuration(path, model)
    from tlsfind.interop.lammps_data import read_lammps_data

    return read_lammps_data(path, diameter_from)


def _format(path: Path) -> Literal["native", "extended XYZ", "LAMMPS data"]:
    """Which format a file has, by its suffix or else by its first lines."""
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return "native"
    if suffix in XYZ_SUFFIXES:
        return "extended XYZ"
    try:
        with path.open("rb") as handle:
            start = handle.readline(200)
            if start.strip().isdigit():
                return _after_a_number(handle)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    if start.startswith(b"PK\x03\x04"):
        return "native"
    return "LAMMPS data"


def _after_a_number(handle: BinaryIO) -> Literal["extended XYZ", "LAMMPS data"]:
    """Format of a file whose first line, already read, is one integer.

    It may be the number of particles of XYZ, or the title of LAMMPS data.
    """
    comment = handle.readline(_LINE)
    if b"Lattice=" in comment:
        return "extended XYZ"
    lines = [comment, *(handle.readline(_LINE) for _ in range(_HEADER_LINES))]
    if any(_LAMMPS_COUNT.fullmatch(line) for line in lines):
        return "LAMMPS data"
    return "extended XYZ"
