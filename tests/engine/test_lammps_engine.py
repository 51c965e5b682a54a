"""The LAMMPS engine against the native one, and its own promises."""

import numpy as np
import pytest

from tlsfind.config import Engine as Settings
from tlsfind.configuration import displacements, wrap
from tlsfind.engine import make_engine
from tlsfind.engine.base import State
from tlsfind.engine.lammps import engine as lammps_engine
from tlsfind.engine.lammps.engine import LammpsEngine, shared_engine
from tlsfind.engine.lammps.instance import LammpsFailure
from tlsfind.engine.lammps.system import System
from tlsfind.errors import InputError, TlsfindError

NVE = {}
COOLING = {"temperature": 0.05, "thermostat_time": 0.5}


@pytest.fixture(scope="module")
def lammps(liquid):
    configuration, _ = liquid
    with LammpsEngine(System.polydisperse(configuration.diameters, configuration.box)) as engine:
        yield engine


def moving(liquid):
    configuration, velocities = liquid
    return State(configuration.positions.copy(), velocities.copy())


def test_unit_masses(lammps, liquid):
    np.testing.assert_array_equal(lammps.masses, np.ones(len(liquid[0])))
    np.testing.assert_array_equal(make_engine(liquid[0]).masses, lammps.masses)


def test_size_classes_change_no_result(liquid, lammps):
    configuration, _ = liquid
    energy, forces = lammps.energy_forces(configuration.positions)
    for classes in (1, 3, 16):
        system = System.polydisperse(configuration.diameters, configuration.box, classes)
        with LammpsEngine(system) as other:
            again, other_forces = other.energy_forces(configuration.positions)
        assert again == pytest.approx(energy, abs=1e-10)
        assert np.abs(other_forces - forces).max() < 1e-11


@pytest.mark.parametrize("thermostat", [NVE, COOLING])
def test_same_trajectory_as_native(liquid, lammps, thermostat):
    """Rounding (1e-14) grows along 100 steps of chaos, but stays below 1e-9."""
    expected, state = moving(liquid), moving(liquid)
    expected.positions += 5 * liquid[0].box  # unwrapped positions stay where they are
    state.positions += 5 * liquid[0].box
    series = make_engine(liquid[0]).run(expected, 100, 0.01, **thermostat)
    found = lammps.run(state, 100, 0.01, **thermostat)
    assert found.shape == (100, 2)
    np.testing.assert_allclose(found, series, atol=1e-9)
    np.testing.assert_allclose(state.positions, expected.positions, atol=1e-9)
    np.testing.assert_allclose(state.velocities, expected.velocities, atol=1e-9)


def test_energy_is_conserved_to_second_order_in_the_time_step(liquid, lammps):
    amplitudes = []
    for halvings in range(2):
        series = lammps.run(moving(liquid), 200 * 2**halvings, 0.01 / 2**halvings)
        total = series.sum(axis=1)
        amplitudes.append(total.std())
        assert series[:, 0].std() > 50 * total.std()
    assert 3.0 < amplitudes[0] / amplitudes[1] < 5.5


def test_time_is_reversible(liquid, lammps):
    state = moving(liquid)
    lammps.run(state, 150, 0.01)
    there = np.abs(state.positions - liquid[0].positions).max()
    state.velocities *= -1.0
    lammps.run(state, 150, 0.01)
    assert there > 0.1
    assert np.abs(state.positions - liquid[0].positions).max() < 1e-8


def test_free_flight_over_many_boxes():
    """Reduced units: the displacement is the velocity times the time; no wrapping shows."""
    positions = np.array([[1.0, 1.0, 1.0], [5.0, 5.0, 5.0]])
    velocities = np.array([[3.0, -2.0, 0.5], [3.0, -2.0, 0.5]])
    with LammpsEngine(System.polydisperse(np.ones(2), 10.0)) as engine:
        state = State(positions.copy(), velocities.copy())
        series = engine.run(state, 200, 0.1)
    np.testing.assert_allclose(state.positions, positions + 20.0 * velocities, atol=1e-10)
    np.testing.assert_allclose(series[:, 1], 0.5 * (velocities**2).sum(), rtol=1e-12)
    assert not series[:, 0].any()


