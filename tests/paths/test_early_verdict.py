"""Several wells are told from a rough path, with few images where they show it."""

import numpy as np
import pytest
from analytic_surfaces import (
    MUELLER_BROWN_MINIMA,
    SurfaceEngine,
    curved_valley,
    mueller_brown,
    valley_extrema,
)

from tlsfind.config import Paths
from tlsfind.paths.mep import first_counts, grown_path, straight_path
from tlsfind.paths.solver import solve_path
from tlsfind.units import BUILT_IN

BOX = 100.0
ALL = 500  # more first images than images: no path with fewer


@pytest.mark.parametrize(
    ("first", "images", "counts"),
    [(8, 40, [8, 16]), (8, 20, [8]), (8, 64, [8, 16, 32]), (8, 9, [8]), (40, 40, []), (50, 40, [])],
)
def test_numbers_of_images_before_all(first, images, counts):
    assert first_counts(first, images) == counts


def test_three_wells_are_told_with_few_images():
    engine = SurfaceEngine(mueller_brown)
    a, b = (engine.positions(*MUELLER_BROWN_MINIMA[k]) for k in (0, 2))
    early = solve_path(engine, a, b, BOX, Paths(), BUILT_IN)
    late = solve_path(engine, a, b, BOX, Paths(first_images=ALL), BUILT_IN)
    assert early.status == late.status == "multiple_wells"
    assert (len(early.xi), len(late.xi)) == (16, 40)  # the middle well is narrow
    assert early.final_force <= Paths().verdict_force
    for result in (early, late):
        assert result.wells == 3
        (candidate,) = result.candidates
        assert 0 < candidate.image < len(result.xi) - 1
        point = engine.coordinates(candidate.positions[None])[0]
        np.testing.assert_allclose(point[:2], MUELLER_BROWN_MINIMA[1], atol=1e-4)


def test_a_double_well_gets_all_its_images():
    engine = SurfaceEngine(curved_valley(0.2, 0.05))
    points, _ = valley_extrema(0.2, 0.05)
    a, b = (engine.positions(*points[k]) for k in (0, 2))
    result = solve_path(engine, a, b, BOX, Paths(), BUILT_IN)
    assert result.status == "double_well"
    assert np.count_nonzero((result.xi >= 0) & (result.xi <= 1)) == Paths().images


def test_the_work_ends_where_it_is_settled():
    """Each path with fewer images is shown once it is relaxed; the first "yes" is the result."""
    engine = SurfaceEngine(mueller_brown)
    a, b = (engine.positions(*MUELLER_BROWN_MINIMA[k]) for k in (0, 2))
    seen = []

    def at(count):
        def settled(path):
            assert path.force <= 0.05
            assert len(path.energies) == len(path.images)
            seen.append(len(path.images))
            return len(path.images) == count

        return settled

    for count, expected in ((8, [8]), (16, [8, 16]), (None, [8, 16])):
        seen.clear()
        path = grown_path(engine, straight_path(a, b, 40), 8, 0.05, 8000, settled=at(count))
        assert seen == expected
        assert len(path.images) == (count or 40)


def test_a_path_that_is_not_relaxed_settles_nothing():
    engine = SurfaceEngine(mueller_brown)
    a, b = (engine.positions(*MUELLER_BROWN_MINIMA[k]) for k in (0, 2))
    path = grown_path(
        engine, straight_path(a, b, 40), 8, 1e-9, 40, settled=lambda path: pytest.fail("unrelaxed")
    )
    assert (len(path.images), path.iterations) == (40, 10)


def test_several_wells_told_early_are_there_with_all_images(real):
    """The converse need not hold: a pair may have two ways, one by a third minimum."""
    several = real.of_status("multiple_wells", 3)
    assert any(len(result.xi) < 40 for *_, result in several)
    for a, b, _ in several:
        late = real.solve(a, b, first_images=ALL, verdict_force=0.01)
        assert late.status == "multiple_wells"
