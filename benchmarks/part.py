"""What a part of the benchmarks is: one file in ``parts/``, with an object ``PART``.

A part measures, and says which of its numbers are compared and how its costs grow. The runner, the
printed table and the page know nothing else of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.context import Context


@dataclass(frozen=True)
class Comparison:
    """A line of the printed table. Keys are dotted, as ``force.lepton_classes.microseconds``.

    Attributes:
        what: what was measured.
        unit: of both numbers.
        ours: key of our number.
        peer: the peer in words; empty: there is none.
        theirs: key of the peer's number.
        ratio: key of the ratio: how many times better ours is.
    """

    what: str
    unit: str
    ours: str
    peer: str = ""
    theirs: str = ""
    ratio: str = ""


@dataclass(frozen=True)
class Growth:
    """A table of how a cost grows.

    Attributes:
        title: what grows with what.
        along: heading of the first column.
        key: dotted key of a dictionary, whose entries are the rows.
        columns: key within an entry, by the column's heading.
    """

    title: str
    along: str
    key: str
    columns: dict[str, str]


@dataclass(frozen=True)
class Part:
    """A part.

    Attributes:
        name: how it is selected.
        title: heading on the page.
        about: how it was measured, in a few sentences.
        measure: gives nested numbers, whose first keys are sections of the JSON.
        comparisons: lines of the table.
        growths: tables of growth.
        needs_run: whether it reads a finished run.
    """

    name: str
    title: str
    about: str
    measure: Callable[[Context], dict[str, Any]]
    comparisons: tuple[Comparison, ...] = ()
    growths: tuple[Growth, ...] = ()
    needs_run: bool = False


def look_up(content: dict[str, Any], key: str) -> Any:
    """The value at a dotted key; None if there is none."""
    value: Any = content
    for name in key.split(".") if key else ["?"]:
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    return value


def merge(into: dict[str, Any], new: dict[str, Any]) -> None:
    """Put nested dictionaries together.

    Raises:
        ValueError: both have a value at one key.
    """
    for name, value in new.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            merge(into[name], value)
        elif name in into:
            raise ValueError(f"two parts give the number {name!r}")
        else:
            into[name] = value
