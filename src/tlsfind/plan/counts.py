"""How many jobs every rule of the workflow has, by the config alone."""

from __future__ import annotations

from tlsfind.config import Config

#: All rules that run jobs, in the order of the stages.
RULES = (
    "prepare",
    "import_frames",
    "explore",
    "landscape",
    "pair_features",
    "train_start",
    "predict_start",
    "select_initial",
    "select_next",
    "solve_paths",
    "collect_paths",
    "train",
    "predict",
    "assess",
    "select_standard",
    "solve_standard",
    "collect_standard",
    "library",
    "validate",
    "draw",
    "explain",
    "transfer",
    "stability",
    "table_one",
    "summary",
    "provenance",
    "table_two",
    "report",
)


def prediction_jobs(config: Config) -> int:
    """Prediction jobs of an iteration."""
    return _jobs(len(config.glass_names), config.learn.glasses_per_job)


def initial_batches(config: Config) -> int:
    """Batches of the initial selection."""
    return _jobs(config.loop.initial_paths, config.paths.batch)


def batches(config: Config) -> int:
    """Batches of a later iteration."""
    return _jobs(config.loop.paths_per_iteration, config.paths.batch)


def slices(config: Config) -> int:
    """Batches of the standard procedure."""
    return _jobs(config.loop.standard_paths, config.paths.batch)


def counts(config: Config) -> dict[str, tuple[int, int]]:
    """For each rule its fewest and most jobs; rules of no job are left out or zero."""
    return {
        rule: (low, high)
        for (rule, low), high in zip(
            after(config, config.loop.min_iterations).items(),
            after(config, config.loop.max_iterations).values(),
            strict=True,
        )
    }


def after(config: Config, iterations: int) -> dict[str, int]:
    """The number of jobs of each rule if the loop ends after some iterations.

    Args:
        config: the run.
        iterations: after the initial batch.
    """
    glasses = len(config.glass_names)
    own = sum(group.frames is not None for group in config.glasses)
    loop = config.loop
    warm = loop.start_model is not None or loop.start_table is not None
    train_start = loop.start_model is None and loop.start_table is not None
    several = len({group.preparation_temperature for group in config.glasses}) > 1
    last = dict.fromkeys(
        ("draw", "explain", "table_one", "summary", "provenance", "table_two", "report"), 1
    )
    found = {
        "prepare": (glasses - own),
        "import_frames": own,
        "explore": (glasses - own) * config.trajectory_blocks,
        "landscape": glasses,
        "pair_features": glasses,
        "train_start": int(train_start),
        "predict_start": prediction_jobs(config) if warm else 0,
        "select_initial": 1,
        "select_next": iterations,
        "solve_paths": initial_batches(config) + iterations * batches(config),
        "collect_paths": 1 + iterations,
        "train": 1 + iterations,
        "predict": (1 + iterations) * prediction_jobs(config),
        "assess": 1 + iterations,
        "select_standard": 1,
        "solve_standard": slices(config),
        "collect_standard": 1,
        "library": 1,
        "validate": int(config.validation.enabled),
        "transfer": int(several),
        "stability": int(several),
        **last,
    }
    return {rule: found[rule] for rule in RULES}


def _jobs(items: int, per_job: int) -> int:
    """Jobs that share some items; one even if there is nothing."""
    return max(1, -(-items // per_job))
