"""Columns of the tables of the scans (:mod:`tlsfind.scans`)."""

from __future__ import annotations

import pyarrow as pa

Columns = list[tuple[str, pa.DataType, str]]

#: Between the names of features that were added at once.
JOIN = " + "

#: Degrees l of the bond-orientational parameters (paper, S2).
BOND_DEGREES = tuple(range(2, 13))


def scan_tables(keys: Columns) -> dict[str, Columns]:
    """Columns of these tables by name; ``keys`` are those of a pair."""
    return {
        "scan": [
            (
                "scan",
                pa.string(),
                "`leaderboard`, `particles`, `size`, `rounds`, `importance` or `features`",
            ),
            ("preparation_temperature", pa.float64(), "T_f of the pairs"),
            ("model", pa.string(), "`classifier` or `predictor`"),
            (
                "variant",
                pa.string(),
                "leaderboard: kind of model; features: `all` or `without` (Delta "
                "E, T_ab, T_ba); else empty",
            ),
            ("value", pa.float64(), "M, training pairs, boosting rounds or number of features"),
            ("feature", pa.string(), "features: those added last, joined by ` + `; else empty"),
            (
                "split",
                pa.string(),
                "pairs held out at random (`row`) or by whole glasses (`glass`)",
            ),
            ("repeat", pa.int32(), "number of the repetition, from 0"),
            ("training_pairs", pa.int32(), "pairs trained on (predictor: double wells)"),
            ("training_glasses", pa.int32(), "glasses of these"),
            ("pairs", pa.int32(), "pairs held out, on which the scores are taken"),
            ("accuracy", pa.float64(), "classifier: share on the right side of probability 1/2"),
            ("balanced_accuracy", pa.float64(), "mean of that of double wells and of others"),
            ("log_loss", pa.float64(), "mean of -ln of the probability given to the true class"),
            ("r2_log", pa.float64(), "predictor: 1 - squared error / variance, of log10 E_qs"),
            ("r2", pa.float64(), "the same of E_qs"),
            ("r_log", pa.float64(), "Pearson's r of exact and predicted log10 E_qs"),
            ("r", pa.float64(), "the same of E_qs"),
            ("rmse_log", pa.float64(), "rms difference of log10 E_qs, decades"),
            ("seconds", pa.float64(), "wall time of the training; not reproducible"),
            ("time_limit_struck", pa.bool_(), "whether learn.time_limit cut the training short"),
            ("note", pa.string(), "why scores are null, or what was done otherwise; or empty"),
        ],
        "scan_points": [
            ("preparation_temperature", pa.float64(), "T_f of the pairs"),
            ("variant", pa.string(), "kind of model"),
            ("split", pa.string(), "as in table scan"),
            ("repeat", pa.int32(), "as in table scan"),
            *keys,
            ("exact", pa.float64(), "exact E_qs of a held-out double well"),
            ("predicted", pa.float64(), "predicted E_qs"),
        ],
        "scan_importance": [
            ("preparation_temperature", pa.float64(), "T_f of the pairs"),
            ("repeat", pa.int32(), "as in table scan"),
            ("model", pa.string(), "`classifier` or `predictor`"),
            ("feature", pa.string(), "name of the feature"),
            ("rank", pa.int32(), "place by mean_abs_shap in this repetition, 1 the most important"),
            ("mean_abs_shap", pa.float64(), "mean over the explained pairs of |Shapley value|"),
            ("direction", pa.float64(), "rank correlation of feature and Shapley value, or null"),
            ("score", pa.string(), "as in table importance; of pairs that were held out"),
            ("score_value", pa.float64(), "the score with all features as they are"),
            ("drop_mean", pa.float64(), "how much worse it is with the feature shuffled"),
            ("drop_std", pa.float64(), "standard deviation of that over the shuffles"),
            ("pairs", pa.int32(), "number of pairs that were scored"),
        ],
        "scan_shap": [
            ("preparation_temperature", pa.float64(), "T_f of the pairs"),
            ("model", pa.string(), "`classifier` or `predictor`"),
            *keys,
            ("feature", pa.string(), "name of the feature"),
            ("value", pa.float64(), "value of the feature"),
            ("shap", pa.float64(), "Shapley value, of a held-out pair, first repetition"),
            ("base", pa.float64(), "mean prediction over the background"),
            ("prediction", pa.float64(), "prediction of the pair"),
        ],
        "structure": [
            *keys,
            ("particle", pa.int32(), "place of the particle by its displacement, 1 to M"),
            ("diameter", pa.float64(), "its diameter"),
            *(
                (
                    f"q{degree}_{end}",
                    pa.float64(),
                    f"averaged bond-orientational parameter q_{degree} in minimum {end}",
                )
                for degree in BOND_DEGREES
                for end in "ab"
            ),
        ],
    }
