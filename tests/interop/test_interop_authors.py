"""Import of the authors' tables: synthetic files with every fault, and the published ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from authors_tables import FEATURES, PUBLISHED, needs_published
from tlsfind import tables
from tlsfind.cli import imports
from tlsfind.errors import InputError
from tlsfind.interop import authors_files
from tlsfind.interop.authors import import_authors, read_authors, read_verdicts
from tlsfind.learn import labelled
from tlsfind.pairs.keys import KEYS

PAIRS, WELLS = 12, 7
BELOW = 3  # E_qs below the threshold


def synthetic(particles: int = 3, seed: int = 5) -> pd.DataFrame:
    """Pairs of the authors' classifier table, the first ``WELLS`` being double wells."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {f"displacement_{k}": rng.uniform(0.1, 0.2, PAIRS) / (k + 1) for k in range(particles)}
    )
    frame["Delta_E"] = rng.uniform(0.001, 0.1, PAIRS)
    frame["i"] = 0.2 + 1e-4 * np.arange(PAIRS)
    frame["j"] = frame["i"] + frame["Delta_E"] / 1500
    for k in range(1, particles):
        frame[f"0to{k}"] = rng.uniform(0.8, 3.0, PAIRS)
    frame["total_displacement"] = rng.uniform(0.3, 0.6, PAIRS)
    frame["PR"] = rng.uniform(1.0, 5.0, PAIRS)
    frame["i2"] = np.arange(1.0, PAIRS + 1)
    frame["j2"] = frame["i2"] + 1 + rng.integers(0, 5, PAIRS)
    frame["Tij"] = rng.integers(0, 300, PAIRS).astype(float)
    frame["Tji"] = rng.integers(0, 300, PAIRS).astype(float)
    frame["T"] = 0.062
    frame["conf"] = np.repeat([3.0, 148750000.0], PAIRS // 2)
    frame["is_dw"] = (np.arange(PAIRS) < WELLS).astype(float)
    frame["index"] = np.arange(PAIRS)
    return frame


def as_predictor(frame: pd.DataFrame) -> pd.DataFrame:
    """The predictor table that belongs to a classifier table."""
    wells = frame[frame["is_dw"] == 1].drop(columns="is_dw").reset_index(drop=True)
    wells["quantum_splitting"] = np.linspace(0.0005, 0.01, len(wells))
    wells.loc[: BELOW - 1, "quantum_splitting"] = [0.0002, 0.0007, 0.00149]
    return wells.assign(index=np.arange(len(wells)))


def put(folder: Path, classifier=None, predictor=None, label: str = "T0062") -> Path:
    """Write feather files; ``None`` leaves a file out."""
    for name, frame in (("classifier", classifier), ("predictor", predictor)):
        if frame is not None:
            frame.to_feather(folder / f"pretraining-{name}-{label}.feather")
    return folder


def put_verdicts(folder: Path, wells=None, others=None, label: str = "T0062") -> Path:
    """Write csv files of (conf, i, j, E_qs) and (conf, i, j), with the authors' row numbers."""
    if wells is not None:
        pd.DataFrame(wells, columns=["conf", "i", "j", "out"]).to_csv(
            folder / f"quantum_splitting_{label}.csv"
        )
    if others is not None:
        pd.DataFrame(others, columns=["conf", "i", "j"]).to_csv(folder / f"nonDW_{label}.csv")
    return folder


@pytest.fixture
def classifier() -> pd.DataFrame:
    return synthetic()


@pytest.fixture
def predictor(classifier) -> pd.DataFrame:
    return as_predictor(classifier)


def dropped(table) -> dict[str, int]:
    """Rows dropped by reason, all files together."""
    return {why: n for file in table.report.files for why, n in file.dropped.items()}


# --- labelled tables ----------------------------------------------------------------------------


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


def test_rows_are_dropped_by_reason(tmp_path, classifier, predictor):
    extra = pd.concat([classifier.iloc[[7]]] * 9, ignore_index=True)
    extra["i2"] = np.arange(100.0, 109)
    extra["j2"] = 200.0
    extra["PR"] += np.arange(9)  # no two alike
    extra.loc[0, "Delta_E"] = np.nan
    extra.loc[1, "PR"] = np.inf
    extra.loc[2, "displacement_2"] = -0.1
    extra.loc[3, "Tij"] = 1.5
    extra.loc[4, "total_displacement"] = 0.9e-3
    extra.loc[5, "j2"] = extra.loc[5, "i2"]
    extra.loc[6, "j2"] = np.nan
    extra.loc[7, "is_dw"] = 0.5
    both = pd.concat([classifier, extra], ignore_index=True)
    table = read_authors(put(tmp_path, both, predictor), "T0062")
    assert table.report.kept == PAIRS + 1
    assert dropped(table) == {
        "glass or minimum is no whole number": 1,
        "both minima are the same": 1,
        "a feature is no finite number": 2,
        "a feature is negative": 1,
        "a transition count is no whole number": 1,
        "d below 0.001, one minimum found twice": 1,
        "the double-well label is neither 0 nor 1": 1,
    }
    with_near = read_authors(tmp_path, "T0062", min_displacement=0.0)
    assert with_near.report.kept == PAIRS + 2


def test_limit_of_displacement_is_exclusive(tmp_path, classifier, predictor):
    least = classifier["total_displacement"].min()
    put(tmp_path, classifier, predictor)
    assert read_authors(tmp_path, "T0062", min_displacement=least).report.kept == PAIRS
    above = read_authors(tmp_path, "T0062", min_displacement=np.nextafter(least, 1))
    assert above.report.kept == PAIRS - 1


@pytest.mark.parametrize("limit", [-1.0, np.nan, np.inf])
def test_senseless_limit(tmp_path, classifier, predictor, limit):
    put(tmp_path, classifier, predictor)
    with pytest.raises(InputError, match="min_displacement is"):
        read_authors(tmp_path, "T0062", min_displacement=limit)


def test_bad_splittings_leave_double_wells_without(tmp_path, classifier, predictor):
    predictor.loc[:3, "quantum_splitting"] = [0.0, -1.0, np.nan, np.inf]
    table = read_authors(put(tmp_path, classifier, predictor), "T0062")
    assert dropped(table) == {"E_qs is no positive number": 4}
    assert table.report.joined == {"double wells without E_qs": 4}
    assert (table.report.double_wells, table.report.with_splitting) == (WELLS, WELLS - 4)
    assert table.frame["is_double_well"][:4].all()
    assert table.frame["quantum_splitting"][:4].isna().all()


def test_pairs_of_the_predictor_alone(tmp_path, classifier, predictor):
    put(tmp_path, classifier.drop(index=[1, 4]).reset_index(drop=True), predictor)
    table = read_authors(tmp_path, "T0062")
    assert table.report.joined == {"double wells of the predictor's file alone": 2}
    assert table.report.with_splitting == WELLS
    assert table.frame["minimum_a"].tolist()[-2:] == [2, 5]
    assert table.frame["quantum_splitting"].iloc[-1] == predictor["quantum_splitting"][4]


def test_splitting_outweighs_the_other_label(tmp_path, classifier, predictor):
    put(tmp_path, classifier.assign(is_dw=(np.arange(PAIRS) < 5) * 1), predictor)
    table = read_authors(tmp_path, "T0062")
    assert table.report.double_wells == WELLS
    counted = {"pairs with E_qs labelled as no double well, taken as double wells": 2}
    assert table.report.joined == counted


def test_duplicates_of_a_key(tmp_path, classifier, predictor):
    """The double well wins, and the first of equals."""
    again = classifier.iloc[[0, 0, 2, 8]].assign(PR=9.0, is_dw=[0.0, 1.0, 1.0, 1.0])
    both = pd.concat([classifier, again], ignore_index=True)
    table = read_authors(put(tmp_path, both, predictor), "T0062")
    assert table.report.kept == PAIRS
    assert dropped(table) == {
        "pair found before": 2,
        "pair found before, there as a double well": 2,
    }
    assert table.frame["participation_ratio"][0] == classifier["PR"][0]
    by_key = table.frame.set_index(KEYS).sort_index()
    assert by_key.loc[("T0.062-148750000", 9)]["is_double_well"].all()


def test_one_pair_under_two_ranks(tmp_path, classifier, predictor):
    again = classifier.iloc[[0, 9]].assign(i2=50.0, j2=60.0)
    other_glass = classifier.iloc[[1]].assign(conf=4.0)  # alike, but no duplicate
    both = pd.concat([classifier, again, other_glass], ignore_index=True)
    table = read_authors(put(tmp_path, both, predictor), "T0062")
    assert table.report.joined["pairs dropped, another pair has the same features"] == 2
    assert table.report.kept == PAIRS + 1
    assert not table.frame.duplicated(KEYS).any()
    assert table.report.with_splitting == WELLS


def test_swapped_ends(tmp_path, classifier, predictor):
    swapped = classifier.copy()
    rows = [0, 10]
    for one, two in (("i2", "j2"), ("i", "j"), ("Tij", "Tji")):
        swapped.loc[rows, one], swapped.loc[rows, two] = (
            classifier.loc[rows, two],
            classifier.loc[rows, one],
        )
    swapped.loc[[0, 10, 3], "Delta_E"] *= -1
    folders = [tmp_path / name for name in ("plain", "swapped")]
    for folder, frame in zip(folders, (classifier, swapped), strict=True):
        folder.mkdir()
        put(folder, frame, predictor)
    expected, table = (read_authors(folder, "T0062") for folder in folders)
    pd.testing.assert_frame_equal(table.frame, expected.frame)
    assert table.report.files[0].changed == {
        "ends swapped, the higher minimum came first": 2,
        "sign of Delta_E taken away": 3,
    }


def test_predictor_alone(tmp_path, predictor):
    table = read_authors(put(tmp_path, predictor=predictor), "T0062")
    assert table.frame["is_double_well"].all()
    assert (table.report.kept, table.report.tls) == (WELLS, BELOW)
    assert "classifier-T0062.feather is missing, so all pairs" in table.report.notes[0]


def test_classifier_alone(tmp_path, classifier):
    table = read_authors(put(tmp_path, classifier), "T0062")
    assert (table.report.double_wells, table.report.with_splitting) == (WELLS, 0)
    assert table.report.tls == 0
    assert "predictor-T0062.feather is missing, so no E_qs" in table.report.notes[0]
    labelled.check(table.frame, tables.feature_names(3), "classifier alone")


def test_label_of_the_other_file(tmp_path, classifier, predictor):
    """A predictor's table may say is_dw, a classifier's quantum_splitting."""
    splitting = np.where(classifier["is_dw"] == 1, 0.001, np.nan)
    only = read_authors(put(tmp_path, classifier.assign(quantum_splitting=splitting)), "T0062")
    assert only.report.tls == only.report.double_wells == WELLS
    put(tmp_path, classifier, predictor.assign(is_dw=[0] + [1] * (WELLS - 1)))
    table = read_authors(tmp_path, "T0062")
    assert dropped(table) == {"not labelled as a double well": 1}


def test_ranks_in_i_and_j(tmp_path, classifier, predictor):
    """Without i2 and j2, whole numbers in i and j are the ranks."""
    expected = read_authors(put(tmp_path, classifier, predictor), "T0062")
    frames = (
        frame.drop(columns=["i", "j"]).rename(columns={"i2": "i", "j2": "j"})
        for frame in (classifier, predictor)
    )
    table = read_authors(put(tmp_path, *frames), "T0062")
    pd.testing.assert_frame_equal(table.frame, expected.frame)


def test_energies_in_i_and_j(tmp_path, classifier, predictor):
    """Without ranks, minima of a glass are numbered by energy, the same in both files."""
    frames = (frame.drop(columns=["i2", "j2"]) for frame in (classifier, predictor))
    table = read_authors(put(tmp_path, *frames), "T0062")
    assert table.report.kept == PAIRS
    assert table.report.with_splitting == WELLS
    assert not table.report.joined
    assert "numbered by energy" in table.report.notes[0]
    glass = table.frame[table.frame["glass"] == "T0.062-0003"]
    energies = np.unique(classifier.loc[:5, ["i", "j"]].to_numpy().round(10))
    for column, theirs in (("minimum_a", "i"), ("minimum_b", "j")):
        expected = 1 + np.searchsorted(energies, classifier.loc[:5, theirs].round(10))
        np.testing.assert_array_equal(glass[column], expected)


def test_energies_join_a_file_without_ranks(tmp_path, classifier, predictor):
    table = read_authors(put(tmp_path, classifier, predictor.drop(columns=["i2", "j2"])), "T0062")
    assert table.report.with_splitting == WELLS
    assert table.report.kept == PAIRS


def test_ranks_and_energies_do_not_join(tmp_path, classifier, predictor):
    put(tmp_path, classifier.drop(columns=["i2", "j2"]), predictor.drop(columns=["i", "j"]))
    with pytest.raises(InputError, match="by rank, another table of this label by energy"):
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


# --- verdicts -----------------------------------------------------------------------------------


def test_verdicts(tmp_path):
    wells = [[3, 1, 2, 0.001], [3, 9, 4, 0.002], [5, 1, 2, 0.0], [3, 1, 2, 0.003], [4, 4, 4, 0.1]]
    others = [[3, 5, 6], [3, 6, 5], [3, 2, 1], [6, 1, 2]]
    table = read_verdicts(put_verdicts(tmp_path, wells, others), "T0062")
    assert table.frame.to_dict("list") == {
        "glass": ["T0.062-0003", "T0.062-0003", "T0.062-0003", "T0.062-0006"],
        "minimum_a": [1, 4, 5, 1],
        "minimum_b": [2, 9, 6, 2],
        "is_double_well": [True, True, False, False],
        "quantum_splitting": pytest.approx([0.001, 0.002, np.nan, np.nan], nan_ok=True),
        "unit_system": ["argon"] * 4,
    }
    assert table.report.files[0].dropped == {
        "both minima are the same": 1,
        "E_qs is no positive number": 1,
        "pair found before": 1,
    }
    assert table.report.files[1].dropped == {"pair found before": 1}
    assert table.report.joined == {
        "pairs of nonDW_T0062.csv dropped, found in quantum_splitting_T0062.csv, "
        "there as a double well": 1
    }
    assert (table.report.double_wells, table.report.tls) == (2, 1)


@pytest.mark.parametrize("kind", ["wells", "others"])
def test_one_file_of_verdicts(tmp_path, kind):
    rows = {"wells": [[1, 2, 3, 0.001]], "others": [[1, 2, 3]]}
    put_verdicts(tmp_path, **{kind: rows[kind]})
    (report,) = import_authors(tmp_path, tmp_path / "out")
    assert report.kept == 1
    assert report.double_wells == (kind == "wells")
    assert "is missing" in report.notes[0]
    assert "no labelled-T0062.parquet" in report.notes[1]
    read = tables.read(tmp_path / "out" / "verdicts-T0062.parquet")
    assert list(read) == [name for name, _, _ in tables.FIXED["verdicts"]]


def test_damaged_verdicts(tmp_path):
    path = put_verdicts(tmp_path, [[1, 2, 3, 0.001], [1, 4, 5, 0.002]]) / (
        "quantum_splitting_T0062.csv"
    )
    whole = path.read_text()
    path.write_text(whole.rsplit(",", 1)[0])  # cut within the last line
    assert dropped(read_verdicts(tmp_path, "T0062")) == {"E_qs is no positive number": 1}
    path.write_text(whole + "9,1,2,3,4,5,6,7\n")
    with pytest.raises(InputError, match="not a complete CSV"):
        read_verdicts(tmp_path, "T0062")
    path.write_text("")
    with pytest.raises(InputError, match="not a complete CSV"):
        read_verdicts(tmp_path, "T0062")
    path.write_text(whole.replace("out", "E_qs"))
    with pytest.raises(InputError, match=r"unknown column\(s\) E_qs and lacks the column\(s\) out"):
        read_verdicts(tmp_path, "T0062")


# --- the command --------------------------------------------------------------------------------


@pytest.fixture
def run():
    """Run ``import ...`` in an app of its own."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(lambda: None)
    imports.register(app)
    return lambda *arguments: CliRunner().invoke(app, ["import", *map(str, arguments)])


def test_command_imports_every_label(tmp_path, run, classifier, predictor):
    put_verdicts(put(tmp_path, classifier, predictor), [[3, 1, 2, 0.001]], [[3, 5, 6]], "T0092")
    result = run("authors", tmp_path, "--output", tmp_path / "out")
    assert result.exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "labelled-T0062.parquet",
        "verdicts-T0092.parquet",
    ]
    shown = result.stdout
    assert f"pretraining-classifier-T0062.feather: {PAIRS} rows, 0 dropped" in shown
    assert f"{WELLS} double wells ({WELLS} with E_qs), {BELOW} TLS (E_qs < 0.0015 eps)" in shown
    assert "there is no verdicts-T0062.parquet" in shown
    one = run("authors", tmp_path, "--output", tmp_path / "one", "--label", "T0092")
    assert one.exit_code == 0
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["verdicts-T0092.parquet"]


def test_command_writes_nothing_without_a_usable_row(tmp_path, run, classifier, predictor):
    put_verdicts(put(tmp_path, classifier, predictor), [[3, 1, 2, 0.001]])
    result = run("authors", tmp_path, "-o", tmp_path / "out", "--min-displacement", "2")
    assert isinstance(result.exception, InputError)
    message = str(result.exception)
    assert "no usable row for labelled-T0062.parquet" in message
    assert f"{PAIRS} rows, {PAIRS} dropped (d below 2" in message
    assert not (tmp_path / "out").exists()


# --- the published tables -----------------------------------------------------------------------


@needs_published
def test_published_labels():
    table = read_authors(PUBLISHED, "T007")
    assert [file.rows for file in table.report.files] == [39065, 23535]
    assert dropped(table) == {"d below 0.001, one minimum found twice": 59}
    report = table.report
    assert (report.kept, report.double_wells, report.tls) == (39006, 23535, 291)
    assert report.with_splitting == 23535
    assert not report.joined
    assert not report.notes
    assert table.frame["glass"].nunique() == 50
    labelled.check(table.frame, tables.feature_names(3), "T007")
    everything = read_authors(PUBLISHED, "T007", min_displacement=0.0).report
    assert (everything.kept, everything.double_wells, everything.tls) == (39065, 23535, 291)


@needs_published
@pytest.mark.parametrize(
    ("label", "wells", "others", "doubles", "tls"),
    [("T007", 4064, 936, 59, 1057), ("T0092", 2697, 1303, 96, 776)],
)
def test_published_verdicts(label, wells, others, doubles, tls):
    """The numbers of paths and of TLS of Table I."""
    report = read_verdicts(PUBLISHED, label).report
    assert [file.rows for file in report.files] == [wells, others]
    assert [dict(file.dropped) for file in report.files] == [{}, {"pair found before": doubles}]
    assert not report.joined
    assert (report.kept, report.double_wells, report.tls) == (wells + others - doubles, wells, tls)


@needs_published
def test_published_verdicts_agree_with_the_labels():
    """Both tables number minima alike, so that they can be joined by their keys."""
    pairs = read_authors(PUBLISHED, "T007").frame
    both = read_verdicts(PUBLISHED, "T007").frame.merge(pairs, on=KEYS, suffixes=("", "_labelled"))
    assert len(both) == 1180
    assert (both["is_double_well"] == both["is_double_well_labelled"]).all()
    known = both["is_double_well"]
    np.testing.assert_allclose(
        both.loc[known, "quantum_splitting"], both.loc[known, "quantum_splitting_labelled"]
    )
