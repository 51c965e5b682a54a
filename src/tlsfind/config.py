"""The configuration of a run: the single source of keys, defaults, units and descriptions.

Every quantity is in reduced units (energy eps, length sigma, time sqrt(m sigma^2 / eps)) unless
its description names another unit. The JSON schema in ``workflow/schemas`` and the reference page
in ``docs`` are generated from these models.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, field_validator, model_validator

from tlsfind.config_errors import UniqueKeys, sections, validated
from tlsfind.config_learning import Learn as Learn
from tlsfind.config_learning import Loop as Loop
from tlsfind.config_learning import Section as Section
from tlsfind.config_model import Engine as Engine
from tlsfind.config_model import LammpsModel as LammpsModel
from tlsfind.config_model import Model as Model
from tlsfind.config_scans import Scans as Scans
from tlsfind.config_stages import Explore as Explore
from tlsfind.config_stages import GlassGroup as GlassGroup
from tlsfind.config_stages import Landscape as Landscape
from tlsfind.config_stages import Pairs as Pairs
from tlsfind.config_stages import Paths as Paths
from tlsfind.config_stages import Prepare as Prepare
from tlsfind.errors import ConfigError
from tlsfind.units import BUILT_IN, UnitSystem

#: Bounds of the built-in model: it boils far below, and its trajectories drift above.
HIGHEST_TEMPERATURE = 1.0
LONGEST_TIME_STEP = 0.05


class Run(Section):
    """Name, seed and place of a run."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="name of the run, used in titles"
    )
    output: Path = Field(description="folder that receives every result")
    seed: int = Field(default=1, ge=0, description="the one seed of all random numbers")


class Validation(Section):
    """The check of a sample of the run by LAMMPS."""

    enabled: bool = Field(default=True, description="whether the run checks itself")
    minima: int = Field(
        default=8, ge=0, description="minima whose energies, forces and quenches are checked"
    )
    double_wells: int = Field(
        default=1, ge=0, description="double wells, other than TLS, whose paths are solved again"
    )
    tls: int = Field(default=1, ge=0, description="TLS whose paths are solved again")
    solver: Literal["string", "lammps-neb"] = Field(
        default="string", description="how paths are solved again, on forces of LAMMPS"
    )
    energy_tolerance: float = Field(
        default=1e-10, gt=0, description="largest difference of energy per particle"
    )
    force_tolerance: float = Field(
        default=1e-8, gt=0, description="largest difference of a force component"
    )
    barrier_tolerance: float = Field(
        default=1e-4, gt=0, description="largest difference of a barrier"
    )
    splitting_tolerance: float = Field(
        default=0.02, gt=0, description="largest relative difference of E_qs"
    )


