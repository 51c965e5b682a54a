"""What is refused of training rows, and what is done otherwise with a note."""

import numpy as np
import pandas as pd
import pytest

from tlsfind.errors import TrainingError
from tlsfind.learn import checks


def frame(**columns) -> pd.DataFrame:
    return pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [4, 5, 6], **columns})


def test_good_features_come_back_as_float_in_a_plain_index():
    found = checks.checked(frame().set_index(pd.Index([7, 8, 9])))
    pd.testing.assert_frame_equal(found, frame().astype(float))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_counted_and_named(value):
    bad = frame(z=[0.0, value, 1.0], x=[value, value, 3.0])
    message = (
        r"^2 of 3 training rows are NaN or infinite in the feature\(s\) x, z; expected finite "
        "numbers in the pairs tables$"
    )
    with pytest.raises(TrainingError, match=message):
        checks.checked(bad)


def test_features_that_never_differ():
    with pytest.raises(TrainingError, match="every feature has one value over all 3 training rows"):
        checks.checked(frame(x=[1.0] * 3, y=[2.0] * 3))
    with pytest.raises(TrainingError, match="every feature has one value over all 0 training rows"):
        checks.checked(frame()[:0])
    checks.checked(frame(x=[1.0] * 3))  # one that does is enough


def test_constant_features_are_a_note():
    data = checks.checked(frame(z=[0.0] * 3, w=[3] * 3))
    assert checks.constant_features(data) == ["feature(s) z, w constant over 3 rows, not used"]
    assert checks.constant_features(checks.checked(frame())) == []


def test_targets():
    np.testing.assert_array_equal(checks.checked_target([0, 1, 1]), [0, 1, 1])
    with pytest.raises(TrainingError, match="2 of 4 training rows have no finite value to learn"):
        checks.checked_target(np.array([1.0, np.nan, 2.0, np.inf]))
    with pytest.raises(TrainingError, match=r"all 5 training rows have the same value 2\.5, there"):
        checks.checked_target(np.full(5, 2.5))
    with pytest.raises(TrainingError, match="all 3 training rows have the same value 1, there is"):
        checks.checked_target(np.ones(3, dtype=int))


GLASSES = np.repeat([f"g{k}" for k in range(6)], 10)


def test_folds_of_glasses():
    labels = np.arange(60) % 2
    fold, note = checks.glass_folds(labels, GLASSES, 3, 1, "binary")
    assert note is None
    for glass in np.unique(GLASSES):
        assert len(np.unique(fold[glass == GLASSES])) == 1
    assert np.bincount(fold).tolist() == [20, 20, 20]
    values, note = checks.glass_folds(np.arange(60.0), GLASSES, 3, 1, "regression")
    assert note is None
    assert np.unique(values).tolist() == [0, 1, 2]


def test_one_glass_falls_back_with_a_note():
    for problem in ("binary", "regression"):
        found = checks.glass_folds(np.arange(8) % 2, np.full(8, "A"), 3, 1, problem)
        assert found == (None, "all 8 rows are of one glass: folds by row, not by glass")


def test_a_fold_of_one_class_falls_back_with_a_note():
    """All double wells in one glass: some fold has none, whatever the deal."""
    labels = (GLASSES == "g2").astype(int)
    found = checks.glass_folds(labels, GLASSES, 3, 1, "binary")
    assert found == (None, "a fold of whole glasses has one class only: folds by row")
    # values have no classes
    fold, note = checks.glass_folds(labels, GLASSES, 3, 1, "regression")
    assert note is None
    assert fold is not None


def test_unknown_glasses_are_an_error_not_a_fallback():
    with pytest.raises(TrainingError, match=r"learn.split is glass, but the glasses .* not given"):
        checks.glass_folds(np.arange(8) % 2, None, 3, 1, "binary")
