"""Quenches by LAMMPS's ``minimize``.

1. Descend with the chosen ``min_style`` until no force component exceeds the tolerance
   (``min_modify norm inf``; no tolerance on the energy).
2. The line search of ``cg`` compares energies, whose rounding hides forces of about 1e-6: where
   it stops early, ``fire``, which looks at forces alone, finishes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tlsfind.engine.lammps.instance import Instance
from tlsfind.engine.lammps.system import System
from tlsfind.interrupts import held_back

COUNTER = "tlsfind_evaluations"
#: First time step of ``fire`` in the model's unit of time, for unit mass. It grows tenfold, and
#: 10 dt omega must stay below 2 for the fastest mode omega; a smaller one only costs evaluations.
FIRE_TIME_STEP = {"lj": 0.003, "metal": 0.02, "real": 0.003}
LARGEST_STEP = 0.1
MARGIN = 0.99  # of the tolerance, so that another order of summation does not exceed it


@dataclass(frozen=True)
class Minimiser:
    """How to descend, in LAMMPS's units.

    Attributes:
        style: ``cg`` or ``fire``.
        largest_step: largest displacement of a particle in a step.
        time_step: first time step of ``fire``; it grows up to tenfold.
    """

    style: str
    largest_step: float
    time_step: float

    @classmethod
    def of(cls, style: str, system: System) -> Minimiser:
        """The default for ``system``; the time step suits the lightest particles."""
        time_step = FIRE_TIME_STEP[system.units] * float(np.sqrt(system.masses.min()))
        return cls(style, LARGEST_STEP, time_step * system.time_unit)


def minimise(
    instance: Instance,
    positions: np.ndarray,
    minimiser: Minimiser,
    force_tolerance: float,
    max_evaluations: int,
) -> tuple[np.ndarray, int]:
    """Descend from ``positions`` (N, 3) in the box.

    A signal to end stops LAMMPS and is handled after it, see ``held_back``.

    Returns:
        Positions (N, 3), unwrapped, and the force evaluations spent.

    Raises:
        LammpsFailure: LAMMPS failed.
    """
    stopped = True

    def stop() -> None:
        nonlocal stopped
        stopped = True
        instance.library.force_timeout()

    while stopped:  # once more after a signal that ends nothing
        stopped = False
        with held_back(stop):
            found = _descend(instance, positions, minimiser, force_tolerance, max_evaluations)
            if stopped:
                instance.command("timer timeout off")
    return found


def _descend(
    instance: Instance,
    positions: np.ndarray,
    minimiser: Minimiser,
    force_tolerance: float,
    max_evaluations: int,
) -> tuple[np.ndarray, int]:
    """As :func:`minimise`; an exception in the callback of LAMMPS would be lost."""
    spent = 0

    def count(*_: Any) -> None:
        nonlocal spent
        spent += 1

    instance.put(positions)
    instance.command(f"fix {COUNTER} all external pf/callback 1 1")
    counter = instance.library.FIX_EXTERNAL_CALLBACK_FUNC(count)
    instance.library.lib.lammps_set_fix_external_callback(
        instance.library.lmp, COUNTER.encode(), counter, None
    )
    for style in ("cg", "fire") if minimiser.style == "cg" else ("fire",):
        left = max_evaluations - spent
        if left <= 0:
            break
        instance.command(
            f"timestep {float(minimiser.time_step)!r}",
            f"min_style {style}",
            f"min_modify norm inf dmax {float(minimiser.largest_step)!r}",
            f"minimize 0.0 {MARGIN * float(force_tolerance)!r} {left} {left}",
        )
        if np.abs(instance.view("f")).max() <= force_tolerance:
            break
    found = instance.unwrapped()
    instance.command(f"unfix {COUNTER}")
    return found, spent
