"""The published tables of the paper's authors as tables of the project.

1. Read the files of a label and give their columns the project's names (``authors_files``).
2. Name both minima of each pair by ``i2`` and ``j2``, else by ``i`` and ``j`` if these are whole
   numbers, else by the rank of these energies in the glass.
3. Drop the rows that cannot be used, file by file, and count them by reason.
4. Join the files: a pair that one of them has as a double well is one.

Nothing is written before everything is read, and nothing is dropped without being counted.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tlsfind import tables
from tlsfind.errors import InputError
from tlsfind.interop import authors_files as files
from tlsfind.interop import authors_rows as rows
from tlsfind.interop.authors_files import Kind
from tlsfind.interop.authors_rows import FileReport
from tlsfind.pairs.keys import KEYS
from tlsfind.units import BUILT_IN

#: Minima closer than this are one minimum found twice (sigma).
MIN_DISPLACEMENT = 1e-3

#: E_qs of the published tables is in the units of argon.
UNIT_SYSTEM = "argon"


@dataclass(frozen=True)
class Report:
    """What became of the files of one label.

    Args:
        table: the table made of them, e.g. ``labelled-T007.parquet``.
        files: what became of each file's rows.
        joined: what happened to pairs when the files were joined, by kind.
        kept: pairs of the table.
        double_wells: double wells among them.
        with_splitting: double wells whose E_qs is known.
        tls: double wells with E_qs below the threshold.
        notes: what the user should know besides.
    """

    table: str
    files: tuple[FileReport, ...]
    joined: Counter[str]
    kept: int
    double_wells: int
    with_splitting: int
    tls: int
    notes: tuple[str, ...]

    def content(self) -> dict[str, Any]:
        """The report as nested dictionaries, ready for JSON."""
        files = [
            {
                "name": file.name,
                "rows": file.rows,
                "dropped": dict(file.dropped),
                "changed": dict(file.changed),
            }
            for file in self.files
        ]
        return {**vars(self), "files": files, "joined": dict(self.joined), "notes": [*self.notes]}

    def lines(self) -> list[str]:
        """The report as lines of text."""
        text = []
        for file in self.files:
            text.append(f"{file.name}: {file.rows} rows, {sum(file.dropped.values())} dropped")
            text += [f"  dropped {count}: {reason}" for reason, count in file.dropped.items()]
            text += [f"  changed {count}: {what}" for what, count in file.changed.items()]
        threshold = BUILT_IN[UNIT_SYSTEM].tls_threshold
        text.append(
            f"{self.table}: {self.kept} pairs, {self.double_wells} double wells "
            f"({self.with_splitting} with E_qs), {self.tls} TLS (E_qs < {threshold:g} eps)"
        )
        text += [f"  {count} {what}" for what, count in self.joined.items()]
        return text + [f"  note: {note}" for note in self.notes]


@dataclass(frozen=True)
class AuthorsTable:
    """A table made from the files of one label.

    Args:
        frame: columns of :func:`tlsfind.tables.labelled_columns`, or of the table ``verdicts``.
        particles: M; 0 for the table ``verdicts``.
        report: what became of the rows.
    """

    frame: pd.DataFrame
    particles: int
    report: Report


def read_authors(
    folder: Path, label: str, min_displacement: float = MIN_DISPLACEMENT
) -> AuthorsTable:
    """The labelled pairs of one label: its classifier's and its predictor's table, joined.

    With the predictor's table alone all pairs are double wells; with the classifier's alone no
    E_qs is known.

    Args:
        folder: folder with the authors' tables.
        label: e.g. T007.
        min_displacement: pairs with d below this are dropped (sigma).

    Returns:
        Columns of the labelled table, rows in the order of the files.

    Raises:
        InputError: the folder or the files of the label are missing or damaged, a column is
            missing or unknown, T_f is not known, or no row is usable.
    """
    if not (math.isfinite(min_displacement) and min_displacement >= 0):
        raise InputError(f"min_displacement is {min_displacement}, expected a number from 0")
    raw, names = _read(folder, label, ("classifier", "predictor"))
    notes = []
    if "predictor" not in raw:
        notes.append(f"{names['predictor']} is missing, so no E_qs is known")
    if "classifier" not in raw:
        notes.append(f"{names['classifier']} is missing, so all pairs are double wells")
    particles = min(table.particles for table in raw.values())
    if any(table.particles != particles for table in raw.values()):
        numbers = " and ".join(str(table.particles) for table in raw.values())
        notes.append(f"the files have {numbers} displacements, {particles} are kept")
    t_f = _temperature(raw.values(), label, notes)
    rows.name_minima(raw.values(), notes)
    cleaned, reports = {}, []
    for kind, table in raw.items():
        report = FileReport(table.path.name, len(table.frame))
        pairs = rows.with_keys(table.frame, t_f, report)
        pairs = rows.usable_features(pairs, particles, min_displacement, report)
        pairs = rows.exact(pairs, kind, report)
        cleaned[kind] = rows.unique(pairs, KEYS, report.dropped, "pair found before")
        reports.append(report)
    joined: Counter[str] = Counter()
    frame = _joined(cleaned, joined)
    by = ["glass", *tables.feature_names(particles)]
    frame = rows.unique(frame, by, joined, "pairs dropped, another pair has the same features")
    frame = frame.assign(preparation_temperature=t_f, barrier=np.nan, unit_system=UNIT_SYSTEM)
    frame = frame.astype({"transitions_ab": np.int32, "transitions_ba": np.int32})
    columns = [name for name, _, _ in tables.labelled_columns(particles)]
    return _finished(frame[columns], particles, f"labelled-{label}.parquet", reports, joined, notes)


def read_verdicts(folder: Path, label: str) -> AuthorsTable:
    """The exact results of the authors' iterative run of one label, without features.

    Args:
        folder: folder with the authors' tables.
        label: e.g. T007.

    Returns:
        Columns of the table ``verdicts``, double wells first, rows in the order of the files.

    Raises:
        InputError: as for :func:`read_authors`.
    """
    raw, names = _read(folder, label, ("splittings", "others"))
    notes = [f"{name} is missing" for kind, name in names.items() if kind not in raw]
    t_f = _temperature(raw.values(), label, notes)
    rows.name_minima(raw.values(), notes)
    cleaned, reports = {}, []
    for kind, table in raw.items():
        report = FileReport(table.path.name, len(table.frame))
        pairs = rows.exact(rows.with_keys(table.frame, t_f, report), kind, report)
        cleaned[kind] = rows.unique(pairs, KEYS, report.dropped, "pair found before")
        reports.append(report)
    joined: Counter[str] = Counter()
    both = f"pairs of {names['others']} dropped, found in {names['splittings']}"
    frame = rows.unique(pd.concat(cleaned.values(), ignore_index=True), KEYS, joined, both)
    frame = frame.assign(unit_system=UNIT_SYSTEM)
    columns = [name for name, _, _ in tables.FIXED["verdicts"]]
    return _finished(frame[columns], 0, f"verdicts-{label}.parquet", reports, joined, notes)


def import_authors(
    folder: Path,
    output: Path,
    label: str | None = None,
    min_displacement: float = MIN_DISPLACEMENT,
) -> list[Report]:
    """Write the authors' tables as ``labelled-LABEL.parquet`` and ``verdicts-LABEL.parquet``.

    Args:
        folder: folder with the authors' tables.
        output: folder that receives the tables.
        label: the label to import; all that the folder has if None.
        min_displacement: pairs with d below this are dropped (sigma).

    Returns:
        One report for each table written, by label.

    Raises:
        InputError: as for :func:`read_authors`; then nothing is written.
    """
    found = files.find(folder) if label is None else {label: files.of_label(folder, label)}
    made = []
    missing: tuple[Kind, ...]
    for name, here in found.items():
        labelled = "classifier" in here or "predictor" in here
        verdicts = "splittings" in here or "others" in here
        if labelled:
            missing = () if verdicts else ("splittings", "others")
            made.append(_noted(read_authors(folder, name, min_displacement), name, missing))
        if verdicts:
            missing = () if labelled else ("classifier", "predictor")
            made.append(_noted(read_verdicts(folder, name), name, missing))
    for table in made:
        columns = tables.labelled_columns(table.particles) if table.particles else None
        schema = tables.schema("labelled" if table.particles else "verdicts", columns)
        tables.write(table.frame, output / table.report.table, tables.stamped(schema))
    return [table.report for table in made]


def write_reports(reports: Sequence[Report], path: Path) -> None:
    """Write what became of the rows as JSON: a list with one entry for each table."""
    with tables.atomic(path) as temporary:
        content = [report.content() for report in reports]
        temporary.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n")


def _noted(table: AuthorsTable, label: str, missing: tuple[Kind, ...]) -> AuthorsTable:
    """Add a note that the files of the label's other table are missing."""
    if not missing:
        return table
    names = " nor ".join(files.NAMES[kind].format(label=label) for kind in missing)
    other = "labelled" if "classifier" in missing else "verdicts"
    note = f"neither {names} is here, so there is no {other}-{label}.parquet"
    return replace(table, report=replace(table.report, notes=(*table.report.notes, note)))


