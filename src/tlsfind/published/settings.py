"""The config of published mode: where the authors' tables are, and what is made of them.

It shares the sections ``run``, ``learn``, ``scans`` and ``analysis`` with the config of a run; the
JSON schema and the reference page are generated from it in the same way.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from tlsfind.config import Analysis, Learn, Run, Scans, Section, digest, read_yaml
from tlsfind.config_errors import sections, validated
from tlsfind.errors import ConfigError
from tlsfind.units import BUILT_IN, UnitSystem

#: The section by which a config of this mode is known.
SECTION = "published"


class Published(Section):
    """The authors' tables and their use."""

    folder: Path = Field(
        description="folder with the authors' tables (`pretraining-classifier-LABEL.feather`, "
        "`pretraining-predictor-LABEL.feather`, `quantum_splitting_LABEL.csv`, "
        "`nonDW_LABEL.csv`), or a copy of their repository; relative to the working directory"
    )
    min_displacement: float = Field(
        default=1e-3, ge=0, description="pairs with a total displacement d below this are dropped"
    )
    folds: int = Field(
        default=2,
        ge=2,
        le=20,
        description="the labelled pairs are dealt out to so many parts, at random and by glass; "
        "the first one is held out, and the models learn from the others",
    )
    training_pairs: int = Field(
        default=10_000,
        ge=100,
        description="most double wells that the splitting predictor learns from, and most pairs "
        "that the classifier does (the paper: 10000 at T_f = 0.07)",
    )
    particles: int = Field(
        default=1500,
        ge=1,
        description="particles of a glass, at density 1 also its volume, for densities of TLS",
    )


class PublishedConfig(Section):
    """Everything that the published mode depends on."""

    run: Run = Field(
        default_factory=lambda: Run(name="published", output=Path("results/published"))
    )
    published: Published
    learn: Learn = Field(default_factory=Learn)
    scans: Scans = Field(default_factory=Scans)
    analysis: Analysis = Field(default_factory=Analysis)

    @property
    def unit_systems(self) -> dict[str, UnitSystem]:
        """All known unit systems by name."""
        return dict(BUILT_IN)

    @property
    def unit_name(self) -> str:
        """The unit system of the authors' E_qs."""
        return "argon"

    @property
    def unit(self) -> UnitSystem:
        """The same with its numbers."""
        return BUILT_IN[self.unit_name]

    @property
    def hash(self) -> str:
        """Short hash of everything except the output folder and the figures' looks."""
        content = self.model_dump(mode="json", exclude={"run": {"output"}, "analysis": True})
        return digest(content)[:12]


def parse(content: Any, source: str = "config") -> PublishedConfig:
    """Validate the content of a config file of this mode.

    Raises:
        ConfigError: listing every wrong or missing key.
    """
    content = sections(content, source)
    if SECTION not in content:
        raise ConfigError(
            f"{source} has no section `{SECTION}`: it is no config of published mode, expected one "
            "like config/published.yaml"
        )
    return validated(PublishedConfig, content, source)


def load(path: Path | str) -> PublishedConfig:
    """Read and validate a YAML config file of this mode.

    Raises:
        ConfigError: the file is missing, not YAML, or does not validate.
    """
    return parse(read_yaml(path), str(path))
