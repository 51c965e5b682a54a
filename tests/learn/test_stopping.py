"""The stopping rule, case by case."""

import pytest

from tlsfind.learn.stopping import verdict


def decide(iteration, new, total, left, **changes):
    settings = {"stop_fraction": 0.01, "min_iterations": 1, "max_iterations": 5, **changes}
    return verdict(iteration, new, total, left, **settings)


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
    found = decide(iteration, new, total, left)
    assert (found.converged, found.finished) == (converged, finished)
    assert reason in found.reason


def test_a_stop_fraction_of_zero_never_converges():
    found = decide(2, 0, 100, 10, stop_fraction=0.0)
    assert not found.converged
    assert not found.finished


@pytest.mark.parametrize("fewest", [1, 2, 4, 5])
def test_no_convergence_before_the_fewest_iterations(fewest):
    """A batch without TLS at every iteration: the loop ends at ``min_iterations``, not before."""
    found = [decide(k, 0, 100, 10, min_iterations=fewest) for k in range(6)]
    assert [verdict.converged for verdict in found] == [k >= fewest for k in range(6)]
    assert [verdict.finished for verdict in found] == [k >= fewest for k in range(6)]
    for k in range(1, fewest):
        assert found[k].reason.endswith(f"but {fewest} iterations are always run")


def test_no_pair_left_ends_the_loop_before_the_fewest_iterations():
    found = decide(1, 0, 100, 0, min_iterations=3)
    assert (found.converged, found.finished) == (True, True)
    assert found.reason == "every pair has a path"


def test_the_fewest_iterations_change_no_other_reason():
    for case in [(0, 0, 50, 100), (1, 10, 50, 100), (2, 0, 0, 100), (5, 20, 100, 100)]:
        assert decide(*case, min_iterations=4) == decide(*case, min_iterations=1)
