"""The stage ``explore`` on a small glass."""

import numpy as np
import pandas as pd
import pytest

from tlsfind import config as configuration
from tlsfind import tables
from tlsfind.configuration import displacements
from tlsfind.engine import make_engine
from tlsfind.errors import ConfigError, InputError
from tlsfind.explore.stage import energy_drift, explore
from tlsfind.interop.native import load_glass, load_minima
from tlsfind.prepare.stage import prepare

GLASS = "T0.15-0000"
TABLES = ("visits", "trajectories")


def small_config(**changes):
    settings = {
        "temperature": 0.06,
        "trajectories": 4,
        "trajectories_per_block": 2,
        "steps": 64,
        "quench_every": 20,
    }
    return configuration.parse(
        {
            "run": {"name": "explore", "output": "unused", "seed": 5},
            "model": {"n_particles": 200},
            "glasses": [{"preparation_temperature": 0.15, "count": 2}],
            "prepare": {"blocks": 40, "melt_blocks": 20, "cooling_time": 5.0},
            "explore": {**settings, **changes},
        }
    )


@pytest.fixture(scope="module")
def glass_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("glass")
    prepare(small_config(), GLASS, folder)
    return folder / "glass.npz"


@pytest.fixture(scope="module")
def blocks(glass_file, tmp_path_factory):
    """Two blocks of two trajectories."""
    folder = tmp_path_factory.mktemp("blocks")
    for block in (0, 1):
        explore(small_config(), GLASS, glass_file, block, folder / f"block-{block}")
    return [folder / "block-0", folder / "block-1"]


def visits(folder):
    return tables.read(folder / "visits.parquet")


def test_visits_are_in_order(blocks):
    for number, folder in enumerate(blocks):
        frame = visits(folder)
        assert (frame["glass"] == GLASS).all()
        assert frame["trajectory"].tolist() == [2 * number] * 3 + [2 * number + 1] * 3
        assert frame["step"].tolist() == [20, 40, 60] * 2
        assert tables.metadata(folder / "visits.parquet")["config_hash"] == small_config().hash


def test_visits_point_to_minima(blocks, glass_file):
    glass, _, _ = load_glass(glass_file)
    engine = make_engine(glass)
    for folder in blocks:
        frame, minima = visits(folder), load_minima(folder / "minima.npz")
        assert minima.glass == GLASS
        assert sorted(set(frame["minimum"])) == minima.minimum.tolist()
        np.testing.assert_array_equal(minima.diameters, glass.diameters)
        assert (minima.max_forces <= 1e-6).all()
        assert (frame["max_force"] <= 1e-6).all()
        for identifier, energy in zip(frame["minimum"], frame["energy"], strict=True):
            assert minima.energies[minima.row(identifier)] == pytest.approx(energy, abs=1e-6)
        for positions, energy in zip(minima.positions, minima.energies, strict=True):
            found, forces = engine.energy_forces(positions)
            assert found == pytest.approx(energy, abs=1e-9)
            assert np.abs(forces).max() < 1.1e-6


def test_trajectories_conserve_energy_at_their_temperature(blocks):
    for folder in blocks:
        frame = tables.read(folder / "trajectories.parquet")
        # quenches are no multiple of the steps: the last four steps are not run
        assert (frame["steps"] == 60).all()
        assert (frame["quenches"] == 3).all()
        assert (frame["unconverged"] == 0).all()
        assert (frame["evaluations"] > 3).all()
        assert frame["temperature"].between(0.03, 0.09).all()
        assert (frame["energy_fluctuation"] < 1e-4).all()
        assert (frame["energy_drift"].abs() < 1e-4).all()


