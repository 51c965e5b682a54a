"""Which file says that a job is done, for every job of a run; and which such files are damaged."""

from __future__ import annotations

from pathlib import Path

from tlsfind.config import Config
from tlsfind.plan import counts

_MAGIC = b"PAR1"


def outputs(config: Config, iterations: int) -> dict[str, list[Path]]:
    """For every rule the last file that each of its jobs writes, relative to the results.

    Args:
        config: the run.
        iterations: of the loop, after the initial batch.
    """
    glasses = config.glass_names
    groups = [group for group in config.glasses for _ in range(group.count)]
    own = [name for name, group in zip(glasses, groups, strict=True) if group.frames is not None]
    made = [name for name, group in zip(glasses, groups, strict=True) if group.frames is None]
    loop = [Path("loop") / f"{k:02d}" for k in range(iterations + 1)]
    jobs = _names(counts.prediction_jobs(config))
    warm = config.loop.start_model is not None or config.loop.start_table is not None
    several = len({group.preparation_temperature for group in config.glasses}) > 1
    sizes = [counts.initial_batches(config), *[counts.batches(config)] * iterations]
    selected = [k / "selection" / f"batch-{n - 1:03d}.parquet"
                for k, n in zip(loop, sizes, strict=True)]  # fmt: skip
    files = {
        "prepare": [Path("glasses") / name / "glass.npz" for name in made],
        "import_frames": [Path("glasses") / name / "glass.npz" for name in own],
        "explore": [
            Path("explore") / name / f"block-{block}" / "visits.parquet"
            for name in made
            for block in config.block_names(name)
        ],
        "landscape": [Path("landscape") / name / "visits.parquet" for name in glasses],
        "pair_features": [Path("pairs") / f"{name}.parquet" for name in glasses],
        "train_start": [Path("loop/start/model/training.json")]
        if config.loop.start_model is None and config.loop.start_table is not None
        else [],
        "predict_start": [Path("loop/start/predictions") / f"{job}.parquet" for job in jobs]
        if warm
        else [],
        "select_initial": selected[:1],
        "select_next": selected[1:],
        "solve_paths": [
            k / "paths" / f"batch-{batch}.parquet"
            for k, n in zip(loop, sizes, strict=True)
            for batch in _names(n)
        ],
        "collect_paths": [k / "paths.parquet" for k in loop],
        "train": [k / "model" / "training.json" for k in loop],
        "predict": [k / "predictions" / f"{job}.parquet" for k in loop for job in jobs],
        "assess": [k / "state.json" for k in loop],
        "select_standard": [Path("standard/selection.json")],
        "solve_standard": [
            Path("standard/paths") / f"slice-{batch}.parquet"
            for batch in _names(counts.slices(config))
        ],
        "collect_standard": [Path("standard/paths.parquet")],
        "library": [Path("library/tls.parquet")],
        "validate": [Path("validation.parquet")] if config.validation.enabled else [],
        "draw": [Path("figures") / f"loop.{config.analysis.formats[0]}"],
        "explain": [Path("explain/importance.parquet")],
        "transfer": [Path("tables/transfer.csv")] if several else [],
        "stability": [Path("tables/stability.json")] if several else [],
        "table_one": [Path("tables/table_1.csv")],
        "summary": [Path("summary.json")],
        "provenance": [Path("jobs.parquet")],
        "table_two": [Path("tables/table_2.csv")],
        "report": [Path("report.html")],
    }
    return {rule: places for rule, places in files.items() if places}


def _names(count: int) -> list[str]:
    return [f"{number:03d}" for number in range(count)]


def is_damaged(path: Path) -> bool:
    """Whether an existing file is empty, or a table whose begin or end is missing.

    Only the first and the last bytes are looked at: `tlsfind check` reads the whole.

    Raises:
        FileNotFoundError: it does not exist.
    """
    size = path.stat().st_size
    if size == 0 or path.suffix != ".parquet":
        return size == 0
    with path.open("rb") as file:
        begin = file.read(4)
        file.seek(max(size - 4, 0))
        return begin != _MAGIC or file.read(4) != _MAGIC
