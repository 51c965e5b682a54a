"""The files that the paper's authors published: their names, their columns, and their reading.

======================================  ========================================================
file                                    rows
======================================  ========================================================
pretraining-classifier-LABEL.feather    pairs with features and ``is_dw``
pretraining-predictor-LABEL.feather     double wells with features and ``quantum_splitting``
quantum_splitting_LABEL.csv             double wells of the iterative run, ``out`` is E_qs
nonDW_LABEL.csv                         pairs of that run that are no double wells
======================================  ========================================================

LABEL names the preparation temperature: T007 is 0.07, T0092 is 0.092. The files stand in one
folder, or where the authors' step scripts keep them: the feather files in ``MLmodel``, the csv
files in a folder of ``exact_calculations``. Columns are known by name alone; their order and their
types may be any.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from tlsfind.errors import InputError

Kind = Literal["classifier", "predictor", "splittings", "others"]

#: File name of each kind of table.
NAMES: dict[Kind, str] = {
    "classifier": "pretraining-classifier-{label}.feather",
    "predictor": "pretraining-predictor-{label}.feather",
    "splittings": "quantum_splitting_{label}.csv",
    "others": "nonDW_{label}.csv",
}

#: Columns that say which pair a row is. Never features: some of them give the label away.
KEY_COLUMNS = ("conf", "i", "j", "i2", "j2")

#: Columns that are neither keys, nor features, nor labels; T is the same for all rows of a table.
PASSED_OVER = re.compile(r"T|index|Unnamed: \d+(\.\d+)?")

#: Names of the exact results. ``class`` and ``target_feature`` are those of the step scripts.
_LABELS: dict[Kind, dict[str, tuple[str, ...]]] = {
    "classifier": {"is_double_well": ("is_dw", "class")},
    "predictor": {"quantum_splitting": ("quantum_splitting", "target_feature")},
    "splittings": {"quantum_splitting": ("out",)},
    "others": {},
}

#: What may stand in a table besides: the label of the other table of the same name.
_MAY_HAVE: dict[Kind, dict[str, str]] = {
    "classifier": {"quantum_splitting": "quantum_splitting"},
    "predictor": {"is_dw": "is_double_well"},
    "splittings": {},
    "others": {},
}

#: Another spelling of a column's name, in some versions of the step scripts.
SPELLINGS = {r"$\Delta E$": "Delta_E"}

#: Where else the files may stand below the folder.
_PLACES = ("MLmodel", "exact_calculations/*")

_LABEL = r"(?P<label>[A-Za-z0-9.]+?)"
_DISPLACEMENT = re.compile(r"displacement_\d+")
_DIGITS = re.compile(r"T(\d)(\d*)|T(\d+\.\d+)")


@dataclass(frozen=True)
class Table:
    """A table of the authors with the project's column names.

    Args:
        path: the file.
        frame: the keys of ``KEY_COLUMNS`` that the file has, ``T`` if it has one, the features,
            ``is_double_well`` and ``quantum_splitting`` as far as they are there; all float64,
            NaN where the file holds no number.
        particles: M, the number of displacements; 0 for the tables without features.
    """

    path: Path
    frame: pd.DataFrame
    particles: int


def find(folder: Path) -> dict[str, dict[Kind, Path]]:
    """The authors' tables in a folder, by label and kind, labels in order.

    Raises:
        InputError: the folder does not exist or holds none of the files, or one of them twice.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise InputError(f"{folder} {what}, expected a folder with {_patterns()}")
    found: dict[str, dict[Kind, Path]] = {}
    places = [folder, *(place for name in _PLACES for place in sorted(folder.glob(name)))]
    for path in [path for place in places if place.is_dir() for path in sorted(place.iterdir())]:
        for kind, name in NAMES.items():
            before, after = name.split("{label}")
            match = re.fullmatch(re.escape(before) + _LABEL + re.escape(after), path.name)
            if match and path.is_file():
                here = found.setdefault(match["label"], {})
                if kind in here:
                    raise InputError(f"found both {here[kind]} and {path}, expected one of them")
                here[kind] = path
    if not found:
        raise InputError(
            f"{folder} holds none of the authors' tables, expected {_patterns()}, where LABEL is "
            "T007 for T_f = 0.07"
        )
    return dict(sorted(found.items()))


def of_label(folder: Path, label: str) -> dict[Kind, Path]:
    """The tables of one label.

    Raises:
        InputError: as :func:`find`, or there is no table of this label.
    """
    found = find(folder)
    if label not in found:
        raise InputError(
            f"{folder} holds no table of label {label}, it has those of {', '.join(found)}; "
            f"expected {_patterns(label)}"
        )
    return found[label]


def _patterns(label: str = "LABEL") -> str:
    names = [name.format(label=label) for name in NAMES.values()]
    return f"{', '.join(names[:-1])} or {names[-1]}"


