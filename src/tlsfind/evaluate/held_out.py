"""Predictions of every labelled pair by models that were trained without it.

1. Deal the pairs out to folds, at random or by glass (:mod:`tlsfind.learn.folding`), such that
   double wells and TLS are in all of them as evenly as can be.
2. For each fold train the models of the loop (classifier, predictors, screen) on the other folds,
   with inner folds of the same kind, and predict the pairs of the fold.

What cannot be trained on these pairs is left out, and the reason is kept.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from tlsfind import seeds
from tlsfind.config import Learn
from tlsfind.errors import TrainingError
from tlsfind.evaluate import speed
from tlsfind.learn import classifier, ensemble, folding, predictor, screen
from tlsfind.learn.labelled import Labelled
from tlsfind.progress import Advance

Mode = Literal["log", "paper"]

#: Spawn key of evaluations below the stage "learn"; 0 to 4 are those of the loop's training.
_STREAM = 5


@dataclass(frozen=True)
class Task:
    """What is trained on a table, and how.

    Args:
        table: the pairs.
        settings: section ``learn``; its ``split`` and ``splitting_target`` are set here.
        threshold: E_qs of a TLS.
        modes: of the splitting predictor, the first one leads.
        seed: of folds and models.
        folds: outer folds.
        threads: of every training and prediction.
    """

    table: Labelled
    settings: Learn
    threshold: float
    modes: tuple[Mode, ...]
    seed: int
    folds: int
    threads: int

    @property
    def known_splitting(self) -> np.ndarray:
        """Double wells with E_qs, shape (n,), bool."""
        return self.table.is_double_well & np.isfinite(self.table.splitting)

    @property
    def known_barrier(self) -> np.ndarray:
        """Double wells with a barrier, shape (n,), bool."""
        barrier = self.table.frame["barrier"].to_numpy(dtype=float)
        return self.table.is_double_well & np.isfinite(barrier)

    @property
    def strata(self) -> np.ndarray:
        """0: no double well, 1: double well, 2: TLS; shape (n,)."""
        tls = self.table.is_tls(self.threshold)
        return np.where(self.table.is_double_well, np.where(tls, 2, 1), 0)


@dataclass
class HeldOut:
    """Predictions of all n pairs, each by models that did not see it.

    Args:
        fold: outer fold of each pair, shape (n,).
        missing: why a model was not trained, by its name; its predictions below are then NaN.
        probability: of a double well, shape (n,).
        target: -log10 E_qs by mode, each of shape (n,).
        below: probability that E_qs is below the threshold, by mode, each of shape (n,).
        barrier: -log10 of the barrier, shape (n,).
        screened: probability of a TLS by the screen, shape (n,).
        passed: whether the screen leaves the pair to the ensembles, shape (n,), bool.
        time_limit_struck: whether it struck in any training.
        notes: (model, what was done otherwise, fold) of each training.
        speed: measured in the first fold, see :mod:`tlsfind.evaluate.speed`.
    """

    fold: np.ndarray
    missing: dict[str, str]
    probability: np.ndarray
    target: dict[str, np.ndarray]
    below: dict[str, np.ndarray]
    barrier: np.ndarray
    screened: np.ndarray
    passed: np.ndarray
    time_limit_struck: bool = False
    notes: list[tuple[str, str, int]] = field(default_factory=list)
    speed: dict[str, dict[str, float]] = field(default_factory=dict)


def outer_folds(task: Task, split: folding.Split, repeat: int) -> np.ndarray:
    """The fold of each pair, shape (n,).

    Raises:
        TrainingError: by glass with one glass only.
    """
    n = len(task.table.frame)
    seed = seeds.integer(task.seed, "learn", _STREAM, repeat, 0)
    return folding.assign(split, task.table.glasses, min(task.folds, n), seed, task.strata)


def missing_models(task: Task, fold: np.ndarray) -> dict[str, str]:
    """Why a model cannot be trained without each of the folds, for each model that cannot.

    A model is looked for under ``classifier``, ``splitting``, ``barrier`` or ``screen``.

    Args:
        task: what is trained.
        fold: shape (n,).
    """
    table, least = task.table, task.settings.min_double_wells
    barrier = table.frame["barrier"].to_numpy(dtype=float)

    def too_few(rows: np.ndarray, what: str) -> str | None:
        if not rows.any():
            return f"the table has no {what}"
        fewest = min(int((rows & (fold != number)).sum()) for number in np.unique(fold))
        if fewest >= least:
            return None
        return (
            f"{int(rows.sum())} {what}, {fewest} of them outside one of the folds, expected at "
            f"least {least} (learn.min_double_wells)"
        )

    def one_value(rows: np.ndarray, value: np.ndarray, what: str) -> str | None:
        for number in np.unique(fold):
            if np.ptp(value[rows & (fold != number)]) == 0:
                return f"{what} has one value over all training rows of a fold"
        return None

    wells, values = task.known_splitting, task.known_barrier
    found = {
        "classifier": too_few(table.is_double_well, "double wells")
        or too_few(~table.is_double_well, "pairs that are no double wells"),
        "splitting": too_few(wells, "double wells with E_qs")
        or one_value(wells, table.splitting, "E_qs"),
        "barrier": too_few(values, "double wells with a barrier")
        or one_value(values, barrier, "the barrier"),
    }
    found["screen"] = found["classifier"] or found["splitting"]
    return {name: reason for name, reason in found.items() if reason}


def trainings(task: Task, missing: dict[str, str]) -> int:
    """Trainings of ensembles in one outer fold."""
    count = {"classifier": 1, "splitting": len(task.modes), "barrier": 1}
    return sum(number for name, number in count.items() if name not in missing)


def predict(
    task: Task, split: folding.Split, fold: np.ndarray, repeat: int, advance: Advance
) -> HeldOut:
    """Train without each fold and predict it.

    Args:
        task: what is trained.
        split: of the inner folds, the same as that of ``fold``.
        fold: outer folds, shape (n,).
        repeat: number of the repetition, part of the seeds.
        advance: told of every training of an ensemble.

    Raises:
        TrainingError: a training failed or the time limit left no model.
    """
    n = len(fold)
    nan = np.full(n, np.nan)
    held = HeldOut(
        fold=fold,
        missing=missing_models(task, fold),
        probability=nan.copy(),
        target={mode: nan.copy() for mode in task.modes},
        below={mode: nan.copy() for mode in task.modes},
        barrier=nan.copy(),
        screened=nan.copy(),
        passed=np.zeros(n, dtype=bool),
    )
    for number in np.unique(fold):
        one = _Fold(task, split, held, int(number), repeat, advance)
        with tempfile.TemporaryDirectory(prefix="tlsfind-evaluate-") as folder:
            one.ensembles(Path(folder))
        if "screen" not in held.missing:
            one.screen()
    return held


class _Fold:
    """Training without one outer fold, and its predictions."""

    def __init__(
        self,
        task: Task,
        split: folding.Split,
        held: HeldOut,
        number: int,
        repeat: int,
        advance: Advance,
    ) -> None:
        self.task, self.held, self.number, self.advance = task, held, number, advance
        self.split, self.repeat = split, repeat
        self.features = task.table.frame[task.table.features]
        self.train, self.test = held.fold != number, held.fold == number
        self.settings = task.settings.model_copy(update={"split": split})
        self.first = number == held.fold.min() and repeat == 0

    def _seed(self, stream: int) -> int:
        return seeds.integer(self.task.seed, "learn", _STREAM, self.repeat, 1, self.number, stream)

    def ensembles(self, folder: Path) -> None:
        """Train and use the classifier and the predictors."""
        held, threads, test = self.held, self.task.threads, self.features[self.test]
        wells: classifier.Classifier | None = None
        if "classifier" not in held.missing:
            wells = self._classifier(folder / "classifier")
            held.probability[self.test] = wells.probability(test)
        splittings: predictor.Predictor | None = None
        if "splitting" not in held.missing:
            for mode in self.task.modes:
                model = self._predictor(folder / mode, mode)
                target = model.target(test)
                held.target[mode][self.test] = target
                held.below[mode][self.test] = model.below(target, self.task.threshold)
                splittings = splittings or model
        if "barrier" not in held.missing:
            held.barrier[self.test] = self._predictor(folder / "barrier", None).target(test)
        if self.first and wells and splittings:
            sizes = [folder / "classifier", folder / self.task.modes[0]]
            held.speed["ensemble"] = speed.of_ensembles(wells, splittings, test, sizes, threads)

    def _classifier(self, folder: Path) -> classifier.Classifier:
        table, train = self.task.table, self.train
        with self._told("classifier"):
            trained = classifier.fit(
                self.features[train],
                table.is_double_well[train],
                folder,
                self.settings,
                self._seed(0),
                table.glasses[train],
                self.task.threads,
            )
        self._keep("classifier", trained)
        return classifier.Classifier(folder, self.task.threads)

    def _predictor(self, folder: Path, mode: Mode | None) -> predictor.Predictor:
        """The predictor of E_qs in a mode, or of the barrier (None)."""
        table = self.task.table
        settings = self.settings
        if mode is None:
            name, quantity, stream = "barrier", "barrier", 1
            value, known = table.frame["barrier"].to_numpy(dtype=float), self.task.known_barrier
        else:
            name = section(self.task, mode)
            quantity, stream = "splitting", 2
            value, known = table.splitting, self.task.known_splitting
            settings = settings.model_copy(update={"splitting_target": mode})
        rows = self.train & known
        with self._told(name):
            trained = predictor.fit(
                self.features[rows],
                value[rows],
                folder,
                settings,
                self._seed(stream),
                table.glasses[rows],
                "barrier" if quantity == "barrier" else "splitting",
                self.task.threads,
            )
        self._keep(name, trained)
        return predictor.Predictor(folder, self.task.threads)

    def screen(self) -> None:
        """Train and use the screen, its cutoff found as a training of the loop finds it.

        The loop lowers it by the scores of random pairs of the pool, most of them unseen; here
        the out-of-fold scores of the training rows stand for these.
        """
        task, rows = self.task, self.train
        with self._told("screen"):
            trained = screen.fit(
                self.features[rows],
                task.table.is_double_well[rows],
                predictor.to_target(task.table.splitting[rows]),
                float(predictor.to_target(np.array(task.threshold))),
                rounds=task.settings.screen_rounds,
                seed=self._seed(3),
                fold=self._screen_folds(),
                threads=task.threads,
            )
        trained.screen.admit(trained.out_of_fold.probability_tls, task.settings.screen_share)
        scores = trained.screen.predict(self.features[self.test]).probability_tls
        self.held.screened[self.test] = scores
        self.held.passed[self.test] = scores >= trained.screen.cutoff
        if self.first:
            self.held.speed["screen"] = speed.of_screen(trained.screen, self.features)

    def _screen_folds(self) -> np.ndarray | None:
        """Inner folds by glass, if these rows allow it; None for the screen's own, by row."""
        if self.split == "row":
            return None
        task, rows = self.task, self.train
        fold, reason = screen.folds_by_glass(
            task.table.glasses[rows],
            task.table.is_double_well[rows],
            predictor.to_target(task.table.splitting[rows]),
            float(predictor.to_target(np.array(task.threshold))),
            self._seed(3),
        )
        if reason:
            self.held.notes.append(("screen", reason, self.number))
        return fold

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        """Say in errors what was trained."""
        try:
            yield
        except TrainingError as error:
            kind = "at random" if self.split == "row" else "by glass"
            raise TrainingError(
                f"{name}, folds {kind}, without fold {self.number + 1}: {error}"
            ) from None
        if name != "screen":
            self.advance()

    def _keep(self, name: str, trained: ensemble.Trained) -> None:
        self.held.time_limit_struck |= trained.time_limit_struck
        notes = list(trained.notes)
        if trained.time_limit_struck and not any("time limit" in note for note in notes):
            notes.append("time limit: the training was cut short")
        self.held.notes += [(name, note, self.number) for note in notes]


def section(task: Task, mode: Mode) -> str:
    """Where the scores of a mode stand: ``splitting`` for the leading one."""
    return "splitting" if mode == task.modes[0] else f"splitting_{mode}"
