"""Export to the authors' step scripts: what they read, and that the import gives it all back."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from authors_tables import FEATURES, PUBLISHED, needs_published
from tlsfind import tables
from tlsfind.cli import main
from tlsfind.errors import InputError
from tlsfind.interop import authors_files
from tlsfind.interop.authors import import_authors
from tlsfind.interop.authors_export import energy_order, export_authors, numbering
from tlsfind.learn import labelled
from tlsfind.pairs.keys import KEYS


def pairs_of(glass: str, energies: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """All pairs of minima 0, 1, ... with these energies, as rows of a pairs table."""
    order = np.argsort(energies)
    a, b = np.triu_indices(len(energies), 1)
    frame = pd.DataFrame({"glass": glass, "minimum_a": order[a], "minimum_b": order[b]})
    frame["delta_e"] = energies[order[b]] - energies[order[a]]
    n = len(frame)
    for k in (1, 2, 3):
        frame[f"displacement_{k}"] = rng.uniform(0.1, 0.4, n) / k
    frame["total_displacement"] = rng.uniform(0.3, 0.9, n)
    frame["participation_ratio"] = rng.uniform(1.0, 9.0, n)
    frame["distance_1_2"], frame["distance_1_3"] = rng.uniform(0.8, 2.0, (2, n))
    transitions = rng.integers(0, 50, (2, n), dtype=np.int32)
    frame["transitions_ab"], frame["transitions_ba"] = transitions
    return frame.astype({"minimum_a": np.int32, "minimum_b": np.int32})


def with_results(pairs: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The same as rows of a labelled table, some of them double wells."""
    well = rng.uniform(size=len(pairs)) < 0.6
    return pairs.assign(
        preparation_temperature=[float(name[1:].split("-")[0]) for name in pairs["glass"]],
        is_double_well=well,
        quantum_splitting=np.where(well, rng.uniform(1e-4, 1e-2, len(pairs)), np.nan),
        barrier=np.nan,
        unit_system="argon",
    )


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.fixture
def ordered(rng) -> pd.DataFrame:
    """Pairs of two glasses whose minima are numbered by energy, as the authors do."""
    glasses = ["T0.07-0038", "T0.07-148750000"]
    return pd.concat(
        [pairs_of(name, np.arange(7) + rng.uniform(size=7) / 2, rng) for name in glasses],
        ignore_index=True,
    )


def write(frame: pd.DataFrame, path: Path) -> Path:
    labelled.write(frame, path, 3, seed=1)
    return path


def again(folder: Path, name: str) -> pd.DataFrame:
    """What the import makes of an export."""
    import_authors(folder, folder / "again")
    return tables.read(folder / "again" / name)


def test_round_trip_of_labelled_pairs(tmp_path, ordered, rng):
    path = write(with_results(ordered, rng), tmp_path / "labelled.parquet")
    (report,) = export_authors(tmp_path / "out", [path])
    assert report.label == "T007"
    assert report.renumbered == 0
    expected = tables.read(path)
    assert 0 < expected["is_double_well"].sum() < len(expected)
    found = again(tmp_path / "out", "labelled-T007.parquet")
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_what_the_step_scripts_read(tmp_path, ordered, rng):
    """Keys, features, one label: a column more would be a feature of their models."""
    table = with_results(ordered, rng)
    export_authors(tmp_path, [write(table, tmp_path / "labelled.parquet")])
    classes = pd.read_feather(tmp_path / "MLmodel" / "pretraining-classifier-T007.feather")
    assert set(classes) == {"conf", "i", "j", "class", *FEATURES}
    assert set(classes["class"]) == {0, 1}
    assert classes["conf"].unique().tolist() == [38, 148750000]
    for theirs, ours in {**FEATURES, "i": "minimum_a", "class": "is_double_well"}.items():
        np.testing.assert_array_equal(classes[theirs], table[ours].astype(float), err_msg=theirs)
    targets = pd.read_feather(tmp_path / "MLmodel" / "pretraining-predictor-T007.feather")
    assert set(targets) == {"conf", "i", "j", "target_feature", *FEATURES}
    np.testing.assert_array_equal(targets["target_feature"], table["quantum_splitting"].dropna())
    parameters = runpy.run_path(str(tmp_path / "myparams_T007.py"))
    for name in ("pretraining_classifier", "pretraining_predictor"):
        assert (tmp_path / "MLmodel" / parameters[name]).is_file()
    assert parameters["ij_decimals"] == 0  # they then compare numbers, not energies


