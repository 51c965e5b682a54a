"""Import of the authors' tables: which rows become pairs, and how both files are joined."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from authors_folder import BELOW, PAIRS, WELLS, dropped, put

from tlsfind import tables
from tlsfind.errors import InputError
from tlsfind.interop.authors import read_authors
from tlsfind.learn import labelled
from tlsfind.pairs.keys import KEYS


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
