"""The status of a run in words."""

from __future__ import annotations

from tlsfind.plan.page import hours, span
from tlsfind.plan.remarks import duration
from tlsfind.plan.status import Status


def headline(status: Status) -> str:
    """One line: which run, and whether it is done."""
    done = sum(rule.done for rule in status.rules)
    expected = [sum(rule.expected[k] for rule in status.rules) for k in (0, 1)]
    state = "finished" if status.finished else "not finished"
    jobs = span(str(expected[0]), str(expected[1]))
    run = f"{status.name} ({status.config_hash}) in {status.results}"
    return f"{run}: {state}, {done} of {jobs} jobs done"


def table(status: Status) -> tuple[list[str], list[list[str]]]:
    """Header and rows, one for each rule."""
    header = ["stage", "done", "of", "running", "failed", "lost", "time per job", "core-hours left"]
    rows = []
    for rule in status.rules:
        mark = "" if rule.measured else " (estimate)"
        rows.append(
            [
                rule.rule,
                str(rule.done),
                span(*map(str, rule.expected)),
                _count(rule.running),
                _count(rule.failed),
                _count(rule.lost),
                duration(rule.seconds) + mark,
                span(*map(hours, rule.remaining)) if any(rule.remaining) else "-",
            ]
        )
    return header, rows


def lines(status: Status) -> list[str]:
    """Everything but the table: the headline first."""
    loop, paths = status.loop, status.paths
    at = "no iteration" if loop.iteration is None else f"iteration {loop.iteration}"
    verdict = "converged" if loop.converged else "ended" if loop.finished else "goes on"
    found = [
        headline(status),
        f"loop: {at} of at most {loop.most}, {verdict}: {loop.reason}",
        f"paths: {paths.loop} of the loop, {paths.standard} of the standard procedure"
        + (f" ({paths.journals} of them in unfinished batches)" if paths.journals else "")
        + f"; {paths.double_wells} double wells, {paths.tls} TLS",
        f"core-hours: {hours(status.spent)} spent (by {status.source}), "
        f"{span(*map(hours, status.remaining))} left (estimate)",
    ]
    if status.last_activity:
        found.append(f"last change of a file: {status.last_activity}, {duration(status.idle)} ago")
    found.append(f"controller: {status.controller.says}")
    attempts = sum(rule.failed + rule.lost for rule in status.rules)
    if attempts:
        found.append(
            f"{attempts} attempt(s) failed or were lost, some perhaps made good since: "
            f"see {status.results}/logs and {status.results}/jobs"
        )
    if status.damaged:
        first = ", ".join(status.damaged[:3]) + (", ..." if len(status.damaged) > 3 else "")
        found.append(
            f"{len(status.damaged)} damaged file(s): {first}; see `tlsfind check {status.results}`"
        )
    return found


def _count(number: int) -> str:
    return str(number) if number else "-"
