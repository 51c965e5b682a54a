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
        perpendicular: (P, D), filled; 0 at the ends. It may be ``forces``.
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
    """Fill ``moved`` (Q, D) with Q images at equal arc length along the path ``images`` (P, D).

    Each is the cubic through the four nearest images on either side, in arc length.
    """
    count, size = images.shape
    wanted = len(moved)
    moved[0] = images[0]
    moved[wanted - 1] = images[count - 1]
    segment = 0
    weights = np.empty(4)
    for p in range(1, wanted - 1):
        target = lengths[count - 1] * p / (wanted - 1)
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
def damped_step(images, velocities, forces, time_step, largest_move, mixing, start, decay, lengths):
    """One step of damped dynamics of each image: one that runs against its force is stopped.

    With ``mixing`` > 0 the velocity is turned towards the force before (FIRE: Bitzek et al., Phys.
    Rev. Lett. 97, 170201 (2006)), for each image on its own.

    Args:
        images, velocities: (P, D), advanced in place.
        forces: (P, D), perpendicular.
        time_step: dt.
        largest_move: cap on the displacement (norm over D) of an image.
        mixing: (P,) share of the direction of the force in the velocity, changed in place.
        start: of ``mixing``, for an image that was stopped; 0 for plain damped dynamics.
        decay: factor of ``mixing`` in each step of an image that runs on.
        lengths: (P,), filled with the cumulative length along the path after the step.
    """
    count, size = images.shape
    lengths[0] = 0.0
    for p in range(1, count):
        if p < count - 1:
            power = 0.0
            motion = 0.0
            total = 0.0
            for d in range(size):
                f, v = forces[p, d], velocities[p, d]
                power += f * v
                motion += v * v
                total += f * f
            keep = 0.0
            gain = time_step
            if power > 0.0:
                keep = 1.0 - mixing[p]
                gain += mixing[p] * np.sqrt(motion / total)
                mixing[p] *= decay
            else:
                mixing[p] = start
            square = keep * keep * motion + 2.0 * keep * gain * power + gain * gain * total
            move = time_step * np.sqrt(square)
            scale = time_step if move <= largest_move else time_step * largest_move / move
            for d in range(size):
                v = keep * velocities[p, d] + gain * forces[p, d]
                velocities[p, d] = v
                images[p, d] += scale * v
        square = 0.0
        for d in range(size):
            square += (images[p, d] - images[p - 1, d]) ** 2
        lengths[p] = lengths[p - 1] + np.sqrt(square)


@kernel
def unevenness(lengths):
    """Largest relative deviation of a spacing from the mean; infinite if two images coincide."""
    count = len(lengths) - 1
    mean = lengths[count] / count
    worst = 0.0
    for p in range(count):
        spacing = lengths[p + 1] - lengths[p]
        if not spacing > 0.0:
            return np.inf
        worst = max(worst, abs(spacing / mean - 1.0))
    return worst
