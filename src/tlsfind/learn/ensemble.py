"""A bagged and stacked ensemble of trees on AutoGluon, shared by both models.

1. Train boosted trees (LightGBM, CatBoost) and extremely randomised trees on k folds; the
   out-of-fold predictions come from here. Everything is bounded by rounds, trees and folds, on a
   fixed number of threads, so that the same rows give the same model anywhere.
2. Train each kind once more on all rows, for as many rounds as the folds found best.
3. Keep only what predicting needs, move it into place as one folder.

Out-of-fold predictions of a stack flatter a little, because the levels share their folds: on pure
noise r is 0.06 to 0.10 with one stacking level (n = 600 to 150) and 0.00 without; on the published
tables the difference from held-out rows is within its error.

The time limit is a safety net. Whether it struck is read from AutoGluon's messages and returned.
This module knows nothing of double wells or splittings.
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
import platform
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from tlsfind import __version__, tables
from tlsfind.config import Learn
from tlsfind.errors import InputError, TlsfindError, TrainingError

Problem = Literal["binary", "regression"]

#: Kinds of models of each level, as in the names that AutoGluon gives them.
KINDS = ("LightGBM", "CatBoost", "ExtraTrees")

_DESCRIPTION = "model.json"
_FOLDER = "autogluon"
_LABEL, _WEIGHT = "label", "row_weight"

#: What AutoGluon says when the time limit cuts training short.
_OUT_OF_TIME = (
    "ran out of time",
    "time limit exceeded",
    "time limit reached",
    "not enough time",
    "due to low time",
    "exceeds the maximum time limit",
)


@dataclass(frozen=True)
class Trained:
    """What a training leaves besides the model folder.

    Args:
        out_of_fold: prediction of each training row by models that did not see it, shape (n,);
            the probability of class 1, or the value.
        time_limit_struck: whether the time limit cut the training short.
    """

    out_of_fold: np.ndarray
    time_limit_struck: bool


class _Messages(logging.StreamHandler):
    """Collects messages. A StreamHandler, so that AutoGluon does not add its own."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    @property
    def out_of_time(self) -> bool:
        text = "\n".join(self.lines).lower()
        return any(phrase in text for phrase in _OUT_OF_TIME)


@contextmanager
def _quiet(threads: int = 1) -> Iterator[_Messages]:
    """Keep AutoGluon's messages and warnings from the terminal, and OpenMP to ``threads``."""
    import autogluon.tabular  # noqa: F401  (adds its log handler on import)
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    logger = logging.getLogger("autogluon")
    handlers, level, propagate = logger.handlers, logger.level, logger.propagate
    messages = _Messages()
    logger.handlers, logger.propagate = [messages], False
    try:
        with warnings.catch_warnings(), threadpool_limits(threads):
            warnings.simplefilter("ignore")
            yield messages
    finally:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


def _hyperparameters(settings: Learn, threads: int) -> dict[str, dict[str, Any]]:
    """The models of a level.

    LightGBM chooses its histogram layout by timing unless told, which changes sums in the last
    digit. Extra trees are trained fold by fold: AutoGluon's short cut by out-of-bag rows returns
    0 for the rows of largest weight (their bootstrap draws by weight).
    """
    boosted = {"num_boost_round": settings.rounds, "deterministic": True, "force_row_wise": True}
    return {
        "GBM": boosted,
        "CAT": {"iterations": settings.rounds, "allow_writing_files": False},
        "XT": {
            "n_estimators": settings.trees,
            "n_jobs": threads,
            "ag_args_ensemble": {"use_child_oof": False},
        },
    }


def _expected_models(stack_levels: int) -> set[str]:
    return {f"{kind}_BAG_L{level}" for kind in KINDS for level in range(1, stack_levels + 2)}


def _checked(features: pd.DataFrame) -> pd.DataFrame:
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


def _checked_target(target: np.ndarray) -> np.ndarray:
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


