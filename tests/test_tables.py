"""Tables: complete or absent, of one schema, with their provenance."""

from __future__ import annotations

import errno
import shutil

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tlsfind import __version__, tables
from tlsfind.errors import InputError

TRANSITIONS = [
    {"glass": "T0.09-0000", "minimum_from": 0, "minimum_to": 3, "count": 5},
    {"glass": "T0.09-0000", "minimum_from": 3, "minimum_to": 0, "count": 4},
]


def stamped(name="transitions"):
    return tables.stamped(tables.schema(name), "abc123", 7)


@pytest.mark.parametrize("kind", [list, pd.DataFrame, pa.Table])
def test_round_trip(tmp_path, kind):
    rows = TRANSITIONS
    if kind is pd.DataFrame:
        rows = pd.DataFrame(TRANSITIONS)
    elif kind is pa.Table:
        rows = tables.to_arrow(TRANSITIONS, stamped())
    path = tmp_path / "new" / "folder" / "transitions.parquet"
    tables.write(rows, path, stamped())
    assert tables.read(path).to_dict("records") == TRANSITIONS
    assert tables.open_file(path).schema_arrow.equals(stamped())


def test_round_trip_of_lists_and_nulls(tmp_path):
    columns = tables.paths_columns(["argon"])
    schema = tables.stamped(tables.schema("paths", columns))
    profile = {"glass": "g", "minimum_a": 1, "minimum_b": 2, "xi": [0.0, 1.0], "energy": [0.0, 0.5]}
    failed = {"glass": "g", "minimum_a": 1, "minimum_b": 3, "status": "failed"}
    path = tmp_path / "paths.parquet"
    tables.write([profile, failed], path, schema)
    frame = tables.read(path)
    assert list(frame.columns) == [name for name, _, _ in columns]
    assert frame["energy"][0].tolist() == [0.0, 0.5]
    assert frame["xi"][1] is None
    assert frame["barrier"].isna().all()


def test_metadata(tmp_path):
    path = tmp_path / "transitions.parquet"
    tables.write(pd.DataFrame(TRANSITIONS), path, stamped())
    assert tables.metadata(path) == {
        "table": "transitions",
        "schema_version": str(tables.SCHEMA_VERSION),
        "tlsfind_version": __version__,
        "config_hash": "abc123",
        "seed": "7",
    }


def test_missing_columns_become_null_and_others_are_dropped():
    frame = pd.DataFrame({"glass": ["g"], "minimum_from": [1], "other": ["x"]})
    table = tables.to_arrow(frame, stamped())
    assert table.schema.equals(stamped())
    assert table["count"].null_count == 1


def test_failing_writer_leaves_nothing(tmp_path):
    path = tmp_path / "transitions.parquet"

    def fail_half_way():
        with tables.writer(path, stamped()) as out:
            out.write_table(tables.to_arrow(TRANSITIONS, stamped()))
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fail_half_way()
    assert list(tmp_path.iterdir()) == []


def test_failing_writer_keeps_the_old_table(tmp_path):
    path = tmp_path / "transitions.parquet"
    tables.write(TRANSITIONS, path, stamped())
    before = path.read_bytes()
    with pytest.raises(pa.ArrowInvalid):
        tables.write([{"glass": "g", "count": "many"}], path, stamped())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_file_appears_only_when_complete(tmp_path):
    path = tmp_path / "transitions.parquet"
    with tables.writer(path, stamped()) as out:
        out.write_table(tables.to_arrow(TRANSITIONS, stamped()))
        assert not path.exists()
    assert len(tables.read(path)) == 2


def test_streamed_blocks_are_one_table(tmp_path):
    path = tmp_path / "transitions.parquet"
    with tables.writer(path, stamped()) as out:
        for row in TRANSITIONS:
            out.write_table(tables.to_arrow([row], stamped()))
    assert tables.read(path).to_dict("records") == TRANSITIONS


@pytest.mark.parametrize("kept", [0, 4, 0.5, -1])
def test_truncated_table(tmp_path, kept):
    path = tmp_path / "transitions.parquet"
    tables.write(TRANSITIONS, path, stamped())
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept) if isinstance(kept, float) else kept])
    with pytest.raises(InputError, match="not a complete Parquet file") as caught:
        tables.read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_damaged_content(tmp_path):
    path = tmp_path / "transitions.parquet"
    tables.write(TRANSITIONS * 1000, path, stamped())
    content = bytearray(path.read_bytes())
    content[4:60] = bytes(56)
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        tables.read(path)


