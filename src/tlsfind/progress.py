"""Progress of long work: a bar on a terminal, log lines with the time in a batch job.

Both go to the standard error stream, so that they never mix with results.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager, suppress
from typing import Protocol, TypeVar

LOG_INTERVAL = 30.0  # seconds between two log lines

#: Lines of the log in a batch job, the progress among them.
LOG_LINE = logging.Formatter("%(asctime)s %(levelname)s %(message)s")

#: Called with (done, total) at every step of a progress.
observers: list[Callable[[int, int], None]] = []

Item = TypeVar("Item")


class Advance(Protocol):
    """Reports that some more units of work are done."""

    def __call__(self, n: int = 1) -> None:
        """Report ``n`` more units."""


@contextmanager
def progress(total: int, description: str) -> Iterator[Advance]:
    """Show the progress of ``total`` units of work.

    On an interactive standard error this is a bar. Otherwise it is a log line at most every
    ``LOG_INTERVAL`` seconds and one at the end (none at the end if the work raised).

    Example:
        >>> with progress(len(batches), "pairs") as advance:  # doctest: +SKIP
        ...     for batch in batches:
        ...         work(batch)
        ...         advance()
    """
    shown = _bar if sys.stderr.isatty() else _lines
    with shown(total, description) as advance:
        yield _observed(advance, total) if observers else advance


def _observed(advance: Advance, total: int) -> Advance:
    """``advance`` that tells the observers, too."""
    done = 0

    def tell(n: int = 1) -> None:
        nonlocal done
        done += n
        advance(n)
        for observer in observers:
            observer(done, total)

    for observer in observers:
        observer(0, total)
    return tell


def track(items: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
    """Iterate over ``items`` and show the progress.

    ``total`` is needed only if ``items`` has no length.
    """
    if total is None:
        if not isinstance(items, Sized):
            raise TypeError("total is needed to track an iterable without a length")
        total = len(items)
    with progress(total, description) as advance:
        for item in items:
            yield item
            advance()


@contextmanager
def _bar(total: int, description: str) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as bar:
        task = bar.add_task(description, total=total)

        def advance(n: int = 1) -> None:
            bar.advance(task, n)

        yield advance


@contextmanager
def _lines(
    total: int, description: str, clock: Callable[[], float] = time.monotonic
) -> Iterator[Advance]:
    begin = last = clock()
    done = 0

    def advance(n: int = 1) -> None:
        nonlocal done, last
        done += n
        now = clock()
        if now - last >= LOG_INTERVAL and done < total:
            last = now
            share = f" ({100 * done / total:.0f} %)" if total else ""
            _log(f"{description}: {done} of {total}{share} after {now - begin:.0f} s")

    yield advance
    _log(f"{description}: {done} of {total} done in {clock() - begin:.1f} s")


def _log(line: str) -> None:
    """Write a line as the log's lines are, whether or not the caller set up a log."""
    record = logging.LogRecord("tlsfind", logging.INFO, __file__, 0, line, None, None)
    with suppress(OSError):  # a full disk under the log must not end the work
        print(LOG_LINE.format(record), file=sys.stderr, flush=True)
