"""Features of labelled pairs for other M than the table's, and particles that move most.

The pairs of a run are computed again from its minima. Published tables come without minima; of
these only the first displacements can be taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from tlsfind import tables
from tlsfind.config import Model
from tlsfind.errors import InputError
from tlsfind.interop.native import Minima, open_minima
from tlsfind.learn.labelled import Labelled
from tlsfind.pairs.features import PairGeometry, geometry_names


def of_glasses(
    table: Labelled, landscapes: Path
) -> Iterator[tuple[np.ndarray, Minima, np.ndarray, np.ndarray]]:
    """The pairs of each glass with its minima.

    Args:
        table: the pairs.
        landscapes: folder ``landscape`` of the run.

    Yields:
        Rows of the pairs in the table, the minima, and the row in these of minimum a and b.

    Raises:
        InputError: the minima of a glass are missing or damaged, or lack one of a pair.
    """
    for glass in np.unique(table.glasses.astype(str)):
        rows = np.flatnonzero(table.glasses == glass)
        minima = open_minima(landscapes / glass / "minima.npz")
        place = pd.Series(np.arange(len(minima)), index=minima.minimum)
        ends = []
        for name in ("minimum_a", "minimum_b"):
            found = place.reindex(table.frame[name].to_numpy()[rows])
            if found.isna().any():
                raise InputError(
                    f"{minima.source} lacks minimum {found.index[found.isna()][0]} of a labelled "
                    "pair, expected the landscapes of the run that made the table"
                )
            ends.append(found.to_numpy(dtype=np.int64))
        yield rows, minima, ends[0], ends[1]


def wide(
    table: Labelled, particles: int, landscapes: Path | None, model: Model | None = None
) -> pd.DataFrame:
    """Features of the pairs for M = ``particles``, or for the table's M if that is not less.

    Args:
        table: the pairs, n rows.
        particles: M.
        landscapes: folder ``landscape`` of the run; None: the table's M is all there is.
        model: of the run, which knows what particles are identical; None: all differ.

    Raises:
        InputError: as for :func:`of_glasses`, or a glass has fewer particles than M.
    """
    frame = table.frame[table.features]
    if landscapes is None or particles <= table.particles:
        return frame
    names = geometry_names(particles)
    values = np.empty((len(frame), len(names)))
    for rows, minima, a, b in of_glasses(table, landscapes):
        used, places = np.unique(np.concatenate([a, b]), return_inverse=True)
        types = None if model is None else model.identical(minima.types)
        geometry = PairGeometry(
            (minima.positions[k] for k in used), minima.box, particles, types, count=len(used)
        )
        values[rows] = geometry.features(places[: len(rows)], places[len(rows) :]).T
    made = pd.DataFrame(values, columns=names, index=frame.index)
    rest = frame[[name for name in frame.columns if name not in names]]
    return pd.concat([made, rest], axis=1)[tables.feature_names(particles)]
