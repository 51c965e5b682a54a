"""The text of LAMMPS data files: written anew, or a user's file with other positions.

A user's file is kept line by line, so that bonds, charges and coefficients survive; only the box
(shifted to begin at the origin), the coordinates and the image flags are replaced.
https://docs.lammps.org/read_data.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlsfind.errors import InputError
from tlsfind.interop import cubic_edge

#: First coordinate column of an Atoms line, by atom_style.
COORDINATES = {
    "atomic": 2,
    "charge": 3,
    "sphere": 4,
    "bond": 3,
    "angle": 3,
    "molecular": 3,
    "full": 4,
}
#: Column of the type.
TYPES = {"bond": 2, "angle": 2, "molecular": 2, "full": 2}
#: Styles for which a data file can be written from positions and types alone.
WRITABLE = ("atomic", "charge", "sphere")

_SECTION = re.compile(r"[A-Z][A-Za-z]*( [A-Z][A-Za-z]*)*")
_COUNT = re.compile(r"(\d+)\s+(atoms|atom types)\b")
_BOX = re.compile(r"(\S+)\s+(\S+)\s+([xyz])lo\s+\3hi\b")


@dataclass(frozen=True)
class DataFile:
    """A data file, ready to get other positions.

    Attributes:
        path: where it came from.
        lines: its lines.
        atoms: (N,) index of each particle's line, by id.
        types: (N,) types by id.
        masses: masses by type, None without a section ``Masses``.
        columns: first coordinate column.
        box: edge of the box.
        n_types: number of types that it declares.
        sections: names of its sections.
        own_masses: (N,) masses of ``atom_style sphere``, else None.
    """

    path: Path
    lines: list[str]
    atoms: np.ndarray
    types: np.ndarray
    masses: np.ndarray | None
    columns: int
    box: float
    n_types: int
    sections: tuple[str, ...]
    own_masses: np.ndarray | None

    def check_alike(self) -> None:
        """Raise an InputError unless particles of a type agree in charge, diameter and density.

        For atom styles without bonds, whose lines have these between type and x.
        """
        seen: dict[int, list[str]] = {}
        for row, kind in zip(self.atoms, self.types.tolist(), strict=True):
            found = self.lines[row].split("#")[0].split()[2 : self.columns]
            known = seen.setdefault(kind, found)
            if [float(x) for x in known] != [float(x) for x in found]:
                raise InputError(
                    f"{self.path}: particles of type {kind} have {' '.join(known)} and "
                    f"{' '.join(found)} between type and x, expected the same: particles of one "
                    "type count as identical, so give those that differ types of their own"
                )

    def text(self, positions: np.ndarray) -> str:
        """The file with ``positions`` (N, 3), which must lie in the box [0, L)."""
        lines = list(self.lines)
        for k, line in enumerate(lines):
            match = _BOX.match(line.strip())
            if match:
                lines[k] = f"0.0 {self.box!r} {match[3]}lo {match[3]}hi"
        for place, row in zip(positions.tolist(), self.atoms, strict=True):
            words = lines[row].split("#")[0].split()
            first = self.columns
            rest = words[first + 3 :]
            if len(rest) >= 3 and all(re.fullmatch(r"[+-]?\d+", word) for word in rest[-3:]):
                rest = rest[:-3]
            coordinates = [repr(x) for x in place]
            lines[row] = " ".join([*words[:first], *coordinates, *rest])
        return "\n".join(lines) + "\n"


def new_text(
    positions: np.ndarray,
    box: float,
    types: np.ndarray,
    masses_by_type: np.ndarray,
    atom_style: str,
    radii: np.ndarray | None,
) -> str:
    """A data file of ``positions`` (N, 3) in the box [0, L), in full precision.

    In ``atom_style sphere`` the density makes each particle's mass that of its type; a charge is 0.
    """
    n = len(positions)
    lines = [f"written by tlsfind, atom_style {atom_style}", "", f"{n} atoms"]
    lines += [f"{len(masses_by_type)} atom types", ""]
    lines += [f"0.0 {box!r} {axis}lo {axis}hi" for axis in "xyz"]
    if atom_style != "sphere":
        lines += ["", "Masses", ""]
        lines += [f"{k + 1} {float(mass)!r}" for k, mass in enumerate(masses_by_type)]
    middle = [""] * n
    if atom_style == "charge":
        middle = ["0.0 "] * n
    elif atom_style == "sphere":
        if radii is None:
            raise ValueError("atom_style sphere needs radii")
        density = masses_by_type[types - 1] * 6.0 / (np.pi * (2.0 * radii) ** 3)
        pairs = zip((2.0 * radii).tolist(), density.tolist(), strict=True)
        middle = [f"{diameter!r} {rho!r} " for diameter, rho in pairs]
    lines += ["", f"Atoms # {atom_style}", ""]
    for i, (x, y, z) in enumerate(positions.tolist()):
        lines.append(f"{i + 1} {types[i]} {middle[i]}{x!r} {y!r} {z!r}")
    return "\n".join(lines) + "\n"


def read_data_file(path: str | Path, atom_style: str) -> DataFile:
    """Read the data file ``path`` of ``atom_style``.

    Raises:
        InputError: the file is missing, not a data file of that style, or its box is not cubic.
    """
    path = Path(path)
    if atom_style not in COORDINATES:
        raise InputError(
            f"{path}: atom_style {atom_style!r} is not known here, expected one of "
            f"{', '.join(COORDINATES)}"
        )
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    header, sections = _split(lines)
    counts, edges = _header(path, lines, header)
    box = _cubic(path, edges)
    n = counts["atoms"]
    if "Atoms" not in sections or len(sections["Atoms"]) != n:
        found = len(sections.get("Atoms", []))
        raise InputError(f"{path}: {found} lines in the section Atoms, expected {n}")
    rows = np.array(sections["Atoms"])
    words = [lines[row].split("#")[0].split() for row in rows]
    first, kind = COORDINATES[atom_style], TYPES.get(atom_style, 1)
    try:
        ids = np.array([int(line[0]) for line in words])
        types = np.array([int(line[kind]) for line in words])
        [[float(x) for x in line[first : first + 3]] for line in words]
        if min(len(line) for line in words) < first + 3:
            raise ValueError(f"fewer than {first + 3} columns")
        masses = _masses(lines, sections.get("Masses"))
        own = None
        if atom_style == "sphere":
            sizes = np.array([[float(x) for x in line[2:4]] for line in words])
            own = np.pi / 6.0 * sizes[:, 0] ** 3 * sizes[:, 1]
    except (ValueError, IndexError) as error:
        raise InputError(f"{path}: not a data file of atom_style {atom_style}: {error}") from None
    if masses is not None and len(masses) != counts["atom types"]:
        raise InputError(
            f"{path}: {len(masses)} masses and {counts['atom types']} atom types, expected as many"
        )
    order = np.argsort(ids)
    if not np.array_equal(ids[order], np.arange(1, n + 1)):
        raise InputError(f"{path}: the ids of the particles are not 1 to {n}, each once")
    return DataFile(
        path, lines, rows[order], types[order].astype(np.int32), masses, first, box,
        counts["atom types"], tuple(sections), None if own is None else own[order],
    )  # fmt: skip


def _split(lines: list[str]) -> tuple[list[int], dict[str, list[int]]]:
    """Indices of the header's lines and of the lines of each section."""
    header: list[int] = []
    sections: dict[str, list[int]] = {}
    current = header
    for k, line in enumerate(lines[1:], start=1):
        content = line.split("#")[0].strip()
        if not content:
            continue
        if _SECTION.fullmatch(content):
            current = sections.setdefault(content, [])
        else:
            current.append(k)
    return header, sections