def temperature(label: str) -> float | None:
    """T_f from a label: its first digit stands before the point; None if it names none.

    T007 is 0.07, T0062 is 0.062, and T0.062 is understood, too.
    """
    match = _DIGITS.fullmatch(label)
    if match is None:
        return None
    value = float(match[3] or f"{match[1]}.{match[2]}")
    return value if value > 0 else None


def label_of(preparation_temperature: float) -> str:
    """The label of a T_f, e.g. T007 for 0.07; the inverse of :func:`temperature`."""
    label = f"T{preparation_temperature:g}".replace(".", "")
    if temperature(label) == preparation_temperature:
        return label
    return f"T{preparation_temperature:.12f}".rstrip("0").rstrip(".")


def features(particles: int) -> dict[str, str]:
    """The authors' name of each feature and the project's, for M = ``particles``."""
    return {
        "Delta_E": "delta_e",
        **{f"displacement_{k}": f"displacement_{k + 1}" for k in range(particles)},
        "total_displacement": "total_displacement",
        "PR": "participation_ratio",
        **{f"0to{k}": f"distance_1_{k + 1}" for k in range(1, particles)},
        "Tij": "transitions_ab",
        "Tji": "transitions_ba",
    }


def read(path: Path, kind: Kind) -> Table:
    """Read one of the authors' tables and give its columns the project's names.

    Raises:
        InputError: the file is damaged, lacks a column, or has one that is not known.
    """
    frame = _load(path)
    frame.columns = pd.Index([SPELLINGS.get(str(name), str(name)) for name in frame.columns])
    names = list(frame.columns)
    has_features = kind in ("classifier", "predictor")
    particles = sum(bool(_DISPLACEMENT.fullmatch(name)) for name in names) if has_features else 0
    mapping = features(max(particles, 1)) if has_features else {}
    missing = [name for name in mapping if name not in names]
    for target, spellings in _LABELS[kind].items():
        here = [name for name in spellings if name in names]
        if len(here) > 1:
            raise InputError(f"{path} has the columns {' and '.join(here)}, expected one of them")
        if here:
            mapping[here[0]] = target
        else:
            missing.append(spellings[0])
    mapping |= {name: target for name, target in _MAY_HAVE[kind].items() if name in names}
    if "conf" not in names:
        missing.append("conf")
    if not ({"i2", "j2"} <= set(names) or {"i", "j"} <= set(names)):
        missing.append("i and j" if kind in ("splittings", "others") else "i2 and j2")
    _check(path, names, missing, mapping)

    numbers = {mapping[name]: _numbers(frame[name], path) for name in names if name in mapping}
    for name in (*KEY_COLUMNS, "T"):
        if name in names:
            numbers[name] = _numbers(frame[name], path)
    return Table(path, pd.DataFrame(numbers, index=range(len(frame))), particles)


def _load(path: Path) -> pd.DataFrame:
    from pyarrow import feather

    try:
        if path.suffix == ".csv":
            return pd.read_csv(path, float_precision="round_trip")
        # not by pandas, which hands over an open file: the process then aborts at its end if the
        # file was damaged (pyarrow 24)
        return feather.read_table(path, memory_map=False).to_pandas()
    except (pa.ArrowException, OSError, ValueError) as error:
        kind = "CSV" if path.suffix == ".csv" else "Feather"
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} is not a complete {kind} file: {reason}") from None


def _check(path: Path, names: list[str], missing: list[str], mapping: dict[str, str]) -> None:
    """Name the columns that are missing and those that nobody knows."""
    unknown = [
        name
        for name in names
        if name not in mapping and name not in KEY_COLUMNS and not PASSED_OVER.fullmatch(name)
    ]
    faults = []
    if unknown:
        faults.append(f"has the unknown column(s) {', '.join(unknown)}")
    if missing:
        faults.append(f"lacks the column(s) {', '.join(missing)}")
    if faults:
        expected = ", ".join(dict.fromkeys([*mapping, *KEY_COLUMNS, "T", "index"]))
        raise InputError(f"{path} {' and '.join(faults)}; known here are {expected}")


def _numbers(column: pd.Series, path: Path) -> np.ndarray:
    """A column as float64, shape (n,), NaN where it holds no number; ``Cnf-12`` counts as 12."""
    if column.name == "conf" and not pd.api.types.is_numeric_dtype(column):
        column = column.astype(str).str.removeprefix("Cnf-")
    try:
        numbers = pd.to_numeric(column, errors="coerce")
        values = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        values = np.full(len(column), np.nan)
    # energies i, j may be anything where the ranks i2, j2 are there
    if np.isnan(values).all() and column.notna().any() and column.name not in ("i", "j"):
        raise InputError(
            f"column {column.name} of {path} holds {column.dropna().iloc[0]!r}, expected numbers"
        )
    return values
