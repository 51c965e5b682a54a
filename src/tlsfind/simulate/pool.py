"""Pairs whose truth is known, as simulated loops search them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from tlsfind.learn import folding
from tlsfind.learn.labelled import Labelled


@dataclass(frozen=True)
class Pool:
    """Pairs whose truth is known.

    Args:
        frame: their features in float32, and nothing else, shape (n, n_features).
        glasses: name of the glass of each pair, shape (n,).
        is_double_well: shape (n,), bool.
        splitting: E_qs of double wells, NaN elsewhere, shape (n,).
        threshold: E_qs below which a double well is a TLS.

    ``is_known`` and ``is_tls``, shape (n,), bool, follow: double wells with E_qs, and TLS.
    """

    frame: pd.DataFrame
    glasses: np.ndarray
    is_double_well: np.ndarray
    splitting: np.ndarray
    threshold: float
    is_known: np.ndarray = field(init=False)
    is_tls: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        known = self.is_double_well & np.isfinite(self.splitting)
        object.__setattr__(self, "is_known", known)
        low = np.nan_to_num(self.splitting, nan=np.inf) < self.threshold
        object.__setattr__(self, "is_tls", known & low)

    @classmethod
    def of(cls, table: Labelled, threshold: float) -> Pool:
        """The pairs of a labelled table."""
        return cls(
            table.frame[table.features].astype(np.float32),
            table.glasses,
            table.is_double_well,
            table.splitting,
            threshold,
        )

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: np.ndarray) -> Pool:
        """The pairs of ``rows``, indices or bool."""
        return Pool(
            self.frame.iloc[np.arange(len(self))[rows]],
            self.glasses[rows],
            self.is_double_well[rows],
            self.splitting[rows],
            self.threshold,
        )

    def followed_by(self, other: Pool) -> Pool:
        """These pairs and then those of ``other``."""
        return Pool(
            pd.concat([self.frame, other.frame], ignore_index=True),
            np.concatenate([self.glasses, other.glasses]),
            np.concatenate([self.is_double_well, other.is_double_well]),
            np.concatenate([self.splitting, other.splitting]),
            self.threshold,
        )


def hold_out(pool: Pool, seed: int, parts: int = 3) -> tuple[Pool, Pool]:
    """Split a pool by glass: pairs to start from, and pairs to search.

    Args:
        pool: of at least two glasses.
        seed: the glasses are dealt into ``parts`` by seed // parts, and the part to search is seed
            modulo ``parts``, so that successive seeds search every glass once.
        parts: one of them is searched.

    Raises:
        TrainingError: all pairs are of one glass.
    """
    fold = folding.assign("glass", pool.glasses, parts, seed // parts, pool.is_tls)
    held = fold == seed % (fold.max() + 1)
    return pool.take(~held), pool.take(held)