def test_name_of_the_energy_difference(tmp_path, ordered, rng):
    path = write(with_results(ordered, rng), tmp_path / "labelled.parquet")
    export_authors(tmp_path / "out", [path], energy_column=r"$\Delta E$")
    file = tmp_path / "out" / "MLmodel" / "pretraining-classifier-T007.feather"
    assert r"$\Delta E$" in pd.read_feather(file)
    found = again(tmp_path / "out", "labelled-T007.parquet")
    pd.testing.assert_frame_equal(found, tables.read(path), check_exact=True)


def test_double_well_without_splitting(tmp_path, ordered, rng):
    table = with_results(ordered, rng)
    table.loc[table.index[table["is_double_well"]][:2], "quantum_splitting"] = np.nan
    path = write(table, tmp_path / "labelled.parquet")
    (report,) = export_authors(tmp_path / "out", [path])
    assert report.without_splitting == 2
    assert "2 double wells have no E_qs" in report.lines()[-1]
    found = again(tmp_path / "out", "labelled-T007.parquet")
    pd.testing.assert_frame_equal(found, tables.read(path), check_exact=True)


def test_round_trip_of_verdicts(tmp_path, ordered, rng):
    schema = tables.schema("verdicts")
    table = with_results(ordered, rng)[schema.names]
    table = table.sort_values("is_double_well", ascending=False, kind="stable")
    tables.write(table.reset_index(drop=True), tmp_path / "verdicts.parquet", schema)
    (report,) = export_authors(tmp_path / "out", verdicts=[tmp_path / "verdicts.parquet"])
    folder = tmp_path / "out" / "exact_calculations" / "QS_T007"
    wells = pd.read_csv(folder / "quantum_splitting_T007.csv", index_col=0)
    assert list(wells) == ["conf", "i", "j", "out"]
    assert list(pd.read_csv(folder / "nonDW_T007.csv", index_col=0)) == ["conf", "i", "j"]
    assert sum(report.rows.values()) == len(table)
    found = again(tmp_path / "out", "verdicts-T007.parquet")
    expected = tables.read(tmp_path / "verdicts.parquet")
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_identifiers_become_ranks(tmp_path, rng):
    """With all pairs of a glass the numbers are ranks by energy, and a file says which is which."""
    energies = rng.permutation(9) + 0.5
    pairs = pairs_of("T0.092-0003", energies, rng)
    assert (pairs["minimum_a"] > pairs["minimum_b"]).any()
    schema = tables.schema("pairs", tables.pairs_columns(3))
    tables.write(pairs, tmp_path / "pairs.parquet", schema)
    table = with_results(pairs.sample(12, random_state=1), rng)
    path = write(table, tmp_path / "labelled.parquet")
    (report,) = export_authors(tmp_path / "out", [path], pairs=[tmp_path / "pairs.parquet"])
    assert report.renumbered == 1
    every = pd.read_feather(tmp_path / "out" / "In_data" / "QS_T0092.feather")
    assert set(every) == {"conf", "i", "j", *FEATURES}
    assert len(every) == len(pairs)
    assert (every["i"] < every["j"]).all()
    rank = np.argsort(np.argsort(energies)) + 1
    np.testing.assert_array_equal(every["i"], rank[pairs["minimum_a"]])
    np.testing.assert_array_equal(every["j"], rank[pairs["minimum_b"]])
    names = pd.read_csv(tmp_path / "out" / "minima_T0092.csv").set_index("number")["minimum"]
    found = again(tmp_path / "out", "labelled-T0092.parquet")
    assert not set(found["minimum_a"]) - set(names.index)
    for column in ("minimum_a", "minimum_b"):
        found[column] = found[column].map(names).astype(np.int32)
    pd.testing.assert_frame_equal(found, tables.read(path), check_exact=True)
    assert (every["conf"] == 3).all()


def test_order_of_few_pairs():
    """Not all pairs: some order in which the lower minimum comes first, always the same one."""
    a, b = np.array([9, 2, 2, 7]), np.array([2, 5, 1, 5])
    order = energy_order(a, b).tolist()
    assert sorted(order) == [1, 2, 5, 7, 9]
    assert all(order.index(x) < order.index(y) for x, y in zip(a, b, strict=True))
    assert energy_order(a[::-1], b[::-1]).tolist() == order
    with pytest.raises(InputError, match="in a circle"):
        energy_order(np.array([1, 2, 3]), np.array([2, 3, 1]))


