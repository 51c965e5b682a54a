"""Reproducible choices among the pairs of a stream: random keys, and the rows of lowest score."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from tlsfind.pairs.keys import KEYS, PairSet, glass_codes, packed


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
    codes, names = glass_codes(frame)
    digests = [hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names]
    numbers = np.array([int.from_bytes(digest, "little") for digest in digests], dtype=np.uint64)
    salts = _mixed(salt ^ numbers)
    return _mixed(salts[codes] ^ _mixed(packed(frame).view(np.uint64)))


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
