"""Do published quantum splittings agree with ours, and at which convergence of our paths?

A model that has learned the authors' E_qs from the features of their pairs says what E_qs they
would have had for our pairs. The median of log10(ours / predicted) over double wells drawn at
random is the offset of our E_qs from theirs; it moves with the level of convergence of our paths.

The transitions of a pair depend on how long a glass was watched, which differs between theirs and
ours. So two models: with all features (``all``) and without the transitions (``geometry``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from tlsfind import tables
from tlsfind.config import Config
from tlsfind.correlation import pearson
from tlsfind.errors import InputError
from tlsfind.interop import authors_files
from tlsfind.interop.authors import UNIT_SYSTEM, read_authors
from tlsfind.learn.predictor import to_target
from tlsfind.pairs.keys import KEYS

ROUNDS = 400
RESAMPLES = 2000
TRANSITIONS = ("transitions_ab", "transitions_ba")

#: Says log10 of the published E_qs of pairs, shape (n,).
Predictor = Callable[[pd.DataFrame], np.ndarray]


def predictors(folder: Path, config: Config) -> dict[tuple[str, str], Predictor]:
    """Models of the published E_qs, by label of the table and by set of features.

    Args:
        folder: folder of the authors' tables.
        config: the run whose pairs are to be predicted.

    Raises:
        InputError: the folder has no table with features and E_qs, the run has fewer displacements
            than it, or its E_qs is in other units.
    """
    if config.loop.unit_system != UNIT_SYSTEM:
        raise InputError(
            f"E_qs of the run is in the unit system {config.loop.unit_system!r}, expected "
            f"{UNIT_SYSTEM!r}, that of the published tables"
        )
    found: dict[tuple[str, str], Predictor] = {}
    for label, here in authors_files.find(folder).items():
        if not {"classifier", "predictor"} <= set(here):
            continue
        table = read_authors(folder, label)
        if table.particles > config.pairs.particles:
            raise InputError(
                f"the published table {label} has M = {table.particles}, expected at most "
                f"pairs.particles = {config.pairs.particles}"
            )
        names = tables.feature_names(table.particles)
        geometry = [name for name in names if name not in TRANSITIONS]
        for kind, features in (("all", names), ("geometry", geometry)):
            found[label, kind] = _trained(table.frame, features, config.run.seed)
    if not found:
        raise InputError(
            f"{folder} has no label with both the classifier's and the predictor's table"
        )
    return found


def _trained(frame: pd.DataFrame, features: list[str], seed: int) -> Predictor:
    """A model of log10 E_qs of the double wells of a labelled table, as the screening models'."""
    from catboost import CatBoostRegressor

    known = frame["is_double_well"].to_numpy(dtype=bool)
    known &= frame["quantum_splitting"].notna().to_numpy()
    model = CatBoostRegressor(
        iterations=ROUNDS, depth=6, learning_rate=0.1, random_seed=seed % 1_000_000,
        thread_count=1, verbose=False, allow_writing_files=False,
    )  # fmt: skip
    wells = frame[known]
    model.fit(wells[features].to_numpy(), -to_target(wells["quantum_splitting"].to_numpy()))
    return lambda pairs: np.asarray(model.predict(pairs[features].to_numpy()))


def offsets(
    table: pd.DataFrame,
    pairs: pd.DataFrame,
    models: dict[tuple[str, str], Predictor],
    seed: int,
) -> pd.DataFrame:
    """Offset of our E_qs from the predicted ones at every level.

    Args:
        table: ``convergence``.
        pairs: features of its pairs.
        models: from :func:`predictors`.
        seed: of the bootstrap over pairs.

    Returns:
        A row for each model and level: ``table``, ``features``, ``images``, ``force_tolerance``,
        ``pairs``, ``offset`` (median log10(ours / predicted), decades), ``r`` of log10 E_qs, both
        with 95 % limits. The pairs are those of the random sample that are double wells at every
        level, so that levels differ by nothing else.
    """
    drawn = table[table["random"]]
    good = drawn["status"].eq("double_well") & (drawn["quantum_splitting"] > 0)
    everywhere = good.groupby([drawn[name] for name in KEYS]).transform("all")
    drawn = drawn[everywhere]
    features = pairs.drop_duplicates(KEYS).set_index(KEYS)
    rows = []
    for (label, kind), predict in models.items():
        for (images, tolerance), own in drawn.groupby(["images", "force_tolerance"]):
            of_pairs = features.loc[pd.MultiIndex.from_frame(own[KEYS])]
            predicted = predict(of_pairs.reset_index())
            ours = np.log10(own["quantum_splitting"].to_numpy(dtype=np.float64))
            rows.append(
                {
                    "table": label, "features": kind, "images": images,
                    "force_tolerance": tolerance, "pairs": len(own),
                    **agreement(ours, predicted, seed),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def agreement(ours: np.ndarray, predicted: np.ndarray, seed: int) -> dict[str, float]:
    """Median difference and Pearson's r of two series (n,), with 95 % bootstrap limits."""
    rng = np.random.default_rng(seed)
    difference = ours - predicted
    draws = rng.integers(0, max(len(ours), 1), (RESAMPLES, len(ours)))
    found = {"offset": float(np.median(difference)) if len(ours) else math.nan}
    found["r"] = pearson(ours, predicted)
    samples = {
        "offset": np.median(difference[draws], axis=1) if len(ours) else np.empty(0),
        "r": np.array([pearson(ours[draw], predicted[draw]) for draw in draws]),
    }
    for name, values in samples.items():
        finite = values[np.isfinite(values)]
        limits = np.quantile(finite, [0.025, 0.975]) if len(finite) else (math.nan, math.nan)
        found[f"{name}_low"], found[f"{name}_high"] = map(float, limits)
    return found