def test_only_crossed_glasses_are_renumbered():
    frame = pd.DataFrame(
        [["T0.1-0000", 0, 4], ["T0.1-0001", 5, 2], ["T0.1-0001", 2, 3]], columns=KEYS
    )
    found = numbering([frame], {})
    assert list(found.of) == ["T0.1-0001"]
    assert found.numbers("T0.1-0000", np.array([4, 0])).tolist() == [4, 0]
    assert found.numbers("T0.1-0001", np.array([5, 3, 2, 5])).tolist() == [1, 3, 2, 1]


def test_several_temperatures(tmp_path, rng):
    names = ["T0.062-0001", "T0.07-0001", "T0.0625-0001"]
    frame = pd.concat([pairs_of(name, np.arange(5.0), rng) for name in names], ignore_index=True)
    path = write(with_results(frame, rng), tmp_path / "labelled.parquet")
    reports = export_authors(tmp_path / "out", [path])
    assert [report.label for report in reports] == ["T0062", "T00625", "T007"]
    for report, name in zip(reports, sorted(names), strict=True):
        found = again(tmp_path / "out", f"labelled-{report.label}.parquet")
        assert set(found["glass"]) == {name}


@pytest.mark.parametrize("t_f", [0.07, 0.062, 0.092, 0.1, 0.5, 0.0625, 1.2, 12.5, 1e-5])
def test_label_of_a_temperature(t_f):
    assert authors_files.temperature(authors_files.label_of(t_f)) == t_f


def test_input_that_does_not_fit(tmp_path, ordered, rng):
    with pytest.raises(InputError, match="no table to export"):
        export_authors(tmp_path / "out")
    table = with_results(ordered, rng)
    other = write(table.assign(unit_system="nip"), tmp_path / "nip.parquet")
    with pytest.raises(InputError, match="E_qs in nip, expected argon"):
        export_authors(tmp_path / "out", [other])
    named = write(table.assign(glass="start:" + table["glass"]), tmp_path / "named.parquet")
    with pytest.raises(InputError, match="expected a name like"):
        export_authors(tmp_path / "out", [named])
    path = write(table, tmp_path / "labelled.parquet")
    with pytest.raises(InputError, match="stands in two of the tables"):
        export_authors(tmp_path / "out", [path, path])
    wide = tmp_path / "pairs.parquet"
    four = ordered[ordered["glass"] == "T0.07-0038"].assign(displacement_4=0.01, distance_1_4=1.0)
    tables.write(four, wide, tables.schema("pairs", tables.pairs_columns(4)))
    with pytest.raises(InputError, match="expected one M"):
        export_authors(tmp_path / "out", [path], pairs=[wide])
    both = tmp_path / "both.parquet"
    tables.write(ordered, both, tables.schema("pairs", tables.pairs_columns(3)))
    with pytest.raises(InputError, match="holds 2 glasses, expected one"):
        export_authors(tmp_path / "out", pairs=[both])
    assert not (tmp_path / "out").exists()


def test_a_table_found_twice(tmp_path, ordered, rng):
    export_authors(tmp_path, [write(with_results(ordered, rng), tmp_path / "l.parquet")])
    name = "pretraining-classifier-T007.feather"
    (tmp_path / name).write_bytes((tmp_path / "MLmodel" / name).read_bytes())
    with pytest.raises(InputError, match=r"found both .*expected one of them"):
        authors_files.find(tmp_path)


def test_command(tmp_path, ordered, rng, capsys):
    path = write(with_results(ordered, rng), tmp_path / "labelled.parquet")
    assert main(["export-authors", str(path), "--output", str(tmp_path / "out")]) == 0
    assert f"pretraining-classifier-T007.feather: {len(ordered)} rows" in capsys.readouterr().out
    json = tmp_path / "counts.json"
    arguments = ["import", "authors", str(tmp_path / "out"), "-o", str(tmp_path / "in")]
    assert main([*arguments, "--json", str(json)]) == 0
    assert f'"kept": {len(ordered)}' in json.read_text()
    assert main(["export-authors", "--output", str(tmp_path / "none")]) == 2
    assert "no table to export" in capsys.readouterr().err


@needs_published
def test_round_trip_of_the_published_tables(tmp_path):
    """import(export(import(published))) is import(published), to the last bit."""
    import_authors(PUBLISHED, tmp_path / "in")
    names = ["labelled-T007", "verdicts-T007", "verdicts-T0092"]
    files = {name: tmp_path / "in" / f"{name}.parquet" for name in names}
    export_authors(tmp_path / "out", [files[names[0]]], [files[names[1]], files[names[2]]])
    import_authors(tmp_path / "out", tmp_path / "again")
    for name, file in files.items():
        found = tables.read(tmp_path / "again" / f"{name}.parquet")
        pd.testing.assert_frame_equal(found, tables.read(file), check_exact=True, obj=name)
