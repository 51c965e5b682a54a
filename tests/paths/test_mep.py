"""The string method on surfaces whose minima and saddles are known."""

import numpy as np
import pytest
from analytic_surfaces import (
    BASIS,
    BOX,
    MUELLER_BROWN_ENERGIES,
    MUELLER_BROWN_MINIMA,
    MUELLER_BROWN_SADDLES,
    MUELLER_BROWN_UNIT,
    SurfaceEngine,
    curved_valley,
    mueller_brown,
    open_valley,
    valley_extrema,
)

from tlsfind.config import Paths
from tlsfind.configuration import displacements
from tlsfind.errors import InputError
from tlsfind.paths.mep import UNEVEN, Path, StringRelaxation, grown_path, straight_path, with_images
from tlsfind.paths.profile import extrema, spline_maximum
from tlsfind.paths.schroedinger import levels
from tlsfind.paths.solver import _inertial_positions, solve_path
from tlsfind.paths.string_kernel import arc_lengths, perpendicular_forces, redistribute
from tlsfind.units import BUILT_IN, UnitSystem

TIGHT = Paths(images=60, force_tolerance=1e-4, verdict_force=0.01, max_iterations=20000)


def relaxed(engine, a, b, images=60, tolerance=1e-4):
    path = straight_path(a, b, images)
    relaxation = StringRelaxation(engine, path)
    assert relaxation.run(tolerance, 20000)
    return path


def valley_ends(engine, height, tilt, bend=0.7):
    points, energies = valley_extrema(height, tilt, bend)
    return engine.positions(*points[0]), engine.positions(*points[2]), energies


def barrier_of(path):
    return spline_maximum(path.lengths(), path.energies) - path.energies.min()


def test_the_surfaces_themselves():
    """Forces are the gradient, and the listed points are stationary."""
    rng = np.random.default_rng(0)
    for surface in (curved_valley(0.2, 0.05), mueller_brown, open_valley):
        engine = SurfaceEngine(surface)
        place = engine.positions(*rng.normal(size=2)) + 0.1 * rng.normal(size=(3, 3))
        _, forces = engine.energy_forces(place)
        for k in range(9):
            step = np.zeros(9)
            step[k] = 1e-5
            step = step.reshape(3, 3)
            slope = (engine.energy(place + step) - engine.energy(place - step)) / 2e-5
            assert forces.ravel()[k] == pytest.approx(-slope, rel=1e-6, abs=1e-7)
        assert engine.energy(place + 5.0) == pytest.approx(engine.energy(place), abs=1e-9)
    engine = SurfaceEngine(mueller_brown)
    for point, energy in zip(MUELLER_BROWN_MINIMA, MUELLER_BROWN_ENERGIES, strict=True):
        found, forces = engine.energy_forces(engine.positions(*point))
        assert found * MUELLER_BROWN_UNIT == pytest.approx(energy, abs=6e-3)
        assert np.abs(forces).max() < 1e-4


def test_a_straight_path():
    a, b = np.zeros((3, 3)), np.arange(9.0).reshape(3, 3)
    path = straight_path(a, b, 11)
    assert path.images.shape == (11, 3, 3)
    np.testing.assert_array_equal(path.images[0], a)
    np.testing.assert_array_equal(path.images[-1], b)
    np.testing.assert_allclose(np.diff(path.lengths()), np.linalg.norm(b) / 10, rtol=1e-12)


@pytest.mark.parametrize("tilt", [0.0, 0.08, -0.05])
@pytest.mark.parametrize("bend", [0.0, 0.7])
def test_barrier_of_a_curved_valley(tilt, bend):
    height = 0.2
    engine = SurfaceEngine(curved_valley(height, tilt, bend))
    points, energies = valley_extrema(height, tilt, bend)
    path = relaxed(engine, engine.positions(*points[0]), engine.positions(*points[2]))
    exact = energies[1] - min(energies[0], energies[2])
    assert barrier_of(path) == pytest.approx(exact, rel=1e-4)
    assert path.energies[-1] - path.energies[0] == pytest.approx(energies[2] - energies[0])
    wells, barriers = extrema(path.energies, 1e-5)
    assert wells == [0, 59]
    saddle = engine.coordinates(path.images[barriers])[0]
    np.testing.assert_allclose(saddle[:2], points[1], atol=0.03)
    np.testing.assert_allclose(saddle[2:], 0.0, atol=1e-6)


