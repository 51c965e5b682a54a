"""Pearson's r where it is defined and where it is not."""

import numpy as np
import pytest

from tlsfind.correlation import pearson, pearson_or_none


def test_pearson_of_nothing_is_nan():
    assert np.isnan(pearson(np.array([]), np.array([])))
    assert np.isnan(pearson(np.ones(5), np.arange(5)))
    assert pearson(np.arange(5), 3 - 2 * np.arange(5)) == pytest.approx(-1.0)


def test_none_for_tables():
    assert pearson_or_none(np.ones(5), np.arange(5)) is None
    assert pearson_or_none(np.arange(5), np.arange(5)) == pytest.approx(1.0)
