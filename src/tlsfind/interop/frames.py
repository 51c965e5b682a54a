"""Trajectories: the frames of LAMMPS text dumps and of extended XYZ, one after the other.

The format is told by the first line, compression by gzip by the first bytes; one frame at a time is
in memory. The frames of a file hold the same particles, sorted by id, in the same cubic periodic
box. Positions are shifted so that the box starts at the origin, and image flags are applied.

ASE parses the second line of extended XYZ. The rest is read here, because its reader stops without
a word at a blank line, passes over surplus columns, and names no line in its errors.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tlsfind.configuration import Configuration, check_same_particles
from tlsfind.errors import InputError
from tlsfind.interop.extxyz import UNREADABLE, cell_edge
from tlsfind.interop.frame_rows import FrameText, RawFrame, open_frames
from tlsfind.interop.lammps_dump import snapshots

#: Coordinate columns, those taken first that need no image flags: names, whether in units of the
#: box edge, whether image flags are still to be applied.
COORDINATES = (
    (("xu", "yu", "zu"), False, False),
    (("x", "y", "z"), False, True),
    (("xsu", "ysu", "zsu"), True, False),
    (("xs", "ys", "zs"), True, True),
)
IMAGES = ("ix", "iy", "iz")
STEPS = ("step", "timestep")

DiameterFrom = Literal["charge"]


@dataclass(frozen=True)
class Frame:
    """One frame of a trajectory.

    Attributes:
        number: its number in the file, from 1.
        step: its time step, or None if the file does not say.
        configuration: its particles, sorted by id, with types if the model has species.
        ids: (N,) ids of the particles; 1, 2, ... if the file does not say.
        units: ``units`` of LAMMPS, or None if the file does not say.
    """

    number: int
    step: int | None
    configuration: Configuration
    ids: np.ndarray
    units: str | None


def find_files(patterns: Iterable[str]) -> list[Path]:
    """The files that match any of the patterns, each once, in natural order (2 before 10).

    Raises:
        InputError: a pattern matches no file.
    """
    found: set[Path] = set()
    for pattern in patterns:
        files = [Path(name) for name in glob.glob(pattern, recursive=True)]
        files = [file for file in files if file.is_file()]
        if not files:
            raise InputError(f"no file matches {pattern!r} (working directory {Path.cwd()})")
        found.update(files)
    return natural_order(found)


def natural_order(files: Iterable[Path]) -> list[Path]:
    """Files sorted by name, numbers in names by their value."""

    def key(file: Path) -> tuple[list[tuple[str, int]], str]:
        parts = re.split(r"([0-9]+)", str(file))
        texts, numbers = parts[::2], [*map(int, parts[1::2]), -1]
        return list(zip(texts, numbers, strict=True)), str(file)

    return sorted(files, key=key)


def read_frames(
    path: str | Path,
    species: Mapping[str, float] | None = None,
    diameter_from: DiameterFrom | None = None,
) -> Iterator[Frame]:
    """The frames of a LAMMPS dump or of an extended XYZ file, one at a time.

    Args:
        path: the file, plain or gzipped.
        species: diameters of the model's species by name, in the order of the LAMMPS types 1, 2,
            ...; particles then have types, by number (``type``) or name (``element``,
            ``species``). None: the built-in model, whose particles come with their diameters.
        diameter_from: ``"charge"`` takes the diameters from the column ``q``.

    Raises:
        InputError: naming file, frame and line, what was found and what was expected. Frames
            differ in their particles or the box, or steps do not increase.
    """
    path = Path(path)
    with open_frames(path) as text:
        first = before = None
        for raw in _raw_frames(text):
            frame = _frame(raw, species, diameter_from)
            if first is None or before is None:
                first = frame
            else:
                check_same_ids(first, frame)
                _check_step(path, before, frame)
            before = frame
            yield frame
        if first is None:
            raise InputError(f"{path} holds no frame, expected at least one")


def check_same_ids(a: Frame, b: Frame) -> None:
    """Raise unless two frames hold the same particles, by their ids, in the same box.

    Raises:
        InputError: naming the first difference.
    """
    check_same_particles(a.configuration, b.configuration)
    differ = np.flatnonzero(a.ids != b.ids)
    if differ.size:
        raise InputError(
            f"{a.configuration.source} and {b.configuration.source} hold different particles: id "
            f"{a.ids[differ[0]]} in the first where the second has {b.ids[differ[0]]}"
        )


def _check_step(path: Path, before: Frame, frame: Frame) -> None:
    where = f"{path}, frame {frame.number}"
    if (before.step is None) != (frame.step is None):
        raise InputError(f"{where}: some frames have a step and some have none")
    if before.step is not None and frame.step is not None and frame.step <= before.step:
        raise InputError(
            f"{where}: step {frame.step} follows step {before.step}, expected steps that increase "
            "within a file; every file is one trajectory"
        )


def _raw_frames(text: FrameText) -> Iterator[RawFrame]:
    """All frames, in the format that the file's first line tells."""
    with open_frames(text.path) as start:
        line = (start.next_frame() or "").strip()
    if line.startswith("ITEM:"):
        return snapshots(text)
    if line.isdecimal() or not line:
        return xyz_frames(text)
    raise InputError(
        f"{text.path} begins with {line[:40]!r}, expected a LAMMPS text dump (ITEM: ...) or "
        "extended XYZ (the number of particles)"
    )