def test_the_path_lies_on_the_surface_where_no_force_is_across_it():
    """Images are evenly spaced, and their forces run along the path."""
    engine = SurfaceEngine(curved_valley(0.2, 0.05))
    a, b, _ = valley_ends(engine, 0.2, 0.05)
    path = relaxed(engine, a, b)
    assert path.force <= 1e-4
    spacing = np.diff(path.lengths())
    assert np.abs(spacing / spacing.mean() - 1).max() <= UNEVEN
    np.testing.assert_array_equal(path.images[0], a)
    np.testing.assert_array_equal(path.images[-1], b)
    # an independent tangent: the derivative of a spline through the images
    from scipy.interpolate import CubicSpline

    flat = path.images.reshape(60, -1)
    tangents = CubicSpline(path.lengths(), flat)(path.lengths(), 1)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    energies, forces = engine.path_energy_forces(path.images)
    np.testing.assert_allclose(energies, path.energies, atol=1e-12)
    forces = forces.reshape(60, -1)
    along = (forces * tangents).sum(axis=1)
    across = np.linalg.norm(forces - along[:, None] * tangents, axis=1)
    # one-sided tangents are first order in the spacing (0.05)
    assert across[1:-1].max() < 0.05 * np.abs(along).max()
    # along the path the force is the slope of the profile
    slope = CubicSpline(path.lengths(), path.energies)(path.lengths(), 1)
    np.testing.assert_allclose(along[2:-2], -slope[2:-2], atol=2e-3)


def test_a_start_far_from_the_path():
    """A start that is displaced sideways, out of the plane too, comes to the same path."""
    engine = SurfaceEngine(curved_valley())
    a, b, _ = valley_ends(engine, 0.2, 0.0)
    reference = relaxed(engine, a, b)
    path = straight_path(a, b, 60)
    bulge = np.sin(np.pi * np.linspace(0, 1, 60))[:, None, None]
    aside = np.random.default_rng(1).normal(size=6) @ BASIS
    path.images = path.images + 0.4 * bulge * aside.reshape(3, 3)
    assert StringRelaxation(engine, path).run(1e-4, 20000)
    assert barrier_of(path) == pytest.approx(barrier_of(reference), rel=1e-5)
    assert path.lengths()[-1] == pytest.approx(reference.lengths()[-1], rel=1e-3)


def test_both_directions():
    engine = SurfaceEngine(curved_valley(0.2, 0.08))
    a, b, _ = valley_ends(engine, 0.2, 0.08)
    there, back = relaxed(engine, a, b), relaxed(engine, b, a)
    assert barrier_of(there) == pytest.approx(barrier_of(back), rel=1e-9)
    np.testing.assert_allclose(there.images, back.images[::-1], atol=1e-6)


@pytest.mark.parametrize(("left", "right", "saddle"), [(0, 1, 0), (1, 2, 1)])
def test_mueller_brown_neighbours(left, right, saddle):
    engine = SurfaceEngine(mueller_brown)
    a, b = (engine.positions(*MUELLER_BROWN_MINIMA[k]) for k in (left, right))
    path = relaxed(engine, a, b, images=80, tolerance=1e-3)
    top = spline_maximum(path.lengths(), path.energies) * MUELLER_BROWN_UNIT
    lower = min(MUELLER_BROWN_ENERGIES[left], MUELLER_BROWN_ENERGIES[right])
    assert top - lower == pytest.approx(MUELLER_BROWN_SADDLES[saddle] - lower, rel=2e-4)
    assert len(extrema(path.energies, 1e-5)[0]) == 2


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


