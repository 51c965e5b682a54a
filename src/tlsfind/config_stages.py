"""The sections of the config of the stages from nothing to paths, one for each."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tlsfind.config_learning import Section

Temperature = Annotated[float, Field(ge=1e-3, le=10.0)]


class GlassGroup(Section):
    """Some glasses prepared alike."""

    preparation_temperature: Temperature = Field(description="T_f, where the liquid equilibrates")
    count: int = Field(default=1, ge=1, description="number of independent glasses")
    blocks: int | None = Field(
        default=None,
        ge=20,
        description="as `prepare.blocks`, for these glasses: colder liquids take longer",
    )
    frames: list[str] | None = Field(
        default=None,
        min_length=1,
        description="files (or patterns such as runs/dump.*) of own trajectories of one glass, "
        "LAMMPS dumps or extended XYZ: nothing is prepared or explored, frames are its visits",
    )

    diameter_from: Literal["charge"] | None = Field(
        default=None,
        description="column of the frames that holds the diameters where none is called so: "
        "`charge`, which some groups use for them",
    )

    @model_validator(mode="after")
    def _one_glass(self) -> GlassGroup:
        if self.frames is not None and self.count != 1:
            raise ValueError(
                f"frames belong to one glass, found count {self.count}; expected an entry of "
                "`glasses` for each"
            )
        if self.frames is not None and self.blocks is not None:
            raise ValueError(
                f"a glass of frames is not prepared, found blocks {self.blocks}; expected none"
            )
        return self

    def prepared(self, settings: Prepare) -> Prepare:
        """The settings of the preparation of these glasses, with their own blocks if any."""
        if self.blocks is None:
            return settings
        return settings.model_copy(update={"blocks": self.blocks})


class Prepare(Section):
    """Equilibration by molecular dynamics and particle swaps, then cooling (IV.B)."""

    blocks: int = Field(
        ge=20, description="blocks of swap attempts and molecular dynamics at the temperature T_f"
    )
    md_steps: int = Field(default=10, ge=1, description="molecular dynamics steps in a block")
    time_step: float = Field(default=0.01, gt=0, le=1.0, description="time step")
    swaps_per_particle: float = Field(
        default=5.0,
        ge=0,
        description="swap attempts in a block, divided by N; models of `model.lammps` have none",
    )
    max_diameter_difference: float = Field(
        default=0.25,
        gt=0,
        description="swaps of particles whose diameters differ by more are rejected unseen",
    )
    melt_temperature: float = Field(
        default=0.3, gt=0.1, le=5.0, description="temperature at which the starting lattice melts"
    )
    melt_blocks: int = Field(default=300, ge=0, description="blocks at the melt temperature")
    checkpoint_blocks: int = Field(
        default=1000, ge=1, description="blocks between restart files and evidence rows"
    )
    inherent_structures: int = Field(
        default=40, ge=4, description="quenches along the equilibration, as evidence of ageing"
    )
    cooling_temperature: Temperature = Field(
        default=0.04, description="final temperature of the glass"
    )
    cooling_time: float = Field(
        default=100.0, gt=0, description="duration of the cooling, unless a rate is given"
    )
    cooling_rate: float | None = Field(
        default=None,
        gt=0,
        description="temperature per time by which the thermostat is lowered from T_f; null: it is "
        "set to the final temperature at once, for `cooling_time`",
    )
    thermostat_time: float = Field(
        default=1.0, gt=0, description="relaxation time of the Berendsen thermostat"
    )


class Explore(Section):
    """Molecular dynamics with frequent quenches (IV.C)."""

    temperature: Temperature = Field(default=0.04, description="temperature of the dynamics")
    time_step: float = Field(default=0.01, gt=0, le=1.0, description="time step")
    trajectories: int = Field(ge=1, description="trajectories of each glass")
    trajectories_per_block: int = Field(default=4, ge=1, description="trajectories in one job")
    steps: int = Field(ge=1, description="time steps of a trajectory")
    quench_every: int = Field(ge=1, description="time steps between quenches")
    force_tolerance: float = Field(
        default=1e-6, gt=0, le=1e-2, description="largest force component of a minimum"
    )
    max_evaluations: int = Field(
        default=20000, ge=100, description="force evaluations after which a quench is given up"
    )
    recognition_radius: float = Field(
        default=0.02,
        ge=0,
        le=1,
        description="a quench that has come this close (total displacement d), or closer where "
        "the minimum is not harmonic so far, to a minimum that its trajectory has visited, on a "
        "harmonic slope towards it, ends there; 0: every quench is finished",
    )

    @model_validator(mode="after")
    def _some_quench(self) -> Explore:
        if self.quench_every > self.steps:
            raise ValueError(
                f"quench_every {self.quench_every} is above steps {self.steps}: no quench at all"
            )
        return self


class Landscape(Section):
    """When two quenched configurations are one minimum."""

    energy_window: float = Field(
        default=1e-6, gt=0, description="largest difference of total energy within one minimum"
    )
    displacement_tolerance: float = Field(
        default=1e-2, gt=0, description="largest total displacement d within one minimum"
    )


class Pairs(Section):
    """Features of all pairs (IV.E)."""

    particles: int = Field(
        default=3, ge=1, le=20, description="M, the number of most displaced particles"
    )
    rows_per_block: int = Field(
        default=100_000, ge=100, description="pairs computed and written at a time"
    )


class Paths(Section):
    """Minimum-energy paths and double wells (IV.C, IV.D)."""

    solver: Literal["string", "lammps-neb"] = Field(
        default="string",
        description="the string solver of tlsfind on any engine, or LAMMPS's `neb` with one "
        "process for each image (slow; the reference that the paper used)",
    )
    images: int = Field(default=40, ge=5, le=500, description="images of a path, ends included")
    neb_spring: float = Field(
        default=1.0, gt=0, description="spring constant kappa of `lammps-neb`"
    )
    time_step: float = Field(
        default=0.06,
        gt=0,
        le=10.0,
        description="longest time step of the relaxation; at most 1.2 over the root of the largest "
        "curvature of the energy",
    )
    steps: Literal["fire", "damped"] = Field(
        default="fire",
        description="steps of the string solver: FIRE for each image on its own, or plain damped "
        "dynamics (slower)",
    )
    first_images: int = Field(
        default=8,
        ge=5,
        le=500,
        description="images with which the string solver relaxes a path to `verdict_force` before "
        "it gets all its `images`; `images` or more: all from the start",
    )
    verdict_force: float = Field(
        default=0.1, gt=0, description="perpendicular force at which the first verdict is taken"
    )
    force_tolerance: float = Field(
        default=0.01, gt=0, description="perpendicular force at which the final verdict is taken"
    )
    splitting_tolerance: float = Field(
        default=0.01,
        gt=0,
        description="a double well is relaxed further, each time to a third of the force, until "
        "this is the largest relative change of E_qs in any unit system",
    )
    refinements: int = Field(
        default=3, ge=0, le=10, description="most of these further relaxations"
    )
    max_iterations: int = Field(
        default=2000, ge=10, description="iterations after which a path is not converged"
    )
    noise: float = Field(
        default=1e-5,
        gt=0,
        description="wells and barriers shallower than this energy are noise, not wells",
    )
    extrapolation_energy: float = Field(
        default=0.5,
        gt=0,
        description="the profile is continued beyond both minima up to this energy above its top",
    )
    grid: int = Field(
        default=2001, ge=101, description="points of the finite-difference Schroedinger solver"
    )
    batch: int = Field(default=50, ge=1, description="paths in one job")
