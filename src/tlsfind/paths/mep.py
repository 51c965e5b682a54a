"""Relaxation of a path to the minimum-energy path, on any engine.

A string method (E, Ren, Vanden-Eijnden, Phys. Rev. B 66, 052301 (2002)):

1. forces of all images in one call of the engine, projected perpendicular to the path;
2. a step of FIRE (or of plain damped dynamics) of each image on its own;
3. images are moved along the path to equal arc length where they have become uneven.

A path may begin with few images, which cost little, and get more once it is roughly relaxed.

There are no springs: on paths as soft as those of glasses they let the path kink and grow. The
same happens with central-difference tangents, and with one FIRE velocity for all images: where the
path is soft sideways a tilt feeds on the force along it. Uphill tangents and images that stop
one by one cured it on every pair tried (see docs/paths.md).
This module knows nothing of glasses, double wells or quantum mechanics.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from tlsfind.engine.base import Engine, FillsPathForces
from tlsfind.errors import InputError
from tlsfind.paths.string_kernel import (
    arc_lengths,
    damped_step,
    perpendicular_forces,
    redistribute,
    unevenness,
)

LARGEST_TIME_STEP = 0.06
FIRST_SHARE = 1.0  # of the largest time step, at the start; 1/3 costs 6 % more (mixing 0.1)
SHORTEST_SHARE = 1.0 / 60.0  # of it, however unstable the path
TIME_STEP_GROWTH = 1.05
LARGEST_MOVE = 0.1  # of an image in one step, in units of sigma
UNEVEN = 0.05  # relative spread of the spacing at which images are redistributed
UNSTABLE = 10.0  # growth of the force over its lowest value that calls for a shorter time step
UNSTABLE_FORCE = 0.5  # below this a growth of the force is no instability
#: First share of the direction of the force in the velocity of an image, by kind of steps. Mean
#: cost to a force of 0.0011 in iterations of 40 images (those of 8 count a fifth), 16 pairs,
#: N = 500: 255 at 0.05, 227 at 0.1, 181 at 0.2, 168 at 0.3, 209 at 0.5; 220 at 0.3 without decay.
MIXING = {"fire": 0.3, "damped": 0.0}
MIXING_DECAY = 0.99
FIRST_ITERATIONS = 0.25  # most of the iterations of a path that are spent on few images


@dataclass
class Path:
    """A path and how well it is relaxed.

    Attributes:
        images: (P, N, 3), unwrapped.
        energies: (P,) total energies.
        force: largest norm of the perpendicular force of an image.
        iterations: iterations so far.
    """

    images: np.ndarray
    energies: np.ndarray = field(default_factory=lambda: np.empty(0))
    force: float = np.inf
    iterations: int = 0

    def lengths(self) -> np.ndarray:
        """Cumulative arc length (P,)."""
        return arc_lengths(self.images.reshape(len(self.images), -1))


def straight_path(a: np.ndarray, b: np.ndarray, images: int) -> Path:
    """A straight line from ``a`` to ``b`` (both (N, 3), unwrapped) with ``images`` images."""
    weights = np.linspace(0.0, 1.0, images)[:, None, None]
    return Path((1.0 - weights) * a + weights * b)


def with_images(path: Path, images: int) -> Path:
    """The same path with another number of images at equal arc length, by cubic interpolation."""
    flat = np.ascontiguousarray(path.images).reshape(len(path.images), -1)
    moved = np.empty((images, flat.shape[1]))
    redistribute(flat, arc_lengths(flat), moved)
    return Path(moved.reshape(images, *path.images.shape[1:]), iterations=path.iterations)


class StringRelaxation:
    """Relaxes one path, in as many instalments as wanted.

    Args:
        engine: the engine.
        path: the path, changed in place. Its ends stay where they are.
        time_step: the longest time step, for unit masses.
        steps: ``fire`` or ``damped``, see :data:`MIXING`.
    """

    def __init__(
        self,
        engine: Engine,
        path: Path,
        time_step: float = LARGEST_TIME_STEP,
        steps: str = "fire",
    ):
        self.engine = engine
        self.path = path
        self._fill = engine.fill_path_forces if isinstance(engine, FillsPathForces) else None
        count = len(path.images)
        self._flat = np.array(path.images, dtype=np.float64).reshape(count, -1)
        self._velocities = np.zeros_like(self._flat)
        self._perpendicular = np.zeros_like(self._flat)
        self._spare = np.empty_like(self._flat)
        self._energies = np.zeros(count)
        self._lengths = np.zeros(count)
        self._norms = np.zeros(count)
        self._first_mixing = MIXING[steps]
        self._mixing = np.full(count, self._first_mixing)
        self._time_step = FIRST_SHARE * time_step
        self._shortest_time_step = SHORTEST_SHARE * time_step
        self._largest_time_step = time_step
        self._lowest_force = np.inf
        self._evaluate()

    def _evaluate(self) -> None:
        shape = self.path.images.shape
        images = self._flat.reshape(shape)
        if self._fill is not None:
            self._fill(images, self._energies, self._perpendicular.reshape(shape))
        else:
            energies, forces = self.engine.path_energy_forces(images)
            self._energies[:] = energies
            self._perpendicular[:] = forces.reshape(self._flat.shape)
        perpendicular_forces(
            self._flat, self._energies, self._perpendicular, self._perpendicular, self._norms
        )
        self.path.images = images
        self.path.energies = self._energies
        self.path.force = float(self._norms.max())

    def run(self, tolerance: float, max_iterations: int) -> bool:
        """Relax until the perpendicular force is at most ``tolerance``.

        Args:
            tolerance: largest norm of the perpendicular force of an image.
            max_iterations: limit on the iterations of this path in total.

        Returns:
            Whether the tolerance was met.

        Raises:
            FloatingPointError: the path diverged.
        """
        while not self.path.force <= tolerance:  # NaN included
            if not np.isfinite(self.path.force):
                raise FloatingPointError("the path diverged: its forces are not finite")
            if self.path.iterations >= max_iterations:
                return False
            self._step()
        return True

    def _step(self) -> None:
        damped_step(
            self._flat, self._velocities, self._perpendicular, self._time_step, LARGEST_MOVE,
            self._mixing, self._first_mixing, MIXING_DECAY, self._lengths,
        )  # fmt: skip
        self._time_step = min(TIME_STEP_GROWTH * self._time_step, self._largest_time_step)
        self._even_out()
        self.path.iterations += 1
        self._evaluate()
        self._calm()

    def _calm(self) -> None:
        """Shorten the time step where the force grows as it does in an unstable integration."""
        force = self.path.force
        self._lowest_force = min(self._lowest_force, force)
        if force > UNSTABLE_FORCE and force > UNSTABLE * self._lowest_force:
            self._largest_time_step = max(0.7 * self._largest_time_step, self._shortest_time_step)
            self._time_step = 0.2 * self._largest_time_step
            self._velocities[:] = 0.0
            self._lowest_force = force

    def _even_out(self) -> None:
        if UNEVEN < unevenness(self._lengths) < np.inf:
            redistribute(self._flat, self._lengths, self._spare)
            self._flat, self._spare = self._spare, self._flat


def grown_path(
    engine: Engine,
    path: Path,
    first_images: int,
    tolerance: float,
    max_iterations: int,
    time_step: float = LARGEST_TIME_STEP,
    steps: str = "fire",
    settled: Callable[[Path], bool] | None = None,
) -> Path:
    """A path of as many images that was relaxed with fewer of them first.

    The number of images is doubled while it is at most half of all. Eight images are one chunk of
    SIMD lanes. Mean cost in iterations of 40 images (25 pairs, N = 500, mixing 0.1): to a force of
    0.1 22 instead of 72, to 0.01 169 instead of 212, to 0.0011 235 instead of 288. By way of 16
    images as well it is 18, 170 and 235.

    Args:
        engine: the engine.
        path: a straight path.
        first_images: fewer images; if not fewer, nothing is done.
        tolerance: perpendicular force to which a path with fewer images is relaxed.
        max_iterations: limit on the iterations of the path in total, of which few images get at
            most a quarter.
        time_step, steps: see :class:`StringRelaxation`.
        settled: looks at each path that was relaxed with fewer images; if it returns True the work
            ends there.

    Returns:
        The path, with the iterations so far; the straight one if it diverged with few images. Its
        energies are not known yet, unless ``settled`` ended the work: then it has few images.
    """
    few = path
    limit = round(FIRST_ITERATIONS * max_iterations)
    for count in first_counts(first_images, len(path.images)):
        few = with_images(few, count)
        try:
            reached = StringRelaxation(engine, few, time_step, steps).run(tolerance, limit)
        except (FloatingPointError, InputError):
            return path
        if reached and settled is not None and settled(few):
            return few
    return path if few is path else with_images(few, len(path.images))


def first_counts(first: int, images: int) -> list[int]:
    """Numbers of images before all: ``first``, doubled while at most half of ``images``."""
    counts = [first] if first < images else []
    while counts and 4 * counts[-1] <= images:
        counts.append(2 * counts[-1])
    return counts
