"""LAMMPS with the paper's potential, ``lepton/sphere``, as one type or in classes of size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from benchmarks.glasses import Glass
from benchmarks.part import Comparison, Growth
from benchmarks.timing import Times
from tlsfind.configuration import wrap
from tlsfind.engine.lammps.engine import LammpsEngine
from tlsfind.engine.lammps.instance import Instance
from tlsfind.engine.lammps.system import System

#: Number of types, by the name of the peer in the JSON.
CLASSES = {"lepton_one_type": 1, "lepton_classes": 8}
ONE_TYPE, SIZE_CLASSES = "LAMMPS lepton/sphere, one type", "LAMMPS lepton/sphere, 8 size classes"


def system(glass: Glass, classes: int) -> System:
    """The particles of a glass as LAMMPS knows them, in ``classes`` types."""
    return System.polydisperse(glass.configuration.diameters, glass.configuration.box, classes)


@contextmanager
def engines(
    glass: Glass, names: Sequence[str] = tuple(CLASSES)
) -> Iterator[dict[str, LammpsEngine]]:
    """An engine for each of ``names`` in :data:`CLASSES`, ended afterwards."""
    made = {name: LammpsEngine(system(glass, CLASSES[name])) for name in names}
    try:
        yield made
    finally:
        for engine in made.values():
            engine.close()


@contextmanager
def force_runs(
    glass: Glass, positions: np.ndarray, steps: int
) -> Iterator[dict[str, Callable[[], None]]]:
    """What makes LAMMPS evaluate the forces of ``positions`` (N, 3) ``steps`` times.

    A run in which nothing integrates, with no set-up before it and no new neighbour list in it:
    LAMMPS at its best.
    """
    made = {name: Instance(system(glass, classes)) for name, classes in CLASSES.items()}

    def way(instance: Instance) -> Callable[[], None]:
        instance.put(wrap(positions, glass.configuration.box))
        instance.command("run 0 post no")
        return lambda: instance.command(f"run {steps} pre no post no")

    try:
        yield {name: way(instance) for name, instance in made.items()}
    finally:
        for instance in made.values():
            instance.close()


def against_lammps(times: Mapping[str, Times]) -> dict[str, Any]:
    """Microseconds of the way ``native`` and of those of :data:`CLASSES`, and the ratios."""
    native = times["native"]
    return {
        **native.numbers("microseconds"),
        **{name: times[name].numbers("microseconds") for name in CLASSES},
        "ratio_lepton": native.over(times["lepton_classes"]),
        "ratio_lepton_one_type": native.over(times["lepton_one_type"]),
    }


def comparisons(what: str, section: str) -> tuple[Comparison, ...]:
    """Lines of the table of the numbers that :func:`against_lammps` gives to a section."""
    return (
        Comparison(
            what, "us", f"{section}.microseconds", ONE_TYPE,
            f"{section}.lepton_one_type.microseconds", f"{section}.ratio_lepton_one_type",
        ),
        Comparison(
            what, "us", f"{section}.microseconds", SIZE_CLASSES,
            f"{section}.lepton_classes.microseconds", f"{section}.ratio_lepton",
        ),
    )  # fmt: skip


def growth(title: str, section: str) -> Growth:
    """How these numbers grow with the number of particles."""
    return Growth(
        title, "N", f"{section}.by_particles",
        {
            "us": "microseconds",
            "LAMMPS, one type, us": "lepton_one_type.microseconds",
            "LAMMPS, 8 classes, us": "lepton_classes.microseconds",
            "ratio to 8 classes": "ratio_lepton",
        },
    )  # fmt: skip
