"""A perceptron that tells the preparation temperature from a pair (paper, Figs. S8 and S9).

Two hidden layers of 60 rectified linear units on the geometry of a pair and its energy difference.
The transition counts are left out unless asked for: they grow with the length of the exploration,
which a user may have chosen for each temperature.

The paper's accuracy is by row. Pairs of a glass share minima, so a perceptron may know the glass
and not its stability; by glass, every glass is told by a perceptron that saw none of its pairs.
Both stand side by side, with the accuracy of always saying the commonest temperature.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tlsfind import tables
from tlsfind.correlation import pearson
from tlsfind.errors import TrainingError
from tlsfind.interpret import temperatures
from tlsfind.interpret.explain import shap_table
from tlsfind.interpret.importance import shapley
from tlsfind.learn import folding
from tlsfind.learn.features import DISPLACEMENT_FLOOR, ENERGY_FLOOR
from tlsfind.learn.labelled import Labelled
from tlsfind.pairs.keys import KEYS
from tlsfind.progress import track
from tlsfind.threads import limit_threads

logger = logging.getLogger("tlsfind")

#: The paper's perceptron.
LAYERS: tuple[int, ...] = (60, 60)

#: What the scan goes through (Fig. S8): depths at 60 units, widths at two layers.
DEPTHS, WIDTHS = (1, 2, 3, 4, 5), (5, 10, 20, 40, 60, 100)

FOLDS = 5

#: Fewest pairs of a temperature.
MIN_PAIRS = 20

#: Most pairs of a temperature, drawn at random: they keep training within minutes.
MAX_PAIRS = 10_000

#: Epochs of a training, whatever the loss: rows held out to stop it would be random ones, of the
#: same glasses as those trained on, and would reward remembering glasses.
EPOCHS = 200

#: Sizes of the Shapley values, and points of a partial dependence.
EXPLAINED, BACKGROUND, POINTS = 500, 50, 21

_TRANSITIONS = ("transitions_ab", "transitions_ba")


@dataclass(frozen=True)
class Data:
    """Pairs of several temperatures.

    Args:
        frame: features, n rows.
        code: index into ``classes`` of each row, shape (n,).
        classes: preparation temperatures, increasing, shape (c,).
        keys: glass and minima of each row, n rows.
    """

    frame: pd.DataFrame
    code: np.ndarray
    classes: np.ndarray
    keys: pd.DataFrame

    @property
    def glasses(self) -> np.ndarray:
        """Glass of each row, shape (n,)."""
        return self.keys["glass"].to_numpy()


def select(table: Labelled, transitions: bool, seed: int) -> Data:
    """The features to learn from, at most ``MAX_PAIRS`` rows of a temperature.

    Raises:
        TrainingError: one temperature only, or fewer than ``MIN_PAIRS`` pairs of one.
    """
    temperature = temperatures.of_rows(table)
    classes, code, counts = np.unique(temperature, return_inverse=True, return_counts=True)
    if len(classes) < 2:
        raise TrainingError(
            f"all {len(code)} pairs have the preparation temperature {classes[0]:g}, expected "
            "pairs of at least two temperatures to tell apart"
        )
    if counts.min() < MIN_PAIRS:
        raise TrainingError(
            f"{counts.min()} pairs of the preparation temperature {classes[counts.argmin()]:g}, "
            f"expected at least {MIN_PAIRS}"
        )
    rng = np.random.default_rng(seed)
    parts = [rng.permutation(np.flatnonzero(code == i))[:MAX_PAIRS] for i in range(len(classes))]
    rows = np.sort(np.concatenate(parts))
    names = [name for name in table.features if transitions or name not in _TRANSITIONS]
    frame = table.frame[names].iloc[rows].reset_index(drop=True)
    keys = table.frame[KEYS].iloc[rows].reset_index(drop=True)
    return Data(frame, code[rows], classes, keys)


def inputs(values: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Logarithms of the features, which span decades, shape (n, F).

    Args:
        values: features, shape (n, F).
        names: theirs.
    """
    made = np.empty(values.shape)
    for i, name in enumerate(names):
        if name in _TRANSITIONS:
            made[:, i] = np.log10(1.0 + values[:, i])
        else:
            floor = ENERGY_FLOOR if name == "delta_e" else DISPLACEMENT_FLOOR
            made[:, i] = np.log10(np.maximum(values[:, i], floor))
    return made


