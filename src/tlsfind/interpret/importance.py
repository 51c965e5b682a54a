"""Shapley values and permutation importance of any function of features.

Shapley values (Shapley 1953; Lundberg and Lee, NeurIPS 2017) share out the difference between the
prediction of a row and the mean prediction of a background; a feature that is "absent" has its
values in the background rows. They come from the library shap (``PermutationExplainer``): features
are put in one after another in a random order and taken out again in the same order, and the
changes of the mean prediction belong to the features. Every such order adds up to the whole
difference, so base + sum of Shapley values = prediction, however few orders are sampled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tlsfind.learn.calibration import EDGE
from tlsfind.progress import progress

#: A model as a function of the features, (n, F) -> (n,).
Model = Callable[[np.ndarray], np.ndarray]
#: A score of predictions, higher is better: (exact (n,), predicted (n,)) -> number.
Score = Callable[[np.ndarray, np.ndarray], float]

#: Rows of features that a model gets in one call of the permutation importance, at most.
BATCH = 100_000

#: Random orders of the features that the Shapley values of a row are averaged over.
ORDERS = 2


@dataclass(frozen=True)
class Shapley:
    """Shapley values of n pairs: ``base + values.sum(axis=1) = prediction``.

    Args:
        values: shape (n, F).
        base: mean prediction over the background.
        prediction: shape (n,).
    """

    values: np.ndarray
    base: float
    prediction: np.ndarray


def spare_compilation() -> None:
    """Spare a process what shap would compile in each: ten seconds or more.

    The masking is kept with our kernels. The averages over the background, a few in each call, stay
    Python: their code holds the address of the link function, so it cannot be kept. A version of
    shap that has either elsewhere compiles it each time.
    """
    import shap

    from tlsfind.kernels import KernelCache

    try:
        from shap.maskers import _tabular
        from shap.utils import _masked_model
    except ImportError:
        return
    masking: Any = getattr(_tabular, "_delta_masking", None)
    if hasattr(masking, "_cache") and not isinstance(masking._cache, KernelCache):
        masking._cache = KernelCache(masking.py_func, f"shap-{shap.__version__}")
    averages: Any = getattr(_masked_model, "_build_fixed_single_output", None)
    if hasattr(averages, "py_func"):
        _masked_model._build_fixed_single_output = averages.py_func


def shapley(
    model: Model,
    rows: np.ndarray,
    background: np.ndarray,
    seed: int | np.random.SeedSequence,
    orders: int = ORDERS,
) -> Shapley:
    """Sampled Shapley values.

    The model is called ``orders`` times for each of ``rows``, with up to (2 F + 1) b rows each.

    Args:
        model: the function to explain.
        rows: features of the pairs to explain, shape (n, F).
        background: features that stand for an absent feature, shape (b, F), b > 0.
        seed: of the orders.
        orders: random orders of the features for each row, each used forwards and backwards.
    """
    import shap

    spare_compilation()
    rows = np.asarray(rows, dtype=float)
    background = np.asarray(background, dtype=float)
    n, features = rows.shape
    base = float(np.mean(model(background)))
    values = np.zeros((n, features))
    if features == 1:
        values[:, 0] = np.asarray(model(rows), dtype=float) - base if n else 0.0
        return Shapley(values, base, base + values[:, 0])
    masker = shap.maskers.Independent(background, max_samples=len(background))
    sequence = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    number = int(sequence.generate_state(1)[0])
    explainer = shap.PermutationExplainer(model, masker, seed=number)
    evaluations = 2 * features + 1
    with progress(n, "Shapley values") as advance:
        for i in range(n):
            found = explainer(
                rows[i : i + 1],
                max_evals=orders * evaluations,
                batch_size=evaluations,
                silent=True,
            )
            values[i] = found.values[0]
            advance()
    return Shapley(values, base, base + values.sum(axis=1))


def accuracy(exact: np.ndarray, probability: np.ndarray) -> float:
    """Share of pairs on the right side of probability 1/2."""
    return float(np.mean((np.asarray(probability) > 0.5) == exact))


def negative_log_loss(exact: np.ndarray, probability: np.ndarray) -> float:
    """Mean log of the probability of what is so, kept ``EDGE`` away from 0 and 1."""
    p = np.clip(probability, EDGE, 1.0 - EDGE)
    return float(np.mean(np.log(np.where(exact, p, 1.0 - p))))


def negative_rmse(exact: np.ndarray, predicted: np.ndarray) -> float:
    """Minus the root of the mean squared difference."""
    return -float(np.sqrt(np.mean((np.asarray(predicted) - exact) ** 2)))


@dataclass(frozen=True)
class Drop:
    """How much worse a score becomes without each of F features.

    Args:
        score: the score with all features as they are.
        mean: mean over the shuffles of score - score with the feature shuffled, shape (F,).
        std: standard deviation over the shuffles, shape (F,); NaN with one shuffle.
    """

    score: float
    mean: np.ndarray
    std: np.ndarray


def permutation_importance(
    model: Model,
    rows: np.ndarray,
    exact: np.ndarray,
    scores: Mapping[str, Score],
    shuffles: int,
    seed: int | np.random.SeedSequence,
) -> dict[str, Drop]:
    """Drop of scores when the column of one feature is shuffled (Breiman 2001).

    Rows that the model was trained on flatter it: the scores are then too good, and features by
    which it recognises single rows look more important than for new pairs. Give rows that it has
    not seen where there are any.

    Args:
        model: a function of the features.
        rows: features, shape (n, F).
        exact: what the model predicts, shape (n,).
        scores: by name, higher is better.
        shuffles: of each feature.
        seed: of the shuffles.
    """
    rng = np.random.default_rng(seed)
    rows, exact = np.asarray(rows, dtype=float), np.asarray(exact)
    n, features = rows.shape
    plain = np.asarray(model(rows), dtype=float)
    before = {name: score(exact, plain) for name, score in scores.items()}
    drops = {name: np.empty((features, shuffles)) for name in scores}
    step = max(1, BATCH // n)
    with progress(features, "permutation importance") as advance:
        for feature in range(features):
            for start in range(0, shuffles, step):
                count = min(step, shuffles - start)
                shuffled = np.tile(rows, (count, 1, 1))
                columns = np.broadcast_to(rows[:, feature], (count, n))
                shuffled[:, :, feature] = rng.permuted(columns, axis=1)
                predicted = np.reshape(model(shuffled.reshape(-1, features)), (count, n))
                for name, score in scores.items():
                    for i in range(count):
                        drop = before[name] - score(exact, predicted[i])
                        drops[name][feature, start + i] = drop
            advance()
    return {
        name: Drop(before[name], found.mean(axis=1), _std(found)) for name, found in drops.items()
    }


def _std(values: np.ndarray) -> np.ndarray:
    """Standard deviation along the second axis, NaN of a single value."""
    if values.shape[1] < 2:
        return np.full(len(values), np.nan)
    return values.std(axis=1, ddof=1)
