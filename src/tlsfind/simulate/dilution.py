"""Dilute a labelled pool with more pairs that are no double wells.

The published labelled pairs were picked for their transitions: 60 % are double wells, against 0.5
to 5 % of all pairs of a glass. A simulated loop on them says little of how a rule copes with many
false candidates, so pairs are added by a smoothed bootstrap: a labelled pair that is no double well
is drawn, and its features are moved by Gaussian noise with ``BANDWIDTH`` times the standard
deviation of these pairs, in coordinates in which every point is a possible pair:

- logarithms of Delta E, of d, of the distances and of 1 + T;
- log-odds of displacement_k^2 over what the larger ones and d leave for it, so that displacements
  stay sorted and the sum of their squares stays below d^2;
- log-odds of the fourth powers of all other particles over their largest possible sum, which gives
  PR between its bounds for these displacements.

What it is: hard. Added pairs look like pairs that *nearly* were double wells, keep the many
transitions of the labelled ones, and crowd the border to the double wells in proportion. Each is
called no double well although no path was solved; noise may carry it to where a real pair would be
one, and such rows are mislabelled.

What it is not: a real pool. Most real pairs are far apart and have no transitions, which any model
learns at once; here neither d nor T gives the added pairs away, strata by transitions do not enrich
the first batch, and pairs of a glass share no minima. Costs measured on it are upper ends, not
predictions.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tlsfind.errors import InputError
from tlsfind.learn.labelled import Labelled
from tlsfind.pairs.keys import KEYS

#: Standard deviation of the noise, over that of the labelled pairs that are no double wells.
BANDWIDTH = 0.2

#: Shares are kept this far from 0 and 1 before their log-odds are taken.
EDGE = 1e-6

#: Energies and lengths are taken as at least this before their logarithm is taken.
FLOOR = 1e-9


def dilute(
    table: Labelled, factor: float, rng: np.random.Generator, bandwidth: float = BANDWIDTH
) -> Labelled:
    """The table followed by pairs that are no double wells.

    Added pairs are of the glass of the pair that they were made from; their minima are new,
    numbered after those of the glass. Memory: some 25 numbers for each added pair.

    Args:
        table: labelled pairs.
        factor: pairs to add for each labelled one.
        rng: random numbers.
        bandwidth: standard deviation of the noise, over that of the pairs drawn from.

    Raises:
        InputError: ``factor`` is negative, or there is no pair to draw from.
    """
    if not factor >= 0:
        raise InputError(f"the pool is to be diluted by {factor:g}, expected 0 or more")
    count = round(factor * len(table.frame))
    if count == 0:
        return table
    others = table.frame[~table.is_double_well]
    if not len(others):
        raise InputError("no labelled pair is not a double well, so there is none to add more of")
    coordinates = to_coordinates(others, table.particles)
    drawn = rng.integers(len(others), size=count)
    moved = coordinates[drawn]
    noise = rng.standard_normal(moved.shape, dtype=np.float32) @ _root(coordinates).T
    moved += bandwidth * noise
    added = pd.DataFrame(from_coordinates(moved, table.particles))
    for name in ("glass", "preparation_temperature", "unit_system"):
        added[name] = others[name].to_numpy()[drawn]
    added["is_double_well"] = False
    added["quantum_splitting"] = added["barrier"] = np.nan
    _number(added, table.frame)
    frame = pd.concat([table.frame, added[table.frame.columns]], ignore_index=True)
    return Labelled(frame, table.features, table.unit_system)


def to_coordinates(frame: pd.DataFrame, particles: int) -> np.ndarray:
    """Free coordinates of pairs, shape (n, 2 M + 4), float32.

    Args:
        frame: with the features of the pairs table.
        particles: M.
    """
    d2 = np.maximum(frame["total_displacement"].to_numpy(dtype=float), FLOOR) ** 2
    columns = [_log(frame["delta_e"]), 0.5 * np.log(d2)]
    left, before, fourth = d2, d2, np.zeros(len(frame))
    for k in range(1, particles + 1):
        square = frame[f"displacement_{k}"].to_numpy(dtype=float) ** 2
        columns.append(_odds(square / np.minimum(left, before)))
        left, before = np.maximum(left - square, FLOOR**2), np.maximum(square, FLOOR**2)
        fourth = fourth + square**2
    others = d2**2 / frame["participation_ratio"].to_numpy(dtype=float) - fourth
    columns.append(_odds(others / (before * left)))
    columns += [_log(frame[name]) for name in _distances(particles)]
    columns += [np.log1p(frame[name].to_numpy(dtype=float)) for name in _TRANSITIONS]
    return np.stack(columns, axis=1).astype(np.float32)


def from_coordinates(coordinates: np.ndarray, particles: int) -> dict[str, np.ndarray]:
    """Features of free coordinates, the inverse of :func:`to_coordinates` but for whole T.

    Args:
        coordinates: shape (n, 2 M + 4).
        particles: M.

    Returns:
        The features of the pairs table by name, each of shape (n,).
    """
    columns = iter(coordinates.T.astype(float))
    features = {"delta_e": np.exp(next(columns)), "total_displacement": np.exp(next(columns))}
    d2 = features["total_displacement"] ** 2
    left, before, fourth = d2, d2, np.zeros(len(coordinates))
    for k in range(1, particles + 1):
        square = _share(next(columns)) * np.minimum(left, before)
        features[f"displacement_{k}"] = np.sqrt(square)
        left, before, fourth = left - square, square, fourth + square**2
    fourth = fourth + _share(next(columns)) * before * left
    features["participation_ratio"] = d2**2 / fourth
    for name in _distances(particles):
        features[name] = np.exp(next(columns))
    for name in _TRANSITIONS:
        features[name] = np.rint(np.expm1(np.maximum(next(columns), 0.0))).astype(np.int32)
    return features


_TRANSITIONS = ("transitions_ab", "transitions_ba")


def _distances(particles: int) -> list[str]:
    return [f"distance_1_{k}" for k in range(2, particles + 1)]


def _log(values: pd.Series) -> np.ndarray:
    return np.log(np.maximum(values.to_numpy(dtype=float), FLOOR))


def _odds(share: np.ndarray) -> np.ndarray:
    share = np.clip(share, EDGE, 1.0 - EDGE)
    return np.log(share / (1.0 - share))


def _share(odds: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(odds, -30.0, 30.0)))


def _root(coordinates: np.ndarray) -> np.ndarray:
    """A matrix whose square is the covariance of the coordinates, float32."""
    if len(coordinates) < 2:
        return np.zeros(2 * coordinates.shape[1:], dtype=np.float32)
    covariance = np.cov(coordinates.astype(float), rowvar=False)
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, 0.0))).astype(np.float32)


def _number(added: pd.DataFrame, labelled: pd.DataFrame) -> None:
    """Give every added pair two minima of its own, in place."""
    largest = labelled.groupby("glass")[KEYS[1:]].max().max(axis=1)
    first = added["glass"].map(largest).to_numpy(dtype=np.int64) + 1
    number = added.groupby("glass").cumcount().to_numpy()
    added["minimum_a"] = (first + 2 * number).astype(np.int32)
    added["minimum_b"] = (first + 2 * number + 1).astype(np.int32)
