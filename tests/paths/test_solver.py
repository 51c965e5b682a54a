"""The solver on pairs of minima of a small glass.

The changes of E_qs with the settings that are stated here were measured on the double wells among
50 pairs of three glasses of 300 particles.
"""

import numpy as np
import pytest

from tlsfind import tables
from tlsfind.config import Paths
from tlsfind.configuration import displacements, wrap
from tlsfind.paths.mep import StringRelaxation, straight_path
from tlsfind.paths.profile import extrapolate, extrema
from tlsfind.paths.schroedinger import levels, quantum_splitting
from tlsfind.paths.solver import SAME_MINIMUM, third_minima
from tlsfind.paths.wkb import tunnel_splitting
from tlsfind.units import BUILT_IN


def splittings(result):
    return np.array([result.quantum_splitting[name] for name in BUILT_IN])


def test_every_result_has_a_known_status(real):
    statuses = [result.status for _, _, result in real.solved]
    assert set(statuses) <= set(tables.STATUSES)
    assert "failed" not in statuses
    for _, _, result in real.solved:
        is_double_well = result.status == "double_well"
        assert np.isfinite(result.barrier) == is_double_well
        assert np.isfinite(splittings(result)).all() == is_double_well
        assert bool(result.candidates) == (result.status == "multiple_wells")
        assert len(result.xi) == len(result.energy)


def test_double_well_numbers_fit_together(real):
    """The barrier stands above the lower minimum, the ends have the minima's energies."""
    for a, b, result in real.double_wells():
        energies = [real.minima.energies[real.minima.row(k)] for k in (a, b)]
        assert result.delta_e == pytest.approx(energies[1] - energies[0], abs=1e-9)
        assert result.delta_e >= 0
        inside = (result.xi >= 0) & (result.xi <= 1)
        assert inside.sum() == real.config.paths.images
        assert result.energy[inside][0] == 0.0
        assert result.energy[inside][-1] == pytest.approx(result.delta_e, abs=1e-9)
        assert result.barrier >= result.energy[inside].max()
        assert result.barrier == pytest.approx(result.energy[inside].max(), rel=0.02)
        assert result.barrier > result.delta_e + real.config.paths.noise
        assert result.final_force <= real.config.paths.force_tolerance
        assert result.path_length >= real.distance(a, b) * (1 - 1e-12)
        assert (np.diff(result.xi) > 0).all()
        assert result.wells == 2
        # the seen barrier from b is lower by Delta E
        from_b = result.energy[inside].max() - result.energy[inside][-1]
        assert from_b == pytest.approx(result.barrier - result.delta_e, abs=0.02 * result.barrier)


def test_both_ways_round(real):
    for a, b, there in real.solved[:12]:
        back = real.solve(b, a)
        assert back.status == there.status
        assert back.delta_e == pytest.approx(-there.delta_e, abs=1e-9)
        if there.status != "double_well":
            continue
        assert back.barrier == pytest.approx(there.barrier, rel=1e-6)
        assert back.path_length == pytest.approx(there.path_length, rel=1e-4)
        np.testing.assert_allclose(splittings(back), splittings(there), rtol=1e-3)
        # energies count from the first end, so the levels differ by Delta E
        for name in BUILT_IN:
            shifted = back.energy_1[name] + there.delta_e
            assert shifted == pytest.approx(there.energy_1[name], rel=1e-3)
            assert back.delta_0[name] == pytest.approx(there.delta_0[name], rel=5e-3, nan_ok=True)
        assert len(back.xi) == len(there.xi)
        np.testing.assert_allclose(1 - back.xi[::-1], there.xi, atol=1e-4)
        np.testing.assert_allclose(
            back.energy[::-1] + there.delta_e, there.energy, atol=1e-3 * there.energy.max()
        )


def test_stored_profile_gives_the_stored_levels(real):
    grid = real.config.paths.grid
    for _, _, result in real.double_wells():
        position = result.xi * result.path_length
        for name, unit in BUILT_IN.items():
            c = unit.kinetic_constant
            found = levels(position, result.energy, c, grid)
            stored = [result.energy_1[name], result.energy_2[name]]
            np.testing.assert_allclose(found, stored, rtol=1e-9)
            assert result.quantum_splitting[name] == pytest.approx(
                quantum_splitting(position, result.energy, c, grid), rel=1e-9
            )
            assert 0 < result.energy_1[name] < result.energy_2[name]


