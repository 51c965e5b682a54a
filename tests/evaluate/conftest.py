"""The made-up models in place of the real ones."""

import pytest
from made_up_pairs import Fakes


@pytest.fixture
def fakes(monkeypatch):
    made = Fakes()
    made.install(monkeypatch)
    return made
