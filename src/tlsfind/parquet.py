"""Parquet files: written whole or not at all, read by batches, with messages that name the file.

A file appears under its name only when it is complete: it is written to a temporary name in the
same folder and renamed. Pages carry checksums, which reading verifies.
"""

from __future__ import annotations

import atexit
import errno
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from tlsfind.errors import DamagedError, InputError

if TYPE_CHECKING:
    import pandas as pd

#: Rows that are read at a time. No result depends on it.
BATCH_ROWS = 131_072

#: Why a file cannot be written, where it is not the fault of tlsfind.
_CANNOT_WRITE = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "it is larger than a file may be here",
    errno.EACCES: "its folder may not be written to",
    errno.EPERM: "its folder may not be written to",
    errno.EROFS: "its disk is read-only",
}


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
def writing(path: Path) -> Iterator[None]:
    """Name the file that cannot be written, and why.

    Raises:
        InputError: the disk is full, the folder is not writable, and the like.
    """
    try:
        yield
    except OSError as error:
        reason = _reason(error)
        if reason is None or not _concerns(error, path):
            raise
        raise InputError(
            f"{path} cannot be written: {reason} (folder {path.parent.absolute()})"
        ) from error


def _reason(error: OSError) -> str | None:
    """Why a file cannot be written, or None if that is not what went wrong."""
    said = str(error) if error.errno is None else ""  # of many files: shutil.Error
    for code, reason in _CANNOT_WRITE.items():
        if error.errno == code or os.strerror(code) in said:
            return reason
    return None


def _concerns(error: OSError, path: Path) -> bool:
    """Whether an error is of a file in the folder of ``path`` or above, or names no file."""
    if error.filename is None:
        return True
    named, folder = Path(os.fsdecode(error.filename)).absolute(), path.parent.absolute()
    return named.parent == folder or named in (folder, *folder.parents)


@contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """A temporary path beside ``path`` that is renamed to it on success, removed on failure.

    The temporary name holds the machine and the process, see :func:`owner`.

    Raises:
        InputError: the folder of ``path`` is a file, the disk is full, or the like.
    """
    path = Path(path)
    with writing(path):
        _make_folder_of(path)
        temporary = path.with_name(f".{path.name}.{machine()}.{os.getpid()}.tmp")
        clean = partial(temporary.unlink, missing_ok=True)
        atexit.register(clean)  # where a signal ends the process without unwinding
        try:
            yield temporary
            os.replace(temporary, path)
        finally:
            clean()
            atexit.unregister(clean)


def _make_folder_of(path: Path) -> None:
    try:
        make_folder(path.parent)
    except FileNotFoundError as error:  # a file system that makes no folders
        raise InputError(
            f"{path} cannot be written: the folder {error.filename} cannot be made"
        ) from None


def machine() -> str:
    """Short name of this machine."""
    return socket.gethostname().partition(".")[0]


def owner(temporary: Path) -> tuple[str, int] | None:
    """Machine and process that made a temporary file of :func:`atomic`; None if it is none."""
    parts = temporary.name.split(".")
    if len(parts) < 5 or parts[-1] != "tmp" or not parts[-2].isdecimal():
        return None
    return parts[-3], int(parts[-2])


@contextmanager
def writer(path: Path | str, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """A streaming, atomic Parquet writer.

    Numbers with a fraction hardly repeat: a dictionary of them would take most of the time of
    writing. Their bytes are stored apart by significance instead, which compresses better.
    """
    floats = [field.name for field in schema if pa.types.is_floating(field.type)]
    others = [field.name for field in schema if field.name not in floats]
    with (
        atomic(path) as temporary,
        pq.ParquetWriter(
            temporary,
            schema,
            compression="zstd",
            use_dictionary=others or False,
            use_byte_stream_split=floats or False,
            write_page_checksum=True,
        ) as out,
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
        DamagedError: the file is truncated or not Parquet.
        InputError: it is missing, cannot be read, or lacks a column.
    """
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
    except FileNotFoundError:
        raise InputError(f"table {path} does not exist") from None
    except (pa.ArrowInvalid, OSError) as error:
        _complain_of_system(path, error)
        reason = str(error).splitlines()[0]
        raise DamagedError(f"table {path} is not a complete Parquet file: {reason}") from None
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
        _complain_of_system(path, error)
        reason = str(error).splitlines()[0]
        raise DamagedError(f"table {path} is damaged: {reason}") from None


def _complain_of_system(path: Path | str, error: Exception) -> None:
    """Say that a file cannot be read, where its content is not to blame.

    Arrow, too, raises an OSError for damaged content, but one without a number.

    Raises:
        InputError: the system's error.
    """
    if isinstance(error, OSError) and error.errno is not None:
        raise InputError(f"table {path} cannot be read: {os.strerror(error.errno)}") from error


def read_many(paths: Iterable[Path | str], columns: Iterable[str] = ()) -> pd.DataFrame:
    """Read and concatenate tables of one schema, in the order given.

    Raises:
        InputError: no path was given, or as for :func:`read`.
    """
    import pandas as pd

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
