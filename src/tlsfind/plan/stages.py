"""What every rule of the workflow costs: jobs, core time, memory and disk."""

from __future__ import annotations

from dataclasses import dataclass

from tlsfind.config import Config
from tlsfind.plan import counts
from tlsfind.plan.costs import Costs
from tlsfind.plan.pool import pool


@dataclass(frozen=True)
class StageCost:
    """All jobs of one rule.

    Attributes:
        rule: name of the rule.
        jobs: number of jobs, of a loop of ``loop.max_iterations``.
        seconds: core-seconds of one job, mean.
        memory_mb: resident memory of one job.
        disk_mb: what one job writes.
        threads: of one job.
        jobs_low: number of jobs if the loop ends as soon as it may; None: ``jobs``.
    """

    rule: str
    jobs: int
    seconds: float
    memory_mb: float
    disk_mb: float
    threads: int = 1
    jobs_low: int | None = None

    @property
    def fewest(self) -> int:
        """Number of jobs if the loop ends as soon as it may."""
        return self.jobs if self.jobs_low is None else self.jobs_low

    @property
    def core_hours(self) -> tuple[float, float]:
        """Core-hours of all jobs, for the shortest and the longest loop."""
        hour = self.seconds * self.threads / 3600.0
        return self.fewest * hour, self.jobs * hour

    @property
    def disk(self) -> tuple[float, float]:
        """Megabytes of all jobs, for the shortest and the longest loop."""
        return self.fewest * self.disk_mb, self.jobs * self.disk_mb


def stages(config: Config, minima_per_glass: int | None = None) -> list[StageCost]:
    """The cost of every rule of a run, in the order of the stages.

    Args:
        config: the run.
        minima_per_glass: minima of every glass, where they are known; None: estimated.
    """
    costs = Costs(config, pool(config, minima_per_glass))
    found = []
    for rule, (low, high) in counts.counts(config).items():
        if high:
            job = costs.job(rule)
            found.append(
                StageCost(rule, high, job.seconds, job.memory_mb, job.disk_mb, jobs_low=low)
            )
    return found
