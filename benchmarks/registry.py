"""The parts, in the order in which they are measured."""

from __future__ import annotations

from importlib import import_module

from benchmarks.part import Part
from tlsfind.errors import InputError

#: Modules of ``parts/``, which are named like their parts.
NAMES = (
    "force",
    "lanes",
    "neighbours",
    "dynamics",
    "quench",
    "minimisers",
    "recognition",
    "path",
    "neb",
    "swap",
    "features",
    "models",
    "cascade",
    "schroedinger",
    "startup",
    "pool",
    "end_to_end",
)


def every() -> list[Part]:
    """All parts."""
    return [import_module(f"benchmarks.parts.{name}").PART for name in NAMES]


def selected(names: str) -> list[Part]:
    """The parts named in a list separated by commas; all of them for an empty one.

    Raises:
        InputError: there is no such part.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in NAMES]
    if unknown:
        raise InputError(f"no part {', '.join(unknown)}, expected some of {', '.join(NAMES)}")
    return [part for part in every() if not wanted or part.name in wanted]
