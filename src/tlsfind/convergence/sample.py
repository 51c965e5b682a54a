"""The double wells of a run whose paths are solved again at several levels of convergence.

Two samples, for two questions:

* ``stratified``: half TLS, a quarter the double wells next above the threshold, the rest spread
  evenly over the ranks of E_qs. It says how far E_qs and the TLS count move with the level.
* ``random``: double wells drawn without a look at their E_qs. Only these may be compared with a
  model's prediction: a sample chosen by E_qs itself is off from any prediction on one side.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from tlsfind import seeds

#: Random stream, one of the stage ``validate``.
STREAM = 16


def evenly(count: int, wanted: int) -> np.ndarray:
    """At most ``wanted`` different ranks spread evenly over 0 ... count - 1."""
    return np.unique(np.rint(np.linspace(0, count - 1, min(wanted, count))).astype(int))


def stratified(splitting: np.ndarray, threshold: float, wanted: int) -> np.ndarray:
    """Rows of a stratified sample, sorted.

    Args:
        splitting: (n,) E_qs of double wells.
        threshold: of TLS.
        wanted: size of the sample; it is smaller only where there are fewer rows.
    """
    order = np.argsort(splitting, kind="stable")
    order = order[np.isfinite(splitting[order])]
    tls = order[splitting[order] < threshold]
    others = order[len(tls) :]
    chosen = list(tls[evenly(len(tls), wanted // 2)]) if len(tls) else []
    near = (wanted - len(chosen)) // 2
    chosen += list(others[:near])
    rest = np.setdiff1d(order, chosen)
    rest = rest[np.argsort(splitting[rest], kind="stable")]
    if len(rest) and wanted > len(chosen):
        chosen += list(rest[evenly(len(rest), wanted - len(chosen))])
    return np.sort(np.array(chosen, dtype=np.int64))


def draw(wells: pd.DataFrame, unit: str, threshold: float, pairs: int, random: int, seed: int
         ) -> pd.DataFrame:  # fmt: skip
    """Both samples of a library.

    Args:
        wells: double wells with their E_qs.
        unit: name of the unit system of E_qs.
        threshold: of TLS in it.
        pairs: size of the stratified sample.
        random: size of the random sample.
        seed: of the random sample.

    Returns:
        The rows chosen, with the columns ``stratified`` and ``random``; a pair may be in both.
    """
    splitting = wells[f"quantum_splitting_{unit}"].to_numpy(dtype=np.float64)
    in_first = np.zeros(len(wells), dtype=bool)
    in_first[stratified(splitting, threshold, pairs)] = True
    rng = seeds.generator(seed, "validate", STREAM)
    in_second = np.zeros(len(wells), dtype=bool)
    in_second[rng.permutation(len(wells))[: min(random, len(wells))]] = True
    chosen = wells.assign(stratified=in_first, random=in_second)
    return chosen[in_first | in_second].reset_index(drop=True)
