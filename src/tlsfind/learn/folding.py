"""Which training row goes to which fold: at random, or all rows of a glass together.

Pairs of a glass share minima, so a random split asks how well a model knows the glasses that it was
trained on; a split by glass asks how well it would know a new one.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from tlsfind.errors import TrainingError

Split = Literal["row", "glass"]

#: Standard deviation of the logarithm of the random factor of a glass's size.
_SHUFFLE = 0.3


def by_row(
    n: int, folds: int, rng: np.random.Generator, strata: np.ndarray | None = None
) -> np.ndarray:
    """A random fold of each row, shape (n,), the folds equal in size to within one row.

    Args:
        n: rows.
        folds: number of folds, 2 to n.
        rng: random numbers.
        strata: class of each row, shape (n,); then every class is spread evenly too.
    """
    order = rng.permutation(n)
    if strata is not None:
        order = order[np.argsort(np.asarray(strata)[order], kind="stable")]
    fold = np.empty(n, dtype=np.int64)
    fold[order] = np.arange(n) % folds
    return fold


def by_glass(
    glasses: np.ndarray, folds: int, rng: np.random.Generator, strata: np.ndarray | None = None
) -> np.ndarray:
    """A fold of each row such that no glass is in two folds, shape (n,).

    Glasses are dealt out roughly from the largest, each to the fold with the fewest rows so far. If
    there are fewer glasses than folds, there are as many folds as glasses.

    Args:
        glasses: name of the glass of each row, shape (n,).
        folds: most folds.
        rng: random numbers: the order, by size times a factor near 1, so that seeds differ.
        strata: class of each row, shape (n,); balanced instead of the rows: the fold with the
            fewest rows of the rarest class.

    Raises:
        TrainingError: all rows are of one glass.
    """
    names, codes = np.unique(np.asarray(glasses).astype(str), return_inverse=True)
    if len(names) < 2:
        raise TrainingError(
            f"all {len(codes)} rows are of the glass {''.join(names)}, expected at "
            "least two glasses for a split by glass"
        )
    folds = min(folds, len(names))
    if strata is None:
        load = np.bincount(codes).astype(float)
    else:
        values, counts = np.unique(strata, return_counts=True)
        rare = np.asarray(strata) == values[np.argmin(counts)]
        load = np.bincount(codes, weights=rare, minlength=len(names))
        load = load + np.bincount(codes) / len(codes)
    order = np.argsort(-load * rng.lognormal(0.0, _SHUFFLE, len(names)), kind="stable")
    totals, fold_of = np.zeros(folds), np.empty(len(names), dtype=np.int64)
    for glass in order:
        fold_of[glass] = np.argmin(totals)
        totals[fold_of[glass]] += load[glass]
    return fold_of[codes]


def assign(
    split: Split,
    glasses: np.ndarray,
    folds: int,
    seed: int,
    strata: np.ndarray | None = None,
) -> np.ndarray:
    """Folds by ``split``, shape (n,): :func:`by_row` or :func:`by_glass`.

    Raises:
        TrainingError: split by glass with one glass only.
    """
    rng = np.random.default_rng(seed)
    if split == "row":
        return by_row(len(glasses), folds, rng, strata)
    return by_glass(glasses, folds, rng, strata)
