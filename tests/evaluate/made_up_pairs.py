"""Labelled pairs that follow a law, and models that know it and cost nothing."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd

from tlsfind import tables
from tlsfind.config import Learn
from tlsfind.errors import TrainingError
from tlsfind.evaluate import held_out, speed
from tlsfind.evaluate import source as evaluation_input
from tlsfind.evaluate import stage as evaluation
from tlsfind.learn import labelled, screen
from tlsfind.learn.ensemble import Trained

THRESHOLD = 0.0015
SETTINGS = Learn(rounds=20, trees=10, folds=2, models=["lightgbm"], screen_rounds=20)
REQUIRED = [
    "classifier.random.accuracy",
    "classifier.grouped.accuracy",
    "splitting.random.r_log",
    "splitting.grouped.r_log",
    "splitting.random.average_precision_tls",
    "splitting.grouped.average_precision_tls",
    "splitting.random.recall_at_twice_threshold",
    "splitting.grouped.recall_at_twice_threshold",
    "splitting.random.precision_at_twice_threshold",
    "splitting.grouped.precision_at_twice_threshold",
    "screen.microseconds_per_pair",
    "screen.recall_tls",
    "screen.share_rescored",
    "screen.random.recall_tls",
    "screen.grouped.recall_tls",
    "tls.random.average_precision",
    "ensemble.microseconds_per_pair",
    "ensemble.megabytes",
]


def make_table(glasses: int = 6, pairs: int = 120, seed: int = 0) -> pd.DataFrame:
    """Pairs whose exact results follow from their features."""
    rng = np.random.default_rng(seed)
    n = glasses * pairs
    d = rng.uniform(0.2, 1.8, n)
    number = np.arange(n) % pairs
    frame = pd.DataFrame(
        {
            "glass": np.repeat([f"g{k}" for k in range(glasses)], pairs),
            "minimum_a": number.astype(np.int32),
            "minimum_b": (number + 1000).astype(np.int32),
            "delta_e": rng.exponential(0.02, n),
            "total_displacement": d,
            "participation_ratio": rng.uniform(1, 30, n),
            "transitions_ab": rng.poisson(1.0, n).astype(np.int32),
            "transitions_ba": rng.poisson(1.0, n).astype(np.int32),
            "preparation_temperature": 0.062,
            "unit_system": "argon",
        }
    )
    for k in (1, 2, 3):
        frame[f"displacement_{k}"] = d / (k + 1)
    for k in (2, 3):
        frame[f"distance_1_{k}"] = rng.uniform(0.8, 2.5, n)
    frame["is_double_well"] = d + 0.05 * rng.normal(size=n) < 1.1
    splitting = np.hypot(0.3 * frame["delta_e"], 0.02 * np.exp(-4.0 * d))
    frame["quantum_splitting"] = splitting.where(frame["is_double_well"])
    frame["barrier"] = np.nan
    return frame[[name for name, _, _ in tables.labelled_columns(3)]]


def source(frame: pd.DataFrame) -> evaluation_input.Source:
    table = labelled.check(frame, tables.feature_names(3), "test")
    report = {"files": [], "joined": {}, "notes": []}
    return evaluation_input.Source(table, "test", "test.parquet", report)


def leaves(content, prefix: str = "") -> dict[str, object]:
    """Values by dotted path; lists are values."""
    found: dict[str, object] = {}
    for key, value in content.items():
        if isinstance(value, dict) and value:
            found |= leaves(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def timeless(result) -> dict[str, object]:
    """Everything that must not depend on how long it took."""
    return {k: v for k, v in leaves(result).items() if "seconds" not in k}


class FakeScreen:
    """Knows the law without noise; its cutoff is that of :class:`screen.Screen`."""

    admit = screen.Screen.admit

    def __init__(self, bound: float) -> None:
        self.bound, self.cutoff = bound, 1.0

    def predict(self, frame: pd.DataFrame) -> screen.Predictions:
        d = frame["total_displacement"].to_numpy()
        exact = np.hypot(0.3 * frame["delta_e"].to_numpy(), 0.02 * np.exp(-4.0 * d))
        probability = 1 / (1 + np.exp(-8 * (1.1 - d)))
        below = 1 / (1 + np.exp(-30 * (-np.log10(exact) - self.bound)))
        return screen.Predictions(probability, -np.log10(exact), probability * below)


class Fakes:
    """Models that know the law of :func:`make_table` up to noise of their seed."""

    def __init__(self) -> None:
        self.calls: list[SimpleNamespace] = []
        self.screen_folds: list[np.ndarray | None] = []
        self.notes: list[str] = []
        self.struck = False
        self.error: str | None = None

    def install(self, monkeypatch) -> None:
        fakes = self

        def fit(kind):
            def run(features, value, folder, settings, seed, glasses, *rest):
                if fakes.error:
                    raise TrainingError(fakes.error)
                folder.mkdir(parents=True)
                (folder / "seed").write_text(str(seed))
                call = SimpleNamespace(
                    kind=kind, settings=settings, seed=seed, glasses=set(glasses),
                    rows=features.index, rest=rest,
                )  # fmt: skip
                fakes.calls.append(call)
                return Trained(np.zeros(len(features)), fakes.struck, list(fakes.notes))

            return run

        def fit_screen(features, is_double_well, target, bound, *, rounds, seed, fold, threads):
            self.screen_folds.append(fold)
            fake = FakeScreen(bound)
            return screen.Trained(fake, fake.predict(features))

        class Classifier:
            def __init__(self, folder, threads):
                self.rng = np.random.default_rng(int((folder / "seed").read_text()))

            def probability(self, frame):
                x = 8 * (1.1 - frame["total_displacement"]) + self.rng.normal(size=len(frame))
                return (1 / (1 + np.exp(-x))).to_numpy()

        class Predictor(Classifier):
            def target(self, frame):
                d = frame["total_displacement"]
                exact = np.hypot(0.3 * frame["delta_e"], 0.02 * np.exp(-4.0 * d))
                return (-np.log10(exact) + 0.05 * self.rng.normal(size=len(d))).to_numpy()

            def below(self, target, threshold):
                return 1 / (1 + np.exp(-30 * (target + np.log10(threshold))))

        monkeypatch.setattr(
            held_out, "classifier", SimpleNamespace(fit=fit("classifier"), Classifier=Classifier)
        )
        real = held_out.predictor
        monkeypatch.setattr(
            held_out,
            "predictor",
            SimpleNamespace(fit=fit("predictor"), Predictor=Predictor, to_target=real.to_target),
        )
        monkeypatch.setattr(
            held_out,
            "screen",
            SimpleNamespace(fit=fit_screen, folds_by_glass=screen.folds_by_glass),
        )
        monkeypatch.setattr(speed, "SCREEN_PAIRS", 500)
        monkeypatch.setattr(speed, "ENSEMBLE_PAIRS", 500)


def run(frame: pd.DataFrame, **changes):
    settings = changes.pop("settings", SETTINGS)
    keywords = {"threshold": THRESHOLD, "seed": 1, "folds": 3, **changes}
    result = evaluation.evaluate(source(frame), settings, **keywords)
    json.dumps(result, allow_nan=False)  # no NaN, no numpy types
    return result
