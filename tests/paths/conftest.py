"""One small glass, its minima and solved pairs, shared by the tests of real pairs."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tlsfind import config as configuration
from tlsfind import tables
from tlsfind.config import Config
from tlsfind.configuration import displacements
from tlsfind.engine import Engine, make_engine
from tlsfind.explore.stage import explore
from tlsfind.interop.native import Minima, load_minima
from tlsfind.paths.solver import PathResult, solve_path
from tlsfind.prepare.stage import prepare

GLASS = "T0.12-0000"


@dataclass
class RealPairs:
    """Minima of one glass and the paths between consecutive ones.

    Attributes:
        config: of the glass.
        minima: its minima.
        root: folder with <glass>/minima.npz.
        consecutive: pairs (a, b) of minima that followed each other, a the lower.
    """

    config: Config
    minima: Minima
    root: Path
    consecutive: list[tuple[int, int]]

    def engine(self) -> Engine:
        return make_engine(self.minima.configuration(0))

    def positions(self, identifier: int) -> np.ndarray:
        return self.minima.positions[self.minima.row(identifier)]

    def distance(self, a: int, b: int) -> float:
        step = displacements(self.positions(a), self.positions(b), self.minima.box)
        return float(np.linalg.norm(step))

    def solve(self, a, b, **changes) -> PathResult:
        """Solve a pair of identifiers or positions, with changed settings."""
        ends = [self.positions(end) if np.ndim(end) == 0 else end for end in (a, b)]
        settings = self.config.paths.model_copy(update=changes)
        return solve_path(self.engine(), *ends, self.minima.box, settings, self.config.unit_systems)

    @cached_property
    def solved(self) -> list[tuple[int, int, PathResult]]:
        """(a, b, result) of each consecutive pair with the default settings."""
        return [(a, b, self.solve(a, b)) for a, b in self.consecutive]

    def of_status(self, status: str, count: int = 1) -> list[tuple[int, int, PathResult]]:
        """The first ``count`` consecutive pairs of a status; fails if there are fewer."""
        found = [row for row in self.solved if row[2].status == status]
        assert len(found) >= count, f"{len(found)} pairs are {status}, expected {count}"
        return found[:count]

    def double_wells(self, count: int = 4) -> list[tuple[int, int, PathResult]]:
        return self.of_status("double_well", count)


@pytest.fixture(scope="session")
def real(tmp_path_factory) -> RealPairs:
    folder = tmp_path_factory.mktemp("glass")
    config = configuration.parse(
        {
            "run": {
                "name": "paths",
                "output": str(folder),
                "seed": 4,
            },
            "model": {"n_particles": 300},
            "glasses": [{"preparation_temperature": 0.12, "count": 1}],
            "prepare": {
                "blocks": 400,
                "melt_blocks": 100,
                "cooling_time": 10,
                "inherent_structures": 4,
            },
            "explore": {
                "temperature": 0.05,
                "trajectories": 6,
                "trajectories_per_block": 6,
                "steps": 1500,
                "quench_every": 10,
            },
        }
    )
    prepare(config, GLASS, folder / "prepare")
    explore(config, GLASS, folder / "prepare" / "glass.npz", 0, folder / GLASS)
    minima = load_minima(folder / GLASS / "minima.npz")
    visits = tables.read(folder / GLASS / "visits.parquet")
    pairs = set()
    for _, trajectory in visits.groupby("trajectory"):
        seen = trajectory["minimum"].dropna().astype(int).tolist()
        pairs |= {tuple(sorted(pair)) for pair in pairwise(seen)}
    energies = {int(k): e for k, e in zip(minima.minimum, minima.energies, strict=True)}
    ordered = [tuple(sorted(pair, key=energies.get)) for pair in sorted(pairs)]
    real = RealPairs(config, minima, folder, [])
    close = [pair for pair in ordered if pair[0] != pair[1] and real.distance(*pair) < 1.5]
    real.consecutive = close[:30]
    return real
