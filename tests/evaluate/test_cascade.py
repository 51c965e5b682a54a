"""What the cascade keeps: counted by hand on small pools, measured on made-up labelled pairs."""

from __future__ import annotations

import numpy as np
import pytest

from tlsfind.evaluate import cascade
from tlsfind.evaluate.cascade import Pool


def pool(screened, full, tls, **changes) -> Pool:
    values = {"cutoff": 0.0, "screen_seconds": 1e-6, "ensemble_seconds": 1e-5, **changes}
    return Pool(np.array(screened), np.array(full), np.array(tls, dtype=bool), **values)


#: Ten pairs whose screening scores fall; the ensembles' two best are the fourth and the first.
TEN = pool(
    np.linspace(1.0, 0.1, 10),
    [0.8, 0.1, 0.2, 0.9, 0, 0, 0, 0, 0, 0],
    [1, 0, 0, 1, 0, 0, 0, 0, 0, 0],
)


def test_ranks_count_from_the_highest_score():
    assert cascade.ranks(np.array([0.1, 0.9, 0.5, 0.9])).tolist() == [3, 0, 2, 1]


@pytest.mark.parametrize(
    ("share", "pairs", "lost", "top_two"), [(0.1, 1, 1, 0.5), (0.3, 3, 1, 0.5), (0.4, 4, 0, 1.0)]
)
def test_a_share_keeps_the_pairs_of_highest_screening_score(share, pairs, lost, top_two):
    found = cascade.kept([TEN], share, tops=[2, 50])
    assert (found.pairs, found.tls, found.tls_lost) == (pairs, 2, lost)
    assert found.recall_tls == 1.0 - lost / 2
    assert found.recall_top == {"2": top_two}  # there are no 50 pairs
    assert found.microseconds_per_pair == pytest.approx(0.1 + share * 1.0)


def test_pools_count_each_with_their_own_order():
    other = pool(TEN.screened[::-1], TEN.full, TEN.tls)
    found = cascade.kept([TEN, other], 0.4, tops=[2])
    assert (found.pairs, found.tls, found.tls_lost) == (8, 4, 2)
    assert found.recall_top == {"2": 0.5}
    assert cascade.smallest_share([TEN]) == 0.4
    assert cascade.smallest_share([TEN, other]) == 1.0


def test_no_tls_can_be_lost_where_there_is_none():
    none = pool(TEN.screened, TEN.full, np.zeros(10, dtype=bool))
    found = cascade.kept([none], 0.1, tops=[1])
    assert (found.tls, found.tls_lost, found.recall_tls) == (0, 0, None)
    assert cascade.smallest_share([none]) == 0.0
