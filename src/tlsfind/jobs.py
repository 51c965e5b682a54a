"""What ran where and for how long: a small file for each attempt of a job, kept with the results.

The rules name the folder in the environment variable ``TLSFIND_JOBS``. A stage's command then keeps
one JSON file there, ``<stage>/<item>-<begin>-<process>.json``: written when it begins, every
``INTERVAL`` seconds while it works, and when it ends. A killed job leaves its file saying
"running"; that it is not shows in the time of its last sign of life, see :func:`is_lost`.

The record serves the people who look; no result depends on it. If it cannot be written the job goes
on.
"""

from __future__ import annotations

import json
import logging
import os
import re
import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path

from tlsfind import __version__, progress
from tlsfind.parquet import atomic

logger = logging.getLogger("tlsfind")

#: Environment variable that names the folder of the records.
VARIABLE = "TLSFIND_JOBS"

#: Folder of the records in the results.
FOLDER = "jobs"

#: Seconds between two signs of life.
INTERVAL = 30.0

#: Seconds without a sign of life after which a running job counts as lost.
LOST_AFTER = 300.0

_LONGEST_NAME = 100


@dataclass(frozen=True)
class Record:
    """One attempt of a job.

    Attributes:
        stage: the command.
        item: what it worked on, or empty.
        status: ``running``, ``done`` or ``failed``.
        host: name of the machine.
        pid: process.
        slurm_job: number of the Slurm job, or empty.
        started: begin, ISO 8601, UTC.
        updated: last sign of life, the same.
        wall_seconds: from the begin to the last sign of life.
        cpu_seconds: of the process and its children that have ended.
        max_rss_mb: largest memory of the process or of a child.
        done: units of progress done, of what the stage last reported.
        total: units of progress in all, 0 if it reports none.
        version: of tlsfind.
        config_hash: of the config in force.
        seed: ``run.seed``.
        message: why it failed, or empty.
    """

    stage: str
    item: str
    status: str
    host: str
    pid: int
    slurm_job: str
    started: str
    updated: str
    wall_seconds: float
    cpu_seconds: float
    max_rss_mb: float
    done: int
    total: int
    version: str
    config_hash: str
    seed: int
    message: str


class _Keeper:
    """Keeps the file of one attempt in step with what the process does.

    Args:
        path: the file.
        record: as it is at the begin.
    """

    def __init__(self, path: Path, record: Record) -> None:
        self._path = path
        self._record = record
        self._begin = time.monotonic()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._warned = False

    def report(self, done: int, total: int) -> None:
        """Take note of progress; it is written with the next sign of life."""
        self._record = replace(self._record, done=done, total=total)

    def write(self, status: str = "running", message: str = "") -> None:
        """Write the file; a failure is logged once and does not stop the job."""
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        with self._lock:
            if status == "running" and self._ended.is_set():
                return  # a sign of life that comes after the end
            self._record = replace(
                self._record,
                status=status,
                message=message,
                updated=_now(),
                wall_seconds=round(time.monotonic() - self._begin, 3),
                cpu_seconds=round(sum(u.ru_utime + u.ru_stime for u in used), 3),
                max_rss_mb=round(max(u.ru_maxrss for u in used) / 1024.0, 1),
            )
            try:
                with atomic(self._path) as temporary:
                    temporary.write_text(json.dumps(asdict(self._record)) + "\n")
            except Exception as error:
                if not self._warned:
                    logger.warning("the job's record %s is not written: %s", self._path, error)
                self._warned = True

    def beat(self) -> None:
        """Write a sign of life every ``INTERVAL`` seconds until :meth:`end`."""
        while not self._ended.wait(INTERVAL):
            self.write()

    def end(self, status: str, message: str = "") -> None:
        """Write the last state."""
        self._ended.set()
        self.write(status, message)


@contextmanager
def recorded(stage: str, item: str, config_hash: str, seed: int) -> Iterator[None]:
    """Record the work inside, if the environment names a folder for that.

    Args:
        stage: the command.
        item: what it works on.
        config_hash: of the config in force.
        seed: ``run.seed``.
    """
    folder = os.environ.get(VARIABLE)
    if not folder:
        yield
        return
    now = _now()
    record = Record(
        stage=stage, item=item, status="running", host=socket.gethostname(), pid=os.getpid(),
        slurm_job=os.environ.get("SLURM_JOB_ID", ""), started=now, updated=now, wall_seconds=0.0,
        cpu_seconds=0.0, max_rss_mb=0.0, done=0, total=0, version=__version__,
        config_hash=config_hash, seed=seed, message="",
    )  # fmt: skip
    keeper = _Keeper(Path(folder) / stage / f"{_name(record)}.json", record)
    keeper.write()
    threading.Thread(target=keeper.beat, daemon=True).start()
    progress.observers.append(keeper.report)
    try:
        yield
    except BaseException as error:
        lines = str(error).splitlines()
        keeper.end("failed", lines[0] if lines else type(error).__name__)
        raise
    else:
        keeper.end("done")
    finally:
        progress.observers.remove(keeper.report)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _name(record: Record) -> str:
    """The file's name: what the job works on, when it began, its process."""
    item = re.sub(r"[^A-Za-z0-9.]+", "-", record.item).strip("-.")[:_LONGEST_NAME]
    began = re.sub(r"[-:]|\+.*", "", record.started)
    return "-".join(part for part in (item, f"{began}Z", str(record.pid)) if part)


def read_records(results: Path) -> list[Record]:
    """All attempts of all jobs of a run, in the order in which they began.

    Args:
        results: folder of the run. Damaged records are left out, with a warning.
    """
    names = {field.name for field in fields(Record)}
    records = []
    for path in sorted((Path(results) / FOLDER).glob("*/*.json")):
        try:
            content = json.loads(path.read_text())
            records.append(Record(**{key: content[key] for key in names}))
        except FileNotFoundError:  # replaced or deleted while we read
            continue
        except (OSError, ValueError, KeyError, TypeError):
            logger.warning("the job's record %s is damaged: left out", path)
    return sorted(records, key=lambda record: (record.started, record.stage, record.item))


def is_lost(record: Record, now: datetime | None = None) -> bool:
    """Whether a job that should be running shows no life any more.

    Args:
        record: of the job.
        now: the time to compare with, by default the clock's.
    """
    if record.status != "running":
        return False
    if record.host == socket.gethostname() and not is_running(record.pid):
        return True
    silent = (now or datetime.now(UTC)) - datetime.fromisoformat(record.updated)
    return silent.total_seconds() > LOST_AFTER


def is_running(process: int) -> bool:
    """Whether there is a process of this number on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
