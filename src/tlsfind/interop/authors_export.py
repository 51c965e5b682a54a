"""Tables of the project in the form that the step scripts of the paper's authors read.

======================================================  ========================================
file below the output folder                            rows
======================================================  ========================================
MLmodel/pretraining-classifier-LABEL.feather            labelled pairs, ``class`` is 1 or 0
MLmodel/pretraining-predictor-LABEL.feather             double wells, ``target_feature`` is E_qs
exact_calculations/QS_LABEL/quantum_splitting_LABEL.csv double wells of verdicts, ``out`` is E_qs
exact_calculations/QS_LABEL/nonDW_LABEL.csv             the other pairs of verdicts
In_data/QS_LABEL.feather                                all pairs, features without labels
myparams_LABEL.py                                       the parameters that name these files
minima_LABEL.csv                                        which minimum is which number, if renumbered
======================================================  ========================================

The scripts take every column but ``conf``, ``i``, ``j`` and the label for a feature, so there is no
other. In ``i``, ``j`` they count minima by energy, the lower one first. Identifiers of the project
say nothing of the energy: they are kept where the first one of every pair is the smaller number
(as in what :mod:`tlsfind.interop.authors` reads), else the minima of a glass are numbered 1, 2, ...
such that it is. With all pairs of a glass that is the rank by energy. What the scripts have no
place for (the barrier) is left out.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from tlsfind import tables
from tlsfind.errors import InputError
from tlsfind.interop import authors_files as files
from tlsfind.interop.authors import UNIT_SYSTEM
from tlsfind.learn import labelled as labelled_tables
from tlsfind.learn.labelled import Labelled
from tlsfind.pairs.keys import KEYS, batches, glass_codes

#: Columns that a pair has besides its features.
PAIR = ("conf", "i", "j")

_GLASS = re.compile(r"T(?P<t_f>[0-9.]+(e-?[0-9]+)?)-(?P<conf>[0-9]{4,})")

_PARAMETERS = '''"""Parameters of the step scripts, T_f = {t_f:g}: copy this file to myparams.py."""

In_file = "QS_{label}.feather"
pretraining_classifier = "{classifier}"
pretraining_predictor = "{predictor}"
calculations_classifier = "{others}"
calculations_predictor = "{splittings}"
class_train_hours = 0.2
pred_train_hours = 0.2
Fast_class = True
Fast_pred = True
ij_decimals = 0
validation_split = 0.1
'''


@dataclass
class Numbering:
    """Numbers of minima, by glass.

    Args:
        of: for each renumbered glass its minima in the order of their numbers 1, 2, ...; the
            identifiers of any other glass are its numbers.
    """

    of: dict[str, np.ndarray] = field(default_factory=dict)

    def numbers(self, glass: str, minima: np.ndarray) -> np.ndarray:
        """Numbers of the minima (n,) of a glass, int64."""
        order = self.of.get(glass)
        if order is None:
            return np.asarray(minima, dtype=np.int64)
        places = np.argsort(order)
        return places[np.searchsorted(order, minima, sorter=places)] + 1

    def table(self) -> pd.DataFrame:
        """Columns conf, number, minimum of the renumbered glasses."""
        parts = [
            pd.DataFrame(
                {"conf": configuration(glass), "number": np.arange(1, len(o) + 1), "minimum": o}
            )
            for glass, o in self.of.items()
        ]
        return pd.concat(parts, ignore_index=True)


@dataclass(frozen=True)
class Exported:
    """What was written for one T_f.

    Args:
        label: e.g. T007.
        rows: rows of each file, by its name below the output folder.
        renumbered: glasses whose minima have other numbers than in the tables.
        without_splitting: double wells without E_qs, in the classifier's file alone.
    """

    label: str
    rows: dict[str, int]
    renumbered: int
    without_splitting: int

    def lines(self) -> list[str]:
        """The report as lines of text."""
        text = [f"{name}: {count} rows" for name, count in self.rows.items()]
        if self.renumbered:
            text.append(
                f"  note: minima of {self.renumbered} glasses renumbered, see "
                f"minima_{self.label}.csv"
            )
        if self.without_splitting:
            text.append(f"  note: {self.without_splitting} double wells have no E_qs")
        return text


def configuration(glass: str) -> int:
    """The authors' number ``conf`` of a glass, 38 of T0.07-0038.

    Raises:
        InputError: the name is not of this form.
    """
    return int(_parts(glass)["conf"])


def preparation_temperature(glass: str) -> float:
    """T_f in a glass's name, 0.07 of T0.07-0038.

    Raises:
        InputError: the name is not of this form.
    """
    return float(_parts(glass)["t_f"])


def _parts(glass: str) -> re.Match[str]:
    match = _GLASS.fullmatch(glass)
    if match is None:
        raise InputError(f"glass {glass!r}: expected a name like T0.07-0038, T_f and a number")
    return match


def energy_order(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """An order of minima in which the first one of every pair stands before the second.

    Of several orders the one that takes the smallest identifier first; if every two minima are a
    pair there is one only, by energy.

    Args:
        a: identifiers of the lower minima, shape (n,).
        b: identifiers of the higher ones, shape (n,).

    Returns:
        All identifiers that occur, in order.

    Raises:
        InputError: the pairs go round in a circle.
    """
    minima, codes = np.unique(np.concatenate([a, b]), return_inverse=True)
    edges = np.unique(codes.reshape(2, -1), axis=1)
    waiting = np.bincount(edges[1], minlength=len(minima))
    begin = np.searchsorted(edges[0], np.arange(len(minima) + 1))
    free = [int(k) for k in np.flatnonzero(waiting == 0)]
    heapq.heapify(free)
    order = []
    while free:
        k = heapq.heappop(free)
        order.append(k)
        for other in edges[1, begin[k] : begin[k + 1]]:
            waiting[other] -= 1
            if waiting[other] == 0:
                heapq.heappush(free, int(other))
    if len(order) < len(minima):
        raise InputError("pairs of a glass go round in a circle: no order of energies fits them")
    return minima[order]


def numbering(frames: Sequence[pd.DataFrame], streams: Mapping[str, Path]) -> Numbering:
    """Numbers of the minima such that the lower minimum of every pair has the smaller one.

    The pairs of one glass at a time are in memory, and only if it has to be renumbered.

    Args:
        frames: pairs with the columns of ``KEYS``.
        streams: pairs tables, by the name of the one glass that each holds.
    """
    crossed: set[str] = set()
    for frame in (*frames, *(part for _, part in _streamed(streams.values(), KEYS))):
        wrong = (frame["minimum_a"] >= frame["minimum_b"]).to_numpy()
        crossed |= {str(glass) for glass in frame.loc[wrong, "glass"].unique()}
    found = Numbering()
    for glass in sorted(crossed):
        parts = [frame[frame["glass"] == glass] for frame in frames]
        if glass in streams:
            parts += [part for _, part in _streamed([streams[glass]], KEYS)]
        ends = np.concatenate([rows[["minimum_a", "minimum_b"]].to_numpy() for rows in parts])
        found.of[glass] = energy_order(ends[:, 0], ends[:, 1])
    return found


def _streamed(paths: Iterable[Path], columns: Sequence[str]) -> Iterator[tuple[Path, pd.DataFrame]]:
    """As :func:`batches`, and nothing of no table."""
    paths = list(paths)
    return batches(paths, columns) if paths else iter(())


def export_authors(
    output: Path,
    labelled: Sequence[Path] = (),
    verdicts: Sequence[Path] = (),
    pairs: Sequence[Path] = (),
    energy_column: str = "Delta_E",
) -> list[Exported]:
    """Write tables of the project as the step scripts read them, a set of files for each T_f.

    Args:
        output: folder that receives the files.
        labelled: labelled tables, of a run or imported.
        verdicts: tables ``verdicts``, exact results without features.
        pairs: pairs tables of a run, streamed.
        energy_column: name of the energy difference; versions of the scripts differ.

    Returns:
        One report for each T_f, in order.

    Raises:
        InputError: no table, one that is missing or damaged, tables of different M, E_qs in another
            unit system than that of the authors, or a glass without T_f in its name.
    """
    if not (labelled or verdicts or pairs):
        raise InputError("no table to export, expected a labelled, a verdicts or a pairs table")
    read = [labelled_tables.read(path) for path in labelled]
    exact = [tables.read(path, tables.schema("verdicts").names) for path in verdicts]
    particles = _particles(read, labelled, pairs)
    for path, units in [
        *((path, {table.unit_system}) for path, table in zip(labelled, read, strict=True)),
        *((path, set(frame["unit_system"])) for path, frame in zip(verdicts, exact, strict=True)),
    ]:
        if units - {UNIT_SYSTEM}:
            raise InputError(
                f"{path} holds E_qs in {', '.join(sorted(units))}, expected {UNIT_SYSTEM}, the "
                "units of the authors' tables"
            )
    known = _by_temperature([table.frame for table in read])
    results = _by_temperature(exact)
    streams = _files_by_temperature(pairs)
    writer = _Writer(output, particles, energy_column)
    return [
        writer.write(t_f, known.get(t_f), results.get(t_f), streams.get(t_f, {}))
        for t_f in sorted({*known, *results, *streams})
    ]


def _particles(read: list[Labelled], labelled: Sequence[Path], pairs: Sequence[Path]) -> int:
    """M, the same in all tables; 0 without features."""
    found = {path: table.particles for path, table in zip(labelled, read, strict=True)}
    for path in pairs:
        names = tables.open_file(path).schema_arrow.names
        found[path] = sum(bool(re.fullmatch(r"displacement_\d+", name)) for name in names)
    if len(set(found.values())) > 1:
        first, *others = found
        other = next(path for path in others if found[path] != found[first])
        raise InputError(
            f"{first} has the displacements of {found[first]} particles and {other} those of "
            f"{found[other]}, expected one M"
        )
    return next(iter(found.values()), 0)


def _by_temperature(frames: list[pd.DataFrame]) -> dict[float, pd.DataFrame]:
    """The rows of all frames by T_f; a pair that stands in two of them is an error."""
    if not frames:
        return {}
    rows = pd.concat(frames, ignore_index=True)
    twice = rows.duplicated(KEYS)
    if twice.any():
        pair = ", ".join(str(value) for value in rows.loc[twice, KEYS].iloc[0])
        raise InputError(f"pair {pair} stands in two of the tables, expected once")
    t_f = rows["glass"].map(
        {name: preparation_temperature(name) for name in rows["glass"].unique()}
    )
    return {float(value): part for value, part in rows.groupby(t_f)}


def _files_by_temperature(pairs: Sequence[Path]) -> dict[float, dict[str, Path]]:
    """Pairs tables by T_f and glass.

    Raises:
        InputError: a table of several glasses, or two of one.
    """
    found: dict[float, dict[str, Path]] = {}
    for path in pairs:
        names = {str(g) for _, part in batches([path], ["glass"]) for g in part["glass"].unique()}
        if not names:
            continue
        if len(names) > 1:
            raise InputError(f"pairs table {path} holds {len(names)} glasses, expected one")
        (name,) = names
        here = found.setdefault(preparation_temperature(name), {})
        if name in here:
            raise InputError(f"{here[name]} and {path} both hold glass {name}, expected one table")
        here[name] = path
    return found


class _Writer:
    """Writes the files of one T_f after the other."""

    def __init__(self, output: Path, particles: int, energy_column: str) -> None:
        self._output = output
        self._columns = {ours: theirs for theirs, ours in files.features(max(particles, 1)).items()}
        self._columns["delta_e"] = energy_column
        self._features = tables.feature_names(max(particles, 1))

    def write(
        self,
        t_f: float,
        known: pd.DataFrame | None,
        results: pd.DataFrame | None,
        streams: Mapping[str, Path],
    ) -> Exported:
        """Write all files of one T_f."""
        label = files.label_of(t_f)
        names = {kind: name.format(label=label) for kind, name in files.NAMES.items()}
        numbers = numbering(
            [frame[KEYS] for frame in (known, results) if frame is not None], streams
        )
        rows: dict[str, int] = {}
        without = 0
        if known is not None:
            well = known["is_double_well"].to_numpy(dtype=bool)
            splitting = known["quantum_splitting"].to_numpy(dtype=float)
            table = self._pairs(known, numbers)
            has = well & np.isfinite(splitting)
            without = int(well.sum() - has.sum())
            name = f"MLmodel/{names['classifier']}"
            rows[name] = self._feather(table.assign(**{"class": well.astype(np.int64)}), name)
            name = f"MLmodel/{names['predictor']}"
            rows[name] = self._feather(table.assign(target_feature=splitting)[has], name)
        if results is not None:
            rows |= self._results(results, numbers, f"exact_calculations/QS_{label}", names)
        if streams:
            name = f"In_data/QS_{label}.feather"
            rows[name] = self._stream(streams, numbers, name)
        if numbers.of:
            with tables.atomic(self._output / f"minima_{label}.csv") as temporary:
                numbers.table().to_csv(temporary, index=False)
        with tables.atomic(self._output / f"myparams_{label}.py") as temporary:
            temporary.write_text(_PARAMETERS.format(t_f=t_f, label=label, **names))
        return Exported(label, rows, len(numbers.of), without)

    def _keys(self, frame: pd.DataFrame, numbers: Numbering) -> pd.DataFrame:
        """Columns conf, i, j of pairs (n rows)."""
        codes, names = glass_codes(frame)
        keys = {"conf": np.array([configuration(name) for name in names], dtype=np.int64)[codes]}
        for ours, theirs in (("minimum_a", "i"), ("minimum_b", "j")):
            minima, found = frame[ours].to_numpy(), np.empty(len(frame), dtype=np.int64)
            for code, name in enumerate(names):
                rows = codes == code
                found[rows] = numbers.numbers(name, minima[rows])
            keys[theirs] = found
        return pd.DataFrame(keys, columns=list(PAIR))

    def _pairs(self, frame: pd.DataFrame, numbers: Numbering) -> pd.DataFrame:
        """Keys and features of pairs in the authors' names."""
        frame = frame.reset_index(drop=True)
        features = frame[self._features].rename(columns=self._columns).astype(float)
        transitions = {"Tij": np.int64, "Tji": np.int64}
        return pd.concat([self._keys(frame, numbers), features.astype(transitions)], axis=1)

    def _results(
        self, frame: pd.DataFrame, numbers: Numbering, folder: str, names: dict[files.Kind, str]
    ) -> dict[str, int]:
        """Write the exact results without features."""
        frame = frame.reset_index(drop=True)
        keys = self._keys(frame, numbers)
        well = frame["is_double_well"].to_numpy(dtype=bool)
        splittings = keys.assign(out=frame["quantum_splitting"].astype(float))[well]
        rows = {}
        for kind, table in (("splittings", splittings), ("others", keys[~well])):
            name = f"{folder}/{names[kind]}"  # type: ignore[index]
            with tables.atomic(self._output / name) as temporary:
                table.reset_index(drop=True).to_csv(temporary)
            rows[name] = len(table)
        return rows

    def _feather(self, frame: pd.DataFrame, name: str) -> int:
        return self._arrow(iter([frame]), name)

    def _stream(self, streams: Mapping[str, Path], numbers: Numbering, name: str) -> int:
        columns = [*KEYS, *self._features]
        return self._arrow(
            (self._pairs(part, numbers) for _, part in _streamed(streams.values(), columns)), name
        )

    def _arrow(self, frames: Iterator[pd.DataFrame], name: str) -> int:
        """Write frames one after the other as one Feather file (Arrow IPC, zstd)."""
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        count, writer = 0, None
        with tables.atomic(self._output / name) as temporary, temporary.open("wb") as out:
            for frame in frames:
                table = pa.Table.from_pandas(frame, preserve_index=False)
                if writer is None:
                    writer = pa.ipc.new_file(out, table.schema, options=options)
                writer.write_table(table)
                count += len(frame)
            if writer is not None:
                writer.close()
        return count
