"""LAMMPS with the paper's potential, ``lepton/sphere``, as one type or in classes of size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from benchmarks.glasses import Glass
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