def test_mueller_brown_barriers_between_the_outer_minima():
    """Both saddles and the middle minimum lie on the one path."""
    engine = SurfaceEngine(mueller_brown)
    a, b = (engine.positions(*MUELLER_BROWN_MINIMA[k]) for k in (0, 2))
    path = relaxed(engine, a, b, images=100, tolerance=1e-3)
    wells, barriers = extrema(path.energies, 1e-5)
    tops = path.energies[barriers] * MUELLER_BROWN_UNIT
    np.testing.assert_allclose(tops, MUELLER_BROWN_SADDLES, atol=0.5)
    bottoms = path.energies[wells] * MUELLER_BROWN_UNIT
    np.testing.assert_allclose(bottoms, MUELLER_BROWN_ENERGIES, atol=0.5)


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


def test_instalments_add_up():
    """Stopping at a loose tolerance and going on is the same as going through."""
    engine = SurfaceEngine(curved_valley(0.2, 0.05))
    a, b, _ = valley_ends(engine, 0.2, 0.05)
    through = relaxed(engine, a, b, 30, 1e-3)
    path = straight_path(a, b, 30)
    relaxation = StringRelaxation(engine, path)
    assert not relaxation.run(1e-3, 5)
    assert path.iterations == 5
    assert relaxation.run(0.05, 20000)
    assert relaxation.run(1e-3, 20000)
    assert path.iterations == through.iterations
    np.testing.assert_array_equal(path.images, through.images)


def test_perpendicular_forces_against_a_naive_projection():
    rng = np.random.default_rng(2)
    images, forces = rng.normal(size=(2, 12, 9))
    energies = np.linspace(0, 1, 12)  # rising: the tangent is the forward difference
    found, norms = np.empty_like(images), np.empty(12)
    perpendicular_forces(images, energies, forces, found, norms)
    for p in range(1, 11):
        tangent = images[p + 1] - images[p]
        tangent /= np.linalg.norm(tangent)
        expected = forces[p] - (forces[p] @ tangent) * tangent
        np.testing.assert_allclose(found[p], expected, atol=1e-12)
        assert norms[p] == pytest.approx(np.linalg.norm(expected))
    assert not found[[0, -1]].any()
    mirrored, mirrored_norms = np.empty_like(images), np.empty(12)
    perpendicular_forces(
        images[::-1].copy(), energies[::-1].copy(), forces[::-1].copy(), mirrored, mirrored_norms
    )
    np.testing.assert_allclose(mirrored[::-1], found, atol=1e-12)


def test_redistribution_evens_out_and_stays_on_the_curve():
    angle = np.pi * np.linspace(0, 1, 40) ** 1.5  # a half circle, unevenly
    images = np.column_stack([np.cos(angle), np.sin(angle), 0 * angle])
    moved = np.empty_like(images)
    redistribute(images, arc_lengths(images), moved)
    np.testing.assert_array_equal(moved[[0, -1]], images[[0, -1]])
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), 1.0, atol=2e-4)
    spacing = np.diff(arc_lengths(moved))
    assert np.ptp(spacing) < 0.01 * spacing.mean()
    again = np.empty_like(moved)
    even = straight_path(np.zeros((1, 3)), np.ones((1, 3)), 9).images.reshape(9, 3)
    redistribute(even, arc_lengths(even), again[:9])
    np.testing.assert_allclose(again[:9], even, atol=1e-14)


def test_lengths_are_those_of_the_images():
    images = np.random.default_rng(6).normal(size=(7, 5, 3))
    steps = [np.linalg.norm(displacement) for displacement in np.diff(images, axis=0)]
    np.testing.assert_allclose(Path(images).lengths(), np.concatenate([[0], np.cumsum(steps)]))


def test_displacements_leave_the_surface_alone():
    """The fake engine fits the solver's unwrapping: ends keep their energies."""
    engine = SurfaceEngine(curved_valley(0.2, 0.08))
    a, b, energies = valley_ends(engine, 0.2, 0.08)
    shifted = b + 0.3
    shifted[1, 2] += BOX
    moved = a + displacements(a, shifted, BOX)
    assert engine.energy(moved) == pytest.approx(energies[2], abs=1e-9)


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


