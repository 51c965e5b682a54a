"""Numba kernels of the path solver.

A path is an array (P, D) of P images with D = 3 N coordinates.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tlsfind.kernels import kernel


@njit(inline="always")
def _tangent_weights(before, here, after):
    """Weights of the forward and the backward difference in the tangent of an image.

    Uphill difference only, except around an extremum (Henkelman and Jonsson, J. Chem. Phys. 113,
    9978 (2000), Eqs. 8 to 11).
    """
    rise, fall = after - here, here - before
    if rise > 0.0 and fall > 0.0:
        return 1.0, 0.0
    if rise < 0.0 and fall < 0.0:
        return 0.0, 1.0
    large, small = max(abs(rise), abs(fall)), min(abs(rise), abs(fall))
    if large == 0.0:
        return 1.0, 1.0
    if after > before:
        return large, small
    return small, large


@kernel
def perpendicular_forces(images, energies, forces, perpendicular, norms):
    """Fill the forces perpendicular to the path, and their norms, for the inner images.

    Args:
        images, forces: (P, D).
        energies: (P,).
        perpendicular: (P, D), filled; 0 at the ends.
        norms: (P,), filled; 0 at the ends.
    """
    count, size = images.shape
    perpendicular[0] = 0.0
    perpendicular[count - 1] = 0.0
    norms[:] = 0.0
    for p in range(1, count - 1):
        ahead, behind = _tangent_weights(energies[p - 1], energies[p], energies[p + 1])
        here = behind - ahead
        along = 0.0
        square = 0.0
        for d in range(size):
            t = ahead * images[p + 1, d] + here * images[p, d] - behind * images[p - 1, d]
            along += t * forces[p, d]
            square += t * t
        factor = along / square if square > 0.0 else 0.0
        total = 0.0
        for d in range(size):
            t = ahead * images[p + 1, d] + here * images[p, d] - behind * images[p - 1, d]
            f = forces[p, d] - factor * t
            perpendicular[p, d] = f
            total += f * f
        norms[p] = np.sqrt(total)


@kernel
def arc_lengths(images):
    """Cumulative length (P,) along the straight pieces between images."""
    count, size = images.shape
    lengths = np.zeros(count)
    for p in range(1, count):
        square = 0.0
        for d in range(size):
            square += (images[p, d] - images[p - 1, d]) ** 2
        lengths[p] = lengths[p - 1] + np.sqrt(square)
    return lengths


@kernel
def redistribute(images, lengths, moved):
    """Fill ``moved`` (P, D) with images at equal arc length.

    Each is the cubic through the four nearest images on either side, in arc length.
    """
    count, size = images.shape
    moved[0] = images[0]
    moved[count - 1] = images[count - 1]
    segment = 0
    weights = np.empty(4)
    for p in range(1, count - 1):
        target = lengths[count - 1] * p / (count - 1)
        while segment < count - 2 and lengths[segment + 1] < target:
            segment += 1
        first = min(max(segment - 1, 0), count - 4)
        for a in range(4):
            weight = 1.0
            for b in range(4):
                if a != b:
                    weight *= (target - lengths[first + b]) / (
                        lengths[first + a] - lengths[first + b]
                    )
            weights[a] = weight
        for d in range(size):
            moved[p, d] = (
                weights[0] * images[first, d]
                + weights[1] * images[first + 1, d]
                + weights[2] * images[first + 2, d]
                + weights[3] * images[first + 3, d]
            )


@kernel
def damped_step(images, velocities, forces, time_step, largest_move):
    """One step of damped dynamics: an image that runs against its force is stopped.

    Args:
        images, velocities: (P, D), advanced in place.
        forces: (P, D), perpendicular.
        time_step: dt.
        largest_move: cap on the displacement (norm over D) of an image.
    """
    count, size = images.shape
    for p in range(1, count - 1):
        power = 0.0
        for d in range(size):
            power += forces[p, d] * velocities[p, d]
        keep = 1.0 if power > 0.0 else 0.0
        square = 0.0
        for d in range(size):
            v = keep * velocities[p, d] + time_step * forces[p, d]
            velocities[p, d] = v
            square += v * v
        move = time_step * np.sqrt(square)
        scale = time_step if move <= largest_move else time_step * largest_move / move
        for d in range(size):
            images[p, d] += scale * velocities[p, d]
