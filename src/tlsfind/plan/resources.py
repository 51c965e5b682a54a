"""What the rules ask a scheduler for: run time and memory of one job, at the first attempt.

Both come from the same unit costs as the estimate of the whole run, for the largest job of a rule,
with room for slower machines and for glasses fuller than the estimate. The rules multiply by the
attempt. Nothing heavy is imported: the Snakefile asks for this while it is read.

>>> resources = Resources(config)                       # doctest: +SKIP
>>> resources.runtime("explore")                        # minutes  # doctest: +SKIP
>>> resources.memory("pair_features", input.size_mb)    # MB       # doctest: +SKIP
"""

from __future__ import annotations

import math

from tlsfind.config import Config
from tlsfind.plan.costs import Costs, Job
from tlsfind.plan.pool import pool

#: A job may take this many times the estimate: slower cores, a shared node, more minima.
TIME_FACTOR = 4.0
#: Shortest run time asked for, in minutes.
SHORTEST = 10
#: Memory asked for: so many times the estimate, and this many MB for what the scheduler counts
#: besides (file cache of the control group, the shell).
MEMORY_FACTOR, MEMORY_BASE = 1.5, 200.0
#: Memory is asked for in steps of so many MB.
MEMORY_STEP = 100

#: Rules whose input decides, and which input that is. Before it exists the estimated number of
#: minima is taken.
INPUTS = {
    "landscape": "minima.npz of all blocks of the glass",
    "pair_features": "minima.npz of the glass",
    "solve_paths": "the largest minima.npz of all glasses",
    "solve_standard": "the largest minima.npz of all glasses",
    "select_initial": "pairs tables",
    "select_next": "pairs tables",
    "select_standard": "pairs tables",
    "train": "pairs tables",
    "predict": "pairs tables of the job",
    "predict_start": "pairs tables of the job",
    "library": "pairs tables",
    "draw": "pairs tables",
    "draw_scan": "pairs tables",
    "table_one": "pairs tables",
    "table_two": "pairs tables",
    "summary": "pairs tables",
}


class Resources:
    """Run time and memory of the jobs of one run.

    Args:
        config: the run.
    """

    def __init__(self, config: Config) -> None:
        self._costs = Costs(config, pool(config))
        self._jobs: dict[tuple[str, float | None], Job] = {}

    def job(self, rule: str, input_mb: float | None = None) -> Job:
        """The largest job of a rule, without any room.

        Args:
            rule: name of the rule.
            input_mb: size in MB of the input named in :data:`INPUTS`, once it exists; ignored for
                other rules.

        Raises:
            KeyError: there is no such rule.
        """
        key = (rule, input_mb if rule in INPUTS else None)
        if key not in self._jobs:
            self._jobs[key] = self._costs.job(rule, self._costs.fullest(*key))
        return self._jobs[key]

    def runtime(self, rule: str, input_mb: float | None = None) -> int:
        """Minutes to ask for; arguments as for :meth:`job`."""
        return max(SHORTEST, math.ceil(TIME_FACTOR * self.job(rule, input_mb).seconds / 60.0))

    def memory(self, rule: str, input_mb: float | None = None) -> int:
        """MB to ask for; arguments as for :meth:`job`."""
        wanted = MEMORY_FACTOR * self.job(rule, input_mb).memory_mb + MEMORY_BASE
        return MEMORY_STEP * math.ceil(wanted / MEMORY_STEP)
