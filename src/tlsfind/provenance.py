"""Where results come from: each start of a run with its versions, and what its jobs cost."""

from __future__ import annotations

import getpass
import importlib.metadata
import json
import logging
import os
import platform
import socket
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tlsfind import __version__, jobs
from tlsfind.config import Config
from tlsfind.parquet import make_folder, writing

logger = logging.getLogger("tlsfind")

#: File in the results with one JSON line for each start of the workflow.
STARTS = "starts.jsonl"


def versions() -> dict[str, str]:
    """Versions of tlsfind, Python and every package of the environment, by lower-case name."""
    installed = {
        str(package.metadata["Name"]).lower(): package.version
        for package in importlib.metadata.distributions()
    }
    first = {"tlsfind": __version__, "python": platform.python_version()}
    return {**first, **{name: installed[name] for name in sorted(set(installed) - set(first))}}


def processor() -> str:
    """Name of the processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def start(config: Config, command: list[str]) -> dict[str, Any]:
    """What is to be known of a start of the workflow.

    Args:
        config: the config in force.
        command: the command line.
    """
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(command),
        "folder": str(Path.cwd()),
        "user": _user(),
        "host": socket.gethostname(),
        "system": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "config_hash": config.hash,
        "seed": config.run.seed,
        "versions": versions(),
    }


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without this user
        return str(os.getuid())


def record_start(config: Config, command: list[str]) -> None:
    """Append the start of the workflow to the results.

    Args:
        config: the config in force, which names the folder of the results.
        command: the command line.

    Raises:
        InputError: the file cannot be written.
    """
    file = Path(config.run.output) / STARTS
    make_folder(file.parent)
    with writing(file), file.open("a+b") as out:
        out.seek(max(out.tell() - 1, 0))
        cut = out.read(1) not in (b"", b"\n")  # the start before was cut off
        line = json.dumps(start(config, command)) + "\n"
        out.write((b"\n" if cut else b"") + line.encode())


def read_starts(results: Path) -> list[dict[str, Any]]:
    """Every recorded start of a run, the first one first; a damaged line is left out."""
    try:
        lines = (Path(results) / STARTS).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            found.append(dict(json.loads(line)))
        except (ValueError, TypeError):
            logger.warning("%s: a damaged line is left out", Path(results) / STARTS)
    return found


def write_jobs(config: Config, results: Path, output: Path) -> int:
    """Gather the records of all jobs so far into one table.

    Args:
        config: the run's config.
        results: folder of the run.
        output: the table ``jobs``.

    Returns:
        The number of attempts.
    """
    from tlsfind import tables

    rows = []
    for record in jobs.read_records(results):
        row = asdict(record)
        if jobs.is_lost(record):
            row["status"] = "lost"
        rows.append(row)
    schema = tables.stamped(tables.schema("jobs"), config.hash, config.run.seed)
    tables.write(rows, output, schema)
    return len(rows)
