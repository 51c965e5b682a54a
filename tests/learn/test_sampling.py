"""Random keys and the rows of lowest score against plain pandas and Python sets."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from tlsfind.learn.sampling import Smallest, random_keys
from tlsfind.pairs.keys import KEYS, PairSet

pair = st.tuples(st.sampled_from("ABC"), st.integers(0, 3), st.integers(0, 2**31 - 1))


def frame_of(rows) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=KEYS)
    return frame.astype({"glass": str, "minimum_a": np.int32, "minimum_b": np.int32})


@given(
    st.lists(st.tuples(pair, st.sampled_from([-1.0, 0.0, 0.5, np.nan])), unique_by=lambda x: x[0]),
    st.integers(0, 12),
    st.integers(1, 7),
    st.sets(pair, max_size=5),
)
@settings(deadline=None)
def test_smallest_equals_a_sort_of_everything(rows, size, step, excluded):
    frame = frame_of([row[0] for row in rows])
    frame["score"] = np.array([row[1] for row in rows], dtype=float)
    frame["key"] = random_keys(frame, np.random.SeedSequence(3))
    excluded |= {row[0] for row in rows[:2]}
    keeper = Smallest(size, exclude=PairSet(frame_of(excluded)))
    for start in range(0, len(frame), step):
        keeper.add(frame[start : start + step].astype({"glass": "category"}))
    free = [tuple(row) not in excluded for row in frame[KEYS].itertuples(index=False)]
    naive = (
        frame[np.array(free, dtype=bool)]
        .dropna(subset="score")
        .sort_values(list(Smallest.ORDER))
        .head(size)
    )
    kept = keeper.rows()[list(Smallest.ORDER)]
    assert kept.values.tolist() == naive[list(Smallest.ORDER)].values.tolist()


def test_random_keys_depend_on_pair_and_seed_only():
    frame = frame_of([(glass, a, b) for glass in "AB" for a in range(30) for b in range(a + 1, 60)])
    one, other = np.random.SeedSequence(1), np.random.SeedSequence(2)
    keys = random_keys(frame, one)
    shuffled = frame.sample(frac=1.0, random_state=0).astype({"glass": "category"})
    assert (random_keys(shuffled, one) == keys[shuffled.index]).all()
    assert (random_keys(frame, other) != keys).all()
    assert len(np.unique(keys)) == len(keys)


def test_random_keys_are_uniform():
    frame = frame_of([("A", a, b) for a in range(150) for b in range(a + 1, 150)])
    keys = random_keys(frame, np.random.SeedSequence(1)) / 2.0**64
    counts, _ = np.histogram(keys, bins=20, range=(0, 1))
    chi_squared = ((counts - len(keys) / 20) ** 2 / (len(keys) / 20)).sum()
    assert chi_squared < 43.8  # 99.9 % quantile for 19 degrees of freedom
    neighbours = np.corrcoef(keys[:-1], keys[1:])[0, 1]
    assert abs(neighbours) < 4 / np.sqrt(len(keys))
