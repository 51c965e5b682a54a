"""The library: which paths enter, in which order, with which features, and the exports."""

import shutil

import numpy as np
import pandas as pd
import pytest

from synthetic_run import KEYS, damage, make_config, make_run
from tlsfind import tables
from tlsfind.config import Model
from tlsfind.configuration import displacements
from tlsfind.errors import InputError
from tlsfind.interop.extxyz import read_extxyz
from tlsfind.interop.native import read_minima
from tlsfind.library.stage import export, library


def build(config, root, standard=True):
    library(
        config,
        root / "loop" / "02" / "paths.parquet",
        root / "standard" / "paths.parquet" if standard else None,
        [root / "pairs" / f"{name}.parquet" for name in config.glass_names],
        root / "landscape",
        root / "library",
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("library") / "results"
    config = make_config(root, {0.092: 3, 0.07: 2})
    truth = make_run(config, minima=35)
    build(config, root)
    return config, root, truth


def solved(root):
    """Every path of the run."""
    loop, standard = root / "loop" / "02" / "paths.parquet", root / "standard" / "paths.parquet"
    return tables.read_many([loop, standard])


def test_double_wells_are_all_and_only_the_double_wells(made):
    config, root, truth = made
    wells = tables.read(root / "library" / "double_wells.parquet")
    every = solved(root)
    assert len(every) == len(truth["paths"]) + len(truth["standard"])
    expected = every[every["status"] == "double_well"]
    assert len(wells) == len(expected) > 50
    assert set(wells[KEYS].itertuples(index=False, name=None)) == set(
        expected[KEYS].itertuples(index=False, name=None)
    )
    assert wells["quantum_splitting_argon"].is_monotonic_increasing
    names = tables.schema("x", tables.library_columns(3, config.unit_systems)).names
    assert list(wells.columns) == names


def test_features_are_those_of_the_pair(made):
    config, root, truth = made
    wells = tables.read(root / "library" / "double_wells.parquet")
    known = truth["pairs"].set_index(KEYS)
    for row in wells.to_dict("records"):
        pair = known.loc[tuple(row[key] for key in KEYS)]
        for name in tables.feature_names(config.pairs.particles):
            assert row[name] == pair[name]


def test_tls_are_below_the_threshold_of_the_loops_units(made):
    config, root, _ = made
    wells = tables.read(root / "library" / "double_wells.parquet")
    tls = tables.read(root / "library" / "tls.parquet")
    below = wells[wells["quantum_splitting_argon"] < 0.0015]
    assert 0 < len(tls) < len(wells)
    pd.testing.assert_frame_equal(tls, below.reset_index(drop=True))
    assert tables.metadata(root / "library" / "tls.parquet")["config_hash"] == config.hash


def test_profiles_survive(made):
    _, root, _ = made
    tls = tables.read(root / "library" / "tls.parquet")
    every = solved(root).set_index(KEYS)
    row = tls.iloc[-1]
    source = every.loc[tuple(row[KEYS])]
    np.testing.assert_array_equal(row["xi"], source["xi"])
    np.testing.assert_array_equal(row["energy"], source["energy"])


def test_each_tls_has_both_configurations(made):
    _, root, _ = made
    tls = tables.read(root / "library" / "tls.parquet")
    stems = {f"{r.glass}_{r.minimum_a}_{r.minimum_b}" for r in tls.itertuples()}
    files = {path.name for path in (root / "library" / "tls").iterdir()}
    assert files == {f"{s}.xyz" for s in stems} | {f"{s}_b.xyz" for s in stems}
    row = tls.iloc[0]
    source = root / "landscape" / row["glass"] / "minima.npz"
    a, b = read_minima(source, [row["minimum_a"], row["minimum_b"]])
    stem = f"{row['glass']}_{row['minimum_a']}_{row['minimum_b']}"
    for wanted, name in ((a, f"{stem}.xyz"), (b, f"{stem}_b.xyz")):
        found = read_extxyz(root / "library" / "tls" / name)
        np.testing.assert_array_equal(found.positions, wanted.positions)
        np.testing.assert_array_equal(found.diameters, wanted.diameters)
        assert found.box == wanted.box
    from ase.io import read

    atoms = read(root / "library" / "tls" / f"{stem}.xyz")
    moved = displacements(a.positions, b.positions, a.box)
    np.testing.assert_allclose(atoms.arrays["displacement"], moved, rtol=1e-15)
    assert atoms.info["quantum_splitting"] == pytest.approx(row["quantum_splitting_argon"])


def test_export_of_a_double_well_in_either_order(made, tmp_path):
    config, root, _ = made
    table = root / "library" / "double_wells.parquet"
    row = tables.read(table).iloc[-1]
    arguments = (config, table, root / "landscape", row["glass"])
    a, b = int(row["minimum_a"]), int(row["minimum_b"])
    first = export(*arguments, a, b, tmp_path / "x" / "well.xyz")
    second = export(*arguments, b, a, tmp_path / "y" / "well.xyz")
    assert [path.name for path in first] == ["well.xyz", "well_b.xyz"]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_export_of_an_unknown_pair_says_where_it_looked(made, tmp_path):
    config, root, _ = made
    table = root / "library" / "tls.parquet"
    with pytest.raises(InputError, match=r"tls\.parquet has no pair of minima 0 and 9999"):
        export(config, table, root / "landscape", "T0.092-0000", 0, 9999, tmp_path / "a.xyz")
    assert not list(tmp_path.iterdir())


def test_no_tls_gives_empty_tables_and_an_empty_folder(tmp_path):
    root = tmp_path / "results"
    config = make_config(root, {0.092: 1})
    make_run(config, minima=12, tls=False)
    build(config, root, standard=False)
    assert len(tables.read(root / "library" / "tls.parquet")) == 0
    assert len(tables.read(root / "library" / "double_wells.parquet")) > 0
    assert list((root / "library" / "tls").iterdir()) == []


def test_configurations_of_an_earlier_library_are_gone(made):
    config, root, _ = made
    stale = root / "library" / "tls" / "T0.5-0000_1_2.xyz"
    stale.write_text("old")
    before = (root / "library" / "double_wells.parquet").read_bytes()
    build(config, root)
    assert not stale.exists()
    assert (root / "library" / "double_wells.parquet").read_bytes() == before


def test_a_double_well_without_its_pair_is_named(made, tmp_path):
    config, root, _ = made
    paths, pairs = root / "loop" / "02" / "paths.parquet", root / "pairs" / "T0.092-0000.parquet"
    with pytest.raises(InputError, match=r"02/paths\.parquet are in none of the 1 pairs tables"):
        library(config, paths, None, [pairs], root / "landscape", tmp_path / "library")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["loop/02/paths.parquet", "standard/paths.parquet", "pairs/T0.07-0001.parquet"]
)
def test_a_damaged_table_is_named_and_nothing_written(made, tmp_path, name):
    config, root, _ = made
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    shutil.rmtree(copy / "library")
    damage(copy / name)
    with pytest.raises(InputError, match=f"{name} is damaged: .") as caught:
        build(config, copy)
    assert "\n" not in str(caught.value)
    assert not (copy / "library").exists()


