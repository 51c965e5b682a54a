"""Streams of pairs against plain pandas and Python sets."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlsfind import tables
from tlsfind.errors import InputError
from tlsfind.pairs.keys import KEYS, PairSet, batches, count_rows, join_columns

pair = st.tuples(st.sampled_from("ABC"), st.integers(0, 3), st.integers(0, 2**31 - 1))


def frame_of(rows) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=KEYS)
    return frame.astype({"glass": str, "minimum_a": np.int32, "minimum_b": np.int32})


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """The pairs of two glasses: files, and one frame of all rows in their order."""
    rng = np.random.default_rng(4)
    folder = tmp_path_factory.mktemp("pairs")
    schema = tables.schema("pairs", tables.pairs_columns(3))
    files, frames = [], []
    for name, minima in (("A", 60), ("B", 45)):
        first, second = np.triu_indices(minima, 1)
        frame = pd.DataFrame(0, index=range(len(first)), columns=schema.names)
        frame = frame.assign(glass=name, minimum_a=first, minimum_b=second)
        frame["delta_e"] = rng.exponential(size=len(frame))
        files.append(folder / f"{name}.parquet")
        tables.write(frame, files[-1], schema)
        frames.append(tables.read(files[-1]))
    return files, pd.concat(frames, ignore_index=True)


@given(st.lists(pair, max_size=30), st.lists(pair, max_size=30))
@settings(deadline=None)
def test_pair_set_is_a_set_of_keys(members, questions):
    pairs = PairSet(frame_of(members))
    assert len(pairs) == len(set(members))
    expected = [question in set(members) for question in questions]
    assert pairs.contains(frame_of(questions)).tolist() == expected


def test_batches_read_everything_whatever_their_size(stored):
    files, frame_of_all = stored
    for rows in (7, 1000, None):
        frames = [frame for _, frame in batches(files, ["glass", "minimum_b"], rows)]
        assert rows is None or max(map(len, frames)) <= rows
        read = pd.concat([frame.astype({"glass": str}) for frame in frames], ignore_index=True)
        pd.testing.assert_frame_equal(read, frame_of_all[["glass", "minimum_b"]])
    assert count_rows(files) == len(frame_of_all)


def test_bad_tables_are_named_before_any_row_is_read(stored, tmp_path):
    files, _ = stored
    whole = files[0].read_bytes()
    truncated = tmp_path / "truncated.parquet"
    truncated.write_bytes(whole[: len(whole) // 2])
    cases = {
        "truncated.parquet is not a complete Parquet file": ([files[0], truncated], KEYS),
        "missing.parquet does not exist": (
            [files[0], tmp_path / "missing.parquet"],
            KEYS,
        ),
        "lacks the column.s. score; it has glass": (files, [*KEYS, "score"]),
        "no table was given": ([], KEYS),
    }
    for message, (files, columns) in cases.items():
        with pytest.raises(InputError, match=message):
            next(batches(files, columns))


def test_a_damaged_page_is_named(stored, tmp_path):
    files, _ = stored
    content = bytearray(files[0].read_bytes())
    content[40:4000] = bytes(3960)
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(content)
    with pytest.raises(InputError, match=r"damaged.parquet is damaged"):
        list(batches([damaged], tables.schema("pairs", tables.pairs_columns(3)).names))


def test_columns_are_joined_in_the_order_of_the_rows(stored, tmp_path):
    files, every = stored
    rows = every.sample(50, random_state=1)[KEYS].assign(mine=np.arange(50))
    expected = every.set_index(KEYS).loc[list(rows[KEYS].itertuples(index=False, name=None))]
    for size in (7, None):
        found = join_columns(rows, files, ["delta_e"], "here", size)
        assert found["mine"].tolist() == list(range(50))
        np.testing.assert_array_equal(found["delta_e"], expected["delta_e"])
    shuffled = tmp_path / "shuffled.parquet"
    schema = tables.schema("pairs", tables.pairs_columns(3))
    tables.write(every.sample(frac=1, random_state=0), shuffled, schema)
    found = join_columns(rows, [shuffled, *files], ["delta_e"], "here")
    np.testing.assert_array_equal(found["delta_e"], expected["delta_e"])
    none = join_columns(rows[:0], files, ["delta_e"], "here")
    assert list(none.columns) == [*KEYS, "mine", "delta_e"]
    assert len(none) == 0


def test_a_row_without_its_pair_is_named(stored):
    files, _ = stored
    rows = frame_of([("A", 0, 1), ("A", 0, 777), ("C", 0, 1)])
    with pytest.raises(InputError, match=r"2 of 3 pairs in x\.parquet .* the first is A, 0, 777;"):
        join_columns(rows, files, ["delta_e"], "x.parquet")