class Perceptron:
    """A multilayer perceptron behind logarithms and a standardisation.

    Args:
        names: of the features.
        layers: units of each hidden layer.
        seed: of weights and batches.
    """

    def __init__(self, names: Sequence[str], layers: Sequence[int], seed: int) -> None:
        self._names = list(names)
        self._layers = tuple(layers)
        self._seed = seed
        self._pipeline: Any = None

    def fit(self, x: np.ndarray, code: np.ndarray) -> Perceptron:
        """Train on features (n, F) and classes (n,); returns itself."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPClassifier
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        network = MLPClassifier(
            self._layers,
            activation="relu",
            max_iter=EPOCHS,
            n_iter_no_change=EPOCHS,
            tol=0.0,
            random_state=self._seed % 2**31,
        )
        self._pipeline = make_pipeline(StandardScaler(), network)
        # matrices this small are slower on many threads, very much so on a busy machine
        with warnings.catch_warnings(), limit_threads(1):
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._pipeline.fit(inputs(x, self._names), code)
        return self

    def probability(self, x: np.ndarray) -> np.ndarray:
        """Probability of each class, shape (n, c); every class must have been trained on."""
        with limit_threads(1):
            return self._pipeline.predict_proba(inputs(x, self._names))


def folds(data: Data, split: folding.Split, seed: int) -> np.ndarray:
    """Folds in which every temperature is trained on, shape (n,).

    Raises:
        TrainingError: by glass with one glass of a temperature.
    """
    if split == "row":
        return folding.assign("row", data.glasses, FOLDS, seed, data.code)
    fold = np.empty(len(data.code), dtype=np.int64)
    for i, temperature in enumerate(data.classes):
        rows = data.code == i
        names = np.unique(data.glasses[rows])
        if len(names) < 2:
            raise TrainingError(
                f"all pairs of the preparation temperature {temperature:g} are of the glass "
                f"{names[0]}, expected at least two glasses for a split by glass"
            )
        fold[rows] = folding.by_glass(data.glasses[rows], FOLDS, np.random.default_rng(seed))
    return fold


def scores(
    data: Data, split: folding.Split, layers: Sequence[int] = LAYERS, seed: int = 0
) -> dict[str, Any]:
    """Scores out of fold.

    Args:
        data: the pairs.
        split: ``row`` or ``glass``.
        layers: units of each hidden layer.
        seed: of folds and perceptrons.

    Returns:
        ``accuracy``; ``balanced_accuracy``, the mean over temperatures of the share of their pairs
        that is told right; ``confusion``, counts [temperature][told temperature]; or all of them
        None and a ``note`` where there are too few glasses.
    """
    try:
        fold = folds(data, split, seed)
    except TrainingError as error:
        return {
            "accuracy": None, "balanced_accuracy": None, "confusion": None, "note": str(error)
        }  # fmt: skip
    names, x = list(data.frame.columns), data.frame.to_numpy(dtype=float)
    told = np.empty(len(x), dtype=np.int64)
    for number in np.unique(fold):
        train, test = fold != number, fold == number
        perceptron = Perceptron(names, layers, seed).fit(x[train], data.code[train])
        told[test] = perceptron.probability(x[test]).argmax(axis=1)
    confusion = np.zeros((len(data.classes), len(data.classes)), dtype=int)
    np.add.at(confusion, (data.code, told), 1)
    recall = np.diag(confusion) / confusion.sum(axis=1)
    return {
        "accuracy": float(np.mean(told == data.code)),
        "balanced_accuracy": float(recall.mean()),
        "confusion": confusion.tolist(),
        "note": "",
    }


def interpretation(
    data: Data, layers: Sequence[int] = LAYERS, seed: int = 0
) -> tuple[dict[str, Any], pd.DataFrame]:
    """What a perceptron trained on all pairs goes by (Fig. S9).

    Its output is taken as the mean of T_f over the probabilities of the temperatures.

    Returns:
        First ``shap``: for each feature, the most important first, ``mean_abs`` in units of
        temperature and ``direction``, the rank correlation of the feature with its Shapley value
        (None if one is constant); ``partial_dependence``: for each feature ``value`` at quantiles
        and the ``temperature`` that is told there, the other features having their mean value.
        Second the Shapley values of each explained pair, columns of table "shap", model
        ``stability``.
    """
    x = data.frame.to_numpy(dtype=float)
    names = list(data.frame.columns)
    perceptron = Perceptron(names, layers, seed).fit(x, data.code)

    def temperature(rows: np.ndarray) -> np.ndarray:
        """Mean of T_f under the perceptron's probabilities, (n,), of features (n, F)."""
        return perceptron.probability(rows) @ data.classes

    rng = np.random.default_rng(seed)
    order = rng.permutation(len(x))
    chosen = order[:EXPLAINED]
    explained = x[chosen]
    found = shapley(temperature, explained, x[order[-min(BACKGROUND, len(x)) :]], seed)
    mean = np.abs(found.values).mean(axis=0)
    ranks = pd.DataFrame(explained).rank(), pd.DataFrame(found.values).rank()
    shap, dependence = {}, {}
    for i in np.argsort(-mean, kind="stable"):
        direction = pearson(ranks[0][i].to_numpy(), ranks[1][i].to_numpy())
        shap[names[i]] = {
            "mean_abs": float(mean[i]),
            "direction": direction if np.isfinite(direction) else None,
        }
        grid = np.tile(x.mean(axis=0), (POINTS, 1))
        grid[:, i] = np.quantile(x[:, i], np.linspace(0.01, 0.99, POINTS))
        dependence[names[i]] = {
            "value": grid[:, i].tolist(),
            "temperature": temperature(grid).tolist(),
        }
    pairs = pd.concat([data.keys, data.frame], axis=1).iloc[chosen]
    return {"shap": shap, "partial_dependence": dependence}, shap_table(
        "stability", pairs, names, found
    )


