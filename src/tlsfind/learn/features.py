"""What the ensembles see of a pair, made from the columns of the pairs table.

``plain``: the columns as they are (paper, IV.E). ``physics``: scales and ratios in which glasses
resemble each other. A sum of squares of a few displacements, a share of d or a combination with
the energy is one cut of a tree instead of a staircase of many, and staircases are what does not
carry over to a new glass. On the published T_f = 0.07 table they lift r(log E_qs) of extra trees
over new glasses from 0.949 to 0.956 (docs/learn.md).

Whatever a model sees, it is called with the columns of the pairs table; so what explains a
model speaks of these.
"""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
import pandas as pd

Kind = Literal["physics", "plain"]

#: Energies are taken as at least this in logarithms (eps); published minima have 1e-7 and less.
ENERGY_FLOOR = 1e-5

#: Displacements are taken as at least this in logarithms and ratios (sigma).
DISPLACEMENT_FLOOR = 1e-9

#: E_qs of a harmonic well of these glasses (eps, argon), where log E_qs turns from the splitting of
#: two wells to the excitation within one; also the cap of E_qs near 0.015 (checklist 24).
HARMONIC_ENERGY = 0.012

_DISPLACEMENT = re.compile(r"displacement_(\d+)")
_DISTANCE = re.compile(r"distance_1_(\d+)")


def inputs(frame: pd.DataFrame, kind: Kind) -> pd.DataFrame:
    """The inputs of a model.

    Args:
        frame: the features of the pairs table, shape (n, n_features).
        kind: ``plain`` or ``physics``.

    Returns:
        Inputs in float64, shape (n, n_inputs), rows in the order of ``frame``.
    """
    plain = frame.astype(np.float64)
    return plain if kind == "plain" else _physics(plain)


def _log(values: np.ndarray, floor: float) -> np.ndarray:
    return np.log10(np.maximum(values, floor))


def _numbered(frame: pd.DataFrame, pattern: re.Pattern[str]) -> list[str]:
    """The columns of a pattern by their number, wherever they stand in the table."""
    found = {int(m.group(1)): m.group() for m in map(pattern.fullmatch, frame.columns) if m}
    return [found[number] for number in sorted(found)]


def _physics(frame: pd.DataFrame) -> pd.DataFrame:
    """Logarithms, ratios and scales, for any number M of displacements in the table."""
    largest = _numbered(frame, _DISPLACEMENT)
    distances = _numbered(frame, _DISTANCE)
    energy = frame["delta_e"].to_numpy()
    d = np.maximum(frame["total_displacement"].to_numpy(), DISPLACEMENT_FLOOR)
    ab, ba = frame["transitions_ab"].to_numpy(), frame["transitions_ba"].to_numpy()
    log_energy, log_d = _log(energy, ENERGY_FLOOR), np.log10(d)

    made: dict[str, np.ndarray] = {
        "log_delta_e": log_energy,
        "log_d": log_d,
        "log_slope": _log(energy, ENERGY_FLOOR) - log_d,
        "log_curvature": log_energy - 2.0 * log_d,
        "log_two_level": np.log10(np.hypot(energy, HARMONIC_ENERGY)),
        "log_delta_e_root_d": log_energy + 0.5 * log_d,
        "log_participation": _log(frame["participation_ratio"].to_numpy(), DISPLACEMENT_FLOOR),
        "log_transitions": np.log10(1.0 + ab + ba),
        "log_transitions_min": np.log10(1.0 + np.minimum(ab, ba)),
        "log_transitions_ratio": np.log10((1.0 + ba) / (1.0 + ab)),
    }
    squares = np.zeros(len(frame))
    before = d
    for number, name in enumerate(largest, start=1):
        value = frame[name].to_numpy()
        made[f"log_{name}"] = _log(value, DISPLACEMENT_FLOOR)
        made[f"log_ratio_{number}"] = made[f"log_{name}"] - _log(before, DISPLACEMENT_FLOOR)
        squares = squares + value**2
        if number == 2:
            made["share_of_two"] = squares / d**2
        before = value
    rest = np.sqrt(np.clip(1.0 - squares / d**2, 0.0, None))
    made["rest_share"], made["rest"] = rest, rest * d
    for name in distances:
        made[f"log_{name}"] = _log(frame[name].to_numpy(), DISPLACEMENT_FLOOR)
    return pd.DataFrame(made, index=frame.index)
