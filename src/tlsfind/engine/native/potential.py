"""The pair potential of the paper (Eq. 2): polydisperse, non-additive, purely repulsive.

v(x) / eps = x^-12 + c0 + c2 x^2 + c4 x^4 with x = r / sigma_ij, zero beyond x_c = 1.25; the
coefficients make v, v' and v'' continuous there.
sigma_ij = (s_i + s_j) / 2 * (1 - 0.2 |s_i - s_j|).
Everything is a function of the squared distance, so no square root is ever taken.
"""

from __future__ import annotations

from numba import njit

from tlsfind.kernels import FAST

CUTOFF = 1.25
CUTOFF2 = CUTOFF**2
C0 = -28.0 / CUTOFF**12
C2 = 48.0 / CUTOFF**14
C4 = -21.0 / CUTOFF**16
NON_ADDITIVITY = 0.2


@njit(inline="always", fastmath=FAST)
def mixed_diameter(a, b):
    """sigma_ij of two diameters (paper, IV.A); of arrays of them through ``py_func``."""
    return 0.5 * (a + b) * (1.0 - NON_ADDITIVITY * abs(a - b))


@njit(inline="always", fastmath=FAST)
def pair_energy(x2: float) -> float:
    """V / eps at x^2 = (r / sigma_ij)^2 inside the cutoff."""
    inverse = 1.0 / x2
    inverse3 = inverse * inverse * inverse
    return inverse3 * inverse3 + C0 + x2 * (C2 + C4 * x2)


@njit(inline="always", fastmath=FAST)
def pair_force(x2: float) -> float:
    """-(dv / dr) sigma_ij^2 / r at x^2; times r_vec / sigma_ij^2 it is the force."""
    inverse = 1.0 / x2
    inverse3 = inverse * inverse * inverse
    return 12.0 * inverse3 * inverse3 * inverse - 2.0 * C2 - 4.0 * C4 * x2
