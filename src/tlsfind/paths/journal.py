"""What is solved of a batch, saved path by path, so that nothing solved is solved again.

The journal stands beside the table of the batch and stays there when the table is written: a batch
that runs again, because it was killed or its table was lost, takes from it what it has.

A line is a checksum and a JSON object. The first says what the rows depend on; each further one is
a solved pair, which is known by the positions of its minima. Lines are only ever appended and reach
the disk one by one. A line that a kill or a full disk cut off is passed over, and its pair is
solved again. A journal of other settings is begun anew.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import logging
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tlsfind.parquet import make_folder, writing

logger = logging.getLogger("tlsfind")

SUFFIX = ".journal"

Entry = tuple[dict[str, Any], list[dict[str, Any]]]


def place(output: Path) -> Path:
    """The journal of the batch that writes the table ``output``."""
    return output.with_name(f"{output.name}{SUFFIX}")


def digest(*parts: Any) -> str:
    """A hash of texts, numbers and arrays, which tells pairs and settings apart."""
    content = hashlib.sha256()
    for part in parts:
        is_array = isinstance(part, np.ndarray)
        content.update(np.ascontiguousarray(part).tobytes() if is_array else repr(part).encode())
        content.update(b"|")
    return content.hexdigest()


class Journal:
    """Results of the pairs of one batch that are solved already, by a digest of the pair.

    A context manager. Only one process at a time has the file: another one that solves the same
    batch, such as a job that outlived its workflow, is waited for.

    Args:
        path: the file.
        identity: says what the rows depend on; a file of another identity is begun anew.

    Raises:
        InputError: the file cannot be written, e.g. because the disk is full.
    """

    def __init__(self, path: Path, identity: str):
        self.path = path
        make_folder(path.parent)
        with writing(path):
            self._file = path.open("a+b", buffering=0)
        _lock(self._file.fileno(), path)
        self._file.seek(0)
        content = self._file.read()
        found = _entries(content, identity, path)
        with writing(path):
            if found is None:
                self._file.truncate(0)
                self._append({"identity": identity})
            elif not content.endswith(b"\n"):
                self._write(b"\n")
        self._entries = found or {}
        if self._entries:
            logger.info("%d paths of this batch are solved already (%s)", len(self), path)

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, key: str) -> Entry | None:
        """Result and candidates of a pair, or None if it is not solved yet."""
        return self._entries.get(key)

    def add(self, key: str, row: dict[str, Any], candidates: Sequence[dict[str, Any]]) -> None:
        """Save a solved pair.

        Args:
            key: digest of the pair.
            row: plain values, or NumPy numbers.
            candidates: plain values but for ``positions``, an array of float64.

        Raises:
            InputError: the file cannot be written.
        """
        self._entries[key] = (row, list(candidates))
        saved = [{**one, "positions": _packed(one["positions"])} for one in candidates]
        with writing(self.path):
            self._append({"key": key, "row": row, "candidates": saved})
            os.fsync(self._file.fileno())

    def _append(self, content: dict[str, Any]) -> None:
        text = json.dumps(content, default=_plain).encode()
        self._write(b"%08x %s\n" % (zlib.crc32(text), text))

    def _write(self, data: bytes) -> None:
        """Append all of ``data``: a nearly full disk takes a part of it before it fails."""
        while data:
            data = data[self._file.write(data) :]

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _lock(descriptor: int, path: Path) -> None:
    """Have the file alone until it is closed, where the file system can do that."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        logger.info("another process solves this batch, waiting for it to end (%s)", path)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        logger.debug("%s cannot be locked: %s", path, error)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be saved in a journal")


def _packed(positions: np.ndarray) -> str:
    """Positions bit by bit, in half of the space that decimal digits take."""
    return base64.b64encode(np.ascontiguousarray(positions, "<f8").tobytes()).decode()


def _unpacked(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text, validate=True), "<f8")


def _content(line: bytes) -> dict[str, Any] | None:
    """The object in a line, or None if the line is not whole."""
    checksum, _, text = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        return None
    content = json.loads(text)
    return content if isinstance(content, dict) else None


def _entries(content: bytes, identity: str, path: Path) -> dict[str, Entry] | None:
    """The whole entries of a journal; None if it is not of this identity."""
    lines = content.splitlines()
    first = _content(lines[0]) if lines else None
    if first is None or first.get("identity") != identity:
        return None
    entries: dict[str, Entry] = {}
    for line in filter(None, lines[1:]):
        found = _content(line)
        if found is None:
            logger.warning("%s: passing over a line that was cut off", path)
            continue
        candidates = [
            {**one, "positions": _unpacked(one["positions"])} for one in found["candidates"]
        ]
        entries[found["key"]] = (found["row"], candidates)
    return entries


def saved_rows(path: Path) -> list[dict[str, Any]]:
    """The rows that are saved in a journal, whatever they depend on.

    Raises:
        OSError: it cannot be read.
    """
    found = [_content(line) for line in path.read_bytes().splitlines()[1:]]
    return [content["row"] for content in found if content is not None]


def count_whole(path: Path) -> tuple[int, int]:
    """Solved pairs in a journal, and lines of it that are cut off.

    Raises:
        OSError: it cannot be read.
    """
    lines = [line for line in path.read_bytes().splitlines() if line]
    whole = sum(_content(line) is not None for line in lines)
    return max(whole - 1, 0), len(lines) - whole
