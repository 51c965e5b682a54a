"""A call in a second process, beside what this one does."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from tlsfind.errors import TlsfindError
from tlsfind.interrupts import Ending

#: Seconds that the second process has for cleaning up.
PATIENCE = 10.0

T = TypeVar("T")


@contextmanager
def beside(
    function: Callable[..., T], *arguments: Any, processes: int = 2
) -> Iterator[Callable[[], T]]:
    """Call ``function(*arguments)`` in a process of its own while the body runs.

    The process starts afresh, so function, arguments, result and exceptions must pickle. It ends
    with this one, however that ends, and is ended if the body leaves without asking for the result.

    Args:
        function: of a module, not a lambda.
        arguments: of the call.
        processes: with 1 there is no second process: the call is made when it is asked for.

    Yields:
        What waits for the result and returns it, or raises what the call raised.
    """
    if processes < 2:
        yield lambda: function(*arguments)
        return
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(sender, function, arguments), daemon=True)
    process.start()
    sender.close()
    try:
        yield lambda: _answer_of(process, receiver)
    finally:
        receiver.close()
        process.terminate()
        process.join(PATIENCE)
        process.kill()
        process.join()


def _answer(sender: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """What the second process does; SIGTERM lets it clean up."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    ending = Ending()
    try:
        ending.begin()
        answer: tuple[bool, Any] = True, function(*arguments)
    except BaseException as error:  # the first process raises it
        answer = False, _portable(error)
    ending.closed = True
    ending.end()
    with suppress(BrokenPipeError):  # nobody waits any more
        sender.send(answer)


def _portable(error: BaseException) -> BaseException:
    """The error, or one with its words where it does not pickle; with where it came from."""
    place = "".join(traceback.format_exception(error))
    try:
        found = pickle.loads(pickle.dumps(error))
    except Exception:  # whatever its class makes of that
        found = TlsfindError(f"{type(error).__name__}: {error}")
    found.add_note(f"In the second process:\n{place}")
    return found


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _answer_of(process: BaseProcess, receiver: Connection) -> Any:
    try:
        fine, answer = receiver.recv()
    except EOFError:
        process.join()
        memory = " (out of memory?)" if process.exitcode == -signal.SIGKILL else ""
        raise TlsfindError(
            f"a process of this command ended with status {process.exitcode} before it had its "
            f"result, expected it to go on{memory}"
        ) from None
    if not fine:
        raise answer
    return answer
