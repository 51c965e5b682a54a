"""Every table of the project: its columns, and how it is written and read.

Tables are Parquet files (zstd), written and read by :mod:`tlsfind.parquet`, whose functions can be
called from here. Every table carries in its metadata the name and version of its schema, the
tlsfind version, the config hash and the seed.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from tlsfind import __version__
from tlsfind.parquet import BATCH_ROWS as BATCH_ROWS
from tlsfind.parquet import atomic as atomic
from tlsfind.parquet import iter_batches as iter_batches
from tlsfind.parquet import make_folder as make_folder
from tlsfind.parquet import metadata as metadata
from tlsfind.parquet import open_file as open_file
from tlsfind.parquet import read as read
from tlsfind.parquet import read_many as read_many
from tlsfind.parquet import to_arrow as to_arrow
from tlsfind.parquet import write as write
from tlsfind.parquet import writer as writer
from tlsfind.parquet import writing as writing
from tlsfind.tables_scans import scan_tables

SCHEMA_VERSION = 2

STATUSES = (
    "double_well",
    "multiple_wells",
    "single_well",
    "endpoints_identical",
    "not_converged",
    "failed",
)

Columns = list[tuple[str, pa.DataType, str]]

_PAIR_KEYS: Columns = [
    ("glass", pa.string(), "name of the glass"),
    ("minimum_a", pa.int32(), "identifier of the minimum of lower energy"),
    ("minimum_b", pa.int32(), "identifier of the minimum of higher energy"),
]

FIXED: dict[str, Columns] = {
    "glasses": [
        ("glass", pa.string(), "name of the glass"),
        ("preparation_temperature", pa.float64(), "T_f"),
        ("n_particles", pa.int32(), "N"),
        ("temperature", pa.float64(), "kinetic temperature after cooling"),
        ("inherent_energy", pa.float64(), "energy per particle of the cooled glass's minimum"),
        ("equilibrium_inherent_energy", pa.float64(), "mean inherent energy at T_f, second half"),
        ("potential_energy_drift", pa.float64(), "halves' difference over its standard error"),
        ("inherent_energy_drift", pa.float64(), "the same for the inherent-structure energy"),
        ("self_overlap", pa.float64(), "overlap of the end with the start of the second half"),
        (
            "relaxation_blocks",
            pa.float64(),
            "blocks for the self-overlap to fall to 1/e; null: it did not",
        ),
        ("swap_acceptance", pa.float64(), "accepted share of swap attempts"),
        ("equilibrated", pa.bool_(), "verdict; null: the glass was imported and is not judged"),
        ("verdict", pa.string(), "the reasons, in words"),
    ],
    "equilibration": [
        ("glass", pa.string(), "name of the glass"),
        ("block", pa.int64(), "blocks done"),
        ("potential_energy", pa.float64(), "potential energy per particle"),
        ("kinetic_temperature", pa.float64(), "kinetic temperature"),
        ("inherent_energy", pa.float64(), "energy per particle of the quenched liquid, or null"),
        ("self_overlap", pa.float64(), "self-overlap with the configuration at the first row"),
        (
            "self_overlap_half",
            pa.float64(),
            "self-overlap with the one at half time, or null",
        ),
        ("swap_acceptance", pa.float64(), "accepted share of swap attempts since the last row"),
    ],
    "trajectories": [
        ("glass", pa.string(), "name of the glass"),
        ("trajectory", pa.int32(), "number of the trajectory in the glass"),
        ("steps", pa.int64(), "time steps; null: imported without their number"),
        ("temperature", pa.float64(), "mean kinetic temperature"),
        (
            "energy_drift",
            pa.float64(),
            "drift of the energy per particle over the trajectory",
        ),
        ("energy_fluctuation", pa.float64(), "standard deviation of total energy per particle"),
        ("quenches", pa.int32(), "quenches"),
        ("unconverged", pa.int32(), "quenches that missed the force tolerance"),
        (
            "recognised",
            pa.int32(),
            "quenches that ended when the minimum they were going to was recognised",
        ),
        ("evaluations", pa.int64(), "force evaluations of all quenches and of recognition"),
    ],
    "visits": [
        ("glass", pa.string(), "name of the glass"),
        ("trajectory", pa.int32(), "number of the trajectory in the glass"),
        ("step", pa.int64(), "time step of the quench"),
        ("minimum", pa.int32(), "identifier of the minimum; null: the quench did not converge"),
        ("energy", pa.float64(), "total energy of the quenched configuration"),
        ("max_force", pa.float64(), "largest force component of the quenched configuration"),
    ],
    "minima": [
        ("glass", pa.string(), "name of the glass"),
        ("minimum", pa.int32(), "identifier; row of the positions file"),
        ("energy", pa.float64(), "total energy"),
        ("energy_per_particle", pa.float64(), "energy per particle"),
        ("max_force", pa.float64(), "largest force component"),
        ("rank", pa.int32(), "rank by energy, from 1; changes when minima are added"),
        ("visits", pa.int64(), "times visited"),
        ("trajectory", pa.int32(), "trajectory of the first visit"),
        ("step", pa.int64(), "time step of the first visit"),
    ],
    "transitions": [
        ("glass", pa.string(), "name of the glass"),
        ("minimum_from", pa.int32(), "identifier of the earlier minimum"),
        ("minimum_to", pa.int32(), "identifier of the minimum of the next quench"),
        ("count", pa.int64(), "times seen"),
    ],
    "selection": [
        *_PAIR_KEYS,
        (
            "iteration",
            pa.int32(),
            "of the loop; 0: before any model, -1: standard procedure",
        ),
        ("stratum", pa.string(), "why it was picked"),
        ("probability_double_well", pa.float64(), "predicted when picked, or null"),
        ("predicted_splitting", pa.float64(), "E_qs predicted when picked, or null"),
        ("probability_tls", pa.float64(), "of a TLS, predicted when picked, or null"),
    ],
    "predictions": [
        *_PAIR_KEYS,
        ("probability_double_well", pa.float32(), "by the classifier"),
        ("predicted_splitting", pa.float32(), "E_qs if it is a double well"),
        ("splitting_low", pa.float32(), "E_qs of `loop.confidence`: the exact one is rarely lower"),
        ("probability_tls", pa.float32(), "that it is a double well with E_qs below the threshold"),
        ("rescored", pa.bool_(), "predicted by the ensembles; else by the screening models"),
    ],
    "out_of_fold": [
        *_PAIR_KEYS,
        ("is_double_well", pa.bool_(), "exact"),
        ("probability_double_well", pa.float64(), "out-of-fold prediction of the classifier"),
        ("quantum_splitting", pa.float64(), "exact, null unless a double well"),
        ("predicted_splitting", pa.float64(), "out-of-fold prediction, null unless a double well"),
        ("barrier", pa.float64(), "exact, null unless a double well"),
        ("predicted_barrier", pa.float64(), "out-of-fold prediction, null unless a double well"),
    ],
    "verdicts": [
        *_PAIR_KEYS,
        ("is_double_well", pa.bool_(), "exact"),
        ("quantum_splitting", pa.float64(), "exact E_qs, null unless a double well"),
        ("unit_system", pa.string(), "unit system of E_qs"),
    ],
    "history": [
        ("iteration", pa.int32(), "iteration of the loop, 0: the initial batch"),
        ("paths", pa.int64(), "paths of this iteration"),
        ("double_wells", pa.int64(), "double wells of this iteration"),
        ("tls", pa.int64(), "TLS of this iteration"),
        ("total_paths", pa.int64(), "paths so far"),
        ("total_double_wells", pa.int64(), "double wells so far"),
        ("total_tls", pa.int64(), "TLS so far"),
        ("classifier_accuracy", pa.float64(), "out of fold, folds by `learn.split`"),
        ("splitting_r_log", pa.float64(), "Pearson r of log10 E_qs, out of fold, the same"),
        ("barrier_r", pa.float64(), "Pearson r of the barrier, out of fold; null: not trained"),
        ("time_limit_struck", pa.bool_(), "whether training was cut short by the time limit"),
        ("notes", pa.string(), "what was done otherwise than the config says, and why; or empty"),
        ("expected_tls", pa.float64(), "TLS that the models expected in this iteration's batch"),
        ("missing_tls", pa.float64(), "estimate of TLS among the pairs without a path"),
        ("missing_tls_low", pa.float64(), "lower end of its 90 % interval"),
        ("missing_tls_high", pa.float64(), "upper end of its 90 % interval"),
    ],
    "shap": [
        (
            "model",
            pa.string(),
            "`classifier` (P of a double well), `predictor` (-log10 E_qs) or `stability` (T_f)",
        ),
        *_PAIR_KEYS,
        ("feature", pa.string(), "name of the feature, a column of the pairs table"),
        ("value", pa.float64(), "its value for this pair"),
        ("shap", pa.float64(), "its Shapley value, in units of the prediction"),
        ("base", pa.float64(), "mean prediction over the background"),
        ("prediction", pa.float64(), "base plus all Shapley values of the pair"),
    ],
    "importance": [
        ("model", pa.string(), "`classifier` or `predictor`"),
        ("feature", pa.string(), "name of the feature, a column of the pairs table"),
        ("rank", pa.int32(), "place of the feature by mean_abs_shap, 1 is the most important"),
        ("mean_abs_shap", pa.float64(), "mean over the explained pairs of |Shapley value|"),
        (
            "direction",
            pa.float64(),
            "rank correlation of feature and Shapley value, null if one of them is constant",
        ),
        (
            "score",
            pa.string(),
            "`accuracy`, `log_loss` (classifier), `rmse` of log10 E_qs, Pearson's `r` (predictor)",
        ),
        ("score_value", pa.float64(), "the score with all features as they are"),
        (
            "drop_mean",
            pa.float64(),
            "how much worse it is with the feature shuffled; negative: better",
        ),
        ("drop_std", pa.float64(), "standard deviation of that over the shuffles"),
        ("pairs", pa.int32(), "number of pairs that were scored"),
    ],
    "transfer": [
        ("model", pa.string(), "`screen` or `ensemble`"),
        ("training_temperature", pa.float64(), "T_f of the training pairs"),
        ("prediction_temperature", pa.float64(), "T_f of the predicted pairs"),
        (
            "split",
            pa.string(),
            "`other`: all pairs of another T_f; at the same T_f out of fold, by `glass` or `row`",
        ),
        ("training_pairs", pa.int32(), "pairs at the training temperature"),
        ("training_double_wells", pa.int32(), "double wells among them"),
        ("training_tls", pa.int32(), "TLS among them"),
        ("training_glasses", pa.int32(), "glasses at the training temperature"),
        ("pairs", pa.int32(), "pairs at the prediction temperature"),
        ("double_wells", pa.int32(), "double wells among them"),
        ("tls", pa.int32(), "TLS among them"),
        ("accuracy", pa.float64(), "share of the pairs that the classifier gets right"),
        (
            "r_log",
            pa.float64(),
            "Pearson's r of predicted and exact log10 E_qs of the double wells",
        ),
        ("rmse_log", pa.float64(), "rms difference of predicted and exact log10 E_qs, decades"),
        (
            "average_precision_tls",
            pa.float64(),
            "of TLS among the double wells by predicted E_qs; null without TLS",
        ),
        ("note", pa.string(), "why scores are null, or empty"),
    ],
    **scan_tables(_PAIR_KEYS),
    "validation": [
        (
            "what",
            pa.string(),
            "of a minimum: `energy` (per particle), `force`, `displaced_force` (after a short "
            "trajectory), `quench`; of a path: `verdict`, `barrier`, `quantum_splitting`",
        ),
        ("glass", pa.string(), "name of the glass"),
        ("minimum_a", pa.int32(), "the minimum, or the lower one of the pair"),
        ("minimum_b", pa.int32(), "the higher minimum of the pair; null for a minimum"),
        (
            "value",
            pa.float64(),
            "of the run or its engine; of forces the largest component, of a quench the energy, "
            "of a verdict the number of wells",
        ),
        ("reference", pa.float64(), "the same by LAMMPS, null if it has none"),
        (
            "difference",
            pa.float64(),
            "absolute; of forces the largest of a component, of a quench the total displacement d "
            "between both ends, of a verdict 0 (the same) or 1, of E_qs relative; null: failed",
        ),
        ("tolerance", pa.float64(), "largest difference allowed"),
        ("within", pa.bool_(), "whether the difference is within the tolerance"),
        ("seconds", pa.float64(), "time of the check; not reproducible"),
        ("message", pa.string(), "what went wrong, or empty"),
    ],
    "convergence": [
        *_PAIR_KEYS,
        ("stratified", pa.bool_(), "of the sample that is stratified by E_qs"),
        ("random", pa.bool_(), "of the sample drawn without a look at E_qs"),
        ("run_splitting", pa.float64(), "E_qs that the run found"),
        ("images", pa.int32(), "images of the path, ends included"),
        ("force_tolerance", pa.float64(), "perpendicular force to which it was relaxed"),
        ("status", pa.string(), "as in the paths table"),
        ("iterations", pa.int32(), "iterations of the path solver"),
        ("final_force", pa.float64(), "largest perpendicular force of an image at the end"),
        ("barrier", pa.float64(), "saddle energy minus energy of a; null unless a double well"),
        ("path_length", pa.float64(), "length of the path between the minima"),
        ("quantum_splitting", pa.float64(), "E_qs at this level; null unless a double well"),
        ("unit_system", pa.string(), "unit system of E_qs"),
    ],
    "jobs": [
        ("stage", pa.string(), "the command"),
        ("item", pa.string(), "what it worked on, or empty"),
        (
            "status",
            pa.string(),
            "`done`, `failed`, `running`, or `lost`: killed, no sign of life any more",
        ),
        ("host", pa.string(), "name of the machine"),
        ("pid", pa.int64(), "process"),
        ("slurm_job", pa.string(), "number of the Slurm job, or empty"),
        ("started", pa.string(), "begin, ISO 8601, UTC"),
        ("updated", pa.string(), "last sign of life, the same"),
        ("wall_seconds", pa.float64(), "from the begin to the last sign of life"),
        ("cpu_seconds", pa.float64(), "processor time of the process and its children"),
        ("max_rss_mb", pa.float64(), "largest memory of the process or of a child, MiB"),
        ("done", pa.int64(), "units of progress done"),
        ("total", pa.int64(), "units of progress in all, 0 if none were reported"),
        ("version", pa.string(), "of tlsfind"),
        ("config_hash", pa.string(), "of the config in force, or empty"),
        ("seed", pa.int64(), "`run.seed`"),
        ("message", pa.string(), "why it failed, or empty"),
    ],
    "candidates": [
        ("glass", pa.string(), "name of the glass"),
        ("minimum_a", pa.int32(), "the pair on whose path it was found"),
        ("minimum_b", pa.int32(), "the pair on whose path it was found"),
        ("image", pa.int32(), "image of the path that was quenched"),
        ("energy", pa.float64(), "total energy"),
        ("max_force", pa.float64(), "largest force component"),
        ("positions", pa.list_(pa.float64()), "3 N coordinates, x y z of particle 1 first"),
    ],
}


def pairs_columns(particles: int) -> Columns:
    """Columns of the pairs table for M = ``particles`` (checklist 29)."""
    return [
        *_PAIR_KEYS,
        ("delta_e", pa.float64(), "energy of b minus energy of a, not negative"),
        *(
            (f"displacement_{i}", pa.float64(), f"displacement, number {i} in decreasing order")
            for i in range(1, particles + 1)
        ),
        ("total_displacement", pa.float64(), "d, root of the summed squared displacements"),
        ("participation_ratio", pa.float64(), "d^4 over the summed fourth powers"),
        *(
            (f"distance_1_{i}", pa.float64(), f"distance of the mid-points of particles 1 and {i}")
            for i in range(2, particles + 1)
        ),
        ("transitions_ab", pa.int32(), "transitions seen from a to b"),
        ("transitions_ba", pa.int32(), "transitions seen from b to a"),
    ]


def labelled_columns(particles: int) -> Columns:
    """Columns of a labelled table, pairs with features and exact results, for M = ``particles``."""
    return [
        *pairs_columns(particles),
        ("preparation_temperature", pa.float64(), "T_f"),
        ("is_double_well", pa.bool_(), "exact"),
        ("quantum_splitting", pa.float64(), "exact E_qs, null unless a double well"),
        ("barrier", pa.float64(), "exact, null if unknown or not a double well"),
        ("unit_system", pa.string(), "unit system of E_qs, one for the whole table"),
    ]


def feature_names(particles: int) -> list[str]:
    """The features of a pair, in the order of the pairs table: all but its keys."""
    return [name for name, _, _ in pairs_columns(particles)[len(_PAIR_KEYS) :]]


def paths_columns(units: Iterable[str]) -> Columns:
    """Columns of the paths table for unit systems ``units``, the first being the loop's."""
    names = list(units)
    columns: Columns = [
        *FIXED["selection"],
        ("status", pa.string(), "one of " + ", ".join(STATUSES)),
        ("message", pa.string(), "what went wrong, or empty"),
        ("barrier", pa.float64(), "saddle energy minus energy of a"),
        ("path_length", pa.float64(), "length of the path between the minima"),
        ("wells", pa.int32(), "wells along the path"),
        ("iterations", pa.int32(), "iterations of the path solver"),
        ("final_force", pa.float64(), "largest perpendicular force of an image at the end"),
        (
            "splitting_change",
            pa.float64(),
            "largest relative change of E_qs when the force was last lowered to a third; says "
            "nothing of the number of images",
        ),
        ("delta_0", pa.float64(), f"WKB tunnel splitting, unit system {names[0]}"),
    ]
    for name in names:
        columns += [
            (f"quantum_splitting_{name}", pa.float64(), f"E_2 - E_1, unit system {name}"),
            (f"energy_1_{name}", pa.float64(), f"E_1 above minimum a, unit system {name}"),
            (f"energy_2_{name}", pa.float64(), f"E_2 above minimum a, unit system {name}"),
            (f"delta_0_{name}", pa.float64(), f"WKB tunnel splitting, unit system {name}"),
        ]
    columns += [
        ("xi", pa.list_(pa.float64()), "reaction coordinate, 0 at a and 1 at b"),
        ("energy", pa.list_(pa.float64()), "V(xi) above minimum a"),
        ("seconds", pa.float64(), "time of this path; the one column that is not reproducible"),
    ]
    return columns


def library_columns(particles: int, units: Iterable[str]) -> Columns:
    """Columns of the double-well and TLS tables: the path's and then the pair's features."""
    return [*paths_columns(units), *pairs_columns(particles)[len(_PAIR_KEYS) :]]


def schema(name: str, columns: Columns | None = None) -> pa.Schema:
    """The Arrow schema of a table; ``columns`` for the tables that depend on the config."""
    columns = FIXED[name] if columns is None else columns
    fields = [
        pa.field(column, kind, metadata={"description": text}) for column, kind, text in columns
    ]
    return pa.schema(fields, metadata={"table": name, "schema_version": str(SCHEMA_VERSION)})


def stamped(schema: pa.Schema, config_hash: str = "", seed: int | None = None) -> pa.Schema:
    """``schema`` with the provenance of a run in its metadata."""
    stamp = {
        "tlsfind_version": __version__,
        "config_hash": config_hash,
        "seed": "" if seed is None else str(seed),
    }
    encoded = {key.encode(): value.encode() for key, value in stamp.items()}
    return schema.with_metadata({**(schema.metadata or {}), **encoded})
