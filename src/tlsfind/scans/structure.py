"""Bond-orientational parameters and diameters of the particles that move most (S2; checklist 30).

Averaged parameters of Lechner and Dellago (J. Chem. Phys. 129, 114707 (2008)) with the neighbours
of the Voronoi tessellation, all neighbours alike, by the library freud, which is not among the
dependencies: ``pip install tlsfind[freud]``. For particle i with N_b(i) neighbours

    q_lm(i) = 1 / N_b(i) sum_j Y_lm(r_ij),
    Q_lm(i) = 1 / (N_b(i) + 1) (q_lm(i) + sum_j q_lm(j)),
    q_l(i) = sqrt(4 pi / (2 l + 1) sum_m |Q_lm(i)|^2).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tlsfind import matching, tables
from tlsfind.config import Model
from tlsfind.errors import InputError
from tlsfind.learn import labelled as labelled_table
from tlsfind.learn.labelled import Labelled
from tlsfind.pairs.keys import KEYS
from tlsfind.progress import progress
from tlsfind.scans.particles import of_glasses
from tlsfind.tables_scans import BOND_DEGREES

_NAME = re.compile(r"q(\d+)_([ab])")


def bond_order(
    positions: np.ndarray, box: float, degrees: Sequence[int] = BOND_DEGREES
) -> np.ndarray:
    """q_l of every particle, shape (N, len(degrees)).

    Args:
        positions: shape (N, 3).
        box: edge of the cubic box.
        degrees: l, each at least 1.

    Raises:
        InputError: the library freud is not installed, or the box is so small that a neighbour is
            more than half of it away, which freud takes for a nearer image.
    """
    try:
        import freud
    except ImportError:
        raise InputError(
            "bond-orientational parameters need the package freud-analysis, which is not "
            "installed: pip install 'tlsfind[freud]'"
        ) from None
    system = (freud.box.Box.cube(box), np.ascontiguousarray(positions - 0.5 * box, np.float32))
    system[0].wrap(system[1], out=system[1])
    voronoi = freud.locality.Voronoi().compute(system)
    longest = float(np.abs(voronoi.nlist.vectors).max())
    if longest >= 0.5 * box:
        raise InputError(
            f"a Voronoi neighbour is {longest:.3g} away along an axis of a box of {box:.3g}, "
            "expected less than half the box: too few particles"
        )
    steinhardt = freud.order.Steinhardt(l=list(degrees), average=True)
    values = steinhardt.compute(system, neighbors=voronoi.nlist).particle_order
    return np.asarray(values, dtype=np.float64).reshape(len(positions), len(degrees))


def movers(
    a: np.ndarray, b: np.ndarray, box: float, particles: int, types: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers in ``a`` and in ``b`` of the particles that move most, each (particles,).

    Args:
        a: (N, 3) positions of one minimum.
        b: (N, 3) positions of the other.
        box: edge of the cubic box.
        particles: M.
        types: (N,) types, particles of one being identical, or None: all differ.
    """
    order, moves = matching.match(a, b, box, types)
    most = np.argsort(-np.einsum("ij,ij->i", moves, moves), kind="stable")[:particles]
    return most, np.asarray(order)[most]


def collect(table: Labelled, landscapes: Path, model: Model | None = None) -> pd.DataFrame:
    """Table "structure" of labelled pairs: a row for each pair and each of the M particles.

    Args:
        table: the pairs.
        landscapes: folder ``landscape`` of the run.
        model: of the run, which knows what particles are identical; None: all differ.

    Raises:
        InputError: minima are missing, or freud is not installed.
    """
    count = len(table.frame)
    values = np.full((count, table.particles, len(BOND_DEGREES), 2), np.nan)
    diameters = np.full((count, table.particles), np.nan)
    with progress(len(np.unique(table.glasses)), "structure: glasses") as advance:
        for rows, minima, a, b in of_glasses(table, landscapes):
            types = None if model is None else model.identical(minima.types)
            moved = np.empty((2, len(rows), table.particles), dtype=np.int64)
            for k in range(len(rows)):
                ends = np.array(minima.positions[a[k]]), np.array(minima.positions[b[k]])
                moved[:, k] = movers(*ends, minima.box, table.particles, types)
            diameters[rows] = minima.diameters[moved[0]]
            for minimum in np.unique(np.concatenate([a, b])):
                found = bond_order(np.array(minima.positions[minimum]), minima.box)
                for end, place in enumerate((a, b)):
                    here = np.flatnonzero(place == minimum)
                    values[rows[here], :, :, end] = found[moved[end, here]]
            advance()
    frame = table.frame[KEYS].loc[table.frame.index.repeat(table.particles)]
    columns = {
        f"q{degree}_{side}": values[:, :, i, end].ravel()
        for i, degree in enumerate(BOND_DEGREES)
        for end, side in enumerate("ab")
    }
    particle = np.tile(np.arange(1, table.particles + 1), count)
    return frame.reset_index(drop=True).assign(
        particle=particle, diameter=diameters.ravel(), **columns
    )


def write(
    labelled: Path, landscapes: Path, output: Path, model: Model | None = None, seed: int = 0
) -> pd.DataFrame:
    """Write table "structure" of the pairs of a labelled table.

    Raises:
        InputError: as for :func:`collect` and :func:`tlsfind.learn.labelled.read`.
    """
    frame = collect(labelled_table.read(labelled), landscapes, model)
    tables.write(frame, output, tables.stamped(tables.schema("structure"), "", seed))
    return frame


def as_features(structure: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Features of pairs from table "structure": diameters, q_l in both minima, their differences.

    Args:
        structure: the table.
        pairs: keys of n pairs.

    Returns:
        Shape (n, M (1 + 33)): ``diameter_i``, ``q{l}_a_i``, ``q{l}_b_i``, ``q{l}_change_i``.

    Raises:
        InputError: a pair is not in the table.
    """
    made = structure.copy()
    for name in structure.columns:
        found = _NAME.fullmatch(name)
        if found and found[2] == "a":
            other = structure[f"q{found[1]}_b"]
            made[f"q{found[1]}_change"] = other - structure[name]
    particles = [rows.set_index(KEYS) for _, rows in made.groupby("particle")]
    flat = pd.concat(
        [
            rows.drop(columns="particle").add_suffix(f"_{rows['particle'].iloc[0]}")
            for rows in particles
        ],
        axis=1,
    )
    wanted = pd.MultiIndex.from_frame(pairs[KEYS])
    missing = ~wanted.isin(flat.index)
    if missing.any():
        first = ", ".join(str(value) for value in wanted[missing][0])
        raise InputError(
            f"{missing.sum()} labelled pairs are not in the table of structures, the first is "
            f"{first}: make it of this labelled table with `tlsfind structure`"
        )
    return flat.loc[wanted].reset_index(drop=True)
