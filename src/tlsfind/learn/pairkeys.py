"""Pairs by their key (glass, minimum_a, minimum_b), read by batches from tables of any length.

Nothing here keeps a whole table: memory is bounded by one batch of rows and by what is asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from tlsfind import tables
from tlsfind.errors import InputError

KEYS = ["glass", "minimum_a", "minimum_b"]

#: Rows that are read at a time. No result depends on it.
BATCH_ROWS = 131_072


def batches(
    paths: Iterable[Path | str], columns: Sequence[str], rows: int | None = None
) -> Iterator[tuple[Path, pd.DataFrame]]:
    """The rows of several tables, a bounded number at a time, with the file they came from.

    Every file is opened and checked before the first row is read.

    Args:
        paths: tables of one schema.
        columns: the columns to read; ``glass`` comes as a categorical.
        rows: most rows of a batch, ``BATCH_ROWS`` by default.

    Raises:
        InputError: no file was given; a file is missing, truncated, damaged or lacks a column.
    """
    files = [Path(path) for path in paths]
    if not files:
        raise InputError(f"no table was given, expected at least one with {', '.join(columns)}")
    for path in files:
        tables.open_file(path, columns).close()
    for path in files:
        file = tables.open_file(path, columns)
        try:
            for batch in file.iter_batches(rows or BATCH_ROWS, columns=list(columns)):
                yield path, batch.to_pandas(strings_to_categorical=True)
        except (pa.ArrowInvalid, OSError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"table {path} is damaged: {reason}") from None
        finally:
            file.close()


def count_rows(paths: Iterable[Path | str]) -> int:
    """Number of rows of several tables, from their footers."""
    return sum(tables.open_file(path).metadata.num_rows for path in paths)


def _packed(frame: pd.DataFrame) -> np.ndarray:
    """Both minima of each row as one number, shape (n,), int64."""
    first = frame["minimum_a"].to_numpy(dtype=np.int64)
    return (first << 32) | frame["minimum_b"].to_numpy(dtype=np.int64)


def _glasses(frame: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
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
        packed = _packed(frame)
        codes, names = _glasses(frame)
        for code, name in enumerate(names):
            self._members[name] = np.unique(packed[codes == code])

    def __len__(self) -> int:
        return sum(len(members) for members in self._members.values())

    def contains(self, frame: pd.DataFrame) -> np.ndarray:
        """Whether each row of ``frame`` is in the set, shape (n,), bool."""
        found = np.zeros(len(frame), dtype=bool)
        if not len(self) or not len(frame):
            return found
        packed = _packed(frame)
        codes, names = _glasses(frame)
        for code in np.unique(codes):
            members = self._members.get(names[code])
            if members is not None:
                rows = codes == code
                found[rows] = np.isin(packed[rows], members, kind="sort")
        return found


def read_pairs(path: Path | str) -> PairSet:
    """The pairs of a table, read by batches.

    Raises:
        InputError: the file is missing, damaged or lacks a key.
    """
    frames = [frame.astype({"glass": str}) for _, frame in batches([path], KEYS)]
    return PairSet(pd.concat(frames, ignore_index=True) if frames else None)


def _mixed(values: np.ndarray) -> np.ndarray:
    """The SplitMix64 finaliser (Steele, Lea, Flood 2014), element by element, uint64."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def random_keys(frame: pd.DataFrame, sequence: np.random.SeedSequence) -> np.ndarray:
    """A random number of each pair, shape (n,), uint64.

    It depends on the pair and the seed only, so the rows with the smallest numbers are a uniform
    sample without replacement, the same one in whatever order and batches rows are read.
    """
    salt = sequence.generate_state(1, np.uint64)
    codes, names = _glasses(frame)
    digests = [hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names]
    numbers = np.array([int.from_bytes(digest, "little") for digest in digests], dtype=np.uint64)
    salts = _mixed(salt ^ numbers)
    return _mixed(salts[codes] ^ _mixed(_packed(frame).view(np.uint64)))


class Smallest:
    """The rows of lowest score of a stream; equal scores in the order of their random keys.

    Args:
        size: rows to keep.
        exclude: pairs never to keep.
    """

    ORDER = ("score", "key", *KEYS)

    def __init__(self, size: int, exclude: PairSet | None = None) -> None:
        self._size = size
        self._exclude = exclude or PairSet()
        self._rows: pd.DataFrame | None = None
        self._worst: tuple[float, np.uint64] | None = None

    def add(self, frame: pd.DataFrame) -> None:
        """Offer rows with the columns of ``ORDER`` (and any others). A NaN score is never kept."""
        score = frame["score"].to_numpy()
        if self._worst is None:
            able = ~np.isnan(score)
        else:
            worst, key = self._worst
            able = (score < worst) | ((score == worst) & (frame["key"].to_numpy() <= key))
        if not able.any() or not self._size:
            return
        candidates = frame[able]
        candidates = candidates[~self._exclude.contains(candidates)].astype({"glass": str})
        if not len(candidates):
            return
        if self._rows is not None:
            candidates = pd.concat([self._rows, candidates], ignore_index=True)
        self._rows = candidates.sort_values(list(self.ORDER), ignore_index=True)[: self._size]
        if len(self._rows) == self._size:
            last = self._rows.iloc[-1]
            self._worst = (float(last["score"]), np.uint64(last["key"]))

    def rows(self) -> pd.DataFrame:
        """What is kept, lowest score first."""
        if self._rows is None:
            return pd.DataFrame({name: [] for name in self.ORDER}).astype({"glass": str})
        return self._rows.reset_index(drop=True)
