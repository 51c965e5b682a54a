"""Every table of the project: its columns, and how it is written and read.

Tables are Parquet files (zstd). A file appears under its name only when it is complete: it is
written to a temporary name in the same folder and renamed. Every table carries in its metadata
the name and version of its schema, the tlsfind version, the config hash and the seed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tlsfind import __version__
from tlsfind.errors import InputError

SCHEMA_VERSION = 1

#: Rows that are read at a time. No result depends on it.
BATCH_ROWS = 131_072

STATUSES = (
    "double_well",
    "multiple_wells",
    "single_well",
    "endpoints_identical",
    "not_converged",
    "failed",
)

Columns = list[tuple[str, pa.DataType, str]]

_PAIR_KEYS: Columns = [
    ("glass", pa.string(), "name of the glass"),
    ("minimum_a", pa.int32(), "identifier of the minimum of lower energy"),
    ("minimum_b", pa.int32(), "identifier of the minimum of higher energy"),
]

FIXED: dict[str, Columns] = {
    "glasses": [
        ("glass", pa.string(), "name of the glass"),
        ("preparation_temperature", pa.float64(), "T_f"),
        ("n_particles", pa.int32(), "N"),
        ("temperature", pa.float64(), "kinetic temperature after cooling"),
        ("inherent_energy", pa.float64(), "energy per particle of the cooled glass's minimum"),
        ("equilibrium_inherent_energy", pa.float64(), "mean inherent energy at T_f, second half"),
        ("potential_energy_drift", pa.float64(), "halves' difference over its standard error"),
        ("inherent_energy_drift", pa.float64(), "the same for the inherent-structure energy"),
        ("self_overlap", pa.float64(), "overlap of the end with the start of the second half"),
        (
            "relaxation_blocks",
            pa.float64(),
            "blocks for the self-overlap to fall to 1/e; null: it did not",
        ),
        ("swap_acceptance", pa.float64(), "accepted share of swap attempts"),
        ("equilibrated", pa.bool_(), "verdict"),
        ("verdict", pa.string(), "the reasons, in words"),
    ],
    "equilibration": [
        ("glass", pa.string(), "name of the glass"),
        ("block", pa.int64(), "blocks done"),
        ("potential_energy", pa.float64(), "potential energy per particle"),
        ("kinetic_temperature", pa.float64(), "kinetic temperature"),
        ("inherent_energy", pa.float64(), "energy per particle of the quenched liquid, or null"),
        ("self_overlap", pa.float64(), "self-overlap with the configuration at the first row"),
        (
            "self_overlap_half",
            pa.float64(),
            "self-overlap with the one at half time, or null",
        ),
        ("swap_acceptance", pa.float64(), "accepted share of swap attempts since the last row"),
    ],
    "trajectories": [
        ("glass", pa.string(), "name of the glass"),
        ("trajectory", pa.int32(), "number of the trajectory in the glass"),
        ("steps", pa.int64(), "time steps"),
        ("temperature", pa.float64(), "mean kinetic temperature"),
        (
            "energy_drift",
            pa.float64(),
            "drift of the energy per particle over the trajectory",
        ),
        ("energy_fluctuation", pa.float64(), "standard deviation of total energy per particle"),
        ("quenches", pa.int32(), "quenches"),
        ("unconverged", pa.int32(), "quenches that missed the force tolerance"),
        ("evaluations", pa.int64(), "force evaluations of all quenches"),
    ],
    "visits": [
        ("glass", pa.string(), "name of the glass"),
        ("trajectory", pa.int32(), "number of the trajectory in the glass"),
        ("step", pa.int64(), "time step of the quench"),
        ("minimum", pa.int32(), "identifier of the minimum; null: the quench did not converge"),
        ("energy", pa.float64(), "total energy of the quenched configuration"),
        ("max_force", pa.float64(), "largest force component of the quenched configuration"),
    ],
    "minima": [
        ("glass", pa.string(), "name of the glass"),
        ("minimum", pa.int32(), "identifier; row of the positions file"),
        ("energy", pa.float64(), "total energy"),
        ("energy_per_particle", pa.float64(), "energy per particle"),
        ("max_force", pa.float64(), "largest force component"),
        ("rank", pa.int32(), "rank by energy, from 1; changes when minima are added"),
        ("visits", pa.int64(), "times visited"),
        ("trajectory", pa.int32(), "trajectory of the first visit"),
        ("step", pa.int64(), "time step of the first visit"),
    ],
    "transitions": [
        ("glass", pa.string(), "name of the glass"),
        ("minimum_from", pa.int32(), "identifier of the earlier minimum"),
        ("minimum_to", pa.int32(), "identifier of the minimum of the next quench"),
        ("count", pa.int64(), "times seen"),
    ],
    "selection": [
        *_PAIR_KEYS,
        (
            "iteration",
            pa.int32(),
            "of the loop; 0: before any model, -1: standard procedure",
        ),
        ("stratum", pa.string(), "why it was picked"),
        ("probability_double_well", pa.float64(), "predicted when picked, or null"),
        ("predicted_splitting", pa.float64(), "E_qs predicted when picked, or null"),
    ],
    "predictions": [
        *_PAIR_KEYS,
        ("probability_double_well", pa.float32(), "by the classifier"),
        ("predicted_splitting", pa.float32(), "E_qs by the predictor; null: below the gate"),
    ],
    "out_of_fold": [
        *_PAIR_KEYS,
        ("is_double_well", pa.bool_(), "exact"),
        ("probability_double_well", pa.float64(), "out-of-fold prediction of the classifier"),
        ("quantum_splitting", pa.float64(), "exact, null unless a double well"),
        ("predicted_splitting", pa.float64(), "out-of-fold prediction, null unless a double well"),
        ("barrier", pa.float64(), "exact, null unless a double well"),
    ],
    "history": [
        ("iteration", pa.int32(), "iteration of the loop, 0: the initial batch"),
        ("paths", pa.int64(), "paths of this iteration"),
        ("double_wells", pa.int64(), "double wells of this iteration"),
        ("tls", pa.int64(), "TLS of this iteration"),
        ("total_paths", pa.int64(), "paths so far"),
        ("total_double_wells", pa.int64(), "double wells so far"),
        ("total_tls", pa.int64(), "TLS so far"),
        ("classifier_accuracy", pa.float64(), "out of fold, random split"),
        ("splitting_r_log", pa.float64(), "Pearson r of log10 E_qs, out of fold, random split"),
        ("time_limit_struck", pa.bool_(), "whether training was cut short by the time limit"),
    ],
    "candidates": [
        ("glass", pa.string(), "name of the glass"),
        ("minimum_a", pa.int32(), "the pair on whose path it was found"),
        ("minimum_b", pa.int32(), "the pair on whose path it was found"),
        ("image", pa.int32(), "image of the path that was quenched"),
        ("energy", pa.float64(), "total energy"),
        ("max_force", pa.float64(), "largest force component"),
        ("positions", pa.list_(pa.float64()), "3 N coordinates, x y z of particle 1 first"),
    ],
}


def pairs_columns(particles: int) -> Columns:
    """Columns of the pairs table for M = ``particles`` (checklist 29)."""
    return [
        *_PAIR_KEYS,
        ("delta_e", pa.float64(), "energy of b minus energy of a, not negative"),
        *(
            (f"displacement_{i}", pa.float64(), f"displacement, number {i} in decreasing order")
            for i in range(1, particles + 1)
        ),
        ("total_displacement", pa.float64(), "d, root of the summed squared displacements"),
        ("participation_ratio", pa.float64(), "d^4 over the summed fourth powers"),
        *(
            (f"distance_1_{i}", pa.float64(), f"distance of the mid-points of particles 1 and {i}")
            for i in range(2, particles + 1)
        ),
        ("transitions_ab", pa.int32(), "transitions seen from a to b"),
        ("transitions_ba", pa.int32(), "transitions seen from b to a"),
    ]


def feature_names(particles: int) -> list[str]:
    """The features of a pair, in the order of the pairs table: all but its keys."""
    return [name for name, _, _ in pairs_columns(particles)[len(_PAIR_KEYS) :]]


def paths_columns(units: Iterable[str]) -> Columns:
    """Columns of the paths table for unit systems ``units``, the first being the loop's."""
    names = list(units)
    columns: Columns = [
        *FIXED["selection"],
        ("status", pa.string(), "one of " + ", ".join(STATUSES)),
        ("message", pa.string(), "what went wrong, or empty"),
        ("barrier", pa.float64(), "saddle energy minus energy of a"),
        ("path_length", pa.float64(), "length of the path between the minima"),
        ("wells", pa.int32(), "wells along the path"),
        ("iterations", pa.int32(), "iterations of the path solver"),
        ("final_force", pa.float64(), "largest perpendicular force of an image at the end"),
        (
            "splitting_change",
            pa.float64(),
            "largest relative change of E_qs when the force was last lowered to a third; says "
            "nothing of the number of images",
        ),
        ("delta_0", pa.float64(), f"WKB tunnel splitting, unit system {names[0]}"),
    ]
    for name in names:
        columns += [
            (f"quantum_splitting_{name}", pa.float64(), f"E_2 - E_1, unit system {name}"),
            (f"energy_1_{name}", pa.float64(), f"E_1 above minimum a, unit system {name}"),
            (f"energy_2_{name}", pa.float64(), f"E_2 above minimum a, unit system {name}"),
            (f"delta_0_{name}", pa.float64(), f"WKB tunnel splitting, unit system {name}"),
        ]
    columns += [
        ("xi", pa.list_(pa.float64()), "reaction coordinate, 0 at a and 1 at b"),
        ("energy", pa.list_(pa.float64()), "V(xi) above minimum a"),
        ("seconds", pa.float64(), "time of this path; the one column that is not reproducible"),
    ]
    return columns


