"""Labelled tables of several preparation temperatures as one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tlsfind.errors import InputError
from tlsfind.learn import labelled
from tlsfind.learn.labelled import Labelled


def read(paths: Sequence[Path]) -> Labelled:
    """Read labelled tables and join them.

    Args:
        paths: tables of one M and one unit system, of one or more preparation temperatures each.

    Raises:
        InputError: no table, or as for :func:`tlsfind.learn.labelled.read`; the tables differ in M
            or unit system, share a pair, or lack a preparation temperature.
    """
    if not paths:
        raise InputError("no labelled table was given, expected at least one")
    parts = [labelled.read(path) for path in paths]
    for path, part in zip(paths, parts, strict=True):
        if part.particles != parts[0].particles:
            raise InputError(
                f"labelled tables with different features: {paths[0]} has the displacements of "
                f"{parts[0].particles} particles, {path} those of {part.particles}"
            )
        temperature = part.frame["preparation_temperature"].to_numpy(dtype=float)
        if not (np.isfinite(temperature) & (temperature > 0)).all():
            raise InputError(
                f"labelled table {path} has rows without a positive preparation_temperature, "
                "expected T_f in each"
            )
    if len(parts) == 1:
        return parts[0]
    frame = pd.concat([part.frame for part in parts], ignore_index=True)
    return labelled.check(frame, parts[0].features, ", ".join(str(path) for path in paths))


def of_rows(table: Labelled) -> np.ndarray:
    """Preparation temperature of each row, shape (n,)."""
    return table.frame["preparation_temperature"].to_numpy(dtype=float)
