"""The project's own format: ``glass.npz`` (a prepared glass) and ``minima.npz`` (many minima).

Both are uncompressed NumPy archives (:mod:`tlsfind.interop.archive`).

``glass.npz``: positions (N, 3), velocities (N, 3), diameters (N,), box, glass, temperature,
preparation_temperature, and further keys that the preparation may add.

``minima.npz``: positions (n, N, 3), energies (n,), max_forces (n,), minimum (n,), diameters (N,),
box, glass.

Both have the key ``types`` (N,) where particles of one type are identical.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tlsfind.configuration import Configuration, checked_types
from tlsfind.errors import InputError
from tlsfind.interop import archive

CONFIGURATION_KEYS = ("positions", "diameters", "box")
GLASS_INFO_KEYS = ("glass", "temperature", "preparation_temperature")
GLASS_KEYS = (*CONFIGURATION_KEYS, "velocities", *GLASS_INFO_KEYS)
MINIMA_KEYS = (*CONFIGURATION_KEYS, "energies", "max_forces", "minimum", "glass")


@dataclass(frozen=True)
class Minima:
    """Minima of one glass: the same particles at n sets of positions, in reduced units.

    Attributes:
        positions: (n, N, 3) float64.
        energies: (n,) total energies.
        max_forces: (n,) largest force components.
        minimum: (n,) int32 identifiers, all different.
        diameters: (N,) float64.
        box: edge length of the cubic box.
        glass: name of the glass.
        source: the file, for messages.
        types: (N,) int32 types of the particles, or None.
    """

    positions: np.ndarray
    energies: np.ndarray
    max_forces: np.ndarray
    minimum: np.ndarray
    diameters: np.ndarray
    box: float
    glass: str
    source: str = field(default="minima", compare=False)
    types: np.ndarray | None = None

    def __post_init__(self) -> None:
        for name in ("positions", "energies", "max_forces", "diameters"):
            array = np.ascontiguousarray(getattr(self, name), dtype=np.float64)
            object.__setattr__(self, name, array)
        object.__setattr__(self, "minimum", np.ascontiguousarray(self.minimum, dtype=np.int32))
        object.__setattr__(self, "box", float(self.box))
        object.__setattr__(self, "glass", str(self.glass))
        if self.positions.ndim != 3 or self.positions.shape[2] != 3:
            raise InputError(
                f"{self.source}: positions have shape {self.positions.shape}, expected (n, N, 3)"
            )
        count, particles = self.positions.shape[:2]
        expected = {"energies": count, "max_forces": count, "minimum": count}
        for name, length in {**expected, "diameters": particles}.items():
            shape = getattr(self, name).shape
            if shape != (length,):
                raise InputError(
                    f"{self.source}: {name} has shape {shape}, expected ({length},) beside "
                    f"positions of shape {self.positions.shape}"
                )
        if len(np.unique(self.minimum)) != count:
            raise InputError(f"{self.source}: an identifier occurs twice in 'minimum'")
        object.__setattr__(self, "types", checked_types(self.types, particles, self.source))

    def __len__(self) -> int:
        return len(self.positions)

    def row(self, identifier: int) -> int:
        """The row that holds the minimum ``identifier``.

        Raises:
            InputError: there is no such minimum.
        """
        rows = np.flatnonzero(self.minimum == identifier)
        if not rows.size:
            raise InputError(
                f"{self.source}: no minimum {identifier}, expected one of {_spread(self.minimum)}"
            )
        return int(rows[0])

    def configuration(self, identifier: int) -> Configuration:
        """The minimum ``identifier`` as a configuration.

        Raises:
            InputError: there is no such minimum, or its positions are not finite.
        """
        row = self.row(identifier)
        source = f"{self.source}#{identifier}"
        positions = np.array(self.positions[row])
        return Configuration(positions, self.diameters, self.box, source, self.types)


def save_glass(
    path: str | Path,
    configuration: Configuration,
    velocities: np.ndarray,
    info: Mapping[str, Any],
) -> None:
    """Write a ``glass.npz``.

    Args:
        path: the file.
        configuration: the particles.
        velocities: (N, 3) velocities.
        info: at least ``glass``, ``temperature`` and ``preparation_temperature``; strings,
            numbers or arrays.

    Raises:
        ValueError: the velocities' shape or the keys of ``info`` do not fit.
    """
    velocities = np.asarray(velocities, dtype=np.float64)
    if velocities.shape != configuration.positions.shape:
        raise ValueError(
            f"velocities have shape {velocities.shape}, expected {configuration.positions.shape}"
        )
    missing = [key for key in GLASS_INFO_KEYS if key not in info]
    taken = [key for key in (*CONFIGURATION_KEYS, "velocities", "types") if key in info]
    if missing or taken:
        raise ValueError(f"info lacks {missing} and must not have {taken}")
    archive.save(
        path,
        {
            "positions": configuration.positions,
            "velocities": velocities,
            "diameters": configuration.diameters,
            "box": configuration.box,
            **_types_if_any(configuration.types),
            **info,
        },
    )


def load_glass(path: str | Path) -> tuple[Configuration, np.ndarray, dict[str, Any]]:
    """Read a ``glass.npz``.

    Returns:
        The configuration, the velocities (N, 3), and everything else in the file by key:
        scalars as Python values, the rest as arrays.

    Raises:
        InputError: the file is missing, truncated, lacks a key or holds senseless numbers.
    """
    arrays = archive.load(path, GLASS_KEYS)
    configuration = _configuration(arrays, str(path))
    velocities = _floats(arrays, "velocities", path)
    if velocities.shape != configuration.positions.shape:
        raise InputError(
            f"{path}: velocities have shape {velocities.shape}, expected "
            f"{configuration.positions.shape}"
        )
    if not np.isfinite(velocities).all():
        raise InputError(f"{path}: NaN or infinite velocities, expected finite numbers")
    rest = set(arrays) - {*CONFIGURATION_KEYS, "velocities", "types"}
    info = {key: a.item() if (a := arrays[key]).ndim == 0 else a for key in sorted(rest)}
    return configuration, velocities, info


def save_minima(path: str | Path, minima: Minima) -> None:
    """Write a ``minima.npz``."""
    arrays = {key: getattr(minima, key) for key in MINIMA_KEYS}
    archive.save(path, {**arrays, **_types_if_any(minima.types)})


def load_minima(path: str | Path) -> Minima:
    """Read a ``minima.npz`` into memory.

    Raises:
        InputError: the file is missing, truncated, damaged, lacks a key, or its arrays do not fit.
    """
    return _minima(archive.load(path, MINIMA_KEYS), path)


def open_minima(path: str | Path) -> Minima:
    """A ``minima.npz`` with its positions mapped, read-only: only those that are used are read.

    A glass of the paper has 10^4 minima, 0.4 GB, of which a path or an export needs two.

    Raises:
        InputError: the file is missing, truncated, lacks a key, or its arrays do not fit.
    """
    return _minima(archive.load(path, MINIMA_KEYS, mapped=["positions"]), path)


def read_minima(path: str | Path, identifiers: Sequence[int]) -> list[Configuration]:
    """Some minima of a ``minima.npz``, in the order of ``identifiers``.

    Raises:
        InputError: as for :func:`open_minima`, or a minimum is missing or not finite.
    """
    minima = open_minima(path)
    return [minima.configuration(identifier) for identifier in identifiers]


def stream_positions(path: str | Path) -> Iterator[np.ndarray]:
    """The positions (N, 3) of the minima of a ``minima.npz``, one minimum in memory at a time.

    Raises:
        InputError: the file is missing, truncated or damaged.
    """
    for positions in archive.rows(path, "positions"):
        yield _floats({"positions": positions}, "positions", path)


def _minima(arrays: Mapping[str, np.ndarray], path: str | Path) -> Minima:
    """The content of a ``minima.npz``, checked."""
    identifiers = arrays["minimum"]
    if identifiers.dtype.kind not in "iu":
        raise InputError(f"{path}: 'minimum' holds {identifiers.dtype}, expected integers")
    return Minima(
        positions=_floats(arrays, "positions", path),
        energies=_floats(arrays, "energies", path),
        max_forces=_floats(arrays, "max_forces", path),
        minimum=identifiers,
        diameters=_floats(arrays, "diameters", path),
        box=_box(arrays, str(path)),
        glass=str(arrays["glass"]),
        source=str(path),
        types=arrays.get("types"),
    )


def read_native(path: str | Path, identifier: int | None = None) -> Configuration:
    """Read the particles of a ``glass.npz``, or one minimum of a ``minima.npz``.

    Raises:
        InputError: as for the loaders, or an identifier is given for a glass, or missing for
            minima.
    """
    if "minimum" in archive.keys(path):
        minima = open_minima(path)
        if identifier is None:
            raise InputError(
                f"{path} holds {len(minima)} minima, expected {path}#IDENTIFIER with one of "
                f"{_spread(minima.minimum)}"
            )
        return minima.configuration(identifier)
    if identifier is not None:
        raise InputError(
            f"{path}#{identifier}: the file holds one configuration, expected no '#{identifier}'"
        )
    return _configuration(archive.load(path, CONFIGURATION_KEYS), str(path))


def _spread(identifiers: np.ndarray) -> str:
    """A few of many identifiers, for messages."""
    ordered = [str(i) for i in np.sort(identifiers)]
    if not ordered:
        return "none (the file is empty)"
    return ", ".join(ordered if len(ordered) <= 6 else [*ordered[:3], "...", ordered[-1]])


def _types_if_any(types: np.ndarray | None) -> dict[str, np.ndarray]:
    """The key ``types`` of an archive, left out where there are none."""
    return {} if types is None else {"types": types}


def _floats(arrays: Mapping[str, np.ndarray], key: str, path: str | Path) -> np.ndarray:
    array = arrays[key]
    if array.dtype.kind not in "fiu":
        raise InputError(f"{path}: {key!r} holds {array.dtype}, expected real numbers")
    return array.astype(np.float64, copy=False)


def _box(arrays: Mapping[str, np.ndarray], source: str) -> float:
    box = _floats(arrays, "box", source)
    if box.size != 1:
        raise InputError(
            f"{source}: box has shape {box.shape}, expected one number, the edge of a cubic box"
        )
    return float(box.reshape(()))


def _configuration(arrays: Mapping[str, np.ndarray], source: str) -> Configuration:
    return Configuration(
        _floats(arrays, "positions", source),
        _floats(arrays, "diameters", source),
        _box(arrays, source),
        source,
        arrays.get("types"),
    )
