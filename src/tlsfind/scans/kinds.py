"""The kinds of scans. The rules read this, so it imports nothing."""

from __future__ import annotations

#: Kinds of scans and their figures in the paper.
FIGURES: dict[str, str] = {
    "leaderboard": "figS1",
    "predictor": "figS2",
    "classifier": "figS3",
    "importance": "figS4",
    "features": "figS5",
}