def _header(
    path: Path, lines: list[str], header: list[int]
) -> tuple[dict[str, int], dict[str, tuple[float, float]]]:
    counts: dict[str, int] = {}
    edges: dict[str, tuple[float, float]] = {}
    for k in header:
        content = lines[k].split("#")[0].strip()
        if match := _COUNT.match(content):
            counts[match[2]] = int(match[1])
        elif match := _BOX.match(content):
            try:
                edges[match[3]] = (float(match[1]), float(match[2]))
            except ValueError:
                raise InputError(f"{path}, line {k + 1}: {content!r} is no edge of a box") from None
        elif content.endswith("xy xz yz") and any(float(x) for x in content.split()[:3]):
            raise InputError(f"{path}, line {k + 1}: a tilted box, expected a cubic one")
    for name in ("atoms", "atom types"):
        if name not in counts:
            raise InputError(f"{path}: the header has no line '<number> {name}'")
    return counts, edges


def _cubic(path: Path, edges: dict[str, tuple[float, float]]) -> float:
    if set(edges) != set("xyz"):
        raise InputError(f"{path}: the header lacks xlo xhi, ylo yhi or zlo zhi")
    lengths = np.array([high - low for low, high in edges.values()])
    edge = cubic_edge(lengths)
    if edge is None:
        raise InputError(f"{path}: box edges {lengths.tolist()}, expected a cubic box")
    return edge


def _masses(lines: list[str], rows: list[int] | None) -> np.ndarray | None:
    """Masses by type; whether there are enough is seen from the number of types."""
    if rows is None:
        return None
    pairs = [lines[row].split("#")[0].split()[:2] for row in rows]
    masses = {int(number): float(mass) for number, mass in pairs}
    if sorted(masses) != list(range(1, len(rows) + 1)):
        raise ValueError(f"masses of the types {sorted(masses)}, expected each from 1 once")
    return np.array([masses[k] for k in sorted(masses)])
