"""The numbers that the paper prints and that the published tables can check.

Source: Ciarella et al., Nat. Commun. 14, 4229 (2023), by section, figure or table.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Temperature:
    """Numbers of one preparation temperature; None where the paper prints none.

    Args:
        tls: TLS of the iterative run, Argon units (Table I).
        paths: its NEBs (Table I).
        tls_nip: TLS, NiP units (Table I).
        paths_nip: NEBs of that (Table I).
        standard_tls: TLS of the standard procedure, Argon (Table I).
        standard_paths: its NEBs, min(T_ab, T_ba) >= 4 (Table I).
        library: pairs of the library of the standard procedure (II.B).
        n_0: plateau of n(E)/E, eps^-1 sigma^-3 (II.D, Fig. 4b).
        n_0_ev: the same, power of ten of it in eV^-1 cm^-3.
        glasses: glasses prepared (IV.B).
        glasses_fig4c: glasses of Fig. 4c.
        rate: TLS over NEBs of the iterative run (II.C).
        standard_rate: the same of the standard procedure (II.C).
    """

    tls: int
    paths: int
    tls_nip: int
    paths_nip: int
    standard_tls: int
    standard_paths: int
    library: int
    n_0: float
    n_0_ev: float
    glasses: int
    glasses_fig4c: int
    rate: float
    standard_rate: float


TEMPERATURES: dict[float, Temperature] = {
    0.062: Temperature(
        156, 2500, 59, 2000, 61, 14202, 14202, 0.67, 1e23, 200, 237, 62e-3, 4e-3
    ),
    0.07: Temperature(
        1057, 5000, 152, 4000, 291, 21109, 23535, 4.47, 1e24, 50, 30, 211e-3, 13e-3
    ),
    0.092: Temperature(
        776, 4000, 123, 6000, 245, 30920, 117370, 25.14, 1e25, 5, 5, 194e-3, 8e-3
    ),
}  # fmt: skip

#: Letters of the panels of Fig. 3 a-c.
PANELS = {0.062: "a", 0.07: "b", 0.092: "c"}

#: Least accuracy of the double-well classifier (IV.F, S1).
ACCURACY = 0.95

#: Largest share of non-double wells among the picked pairs after the first retraining (S3, 0.062).
OTHERS = 0.3

#: Least share of the TLS predicted below twice the threshold (Fig. 4a, T_f = 0.062).
RECALL_TWICE = 0.95

#: Multiples of the threshold with a line in Fig. 4a.
LINES = (1.0, 2.0, 5.0)

#: Largest displacement of a particle of a TLS, over its size (Discussion).
DISPLACEMENT = (0.3, 0.9)

#: Features by mean absolute Shapley value (Table S1; T_f = 0.062), the most important first.
RANKING: dict[str, list[str]] = {
    "classifier": [
        "transitions_ab", "transitions_ba", "displacement_3", "distance_1_3", "distance_1_2",
        "total_displacement", "displacement_1", "delta_e", "participation_ratio", "displacement_2",
    ],
    "predictor": [
        "delta_e", "displacement_1", "total_displacement", "displacement_2", "distance_1_2",
        "distance_1_3", "displacement_3", "transitions_ab", "transitions_ba",
        "participation_ratio",
    ],
}  # fmt: skip
