"""A bagged and stacked ensemble of trees on AutoGluon, shared by both models.

1. Train boosted trees (LightGBM, CatBoost) and extremely randomised trees on k folds, of rows at
   random or of whole glasses; the out-of-fold predictions come from here. Everything is bounded by
   rounds, trees and folds, on a fixed number of threads, so that the same rows give the same model
   anywhere.
2. Train each kind once more on all rows, for as many rounds as the folds found best.
3. Keep only what predicting needs, move it into place as one folder.

Out-of-fold predictions of a stack flatter a little, because the levels share their folds: on pure
noise r is 0.06 to 0.10 with one stacking level (n = 600 to 150) and 0.00 without; on the published
tables the difference from held-out rows is within its error.

The time limit is a safety net. Whether it struck is read from AutoGluon's messages and returned.
This module knows nothing of double wells or splittings.
"""

from __future__ import annotations

import gc
import importlib.metadata
import json
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from tlsfind import __version__, tables
from tlsfind.config import Learn
from tlsfind.errors import DamagedError, InputError, TlsfindError, TrainingError
from tlsfind.learn.autogluon_log import Messages, quiet
from tlsfind.learn.checks import checked, checked_target, constant_features, glass_folds
from tlsfind.learn.features import inputs

Problem = Literal["binary", "regression"]

#: Kinds of models (``learn.models``): AutoGluon's key, and the name that it gives to the model.
KINDS = {
    "lightgbm": ("GBM", "LightGBM"),
    "catboost": ("CAT", "CatBoost"),
    "extra_trees": ("XT", "ExtraTrees"),
}

#: Share of the inputs that a cut of the extremely randomised trees is chosen from.
_SHARE_OF_FEATURES = 0.7

#: Of the boosted trees; twice AutoGluon's, so that 300 rounds are enough.
_LEARNING_RATE = 0.1

#: Cuts that CatBoost looks at for each input. Its default, 254, takes 2.3 to 3 times as long on
#: hundreds to thousands of pairs, with scores that differ within their error (docs/learn.md).
BORDERS = 64

_DESCRIPTION = "model.json"
_FOLDER = "autogluon"
_LABEL, _WEIGHT, _FOLD = "label", "row_weight", "row_fold"


@dataclass(frozen=True)
class Trained:
    """What a training leaves besides the model folder.

    Args:
        out_of_fold: prediction of each training row by models that did not see it, shape (n,);
            the probability of class 1, or the value.
        time_limit_struck: whether the time limit cut the training short.
        notes: what was done otherwise than asked for, and why.
    """

    out_of_fold: np.ndarray
    time_limit_struck: bool
    notes: list[str] = field(default_factory=list)


def _hyperparameters(settings: Learn, threads: int) -> dict[str, dict[str, Any]]:
    """The models of a level.

    LightGBM chooses its histogram layout by timing unless told, which changes sums in the last
    digit. Extra trees are trained fold by fold: AutoGluon's short cut by out-of-bag rows returns
    0 for the rows of largest weight (their bootstrap draws by weight).
    """
    every: dict[str, dict[str, Any]] = {
        "lightgbm": {
            "num_boost_round": settings.rounds,
            "learning_rate": _LEARNING_RATE,
            "deterministic": True,
            "force_row_wise": True,
        },
        "catboost": {
            "iterations": settings.rounds,
            "learning_rate": _LEARNING_RATE,
            "border_count": BORDERS,
            "allow_writing_files": False,
        },
        "extra_trees": {
            "n_estimators": settings.trees,
            "min_samples_leaf": settings.leaf,
            "max_features": _SHARE_OF_FEATURES,
            "n_jobs": threads,
            "ag_args_ensemble": {"use_child_oof": False},
        },
    }
    return {KINDS[kind][0]: every[kind] for kind in settings.models}


