"""The restart file of a preparation: everything needed to go on as if nothing had happened."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tlsfind.tables import atomic

logger = logging.getLogger("tlsfind")


@dataclass
class Progress:
    """How far a preparation has come.

    Attributes:
        block: blocks done at the preparation temperature.
        positions: (N, 3), unwrapped.
        diameters: (N,).
        start: (N, 3) positions at block 0.
        half: (N, 3) positions at half time, NaN before.
        rows: evidence so far, rows of the table ``equilibration``.
        rng: state of the random generator.
    """

    block: int
    positions: np.ndarray
    diameters: np.ndarray
    start: np.ndarray
    half: np.ndarray
    rows: list[dict] = field(default_factory=list)
    rng: dict = field(default_factory=dict)


def save(path: Path, progress: Progress, identity: str) -> None:
    """Write the restart file atomically; ``identity`` says of which preparation it is."""
    with atomic(path) as temporary, open(temporary, "wb") as out:
        np.savez(
            out,
            identity=identity,
            block=progress.block,
            positions=progress.positions,
            diameters=progress.diameters,
            start=progress.start,
            half=progress.half,
            rows=json.dumps(progress.rows),
            rng=json.dumps(progress.rng),
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
                start=content["start"],
                half=content["half"],
                rows=json.loads(str(content["rows"])),
                rng=json.loads(str(content["rng"])),
            )
    except FileNotFoundError:
        return None
    except Exception as error:  # a damaged restart file must not stop the work
        logger.warning("restart file %s is unusable (%s): ignored", path, error)
        return None