def test_a_file_in_the_place_of_the_folder(made, tmp_path):
    config, root, _ = made
    output = tmp_path / "library"
    output.touch()
    paths, pairs = root / "loop" / "02" / "paths.parquet", (root / "pairs").glob("*.parquet")
    with pytest.raises(InputError, match="library is a file, expected a folder"):
        library(config, paths, None, list(pairs), root / "landscape", output)


def test_exported_identical_particles_belong_together(made, tmp_path):
    """Line i of both files is the same particle or its twin, and the displacement leads there."""
    config, root, _ = made
    species = {"A": {"share": 0.9}, "B": {"share": 0.1}}
    mixture = {"species": species, "commands": "pair_style lj/cut 2.5"}
    config = config.model_copy(update={"model": Model(lammps=mixture)})
    copy = tmp_path / "landscape"
    shutil.copytree(root / "landscape", copy)
    row = tables.read(root / "library" / "double_wells.parquet").iloc[0]
    source = copy / row["glass"] / "minima.npz"
    arrays = dict(np.load(source))
    last = len(arrays["diameters"]) - 1
    types = np.repeat([1, 2], [last, 1])
    a, b = (int(np.flatnonzero(arrays["minimum"] == row[m])[0]) for m in KEYS[1:])
    arrays["positions"][b, :last] = np.roll(arrays["positions"][b, :last], 1, axis=0)
    np.savez(source, **{**arrays, "types": types, "diameters": np.ones(last + 1)})
    ends = (int(row["minimum_a"]), int(row["minimum_b"]))
    table = root / "library" / "double_wells.parquet"
    files = export(config, table, copy, row["glass"], *ends, tmp_path / "well.xyz")
    first, second = (np.loadtxt(file, skiprows=2, usecols=(1, 2, 3, 5, 6, 7)) for file in files)
    moved = first[:, 3:]
    np.testing.assert_allclose(second[:, 3:], -moved, atol=1e-12)
    by_line = displacements(first[:, :3], second[:, :3], float(arrays["box"]))
    np.testing.assert_allclose(moved, by_line, atol=1e-9)
    by_number = displacements(arrays["positions"][a], arrays["positions"][b], float(arrays["box"]))
    assert np.linalg.norm(moved) < 0.9 * np.linalg.norm(by_number)
