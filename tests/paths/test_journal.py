"""The journal of a batch: lines that are cut off, and one process at a time."""

import resource
import threading

import numpy as np
import pytest

from tlsfind.errors import InputError
from tlsfind.paths.journal import Journal, count_whole

ROW = {"status": "double_well", "barrier": 0.1, "xi": [0.0, float("nan")], "wells": np.int32(2)}


def candidate(seed, n=500):
    positions = np.random.default_rng(seed).normal(size=3 * n)
    return {"glass": "T0.12-0000", "image": 7, "energy": -0.1, "positions": positions}


def test_a_line_that_a_full_disk_cut_off_is_passed_over(tmp_path):
    """Here the disk is full where the file may not grow any more (RLIMIT_FSIZE)."""
    path = tmp_path / "out" / "b.journal"
    with Journal(path, "me") as journal:
        journal.add("1", ROW, [candidate(1)])
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 5000, hard))
        try:
            with pytest.raises(InputError, match=r"b\.journal cannot be written.*folder .*out\)"):
                journal.add("2", ROW, [candidate(2)])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert count_whole(path) == (1, 1)
    with Journal(path, "me") as journal:
        assert journal.find("2") is None
        journal.add("3", ROW, [])
    with Journal(path, "me") as journal:
        assert len(journal) == 2
        row, (found,) = journal.find("1")
        assert repr(row) == repr({**ROW, "wells": 2})
        expected = candidate(1)
        assert found.pop("positions").tobytes() == expected.pop("positions").tobytes()
        assert found == expected
        assert journal.find("3") == (row | {"xi": journal.find("3")[0]["xi"]}, [])
    assert count_whole(path) == (2, 1)
    assert path.read_bytes().count(b"\n") == 4
    with Journal(path, "other"):
        assert count_whole(path) == (0, 0)


def test_a_journal_in_use_is_waited_for(tmp_path):
    """By a job whose workflow was killed, and which goes on alone."""
    path, found = tmp_path / "b.journal", []

    def second():
        with Journal(path, "me") as journal:
            found.append(len(journal))

    with Journal(path, "me") as first:
        first.add("1", ROW, [])
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(timeout=0.3)
        assert waiting.is_alive()
        assert not found
        first.add("2", ROW, [])
    waiting.join()
    assert found == [2]
