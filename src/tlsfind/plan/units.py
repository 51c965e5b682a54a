"""Measured costs of the elementary work, from which the cost of every stage is put together.

All times are seconds of one core of the development machine (two shared cores of a cloud machine,
x86-64, AVX2). N is the number of particles. Sources:

* ``engine``: MD steps, quenches and paths of single glasses of config/test.yaml (N = 200),
  config/demo.yaml (N = 500), config/kob-andersen.yaml (N = 300) and config/paper/T0.092.yaml
  (N = 1500), timed one by one through ``make_engine`` and ``solve_pair``;
* ``run``: benchmark tables (``benchmarks/**/*.tsv``) and columns of whole runs of these configs;
* ``train``: ``tlsfind train-table`` and ``tlsfind predict`` on 2000, 5000 and 10000 rows of the
  published table of T_f = 0.07, with config/paper/T0.07.yaml and with config/demo.yaml.

The laws between the measured points are straight lines; a machine with faster cores needs less.
"""

from __future__ import annotations

from dataclasses import dataclass

from tlsfind.config import Config

# Start of Python, imports and compiled kernels from the cache. `run`: landscape and pairs of small
# glasses take 0.8 to 1.5 s, collect and select 0.4 to 0.7 s.
START = 1.0

# Native engine. `engine`: a step takes 15, 56 and 190 to 245 us at N = 200, 500 and 1500.
NATIVE_STEP = 0.125e-6  # per particle
# `engine`: 3.7, 8.1 and 32 to 48 ms a quench of 319, 222 and 360 to 393 evaluations with all that
# belongs to one (list, history of the minimiser).
NATIVE_EVALUATION = 75e-9  # per particle
# `run`: 1.4 ms a block of 5 N attempts and ten steps at N = 500, 3.5 ms at N = 1500.
NATIVE_SWAP = 0.28e-6  # per attempt
# `run`, `engine`: column `seconds` of paths 0.055 (N = 200, 20 images), 0.21 to 0.23 (N = 500, 40)
# and 0.28 to 0.4 (N = 1500, 40) over 250 iterations, the quenches of wells and the levels with it.
NATIVE_IMAGE = 10e-6
NATIVE_IMAGE_PARTICLE = 16e-9  # per particle

# Evaluations of a quench: 265 (N = 500, T = 0.04), 360 to 393 (N = 1500); Kob-Andersen 405 to 515.
EVALUATIONS = 275.0
EVALUATIONS_AT = 500
EVALUATIONS_POWER = 0.3
LAMMPS_EVALUATIONS = 460.0

#: Mean iterations of a path. `run`: 205 without and 400 with a double well (demo), 190 to 250 and
#: 220 (Kob-Andersen).
PATH_ITERATIONS = 250.0

# One path by `neb` with one process for each image: docs/paths.md, 2.2 to 4.8 s to start 40 of
# them; an iteration takes twice the time of the forces alone.
NEB_START = 4.0

# Start of LAMMPS in a process and of the worker that solves paths.
LAMMPS_START = 1.5

# Scans of pairs tables for selections, assessments, tables and figures: 0.09 to 0.21 us a pair
# (benchmarks/streaming.py, 2 x 10^7 and 2 x 10^8 pairs).
SCAN = 0.2e-6
# Passes of a training over the pairs, for the features of the solved ones and for the sample of the
# pool: 221.0 s against 45.3 s for 2 x 10^8 and 2 x 10^7 pairs (benchmarks/streaming.py), 0.98 us.
TRAIN_SCAN = 1.0e-6
# Features of a pair, reading and writing included: 1.85 to 1.97 us at N = 1500
# (benchmarks/streaming.py).
FEATURES = 0.3e-6
FEATURES_PARTICLE = 1.1e-9
# With identical particles: 4 us where nothing moved far, 60 to 700 us where particles are matched
# (docs/lammps.md).
FEATURES_MATCHED = 60e-6

# Reading, telling apart and writing a minimum that a block has found, and a visit.
MERGE_PARTICLE = 0.1e-6  # per minimum of a block and particle
MERGE_VISIT = 4e-6

# Prediction of one pair by the screen, and of one that the ensembles see, 25 times as long. With a
# tenth of the pairs by the ensembles 2.4 us a pair: 1.3 and 2.4 us at 2 x 10^7 and 2 x 10^8 pairs
# (benchmarks/streaming.py), `train`: 190638 pairs in 2.0 to 2.2 s with the start.
PREDICT_START = 2.0
SCREEN = 0.7e-6
ENSEMBLE = 17e-6

