"""Which pairs get a path next: the initial strata, the model's choice, the standard procedure.

Everything streams over tables of any length, keeps a few times the number of rows to select, and
does not depend on the order of the rows or on how many are read at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from tlsfind import seeds
from tlsfind.config import Config
from tlsfind.errors import InputError
from tlsfind.learn import acquisition
from tlsfind.learn.sampling import Smallest, random_keys
from tlsfind.pairs.keys import KEYS, PairSet, batches

#: Strata of the initial batch, in the order in which they fill each other's shortfall.
STRATA = ("transitions", "close", "far")

#: Stratum of pairs that fill a batch although their double-well probability misses the gate.
BELOW_GATE = "below_gate"

#: Iteration of the paths of the standard procedure in all tables.
STANDARD_ITERATION = -1

_PREDICTED = ["probability_double_well", "predicted_splitting"]


def _sequence(config: Config, iteration: int) -> np.random.SeedSequence:
    """Random numbers of a selection: one stream for each iteration, one for the standard."""
    if iteration == STANDARD_ITERATION:
        return seeds.sequence(config.run.seed, "select", 1)
    return seeds.sequence(config.run.seed, "select", 0, iteration)


def strata(frame: pd.DataFrame, close_displacement: float) -> np.ndarray:
    """Index in ``STRATA`` of each pair, shape (n,).

    Args:
        frame: columns ``transitions_ab``, ``transitions_ba``, ``total_displacement``.
        close_displacement: total displacement d below which a pair is close.
    """
    transitions = (frame["transitions_ab"] + frame["transitions_ba"]).to_numpy() > 0
    close = frame["total_displacement"].to_numpy() < close_displacement
    return np.where(transitions, 0, np.where(close, 1, 2))


def quotas(size: int, shares: Sequence[float], available: Sequence[int]) -> list[int]:
    """How many pairs to draw from each stratum.

    The last stratum gets what rounding and the other shares leave. What a stratum lacks is taken
    from the others in their order.

    Args:
        size: pairs to draw in all.
        shares: share of each stratum but the last.
        available: pairs in each stratum.
    """
    wanted: list[int] = []
    for share in shares:
        wanted.append(min(round(size * share), size - sum(wanted)))
    wanted.append(size - sum(wanted))
    counts = [min(want, there) for want, there in zip(wanted, available, strict=True)]
    for i, there in enumerate(available):
        counts[i] += min(size - sum(counts), there - counts[i])
    return counts


def initial(config: Config, pairs: Sequence[Path]) -> pd.DataFrame:
    """The first batch, before any model: K_0 pairs mixed from three strata.

    Within a stratum every pair is equally likely.

    Args:
        config: the run's config; section ``loop`` gives K_0 and the shares.
        pairs: pairs tables.

    Returns:
        Columns of ``KEYS`` and ``stratum``; fewer than K_0 rows if there are fewer pairs.

    Raises:
        InputError: a file is missing, damaged or lacks a column.
    """
    loop = config.loop
    kept = [Smallest(loop.initial_paths) for _ in STRATA]
    columns = [*KEYS, "transitions_ab", "transitions_ba", "total_displacement"]
    sequence = _sequence(config, 0)
    for _, frame in batches(pairs, columns):
        frame = frame.assign(score=0.0, key=random_keys(frame, sequence))
        stratum = strata(frame, loop.close_displacement)
        for index, keeper in enumerate(kept):
            keeper.add(frame[stratum == index])
    rows = [keeper.rows() for keeper in kept]
    counts = quotas(
        loop.initial_paths,
        [loop.initial_transition_share, loop.initial_close_share],
        [len(frame) for frame in rows],
    )
    chosen = [
        frame[:count].assign(stratum=name)
        for name, frame, count in zip(STRATA, rows, counts, strict=True)
        if count
    ]
    if not chosen:
        return pd.DataFrame(columns=[*KEYS, "stratum"])
    return pd.concat(chosen, ignore_index=True)[[*KEYS, "stratum"]]


def following(
    config: Config,
    iteration: int,
    pairs: Sequence[Path],
    predictions: Sequence[Path],
    solved: PairSet,
) -> pd.DataFrame:
    """The batch of an iteration after the first: K_i pairs without a path, by ``loop.acquisition``.

    Args:
        config: the run's config.
        iteration: 1 or later.
        pairs: pairs tables, read only by the acquisition rule ``standard``.
        predictions: predictions tables of the last models.
        solved: pairs that have a path, whatever its status.

    Returns:
        Columns of ``KEYS``, ``stratum`` and the two predictions, best first; fewer than K_i rows
        if there are fewer pairs left.

    Raises:
        InputError: a file is missing, damaged or lacks a column; predictions made with a higher
            gate than the config's.
    """
    loop = config.loop
    keeper = Smallest(loop.paths_per_iteration, exclude=solved)
    sequence = _sequence(config, iteration)
    if loop.acquisition == "standard":
        for _, frame in batches(pairs, [*KEYS, "transitions_ab", "transitions_ba"]):
            score = acquisition.standard(
                frame["transitions_ab"].to_numpy(), frame["transitions_ba"].to_numpy()
            )
            keeper.add(frame.assign(score=score, key=random_keys(frame, sequence)))
        chosen = _with_predictions(keeper.rows(), predictions)
    else:
        for path, frame in batches(predictions, [*KEYS, *_PREDICTED]):
            if loop.acquisition == "random":
                score = acquisition.random(len(frame))
            else:
                score = _lowest_splitting(frame, loop.gate, path)
            keeper.add(frame.assign(score=score, key=random_keys(frame, sequence)))
        chosen = keeper.rows()
    stratum = np.full(len(chosen), loop.acquisition, dtype=object)
    if loop.acquisition == "lowest_splitting":
        stratum[~acquisition.passes_gate(chosen["score"].to_numpy())] = BELOW_GATE
    chosen = chosen.assign(stratum=stratum)
    return chosen.reindex(columns=[*KEYS, "stratum", *_PREDICTED])


def _lowest_splitting(frame: pd.DataFrame, gate: float, path: Path) -> np.ndarray:
    probability, splitting = (frame[name].to_numpy(dtype=float) for name in _PREDICTED)
    unknown = (probability >= gate) & np.isnan(splitting)
    if unknown.any():
        raise InputError(
            f"{unknown.sum()} pairs in {path} have a double-well probability of at least loop.gate "
            f"{gate:g} but no predicted splitting: they were predicted with a higher gate, "
            "predict again"
        )
    return acquisition.lowest_splitting(probability, splitting, gate)


def _with_predictions(chosen: pd.DataFrame, predictions: Sequence[Path]) -> pd.DataFrame:
    """``chosen`` with the predictions of its pairs, null where there are none."""
    if not predictions or not len(chosen):
        return chosen
    wanted = PairSet(chosen)
    found = [
        frame[wanted.contains(frame)].astype({"glass": str})
        for _, frame in batches(predictions, [*KEYS, *_PREDICTED])
    ]
    return chosen.merge(pd.concat(found), on=KEYS, how="left") if found else chosen


class StandardChoice(NamedTuple):
    """Pairs of the standard procedure.

    Args:
        to_solve: those of the sample that have no path, columns of ``KEYS`` and ``stratum``.
        qualifying: pairs with min(T_ab, T_ba) at or above the threshold.
        sampled: of these, pairs in the sample.
        already_solved: of these, pairs that have a path.
    """

    to_solve: pd.DataFrame
    qualifying: int
    sampled: int
    already_solved: int


def standard(config: Config, pairs: Sequence[Path], solved: PairSet) -> StandardChoice:
    """Pairs that the standard procedure would spend paths on (checklist 18), or a sample of them.

    The sample does not look at ``solved``, so it stays a fair one.

    Raises:
        InputError: a file is missing, damaged or lacks a column.
    """
    loop = config.loop
    keeper = Smallest(loop.standard_paths)
    sequence = _sequence(config, STANDARD_ITERATION)
    qualifying = 0
    for _, frame in batches(pairs, [*KEYS, "transitions_ab", "transitions_ba"]):
        smaller = frame[["transitions_ab", "transitions_ba"]].min(axis=1)
        frame = frame[smaller >= loop.standard_transitions]
        qualifying += len(frame)
        keeper.add(frame.assign(score=0.0, key=random_keys(frame, sequence)))
    sample = keeper.rows().assign(stratum="standard")[[*KEYS, "stratum"]]
    have_path = solved.contains(sample)
    return StandardChoice(sample[~have_path], qualifying, len(sample), int(have_path.sum()))
