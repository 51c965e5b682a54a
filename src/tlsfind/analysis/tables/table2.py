"""Table II: what every step cost in this run, beside the paper's numbers.

Paths carry their own wall time, which a busy machine lengthens. All other times are processor times
of the jobs that ended well, from ``jobs.parquet``; they hold the start of the program, which small
runs feel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tlsfind.analysis.results import Results
from tlsfind.plan import counts
from tlsfind.plan.measured import rule_of
from tlsfind.plan.paper import iterative_seconds

COLUMNS = [
    "step", "unit", "paper_seconds_low", "paper_seconds_high", "seconds", "units", "total_seconds",
    "note",
]  # fmt: skip

NAN = float("nan")

LOOP_RULES = (
    "select_initial", "select_next", "solve_paths", "collect_paths", "train", "predict", "assess",
)  # fmt: skip


@dataclass(frozen=True)
class Work:
    """What a run did, to divide its cost by.

    Args:
        glasses: prepared, not imported.
        quenches: of all trajectories.
        minima: of all glasses.
        pairs: of all glasses.
        prediction_jobs: jobs in which all pairs are predicted once.
        initial_paths: K_0.
        iterations: N_iter.
        batch: K_i, paths of an iteration.
    """

    glasses: int
    quenches: int
    minima: int
    pairs: int
    prediction_jobs: int
    initial_paths: int
    iterations: int
    batch: float


def table(
    jobs: pd.DataFrame | None, loop: np.ndarray, standard: np.ndarray, work: Work
) -> pd.DataFrame:
    """Table II.

    Args:
        jobs: table "jobs", None if the jobs were not recorded.
        loop: time of each path of the loop, shape (n,).
        standard: of each path solved for the standard procedure alone, shape (m,).
        work: what the run did.

    Returns:
        Columns :data:`COLUMNS`: ``seconds`` for each of ``units``, NaN where it is not known;
        ``total_seconds`` of all of them.
    """
    spent, done = _spent(jobs)
    paths = np.concatenate([loop, standard]).astype(np.float64)
    paths = paths[np.isfinite(paths)]

    def total(*rules: str) -> float:
        return sum(spent.get(rule, NAN) for rule in rules)

    def optional(*rules: str) -> float:
        return sum(spent.get(rule, 0.0) for rule in rules) if spent else NAN

    passes = done.get("predict", 0) / max(work.prediction_jobs, 1)
    collected = total("explore", "landscape")
    paper_loop = iterative_seconds(work.initial_paths, work.batch, work.iterations, work.pairs)
    rows: list[dict[str, Any]] = [
        _row("prepare a glass", "glass", None, total("prepare"), work.glasses, ""),
        _row("quench with its dynamics", "quench", None, total("explore"), work.quenches, ""),
        _row("find a minimum", "minimum", None, collected, work.minima,
             "exploration and landscape"),
        _row("collect a pair", "pair", (50.0, 50.0), collected + total("pair_features"), work.pairs,
             "exploration, landscape and features, divided by all pairs of minima; the paper does "
             "not say what it counts as collection"),
        _row("features of a pair", "pair", None, total("pair_features"), work.pairs, ""),
        _row("path and levels of a pair", "path", (60.0, 1e3), float(paths.sum()), len(paths),
             "wall time, mean; the paper says 10^3 s (Table II), 10^2 s (IV.H) and 1 minute"),
        _row("the same, processor time", "path", None,
             total("solve_paths") + optional("solve_standard"), len(paths),
             "of the jobs that solve paths, their start included"),
        _row("predict a pair", "pair", (2e-5, 2e-4), total("predict"), passes * work.pairs,
             "double well, splitting and probability of a TLS together, start of the job included; "
             "the paper has 10^-5 to 10^-4 s for each of two models"),
        _row("train all models", "training", (2e3, 2e4), total("train"), done.get("train", 0),
             "classifier, splitting, barrier and screen together; the paper has 10^3 to 10^4 s for "
             "each of two models, and 10 minutes in IV.H"),
        _row("whole active loop", "loop", (paper_loop, paper_loop),
             optional(*LOOP_RULES), 1,
             "paper: t_i of IV.H with K_0, N_iter, K_i and the pairs of this run"),
        _row("whole run", "run", None, float(sum(spent.values())) if spent else NAN, 1,
             "processor time of all jobs recorded so far that ended well"),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def _spent(jobs: pd.DataFrame | None) -> tuple[dict[str, float], dict[str, int]]:
    """Processor seconds, and jobs, of the attempts of each rule that ended well."""
    if jobs is None:
        return {}, {}
    ended = jobs[jobs["status"] == "done"]
    rules = [rule_of(str(s), str(i)) for s, i in zip(ended["stage"], ended["item"], strict=True)]
    grouped = ended["cpu_seconds"].astype(float).groupby(np.asarray(rules, dtype=object))
    seconds = {str(rule): float(part.sum()) for rule, part in grouped}
    return seconds, {str(rule): len(part) for rule, part in grouped}


def _row(
    step: str,
    unit: str,
    paper: tuple[float, float] | None,
    total: float,
    units: float,
    note: str,
) -> dict[str, Any]:
    low, high = paper or (NAN, NAN)
    known = np.isfinite(total) and units > 0
    return {
        "step": step,
        "unit": unit,
        "paper_seconds_low": low,
        "paper_seconds_high": high,
        "seconds": total / units if known else NAN,
        "units": round(units),
        "total_seconds": total,
        "note": note,
    }


def collect(results: Results) -> pd.DataFrame:
    """Table II of a run."""
    config, history = results.config, results.history
    made = sum(g.count for g in config.glasses if g.frames is None)
    later = history[history["iteration"] >= 1]
    alone = results.standard_paths[results.standard_paths["iteration"] < 0]
    work = Work(
        glasses=made,
        quenches=int(results.trajectories["quenches"].sum()),
        minima=sum(results.minima.values()),
        pairs=sum(results.scan.pairs.values()),
        prediction_jobs=counts.prediction_jobs(config),
        initial_paths=int(history["paths"].iloc[0]),
        iterations=len(later),
        batch=float(later["paths"].mean()) if len(later) else 0.0,
    )
    return table(
        results.jobs,
        results.loop_paths["seconds"].to_numpy(dtype=np.float64),
        alone["seconds"].to_numpy(dtype=np.float64),
        work,
    )
