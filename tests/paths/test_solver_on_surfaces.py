"""From two minima of a known surface to the verdict: wells, levels, masses, failures."""

import numpy as np
import pytest
from analytic_surfaces import (
    BOX,
    MUELLER_BROWN_MINIMA,
    MUELLER_BROWN_UNIT,
    SurfaceEngine,
    curved_valley,
    mueller_brown,
    open_valley,
    valley_extrema,
)
from valley_paths import TIGHT, valley_ends

from tlsfind.config import Paths
from tlsfind.errors import InputError
from tlsfind.paths.mep import Path, StringRelaxation, straight_path
from tlsfind.paths.schroedinger import levels
from tlsfind.paths.solver import _inertial_positions, solve_path
from tlsfind.units import BUILT_IN, UnitSystem


def test_mueller_brown_between_the_outer_minima_has_three_wells():
    engine = SurfaceEngine(mueller_brown)
    a, b = (engine.positions(*MUELLER_BROWN_MINIMA[k]) for k in (0, 2))
    for first, second in ((a, b), (b, a)):
        result = solve_path(engine, first, second, BOX, TIGHT, BUILT_IN)
        assert result.status == "multiple_wells"
        assert result.wells == 3
        assert np.isnan(result.barrier)
        (candidate,) = result.candidates
        point = engine.coordinates(candidate.positions[None])[0]
        np.testing.assert_allclose(point[:2], MUELLER_BROWN_MINIMA[1], atol=1e-4)
        assert candidate.energy * MUELLER_BROWN_UNIT == pytest.approx(-80.77, abs=6e-3)
        assert 0 < candidate.image < TIGHT.images - 1


def test_solver_on_an_analytic_double_well():
    """Status, barrier, asymmetry, and the levels of the known profile along the valley."""
    height, tilt = 0.05, 0.004
    engine = SurfaceEngine(curved_valley(height, tilt, bend=0.0))
    a, b, energies = valley_ends(engine, height, tilt, 0.0)
    settings = TIGHT.model_copy(update={"grid": 8001})
    result = solve_path(engine, a, b, BOX, settings, BUILT_IN)
    assert (result.status, result.message, result.wells) == ("double_well", "", 2)
    assert result.delta_e == pytest.approx(energies[2] - energies[0], rel=1e-9)
    assert result.barrier == pytest.approx(energies[1] - energies[[0, 2]].min(), rel=1e-4)
    points, _ = valley_extrema(height, tilt, 0.0)
    x = np.linspace(-2.0, 2.0, 2001)
    along = height * (x**2 - 1) ** 2 + tilt * x
    for name, unit in BUILT_IN.items():
        exact = levels(x, along, unit.kinetic_constant, 8001) - energies[0]
        found = [result.energy_1[name], result.energy_2[name]]
        np.testing.assert_allclose(found, exact, rtol=1e-3)
    position = points[0, 0] + result.xi * result.path_length
    expected = height * (position**2 - 1) ** 2 + tilt * position - energies[0]
    np.testing.assert_allclose(result.energy, expected, atol=1e-5)
    # beyond both minima up to the first point above the ceiling
    top = energies[1] - energies[0] + settings.extrapolation_energy
    assert (result.energy[[0, -1]] > top).all()
    assert (result.energy[1:-1] < top).all()


def test_a_minimum_to_itself_and_a_slope():
    engine = SurfaceEngine(curved_valley())
    a, b, _ = valley_ends(engine, 0.2, 0.0)
    same = solve_path(engine, a, a + 1e-4 * (b - a), BOX, TIGHT, BUILT_IN)
    assert same.status == "endpoints_identical"
    assert same.iterations == 0
    assert solve_path(engine, a, a + 2.5, BOX, TIGHT, BUILT_IN).status == "endpoints_identical"
    slope = solve_path(engine, a, a + 0.2 * (b - a), BOX, TIGHT, BUILT_IN)
    assert (slope.status, slope.wells) == ("single_well", 1)
    assert np.isnan(slope.quantum_splitting["argon"])


def test_no_confining_wall_is_a_failure_with_a_message():
    engine = SurfaceEngine(open_valley)
    a, b = engine.positions(-1.0, 0.0), engine.positions(1.0, 0.0)
    result = solve_path(engine, a, b, BOX, Paths(images=20), BUILT_IN)
    assert result.status == "failed"
    assert "no confining wall" in result.message
    assert np.isnan([result.barrier, *result.quantum_splitting.values()]).all()
    assert result.energy.max() == pytest.approx(2 / 3, rel=1e-2)  # what was seen is kept