# Training: three ensembles (double well, splitting, barrier) and the screen. `run`: 5 s (test: 2
# folds, 30 rounds), 12 to 13.5 s (demo: 5 folds, 200 rounds); `train`: the table in docs/plan.md.
TRAIN_START = 4.0
TRAIN_FOLD = 0.3  # per fold
TRAIN_ROUND = 6.8e-3  # per fold and boosting round, three kinds of models
TRAIN_ROWS = 12000.0  # so many rows double the time of few
TRAIN_STACK = 0.06  # per stacking level

# A training of one ensemble in a scan, besides its folds; a Voronoi tessellation with q_2 to q_12.
SCAN_START = 1.5
STRUCTURE_PARTICLE = 100e-6  # per particle and minimum

# Fixed times of the last stages. `run` of demo, Kob-Andersen and test.
FIGURES = 40.0
REPORT = 3.8
STABILITY = 20.0
TRANSFER = 12.0
TABLES = 0.8
# SHAP values of both models: 12 to 13.5 s for 100 pairs, 14.7 s for 200 of smaller models.
EXPLAIN_START = 8.0
EXPLAIN_PAIR = 0.04

# Images times iterations of `tlsfind convergence`: 60 double wells at 18 levels.
CONVERGENCE_IMAGES = 17e6

# Resident memory in MB of the second process of a training (`run`).
SECOND_PROCESS = {"train_start": 450.0, "train": 450.0}

# Resident memory in MB. `run`: columns max_rss of the benchmark tables; of the stages that pass
# over all pairs the most that benchmarks/streaming.py saw (2 x 10^8 pairs). What minima and paths
# need besides is in tlsfind.plan.costs.
MEMORY = {
    "prepare": 255.0,
    "import_frames": 280.0,
    "explore": 255.0,
    "landscape": 255.0,
    "pair_features": 360.0,
    "select_initial": 285.0,
    "select_next": 285.0,
    "select_standard": 285.0,
    "solve_paths": 300.0,
    "solve_standard": 300.0,
    "collect_paths": 150.0,
    "collect_standard": 150.0,
    "train_start": 515.0,
    "train": 515.0,
    "predict_start": 540.0,
    "predict": 540.0,
    "assess": 205.0,
    "library": 290.0,
    "validate": 500.0,
    "draw": 225.0,
    "draw_scan": 225.0,
    "explain": 520.0,
    **dict.fromkeys(
        (
            "scan_leaderboard",
            "scan_predictor",
            "scan_classifier",
            "scan_importance",
            "scan_features",
        ),
        600.0,
    ),
    "structure": 300.0,
    "transfer": 260.0,
    "stability": 435.0,
    "stability_scan": 435.0,
    "table_one": 150.0,
    "summary": 160.0,
    "provenance": 150.0,
    "table_two": 150.0,
    "report": 215.0,
    "convergence": 300.0,
}
#: Path jobs on LAMMPS have a worker process beside them. `run`: Kob-Andersen.
MEMORY_WORKER = 135.0

# Bytes on disk. `run`: sizes of files over their rows.
COORDINATES = 24  # float64, per particle and minimum, not compressed
# Rows of pairs (M = 3) and predictions: benchmarks/streaming.py, 31.1 to 31.7 and 10.3 to 11.1.
PAIR = 32.0
PAIR_PARTICLE = 5.0  # two more columns for every further particle
PREDICTION = 11.0
VISIT = 15.0  # 11.5 to 19.5
PATH = 200.0  # 1120 to 1300 at 40 images, 530 to 690 at 20, with the profile
PATH_IMAGE = 24.0
CANDIDATES = 0.9  # minima found on a path, mean of demo and Kob-Andersen
CANDIDATE_PARTICLE = 29.0
JOURNAL = 3e3  # docs/paths.md: 3 kB a path and 32 N bytes a candidate
JOURNAL_PARTICLE = 32.0
SELECTION = 40.0
MODEL = 1.0e6  # 1.2 to 2 MB after 150 to 600 paths; `train`: 7.3 MB of 2000 rows, 16 MB of 5000
MODEL_ROW = 3.0e3
GLASS_PARTICLE = 48.0
GLASS = 30e3
FIGURE_FILES = 2.4e6
REPORT_FILE = 1.2e6
EXPLAIN_FILES = 1.0e6
LIBRARY_FILES = 1.0e6
SMALL_FILE = 8e3

#: Seconds that Snakemake and Slurm add to a job: 6 to 8 (issue 5).
SLURM_OVERHEAD = 7.0


