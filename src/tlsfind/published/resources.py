"""Run time and memory that the rules of published mode ask for, at the first attempt.

Estimates with ample room for the tables at T_f = 0.07 (39065 pairs), from what the training and the
explanation of a run take; not measured.
"""

from __future__ import annotations

#: Memory in MB and run time in minutes of each rule.
NEEDS: dict[str, tuple[int, int]] = {
    "published_import": (1000, 10),
    "published_predict": (2500, 60),
    "published_explain": (2500, 60),
    "published_scan": (2500, 240),
    "published_figures": (1500, 10),
    "published_compare": (1500, 10),
    "published_report": (1500, 10),
}


def memory(rule: str) -> int:
    """MB to ask for."""
    return NEEDS[rule][0]


def runtime(rule: str) -> int:
    """Minutes to ask for."""
    return NEEDS[rule][1]
