"""Which minima, double wells and TLS of a run are checked: a random few, spread over the glasses.

The glasses take turns, in random order, until enough are drawn; within a glass the draw is uniform
and without replacement.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tlsfind import seeds, tables
from tlsfind.config import Config
from tlsfind.configuration import Configuration
from tlsfind.interop.native import read_minima

#: Random streams of the stage.
MINIMA, DOUBLE_WELLS, TLS, VELOCITIES = range(4)


@dataclass(frozen=True)
class Stored:
    """A minimum as the run stored it.

    Attributes:
        glass: name of the glass.
        minimum: its identifier.
        configuration: its particles.
        energy: total energy.
        max_force: largest force component.
        key: of the random velocities with which it is left.
    """

    glass: str
    minimum: int
    configuration: Configuration
    energy: float
    max_force: float
    key: tuple[int, ...]


def spread(sizes: dict[str, int], count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Rows to draw from each glass.

    Args:
        sizes: number of rows of each glass.
        count: rows wanted in all; fewer are drawn where there are not so many.
        rng: random generator.

    Returns:
        For each glass sorted row numbers, perhaps none.
    """
    names = list(sizes)
    order = [names[k] for k in rng.permutation(len(names))]
    wanted = dict.fromkeys(names, 0)
    left = min(count, sum(sizes.values()))
    while left:
        for name in order:
            if left and wanted[name] < sizes[name]:
                wanted[name] += 1
                left -= 1
    return {name: np.sort(rng.choice(sizes[name], wanted[name], replace=False)) for name in names}


def draw_minima(config: Config, results: Path, count: int, seed: int | None = None) -> list[Stored]:
    """A sample of the stored minima.

    Args:
        config: the run.
        results: its folder of results.
        count: minima to draw.
        seed: another seed than the run's.

    Raises:
        InputError: a file of the run is missing or damaged.
    """
    seed = config.run.seed if seed is None else seed
    folder = Path(results) / "landscape"
    known = {name: tables.read(folder / name / "minima.parquet") for name in config.glass_names}
    sizes = {name: len(frame) for name, frame in known.items()}
    drawn = spread(sizes, count, seeds.generator(seed, "validate", MINIMA))
    found = []
    for index, (glass, rows) in enumerate(drawn.items()):
        if not len(rows):
            continue
        chosen = known[glass].iloc[rows].to_dict("records")
        identifiers = [int(row["minimum"]) for row in chosen]
        configurations = read_minima(folder / glass / "minima.npz", identifiers)
        for row, configuration in zip(chosen, configurations, strict=True):
            minimum = int(row["minimum"])
            energy, max_force = float(row["energy"]), float(row["max_force"])
            key = (VELOCITIES, index, minimum)
            found.append(Stored(glass, minimum, configuration, energy, max_force, key))
    return found


def draw_pairs(
    config: Config, results: Path, double_wells: int, tls: int, seed: int | None = None
) -> pd.DataFrame:
    """A sample of the library: rows of its table, TLS first, with the column ``tls``.

    Args:
        config: the run.
        results: its folder of results.
        double_wells: double wells to draw that are no TLS.
        tls: TLS to draw, in the units of the loop.
        seed: another seed than the run's.

    Raises:
        InputError: the library is missing or damaged.
    """
    seed = config.run.seed if seed is None else seed
    wells = tables.read(Path(results) / "library" / "double_wells.parquet")
    unit = config.loop.unit_system
    threshold = config.unit_systems[unit].tls_threshold
    wells["tls"] = wells[f"quantum_splitting_{unit}"] < threshold
    parts = [wells.iloc[:0]]
    for kind, count, stream in ((True, tls, TLS), (False, double_wells, DOUBLE_WELLS)):
        own = wells[wells["tls"] == kind]
        grouped = {name: own[own["glass"] == name] for name in config.glass_names}
        sizes = {name: len(frame) for name, frame in grouped.items()}
        drawn = spread(sizes, count, seeds.generator(seed, "validate", stream))
        parts += [grouped[name].iloc[rows] for name, rows in drawn.items() if len(rows)]
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else parts[0]
