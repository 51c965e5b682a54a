"""The native engine: the paper's polydisperse soft spheres in Numba."""

from __future__ import annotations

import numpy as np

from tlsfind.configuration import wrap
from tlsfind.engine.base import Quench, State
from tlsfind.engine.native import dynamics, minimise
from tlsfind.engine.native.forces import energy_forces
from tlsfind.engine.native.lanes import LANES, lane_energy_forces, lane_moved, lane_reach
from tlsfind.engine.native.neighbours import build_list, longest_range, shift_table
from tlsfind.errors import InputError

SKIN = 0.3
PATH_SKIN = 0.2

Lists = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def empty_lists(n: int, capacity: int) -> Lists:
    """An empty half list for ``n`` particles with room for ``capacity`` pairs."""
    return (
        np.zeros(n + 1, np.int64),
        np.zeros(capacity, np.int32),
        np.zeros(capacity),
        np.zeros(capacity, np.int8),
    )


class NativeEngine:
    """Energies, forces, quenches and dynamics of particles with fixed diameters.

    Args:
        diameters: (N,).
        box: edge of the cubic box.
        skin: range added to the neighbour lists.

    Raises:
        InputError: the box is too small for the minimum-image convention.
    """

    def __init__(self, diameters: np.ndarray, box: float, skin: float = SKIN):
        self.diameters = np.ascontiguousarray(diameters, dtype=np.float64)
        self.n_particles = len(self.diameters)
        self.box = float(box)
        self.skin = float(skin)
        self._reach = np.zeros(self.n_particles)
        self._reference = np.full((self.n_particles, 3), np.inf)
        self._shifts = shift_table(self.box)
        self._lists = empty_lists(self.n_particles, 16 * self.n_particles)
        self._path_lists = empty_lists(self.n_particles, 16 * self.n_particles)
        self._path_centre = np.full((self.n_particles, 3), np.inf)
        self._path_reach = np.zeros(self.n_particles)
        longest = longest_range(self._reach, self.diameters, 0.0, -1.0)
        if longest > 0.5 * self.box:
            raise InputError(
                f"the box edge {self.box:g} is too small: the longest interaction range is "
                f"{longest:g}, expected at most half the box edge"
            )

    def _checked(self, positions: np.ndarray) -> np.ndarray:
        positions = np.asarray(positions, dtype=np.float64)
        if positions.shape != (self.n_particles, 3):
            raise InputError(
                f"positions have shape {positions.shape}, expected ({self.n_particles}, 3)"
            )
        return positions

    def _grow(self) -> None:
        self._lists = empty_lists(self.n_particles, 2 * len(self._lists[1]))
        self._reference[:] = np.inf

    def _refresh(self, positions: np.ndarray) -> None:
        while True:
            status = dynamics.refresh_list(
                positions, self._reference, self._reach, self.diameters, self.box, self.skin,
                self._lists,
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
        folded = wrap(self._checked(positions), self.box)
        self._refresh(folded)
        forces = np.empty_like(folded)
        energy = energy_forces(folded, self._shifts, *self._lists, forces)
        return float(energy), forces

    def quench(
        self, positions: np.ndarray, force_tolerance: float = 1e-6, max_evaluations: int = 20000
    ) -> Quench:
        """The inherent structure of ``positions`` (N, 3), unwrapped along the descent.

        The neighbour list is made anew, so that the result depends on ``positions`` alone.
        """
        original = self._checked(positions)
        current = wrap(original, self.box)
        offset = original - current
        self._reference[:] = np.inf
        forces = np.empty_like(current)
        evaluations = 0
        while True:
            status, energy, largest, spent = minimise.quench(
                current, forces, force_tolerance, max_evaluations - evaluations, self.diameters,
                self.box, self.skin, self._reference, self._reach, self._lists, self._shifts,
            )  # fmt: skip
            evaluations += spent
            if status in (minimise.OK, minimise.NOT_CONVERGED):
                break
            self._recover(status)
        return Quench(
            positions=current + offset,
            energy=float(energy),
            max_force=float(largest),
            evaluations=int(evaluations),
            converged=status == minimise.OK,
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

        Returns:
            (steps, 2): potential and kinetic energy after each step.

        Raises:
            InputError: the dynamics diverged.
        """
        energies = np.empty((steps, 2))
        coupling = time_step / thermostat_time if thermostat_time > 0 else 0.0
        current = wrap(self._checked(state.positions), self.box)
        offset = state.positions - current
        self._refresh(current)
        forces = np.empty_like(current)
        energy_forces(current, self._shifts, *self._lists, forces)
        done = 0
        while done < steps:
            status, count = dynamics.velocity_verlet(
                current, state.velocities, forces, time_step, steps - done, temperature, coupling,
                self.diameters, self.box, self.skin, self._reference, self._reach, self._lists,
                self._shifts, energies[done:],
            )  # fmt: skip
            done += count
            if status != dynamics.OK:
                self._recover(status)
                self._refresh(current)
        state.positions[:] = current + offset
        return energies

    def path_energy_forces(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Energies (P,) and forces (P, N, 3) of ``images`` (P, N, 3), unwrapped along the path."""
        count = len(images)
        chunks = -(-count // LANES)
        padded = np.empty((chunks * LANES, self.n_particles, 3))
        padded[:count] = images
        padded[count:] = images[-1]
        packed = np.ascontiguousarray(
            padded.reshape(chunks, LANES, self.n_particles, 3).transpose(0, 2, 3, 1)
        )
        energies, forces = self.lane_energy_forces(packed)
        unpacked = forces.transpose(0, 3, 1, 2).reshape(chunks * LANES, self.n_particles, 3)
        return energies.reshape(-1)[:count].copy(), unpacked[:count].copy()

    def lane_energy_forces(
        self, packed: np.ndarray, forces: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Energies (chunks, LANES) and forces of ``packed`` images (chunks, N, 3, LANES).

        Images must be near each other (one path, one glass): they share a neighbour list.
        """
        if not lane_moved_is_safe(packed, self._path_centre, self._path_reach):
            self._rebuild_path_list(packed)
        energies = np.empty((packed.shape[0], LANES))
        if forces is None:
            forces = np.empty_like(packed)
        lane_energy_forces(packed, self._shifts, *self._path_lists, energies, forces)
        return energies, forces

    def _rebuild_path_list(self, packed: np.ndarray) -> None:
        lane_reach(packed, self._path_centre, self._path_reach)
        while True:
            count = build_list(
                self._path_centre, self._path_reach, self.diameters, self.box, PATH_SKIN, -1.0,
                *self._path_lists,
            )  # fmt: skip
            if 0 <= count <= len(self._path_lists[1]):
                return
            if count < 0:
                self._path_centre[:] = np.inf
                raise InputError("the images of a path are not finite or farther than a box apart")
            self._path_lists = empty_lists(self.n_particles, int(1.2 * count) + 1)


def lane_moved_is_safe(packed: np.ndarray, centre: np.ndarray, reach: np.ndarray) -> bool:
    """Whether the list built around ``centre`` and ``reach`` still holds for all images."""
    return not lane_moved(packed, centre, reach, 0.5 * PATH_SKIN)
