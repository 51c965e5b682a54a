"""What AutoGluon says while it works: kept from the terminal, read for time limits that struck.

It also reads the metadata of all installed packages whenever it saves or loads a predictor, some
260 files parsed three times over; here that is done once in a process.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from tlsfind.threads import limit_threads

#: What AutoGluon says when the time limit cuts training short.
_OUT_OF_TIME = (
    "ran out of time",
    "time limit exceeded",
    "time limit reached",
    "not enough time",
    "due to low time",
    "exceeds the maximum time limit",
)


class Messages(logging.StreamHandler):
    """Collects messages. A StreamHandler, so that AutoGluon does not add its own."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.notes: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        self.lines.append(record.getMessage())

    @property
    def out_of_time(self) -> bool:
        """Whether a message says that the time limit struck."""
        text = "\n".join(self.lines).lower()
        return any(phrase in text for phrase in _OUT_OF_TIME)


@cache
def _packages(usual: Any) -> tuple[dict[str, str], list[str]]:
    """Versions of all installed packages, and what could not be read."""
    return usual()


@contextmanager
def _packages_read_once() -> Iterator[None]:
    """Let AutoGluon have the versions of packages from the first time that they were read."""
    from autogluon.common.utils import utils

    usual = utils.get_package_versions

    def known(*, strict: bool = False) -> tuple[dict[str, str], list[str]]:
        """What AutoGluon's function returns, as it was at first."""
        versions, invalid = _packages(usual)
        return dict(versions), list(invalid)

    utils.get_package_versions = known
    try:
        yield
    finally:
        utils.get_package_versions = usual


@contextmanager
def quiet(threads: int = 1) -> Iterator[Messages]:
    """Keep AutoGluon's messages and warnings from the terminal, and OpenMP to ``threads``."""
    import autogluon.tabular  # noqa: F401  (adds its log handler on import)

    logger = logging.getLogger("autogluon")
    handlers, level, propagate = logger.handlers, logger.level, logger.propagate
    messages = Messages()
    logger.handlers, logger.propagate = [messages], False
    try:
        with warnings.catch_warnings(), limit_threads(threads), _packages_read_once():
            warnings.simplefilter("ignore")
            yield messages
    finally:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)
