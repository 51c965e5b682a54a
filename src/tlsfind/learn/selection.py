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
from tlsfind.learn import acquisition
from tlsfind.learn.sampling import Smallest, random_keys
from tlsfind.pairs.keys import KEYS, PairSet, batches

#: Strata of the initial batch, in the order in which they fill each other's shortfall.
STRATA = ("transitions", "close", "far")

#: Stratum of pairs that fill a batch although their double-well probability misses the gate.
BELOW_GATE = "below_gate"

#: Stratum of pairs that fill a batch although only the screening models have seen them.
SCREENED_OUT = "screened_out"

#: Added to the score of such pairs: above all scores of rules that go by predictions.
_SCREENED = 4.0

#: Iteration of the paths of the standard procedure in all tables.
STANDARD_ITERATION = -1

#: What was predicted of a pair when it was picked.
PREDICTED = ["probability_double_well", "predicted_splitting", "probability_tls"]

COLUMNS = [*KEYS, "stratum", *PREDICTED]


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


def initial(
    config: Config, pairs: Sequence[Path], predictions: Sequence[Path] = ()
) -> pd.DataFrame:
    """The first batch, before any model of this run: K_0 pairs.

    Without predictions all are mixed from three strata, and within a stratum every pair is equally
    likely. With predictions (warm start) ``loop.start_explore`` of them are, and the models of
    another run pick the others.

    Args:
        config: the run's config; section ``loop`` gives K_0 and the shares.
        pairs: pairs tables.
        predictions: predictions tables of the models of a warm start.

    Returns:
        Columns of ``KEYS``, ``stratum`` and ``PREDICTED``; fewer than K_0 rows if there are fewer
        pairs.

    Raises:
        InputError: a file is missing, damaged or lacks a column.
    """
    size = config.loop.initial_paths
    if not predictions:
        return _from_strata(config, pairs, size).reindex(columns=COLUMNS)
    explored = _from_strata(config, pairs, round(size * config.loop.start_explore))
    explored = _with_predictions(explored, predictions).reindex(columns=COLUMNS)
    rest = size - len(explored)
    picked = _by_rule(config, 0, pairs, predictions, PairSet(explored), rest)
    chosen = [frame for frame in (explored, picked) if len(frame)]
    return pd.concat(chosen, ignore_index=True) if chosen else explored


def _from_strata(
    config: Config,
    pairs: Sequence[Path],
    size: int,
    iteration: int = 0,
    exclude: PairSet | None = None,
) -> pd.DataFrame:
    """``size`` pairs mixed from the strata, columns of ``KEYS`` and ``stratum``."""
    loop = config.loop
    kept = [Smallest(size, exclude) for _ in STRATA]
    columns = [*KEYS, "transitions_ab", "transitions_ba", "total_displacement"]
    sequence = _sequence(config, iteration)
    for _, frame in batches(pairs, columns):
        frame = frame.assign(score=0.0, key=random_keys(frame, sequence))
        stratum = strata(frame, loop.close_displacement)
        for index, keeper in enumerate(kept):
            keeper.add(frame[stratum == index])
    rows = [keeper.rows() for keeper in kept]
    counts = quotas(
        size,
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

    Where there are no models, for want of rows to train on, they come from the strata as the
    initial batch does.

    Args:
        config: the run's config.
        iteration: 1 or later.
        pairs: pairs tables, read only by the rules that go by no model.
        predictions: predictions tables of the last models.
        solved: pairs that have a path, whatever its status.

    Returns:
        Columns of ``KEYS``, ``stratum`` and ``PREDICTED``, best first; fewer than K_i rows if there
        are fewer pairs left.

    Raises:
        InputError: a file is missing, damaged or lacks a column.
    """
    size = config.loop.paths_per_iteration
    chosen = _by_rule(config, iteration, pairs, predictions, solved, size)
    if not len(chosen):  # without models no pair has a score
        chosen = _from_strata(config, pairs, size, iteration, solved).reindex(columns=COLUMNS)
    return chosen


def _by_rule(
    config: Config,
    iteration: int,
    pairs: Sequence[Path],
    predictions: Sequence[Path],
    solved: PairSet,
    size: int,
) -> pd.DataFrame:
    """The ``size`` pairs of lowest score that are not in ``solved``.

    Pairs that the screening models alone have seen come after all that the ensembles have.
    """
    rule, gate = config.loop.acquisition, config.loop.gate
    keeper = Smallest(size, exclude=solved)
    sequence = _sequence(config, iteration)
    if rule in acquisition.FROM_PAIRS:
        for _, frame in batches(pairs, [*KEYS, *acquisition.FROM_PAIRS[rule]]):
            score = acquisition.scores(rule, frame, gate)
            keeper.add(frame.assign(score=score, key=random_keys(frame, sequence)))
        chosen = _with_predictions(keeper.rows(), predictions)
    else:
        needed = dict.fromkeys([*acquisition.FROM_PREDICTIONS[rule], *PREDICTED, "rescored"])
        for _, frame in batches(predictions, [*KEYS, *needed]):
            score = acquisition.scores(rule, frame, gate)
            if rule != "random":
                score = score + np.where(frame["rescored"].to_numpy(), 0.0, _SCREENED)
            keeper.add(frame.assign(score=score, key=random_keys(frame, sequence)))
        chosen = keeper.rows()
    score = chosen["score"].to_numpy(dtype=float)
    stratum = np.full(len(chosen), rule, dtype=object)
    if rule in acquisition.FROM_PREDICTIONS:
        if rule in acquisition.GATED:
            stratum[~acquisition.passes_gate(score)] = BELOW_GATE
        stratum[score >= _SCREENED] = SCREENED_OUT
    return chosen.assign(stratum=stratum).reindex(columns=COLUMNS)


def _with_predictions(chosen: pd.DataFrame, predictions: Sequence[Path]) -> pd.DataFrame:
    """``chosen`` with the predictions of its pairs, null where there are none."""
    if not predictions or not len(chosen):
        return chosen
    wanted = PairSet(chosen)
    found = [
        frame[wanted.contains(frame)].astype({"glass": str})
        for _, frame in batches(predictions, [*KEYS, *PREDICTED])
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
