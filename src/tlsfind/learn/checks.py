"""What must hold of training rows, and what is done otherwise where it does not."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from tlsfind.errors import TrainingError
from tlsfind.learn import folding


def checked(features: pd.DataFrame) -> pd.DataFrame:
    """Features as float64, with at least two values in one of them.

    Raises:
        TrainingError: a feature is NaN or infinite somewhere, or all are constant.
    """
    features = features.astype(np.float64).reset_index(drop=True)
    finite = np.isfinite(features.to_numpy())
    if not finite.all():
        bad = features.columns[~finite.all(axis=0)]
        raise TrainingError(
            f"{(~finite).any(axis=1).sum()} of {len(features)} training rows are NaN or infinite "
            f"in the feature(s) {', '.join(bad)}; expected finite numbers in the pairs tables"
        )
    if not len(features) or (features.nunique() < 2).all():
        raise TrainingError(
            f"every feature has one value over all {len(features)} training rows, expected pairs "
            "that differ"
        )
    return features


def checked_target(target: np.ndarray) -> np.ndarray:
    """The target, finite and with at least two values.

    Raises:
        TrainingError: it is not.
    """
    target = np.asarray(target)
    if not np.isfinite(target).all():
        raise TrainingError(
            f"{(~np.isfinite(target)).sum()} of {len(target)} training rows have no finite value "
            "to learn"
        )
    if len(np.unique(target)) < 2:
        raise TrainingError(
            f"all {len(target)} training rows have the same value {target[0]:g}, there is nothing "
            "to learn; expected at least two values"
        )
    return target


def constant_features(data: pd.DataFrame) -> list[str]:
    """A note that names the features with one value only, if there are any."""
    constant = data.columns[data.nunique() < 2]
    if not len(constant):
        return []
    return [f"feature(s) {', '.join(constant)} constant over {len(data)} rows, not used"]


def glass_folds(
    target: np.ndarray,
    glasses: np.ndarray | None,
    folds: int,
    seed: int,
    problem: Literal["binary", "regression"],
) -> tuple[np.ndarray | None, str | None]:
    """Folds of whole glasses; None and a note where these rows do not allow it.

    Raises:
        TrainingError: the glasses of the rows are not known.
    """
    if glasses is None:
        raise TrainingError("learn.split is glass, but the glasses of the rows were not given")
    strata = target if problem == "binary" else None
    if len(np.unique(glasses)) < 2:
        return None, f"all {len(target)} rows are of one glass: folds by row, not by glass"
    fold = folding.assign("glass", glasses, folds, seed, strata)
    if strata is not None:
        for number in np.unique(fold):
            if len(np.unique(strata[fold == number])) < 2:
                return None, "a fold of whole glasses has one class only: folds by row"
    return fold, None
