"""The pairs stage on landscapes written by hand."""

import tracemalloc

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tlsfind import config as configuration
from tlsfind import tables
from tlsfind.errors import ConfigError, InputError
from tlsfind.interop.native import Minima, save_minima
from tlsfind.pairs import stage
from tlsfind.pairs.features import pair_features
from tlsfind.pairs.stage import PairOrder, pairs

GLASS = "T0.07-0000"
BOX = 6.0
SINGLE = {"rel": 1e-6, "abs": 5e-7}  # displacements in single precision, of minima at D up to 2
ROUNDED = 2.0**-24  # the table's own rounding
TRANSITIONS = {(4, 9): 3, (9, 4): 1, (0, 29): 2, (12, 3): 7, (5, 6): 1}


def config_with(**changes):
    return configuration.parse(
        {
            "run": {"name": "pairs", "output": "unused", "seed": 2},
            "glasses": [{"preparation_temperature": 0.07, "count": 2}],
            "prepare": {"blocks": 20},
            "explore": {"trajectories": 4, "steps": 100, "quench_every": 10},
            "pairs": changes,
        }
    )


def make_landscape(folder, count=30, particles=25, transitions=TRANSITIONS, seed=0, types=None):
    """Write a landscape of ``count`` minima, two of them of exactly one energy."""
    rng = np.random.default_rng(seed)
    base = rng.uniform(0, BOX, (particles, 3))
    positions = base + rng.normal(size=(count, particles, 3)) * 0.2
    energies = rng.uniform(5, 6, count)
    if count > 8:
        energies[8] = energies[2]
    identifiers = np.arange(count, dtype=np.int32)
    save_minima(
        folder / "minima.npz",
        Minima(
            positions=positions,
            energies=energies,
            max_forces=np.full(count, 1e-7),
            minimum=identifiers,
            diameters=np.ones(particles),
            box=BOX,
            glass=GLASS,
            types=types,
        ),
    )
    minima = pd.DataFrame({"glass": GLASS, "minimum": identifiers, "energy": energies})
    tables.write(minima, folder / "minima.parquet", tables.schema("minima"))
    rows = [
        {"glass": GLASS, "minimum_from": a, "minimum_to": b, "count": n}
        for (a, b), n in transitions.items()
    ]
    tables.write(rows, folder / "transitions.parquet", tables.schema("transitions"))
    return positions, energies


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "landscape"


def test_table_against_single_pairs(folder, tmp_path):
    positions, energies = make_landscape(folder)
    pairs(config_with(particles=4), GLASS, folder, tmp_path / "pairs.parquet")
    table = tables.read(tmp_path / "pairs.parquet")
    assert len(table) == 30 * 29 // 2
    assert set(table["glass"]) == {GLASS}
    seen = {frozenset(p) for p in zip(table["minimum_a"], table["minimum_b"], strict=True)}
    assert len(seen) == len(table)
    for row in table.to_dict("records"):
        a, b = row["minimum_a"], row["minimum_b"]
        assert (energies[a], a) < (energies[b], b)
        expected = pair_features(positions[a], positions[b], energies[a], energies[b], BOX, 4)
        assert row["delta_e"] == expected["delta_e"]
        for name, value in expected.items():
            assert row[name] == pytest.approx(value, **SINGLE), name
        assert row["transitions_ab"] == TRANSITIONS.get((a, b), 0)
        assert row["transitions_ba"] == TRANSITIONS.get((b, a), 0)
    assert (table["transitions_ab"] + table["transitions_ba"]).sum() == sum(TRANSITIONS.values())


def test_single_precision_is_what_is_held_and_written(folder, tmp_path, monkeypatch):
    """Half the memory, and half the bytes in the file: all but the energies."""
    made = []

    class Watched(stage.PairGeometry):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            made.append(self)

    monkeypatch.setattr(stage, "PairGeometry", Watched)
    make_landscape(folder)
    pairs(config_with(), GLASS, folder, tmp_path / "pairs.parquet")
    assert [geometry._displaced.dtype for geometry in made] == [np.float32]
    table = tables.read(tmp_path / "pairs.parquet")
    for name in tables.feature_names(3):
        if name.startswith(("displacement", "distance", "total", "participation")):
            values = table[name].to_numpy()
            np.testing.assert_array_equal(values, values.astype(np.float32), err_msg=name)
    assert (table["delta_e"] != table["delta_e"].astype(np.float32)).any()


