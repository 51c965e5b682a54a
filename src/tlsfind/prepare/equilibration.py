"""Evidence of equilibration, and the verdict drawn from it.

The paper says only that its liquids are fully equilibrated. Three things are looked at here, all
in the second half of the run: does the potential energy still drift, does the energy of the
inherent structures still fall (ageing), and do particles leave their places.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

OVERLAP_DISTANCE = 0.3
DECAYED = float(np.exp(-1.0))
LARGEST_DRIFT = 4.0  # in standard errors, which are themselves uncertain
NEGLIGIBLE_DRIFT = 1e-3  # energy per particle; the published inherent energies rise by 1.3 with T_f


@dataclass(frozen=True)
class Verdict:
    """What the evidence says.

    Attributes:
        equilibrated: whether every test was passed.
        reasons: the tests in words, failed ones first.
        potential_energy_drift: difference of the halves of the second half over its standard error.
        inherent_energy_drift: the same for the inherent structures.
        equilibrium_inherent_energy: mean over the second half, per particle.
        self_overlap: of the end with half time.
        relaxation_blocks: blocks for the overlap with half time to fall to 1/e; NaN: it did not.
    """

    equilibrated: bool
    reasons: str
    potential_energy_drift: float
    inherent_energy_drift: float
    equilibrium_inherent_energy: float
    self_overlap: float
    relaxation_blocks: float


def self_overlap(
    positions: np.ndarray, reference: np.ndarray, distance: float = OVERLAP_DISTANCE
) -> float:
    """Share of particles within ``distance`` of where they were; both (N, 3), unwrapped."""
    moves = positions - reference
    moves = moves - moves.mean(axis=0)
    return float(((moves**2).sum(axis=1) < distance**2).mean())


def drift(values: np.ndarray) -> tuple[float, float]:
    """Difference between the later and the earlier half of ``values``, and its standard error.

    The error is that of the scatter about a straight line: the scatter about the halves' means
    contains the drift itself, which then hides behind its own error when values are few. It is
    enlarged by the correlation time of that scatter, since slow liquids give correlated values.
    """
    values = np.asarray(values, dtype=float)
    if len(values) < 4:
        return np.nan, np.nan
    half = len(values) // 2
    early, late = values[:half], values[half:]
    time = np.arange(len(values)) - 0.5 * (len(values) - 1)
    residuals = values - values.mean() - time * (time @ values) / (time @ time)
    variance = (residuals @ residuals) / (len(values) - 2) * 2.0 * correlation_time(residuals)
    error = np.sqrt(variance * (1.0 / len(early) + 1.0 / len(late)))
    return float(late.mean() - early.mean()), float(error)


def correlation_time(residuals: np.ndarray) -> float:
    """Integrated autocorrelation time of detrended values, in steps; 0.5: nothing is correlated.

    That of an autoregressive process of first order. Taking out a straight line lowers the
    estimate of its coefficient phi by about (2 + 4 phi) / n, which is put back (Kendall,
    Biometrika 41, 403 (1954), extended to a trend).
    """
    n = len(residuals)
    total = float(residuals @ residuals)
    if total == 0.0:
        return 0.5
    phi = float(residuals[1:] @ residuals[:-1]) / total
    phi += (2.0 + 4.0 * phi) / n
    longest = 0.5 * n  # in steps: nothing longer can be told from a drift
    phi = min(max(phi, 0.0), (2.0 * longest - 1.0) / (2.0 * longest + 1.0))
    return 0.5 * (1.0 + phi) / (1.0 - phi)


def relaxation(blocks: np.ndarray, overlap: np.ndarray) -> float:
    """Blocks at which ``overlap`` (1 at block 0) first falls to 1/e, interpolated; NaN if never."""
    blocks = np.concatenate([[0.0], blocks])
    overlap = np.concatenate([[1.0], overlap])
    below = np.flatnonzero(overlap <= DECAYED)
    if below.size == 0:
        return np.nan
    k = below[0]
    weight = (overlap[k - 1] - DECAYED) / (overlap[k - 1] - overlap[k])
    return float(blocks[k - 1] + weight * (blocks[k] - blocks[k - 1]))


def _ratio(difference: float, error: float) -> float:
    if not np.isfinite(error) or error == 0.0:
        return np.nan
    return difference / error


def judge(series: pd.DataFrame) -> Verdict:
    """Judge an equilibration from its evidence.

    Args:
        series: rows of the table ``equilibration``, in order.

    Returns:
        The verdict. Evidence too short for a test counts as a failure of that test.
    """
    last = series["block"].max()
    second = series[series["block"] > last / 2]
    failures: list[str] = []
    passes: list[str] = []

    def record(name: str, passed: bool, text: str) -> None:
        (passes if passed else failures).append(f"{name} {text}")

    change, error = drift(second["potential_energy"].to_numpy())
    potential_drift = _ratio(change, error)
    quiet = bool(abs(change) <= max(LARGEST_DRIFT * error, NEGLIGIBLE_DRIFT))
    record("potential energy", quiet, f"drift {change:+.5f} +- {error:.5f} per particle")

    inherent = second["inherent_energy"].dropna().to_numpy()
    change, error = drift(inherent)
    inherent_drift = _ratio(change, error)
    quiet = bool(abs(change) <= max(LARGEST_DRIFT * error, NEGLIGIBLE_DRIFT))
    record("inherent energy", quiet, f"drift {change:+.5f} +- {error:.5f} per particle")

    halves = series.dropna(subset=["self_overlap_half"])
    overlap = halves["self_overlap_half"].to_numpy()
    final = float(overlap[-1]) if overlap.size else np.nan
    time = np.nan
    if overlap.size:
        before = series.loc[series["self_overlap_half"].isna(), "block"]
        reference = before.max() if len(before) else last / 2  # the row whose positions were kept
        time = relaxation(halves["block"].to_numpy() - reference, overlap)
    record("self-overlap", bool(final <= DECAYED), f"{final:.2f} after half the run")

    return Verdict(
        equilibrated=not failures,
        reasons="; ".join(
            [f"FAILED {text}" for text in failures] + [f"passed {text}" for text in passes]
        ),
        potential_energy_drift=potential_drift,
        inherent_energy_drift=inherent_drift,
        equilibrium_inherent_energy=float(inherent.mean()) if inherent.size else np.nan,
        self_overlap=final,
        relaxation_blocks=time,
    )