@dataclass(frozen=True)
class Rates:
    """Costs of the engine of a run, in seconds of one core.

    Attributes:
        step: of one step of molecular dynamics.
        quench: of one quench.
        evaluations: force evaluations of a quench.
        image: of one image of a path in one iteration.
        block: of one block of the preparation, swaps and steps.
        start: of a process with the engine, beyond Python's.
    """

    step: float
    quench: float
    evaluations: float
    image: float
    block: float
    start: float


#: LAMMPS by the beginning of the pair style: seconds of a step, of a force evaluation in a quench
#: and of an image, each as a constant and a slope with N. `lj`: 0.16 to 0.22 ms, 0.13 ms
#: (Kob-Andersen, N = 300), 0.32 to 0.37 ms. `lepton`, 8 size classes: docs/lammps.md.
#: `eam`: docs/prepare.md, Cu64Zr36, N = 250, 0.6 ms a step; its quenches and images by that ratio.
LAMMPS: dict[str, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    "lj": ((0.0, 0.65e-6), (0.0, 0.43e-6), (0.15e-3, 0.5e-6)),
    "lepton": ((0.87e-3, 0.52e-6), (0.87e-3, 0.52e-6), (1.05e-3, 1.7e-6)),
    "eam": ((0.0, 2.4e-6), (0.0, 1.6e-6), (0.15e-3, 1.9e-6)),
}


def potential(config: Config) -> str:
    """Which entry of :data:`LAMMPS` a run is estimated by; ``lj`` for potentials never measured."""
    if config.model.lammps is None:
        return "lepton"
    for line in config.model.lammps.commands.splitlines():
        words = line.split()
        if words[:1] == ["pair_style"] and len(words) > 1:
            return next((name for name in LAMMPS if words[1].startswith(name)), "lj")
    return "lj"


def is_measured(config: Config) -> bool:
    """Whether the potential of a run is one whose cost was measured."""
    if config.model.lammps is None:
        return True
    styles = [line.split() for line in config.model.lammps.commands.splitlines()]
    named = [words[1] for words in styles if words[:1] == ["pair_style"] and len(words) > 1]
    return any(style.startswith(name) for style in named for name in LAMMPS)


def rates(config: Config) -> Rates:
    """The costs of the engine of a run."""
    n = config.model.n_particles
    settings = config.prepare
    if config.engine_name == "native":
        step = NATIVE_STEP * n
        evaluations = EVALUATIONS * (n / EVALUATIONS_AT) ** EVALUATIONS_POWER
        return Rates(
            step=step,
            quench=evaluations * NATIVE_EVALUATION * n,
            evaluations=evaluations,
            image=NATIVE_IMAGE + NATIVE_IMAGE_PARTICLE * n,
            block=settings.md_steps * step + settings.swaps_per_particle * n * NATIVE_SWAP,
            start=0.0,
        )
    step, evaluation, image = lammps_costs(config)
    block = settings.md_steps * step
    if config.model.lammps is None:  # the liquid of the built-in model is always prepared natively
        block = n * (settings.md_steps * NATIVE_STEP + settings.swaps_per_particle * NATIVE_SWAP)
    evaluations = LAMMPS_EVALUATIONS
    return Rates(step, evaluations * evaluation, evaluations, image, block, start=LAMMPS_START)


def lammps_costs(config: Config) -> tuple[float, float, float]:
    """Seconds of LAMMPS for a step, for an evaluation of a quench, and for an image of a path."""
    n = config.model.n_particles
    step, evaluation, image = (first + slope * n for first, slope in LAMMPS[potential(config)])
    return step, evaluation, image


def neb_seconds(config: Config) -> float:
    """Core-seconds of one path by `lammps-neb`."""
    return NEB_START + PATH_ITERATIONS * config.paths.images * 2.0 * lammps_costs(config)[2]


def path_seconds(config: Config) -> float:
    """Core-seconds of one path, mean over all that a loop solves."""
    if config.paths.solver == "lammps-neb":
        return neb_seconds(config)
    return PATH_ITERATIONS * config.paths.images * rates(config).image


def feature_seconds(config: Config) -> float:
    """Core-seconds of the features of one pair."""
    plain = FEATURES + FEATURES_PARTICLE * config.model.n_particles
    return plain if config.model.lammps is None else plain + FEATURES_MATCHED


def training_seconds(config: Config, rows: float) -> float:
    """Core-seconds of one training on ``rows`` paths."""
    learn = config.learn
    fold = TRAIN_FOLD + TRAIN_ROUND * learn.rounds
    models = len(learn.models) / 3.0
    stack = 1.0 + TRAIN_STACK * learn.stack_levels
    return TRAIN_START + learn.folds * models * fold * stack * (1.0 + rows / TRAIN_ROWS)
