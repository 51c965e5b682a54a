"""The stage ``prepare``: what it writes, restarts, and glasses that are not equilibrated."""

import numpy as np
import pandas as pd
import pytest

from tlsfind import tables
from tlsfind.engine.native.engine import NativeEngine
from tlsfind.errors import ConfigError
from tlsfind.interop.native import load_glass
from tlsfind.prepare import restart, stage
from tlsfind.prepare.ordering import z_order
from tlsfind.prepare.stage import prepare

GLASS = "T0.2-0001"
FILES = {"glass.npz", "glass.parquet", "equilibration.parquet"}


class Killed(Exception):
    """The preparation was killed."""


@pytest.fixture(scope="module")
def prepared(make_config, tmp_path_factory):
    """An undisturbed preparation."""
    output = tmp_path_factory.mktemp("prepared")
    prepare(make_config(), GLASS, output)
    return output


def assert_same_glass(first, second):
    """Bit for bit the same files."""
    assert {path.name for path in second.iterdir()} == FILES
    with np.load(first / "glass.npz") as a, np.load(second / "glass.npz") as b:
        assert a.files == b.files
        for key in a.files:
            np.testing.assert_array_equal(a[key], b[key])
    for name in ("glass.parquet", "equilibration.parquet"):
        pd.testing.assert_frame_equal(
            tables.read(first / name), tables.read(second / name), check_exact=True
        )


def kill_after(monkeypatch, saves):
    """Write a restart file after every chunk and raise after the given number of them."""
    save = restart.save
    count = 0

    def failing(*arguments):
        nonlocal count
        save(*arguments)
        count += 1
        if count == saves:
            raise Killed

    monkeypatch.setattr(stage, "SECONDS_BETWEEN_RESTARTS", -1.0)
    monkeypatch.setattr(restart, "save", failing)


def test_the_glass(prepared, make_config):
    config = make_config()
    configuration, velocities, info = load_glass(prepared / "glass.npz")
    assert len(configuration) == 200
    assert 200 / configuration.box**3 == pytest.approx(1.0)
    assert info["glass"] == GLASS
    assert info["preparation_temperature"] == 0.2
    np.testing.assert_allclose(velocities.sum(axis=0), 0.0, atol=1e-9)
    engine = NativeEngine(configuration.diameters, configuration.box)
    assert engine.energy(configuration.positions) / 200 < 0.5  # no overlaps
    row = tables.read(prepared / "glass.parquet").iloc[0]
    assert row["n_particles"] == 200
    assert row["temperature"] == info["temperature"]
    quenched = engine.quench(configuration.positions, 1e-5).energy / 200
    assert row["inherent_energy"] == pytest.approx(quenched, abs=1e-9)
    assert 0.2 < row["inherent_energy"] < 0.4
    metadata = tables.metadata(prepared / "glass.parquet")
    assert metadata["config_hash"] == config.hash
    assert metadata["seed"] == "3"


def test_the_evidence(prepared):
    series = tables.read(prepared / "equilibration.parquet")
    assert series["block"].tolist() == list(range(1, 41))
    assert (series["glass"] == GLASS).all()
    assert series["inherent_energy"].notna().sum() >= 4
    assert series["kinetic_temperature"].mean() == pytest.approx(0.2, rel=0.05)
    assert series["swap_acceptance"].between(0.02, 0.6).all()
    assert series["self_overlap"].iloc[0] > series["self_overlap"].iloc[-1]
    half = series["self_overlap_half"]
    assert half[series["block"] <= 20].isna().all()
    assert half[series["block"] > 20].notna().all()
    assert (series["potential_energy"] > series["inherent_energy"].fillna(0)).all()


def test_the_glass_is_cold(make_config, tmp_path):
    prepare(make_config(cooling_time=40.0, blocks=20), GLASS, tmp_path)
    row = tables.read(tmp_path / "glass.parquet").iloc[0]
    assert row["temperature"] == pytest.approx(0.04, rel=0.05)


def test_a_short_cold_preparation_is_flagged(make_config, tmp_path, caplog):
    config = make_config(blocks=20, melt_blocks=5)
    config = type(config).model_validate(
        {
            **config.model_dump(),
            "glasses": [{"preparation_temperature": 0.05, "count": 1}],
        }
    )
    with caplog.at_level("WARNING", logger="tlsfind"):
        prepare(config, "T0.05-0000", tmp_path)
    row = tables.read(tmp_path / "glass.parquet").iloc[0]
    assert not row["equilibrated"]
    assert "FAILED" in row["verdict"]
    assert np.isnan(row["relaxation_blocks"])
    assert "NOT equilibrated" in caplog.text


