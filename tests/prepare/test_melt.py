"""Preparation of models given as LAMMPS commands: Kob-Andersen Lennard-Jones and Cu-Zr."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tlsfind import config as configuration
from tlsfind import tables
from tlsfind.configuration import minimum_image
from tlsfind.engine import make_engine
from tlsfind.engine.native.engine import NativeEngine
from tlsfind.errors import InputError, TlsfindError
from tlsfind.explore.stage import explore
from tlsfind.interop.native import load_glass, load_minima
from tlsfind.prepare import restart, stage
from tlsfind.prepare.cooling import cool, ramp
from tlsfind.prepare.melt import DynamicsSampler
from tlsfind.prepare.stage import begin, make_sampler, prepare

CONFIGS = Path(__file__).parents[2] / "config"
GLASS = "T0.6-0000"
FILES = {"glass.npz", "glass.parquet", "equilibration.parquet"}
#: Kob and Andersen (1994): epsilon and sigma of AA, AB, BB; cutoffs 2.5 sigma.
PAIRS = {(1, 1): (1.0, 1.0), (1, 2): (1.5, 0.8), (2, 2): (0.5, 0.88)}
COMMANDS = "pair_style lj/smooth/linear 2.5\n" + "\n".join(
    f"pair_coeff {i} {j} {eps} {sigma} {2.5 * sigma}" for (i, j), (eps, sigma) in PAIRS.items()
)


def kob_andersen(seed=3, masses=(1.0, 1.0), **prepare):
    settings = {
        "blocks": 40, "md_steps": 10, "time_step": 0.005, "melt_temperature": 1.0,
        "melt_blocks": 30, "cooling_temperature": 0.1, "cooling_rate": 0.5, "thermostat_time": 0.2,
        "inherent_structures": 4,
    }  # fmt: skip
    species = {
        "A": {"share": 0.8, "mass": masses[0]},
        "B": {"share": 0.2, "mass": masses[1], "diameter": 0.88},
    }
    return configuration.parse(
        {
            "run": {"name": "ka", "output": "unused", "seed": seed},
            "model": {
                "n_particles": 200,
                "density": 1.2,
                "lammps": {"species": species, "commands": COMMANDS},
            },
            "glasses": [{"preparation_temperature": 0.6, "count": 2}],
            "prepare": {**settings, **prepare},
            "explore": {"temperature": 0.1, "trajectories": 1, "steps": 40, "quench_every": 20},
        }
    )


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """An undisturbed preparation."""
    output = tmp_path_factory.mktemp("ka")
    prepare(kob_andersen(), GLASS, output)
    return output


class Recorder:
    """An engine that notes the thermostat's target, the duration and the energies of each run."""

    def __init__(self, engine):
        self.engine = engine
        self.n_particles, self.masses = engine.n_particles, engine.masses
        self.runs = []

    def run(self, state, steps, time_step, temperature=0.0, thermostat_time=0.0):
        energies = self.engine.run(state, steps, time_step, temperature, thermostat_time)
        kinetic = energies[:, 1].mean() * 2.0 / (3.0 * self.n_particles - 3.0)
        self.runs.append((temperature, steps * time_step, kinetic))
        return energies


def naive_energy(positions, types, box):
    """The force-shifted Lennard-Jones energy, pair by pair over the nearest images."""
    total = 0.0
    for i in range(len(positions) - 1):
        distances = np.linalg.norm(minimum_image(positions[i + 1 :] - positions[i], box), axis=1)
        for distance, kind in zip(distances, types[i + 1 :], strict=True):
            epsilon, sigma = PAIRS[tuple(sorted((int(types[i]), int(kind))))]
            cutoff = 2.5 * sigma
            if distance >= cutoff:
                continue
            at_cutoff = 4.0 * epsilon * (2.5**-12 - 2.5**-6)
            slope = 4.0 * epsilon * (-12.0 * 2.5**-12 + 6.0 * 2.5**-6) / cutoff
            x = sigma / distance
            total += 4.0 * epsilon * (x**12 - x**6) - at_cutoff - slope * (distance - cutoff)
    return total


def assert_same_glass(first, second):
    assert {path.name for path in second.iterdir()} == FILES
    with np.load(first / "glass.npz") as a, np.load(second / "glass.npz") as b:
        assert a.files == b.files
        for key in a.files:
            np.testing.assert_array_equal(a[key], b[key])
    for name in ("glass.parquet", "equilibration.parquet"):
        pd.testing.assert_frame_equal(
            tables.read(first / name), tables.read(second / name), check_exact=True
        )


