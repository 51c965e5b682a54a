"""Numba kernels for energies and forces over a neighbour list."""

from __future__ import annotations

from tlsfind.engine.native.potential import CUTOFF2, pair_energy, pair_force
from tlsfind.kernels import kernel


@kernel
def energy_forces(positions, shifts, start, neighbour, inverse, shift, forces):
    """Energy of one configuration; fills ``forces``.

    Args:
        positions: (N, 3).
        shifts: (27, 3) periodic shifts.
        start, neighbour, inverse, shift: the list, see ``neighbours``.
        forces: (N, 3), overwritten.
    """
    n = len(positions)
    energy = 0.0
    forces[:] = 0.0
    for i in range(n):
        xi = positions[i, 0]
        yi = positions[i, 1]
        zi = positions[i, 2]
        fx = 0.0
        fy = 0.0
        fz = 0.0
        for k in range(start[i], start[i + 1]):
            j = neighbour[k]
            s = shift[k]
            dx = positions[j, 0] - xi + shifts[s, 0]
            dy = positions[j, 1] - yi + shifts[s, 1]
            dz = positions[j, 2] - zi + shifts[s, 2]
            x2 = (dx * dx + dy * dy + dz * dz) * inverse[k]
            if x2 < CUTOFF2:
                energy += pair_energy(x2)
                f = pair_force(x2) * inverse[k]
                fx -= f * dx
                fy -= f * dy
                fz -= f * dz
                forces[j, 0] += f * dx
                forces[j, 1] += f * dy
                forces[j, 2] += f * dz
        forces[i, 0] += fx
        forces[i, 1] += fy
        forces[i, 2] += fz
    return energy
