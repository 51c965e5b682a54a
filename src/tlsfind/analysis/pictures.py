"""``tlsfind picture``: one pair of minima drawn, and its path as a trajectory for OVITO.

The path is relaxed once more, because tables keep its profile but not its images: to the force that
the run reached, so that the images are those of the stored profile, or to ``paths.force_tolerance``
for a pair that the run did not solve. Each image is one frame.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from tlsfind.analysis import style
from tlsfind.analysis.figures import picture
from tlsfind.analysis.results import Results
from tlsfind.config import Config
from tlsfind.engine import make_engine
from tlsfind.errors import InputError
from tlsfind.interop.extxyz import Frame, write_frames
from tlsfind.interop.native import read_minima
from tlsfind.paths.images import centred, relaxed_path
from tlsfind.paths.mep import Path as Relaxed

logger = logging.getLogger("tlsfind")

#: The string solver stops at the first force at or below the tolerance: room for rounding.
ROUNDING = 1e-9


def frames(
    path: Relaxed,
    diameters: np.ndarray,
    box: float,
    about: dict[str, str | float],
    types: np.ndarray | None = None,
) -> Iterator[Frame]:
    """Frames of a trajectory, one for each image.

    Columns: ``radius``, ``displacement`` from the first image (3), its length
    ``displacement_length`` and, if any, ``type``. Entries: ``image``, ``xi``, ``energy`` above the
    first image, and ``about``.

    Args:
        path: the path.
        diameters: (N,).
        box: edge of the cubic box.
        about: further entries of every frame.
        types: (N,) types, or None.
    """
    images = centred(path.images, box)
    lengths = path.lengths()
    for number, positions in enumerate(images):
        move = positions - images[0]
        columns = [
            ("radius", 0.5 * diameters),
            ("displacement", move),
            ("displacement_length", np.linalg.norm(move, axis=1)),
        ]
        if types is not None:
            columns.append(("type", types))
        info = {
            "image": number,
            "xi": float(lengths[number] / lengths[-1]),
            "energy": float(path.energies[number] - path.energies[0]),
            **about,
        }
        yield positions, columns, info


def write(
    config: Config, results: Path, output: Path, pair: tuple[str, int, int] | None = None
) -> list[Path]:
    """Draw a pair of minima and write its path.

    Args:
        config: the run.
        results: its folder of results.
        output: folder that receives ``GLASS_A_B.png``, ``.svg`` (``analysis.formats``) and
            ``GLASS_A_B.xyz``.
        pair: glass and both minima; None: the double well of lowest quantum splitting.

    Returns:
        The files.

    Raises:
        InputError: a file of the run is missing or damaged, there is no such minimum, both are the
            same, or the run has no double well.
    """
    run = Results(config, Path(results))
    glass, a, b = pair or picture.lowest(run)
    config.glass(glass)
    if a == b:
        raise InputError(f"minima {a} and {b} of glass {glass}: expected two different ones")
    first, second = read_minima(run.root / "landscape" / glass / "minima.npz", [a, b])
    engine = make_engine(first, config)
    if engine.energy(second.positions) < engine.energy(first.positions):
        a, b, first, second = b, a, second, first
    row = _solved(run, glass, a, b)
    tolerance = config.paths.force_tolerance
    if row is not None and np.isfinite(row["final_force"]):
        tolerance = (1.0 + ROUNDING) * float(row["final_force"])
    types = config.model.identical(first.types)
    path, met = relaxed_path(
        engine, first.positions, second.positions, first.box, config.paths, tolerance, types
    )
    if not met:
        logger.warning(
            "the path has a perpendicular force of %.2g after %d iterations, expected at most %.2g",
            path.force, path.iterations, tolerance,
        )  # fmt: skip
    numbers = picture.pair_numbers(run, glass, a, b)
    about = _about(run, numbers["pair"].iloc[0])
    stem = Path(output) / f"{glass}_{a}_{b}"
    with style.styled():
        written = style.save(picture.draw(numbers, run), stem, config.analysis.formats)
    trajectory = stem.with_name(f"{stem.name}.xyz")
    write_frames(
        trajectory, frames(path, first.diameters, first.box, about, first.types), first.box
    )
    logger.info(
        "%d images, highest energy %.6g above minimum %d", len(path.images),
        float((path.energies - path.energies[0]).max()), a,
    )  # fmt: skip
    return [*written, trajectory]


def _solved(run: Results, glass: str, a: int, b: int) -> pd.Series | None:
    """The row of a solved pair in the tables of paths; None if it was not solved."""
    solved = run.solved
    own = solved[
        (solved["glass"] == glass) & (solved["minimum_a"] == a) & (solved["minimum_b"] == b)
    ]
    return own.iloc[0] if len(own) else None


def _about(run: Results, pair: pd.Series) -> dict[str, str | float]:
    """What every frame says of the pair."""
    about: dict[str, str | float] = {
        "run": run.config.run.name,
        "glass": str(pair["glass"]),
        "minimum_a": int(pair["minimum_a"]),
        "minimum_b": int(pair["minimum_b"]),
    }
    if np.isfinite(pair["quantum_splitting"]):
        about["unit_system"] = run.config.loop.unit_system
        about["quantum_splitting"] = float(pair["quantum_splitting"])
    return about