def test_the_glass(prepared):
    glass, velocities, info = load_glass(prepared / "glass.npz")
    assert np.bincount(glass.types).tolist() == [0, 160, 40]
    assert set(glass.diameters[glass.types == 2]) == {0.88}
    assert len(glass) / glass.box**3 == pytest.approx(1.2)
    assert info["preparation_temperature"] == 0.6
    np.testing.assert_allclose(velocities.sum(axis=0), 0.0, atol=1e-9)
    engine = make_engine(glass, kob_andersen())
    energy = engine.energy(glass.positions)
    assert energy == pytest.approx(naive_energy(glass.positions, glass.types, glass.box), rel=1e-9)
    row = tables.read(prepared / "glass.parquet").iloc[0]
    assert row["temperature"] == pytest.approx(0.1, rel=0.1)
    quenched = engine.quench(glass.positions, 1e-5).energy / 200
    assert row["inherent_energy"] == pytest.approx(quenched, abs=1e-7)
    assert energy / 200 - quenched == pytest.approx(1.5 * 0.1, rel=0.2)  # equipartition, nearly
    assert row["n_particles"] == 200


def test_the_evidence_without_swaps(prepared):
    series = tables.read(prepared / "equilibration.parquet")
    assert series["block"].tolist() == list(range(1, 41))
    assert series["swap_acceptance"].isna().all()
    assert np.isnan(tables.read(prepared / "glass.parquet")["swap_acceptance"][0])
    assert series["inherent_energy"].notna().sum() >= 4
    late = series[series["block"] > 20]
    assert late["kinetic_temperature"].mean() == pytest.approx(0.6, rel=0.03)
    assert late["self_overlap_half"].notna().all()
    assert (series["potential_energy"] > series["inherent_energy"].fillna(-np.inf)).all()
    assert series["self_overlap"].iloc[-1] < 0.9
    assert isinstance(tables.read(prepared / "glass.parquet")["verdict"][0], str)


def test_same_config_same_glass_and_another_seed_another(prepared, tmp_path):
    prepare(kob_andersen(), GLASS, tmp_path / "again")
    assert_same_glass(prepared, tmp_path / "again")
    prepare(kob_andersen(seed=4), GLASS, tmp_path / "seed")
    energies = {
        tables.read(folder / "glass.parquet")["inherent_energy"][0]
        for folder in (prepared, tmp_path / "seed")
    }
    assert len(energies) == 2


@pytest.mark.parametrize("saves", [1, 25, 40, 55])
def test_killed_and_started_again_gives_the_same_glass(prepared, tmp_path, monkeypatch, saves):
    """Before half time, after it, after the last block, and in the middle of the cooling."""
    save, count = restart.save, 0

    def failing(*arguments):
        nonlocal count
        save(*arguments)
        count += 1
        if count == saves:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(stage, "SECONDS_BETWEEN_RESTARTS", -1.0)
        patch.setattr(restart, "save", failing)
        with pytest.raises(KeyboardInterrupt):
            prepare(kob_andersen(), GLASS, tmp_path)
    saved = restart.load(tmp_path / "restart.npz", stage.identity(kob_andersen(), GLASS))
    assert saved.block == min(saves, 40)
    assert (saved.cooled > 0) == (saves > 40)
    np.testing.assert_array_equal(saved.types, load_glass(prepared / "glass.npz")[0].types)
    prepare(kob_andersen(), GLASS, tmp_path)
    assert_same_glass(prepared, tmp_path)


def liquid(config, temperature, seed=0):
    """A melted start at ``temperature`` and its engine."""
    rng = np.random.default_rng(seed)
    state = begin(config, temperature, rng)
    make_sampler(config, state, rng).run(20, temperature)
    return state, make_engine(state.configuration, config)


