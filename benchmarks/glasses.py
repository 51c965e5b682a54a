"""Glasses to measure on, made by the stages of the project and kept from run to run.

A glass has some configurations of its dynamics, from which quenches start, and the minima that a
short exploration finds.
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from tlsfind.config import Config, parse
from tlsfind.configuration import Configuration
from tlsfind.engine import State, make_engine
from tlsfind.interop.native import Minima, load_glass, open_minima
from tlsfind.pairs.features import PairGeometry

T_F = 0.092
STARTS = 20
STEPS_BETWEEN_STARTS = 200
#: Displacements d between which a pair may be a double well.
CLOSEST, FARTHEST = 0.2, 1.5


@dataclass(frozen=True)
class Recipe:
    """How a glass is made.

    Attributes:
        particles: N.
        blocks: of the equilibration.
        steps: time steps of the exploration.
        quench_every: time steps between its quenches.
        temperature: of the exploration.
    """

    particles: int
    blocks: int
    steps: int
    quench_every: int
    temperature: float = 0.04

    def config(self, folder: Path) -> Config:
        """The config of the stages."""
        return parse(
            {
                "run": {"name": "bench", "output": str(folder)},
                "model": {"n_particles": self.particles},
                "glasses": [{"preparation_temperature": T_F}],
                "prepare": {"blocks": self.blocks, "melt_blocks": min(self.blocks, 300)},
                "explore": {
                    "trajectories": 1,
                    "temperature": self.temperature,
                    "steps": self.steps,
                    "quench_every": self.quench_every,
                },
            }
        )


@dataclass(frozen=True)
class Glass:
    """A glass, in its folder.

    Attributes:
        folder: where its files are.
        config: of the stages that made it.
    """

    folder: Path
    config: Config

    @cached_property
    def _loaded(self) -> tuple[Configuration, np.ndarray]:
        configuration, velocities, _ = load_glass(self.folder / "glass.npz")
        return configuration, velocities

    @property
    def configuration(self) -> Configuration:
        """The cold glass, as its dynamics left it."""
        return self._loaded[0]

    @property
    def velocities(self) -> np.ndarray:
        """Velocities (N, 3) of the cold glass."""
        return self._loaded[1]

    @cached_property
    def starts(self) -> np.ndarray:
        """Configurations (S, N, 3) of the dynamics at the temperature of exploration."""
        return np.load(self.folder / "starts.npy")

    @cached_property
    def minima(self) -> Minima:
        """The minima that were found."""
        return open_minima(self.folder / "landscape" / "minima.npz")

    def close_pairs(self, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """At most ``count`` pairs of minima, each (N, 3), the first of lower energy.

        They are spread evenly over the pairs whose displacement d lies in between; if there are
        none, the closest pairs that differ.
        """
        first, second, d = self._pairs
        inside = np.flatnonzero((d > CLOSEST) & (d < FARTHEST))
        if not len(inside):
            inside = np.flatnonzero(d > 0.02)[:count]
        chosen = inside[np.unique(np.linspace(0, len(inside) - 1, count).round().astype(int))]
        places = self.minima.positions
        return [(np.array(places[first[k]]), np.array(places[second[k]])) for k in chosen]

    @cached_property
    def _pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows of all pairs of minima, the first of lower energy, and d, in order of d."""
        minima = self.minima
        order = np.argsort(minima.energies, kind="stable")
        a, b = (order[k] for k in np.triu_indices(len(minima), 1))
        geometry = PairGeometry(minima.positions, minima.box, 1)
        d = geometry.features(a, b)[1]
        turn = np.argsort(d, kind="stable")
        return a[turn], b[turn], d[turn]


def load_or_make(recipe: Recipe, cache: Path) -> Glass:
    """The glass of ``recipe``, which is made unless the cache has it."""
    folder = cache / f"N{recipe.particles}"
    glass = Glass(folder, recipe.config(folder))
    content = json.dumps(asdict(recipe))
    done = folder / "recipe.json"
    if not done.is_file() or done.read_text() != content:
        print(f"making a glass of {recipe.particles} particles", file=sys.stderr, flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        _make(glass)
        done.write_text(content)
    return glass


def _make(glass: Glass) -> None:
    from tlsfind.explore.stage import explore
    from tlsfind.landscape.stage import landscape
    from tlsfind.prepare.stage import prepare

    config, folder = glass.config, glass.folder
    name = config.glass_names[0]
    prepare(config, name, folder)
    explore(config, name, folder / "glass.npz", 0, folder / "block-0")
    landscape(config, name, [folder / "block-0"], folder / "landscape")
    engine = make_engine(glass.configuration, config)
    state = State(glass.configuration.positions.copy(), glass.velocities.copy())
    starts = []
    for _ in range(STARTS):
        engine.run(state, STEPS_BETWEEN_STARTS, config.explore.time_step)
        starts.append(state.positions.copy())
    np.save(folder / "starts.npy", np.array(starts))