def test_pairs_are_sorted_by_energy(folder, tmp_path):
    _, energies = make_landscape(folder)
    pairs(config_with(), GLASS, folder, tmp_path / "pairs.parquet")
    table = tables.read(tmp_path / "pairs.parquet")
    a, b = table["minimum_a"].to_numpy(), table["minimum_b"].to_numpy()
    np.testing.assert_array_equal(np.lexsort((b, energies[b], a, energies[a])), np.arange(len(a)))
    tie = table[(table["delta_e"] == 0)]
    assert list(zip(tie["minimum_a"], tie["minimum_b"], strict=True)) == [(2, 8)]


def test_schema_and_provenance(folder, tmp_path):
    make_landscape(folder)
    config = config_with(particles=5)
    pairs(config, GLASS, folder, tmp_path / "pairs.parquet")
    expected = tables.schema("pairs", tables.pairs_columns(5))
    assert pq.read_schema(tmp_path / "pairs.parquet").equals(expected)
    stamp = tables.metadata(tmp_path / "pairs.parquet")
    assert stamp["table"] == "pairs"
    assert stamp["config_hash"] == config.hash
    assert stamp["seed"] == "2"
    nulls = tables.read(tmp_path / "pairs.parquet").isna().sum().sum()
    assert nulls == 0


def test_streaming_in_small_blocks_gives_the_same_table(folder, tmp_path):
    make_landscape(folder)
    pairs(config_with(rows_per_block=100), GLASS, folder, tmp_path / "small.parquet")
    pairs(config_with(rows_per_block=100_000), GLASS, folder, tmp_path / "big.parquet")
    small = pq.ParquetFile(tmp_path / "small.parquet")
    groups = [small.metadata.row_group(k).num_rows for k in range(small.num_row_groups)]
    assert groups == [100, 100, 100, 100, 35]
    assert small.read().equals(pq.read_table(tmp_path / "big.parquet"))


def test_the_same_input_gives_the_same_file(folder, tmp_path):
    make_landscape(folder)
    for name in ("first", "second"):
        pairs(config_with(), GLASS, folder, tmp_path / f"{name}.parquet")
    assert (tmp_path / "first.parquet").read_bytes() == (tmp_path / "second.parquet").read_bytes()


def test_memory_does_not_grow_with_the_number_of_pairs(tmp_path):
    """16 times the pairs (64 000, 8 MB as arrays) cost what 4 times the minima cost."""
    peaks = []
    for count in (90, 360):
        folder = tmp_path / str(count)
        make_landscape(folder, count=count, particles=5)
        tracemalloc.start()
        pairs(config_with(rows_per_block=200), GLASS, folder, tmp_path / "pairs.parquet")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert len(tables.read(tmp_path / "pairs.parquet")) == 360 * 359 // 2
    assert peaks[1] - peaks[0] < 1_000_000


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_minima(folder, tmp_path, count):
    make_landscape(folder, count=count, transitions={})
    pairs(config_with(), GLASS, folder, tmp_path / "pairs.parquet")
    table = tables.read(tmp_path / "pairs.parquet")
    assert len(table) == (count == 2)
    assert list(table) == tables.schema("pairs", tables.pairs_columns(3)).names


def test_equal_energies_come_in_the_order_of_identifiers():
    order = PairOrder.by_energy(np.array([1.0, 0.5, 1.0, 1.0]), np.array([7, 9, 2, 4]))
    assert list(order.order) == [1, 2, 3, 0]


@pytest.mark.parametrize("count", [2, 3, 17, 64])
def test_row_of_a_pair(count):
    order = PairOrder.by_energy(np.arange(count, dtype=float), np.arange(count))
    first, second = order.pairs(0, len(order))
    expected = np.triu_indices(count, 1)
    np.testing.assert_array_equal((first, second), expected)
    np.testing.assert_array_equal(order.row(*expected), np.arange(len(order)))
    for begin in range(0, len(order), 7):
        end = min(begin + 7, len(order))
        np.testing.assert_array_equal(order.pairs(begin, end)[0], first[begin:end])