@pytest.mark.parametrize("rate", [0.05, 0.25])
def test_linear_cooling_has_the_stated_rate(rate):
    config = kob_andersen(cooling_rate=rate)
    state, engine = liquid(config, 0.6)
    recorder = Recorder(engine)
    cold, velocities, final = cool(recorder, state, 0.6, config.prepare, np.random.default_rng(0))
    *slope, hold = recorder.runs
    targets, durations, kinetic = np.array(slope).T
    times = np.cumsum(durations) - 0.5 * durations
    np.testing.assert_allclose(targets, 0.6 - rate * times, atol=1e-12)  # the thermostat
    assert durations.sum() == pytest.approx(0.5 / rate, rel=1e-3)
    assert len(slope) >= 100
    later = times > 0.2 * times[-1]  # the particles, once they follow the thermostat
    assert np.polyfit(times[later], kinetic[later], 1)[0] == pytest.approx(-rate, rel=0.1)
    assert hold[:2] == (0.1, pytest.approx(10 * 0.2))
    assert final == pytest.approx(0.1, rel=0.1)
    np.testing.assert_allclose(velocities.sum(axis=0), 0.0, atol=1e-9)
    assert cold.positions.shape == (200, 3)


def test_linear_cooling_of_the_built_in_model(make_config, tmp_path):
    config = make_config(cooling_rate=0.02, thermostat_time=0.5, blocks=20)
    prepare(config, "T0.2-0000", tmp_path)
    row = tables.read(tmp_path / "glass.parquet").iloc[0]
    assert row["temperature"] == pytest.approx(0.04, rel=0.1)
    glass, _, _ = load_glass(tmp_path / "glass.npz")
    assert glass.types is None
    engine = NativeEngine(glass.diameters, glass.box)
    quenched = engine.quench(glass.positions, 1e-5).energy / 200
    assert row["inherent_energy"] == pytest.approx(quenched, abs=1e-9)


def test_time_steps_of_a_ramp():
    settings = kob_andersen(cooling_rate=0.01, thermostat_time=1.0).prepare
    assert ramp(0.6, settings) == (10000, 20)  # a tenth of the thermostat's time
    assert ramp(0.6, settings.model_copy(update={"cooling_rate": 1.0})) == (100, 1)
    assert ramp(0.1, settings) == (0, 1)


@pytest.mark.parametrize("masses", [(1.0, 1.0), (1.0, 8.0)])
def test_species_of_unequal_masses_have_one_temperature(masses):
    config = kob_andersen(masses=masses)
    state, engine = liquid(config, 1.0)
    sampler = DynamicsSampler(engine, state.positions, state.velocities, config.prepare)
    kinetic = []
    for _ in range(60):
        sampler.run(2, 1.0)
        kinetic.append(engine.masses * (state.velocities**2).sum(axis=1) / 3.0)
    momentum = (engine.masses[:, None] * state.velocities).sum(axis=0)
    np.testing.assert_allclose(momentum, 0.0, atol=1e-8)
    mean = np.mean(kinetic, axis=0)
    for kind in (1, 2):
        assert mean[state.types == kind].mean() == pytest.approx(1.0, rel=0.08)


def test_the_liquid_has_the_energy_of_plain_lammps():
    """Mean potential energy at T = 1 against Nose-Hoover dynamics, all in LAMMPS's own words."""
    from tlsfind.engine.lammps.library import new_instance

    config = kob_andersen()
    state, engine = liquid(config, 1.0)
    ours = DynamicsSampler(engine, state.positions, state.velocities, config.prepare).run(250, 1.0)
    plain = new_instance(None)
    try:
        plain.commands_string(
            f"""
            units lj
            atom_modify map array
            region all block 0 {state.box} 0 {state.box} 0 {state.box}
            create_box 2 all
            lattice sc 1.2
            create_atoms 1 random 160 11 NULL overlap 0.8 maxtry 9999
            create_atoms 2 random 40 12 NULL overlap 0.6 maxtry 9999
            mass * 1.0
            {COMMANDS}
            minimize 0 0.1 200 1000
            velocity all create 1.0 13
            timestep 0.005
            fix move all nvt temp 1.0 1.0 0.5
            run 1000 post no
            run 1000 post no
            reset_timestep 0
            fix average all ave/time 1 3000 3000 c_thermo_pe
            run 3000 post no
            """
        )
        its = plain.extract_fix("average", 0, 0) / 200
    finally:
        plain.close()
    assert ours.kinetic_temperature == pytest.approx(1.0, rel=0.01)
    assert ours.potential_energy == pytest.approx(its, abs=0.05)


