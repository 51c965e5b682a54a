"""Stage `pairs`: the features of all pairs of minima of a glass, streamed to one table.

Minima are taken in the order of energy (equal energies: of identifiers), so that in every pair
minimum a is the lower one, and the pairs of the first minimum come first. With n minima the pair
of ranks i < j (from 0) is row ``i n - i (i + 1) / 2 + j - i - 1``. Since the row of a pair is
known, transitions are put in their rows with no search per pair. One block of
``pairs.rows_per_block`` rows is in memory at a time. Lengths and ratios are rounded to single
precision, which makes the table half as large; energy differences are exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from tlsfind import tables
from tlsfind.config import Config
from tlsfind.errors import InputError
from tlsfind.interop.native import open_minima, stream_positions
from tlsfind.landscape.stage import check_glass
from tlsfind.pairs.features import PairGeometry, geometry_names
from tlsfind.progress import progress


@dataclass(frozen=True)
class PairOrder:
    """The order of the pairs of n minima.

    Attributes:
        order: (n,) row of the minimum of each energy rank (from 0).
        starts: (n,) row in the pairs table of each rank's first pair.
    """

    order: np.ndarray
    starts: np.ndarray

    @classmethod
    def by_energy(cls, energies: np.ndarray, identifiers: np.ndarray) -> PairOrder:
        """Sort minima by energy (n,), then by identifier (n,)."""
        order = np.lexsort((identifiers, energies))
        rank = np.arange(len(order), dtype=np.int64)
        return cls(order, rank * len(order) - rank * (rank + 1) // 2)

    def __len__(self) -> int:
        return len(self.order) * (len(self.order) - 1) // 2

    def pairs(self, begin: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows of minima a and b, each (end - begin,), of pairs ``begin`` to ``end``."""
        row = np.arange(begin, end, dtype=np.int64)
        i = np.searchsorted(self.starts[:-1], row, side="right") - 1
        return self.order[i], self.order[row - self.starts[i] + i + 1]

    def row(self, rank_a: np.ndarray, rank_b: np.ndarray) -> np.ndarray:
        """Row of the pairs of ranks ``rank_a`` < ``rank_b`` (from 0)."""
        return self.starts[rank_a] + rank_b - rank_a - 1