def refused(folder, tmp_path, match, glass=GLASS, error=InputError):
    with pytest.raises(error, match=match):
        pairs(config_with(), glass, folder, tmp_path / "pairs.parquet")
    assert not list(tmp_path.glob("*pairs.parquet*"))


def test_another_glass_is_refused(folder, tmp_path):
    make_landscape(folder)
    refused(folder, tmp_path, "no glass", glass="T0.07-0002", error=ConfigError)
    refused(folder, tmp_path, "belongs to glass T0.07-0000", glass="T0.07-0001")


def test_files_that_do_not_belong_together_are_refused(folder, tmp_path):
    make_landscape(folder, transitions={(3, 30): 1})
    refused(folder, tmp_path, "names minimum 30, which is not among the 30 minima")
    make_landscape(tmp_path / "other", count=29)
    make_landscape(folder)
    (folder / "minima.npz").write_bytes((tmp_path / "other/minima.npz").read_bytes())
    refused(folder, tmp_path, "holds 29 minima and minima.parquet beside it 30")
    make_landscape(tmp_path / "other", seed=1)
    (folder / "minima.npz").write_bytes((tmp_path / "other/minima.npz").read_bytes())
    refused(folder, tmp_path, "different energies")


@pytest.mark.parametrize("name", ["minima.parquet", "transitions.parquet", "minima.npz"])
def test_missing_and_truncated_files_are_refused(folder, tmp_path, name):
    make_landscape(folder)
    path = folder / name
    content = path.read_bytes()
    for kept in (0, 10, len(content) // 2, len(content) - 5):
        path.write_bytes(content[:kept])
        refused(folder, tmp_path, str(path))
    path.unlink()
    refused(folder, tmp_path, "does not exist")


def test_a_damaged_position_is_refused(folder, tmp_path):
    positions, _ = make_landscape(folder)
    content = bytearray((folder / "minima.npz").read_bytes())
    content[content.index(positions[-1].tobytes()) + 11] ^= 4
    (folder / "minima.npz").write_bytes(content)
    refused(folder, tmp_path, r"minima\.npz is damaged")


def test_failure_half_way_leaves_nothing(folder, tmp_path, monkeypatch):
    make_landscape(folder)
    (tmp_path / "pairs.parquet").write_bytes(b"the table before")
    calls = []

    def fails(order, begin, end):
        calls.append(begin)
        if begin >= 200:
            raise RuntimeError("power cut")
        return order.order[:1].repeat(end - begin), order.order[1:2].repeat(end - begin)

    monkeypatch.setattr(PairOrder, "pairs", fails)
    with pytest.raises(RuntimeError, match="power cut"):
        pairs(config_with(rows_per_block=100), GLASS, folder, tmp_path / "pairs.parquet")
    assert calls == [0, 100, 200]
    assert [p.name for p in tmp_path.glob("*parquet*")] == ["pairs.parquet"]
    assert (tmp_path / "pairs.parquet").read_bytes() == b"the table before"


def test_types_of_the_minima_reach_the_features(folder, tmp_path):
    types = np.ones(25, int)
    positions, energies = make_landscape(folder, types=types)
    config = config_with(particles=4)
    mixture = {"species": {"A": {"share": 1.0}}, "commands": "pair_style lj/cut 2.5"}
    typed = config.model_copy(update={"model": configuration.Model(lammps=mixture)})
    pairs(typed, GLASS, folder, tmp_path / "pairs.parquet")
    table = tables.read(tmp_path / "pairs.parquet")
    changed = 0
    for row in table.sample(60, random_state=0).to_dict("records"):
        a, b = row["minimum_a"], row["minimum_b"]
        ends = (positions[a], positions[b], energies[a], energies[b], BOX, 4)
        for name, value in pair_features(*ends, types).items():
            assert row[name] == pytest.approx(value, rel=ROUNDED), name
        plain = pair_features(*ends)["total_displacement"]
        changed += row["total_displacement"] < plain - 1e-9
    assert changed > 0
