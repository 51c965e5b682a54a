"""Which pairs a model of a scan is trained on, and on which it is scored.

For each repetition the pairs of one preparation temperature are dealt out to 1 / ``held_out`` folds
as in an evaluation (:func:`tlsfind.evaluate.held_out.outer_folds`), at random or by glass, with
double wells and TLS in all of them as evenly as can be. One of the folds, at random, is held out.
The training pairs come in random order, so that their first n are a random sample of n and that
smaller samples are part of larger ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tlsfind import seeds
from tlsfind.config import Learn, Scans
from tlsfind.errors import TrainingError
from tlsfind.evaluate import held_out
from tlsfind.interpret import temperatures
from tlsfind.learn import folding
from tlsfind.learn.labelled import Labelled

Kind = Literal["classifier", "predictor"]

CLASSIFIER: Kind = "classifier"
PREDICTOR: Kind = "predictor"
KINDS: tuple[Kind, ...] = (CLASSIFIER, PREDICTOR)

#: Kinds of random numbers below the stage "scan".
_FOLD, _ORDER, _MODEL = 0, 1, 2


@dataclass(frozen=True)
class Study:
    """The pairs of one preparation temperature, and how models of them are scanned.

    Args:
        table: the pairs, n rows.
        temperature: T_f.
        learn: settings of the models; ``features`` and ``split`` are set by the scans.
        scans: section ``scans``.
        threshold: E_qs of a TLS.
        seed: of folds and models.
        threads: of every training.
    """

    table: Labelled
    temperature: float
    learn: Learn
    scans: Scans
    threshold: float
    seed: int
    threads: int = 1

    def eligible(self, model: Kind) -> np.ndarray:
        """The pairs that a model can learn from, shape (n,): all, or double wells with E_qs."""
        if model == CLASSIFIER:
            return np.ones(len(self.table.frame), dtype=bool)
        return self.table.is_double_well & np.isfinite(self.table.splitting)


@dataclass(frozen=True)
class Draw:
    """Training and held-out pairs of one repetition, as rows of the table.

    Args:
        split: how the held-out ones were chosen.
        repeat: number of the repetition.
        train: rows in random order.
        test: rows.
        seed: of the models.
    """

    split: folding.Split
    repeat: int
    train: np.ndarray
    test: np.ndarray
    seed: int

    def first(self, count: int) -> Draw:
        """The same with the first ``count`` training pairs."""
        return Draw(self.split, self.repeat, self.train[:count], self.test, self.seed)


def draw(study: Study, model: Kind, split: folding.Split, repeat: int) -> Draw:
    """The pairs of one repetition.

    Raises:
        TrainingError: by glass with one glass, or no pairs left to train on or to hold out.
    """
    folds = max(2, round(1.0 / study.scans.held_out))
    task = held_out.Task(
        study.table, study.learn, study.threshold, ("log",), study.seed, folds, study.threads
    )
    fold = held_out.outer_folds(task, split, repeat)
    which = folding_index(split)
    rng = seeds.generator(study.seed, "scan", _FOLD, which, repeat)
    chosen = fold == rng.integers(fold.max() + 1)
    eligible = study.eligible(model)
    order = seeds.generator(study.seed, "scan", _ORDER, which, repeat).permutation(len(fold))
    train, test = order[(eligible & ~chosen)[order]], np.flatnonzero(eligible & chosen)
    if not len(train) or not len(test):
        raise TrainingError(
            f"{len(train)} pairs to train the {model} on and {len(test)} held out by {split}, "
            "expected some of both"
        )
    seed = seeds.integer(study.seed, "scan", _MODEL, which, repeat)
    return Draw(split, repeat, train, test, seed)


def folding_index(split: folding.Split) -> int:
    """Number of a split in seeds."""
    return {"row": 0, "glass": 1}[split]


def draws(study: Study, model: Kind) -> Iterator[tuple[folding.Split, int, Draw | str]]:
    """Every split and repetition with its pairs, or with the reason why there are none."""
    for split in study.scans.splits:
        for repeat in range(study.scans.repeats):
            try:
                yield split, repeat, draw(study, model, split, repeat)
            except TrainingError as error:
                yield split, repeat, str(error)


def studies(
    table: Labelled,
    learn: Learn,
    scans: Scans,
    threshold: float,
    seed: int,
    threads: int = 1,
    plain: bool = False,
) -> list[Study]:
    """A study for each preparation temperature of a table, the lowest first.

    Args:
        table: labelled pairs of one or more temperatures.
        learn: settings of the models.
        scans: section ``scans``.
        threshold: E_qs of a TLS.
        seed: of folds and models.
        threads: of every training.
        plain: the models see the columns as they are, whatever ``scans.features`` says; needed for
            a part of the columns, or for others.
    """
    of_rows = temperatures.of_rows(table)
    settings = learn.model_copy(update={"features": "plain" if plain else scans.features})
    found = []
    for temperature in np.unique(of_rows):
        frame = table.frame[of_rows == temperature].reset_index(drop=True)
        part = Labelled(frame, table.features, table.unit_system)
        found.append(Study(part, float(temperature), settings, scans, threshold, seed, threads))
    return found
