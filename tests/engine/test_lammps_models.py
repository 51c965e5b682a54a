"""Potentials given as LAMMPS commands: Kob-Andersen, an EAM metal, a molecule from a data file."""

import itertools

import numpy as np
import pytest

from tlsfind.config import LammpsModel
from tlsfind.configuration import Configuration, minimum_image
from tlsfind.engine.base import State
from tlsfind.engine.lammps.engine import LammpsEngine
from tlsfind.engine.lammps.library import lammps_module
from tlsfind.engine.lammps.system import BOLTZMANN, MVV2E, System
from tlsfind.errors import ConfigError
from tlsfind.prepare.start import maxwell_velocities

KOB_ANDERSEN = {
    "species": {"A": {"share": 0.8}, "B": {"share": 0.2}},
    "commands": """
        pair_style lj/smooth/linear 2.5   # energy and force vanish at the cutoff
        pair_coeff 1 1 1.0 1.0 2.5
        pair_coeff 1 2 1.5 0.8 &
            2.0
        pair_coeff 2 2 0.5 0.88 2.2
    """,
}
COEFFICIENTS = {(1, 1): (1.0, 1.0, 2.5), (1, 2): (1.5, 0.8, 2.0), (2, 2): (0.5, 0.88, 2.2)}
COPPER_ZIRCONIUM = {
    "units": "metal",
    "species": {"Cu": {"share": 0.5, "mass": 63.546}, "Zr": {"share": 0.5, "mass": 91.224}},
    "commands": "pair_style eam/fs\npair_coeff * * CuZr_mm.eam.fs Cu Zr",
}


def mixture(n, box, share, seed=0):
    """Two species on a disturbed lattice."""
    rng = np.random.default_rng(seed)
    edge = int(np.ceil(n ** (1 / 3)))
    sites = np.array(list(itertools.product(range(edge), repeat=3)))[rng.permutation(edge**3)[:n]]
    positions = (sites + 0.5 + rng.uniform(-0.1, 0.1, (n, 3))) * box / edge
    types = np.where(rng.permutation(n) < share * n, 1, 2).astype(np.int32)
    return Configuration(positions, np.ones(n), box, types=types)


def engine_of(model, configuration):
    return LammpsEngine(System.from_model(LammpsModel(**model), configuration))


def lennard_jones(positions, types, box):
    """Energy of the mixture with potential and force shifted to zero at the cutoff, naively."""
    total = 0.0
    for i, j in itertools.combinations(range(len(positions)), 2):
        epsilon, sigma, cutoff = COEFFICIENTS[tuple(sorted((types[i], types[j])))]
        r = np.linalg.norm(minimum_image(positions[j] - positions[i], box))
        if r < cutoff:
            six, cut = (sigma / r) ** 6, (sigma / cutoff) ** 6
            slope = -24 * epsilon * (2 * cut**2 - cut) / cutoff
            total += 4 * epsilon * (six**2 - six - cut**2 + cut) - (r - cutoff) * slope
    return total


@pytest.fixture(scope="module")
def kob_andersen():
    configuration = mixture(216, (216 / 1.2) ** (1 / 3), 0.8)
    with engine_of(KOB_ANDERSEN, configuration) as engine:
        loose = engine.quench(configuration.positions, 1e-2, 60).positions
        yield configuration.with_positions(loose), engine


def test_kob_andersen_energy(kob_andersen):
    configuration, engine = kob_andersen
    expected = lennard_jones(configuration.positions, configuration.types, configuration.box)
    assert engine.energy(configuration.positions) == pytest.approx(expected, rel=1e-12)


def test_kob_andersen_forces_are_the_slope_of_the_energy(kob_andersen):
    configuration, engine = kob_andersen
    rng = np.random.default_rng(1)
    _, forces = engine.energy_forces(configuration.positions)
    step = 2e-6
    for _ in range(10):
        direction = rng.normal(0.0, 1.0, configuration.positions.shape)
        up = engine.energy(configuration.positions + step * direction)
        down = engine.energy(configuration.positions - step * direction)
        assert (forces * direction).sum() == pytest.approx(
            -(up - down) / (2 * step), rel=1e-6, abs=1e-5
        )


def test_kob_andersen_dynamics_quench_and_path(kob_andersen):
    configuration, engine = kob_andersen
    n = len(configuration)
    velocities = maxwell_velocities(n, 0.3, np.random.default_rng(2))
    state = State(configuration.positions.copy(), velocities)
    engine.run(state, 200, 0.004, temperature=0.3, thermostat_time=0.1)
    series = engine.run(state, 200, 0.004)
    assert series.sum(axis=1).std() < 0.02 * series[:, 0].std()
    found = engine.quench(state.positions)
    assert found.converged
    assert found.energy < engine.energy(state.positions)
    images = np.linspace(0, 1, 5)[:, None, None] * (found.positions - state.positions)
    energies, forces = engine.path_energy_forces(state.positions + images)
    for k in range(5):
        energy, single = engine.energy_forces(state.positions + images[k])
        assert energies[k] == pytest.approx(energy, abs=1e-10)
        assert np.abs(forces[k] - single).max() < 1e-10


