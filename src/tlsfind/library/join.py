"""Features of chosen pairs, looked up in pairs tables that are never held in memory whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from tlsfind import tables
from tlsfind.errors import InputError

KEYS = ["glass", "minimum_a", "minimum_b"]


def _combined(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Two identifiers of up to 31 bits as one number of 64 bits; shape (n,)."""
    return (first.astype(np.int64) << 32) | second.astype(np.int64)


class KeySet:
    """A set of pairs that says which rows of a batch of a table belong to it."""

    def __init__(self, keys: pd.DataFrame) -> None:
        """Args: keys: rows with the columns ``glass``, ``minimum_a`` and ``minimum_b``."""
        self._numbers = {
            str(glass): np.unique(
                _combined(rows["minimum_a"].to_numpy(), rows["minimum_b"].to_numpy())
            )
            for glass, rows in keys.groupby("glass", sort=False)
        }

    def __len__(self) -> int:
        return sum(len(numbers) for numbers in self._numbers.values())

    def mask(self, batch: pa.RecordBatch) -> np.ndarray:
        """Which rows of ``batch`` are in the set: (n,) bool."""
        numbers = _combined(
            batch.column("minimum_a").to_numpy(), batch.column("minimum_b").to_numpy()
        )
        found = np.zeros(len(numbers), dtype=bool)
        for glass, rows in glass_rows(batch):
            wanted = self._numbers.get(glass)
            if wanted is not None:
                found[rows] = np.isin(numbers[rows], wanted)
        return found


def glass_rows(batch: pa.RecordBatch) -> Iterator[tuple[str, slice | np.ndarray]]:
    """Each glass of a batch with its rows; a slice when the batch holds one glass only."""
    column = batch.column("glass")
    names = column.unique().to_pylist()
    if len(names) == 1:
        yield names[0], slice(None)
        return
    values = np.asarray(column.to_pylist(), dtype=object)
    for name in names:
        yield name, np.flatnonzero(values == name)


def pair_features(
    keys: pd.DataFrame, files: Iterable[Path], features: list[str], block: int = 100_000
) -> pd.DataFrame:
    """The features of the pairs ``keys``, in their order.

    Args:
        keys: unique pairs, columns ``glass``, ``minimum_a``, ``minimum_b``.
        files: pairs tables, streamed.
        features: the columns to look up.
        block: rows in memory at a time.

    Raises:
        InputError: a pair is in none of the tables, or a table cannot be read.
    """
    files = list(files)
    columns = [*KEYS, *features]
    wanted = KeySet(keys)
    parts = []
    for path in files:
        for batch in tables.open_file(path, columns).iter_batches(
            batch_size=block, columns=columns
        ):
            found = wanted.mask(batch)
            if found.any():
                parts.append(batch.filter(pa.array(found)).to_pandas())
    known = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    joined = keys[KEYS].merge(known.astype({"glass": object}), on=KEYS, how="left", indicator=True)
    missing = joined[joined["_merge"] != "both"]
    if len(missing):
        first = missing.iloc[0]
        raise InputError(
            f"{len(missing)} solved pair(s) are in no pairs table, the first is "
            f"{first['glass']} {first['minimum_a']} {first['minimum_b']}; expected them in "
            + ", ".join(str(path) for path in files[:3])
            + (" ..." if len(files) > 3 else "")
        )
    return joined.drop(columns="_merge")
