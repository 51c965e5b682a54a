"""Import of the authors' tables: columns, layouts and labels of synthetic files, with faults."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from authors_folder import BELOW, PAIRS, WELLS, as_predictor, dropped, put, put_verdicts, synthetic

from authors_tables import FEATURES
from tlsfind import tables
from tlsfind.errors import InputError
from tlsfind.interop import authors_files
from tlsfind.interop.authors import import_authors, read_authors
from tlsfind.learn import labelled


def test_every_column_arrives(tmp_path, classifier, predictor):
    table = read_authors(put(tmp_path, classifier, predictor), "T0062")
    frame, report = table.frame, table.report
    assert list(frame) == [name for name, _, _ in tables.labelled_columns(3)]
    for theirs, ours in {**FEATURES, "i2": "minimum_a", "j2": "minimum_b"}.items():
        np.testing.assert_array_equal(frame[ours], classifier[theirs], err_msg=ours)
    assert frame["glass"].tolist() == ["T0.062-0003"] * 6 + ["T0.062-148750000"] * 6
    assert frame["is_double_well"].tolist() == [True] * WELLS + [False] * (PAIRS - WELLS)
    np.testing.assert_array_equal(
        frame["quantum_splitting"][:WELLS], predictor["quantum_splitting"]
    )
    assert frame["quantum_splitting"][WELLS:].isna().all()
    assert frame["barrier"].isna().all()
    assert set(frame["unit_system"]) == {"argon"}
    assert set(frame["preparation_temperature"]) == {0.062}
    assert table.particles == 3
    assert (report.kept, report.double_wells, report.with_splitting, report.tls) == (
        PAIRS,
        WELLS,
        WELLS,
        BELOW,
    )
    assert [file.rows for file in report.files] == [PAIRS, WELLS]
    assert not dropped(table)
    assert not report.notes


def test_written_table_is_a_labelled_table(tmp_path, classifier, predictor):
    folder = put(tmp_path, classifier, predictor)
    (report,) = import_authors(folder, tmp_path / "out")
    path = tmp_path / "out" / report.table
    assert path.name == "labelled-T0062.parquet"
    assert tables.metadata(path)["table"] == "labelled"
    read = labelled.read(path)
    assert read.particles == 3
    assert read.unit_system == "argon"
    assert read.features == tables.feature_names(3)
    expected = read_authors(folder, "T0062").frame
    pd.testing.assert_frame_equal(read.frame, expected, check_dtype=False)


@pytest.mark.parametrize("particles", [1, 2, 5])
def test_number_of_displacements(tmp_path, particles):
    frame = synthetic(particles)
    table = read_authors(put(tmp_path, frame, as_predictor(frame)), "T0062")
    assert table.particles == particles
    assert list(table.frame) == [name for name, _, _ in tables.labelled_columns(particles)]
    last = table.frame[f"displacement_{particles}"]
    np.testing.assert_array_equal(last, frame[f"displacement_{particles - 1}"])


def test_files_of_different_numbers_of_displacements(tmp_path, predictor):
    table = read_authors(put(tmp_path, synthetic(5), predictor), "T0062")
    assert table.particles == 3
    assert "5 and 3 displacements, 3 are kept" in table.report.notes[0]


def test_layout_does_not_matter(tmp_path, classifier, predictor):
    """Order of columns, types, row numbers, no index, no T, glasses as folder names."""
    folders = [tmp_path / name for name in ("plain", "other")]
    for folder in folders:
        folder.mkdir()
    put(folders[0], classifier, predictor)
    kinds = {"i2": "int32", "j2": "int64", "Tij": "int64", "Tji": "Int64", "is_dw": "bool"}
    other = classifier.astype(kinds)[sorted(set(classifier) - {"index", "T"}, reverse=True)]
    other["conf"] = [f"Cnf-{int(conf)}" for conf in classifier["conf"]]
    other.insert(0, "Unnamed: 0", np.arange(PAIRS)[::-1])
    wells = predictor.astype({"i2": "int16", "conf": "int64"}).drop(columns=["T", "i", "j"])
    put(folders[1], other, wells.rename(columns={"quantum_splitting": "target_feature"}))
    one, two = (read_authors(folder, "T0062") for folder in folders)
    pd.testing.assert_frame_equal(one.frame, two.frame)
    assert one.report == two.report


def test_single_precision(tmp_path, classifier, predictor):
    single = dict.fromkeys(("T", "PR", "Delta_E", "Tij"), "float32")
    table = read_authors(put(tmp_path, classifier.astype(single), predictor), "T0062")
    assert set(table.frame["preparation_temperature"]) == {0.062}
    assert table.frame["glass"][0] == "T0.062-0003"


@pytest.mark.parametrize("kind", ["classifier", "predictor"])
def test_unknown_columns_are_named(tmp_path, classifier, predictor, kind):
    frames = {"classifier": classifier, "predictor": predictor}
    frames[kind] = frames[kind].assign(q_6=1.0, displacement_7=0.1)
    put(tmp_path, **frames)
    with pytest.raises(InputError, match=rf"{kind}-T0062.feather has the unknown .*q_6") as error:
        read_authors(tmp_path, "T0062")
    assert "displacement_7" in str(error.value)
    assert "known here are Delta_E" in str(error.value)


@pytest.mark.parametrize(
    ("kind", "without", "named"),
    [
        ("classifier", ["PR"], "PR"),
        ("classifier", ["0to2"], "0to2"),
        ("classifier", ["displacement_0"], "displacement_0"),
        ("classifier", ["is_dw"], "is_dw"),
        ("classifier", ["conf"], "conf"),
        ("predictor", ["quantum_splitting", "Tij"], "Tij, quantum_splitting"),
        ("predictor", ["i2", "i"], "i2 and j2"),
        ("predictor", [f"displacement_{k}" for k in range(3)], "displacement_0"),
    ],
)
def test_missing_columns_are_named(tmp_path, classifier, predictor, kind, without, named):
    frames = {"classifier": classifier, "predictor": predictor}
    frames[kind] = frames[kind].drop(columns=without)
    put(tmp_path, **frames)
    with pytest.raises(InputError, match=rf"{kind}-T0062.feather .*lacks .*{named}"):
        read_authors(tmp_path, "T0062")


def test_two_spellings_of_a_label(tmp_path, classifier, predictor):
    put(tmp_path, classifier.assign(**{"class": 1}), predictor)
    with pytest.raises(InputError, match="is_dw and class, expected one"):
        read_authors(tmp_path, "T0062")


def test_column_that_holds_no_numbers(tmp_path, classifier, predictor):
    expected = read_authors(put(tmp_path, classifier, predictor), "T0062").frame
    put(tmp_path, classifier.assign(i="names", j="of files"), predictor)
    pd.testing.assert_frame_equal(read_authors(tmp_path, "T0062").frame, expected)
    put(tmp_path, classifier.assign(PR=[[1.0]] * PAIRS), predictor)
    with pytest.raises(InputError, match=r"column PR of .* holds .* expected numbers"):
        read_authors(tmp_path, "T0062")


def test_truncated_feather(tmp_path, classifier, predictor):
    path = put(tmp_path, classifier, predictor) / "pretraining-predictor-T0062.feather"
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(InputError, match=r"predictor-T0062.feather is not a complete Feather"):
        import_authors(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_process_ends_well_after_a_truncated_feather(tmp_path, classifier):
    """With pandas' reader the process aborted at its end, after the message."""
    path = tmp_path / "pretraining-classifier-T0062.feather"
    classifier.to_feather(path)
    path.write_bytes(path.read_bytes()[:-200])
    code = "import sys; from tlsfind.cli import main; sys.exit(main(sys.argv[1:]))"
    arguments = ["import", "authors", str(tmp_path), "--output", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "is not a complete Feather file" in done.stderr


# --- temperatures and labels --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "expected"),
    [("T007", 0.07), ("T0092", 0.092), ("T0062", 0.062), ("T01", 0.1), ("T0.062", 0.062),
     ("T000", None), ("NiP", None), ("007", None)],
)  # fmt: skip
def test_temperature_of_a_label(label, expected):
    assert authors_files.temperature(label) == expected