def test_berendsen_reaches_its_target(liquid, lammps):
    n = len(liquid[0])
    series = lammps.run(moving(liquid), 800, 0.01, temperature=0.03, thermostat_time=0.3)
    temperature = series[-300:, 1].mean() * 2 / (3 * n - 3)
    assert temperature == pytest.approx(0.03, rel=0.08)


def test_divergence_is_an_error_and_leaves_the_state(liquid, lammps):
    state = moving(liquid)
    energy = lammps.energy(state.positions)
    with pytest.raises(InputError, match="diverged"):
        lammps.run(state, 500, 0.5)
    np.testing.assert_array_equal(state.positions, liquid[0].positions)
    np.testing.assert_array_equal(state.velocities, liquid[1])
    assert lammps.energy(state.positions) == energy  # a new LAMMPS, the same answer


@pytest.mark.parametrize("minimiser", ["cg", "fire"])
def test_same_minimum_as_native(liquid, minimum, minimiser):
    configuration, _ = liquid
    native = make_engine(configuration)
    rng = np.random.default_rng(4)
    system = System.polydisperse(configuration.diameters, configuration.box)
    with LammpsEngine(system, Settings(minimiser=minimiser)) as engine:
        for boxes in (0, 3):
            start = minimum.positions + rng.normal(0.0, 0.02, minimum.positions.shape)
            start += boxes * configuration.box
            expected, found = native.quench(start), engine.quench(start)
            assert found.converged
            assert found.max_force <= 1e-6
            assert 10 < found.evaluations < 2000
            assert found.energy == pytest.approx(expected.energy, abs=1e-8)
            assert np.abs(found.positions - start).max() < 0.5  # unwrapped along the descent
            moved = displacements(found.positions, expected.positions, configuration.box)
            assert np.linalg.norm(moved) < 1e-3
            energy, forces = native.energy_forces(found.positions)
            assert found.energy == pytest.approx(energy, abs=1e-9)
            assert found.max_force == pytest.approx(np.abs(forces).max(), abs=1e-10)


@pytest.mark.parametrize("minimiser", ["cg", "fire"])
def test_force_tolerance_below_what_energies_resolve(minimum, minimiser):
    rng = np.random.default_rng(4)
    system = System.polydisperse(minimum.diameters, minimum.box)
    start = minimum.positions + rng.normal(0.0, 0.005, minimum.positions.shape)
    with LammpsEngine(system, Settings(minimiser=minimiser)) as engine:
        found = engine.quench(start, force_tolerance=1e-9)
        assert found.converged
        assert found.max_force <= 1e-9
        again = engine.quench(found.positions, force_tolerance=1e-9)
        assert again.evaluations == 1
        np.testing.assert_array_equal(again.positions, found.positions)
        given_up = engine.quench(start, max_evaluations=10)
        assert not given_up.converged
        assert given_up.evaluations <= 20  # LAMMPS ends its line search first
        assert given_up.energy < engine.energy(start)


def assert_equals_single(engine, images):
    energies, forces = engine.path_energy_forces(images)
    assert energies.shape == (len(images),)
    assert forces.shape == images.shape
    for k, image in enumerate(images):
        energy, single = engine.energy_forces(image)
        assert energies[k] == pytest.approx(energy, rel=1e-12)
        assert np.abs(forces[k] - single).max() < 1e-10 + 1e-11 * np.abs(single).max()


@pytest.mark.parametrize(("count", "spread"), [(1, 0.1), (2, 0.05), (12, 0.05), (12, 0.4)])
def test_path_equals_single_evaluations(liquid, lammps, count, spread):
    """Images close to each other share a neighbour list, others make LAMMPS build new ones."""
    configuration, _ = liquid
    rng = np.random.default_rng(count)
    direction = rng.normal(0.0, spread, configuration.positions.shape)
    images = configuration.positions + np.linspace(0, 0.5, count)[:, None, None] * direction
    boxes = rng.integers(-3, 4, configuration.positions.shape) * configuration.box
    assert_equals_single(lammps, images + boxes)


def test_images_that_cross_the_box_or_jump(liquid, lammps):
    configuration, _ = liquid
    box = configuration.box
    drifting = configuration.positions + np.linspace(0, 2.3 * box, 12)[:, None, None]
    assert_equals_single(lammps, drifting)
    rng = np.random.default_rng(0)
    jumping = [
        wrap(configuration.positions + rng.uniform(0, box, 3), box)
        + box * rng.integers(-2, 3, configuration.positions.shape)
        for _ in range(6)
    ]
    assert_equals_single(lammps, np.array(jumping))


