"""The lane kernel: energies and forces of the images of a path."""

import numpy as np
import pytest

from tlsfind.engine import make_engine
from tlsfind.engine.native.engine import NativeEngine
from tlsfind.errors import InputError


def spread_images(configuration, count, spread, seed=0):
    """Images along a random direction, unwrapped."""
    rng = np.random.default_rng(seed)
    direction = rng.normal(0.0, spread, configuration.positions.shape)
    steps = np.linspace(-0.5, 0.5, count) if count > 1 else np.zeros(1)
    return configuration.positions + steps[:, None, None] * direction


def assert_equals_single(engine, images, diameters, box):
    energies, forces = engine.path_energy_forces(images)
    assert energies.shape == (len(images),)
    assert forces.shape == images.shape
    for k, image in enumerate(images):
        energy, single = NativeEngine(diameters, box).energy_forces(image)
        assert energies[k] == pytest.approx(energy, rel=1e-12)
        assert np.abs(forces[k] - single).max() < 1e-11 * np.abs(single).max()


@pytest.mark.parametrize("count", [1, 7, 8, 9, 40])
def test_equals_single_evaluations(make_liquid, count):
    configuration = make_liquid(1)
    images = spread_images(configuration, count, 0.1)
    engine = make_engine(configuration)
    assert_equals_single(engine, images, configuration.diameters, configuration.box)


def test_equals_single_evaluations_with_cells(large):
    images = spread_images(large, 9, 0.1)
    assert_equals_single(make_engine(large), images, large.diameters, large.box)


def test_after_images_moved_and_the_list_is_remade(make_liquid):
    configuration = make_liquid(2)
    engine = make_engine(configuration)
    images = spread_images(configuration, 9, 0.05)
    rng = np.random.default_rng(1)
    assert_equals_single(engine, images, configuration.diameters, configuration.box)
    first = engine._path_centre.copy()
    for _ in range(6):
        images = images + rng.normal(0.0, 0.05, images.shape)
        assert_equals_single(engine, images, configuration.diameters, configuration.box)
    assert not np.array_equal(first, engine._path_centre)
    other = spread_images(make_liquid(3), 10, 0.3)  # another path with the same engine
    assert_equals_single(engine, other, configuration.diameters, configuration.box)


@pytest.mark.parametrize("far", [0.5, 2.5])
def test_particles_that_travel_far_along_the_path(make_liquid, far):
    """Beyond what one list can hold the images are evaluated one by one."""
    configuration = make_liquid(4)
    images = spread_images(configuration, 9, 0.05)
    images[:, :2] += np.linspace(0.0, far, 9)[:, None, None]
    engine = make_engine(configuration)
    assert_equals_single(engine, images, configuration.diameters, configuration.box)
    assert engine._path_spread == (far > 2.0)


def test_images_of_particles_many_boxes_apart(make_liquid):
    """Minima of a liquid are unwrapped over any number of boxes."""
    configuration = make_liquid(5)
    images = spread_images(configuration, 9, 0.1)
    boxes = np.random.default_rng(2).integers(-4, 5, configuration.positions.shape)
    moved = images + boxes * configuration.box
    assert_equals_single(
        make_engine(configuration), moved, configuration.diameters, configuration.box
    )


def test_bad_images_are_named(make_liquid):
    configuration = make_liquid(6)
    engine = make_engine(configuration)
    images = spread_images(configuration, 9, 0.1)
    engine.path_energy_forces(images)
    broken = images.copy()
    broken[4, 7, 1] = np.nan
    with pytest.raises(InputError, match="NaN"):
        engine.path_energy_forces(broken)
    overlapping = images.copy()
    overlapping[4, 7] = overlapping[4, 20]
    with pytest.raises(InputError, match=r"particles 8 and 21 are at the same place"):
        engine.path_energy_forces(overlapping)
    assert_equals_single(engine, images, configuration.diameters, configuration.box)