def _expected_models(settings: Learn, stack_levels: int) -> set[str]:
    return {
        f"{KINDS[kind][1]}_BAG_L{level}"
        for kind in settings.models
        for level in range(1, stack_levels + 2)
    }


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
    glasses: np.ndarray | None = None,
    describe: Callable[[np.ndarray], dict[str, Any]] | None = None,
    threads: int = 1,
) -> Trained:
    """Train an ensemble and write it to ``folder``, which appears only when it is complete.

    Args:
        features: columns of the pairs table, shape (n, n_features); the models see what
            ``learn.features`` makes of them. Constant ones are left out, with a note.
        target: 0 and 1 (``binary``) or values (``regression``), shape (n,).
        folder: receives the model; an older one there is replaced.
        problem: what to learn; ``binary`` minimises the log loss, ``regression`` the squared error.
        settings: rounds, trees, folds and the time limit.
        stack_levels: levels above the first; 0: a weighted average of the first level.
        seed: of folds and models.
        weights: of the rows in the loss, shape (n,).
        glasses: glass of each row, shape (n,), for ``learn.split: glass``.
        describe: what is to stand in the model's description, from the out-of-fold predictions.
        threads: threads of every model; part of what makes results reproducible.

    Raises:
        TrainingError: unusable features, or models that failed for another reason than time.
    """
    names = list(features.columns)
    data = checked(features)
    notes = constant_features(data)
    data = inputs(data, settings.features)
    data[_LABEL] = checked_target(target)
    if weights is not None:
        data[_WEIGHT] = np.asarray(weights) / np.mean(weights)
    if settings.split == "glass":
        fold, note = glass_folds(data[_LABEL].to_numpy(), glasses, settings.folds, seed, problem)
        notes += [note] if note else []
        if fold is not None:
            data[_FOLD] = fold

    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (
        tables.writing(folder),
        tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch,
    ):
        staged = Path(scratch) / "model"
        with quiet(threads) as messages, _short_collections():
            predictor = _train(
                data, Path(scratch), messages, problem, settings, stack_levels, seed, threads
            )
            if problem == "binary":
                out_of_fold = predictor.predict_proba_oof(as_multiclass=False)
            else:
                out_of_fold = predictor.predict_oof()
            predictor.refit_full(num_cpus=threads, num_gpus=0)
            predictor.clone_for_deployment(str(staged / _FOLDER))
        values = out_of_fold.loc[data.index].to_numpy(dtype=np.float64)
        notes += messages.notes
        description = {
            **(describe(values) if describe else {}),
            **_versions(),
            "schema_version": tables.SCHEMA_VERSION,
            "problem": problem,
            "features": names,
            "inputs": settings.features,
            "rows": len(data),
            "stack_levels": stack_levels,
            "time_limit_struck": messages.out_of_time,
            "notes": notes,
        }
        (staged / _DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n")
        if folder.exists():
            shutil.rmtree(folder)
        staged.rename(folder)
    return Trained(values, messages.out_of_time, notes)


@contextmanager
def _short_collections() -> Iterator[None]:
    """Keep what is in memory out of the garbage collections within.

    AutoGluon collects after each CatBoost model; over all objects of the imported packages that is
    0.2 s each time, a fifth of a training on hundreds of rows.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _train(
    data: pd.DataFrame,
    scratch: Path,
    messages: Messages,
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
        groups=_FOLD if _FOLD in data else None,
        learner_kwargs={"random_state": seed % 1_000_000},
    )
    try:
        predictor.fit(
            data,
            hyperparameters=_hyperparameters(settings, threads),
            num_bag_folds=data[_FOLD].nunique() if _FOLD in data else settings.folds,
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
    missing = _expected_models(settings, stack_levels) - set(predictor.model_names())
    if missing and messages.out_of_time:
        messages.notes.append(f"time limit: {', '.join(sorted(missing))} not trained")
    elif missing:
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
        self.description = description
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
            raise DamagedError(f"{path} cannot be read: {error}") from None
        missing = {"features", "problem", "inputs"} - set(description)
        if missing:
            raise InputError(f"{path} lacks {', '.join(sorted(missing))}")
        return description

    def _load(self) -> Any:
        with quiet(self._threads):
            from autogluon.tabular import TabularPredictor

            try:
                predictor = TabularPredictor.load(str(self.folder / _FOLDER))
                predictor.persist(max_memory=None)
            except Exception as error:  # whatever unpickling makes of a file that is cut off
                reason = f"{type(error).__name__}: {error}".splitlines()[0]
                raise DamagedError(
                    f"model {self.folder} is incomplete or damaged: {reason}"
                ) from None
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
        rows = inputs(features[self.features], self.description["inputs"])
        with quiet(self._threads):
            if self.problem == "binary":
                values = self._predictor.predict_proba(rows, as_multiclass=False)
            else:
                values = self._predictor.predict(rows)
        return values.to_numpy(dtype=np.float64)
