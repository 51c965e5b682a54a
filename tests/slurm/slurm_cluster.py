"""A real Slurm of one node for the tests: munged, slurmctld and slurmd in a folder of their own.

Slurm reads ``/etc/slurm/slurm.conf``, and so must ours: the executor of Snakemake strips
``SLURM_CONF`` from the environment of its jobs. The file stands there only while the tests run; its
first line says whose it is, so that what a killed test run left behind is removed by the next one,
and a file of anybody else is never touched.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

CONFIG = Path("/etc/slurm/slurm.conf")
PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge")
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "munged")
MARKER = "# A test run of tlsfind: process {pid}, folder {folder}"
MARKED = re.compile(MARKER.format(pid=r"(\d+)", folder=r"(\S+)"))
# What the node claims to have: the jobs of config/test.yaml ask for up to 8000 MB and use 600.
MEMORY = 32000
CPUS = 2


class Unavailable(Exception):
    """There can be no Slurm here; the message says why."""


def require_slurm() -> None:
    """Install Slurm where that is possible.

    Raises:
        Unavailable: not root, no apt, or apt failed.
    """
    if os.geteuid() != 0:
        raise Unavailable("Slurm's daemons need root, and this is not root")
    if all(map(shutil.which, PROGRAMS)):
        return
    if shutil.which("apt-get") is None:
        raise Unavailable(f"{' '.join(PROGRAMS)} are not installed and there is no apt-get")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *PACKAGES]):
        done = subprocess.run(
            ["apt-get", *command],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode != 0:
            tail = " ".join(done.stdout.split()[-30:])
            raise Unavailable(f"apt-get {command[0]} failed: {tail}")


def claim_config(folder: Path) -> None:
    """Write ``slurm.conf``, after removing what a dead test run left.

    Raises:
        Unavailable: the machine has a Slurm of its own, or another test run is going on.
    """
    if os.path.lexists(CONFIG):
        found = MARKED.match(CONFIG.read_text()) if CONFIG.is_file() else None
        if found is None:
            raise Unavailable(f"{CONFIG} exists and is not of these tests: it is left alone")
        if _is_alive(int(found[1])):
            raise Unavailable(f"{CONFIG} belongs to a test run that is going on (pid {found[1]})")
        remove_leftovers(Path(found[2]))
    CONFIG.parent.mkdir(exist_ok=True)
    with CONFIG.open("x") as file:
        file.write(slurm_conf(folder))


def _is_alive(pid: int) -> bool:
    """Whether a Python of this number runs; a dead one that nobody has waited for does not."""
    try:
        return "python" in Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return False


def processes(wanted: Callable[[str], bool]) -> list[int]:
    """Ids of the processes whose command line (arguments end with a zero byte) is wanted."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_text(errors="replace")
        except OSError:
            continue
        if command and wanted(command):
            found.append(int(entry.name))
    return found


def remove_leftovers(folder: Path) -> None:
    """Stop the daemons that name this folder, and delete it and ``slurm.conf``."""
    names = ("slurmctld", "slurmd", "munged")

    def is_daemon(command: str) -> bool:
        return Path(command.split("\0")[0]).name in names and str(folder) in command

    for pid in processes(is_daemon):
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)
    CONFIG.unlink(missing_ok=True)


