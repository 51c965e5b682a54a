"""A plan as numbers and as rows of words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tlsfind.config import Config
from tlsfind.plan import units
from tlsfind.plan.costs import Costs
from tlsfind.plan.paper import Comparison, compare
from tlsfind.plan.pool import Pool, pool
from tlsfind.plan.remarks import duration, remarks, volume
from tlsfind.plan.stages import StageCost, stages


@dataclass(frozen=True)
class Plan:
    """The estimate of a run.

    Attributes:
        config: the run.
        minima: of its glasses.
        costs: of its rules, in their order.
        paper: the paper's formula beside ours.
        remarks: warnings.
    """

    config: Config
    minima: Pool
    costs: list[StageCost]
    paper: list[Comparison]
    remarks: list[str]

    @property
    def core_hours(self) -> tuple[float, float]:
        """Of all jobs, for the shortest and the longest loop."""
        low, high = zip(*(cost.core_hours for cost in self.costs), strict=True)
        return sum(low), sum(high)

    @property
    def disk_mb(self) -> tuple[float, float]:
        """Of all jobs, for the shortest and the longest loop."""
        low, high = zip(*(cost.disk for cost in self.costs), strict=True)
        return sum(low), sum(high)

    @property
    def jobs(self) -> tuple[int, int]:
        """For the shortest and the longest loop."""
        return sum(cost.fewest for cost in self.costs), sum(cost.jobs for cost in self.costs)


def make_plan(config: Config, minima_per_glass: int | None = None) -> Plan:
    """Estimate a run.

    Args:
        config: the run.
        minima_per_glass: as known; None: estimated.
    """
    minima = pool(config, minima_per_glass)
    costs = stages(config, minima_per_glass)
    paper = compare(Costs(config, minima), config.loop.max_iterations)
    return Plan(config, minima, costs, paper, remarks(config, costs, minima))


def as_dict(plan: Plan) -> dict[str, Any]:
    """A plan for JSON: times in seconds or core-hours, sizes in MB, ranges as [low, high]."""
    return {
        "run": plan.config.run.name,
        "config_hash": plan.config.hash,
        "minima": asdict(plan.minima),
        "iterations": [plan.config.loop.min_iterations, plan.config.loop.max_iterations],
        "stages": [
            {
                "rule": cost.rule,
                "jobs": [cost.fewest, cost.jobs],
                "seconds": cost.seconds,
                "memory_mb": cost.memory_mb,
                "disk_mb": cost.disk,
                "threads": cost.threads,
                "core_hours": cost.core_hours,
            }
            for cost in plan.costs
        ],
        "jobs": plan.jobs,
        "core_hours": plan.core_hours,
        "disk_mb": plan.disk_mb,
        "slurm_overhead_hours": [n * units.SLURM_OVERHEAD / 3600.0 for n in plan.jobs],
        "paper": [{**asdict(row), "ratio": row.ratio} for row in plan.paper],
        "remarks": plan.remarks,
    }


def heading(plan: Plan) -> list[str]:
    """What the plan is of."""
    config, minima = plan.config, plan.minima
    loop = config.loop
    known = "estimated" if minima.estimated else "as given"
    return [
        f"{config.run.name}: {minima.glasses} glasses of N = {config.model.n_particles}, "
        f"{config.engine_name} engine; {minima.minima:.0f} minima per glass ({known}), "
        f"{minima.pairs:.3g} pairs; loop of {loop.min_iterations} to {loop.max_iterations} "
        "iterations",
        "",
    ]


def rows(plan: Plan) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the table of stages, the totals last."""
    header = ["stage", "jobs", "time per job", "memory", "core-hours", "disk"]
    found = [
        [
            cost.rule,
            span(f"{cost.fewest}", f"{cost.jobs}"),
            duration(cost.seconds),
            volume(cost.memory_mb),
            span(*map(hours, cost.core_hours)),
            span(*map(volume, cost.disk)),
        ]
        for cost in plan.costs
    ]
    jobs = span(*map(str, plan.jobs))
    found.append(
        [
            "total",
            jobs,
            "",
            "",
            span(*map(hours, plan.core_hours)),
            span(*map(volume, plan.disk_mb)),
        ]
    )
    overhead = [hours(n * units.SLURM_OVERHEAD / 3600.0) for n in plan.jobs]
    found.append(
        ["waiting for Slurm", jobs, duration(units.SLURM_OVERHEAD), "", span(*overhead), ""]
    )
    return header, found


def comparison_rows(plan: Plan) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the comparison with the paper's formula."""
    header = ["same work", "paper's formula", "here", "ratio"]
    return header, [
        [row.what, f"{hours(row.paper)} h", f"{hours(row.ours)} h", f"{row.ratio:.3g}"]
        for row in plan.paper
    ]


def span(low: str, high: str) -> str:
    """A range; one number where both ends read alike."""
    return low if low == high else f"{low} - {high}"


def hours(value: float) -> str:
    """Core-hours for the eye, three digits."""
    if 0.0 < value < 1e-3:
        return "<0.001"
    return f"{value:.3g}" if value < 1e3 else f"{value:.0f}"
