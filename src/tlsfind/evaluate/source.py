"""What an evaluation starts from: labelled pairs, a threshold, settings, a place for the JSON."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlsfind import tables
from tlsfind.config import Config, Learn, load
from tlsfind.errors import InputError
from tlsfind.learn import labelled
from tlsfind.learn.labelled import Labelled
from tlsfind.units import BUILT_IN

if TYPE_CHECKING:
    from tlsfind.published.settings import PublishedConfig


@dataclass(frozen=True)
class Source:
    """A labelled table and where it comes from.

    Args:
        table: the pairs.
        label: name of the table.
        path: the folder or file.
        report: what the import dropped, empty for a table of the project.
    """

    table: Labelled
    label: str
    path: Path
    report: dict[str, Any]


def from_authors(folder: Path, label: str) -> Source:
    """The tables that the paper's authors published for one label.

    Raises:
        InputError: as for :func:`tlsfind.interop.authors.read_authors`.
    """
    from tlsfind.interop.authors import read_authors

    read = read_authors(folder, label)
    table = labelled.check(read.frame, tables.feature_names(read.particles), f"{folder} ({label})")
    content = read.report.content()
    report = {name: content[name] for name in ("files", "joined", "notes")}
    return Source(table, label, folder, report)


def from_table(path: Path) -> Source:
    """A labelled table of the project.

    Raises:
        InputError: as for :func:`tlsfind.learn.labelled.read`.
    """
    return Source(labelled.read(path), path.stem, path, {"files": [], "joined": {}, "notes": []})


def read(table: Path | None, authors: Path | None, label: str | None) -> Source:
    """:func:`from_authors` where ``authors`` is given, else :func:`from_table`."""
    return from_table(Path(str(table))) if authors is None else from_authors(authors, str(label))


def threshold_of(table: Labelled, config: Config | PublishedConfig | None) -> float:
    """E_qs of a TLS in the table's unit system.

    Raises:
        InputError: the unit system is not known.
    """
    known = config.unit_systems if config else BUILT_IN
    if table.unit_system not in known:
        raise InputError(
            f"E_qs in the unit system {table.unit_system!r}, expected one of {', '.join(known)}: "
            "give the config that defines it (--config)"
        )
    return known[table.unit_system].tls_threshold


def settings_of(path: Path | None, time_limit: float | None) -> tuple[Learn, Config | None]:
    """Section ``learn`` with the time limit of each training, and the config that it is of.

    Args:
        path: config file; defaults if None.
        time_limit: seconds; that of the section if None.

    Raises:
        ConfigError: the config does not validate.
        InputError: the time limit is no positive number.
    """
    config = load(path) if path is not None else None
    settings = config.learn if config else Learn()
    if time_limit is None:
        return settings, config
    if not (math.isfinite(time_limit) and time_limit > 0):
        raise InputError(f"time limit of {time_limit:g} s, expected a positive number")
    return settings.model_copy(update={"time_limit": float(time_limit)}), config


def check_output(path: Path) -> None:
    """Find out before the work whether the JSON can be written.

    Raises:
        InputError: it is a folder, or its folder cannot be made or written to. Nothing is made.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder, expected the name of a JSON file")
    above = next(place for place in path.absolute().parents if os.path.exists(place))
    if not above.is_dir():
        raise InputError(f"{above} is a file, expected a folder")
    if not os.access(above, os.W_OK):
        raise InputError(f"no permission to write into the folder {above}")
