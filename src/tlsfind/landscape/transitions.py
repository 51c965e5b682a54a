"""Transition counts: how often minimum a is followed by minimum b in consecutive quenches.

T_ab and T_ba are counted apart (paper, IV.C). Only consecutive quenches of one trajectory count.
A quench that did not converge has no minimum and breaks the chain: neither the step to it nor the
step from it counts, and its neighbours are not joined. Staying (a to a) is not a transition.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

#: Stands for "no minimum" in integer arrays of visits.
NO_MINIMUM = -1


def count_transitions(
    trajectory: np.ndarray, step: np.ndarray, minimum: np.ndarray
) -> pd.DataFrame:
    """Count the transitions of a glass.

    Args:
        trajectory: (V,) trajectory of each visit.
        step: (V,) time step of each visit.
        minimum: (V,) identifier of the minimum, or :data:`NO_MINIMUM` for a quench that did not
            converge.

    Returns:
        Columns ``minimum_from``, ``minimum_to``, ``count``, one row per pair and direction seen,
        sorted. The order of the visits given does not matter.
    """
    order = np.lexsort((step, trajectory))
    trajectory = np.asarray(trajectory)[order]
    minimum = np.asarray(minimum, dtype=np.int64)[order]
    before, after = minimum[:-1], minimum[1:]
    moved = (trajectory[:-1] == trajectory[1:]) & (before != after)
    moved &= (before != NO_MINIMUM) & (after != NO_MINIMUM)
    steps = np.stack([before[moved], after[moved]], axis=1)
    pairs, counts = np.unique(steps, axis=0, return_counts=True)
    return pd.DataFrame(
        {
            "minimum_from": pairs[:, 0].astype(np.int32),
            "minimum_to": pairs[:, 1].astype(np.int32),
            "count": counts.astype(np.int64),
        }
    )
