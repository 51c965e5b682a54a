"""Wells and barriers of profiles, continuation beyond the ends, and the height of the top."""

import numpy as np
import pytest
from analytic_surfaces import SurfaceEngine, curved_valley
from hypothesis import given
from hypothesis import strategies as st

from tlsfind.paths.profile import LONGEST_EXTRAPOLATION, extrapolate, extrema, spline_maximum

profiles = st.lists(st.integers(-1000, 1000), min_size=2, max_size=60, unique=True)


def persistent_wells(energy, noise):
    """Minima from which one must climb by more than ``noise`` to get lower (persistence)."""
    found = []
    for k, here in enumerate(energy):
        climbs = [np.inf]  # the lowest of all has nowhere to go
        for side in (energy[:k][::-1], energy[k + 1 :]):
            highest = here
            for other in side:
                if other < here:
                    climbs.append(highest - here)
                    break
                highest = max(highest, other)
        if min(climbs) > noise:
            found.append(k)
    return found


@given(profiles, st.integers(0, 800))
def test_wells_are_the_persistent_minima(energy, depth):
    noise = depth + 0.5
    wells, barriers = extrema(np.array(energy, float), noise)
    assert wells == persistent_wells(energy, noise)
    assert len(wells) == len(barriers) + 1
    for left, top, right in zip(wells, barriers, wells[1:], strict=False):
        assert left < top < right
        assert energy[top] == max(energy[left : right + 1])
        assert energy[top] - max(energy[left], energy[right]) > noise


@given(profiles, st.integers(0, 800))
def test_a_reversed_profile_is_mirrored(energy, depth):
    wells, barriers = extrema(np.array(energy, float), depth + 0.5)
    last = len(energy) - 1
    back_wells, back_barriers = extrema(np.array(energy[::-1], float), depth + 0.5)
    assert back_wells == [last - k for k in reversed(wells)]
    assert back_barriers == [last - k for k in reversed(barriers)]


@given(profiles, st.floats(0.1, 800), st.integers(0, 2**32 - 1))
def test_noise_below_the_tolerance_adds_no_wells(energy, noise, seed):
    energy = np.repeat(np.sort(np.array(energy, float)), 3)
    ripple = np.random.default_rng(seed).uniform(-0.49, 0.49, len(energy)) * noise
    for monotonic in (energy, energy[::-1]):
        wells, barriers = extrema(monotonic + ripple, noise)
        assert len(wells) == 1
        assert barriers == []


def double_well(points=101):
    x = np.linspace(-1.3, 1.3, points)
    return x, (x**2 - 1) ** 2 + 0.2 * x


@pytest.mark.parametrize("amplitude", [0.0, 0.01, 0.04])
def test_ripples_on_a_double_well(amplitude):
    x, energy = double_well()
    ripple = amplitude * np.where(np.arange(len(x)) % 2, 1.0, -1.0)
    wells, barriers = extrema(energy + ripple, 0.1)
    assert len(wells) == 2
    np.testing.assert_allclose(x[wells], [-1.02, 0.97], atol=0.12)
    np.testing.assert_allclose(x[barriers], [0.05], atol=0.12)
    if amplitude:
        assert len(extrema(energy + ripple, amplitude)[0]) > 5


@pytest.mark.parametrize(
    ("energy", "wells", "barriers"),
    [
        ([0, 1, 2, 3], [0], []),
        ([3, 2, 1, 0], [3], []),
        ([1, 1, 1], [0], []),
        ([0, 5, 0], [0, 2], [1]),
        ([5, 0, 5], [1], []),
        ([0, 5, 4.5, 6, 0], [0, 4], [3]),
        ([0, 5, 3, 6, 0], [0, 2, 4], [1, 3]),
        ([0.5, 0, 5, 0, 0.5], [1, 3], [2]),
        ([0, 5, 4], [0], [1]),
        ([0, 5, 4.5], [0], []),
    ],
)
def test_small_profiles(energy, wells, barriers):
    found = extrema(np.array(energy, float), 0.6)
    if len(barriers) == len(wells):  # an end that is lower by more than the noise is a well
        wells = [*wells, len(energy) - 1]
    assert found == (wells, barriers)


def test_extrapolation_goes_straight_on_with_true_energies():
    engine = SurfaceEngine(curved_valley())
    end, inside = engine.positions(1.0, 0.0), engine.positions(0.97, -0.03)
    distances, energies = extrapolate(engine, end, inside, 0.9)
    step = end - inside
    length = np.linalg.norm(step)
    np.testing.assert_allclose(distances, length * np.arange(1, len(distances) + 1), rtol=1e-12)
    for distance, energy in zip(distances, energies, strict=True):
        assert energy == pytest.approx(engine.energy(end + step * distance / length), abs=1e-12)
    assert energies[-1] > 0.9
    assert (energies[:-1] <= 0.9).all()


def test_extrapolation_gives_up_where_there_is_no_wall():
    engine = SurfaceEngine(lambda x, y: (0 * x, 0 * x, 0 * y))
    distances, energies = extrapolate(
        engine, engine.positions(1.0, 0.0), engine.positions(0.9, 0.0), 0.1
    )
    assert len(distances) == len(energies) == LONGEST_EXTRAPOLATION
    assert energies.max() < 0.1


def test_spline_maximum():
    x = np.linspace(0, 1, 12)
    assert spline_maximum(x, np.sin(np.pi * x)) == pytest.approx(1.0, abs=1e-4)
    assert np.sin(np.pi * x).max() < 0.991  # no knot is at the top
    assert spline_maximum(x, x**2) == pytest.approx(1.0, abs=1e-12)
    assert spline_maximum(x, -(x**2)) == pytest.approx(0.0, abs=1e-12)
    energy = np.array([0.0, 3.0, 1.0, 2.0, 0.0])
    assert spline_maximum(np.arange(5.0), energy) >= 3.0