@pytest.mark.parametrize("steps", ["fire", "damped"])
def test_either_kind_of_steps_finds_the_saddle(steps):
    height, tilt = 0.2, 0.05
    engine = SurfaceEngine(curved_valley(height, tilt))
    a, b, energies = valley_ends(engine, height, tilt)
    path = straight_path(a, b, 60)
    assert StringRelaxation(engine, path, steps=steps).run(1e-4, 20000)
    assert barrier_of(path) == pytest.approx(energies[1] - energies.min(), rel=1e-4)


def test_few_images_first_lead_to_the_same_path():
    height, tilt = 0.2, 0.05
    engine = SurfaceEngine(curved_valley(height, tilt))
    a, b, energies = valley_ends(engine, height, tilt)
    through = relaxed(engine, a, b)
    grown = grown_path(engine, straight_path(a, b, 60), 8, 0.05, 20000)
    before = grown.iterations
    assert grown.images.shape == through.images.shape
    np.testing.assert_array_equal(grown.images[[0, -1]], [a, b])
    assert StringRelaxation(engine, grown).run(1e-4, 20000)
    assert grown.iterations > before > 0, "iterations with few images count"
    assert barrier_of(grown) == pytest.approx(energies[1] - energies.min(), rel=1e-4)
    assert barrier_of(grown) == pytest.approx(barrier_of(through), rel=1e-6)
    assert grown.lengths()[-1] == pytest.approx(through.lengths()[-1], rel=1e-3)


def test_few_images_first_only_where_they_are_fewer():
    engine = SurfaceEngine(curved_valley())
    a, b, _ = valley_ends(engine, 0.2, 0.0)
    path = straight_path(a, b, 8)
    assert grown_path(engine, path, 8, 0.05, 100) is path
    assert (path.iterations, engine.calls) == (0, 0)
    few = grown_path(engine, straight_path(a, b, 20), 8, 1e-9, 40)
    assert few.iterations == 10, "most of the iterations are left for all images"


def test_a_path_that_diverges_with_few_images_begins_with_all():
    class Steep(SurfaceEngine):
        def path_energy_forces(self, images):
            energies, forces = super().path_energy_forces(images)
            return energies, forces * (np.nan if len(images) == 8 else 1.0)

    engine = Steep(curved_valley())
    a, b, _ = valley_ends(engine, 0.2, 0.0)
    path = straight_path(a, b, 20)
    grown = grown_path(engine, path, 8, 0.05, 100)
    assert grown is path
    assert StringRelaxation(engine, grown).run(0.05, 2000)


@pytest.mark.parametrize("images", [8, 17, 40, 100])
def test_another_number_of_images_on_the_same_curve(images):
    angle = np.pi * np.linspace(0, 1, 40)
    curve = np.column_stack([np.cos(angle), np.sin(angle), 0 * angle]).reshape(40, 1, 3)
    path = with_images(Path(curve, iterations=5), images)
    assert path.images.shape == (images, 1, 3)
    assert path.iterations == 5
    np.testing.assert_array_equal(path.images[[0, -1]], curve[[0, -1]])
    np.testing.assert_allclose(np.linalg.norm(path.images, axis=2), 1.0, atol=1e-5)
    spacing = np.diff(path.lengths())
    assert np.ptp(spacing) < 1e-2 * spacing.mean()


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


def test_the_force_is_that_of_a_full_evaluation():
    """What a relaxed path says of itself is what an evaluation of all images says."""
    engine = SurfaceEngine(curved_valley(0.2, 0.05))
    a, b, _ = valley_ends(engine, 0.2, 0.05)
    path = grown_path(engine, straight_path(a, b, 40), 8, 0.05, 1000)
    assert StringRelaxation(engine, path).run(1e-3, 20000)
    energies, forces = engine.path_energy_forces(path.images)
    found, norms = np.empty((40, 9)), np.empty(40)
    perpendicular_forces(
        path.images.reshape(40, -1), energies, forces.reshape(40, -1), found, norms
    )
    np.testing.assert_array_equal(energies, path.energies)
    assert path.force == norms.max()
