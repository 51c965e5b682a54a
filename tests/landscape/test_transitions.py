"""Transition counts between minima."""

from collections import Counter
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tlsfind.landscape.transitions import NO_MINIMUM, count_transitions


def counts(trajectory, step, minimum):
    frame = count_transitions(np.array(trajectory), np.array(step), np.array(minimum))
    return {(int(a), int(b)): int(n) for a, b, n in frame.itertuples(index=False, name=None)}


def test_directions_are_counted_apart():
    assert counts([0] * 6, range(6), [3, 5, 3, 5, 3, 5]) == {(3, 5): 3, (5, 3): 2}


def test_staying_is_no_transition():
    assert counts([0] * 5, range(5), [1, 1, 1, 2, 2]) == {(1, 2): 1}


def test_an_unconverged_quench_breaks_the_chain():
    assert counts([0] * 5, range(5), [1, NO_MINIMUM, 2, NO_MINIMUM, NO_MINIMUM]) == {}
    assert counts([0] * 4, range(4), [1, 2, NO_MINIMUM, 1]) == {(1, 2): 1}


def test_the_end_of_a_trajectory_breaks_the_chain():
    assert counts([0, 0, 1, 1], [0, 5, 0, 5], [1, 2, 3, 4]) == {(1, 2): 1, (3, 4): 1}


def test_visits_are_ordered_by_step():
    assert counts([0, 0, 0], [100, 20, 3], [3, 2, 1]) == {(1, 2): 1, (2, 3): 1}


def test_nothing_gives_an_empty_table():
    for visits in ([], [4], [NO_MINIMUM, NO_MINIMUM], [2, 2]):
        frame = count_transitions(np.zeros(len(visits), int), np.arange(len(visits)), visits)
        assert len(frame) == 0
        assert list(frame) == ["minimum_from", "minimum_to", "count"]


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.lists(st.integers(NO_MINIMUM, 4), max_size=25), min_size=1, max_size=4),
    st.randoms(use_true_random=False),
)
def test_against_a_naive_count(trajectories, random):
    naive = Counter(
        (a, b)
        for visits in trajectories
        for a, b in pairwise(visits)
        if a != b and NO_MINIMUM not in (a, b)
    )
    rows = [(t, 7 * s, m) for t, visits in enumerate(trajectories) for s, m in enumerate(visits)]
    random.shuffle(rows)
    columns = np.array(rows, dtype=int).reshape(-1, 3).T
    assert counts(*columns) == dict(naive)
