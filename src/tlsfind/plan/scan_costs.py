"""How many trainings the scans of a run take (:mod:`tlsfind.scans`)."""

from __future__ import annotations

from tlsfind.config import Config

#: Kinds of scans, a rule for each.
KINDS = ("leaderboard", "predictor", "classifier", "importance", "features")

#: Features of M = 1 besides Delta E, d, PR, T_ab, T_ba; each further particle has two.
_FEATURES, _PER_PARTICLE = 6, 2

#: Features that the second curve of Fig. S5 does without.
_WITHOUT = 3


def trainings(config: Config, kind: str) -> int:
    """Trainings of one ensemble in a scan.

    Args:
        config: the run.
        kind: kind of the scan.
    """
    scans = config.scans
    temperatures = len({group.preparation_temperature for group in config.glasses})
    repeated = temperatures * len(scans.splits) * scans.repeats
    if kind == "leaderboard":
        return 2 * repeated * (len(config.learn.models) + 3)
    if kind == "importance":
        return 2 * temperatures * scans.repeats
    if kind == "features":
        count = _FEATURES + _PER_PARTICLE * (config.pairs.particles - 1)
        chosen = range(1, count) if scans.feature_counts is None else scans.feature_counts
        points = [1 + sum(n < most for n in chosen) for most in (count, count - _WITHOUT)]
        return 2 * repeated * sum(points)
    return repeated * (len(scans.particles) + len(scans.sizes) + len(scans.rounds))
