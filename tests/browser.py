"""A headless Chromium with the network off, spoken to over a pipe by the DevTools protocol."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--remote-debugging-pipe",
)  # fmt: skip
TIMEOUT = 120.0
#: Chromium reads commands from the first descriptor and answers on the second.
COMMANDS, ANSWERS = 3, 4
HIGH = 100


def executable() -> str | None:
    """The browser, if there is one."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Browser:
    """One page in a browser that reaches nothing but files.

    Attributes:
        complaints: console errors, exceptions and errors of the browser's log since the start.
        requests: addresses that the page asked for, other than ``data:``.
    """

    def __init__(self, profile: Path, width: int = 1280, height: int = 900) -> None:
        """Args: profile: an empty folder; width, height: of the window."""
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._events: list[dict[str, Any]] = []
        self._buffer, self._count, self._session = b"", 0, None
        theirs_in, self._to = _high_pipe()
        self._from, theirs_out = _high_pipe()

        def wire() -> None:
            os.dup2(theirs_in, COMMANDS)
            os.dup2(theirs_out, ANSWERS)

        program = executable()
        assert program is not None
        self._process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            close_fds=False, preexec_fn=wire,
        )  # fmt: skip
        os.close(theirs_in)
        os.close(theirs_out)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        found = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = found["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call(
            "Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1,
            uploadThroughput=-1,
        )  # fmt: skip

    def open(self, file: Path) -> None:
        """Load a file and wait until all of it is there."""
        self._events.clear()
        self.call("Page.navigate", url=Path(file).resolve().as_uri())
        self._wait(lambda: any(e["method"] == "Page.loadEventFired" for e in self._events))

    def value(self, expression: str) -> Any:
        """The value of a JavaScript expression, which may be a promise."""
        found = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def screenshot(self, path: Path, top: float = 0.0, height: float | None = None) -> None:
        """A picture of the page from ``top`` down, the whole page by default."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": top, "width": size["width"], "scale": 1,
                "height": (size["height"] - top) if height is None else height}  # fmt: skip
        shot = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        Path(path).write_bytes(base64.b64decode(shot["data"]))

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol and its result."""
        self._count += 1
        number = self._count
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to, data) :]
        answers: list[dict[str, Any]] = []

        def answered() -> bool:
            answers.extend(e for e in self._events if e.get("id") == number)
            return bool(answers)

        self._wait(answered)
        assert "error" not in answers[0], f"{method}: {answers[0]['error']}"
        return answers[0]["result"]

    def _wait(self, done: Any) -> None:
        end = time.monotonic() + TIMEOUT
        while not done():
            if time.monotonic() > end or self._process.poll() is not None:
                raise TimeoutError(f"the browser gave no answer (status {self._process.poll()})")
            if not select.select([self._from], [], [], 1.0)[0]:
                continue
            self._buffer += os.read(self._from, 1 << 20)
            *whole, self._buffer = self._buffer.split(b"\0")
            for message in map(json.loads, whole):
                self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        self._events.append({"method": "", **message})
        details = message.get("params", {})
        match message.get("method"):
            case "Runtime.consoleAPICalled" if details["type"] in ("error", "assert"):
                self.complaints.append(json.dumps(details["args"]))
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(details["exceptionDetails"]))
            case "Log.entryAdded" if details["entry"]["level"] == "error":
                self.complaints.append(details["entry"]["text"])
            case "Network.requestWillBeSent" if not details["request"]["url"].startswith("data:"):
                self.requests.append(details["request"]["url"])

    def close(self) -> None:
        """End the browser."""
        self._process.terminate()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._to)
        os.close(self._from)

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _high_pipe() -> tuple[int, int]:
    """A pipe whose descriptors are none of those that the browser expects."""
    ends = []
    for end in os.pipe():
        ends.append(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, HIGH))
        os.close(end)
    return ends[0], ends[1]
