"""What the commands share: their common options, the config, and the log."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tlsfind import __version__
from tlsfind.progress import LOG_LINE

if TYPE_CHECKING:
    from tlsfind.config import Config

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", metavar="FILE", help="The run's config file (YAML).")
]
OutputFolder = Annotated[
    Path, typer.Option("--output", "-o", metavar="DIR", help="Folder that receives the files.")
]
OutputFile = Annotated[
    Path, typer.Option("--output", "-o", metavar="FILE", help="File that is written.")
]
Glass = Annotated[str, typer.Argument(metavar="GLASS", help="Name of a glass, e.g. T0.092-0003.")]
PairTables = Annotated[
    list[Path], typer.Argument(metavar="PAIRS...", help="Tables of pairs, one for each glass.")
]
Iteration = Annotated[
    int, typer.Option("--iteration", "-k", min=0, help="Iteration of the loop, from 0.")
]


def batch_name(output: Path) -> str:
    """The last three parts of an output file's path, e.g. ``00/paths/batch-000``."""
    return "/".join(output.with_suffix("").parts[-3:])


LOG = logging.getLogger("tlsfind")


def start_log() -> None:
    """Send the package's log to the standard error stream, with the time in a batch job."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s") if sys.stderr.isatty() else LOG_LINE)
    LOG.handlers = [handler]
    LOG.setLevel(logging.INFO)


@contextmanager
def stage(name: str, config_file: Path) -> Iterator[Config]:
    """Read the config, log the begin and the end of a stage, and record it (:mod:`tlsfind.jobs`).

    Args:
        name: the command and what it works on.
        config_file: YAML file of the run.

    Raises:
        ConfigError: the config is missing or does not validate.
    """
    from tlsfind.config import load
    from tlsfind.jobs import recorded

    start_log()
    config = load(config_file)
    begin = time.monotonic()
    LOG.info("%s: tlsfind %s, config %s (%s)", name, __version__, config_file, config.hash)
    command, _, item = name.partition(" ")
    with recorded(command, item, config.hash, config.run.seed):
        yield config
    LOG.info("%s: done in %.1f s", name, time.monotonic() - begin)
