"""Evaluation of tables in which something is missing, and what its notes say."""

import numpy as np
import pytest
from made_up_pairs import make_table, run

from tlsfind import tables
from tlsfind.errors import InputError, TrainingError
from tlsfind.evaluate import source as evaluation_input
from tlsfind.learn import labelled


def test_no_tls(fakes):
    frame = make_table()
    frame["quantum_splitting"] += 0.002
    result = run(frame)
    assert result["data"]["tls"] == 0
    assert result["splitting"]["random"]["average_precision_tls"] is None
    assert result["splitting"]["random"]["recall_at_twice_threshold"] is None
    assert result["splitting"]["random"]["r_log"] is not None
    assert result["screen"]["recall_tls"] is None
    assert result["screen"]["grouped"]["share_rescored"] is not None
    expected = "splitting.random.average_precision_tls is null: no TLS among these pairs"
    assert expected in result["notes"]


def test_one_glass(fakes):
    result = run(make_table(glasses=1, pairs=400))
    assert result["classifier"]["random"]["accuracy"] > 0.8
    for name in ("classifier", "splitting", "tls", "screen"):
        assert result[name]["grouped"] is None
    assert any(note.startswith("grouped is null everywhere: all 400") for note in result["notes"])


def test_two_glasses_leave_no_inner_folds_by_glass(fakes):
    result = run(make_table(glasses=2, pairs=300))
    assert result["screen"]["grouped"]["recall_tls"] is not None
    assert any("2 outer folds, because there are 2 glasses" in note for note in result["notes"])
    assert any(note.startswith("screen.grouped, trained without") for note in result["notes"])


def test_double_wells_only(fakes):
    frame = make_table()
    result = run(frame[frame["is_double_well"]])
    assert result["classifier"] is None
    assert result["tls"] is None
    assert result["ensemble"] is None
    assert result["splitting"]["random"]["r_log"] > 0.9
    assert result["screen"]["microseconds_per_pair"] is None
    assert result["screen"]["random"] is None
    reason = "classifier is null: the table has no pairs that are no double wells"
    assert reason in result["notes"]


def test_no_splittings(fakes):
    result = run(make_table().assign(quantum_splitting=np.nan))
    assert result["splitting"] is None
    assert result["classifier"]["grouped"]["accuracy"] > 0.8


def test_nothing_to_train_on(fakes):
    frame = make_table()
    with pytest.raises(InputError, match="nothing to evaluate: the table has no double wells"):
        run(frame[~frame["is_double_well"]])
    with pytest.raises(InputError, match="expected at least 20"):
        run(frame.iloc[:30])


def test_too_few_by_glass_alone(fakes):
    """All other pairs are of one glass, so that none is left where it is held out."""
    frame = make_table()
    frame = frame[frame["is_double_well"] | (frame["glass"] == "g0")]
    result = run(frame)
    assert result["classifier"]["random"]["accuracy"] > 0.5
    assert result["classifier"]["grouped"] is None
    assert any(
        note.startswith("classifier.grouped is null") and "min_double_wells" in note
        for note in result["notes"]
    )


def test_fallbacks_are_reported(fakes):
    fakes.notes, fakes.struck = ["feature(s) x constant, not used"], True
    result = run(make_table())
    assert result["time_limit_struck"] is True
    constant = "classifier.random, trained without fold 1, 2, 3: feature(s) x constant, not used"
    assert constant in result["notes"]
    assert any("time limit: the training was cut short" in note for note in result["notes"])


def test_errors_say_which_training(fakes):
    fakes.error = "the time limit ended before one model"
    with pytest.raises(TrainingError, match="classifier, folds at random, without fold 1: the"):
        run(make_table())


def test_unknown_unit_system():
    table = labelled.check(make_table().assign(unit_system="krypton"), tables.feature_names(3), "t")
    with pytest.raises(InputError, match="'krypton', expected one of argon, nip"):
        evaluation_input.threshold_of(table, None)
