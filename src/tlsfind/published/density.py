"""n_0 from quantum splittings: the plateau of n(E)/E at low E (paper, Fig. 4 b).

In the tunnelling model the splittings of low E are uniformly distributed. The plateau is taken over
the widest interval 0 to E in which the splittings found do not contradict that.
"""

from __future__ import annotations

import numpy as np

#: Significance at which splittings contradict a uniform distribution.
LEVEL = 0.05

#: Fewest splittings that are tested.
FEWEST = 10


def uniform_range(splittings: np.ndarray, level: float = LEVEL) -> tuple[int, float] | None:
    """The widest interval from 0 in which the splittings may be uniform.

    For each k, the k lowest splittings over the next one are compared with a uniform distribution
    by the Kolmogorov-Smirnov test (exact distribution of its statistic).

    Args:
        splittings: positive, shape (n,), any order.
        level: significance at which the hypothesis is rejected.

    Returns:
        The number of splittings in the interval, and its end; None if fewer than ``FEWEST + 1``
        are there or the interval is rejected for every k from ``FEWEST``.
    """
    from scipy.stats import kstwo

    energy = np.sort(np.asarray(splittings, dtype=float))
    best = None
    for k in range(FEWEST, len(energy)):
        share = energy[:k] / energy[k]
        place = np.arange(1, k + 1) / k
        distance = max(float(np.max(place - share)), float(np.max(share - place + 1.0 / k)))
        # the bound of Dvoretzky, Kiefer, Wolfowitz and Massart spares most evaluations
        bound = 2.0 * np.exp(-2.0 * k * distance**2)
        if bound >= level and kstwo.sf(distance, k) >= level:
            best = (k, float(energy[k]))
    return best


def low_energy_density(
    splittings: np.ndarray, volume: float, glasses: int, level: float = LEVEL
) -> dict[str, float | int] | None:
    """n_0 from the plateau at low E.

    Args:
        splittings: of all double wells, shape (n,).
        volume: of one glass.
        glasses: number of glasses explored, also of those without a double well.
        level: as for :func:`uniform_range`.

    Returns:
        ``count`` splittings below ``energy``; ``n_0`` = count / (energy volume glasses) in
        eps^-1 sigma^-3 (unbiased, the interval ending at the next splitting) with its 95 % Poisson
        limits ``low`` and ``high``; None without a plateau.
    """
    from tlsfind.analysis.statistics import poisson_interval

    found = uniform_range(splittings, level)
    if found is None:
        return None
    count, energy = found
    scale = 1.0 / (energy * volume * glasses)
    low, high = poisson_interval(count)
    return {
        "count": count,
        "energy": energy,
        "n_0": count * scale,
        "low": low * scale,
        "high": high * scale,
    }
