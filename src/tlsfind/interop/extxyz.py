"""Extended XYZ, read and written by ASE.

The cell is cubic and periodic in all three directions, the column ``diameter`` is needed. ASE
writes eight decimals, so positions and diameters come back to 5e-9; the box comes back exactly.
Species need not be chemical elements; they are not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tlsfind.configuration import Configuration
from tlsfind.errors import InputError
from tlsfind.tables import atomic

#: Relative difference of edges, and relative size of off-diagonal elements, of a cubic cell.
CUBIC_TOLERANCE = 1e-8

_UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    AssertionError,
)


def read_extxyz(path: str | Path) -> Configuration:
    """Read the one frame of an extended XYZ file.

    Raises:
        InputError: the file is not extended XYZ, does not hold exactly one frame, lacks the
            column ``diameter``, or its cell is missing, not cubic or not periodic.
    """
    atoms = _only_frame(Path(path))
    box = _cubic_edge(np.asarray(atoms.cell), np.asarray(atoms.pbc), str(path))
    diameters = atoms.arrays.get("diameter")
    if diameters is None:
        columns = [name for name in atoms.arrays if name not in ("numbers", "positions")]
        others = f", besides positions it has {', '.join(columns)}" if columns else ""
        raise InputError(
            f"{path} lacks the column 'diameter'{others}; expected diameter:R:1 in Properties"
        )
    if diameters.dtype.kind not in "fiu" or diameters.ndim != 1:
        raise InputError(
            f"{path}: the column 'diameter' is not one real number per particle, "
            "expected diameter:R:1 in Properties"
        )
    return Configuration(atoms.positions, diameters, box, str(path))


def write_extxyz(
    path: str | Path,
    configuration: Configuration,
    displacement: np.ndarray | None = None,
    info: Mapping[str, Any] | None = None,
) -> None:
    """Write one configuration as extended XYZ with the column ``diameter``.

    Args:
        path: the file.
        configuration: the particles; positions are written as they are, not wrapped.
        displacement: (N, 3) vectors, written as the columns ``displacement``.
        info: further ``key=value`` entries of the frame: numbers, strings, lists.

    Raises:
        ValueError: the displacements' shape or a key of ``info`` does not fit.
    """
    from ase import Atoms
    from ase.io import write

    atoms = Atoms(
        numbers=np.zeros(len(configuration), dtype=int),
        positions=configuration.positions,
        cell=configuration.box * np.eye(3),
        pbc=True,
    )
    atoms.new_array("diameter", configuration.diameters)
    columns = ["symbols", "positions", "diameter"]
    if displacement is not None:
        displacement = np.asarray(displacement, dtype=np.float64)
        if displacement.shape != configuration.positions.shape:
            raise ValueError(
                f"displacement has shape {displacement.shape}, expected "
                f"{configuration.positions.shape}"
            )
        atoms.new_array("displacement", displacement)
        columns.append("displacement")
    atoms.info = {_key(key): _one_line(value) for key, value in (info or {}).items()}
    with atomic(path) as temporary, temporary.open("w") as handle:
        write(handle, atoms, format="extxyz", columns=columns)


def _key(key: str) -> str:
    if not key or key in ("Lattice", "Properties", "pbc") or set(key) & set(" =\"'{}[]\n\t"):
        raise ValueError(f"{key!r} cannot be a key of an extended XYZ frame")
    return key


def _one_line(value: Any) -> Any:
    return " ".join(value.split()) if isinstance(value, str) else value


def _only_frame(path: Path) -> Any:
    """The ASE Atoms of a file's only frame.

    Raises:
        InputError: the file cannot be read, or has no or several frames.
    """
    from ase.io.extxyz import read_xyz

    first, count = None, 0
    try:
        with path.open() as handle:
            frames = read_xyz(handle, index=slice(None), properties_parser=_parse_comment)
            for atoms in frames:
                first = atoms if first is None else first
                count += 1
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except _UNREADABLE as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        where = f" (frame {count + 1})" if count else ""
        raise InputError(f"{path} is not readable as extended XYZ{where}: {reason}") from None
    if count != 1:
        raise InputError(f"{path} holds {count} frames, expected exactly one")
    return first


def _parse_comment(line: str) -> dict[str, Any]:
    """ASE's parser of the second line, with species kept as plain text.

    ASE takes the column ``species`` for chemical elements and stops at names such as ``A``.
    """
    from ase.io.extxyz import key_val_str_to_dict

    info = key_val_str_to_dict(line)
    fields = str(info.get("Properties", "species:S:1:pos:R:3")).split(":")
    fields[::3] = ["label" if name == "species" else name for name in fields[::3]]
    info["Properties"] = ":".join(fields)
    return info


def _cubic_edge(cell: np.ndarray, periodic: np.ndarray, source: str) -> float:
    """The edge of a cubic, fully periodic cell.

    Args:
        cell: (3, 3) cell vectors as rows.
        periodic: (3,) flags.
        source: the file, for messages.

    Raises:
        InputError: the cell is missing, not cubic, or not periodic in all directions.
    """
    if not cell.any():
        raise InputError(
            f'{source} has no Lattice, expected Lattice="L 0 0 0 L 0 0 0 L" in its second line'
        )
    edges = np.diag(cell)
    off_diagonal = np.abs(cell - np.diag(edges)).max()
    longest = np.abs(cell).max()
    cubic = (
        np.isfinite(cell).all()
        and edges.min() > 0
        and off_diagonal <= CUBIC_TOLERANCE * longest
        and np.ptp(edges) <= CUBIC_TOLERANCE * longest
    )
    if not cubic:
        found = " ".join(f"{x:g}" for x in cell.ravel())
        raise InputError(
            f'{source} has Lattice="{found}", expected a cubic box along the axes, '
            'Lattice="L 0 0 0 L 0 0 0 L"'
        )
    if not periodic.all():
        found = " ".join("T" if flag else "F" for flag in periodic)
        raise InputError(f'{source} has pbc="{found}", expected pbc="T T T"')
    return float(edges[0])