def test_same_config_same_glass_and_another_seed_another(prepared, make_config, tmp_path):
    prepare(make_config(), GLASS, tmp_path / "again")
    assert_same_glass(prepared, tmp_path / "again")
    prepare(make_config(seed=4), GLASS, tmp_path / "seed")
    prepare(make_config(), "T0.2-0000", tmp_path / "glass")
    energies = {
        tables.read(folder / "glass.parquet")["inherent_energy"][0]
        for folder in (prepared, tmp_path / "seed", tmp_path / "glass")
    }
    assert len(energies) == 3


@pytest.mark.parametrize("saves", [1, 18, 30, 40])
def test_killed_and_started_again_gives_the_same_glass(
    prepared, make_config, tmp_path, monkeypatch, saves
):
    """Before half time, after it, and after the last block."""
    with monkeypatch.context() as patch:
        kill_after(patch, saves)
        with pytest.raises(Killed):
            prepare(make_config(), GLASS, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"restart.npz"}  # nothing half-written
    saved = restart.load(tmp_path / "restart.npz", stage.identity(make_config(), GLASS))
    assert saved.block == saves
    prepare(make_config(), GLASS, tmp_path)
    assert_same_glass(prepared, tmp_path)


def test_killed_twice(prepared, make_config, tmp_path, monkeypatch):
    for saves in (4, 5):
        with monkeypatch.context() as patch:
            kill_after(patch, saves)
            with pytest.raises(Killed):
                prepare(make_config(), GLASS, tmp_path)
    prepare(make_config(), GLASS, tmp_path)
    assert_same_glass(prepared, tmp_path)


def test_blocks_of_a_group_are_as_those_of_the_section(prepared, make_config, tmp_path):
    config = make_config(blocks=4000)
    group = config.glasses[0].model_copy(update={"blocks": 40})
    own = config.model_copy(update={"glasses": [group]})
    assert stage.identity(own, GLASS) == stage.identity(make_config(), GLASS)
    prepare(own, GLASS, tmp_path)
    evidence = [tables.read(each / "equilibration.parquet") for each in (prepared, tmp_path)]
    pd.testing.assert_frame_equal(*evidence, check_exact=True)
    assert evidence[1]["block"].iloc[-1] == 40


@pytest.mark.parametrize("other", ["config", "glass"])
def test_a_restart_file_of_something_else_is_ignored(
    prepared, make_config, tmp_path, monkeypatch, other
):
    with monkeypatch.context() as patch:
        kill_after(patch, 6)
        changes = {"swaps_per_particle": 2.0} if other == "config" else {}
        with pytest.raises(Killed):
            prepare(make_config(**changes), GLASS if changes else "T0.2-0000", tmp_path)
    prepare(make_config(), GLASS, tmp_path)
    assert_same_glass(prepared, tmp_path)


@pytest.mark.parametrize("damage", ["truncated", "text", "empty"])
def test_a_damaged_restart_file_is_ignored(
    prepared, make_config, tmp_path, monkeypatch, caplog, damage
):
    file = tmp_path / "restart.npz"
    with monkeypatch.context() as patch:
        kill_after(patch, 2)
        with pytest.raises(Killed):
            prepare(make_config(), GLASS, tmp_path)
    whole = file.read_bytes()
    file.write_bytes(
        {"truncated": whole[: len(whole) // 2], "text": b"nonsense", "empty": b""}[damage]
    )
    with caplog.at_level("WARNING", logger="tlsfind"):
        prepare(make_config(), GLASS, tmp_path)
    assert "unusable" in caplog.text
    assert_same_glass(prepared, tmp_path)


def test_unknown_glass(make_config, tmp_path):
    with pytest.raises(ConfigError, match=r"no glass 'T0\.1-0000'"):
        prepare(make_config(), "T0.1-0000", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_particles_are_numbered_along_the_curve(prepared):
    found = load_glass(prepared / "glass.npz")[0]
    np.testing.assert_array_equal(z_order(found.positions, found.box), np.arange(len(found)))


def test_numbers_are_given_to_whole_particles(make_config, tmp_path, monkeypatch):
    """Position, diameter and velocity of a particle stay together, whatever its number."""
    cold = {}

    def cool(*arguments):
        configuration, velocities, temperature = real(*arguments)
        rows = zip(configuration.positions, configuration.diameters, velocities, strict=True)
        cold.update({tuple(position): rest for position, *rest in rows})
        return configuration, velocities, temperature

    real = stage.cool
    monkeypatch.setattr(stage, "cool", cool)
    prepare(make_config(), GLASS, tmp_path)
    found, velocities, _ = load_glass(tmp_path / "glass.npz")
    assert len(cold) == len(found)
    rows = zip(found.positions, found.diameters, velocities, strict=True)
    for position, diameter, velocity in rows:
        expected_diameter, expected_velocity = cold[tuple(position)]
        assert diameter == expected_diameter
        np.testing.assert_array_equal(velocity, expected_velocity)
