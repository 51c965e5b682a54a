"""A call in a second process, beside what this one does."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from tlsfind.errors import TlsfindError

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
        process.join()


def _answer(sender: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """What the second process does."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        answer: tuple[bool, Any] = True, function(*arguments)
    except BaseException as error:  # the first process raises it
        answer = False, error
    sender.send(answer)


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
        raise TlsfindError(
            f"a process of this command ended with status {process.exitcode} before it had its "
            "result, expected it to go on (out of memory?)"
        ) from None
    if not fine:
        raise answer
    return answer
