"""How far a run has come, from its files alone: no lock, no change, at any moment.

A job is done when the last file that it writes exists. What runs, failed or was lost is known from
the job records (:mod:`tlsfind.jobs`), the paths of unfinished batches from their journals. What is
left to do costs what the same rule's jobs of this run took, or the unit costs where none is done.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tlsfind.config import Config, load
from tlsfind.errors import InputError
from tlsfind.plan import controller, counts, measured
from tlsfind.plan.costs import Costs
from tlsfind.plan.outputs import is_damaged, outputs
from tlsfind.plan.pool import Pool, pool
from tlsfind.plan.solved import Solved, solved


@dataclass(frozen=True)
class RuleProgress:
    """The jobs of one rule.

    Attributes:
        rule: its name.
        done: jobs whose last file is there, and whole at both ends.
        expected: fewest and most jobs, by when the loop may end.
        running: jobs at work now.
        fraction: of the running jobs together, what is done, in jobs.
        failed: attempts that ended with an error, made good since or not.
        lost: attempts that ended without a word (killed, machine gone).
        damaged: files that are empty or cut off.
        seconds: of one job; of this run if ``measured``.
        measured: whether ``seconds`` is this run's own mean.
        remaining: core-hours left, fewest and most.
    """

    rule: str
    done: int
    expected: tuple[int, int]
    running: int
    fraction: float
    failed: int
    lost: int
    damaged: int
    seconds: float
    measured: bool
    remaining: tuple[float, float]


@dataclass(frozen=True)
class Loop:
    """The active loop.

    Attributes:
        iteration: the last that was assessed; None: none.
        most: ``loop.max_iterations``.
        converged: whether its rule was met.
        finished: whether it has ended, for whatever reason.
        reason: in words.
    """

    iteration: int | None
    most: int
    converged: bool
    finished: bool
    reason: str


@dataclass(frozen=True)
class Status:
    """A run at one moment.

    Attributes:
        results: its folder.
        name: of the run.
        config_hash: of the config in force.
        rules: progress of every rule, in the order of the stages.
        paths: solved so far.
        loop: the active loop.
        spent: core-hours of all attempts.
        source: where ``spent`` is known from.
        remaining: core-hours left, fewest and most.
        last_activity: when a file of the run last changed, ISO 8601 UTC; empty: no file.
        idle: seconds since then.
        controller: what was seen of snakemake.
        damaged: files that are empty, cut off or unreadable.
    """

    results: str
    name: str
    config_hash: str
    rules: list[RuleProgress]
    paths: Solved
    loop: Loop
    spent: float
    source: str
    remaining: tuple[float, float]
    last_activity: str
    idle: float
    controller: controller.Controller
    damaged: list[str]

    @property
    def finished(self) -> bool:
        """Whether every job is done."""
        return all(rule.done >= rule.expected[1] for rule in self.rules)


def look(results: Path) -> Status:
    """Look at a run.

    Args:
        results: its folder, ``run.output`` of its config.

    Raises:
        InputError: this is no folder of a run.
        ConfigError: its config does not validate.
    """
    results = Path(results)
    if not results.is_dir():
        raise InputError(f"{results} is no folder, expected the results of a run")
    if not (results / "config.yaml").is_file():
        raise InputError(
            f"{results} holds no config.yaml, expected the results of a run (snakemake writes it "
            "before the first job)"
        )
    config = load(results / "config.yaml")
    loop = read_loop(config, results)
    known, source = measured.attempts(results)
    rules, damaged = _rules(config, results, loop, known)
    paths = solved(config, results)
    damaged = sorted({*damaged, *paths.damaged})
    changed = _last_change(results)
    now = datetime.now(UTC).timestamp()
    return Status(
        results=str(results),
        name=config.run.name,
        config_hash=config.hash,
        rules=rules,
        paths=paths,
        loop=loop,
        spent=sum(mine.spent for mine in known.values()) / 3600.0,
        source=source,
        remaining=(sum(r.remaining[0] for r in rules), sum(r.remaining[1] for r in rules)),
        last_activity=""
        if changed is None
        else datetime.fromtimestamp(changed, UTC).isoformat(timespec="seconds"),
        idle=0.0 if changed is None else max(now - changed, 0.0),
        controller=controller.find(results),
        damaged=[str(path) for path in damaged],
    )


def to_dict(status: Status) -> dict[str, Any]:
    """A status for JSON; files as text, times in seconds or core-hours."""
    content = asdict(status)
    content["paths"]["damaged"] = [str(path) for path in status.paths.damaged]
    return {"finished": status.finished, **content}


def read_loop(config: Config, results: Path) -> Loop:
    """The state of the loop: the checkpoints are walked as the workflow does."""
    most = config.loop.max_iterations
    last = Loop(None, most, False, False, "nothing is assessed yet")
    for k in range(most + 1):
        try:
            state = json.loads((results / "loop" / f"{k:02d}" / "state.json").read_text())
            converged = bool(state["converged"])
        except FileNotFoundError:
            return last
        except (OSError, ValueError, KeyError, TypeError):
            reason = f"loop/{k:02d}/state.json cannot be read"
            return Loop(last.iteration, most, False, False, reason)
        finished = converged or k == most
        last = Loop(k, most, converged, finished, str(state.get("reason", "")))
        if converged:
            break
    return last


def _rules(
    config: Config, results: Path, loop: Loop, known: dict[str, measured.Attempts]
) -> tuple[list[RuleProgress], list[Path]]:
    """Progress of every rule, and damaged files."""
    low, high = _iterations(config, loop)
    fewest, most = counts.after(config, low), counts.after(config, high)
    costs = Costs(config, pool_so_far(config, results))
    found: list[RuleProgress] = []
    damaged: list[Path] = []
    places = outputs(config, high)
    for rule in counts.RULES:
        if rule not in places or not most[rule]:
            continue
        done, bad = _existing(results, places[rule])
        damaged += bad
        mine = known.get(rule) or measured.Attempts([], [])
        own = bool(mine.seconds)
        seconds = sum(mine.seconds) / len(mine.seconds) if own else costs.job(rule).seconds
        running = mine.running
        fraction = sum(record.done / record.total for record in running if record.total > 0)
        left = [max(n - done - fraction, 0.0) for n in (fewest[rule], most[rule])]
        found.append(
            RuleProgress(
                rule=rule,
                done=done,
                expected=(fewest[rule], most[rule]),
                running=len(running),
                fraction=fraction,
                failed=mine.failed,
                lost=mine.lost,
                damaged=len(bad),
                seconds=seconds,
                measured=own,
                remaining=(left[0] * seconds / 3600.0, left[1] * seconds / 3600.0),
            )
        )
    return found, damaged


def _iterations(config: Config, loop: Loop) -> tuple[int, int]:
    """Fewest and most iterations that the loop will have had at its end."""
    if loop.finished and loop.iteration is not None:
        return loop.iteration, loop.iteration
    begun = 0 if loop.iteration is None else loop.iteration + 1
    return max(config.loop.min_iterations, begun), config.loop.max_iterations


def _existing(results: Path, places: list[Path]) -> tuple[int, list[Path]]:
    """How many of the files are there and whole at both ends, and those that are not."""
    done, bad = 0, []
    for place in places:
        try:
            if is_damaged(results / place):
                bad.append(results / place)
            else:
                done += 1
        except FileNotFoundError:
            continue
        except OSError:
            bad.append(results / place)
    return done, bad


def pool_so_far(config: Config, results: Path) -> Pool:
    """The minima of a run: those of the landscapes that are there, else the estimate."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = []
    for name in config.glass_names:
        try:
            with (results / "landscape" / name / "minima.parquet").open("rb") as source:
                found.append(pq.read_metadata(source).num_rows)
        except (OSError, pa.ArrowException):
            continue
    if not found:
        return pool(config)
    glasses = len(config.glass_names)
    pairs = sum(n * (n - 1) / 2.0 for n in found) * glasses / len(found)
    return Pool(glasses, sum(found) / len(found), max(found), pairs, estimated=False)


def _last_change(results: Path) -> float | None:
    """Time of the last change of any file of the run; None if there is none."""
    newest: float | None = None
    for folder, _, names in os.walk(results):
        for name in names:
            try:
                changed = os.stat(os.path.join(folder, name), follow_symlinks=False).st_mtime
            except OSError:
                continue
            newest = changed if newest is None else max(newest, changed)
    return newest
