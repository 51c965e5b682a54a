"""Recognising the minimum that a quench is going to."""

import numpy as np
import pytest

from tlsfind.config import Explore, Model
from tlsfind.configuration import displacements
from tlsfind.engine.base import Quench, State
from tlsfind.engine.native.engine import NativeEngine
from tlsfind.landscape.identity import Catalogue
from tlsfind.landscape.recognition import HARMONIC, REMEMBERED, UNSEEN, Recogniser
from tlsfind.prepare.start import box_edge, draw_diameters, lattice_start, maxwell_velocities

BOX = 10.0
RADIUS = Explore(trajectories=1, steps=1, quench_every=1).recognition_radius


def bowl(minimum, stiffness, positions):
    """Energy and forces of a harmonic bowl around a minimum (N, 3)."""
    step = positions - minimum.positions
    return minimum.energy + 0.5 * float((stiffness * step**2).sum()), -stiffness * step


@pytest.fixture
def minimum():
    rng = np.random.default_rng(0)
    return Quench(rng.uniform(0, BOX, (8, 3)), -1.0, 1e-7, 100, True)


def taught(minimum, direction, number=0, stiffness=2.0):
    """A recogniser that has seen a descent along ``direction`` into a harmonic ``minimum``."""
    recogniser = Recogniser(BOX, RADIUS, lambda x: bowl(minimum, stiffness, x))
    for distance in (3.0, 0.5):
        positions = minimum.positions + distance * RADIUS * direction
        assert not recogniser(positions, *bowl(minimum, stiffness, positions))
    recogniser.remember(number, minimum)
    return recogniser


@pytest.fixture
def direction():
    vector = np.random.default_rng(1).normal(size=(8, 3))
    vector -= vector.mean(axis=0)
    return vector / np.linalg.norm(vector)


def test_a_harmonic_slope_is_recognised_and_only_within_the_radius(minimum, direction):
    recogniser = taught(minimum, direction, 7)
    assert recogniser.evaluations == 2  # of the one look within the radius
    for distance, expected in ((0.1 * RADIUS, True), (0.99 * RADIUS, True), (1.01 * RADIUS, False)):
        positions = minimum.positions + distance * direction
        assert recogniser(positions, *bowl(minimum, 2.0, positions)) is expected
        assert recogniser.found == (7 if expected else None)


def test_periodic_images_and_a_common_translation_do_not_matter(minimum, direction):
    recogniser = taught(minimum, direction)
    positions = minimum.positions + 0.5 * RADIUS * direction
    energy, forces = bowl(minimum, 2.0, positions)
    elsewhere = positions + np.array([0.3 * BOX, 2 * BOX, -BOX])
    assert recogniser(elsewhere, energy, forces)


def test_not_recognised_uphill_or_off_the_parabola(minimum, direction):
    recogniser = taught(minimum, direction)
    positions = minimum.positions + 0.5 * RADIUS * direction
    energy, forces = bowl(minimum, 2.0, positions)
    assert recogniser(positions, energy, forces)
    assert not recogniser(positions, energy, -forces)
    rise = energy - minimum.energy
    assert not recogniser(positions, minimum.energy + 1.2 * rise, forces)
    assert not recogniser(positions, minimum.energy + 0.8 * rise, forces)
    assert not recogniser(positions, minimum.energy - rise, forces)


def test_over_a_barrier_it_is_not_recognised(minimum, direction):
    """V(q) = (q^2 - a^2)^2: from the slope into the well at -a, the one at +a is not the end."""
    a = 0.4 * RADIUS
    recogniser = taught(minimum, direction)  # at q = +a; however wide it is thought to be
    for q in np.linspace(-1.2 * a, -0.05 * a, 20):
        positions = minimum.positions + (q - a) * direction
        energy = minimum.energy + (q**2 - a**2) ** 2
        forces = -4.0 * q * (q**2 - a**2) * direction
        assert not recogniser(positions, energy, forces), q