def test_a_trajectory_does_not_depend_on_its_block(blocks, glass_file, tmp_path):
    """Two blocks of two give what one block of four gives, bit for bit."""
    explore(small_config(trajectories_per_block=4), GLASS, glass_file, 0, tmp_path)
    one = visits(tmp_path)
    two = pd.concat([visits(folder) for folder in blocks], ignore_index=True)
    for column in ("trajectory", "step", "energy", "max_force"):
        np.testing.assert_array_equal(one[column], two[column])
    one = tables.read(tmp_path / "trajectories.parquet")
    two = pd.concat([tables.read(f / "trajectories.parquet") for f in blocks], ignore_index=True)
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_same_config_same_tables(blocks, glass_file, tmp_path):
    explore(small_config(), GLASS, glass_file, 1, tmp_path)
    for name in TABLES:
        pd.testing.assert_frame_equal(
            tables.read(blocks[1] / f"{name}.parquet"),
            tables.read(tmp_path / f"{name}.parquet"),
            check_exact=True,
        )
    again, first = load_minima(tmp_path / "minima.npz"), load_minima(blocks[1] / "minima.npz")
    np.testing.assert_array_equal(again.positions, first.positions)


def test_trajectories_differ_and_start_from_the_glass(blocks, glass_file):
    """Same start, other velocities: the first minimum is near the glass in every trajectory."""
    energies = tables.read(blocks[0] / "trajectories.parquet")["energy_fluctuation"]
    assert energies.nunique() == 2
    glass, _, _ = load_glass(glass_file)
    for folder in blocks:
        frame, minima = visits(folder), load_minima(folder / "minima.npz")
        for identifier in frame.loc[frame["step"] == 20, "minimum"]:
            moves = displacements(
                glass.positions, minima.positions[minima.row(identifier)], glass.box
            )
            assert np.sqrt((moves**2).sum(axis=1).mean()) < 0.3


def test_unconverged_quenches_are_visits_without_a_minimum(glass_file, tmp_path, caplog):
    config = small_config(force_tolerance=1e-300, max_evaluations=100, trajectories=1)
    with caplog.at_level("WARNING", logger="tlsfind"):
        explore(config, GLASS, glass_file, 0, tmp_path)
    frame = visits(tmp_path)
    assert len(frame) == 3
    assert frame["minimum"].isna().all()
    assert (frame["max_force"] > 0).all()
    assert frame["energy"].notna().all()
    assert len(load_minima(tmp_path / "minima.npz")) == 0
    trajectory = tables.read(tmp_path / "trajectories.parquet").iloc[0]
    assert trajectory["unconverged"] == 3
    assert trajectory["evaluations"] == 300
    assert "3 quenches missed the force tolerance" in caplog.text


def test_the_last_block_may_be_short(glass_file, tmp_path):
    explore(small_config(trajectories=3), GLASS, glass_file, 1, tmp_path)
    assert visits(tmp_path)["trajectory"].unique().tolist() == [2]


def test_bad_input_is_named_and_nothing_written(glass_file, tmp_path):
    config = small_config()
    with pytest.raises(InputError, match=rf"holds the glass {GLASS}, expected T0\.15-0001"):
        explore(config, "T0.15-0001", glass_file, 0, tmp_path / "out")
    with pytest.raises(InputError, match="does not exist"):
        explore(config, GLASS, tmp_path / "missing.npz", 0, tmp_path / "out")
    broken = tmp_path / "broken.npz"
    broken.write_bytes(glass_file.read_bytes()[:2000])
    with pytest.raises(InputError, match=r"broken\.npz"):
        explore(config, GLASS, broken, 0, tmp_path / "out")
    with pytest.raises(ConfigError, match="no block 2 of trajectories, expected 0 to 1"):
        explore(config, GLASS, glass_file, 2, tmp_path / "out")
    with pytest.raises(ConfigError, match="no glass"):
        explore(config, "T0.3-0000", glass_file, 0, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_energy_drift_is_a_slope_times_the_length():
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 1e-3, 5000)
    assert energy_drift(np.linspace(0, 1, 5000) + noise) == pytest.approx(1.0, abs=1e-3)
    assert energy_drift(noise) == pytest.approx(0.0, abs=2e-4)
    assert energy_drift(np.array([1.0])) == 0.0
