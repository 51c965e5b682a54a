"""Permutations of identical particles: which particle of one minimum is which of another.

Particles of one type are identical. The displacements between two minima a and b are those of the
assignment, within every type, that has the smallest sum of squares, in minimum image and freed of
a common translation:

    d^2 = min over permutations P within the types of sum_i |b_P(i) - a_i - t|^2 ,

t the mean of b_P(i) - a_i. It does not depend on how identical particles are numbered in either
minimum, and is the same from b to a. How it is found:

1. By number first. If every particle of a type moved less than half the smallest distance l between
   two particles of that type in a, the numbers are right already: for another site j,
   |b_i - a_j| >= |a_i - a_j| - |b_i - a_i| > l - l/2 > |b_i - a_i|, so every b_i has its own site
   as the nearest one, every term of the sum is as small as it can be, and so is the sum. Nearly
   all pairs end here.
2. Otherwise the particles beyond that bound are looked at, and those that a closed chain of
   exchanges may reach from them (``matching_kernel.improvable``). Often this proves that the
   numbers are right.
3. The assignment problem of these particles alone is solved (SciPy), and 2 is repeated until it
   gives the proof; if they are many, that of the whole type. Either way the result is the best
   assignment of all particles, chains through particles that moved little included.

The translation. For a given choice of periodic images, the sum of b_P(i) - a_i over the particles
of a type does not depend on P, so the best P does not depend on t, and t need only be good enough
to tell the images. It is taken from the numbers: the mean over the particles that keep their place
about the circular mean of all, in which no single particle (not even the first, the reference of
``configuration.displacements``) has a say. If less than half of the particles keep their place
(frames that are numbered anew), t is also taken from the peak of the correlation of both
densities, which needs no numbers, and the smaller d counts. t is taken again from the
matched displacements until it stays.

A chain of exchanges that winds once around the box of edge L comes with a translation that is L/N
away. Its steps r_k add up to L, each at least l, so their squares add up to R^2 >= L l; it changes
the sum of squares by at least R (R - 2 d) and gains at most L^2 / N by the translation. With d
below about sqrt(L l) / 2 it is never better (1.3 for 500 particles at density 1.2). Beyond, of two
assignments that differ in this way the one that the translation above leads to is taken.

References: Kuhn, Naval Research Logistics Quarterly 2, 83 (1955); Crouse, IEEE Transactions on
Aerospace and Electronic Systems 52, 1679 (2016), the algorithm in SciPy; Wales, Energy Landscapes
(2003), section 4.1, on permutational isomers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tlsfind import configuration, matching_kernel
from tlsfind.configuration import checked_types, minimum_image
from tlsfind.errors import InputError

ROUNDS = (0, 2, 16, 128)  # of `improvable`: few find the chains, more the proof that none is left
LARGEST_PART = 0.5  # share of a type beyond which its whole assignment problem is solved
RELATIVE_TOLERANCE = 1e-12  # of the squared box edge: changes of squared distances below are noise
FINEST_GRID = 64  # cells along an edge for the correlation of densities
REPEATS = 5  # assignments with t taken from the one before


@dataclass(frozen=True)
class Species:
    """Particles by type.

    Attributes:
        members: (N,) particles sorted by type.
        starts: (T + 1,) where each type begins in ``members``.
    """

    members: np.ndarray
    starts: np.ndarray

    @classmethod
    def of(cls, types: np.ndarray, count: int) -> Species:
        """Group ``count`` particles by their ``types`` (N,).

        Raises:
            InputError: not ``count`` integers from 1.
        """
        checked = checked_types(types, count, "identical particles")
        assert checked is not None
        members = np.argsort(checked, kind="stable").astype(np.int64)
        cuts = np.flatnonzero(np.diff(checked[members])) + 1
        return cls(members, np.concatenate([[0], cuts, [count]]).astype(np.int64))

    @cached_property
    def groups(self) -> list[np.ndarray]:
        """The particles of each type."""
        return np.split(self.members, self.starts[1:-1])


def like_distance(positions: np.ndarray, types: np.ndarray, box: float) -> np.ndarray:
    """Smallest distance (T,) between two particles of each type, in the order of the types.

    Args:
        positions: (N, 3) positions.
        types: (N,) types.
        box: edge of the cubic box.

    Returns:
        Distances in minimum image, infinity for a type with a single particle.

    Raises:
        InputError: the types do not fit.
    """
    species = Species.of(types, len(positions))
    return 2.0 * np.sqrt(bounds(positions, species, box))


def displacements(
    a: np.ndarray, b: np.ndarray, box: float, types: np.ndarray | None = None
) -> np.ndarray:
    """Displacements (N, 3) of the particles of ``a`` to where they, or identical ones, are in b.

    Args:
        a: (N, 3) positions of one minimum.
        b: (N, 3) positions of the other.
        box: edge of the cubic box.
        types: (N,) types, or None: all particles differ, ``configuration.displacements``.

    Raises:
        InputError: the shapes differ or the types do not fit.
    """
    return match(a, b, box, types)[1]


def assignment(
    a: np.ndarray, b: np.ndarray, box: float, types: np.ndarray | None = None
) -> np.ndarray:
    """``order`` (N,) such that ``b[order]`` belongs to ``a`` particle by particle.

    Arguments and errors are those of :func:`displacements`.
    """
    return match(a, b, box, types)[0]


def match(
    a: np.ndarray, b: np.ndarray, box: float, types: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """``order`` (N,) and displacements (N, 3) of :func:`assignment` and :func:`displacements`."""
    if types is None:
        return np.arange(len(a)), configuration.displacements(a, b, box)
    a, b = np.ascontiguousarray(a, np.float64), np.ascontiguousarray(b, np.float64)
    if a.shape != b.shape or a.ndim != 2 or a.shape[1] != 3:
        raise InputError(
            f"positions of shapes {a.shape} and {b.shape} cannot be matched, expected the same "
            "(N, 3)"
        )
    species = Species.of(types, len(a))
    limits = bounds(a, species, box)
    plain = configuration.displacements(a, b, box)
    if np.einsum("ij,ij->i", plain, plain).max() <= limits.min():
        return np.arange(len(a)), plain
    found = [
        settled(a, b - a - shift, species, limits, box)
        for shift in _translations(a, b, species, limits, box)
    ]
    return min(found, key=lambda pair: np.linalg.norm(pair[1]))


def bounds(positions: np.ndarray, species: Species, box: float) -> np.ndarray:
    """Squares (T,) of half the smallest distance between like particles, by type."""
    return 0.25 * matching_kernel.like_squares(positions, species.members, species.starts, box)


def settled(
    a: np.ndarray, moves: np.ndarray, species: Species, limits: np.ndarray, box: float
) -> tuple[np.ndarray, np.ndarray]:
    """The best assignment for given displacements by number.

    Args:
        a: (N, 3) positions of one minimum.
        moves: (N, 3) displacements by number; they tell the images and the common translation.
        species: the particles by type.
        limits: (T,) from :func:`bounds` of ``a``.
        box: edge of the cubic box.

    Returns:
        ``order`` (N,) as in :func:`assignment`, and the displacements (N, 3), freed of a common
        translation.
    """
    order = np.arange(len(a))
    for _ in range(REPEATS):
        moves = minimum_image(moves, box)
        for own, limit in zip(species.groups, limits, strict=True):
            _rearrange(a, moves, order, own, limit, box)
        shift = moves.mean(axis=0)
        moves -= shift
        if np.abs(shift).max() < 1e-9 * box:
            break
    return order, moves


def _rearrange(
    a: np.ndarray, moves: np.ndarray, order: np.ndarray, own: np.ndarray, limit: float, box: float
) -> None:
    """Give ``moves`` and ``order`` of the particles ``own`` of one type the best assignment."""
    tolerance = RELATIVE_TOLERANCE * box * box
    attempt = 0
    while True:
        rounds = ROUNDS[attempt]
        chosen = matching_kernel.improvable(a, moves, own, limit, box, rounds, tolerance)
        if not len(chosen):
            return
        whole = len(chosen) > LARGEST_PART * len(own) or rounds == ROUNDS[-1]
        if whole:
            chosen = own
        if not _exchange(a, moves, order, chosen, box, tolerance):
            attempt += 1
        if whole:
            return


def _exchange(
    a: np.ndarray,
    moves: np.ndarray,
    order: np.ndarray,
    chosen: np.ndarray,
    box: float,
    tolerance: float,
) -> bool:
    """Give the particles ``chosen`` the best assignment among themselves; whether it is another."""
    from scipy.optimize import linear_sum_assignment

    if len(chosen) < 2:
        return False
    cost = matching_kernel.costs(a, moves, chosen, box)
    sites, columns = linear_sum_assignment(cost)
    if cost[sites, columns].sum() >= cost.trace() - tolerance:
        return False
    taken = chosen[columns]
    moves[chosen] = minimum_image(a[taken] + moves[taken] - a[chosen], box)
    order[chosen] = order[taken]
    return True


def _translations(
    a: np.ndarray, b: np.ndarray, species: Species, limits: np.ndarray, box: float
) -> list[np.ndarray]:
    """Guesses (3,) of the common translation from ``a`` to ``b``."""
    raw = b - a
    phase = np.exp(2j * np.pi / box * raw).mean(axis=0)
    shift = np.angle(phase) * box / (2.0 * np.pi)
    around = minimum_image(raw - shift, box)
    shortest = limits.min()
    kept = np.einsum("ij,ij->i", around, around) <= shortest
    if kept.any():
        shift = shift + around[kept].mean(axis=0)
        around = minimum_image(raw - shift, box)
        kept = np.einsum("ij,ij->i", around, around) <= shortest
    if 2 * np.count_nonzero(kept) >= len(a):
        return [shift]
    return [shift, _correlation_peak(a, b, species, 2.0 * float(np.sqrt(shortest)), box)]


def _correlation_peak(
    a: np.ndarray, b: np.ndarray, species: Species, spacing: float, box: float
) -> np.ndarray:
    """Translation (3,) at which the densities of all types in ``a`` and ``b`` agree best.

    Densities on a grid of cells a quarter of ``spacing`` wide are correlated by Fourier transforms
    and smoothed with a Gaussian of one cell.
    """
    cells = int(np.clip(np.ceil(4.0 * box / max(spacing, 1e-3 * box)), 8, FINEST_GRID))
    shape = (cells, cells, cells)
    product = np.zeros((cells, cells, cells // 2 + 1), complex)
    for begin, end in zip(species.starts[:-1], species.starts[1:], strict=True):
        own = species.members[begin:end]
        spectra = []
        for positions in (a[own], b[own]):
            cell = np.floor(positions * (cells / box)).astype(np.int64) % cells
            flat = np.ravel_multi_index(tuple(cell.T), shape)
            density = np.bincount(flat, minlength=cells**3).reshape(shape)
            spectra.append(np.fft.rfftn(density))
        product += np.conj(spectra[0]) * spectra[1]
    full = (2.0 * np.pi * np.fft.fftfreq(cells)) ** 2
    half = (2.0 * np.pi * np.fft.rfftfreq(cells)) ** 2
    squares = full[:, None, None] + full[None, :, None] + half[None, None, :]
    correlation = np.fft.irfftn(product * np.exp(-0.5 * squares), shape, axes=(0, 1, 2))
    peak = np.unravel_index(int(np.argmax(correlation)), shape)
    return minimum_image(np.array(peak) * (box / cells), box)
