"""The files of a finished run, read when they are first needed.

The pairs tables are never held in memory: one streamed pass over them (:class:`PairScan`) counts
pairs, fills the histograms of Fig. 6 and collects the transition counts of the solved pairs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from tlsfind import tables
from tlsfind.analysis.statistics import Histogram
from tlsfind.config import Config
from tlsfind.errors import DamagedError, InputError
from tlsfind.interop.native import open_minima
from tlsfind.pairs.keys import KEYS, PairSet, batches

#: Bins of the features whose distribution over all pairs is shown (Fig. 6). Fixed, because the
#: pairs pass by only once. Transitions: 0, 1, 2, 3-4, 5-8, ... up to 2^20.
EDGES: dict[str, np.ndarray] = {
    "transitions": np.array([-0.5, 0.5, 1.5, *(2.0**k + 0.5 for k in range(1, 21))]),
    "delta_e": np.logspace(-6, 2, 65),
    "displacement_1": np.linspace(0.0, 4.0, 161),
    "total_displacement": np.linspace(0.0, 12.0, 121),
}


def fig6_values(
    rows: Mapping[str, Any] | pd.DataFrame,
) -> Iterator[tuple[str, np.ndarray]]:
    """The features of Fig. 6 of a frame, each (n,), by the names of :data:`EDGES`."""
    yield (
        "transitions",
        np.asarray(rows["transitions_ab"], dtype=np.int64)
        + np.asarray(rows["transitions_ba"], dtype=np.int64),
    )
    for name in ("delta_e", "displacement_1", "total_displacement"):
        yield name, np.asarray(rows[name], dtype=np.float64)


@dataclass
class PairScan:
    """What one pass over all pairs gives.

    Attributes:
        pairs: number of pairs of each glass.
        qualifying: pairs of each glass with min(T_ab, T_ba) at the standard procedure's threshold.
        histograms: by preparation temperature and feature, over all pairs.
        solved: keys and transition counts of the solved pairs.
    """

    pairs: dict[str, int] = field(default_factory=dict)
    qualifying: dict[str, int] = field(default_factory=dict)
    histograms: dict[float, dict[str, Histogram]] = field(default_factory=dict)
    solved: pd.DataFrame = field(default_factory=pd.DataFrame)


def scan_pairs(
    files: Mapping[str, Path],
    temperatures: Mapping[str, float],
    solved: pd.DataFrame,
    standard_transitions: int,
    block: int = 100_000,
) -> PairScan:
    """Stream all pairs tables once.

    Args:
        files: the pairs table of each glass.
        temperatures: preparation temperature of each glass.
        solved: keys of the solved pairs.
        standard_transitions: smallest min(T_ab, T_ba) of the standard procedure.
        block: rows in memory at a time.

    Raises:
        InputError: a table is missing or damaged, lacks a column or has pairs of another glass.
    """
    scan = PairScan(pairs=dict.fromkeys(files, 0), qualifying=dict.fromkeys(files, 0))
    for temperature in temperatures.values():
        scan.histograms[temperature] = {name: Histogram(edges) for name, edges in EDGES.items()}
    transitions = ["transitions_ab", "transitions_ba"]
    columns = [*KEYS, "delta_e", "displacement_1", "total_displacement", *transitions]
    wanted = PairSet(solved)
    parts = [pd.DataFrame(columns=[*KEYS, *transitions])]
    glasses = {path: glass for glass, path in files.items()}
    for path, frame in batches(files.values(), columns, block):
        glass = glasses[path]
        _check_glass(frame, glass, path)
        _count(scan, glass, temperatures[glass], frame, standard_transitions)
        found = wanted.contains(frame)
        if found.any():
            parts.append(frame.loc[found, parts[0].columns].astype({"glass": str}))
    filled = [part for part in parts if len(part)]
    scan.solved = pd.concat(filled, ignore_index=True) if filled else parts[0]
    return scan


def _check_glass(frame: pd.DataFrame, glass: str, path: Path) -> None:
    """Check that all pairs of a pairs table are of its glass.

    Raises:
        InputError: some are not.
    """
    for found in frame["glass"].unique():
        if found != glass:
            raise InputError(f"{path} has pairs of glass {found!r}, expected only {glass!r}")


def _count(
    scan: PairScan, glass: str, temperature: float, frame: pd.DataFrame, threshold: int
) -> None:
    scan.pairs[glass] += len(frame)
    least = np.minimum(frame["transitions_ab"].to_numpy(), frame["transitions_ba"].to_numpy())
    scan.qualifying[glass] += int(np.count_nonzero(least >= threshold))
    for name, values in fig6_values(frame):
        scan.histograms[temperature][name].add(values)


class Results:
    """The tables of the run in a folder."""

    def __init__(self, config: Config, root: Path) -> None:
        """Args: config: the run; root: its folder of results.

        Raises:
            InputError: the folder does not exist.
        """
        self.config = config
        self.root = Path(root)
        if not self.root.is_dir():
            raise InputError(f"results folder {root} does not exist")
        self.units = list(config.unit_systems)
        temperatures = (g.preparation_temperature for g in config.glasses for _ in range(g.count))
        self.temperatures = dict(zip(config.glass_names, temperatures, strict=True))

    # ---- glasses and their exploration

    @cached_property
    def glasses(self) -> pd.DataFrame:
        """One row for each glass, with the verdict on its equilibration."""
        return self._gather(lambda glass: [glass / "glass.parquet"], "glasses", "glasses")

    @cached_property
    def equilibration(self) -> pd.DataFrame:
        """The evidence of equilibration of all glasses."""
        return self._gather(
            lambda glass: [glass / "equilibration.parquet"], "glasses", "equilibration"
        )

    @cached_property
    def trajectories(self) -> pd.DataFrame:
        """All trajectories of all glasses."""
        return self._gather(
            lambda glass: [
                glass / f"block-{block}" / "trajectories.parquet"
                for block in self.config.block_names(glass.name)
            ],
            "explore",
            "trajectories",
        )

    @cached_property
    def minima(self) -> dict[str, int]:
        """Number of minima of each glass."""
        return {
            name: tables.open_file(
                self.root / "landscape" / name / "minima.parquet", ["minimum"]
            ).metadata.num_rows
            for name in self.temperatures
        }

    def minimum_energies(self, glass: str) -> np.ndarray:
        """Energy per particle of all minima of a glass, shape (minima,)."""
        table = self.root / "landscape" / glass / "minima.parquet"
        found = tables.read(table, only=["energy_per_particle"])
        return found["energy_per_particle"].to_numpy(dtype=np.float64)

    def _gather(self, files: Callable[[Path], list[Path]], stage: str, table: str) -> pd.DataFrame:
        schema = tables.schema(table)
        paths = [path for name in self.temperatures for path in files(self.root / stage / name)]
        return tables.read_many(paths, schema.names) if paths else _empty(schema)

    # ---- pairs

    @property
    def pair_files(self) -> dict[str, Path]:
        """The pairs table of each glass."""
        return {name: self.root / "pairs" / f"{name}.parquet" for name in self.temperatures}

    @cached_property
    def scan(self) -> PairScan:
        """What one pass over all pairs gives."""
        return scan_pairs(
            self.pair_files,
            self.temperatures,
            self.solved,
            self.config.loop.standard_transitions,
            self.config.pairs.rows_per_block,
        )

    # ---- paths and the loop

    @cached_property
    def final_iteration(self) -> int:
        """The iteration with which the loop ended: the first that says converged, or the last.

        Iterations beyond it, left over from a run with another config, do not count.

        Raises:
            InputError: there is none.
        """
        k = 0
        while self._state_file(k).exists():
            last = k == self.config.loop.max_iterations
            if last or _read_json(self._state_file(k)).get("converged"):
                return k
            k += 1
        if k == 0:
            raise InputError(
                f"{self.root} holds no finished iteration of the loop, expected "
                f"{self._state_file(0)}"
            )
        return k - 1

    def _state_file(self, iteration: int) -> Path:
        return self.root / "loop" / f"{iteration:02d}" / "state.json"

    @property
    def _last(self) -> Path:
        return self.root / "loop" / f"{self.final_iteration:02d}"

    @cached_property
    def state(self) -> dict[str, Any]:
        """The state of the loop after its last iteration."""
        return _read_json(self._last / "state.json")

    @cached_property
    def history(self) -> pd.DataFrame:
        """One row for each iteration."""
        return tables.read(self._last / "history.parquet", tables.schema("history").names)

    @cached_property
    def out_of_fold(self) -> pd.DataFrame:
        """Out-of-fold predictions of the last models."""
        names = tables.schema("out_of_fold").names
        return tables.read(self._last / "model" / "out_of_fold.parquet", names)

    @cached_property
    def loop_paths(self) -> pd.DataFrame:
        """Every path of the loop, without its profile."""
        return self._paths(self._last / "paths.parquet")

    @cached_property
    def standard_paths(self) -> pd.DataFrame:
        """The paths solved for the standard procedure alone; empty if it was not run."""
        path = self.root / "standard" / "paths.parquet"
        if not path.exists():
            return self.loop_paths.iloc[:0]
        return self._paths(path)

    @cached_property
    def standard_selection(self) -> dict[str, Any] | None:
        """How many pairs qualified for the standard procedure and were sampled, if it was run."""
        path = self.root / "standard" / "selection.json"
        return _read_json(path) if path.exists() else None

    def _paths(self, path: Path) -> pd.DataFrame:
        names = tables.schema("paths", tables.paths_columns(self.units)).names
        return tables.read(path, only=[name for name in names if name not in ("xi", "energy")])

    @cached_property
    def solved(self) -> pd.DataFrame:
        """Every pair solved once: the loop's paths, then the standard procedure's own."""
        parts = [frame for frame in (self.loop_paths, self.standard_paths) if len(frame)]
        frame = pd.concat(parts, ignore_index=True) if parts else self.loop_paths
        return frame.drop_duplicates(KEYS, ignore_index=True)

    # ---- library

    @cached_property
    def double_wells(self) -> pd.DataFrame:
        """The library of double wells with features and profiles, by quantum splitting."""
        columns = tables.library_columns(self.config.pairs.particles, self.units)
        names = tables.schema("double_wells", columns).names
        return tables.read(self.root / "library" / "double_wells.parquet", names)

    @cached_property
    def jobs(self) -> pd.DataFrame | None:
        """All attempts of all jobs; None if they were not gathered."""
        path = self.root / "jobs.parquet"
        return tables.read(path, tables.schema("jobs").names) if path.exists() else None

    @cached_property
    def validation(self) -> pd.DataFrame | None:
        """The checks by LAMMPS; None if there were none."""
        path = self.root / "validation.parquet"
        if not self.config.validation.enabled or not path.exists():
            return None
        return tables.read(path, tables.schema("validation").names)

    def is_tls(self, paths: pd.DataFrame, unit: str | None = None) -> np.ndarray:
        """Which paths are TLS in a unit system, by default the loop's: (n,) bool."""
        unit = unit or self.config.loop.unit_system
        threshold = self.config.unit_systems[unit].tls_threshold
        splitting = paths[f"quantum_splitting_{unit}"].to_numpy(dtype=np.float64)
        return (paths["status"] == "double_well").to_numpy(dtype=bool) & (splitting < threshold)

    @property
    def volume(self) -> float:
        """Volume of a glass; all have the same."""
        glass = next(iter(self.pair_files))
        return open_minima(self.root / "landscape" / glass / "minima.npz").box ** 3

    @property
    def particles(self) -> int:
        """Number of particles of a glass; all have the same."""
        return int(self.glasses["n_particles"].iloc[0])

    @cached_property
    def footer(self) -> str:
        """What the figures rest on, in one line."""
        wells = self.solved[self.solved["status"] == "double_well"]
        pairs = sum(tables.open_file(p).metadata.num_rows for p in self.pair_files.values())
        return (
            f"run {self.config.run.name}: {len(self.temperatures):,} glasses of N = "
            f"{self.particles}, {pairs:,} pairs, {len(self.solved):,} paths, "
            f"{len(wells):,} DW, {int(self.is_tls(wells).sum()):,} TLS "
            f"({self.config.loop.unit_system} units)"
        )


def _empty(schema: pa.Schema) -> pd.DataFrame:
    return schema.empty_table().to_pandas()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DamagedError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} holds {type(content).__name__}, expected an object")
    return content
