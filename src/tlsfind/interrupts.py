"""Signals that end a command: SIGTERM of a batch system, SIGHUP of a terminal, Ctrl-C.

A signal becomes an exception in the main thread, so that temporary files are removed and children
ended on the way out. Where C code calls back into Python (a minimisation of LAMMPS, the training of
CatBoost) an exception cannot pass and is dropped by whoever made the call. Against that:

* around our own callbacks signals are held back until the C code has returned (:func:`held_back`);
* of anybody else's, an exception that was dropped exists no more, or something else has taken its
  place: a thread looks for that and sends the signal again (:class:`Ending`).
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

#: Seconds after which a signal whose exception was dropped is sent again.
AGAIN = 1.0
#: Seconds after the first signal from which the process is left without an exception.
PATIENCE = 10.0
#: The same while an exception is on its way out, with cleaning up to be done.
CLEANING_UP = 25.0
#: Seconds for leaving in that way, after which the process just ends.
LAST = 5.0


class Terminated(BaseException):
    """A signal asks the process to end. Not an Exception: nothing but the cleaning up sees it."""


class Ending:
    """What SIGTERM and SIGHUP do while a command runs.

    A signal that is ignored (``nohup``) or handled by a caller is left alone, and so is everything
    where this is not the main thread. Whoever calls :meth:`begin` sets ``closed`` at the end, whose
    assignment cannot be interrupted, and then calls :meth:`end`.

    Attributes:
        kind: the signal that came, None before.
        closed: whether the command is over; signals raise nothing any more.
    """

    def __init__(self) -> None:
        self.kind: int | None = None
        self.closed = False
        self._kinds: list[int] = []
        self._hook = sys.unraisablehook
        self._process = os.getpid()
        self._main = threading.get_ident()
        self._raised: Callable[[], Terminated | None] = lambda: None
        self._forced = self._said = False
        self._lock = threading.Lock()

    @property
    def message(self) -> str:
        """What to say of the end."""
        return "" if self.kind is None else f"ended by {signal.Signals(self.kind).name}"

    @property
    def status(self) -> int:
        """Exit status of a process that the signal ended."""
        return 128 + (self.kind or 0)

    def begin(self) -> None:
        """Handle the signals from now on."""
        if threading.current_thread() is not threading.main_thread():
            return
        for kind in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(kind) == signal.SIG_DFL:
                self._kinds.append(kind)
                signal.signal(kind, self._handle)
        self._hook, sys.unraisablehook = sys.unraisablehook, self._dropped

    def _dropped(self, what: Any) -> None:
        """Say nothing of an exception of ours that was dropped: it comes again."""
        if not isinstance(what.exc_value, Terminated):
            self._hook(what)

    def end(self) -> None:
        """Leave the signals as they were."""
        self.closed = True
        if sys.unraisablehook == self._dropped:
            sys.unraisablehook = self._hook
        with self._lock:  # nothing is being sent
            for kind in self._kinds:
                signal.signal(kind, signal.SIG_DFL)

    def _handle(self, kind: int, _: object) -> None:
        """Raise, unless the command is over."""
        if os.getpid() != self._process:  # a fork: its own, without a thread that looks after it
            raise Terminated(kind)
        if self.closed or self._said:
            return
        if self._forced:
            self._leave()
        if self.kind is None:
            self.kind = kind
            threading.Thread(target=self._watch, daemon=True).start()
        if not self._is_on_its_way():  # impatient users: do not disturb the cleaning up
            raise self._new()

    def _new(self) -> Terminated:
        """An exception that we can tell the end of: no frame of ours keeps it alive."""
        error = Terminated(self.message)
        self._raised = weakref.ref(error)
        return error

    def _watch(self) -> None:
        """Send the signal again where its exception was dropped; end the process at last."""
        begin = time.monotonic()
        while not self.closed:
            time.sleep(AGAIN)
            past = time.monotonic() - begin
            on_its_way = self._is_on_its_way()
            limit = CLEANING_UP if on_its_way else PATIENCE
            with self._lock:
                if self.closed:
                    return
                if past > limit + LAST:  # C code that does not come back
                    self._say()
                    os._exit(self.status)
                self._forced = self._forced or past > limit
                if self._forced or not on_its_way:
                    assert self.kind is not None
                    signal.pthread_kill(self._main, self.kind)

    def _is_on_its_way(self) -> bool:
        """Whether an exception that ends the command is being raised, or cleaned up after.

        CatBoost, for one, makes a KeyboardInterrupt of ours.
        """
        if self._raised() is not None:
            return True
        # A tuple up to Python 3.11, then the exception.
        found = sys._current_exceptions().get(self._main)
        error = found[1] if isinstance(found, tuple) else found
        while error is not None:
            if isinstance(error, Terminated | KeyboardInterrupt | SystemExit):
                return True
            error = error.__context__
        return False

    def _leave(self) -> None:
        """End the process from the main thread, which does nothing else meanwhile.

        The temporary files that are known to ``atexit`` are removed, daemonic children ended.
        """
        self._say()
        with suppress(BaseException):
            atexit._run_exitfuncs()  # those of tempfile and multiprocessing among them
        os._exit(self.status)

    def _say(self) -> None:
        if self._said:
            return
        self._said = True
        with suppress(OSError):
            os.write(2, f"tlsfind: {self.message}\n".encode())


@contextmanager
def held_back(stop: Callable[[], None] | None = None) -> Iterator[None]:
    """Let the signals that end a command wait until the work inside is done.

    For C code that calls back into Python. They are then handled as ever, so that the work's
    result is not used. Does nothing outside of the main thread, where signals are not handled.

    Args:
        stop: called when a signal comes, to end the work early.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def hold(kind: int, _: object) -> None:
        came.append(kind)
        if stop is not None:
            stop()

    before = {}
    try:
        for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            handler = signal.getsignal(kind)
            if callable(handler):
                before[kind] = handler
                signal.signal(kind, hold)
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
        for came_kind in dict.fromkeys(came):
            signal.raise_signal(came_kind)
