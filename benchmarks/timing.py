"""Times of several ways to do one thing, measured in turn: A B C, A B C, ...

A machine that is shared, or that changes its clock, is slow and fast for seconds at a time. Ways
that are timed in turn meet the same machine; the ratio of two is therefore taken within each round,
and its median over the rounds is what counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

#: A sample lasts at least so long: as many calls as that takes, up to the limit.
SHORTEST_SAMPLE = 0.05
MOST_CALLS = 1000


@dataclass(frozen=True)
class Times:
    """Seconds of one way.

    Attributes:
        rounds: (R,) seconds per unit of work in each round.
    """

    rounds: np.ndarray

    @property
    def median(self) -> float:
        """Median over the rounds."""
        return float(np.median(self.rounds))

    def over(self, other: Times) -> float:
        """How many times longer ``other`` takes: the median of the rounds' ratios."""
        return float(np.median(other.rounds / self.rounds))

    def numbers(self, unit: str = "seconds") -> dict[str, Any]:
        """Median, lowest and highest round, by ``seconds``, ``milliseconds`` or ``microseconds``.

        A unit may go on with what it is counted by, as in ``microseconds_per_pair``.
        """
        factor = {"seconds": 1.0, "milliseconds": 1e3, "microseconds": 1e6}[unit.split("_")[0]]
        low, high = factor * float(self.rounds.min()), factor * float(self.rounds.max())
        return {unit: factor * self.median, "spread": [low, high], "rounds": len(self.rounds)}


def in_turn(
    ways: Mapping[str, Callable[[], object]],
    rounds: int,
    work: Mapping[str, float] | float = 1.0,
    shortest: float = SHORTEST_SAMPLE,
) -> dict[str, Times]:
    """Time several ways in turn.

    Each is called once before, which warms it up and says how many calls make a sample.

    Args:
        ways: functions without arguments, by name.
        rounds: number of rounds.
        work: units of work in one call, of all ways or of each by name.
        shortest: seconds that a sample lasts at least; 0: one call.
    """
    calls = {name: _calls(way, shortest) for name, way in ways.items()}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            begin = time.perf_counter()
            for _ in range(calls[name]):
                way()
            seconds[name].append((time.perf_counter() - begin) / calls[name])
    units = work if isinstance(work, Mapping) else dict.fromkeys(ways, work)
    return {name: Times(np.array(found) / units[name]) for name, found in seconds.items()}


def _calls(way: Callable[[], object], shortest: float) -> int:
    """Calls that make a sample, after one call that warms the way up."""
    way()
    if shortest <= 0:
        return 1
    begin = time.perf_counter()
    way()
    once = max(time.perf_counter() - begin, 1e-9)
    return min(max(round(shortest / once), 1), MOST_CALLS)


def timed(way: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of one call, and what it returned."""
    begin = time.perf_counter()
    found = way()
    return time.perf_counter() - begin, found
