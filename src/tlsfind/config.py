"""The configuration of a run: the single source of keys, defaults, units and descriptions.

Every quantity is in reduced units (energy eps, length sigma, time sqrt(m sigma^2 / eps)) unless
its description names another unit. The JSON schema in ``workflow/schemas`` and the reference page
in ``docs`` are generated from these models.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from tlsfind.config_errors import UniqueKeys, describe
from tlsfind.config_learning import Learn as Learn
from tlsfind.config_learning import Loop as Loop
from tlsfind.config_learning import Section as Section
from tlsfind.errors import ConfigError
from tlsfind.units import BUILT_IN, UnitSystem

Temperature = Annotated[float, Field(ge=1e-3, le=1.0)]


class Run(Section):
    """Name, seed and place of a run."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="name of the run, used in titles"
    )
    output: Path = Field(description="folder that receives every result")
    seed: int = Field(default=1, ge=0, description="the one seed of all random numbers")


class Model(Section):
    """The polydisperse soft spheres of the paper (IV.A, Eq. 2)."""

    n_particles: int = Field(default=1500, ge=200, description="number of particles N")
    density: float = Field(default=1.0, gt=0, le=2, description="number density N / L^3")
    diameter_min: float = Field(default=0.73, gt=0, description="smallest diameter")
    diameter_max: float = Field(default=1.62, gt=0, description="largest diameter")
    diameters: Literal["quantiles", "random"] = Field(
        default="quantiles",
        description="how diameters follow P(sigma) ~ sigma^-3: equally spaced quantiles, alike in "
        "every glass, or independent draws, whose inherent energies scatter between glasses far "
        "more than the published ones",
    )
    unit_mean: bool = Field(
        default=False,
        description="rescale the diameters so that their mean is exactly 1; P(sigma) has the mean "
        "1.00647, and only without rescaling are the published inherent energies reproduced",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Model:
        if self.diameter_max < self.diameter_min:
            raise ValueError(
                f"diameter_max {self.diameter_max} is below diameter_min {self.diameter_min}"
            )
        return self


class GlassGroup(Section):
    """Some glasses prepared alike."""

    preparation_temperature: Temperature = Field(description="T_f, where the liquid equilibrates")
    count: int = Field(ge=1, description="number of independent glasses")


class Prepare(Section):
    """Equilibration by molecular dynamics and particle swaps, then cooling (IV.B)."""

    blocks: int = Field(
        ge=20, description="blocks of swap attempts and molecular dynamics at the temperature T_f"
    )
    md_steps: int = Field(default=10, ge=1, description="molecular dynamics steps in a block")
    time_step: float = Field(default=0.01, gt=0, le=0.05, description="time step")
    swaps_per_particle: float = Field(
        default=5.0, ge=0, description="swap attempts in a block, divided by N"
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
    cooling_time: float = Field(default=100.0, gt=0, description="duration of the cooling")
    thermostat_time: float = Field(
        default=1.0, gt=0, description="relaxation time of the Berendsen thermostat"
    )


class Explore(Section):
    """Molecular dynamics with frequent quenches (IV.C)."""

    temperature: Temperature = Field(default=0.04, description="temperature of the dynamics")
    time_step: float = Field(default=0.01, gt=0, le=0.05, description="time step")
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

    images: int = Field(default=40, ge=5, le=500, description="images of a path, ends included")
    verdict_force: float = Field(
        default=0.1, gt=0, description="perpendicular force at which the first verdict is taken"
    )
    force_tolerance: float = Field(
        default=0.01, gt=0, description="perpendicular force at which the final verdict is taken"
    )
    splitting_tolerance: float = Field(
        default=0.02,
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


class Analysis(Section):
    """Figures and report."""

    formats: list[Literal["png", "svg", "pdf"]] = Field(
        default=["png", "svg"], min_length=1, description="file formats of the figures"
    )
    min_points: int = Field(
        default=10, ge=2, description="fewest points from which a distribution is drawn"
    )
    explain_sample: int = Field(
        default=200, ge=10, description="pairs whose SHAP values are computed, for each model"
    )
    explain_background: int = Field(
        default=50, ge=5, description="pairs that stand for the average in the SHAP values"
    )
    permutations: int = Field(
        default=10, ge=1, description="shuffles of each feature for its permutation importance"
    )


class Config(Section):
    """Everything that a run depends on."""

    run: Run
    model: Model = Field(default_factory=Model)
    glasses: list[GlassGroup] = Field(min_length=1, description="glasses to prepare")
    prepare: Prepare
    explore: Explore
    landscape: Landscape = Field(default_factory=Landscape)
    pairs: Pairs = Field(default_factory=Pairs)
    paths: Paths = Field(default_factory=Paths)
    units: dict[str, UnitSystem] = Field(
        default_factory=dict,
        description="unit systems besides the built-in `argon` and `nip`, by name",
    )
    learn: Learn = Field(default_factory=Learn)
    loop: Loop = Field(default_factory=Loop)
    analysis: Analysis = Field(default_factory=Analysis)

    @field_validator("units")
    @classmethod
    def _names(cls, units: dict[str, UnitSystem]) -> dict[str, UnitSystem]:
        for name in units:
            if not name.isidentifier() or name != name.lower():
                raise ValueError(
                    f"unit system {name!r}: expected a lower-case identifier (it names columns)"
                )
        return units

    @model_validator(mode="after")
    def _consistent(self) -> Config:
        if self.loop.unit_system not in self.unit_systems:
            raise ValueError(
                f"loop.unit_system is {self.loop.unit_system!r}, expected one of "
                f"{sorted(self.unit_systems)}"
            )
        lowest = min(group.preparation_temperature for group in self.glasses)
        if self.prepare.cooling_temperature > lowest:
            raise ValueError(
                f"prepare.cooling_temperature {self.prepare.cooling_temperature} is above the "
                f"lowest preparation_temperature {lowest}"
            )
        if self.explore.temperature > lowest:
            raise ValueError(
                f"explore.temperature {self.explore.temperature} is above the lowest "
                f"preparation_temperature {lowest}: the glass would melt"
            )
        highest = max(group.preparation_temperature for group in self.glasses)
        if self.prepare.melt_blocks and self.prepare.melt_temperature < highest:
            raise ValueError(
                f"prepare.melt_temperature {self.prepare.melt_temperature} is below the highest "
                f"preparation_temperature {highest}: the starting lattice might not melt"
            )
        if self.loop.min_iterations > self.loop.max_iterations:
            raise ValueError(
                f"loop.min_iterations {self.loop.min_iterations} is above loop.max_iterations "
                f"{self.loop.max_iterations}"
            )
        return self

    @property
    def unit_systems(self) -> dict[str, UnitSystem]:
        """All unit systems by name, the one that drives the loop first."""
        systems = {**BUILT_IN, **self.units}
        first = self.loop.unit_system
        if first in systems:
            systems = {first: systems[first], **systems}
        return systems

    @property
    def glass_names(self) -> list[str]:
        """Stable names of the glasses, e.g. ``T0.092-0003``, in the order of the config."""
        counts: dict[str, int] = {}
        names = []
        for group in self.glasses:
            stem = f"T{group.preparation_temperature:g}"
            for _ in range(group.count):
                names.append(f"{stem}-{counts.get(stem, 0):04d}")
                counts[stem] = counts.get(stem, 0) + 1
        return names

    def glass(self, name: str) -> tuple[int, float]:
        """Index and preparation temperature of a glass.

        Raises:
            ConfigError: there is no glass of that name.
        """
        names = self.glass_names
        if name not in names:
            raise ConfigError(
                f"no glass {name!r} in the config, expected one of {names[0]} ... {names[-1]}"
            )
        index = names.index(name)
        temperatures = [g.preparation_temperature for g in self.glasses for _ in range(g.count)]
        return index, temperatures[index]

    @property
    def trajectory_blocks(self) -> int:
        """Number of exploration jobs of a glass."""
        return -(-self.explore.trajectories // self.explore.trajectories_per_block)

    @property
    def hash(self) -> str:
        """Short hash of everything except the output folder and the figures' looks."""
        content = self.model_dump(mode="json", exclude={"run": {"output"}, "analysis": True})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def parse(content: Any, source: str = "config") -> Config:
    """Validate the content of a config file.

    Raises:
        ConfigError: listing every wrong or missing key.
    """
    if not isinstance(content, dict):
        raise ConfigError(
            f"{source}: expected a mapping of sections, found {type(content).__name__}"
        )
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        raise ConfigError(describe(error, Config, source)) from None


def load(path: Path | str) -> Config:
    """Read and validate a YAML config file.

    Raises:
        ConfigError: the file is missing, not YAML, or does not validate.
    """
    path = Path(path)
    try:
        content = yaml.load(path.read_text(), Loader=UniqueKeys)
    except FileNotFoundError:
        raise ConfigError(f"config file {path} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"config file {path} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"config file {path} is not valid YAML: {error}") from None
    return parse(content, str(path))


def dump(config: Config) -> str:
    """The config with every default spelled out, as YAML."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