def slurm_conf(folder: Path) -> str:
    """The configuration of one node without accounting; everything it writes is in ``folder``."""
    name = socket.gethostname().split(".")[0]
    control, node = free_port(), free_port()
    settings = {
        "ClusterName": "tlsfind",
        "SlurmctldHost": f"{name}(127.0.0.1)",
        "SlurmctldPort": control,
        "SlurmdPort": node,
        "SlurmUser": "root",
        "AuthType": "auth/munge",
        "CredType": "cred/munge",
        "AuthInfo": f"socket={folder}/munge.socket",
        "ProctrackType": "proctrack/linuxproc",
        "TaskPlugin": "task/none",
        "MpiDefault": "none",
        "SelectType": "select/cons_tres",
        "SelectTypeParameters": "CR_Core_Memory",
        "SlurmdParameters": "config_overrides",
        "AccountingStorageType": "accounting_storage/none",
        "JobAcctGatherType": "jobacct_gather/none",
        "SchedulerParameters": "batch_sched_delay=0,sched_interval=2,bf_interval=2",
        "ReturnToService": 2,
        "KillWait": 2,
        "StateSaveLocation": f"{folder}/state",
        "SlurmdSpoolDir": f"{folder}/spool",
        "SlurmctldPidFile": f"{folder}/slurmctld.pid",
        "SlurmdPidFile": f"{folder}/slurmd.pid",
        "SlurmctldLogFile": f"{folder}/slurmctld.log",
        "SlurmdLogFile": f"{folder}/slurmd.log",
    }
    lines = [MARKER.format(pid=os.getpid(), folder=folder)]
    lines += [f"{key}={value}" for key, value in settings.items()]
    lines += [
        f"NodeName={name} NodeAddr=127.0.0.1 CPUs={CPUS} RealMemory={MEMORY} State=UNKNOWN",
        f"PartitionName=main Nodes={name} Default=YES MaxTime=INFINITE State=UP",
    ]
    return "\n".join(lines) + "\n"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], object], seconds: float, what: str, step: float = 0.2):
    """Wait for a condition and return its value.

    Raises:
        TimeoutError: it did not come true; the message is ``what``.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(step)
    raise TimeoutError(f"not within {seconds:g} s: {what}")


def command(*arguments: object) -> str:
    """Standard output of a Slurm command, which has to succeed."""
    return subprocess.run(
        list(map(str, arguments)), check=True, capture_output=True, text=True
    ).stdout


def queue(states: str = "pending,running,completing") -> dict[str, str]:
    """Jobs in the queue: the name that the executor gives them in the comment, by number."""
    lines = command("squeue", "--noheader", f"--states={states}", "--format=%i|%k").splitlines()
    return dict(line.strip().split("|", 1) for line in lines if line)


def _start_daemons(folder: Path, started: list[subprocess.Popen]) -> None:
    """Start the three daemons in the foreground, each appended to ``started`` at once."""
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(128))
    munge = ["munged", "--foreground", "--force", f"--key-file={key}"]
    munge += [f"--{name}-file={folder}/munge.{name}" for name in ("pid", "seed", "log")]
    munge += [f"--socket={folder}/munge.socket"]
    for name in ("state", "spool"):
        (folder / name).mkdir()
    # the option -f names the folder's copy, by which a leftover daemon is recognised
    shutil.copy(CONFIG, folder / "slurm.conf")
    for arguments in (
        munge,
        ["slurmctld", "-D", "-f", str(folder / "slurm.conf")],
        ["slurmd", "-D", "-f", str(folder / "slurm.conf")],
    ):
        with (folder / f"{arguments[0]}.out").open("w") as output:
            process = subprocess.Popen(
                arguments, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        started.append(process)
        if arguments[0] == "munged":
            wait_until((folder / "munge.socket").exists, 10, "munged makes its socket")
    wait_until(_is_idle, 30, f"the node is idle (logs in {folder})")


def _is_idle() -> bool:
    done = subprocess.run(
        ["sinfo", "--noheader", "--format=%T"], capture_output=True, text=True, check=False
    )
    return done.stdout.split() == ["idle"]


def _stop(started: list[subprocess.Popen]) -> None:
    """Cancel all jobs and stop the daemons, the last one first."""
    if len(started) == 3:
        try:
            if jobs := queue():
                command("scancel", *jobs)
                wait_until(lambda: not queue(), 20, "jobs end")
        except (TimeoutError, subprocess.CalledProcessError) as error:
            print(f"jobs were left in the queue: {error}")
    for process in reversed(started):
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def slurm() -> Iterator[Path]:
    """A running Slurm; stopped, and all its files removed, at the end.

    Yields:
        The folder with its logs.

    Raises:
        Unavailable: there can be none here.
    """
    require_slurm()
    folder = Path(tempfile.mkdtemp(prefix="tlsfind-slurm-"))
    started: list[subprocess.Popen] = []
    try:
        claim_config(folder)
        try:
            _start_daemons(folder, started)
            yield folder
        finally:
            _stop(started)
            CONFIG.unlink(missing_ok=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
