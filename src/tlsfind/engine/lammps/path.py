"""Energies and forces of the images of a path in one run of LAMMPS.

``run 0`` for each image pays for LAMMPS's set-up and a new neighbour list every time. Here one
``run`` makes a step per image instead: nothing integrates, and at the end of each force
calculation the callback of a ``fix external`` copies the forces of image k and writes the
positions of image k + 1. LAMMPS then treats them like the positions of any next time step: it
builds new neighbour lists only where a particle has moved by half the skin.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tlsfind.configuration import wrap
from tlsfind.engine.lammps.instance import Instance
from tlsfind.interrupts import held_back

CALLBACK = "tlsfind_path"


def path_energy_forces(instance: Instance, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Energies (P,) and forces (P, N, 3) of ``images`` (P, N, 3).

    A signal to end is handled after LAMMPS has run, see ``held_back``.

    Raises:
        LammpsFailure: LAMMPS failed.
        RuntimeError: an exception was lost in LAMMPS.
    """
    box, count = instance.system.box, len(images)
    forces = np.empty(images.shape)
    done = 0
    trouble: list[BaseException] = []

    def next_image(_: Any, step: int, n: int, tag: np.ndarray, x: np.ndarray, f: Any) -> None:
        """Called by LAMMPS once the forces of image ``done`` are complete."""
        nonlocal done
        try:
            rows = tag.ravel() - 1
            forces[done][rows] = instance.view("f")
            done += 1
            if done < count:
                # Nearest to where LAMMPS holds the particle, which may be another periodic image:
                # the neighbour lists stay right, and no particle leaves the box by half of it.
                target = images[done][rows]
                x[:] = target - box * np.rint((target - x) / box)
        except BaseException as error:  # cannot pass through LAMMPS
            trouble.append(error)

    with held_back():
        instance.put(wrap(images[0], box))
        instance.command(f"fix {CALLBACK} all external pf/callback 1 1")
        instance.library.set_fix_external_callback(CALLBACK, next_image, None)
        instance.start_record("thermo_pe")
        instance.command(f"run {count - 1} post no")
        energies = instance.stop_record(count, 1).ravel()
        instance.command(f"unfix {CALLBACK}")
        instance.library.callback.pop(CALLBACK, None)
    if trouble:
        raise trouble[0]
    if done != count:  # an exception before ours was called
        raise RuntimeError(f"LAMMPS called back for {done} images of a path, expected {count}")
    return energies, forces
