"""The library stage: tables of double wells and two-level systems, and their configurations.

1. Take every solved path, of the loop and of the standard procedure, and keep the double wells.
2. Look up the features of their pairs in the pairs tables, streamed.
3. Sort by quantum splitting; those below the threshold of the loop's unit system are the TLS.
4. Write both minima of each TLS as extended XYZ, with the displacement vectors between them. Where
   particles are identical, those of the second are numbered so that they belong to the first's.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tlsfind import tables
from tlsfind.config import Config
from tlsfind.errors import InputError
from tlsfind.interop.native import read_minima
from tlsfind.matching import match
from tlsfind.pairs.keys import KEYS, join_columns


def double_wells(paths: Path, standard: Path | None, units: list[str]) -> pa.Table:
    """The double wells of the paths tables, sorted by the splitting of the first unit system.

    A pair that is in both tables is taken from the loop's.

    Raises:
        InputError: a table cannot be read or has other columns.
    """
    schema = tables.schema("paths", tables.paths_columns(units))
    parts = []
    for path in (paths, standard):
        if path is None:
            continue
        parts += [
            pa.Table.from_batches([batch]).filter(pc.field("status") == "double_well")
            for batch in tables.iter_batches(path, schema.names, 4096)
        ]
    wells = pa.concat_tables([part.cast(schema) for part in parts] or [schema.empty_table()])
    keys = wells.select([*KEYS, f"quantum_splitting_{units[0]}"]).to_pandas()
    first = keys.drop_duplicates(KEYS)
    order = first.sort_values([f"quantum_splitting_{units[0]}", *KEYS], na_position="last").index
    return wells.take(pa.array(order.to_numpy(dtype=np.int64)))


def with_features(wells: pa.Table, pairs: list[Path], config: Config, source: str) -> pa.Table:
    """``wells`` with the features of the pairs, as a table of ``tables.library_columns``.

    Args:
        wells: double wells, from :func:`double_wells`.
        pairs: pairs tables, streamed.
        config: the run.
        source: where ``wells`` come from, for messages.

    Raises:
        InputError: a table cannot be read or lacks a column; a double well is in no pairs table.
    """
    features = tables.feature_names(config.pairs.particles)
    keys = wells.select(KEYS).to_pandas()
    joined = join_columns(keys, pairs, features, source, config.pairs.rows_per_block)
    schema = tables.schema(
        "double_wells", tables.library_columns(config.pairs.particles, config.unit_systems)
    )
    for name in features:
        wells = wells.append_column(
            schema.field(name), pa.array(joined[name], type=schema.field(name).type)
        )
    return wells.select(schema.names).cast(schema)


def tls_mask(wells: pa.Table | pd.DataFrame, config: Config) -> np.ndarray:
    """Which double wells are TLS in the loop's unit system: (n,) bool."""
    name = config.loop.unit_system
    splitting = np.asarray(wells[f"quantum_splitting_{name}"], dtype=np.float64)
    return splitting < config.unit_systems[name].tls_threshold


def library(
    config: Config,
    paths: Path,
    standard: Path | None,
    pairs: list[Path],
    landscape_root: Path,
    output: Path,
) -> None:
    """Write ``double_wells.parquet``, ``tls.parquet`` and ``tls/*.xyz`` into ``output``.

    Args:
        config: the run.
        paths: every path of the loop.
        standard: the paths solved for the standard procedure alone, if any.
        pairs: the pairs tables of all glasses.
        landscape_root: folder with a folder for each glass, in it ``minima.npz``.
        output: folder to write into.

    Raises:
        InputError: an input is missing or damaged, or lacks a pair or a minimum.
    """
    output = Path(output)
    wells = double_wells(Path(paths), standard, list(config.unit_systems))
    source = " and ".join(str(path) for path in (paths, standard) if path is not None)
    wells = with_features(wells, list(pairs), config, source)
    found = wells.filter(pa.array(tls_mask(wells, config)))
    _export_all(config, found, Path(landscape_root), output / "tls")
    columns = tables.library_columns(config.pairs.particles, config.unit_systems)
    for name, rows in (("double_wells", wells), ("tls", found)):
        schema = tables.stamped(tables.schema(name, columns), config.hash, config.run.seed)
        tables.write(rows.cast(schema), output / f"{name}.parquet", schema)


