"""Paths on the surfaces of ``analytic_surfaces``, relaxed as the tests need them."""

from analytic_surfaces import valley_extrema

from tlsfind.config import Paths
from tlsfind.paths.mep import StringRelaxation, straight_path
from tlsfind.paths.profile import spline_maximum

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
