"""How well the models of a config do on a labelled table: every number in one JSON.

1. Predict every pair by models that were trained without it (:mod:`tlsfind.evaluate.held_out`),
   twice: with folds of pairs at random, as in the paper, and with folds of whole glasses, as for a
   new glass. Both may be repeated with other folds and seeds.
2. Score all held-out predictions of a repetition together (:mod:`tlsfind.evaluate.scores`); the
   scores are the means over repetitions, with standard deviations over folds and over repetitions.

A number that cannot be given is null, and ``notes`` says why.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tlsfind import __version__, tables
from tlsfind.config import Learn
from tlsfind.errors import InputError, TrainingError
from tlsfind.evaluate import held_out, report, scores
from tlsfind.evaluate.held_out import HeldOut, Mode, Task
from tlsfind.evaluate.scores import Scored
from tlsfind.evaluate.source import Source
from tlsfind.learn import folding
from tlsfind.progress import progress

#: The splits by their names in the JSON.
SPLITS: dict[str, folding.Split] = {"random": "row", "grouped": "glass"}

#: Scores that count pairs, which have no spread over folds.
COUNTS = ("tls", "expected_tls", "tls_lost")

_PACKAGES = ("autogluon.tabular", "lightgbm", "catboost", "scikit-learn", "numpy", "pandas")


def evaluate(
    source: Source,
    settings: Learn,
    *,
    threshold: float,
    seed: int = 0,
    folds: int = 5,
    repeats: int = 1,
    threads: int = 1,
    modes: Sequence[Mode] = (),
) -> dict[str, Any]:
    """Train and score the models of ``settings``.

    Args:
        source: the pairs.
        settings: section ``learn`` of a config; ``split`` is set to that of each evaluation.
        threshold: E_qs of a TLS.
        seed: of all folds and models.
        folds: outer folds; by glass at most as many as there are glasses.
        repeats: repetitions with other folds and seeds.
        threads: of every training and prediction, part of what makes results reproducible.
        modes: ``splitting_target`` of the predictors, the first one leads; that of ``settings``
            by default.

    Returns:
        Nested dictionaries of finite numbers, text and None, ready for JSON; the keys are
        described by :data:`tlsfind.evaluate.report.DESCRIPTIONS`.

    Raises:
        InputError: neither the classifier nor the predictor can be trained on these pairs.
        TrainingError: a training failed, or the time limit left no model.
    """
    begin, begin_cpu = time.monotonic(), time.process_time()
    chosen = tuple(dict.fromkeys(modes)) or (settings.splitting_target,)
    task = Task(source.table, settings, threshold, chosen, seed, folds, threads)
    notes = list(source.report["notes"])
    plan = _plan(task, repeats, notes)
    held = _held_out(task, plan)
    result: dict[str, Any] = {}
    for name in _sections(task):
        result[name] = _section(task, name, held, notes)
    _add_speed(result, held, notes)
    notes += _training_notes(held)
    result["data"] = _data(source, task)
    result["settings"] = {
        "learn": settings.model_copy(update={"splitting_target": chosen[0]}).model_dump(
            mode="json"
        ),
        "inner_split": dict(SPLITS),
        "modes": list(chosen),
        "seed": seed,
        "folds": folds,
        "repeats": repeats,
        "threads": threads,
        "processors": os.cpu_count(),
        "versions": _versions(),
        "seconds": time.monotonic() - begin,
        "processor_seconds": time.process_time() - begin_cpu,
    }
    result["time_limit_struck"] = any(one.time_limit_struck for of in held.values() for one in of)
    result["notes"] = notes
    result["description"] = dict(report.DESCRIPTIONS)
    return result


def write(result: dict[str, Any], path: Path) -> None:
    """Write the JSON atomically. NaN is an error here, not a number."""
    with tables.atomic(path) as temporary:
        temporary.write_text(json.dumps(result, indent=2, allow_nan=False) + "\n")


def _plan(task: Task, repeats: int, notes: list[str]) -> dict[str, list[np.ndarray]]:
    """The outer folds of every repetition of each split that is possible.

    Raises:
        InputError: nothing can be trained.
    """
    plan: dict[str, list[np.ndarray]] = {}
    for name, split in SPLITS.items():
        try:
            plan[name] = [held_out.outer_folds(task, split, k) for k in range(repeats)]
        except TrainingError as error:
            notes.append(f"{name} is null everywhere: {error}")
    missing = held_out.missing_models(task, plan["random"][0])
    if {"classifier", "splitting"} <= set(missing):
        raise InputError(f"nothing to evaluate: {missing['classifier']}; {missing['splitting']}")
    if "grouped" in plan and (found := plan["grouped"][0].max() + 1) < task.folds:
        notes.append(f"grouped: {found} outer folds, because there are {found} glasses")
    if repeats == 1:
        notes.append("over_repeats is null everywhere: one repetition only (--repeats)")
    return plan


def _held_out(task: Task, plan: dict[str, list[np.ndarray]]) -> dict[str, list[HeldOut]]:
    """Held-out predictions of every repetition of each split."""
    total = sum(
        held_out.trainings(task, held_out.missing_models(task, fold)) * len(np.unique(fold))
        for of in plan.values()
        for fold in of
    )
    with progress(total, "trainings") as advance:
        return {
            name: [
                held_out.predict(task, SPLITS[name], fold, repeat, advance)
                for repeat, fold in enumerate(of)
            ]
            for name, of in plan.items()
        }


def _sections(task: Task) -> dict[str, tuple[str, ...]]:
    """The sections with scores, and the models that each needs."""
    splittings = {held_out.section(task, mode): ("splitting",) for mode in task.modes}
    return {
        "classifier": ("classifier",),
        **splittings,
        "tls": ("classifier", "splitting"),
        "barrier": ("barrier",),
        "screen": ("screen",),
    }


def _score(task: Task, name: str, held: HeldOut, rows: np.ndarray) -> Scored | None:
    """The scores of a section over some pairs; None if none of them can be scored."""
    table, wells = task.table, task.known_splitting
    if name == "classifier":
        return scores.classification(table.is_double_well[rows], held.probability[rows])
    if name == "barrier":
        rows = rows & task.known_barrier
        exact = table.frame["barrier"].to_numpy(dtype=float)[rows]
        return scores.values(exact, held.barrier[rows]) if rows.any() else None
    if name in ("tls", "screen"):
        rows = rows & (wells | ~table.is_double_well)  # elsewhere nobody knows
        if not rows.any():
            return None
        tls = table.is_tls(task.threshold)[rows]
        if name == "screen":
            return scores.screening(tls, held.passed[rows], held.screened[rows])
        return scores.hunt(tls, (held.probability * held.below[task.modes[0]])[rows])
    mode = next(mode for mode in task.modes if held_out.section(task, mode) == name)
    rows = rows & wells
    if not rows.any():
        return None
    return scores.splittings(
        table.splitting[rows], held.target[mode][rows], held.below[mode][rows], task.threshold
    )


def _section(
    task: Task, name: str, held: dict[str, list[HeldOut]], notes: list[str]
) -> dict[str, Any] | None:
    """Scores of a section by split, or None with a note."""
    needed = _sections(task)[name]
    found: dict[str, Any] = dict.fromkeys(SPLITS)
    lacking: dict[str, str] = {}
    for split, of in held.items():
        reasons = [of[0].missing[model] for model in needed if model in of[0].missing]
        # other repetitions have other folds, by glass perhaps ones that do not do
        reasons += [
            f"in a repetition, {one.missing[m]}"
            for one in of[1:]
            for m in needed
            if m in one.missing
        ]
        if reasons:
            lacking[split] = reasons[0]
        else:
            found[split] = _pooled(task, name, split, of, notes)
    if name != "screen" and set(lacking) == set(held):
        notes.append(f"{name} is null: {lacking['random']}")
        return None
    notes += [f"{name}.{split} is null: {reason}" for split, reason in lacking.items()]
    if name in [held_out.section(task, mode) for mode in task.modes]:
        modes = {held_out.section(task, mode): mode for mode in task.modes}
        return {"mode": modes[name], **found}
    return found


def _pooled(
    task: Task, name: str, split: str, of: list[HeldOut], notes: list[str]
) -> dict[str, Any]:
    """Scores of all held-out pairs, means over repetitions, and their spreads."""
    pooled, parts = [], []
    for held in of:
        whole = _score(task, name, held, np.ones(len(held.fold), dtype=bool))
        assert whole is not None  # else the models were missing
        pooled.append(whole)
        one = [_score(task, name, held, held.fold == k) for k in np.unique(held.fold)]
        parts += [score for score in one if score is not None]
    found: dict[str, Any] = {}
    over_folds: dict[str, float | None] = {}
    over_repeats: dict[str, float | None] = {}
    for key in pooled[0].values:
        defined = [v for score in pooled if (v := score.values[key]) is not None]
        where = f"{name}.{split}.{key}"
        found[key] = float(np.mean(defined)) if defined else None
        if key == "tls":
            found[key] = int(found[key])
        if not defined:
            notes.append(f"{where} is null: {pooled[0].reasons[key]}")
        if key in COUNTS:
            continue
        over_folds[key] = _spread([score.values[key] for score in parts])
        over_repeats[key] = _spread([score.values[key] for score in pooled])
        if defined and over_folds[key] is None:
            notes.append(f"{where}, over_folds is null: defined in fewer than two folds")
    return {
        **found,
        "over_folds": over_folds,
        "over_repeats": over_repeats if len(of) > 1 else None,
    }


def _spread(found: list[float | None]) -> float | None:
    """Standard deviation of the values that are defined; None for fewer than two."""
    defined = [value for value in found if value is not None]
    return float(np.std(defined, ddof=1)) if len(defined) > 1 else None


def _add_speed(result: dict[str, Any], held: dict[str, list[HeldOut]], notes: list[str]) -> None:
    """Put the speeds, measured in the first fold at random, where they belong."""
    first = held["random"][0]
    result["ensemble"] = first.speed.get("ensemble")
    if result["ensemble"] is None:
        notes.append("ensemble is null: it takes a classifier and a predictor")
    random = result["screen"]["random"]
    screen = first.speed.get("screen", {"microseconds_per_pair": None, "pairs_timed": None})
    if random is None:
        notes.append("screen.microseconds_per_pair is null: there is no screen by row")
    result["screen"] = {
        **screen,
        "recall_tls": random["recall_tls"] if random else None,
        "share_rescored": random["share_rescored"] if random else None,
        **result["screen"],
    }


def _training_notes(held: dict[str, list[HeldOut]]) -> list[str]:
    """What the trainings did otherwise than asked for, each thing once."""
    places: dict[tuple[str, str], list[str]] = {}
    for split, of in held.items():
        for repeat, one in enumerate(of):
            for model, note, fold in one.notes:
                place = f"{fold + 1}" if len(of) == 1 else f"{repeat + 1}.{fold + 1}"
                places.setdefault((f"{model}.{split}", note), []).append(place)
    return [
        f"{model}, trained without fold {', '.join(folds)}: {note}"
        for (model, note), folds in places.items()
    ]


def _data(source: Source, task: Task) -> dict[str, Any]:
    """What the table holds."""
    table = source.table
    temperatures = np.unique(table.frame["preparation_temperature"].dropna())
    dropped = [sum(file["dropped"].values()) for file in source.report["files"]]
    return {
        "source": str(source.path),
        "label": source.label,
        "rows": len(table.frame),
        "double_wells": int(table.is_double_well.sum()),
        "double_wells_with_splitting": int(task.known_splitting.sum()),
        "double_wells_with_barrier": int(task.known_barrier.sum()),
        "tls": int(table.is_tls(task.threshold).sum()),
        "glasses": len(np.unique(table.glasses)),
        "preparation_temperatures": [float(value) for value in temperatures],
        "particles": table.particles,
        "unit_system": table.unit_system,
        "threshold": task.threshold,
        "dropped": sum(dropped),
        "files": source.report["files"],
        "joined": source.report["joined"],
    }


def _versions() -> dict[str, str]:
    return {
        "tlsfind": __version__,
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in _PACKAGES},
    }
