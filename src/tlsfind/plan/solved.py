"""The paths that a run has solved so far: tables, and journals of batches that are at work."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tlsfind.config import Config


@dataclass
class Solved:
    """Numbers of paths.

    Attributes:
        loop: solved by the loop.
        standard: solved by the standard procedure, beside those of the loop.
        double_wells: of both.
        tls: of both.
        journals: paths of batches whose table is not written yet, counted in the others, too.
        damaged: tables that cannot be read.
    """

    loop: int = 0
    standard: int = 0
    double_wells: int = 0
    tls: int = 0
    journals: int = 0
    damaged: list[Path] = field(default_factory=list)


def solved(config: Config, results: Path) -> Solved:
    """Count the paths of a run, whatever state its files are in."""
    unit = config.loop.unit_system
    counter = _Counter(f"quantum_splitting_{unit}", config.unit_systems[unit].tls_threshold)
    total = counter.total
    for k in range(config.loop.max_iterations, -1, -1):  # the last collected table has them all
        last = results / "loop" / f"{k:02d}" / "paths.parquet"
        if last.is_file() and counter.table(last, "loop"):
            first_open = k + 1
            break
    else:
        first_open = 0
    for k in range(first_open, config.loop.max_iterations + 1):
        counter.folder(results / "loop" / f"{k:02d}" / "paths", "loop")
    collected = results / "standard" / "paths.parquet"
    if not (collected.is_file() and counter.table(collected, "standard")):
        counter.folder(results / "standard" / "paths", "standard")
    return total


class _Counter:
    """Adds tables and journals to a total.

    Args:
        column: of E_qs.
        threshold: E_qs below which a double well is a TLS.
    """

    def __init__(self, column: str, threshold: float) -> None:
        self.total = Solved()
        self._column, self._threshold = column, threshold

    def folder(self, folder: Path, where: str) -> None:
        """Count every batch of a folder, from its table or else from its journal."""
        for path in sorted(folder.glob("*.parquet")):
            self.table(path, where)
        for path in sorted(folder.glob("*.parquet.journal")):
            if not path.with_name(path.name.removesuffix(".journal")).is_file():
                rows = _journal(path)
                self.total.journals += len(rows)
                self._add(where, ((row.get("status"), row.get(self._column)) for row in rows))

    def table(self, path: Path, where: str) -> bool:
        """Count the rows of a table; False if it cannot be read."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with path.open("rb") as source:
                table = pq.read_table(source, columns=["status", self._column])
            columns = [table.column(name).to_pylist() for name in ("status", self._column)]
        except FileNotFoundError:  # taken away while we look
            return False
        except (OSError, pa.ArrowException, KeyError, ValueError):
            self.total.damaged.append(path)
            return False
        self._add(where, zip(*columns, strict=True))
        return True

    def _add(self, where: str, rows: Iterable[tuple[Any, Any]]) -> None:
        count = wells = tls = 0
        for status, splitting in rows:
            count += 1
            if status == "double_well":
                wells += 1
                tls += splitting is not None and splitting < self._threshold
        setattr(self.total, where, getattr(self.total, where) + count)
        self.total.double_wells += wells
        self.total.tls += tls


def _journal(path: Path) -> list[dict[str, Any]]:
    """Rows of the whole lines of a journal."""
    from tlsfind.paths.journal import saved_rows

    try:
        return saved_rows(path)
    except OSError:  # taken away while we look
        return []
