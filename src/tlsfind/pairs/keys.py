"""Pairs by their key (glass, minimum_a, minimum_b), read by batches from tables of any length.

Nothing here keeps a whole table: memory is bounded by one batch of rows and by what is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from tlsfind import tables
from tlsfind.errors import InputError

KEYS = ["glass", "minimum_a", "minimum_b"]


def record_batches(
    paths: Iterable[Path | str], columns: Sequence[str], rows: int | None = None
) -> Iterator[tuple[Path, pa.RecordBatch]]:
    """The rows of several tables, a bounded number at a time, with the file they came from.

    Every file is opened and checked before the first row is read.

    Args:
        paths: tables of one schema.
        columns: the columns to read.
        rows: most rows of a batch, ``tables.BATCH_ROWS`` by default.

    Raises:
        InputError: no file was given; a file is missing, truncated, damaged or lacks a column.
    """
    files = [Path(path) for path in paths]
    if not files:
        raise InputError(f"no table was given, expected at least one with {', '.join(columns)}")
    for path in files:
        tables.open_file(path, columns).close()
    for path in files:
        for batch in tables.iter_batches(path, columns, rows or tables.BATCH_ROWS):
            yield path, batch


def batches(
    paths: Iterable[Path | str], columns: Sequence[str], rows: int | None = None
) -> Iterator[tuple[Path, pd.DataFrame]]:
    """:func:`record_batches` as tables of pandas; ``glass`` comes as a categorical."""
    for path, batch in record_batches(paths, columns, rows):
        yield path, batch.to_pandas(strings_to_categorical=True)


def count_rows(paths: Iterable[Path | str]) -> int:
    """Number of rows of several tables, from their footers."""
    return sum(tables.open_file(path).metadata.num_rows for path in paths)


def packed(frame: pd.DataFrame) -> np.ndarray:
    """Both minima of each row as one number, shape (n,), int64."""
    first = frame["minimum_a"].to_numpy(dtype=np.int64)
    return (first << 32) | frame["minimum_b"].to_numpy(dtype=np.int64)


def glass_codes(frame: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    """Glass of each row as an index (n,), and the names that the indices stand for."""
    column = frame["glass"].astype("category")
    return column.cat.codes.to_numpy(), [str(name) for name in column.cat.categories]


class PairSet:
    """A set of pairs that answers for whole columns at once.

    Args:
        frame: a table with the columns of ``KEYS``.
    """

    def __init__(self, frame: pd.DataFrame | None = None) -> None:
        self._members: dict[str, np.ndarray] = {}
        if frame is None or not len(frame):
            return
        numbers = packed(frame)
        codes, names = glass_codes(frame)
        for code, name in enumerate(names):
            self._members[name] = np.unique(numbers[codes == code])

    def __len__(self) -> int:
        return sum(len(members) for members in self._members.values())

    def contains(self, frame: pd.DataFrame) -> np.ndarray:
        """Whether each row of ``frame`` is in the set, shape (n,), bool."""
        found = np.zeros(len(frame), dtype=bool)
        if not len(self) or not len(frame):
            return found
        numbers = packed(frame)
        codes, names = glass_codes(frame)
        for code in np.unique(codes):
            members = self._members.get(names[code])
            if members is not None:
                rows = codes == code
                found[rows] = np.isin(numbers[rows], members, kind="sort")
        return found


def read_pairs(path: Path | str) -> PairSet:
    """The pairs of a table, read by batches.

    Raises:
        InputError: the file is missing, damaged or lacks a key.
    """
    frames = [frame.astype({"glass": str}) for _, frame in batches([path], KEYS)]
    return PairSet(pd.concat(frames, ignore_index=True) if frames else None)


def join_columns(
    rows: pd.DataFrame,
    pairs: Sequence[Path],
    columns: Sequence[str],
    source: str,
    batch_rows: int | None = None,
) -> pd.DataFrame:
    """Append columns of the pairs tables to rows of another table, in the order of those rows.

    Args:
        rows: unique pairs, with the columns of ``KEYS``.
        pairs: pairs tables, streamed.
        columns: the columns to look up.
        source: where ``rows`` come from, for messages.
        batch_rows: most rows of the pairs tables in memory at a time.

    Raises:
        InputError: a file is missing, damaged or lacks a column; a row without its pair.
    """
    columns = [*KEYS, *columns]
    wanted = PairSet(rows)
    found = []
    for _, frame in batches(pairs, columns, batch_rows):
        inside = wanted.contains(frame)
        if inside.any():
            found.append(frame[inside].astype({"glass": str}))
    known = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=columns)
    joined = rows.merge(known.drop_duplicates(KEYS), on=KEYS, how="left", indicator="origin")
    lost = joined["origin"] != "both"
    if lost.any():
        pair = ", ".join(str(value) for value in joined.loc[lost, KEYS].iloc[0])
        raise InputError(
            f"{lost.sum()} of {len(joined)} pairs in {source} are in none of the {len(pairs)} "
            f"pairs tables, the first is {pair}; expected those that the paths were selected from"
        )
    return joined.drop(columns="origin")