def test_metal_units_conserve_energy_and_give_the_temperature():
    """CuZr at k_B T = 0.1 eV with masses of Cu and Zr, times in units of 10.18 fs."""
    n = 250
    configuration = mixture(n, (n * 18.0) ** (1 / 3), 0.5)
    rng = np.random.default_rng(3)
    with engine_of(COPPER_ZIRCONIUM, configuration) as engine:
        np.testing.assert_array_equal(
            engine.masses, np.where(configuration.types == 1, 63.546, 91.224)
        )
        loose = engine.quench(configuration.positions, 1e-2, 100).positions
        velocities = maxwell_velocities(n, 0.1, rng) / np.sqrt(engine.masses)[:, None]
        state = State(loose, velocities.copy())
        energies = engine.run(state, 1, 1e-6)
        kinetic = 0.5 * (engine.masses[:, None] * velocities**2).sum()
        assert energies[0, 1] == pytest.approx(kinetic, rel=1e-5)
        assert energies[0, 1] * 2 / (3 * n - 3) == pytest.approx(0.1, rel=0.1)
        energies = engine.run(state, 200, 0.1)  # about 1 fs
        assert energies.sum(axis=1).std() < 2e-3 * energies[:, 0].std()
        thermalised = engine.run(state, 300, 0.1, temperature=0.05, thermostat_time=2.0)
        temperature = thermalised[-100:, 1].mean() * 2 / (3 * n - 3)
        assert temperature == pytest.approx(0.05, rel=0.1)
        # the integrator in reduced units: one step of velocity Verlet by hand
        _, forces = engine.energy_forces(state.positions)
        half = state.velocities + 0.05 * forces / engine.masses[:, None]
        expected = state.positions + 0.1 * half
        engine.run(state, 1, 0.1)
        np.testing.assert_allclose(state.positions, expected, atol=1e-10)


def write_dimer(path, **changes):
    """Two bonded particles across the boundary of a box that begins at -10."""
    content = {
        "counts": "2 atoms\n1 bonds\n1 atom types\n1 bond types",
        "box": "\n".join(f"-10 10 {axis}lo {axis}hi" for axis in "xyz"),
        "sections": "Masses\n\n1 4.0\n\nBond Coeffs\n\n1 8.0 1.5",
        "atoms": "Atoms # bond\n\n2 1 1 -9.5 0 0 1 0 0\n1 1 1 9.0 0 0 0 0 0 # first",
        "bonds": "Bonds\n\n1 1 1 2",
        **changes,
    }
    path.write_text("title\n\n" + "\n\n".join(content.values()) + "\n")
    return path


def dimer_model(path, units="lj"):
    commands = "bond_style harmonic\npair_style zero 3.0\npair_coeff * *"
    return {
        "units": units,
        "atom_style": "bond",
        "species": {"X": {}},
        "commands": commands,
        "data_file": path,
    }


@pytest.mark.parametrize("units", ["lj", "metal", "real"])
def test_a_dimer_vibrates_with_its_analytic_frequency(tmp_path, units):
    """E = k (r - r0)^2 with k = 8, m = 4: omega = sqrt(2 k / (m / 2)) in every set of units."""
    model = dimer_model(write_dimer(tmp_path / "dimer.data"), units)
    omega, amplitude = np.sqrt(2 * 8.0 / 2.0), 1e-3
    positions = np.array([[19.0, 10.0, 10.0], [0.5 + amplitude, 10.0, 10.0]])
    configuration = Configuration(positions, np.ones(2), 20.0, types=np.array([1, 1]))
    with engine_of(model, configuration) as engine:
        np.testing.assert_array_equal(engine.masses, [4.0, 4.0])
        assert engine.energy(positions) == pytest.approx(8.0 * amplitude**2, rel=1e-9)
        state = State(positions.copy(), np.zeros((2, 3)))
        steps, dt = 1000, 2 * np.pi / omega / 1000
        series = engine.run(state, steps, dt)
        times = dt * np.arange(1, steps + 1)
        expected = 8.0 * (amplitude * np.cos(omega * times)) ** 2
        np.testing.assert_allclose(series[:, 0], expected, atol=2e-4 * 8.0 * amplitude**2)
        np.testing.assert_allclose(state.positions, positions, atol=1e-2 * amplitude)
        found = engine.quench(positions, 1e-8)
    assert found.converged
    assert found.positions[1, 0] - found.positions[0, 0] + 20.0 == pytest.approx(1.5, abs=1e-8)


def test_the_constants_are_those_of_lammps():
    library = lammps_module().lammps(cmdargs=["-log", "none", "-screen", "none"])
    for units, mvv2e in MVV2E.items():
        library.commands_string(f"clear\nunits {units}")
        assert mvv2e == library.extract_global("mvv2e")
        assert BOLTZMANN[units] == library.extract_global("boltz")
    library.close()


def refused(commands, **changes):
    model = {**KOB_ANDERSEN, **changes, "commands": commands}
    with pytest.raises(ConfigError) as caught:
        engine_of(model, mixture(27, 6.0, 0.8))
    return str(caught.value)


def test_unknown_pair_style_names_near_ones():
    message = refused("pair_style lj/smooth/liner 2.5\npair_coeff * * 1 1")
    assert "'pair_style lj/smooth/liner 2.5'" in message
    assert "no pair style 'lj/smooth/liner'" in message
    assert "lj/smooth/linear" in message.split("near ones that it has")[1]
    assert "engine.python" in message


def test_wrong_pair_coeff_is_quoted_with_the_error_of_lammps():
    message = refused("pair_style lj/cut 2.5\npair_coeff 1 3 1.0 1.0")
    assert "'pair_coeff 1 3 1.0 1.0'" in message
    assert "ERROR: Numeric index 3 is out of bounds (1-2)" in message


def test_missing_potential_file_is_named():
    message = refused("pair_style eam/fs\npair_coeff * * nowhere.eam.fs Cu Zr")
    assert "nowhere.eam.fs" in message
    assert "No such file" in message