def test_one_changed_bit_is_noticed(tmp_path):
    """Compressed random numbers are stored as they are: only the checksum of the page sees it."""
    path = tmp_path / "candidates.parquet"
    rows = [
        {"glass": "T0.09-0000", "positions": positions}
        for positions in np.random.default_rng(1).normal(size=(20, 900))
    ]
    tables.write(rows, path, stamped("candidates"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    plain = pq.ParquetFile(path).read().column("positions").to_pylist()
    assert sum(list(r["positions"]) != p for r, p in zip(rows, plain, strict=True)) == 1
    with pytest.raises(InputError, match="damaged"):
        tables.read(path)


def test_missing_table_and_column(tmp_path):
    path = tmp_path / "transitions.parquet"
    with pytest.raises(InputError, match="does not exist"):
        tables.read(path)
    tables.write(TRANSITIONS, path, stamped())
    with pytest.raises(InputError, match=r"lacks the column\(s\) weight; it has glass,"):
        tables.read(path, ["count", "weight"])


def test_read_many_keeps_the_order_and_types_of_empty_tables(tmp_path):
    first, second, empty = (tmp_path / f"{name}.parquet" for name in "abc")
    tables.write(TRANSITIONS[:1], first, stamped())
    tables.write(TRANSITIONS[1:], second, stamped())
    tables.write([], empty, stamped())
    assert tables.read_many([second, empty, first])["count"].tolist() == [4, 5]
    nothing = tables.read_many([empty, empty])
    assert len(nothing) == 0
    assert nothing["count"].dtype == "int64"
    with pytest.raises(InputError, match="no table was given"):
        tables.read_many([])


def test_columns_are_unique():
    everything = [
        *tables.FIXED.values(),
        tables.pairs_columns(5),
        tables.paths_columns(["argon", "nip"]),
        tables.library_columns(5, ["argon", "nip"]),
    ]
    for columns in everything:
        names = [name for name, _, _ in columns]
        assert len(names) == len(set(names))


def test_ten_features_for_three_particles():
    """Checklist 29: M = 3 gives 10 features."""
    assert len(tables.feature_names(3)) == 10
    assert len(tables.feature_names(5)) == 14


def test_batches_give_whole_rows_until_the_damage(tmp_path):
    path = tmp_path / "transitions.parquet"
    table = tables.to_arrow(TRANSITIONS * 500, stamped())
    with tables.writer(path, stamped()) as out:
        for _ in range(3):
            out.write_table(table)
    batches = list(tables.iter_batches(path, ["count", "glass"], 300))
    assert max(batch.num_rows for batch in batches) == 300
    assert pa.Table.from_batches(batches).column("count").to_pylist() == [5, 4] * 1500
    last = tables.open_file(path).metadata.row_group(2)
    begin = last.column(0).dictionary_page_offset
    content = bytearray(path.read_bytes())
    content[begin : begin + last.total_byte_size // 2] = bytes(last.total_byte_size // 2)
    path.write_bytes(content)
    stream = tables.iter_batches(path, ["glass"], 1000)
    assert [next(stream).num_rows, next(stream).num_rows] == [1000, 1000]
    with pytest.raises(InputError, match=r"transitions\.parquet is damaged: .") as caught:
        next(stream)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["file/x.parquet", "file/folder/x.parquet"])
def test_a_file_where_a_folder_is_expected(tmp_path, name):
    (tmp_path / "file").write_text("content")
    with pytest.raises(InputError, match=r"/file is a file, expected a folder$"):
        tables.write(TRANSITIONS, tmp_path / name, stamped())
    assert (tmp_path / "file").read_text() == "content"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "the disk quota is used up"),
        (OSError("(Error 28: No space left on device) can't write"), "the disk is full"),
        (shutil.Error([("a", "b", "[Errno 30] Read-only file system: 'b'")]), "is read-only"),
    ],
)
def test_what_cannot_be_written_is_named_with_the_reason(tmp_path, error, reason):
    path = tmp_path / "t.parquet"
    path.write_text("old")

    def write():
        with tables.atomic(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(InputError) as caught:
        write()
    assert str(caught.value).startswith(f"{path} cannot be written: ")
    assert reason in str(caught.value)
    assert str(caught.value).endswith(f"(folder {tmp_path})")
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


def test_an_error_of_another_file_is_not_blamed_on_the_one_that_is_written(tmp_path):
    other = PermissionError(errno.EACCES, "Permission denied", "/elsewhere/input.dat")
    with pytest.raises(PermissionError), tables.atomic(tmp_path / "t.parquet"):
        raise other
