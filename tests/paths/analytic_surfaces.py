"""An engine on two-dimensional surfaces whose minima and saddles are known."""

import numpy as np

from tlsfind.engine.base import Quench

BOX = 1000.0
PARTICLES = 3


def _orthonormal_basis() -> np.ndarray:
    """(6, 9): directions in the space of three particles, none of them a translation."""
    translations = np.tile(np.eye(3), (PARTICLES, 1))
    others = np.random.default_rng(3).normal(size=(3 * PARTICLES, 3 * PARTICLES - 3))
    basis, _ = np.linalg.qr(np.hstack([translations, others]))
    return basis[:, 3:].T


BASIS = _orthonormal_basis()
ORIGIN = np.random.default_rng(4).normal(size=(PARTICLES, 3))


class SurfaceEngine:
    """Three particles whose energy is a surface V(x, y) plus springs in the other directions.

    x and y are orthonormal coordinates free of translations, so that lengths on the surface are
    lengths of the path and a common translation changes nothing.

    Args:
        surface: maps x and y (arrays of one shape) to V, dV/dx, dV/dy.
        stiffness: of the springs.
    """

    n_particles = PARTICLES
    box = BOX
    masses = np.ones(PARTICLES)

    def __init__(self, surface, stiffness: float = 3.0):
        self.surface = surface
        self.stiffness = stiffness
        self.calls = 0

    def coordinates(self, images: np.ndarray) -> np.ndarray:
        """The six coordinates (P, 6) of images (P, 3, 3); x and y first."""
        return (images - ORIGIN).reshape(len(images), -1) @ BASIS.T

    @staticmethod
    def positions(x: float, y: float) -> np.ndarray:
        """Positions (3, 3) of the point (x, y)."""
        return ORIGIN + (np.array([x, y]) @ BASIS[:2]).reshape(PARTICLES, 3)

    def path_energy_forces(self, images):
        self.calls += 1
        q = self.coordinates(images)
        energy, slope_x, slope_y = self.surface(q[:, 0], q[:, 1])
        gradient = self.stiffness * q
        gradient[:, 0], gradient[:, 1] = slope_x, slope_y
        energies = energy + 0.5 * self.stiffness * (q[:, 2:] ** 2).sum(axis=1)
        return energies, -(gradient @ BASIS).reshape(images.shape)

    def energy_forces(self, positions):
        energies, forces = self.path_energy_forces(positions[None])
        return float(energies[0]), forces[0]

    def energy(self, positions):
        return self.energy_forces(positions)[0]

    def quench(self, positions, force_tolerance=1e-6, max_evaluations=20000):
        from scipy.optimize import minimize

        def value(flat):
            energy, forces = self.energy_forces(flat.reshape(PARTICLES, 3))
            return energy, -forces.ravel()

        found = minimize(value, positions.ravel(), jac=True, method="BFGS", options={"gtol": 1e-8})
        reached = found.x.reshape(PARTICLES, 3)
        energy, forces = self.energy_forces(reached)
        largest = float(np.abs(forces).max())
        return Quench(reached, energy, largest, found.nfev, largest <= force_tolerance)


def curved_valley(height: float = 0.2, tilt: float = 0.0, bend: float = 0.7, across: float = 4.0):
    """V = height (x^2 - 1)^2 + tilt x + across / 2 (y - bend (x^2 - 1))^2.

    Minima and saddle lie on the valley floor y = bend (x^2 - 1), where the first two terms have
    their extrema; the saddle of the untilted surface is at (0, -bend) with energy ``height``.
    """

    def surface(x, y):
        off = y - bend * (x**2 - 1)
        energy = height * (x**2 - 1) ** 2 + tilt * x + 0.5 * across * off**2
        slope_x = 4 * height * x * (x**2 - 1) + tilt - across * off * 2 * bend * x
        return energy, slope_x, across * off

    return surface


def valley_extrema(height: float, tilt: float, bend: float = 0.7):
    """Points (3, 2) and energies (3,): left minimum, saddle, right minimum of the valley."""
    x = np.sort(np.roots([4 * height, 0.0, -4 * height, tilt]).real)
    energies = height * (x**2 - 1) ** 2 + tilt * x
    return np.column_stack([x, bend * (x**2 - 1)]), energies


def open_valley(x, y):
    """A double well of height 0.2 on a plateau of 2/3: no wall confines it."""
    s = x**2
    energy = 0.2 * (s - 1) ** 2 / (1 + 0.3 * s**2)
    slope_s = 0.2 * (s - 1) * (2 + 0.6 * s) / (1 + 0.3 * s**2) ** 2
    return energy + y**2, 2 * x * slope_s, 2 * y


#: Mueller and Brown, Theor. Chim. Acta 53, 75 (1979).
MUELLER_BROWN = (
    (-200.0, -1.0, 0.0, -10.0, 1.0, 0.0),
    (-100.0, -1.0, 0.0, -10.0, 0.0, 0.5),
    (-170.0, -6.5, 11.0, -6.5, -0.5, 1.5),
    (15.0, 0.7, 0.6, 0.7, -1.0, 1.0),
)
#: Energies in units of this many, so that the curvatures suit the solver's time step.
MUELLER_BROWN_UNIT = 100.0
#: Minima and saddles from left to right, with their published energies.
MUELLER_BROWN_MINIMA = ((-0.558224, 1.441726), (-0.050011, 0.466694), (0.623499, 0.028038))
MUELLER_BROWN_ENERGIES = (-146.70, -80.77, -108.17)
MUELLER_BROWN_SADDLES = (-40.66, -72.25)


def mueller_brown(x, y):
    energy, slope_x, slope_y = 0.0, 0.0, 0.0
    for height, a, b, c, x0, y0 in MUELLER_BROWN:
        u, v = x - x0, y - y0
        term = height / MUELLER_BROWN_UNIT * np.exp(a * u**2 + b * u * v + c * v**2)
        energy = energy + term
        slope_x = slope_x + term * (2 * a * u + b * v)
        slope_y = slope_y + term * (b * u + 2 * c * v)
    return energy, slope_x, slope_y
