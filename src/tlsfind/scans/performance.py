"""Scores against M, the number of training pairs and the boosting rounds (Figs. S2 and S3)."""

from __future__ import annotations

from typing import Any

import pandas as pd

from tlsfind import tables
from tlsfind.config import Learn
from tlsfind.progress import progress
from tlsfind.scans import training
from tlsfind.scans.draws import Draw, Kind, Study, draws

#: The scans, in the order of the panels of Fig. S2.
SCANS = ("particles", "size", "rounds")


def scan(study: Study, model: Kind, wide: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of table "scan" for the three scans of one model.

    Args:
        study: the pairs.
        model: which model.
        wide: features of all n pairs for the largest M there is; those for a smaller one are among
            them.
    """
    rows: list[dict[str, Any]] = []
    repetitions = list(draws(study, model))
    with progress(len(repetitions), f"{model}, T_f = {study.temperature:g}: scans") as advance:
        for split, repeat, draw in repetitions:
            for name in SCANS:
                empty = training.row(study, name, model, split, repeat)
                if isinstance(draw, str):
                    rows.append({**empty, "note": draw})
                    continue
                for value, pairs, features, settings in _points(study, name, draw, wide):
                    found = training.measured(study, model, pairs, features, settings)
                    rows.append({**empty, "value": value, **found})
            advance()
    return rows


def _points(
    study: Study, name: str, draw: Draw, wide: pd.DataFrame
) -> list[tuple[float, Draw, pd.DataFrame, Learn]]:
    """Value, training pairs, features and settings of each training of a scan."""
    learn, scans = study.learn, study.scans
    features = study.table.frame[study.table.features]
    limited = draw.first(scans.training_pairs)
    if name == "particles":
        return [
            (float(m), limited, wide[tables.feature_names(m)], learn)
            for m in particles(wide, scans.particles)
        ]
    if name == "size":
        return [
            (float(n), draw.first(n), features, learn) for n in sizes(scans.sizes, len(draw.train))
        ]
    return [
        (float(r), limited, features, learn.model_copy(update={"rounds": r})) for r in scans.rounds
    ]


def particles(wide: pd.DataFrame, wanted: list[int]) -> list[int]:
    """The values of M for which all features are there."""
    return [m for m in wanted if set(tables.feature_names(m)) <= set(wide.columns)]


def sizes(wanted: list[int], available: int) -> list[int]:
    """The numbers of training pairs up to ``available``, which ends them if it is not the largest.

    >>> sizes([100, 300, 1000], 500)
    [100, 300, 500]
    >>> sizes([100, 300, 1000], 5000)
    [100, 300, 1000]
    """
    found = [n for n in wanted if n <= available]
    if max(wanted) > available and available not in found:
        found.append(available)
    return found
