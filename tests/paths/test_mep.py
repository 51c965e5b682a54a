"""The string method on surfaces whose minima and saddles are known."""

import numpy as np
import pytest
from analytic_surfaces import (
    BASIS,
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
from valley_paths import barrier_of, relaxed, valley_ends

from tlsfind.paths.mep import UNEVEN, StringRelaxation, grown_path, straight_path
from tlsfind.paths.profile import extrema, spline_maximum


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


@pytest.mark.parametrize("steps", ["fire", "damped"])
def test_either_kind_of_steps_finds_the_saddle(steps):
    height, tilt = 0.2, 0.05
    engine = SurfaceEngine(curved_valley(height, tilt))
    a, b, energies = valley_ends(engine, height, tilt)
    path = straight_path(a, b, 60)
    assert StringRelaxation(engine, path, steps=steps).run(1e-4, 20000)
    assert barrier_of(path) == pytest.approx(energies[1] - energies.min(), rel=1e-4)


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
