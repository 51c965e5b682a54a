"""How tests are shared among processes, and a small config with any keys changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tlsfind import config
from tlsfind.config import Config


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of a file share its fixtures and stay in one process; the longest begin first."""
    for item in items:
        folder = item.path.parent.name
        item.add_marker(pytest.mark.xdist_group(folder if folder == "workflow" else item.path.stem))
    items.sort(key=lambda item: item.path.parent.name != "workflow")


@pytest.fixture(scope="session")
def make_config() -> Callable[..., Config]:
    """A config with the given keys of the sections ``loop``, ``learn`` and ``paths``."""

    def make(*, seed: int = 1, loop=None, learn=None, paths=None) -> Config:
        return config.parse(
            {
                "run": {"name": "test", "output": "results", "seed": seed},
                "glasses": [{"preparation_temperature": 0.09, "count": 2}],
                "prepare": {"blocks": 20},
                "explore": {"trajectories": 1, "steps": 10, "quench_every": 5},
                "learn": {
                    "rounds": 30,
                    "trees": 10,
                    "folds": 3,
                    "screen_rounds": 40,
                    "pool_sample": 1000,
                    **(learn or {}),
                },
                "loop": {"initial_paths": 300, "paths_per_iteration": 60, **(loop or {})},
                "paths": {"batch": 50, **(paths or {})},
            }
        )

    return make