@dataclass(frozen=True)
class PairTransitions:
    """Transition counts by the row of their pair, sorted by row.

    Attributes:
        rows: (K,) rows of pairs, each with a count from a to b or from b to a.
        ab: (K,) counts from a to b.
        ba: (K,) counts from b to a.
    """

    rows: np.ndarray
    ab: np.ndarray
    ba: np.ndarray

    @classmethod
    def read(
        cls, path: Path, glass: str, order: PairOrder, identifiers: np.ndarray
    ) -> PairTransitions:
        """Read ``transitions.parquet`` of minima with ``identifiers`` (n,).

        Raises:
            InputError: the table is missing, damaged, of another glass, or names an unknown
                minimum.
        """
        columns = [name for name, _, _ in tables.FIXED["transitions"]]
        frame = tables.read(path, columns, only=columns)
        check_glass(path, frame["glass"].unique(), glass)
        rank = np.empty(len(order.order), np.int64)
        rank[order.order] = np.arange(len(order.order))
        place = {int(identifier): int(rank[row]) for row, identifier in enumerate(identifiers)}
        ends = frame[["minimum_from", "minimum_to"]]
        unknown = np.setdiff1d(ends.to_numpy(), identifiers)
        if unknown.size:
            raise InputError(
                f"{path} names minimum {unknown[0]}, which is not among the {len(place)} "
                "minima beside it"
            )
        source = ends["minimum_from"].map(place).to_numpy(np.int64)
        target = ends["minimum_to"].map(place).to_numpy(np.int64)
        count = frame["count"].to_numpy(np.int64)
        moved = source != target
        source, target, count = source[moved], target[moved], count[moved]
        row = order.row(np.minimum(source, target), np.maximum(source, target))
        rows, index = np.unique(row, return_inverse=True)
        upwards = source < target
        return cls(
            rows,
            np.bincount(index, np.where(upwards, count, 0), len(rows)).astype(np.int32),
            np.bincount(index, np.where(upwards, 0, count), len(rows)).astype(np.int32),
        )

    def block(self, begin: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """Counts (end - begin,) from a to b, and from b to a, of pairs ``begin`` to ``end``."""
        low, high = np.searchsorted(self.rows, [begin, end])
        ab = np.zeros(end - begin, np.int32)
        ba = np.zeros(end - begin, np.int32)
        ab[self.rows[low:high] - begin] = self.ab[low:high]
        ba[self.rows[low:high] - begin] = self.ba[low:high]
        return ab, ba


def pairs(config: Config, glass: str, landscape_dir: Path, output: Path) -> None:
    """Write the features of all pairs of a glass.

    Args:
        config: the run's config.
        glass: name of the glass.
        landscape_dir: folder with ``minima.parquet``, ``minima.npz`` and ``transitions.parquet``.
        output: the Parquet file; a glass of fewer than two minima gives a table without rows.

    Raises:
        ConfigError: the config has no such glass.
        InputError: a file is missing or damaged, or the files do not belong together.
    """
    config.glass(glass)
    landscape_dir = Path(landscape_dir)
    particles = config.pairs.particles
    energies, identifiers = _read_minima_table(landscape_dir / "minima.parquet", glass)
    order = PairOrder.by_energy(energies, identifiers)
    transitions = PairTransitions.read(
        landscape_dir / "transitions.parquet", glass, order, identifiers
    )
    geometry = _read_geometry(landscape_dir / "minima.npz", glass, energies, identifiers, config)
    schema = tables.stamped(
        tables.schema("pairs", tables.pairs_columns(particles)), config.hash, config.run.seed
    )
    with (
        tables.writer(output, schema) as out,
        progress(len(order), f"pairs {glass}") as advance,
    ):
        for begin, end in _spans(len(order), config.pairs.rows_per_block):
            first, second = order.pairs(begin, end)
            ab, ba = transitions.block(begin, end)
            features = geometry.features(first, second).astype(np.float32).astype(np.float64)
            columns = {
                "glass": pa.repeat(pa.scalar(glass, pa.string()), end - begin),
                "minimum_a": identifiers[first],
                "minimum_b": identifiers[second],
                "delta_e": energies[second] - energies[first],
                **dict(zip(geometry_names(particles), features, strict=True)),
                "transitions_ab": ab,
                "transitions_ba": ba,
            }
            out.write_table(pa.table(columns, schema=schema))
            advance(end - begin)


def _spans(total: int, size: int) -> Iterator[tuple[int, int]]:
    for begin in range(0, total, size):
        yield begin, min(begin + size, total)


def _read_minima_table(path: Path, glass: str) -> tuple[np.ndarray, np.ndarray]:
    """Energies (n,) and identifiers (n,) of the minima of a glass."""
    columns = ["glass", "minimum", "energy"]
    frame = tables.read(path, columns, only=columns)
    check_glass(path, frame["glass"].unique(), glass)
    energies = frame["energy"].to_numpy(np.float64)
    if not np.isfinite(energies).all():
        raise InputError(f"{path}: energies that are not finite numbers")
    if frame["minimum"].duplicated().any():
        raise InputError(f"{path}: an identifier occurs twice")
    return energies, frame["minimum"].to_numpy(np.int32)


def _read_geometry(
    path: Path, glass: str, energies: np.ndarray, identifiers: np.ndarray, config: Config
) -> PairGeometry:
    """The minima's positions, prepared for pairs, in the order of the minima table.

    Displacements are held in single precision (see :mod:`tlsfind.pairs.features`); the positions
    are read one minimum at a time.
    """
    minima = open_minima(path)
    check_glass(path, [minima.glass], glass)
    if not np.array_equal(minima.minimum, identifiers):
        raise InputError(
            f"{path} holds {len(minima)} minima and minima.parquet beside it {len(identifiers)}, "
            "expected the same identifiers in the same order"
        )
    if not np.array_equal(minima.energies, energies):
        raise InputError(f"{path} and minima.parquet beside it give different energies")
    particles = config.pairs.particles
    types = config.model.identical(minima.types)
    positions = stream_positions(path)
    return PairGeometry(positions, minima.box, particles, types, count=len(minima), single=True)