def test_a_data_file_with_an_equilibrated_liquid_stays_as_it_is(tmp_path):
    """With no melting, the positions of the file are the start."""
    config = kob_andersen()
    state, engine = liquid(config, 0.8)
    path = tmp_path / "liquid.data"
    path.write_text(engine.system.data_text(state.positions))
    content = config.model_dump()
    content["model"]["lammps"]["data_file"] = path
    content["prepare"]["melt_blocks"] = 0
    config = configuration.parse(content)
    begun = begin(config, 0.6, np.random.default_rng(1))
    moved = minimum_image(begun.start - state.positions, state.box)
    np.testing.assert_allclose(moved, 0.0, atol=1e-9)
    np.testing.assert_array_equal(begun.types, state.types)
    assert (begun.velocities**2).sum() / (3 * 200 - 3) == pytest.approx(0.6)
    before = stage.identity(config, GLASS)
    path.write_text(path.read_text() + "\n")
    assert stage.identity(config, GLASS) != before  # a restart file of another file is not used
    path.unlink()
    with pytest.raises(InputError, match=r"data_file .*liquid\.data: No such file"):
        stage.identity(config, GLASS)


def test_dynamics_that_diverge():
    config = kob_andersen()
    state, engine = liquid(config, 1.0)
    settings = config.prepare.model_copy(update={"time_step": 0.1})
    sampler = DynamicsSampler(engine, state.positions, state.velocities, settings)
    before = state.positions.copy()
    with pytest.raises(TlsfindError, match=r"diverged|LAMMPS failed"):
        sampler.run(20, 1.0)
    np.testing.assert_array_equal(state.positions, before)


def test_shipped_kob_andersen():
    config = configuration.load(CONFIGS / "kob-andersen.yaml")
    first, *rest = config.model.lammps.commands.splitlines()
    assert first == "pair_style lj/smooth/linear 2.5"
    found = {}
    for line in rest:
        i, j, *numbers = line.split()[1:]
        found[int(i), int(j)] = tuple(float(word) for word in numbers)
    assert found == {pair: (eps, sigma, 2.5 * sigma) for pair, (eps, sigma) in PAIRS.items()}
    box = (config.model.n_particles / config.model.density) ** (1 / 3)
    assert box > 2 * (2.5 + 0.3)
    shares = [species.share for species in config.model.lammps.species.values()]
    assert shares == [0.8, 0.2]
    assert config.model.density == 1.2


def test_cu_zr_in_metal_units(tmp_path):
    """config/cuzr.yaml made small: temperatures in eV, energies of the published potential."""
    content = configuration.load(CONFIGS / "cuzr.yaml").model_dump()
    content["model"]["n_particles"] = 250
    content["glasses"] = [{"preparation_temperature": 0.1293}]  # 1500 K, to be quick
    content["prepare"] |= {
        "blocks": 20, "md_steps": 15, "melt_blocks": 10, "cooling_rate": 8e-4,
        "inherent_structures": 4,
    }  # fmt: skip
    content["explore"] |= {"trajectories": 1, "steps": 30, "quench_every": 15}
    config = configuration.parse(content)
    prepare(config, "T0.1293-0000", tmp_path)
    glass, velocities, info = load_glass(tmp_path / "glass.npz")
    assert np.bincount(glass.types).tolist() == [0, 160, 90]
    assert set(glass.diameters) == {2.56, 3.2}
    engine = make_engine(glass, config)
    masses = np.where(glass.types == 1, 63.546, 91.224)
    np.testing.assert_allclose(engine.masses, masses)
    np.testing.assert_allclose((masses[:, None] * velocities).sum(axis=0), 0.0, atol=1e-8)
    series = tables.read(tmp_path / "equilibration.parquet")
    assert series["kinetic_temperature"].iloc[-8:].mean() == pytest.approx(0.1293, rel=0.1)
    assert info["temperature"] == pytest.approx(0.04309, rel=0.15)
    row = tables.read(tmp_path / "glass.parquet").iloc[0]
    # eV per atom: between the cohesive energies of Cu (-3.28) and Zr (-6.47) of this potential
    assert -5.0 < row["inherent_energy"] < -4.2
    explore(config, "T0.1293-0000", tmp_path / "glass.npz", 0, tmp_path / "block")
    minima = load_minima(tmp_path / "block" / "minima.npz")
    assert minima.max_forces.max() <= 1e-6
    np.testing.assert_array_equal(minima.types, glass.types)
    drift = tables.read(tmp_path / "block" / "trajectories.parquet").iloc[0]
    assert drift["energy_fluctuation"] < 1e-4
    assert drift["temperature"] == pytest.approx(0.04309, rel=0.3)
