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


MISSING = {"stop_on": "missing", "missing_fraction": 0.05}


@pytest.mark.parametrize(
    ("high", "total", "converged"),
    [
        (5.0, 100, True),  # 5 of 105 are below a twentieth
        (5.0, 95, False),  # 5 of 100 are not
        (6.0, 100, False),
        (0.0, 100, True),
        (0.0, 1, True),
        (None, 100, False),  # not known
    ],
)
def test_missing_tls_are_compared_with_all_found_and_missing(high, total, converged):
    found = decide(2, 50, total, 1000, missing_high=high, **MISSING)
    assert (found.converged, found.finished) == (converged, converged)
    assert "are estimated missing" in found.reason
    assert ("below 0.05" in found.reason) == converged


def test_the_rules_do_not_mix():
    """A batch without TLS says nothing to `missing`, few missing ones nothing to `last_batch`."""
    assert not decide(2, 0, 100, 1000, missing_high=50.0, **MISSING).converged
    assert not decide(2, 50, 100, 1000, missing_high=0.0).converged


@pytest.mark.parametrize(
    ("new", "high", "converged", "reason"),
    [
        (0, 50.0, True, "the last batch added 0 of 100 TLS, below 0.01 of all"),
        (50, 1.0, True, "at most 1.0 TLS are estimated missing, below 0.05 of all"),
        (
            0,
            1.0,
            True,
            "the last batch added 0 of 100 TLS, below 0.01 of all and at most 1.0 TLS are "
            "estimated missing, below 0.05 of all",
        ),
        (
            50,
            50.0,
            False,
            "the last batch added 50 of 100 TLS, at least 0.01 of all and at most 50.0 TLS are "
            "estimated missing, at least 0.05 of all",
        ),
    ],
)
def test_either_rule_ends_the_loop(new, high, converged, reason):
    found = decide(2, new, 100, 1000, missing_high=high, **{**MISSING, "stop_on": "either"})
    assert (found.converged, found.finished) == (converged, converged)
    assert found.reason == reason


@pytest.mark.parametrize("stop_on", ["last_batch", "missing", "either"])
def test_what_holds_for_every_rule(stop_on):
    settings = {"missing_high": 0.0, "stop_on": stop_on, "missing_fraction": 0.05}
    assert not decide(0, 0, 100, 1000, **settings).finished  # the initial batch is no evidence
    no_tls = decide(2, 0, 0, 1000, **settings)
    assert (no_tls.converged, no_tls.reason) == (False, "no TLS was found yet")
    early = decide(1, 0, 100, 1000, min_iterations=2, **settings)
    assert not early.finished
    assert early.reason.endswith("but 2 iterations are always run")
    assert decide(2, 0, 100, 1000, min_iterations=2, **settings).converged
    assert decide(5, 0, 0, 1000, **settings).finished
    assert decide(0, 0, 0, 0, **settings).converged
