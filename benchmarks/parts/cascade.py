"""What the cascade loses: the pairs that the ensembles would choose and the screen holds back."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import trained
from benchmarks.context import Context
from benchmarks.part import Comparison, Part

POOL = 100_000
LIKELY = 0.5  # probability from which a pair counts as a TLS of the ensembles


def measure(context: Context) -> dict[str, Any]:
    """Recall of the cascade against the ensembles on all pairs."""
    results = context.results()
    found = trained.load(results)
    frame = trained.pool(results, found.models.features, context.pick(POOL, 300))
    cascade = found.models.predict(frame)
    probability = found.models.classifier.probability(frame)
    target = found.models.predictor.target(frame)
    full = probability * found.models.predictor.below(target, found.threshold)
    count = min(results.config.loop.paths_per_iteration, len(frame))
    best = np.argsort(-full, kind="stable")[:count]
    chosen = np.argsort(-cascade["probability_tls"].to_numpy(), kind="stable")[:count]
    rescored = cascade["rescored"].to_numpy()
    likely = full >= min(LIKELY, full.max())
    return {
        "cascade": {
            "pairs": len(frame),
            "rescored_share": float(rescored.mean()),
            "recall_best": len(np.intersect1d(best, chosen)) / count,
            "best": count,
            "recall_likely": float(rescored[likely].mean()),
            "likely": int(likely.sum()),
        }
    }


PART = Part(
    "cascade",
    "Recall of the cascade",
    "The ensembles predict up to 100 000 pairs of the run at random, the cascade the same. Recall "
    "of the best: share of the pairs that a batch chosen by the ensembles would hold and that one "
    "chosen by the cascade holds, too. Recall of the likely: share of the pairs with a probability "
    "of at least 0.5 of a TLS by the ensembles that the screen passes on to them.",
    measure,
    (
        Comparison("recall of the best pairs by the cascade", "share", "cascade.recall_best"),
        Comparison("recall of likely TLS by the screen", "share", "cascade.recall_likely"),
        Comparison("pairs that the ensembles rescore", "of all", "cascade.rescored_share"),
    ),
    needs_run=True,
)  # fmt: skip