def test_path_agrees_with_native(liquid, lammps):
    configuration, _ = liquid
    direction = np.random.default_rng(2).normal(0.0, 0.1, configuration.positions.shape)
    images = configuration.positions + np.linspace(-0.5, 0.5, 9)[:, None, None] * direction
    energies, forces = lammps.path_energy_forces(images)
    expected, expected_forces = make_engine(configuration).path_energy_forces(images)
    assert np.abs(energies - expected).max() / len(configuration) < 1e-10
    assert np.abs(forces - expected_forces).max() < 1e-8


def test_results_do_not_depend_on_what_the_engine_did_before(liquid, lammps):
    """Bit for bit, as of the native engine."""
    configuration, _ = liquid
    system = System.polydisperse(configuration.diameters, configuration.box)
    images = configuration.positions + np.linspace(0, 0.5, 4)[:, None, None]
    lammps.run(moving(liquid), 60, 0.01, **COOLING)
    results = []
    with LammpsEngine(system) as fresh:
        for engine in (fresh, lammps):
            state = moving(liquid)
            series = engine.run(state, 30, 0.01)
            found = engine.quench(configuration.positions, 1e-3)
            results.append(
                [
                    series, state.positions, state.velocities, found.positions, found.evaluations,
                    *engine.energy_forces(configuration.positions),
                    *engine.path_energy_forces(images),
                ]
            )  # fmt: skip
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


def test_bad_positions_are_named_and_do_no_harm(liquid, lammps):
    positions = liquid[0].positions
    energy = lammps.energy(positions)
    overlapping = positions.copy()
    overlapping[7] = overlapping[20]
    images = np.array([positions, overlapping])
    for call in (
        lambda: lammps.energy_forces(overlapping),
        lambda: lammps.quench(overlapping),
        lambda: lammps.path_energy_forces(images),
    ):
        with pytest.raises(InputError, match="8 and 21, are at the distance 0"):
            call()
    images[1, 3, 0] = np.nan
    with pytest.raises(InputError, match="NaN"):
        lammps.path_energy_forces(images)
    with pytest.raises(InputError, match=r"shape \(2, 3, 3\)"):
        lammps.path_energy_forces(images[:, :3])
    with pytest.raises(InputError, match="velocities"):
        lammps.run(State(positions.copy(), np.zeros((3, 3))), 5, 0.01)
    assert lammps.energy(positions) == energy


def test_a_failing_lammps_is_replaced(liquid, lammps, monkeypatch):
    positions = liquid[0].positions
    energy = lammps.energy(positions)
    before = lammps._instance
    with monkeypatch.context() as patch:
        patch.setattr(type(before), "potential_energy", lambda self: self.command("nonsense"))
        with pytest.raises(LammpsFailure, match="ERROR: Unknown command: nonsense"):
            lammps.energy(positions)
    assert lammps.energy(positions) == energy


def test_one_engine_is_shared(liquid, make_liquid, monkeypatch):
    monkeypatch.setattr(lammps_engine, "_shared", [])
    configuration, _ = liquid
    first = make_engine(configuration, name="lammps")
    assert make_engine(configuration, name="lammps") is first
    instance = first._instance
    other = make_liquid(1, n=200)
    second = shared_engine(System.polydisperse(other.diameters, other.box))
    assert second is not first
    assert instance.library is None  # ended
    native = make_engine(configuration)
    assert first.energy(configuration.positions) == pytest.approx(  # and made anew when needed
        native.energy(configuration.positions), abs=1e-9
    )
    second.close()
    third = shared_engine(System.polydisperse(other.diameters, other.box))
    assert third is not second
    with pytest.raises(TlsfindError, match="closed"):
        second.energy(other.positions)
    first.close()
    third.close()


def test_the_log_holds_the_last_error(liquid, tmp_path):
    configuration, _ = liquid
    log = tmp_path / "log.lammps"
    system = System.polydisperse(configuration.diameters, configuration.box)
    with LammpsEngine(system, log=log) as engine, pytest.raises(InputError, match="diverged"):
        engine.run(moving(liquid), 500, 0.5)
    assert "pair_style lepton/sphere" in log.read_text()
