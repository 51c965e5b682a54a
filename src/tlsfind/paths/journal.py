"""What is solved of a batch, saved path by path, so that a killed batch goes on where it was.

The journal stands beside the table that the batch will write. Its first line says of which batch it
is; each further line is one solved pair. Lines are flushed to the disk as they are written; a line
that was cut off by a kill is ignored, and its pair is solved again. The journal of another batch (a
changed config) is not used, and a pair is known by the positions of its minima.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tlsfind.parquet import atomic

logger = logging.getLogger("tlsfind")

Entry = tuple[dict[str, Any], list[dict[str, Any]]]


def place(output: Path) -> Path:
    """The journal of the batch that writes the table ``output``."""
    return output.with_name(f"{output.name}.journal")


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

    Args:
        path: the file.
        identity: says what the rows depend on; a file of another identity is overwritten.
    """

    def __init__(self, path: Path, identity: str):
        self.path = path
        self._entries = _read(path, identity)
        if self._entries:
            logger.info("%d paths of this batch are solved already (%s)", len(self), path)
        self._rewrite(identity)

    def __len__(self) -> int:
        return len(self._entries)

    def _rewrite(self, identity: str) -> None:
        """Begin the file anew with the entries that are whole."""
        with atomic(self.path) as temporary, temporary.open("w", encoding="utf-8") as file:
            file.write(json.dumps({"identity": identity}) + "\n")
            for key, entry in self._entries.items():
                file.write(_line(key, entry))
        self._file = self.path.open("a", encoding="utf-8")

    def find(self, key: str) -> Entry | None:
        """Result and candidates of a pair, or None if it is not solved yet."""
        return self._entries.get(key)

    def add(self, key: str, row: dict[str, Any], candidates: Sequence[dict[str, Any]]) -> None:
        """Save a solved pair."""
        self._entries[key] = (row, list(candidates))
        self._file.write(_line(key, self._entries[key]))
        self._file.flush()
        os.fsync(self._file.fileno())

    def remove(self) -> None:
        """Delete the file: the batch's tables are written."""
        self._file.close()
        self.path.unlink(missing_ok=True)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be saved in a journal")


def _line(key: str, entry: Entry) -> str:
    row, candidates = entry
    return json.dumps({"key": key, "row": row, "candidates": candidates}, default=_plain) + "\n"


def _read(path: Path, identity: str) -> dict[str, Entry]:
    """The whole entries of a journal of this identity; none if there is no such journal."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return {}
    entries: dict[str, Entry] = {}
    try:
        if not lines or json.loads(lines[0]).get("identity") != identity:
            return {}
        for line in lines[1:]:
            content = json.loads(line)
            entries[str(content["key"])] = (content["row"], content["candidates"])
    except (ValueError, KeyError, TypeError, AttributeError):
        logger.warning(
            "%s is cut off or damaged after %d paths; going on there", path, len(entries)
        )
    return entries
