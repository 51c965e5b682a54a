"""Streams of pairs against plain pandas and Python sets."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlsfind import tables
from tlsfind.errors import InputError
from tlsfind.learn import pairkeys
from tlsfind.learn.pairkeys import KEYS, PairSet, Smallest, batches, random_keys

pair = st.tuples(st.sampled_from("ABC"), st.integers(0, 3), st.integers(0, 2**31 - 1))


def frame_of(rows) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=KEYS)
    return frame.astype({"glass": str, "minimum_a": np.int32, "minimum_b": np.int32})


@given(st.lists(pair, max_size=30), st.lists(pair, max_size=30))
@settings(deadline=None)
def test_pair_set_is_a_set_of_keys(members, questions):
    pairs = PairSet(frame_of(members))
    assert len(pairs) == len(set(members))
    expected = [question in set(members) for question in questions]
    assert pairs.contains(frame_of(questions)).tolist() == expected


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


def test_batches_read_everything_whatever_their_size(landscape):
    for rows in (7, 1000, None):
        frames = [frame for _, frame in batches(landscape.files, ["glass", "minimum_b"], rows)]
        assert rows is None or max(map(len, frames)) <= rows
        read = pd.concat([frame.astype({"glass": str}) for frame in frames], ignore_index=True)
        pd.testing.assert_frame_equal(read, landscape.frame[["glass", "minimum_b"]])
    assert pairkeys.count_rows(landscape.files) == len(landscape.frame)


def test_bad_tables_are_named_before_any_row_is_read(landscape, tmp_path):
    whole = landscape.files[0].read_bytes()
    truncated = tmp_path / "truncated.parquet"
    truncated.write_bytes(whole[: len(whole) // 2])
    cases = {
        "truncated.parquet is not a complete Parquet file": ([landscape.files[0], truncated], KEYS),
        "missing.parquet does not exist": (
            [landscape.files[0], tmp_path / "missing.parquet"],
            KEYS,
        ),
        "lacks the column.s. score; it has glass": (landscape.files, [*KEYS, "score"]),
        "no table was given": ([], KEYS),
    }
    for message, (files, columns) in cases.items():
        with pytest.raises(InputError, match=message):
            next(batches(files, columns))


def test_a_damaged_page_is_named(landscape, tmp_path):
    content = bytearray(landscape.files[0].read_bytes())
    content[40:4000] = bytes(3960)
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(content)
    with pytest.raises(InputError, match=r"damaged.parquet is damaged"):
        list(batches([damaged], tables.schema("pairs", tables.pairs_columns(3)).names))
