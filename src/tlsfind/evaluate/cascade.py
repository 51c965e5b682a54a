"""What the cascade of screen and ensembles loses against the ensembles alone, and what it costs.

In a run the screening models see every pair, and the ensembles those of the highest scores, a share
of all (``learn.screen_share``). Here the ensembles predict *all* pairs of a pool that the models
did not see, and for each share it is counted what the cascade would have left out:

- of the TLS of the pool;
- of the K pairs that the ensembles alone would have picked, those of highest P(TLS).

The pool is one outer fold of a labelled table (:mod:`tlsfind.evaluate.held_out`), by row or by
glass, diluted (:mod:`tlsfind.simulate.dilution`): among published pairs 60 % are double wells, in a
glass 0.5 to 5 %. Added pairs are like pairs that nearly were double wells, and harder to leave out
than the far pairs of a real pool. Ranks are of the pairs of each fold, shares are of its pool.

References: Viola and Jones, Proc. CVPR (2001): cascades of classifiers, cheap ones first.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tlsfind import seeds
from tlsfind.errors import TrainingError
from tlsfind.evaluate import held_out
from tlsfind.evaluate.held_out import Task
from tlsfind.learn import classifier, folding, predictor, screen
from tlsfind.learn.labelled import Labelled
from tlsfind.progress import Advance, progress
from tlsfind.simulate.dilution import dilute

#: Shares of the pool that the ensembles predict again.
SHARES = (0.001, 0.003, 0.01, 0.02, 0.03, 0.05, 0.1, 0.3)

#: Numbers of pairs that the ensembles alone would pick, from the head of their order.
TOPS = (100, 500, 2000)

#: Spawn key below the stage "learn", beside those of ``held_out`` and of the loop's training.
_STREAM = 6

#: The splits by their names in the JSON.
SPLITS: dict[str, folding.Split] = {"random": "row", "grouped": "glass"}

#: What stands in the JSON of ``tlsfind cascade``.
DESCRIPTIONS = {
    "rows": "labelled pairs",
    "dilution": "pairs added to a pool for each of its labelled ones",
    "random, grouped": "held out at random, whole glasses held out",
    "SPLIT.pairs": "pairs of the pools of all folds that were held out",
    "SPLIT.tls": "TLS among them",
    "SPLIT.screen_microseconds_per_pair": "wall time of the screening models, features in memory",
    "SPLIT.ensemble_microseconds_per_pair": "wall time of both ensembles for the whole pools",
    "SPLIT.smallest_share": "smallest share of each pool that keeps all its TLS",
    "SPLIT.cutoff_share": "share that the cutoff by held-out TLS of the training rows passes",
    "SPLIT.cutoff_tls_lost": "TLS of the pools below this cutoff",
    "SPLIT.shares": "for each share of a pool, of highest screening score: pairs kept, TLS lost, "
    "recall of the TLS and of the K best pairs of the ensembles (K: share kept), microseconds for "
    "a pair of the pool",
}


@dataclass(frozen=True)
class Kept:
    """What a share of the pool, of highest screening score, keeps.

    Args:
        share: of the pool.
        pairs: how many that are, over all folds.
        tls: TLS of the pool, over all folds.
        tls_lost: TLS among them that are left out.
        recall_tls: share of the TLS that are kept; None if there is none.
        recall_top: by the number K, share of the K best pairs of the ensembles that are kept.
        microseconds_per_pair: of screen and ensembles together, for a pair of the pool.
    """

    share: float
    pairs: int
    tls: int
    tls_lost: int
    recall_tls: float | None
    recall_top: dict[str, float]
    microseconds_per_pair: float


@dataclass
class Pool:
    """Scores of the n pairs of one fold by models that saw none of them.

    Args:
        screened: P(TLS) by the screening models, shape (n,).
        full: P(TLS) by the ensembles, shape (n,).
        tls: whether it is a TLS, shape (n,), bool; False of added pairs.
        cutoff: of the screen, from the held-out TLS of its training rows.
        screen_seconds: that the screening models took.
        ensemble_seconds: that the ensembles took.
    """

    screened: np.ndarray
    full: np.ndarray
    tls: np.ndarray
    cutoff: float
    screen_seconds: float
    ensemble_seconds: float


def ranks(scores: np.ndarray) -> np.ndarray:
    """Place of each pair from the highest score, from 0, shape (n,); equal ones in their order."""
    place = np.empty(len(scores), dtype=np.int64)
    place[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    return place


def kept(pools: Sequence[Pool], share: float, tops: Sequence[int] = TOPS) -> Kept:
    """What a share keeps, over the pools of all folds.

    Args:
        pools: of the folds.
        share: of each pool that the ensembles predict again.
        tops: numbers K; one that a pool is smaller than is left out.
    """
    sizes = [len(pool.full) for pool in pools]
    inside = [ranks(p.screened) < round(share * n) for p, n in zip(pools, sizes, strict=True)]
    tls = sum(int(pool.tls.sum()) for pool in pools)
    lost = sum(int((pool.tls & ~found).sum()) for pool, found in zip(pools, inside, strict=True))
    recall = {
        str(top): float(
            np.mean(
                [found[ranks(p.full) < top].mean() for p, found in zip(pools, inside, strict=True)]
            )
        )
        for top in tops
        if top <= min(sizes)
    }
    pairs = sum(int(found.sum()) for found in inside)
    total = sum(sizes)
    seconds = sum(pool.screen_seconds for pool in pools)
    seconds += pairs / total * sum(pool.ensemble_seconds for pool in pools)
    return Kept(
        share, pairs, tls, lost, 1.0 - lost / tls if tls else None, recall, 1e6 * seconds / total
    )


def smallest_share(pools: Sequence[Pool]) -> float:
    """The smallest share of each pool that keeps all its TLS."""
    needed = [
        (ranks(pool.screened)[pool.tls].max() + 1) / len(pool.tls)
        for pool in pools
        if pool.tls.any()
    ]
    return float(max(needed, default=0.0))


def measure(
    task: Task,
    *,
    dilution: float,
    folds_used: int | None = None,
    shares: Sequence[float] = SHARES,
    tops: Sequence[int] = TOPS,
) -> dict[str, Any]:
    """Train without each fold, predict its diluted pairs twice, compare.

    Args:
        task: what is trained; its first mode counts.
        dilution: pairs added to a fold for each of its labelled ones.
        folds_used: outer folds that are held out in turn; all by default.
        shares: of the pool.
        tops: numbers of pairs picked.

    Returns:
        By split, nested dictionaries ready for JSON; a split that is not
        possible is None, with a note.

    Raises:
        TrainingError: the models cannot be trained.
    """
    result: dict[str, Any] = {
        "description": DESCRIPTIONS,
        "rows": len(task.table.frame),
        "seed": task.seed,
        "dilution": dilution,
        "notes": [],
    }
    plan: dict[str, np.ndarray] = {}
    for name, split in SPLITS.items():
        result[name] = None
        try:
            plan[name] = held_out.outer_folds(task, split, 0)
        except TrainingError as error:
            result["notes"].append(f"{name} is null: {error}")
    for name in list(plan):
        missing = held_out.missing_models(task, plan[name])
        missing.pop("barrier", None)
        if missing:
            result["notes"].append(f"{name} is null: {next(iter(missing.values()))}")
            del plan[name]
    numbers = {name: np.unique(fold)[:folds_used] for name, fold in plan.items()}
    with progress(2 * sum(map(len, numbers.values())), "trainings") as advance:
        for name, fold in plan.items():
            pools = [_pool(task, SPLITS[name], fold, k, dilution, advance) for k in numbers[name]]
            result[name] = _summary(pools, shares, tops)
    return result


def _summary(pools: list[Pool], shares: Sequence[float], tops: Sequence[int]) -> dict[str, Any]:
    pairs = sum(len(pool.full) for pool in pools)
    passed = [np.mean(pool.screened >= pool.cutoff) for pool in pools]
    lost = sum(int((pool.tls & (pool.screened < pool.cutoff)).sum()) for pool in pools)
    return {
        "pairs": pairs,
        "folds": len(pools),
        "tls": sum(int(pool.tls.sum()) for pool in pools),
        "screen_microseconds_per_pair": 1e6 * sum(p.screen_seconds for p in pools) / pairs,
        "ensemble_microseconds_per_pair": 1e6 * sum(p.ensemble_seconds for p in pools) / pairs,
        "smallest_share": smallest_share(pools),
        "cutoff_share": float(np.mean(passed)),
        "cutoff_tls_lost": lost,
        "shares": [asdict(kept(pools, share, tops)) for share in shares],
    }


def _pool(
    task: Task,
    split: folding.Split,
    fold: np.ndarray,
    number: int,
    dilution: float,
    advance: Advance,
) -> Pool:
    """Train without a fold, and score its diluted pairs."""
    seed = [seeds.integer(task.seed, "learn", _STREAM, int(number), k) for k in range(4)]
    table, rows = task.table, fold != number
    features, glasses = table.frame[table.features][rows], table.glasses[rows]
    wells, target = table.is_double_well[rows], predictor.to_target(table.splitting[rows])
    bound = float(predictor.to_target(np.array(task.threshold)))
    settings = task.settings.model_copy(update={"split": split, "splitting_target": task.modes[0]})
    inner = None
    if split == "glass":
        inner, _ = screen.folds_by_glass(glasses, wells, target, bound, seed[2])
    small = screen.fit(
        features, wells, target, bound, rounds=settings.screen_rounds, seed=seed[2], fold=inner
    ).screen
    part = Labelled(table.frame[~rows].reset_index(drop=True), table.features, table.unit_system)
    pool = dilute(part, dilution, np.random.default_rng(seed[3]))
    new = pool.frame[pool.features]
    x = screen.matrix(new, small.features)
    begin = time.perf_counter()
    screened = small.predict_matrix(x).probability_tls
    screen_seconds = time.perf_counter() - begin
    known = wells & np.isfinite(table.splitting[rows])
    with TemporaryDirectory(prefix="tlsfind-cascade-") as name:
        folder = Path(name)
        classifier.fit(
            features, wells, folder / "classifier", settings, seed[0], glasses, task.threads
        )
        advance()
        values = table.splitting[rows][known]
        predictor.fit(
            features[known], values, folder / "splitting", settings, seed[1], glasses[known],
            threads=task.threads,
        )  # fmt: skip
        advance()
        first = classifier.Classifier(folder / "classifier", task.threads)
        second = predictor.Predictor(folder / "splitting", task.threads)
        begin = time.perf_counter()
        below = second.below(second.target(new), task.threshold)
        full = first.probability(new) * below
        ensemble_seconds = time.perf_counter() - begin
    tls = pool.is_tls(task.threshold)
    return Pool(screened, full, tls, small.cutoff, screen_seconds, ensemble_seconds)


def lines(result: dict[str, Any], tops: Sequence[int] = TOPS) -> list[str]:
    """The table of shares of both splits, as lines of text."""
    text: list[str] = []
    for name in SPLITS:
        found = result[name]
        if found is None:
            continue
        text += [
            f"{name}: {found['pairs']} pairs in {found['folds']} pools, {found['tls']} TLS; screen "
            f"{found['screen_microseconds_per_pair']:.2f} us a pair, ensembles "
            f"{found['ensemble_microseconds_per_pair']:.1f} us",
            f"smallest share without a loss: {found['smallest_share']:.4f}; the cutoff by held-out "
            f"TLS passes {found['cutoff_share']:.4f} and loses {found['cutoff_tls_lost']}",
            f"{'share':>8}{'TLS lost':>10}{'recall TLS':>12}"
            + "".join(f"{f'top {top}':>10}" for top in tops)
            + f"{'us/pair':>10}",
        ]
        for row in found["shares"]:
            recall = row["recall_tls"]
            heads = [row["recall_top"].get(str(top)) for top in tops]
            text.append(
                f"{row['share']:>8g}{row['tls_lost']:>10}{_shown(recall):>12}"
                + "".join(f"{_shown(value):>10}" for value in heads)
                + f"{row['microseconds_per_pair']:>10.2f}"
            )
        text.append("")
    return text + [f"note: {note}" for note in result["notes"]]


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
