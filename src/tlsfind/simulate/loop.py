"""The active loop on pairs whose paths are all solved: what a rule would have found, and when.

1. K_0 pairs get a path before any model: drawn at random, or from the strata of the real loop. A
   ``transfer`` start has none: its models are trained on labelled pairs of other glasses.
2. The screening models are trained on all paths so far. If these hold too few double wells with
   E_qs, or others, or one E_qs only, the next batch is drawn at random, as the first one was.
3. The rule picks the next K_i pairs by the models' predictions.
4. 2 and 3 are repeated until all TLS are found or the paths are spent. Each iteration records the
   estimate of missing TLS, both stopping rules, and the truth.

The truth about a pair is used once it has a path, and otherwise only to record and to end a
simulation. Rules without models cost nothing and go on to the last TLS.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tlsfind.config import Loop
from tlsfind.errors import InputError, TrainingError
from tlsfind.learn import acquisition, folding, missing, screen, selection, stopping
from tlsfind.simulate.pool import Pool, hold_out

LOG = logging.getLogger(__name__)

#: Rules that go by predictions, and rules that need no model.
MODEL_RULES = ("tls_probability", "lowest_splitting", "lower_confidence", "gate_then_soft")
BASELINES = ("smallest_delta_e", "standard", "random")
RULES = MODEL_RULES + BASELINES

#: The random batches, as named in the column ``chosen_by``.
INITIAL, TOO_FEW = "initial", "random_too_few"

_DEFAULT = Loop()


@dataclass(frozen=True)
class Settings:
    """What all simulated loops of a comparison share; defaults are those of section ``loop``.

    Args:
        initial: K_0.
        batch: K_i.
        max_paths: paths after which a rule with models ends; None: when all TLS are found.
        rounds: trees of the screening models.
        gate: smallest double-well probability that passes.
        confidence: level of ``lower_confidence``.
        switch: ``gate_then_soft`` turns soft after a batch with a smaller share of TLS.
        shares: of K_0 drawn from the first two of ``selection.STRATA``; None: all at random.
        close_displacement: d below which a pair is close, for the strata.
        stop_fraction: of the rule of the last batch (:mod:`tlsfind.learn.stopping`).
        missing_fraction: of the rule of missing TLS, its largest missing share.
        level: coverage of the interval of missing TLS.
        min_double_wells: fewest double wells with E_qs, and others, to train on.
        threads: threads of the training.
    """

    initial: int = _DEFAULT.initial_paths
    batch: int = _DEFAULT.paths_per_iteration
    max_paths: int | None = 4000
    rounds: int = 100
    gate: float = _DEFAULT.gate
    confidence: float = _DEFAULT.confidence
    switch: float = 0.05
    shares: tuple[float, float] | None = None
    close_displacement: float = _DEFAULT.close_displacement
    stop_fraction: float = _DEFAULT.stop_fraction
    missing_fraction: float = _DEFAULT.missing_fraction
    level: float = 0.9
    min_double_wells: int = 20
    threads: int = 1


class Scores(NamedTuple):
    """What models say of the pairs of the pool, each of shape (n,).

    Args:
        probability: of a double well.
        splitting: E_qs.
        low: E_qs that the exact one is below with probability ``confidence``.
        probability_tls: of a TLS.
    """

    probability: np.ndarray
    splitting: np.ndarray
    low: np.ndarray
    probability_tls: np.ndarray


#: Trains on some pairs and predicts others: (training pairs, pool, settings, seed) -> Scores.
Train = Callable[[Pool, Pool, Settings, int], Scores]


class Run(NamedTuple):
    """One simulated loop.

    Args:
        curve: a row for each iteration, columns of ``tlsfind.simulate.stage.CURVES`` but rule and
            seed.
        order: rows of the pool in the order of their paths, shape (paths,).
    """

    curve: pd.DataFrame
    order: np.ndarray


def by_screen(
    training: Pool, pool: Pool, settings: Settings, seed: int, *, split: folding.Split = "row"
) -> Scores:
    """Train the screening models and predict the pool.

    Args:
        training: pairs to train on.
        pool: pairs to predict.
        settings: of the simulation.
        seed: of the models and the folds.
        split: how the training pairs go to the folds that calibrate the models; by row where these
            pairs allow no folds of whole glasses.

    Raises:
        TrainingError: the training pairs are of one class or have one E_qs only.
    """
    wells, known = training.is_double_well, training.is_known
    target = np.full(len(training), np.nan)
    target[known] = -np.log10(training.splitting[known])
    bound = -float(np.log10(training.threshold))
    fold = None
    if split == "glass":
        fold, _ = screen.folds_by_glass(training.glasses, wells, target, bound, seed)
    models = screen.fit(
        training.frame,
        wells,
        target,
        bound,
        rounds=settings.rounds,
        seed=seed,
        fold=fold,
        threads=settings.threads,
    ).screen
    said = models.predict(pool.frame)
    return Scores(
        said.probability,
        10.0**-said.target,
        10.0 ** -models.residuals.quantile(said.target, 1.0 - settings.confidence),
        said.probability_tls,
    )


def by_screen_of_glasses(training: Pool, pool: Pool, settings: Settings, seed: int) -> Scores:
    """:func:`by_screen` calibrated on folds of whole glasses, for a pool of other glasses."""
    return by_screen(training, pool, settings, seed, split="glass")


def run(
    pool: Pool,
    rule: str,
    settings: Settings,
    seed: int,
    *,
    start: Pool | None = None,
    train: Train = by_screen,
) -> Run:
    """Simulate one loop.

    Args:
        pool: pairs to search.
        rule: one of ``RULES``.
        settings: of all loops of a comparison.
        seed: of the first batch, the models, and the order of equal scores; the first batch of a
            seed is the same for all rules.
        start: labelled pairs of other glasses that are trained on from the start; then models pick
            the first batch and K_0 is not used.
        train: trains and predicts.

    Raises:
        InputError: an unknown rule, or no TLS in the pool.
    """
    if rule not in RULES:
        raise InputError(
            f"acquisition rule {rule!r} is unknown, expected one of {', '.join(RULES)}"
        )
    if not pool.is_tls.any():
        raise InputError(
            f"no TLS (E_qs < {pool.threshold:g}) among the {len(pool)} pairs to search"
        )
    return _Loop(pool, rule, settings, seed, start, train).run()


class _Loop:
    """State of one simulated loop."""

    def __init__(
        self,
        pool: Pool,
        rule: str,
        settings: Settings,
        seed: int,
        start: Pool | None,
        train: Train,
    ) -> None:
        self.pool, self.rule, self.settings, self.start = pool, rule, settings, start
        self._train = train
        first, self._models = np.random.SeedSequence(seed).spawn(2)
        self._rng = np.random.default_rng(first)
        self._key = self._rng.random(len(pool))
        self._solved = np.zeros(len(pool), dtype=bool)
        self._order: list[np.ndarray] = []
        self._soft = rule == "tls_probability"
        self._expected, self._found, self._batches = 0.0, 0, 0
        self._rows: list[dict[str, Any]] = []
        self._scores: Scores | None = None
        self._total = int(pool.is_tls.sum())
        self._static = _baseline(rule, pool.frame) if rule in BASELINES else None

    def run(self) -> Run:
        """Go through all iterations."""
        initial = np.empty(0, dtype=np.int64) if self.start is not None else self._initial()
        self._solve(initial, INITIAL, None)
        while not self._finished():
            batch, chosen_by = self._choose()
            scores = self._scores
            self._solve(batch, chosen_by, scores)
        order = np.concatenate(self._order)
        return Run(pd.DataFrame(self._rows), order)

    def _finished(self) -> bool:
        last = self._rows[-1]
        if last["tls"] == self._total or last["paths"] == len(self.pool):
            return True
        limit = self.settings.max_paths
        return self._static is None and limit is not None and last["paths"] >= limit

    def _initial(self) -> np.ndarray:
        """Rows of the first batch."""
        shares, size = self.settings.shares, min(self.settings.initial, len(self.pool))
        if shares is None:
            return self._lowest(np.zeros(len(self.pool)), size)
        stratum = selection.strata(self.pool.frame, self.settings.close_displacement)
        members = [np.flatnonzero(stratum == k) for k in range(len(selection.STRATA))]
        counts = selection.quotas(size, shares, [len(rows) for rows in members])
        chosen = [
            rows[np.argsort(self._key[rows], kind="stable")[:count]]
            for rows, count in zip(members, counts, strict=True)
        ]
        return np.concatenate(chosen)

    def _lowest(self, score: np.ndarray, size: int) -> np.ndarray:
        """Rows without a path of lowest score, equal scores by their random keys."""
        score = np.where(self._solved, np.inf, score)
        size = min(size, int((~self._solved).sum()))
        bound = np.partition(score, size - 1)[size - 1]
        rows = np.flatnonzero(score <= bound)
        return rows[np.lexsort((self._key[rows], score[rows]))[:size]]

    def _choose(self) -> tuple[np.ndarray, str]:
        """Rows of the next batch, and by what they were chosen."""
        size = self.settings.batch
        if self._static is not None:
            return self._lowest(self._static, size), self.rule
        if self._scores is None:
            return self._lowest(np.zeros(len(self.pool)), size), TOO_FEW
        scores, gate = self._scores, self.settings.gate
        if self.rule == "lower_confidence":
            score = acquisition.lower_confidence(scores.probability, scores.low, gate)
        elif self._soft:
            score = acquisition.tls_probability(scores.probability_tls)
        else:
            score = acquisition.lowest_splitting(scores.probability, scores.splitting, gate)
        batch = self._lowest(score, size)
        if self.rule == "gate_then_soft" and not self._soft:
            self._soft = not acquisition.passes_gate(score[batch]).all()
            return (batch, "lowest_splitting") if not self._soft else self._choose()
        return batch, "tls_probability" if self._soft else self.rule

    def _solve(self, batch: np.ndarray, chosen_by: str, scores: Scores | None) -> None:
        """Learn the truth about a batch, train again, and record the iteration."""
        self._solved[batch] = True
        self._order.append(batch)
        new = int(self.pool.is_tls[batch].sum())
        expected = None
        if chosen_by in MODEL_RULES and scores is not None:
            expected = float(scores.probability_tls[batch].sum())
            self._expected += expected
            self._found += new
        self._batches += chosen_by not in (INITIAL, TOO_FEW)
        if self.rule == "gate_then_soft" and chosen_by == "lowest_splitting":
            self._soft = new < self.settings.switch * len(batch)
        self._scores = self._predictions()
        self._record(chosen_by, new, expected)

    def _predictions(self) -> Scores | None:
        """Of models trained on all paths so far; None without models or with unusable paths."""
        if self._static is not None:
            return None
        training = self.pool.take(np.concatenate(self._order))
        if self.start is not None:
            training = self.start.followed_by(training)
        known = training.splitting[training.is_known]
        others = int((~training.is_double_well).sum())
        if min(len(known), others) < self.settings.min_double_wells or np.ptp(known) == 0:
            return None
        seed = int(self._models.spawn(1)[0].generate_state(1, np.uint32)[0] >> 1)
        try:
            return self._train(training, self.pool, self.settings, seed)
        except TrainingError:  # the paths of some folds are too few, or all alike
            return None

    def _record(self, chosen_by: str, new: int, expected: float | None) -> None:
        paths = int(self._solved.sum())
        tls = int((self.pool.is_tls & self._solved).sum())
        decision = stopping.verdict(
            self._batches,
            new,
            tls,
            len(self.pool) - paths,
            stop_fraction=self.settings.stop_fraction,
            min_iterations=1,
            max_iterations=len(self.pool),
        )
        row: dict[str, Any] = {
            "iteration": len(self._rows),
            "chosen_by": chosen_by,
            "paths": paths,
            "tls": tls,
            "double_wells": int((self.pool.is_double_well & self._solved).sum()),
            "total_tls": self._total,
            "true_missing": self._total - tls,
            "expected_tls": np.nan if expected is None else expected,
            "predicted_missing": np.nan,
            "missing": np.nan,
            "missing_low": np.nan,
            "missing_high": np.nan,
            "stop": decision.converged,
            "stop_missing": False,
        }
        if self._scores is not None:
            remaining = float(self._scores.probability_tls[~self._solved].sum())
            found = missing.estimate(remaining, self._found, self._expected, self.settings.level)
            row |= {
                "predicted_missing": remaining,
                "missing": found.mean,
                "missing_low": found.low,
                "missing_high": found.high,
                "stop_missing": self._batches > 0
                and found.share(tls) < self.settings.missing_fraction,
            }
        self._rows.append(row)


def _baseline(rule: str, frame: pd.DataFrame) -> np.ndarray:
    """Scores of a rule without models, shape (n,)."""
    if rule == "smallest_delta_e":
        return acquisition.smallest_delta_e(frame["delta_e"].to_numpy())
    if rule == "standard":
        return acquisition.standard(
            frame["transitions_ab"].to_numpy(), frame["transitions_ba"].to_numpy()
        )
    return acquisition.random(len(frame))


def compare(
    pool: Pool,
    rules: Sequence[str],
    seeds: Sequence[int],
    settings: Settings,
    *,
    transfer: bool = False,
    train: Train | None = None,
    advance: Callable[[], None] = lambda: None,
) -> pd.DataFrame:
    """Simulate every rule with every seed.

    Args:
        pool: pairs to search; with ``transfer`` a third of its glasses are, by :func:`hold_out`.
        rules: some of ``RULES``.
        seeds: one loop of each rule for each.
        settings: of all of them.
        transfer: start from models of the other glasses.
        train: trains and predicts; the screening models by default, calibrated on whole glasses
            for a transfer.
        advance: called after each loop.

    Returns:
        The curves one below the other, columns of ``tlsfind.simulate.stage.CURVES``. With
        ``transfer``, seeds whose glasses to search hold no TLS are left out.

    Raises:
        InputError: as :func:`run`, or no seed is left.
        TrainingError: with ``transfer``, all pairs are of one glass.
    """
    train = train or (by_screen_of_glasses if transfer else by_screen)
    curves = []
    for seed in seeds:
        start, searched = hold_out(pool, seed) if transfer else (None, pool)
        if transfer and not searched.is_tls.any():
            LOG.info(
                "seed %d is skipped: no TLS (E_qs < %g) among the %d pairs to search, of the "
                "glasses %s",
                seed,
                pool.threshold,
                len(searched),
                ", ".join(np.unique(searched.glasses)),
            )
            for _ in rules:
                advance()
            continue
        for rule in rules:
            curve = run(searched, rule, settings, seed, start=start, train=train).curve
            curves.append(curve.assign(rule=rule, seed=seed))
            advance()
    if not curves:
        raise InputError(
            f"no TLS (E_qs < {pool.threshold:g}) in the glasses to search, with any of the seeds "
            f"{', '.join(map(str, seeds))}: expected TLS in a third of the glasses"
        )
    return pd.concat(curves, ignore_index=True)
