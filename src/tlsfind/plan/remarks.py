"""What is odd about a plan: jobs too short, too long or too many, and the key that changes it."""

from __future__ import annotations

from collections.abc import Sequence

from tlsfind.config import Config
from tlsfind.plan import units
from tlsfind.plan.pool import FULLEST, UNCERTAIN, Pool
from tlsfind.plan.stages import StageCost

#: Seconds of a job below which the scheduler's own work is a tenth and more, and above which much
#: is lost with a job.
SHORT, LONG = 60.0, 12 * 3600.0
#: Most jobs that one plan should have, and fewest of a rule of which it matters how short they are.
MANY, FEW = 5000, 50

#: The key that makes the jobs of a rule longer, or cuts them; None: it is not cut.
KEYS = {
    "prepare": "prepare.blocks or glasses.blocks (a killed job goes on where it was)",
    "explore": "explore.trajectories_per_block",
    "solve_paths": "paths.batch",
    "solve_standard": "paths.batch",
    "predict": "learn.glasses_per_job",
    "predict_start": "learn.glasses_per_job",
}


def remarks(config: Config, costs: Sequence[StageCost], minima: Pool) -> list[str]:
    """Warnings, each a sentence.

    Args:
        config: the run.
        costs: of its rules.
        minima: of its glasses.
    """
    found = _too_short(costs)
    for cost in costs:
        key = KEYS.get(cost.rule)
        advice = f"; {key} changes it" if key else ""
        if cost.seconds < SHORT and cost.jobs > FEW and key:
            found.append(
                f"{cost.jobs} jobs of {cost.rule} take only {duration(cost.seconds)} each, and "
                f"Slurm adds {units.SLURM_OVERHEAD:.0f} s to each{advice}"
            )
        if cost.seconds > LONG:
            found.append(f"a job of {cost.rule} takes {duration(cost.seconds)}{advice}")
    total = sum(cost.jobs for cost in costs)
    if total > MANY:
        most = max(costs, key=lambda cost: cost.jobs)
        key = KEYS.get(most.rule)
        advice = f"; {key} changes it" if key else ""
        found.append(
            f"{total} jobs, more than {MANY}: Snakemake plans long; {most.jobs} of them are "
            f"{most.rule}{advice}"
        )
    if minima.estimated:
        found.append(
            f"{minima.minima:.0f} minima per glass are a guess, good to a factor of "
            f"{UNCERTAIN:.0f} for a run of few glasses, and one glass may have {FULLEST:.0f} times "
            "as many as the others; --minima sets the number"
        )
    if config.engine_name == "lammps" and not units.is_measured(config):
        found.append("this potential was never measured: its cost is taken as of Lennard-Jones")
    missing = [group for group in config.glasses if group.frames is not None]
    if missing:
        found.append("the number of own frames is taken from the size of their files")
    return found


def _too_short(costs: Sequence[StageCost]) -> list[str]:
    """One line on the jobs that are shorter than the scheduler's own work and stay so, if many."""
    short = [c for c in costs if c.seconds < units.SLURM_OVERHEAD and c.rule not in KEYS]
    jobs = sum(cost.jobs for cost in short)
    if jobs <= FEW:
        return []
    most = sorted(short, key=lambda cost: cost.jobs, reverse=True)[:2]
    named = ", ".join(f"{cost.jobs} of {cost.rule}" for cost in most)
    work = duration(3600.0 * sum(cost.core_hours[1] for cost in short))
    wasted = duration(jobs * units.SLURM_OVERHEAD)
    return [
        f"{jobs} jobs ({named}, ...) are shorter than the {units.SLURM_OVERHEAD:.0f} s that Slurm "
        f"adds to each: {work} of work, and {wasted} wasted in all; no key changes it"
    ]


def duration(seconds: float) -> str:
    """A time for the eye: 0.5 s, 42 s, 12 min, 3.4 h, 5.1 d."""
    for limit, unit, size in ((90.0, "s", 1.0), (5400.0, "min", 60.0), (172800.0, "h", 3600.0)):
        if seconds < limit:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 86400.0:.3g} d"


def volume(megabytes: float) -> str:
    """A size on disk for the eye: 12 kB, 3.4 MB, 1.2 GB, 3.1 TB."""
    for limit, unit, size in ((1.0, "kB", 1e-3), (1e3, "MB", 1.0), (1e6, "GB", 1e3)):
        if megabytes < limit:
            return f"{megabytes / size:.3g} {unit}"
    return f"{megabytes / 1e6:.3g} TB"