def test_unit_systems_from_one_profile(real):
    """The heavier, larger metal atoms have lower levels; thresholds are k_B times 1 K."""
    argon, nip = BUILT_IN["argon"], BUILT_IN["nip"]
    assert nip.kinetic_constant < argon.kinetic_constant
    assert argon.tls_threshold == pytest.approx(0.0015)
    assert nip.tls_threshold == pytest.approx(0.0002)
    tunnelling = 0
    for _, _, result in real.double_wells(len(real.solved) // 2):
        assert result.energy_1["nip"] < result.energy_1["argon"]
        assert result.energy_2["nip"] < result.energy_2["argon"]
        position, length = result.xi * result.path_length, result.path_length
        for name, unit in BUILT_IN.items():
            found = tunnel_splitting(position, result.energy, unit.kinetic_constant, 0.0, length)
            assert result.delta_0[name] == pytest.approx(found, rel=1e-9, nan_ok=True)
        # slower tunnelling, below a barrier that light atoms may stand above
        if np.isfinite(result.delta_0["argon"]):
            assert 0 < result.delta_0["nip"] < result.delta_0["argon"] < result.barrier
            tunnelling += 1
    assert tunnelling >= 5


def test_a_unit_system_of_ones_own(real):
    """Sigma and mass act through c alone."""
    from tlsfind.paths.solver import solve_path
    from tlsfind.units import UnitSystem

    (a, b, result), *_ = real.double_wells()
    argon = BUILT_IN["argon"]
    same = UnitSystem(sigma=argon.sigma / 2, mass=argon.mass * 4, epsilon=argon.epsilon)
    only = solve_path(
        real.engine(), real.positions(a), real.positions(b), real.minima.box,
        real.config.paths, {"own": same},
    )  # fmt: skip
    assert list(only.quantum_splitting) == ["own"]
    assert only.quantum_splitting["own"] == pytest.approx(
        result.quantum_splitting["argon"], rel=1e-6
    )


def test_profile_beyond_the_ends_has_true_energies(real):
    """Every stored energy is the engine's energy of a configuration that can be rebuilt."""
    settings = real.config.paths
    for a, b, _ in real.double_wells(2):
        result = real.solve(a, b, refinements=0, first_images=settings.images)
        engine = real.engine()
        start = real.positions(a)
        move = displacements(start, real.positions(b), real.minima.box)
        path = straight_path(start, start + move, settings.images)
        relaxation = StringRelaxation(engine, path)
        assert relaxation.run(settings.force_tolerance, settings.max_iterations)
        assert path.iterations == result.iterations
        ceiling = path.energies[0] + result.barrier + settings.extrapolation_energy
        left, _ = extrapolate(engine, path.images[0], path.images[1], ceiling)
        right, _ = extrapolate(engine, path.images[-1], path.images[-2], ceiling)
        length = path.lengths()[-1]
        xi = np.concatenate([-left[::-1] / length, path.lengths() / length, 1 + right / length])
        np.testing.assert_allclose(xi, result.xi, atol=1e-9)
        first = (path.images[1] - path.images[0]) / np.linalg.norm(path.images[1] - path.images[0])
        last = path.images[-1] - path.images[-2]
        last = last / np.linalg.norm(last)
        images = [
            *(path.images[0] - d * first for d in left[::-1]),
            *path.images,
            *(path.images[-1] + d * last for d in right),
        ]
        origin = engine.energy(start)
        energies = [engine.energy(image) - origin for image in images]
        np.testing.assert_allclose(energies, result.energy, atol=1e-8)
        top = result.barrier + settings.extrapolation_energy
        assert (result.energy[[0, -1]] > top).all()
        assert (result.energy[1:-1] <= top).all()


def test_translation_and_wrapping_change_nothing(real):
    box = real.minima.box
    for a, b, result in real.double_wells(2):
        far = wrap(real.positions(b) + np.array([0.4, -1.7, 3.1]), box)
        far[::3] += box * np.array([1, 0, -2])
        near = wrap(real.positions(a) - 0.9, box)
        for ends in ((a, far), (near, b), (near, far)):
            found = real.solve(*ends)
            assert found.status == "double_well"
            assert found.barrier == pytest.approx(result.barrier, rel=1e-6)
            assert found.path_length == pytest.approx(result.path_length, rel=1e-4)
            np.testing.assert_allclose(splittings(found), splittings(result), rtol=1e-3)


def test_refinement_goes_on_until_the_splitting_stands_still(real):
    settings = real.config.paths
    last = settings.force_tolerance / 3**settings.refinements
    for a, b, result in real.double_wells(6):
        settled = result.splitting_change <= settings.splitting_tolerance
        assert settled or result.final_force <= last or result.iterations == settings.max_iterations
        plain = real.solve(a, b, refinements=0)
        assert np.isnan(plain.splitting_change)
        assert plain.iterations <= result.iterations
        assert plain.final_force >= result.final_force
        once = real.solve(a, b, refinements=1)
        before, after = splittings(plain), splittings(once)
        largest = (np.abs(after - before) / after).max()
        assert once.splitting_change == pytest.approx(largest, rel=1e-9)
        # a looser tolerance stops there, a tighter one goes on
        assert real.solve(a, b, splitting_tolerance=10).iterations == once.iterations
        assert real.solve(a, b, splitting_tolerance=1e-9).iterations >= result.iterations


def change(real, pairs, first, second):
    """Ratios (pairs, units) of E_qs, (pairs,) of barrier and of length between two settings."""
    ratios, barriers, lengths = [], [], []
    for a, b, _ in pairs:
        one, two = (real.solve(a, b, **settings) for settings in (first, second))
        if one.status == two.status == "double_well":  # a shallow well may come or go
            ratios.append(splittings(two) / splittings(one))
            barriers.append(two.barrier / one.barrier)
            lengths.append(two.path_length / one.path_length)
    return np.array(ratios), np.array(barriers), np.array(lengths)


def test_tighter_forces_change_little(real):
    """Force 0.01 to 0.003 with no refinement: E_qs moves by 0.4 % in the median.

    Barriers of 0.003 and less are the exception: up to 18 % (27 % in nip), so they are refined.
    """
    pairs = real.double_wells(6)
    tight = {"force_tolerance": 0.003, "max_iterations": 8000, "refinements": 0}
    ratios, barriers, _ = change(real, pairs, {"refinements": 0}, tight)
    assert len(ratios) >= 4
    assert np.median(np.abs(ratios - 1)) < 0.05
    np.testing.assert_allclose(barriers, 1, rtol=0.02)
    refined, barriers, _ = change(
        real, pairs, {"max_iterations": 8000}, {**tight, "refinements": 3}
    )
    assert np.median(np.abs(refined - 1)) < 0.01
    np.testing.assert_allclose(barriers, 1, rtol=0.02)


def test_finer_paths_change_little(real):
    """40 to 80 images, the six lowest E_qs: it falls by 3 % in the median, by 16 % in the lowest.

    The straight continuation starts nearer to the minimum then, along a softer direction. The
    rest of the profile hardly changes: no path gets shorter, barriers change by 0.002 % in the
    median and by 0.16 % in one (at most 0.07 % in 114 double wells of N = 1500).
    """
    settings = {"force_tolerance": 0.003, "max_iterations": 8000, "refinements": 0}
    wells = [row for row in real.solved if row[2].status == "double_well"]
    lowest = sorted(wells, key=lambda row: row[2].quantum_splitting["argon"])[:6]
    ratios, barriers, lengths = change(
        real, lowest, {**settings, "images": 40}, {**settings, "images": 80}
    )
    assert len(ratios) >= 5
    assert np.median(np.abs(ratios - 1)) < 0.1
    assert np.abs(ratios - 1).max() < 0.3
    assert np.median(np.abs(barriers - 1)) < 1e-4
    np.testing.assert_allclose(barriers, 1, rtol=3e-3)
    assert lengths.min() > 1 - 1e-3
    assert lengths.max() < 1.05


def test_finer_grids_change_nothing(real):
    for a, b, result in real.double_wells(3):
        fine = real.solve(a, b, grid=6001)
        np.testing.assert_allclose(splittings(fine), splittings(result), rtol=2e-3)


def test_identical_ends(real):
    (a, b, _), *_ = real.double_wells()
    place = real.positions(a)
    again = wrap(place + 0.7, real.minima.box)
    again[4] += 2e-3
    for other in (a, again):
        result = real.solve(a, other)
        assert result.status == "endpoints_identical"
        assert result.path_length < 1e-2
        assert result.delta_e == pytest.approx(0.0, abs=1e-2)
        assert len(result.xi) == 0
        assert np.isnan(splittings(result)).all()
    assert real.solve(a, b).status != "endpoints_identical"


def test_too_few_iterations(real):
    (a, b, full), *_ = [row for row in real.double_wells(4) if row[2].iterations > 60]
    result = real.solve(a, b, max_iterations=10)
    assert result.status == "not_converged"
    assert result.iterations == 10
    assert "after 10 iterations" in result.message
    assert "0.01" in result.message
    assert result.final_force > full.final_force
    assert np.isnan(result.barrier)
    assert np.isnan(splittings(result)).all()
    assert len(result.xi) == 40
    assert result.delta_e == pytest.approx(full.delta_e, abs=1e-12)


def test_far_pairs_end_with_a_status(real):
    count = len(real.minima)
    pairs = [(a, b) for a in range(count) for b in range(a)]
    a, b = max(pairs, key=lambda pair: real.distance(*pair))
    result = real.solve(a, b, max_iterations=300)
    assert result.status in ("not_converged", "multiple_wells", "single_well", "double_well")
    assert result.iterations <= 300
    short = real.solve(a, b, max_iterations=10)
    assert (short.status, bool(short.message)) == ("not_converged", True)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_senseless_positions(real, bad):
    (a, b, result), *_ = real.double_wells()
    engine = real.engine()
    broken = real.positions(b).copy()
    broken[17, 1] = bad
    from tlsfind.paths.solver import solve_path

    arguments = (real.minima.box, real.config.paths, BUILT_IN)
    for ends in ((real.positions(a), broken), (broken, real.positions(a)), (broken, broken)):
        found = solve_path(engine, *ends, *arguments)
        assert found.status == "failed"
        assert "finite" in found.message
        assert np.isnan(splittings(found)).all()
    # and the engine goes on as if nothing had happened
    good = solve_path(engine, real.positions(a), real.positions(b), *arguments)
    np.testing.assert_allclose(splittings(good), splittings(result), rtol=1e-6)


def test_ends_of_different_sizes(real):
    (a, b, _), *_ = real.double_wells()
    result = real.solve(a, real.positions(b)[:-1])
    assert result.status == "failed"
    assert result.message


def test_third_minima_are_minima(real):
    engine = real.engine()
    for a, b, result in real.of_status("multiple_wells"):
        assert result.wells > 2
        known = [real.positions(a), real.positions(b)]
        for candidate in result.candidates:
            energy, forces = engine.energy_forces(candidate.positions)
            assert candidate.energy == pytest.approx(energy, abs=1e-9)
            assert np.abs(forces).max() == pytest.approx(candidate.max_force, abs=1e-9)
            assert candidate.max_force <= 1e-6
            for other in known:
                step = displacements(other, candidate.positions, real.minima.box)
                assert np.linalg.norm(step) > SAME_MINIMUM
            known.append(candidate.positions)
            again = engine.quench(candidate.positions, 1e-6)
            assert again.energy == pytest.approx(candidate.energy, abs=1e-9)


def test_a_dip_that_quenches_to_an_end_is_no_well(real):
    """Images next to the ends lead back to them; nothing is reported."""
    for a, b, _ in real.double_wells(2):
        engine = real.engine()
        start = real.positions(a)
        move = displacements(start, real.positions(b), real.minima.box)
        path = straight_path(start, start + move, 40)
        StringRelaxation(engine, path).run(0.01, 2000)
        wells, (top,) = extrema(path.energies, real.config.paths.noise)
        assert third_minima(engine, path, wells, real.minima.box) == []
        beside = [0, max(top // 3, 1), (top + 2 * 39) // 3, 39]
        assert third_minima(engine, path, beside, real.minima.box) == []


def test_the_same_pair_twice(real):
    (a, b, result), *_ = real.double_wells()
    again = real.solve(a, b)
    np.testing.assert_array_equal(again.energy, result.energy)
    assert again.quantum_splitting == result.quantum_splitting
    assert again.iterations == result.iterations


def test_a_noise_above_the_barrier_hides_it(real):
    a, b, result = max(real.double_wells(), key=lambda row: -row[2].barrier)
    assert real.solve(a, b, noise=2 * result.barrier).status == "single_well"
    assert Paths().noise < result.barrier