def xyz_frames(text: FrameText) -> Iterator[RawFrame]:
    """All frames of an extended XYZ file, as they stand there; ``species`` is named ``element``.

    Raises:
        InputError: naming file, frame, line, what was found and what was expected.
    """
    while (line := text.next_frame()) is not None:
        count = text.whole(line, "the number of particles", least=1)
        info = _comment(text, text.need("the line with Lattice and Properties"))
        box = _xyz_box(text, info)
        columns = _xyz_columns(text, str(info.get("Properties", "species:S:1:pos:R:3")))
        step = _xyz_step(text, info)
        yield RawFrame(text, columns, text.rows(count, len(columns)), box, step=step)


def _comment(text: FrameText, line: str) -> dict[str, Any]:
    from ase.io.extxyz import key_val_str_to_dict

    try:
        return key_val_str_to_dict(line)
    except UNREADABLE as error:
        text.refuse(f"{line.strip()[:60]!r} ({error})", "key=value entries of extended XYZ")


def _xyz_box(text: FrameText, info: Mapping[str, Any]) -> float:
    cell = np.asarray(info.get("Lattice", np.zeros((3, 3))))
    if cell.shape != (3, 3) or cell.dtype.kind not in "fiu":
        text.refuse(f"Lattice={info['Lattice']}", 'Lattice="L 0 0 0 L 0 0 0 L"')
    periodic = np.broadcast_to(np.asarray(info.get("pbc", True), dtype=bool), 3)
    return cell_edge(cell.astype(float), periodic, f"{text.path}, frame {text.frame}")


def _xyz_columns(text: FrameText, properties: str) -> tuple[str, ...]:
    """Names of the columns: those of ``Properties``, with ``pos`` as x, y, z."""
    fields = properties.split(":")
    columns: list[str] = []
    for name, width in zip(fields[::3], fields[2::3], strict=False):
        if len(fields) % 3 or not width.isdecimal():
            text.refuse(f"Properties={properties}", "NAME:TYPE:COLUMNS, separated by colons")
        if name == "pos" and width == "3":
            columns += ["x", "y", "z"]
        elif width == "1":
            columns.append({"species": "element"}.get(name, name))
        else:
            columns += [f"{name}_{k + 1}" for k in range(int(width))]
    if not columns or len(set(columns)) < len(columns):
        text.refuse(f"Properties={properties}", "names of columns, each once")
    return tuple(columns)


def _xyz_step(text: FrameText, info: Mapping[str, Any]) -> int | None:
    for name, value in info.items():
        if name.lower() in STEPS:
            number = np.asarray(value)
            if number.shape or number.dtype.kind not in "fiu" or number % 1 or number < 0:
                text.refuse(f"{name}={value}", "a whole number from 0")
            return int(number)
    return None


