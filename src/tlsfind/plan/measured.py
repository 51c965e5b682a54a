"""What the jobs of a run took: from their records, and from the benchmark tables of Snakemake."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from tlsfind.jobs import Record, is_lost, read_records
from tlsfind.plan import units

#: Commands that are called otherwise than their rule; the rest by :func:`rule_of`.
_COMMANDS = {
    "pairs": "pair_features",
    "import": "import_frames",
    "train-table": "train_start",
    "select-standard": "select_standard",
    "table-one": "table_one",
    "table-two": "table_two",
}
#: Names of benchmark tables and folders that are not their rule's.
_BENCHMARKS = {
    "pairs": "pair_features",
    "import": "import_frames",
    "figures": "draw",
    "table_1": "table_one",
    "table_2": "table_two",
}


@dataclass
class Attempts:
    """The attempts of one rule.

    Attributes:
        seconds: wall time of each finished job.
        running: jobs at work, as far as their records show life.
        failed: attempts that ended with an error.
        lost: attempts that ended without a word.
        spent: wall seconds of all attempts.
    """

    seconds: list[float]
    running: list[Record]
    failed: int = 0
    lost: int = 0
    spent: float = 0.0


def attempts(results: Path) -> tuple[dict[str, Attempts], str]:
    """The attempts of every rule, and where they are known from.

    Records come first. A rule without any is looked up in the benchmark tables, which hold the last
    successful attempt of each job.

    Returns:
        By rule; and ``records``, ``benchmarks``, ``records and benchmarks`` or ``nothing``.
    """
    found: dict[str, Attempts] = defaultdict(lambda: Attempts([], []))
    for record in read_records(results):
        rule = rule_of(record.stage, record.item)
        mine = found[rule]
        on_two_cores = rule in units.SECOND_PROCESS
        mine.spent += max(record.wall_seconds, record.cpu_seconds if on_two_cores else 0.0)
        if record.status == "done":
            mine.seconds.append(record.wall_seconds)
        elif record.status == "failed":
            mine.failed += 1
        elif is_lost(record):
            mine.lost += 1
        else:
            mine.running.append(record)
    sources = ["records"] if found else []
    recorded = set(found)
    for rule, seconds in benchmarks(results).items():
        if rule not in recorded:
            found[rule].seconds += seconds
            found[rule].spent += sum(seconds)
    if set(found) - recorded:
        sources.append("benchmarks")
    return dict(found), " and ".join(sources) or "nothing"


def rule_of(command: str, item: str) -> str:
    """The rule whose job a command is, by what it works on."""
    parts = item.split("/")
    if command == "select":
        return "select_initial" if item == "0" else "select_next"
    if command == "paths":
        return "solve_standard" if "standard" in parts else "solve_paths"
    if command == "collect":
        return "collect_standard" if parts[-2:-1] == ["standard"] else "collect_paths"
    if command == "figures":
        return "draw_scan" if item else "draw"
    if command == "stability":
        return "stability_scan" if item == "scan" else "stability"
    if command == "predict":
        return "predict_start" if "start" in parts else "predict"
    return _COMMANDS.get(command, command.replace("-", "_"))


def benchmarks(results: Path) -> dict[str, list[float]]:
    """Wall seconds of the jobs of every rule that has benchmark tables."""
    root = Path(results) / "benchmarks"
    found: dict[str, list[float]] = defaultdict(list)
    for path in sorted(root.rglob("*.tsv")):
        try:
            header, row = (line.split("\t") for line in path.read_text().splitlines()[:2])
            seconds = float(row[header.index("s")])
        except (OSError, ValueError):
            continue
        found[_benchmark_rule(path.relative_to(root))].append(seconds)
    return dict(found)


def _benchmark_rule(path: Path) -> str:
    folder, name = path.parent.name, path.stem
    if not folder:
        return _BENCHMARKS.get(name, name)
    standard = name.split("-")[0] == "standard"
    if folder == "select":
        if standard:
            return "select_standard"
        return "select_initial" if name == "00" else "select_next"
    if folder == "paths":
        return "solve_standard" if standard else "solve_paths"
    if folder == "collect":
        return "collect_standard" if standard else "collect_paths"
    if folder in ("train", "predict"):
        return f"{folder}_start" if name.split("-")[0] == "start" else folder
    return _BENCHMARKS.get(folder, folder)
