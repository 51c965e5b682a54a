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
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from tlsfind.config_errors import UniqueKeys, describe
from tlsfind.errors import ConfigError
from tlsfind.units import BUILT_IN, UnitSystem

Temperature = Annotated[float, Field(ge=1e-3, le=1.0)]


class Section(BaseModel):
    """A part of the config. Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


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


class Learn(Section):
    """The models (IV.F, IV.G), bounded by rounds and folds so that runs are reproducible."""

    features: Literal["physics", "plain"] = Field(
        default="physics",
        description="what the ensembles see: `plain`: the columns of the pairs table, as in the "
        "paper; `physics`: logarithms, ratios and scales made of them",
    )
    models: list[Literal["lightgbm", "catboost", "extra_trees"]] = Field(
        default=["lightgbm", "catboost", "extra_trees"],
        min_length=1,
        description="kinds of models in the ensembles",
    )
    rounds: int = Field(default=300, ge=10, description="most boosting rounds of a model")
    trees: int = Field(default=60, ge=10, description="trees of the extremely randomised model")
    leaf: int = Field(
        default=2, ge=1, description="fewest rows in a leaf of the extremely randomised model"
    )
    folds: int = Field(default=5, ge=2, le=10, description="folds of the bagging")
    split: Literal["row", "glass"] = Field(
        default="row",
        description="how rows go to folds, from which rounds and weights of the ensemble are "
        "chosen: `row` at random, for predictions in the glasses of the training rows; `glass`: "
        "those of a glass together, for predictions in new glasses",
    )
    stack_levels: int = Field(
        default=0, ge=0, le=3, description="stacking levels of the splitting predictor"
    )
    splitting_target: Literal["log", "paper"] = Field(
        default="log",
        description="`log`: fit -log10 E_qs, all rows alike; `paper`: the same with weights "
        "1 / E_qs (Eq. 5)",
    )
    screen_rounds: int = Field(
        default=200, ge=10, le=2000, description="trees of the screening models, of depth 6"
    )
    screen_share: float = Field(
        default=0.1,
        gt=0,
        le=1,
        description="share of the pairs, those of highest screening score, that the ensembles "
        "predict again; with them all that score as high as any held-out TLS of the training rows",
    )
    pool_sample: int = Field(
        default=100_000,
        ge=1000,
        description="random pairs on which the score of this share is found",
    )
    time_limit: float = Field(
        default=600.0, gt=0, description="safety net for the training of one model, in seconds"
    )
    min_double_wells: int = Field(
        default=20, ge=10, description="fewest double wells (and others) to train on"
    )
    glasses_per_job: int = Field(default=20, ge=1, description="glasses in one prediction job")


class Loop(Section):
    """The active loop (IV.H)."""

    initial_paths: int = Field(default=300, ge=20, description="K_0, paths before any model")
    initial_transition_share: float = Field(
        default=0.5, ge=0, le=1, description="share of K_0 drawn from pairs with transitions"
    )
    initial_close_share: float = Field(
        default=0.4,
        ge=0,
        le=1,
        description="share of K_0 drawn from close pairs without transitions",
    )
    close_displacement: float = Field(
        default=1.0, gt=0, description="total displacement d below which a pair is close"
    )
    paths_per_iteration: int = Field(default=250, ge=1, description="K_i")
    max_iterations: int = Field(
        default=20, ge=1, description="most iterations after the first batch"
    )
    min_iterations: int = Field(
        default=1, ge=1, description="iterations that are run whatever the stopping rule says"
    )
    stop_fraction: float = Field(
        default=0.01,
        ge=0,
        lt=1,
        description="stop when the last batch adds less than this share of all TLS",
    )
    acquisition: Literal[
        "lowest_splitting",
        "tls_probability",
        "lower_confidence",
        "smallest_delta_e",
        "standard",
        "random",
    ] = Field(default="tls_probability", description="rule that picks the next paths")
    gate: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="smallest double-well probability of a pair picked by `lowest_splitting` or "
        "`lower_confidence`",
    )
    confidence: float = Field(
        default=0.1,
        gt=0,
        lt=1,
        description="`lower_confidence` goes by the E_qs below which the exact one lies with this "
        "probability",
    )
    stop_on: Literal["last_batch", "missing", "either"] = Field(
        default="last_batch",
        description="`last_batch`: the rule of `stop_fraction`; `missing`: the rule of "
        "`missing_fraction`; `either`: whichever is met first",
    )
    missing_fraction: float = Field(
        default=0.1,
        gt=0,
        lt=1,
        description="stop when the upper end of the interval of TLS still missing is below this "
        "share of all, found and missing",
    )
    start_model: Path | None = Field(
        default=None,
        description="warm start: folder of models (`loop/{k}/model` of another run, or what "
        "`tlsfind train-table` wrote) that picks the initial batch but for `start_explore`",
    )
    start_table: Path | None = Field(
        default=None,
        description="warm start: labelled table of other glasses (`labelled.parquet` of a run, or "
        "what `tlsfind import authors` wrote) whose rows are added to every training; without "
        "`start_model`, models trained on it alone pick the initial batch",
    )
    start_explore: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="share of a warm started initial batch that is drawn from the strata",
    )
    unit_system: str = Field(
        default="argon", description="unit system whose splitting and threshold drive the loop"
    )
    standard_transitions: int = Field(
        default=4, ge=1, description="smallest min(T_ab, T_ba) of the standard procedure"
    )
    standard_paths: int = Field(
        default=200,
        ge=0,
        description="most paths spent on the standard procedure, for comparison, over all glasses",
    )

    @model_validator(mode="after")
    def _shares(self) -> Loop:
        total = self.initial_transition_share + self.initial_close_share
        if total > 1 + 1e-12:
            raise ValueError(
                "initial_transition_share + initial_close_share is "
                f"{total:g}, expected at most 1 (the rest are far pairs)"
            )
        return self


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