def _frame(
    raw: RawFrame, species: Mapping[str, float] | None, diameter_from: DiameterFrom | None
) -> Frame:
    text = raw.text
    source = f"{text.path}, frame {text.frame}"
    ids = _ids(raw)
    order = np.argsort(ids)
    positions = _positions(raw)[order]
    if species is None:
        types, diameters = None, _diameters(raw, source, diameter_from)[order]
    else:
        types = _types(raw, source, list(species))[order]
        diameters = np.array(list(species.values()))[types - 1]
    configuration = Configuration(positions, diameters, raw.box, source, types)
    return Frame(text.frame, raw.step, configuration, ids[order], raw.units)


def _ids(raw: RawFrame) -> np.ndarray:
    if "id" not in raw.columns:
        return np.arange(1, len(raw.rows) + 1)
    ids = raw.whole("id", least=1)
    _, first, count = np.unique(ids, return_index=True, return_counts=True)
    if (count > 1).any():
        row = int(np.setdiff1d(np.arange(len(ids)), first)[0])
        raw.refuse(row, "id", "every id once")
    return ids


def _positions(raw: RawFrame) -> np.ndarray:
    """Positions (N, 3) in the file's order, relative to the box's corner, images applied."""
    for names, scaled, flagged in COORDINATES:
        if set(names) <= set(raw.columns):
            positions = np.stack([raw.real(name) for name in names], axis=1)
            positions = positions * raw.box if scaled else positions - raw.low
            if flagged and set(IMAGES) <= set(raw.columns):
                images = np.stack([raw.whole(name) for name in IMAGES], axis=1)
                positions = positions + raw.box * images
            return positions
    kinds = " or ".join(" ".join(names) for names, _, _ in COORDINATES)
    raw.text.refuse(f"columns {' '.join(raw.columns)}", f"coordinates {kinds}", raw.line(0) - 1)


def _diameters(raw: RawFrame, source: str, diameter_from: DiameterFrom | None) -> np.ndarray:
    """Diameters (N,) in the file's order."""
    if diameter_from == "charge" and "q" in raw.columns:
        return raw.real("q")
    if "diameter" in raw.columns:
        return raw.real("diameter")
    if "radius" in raw.columns:
        return 2.0 * raw.real("radius")
    wanted = "a column q" if diameter_from == "charge" else "a column diameter or radius"
    hint = "; if q holds the diameters, use --diameter-from charge" if "q" in raw.columns else ""
    raise InputError(
        f"{source} has the columns {' '.join(raw.columns)}, expected {wanted}: the built-in model "
        f"is polydisperse{hint}"
    )


def _types(raw: RawFrame, source: str, names: list[str]) -> np.ndarray:
    """Types (N,) from 1 in the file's order, by number or by the names of the species.

    Names that are not of the model do not count where there are numbers: LAMMPS writes ``C`` for
    every element unless it is told them.
    """
    known = ", ".join(f"{k} {name}" for k, name in enumerate(names, start=1))
    expected = f"one of model.lammps.species: {known}"
    columns = [name for name in ("type", "element") if name in raw.columns]
    named = [name for name in columns if set(raw.words(name)) <= set(names)]
    numbers = None
    if columns[:1] == ["type"] and "type" not in named:
        numbers = raw.whole("type", least=1)
        if numbers.max() > len(names):
            raw.refuse(int(np.argmax(numbers > len(names))), "type", expected)
    if not named and numbers is not None:
        return numbers
    if not named and columns:
        wrong = [row for row, word in enumerate(raw.words("element")) if word not in names]
        raw.refuse(wrong[0], "element", expected)
    if not named:
        raise InputError(
            f"{source} has the columns {' '.join(raw.columns)}, expected type (by number) or "
            f"element (in XYZ species, by name), each {expected}"
        )
    types = np.array([names.index(word) + 1 for word in raw.words(named[0])])
    if numbers is not None and (numbers != types).any():
        row = int(np.argmax(numbers != types))
        raw.refuse(row, named[0], f"{names[numbers[row] - 1]}, as it is of type {numbers[row]}")
    return types
