"""A process that solves paths, so that a LAMMPS that dies takes one path with it and no more.

LAMMPS runs inside the process that calls it. A segmentation fault or an abort in it would end a
whole batch. The worker is a process of its own: it is told the pair, and answers with the result.
If it dies, the pair is told to a new worker: what killed the first may have passed, such as a lack
of memory. If that one dies as well, the path's result is ``failed`` with the last error that LAMMPS
wrote in its log, and the next path starts a new worker. A worker whose parent has died ends by
itself.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import signal
import tempfile
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np

from tlsfind.config import Config
from tlsfind.configuration import Configuration
from tlsfind.engine.lammps.library import LOG_VARIABLE, last_error
from tlsfind.errors import TlsfindError
from tlsfind.paths.solver import PathResult, failed_result, solve_path

logger = logging.getLogger("tlsfind")


def solve_pair(
    config: Config, particles: Configuration, a: np.ndarray, b: np.ndarray
) -> PathResult:
    """Solve one path with an engine made for it: a row depends on its pair alone.

    Args:
        config: the run.
        particles: the particles; where they are does not matter.
        a: (N, 3) minimum of lower energy.
        b: (N, 3) the other minimum.

    Raises:
        TlsfindError: the engine cannot be made.
    """
    from tlsfind.engine import make_engine

    engine = make_engine(particles, config)
    return solve_path(
        engine,
        a,
        b,
        particles.box,
        config.paths,
        config.unit_systems,
        config.model.identical(particles.types),
        config.engine,
    )


class WorkerDied(TlsfindError):
    """The process of LAMMPS died."""


def serve(
    connection: Connection, config: Config, log: str, folder: str, task: Callable[..., Any]
) -> None:
    """Do ``task`` with what comes through ``connection`` until it is closed.

    Args:
        connection: brings arguments, takes results or the exceptions that were raised.
        config: the run.
        log: file that LAMMPS logs to.
        folder: removed at the end, because a parent that was killed cannot.
        task: a function of the config and the arguments.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told, and closes the connection
    os.environ[LOG_VARIABLE] = log
    while True:
        try:
            arguments = connection.recv()
        except EOFError:
            shutil.rmtree(folder, ignore_errors=True)
            return
        try:
            answer = task(config, *arguments)
        except TlsfindError as error:
            answer = error
        except Exception as error:  # a fault of tlsfind: the parent's to report, as its own
            traceback.print_exc()
            answer = RuntimeError(f"{type(error).__name__}: {error}")
        connection.send(answer)


class Worker:
    """Solves paths, or does another task, in a process of its own; a context manager.

    Args:
        config: the run.
        task: a function of a module, of the config and of what :meth:`call` is given.
    """

    def __init__(self, config: Config, task: Callable[..., Any] = solve_pair):
        self._config = config
        self._task = task
        self._context = multiprocessing.get_context("spawn")
        self._folder = Path(tempfile.mkdtemp(prefix="tlsfind-worker-"))
        named = os.environ.get(LOG_VARIABLE)
        self._log = Path(f"{named}.worker") if named else self._folder / "log.lammps"
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None

    def _start(self) -> Connection:
        self._log.unlink(missing_ok=True)
        ours, theirs = self._context.Pipe()
        self._process = self._context.Process(
            target=serve,
            args=(theirs, self._config, str(self._log), str(self._folder), self._task),
            daemon=True,
        )
        self._process.start()
        theirs.close()
        self._connection = ours
        return ours

    def solve(self, particles: Configuration, a: np.ndarray, b: np.ndarray) -> PathResult:
        """The result of one pair, as :func:`solve_pair`; ``failed`` if two workers died on it.

        An error that LAMMPS reports is no death: it would come again, and is the result at once.

        Raises:
            TlsfindError: the engine cannot be made.
        """
        try:
            return self.call(particles, a, b)
        except WorkerDied as death:
            logger.warning("%s; the path is tried once more in a new process", death)
        try:
            return self.call(particles, a, b)
        except WorkerDied as death:
            return failed_result(self._config.unit_systems, f"died twice on this path: {death}")

    def call(self, *arguments: Any) -> Any:
        """What the task gives for ``arguments``.

        Raises:
            WorkerDied: the process died; the next call starts another.
            TlsfindError: the task raised it.
            RuntimeError: the task raised anything else.
        """
        connection = self._connection or self._start()
        try:
            connection.send(arguments)
            answer = connection.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise WorkerDied(self._post_mortem()) from None
        if isinstance(answer, TlsfindError | RuntimeError):
            raise answer
        return answer

    def _post_mortem(self) -> str:
        """What is known of the death of the worker, which is put away."""
        process = self._process
        assert process is not None
        process.join()
        code = process.exitcode or 0
        try:
            cause = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        except ValueError:
            cause = f"killed by signal {-code}"
        said = ""
        if self._log.is_file():
            line = last_error(self._log.read_text(errors="replace"))
            said = line if line.startswith("ERROR") else ""
        self._forget()
        return f"the process of LAMMPS died ({cause}); {said or 'its log tells no error'}"

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._process = None

    def close(self) -> None:
        """End the process; a second call does nothing."""
        process = self._process
        self._forget()
        if process is not None:
            process.join(timeout=10)
            if process.is_alive():
                process.kill()
                process.join()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
