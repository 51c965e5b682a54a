"""The landscape stage on blocks written by hand."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tlsfind import config as configuration
from tlsfind import tables
from tlsfind.config import Model
from tlsfind.configuration import wrap
from tlsfind.errors import ConfigError, InputError
from tlsfind.interop.native import Minima, load_minima, save_minima
from tlsfind.landscape.stage import landscape

GLASS = "T0.092-0001"
BOX = 5.0
PARTICLES = 40
TABLES = ("minima.parquet", "transitions.parquet", "visits.parquet")

CONFIG = configuration.parse(
    {
        "run": {"name": "landscape", "output": "unused", "seed": 9},
        "glasses": [{"preparation_temperature": 0.092, "count": 2}],
        "prepare": {"blocks": 20},
        "explore": {"trajectories": 4, "steps": 100, "quench_every": 10},
    }
)


class World:
    """Twelve true minima, and blocks of trajectories that visit them with noise."""

    def __init__(self, root):
        self.root = root
        rng = np.random.default_rng(4)
        self.positions = rng.uniform(0, BOX, (12, PARTICLES, 3))
        self.energies = 8.0 + rng.permutation(12) * 0.1
        self.energies[5] = self.energies[2]  # one energy, different places
        self.diameters = rng.uniform(0.8, 1.2, PARTICLES)

    def block(self, number, trajectories, **changes):
        """Write a block; ``trajectories`` gives the true minima visited (None: unconverged)."""
        rng = np.random.default_rng([number, *trajectories])
        folder = self.root / f"block-{number:03d}"
        local: dict[int, int] = {}
        rows = []
        for trajectory, visited in trajectories.items():
            for k, true in enumerate(visited):
                index = None if true is None else local.setdefault(true, len(local))
                energy = 99.0 if true is None else self.energies[true]
                rows.append(
                    {
                        "glass": changes.get("glass", GLASS),
                        "trajectory": trajectory,
                        "step": 10 * (k + 1),
                        "minimum": index,
                        "energy": energy,
                        "max_force": 1e-7,
                    }
                )
        positions = np.empty((len(local), PARTICLES, 3))
        for true, index in local.items():
            noise = rng.normal(size=(PARTICLES, 3)) * 1e-5
            positions[index] = wrap(self.positions[true] + noise + rng.normal(size=3), BOX)
        order = list(local)
        minima = {
            "positions": positions,
            "energies": self.energies[order] + rng.uniform(-1e-8, 1e-8, len(order)),
            "max_forces": np.full(len(order), 1e-7),
            "minimum": np.arange(len(order)),
            "diameters": self.diameters,
            "box": BOX,
            "glass": GLASS,
            **changes,
        }
        save_minima(folder / "minima.npz", Minima(**minima))
        tables.write(rows, folder / "visits.parquet", tables.schema("visits"))
        return folder


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "explore")


@pytest.fixture
def blocks(world):
    return [
        world.block(0, {0: [3, 3, 7, 3, None, 2], 1: [5, 2, 5]}),
        world.block(1, {2: [7, 8, 8], 3: [2, 3, 7]}),
        world.block(2, {4: [9, None, 0, 9, 0, 9], 5: [3, 5, 11]}),
    ]


# True minima in the order of first visit.
EXPECTED = [3, 7, 2, 5, 8, 9, 0, 11]


def same_bytes(first, second):
    return all((first / name).read_bytes() == (second / name).read_bytes() for name in TABLES)


def test_minima_are_numbered_by_first_visit(world, blocks, tmp_path):
    landscape(CONFIG, GLASS, blocks, tmp_path / "out")
    minima = tables.read(tmp_path / "out/minima.parquet")
    assert list(minima["minimum"]) == list(range(8))
    assert set(minima["glass"]) == {GLASS}
    np.testing.assert_allclose(minima["energy"], world.energies[EXPECTED], atol=1e-7)
    np.testing.assert_allclose(minima["energy_per_particle"], minima["energy"] / PARTICLES)
    assert list(minima["visits"]) == [5, 3, 3, 3, 2, 3, 2, 1]
    assert list(minima["trajectory"]) == [0, 0, 0, 1, 2, 4, 4, 5]
    assert list(minima["step"]) == [10, 30, 60, 10, 20, 10, 30, 30]
    by_rank = minima.sort_values("rank")
    assert list(by_rank["rank"]) == list(range(1, 9))
    assert by_rank["energy"].is_monotonic_increasing


def test_positions_belong_to_the_identifiers(blocks, tmp_path, world):
    landscape(CONFIG, GLASS, blocks, tmp_path / "out")
    table = tables.read(tmp_path / "out/minima.parquet")
    stored = load_minima(tmp_path / "out/minima.npz")
    assert list(stored.minimum) == list(range(8))
    assert stored.glass == GLASS
    assert stored.box == BOX
    np.testing.assert_array_equal(stored.diameters, world.diameters)
    np.testing.assert_array_equal(stored.energies, table["energy"])
    np.testing.assert_array_equal(stored.max_forces, table["max_force"])
    np.testing.assert_array_equal(
        stored.positions[:4], load_minima(blocks[0] / "minima.npz").positions
    )


def test_visits_and_transitions_have_global_identifiers(blocks, tmp_path):
    landscape(CONFIG, GLASS, blocks, tmp_path / "out")
    visits = tables.read(tmp_path / "out/visits.parquet")
    assert visits["minimum"].isna().sum() == 2
    assert list(visits["minimum"].dropna()) == [
        0, 0, 1, 0, 2, 3, 2, 3, 1, 4, 4, 2, 0, 1, 5, 6, 5, 6, 5, 0, 3, 7
    ]  # fmt: skip
    assert (visits.loc[visits["minimum"].isna(), "energy"] == 99.0).all()
    found = tables.read(tmp_path / "out/transitions.parquet")
    columns = ["minimum_from", "minimum_to", "count"]
    counts = {(a, b): n for a, b, n in found[columns].itertuples(index=False, name=None)}
    assert counts == {
        (0, 1): 2, (1, 0): 1, (3, 2): 1, (2, 3): 1, (1, 4): 1, (2, 0): 1,
        (6, 5): 2, (5, 6): 1, (0, 3): 1, (3, 7): 1,
    }  # fmt: skip


def test_order_of_blocks_does_not_matter(blocks, tmp_path):
    landscape(CONFIG, GLASS, blocks, tmp_path / "sorted")
    for order in ([2, 1, 0], [1, 2, 0]):
        landscape(CONFIG, GLASS, [blocks[k] for k in order], tmp_path / "shuffled")
        assert same_bytes(tmp_path / "sorted", tmp_path / "shuffled")
        a = load_minima(tmp_path / "sorted/minima.npz")
        b = load_minima(tmp_path / "shuffled/minima.npz")
        np.testing.assert_array_equal(a.positions, b.positions)
        np.testing.assert_array_equal(a.minimum, b.minimum)


def test_blocks_with_interleaved_trajectories(world, tmp_path):
    """The same trajectories cut into blocks in another way give the same identifiers."""
    visited = {0: [3, 7, 2], 1: [5, 3], 2: [8, 7, 9], 3: [9, 0]}
    even = [
        world.block(10, {k: visited[k] for k in (0, 2)}),
        world.block(11, {k: visited[k] for k in (1, 3)}),
    ]
    whole = [world.block(12, visited)]
    landscape(CONFIG, GLASS, even, tmp_path / "even")
    landscape(CONFIG, GLASS, whole, tmp_path / "whole")
    a = tables.read(tmp_path / "even/minima.parquet")
    b = tables.read(tmp_path / "whole/minima.parquet")
    exact = ["minimum", "rank", "visits", "trajectory", "step"]
    pd.testing.assert_frame_equal(a[exact], b[exact])
    np.testing.assert_allclose(a["energy"], b["energy"], atol=1e-7)
    for name in ("transitions", "visits"):
        pd.testing.assert_frame_equal(
            tables.read(tmp_path / f"even/{name}.parquet"),
            tables.read(tmp_path / f"whole/{name}.parquet"),
        )


def test_later_trajectories_keep_the_identifiers(blocks, tmp_path):
    landscape(CONFIG, GLASS, blocks[:2], tmp_path / "before")
    landscape(CONFIG, GLASS, blocks[::-1], tmp_path / "after")
    before = tables.read(tmp_path / "before/minima.parquet")
    after = tables.read(tmp_path / "after/minima.parquet")
    assert len(before) == 5
    assert len(after) == 8
    fixed = ["minimum", "energy", "max_force", "trajectory", "step"]
    pd.testing.assert_frame_equal(before[fixed], after.loc[:4, fixed])
    visits = [tables.read(tmp_path / f"{name}/visits.parquet") for name in ("before", "after")]
    pd.testing.assert_frame_equal(visits[0], visits[1][: len(visits[0])])


def test_tables_carry_the_provenance(blocks, tmp_path):
    landscape(CONFIG, GLASS, blocks, tmp_path / "out")
    for name in TABLES:
        stamp = tables.metadata(tmp_path / "out" / name)
        assert stamp["config_hash"] == CONFIG.hash
        assert stamp["seed"] == "9"
        assert pq.read_schema(tmp_path / "out" / name).names == tables.schema(name[:-8]).names


def test_a_block_without_converged_quenches_is_no_error(world, blocks, tmp_path):
    empty = world.block(3, {6: [None, None]})
    landscape(CONFIG, GLASS, [*blocks, empty], tmp_path / "out")
    assert len(tables.read(tmp_path / "out/minima.parquet")) == 8
    assert tables.read(tmp_path / "out/visits.parquet")["minimum"].isna().sum() == 4


def refused(blocks, tmp_path, match, glass=GLASS, error=InputError):
    with pytest.raises(error, match=match):
        landscape(CONFIG, glass, blocks, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_empty_landscapes_are_refused(world, tmp_path):
    refused([], tmp_path, "no block")
    refused([world.block(0, {0: [None, None]})], tmp_path, "none of 2 quenches .* converged")
    refused([world.block(1, {})], tmp_path, "none of 0 quenches")


def test_the_same_trajectory_twice_is_refused(world, blocks, tmp_path):
    refused([*blocks, blocks[0]], tmp_path, "trajectory 0 .* both in")
    again = world.block(7, {3: [1, 2]})
    refused([*blocks, again], tmp_path, "trajectory 3 .* both in .*block-001.* and .*block-007")


def test_other_glasses_and_particles_are_refused(world, blocks, tmp_path):
    refused(blocks, tmp_path, "no glass", glass="T0.5-0000", error=ConfigError)
    refused(blocks, tmp_path, "belongs to glass T0.092-0001", glass="T0.092-0000")
    other = world.block(4, {6: [1]}, glass="T0.092-0000")
    refused([*blocks, other], tmp_path, "block-004.* belongs to glass T0.092-0000")
    other = world.block(5, {6: [1]}, box=5.1)
    refused([*blocks, other], tmp_path, "box edge 5.0, .* has 5.1")
    other = world.block(6, {6: [1]}, diameters=world.diameters[::-1])
    refused([*blocks, other], tmp_path, "different particles")


def test_visits_and_minima_that_do_not_fit_are_refused(world, blocks, tmp_path):
    few = world.block(4, {6: [1]})
    (few / "visits.parquet").write_bytes(
        (world.block(5, {6: [1, 4]}) / "visits.parquet").read_bytes()
    )
    refused([*blocks, few], tmp_path, "holds 1 minima, but .* names minimum 1")
    many = world.block(6, {6: [1, 4]})
    (many / "visits.parquet").write_bytes(
        (world.block(7, {6: [1]}) / "visits.parquet").read_bytes()
    )
    refused([*blocks, many], tmp_path, "minimum 1 .* has no visit")
    broken = world.block(8, {6: [1]}, positions=np.full((1, PARTICLES, 3), np.nan))
    refused([*blocks, broken], tmp_path, "NaN")


@pytest.mark.parametrize("name", ["visits.parquet", "minima.npz"])
def test_missing_and_truncated_files_are_refused(blocks, tmp_path, name):
    path = blocks[1] / name
    content = path.read_bytes()
    for kept in (0, 10, len(content) // 2, len(content) - 5):
        path.write_bytes(content[:kept])
        refused(blocks, tmp_path, str(path))
    path.unlink()
    refused(blocks, tmp_path, "does not exist")


def test_blocks_that_number_identical_particles_differently(world, tmp_path):
    """The first block's numbering stays; a visit to a permuted minimum is a visit to it."""
    types = np.repeat([1, 2], [30, 10])
    first = world.block(0, {0: [3, 3, 7, 2]}, types=types)
    rng = np.random.default_rng(5)
    order = np.concatenate([rng.permutation(30), 30 + rng.permutation(10)])
    world.positions = world.positions[:, order]
    second = world.block(1, {1: [7, 3, 3, 5]}, types=types)
    species = {"A": {"share": 0.75}, "B": {"share": 0.25}}
    mixture = {"species": species, "commands": "pair_style lj/cut 2.5"}
    config = CONFIG.model_copy(update={"model": Model(lammps=mixture)})
    landscape(config, GLASS, [first, second], tmp_path / "out")
    stored = load_minima(tmp_path / "out/minima.npz")
    np.testing.assert_array_equal(stored.types, types)
    np.testing.assert_array_equal(stored.positions[:3], load_minima(first / "minima.npz").positions)
    visits = tables.read(tmp_path / "out/visits.parquet")
    assert list(visits["minimum"]) == [0, 0, 1, 2, 1, 0, 0, 3]


def test_blocks_of_different_types_are_refused(world, tmp_path):
    types = np.repeat([1, 2], [30, 10])
    first = world.block(0, {0: [3, 7]}, types=types)
    for number, other in ((1, types[::-1]), (2, None)):
        second = world.block(number, {number: [3]}, types=other)
        with pytest.raises(InputError, match=r"different particles \(their types differ\)"):
            landscape(CONFIG, GLASS, [first, second], tmp_path / "out")
