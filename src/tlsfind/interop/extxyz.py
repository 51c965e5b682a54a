"""Extended XYZ, written with every digit, and read by ASE.

The cell is cubic and periodic in all three directions, the column ``diameter`` or ``type`` is
needed: without diameters, particles with types have the diameter 1. What is written comes back
exactly (the writer of ASE has eight decimals, so it is not used). Species need not be chemical
elements; they are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tlsfind.configuration import Configuration
from tlsfind.errors import InputError
from tlsfind.interop import TILT_TOLERANCE, cubic_edge
from tlsfind.tables import atomic

#: A column of a frame: its name and its values, (N,) or (N, 3).
Column = tuple[str, np.ndarray]
#: Positions (N, 3), further columns, and entries of the second line.
Frame = tuple[np.ndarray, Sequence[Column], Mapping[str, Any]]

UNREADABLE = (
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
            columns ``diameter`` and ``type``, or its cell is missing, not cubic or not periodic.
    """
    atoms = _only_frame(Path(path))
    box = cell_edge(np.asarray(atoms.cell), np.asarray(atoms.pbc), str(path))
    types = atoms.arrays.get("type")
    diameters = atoms.arrays.get("diameter")
    if diameters is None and types is not None:
        diameters = np.ones(len(types))
    if diameters is None:
        columns = [name for name in atoms.arrays if name not in ("numbers", "positions")]
        others = f", besides positions it has {', '.join(columns)}" if columns else ""
        raise InputError(
            f"{path} lacks the column 'diameter'{others}; expected diameter:R:1 (or type:I:1 for "
            "species) in Properties"
        )
    if diameters.dtype.kind not in "fiu" or diameters.ndim != 1:
        raise InputError(
            f"{path}: the column 'diameter' is not one real number per particle, "
            "expected diameter:R:1 in Properties"
        )
    return Configuration(atoms.positions, diameters, box, str(path), types)


def write_extxyz(
    path: str | Path,
    configuration: Configuration,
    displacement: np.ndarray | None = None,
    info: Mapping[str, Any] | None = None,
) -> None:
    """Write one configuration as extended XYZ with the columns ``diameter`` and, if any, ``type``.

    Args:
        path: the file.
        configuration: the particles; positions are written as they are, not wrapped.
        displacement: (N, 3) vectors, written as the columns ``displacement``.
        info: further ``key=value`` entries of the frame: numbers, strings, lists.

    Raises:
        ValueError: the displacements' shape or a key of ``info`` does not fit.
    """
    columns: list[Column] = [("diameter", configuration.diameters)]
    if displacement is not None:
        displacement = np.asarray(displacement, dtype=np.float64)
        if displacement.shape != configuration.positions.shape:
            raise ValueError(
                f"displacement has shape {displacement.shape}, expected "
                f"{configuration.positions.shape}"
            )
        columns.append(("displacement", displacement))
    if configuration.types is not None:
        columns.append(("type", configuration.types))
    with atomic(path) as temporary:
        temporary.write_text(
            _frame(configuration.positions, configuration.box, columns, info or {}),
            encoding="utf-8",
        )


def write_frames(path: str | Path, frames: Iterable[Frame], box: float) -> None:
    """Write a trajectory as extended XYZ, which OVITO and ASE read as one.

    Args:
        path: the file.
        frames: positions (N, 3), further columns by name ((N,) or (N, 3)), and ``key=value``
            entries of each frame. Positions are written as they are, not wrapped.
        box: edge of the cubic box.

    Raises:
        ValueError: a key of the entries does not fit.
    """
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for positions, columns, info in frames:
            file.write(_frame(positions, box, columns, info))


def _frame(
    positions: np.ndarray, box: float, columns: Sequence[Column], info: Mapping[str, Any]
) -> str:
    """One frame, with species X, positions and further columns."""
    from ase.io.extxyz import key_val_dict_to_str

    properties = "species:S:1:pos:R:3"
    for name, values in columns:
        width = 1 if values.ndim == 1 else values.shape[1]
        properties += f":{name}:{'I' if values.dtype.kind == 'i' else 'R'}:{width}"
    lattice = " ".join(_real(x) for x in (box * np.eye(3)).ravel())
    comment = f'Lattice="{lattice}" Properties={properties} '
    if info:
        comment += key_val_dict_to_str({_key(k): _one_line(v) for k, v in info.items()}) + " "
    blocks = [positions, *(v[:, None] if v.ndim == 1 else v for _, v in columns)]
    lines = [str(len(positions)), comment + 'pbc="T T T"']
    lines += [
        " ".join(["X", *(words for block in blocks for words in _words(block[row]))])
        for row in range(len(positions))
    ]
    return "\n".join(lines) + "\n"


def _words(values: np.ndarray) -> list[str]:
    """Numbers of one particle as text."""
    if values.dtype.kind == "i":
        return [str(value) for value in values.tolist()]
    return [_real(value) for value in values.tolist()]


def _real(number: float) -> str:
    """A number with 17 significant digits, which are enough to get the same one back."""
    return f"{number:.16e}"


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
        with path.open(encoding="utf-8") as handle:
            frames = read_xyz(handle, index=slice(None), properties_parser=_parse_comment)
            for atoms in frames:
                first = atoms if first is None else first
                count += 1
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except UNREADABLE as error:
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


def cell_edge(cell: np.ndarray, periodic: np.ndarray, source: str) -> float:
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
    edge = cubic_edge(edges) if np.isfinite(cell).all() else None
    if edge is None or np.abs(cell - np.diag(edges)).max() > TILT_TOLERANCE * edge:
        found = " ".join(f"{x:g}" for x in cell.ravel())
        raise InputError(
            f'{source} has Lattice="{found}", expected a cubic box along the axes, '
            'Lattice="L 0 0 0 L 0 0 0 L"'
        )
    if not periodic.all():
        found = " ".join("T" if flag else "F" for flag in periodic)
        raise InputError(f'{source} has pbc="{found}", expected pbc="T T T"')
    return edge
