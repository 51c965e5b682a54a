"""The authors' tables of the same pairs, without a fault."""

from __future__ import annotations

import pandas as pd
import pytest
from authors_folder import as_predictor, synthetic


@pytest.fixture
def classifier() -> pd.DataFrame:
    return synthetic()


@pytest.fixture
def predictor(classifier) -> pd.DataFrame:
    return as_predictor(classifier)
