"""Settings with which the models of the scans train in a second."""

from __future__ import annotations

from tlsfind.config import Learn, Scans

LEARN = Learn(rounds=20, trees=10, folds=2, screen_rounds=20, models=["lightgbm", "extra_trees"])
SCANS = Scans(
    repeats=2,
    training_pairs=300,
    particles=[1, 2, 3, 5],
    sizes=[60, 200, 5000],
    rounds=[10, 20],
    perceptron_layers=2,
    perceptron_width=2.0,
    perceptron_epochs=30,
)