class Analysis(Section):
    """Figures and report."""

    formats: list[Literal["png", "svg", "pdf"]] = Field(
        default=["png", "svg"], min_length=1, description="file formats of the figures"
    )
    min_points: int = Field(
        default=10, ge=2, description="fewest points from which a distribution is drawn"
    )
    landscape_glass: str | None = Field(
        default=None,
        description="glass of the disconnectivity graph; null: the one with most TLS",
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
    engine: Engine = Field(default_factory=Engine)
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
    validation: Validation = Field(default_factory=Validation)
    analysis: Analysis = Field(default_factory=Analysis)
    scans: Scans = Field(default_factory=Scans)

    @model_validator(mode="before")
    @classmethod
    def _own_trajectories(cls, content: Any) -> Any:
        """Let a config whose glasses all come with frames leave out what makes and moves them."""
        glasses = content.get("glasses") if isinstance(content, dict) else None
        if not isinstance(glasses, list) or not glasses:
            return content
        if all(isinstance(group, dict) and group.get("frames") for group in glasses):
            unused = {"trajectories": 1, "steps": 1, "quench_every": 1}
            explore = content.get("explore")
            if explore is None or isinstance(explore, dict):
                content = {**content, "explore": {**unused, **(explore or {})}}
            content = {"prepare": {"blocks": 20}, **content}
        return content

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
        if self.model.lammps is None:
            self._within_built_in_bounds()
        elif self.engine.name == "native":
            raise ValueError(
                "engine.name is native, which knows only the built-in model; expected lammps (or "
                "null) beside model.lammps"
            )
        self._consistent_temperatures()
        named = self.analysis.landscape_glass
        if named is not None and named not in self.glass_names:
            raise ValueError(
                f"analysis.landscape_glass is {named!r}, expected one of {self.glass_names[0]} ... "
                f"{self.glass_names[-1]}, or null"
            )
        if self.loop.min_iterations > self.loop.max_iterations:
            raise ValueError(
                f"loop.min_iterations {self.loop.min_iterations} is above loop.max_iterations "
                f"{self.loop.max_iterations}"
            )
        return self

    def _consistent_temperatures(self) -> None:
        """Raise a ValueError where a glass that is made here would melt, or would never have."""
        made = [group for group in self.glasses if group.frames is None]
        if not made:
            return
        lowest = min(group.preparation_temperature for group in made)
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
        highest = max(group.preparation_temperature for group in made)
        if self.prepare.melt_blocks and self.prepare.melt_temperature < highest:
            raise ValueError(
                f"prepare.melt_temperature {self.prepare.melt_temperature} is below the highest "
                f"preparation_temperature {highest}: the starting lattice might not melt"
            )

    def _within_built_in_bounds(self) -> None:
        """Raise a ValueError where the built-in model would boil or its dynamics drift."""
        highest = max(group.preparation_temperature for group in self.glasses)
        temperatures = {
            "explore.temperature": self.explore.temperature,
            "prepare.cooling_temperature": self.prepare.cooling_temperature,
            "glasses.preparation_temperature": highest,
        }
        steps = {
            "explore.time_step": self.explore.time_step,
            "prepare.time_step": self.prepare.time_step,
        }
        for values, bound in ((temperatures, HIGHEST_TEMPERATURE), (steps, LONGEST_TIME_STEP)):
            for key, value in values.items():
                if value > bound:
                    raise ValueError(
                        f"{key} is {value:g}, expected at most {bound:g} for the built-in model"
                    )

    @property
    def engine_name(self) -> Literal["native", "lammps"]:
        """The engine that moves the particles."""
        if self.engine.name is not None:
            return self.engine.name
        return "native" if self.model.lammps is None else "lammps"

    @property
    def unit_systems(self) -> dict[str, UnitSystem]:
        """All unit systems by name, the one that drives the loop first.

        The built-in ones belong to the built-in model: beside ``model.lammps`` they count only
        where the config has none of its own, or where the loop names one.
        """
        systems = {**BUILT_IN, **self.units}
        if self.model.lammps is not None and self.units:
            wanted = {*self.units, self.loop.unit_system}
            systems = {name: system for name, system in systems.items() if name in wanted}
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
        return names.index(name), self.group(name).preparation_temperature

    def group(self, name: str) -> GlassGroup:
        """The group of ``glasses`` that a glass belongs to.

        Raises:
            ValueError: there is no glass of that name.
        """
        groups = [group for group in self.glasses for _ in range(group.count)]
        return groups[self.glass_names.index(name)]

    def prepare_of(self, glass: str) -> Prepare:
        """The settings of the preparation of a glass, with the blocks of its own group if any.

        Raises:
            ValueError: there is no glass of that name.
        """
        return self.group(glass).prepared(self.prepare)

    @property
    def trajectory_blocks(self) -> int:
        """Number of exploration jobs of a glass."""
        return -(-self.explore.trajectories // self.explore.trajectories_per_block)

    def block_names(self, glass: str) -> list[str]:
        """Names 000, 001, ... of the blocks of trajectories of a glass; imported ones are one."""
        count = self.trajectory_blocks if self.group(glass).frames is None else 1
        return [f"{block:03d}" for block in range(count)]

    @property
    def hash(self) -> str:
        """Short hash of everything except the output folder, the figures' looks and the scans."""
        content = self.model_dump(
            mode="json", exclude={"run": {"output"}, "analysis": True, "scans": True}
        )
        return digest(content)[:12]


def digest(content: dict[str, Any]) -> str:
    """SHA-256 of content that JSON can hold, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def parse(content: Any, source: str = "config") -> Config:
    """Validate the content of a config file.

    Raises:
        ConfigError: listing every wrong or missing key.
    """
    content = sections(content, source)
    if "published" in content:
        raise ConfigError(
            f"{source} is a config of published mode (it has a section `published`), expected the "
            "config of a run; `snakemake published` and `tlsfind published` take it"
        )
    return validated(Config, content, source)


def load(path: Path | str) -> Config:
    """Read and validate a YAML config file.

    Raises:
        ConfigError: the file is missing, not YAML, or does not validate.
    """
    return parse(read_yaml(path), str(path))


def read_yaml(path: Path | str) -> Any:
    """The content of a YAML config file, not validated.

    Raises:
        ConfigError: the file is missing or not YAML.
    """
    path = Path(path)
    try:
        return yaml.load(path.read_text(), Loader=UniqueKeys)
    except FileNotFoundError:
        raise ConfigError(f"config file {path} does not exist") from None
    except IsADirectoryError:
        inside = path / "config.yaml"
        hint = f"; the config of this run is {inside}" if inside.is_file() else ""
        raise ConfigError(f"{path} is a folder, expected a config file (YAML){hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"config file {path} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"config file {path} is not valid YAML: {error}") from None


def dump(config: Config) -> str:
    """The config with every default spelled out, as YAML."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
