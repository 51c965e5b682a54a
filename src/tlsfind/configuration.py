"""One set of particles: positions, diameters and a cubic periodic box."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tlsfind.errors import InputError


@dataclass(frozen=True)
class Configuration:
    """Particles in a cubic periodic box, in reduced units.

    Attributes:
        positions: (N, 3) float64, anywhere (not necessarily wrapped into the box).
        diameters: (N,) float64.
        box: edge length of the cubic box.
        types: (N,) int32 from 1; particles of one type are identical. None: every particle is a
            kind of its own, as in the built-in model of continuous diameters.
        source: where it came from, for messages.
    """

    positions: np.ndarray
    diameters: np.ndarray
    box: float
    source: str = field(default="configuration", compare=False)
    types: np.ndarray | None = None

    def __post_init__(self) -> None:
        positions = np.ascontiguousarray(self.positions, dtype=np.float64)
        diameters = np.ascontiguousarray(self.diameters, dtype=np.float64)
        object.__setattr__(self, "positions", positions)
        object.__setattr__(self, "diameters", diameters)
        object.__setattr__(self, "box", float(self.box))
        if positions.ndim != 2 or positions.shape[1] != 3 or len(positions) == 0:
            raise InputError(
                f"{self.source}: positions have shape {positions.shape}, expected (N, 3) with N > 0"
            )
        if diameters.shape != (len(positions),):
            raise InputError(
                f"{self.source}: {diameters.shape} diameters for {len(positions)} particles"
            )
        if not np.isfinite(self.box) or self.box <= 0:
            raise InputError(f"{self.source}: box edge {self.box}, expected a positive number")
        bad = np.flatnonzero(~np.isfinite(positions).all(axis=1))
        if bad.size:
            raise InputError(
                f"{self.source}: {bad.size} particles with NaN or infinite positions, "
                f"the first is particle {bad[0] + 1}; expected finite numbers"
            )
        bad = np.flatnonzero(~(np.isfinite(diameters) & (diameters > 0)))
        if bad.size:
            raise InputError(
                f"{self.source}: {bad.size} particles with a diameter that is not a positive "
                f"number, the first is particle {bad[0] + 1} with {diameters[bad[0]]}"
            )
        object.__setattr__(self, "types", checked_types(self.types, len(positions), self.source))

    def __len__(self) -> int:
        return len(self.positions)

    def with_positions(self, positions: np.ndarray, source: str | None = None) -> Configuration:
        """The same particles elsewhere; ``positions`` is (N, 3)."""
        return Configuration(positions, self.diameters, self.box, source or self.source, self.types)


def checked_types(types: np.ndarray | None, count: int, source: str) -> np.ndarray | None:
    """Particle types as (N,) int32, or None where there are none.

    Raises:
        InputError: not ``count`` integers from 1.
    """
    if types is None:
        return None
    found = np.asarray(types)
    if found.shape != (count,) or found.dtype.kind not in "iu" or (count and found.min() < 1):
        raise InputError(
            f"{source}: types of shape {found.shape} and {found.dtype}, expected {count} integers "
            "from 1"
        )
    return np.ascontiguousarray(found, dtype=np.int32)


def same_types(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    """Whether two sets of particle types are equal; None equals None only."""
    if a is None or b is None:
        return a is b
    return bool(np.array_equal(a, b))


def check_same_particles(a: Configuration, b: Configuration, tolerance: float = 1e-9) -> None:
    """Raise unless ``a`` and ``b`` hold the same particles in the same order and box.

    Raises:
        InputError: naming the first difference.
    """
    if len(a) != len(b):
        raise InputError(f"{a.source} has {len(a)} particles and {b.source} has {len(b)}")
    if abs(a.box - b.box) > tolerance * a.box:
        raise InputError(f"{a.source} has box edge {a.box} and {b.source} has {b.box}")
    difference = np.abs(a.diameters - b.diameters)
    worst = int(np.argmax(difference))
    if difference[worst] > tolerance:
        raise InputError(
            f"{a.source} and {b.source} hold different particles: particle {worst + 1} has "
            f"diameter {a.diameters[worst]:.10g} in the first and {b.diameters[worst]:.10g} in "
            "the second"
        )
    if not same_types(a.types, b.types):
        raise InputError(f"{a.source} and {b.source} hold different particles: their types differ")


def minimum_image(vectors: np.ndarray, box: float) -> np.ndarray:
    """The shortest periodic images of ``vectors`` (any shape) in a cubic box."""
    return vectors - box * np.rint(vectors / box)


def displacements(a: np.ndarray, b: np.ndarray, box: float) -> np.ndarray:
    """Displacements (N, 3) from ``a`` to ``b``, freed of wrapping and of a common translation.

    Valid as long as no particle moves by more than half a box relative to the first particle.
    """
    raw = b - a
    relative = minimum_image(raw - raw[0], box)
    return relative - relative.mean(axis=0)


def wrap(positions: np.ndarray, box: float) -> np.ndarray:
    """Positions folded into [0, box)."""
    wrapped = positions - box * np.floor(positions / box)
    wrapped[wrapped >= box] = 0.0
    return wrapped
