"""The whole: what a finished run found for its core-hours, the loop against the standard procedure.

Core-hours are the wall time of all jobs, one core each, from the records of the jobs; of trainings,
which have two processes, the processor time.
Those of paths are the column ``seconds`` of the tables of paths. The standard procedure stands for
all pairs that qualify: what was measured on the sample counts for the pairs that were left out.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np

from benchmarks.context import Context
from benchmarks.part import Comparison, Growth, Part
from tlsfind import jobs, provenance
from tlsfind.analysis.results import Results
from tlsfind.analysis.tables import table1
from tlsfind.errors import InputError
from tlsfind.pairs.keys import KEYS
from tlsfind.plan.measured import attempts

#: Rules that both procedures need before the first path.
SHARED = ("prepare", "import_frames", "explore", "landscape", "pair_features")
#: Rules of the loop besides its paths.
LOOP = ("select_initial", "select_next", "collect_paths", "train", "predict", "assess")


def measure(context: Context) -> dict[str, Any]:
    """TLS and double wells per core-hour."""
    results = context.results()
    spent = {rule: found.spent for rule, found in attempts(results.root)[0].items()}
    if not spent:
        raise InputError(f"{results.root} has no records of jobs, expected a finished run")
    solved = results.solved
    tls = int(results.is_tls(solved).sum())
    wells = int((solved["status"] == "double_well").sum())
    hours = sum(spent.values()) / 3600.0
    shared = sum(spent.get(rule, 0.0) for rule in SHARED) / 3600.0
    found: dict[str, Any] = {
        "tls_per_core_hour": tls / hours,
        "double_wells_per_core_hour": wells / hours,
        "tls": tls,
        "double_wells": wells,
        "core_hours": hours,
        "core_hours_shared": shared,
        "core_seconds_by_rule": {
            rule: {"seconds": seconds, "share": seconds / sum(spent.values())}
            for rule, seconds in sorted(spent.items(), key=lambda one: -one[1])
        },
        "particles": results.particles,
        "path_seconds_median": float(solved["seconds"].median()),
    }
    minutes = _minutes(results)
    if minutes:
        found["minutes"] = minutes
    loop, standard = _loop(results, spent), _standard(results)
    for name, one in (("loop", loop), ("standard", standard)):
        own = one["core_hours"]
        for what in ("tls", "double_wells"):
            one[f"{what}_per_core_hour"] = one[what] / (shared + own)
            one[f"{what}_per_core_hour_of_search"] = one[what] / own if own else None
        found[name] = one
    for ending in ("", "_of_search"):
        ours, theirs = (o[f"tls_per_core_hour{ending}"] for o in (loop, standard))
        found[f"ratio_standard{ending}"] = ours / theirs if ours and theirs else None
    return {"end_to_end": found}


def _loop(results: Results, spent: dict[str, float]) -> dict[str, Any]:
    """What the loop found, and its core-hours: paths, training, prediction, selection."""
    paths = results.loop_paths
    learning = sum(spent.get(rule, 0.0) for rule in LOOP)
    return {
        "paths": len(paths),
        "tls": int(results.is_tls(paths).sum()),
        "double_wells": int((paths["status"] == "double_well").sum()),
        "core_hours": (float(paths["seconds"].sum()) + learning) / 3600.0,
        "core_hours_learning": learning / 3600.0,
    }


def _standard(results: Results) -> dict[str, Any]:
    """What the standard procedure finds, and its core-hours, for all pairs that qualify."""
    table = table1.collect(results)
    unit = results.config.loop.unit_system
    row = table[(table["unit_system"] == unit) & table["preparation_temperature"].isna()].iloc[0]
    solved = results.solved
    known = solved[KEYS].merge(results.scan.solved, on=KEYS, how="left")
    least = known[["transitions_ab", "transitions_ba"]].astype(float).min(axis=1).to_numpy()
    qualifies = least >= results.config.loop.standard_transitions
    alone = qualifies & (solved["iteration"].to_numpy(dtype=int) < 0)
    both = qualifies & ~alone
    left = int(row["standard_qualifying"]) - int(both.sum())
    weight = left / max(int(alone.sum()), 1)
    seconds = solved["seconds"].to_numpy(dtype=float)
    wells = (solved["status"] == "double_well").to_numpy()
    weights = np.where(both, 1.0, np.where(alone, weight, 0.0))
    return {
        "paths": int(row["standard_qualifying"]),
        "paths_solved": int(both.sum() + alone.sum()),
        "tls": float((weights * results.is_tls(solved)).sum()),
        "double_wells": float((weights * wells).sum()),
        "core_hours": float((weights * seconds).sum()) / 3600.0,
    }


def _minutes(results: Results) -> float | None:
    """Wall time of the run from its first start to the end of its last job; None if unknown."""
    starts, records = provenance.read_starts(results.root), jobs.read_records(results.root)
    if not starts or not records:
        return None
    begin = datetime.fromisoformat(starts[0]["started"])
    end = max(datetime.fromisoformat(record.updated) for record in records)
    return max((end - begin).total_seconds(), 1.0) / 60.0


PART = Part(
    "end_to_end",
    "The whole",
    "A finished run (the demo, unless named). Core-hours are the wall times of all its jobs on one "
    "core each (trainings: processor time of two processes), without the time of the "
    "workflow itself. The loop and the standard procedure share "
    "glasses, exploration and pairs; `of search` is without these. The standard procedure stands "
    "for all pairs that qualify, by its sample. The wall time is from the first start to the last "
    "job, pauses included.",
    measure,
    (
        Comparison("TLS per core-hour", "per hour", "end_to_end.tls_per_core_hour"),
        Comparison(
            "double wells per core-hour", "per hour", "end_to_end.double_wells_per_core_hour"
        ),
        Comparison(
            "TLS per core-hour, loop", "per hour", "end_to_end.loop.tls_per_core_hour",
            "standard procedure", "end_to_end.standard.tls_per_core_hour",
            "end_to_end.ratio_standard",
        ),
        Comparison(
            "TLS per core-hour of search, loop", "per hour",
            "end_to_end.loop.tls_per_core_hour_of_search", "standard procedure",
            "end_to_end.standard.tls_per_core_hour_of_search",
            "end_to_end.ratio_standard_of_search",
        ),
        Comparison(
            "double wells per core-hour, loop", "per hour",
            "end_to_end.loop.double_wells_per_core_hour",
            "standard procedure", "end_to_end.standard.double_wells_per_core_hour",
        ),
        Comparison("the run from start to end", "min", "end_to_end.minutes"),
    ),
    (
        Growth(
            "Where the time of the run goes", "rule", "end_to_end.core_seconds_by_rule",
            {"core-seconds": "seconds", "share": "share"},
        ),
    ),
    needs_run=True,
)  # fmt: skip
