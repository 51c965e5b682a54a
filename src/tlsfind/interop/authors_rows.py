"""The rows of the authors' tables: which minima they join, which can be used, which are doubles.

Nothing is dropped or changed without being counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from tlsfind import tables
from tlsfind.errors import InputError
from tlsfind.interop.authors_files import Kind, Table

#: Decimals of the energies per particle by which minima are told apart, as in the authors' scripts.
ENERGY_DECIMALS = 10

_LARGEST = np.iinfo(np.int32).max


@dataclass
class FileReport:
    """What became of the rows of one file.

    Args:
        name: the file.
        rows: rows read.
        dropped: rows dropped, by reason.
        changed: rows kept and changed, by what was done.
    """

    name: str
    rows: int
    dropped: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)


def name_minima(raw: Collection[Table], notes: list[str]) -> None:
    """Set ``minimum_a`` and ``minimum_b`` of all tables, in one numbering."""
    frames = [table.frame for table in raw]
    ranks = [_rank_columns(frame) for frame in frames]
    if all(ranks):
        for frame, columns in zip(frames, ranks, strict=True):
            frame["minimum_a"], frame["minimum_b"] = (frame[name] for name in columns or ())
        return
    for table, columns in zip(raw, ranks, strict=True):
        if columns == ("i", "j") or not {"i", "j"} <= set(table.frame):
            raise InputError(
                f"{table.path} names minima by rank, another table of this label by energy; "
                "expected i2 and j2 in both"
            )
    ends = pd.concat(
        [
            frame[["conf", end]].set_axis(["conf", "energy"], axis=1)
            for frame in frames
            for end in "ij"
        ]
    )
    ends["energy"] = ends["energy"].round(ENERGY_DECIMALS)
    numbers = ends.groupby("conf")["energy"].rank("dense").to_numpy()
    begin = 0
    for frame in frames:
        for column in ("minimum_a", "minimum_b"):
            frame[column] = numbers[begin : begin + len(frame)]
            begin += len(frame)
    notes.append("not all files have ranks: minima are numbered by energy among those in the files")


def _rank_columns(frame: pd.DataFrame) -> tuple[str, str] | None:
    """The columns that hold ranks of minima; None if there are energies alone."""
    if {"i2", "j2"} <= set(frame):
        return "i2", "j2"
    values = frame[["i", "j"]].to_numpy()
    return ("i", "j") if np.all(np.isnan(values) | (values % 1 == 0)) else None


def _drop(frame: pd.DataFrame, bad: np.ndarray, reason: str, report: FileReport) -> pd.DataFrame:
    if bad.any():
        report.dropped[reason] += int(bad.sum())
    return frame[~bad]


def _whole(column: pd.Series, largest: int = _LARGEST) -> np.ndarray:
    """Whether each value is a whole number from 0 to ``largest``, shape (n,); NaN is not."""
    return (column.between(0, largest) & (column % 1 == 0)).to_numpy()


def with_keys(frame: pd.DataFrame, t_f: float, report: FileReport) -> pd.DataFrame:
    """Give rows the project's keys, the lower minimum first; drop those that have none."""
    whole = _whole(frame["conf"], 2**53)
    bad = ~(whole & _whole(frame["minimum_a"]) & _whole(frame["minimum_b"]))
    frame = _drop(frame, bad, "glass or minimum is no whole number", report)
    same = (frame["minimum_a"] == frame["minimum_b"]).to_numpy()
    frame = _drop(frame, same, "both minima are the same", report).copy()
    swapped = (frame["minimum_a"] > frame["minimum_b"]).to_numpy()
    if swapped.any():
        report.changed["ends swapped, the higher minimum came first"] += int(swapped.sum())
        for one, two in (("minimum_a", "minimum_b"), ("transitions_ab", "transitions_ba")):
            if one in frame:
                frame.loc[swapped, [one, two]] = frame.loc[swapped, [two, one]].to_numpy()
    conf = frame["conf"].astype(np.int64)
    frame["glass"] = [f"T{t_f:g}-{number:04d}" for number in conf]
    return frame.astype({"minimum_a": np.int32, "minimum_b": np.int32})


def usable_features(
    frame: pd.DataFrame, particles: int, min_displacement: float, report: FileReport
) -> pd.DataFrame:
    """Drop rows with impossible features; Delta_E becomes its absolute value."""
    names = tables.feature_names(particles)
    bad = ~np.isfinite(frame[names].to_numpy()).all(axis=1)
    frame = _drop(frame, bad, "a feature is no finite number", report)
    bad = (frame[names].drop(columns="delta_e") < 0).any(axis=1).to_numpy()
    frame = _drop(frame, bad, "a feature is negative", report)
    bad = ~(_whole(frame["transitions_ab"]) & _whole(frame["transitions_ba"]))
    frame = _drop(frame, bad, "a transition count is no whole number", report)
    near = (frame["total_displacement"] < min_displacement).to_numpy()
    reason = f"d below {min_displacement:g}, one minimum found twice"
    frame = _drop(frame, near, reason, report).copy()
    negative = (frame["delta_e"] < 0).to_numpy()
    if negative.any():
        report.changed["sign of Delta_E taken away"] += int(negative.sum())
        frame["delta_e"] = frame["delta_e"].abs()
    return frame


def exact(frame: pd.DataFrame, kind: Kind, report: FileReport) -> pd.DataFrame:
    """Make ``is_double_well`` bool and E_qs positive or NaN; drop rows without an exact result."""
    if "is_double_well" in frame:
        bad = ~frame["is_double_well"].isin([0.0, 1.0]).to_numpy()
        frame = _drop(frame, bad, "the double-well label is neither 0 nor 1", report)
        frame = frame.astype({"is_double_well": bool})
    else:
        frame = frame.assign(is_double_well=kind != "others")
    if kind == "predictor":
        bad = ~frame["is_double_well"].to_numpy()
        frame = _drop(frame, bad, "not labelled as a double well", report)
    if "quantum_splitting" not in frame:
        return frame.assign(quantum_splitting=np.nan)
    splitting = frame["quantum_splitting"].to_numpy()
    good = np.isfinite(splitting) & (splitting > 0)
    if kind in ("predictor", "splittings"):
        return _drop(frame, ~good, "E_qs is no positive number", report)
    return frame.assign(
        quantum_splitting=np.where(good & frame["is_double_well"], splitting, np.nan)
    )


def unique(frame: pd.DataFrame, by: list[str], counted: Counter[str], reason: str) -> pd.DataFrame:
    """One row for each value of ``by``: the first with E_qs, else the first double well."""
    known = frame["quantum_splitting"].notna().to_numpy()
    order = np.argsort(-(2 * known + frame["is_double_well"].to_numpy()), kind="stable")
    ordered = frame.iloc[order]
    repeated = ordered.duplicated(by).to_numpy()
    if repeated.any():
        first = ordered.groupby(by, sort=False)["is_double_well"].transform("first")
        contrary = repeated & (first != ordered["is_double_well"]).to_numpy()
        for rows, what in (
            (repeated & ~contrary, reason),
            (contrary, f"{reason}, there as a double well"),
        ):
            if rows.any():
                counted[what] += int(rows.sum())
    return frame.iloc[np.sort(order[~repeated])].reset_index(drop=True)
