"""Predictions of pairs by the screen, by the ensembles and by each of their members."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import trained
from benchmarks.context import Context
from benchmarks.part import Comparison, Growth, Part
from benchmarks.timing import in_turn
from tlsfind.evaluate.speed import tiled
from tlsfind.learn import training
from tlsfind.learn.features import inputs

SCREENED, RESCORED = 200_000, 10_000
ENSEMBLES = {"classifier": training.CLASSIFIER, "predictor": training.PREDICTOR}


def measure(context: Context) -> dict[str, Any]:
    """Microseconds of a pair for everything that predicts."""
    results = context.results()
    found = trained.load(results)
    models = found.models
    many = trained.pool(results, models.features, context.pick(SCREENED, 500))
    many = tiled(many, context.pick(SCREENED, 500))
    few = many.sample(context.pick(RESCORED, 100), random_state=0)

    def ensembles() -> None:
        models.classifier.probability(few)
        models.predictor.target(few)

    ways = {
        "screen": lambda: models.screen.predict(many),
        "ensemble": ensembles,
        "cascade": lambda: models.predict(many),
    }
    work = {"screen": len(many), "ensemble": len(few), "cascade": len(many)}
    times = in_turn(ways, context.pick(5, 2), work)
    unit = "microseconds_per_pair"
    return {
        "screen": {
            **times["screen"].numbers(unit),
            "ratio_ensemble": times["screen"].over(times["ensemble"]),
        },
        "ensemble": {**times["ensemble"].numbers(unit), "members": _members(context, found, few)},
        "cascade": {
            **times["cascade"].numbers(unit),
            "ratio_ensemble": times["cascade"].over(times["ensemble"]),
        },
    }


def _members(
    context: Context, found: trained.Trained, frame: pd.DataFrame
) -> dict[str, dict[str, Any]]:
    """Every model that AutoGluon keeps, by ensemble and name."""
    ways: dict[str, Callable[[], object]] = {}
    for name, folder in ENSEMBLES.items():
        ways |= {f"{name}: {m}": w for m, w in _of(found.folder / folder, frame).items()}
    times = in_turn(ways, context.pick(3, 2), len(frame))
    return {name.replace(".", "_"): t.numbers("microseconds_per_pair") for name, t in times.items()}


def _of(folder: Path, frame: pd.DataFrame) -> dict[str, Callable[[], object]]:
    """Ways to predict ``frame`` with each model of an ensemble, inputs included."""
    from autogluon.tabular import TabularPredictor

    description = json.loads((folder / "model.json").read_text())
    predictor = TabularPredictor.load(str(folder / "autogluon"))
    predictor.persist(models="all", max_memory=None)
    features = frame[description["features"]]

    def way(model: str) -> Callable[[], object]:
        def predict() -> object:
            rows = inputs(features, description["inputs"])
            if description["problem"] == "binary":
                return predictor.predict_proba(rows, model=model, as_multiclass=False)
            return predictor.predict(rows, model=model)

        return predict

    return {model: way(model) for model in predictor.model_names(can_infer=True)}


PART = Part(
    "models",
    "Predictions",
    "Models of the last iteration of the run, on its own pairs over and over: 200 000 for the "
    "screen and for the cascade (the screen, and the ensembles on the pairs that it passes), "
    "10 000 for the ensembles (classifier and predictor together) and for each of their members, "
    "with the making of their inputs. A weighted ensemble calls its members.",
    measure,
    (
        Comparison(
            "screening of a pair", "us", "screen.microseconds_per_pair", "the ensembles",
            "ensemble.microseconds_per_pair", "screen.ratio_ensemble",
        ),
        Comparison(
            "prediction of a pair by the cascade", "us", "cascade.microseconds_per_pair",
            "the ensembles", "ensemble.microseconds_per_pair", "cascade.ratio_ensemble",
        ),
    ),
    (
        Growth(
            "Members of the ensembles", "model", "ensemble.members",
            {"us per pair": "microseconds_per_pair"},
        ),
    ),
    needs_run=True,
)  # fmt: skip