def scan(data: Data, seed: int = 0) -> list[dict[str, Any]]:
    """Accuracy against depth and width, by row and by glass (Fig. S8)."""
    shapes = dict.fromkeys(
        [*((60,) * depth for depth in DEPTHS), *((width, width) for width in WIDTHS)]
    )
    rows = []
    for layers in track(list(shapes), "perceptrons"):
        row: dict[str, Any] = {"depth": len(layers), "width": layers[0]}
        for split in ("row", "glass"):
            row[f"by_{split}"] = scores(data, split, layers, seed)["accuracy"]
        rows.append(row)
    return rows


def stability(
    labelled: Sequence[Path],
    output: Path,
    *,
    seed: int = 0,
    transitions: bool = False,
    scanned: bool = False,
    config_hash: str = "",
    allow_too_few: bool = False,
) -> dict[str, Any]:
    """Write as JSON how well a perceptron tells the temperature of pairs, and what by.

    The Shapley values of the explained pairs go into ``<name>_shap.parquet`` beside it.

    Args:
        labelled: labelled tables, of one or more temperatures each.
        output: the file, ``<name>.json``.
        seed: of the sample, folds and perceptrons.
        transitions: whether T_ab and T_ba are features too.
        scanned: whether to scan depth and width.
        config_hash: of the run's config, for the table.
        allow_too_few: write why, without scores, instead of a TrainingError.

    Raises:
        InputError: as for :func:`tlsfind.interpret.temperatures.read`.
        TrainingError: as for :func:`select`.
    """
    table = temperatures.read(labelled)
    try:
        data = select(table, transitions, seed)
    except TrainingError as error:
        if not allow_too_few:
            raise
        logger.warning("no perceptron: %s", error)
        found = _without_scores(table, str(error), scanned)
        shap = pd.DataFrame(columns=tables.schema("shap").names)
    else:
        found, shap = _with_scores(data, seed, scanned)
    found["seed"] = seed
    schema = tables.stamped(tables.schema("shap"), config_hash, seed)
    tables.write(shap, output.with_name(f"{output.stem}_shap.parquet"), schema)
    with tables.atomic(output) as temporary:
        temporary.write_text(json.dumps(found, indent=2, allow_nan=False) + "\n")
    return found


def _with_scores(data: Data, seed: int, scanned: bool) -> tuple[dict[str, Any], pd.DataFrame]:
    """All that is written, and the Shapley values."""
    counts = np.bincount(data.code)
    told, shap = interpretation(data, seed=seed)
    found: dict[str, Any] = {
        "temperatures": data.classes.tolist(),
        "pairs": counts.tolist(),
        "glasses": [len(np.unique(data.glasses[data.code == i])) for i in range(len(data.classes))],
        "features": list(data.frame.columns),
        "layers": list(LAYERS),
        "commonest": float(counts.max() / counts.sum()),
        "by_row": scores(data, "row", seed=seed),
        "by_glass": scores(data, "glass", seed=seed),
        **told,
    }
    if scanned:
        found["scan"] = scan(data, seed)
    return found, shap


def _without_scores(table: Labelled, note: str, scanned: bool) -> dict[str, Any]:
    """The pairs of each temperature, and why no perceptron tells them apart."""
    temperature = temperatures.of_rows(table)
    classes, counts = np.unique(temperature, return_counts=True)
    glasses = [table.frame.loc[temperature == value, "glass"].nunique() for value in classes]
    found = {
        "note": note,
        "temperatures": classes.tolist(),
        "pairs": counts.tolist(),
        "glasses": glasses,
    }
    return {**found, "scan": []} if scanned else found
