"""Fig. 5 from the published tables: what the models go by, on pairs that they never saw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tlsfind import tables
from tlsfind.interpret.explain import explain_both
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
    from tlsfind.learn.predictor import Predictor

    table = labelled.read(table_file)
    held = tables.read(predictions / "held_out.parquet", KEYS)[KEYS]
    rows = held.merge(table.frame, on=KEYS, how="inner", validate="one_to_one")
    explain_both(
        Classifier(predictions / "models" / "classifier", threads),
        Predictor(predictions / "models" / "predictor", threads),
        replace(table, frame=rows),
        output,
        analysis=config.analysis,
        config_hash=config.hash,
        seed=config.run.seed,
    )