def _export_all(config: Config, found: pa.Table, landscape_root: Path, output: Path) -> None:
    """Fill a fresh folder with the TLS and put it in the place of ``output`` when complete."""
    staged = output.with_name(f".{output.name}.tmp")
    shutil.rmtree(staged, ignore_errors=True)
    tables.make_folder(staged)
    try:
        for row in found.drop_columns(["xi", "energy"]).to_pylist():
            stem = f"{row['glass']}_{row['minimum_a']}_{row['minimum_b']}"
            _write_pair(config, row, landscape_root, staged / f"{stem}.xyz")
        shutil.rmtree(output, ignore_errors=True)
        staged.rename(output)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _write_pair(config: Config, row: Mapping[Any, Any], landscape_root: Path, path: Path) -> Path:
    """Write both minima of a library row; returns the path of the second file."""
    from tlsfind.interop.extxyz import write_extxyz

    glass = row["glass"]
    first, second = read_minima(
        landscape_root / glass / "minima.npz", [row["minimum_a"], row["minimum_b"]]
    )
    types = config.model.identical(first.types)
    order, moved = match(first.positions, second.positions, first.box, types)
    second = second.with_positions(second.positions[order])
    unit = config.loop.unit_system
    info = {
        "glass": glass,
        "minimum_a": row["minimum_a"],
        "minimum_b": row["minimum_b"],
        "unit_system": unit,
        "quantum_splitting": row[f"quantum_splitting_{unit}"],
        "barrier": row["barrier"],
        "delta_e": row["delta_e"],
        "total_displacement": row["total_displacement"],
        "path_length": row["path_length"],
    }
    other = path.with_name(f"{path.stem}_b{path.suffix}")
    write_extxyz(other, second, displacement=-moved, info={**info, "minimum": row["minimum_b"]})
    write_extxyz(path, first, displacement=moved, info={**info, "minimum": row["minimum_a"]})
    return other


def export(
    config: Config,
    library_table: Path,
    landscape_root: Path,
    glass: str,
    a: int,
    b: int,
    output: Path,
) -> tuple[Path, Path]:
    """Write one double well or TLS as two extended XYZ files.

    Args:
        config: the run.
        library_table: ``double_wells.parquet`` or ``tls.parquet``.
        landscape_root: folder with a folder for each glass, in it ``minima.npz``.
        glass: name of the glass.
        a: identifier of one minimum.
        b: identifier of the other; the lower one in energy is written first whatever the order.
        output: file of the lower minimum; the other's name ends in ``_b``.

    Returns:
        Both files.

    Raises:
        InputError: the pair is not in the table, or an input is missing or damaged.
    """
    unit = config.loop.unit_system
    shown = ["barrier", "path_length", "delta_e", "total_displacement"]
    rows = tables.read(library_table, only=[*KEYS, f"quantum_splitting_{unit}", *shown])
    chosen = rows[
        (rows["glass"] == glass)
        & rows["minimum_a"].isin([a, b])
        & rows["minimum_b"].isin([a, b])
        & (a != b)
    ]
    if chosen.empty:
        same = rows[rows["glass"] == glass]
        raise InputError(
            f"{library_table} has no pair of minima {a} and {b} of glass {glass!r}, expected one "
            f"of its {len(rows)} pairs ({len(same)} of this glass)"
        )
    row = chosen.to_dict("records")[0]
    output = Path(output)
    return output, _write_pair(config, row, Path(landscape_root), output)
