"""What the paper says that the same work costs (IV.H; checklist 36)."""

from __future__ import annotations

from dataclasses import dataclass

from tlsfind.config import Config
from tlsfind.plan import counts, units
from tlsfind.plan.costs import Costs

PATH = 1e2  # seconds of one NEB
TRAINING = 1e3  # seconds of one training
PREDICTION = 1e-5  # seconds of the prediction of one pair


def iterative_seconds(
    initial_paths: float, paths_per_iteration: float, iterations: int, pairs: float
) -> float:
    """t_i = K_0 10^2 + N_iter (K_i 10^2 + 10^3 + N_ISpairs 10^-5), in seconds (IV.H).

    Args:
        initial_paths: K_0.
        paths_per_iteration: K_i.
        iterations: N_iter.
        pairs: N_ISpairs.
    """
    each = paths_per_iteration * PATH + TRAINING + pairs * PREDICTION
    return initial_paths * PATH + iterations * each


def standard_seconds(paths: float) -> float:
    """The standard procedure by the same unit cost: a path for each pair that passes its filter."""
    return paths * PATH


@dataclass(frozen=True)
class Comparison:
    """One procedure, by the paper's unit costs and by ours, in core-hours.

    Attributes:
        what: the procedure.
        paper: core-hours by the paper's formula.
        ours: core-hours of the same work here.
    """

    what: str
    paper: float
    ours: float

    @property
    def ratio(self) -> float:
        """How many times cheaper it is here."""
        return self.paper / self.ours


def compare(costs: Costs, iterations: int) -> list[Comparison]:
    """The loop and the standard procedure, by the paper's formula and by our unit costs.

    Both sides solve K_0 and N_iter K_i paths, train N_iter times and predict all pairs N_iter
    times; what else a run does (glasses, minima, features) is in neither.

    Args:
        costs: of the run.
        iterations: N_iter.
    """
    config: Config = costs.config
    loop, pairs = config.loop, costs.pool.pairs
    path = units.path_seconds(config)
    training = costs.job("train").seconds
    prediction = costs.job("predict").seconds * counts.prediction_jobs(config)
    ours = loop.initial_paths * path
    ours += iterations * (loop.paths_per_iteration * path + training + prediction)
    theirs = iterative_seconds(loop.initial_paths, loop.paths_per_iteration, iterations, pairs)
    found = [Comparison(f"loop, {iterations} iterations", theirs / 3600.0, ours / 3600.0)]
    if loop.standard_paths:
        paths = costs.standard_paths
        found.append(
            Comparison(
                f"standard procedure, {paths:.0f} paths",
                standard_seconds(paths) / 3600.0,
                paths * path / 3600.0,
            )
        )
    every = max(pairs, 1.0)
    found.append(
        Comparison(
            f"a path for each of {every:.3g} pairs",
            standard_seconds(every) / 3600.0,
            every * path / 3600.0,
        )
    )
    return found
