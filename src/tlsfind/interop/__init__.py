"""Reading and writing of configurations in the formats in use around the project.

========================  ======================================================================
format                    recognised by
========================  ======================================================================
project's own             suffix ``.npz``, or the first bytes of a zip archive; one minimum of a
                          ``minima.npz`` is named ``FILE.npz#IDENTIFIER``
extended XYZ              suffix ``.xyz`` or ``.extxyz``, or a first line that is one integer
LAMMPS data               everything else; ``atom_style sphere`` or ``charge``
========================  ======================================================================
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from tlsfind.configuration import Configuration
from tlsfind.errors import InputError

XYZ_SUFFIXES = (".xyz", ".extxyz")


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
    spec: str | Path, diameter_from: Literal["charge"] | None = None
) -> Configuration:
    """Read one configuration, whatever its format.

    Args:
        spec: a file, or ``FILE.npz#IDENTIFIER`` for one minimum.
        diameter_from: ``"charge"`` takes the diameters from the charge column of LAMMPS data with
            ``atom_style charge``. Files of other formats hold diameters and do not look at it.

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
    from tlsfind.interop.lammps_data import read_lammps_data

    return read_lammps_data(path, diameter_from)


def _format(path: Path) -> Literal["native", "extended XYZ", "LAMMPS data"]:
    """Which format a file has, by its suffix or else by its first line."""
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return "native"
    if suffix in XYZ_SUFFIXES:
        return "extended XYZ"
    try:
        with path.open("rb") as handle:
            start = handle.readline(200)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    if start.startswith(b"PK\x03\x04"):
        return "native"
    if start.strip().isdigit():
        return "extended XYZ"
    return "LAMMPS data"
