"""Fig. 5 from the published tables: what the models go by, on pairs that they never saw."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from tlsfind import tables
from tlsfind.interpret.explain import CLASSIFIER, PREDICTOR, explain_model
from tlsfind.interpret.importance import Model
from tlsfind.learn import labelled
from tlsfind.pairs.keys import KEYS
from tlsfind.published.settings import PublishedConfig


def explain(
    config: PublishedConfig, table_file: Path, predictions: Path, output: Path, threads: int = 1
) -> None:
    """Explain both models on the pairs that were held out from them.

    Args:
        config: sections ``analysis`` (sizes) and ``run`` (seed).
        table_file: labelled table.
        predictions: folder that :func:`tlsfind.published.predict.predict` wrote.
        output: folder that receives ``shap.parquet`` and ``importance.parquet``.
        threads: of the predictions.

    Raises:
        InputError: a model or a table is missing or damaged, or too few rows.
    """
    from tlsfind.learn.classifier import Classifier
    from tlsfind.learn.predictor import Predictor, to_target

    table = labelled.read(table_file)
    held = tables.read(predictions / "held_out.parquet", KEYS)[KEYS]
    rows = held.merge(table.frame, on=KEYS, how="inner", validate="one_to_one")
    well = rows["is_double_well"].to_numpy(dtype=bool)
    exact = rows["quantum_splitting"].to_numpy(dtype=float)
    known = well & np.isfinite(exact)

    def of_frame(function: Callable[[pd.DataFrame], np.ndarray]) -> Model:
        return lambda values: function(pd.DataFrame(values, columns=table.features))

    classifier = Classifier(predictions / "models" / "classifier", threads)
    predictor = Predictor(predictions / "models" / "predictor", threads)
    shap, importance = [], []
    for name, model, chosen, truth in (
        (CLASSIFIER, of_frame(classifier.probability), rows, well),
        (PREDICTOR, of_frame(predictor.target), rows[known], to_target(exact[known])),
    ):
        one, other = explain_model(
            name,
            model,
            chosen,
            table.features,
            truth,
            sample=config.analysis.explain_sample,
            background=config.analysis.explain_background,
            shuffles=config.analysis.permutations,
            seed=config.run.seed,
        )
        shap.append(one)
        importance.append(other)
    for part, frames in (("shap", shap), ("importance", importance)):
        schema = tables.stamped(tables.schema(part), config.hash, config.run.seed)
        tables.write(pd.concat(frames, ignore_index=True), output / f"{part}.parquet", schema)
