"""The native engine: the paper's polydisperse soft spheres in Numba."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tlsfind.configuration import minimum_image, wrap
from tlsfind.engine.base import Quench, State, Stop, checked_positions
from tlsfind.engine.native import dynamics, minimise
from tlsfind.engine.native.forces import energy_forces
from tlsfind.engine.native.lanes import LANES, lane_energy_forces, lane_moved, lane_reach
from tlsfind.engine.native.minimise import LARGEST_ENERGY
from tlsfind.engine.native.neighbours import build_list, longest_range, shift_table
from tlsfind.engine.native.packing import pack_images, unpack_forces
from tlsfind.engine.native.potential import CUTOFF, mixed_diameter
from tlsfind.engine.native.pruning import WIDE_SKIN
from tlsfind.errors import InputError

SKIN = 0.2
PATH_SKIN = 0.2
#: Largest force components at which a quench asks whether to stop.
LOOKS = (0.03, 0.017, 0.01, 5.6e-3, 3e-3, 1.7e-3, 1e-3, 3e-4)

Lists = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def empty_lists(n: int, capacity: int) -> Lists:
    """An empty half list for ``n`` particles with room for ``capacity`` pairs."""
    return (
        np.zeros(n + 1, np.int64),
        np.zeros(capacity, np.int32),
        np.zeros(capacity),
        np.zeros(capacity, np.int8),
    )


def wide_lists(n: int, capacity: int) -> tuple[np.ndarray, ...]:
    """An empty wide list, see ``pruning``, for ``n`` particles with room for ``capacity`` pairs."""
    return (*empty_lists(n, capacity), np.full((n, 3), np.inf))


class NativeEngine:
    """Energies, forces, quenches and dynamics of particles with fixed diameters.

    Args:
        diameters: (N,).
        box: edge of the cubic box.
        skin: range added to the neighbour lists; less in a box too small for it, because a list
            holds only one periodic image of a pair.

    Raises:
        InputError: the box is too small for the minimum-image convention.
    """

    def __init__(self, diameters: np.ndarray, box: float, skin: float = SKIN):
        self.diameters = np.ascontiguousarray(diameters, dtype=np.float64)
        self.n_particles = len(self.diameters)
        self.box = float(box)
        self.masses = np.ones(self.n_particles)
        self._wide = wide_lists(self.n_particles, 40 * self.n_particles)
        self._reference = np.full((self.n_particles, 3), np.inf)
        self._shifts = shift_table(self.box)
        self._lists = empty_lists(self.n_particles, 16 * self.n_particles)
        self._path_lists = empty_lists(self.n_particles, 16 * self.n_particles)
        self._path_centre = np.full((self.n_particles, 3), np.inf)
        self._path_reach = np.zeros(self.n_particles)
        self._path_spread = False
        self._lanes = np.empty((2, 0, self.n_particles, 3, LANES))
        longest = longest_range(np.zeros(self.n_particles), self.diameters, 0.0, -1.0)
        if longest > 0.5 * self.box:
            raise InputError(
                f"the box edge {self.box:g} is too small: the longest interaction range is "
                f"{longest:g}, expected at most half the box edge"
            )
        self._longest = float(longest)
        self.skin = min(float(skin), 0.5 * self.box - self._longest)
        self._wide_skin = min(max(WIDE_SKIN, self.skin), 0.5 * self.box - self._longest)

    def _check_energy(self, energy: float, positions: np.ndarray) -> None:
        """Raise if ``energy`` (of ``positions``) is not a number that forces can be built on."""
        if not energy < LARGEST_ENERGY:
            i, j, distance = closest_pair(positions, self.box)
            raise InputError(
                f"particles {i + 1} and {j + 1} are at the same place (distance {distance:.3g}): "
                "energy and forces are infinite, expected particles apart"
            )

    def _grow(self) -> None:
        self._lists = empty_lists(self.n_particles, 2 * len(self._lists[1]))
        self._wide = wide_lists(self.n_particles, 2 * len(self._wide[1]))
        self._reference[:] = np.inf

    def _refresh(self, positions: np.ndarray) -> None:
        while True:
            status = dynamics.refresh_list(
                positions, self._reference, self._wide, self.diameters, self.box, self.skin,
                self._wide_skin, self._lists,
            )  # fmt: skip
            if status == dynamics.OK:
                return
            self._recover(status)

    def _recover(self, status: int) -> None:
        if status == dynamics.LIST_TOO_SMALL:
            self._grow()
        else:
            raise InputError(
                "the dynamics diverged or the positions are not finite and within one box of "
                "each other: check for overlapping particles and the time step"
            )

    def energy(self, positions: np.ndarray) -> float:
        """Total potential energy of ``positions`` (N, 3)."""
        return self.energy_forces(positions)[0]

    def energy_forces(self, positions: np.ndarray) -> tuple[float, np.ndarray]:
        """Total potential energy and forces (N, 3) of ``positions`` (N, 3)."""
        folded = wrap(checked_positions(self.n_particles, positions), self.box)
        self._refresh(folded)
        forces = np.empty_like(folded)
        energy = float(energy_forces(folded, self._shifts, *self._lists, forces))
        self._check_energy(energy, folded)
        return energy, forces

    def quench(
        self,
        positions: np.ndarray,
        force_tolerance: float = 1e-6,
        max_evaluations: int = 20000,
        stop: Stop | None = None,
    ) -> Quench:
        """The inherent structure of ``positions`` (N, 3), unwrapped along the descent.

        The neighbour list is made anew, so that the result depends on ``positions`` alone.
        ``stop`` is asked whenever the largest force component has fallen below one of ``LOOKS``;
        where it says no, the result is as if it had not been asked.

        Raises:
            InputError: positions are not finite, or two particles are at the same place.
        """
        original = checked_positions(self.n_particles, positions)
        tolerances = [force_tolerance]
        if stop is not None:
            tolerances = [*(look for look in LOOKS if look > force_tolerance), force_tolerance]
        while True:
            current = wrap(original, self.box)
            offset = original - current
            descent = self._descend(current, offset, tolerances, max_evaluations, stop)
            if descent is not None:
                self._check_energy(descent.energy, current)
                return descent

    def _descend(
        self,
        current: np.ndarray,
        offset: np.ndarray,
        tolerances: Sequence[float],
        max_evaluations: int,
        stop: Stop | None,
    ) -> Quench | None:
        """Descend from ``current`` (N, 3), in place; None if the lists were too small.

        Args:
            current: positions in the box.
            offset: (N, 3) what unwraps them.
            tolerances: decreasing; at all but the last ``stop`` is asked.
            max_evaluations: force evaluations before giving up.
            stop: see :meth:`quench`.
        """
        forces = np.empty_like(current)
        memory = minimise.empty_memory(self.n_particles)
        self._reference[:] = np.inf
        stopped = False
        for tolerance in tolerances:
            status, energy, largest = minimise.quench(
                current, forces, tolerance, max_evaluations, self.diameters, self.box, self.skin,
                self._wide_skin, self._reference, self._wide, self._lists, self._shifts, memory,
            )  # fmt: skip
            if status not in (minimise.OK, minimise.NOT_CONVERGED):
                self._recover(status)
                return None
            if status == minimise.NOT_CONVERGED:
                break
            if stop is not None and tolerance > tolerances[-1]:
                stopped = stop(current + offset, float(energy), forces)
                if stopped:
                    break
        return Quench(
            positions=current + offset,
            energy=float(energy),
            max_force=float(largest),
            evaluations=int(memory[5][minimise.EVALUATIONS]),
            converged=status == minimise.OK and not stopped,
            stopped=stopped,
        )

    def run(
        self,
        state: State,
        steps: int,
        time_step: float,
        temperature: float = 0.0,
        thermostat_time: float = 0.0,
    ) -> np.ndarray:
        """Advance ``state`` in place: NVE, or Berendsen where ``thermostat_time`` > 0.

        The neighbour list is made anew, so that the result depends on ``state`` alone. ``state``
        is left as it was if the dynamics diverge.

        Returns:
            (steps, 2): potential and kinetic energy after each step.

        Raises:
            InputError: the dynamics diverged.
        """
        positions = checked_positions(self.n_particles, state.positions)
        coupling = min(time_step / thermostat_time, 1.0) if thermostat_time > 0 else 0.0
        energies = np.empty((steps, 2))
        while True:  # again from the start with longer lists
            current = wrap(positions, self.box)
            offset = positions - current
            velocities = np.array(state.velocities, dtype=np.float64)
            self._reference[:] = np.inf
            self._refresh(current)
            forces = np.empty_like(current)
            self._check_energy(energy_forces(current, self._shifts, *self._lists, forces), current)
            status, done, folded_at = dynamics.OK, 0, -1
            while done < steps:
                status, count = dynamics.velocity_verlet(
                    current, velocities, forces, time_step, steps - done, temperature, coupling,
                    self.diameters, self.box, self.skin, self._wide_skin, self._reference,
                    self._wide, self._lists, self._shifts, energies[done:],
                )  # fmt: skip
                done += count
                if status == dynamics.LIST_TOO_SMALL:
                    break
                if status == dynamics.DIVERGED:
                    # particles of a liquid may only have strayed: fold them, but only once a step
                    if done == folded_at or not np.isfinite(current).all():
                        self._recover(status)
                    folded_at = done
                    folded = wrap(current, self.box)
                    offset += current - folded
                    current = folded
                    self._reference[:] = np.inf
            if status != dynamics.LIST_TOO_SMALL:
                break
            self._grow()
        state.positions[:] = current + offset
        state.velocities[:] = velocities
        return energies

    def path_energy_forces(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Energies (P,) and forces (P, N, 3) of ``images`` (P, N, 3), unwrapped along the path."""
        energies = np.empty(len(images))
        forces = np.empty((len(images), self.n_particles, 3))
        self.fill_path_forces(images, energies, forces)
        return energies, forces

    def fill_path_forces(
        self, images: np.ndarray, energies: np.ndarray, forces: np.ndarray
    ) -> None:
        """:meth:`path_energy_forces` into contiguous arrays (P,) and (P, N, 3) that exist.

        A relaxation calls this: new arrays for each of its steps would cost as much as the forces.
        """
        count = len(images)
        images = np.ascontiguousarray(images, dtype=np.float64)
        packed, packed_forces = self._room(-(-count // LANES))
        home = self.box * np.floor(images[0] / self.box)  # a list knows only the nearest boxes
        pack_images(images, home, packed)
        found, _ = self.lane_energy_forces(packed, packed_forces)
        unpack_forces(packed_forces, forces)
        energies[:] = found.reshape(-1)[:count]

    def _room(self, chunks: int) -> tuple[np.ndarray, np.ndarray]:
        """Two arrays (chunks, N, 3, LANES) that are kept from call to call."""
        if self._lanes.shape[1] < chunks:
            self._lanes = np.empty((2, chunks, self.n_particles, 3, LANES))
        return self._lanes[0, :chunks], self._lanes[1, :chunks]

    def lane_energy_forces(
        self, packed: np.ndarray, forces: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Energies (chunks, LANES) and forces of ``packed`` images (chunks, N, 3, LANES).

        Images must be near each other (one path, one glass): they share a neighbour list. The
        forces are written to ``forces`` where it is given (contiguous, shape of ``packed``).
        """
        if lane_moved(packed, self._path_centre, self._path_reach, 0.5 * PATH_SKIN):
            self._rebuild_path_list(packed)
        energies = np.empty((packed.shape[0], LANES))
        if forces is None:
            forces = np.empty_like(packed)
        if self._path_spread:
            self._one_by_one(packed, energies, forces)
        else:
            lane_energy_forces(packed, self._shifts, *self._path_lists, energies, forces)
        if not (energies < LARGEST_ENERGY).all():
            chunk, lane = np.argwhere(~(energies < LARGEST_ENERGY))[0]
            self._check_energy(
                np.inf, checked_positions(self.n_particles, packed[chunk, :, :, lane])
            )
        return energies, forces

    def _one_by_one(self, packed: np.ndarray, energies: np.ndarray, forces: np.ndarray) -> None:
        """Fill ``energies`` and ``forces`` of images too far apart for one shared list."""
        for chunk in range(len(packed)):
            for lane in range(LANES):
                energies[chunk, lane], forces[chunk, :, :, lane] = self.energy_forces(
                    packed[chunk, :, :, lane]
                )

    def _second_image_in_range(self) -> bool:
        """Whether, at some image, a pair may interact through other than its nearest image."""
        centre, reach = self._path_centre, self._path_reach
        free = 0.5 * self.box - self._longest - PATH_SKIN
        for i in np.flatnonzero(reach + reach.max() > free):
            d = np.abs(minimum_image(centre - centre[i], self.box))
            axis = d.argmax(axis=1)
            longest_component = d[np.arange(len(d)), axis]
            second = (d**2).sum(axis=1) - longest_component**2 + (self.box - longest_component) ** 2
            sigma = mixed_diameter.py_func(self.diameters, self.diameters[i])
            limit = CUTOFF * sigma + reach + reach[i] + PATH_SKIN
            close = second < limit**2
            close[i] = False
            if close.any():
                return True
        return False

    def _rebuild_path_list(self, packed: np.ndarray) -> None:
        """Make the list that holds for all images.

        The list holds one periodic image of a pair. Where particles stray so far that another
        one could come into range at some image, the images are to be evaluated one by one.
        """
        if not np.isfinite(packed).all():
            self._path_centre[:] = np.inf
            raise InputError("the images of a path have NaN or infinite positions")
        lane_reach(packed, self._path_centre, self._path_reach)
        self._path_spread = self._second_image_in_range()
        while not self._path_spread:
            count = build_list(
                self._path_centre, self._path_reach, self.diameters, self.box, PATH_SKIN, -1.0,
                *self._path_lists,
            )  # fmt: skip
            if 0 <= count <= len(self._path_lists[1]):
                return
            if count < 0:
                self._path_centre[:] = np.inf
                raise InputError("the images of a path are farther than a box from each other")
            self._path_lists = empty_lists(self.n_particles, int(1.2 * count) + 1)


def closest_pair(positions: np.ndarray, box: float) -> tuple[int, int, float]:
    """The two particles of ``positions`` (N, 3) nearest to each other, and their distance."""
    nearest = (0, 0, np.inf)
    for i in range(len(positions) - 1):
        vectors = minimum_image(positions[i + 1 :] - positions[i], box)
        distances = np.sqrt((vectors**2).sum(axis=1))
        j = int(np.argmin(distances))
        if distances[j] < nearest[2]:
            nearest = (i, i + 1 + j, float(distances[j]))
    return nearest