class BreakingEngine(SurfaceEngine):
    """Fails from the tenth call on."""

    def __init__(self, failure):
        super().__init__(curved_valley())
        self.failure = failure

    def path_energy_forces(self, images):
        energies, forces = super().path_energy_forces(images)
        if self.calls < 10:
            return energies, forces
        if isinstance(self.failure, Exception):
            raise self.failure
        return energies + self.failure, forces + self.failure


@pytest.mark.parametrize(
    ("failure", "word"),
    [
        (np.nan, "finite"),
        (np.inf, "finite"),
        (InputError("particles overlap"), "particles overlap"),
        (ValueError("a shape"), "a shape"),
        (ZeroDivisionError("a division"), "a division"),
    ],
)
def test_whatever_breaks_is_a_result(failure, word):
    engine = BreakingEngine(failure)
    a, b, _ = valley_ends(engine, 0.2, 0.0)
    result = solve_path(engine, a, b, BOX, TIGHT, BUILT_IN)
    assert result.status == "failed"
    assert word in result.message
    assert set(result.quantum_splitting) == set(BUILT_IN)
    assert np.isnan(list(result.quantum_splitting.values())).all()


def test_divergence_is_noticed():
    """A path whose forces are NaN has not converged."""
    engine = BreakingEngine(np.nan)
    a, b, _ = valley_ends(engine, 0.2, 0.0)
    relaxation = StringRelaxation(engine, straight_path(a, b, 20))
    with pytest.raises(FloatingPointError, match="diverged"):
        relaxation.run(1e-4, 1000)


def _argon(mass: float) -> dict[str, UnitSystem]:
    return {"argon": UnitSystem(sigma=3.405, mass=mass, epsilon=666.6666667)}


def test_heavy_particles_are_a_heavy_unit_of_mass():
    """Masses m in units of mass M are masses 1 in units of mass m M."""
    height, tilt = 0.05, 0.004
    light, heavy = (SurfaceEngine(curved_valley(height, tilt, bend=0.0)) for _ in range(2))
    heavy.masses = np.full(3, 4.0)
    a, b, _ = valley_ends(light, height, tilt, 0.0)
    expected = solve_path(light, a, b, BOX, TIGHT, _argon(4 * 39.948))
    found = solve_path(heavy, a, b, BOX, TIGHT, _argon(39.948))
    assert expected.status == found.status == "double_well"
    for quantity in ("quantum_splitting", "energy_1", "delta_0"):
        value, exact = getattr(found, quantity)["argon"], getattr(expected, quantity)["argon"]
        assert value == pytest.approx(exact, rel=1e-6, nan_ok=True)
    assert found.path_length == expected.path_length, "lengths are those of plain coordinates"
    plain = solve_path(light, a, b, BOX, TIGHT, _argon(39.948))
    assert plain.energy_1["argon"] > 1.5 * found.energy_1["argon"]


def test_inertial_length_counts_each_particle_with_its_mass():
    """Two particles on straight lines: ds^2 = sum_i m_i |dr_i|^2, beyond the ends as well."""
    masses = np.array([1.0, 9.0])
    steps = np.array([[0.3, 0.0, 0.0], [0.0, 0.4, 0.0]])
    path = Path(np.arange(4)[:, None, None] * steps)
    position, length = _inertial_positions(path, np.array([0.5, 1.0]), np.array([0.25]), masses)
    step = np.sqrt(0.09 + 9 * 0.16)  # a plain step is 0.5
    assert length == pytest.approx(3 * step)
    expected = [-2 * step, -step, 0.0, step, 2 * step, 3 * step, 3.5 * step]
    np.testing.assert_allclose(position, expected, rtol=1e-12, atol=1e-12)


def test_a_reversed_pair_has_the_reversed_path():
    """With few images first, too, and to the last result: barrier and levels."""
    engine = SurfaceEngine(curved_valley(0.05, 0.004))
    a, b, _ = valley_ends(engine, 0.05, 0.004)
    there = solve_path(engine, a, b, BOX, TIGHT, BUILT_IN)
    back = solve_path(engine, b, a, BOX, TIGHT, BUILT_IN)
    assert there.status == back.status == "double_well"
    assert there.barrier == pytest.approx(back.barrier, rel=1e-9)
    for name in BUILT_IN:
        assert there.quantum_splitting[name] == pytest.approx(
            back.quantum_splitting[name], rel=1e-5
        )