def library_columns(particles: int, units: Iterable[str]) -> Columns:
    """Columns of the double-well and TLS tables: the path's and then the pair's features."""
    return [*paths_columns(units), *pairs_columns(particles)[len(_PAIR_KEYS) :]]


def schema(name: str, columns: Columns | None = None) -> pa.Schema:
    """The Arrow schema of a table; ``columns`` for the tables that depend on the config."""
    columns = FIXED[name] if columns is None else columns
    fields = [
        pa.field(column, kind, metadata={"description": text}) for column, kind, text in columns
    ]
    return pa.schema(fields, metadata={"table": name, "schema_version": str(SCHEMA_VERSION)})


def stamped(schema: pa.Schema, config_hash: str = "", seed: int | None = None) -> pa.Schema:
    """``schema`` with the provenance of a run in its metadata."""
    stamp = {
        "tlsfind_version": __version__,
        "config_hash": config_hash,
        "seed": "" if seed is None else str(seed),
    }
    encoded = {key.encode(): value.encode() for key, value in stamp.items()}
    return schema.with_metadata({**(schema.metadata or {}), **encoded})


def make_folder(path: Path) -> None:
    """Make a folder and those above it, unless they exist.

    Raises:
        InputError: there is a file in the place of one of them.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        files = [place for place in (path, *path.parents) if place.exists() and not place.is_dir()]
        raise InputError(f"{next(iter(files), path)} is a file, expected a folder") from None


@contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """A temporary path beside ``path`` that is renamed to it on success, removed on failure.

    Raises:
        InputError: the folder of ``path`` is a file.
    """
    path = Path(path)
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def writer(path: Path | str, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """A streaming, atomic Parquet writer."""
    with (
        atomic(path) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd", write_page_checksum=True) as out,
    ):
        yield out


def to_arrow(frame: pd.DataFrame | list[dict], schema: pa.Schema) -> pa.Table:
    """Rows as an Arrow table of exactly ``schema``'s columns; missing ones become null."""
    if isinstance(frame, list):
        return pa.Table.from_pylist(frame, schema=schema)
    missing = [name for name in schema.names if name not in frame.columns]
    if missing:
        frame = frame.assign(**dict.fromkeys(missing))
    table = pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)
    return table.replace_schema_metadata(schema.metadata)


