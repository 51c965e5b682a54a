"""Features for other M, from minima."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tlsfind import tables
from tlsfind.errors import InputError
from tlsfind.interop.native import Minima, save_minima
from tlsfind.learn.labelled import Labelled
from tlsfind.pairs.features import pair_features
from tlsfind.scans import particles

N, BOX, MINIMA = 40, 4.0, 5


def write_glass(folder, glass, seed):
    """A few random minima with identifiers that are no row numbers."""
    rng = np.random.default_rng(seed)
    start = rng.uniform(0, BOX, (N, 3))
    minima = Minima(
        positions=start + rng.normal(0, 0.1, (MINIMA, N, 3)),
        energies=np.sort(rng.uniform(8, 9, MINIMA)),
        max_forces=np.full(MINIMA, 1e-7),
        minimum=np.array([7, 3, 11, 2, 5], dtype=np.int32),
        diameters=rng.uniform(0.73, 1.62, N),
        box=BOX,
        glass=glass,
        source=glass,
    )
    save_minima(folder / glass / "minima.npz", minima)
    return minima


@pytest.fixture
def run(tmp_path):
    """Labelled pairs of two glasses with M = 2, and their minima."""
    rows, minima = [], {}
    for seed, glass in enumerate(["T0.07-0001", "T0.07-0000"]):
        minima[glass] = of = write_glass(tmp_path, glass, seed)
        for a, b in ((0, 1), (1, 3), (2, 4), (0, 4)):
            found = pair_features(
                of.positions[a], of.positions[b], of.energies[a], of.energies[b], BOX, 2
            )
            keys = {"glass": glass, "minimum_a": of.minimum[a], "minimum_b": of.minimum[b]}
            rows.append({**keys, **found, "transitions_ab": a, "transitions_ba": b})
    table = Labelled(pd.DataFrame(rows), tables.feature_names(2), "argon")
    return tmp_path, table, minima


def test_features_for_more_particles(run):
    landscapes, table, minima = run
    wide = particles.wide(table, 5, landscapes)
    assert list(wide.columns) == tables.feature_names(5)
    for name in table.features:
        np.testing.assert_allclose(wide[name], table.frame[name], rtol=1e-10)
    for k, row in table.frame.iterrows():
        of = minima[row["glass"]]
        a, b = of.row(row["minimum_a"]), of.row(row["minimum_b"])
        alone = pair_features(
            of.positions[a], of.positions[b], of.energies[a], of.energies[b], BOX, 5
        )
        for name, value in alone.items():
            assert wide[name][k] == pytest.approx(value, rel=1e-10)


def test_without_minima_the_table_is_all_there_is(run):
    _, table, _ = run
    assert list(particles.wide(table, 5, None).columns) == tables.feature_names(2)
    assert list(particles.wide(table, 1, run[0]).columns) == tables.feature_names(2)


def test_minima_of_another_run(run):
    landscapes, table, _ = run
    frame = table.frame.assign(minimum_b=4)
    with pytest.raises(InputError, match="lacks minimum 4 of a labelled pair"):
        particles.wide(Labelled(frame, table.features, "argon"), 3, landscapes)
