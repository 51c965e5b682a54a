"""Recall of TLS against paths spent: the active loop, the standard procedure, random picking.

All on the pairs of one run. The recall is counted against the TLS that are known at the end, those
of the loop and of the standard procedure; how many nobody found is only estimated (``missing``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tlsfind.analysis import style
from tlsfind.analysis.results import Results
from tlsfind.analysis.tables import table1

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Numbers = dict[str, pd.DataFrame]

POINTS = 200
SHARES = (0.5, 0.8, 0.95)
PROCEDURES = {
    "loop": "active loop", "standard": "standard procedure", "random": "random picking",
}  # fmt: skip
COLOURS = {"loop": style.VERMILION, "standard": style.BLUE, "random": style.GREY}
CURVE = ["procedure", "paths", "tls", "recall", "low", "high"]


def loop_curve(is_tls: np.ndarray, known: int, missing: tuple[float, float]) -> pd.DataFrame:
    """Recall of the loop after each path, in the order in which they were picked.

    Args:
        is_tls: (n,) whether each path of the loop is a TLS.
        known: TLS known at the end.
        missing: both ends of the interval of TLS that nobody found; NaN: unknown, no band.

    Returns:
        Columns :data:`CURVE`. The band is the recall of all TLS there are, known or not.
    """
    found = np.concatenate([[0], np.cumsum(is_tls)])
    few, many = (0.0 if np.isnan(end) else float(end) for end in missing)
    return pd.DataFrame(
        {
            "procedure": "loop",
            "paths": np.arange(len(found)),
            "tls": found.astype(float),
            "recall": found / max(known, 1),
            "low": found / max(known + many, 1.0),
            "high": found / max(known + few, 1.0),
        }
    )[CURVE]


def random_curve(pairs: int, known: int, points: int = POINTS) -> pd.DataFrame:
    """Expected recall of random picking without replacement, with its 95 % range.

    The number of TLS among ``paths`` of ``pairs`` pairs, ``known`` of which are TLS, is
    hypergeometric.
    """
    from scipy.stats import hypergeom

    paths = np.unique(np.rint(np.geomspace(1, max(pairs, 1), points)).astype(np.int64))
    share = paths / max(pairs, 1)
    limits = [hypergeom.ppf(q, pairs, known, paths) / max(known, 1) for q in (0.025, 0.975)]
    return pd.DataFrame(
        {
            "procedure": "random", "paths": paths, "tls": share * known,
            "recall": share if known else 0.0 * share, "low": limits[0], "high": limits[1],
        }
    )[CURVE]  # fmt: skip


def standard_curve(row: Mapping[str, Any], known: int, points: int = POINTS) -> pd.DataFrame:
    """Expected recall of the standard procedure, whose pairs are in no order.

    Args:
        row: a row of Table I (:mod:`tlsfind.analysis.tables.table1`).
        known: TLS known at the end.

    Returns:
        Columns :data:`CURVE`, up to the number of pairs that qualify; without rows where nothing is
        known of it. The band is the 95 % interval of its TLS for each path.
    """
    rates = [row[f"standard_tls_per_path{end}"] for end in ("", "_low", "_high")]
    if not row["standard_qualifying"] or not np.isfinite(rates[0]):
        return pd.DataFrame(columns=CURVE)
    last = int(row["standard_qualifying"])
    paths = np.unique(np.rint(np.geomspace(1, last, points)).astype(np.int64))
    tls = [rate * paths for rate in rates]
    recall, low, high = (np.minimum(number / max(known, 1), 1.0) for number in tls)
    return pd.DataFrame(
        {"procedure": "standard", "paths": paths, "tls": tls[0], "recall": recall, "low": low,
         "high": high}
    )[CURVE]  # fmt: skip


def costs(curve: pd.DataFrame, shares: tuple[float, ...] = SHARES) -> pd.DataFrame:
    """Paths that each procedure needs for shares of the known TLS; null where it never gets there.

    Returns:
        ``procedure``, ``share``, ``paths``.
    """
    rows = []
    for name, own in curve.groupby("procedure", sort=False):
        for share in shares:
            there = own.loc[own["recall"] >= share - 1e-12, "paths"]
            paths = float(there.min()) if len(there) else np.nan
            rows.append({"procedure": name, "share": share, "paths": paths})
    return pd.DataFrame(rows, columns=["procedure", "share", "paths"])


def numbers(
    is_tls: np.ndarray,
    iterations: np.ndarray,
    pairs: int,
    known: int,
    row: Mapping[str, Any],
    missing: tuple[float, float],
) -> Numbers:
    """Curves of all procedures.

    Args:
        is_tls: (n,) whether each path of the loop is a TLS, in the order in which it was picked.
        iterations: (n,) iteration of each.
        pairs: all pairs of the run.
        known: TLS known at the end.
        row: Table I, all glasses, the loop's unit system.
        missing: both ends of the interval of TLS that nobody found.

    Returns:
        ``curve``, ``costs`` (paths to half, 80 % and 95 % of the known TLS), ``batches`` (paths and
        recall at the end of each iteration).
    """
    loop = loop_curve(is_tls, known, missing)
    ends = np.cumsum(pd.Series(iterations).value_counts().sort_index().to_numpy(dtype=int))
    parts = [loop, standard_curve(row, known), random_curve(pairs, known)]
    curve = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return {
        "curve": curve,
        "costs": costs(curve),
        "batches": loop.iloc[ends][["paths", "tls", "recall"]].reset_index(drop=True),
    }


def collect(results: Results) -> Numbers:
    """The numbers of a run, in the units of its loop."""
    table = table1.collect(results)
    unit = results.config.loop.unit_system
    row = table[(table["unit_system"] == unit) & table["preparation_temperature"].isna()].iloc[0]
    last = results.history.iloc[-1]
    missing = (float(last["missing_tls_low"]), float(last["missing_tls_high"]))
    paths = results.loop_paths.sort_values("iteration", kind="stable")
    found = numbers(
        results.is_tls(paths),
        paths["iteration"].to_numpy(dtype=int),
        sum(results.scan.pairs.values()),
        int(results.is_tls(results.solved).sum()),
        {str(name): value for name, value in row.items()},
        missing,
    )
    estimate = {name: [float(last[f"missing_tls{end}"])] for name, end in
                (("missing", ""), ("low", "_low"), ("high", "_high"))}  # fmt: skip
    return {**found, "missing": pd.DataFrame(estimate)}


def draw(numbers: Numbers, results: Results) -> Figure:
    """Draw recall against paths."""
    figure = style.new_figure(style.PAGE, 3.4, results.footer)
    axes = figure.add_subplot()
    curve = numbers["curve"]
    known = int(results.is_tls(results.solved).sum())
    needed = results.config.analysis.min_points
    if known < needed:
        style.refuse(axes, style.too_few(known, needed, "TLS found"), 60)
        return figure
    for name, label in PROCEDURES.items():
        own = curve[(curve["procedure"] == name) & (curve["paths"] > 0)]
        if not len(own):
            continue
        colour = COLOURS[name]
        axes.plot(
            own["paths"], own["recall"], "-" if name == "loop" else "--", color=colour,
            label=_label(label, name, numbers),
        )  # fmt: skip
        axes.fill_between(own["paths"], own["low"], own["high"], color=colour, alpha=0.18, lw=0)
    axes.plot(numbers["batches"]["paths"], numbers["batches"]["recall"], "o", color=COLOURS["loop"])
    axes.set(xscale="log", ylim=(0.0, 1.05))
    axes.set_xlim(max(1.0, 0.1 * numbers["batches"]["paths"].min()), curve["paths"].max() * 1.1)
    axes.set_xlabel("paths solved")
    axes.set_ylabel(f"share of the {known:,} known TLS")
    axes.legend(
        loc="lower left", bbox_to_anchor=(0.0, 1.0), title=_estimate(numbers), title_fontsize=6.5,
        alignment="left",
    )  # fmt: skip
    return figure


def _label(label: str, name: str, numbers: Numbers) -> str:
    """The procedure with its paths for half and for 80 % of the TLS."""
    own = numbers["costs"][numbers["costs"]["procedure"] == name]
    at = {row["share"]: row["paths"] for row in own.to_dict("records")}
    words = [
        f"{share:.0%}: " + ("never" if np.isnan(at[share]) else f"{at[share]:,.0f} paths")
        for share in SHARES[:2]
    ]
    return f"{label} ({'; '.join(words)})"


def _estimate(numbers: Numbers) -> str:
    row = numbers["missing"].iloc[0]
    if not np.isfinite(row["missing"]):
        return ""
    return (
        f"TLS that nobody found: {row['missing']:.1f} estimated ({row['low']:.0f} to "
        f"{row['high']:.0f})"
    )
