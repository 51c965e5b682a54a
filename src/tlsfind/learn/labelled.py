"""Labelled tables: pairs with features and exact results, whatever run or paper they come from.

A training of the loop writes one, ``tlsfind import authors`` writes one; evaluation, simulated
loops, explanation and warm starts read them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tlsfind import tables
from tlsfind.errors import InputError
from tlsfind.pairs.keys import KEYS

_DISPLACEMENT = re.compile(r"displacement_(\d+)")


@dataclass(frozen=True)
class Labelled:
    """A labelled table in memory.

    Args:
        frame: columns of :func:`tlsfind.tables.labelled_columns`; ``quantum_splitting`` and
            ``barrier`` are NaN where they are null in the file.
        features: names of the features.
        unit_system: unit system of E_qs.
    """

    frame: pd.DataFrame
    features: list[str]
    unit_system: str

    @property
    def particles(self) -> int:
        """M, the number of displacements among the features."""
        return sum(bool(_DISPLACEMENT.fullmatch(name)) for name in self.features)

    @property
    def is_double_well(self) -> np.ndarray:
        """Whether each pair is a double well, shape (n,), bool."""
        return self.frame["is_double_well"].to_numpy(dtype=bool)

    @property
    def splitting(self) -> np.ndarray:
        """Exact E_qs, shape (n,); NaN unless a double well whose E_qs is known."""
        return self.frame["quantum_splitting"].to_numpy(dtype=float)

    @property
    def glasses(self) -> np.ndarray:
        """Name of the glass of each pair, shape (n,)."""
        return self.frame["glass"].to_numpy()

    def is_tls(self, threshold: float) -> np.ndarray:
        """Whether each pair is a double well with E_qs below ``threshold``, shape (n,), bool."""
        return self.is_double_well & (np.nan_to_num(self.splitting, nan=np.inf) < threshold)


def read(path: Path | str, particles: int | None = None) -> Labelled:
    """Read and check a labelled table.

    Args:
        path: the table.
        particles: M that the features must have; whatever the table has if None.

    Raises:
        InputError: the file is missing or damaged, lacks a column, has another M, or :func:`check`
            finds fault with its content.
    """
    names = tables.open_file(path).schema_arrow.names
    numbers = [int(m.group(1)) for m in map(_DISPLACEMENT.fullmatch, names) if m]
    found = max(numbers, default=1)
    if particles is not None and found != particles:
        raise InputError(
            f"labelled table {path} has the displacements of {found} particles, expected "
            f"{particles} (pairs.particles)"
        )
    columns = [name for name, _, _ in tables.labelled_columns(found)]
    return check(tables.read(path, only=columns), tables.feature_names(found), str(path))


def check(frame: pd.DataFrame, features: list[str], source: str) -> Labelled:
    """A labelled table from a frame with its columns.

    Args:
        frame: columns of :func:`tlsfind.tables.labelled_columns`.
        features: names of the features.
        source: where it comes from, for messages.

    Raises:
        InputError: no rows, no key, verdict or unit system, a pair twice, features or E_qs that are
            not finite and positive where they must be, or more than one unit system.
    """
    if not len(frame):
        raise InputError(f"labelled table {source} has no rows, expected at least one")
    for name in (*KEYS, "is_double_well", "unit_system"):
        null = frame[name].isna()
        if null.any():
            raise InputError(
                f"{null.sum()} rows in {source} have no {name}, the first is {_name(frame, null)}"
            )
    twice = frame.duplicated(KEYS)
    if twice.any():
        raise InputError(f"pair {_name(frame, twice)} stands more than once in {source}")
    bad = ~np.isfinite(frame[features].to_numpy(dtype=float)).all(axis=1)
    if bad.any():
        raise InputError(
            f"{bad.sum()} pairs in {source} have a feature that is not a finite number, the first "
            f"is {_name(frame, pd.Series(bad, index=frame.index))}"
        )
    splitting = frame["quantum_splitting"].astype(float).where(frame["is_double_well"].astype(bool))
    wrong = splitting.notna() & ~(np.isfinite(splitting) & (splitting > 0))
    if wrong.any():
        raise InputError(
            f"pair {_name(frame, wrong)} in {source} has E_qs = {splitting[wrong].iloc[0]:g}, "
            "expected a positive number"
        )
    units = frame["unit_system"].astype(str).unique()
    if len(units) != 1:
        raise InputError(f"{source} holds E_qs in {', '.join(units)}, expected one unit system")
    frame = frame.astype({"glass": str, "is_double_well": bool, "barrier": float})
    frame = frame.assign(quantum_splitting=splitting)
    return Labelled(frame.reset_index(drop=True), features, str(units[0]))


def _name(frame: pd.DataFrame, rows: pd.Series) -> str:
    return ", ".join(str(value) for value in frame.loc[rows, KEYS].iloc[0])


def write(
    frame: pd.DataFrame, path: Path, particles: int, seed: int, config_hash: str = ""
) -> None:
    """Write a labelled table atomically; ``frame`` holds its columns, in any order."""
    schema = tables.schema("labelled", tables.labelled_columns(particles))
    tables.write(frame, path, tables.stamped(schema, config_hash, seed))
