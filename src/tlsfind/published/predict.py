"""Models trained on a part of the labelled pairs, and their predictions of pairs they never saw.

1. Deal the pairs out to parts, at random or by glass, double wells and TLS as evenly as can be; the
   first part is held out.
2. Train the classifier and the splitting predictor on at most ``published.training_pairs`` rows of
   the other parts each, drawn at random.
3. Predict the held-out part and score the predictions.

At random is the paper's way: glasses, and often the minima, of a held-out pair were trained on. By
glass is how the models do in a new glass.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tlsfind import seeds, tables
from tlsfind.evaluate import scores
from tlsfind.evaluate.scores import Scored
from tlsfind.learn import classifier, folding, labelled, predictor
from tlsfind.learn.folding import Split
from tlsfind.learn.labelled import Labelled
from tlsfind.pairs.keys import KEYS
from tlsfind.published.settings import PublishedConfig

#: Both splits, the paper's first.
SPLITS: tuple[Split, ...] = ("row", "glass")

#: Spawn key below the stage "learn"; 0 to 5 are those of the loop and of evaluations.
_STREAM = 6

#: E_qs above this is no level splitting of a double well of this model (eps): rows of one minimum
#: found twice. The authors' script that scores the predictor leaves them out, too.
LARGEST_SPLITTING = 0.1


@dataclass(frozen=True)
class Parts:
    """Which rows of a labelled table serve for what.

    Args:
        held_out: rows that no model sees, shape (n,), bool.
        classifier: rows that the classifier learns from, shape (n,), bool.
        predictor: rows that the predictor learns from, shape (n,), bool.
    """

    held_out: np.ndarray
    classifier: np.ndarray
    predictor: np.ndarray


def parts(
    table: Labelled, split: Split, threshold: float, folds: int, training_pairs: int, seed: int
) -> Parts:
    """Deal out the rows of a labelled table.

    Args:
        table: labelled pairs.
        split: at random (``row``) or by ``glass``.
        threshold: E_qs of a TLS.
        folds: parts, of which one is held out.
        training_pairs: most rows that a model learns from.
        seed: of the run.

    Raises:
        TrainingError: by glass with one glass only.
    """
    number = SPLITS.index(split)
    strata = np.where(table.is_double_well, np.where(table.is_tls(threshold), 2, 1), 0)
    first = seeds.integer(seed, "learn", _STREAM, number, 0)
    held_out = folding.assign(split, table.glasses, folds, first, strata) == 0
    rng = seeds.generator(seed, "learn", _STREAM, number, 1)

    def drawn(rows: np.ndarray) -> np.ndarray:
        found = np.zeros(len(rows), dtype=bool)
        places = np.flatnonzero(rows)
        found[rng.choice(places, min(training_pairs, len(places)), replace=False)] = True
        return found

    known = table.is_double_well & np.isfinite(table.splitting)
    return Parts(held_out, drawn(~held_out), drawn(~held_out & known))


def predict(
    config: PublishedConfig, table_file: Path, split: Split, output: Path, threads: int = 1
) -> dict[str, Any]:
    """Train, predict and score; write ``models/``, ``held_out.parquet`` and ``scores.json``.

    Args:
        config: of published mode.
        table_file: labelled table.
        split: ``row`` or ``glass``.
        output: folder that receives the files.
        threads: of trainings and predictions.

    Returns:
        The content of ``scores.json``: finite numbers, text and None.

    Raises:
        InputError: the table is missing or damaged.
        TrainingError: too few rows, one glass only, or the training failed.
    """
    table = labelled.read(table_file)
    threshold, published = config.unit.tls_threshold, config.published
    rows = parts(
        table, split, threshold, published.folds, published.training_pairs, config.run.seed
    )
    settings = config.learn.model_copy(update={"split": split})
    features = table.frame[table.features]
    number = SPLITS.index(split)

    def seed(stream: int) -> int:
        return seeds.integer(config.run.seed, "learn", _STREAM, number, 2, stream)

    wells = classifier.fit(
        features[rows.classifier],
        table.is_double_well[rows.classifier],
        output / "models" / "classifier",
        settings,
        seed(0),
        table.glasses[rows.classifier],
        threads,
    )
    splittings = predictor.fit(
        features[rows.predictor],
        table.splitting[rows.predictor],
        output / "models" / "predictor",
        settings,
        seed(1),
        table.glasses[rows.predictor],
        threads=threads,
    )
    held = table.frame[rows.held_out].reset_index(drop=True)
    probability = classifier.Classifier(output / "models" / "classifier", threads).probability(
        held[table.features]
    )
    model = predictor.Predictor(output / "models" / "predictor", threads)
    target = model.target(held[table.features])
    below = model.below(target, threshold)
    frame = held_out_table(held, probability, predictor.from_target(target))
    schema = tables.stamped(tables.schema("out_of_fold"), config.hash, config.run.seed)
    tables.write(frame, output / "held_out.parquet", schema)
    result = {
        "split": split,
        "threshold": threshold,
        "preparation_temperature": float(table.frame["preparation_temperature"].iloc[0]),
        "glasses": len(np.unique(table.glasses)),
        "held_out_glasses": len(np.unique(table.glasses[rows.held_out])),
        "held_out_pairs": int(rows.held_out.sum()),
        "classifier_pairs": int(rows.classifier.sum()),
        "predictor_pairs": int(rows.predictor.sum()),
        **score(frame, target, below, threshold),
        "time_limit_struck": wells.time_limit_struck or splittings.time_limit_struck,
        "notes": [*wells.notes, *splittings.notes],
    }
    with tables.atomic(output / "scores.json") as temporary:
        temporary.write_text(json.dumps(result, indent=2, allow_nan=False) + "\n")
    return result


def held_out_table(
    held: pd.DataFrame, probability: np.ndarray, splitting: np.ndarray
) -> pd.DataFrame:
    """Rows of table "out_of_fold".

    Args:
        held: rows of a labelled table, n.
        probability: of a double well, shape (n,).
        splitting: predicted E_qs, shape (n,).
    """
    well = held["is_double_well"].to_numpy(dtype=bool)
    return held[[*KEYS, "is_double_well", "quantum_splitting"]].assign(
        probability_double_well=probability,
        predicted_splitting=np.where(well, splitting, np.nan),
        barrier=np.nan,
        predicted_barrier=np.nan,
    )


def score(
    frame: pd.DataFrame, target: np.ndarray, below: np.ndarray, threshold: float
) -> dict[str, Any]:
    """Scores of held-out predictions, by section.

    Args:
        frame: rows of table "out_of_fold", n.
        target: predicted -log10 E_qs, shape (n,).
        below: predicted probability that E_qs is below the threshold, shape (n,).
        threshold: E_qs of a TLS.
    """
    well = frame["is_double_well"].to_numpy(dtype=bool)
    exact = frame["quantum_splitting"].to_numpy(dtype=float)
    probability = frame["probability_double_well"].to_numpy()
    known = well & np.isfinite(exact)
    found: dict[str, Scored] = {
        "classifier": scores.classification(well, probability),
        "splitting": scores.splittings(exact[known], target[known], below[known], threshold),
    }
    low = known & (exact < LARGEST_SPLITTING)
    found["splitting_below_0.1"] = scores.values(exact[low], target[low])
    sizes = {"classifier": len(frame), "splitting": known.sum(), "splitting_below_0.1": low.sum()}
    result: dict[str, Any] = {
        name: {"pairs": int(sizes[name]), **scored.values} for name, scored in found.items()
    }
    r2 = _determination(-np.log10(exact[known]), target[known])
    result["splitting"]["r2_log"] = r2
    return result


def _determination(exact: np.ndarray, predicted: np.ndarray) -> float | None:
    """Coefficient of determination R2; None without spread."""
    spread = float(np.sum((exact - exact.mean()) ** 2)) if len(exact) else 0.0
    return 1.0 - float(np.sum((exact - predicted) ** 2)) / spread if spread > 0 else None
