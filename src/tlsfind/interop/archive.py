"""Uncompressed NumPy archives (.npz): whole, one array mapped, or one array row by row.

An archive is a zip file of ``.npy`` members. What is read through it, whole or row by row, is
checked against the zip file's checksums; what is mapped is not read at all until it is used, and
not checked. A file appears under its name only when it is complete.
"""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from tlsfind.errors import DamagedError, InputError
from tlsfind.tables import atomic

_LOCAL_HEADER = 30  # bytes of a zip member's local header before its name
_FAULTS = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, struct.error)


def save(path: str | Path, arrays: Mapping[str, Any]) -> None:
    """Write an archive atomically."""
    with atomic(path) as temporary, temporary.open("wb") as handle:
        contents: dict[str, Any] = {key: np.asarray(value) for key, value in arrays.items()}
        np.savez(handle, **contents)


def open_archive(path: str | Path) -> np.lib.npyio.NpzFile:
    """Open an archive.

    Raises:
        InputError: the file is missing or not a complete archive.
    """
    try:
        archive = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except (PermissionError, IsADirectoryError) as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except _FAULTS as error:
        raise DamagedError(f"{path} is not a complete NumPy archive: {_first(error)}") from None
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise InputError(f"{path} is a single NumPy array, expected an archive (.npz)")
    return archive


def keys(path: str | Path) -> list[str]:
    """Names of the arrays of an archive.

    Raises:
        InputError: the file is missing or not a complete archive.
    """
    with open_archive(path) as archive:
        return list(archive.files)


def load(
    path: str | Path, required: Iterable[str], mapped: Iterable[str] = ()
) -> dict[str, np.ndarray]:
    """All arrays of an archive.

    Args:
        path: the file.
        required: arrays that must be there.
        mapped: arrays to map into memory, read-only, instead of reading them. An archive that was
            saved with compression is read all the same.

    Raises:
        InputError: the file is missing, truncated, or lacks a required array.
    """
    mapped = set(mapped)
    with open_archive(path) as archive:
        missing = [key for key in required if key not in archive.files]
        if missing:
            raise InputError(
                f"{path} lacks the key(s) {', '.join(missing)}; it has {', '.join(archive.files)}"
            )
        with _damage(path):
            return {
                key: _map_member(Path(path), key) if key in mapped else archive[key]
                for key in archive.files
            }


def rows(path: str | Path, name: str) -> Iterator[np.ndarray]:
    """The entries of an array along its first axis, one at a time in memory.

    The checksum of the array is verified after its last entry.

    Raises:
        InputError: the file is missing, truncated or damaged, or has no such array.
    """
    if name not in keys(path):
        raise InputError(f"{path} lacks the key(s) {name}")
    with _damage(path), zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as member:
        shape, fortran, dtype = _header(member)
        if dtype.hasobject or not shape:
            raise ValueError(f"{name} holds {dtype} of shape {shape}")
        if fortran and len(shape) > 1:
            raise ValueError(f"{name} is stored with its first axis fastest")
        size = math.prod(shape[1:]) * dtype.itemsize
        for _ in range(shape[0]):
            content = member.read(size)
            if len(content) != size:
                raise EOFError(f"{name} ends early")
            yield np.frombuffer(content, dtype).reshape(shape[1:])
        if member.read(1):
            raise ValueError(f"{name} is longer than its shape {shape}")


def _map_member(path: Path, name: str) -> np.ndarray:
    """The array ``name`` as a read-only memory map where it lies in the file."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(f"{name}.npy")
        if info.compress_type != zipfile.ZIP_STORED:
            with archive.open(info) as member:
                return np.lib.format.read_array(member, allow_pickle=False)
    with path.open("rb") as file:
        file.seek(info.header_offset)
        header = file.read(_LOCAL_HEADER)
        name_length, extra_length = struct.unpack("<HH", header[26:30])
        file.seek(name_length + extra_length, 1)
        shape, fortran, dtype = _header(file)
        if not math.prod(shape):
            return np.empty(shape, dtype)
        return np.memmap(
            path, dtype, "r", offset=file.tell(), shape=shape, order="F" if fortran else "C"
        )


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether the first axis is the fastest, and type of an array that begins in a file."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    return np.lib.format.read_array_header_2_0(file)


@contextmanager
def _damage(path: str | Path) -> Iterator[None]:
    """Name the file whose content turns out to be damaged."""
    try:
        yield
    except _FAULTS as error:
        raise DamagedError(f"{path} is damaged: {_first(error)}") from None


def _first(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
