"""Files of many frames, written as LAMMPS and others write them, for the tests."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np


def real(number: float) -> str:
    return f"{number:.17g}"


def write_dump(
    path: Path,
    frames: Iterable[tuple[int, np.ndarray]],
    box: float,
    extra: dict[str, Sequence],
    coordinates: str = "xu yu zu",
    low: float = 0.0,
    shuffle: int | None = None,
    header: Sequence[str] = (),
    bounds: str = "pp pp pp",
) -> Path:
    """Write a dump as ``dump custom`` does.

    Args:
        path: the file; gzipped if it ends in .gz.
        frames: steps and unwrapped positions (N, 3) in a box that begins at the origin.
        box: edge of the box.
        extra: further columns by name, (N,) each.
        coordinates: columns of coordinates; wrapped if they begin with x or xs.
        low: lower corner of the box in the file.
        shuffle: seed of another order of the particles in every frame.
        header: lines above the first frame.
        bounds: what stands behind BOX BOUNDS.
    """
    lines = list(header)
    rng = np.random.default_rng(shuffle)
    for step, positions in frames:
        columns = {"id": np.arange(1, len(positions) + 1), **extra}
        images = np.floor(positions / box).astype(int)
        for name in coordinates.split():
            axis = "xyz".index(name[0] if name[0] != "i" else name[1])
            if name[0] == "i":
                columns[name] = images[:, axis]
                continue
            values = positions[:, axis]
            if "u" not in name:
                values = values - box * images[:, axis]
            columns[name] = values / box if "s" in name else values + low
        order = np.arange(len(positions)) if shuffle is None else rng.permutation(len(positions))
        lines += ["ITEM: TIMESTEP", str(step), "ITEM: NUMBER OF ATOMS", str(len(positions))]
        tilt = " 0.0" if bounds.startswith("xy") else ""
        lines += [f"ITEM: BOX BOUNDS {bounds}", *[f"{real(low)} {real(low + box)}{tilt}"] * 3]
        lines += ["ITEM: ATOMS " + " ".join(columns) + " "]
        for k in order:
            words = [v[k] if isinstance(v[k], str) else real(v[k]) for v in columns.values()]
            lines.append(" ".join(words) + " ")
    return write_lines(path, lines)


def write_xyz(
    path: Path,
    frames: Iterable[tuple[int | None, np.ndarray]],
    box: float,
    columns: dict[str, Sequence],
    step_key: str = "step",
    lattice: str | None = None,
) -> Path:
    """Write extended XYZ; columns of words are S, of whole numbers I, of others R."""
    lines = []
    cell = lattice or f"{real(box)} 0 0 0 {real(box)} 0 0 0 {real(box)}"
    kinds = {name: {"U": "S", "i": "I"}.get(np.asarray(v).dtype.kind, "R") for name, v in
             columns.items()}  # fmt: skip
    names = ":".join([*(f"{name}:{kind}:1" for name, kind in kinds.items()), "pos:R:3"])
    for step, positions in frames:
        entry = "" if step is None else f" {step_key}={step}"
        lines += [str(len(positions)), f'Lattice="{cell}" Properties={names}{entry} pbc="T T T"']
        for k, place in enumerate(positions):
            words = [str(v[k]) if kinds[n] != "R" else real(v[k]) for n, v in columns.items()]
            lines.append(" ".join([*words, *map(real, place)]))
    return write_lines(path, lines)


def write_lines(path: Path, lines: Sequence[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path