def fit(
    features: pd.DataFrame,
    target: np.ndarray,
    folder: Path | str,
    *,
    problem: Problem,
    settings: Learn,
    stack_levels: int,
    seed: int,
    weights: np.ndarray | None = None,
    threads: int = 1,
) -> Trained:
    """Train an ensemble and write it to ``folder``, which appears only when it is complete.

    Args:
        features: one column each, shape (n, n_features). Constant ones are left out by AutoGluon.
        target: 0 and 1 (``binary``) or values (``regression``), shape (n,).
        folder: receives the model; an older one there is replaced.
        problem: what to learn; ``binary`` minimises the log loss, ``regression`` the squared error.
        settings: rounds, trees, folds and the time limit.
        stack_levels: levels above the first; 0: a weighted average of the first level.
        seed: of folds and models.
        weights: of the rows in the loss, shape (n,).
        threads: threads of every model; part of what makes results reproducible.

    Raises:
        TrainingError: unusable features, or models that failed for another reason than time.
    """
    names = list(features.columns)
    data = _checked(features)
    data[_LABEL] = _checked_target(target)
    if weights is not None:
        data[_WEIGHT] = np.asarray(weights) / np.mean(weights)

    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
        staged = Path(scratch) / "model"
        with _quiet(threads) as messages:
            predictor = _train(
                data, Path(scratch), messages, problem, settings, stack_levels, seed, threads
            )
            if problem == "binary":
                out_of_fold = predictor.predict_proba_oof(as_multiclass=False)
            else:
                out_of_fold = predictor.predict_oof()
            predictor.refit_full(num_cpus=threads, num_gpus=0)
            predictor.clone_for_deployment(str(staged / _FOLDER))
        description = {
            **_versions(),
            "schema_version": tables.SCHEMA_VERSION,
            "problem": problem,
            "features": names,
            "rows": len(data),
            "stack_levels": stack_levels,
            "time_limit_struck": messages.out_of_time,
        }
        (staged / _DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n")
        if folder.exists():
            shutil.rmtree(folder)
        staged.rename(folder)
    values = out_of_fold.loc[data.index].to_numpy(dtype=np.float64)
    return Trained(values, messages.out_of_time)


def _train(
    data: pd.DataFrame,
    scratch: Path,
    messages: _Messages,
    problem: Problem,
    settings: Learn,
    stack_levels: int,
    seed: int,
    threads: int,
) -> Any:
    """The trained, bagged AutoGluon predictor, checked for models that are missing."""
    from autogluon.tabular import TabularPredictor

    predictor = TabularPredictor(
        label=_LABEL,
        problem_type=problem,
        eval_metric="log_loss" if problem == "binary" else "root_mean_squared_error",
        path=str(scratch / "training"),
        sample_weight=_WEIGHT if _WEIGHT in data else None,
        # Balanced classes count alike in the choice of models too. For values, weights only enter
        # the fits (Eq. 5): in the choice, a few rows of huge weight would decide alone.
        weight_evaluation=_WEIGHT in data and problem == "binary",
        verbosity=2,
        learner_kwargs={"random_state": seed % 1_000_000},
    )
    try:
        predictor.fit(
            data,
            hyperparameters=_hyperparameters(settings, threads),
            num_bag_folds=settings.folds,
            num_bag_sets=1,
            num_stack_levels=stack_levels,
            ag_args_ensemble={
                "fold_fitting_strategy": "sequential_local",
                "model_random_seed": seed % 1_000_000,
            },
            fit_weighted_ensemble=True,
            dynamic_stacking=False,
            calibrate=False,
            num_cpus=threads,
            num_gpus=0,
            time_limit=settings.time_limit,
        )
    except (RuntimeError, AssertionError) as error:
        messages.lines.append(str(error))
        if messages.out_of_time:
            raise TrainingError(
                f"learn.time_limit of {settings.time_limit:g} s ended before one model was trained "
                f"on {len(data)} rows, expected a safety net of minutes"
            ) from None
        raise TrainingError(f"AutoGluon could not train on {len(data)} rows: {error}") from None
    missing = _expected_models(stack_levels) - set(predictor.model_names())
    if missing and not messages.out_of_time:
        failures = predictor.model_failures()
        reasons = "; ".join(
            f"{row.model}: {row.exc_type}: {row.exc_str}" for row in failures.itertuples()
        )
        raise TrainingError(
            f"model(s) {', '.join(sorted(missing))} failed to train on {len(data)} rows: {reasons}"
        )
    return predictor


def _versions() -> dict[str, str]:
    return {
        "tlsfind": __version__,
        "autogluon": importlib.metadata.version("autogluon.tabular"),
        "python": platform.python_version(),
    }


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


class Ensemble:
    """A trained ensemble, in memory.

    Args:
        folder: what :func:`fit` wrote.
        threads: threads of every prediction.

    Raises:
        InputError: the folder is missing or not such a folder.
        TlsfindError: it was written by another minor version of tlsfind, AutoGluon or Python.
    """

    def __init__(self, folder: Path | str, threads: int = 1) -> None:
        self.folder = Path(folder)
        self._threads = threads
        description = self._read_description()
        self.features: list[str] = description["features"]
        self.problem: Problem = description["problem"]
        for name, here in _versions().items():
            there = str(description.get(name, "unknown"))
            if _minor(there) != _minor(here):
                raise TlsfindError(
                    f"model {self.folder} was trained with {name} {there}, found {name} {here} "
                    f"here, expected {_minor(there)}: train again, or install that version"
                )
        if description.get("schema_version") != tables.SCHEMA_VERSION:
            raise TlsfindError(
                f"model {self.folder} belongs to schema version "
                f"{description.get('schema_version')} of the tables, expected "
                f"{tables.SCHEMA_VERSION}: train again"
            )
        self._predictor = self._load()

    def _read_description(self) -> dict[str, Any]:
        path = self.folder / _DESCRIPTION
        if not self.folder.is_dir():
            raise InputError(f"model folder {self.folder} does not exist")
        try:
            description = json.loads(path.read_text())
        except FileNotFoundError:
            raise InputError(f"folder {self.folder} holds no model: {path} is missing") from None
        except (OSError, ValueError) as error:
            raise InputError(f"{path} cannot be read: {error}") from None
        missing = {"features", "problem"} - set(description)
        if missing:
            raise InputError(f"{path} lacks {', '.join(sorted(missing))}")
        return description

    def _load(self) -> Any:
        import pickle

        with _quiet(self._threads):
            from autogluon.tabular import TabularPredictor

            try:
                predictor = TabularPredictor.load(str(self.folder / _FOLDER))
                predictor.persist(max_memory=None)
            except (OSError, EOFError, pickle.UnpicklingError) as error:
                raise InputError(f"model {self.folder} is incomplete or damaged: {error}") from None
        return predictor

    def predict(self, features: pd.DataFrame) -> np.ndarray:
        """Probability of class 1 (``binary``) or the value, of each row.

        Args:
            features: shape (n, n_features), with the columns of ``self.features`` in any order.

        Returns:
            Predictions, shape (n,), float64.

        Raises:
            InputError: a column is missing.
        """
        missing = [name for name in self.features if name not in features.columns]
        if missing:
            raise InputError(
                f"model {self.folder} needs the feature(s) {', '.join(missing)}, found "
                f"{', '.join(features.columns)}"
            )
        if not len(features):
            return np.empty(0)
        rows = features[self.features].astype(np.float64)
        with _quiet(self._threads):
            if self.problem == "binary":
                values = self._predictor.predict_proba(rows, as_multiclass=False)
            else:
                values = self._predictor.predict(rows)
        return values.to_numpy(dtype=np.float64)
