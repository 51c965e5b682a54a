"""The restart file of a preparation: everything needed to go on as if nothing had happened."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tlsfind.configuration import Configuration
from tlsfind.tables import atomic

logger = logging.getLogger("tlsfind")


@dataclass
class Progress:
    """How far a preparation has come.

    Attributes:
        block: blocks done at the preparation temperature.
        positions: (N, 3), unwrapped.
        diameters: (N,).
        box: box edge.
        start: (N, 3) positions at block 0.
        half: (N, 3) positions at half time, NaN before.
        rows: evidence so far, rows of the table ``equilibration``.
        rng: state of the random generator.
        types: (N,) int32, or None for the built-in model.
        velocities: (N, 3), or None where each block draws its own.
        cooled: steps of the linear cooling done.
    """

    block: int
    positions: np.ndarray
    diameters: np.ndarray
    box: float
    start: np.ndarray
    half: np.ndarray
    rows: list[dict] = field(default_factory=list)
    rng: dict = field(default_factory=dict)
    types: np.ndarray | None = None
    velocities: np.ndarray | None = None
    cooled: int = 0

    @property
    def configuration(self) -> Configuration:
        """The particles where they are now."""
        return Configuration(self.positions, self.diameters, self.box, "liquid", self.types)


def save(path: Path, progress: Progress, identity: str) -> None:
    """Write the restart file atomically; ``identity`` says of which preparation it is."""
    optional = {"types": progress.types, "velocities": progress.velocities}
    given: dict[str, Any] = {name: a for name, a in optional.items() if a is not None}
    with atomic(path) as temporary, open(temporary, "wb") as out:
        np.savez(
            out,
            identity=identity,
            block=progress.block,
            positions=progress.positions,
            diameters=progress.diameters,
            box=progress.box,
            start=progress.start,
            half=progress.half,
            rows=json.dumps(progress.rows),
            rng=json.dumps(progress.rng),
            cooled=progress.cooled,
            **given,
        )


def load(path: Path, identity: str) -> Progress | None:
    """The progress in a restart file, or None if there is none of this very preparation."""
    try:
        with np.load(path, allow_pickle=False) as content:
            if str(content["identity"]) != identity:
                return None
            return Progress(
                block=int(content["block"]),
                positions=content["positions"],
                diameters=content["diameters"],
                box=float(content["box"]),
                start=content["start"],
                half=content["half"],
                rows=json.loads(str(content["rows"])),
                rng=json.loads(str(content["rng"])),
                types=content.get("types"),
                velocities=content.get("velocities"),
                cooled=int(content["cooled"]),
            )
    except FileNotFoundError:
        return None
    except Exception as error:  # a damaged restart file must not stop the work
        logger.warning("restart file %s is unusable (%s): ignored", path, error)
        return None


class Keeper:
    """Writes the restart file when enough time has passed since it was last written.

    Args:
        path: the file.
        identity: of the preparation.
        interval: seconds between two files.
    """

    def __init__(self, path: Path, identity: str, interval: float):
        self.path = path
        self.identity = identity
        self.interval = interval
        self._saved = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        """Write ``progress`` if it is time."""
        if time.monotonic() - self._saved > self.interval:
            save(self.path, progress, self.identity)
            self._saved = time.monotonic()