@pytest.mark.parametrize("barrier", [1.0, 5.0, 20.0])
def test_beside_a_low_barrier_the_radius_is_a_share_of_the_way_to_it(minimum, direction, barrier):
    """V(q) = q^2 / 2 - q^3 / (3 b) along a direction, with the top at q = b, and soft otherwise."""
    b = barrier * RADIUS

    def energy_forces(positions):
        step = positions - minimum.positions
        q = float((step * direction).sum())
        across = step - q * direction
        energy = minimum.energy + q**2 / 2 - q**3 / (3 * b) + 0.5 * float((across**2).sum())
        return energy, -(q - q**2 / b) * direction - across

    recogniser = Recogniser(BOX, RADIUS, energy_forces)
    seen = minimum.positions + 0.3 * RADIUS * direction
    assert not recogniser(seen, *energy_forces(seen))
    recogniser.remember(0, minimum)
    radius = min(RADIUS, HARMONIC * b)
    for distance in (0.9 * radius, 1.1 * radius):
        positions = minimum.positions - distance * direction
        assert recogniser(positions, *energy_forces(positions)) is (distance < radius)


def test_only_the_last_descent_counts(minimum, direction):
    """One before it, that gave up, or was begun twice, leaves nothing behind."""
    recogniser = Recogniser(BOX, RADIUS, lambda x: bowl(minimum, 2.0, x))
    for _ in range(3):
        for distance in (3.0, 0.5, 0.4):
            positions = minimum.positions + distance * RADIUS * direction
            assert not recogniser(positions, *bowl(minimum, 2.0, positions))
    recogniser.remember(0, minimum)
    assert recogniser.evaluations == 4


def test_a_minimum_whose_descent_was_not_seen_near_it_has_a_small_radius(minimum, direction):
    recogniser = Recogniser(BOX, RADIUS, lambda x: bowl(minimum, 2.0, x))
    recogniser.remember(0, minimum)
    assert recogniser.evaluations == 0
    for distance in (0.9 * UNSEEN * RADIUS, 1.1 * UNSEEN * RADIUS):
        positions = minimum.positions + distance * direction
        expected = distance < UNSEEN * RADIUS
        assert recogniser(positions, *bowl(minimum, 2.0, positions)) is expected


def test_the_last_visited_are_remembered(minimum, direction):
    recogniser = taught(minimum, direction)
    rng = np.random.default_rng(2)
    for number in range(1, REMEMBERED + 1):
        if number == REMEMBERED // 2:
            recogniser.remember(0, minimum)  # visited once more
        recogniser.remember(number, Quench(rng.uniform(0, BOX, (8, 3)), -2.0, 0.0, 1, True))
    positions = minimum.positions + 0.5 * RADIUS * direction
    assert recogniser(positions, *bowl(minimum, 2.0, positions))
    recogniser.remember(REMEMBERED + 1, Quench(rng.uniform(0, BOX, (8, 3)), -2.0, 0.0, 1, True))
    assert len(recogniser._known) == REMEMBERED
    assert 1 not in recogniser._known  # the one not visited for longest


def test_no_identity_changes_along_a_trajectory():
    """Every recognised quench is finished as well and ends in the minimum that was named."""
    rng = np.random.default_rng(3)
    model = Model(n_particles=200)
    diameters, box = draw_diameters(model, rng), box_edge(model)
    engine = NativeEngine(diameters, box)
    start = engine.quench(lattice_start(model, rng), 1e-2).positions
    state = State(start, maxwell_velocities(len(start), 0.2, rng))
    engine.run(state, 2000, 0.005, temperature=0.06, thermostat_time=0.5)
    catalogue = Catalogue(box, 1e-6, 1e-2)
    recogniser = Recogniser(box, RADIUS, engine.energy_forces)
    recognised = saved = 0
    for _ in range(150):
        engine.run(state, 20, 0.01)
        early, full = (
            engine.quench(state.positions, stop=recogniser),
            engine.quench(state.positions),
        )
        number = catalogue.find_or_add(full.positions, full.energy, full.max_force)
        if early.stopped:
            assert recogniser.found == number
            there = recogniser.minimum(number).positions
            assert np.linalg.norm(displacements(early.positions, there, box)) <= RADIUS
            recognised += 1
            saved += full.evaluations - early.evaluations
        recogniser.remember(number, full)
    assert recognised > 50
    assert saved > 0.3 * 100 * recognised