def write(frame: pd.DataFrame | list[dict] | pa.Table, path: Path | str, schema: pa.Schema) -> None:
    """Write a whole table atomically."""
    table = frame if isinstance(frame, pa.Table) else to_arrow(frame, schema)
    with writer(path, schema) as out:
        out.write_table(table)


def open_file(path: Path | str, columns: Iterable[str] = ()) -> pq.ParquetFile:
    """Open a Parquet file for reading by batches, and check that it has ``columns``.

    Raises:
        InputError: the file is missing, truncated, not Parquet, or lacks a column.
    """
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
    except FileNotFoundError:
        raise InputError(f"table {path} does not exist") from None
    except (pa.ArrowInvalid, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"table {path} is not a complete Parquet file: {reason}") from None
    missing = [name for name in columns if name not in file.schema_arrow.names]
    if missing:
        raise InputError(
            f"table {path} lacks the column(s) {', '.join(missing)}; it has "
            f"{', '.join(file.schema_arrow.names)}"
        )
    return file


def read(
    path: Path | str, columns: Iterable[str] = (), only: list[str] | None = None
) -> pd.DataFrame:
    """Read a table into pandas; ``columns`` must be there, ``only`` restricts what is read.

    Raises:
        InputError: the file is missing, truncated, not Parquet, or lacks a column.
    """
    file = open_file(path, [*columns, *(only or [])])
    with _guarded(path):
        return file.read(columns=only).to_pandas()


def iter_batches(
    path: Path | str, columns: Iterable[str], batch_rows: int = BATCH_ROWS
) -> Iterator[pa.RecordBatch]:
    """The rows of a table, a bounded number at a time.

    Args:
        path: the table.
        columns: the columns to read.
        batch_rows: most rows of a batch.

    Raises:
        InputError: the file is missing, truncated, damaged, or lacks a column.
    """
    columns = list(columns)
    file = open_file(path, columns)
    try:
        with _guarded(path):
            yield from file.iter_batches(batch_rows, columns=columns)
    finally:
        file.close()


@contextmanager
def _guarded(path: Path | str) -> Iterator[None]:
    """Name the file where Arrow finds its content damaged."""
    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"table {path} is damaged: {reason}") from None


def read_many(paths: Iterable[Path | str], columns: Iterable[str] = ()) -> pd.DataFrame:
    """Read and concatenate tables of one schema, in the order given.

    Raises:
        InputError: no path was given, or as for :func:`read`.
    """
    required = list(columns)
    frames = [read(path, required) for path in paths]
    if not frames:
        raise InputError("no table was given, expected at least one")
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else frames[0]


def metadata(path: Path | str) -> dict[str, str]:
    """The metadata of a table (schema version, tlsfind version, config hash, seed)."""
    raw = open_file(path).schema_arrow.metadata or {}
    return {k.decode(): v.decode() for k, v in raw.items() if k != b"pandas"}