def _read(
    folder: Path, label: str, kinds: tuple[Kind, ...]
) -> tuple[dict[Kind, files.Table], dict[Kind, str]]:
    """The tables of one label, as far as they are there, and the file name of each kind.

    Raises:
        InputError: there is none, or one of them is damaged.
    """
    here = files.of_label(folder, label)
    names = {kind: files.NAMES[kind].format(label=label) for kind in kinds}
    raw = {kind: files.read(here[kind], kind) for kind in kinds if kind in here}
    if not raw:
        raise InputError(
            f"{folder} has neither {' nor '.join(names.values())}, expected at least one of them"
        )
    return raw, names


def _temperature(raw: Collection[files.Table], label: str, notes: list[str]) -> float:
    """T_f from the column T to six digits, else from the label."""
    named = files.temperature(label)
    found: dict[float, str] = {}
    for table in raw:
        if "T" in table.frame:
            for value in table.frame["T"].dropna().unique():
                found.setdefault(float(f"{value:.6g}"), table.path.name)
    if len(found) > 1 or not all(math.isfinite(value) and value > 0 for value in found):
        values = ", ".join(f"{value:g} ({name})" for value, name in found.items())
        raise InputError(f"column T of label {label} holds {values}, expected one positive T_f")
    value = next(iter(found), named)
    if value is None:
        raise InputError(
            f"T_f of label {label} is not known: there is no column T, and the label is not like "
            "T0062 for 0.062"
        )
    if named is not None and value != named:
        notes.append(f"T_f is {value:g} as in the column T, the label says {named:g}")
    return value


