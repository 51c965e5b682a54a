"""The workflow of ``config/test.yaml`` as a user runs it, on one machine and through Slurm."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from slurm_cluster import command, processes, queue, wait_until

from tlsfind.paths.journal import place

ROOT = Path(__file__).parents[2]
PARTS = ("Snakefile", "rules", "workflow", "config", "profiles", "envs", "slurm")
BATCH = "loop/00/paths/batch-{:03d}.parquet"
RETRIED = "Trying to restart job"

# The default, 40 s, suits jobs of hours; each job of the test config ends within some 10 s.
FASTER = ("--slurm-init-seconds-before-status-checks", "11")


def copy_project(folder: Path) -> Path:
    """A project folder as `git clone` makes it, with the link for ``--profile slurm``."""
    for part in PARTS:
        source, target = ROOT / part, folder / part
        if source.is_symlink():
            target.symlink_to(source.readlink())
        elif source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    return folder


class Controller:
    """A ``snakemake`` that is typed in a project folder.

    Args:
        folder: the project.
        log: its output.
        arguments: as typed.
    """

    def __init__(self, folder: Path, log: Path, *arguments: str):
        self.log = log
        snakemake = str(Path(sys.executable).parent / "snakemake")
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [snakemake, *arguments],
                cwd=folder,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def wait(self, seconds: float) -> int:
        """Exit status; killed if it takes longer."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill(signal.SIGKILL)
            raise TimeoutError(f"still running after {seconds} s:\n{self.tail()}") from None

    def until(self, condition: Callable[[], object], seconds: float, what: str):
        """Wait for something that happens while this runs.

        Raises:
            RuntimeError: it ended before.
        """

        def or_ended():
            if value := condition():
                return value
            if self.process.poll() is not None:
                raise RuntimeError(f"snakemake ended before: {what}\n{self.tail()}")
            return None

        return wait_until(or_ended, seconds, what)

    def kill(self, number: signal.Signals) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)
        if number == signal.SIGKILL:
            self.process.wait()

    def interrupt(self) -> None:
        """End it and the jobs that it started on this machine, if it still runs."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def tail(self) -> str:
        return self.output()[-3000:]


def commands_of(folder: Path, stage: str, part: str) -> list[int]:
    """Processes of ``tlsfind <stage>`` in a project whose arguments contain ``part``."""

    def wanted(line: str) -> bool:
        words = line.split("\0")
        places = [place for place, word in enumerate(words) if word.endswith("/tlsfind")]
        return bool(places) and words[places[0] + 1 :][:1] == [stage] and part in line

    found = []
    for pid in processes(wanted):
        try:
            if Path(os.readlink(f"/proc/{pid}/cwd")) == folder.resolve():
                found.append(pid)
        except OSError:
            pass
    return found


def solved(table: Path) -> set[float]:
    """How long each path in a batch's journal took: no two are the same, which tells them apart."""
    try:
        text = place(table).read_text(errors="replace")
    except FileNotFoundError:
        return set()
    return set(map(float, re.findall(r'"seconds": ?([-+.e\d]+)[,}]', text)))


class Faults:
    """One run of the test config through Slurm in which everything is killed once.

    Attributes:
        folder: the project.
        logs: output of each controller, in the order in which they were started.
        statuses: their exit statuses.
        known: seconds of the paths that were solved when something was killed.
        left: jobs in the queue after each controller ended.
        locked: output of a start that finds the lock of a killed controller.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.results = folder / "results" / "test"
        self.logs: list[str] = []
        self.statuses: list[int] = []
        self.known: set[float] = set()
        self.left: list[dict[str, str]] = []
        self.locked = ""

    def start(self, *arguments: str) -> Controller:
        """Type ``snakemake --profile slurm`` in the project."""
        log = self.folder / f"controller-{len(self.logs)}.log"
        typed = ("--profile", "slurm", "--configfile", "config/test.yaml")
        return Controller(self.folder, log, *typed, *FASTER, *arguments)

    def ended(self, controller: Controller, seconds: float) -> None:
        """Wait for the end of a controller and note what it leaves."""
        self.statuses.append(controller.wait(seconds))
        self.logs.append(controller.output())
        self.left.append(queue())

    def run(self) -> Faults:
        """All faults, one after the other, and then to the end."""
        first = third = self.start()
        try:
            self.cancel_a_job(first)
            self.kill_a_process(first)
            first.kill(signal.SIGKILL)
            self.ended(first, 10)
            self.wait_for_orphans()
            second = self.start()
            self.ended(second, 60)
            self.locked = self.logs[-1]
            self.ended(self.start("--unlock"), 60)
            third = self.start()
            third.until(lambda: self.running("rule_collect_paths"), 120, "paths are collected")
            third.kill(signal.SIGTERM)
            self.ended(third, 120)
            self.ended(self.start(), 900)
        finally:
            first.kill(signal.SIGKILL)
            third.kill(signal.SIGKILL)
        return self

    def running(self, rule: str) -> list[str]:
        """Numbers of the running jobs of a rule."""
        return [number for number, name in queue("running").items() if name.startswith(rule)]

    def cancel_a_job(self, controller: Controller) -> None:
        """Scancel a job that explores."""
        number = controller.until(lambda: self.running("rule_explore"), 200, "jobs explore")[0]
        controller.until(
            lambda: commands_of(self.folder, "explore", "--block"), 60, "a command explores"
        )
        command("scancel", number)

    def kill_a_process(self, controller: Controller) -> None:
        """``kill -9`` a command that solves paths, and wait until another one goes on."""
        batch = self.results / BATCH.format(0)
        controller.until(lambda: len(solved(batch)) >= 5, 200, "some paths are solved")
        for pid in commands_of(self.folder, "paths", "batch-000"):
            os.kill(pid, signal.SIGKILL)
        self.known |= solved(batch)
        controller.until(lambda: controller.output().count(RETRIED) > 1, 120, "the job is retried")
        before = len(self.known)
        controller.until(lambda: len(solved(batch)) > before, 120, "the batch goes on")
        for number in range(3):
            self.known |= solved(self.results / BATCH.format(number))

    def wait_for_orphans(self) -> None:
        """As the documentation says: jobs of a killed controller end first."""
        wait_until(lambda: not queue(), 120, "orphaned jobs end")
