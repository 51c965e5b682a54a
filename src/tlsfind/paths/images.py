"""The images of one path, which the tables of paths do not keep."""

from __future__ import annotations

import numpy as np

from tlsfind import matching
from tlsfind.config import Paths
from tlsfind.engine.base import Engine
from tlsfind.paths.mep import Path, StringRelaxation, straight_path


def relaxed_path(
    engine: Engine,
    a: np.ndarray,
    b: np.ndarray,
    box: float,
    settings: Paths,
    tolerance: float,
    types: np.ndarray | None = None,
) -> tuple[Path, bool]:
    """Relax the path between two minima by the string solver.

    Args:
        engine: the engine of their particles.
        a: (N, 3) positions of the first minimum.
        b: (N, 3) positions of the second.
        box: box edge.
        settings: the section ``paths`` of the config: images, time step, most iterations.
        tolerance: perpendicular force to relax to.
        types: (N,) types of identical particles, or None.

    Returns:
        The path, its images unwrapped and free of a common translation, and whether the tolerance
        was met.

    Raises:
        FloatingPointError: the path diverged.
    """
    move = matching.displacements(a, b, box, types)
    path = straight_path(a, a + move, settings.images)
    met = StringRelaxation(engine, path, settings.time_step).run(tolerance, settings.max_iterations)
    return path, met


def centred(images: np.ndarray, box: float) -> np.ndarray:
    """Images (P, N, 3) moved so that the particle that moves most is in the middle of the box.

    Every particle of the first image lies in the box; none jumps from one image to the next.
    """
    lengths = np.linalg.norm(images[-1] - images[0], axis=1)
    moved = images + (0.5 * box - images[0, int(lengths.argmax())])
    return moved - box * np.floor(moved[0] / box)
