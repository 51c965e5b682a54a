"""Single minima out of a glass's ``minima.npz`` without reading the rest of it.

The file is an uncompressed zip of ``.npy`` members, so that an array in it can be mapped where it
lies. A glass of the paper has 10^4 minima, 0.4 GB, of which an export needs two.
"""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import numpy as np

from tlsfind.configuration import Configuration
from tlsfind.errors import InputError

_LOCAL_HEADER = 30  # bytes of a zip member's local header before its name


def _map_member(path: Path, name: str) -> np.ndarray:
    """The array ``name`` of an uncompressed npz file as a read-only memory map."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(f"{name}.npy")
        if info.compress_type != zipfile.ZIP_STORED:
            with archive.open(info) as member:
                return np.lib.format.read_array(member, allow_pickle=False)
    with open(path, "rb") as file:
        file.seek(info.header_offset)
        header = file.read(_LOCAL_HEADER)
        name_length, extra_length = struct.unpack("<HH", header[26:30])
        file.seek(name_length + extra_length, 1)
        version = np.lib.format.read_magic(file)
        reader = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, fortran, dtype = reader(file)
        return np.memmap(
            path, dtype, "r", offset=file.tell(), shape=shape, order="F" if fortran else "C"
        )


def read_minima(path: Path, identifiers: list[int]) -> list[Configuration]:
    """The minima ``identifiers`` of the file ``path``, in the order given.

    Raises:
        InputError: the file is missing, damaged, or lacks one of the minima.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            known = file["minimum"]
            diameters = file["diameters"]
            box = float(file["box"])
            types = file.get("types")
        positions = _map_member(path, "positions")
    except FileNotFoundError:
        raise InputError(f"minima file {path} does not exist") from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, struct.error) as error:
        raise InputError(f"{path} is not a complete minima file: {error}") from None
    rows = {int(identifier): row for row, identifier in enumerate(known)}
    found = []
    for identifier in identifiers:
        if identifier not in rows:
            raise InputError(
                f"{path} has no minimum {identifier}, expected one of its {len(rows)} identifiers "
                f"({min(rows, default=0)} to {max(rows, default=0)})"
            )
        found.append(
            Configuration(
                np.array(positions[rows[identifier]]),
                diameters,
                box,
                f"{path}#{identifier}",
                types,
            )
        )
    return found
