"""The stopping rule, case by case."""

import pytest

from tlsfind.learn.stopping import verdict


@pytest.mark.parametrize(
    ("iteration", "new", "total", "left", "converged", "finished", "reason"),
    [
        (0, 0, 0, 100, False, False, "initial batch"),
        (0, 0, 50, 100, False, False, "initial batch"),
        (1, 10, 50, 100, False, False, "added 10 of 50"),
        (2, 1, 100, 100, False, False, "at least 0.01"),
        (2, 0, 100, 100, True, True, "added 0 of 100"),
        (3, 1, 101, 100, True, True, "added 1 of 101"),
        (3, 0, 0, 100, False, False, "no TLS"),
        (5, 0, 0, 100, False, True, "maximum of 5"),
        (5, 20, 100, 100, False, True, "maximum of 5"),
        (5, 0, 100, 100, True, True, "added 0 of 100"),
        (0, 3, 3, 0, True, True, "every pair"),
        (2, 3, 6, 0, True, True, "every pair"),
    ],
)
def test_verdict(iteration, new, total, left, converged, finished, reason):
    found = verdict(iteration, new, total, left, stop_fraction=0.01, max_iterations=5)
    assert (found.converged, found.finished) == (converged, finished)
    assert reason in found.reason


def test_a_stop_fraction_of_zero_never_converges():
    found = verdict(2, 0, 100, 10, stop_fraction=0.0, max_iterations=5)
    assert not found.converged
    assert not found.finished
