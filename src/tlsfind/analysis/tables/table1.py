"""Table I: the standard procedure against the active loop, on the pairs of one run.

The standard procedure solves every pair with min(T_ab, T_ba) at or above a threshold. Its outcome
is put together from the qualifying pairs L that the loop solved anyway and from a random sample S
of the others. With Q qualifying pairs, its TLS are t(L) + (Q - L) / S * t(S): exact when all
others were solved, else an unbiased estimate. The plain counts stand beside it: the plain share
of TLS would favour the standard procedure by the pairs that the loop picked for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from tlsfind.analysis.results import Results
from tlsfind.analysis.statistics import poisson_interval
from tlsfind.pairs.keys import KEYS

COLUMNS = [
    "preparation_temperature", "unit_system", "standard_qualifying", "standard_paths",
    "standard_sampled", "standard_complete", "standard_tls", "standard_tls_estimate",
    "standard_tls_per_path", "standard_tls_per_path_low", "standard_tls_per_path_high",
    "loop_paths", "loop_tls", "loop_tls_per_path", "loop_tls_per_path_low",
    "loop_tls_per_path_high", "initial_paths", "initial_tls", "iterated_paths", "iterated_tls",
    "iterated_tls_per_path", "iterated_tls_per_path_low", "iterated_tls_per_path_high",
    "ratio", "iterated_ratio",
]  # fmt: skip


def standard_procedure(
    qualifying: int, by_loop: tuple[int, int], sampled: tuple[int, int]
) -> dict[str, Any]:
    """Outcome of the standard procedure.

    Args:
        qualifying: pairs that qualify.
        by_loop: qualifying pairs that the loop solved, and the TLS among them.
        sampled: further qualifying pairs solved, a random sample of the rest, and their TLS.

    Returns:
        Paths, TLS as counted and as estimated for all qualifying pairs, TLS per path with its
        95 % interval; nan where pairs are left and none of them was sampled.
    """
    left = qualifying - by_loop[0]
    complete = left <= sampled[0]
    weight = 1.0 if complete else (left / sampled[0] if sampled[0] else float("nan"))
    found: dict[str, Any] = {
        "standard_qualifying": qualifying,
        "standard_paths": by_loop[0] + sampled[0],
        "standard_sampled": sampled[0],
        "standard_complete": complete,
        "standard_tls": by_loop[1] + sampled[1],
        "standard_tls_estimate": by_loop[1] + weight * sampled[1],
    }
    estimate, limits = found["standard_tls_estimate"], (float("nan"), float("nan"))
    if np.isfinite(weight):
        if complete:
            limits = poisson_interval(found["standard_tls"])
        else:
            limits = poisson_interval([by_loop[1], sampled[1]], [1.0, weight])
    return {**found, **_rate("standard", estimate, qualifying, limits)}


def _rate(
    name: str, tls: float, paths: int, limits: tuple[float, float] | None = None
) -> dict[str, float]:
    """TLS per path with its interval; nan without paths."""
    low, high = poisson_interval(int(tls)) if limits is None else limits
    values = (tls, low, high)
    rates = [value / paths if paths else float("nan") for value in values]
    return dict(zip((f"{name}_tls_per_path{s}" for s in ("", "_low", "_high")), rates, strict=True))


def table(
    solved: pd.DataFrame,
    is_tls: Mapping[str, np.ndarray],
    least_transitions: np.ndarray,
    qualifying: Mapping[str, int],
    temperatures: Mapping[str, float],
    threshold: int,
) -> pd.DataFrame:
    """Table I with a row for each preparation temperature and unit system.

    Args:
        solved: every solved pair once; iteration -1 marks those that only the standard procedure
            solved.
        is_tls: by unit system, which of them are TLS, (n,) bool.
        least_transitions: min(T_ab, T_ba) of each, (n,).
        qualifying: qualifying pairs of each glass.
        temperatures: preparation temperature of each glass.
        threshold: smallest min(T_ab, T_ba) of the standard procedure.

    Returns:
        Columns :data:`COLUMNS`; the last rows, with temperature nan, are over all glasses.
    """
    temperature = solved["glass"].map(temperatures).to_numpy(dtype=np.float64)
    iteration = solved["iteration"].to_numpy(dtype=int)
    qualifies = np.asarray(least_transitions) >= threshold
    rows = []
    for value in [*sorted(set(temperatures.values())), float("nan")]:
        here = np.ones(len(solved), dtype=bool) if np.isnan(value) else temperature == value
        wanted = {g for g, t in temperatures.items() if np.isnan(value) or t == value}
        total = sum(qualifying.get(glass, 0) for glass in wanted)
        loop, initial = here & (iteration >= 0), here & (iteration == 0)
        alone = here & (iteration < 0) & qualifies
        for unit, tls in is_tls.items():
            row = {
                "preparation_temperature": value,
                "unit_system": unit,
                **standard_procedure(
                    total,
                    (int((loop & qualifies).sum()), int((loop & qualifies & tls).sum())),
                    (int(alone.sum()), int((alone & tls).sum())),
                ),
            }
            chosen_by = {"loop": loop, "initial": initial, "iterated": loop & ~initial}
            for name, chosen in chosen_by.items():
                row[f"{name}_paths"] = int(chosen.sum())
                row[f"{name}_tls"] = int((chosen & tls).sum())
                row |= _rate(name, row[f"{name}_tls"], row[f"{name}_paths"])
            for name, source in (("ratio", "loop"), ("iterated_ratio", "iterated")):
                standard = row["standard_tls_per_path"]
                rate = row[f"{source}_tls_per_path"]
                row[name] = rate / standard if standard > 0 else float("nan")
            rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def collect(results: Results) -> pd.DataFrame:
    """Table I of a run."""
    solved = results.solved
    known = solved[KEYS].merge(results.scan.solved, on=KEYS, how="left")
    least = known[["transitions_ab", "transitions_ba"]].astype(float).min(axis=1).to_numpy()
    return table(
        solved,
        {unit: results.is_tls(solved, unit) for unit in results.units},
        least,
        results.scan.qualifying,
        results.temperatures,
        results.config.loop.standard_transitions,
    )
