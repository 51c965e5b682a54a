"""What files of many frames have in common: counted lines, and frames as their text has them."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, TextIO

import numpy as np

from tlsfind.errors import InputError

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_GZIP = b"\x1f\x8b"


class FrameText:
    """The lines of a text file, one at a time.

    Attributes:
        path: the file.
        frame: number of the frame that is being read, from 1.
        line: number of the line that was read last, from 1.
    """

    def __init__(self, path: Path, handle: TextIO) -> None:
        self.path = path
        self.frame = 0
        self.line = 0
        self._handle = handle

    def next_frame(self) -> str | None:
        """First line of the next frame, blank lines left out; None at the end of the file."""
        for line in self._handle:
            self.line += 1
            if line.strip():
                self.frame += 1
                return line
        return None

    def need(self, expected: str) -> str:
        """The next line of the frame.

        Raises:
            InputError: the file ends here.
        """
        line = self._handle.readline()
        if not line:
            self.refuse("the end of the file", f"{expected}; is the frame cut off?")
        self.line += 1
        return line

    def rows(self, count: int, columns: int) -> list[list[str]]:
        """The words of the next ``count`` lines, one line for each particle.

        Raises:
            InputError: the file ends before, or a line has not as many words as ``columns``.
        """
        found = []
        for k in range(count):
            words = self.need(f"{count} particles, not {k}").split()
            if len(words) != columns:
                self.refuse(f"{len(words)} columns", f"{columns} for each of {count} particles")
            found.append(words)
        return found

    def refuse(self, found: str, expected: str, line: int | None = None) -> NoReturn:
        """Raise an InputError that names file, frame and line, by default the last one read."""
        where = f"{self.path}, frame {max(self.frame, 1)}, line {line or self.line}"
        raise InputError(f"{where}: found {found}, expected {expected}")

    def whole(self, word: str, what: str, least: int = 0) -> int:
        """A whole number of the last line, at least ``least``.

        Raises:
            InputError: it is none.
        """
        if not _WHOLE.fullmatch(word.strip()) or int(word) < least:
            self.refuse(repr(word.strip()), f"{what}, a whole number from {least}")
        return int(word)


@contextmanager
def open_frames(path: Path) -> Iterator[FrameText]:
    """Open a text file, plain or compressed by gzip.

    Raises:
        InputError: the file is missing, not text, or compressed and damaged; also while reading.
    """
    try:
        with path.open("rb") as start:
            opened = gzip.open if start.read(2) == _GZIP else open
        with opened(path, "rt", encoding="utf-8") as handle:
            yield FrameText(path, handle)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not text, expected a text dump or extended XYZ") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path} is damaged: {error}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None


@dataclass
class RawFrame:
    """A frame as its file has it.

    Attributes:
        text: the file, standing behind this frame.
        columns: names of the columns.
        rows: the words of each particle's line.
        box: edge of the cubic box.
        low: (3,) lower corner of the box.
        step: time step, or None if the file does not say.
        units: ``units`` of LAMMPS, or None if the file does not say.
    """

    text: FrameText
    columns: tuple[str, ...]
    rows: list[list[str]]
    box: float
    low: np.ndarray = field(default_factory=lambda: np.zeros(3))
    step: int | None = None
    units: str | None = None

    def words(self, name: str) -> list[str]:
        """A column as it is: N words."""
        column = self.columns.index(name)
        return [row[column] for row in self.rows]

    def real(self, name: str) -> np.ndarray:
        """A column of finite real numbers, (N,).

        Raises:
            InputError: naming the first line that is wrong.
        """
        words = self.words(name)
        try:
            numbers = np.array(words, dtype=np.float64)
        except ValueError:
            numbers = np.array([_number(word) for word in words])
        bad = np.flatnonzero(~np.isfinite(numbers))
        if bad.size:
            self.refuse(int(bad[0]), name, "a finite number")
        return numbers

    def whole(self, name: str, least: int | None = None) -> np.ndarray:
        """A column of whole numbers, (N,) int64, none below ``least``.

        Raises:
            InputError: naming the first line that is wrong.
        """
        words = self.words(name)
        for row, word in enumerate(words):
            if not _WHOLE.fullmatch(word) or (least is not None and int(word) < least):
                limit = "" if least is None else f" from {least}"
                self.refuse(row, name, f"a whole number{limit}")
        return np.array(words, dtype=np.int64)

    def refuse(self, row: int, name: str, expected: str) -> NoReturn:
        """Raise an InputError that names a particle's line and what its column holds."""
        word = self.rows[row][self.columns.index(name)]
        self.text.refuse(f"{word!r} in column {name}", expected, self.line(row))

    def line(self, row: int) -> int:
        """Number in the file of a particle's line; frames end with their particles."""
        return self.text.line - len(self.rows) + 1 + row


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return np.nan
