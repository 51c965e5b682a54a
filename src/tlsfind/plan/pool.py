"""How many minima and pairs a run will have: a crude estimate before anything is explored.

A glass visits new minima about as the power 0.6 of the time explored (drawing 2, 4, 8, 16 of the
trajectories of the demo's glasses gives powers 0.5 to 0.7, of one glass of N = 1500 0.9). The
number is anchored at the paper's glasses of T_f = 0.092: the highest ranks in its published table
are 1839 to 11517 in five glasses, 7536 on average, after 200 trajectories of 100 units of time.
From there

* with T_f as its power 12.8 up to 0.092: 50 glasses of T_f = 0.07 have 481 on average in the
  published table (9 to 3252), 31 of them 788 in a later one;
* with N as its power 2.5: 90 in four glasses of N = 500 (config/demo.yaml: 19, 95, 43, 202);
* with the temperature of the dynamics as its power 8: config/test.yaml (14 and 31), N = 200.

Glasses prepared alike differ by a factor of ten and more, so that the estimate of a run of few
glasses may be wrong by a factor of three either way. Other models are anchored at
config/kob-andersen.yaml, 43 minima after 480 quenches (17 to 89 in six glasses).
"""

from __future__ import annotations

import glob
from dataclasses import dataclass
from pathlib import Path

from tlsfind.config import Config, GlassGroup

ANCHOR_MINIMA, ANCHOR_TIME, ANCHOR_N, ANCHOR_T_F, ANCHOR_T = 7536.0, 20000.0, 1500, 0.092, 0.04
TIME_POWER, N_POWER, T_F_POWER, T_POWER = 0.6, 2.5, 12.8, 8.0
OTHER_MINIMA, OTHER_QUENCHES, OTHER_N = 43.0, 480.0, 300

#: Mean square of the number of minima of a glass over its squared mean: 4.0 (T_f = 0.07), 1.2
#: (0.092), 1.5 (demo). Pairs are many in few glasses.
SPREAD = 2.0
#: The fullest of many glasses over the mean: 6.8 (T_f = 0.07), 1.5 (0.092), 2.4 (demo).
FULLEST = 3.0
#: The factor by which the estimate may be wrong either way.
UNCERTAIN = 3.0

#: Bytes of one particle's line in a text dump, and by how much gzip makes it smaller.
_FRAME_LINE, _GZIP = 50.0, 3.0


@dataclass(frozen=True)
class Pool:
    """Minima of a run.

    Attributes:
        glasses: number of glasses.
        minima: of one glass, mean.
        fullest: of the fullest glass.
        pairs: of all glasses together.
        estimated: whether these are guesses of this module.
    """

    glasses: int
    minima: float
    fullest: float
    pairs: float
    estimated: bool

    @property
    def total_minima(self) -> float:
        """Minima of all glasses together."""
        return self.glasses * self.minima


def pool(config: Config, minima_per_glass: int | None = None) -> Pool:
    """Minima and pairs of a run.

    Args:
        config: the run.
        minima_per_glass: as known of every glass; None: estimated.
    """
    glasses = len(config.glass_names)
    if minima_per_glass is not None:
        n = float(minima_per_glass)
        return Pool(glasses, n, n, glasses * n * (n - 1.0) / 2.0, estimated=False)
    counts = [(group.count, minima(config, group)) for group in config.glasses]
    mean = sum(count * n for count, n in counts) / glasses
    pairs = sum(count * n * (n - 1.0) / 2.0 * SPREAD for count, n in counts)
    fullest = max(
        min(n * FULLEST, max(quenches(config, group), 2.0))
        for (_, n), group in zip(counts, config.glasses, strict=True)
    )
    return Pool(glasses, mean, fullest, pairs, estimated=True)


def minima(config: Config, group: GlassGroup) -> float:
    """The estimated number of minima of a glass of ``group``; at least 2."""
    explore, n = config.explore, config.model.n_particles
    found = quenches(config, group)
    if config.model.lammps is not None or group.frames is not None:
        guess = OTHER_MINIMA * (found / OTHER_QUENCHES) ** TIME_POWER * n / OTHER_N
    else:
        time = explore.trajectories * explore.steps * explore.time_step
        guess = (
            ANCHOR_MINIMA
            * (time / ANCHOR_TIME) ** TIME_POWER
            * (n / ANCHOR_N) ** N_POWER
            * (min(group.preparation_temperature, ANCHOR_T_F) / ANCHOR_T_F) ** T_F_POWER
            * (explore.temperature / ANCHOR_T) ** T_POWER
        )
    return max(min(guess, found), 2.0)


def quenches(config: Config, group: GlassGroup) -> float:
    """Quenches of a glass: as configured, or the frames that its files seem to hold."""
    if group.frames is None:
        explore = config.explore
        return float(explore.trajectories * (explore.steps // explore.quench_every))
    return max(frames_bytes(group) / (_FRAME_LINE * config.model.n_particles), 1.0)


def frames_bytes(group: GlassGroup) -> float:
    """Size of the files of own frames, compressed ones as if they were not; 0 if there are none."""
    total = 0.0
    for pattern in group.frames or []:
        for name in glob.glob(pattern, recursive=True):
            file = Path(name)
            packed = file.suffix in (".gz", ".bz2", ".xz")
            total += file.stat().st_size * (_GZIP if packed else 1.0)
    return total
