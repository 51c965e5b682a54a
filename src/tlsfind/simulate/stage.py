"""Simulated loops on a labelled table: their curves, summary and figure.

Writes ``curves.parquet`` and ``curves.csv`` (a row for each iteration of each loop),
``summary.csv`` (a row for each rule) and the figure ``simulated_loops``.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from tlsfind import tables
from tlsfind.errors import InputError
from tlsfind.learn import labelled
from tlsfind.progress import progress
from tlsfind.simulate import dilution
from tlsfind.simulate import loop as simulate
from tlsfind.simulate.pool import Pool
from tlsfind.units import BUILT_IN

LOG = logging.getLogger(__name__)

#: Columns of the table of curves.
CURVES: tables.Columns = [
    ("rule", pa.string(), "acquisition rule"),
    ("seed", pa.int64(), "seed of the loop"),
    ("iteration", pa.int32(), "iteration of the loop, 0: before any model, or none yet (transfer)"),
    (
        "chosen_by",
        pa.string(),
        "rule of this batch; `initial`: the first one; `random_too_few`: drawn at random because "
        "there were too few double wells with E_qs, or others, or one E_qs only, to train on",
    ),
    ("paths", pa.int64(), "paths so far"),
    ("tls", pa.int64(), "TLS so far"),
    ("double_wells", pa.int64(), "double wells so far"),
    ("total_tls", pa.int64(), "TLS in the pool"),
    ("true_missing", pa.int64(), "TLS without a path"),
    ("expected_tls", pa.float64(), "TLS that the models expected in this batch, null: no models"),
    ("predicted_missing", pa.float64(), "sum of the predicted probabilities, null: no models"),
    ("missing", pa.float64(), "estimate of TLS without a path, null: no models"),
    ("missing_low", pa.float64(), "lower end of its 90 % interval"),
    ("missing_high", pa.float64(), "upper end of its 90 % interval"),
    ("stop", pa.bool_(), "whether the rule of the last batch (paper) stops here"),
    ("stop_missing", pa.bool_(), "whether the rule of missing TLS stops here"),
]

#: Shares of all TLS, in per cent, for which the summary gives the paths.
SHARES = (50, 80, 95, 100)

FIGURE = "simulated_loops"


def simulate_loop(
    table: Path,
    output: Path,
    settings: simulate.Settings,
    *,
    rules: Sequence[str] = (),
    seeds: int = 3,
    seed: int = 0,
    dilute: float = 0.0,
    transfer: bool = False,
    threshold: float | None = None,
    formats: Sequence[str] = ("png", "svg"),
) -> pd.DataFrame:
    """Simulate loops on a labelled table and write curves, summary and figure.

    Args:
        table: labelled table.
        output: folder, made if need be.
        settings: of all loops; ``shares`` are those of the strata if the pool is diluted.
        rules: acquisition rules; all if empty.
        seeds: loops of each rule.
        seed: the first of the seeds, and that of the dilution.
        dilute: pairs that are no double wells added for each labelled pair.
        transfer: start from models trained on the other two thirds of the glasses.
        threshold: E_qs below which a double well is a TLS; that of the table's unit system if None.
        formats: of the figure.

    Returns:
        The summary, a row for each rule.

    Raises:
        InputError: the table is missing, damaged or holds no TLS; an unknown rule; a threshold that
            is not positive and finite, or a unit system without a known one.
        TrainingError: ``transfer`` with one glass only.
    """
    rules = list(dict.fromkeys(rules)) or list(simulate.RULES)
    unknown = [rule for rule in rules if rule not in simulate.RULES]
    if unknown:
        raise InputError(
            f"acquisition rule {unknown[0]!r} is unknown, expected one of "
            f"{', '.join(simulate.RULES)}"
        )
    if threshold is not None and not (math.isfinite(threshold) and threshold > 0):
        raise InputError(f"TLS threshold of {threshold:g}, expected a positive, finite E_qs")
    known = labelled.read(table)
    if threshold is None:
        threshold = _threshold(known.unit_system, table)
    if not known.is_tls(threshold).any():
        raise InputError(f"{table} holds no TLS (E_qs < {threshold:g}), expected at least one")
    if dilute:
        known = dilution.dilute(known, dilute, np.random.default_rng(seed))
    else:
        settings = replace(settings, shares=None)
    pool = Pool.of(known, threshold)
    with progress(len(rules) * seeds, "simulated loops") as advance:
        curves = simulate.compare(
            pool,
            rules,
            range(seed, seed + seeds),
            settings,
            transfer=transfer,
            advance=advance,
        )
    found = summary(curves)
    found.insert(2, "skipped_seeds", seeds - found["seeds"])
    for rule, batches in zip(found["rule"], found["random_batches"], strict=True):
        if batches:
            LOG.info(
                "%s: %d batches were drawn at random, for want of double wells with E_qs or of "
                "other pairs to train on",
                rule,
                batches,
            )
    _write(curves, found, output, _footer(table, pool, settings, transfer, curves), seed, formats)
    return found


def _threshold(unit_system: str, table: Path) -> float:
    if unit_system not in BUILT_IN:
        raise InputError(
            f"{table} holds E_qs in the unit system {unit_system}, whose TLS threshold is not "
            f"known (only those of {', '.join(BUILT_IN)}); give it with --threshold"
        )
    return BUILT_IN[unit_system].tls_threshold


def summary(curves: pd.DataFrame) -> pd.DataFrame:
    """What each rule needed, over its seeds.

    Args:
        curves: columns ``CURVES``.

    Returns:
        A row for each rule, in the order of ``curves``: batches of all seeds that were drawn at
        random for want of pairs to train on (``random_batches``); medians with least and most of
        the paths to ``SHARES`` of the TLS (null where a seed in question never got there) and of
        the TLS never found; the share of intervals of missing TLS that hold the truth
        (``coverage``), and of those where TLS were missing (``coverage_some``); paths where each
        stopping rule first stops, and the share of TLS found then.
    """
    rows = []
    for rule, runs in curves.groupby("rule", sort=False):
        row: dict[str, object] = {
            "rule": rule,
            "seeds": runs["seed"].nunique(),
            "random_batches": int((runs["chosen_by"] == simulate.TOO_FEW).sum()),
        }
        loops = [loop for _, loop in runs.groupby("seed")]
        for share in SHARES:
            row |= _spread(f"paths_to_{share}", [paths_to(loop, share) for loop in loops])
        row |= _spread("never_found", [float(loop["true_missing"].iloc[-1]) for loop in loops])
        estimated = runs[runs["missing"].notna()]
        some = estimated[estimated["true_missing"] > 0]
        row |= {"coverage": coverage(estimated), "coverage_some": coverage(some)}
        for name in ("stop", "stop_missing"):
            stops = [_first_stop(loop, name) for loop in loops]
            row |= _spread(f"{name}_paths", [paths for paths, _ in stops])
            row |= _spread(f"{name}_share", [share for _, share in stops])
        rows.append(row)
    return pd.DataFrame(rows)


def paths_to(loop: pd.DataFrame, share: float) -> float:
    """Paths after which one loop had ``share`` per cent of the TLS; infinite if it never had."""
    wanted = np.ceil(share / 100.0 * loop["total_tls"].iloc[0] - 1e-9)
    there = loop["paths"][loop["tls"] >= wanted]
    return float(there.iloc[0]) if len(there) else float("inf")


def coverage(rows: pd.DataFrame) -> float:
    """Share of the intervals of missing TLS that hold the true number; nan without a row."""
    truth = rows["true_missing"]
    return float(((rows["missing_low"] <= truth) & (truth <= rows["missing_high"])).mean())


def _first_stop(loop: pd.DataFrame, name: str) -> tuple[float, float]:
    """Paths and share of TLS where a stopping rule first stops; infinite and nan if it does not."""
    stops = loop[loop[name]]
    if not len(stops):
        return float("inf"), float("nan")
    first = stops.iloc[0]
    return float(first["paths"]), float(first["tls"] / first["total_tls"])


def _spread(name: str, values: list[float]) -> dict[str, float]:
    """Median, least and most of some values; infinite ones become nan."""
    known = np.array([value for value in values if not np.isnan(value)])
    if not len(known):
        return {name: np.nan, f"{name}_min": np.nan, f"{name}_max": np.nan}
    found = np.array([np.quantile(known, 0.5, method="higher"), known.min(), known.max()])
    found[np.isinf(found)] = np.nan
    return dict(zip((name, f"{name}_min", f"{name}_max"), found.tolist(), strict=True))


def _footer(
    table: Path, pool: Pool, settings: simulate.Settings, transfer: bool, curves: pd.DataFrame
) -> str:
    start = (
        "models of two thirds of the glasses hunt in the others"
        if transfer
        else f"K_0 = {settings.initial}"
    )
    return (
        f"{table.name}: {len(pool)} pairs, {pool.is_double_well.sum()} double wells, "
        f"{pool.is_tls.sum()} TLS (E_qs < {pool.threshold:g}); {start}, K_i = {settings.batch}, "
        f"{curves['seed'].nunique()} seeds."
    )


def _write(
    curves: pd.DataFrame,
    found: pd.DataFrame,
    output: Path,
    footer: str,
    seed: int,
    formats: Sequence[str],
) -> None:
    from tlsfind.analysis import style
    from tlsfind.analysis.figures import simulated

    schema = tables.schema("simulated_curves", CURVES)
    tables.write(curves, output / "curves.parquet", tables.stamped(schema, "", seed))
    for name, frame in (("curves", curves[schema.names]), ("summary", found)):
        with tables.atomic(output / f"{name}.csv") as temporary:
            frame.to_csv(temporary, index=False, float_format="%.6g")
    with style.styled():
        figure = simulated.draw(simulated.numbers(curves), footer)
        style.save(figure, output / FIGURE, formats)