def test_column_of_temperatures_goes_before_the_label(tmp_path, classifier):
    table = read_authors(put(tmp_path, classifier.assign(T=0.055)), "T0062")
    assert set(table.frame["preparation_temperature"]) == {0.055}
    assert table.frame["glass"][0] == "T0.055-0003"
    assert any("0.055" in note and "0.062" in note for note in table.report.notes)


@pytest.mark.parametrize("values", [[0.062, 0.07] * (PAIRS // 2), [0.0] * PAIRS, [-1.0] * PAIRS])
def test_senseless_temperatures(tmp_path, classifier, values):
    put(tmp_path, classifier.assign(T=values))
    with pytest.raises(InputError, match="expected one positive T_f"):
        read_authors(tmp_path, "T0062")


def test_unknown_temperature(tmp_path, classifier):
    put(tmp_path, classifier.drop(columns="T"), label="NiP")
    with pytest.raises(InputError, match="T_f of label NiP is not known"):
        read_authors(tmp_path, "NiP")
    put(tmp_path, classifier, label="NiP")
    assert read_authors(tmp_path, "NiP").frame["preparation_temperature"][0] == 0.062


def test_folders_without_tables(tmp_path):
    with pytest.raises(InputError, match=r"nowhere does not exist, .*nonDW_LABEL.csv"):
        authors_files.find(tmp_path / "nowhere")
    file = tmp_path / "file.txt"
    file.write_text("text")
    with pytest.raises(InputError, match="is a file, expected a folder"):
        authors_files.find(file)
    with pytest.raises(InputError, match="none of the authors' tables, expected pretraining-"):
        authors_files.find(tmp_path)


def test_label_that_is_not_there(tmp_path, classifier):
    put(tmp_path, classifier)
    with pytest.raises(InputError, match=r"no table of label T007, it has those of T0062"):
        import_authors(tmp_path, tmp_path / "out", "T007")
    put_verdicts(tmp_path, others=[[1, 2, 3]], label="T007")
    with pytest.raises(InputError, match="neither pretraining-classifier-T007"):
        read_authors(tmp_path, "T007")
