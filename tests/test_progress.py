"""Progress lines of a batch job."""

import logging
import re
import sys

import pytest

from tlsfind import progress as module
from tlsfind.progress import progress, track

STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO "


def test_batch_job_gets_one_line_at_the_end_and_nothing_on_standard_output(capsys):
    with progress(7, "quenches") as advance:
        for _ in range(3):
            advance()
        advance(4)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert re.match(STAMP + "quenches: 7 of 7 done", captured.err)


def test_lines_are_at_least_the_interval_apart(capsys):
    now = 0.0
    with module._lines(100, "paths", clock=lambda: now) as advance:
        for _ in range(100):
            now += 1.0
            advance()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" after ")[-1] for line in lines[:-1]] == ["30 s", "60 s", "90 s"]
    assert re.fullmatch(STAMP + r"paths: 30 of 100 \(30 %\) after 30 s", lines[0])


def test_lines_look_like_those_of_the_log(capsys):
    """One log: the command's own lines and the progress between them have the same form."""
    from tlsfind.cli.common import start_log

    log = logging.getLogger("tlsfind")
    before = log.handlers, log.level
    start_log()
    log.info("first")
    with progress(1, "second") as advance:
        advance()
    log.handlers, log.level = before
    lines = capsys.readouterr().err.splitlines()
    assert [re.sub(STAMP, "", line).split(":")[0] for line in lines] == ["first", "second"]


def test_failed_work_does_not_claim_to_be_done(capsys):
    def work():
        with progress(2, "work"):
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        work()
    assert "done" not in capsys.readouterr().err


def test_bar_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress(2, "minima") as advance:
        advance(2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "2/2" in captured.err


def test_track_yields_everything_and_needs_a_length(capsys):
    assert list(track([1, 2, 3], "items")) == [1, 2, 3]
    assert "items: 3 of 3 done" in capsys.readouterr().err
    assert list(track(iter("ab"), "letters", total=2)) == ["a", "b"]
    with pytest.raises(TypeError, match="total"):
        list(track(iter("ab"), "letters"))
