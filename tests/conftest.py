"""How tests are shared among processes, and a small config with any keys changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tlsfind import config
from tlsfind.config import Config


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest begin first."""
    items.sort(key=lambda item: item.path.parent.name != "workflow")


#: Files of tests/workflow/ whose tests read one run.
READERS = {"test_workflow.py", "test_faults.py", "test_resources.py"}


class ByFixtures(LoadScopeScheduling):
    """The tests of a file stay in one process, and those that read the one run of the workflow.

    xdist's ``loadgroup`` does not do it: it marks groups in a private field of the items that
    pytest 9.2 no longer reads, and each test goes wherever there is time.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return "the workflow" if file.removeprefix("tests/workflow/") in READERS else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFixtures:
    """What deals the tests out to processes."""
    return ByFixtures(config, log)


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