def _joined(cleaned: Mapping[Kind, pd.DataFrame], counted: Counter[str]) -> pd.DataFrame:
    """Rows of the classifier's table with the predictor's E_qs, then rows of the latter alone."""
    if len(cleaned) == 1:
        return next(iter(cleaned.values()))
    pairs, wells = cleaned["classifier"], cleaned["predictor"]
    keys, wells_keys = pd.MultiIndex.from_frame(pairs[KEYS]), pd.MultiIndex.from_frame(wells[KEYS])
    found = pd.Series(wells["quantum_splitting"].to_numpy(), wells_keys).reindex(keys).to_numpy()
    known = ~np.isnan(found)
    contrary = known & ~pairs["is_double_well"].to_numpy()
    pairs = pairs.assign(
        quantum_splitting=np.where(known, found, pairs["quantum_splitting"]),
        is_double_well=pairs["is_double_well"] | known,
    )
    alone = wells[~wells_keys.isin(keys)]
    without = pairs["is_double_well"] & pairs["quantum_splitting"].isna()
    for count, what in (
        (contrary.sum(), "pairs with E_qs labelled as no double well, taken as double wells"),
        (len(alone), "double wells of the predictor's file alone"),
        (without.sum(), "double wells without E_qs"),
    ):
        if count:
            counted[what] += int(count)
    return pd.concat([pairs, alone], ignore_index=True)


def _finished(
    frame: pd.DataFrame,
    particles: int,
    name: str,
    reports: list[FileReport],
    joined: Counter[str],
    notes: list[str],
) -> AuthorsTable:
    """Count what is left.

    Raises:
        InputError: nothing is left.
    """
    if not len(frame):
        dropped = [
            f"{file.name}: {file.rows} rows"
            + "".join(f", {count} dropped ({why})" for why, count in file.dropped.items())
            for file in reports
        ]
        raise InputError(f"no usable row for {name}, expected at least one: {'; '.join(dropped)}")
    splitting = frame.loc[frame["is_double_well"], "quantum_splitting"]
    report = Report(
        table=name,
        files=tuple(reports),
        joined=joined,
        kept=len(frame),
        double_wells=len(splitting),
        with_splitting=int(splitting.notna().sum()),
        tls=int((splitting < BUILT_IN[UNIT_SYSTEM].tls_threshold).sum()),
        notes=tuple(notes),
    )
    return AuthorsTable(frame.reset_index(drop=True), particles, report)
