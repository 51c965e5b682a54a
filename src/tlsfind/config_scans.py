"""The section ``scans`` of the config: studies of the models on labelled pairs (S1 to S5)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from tlsfind.config_learning import Section

Particles = Annotated[int, Field(ge=1, le=20)]
Rounds = Annotated[int, Field(ge=10, le=100_000)]
Count = Annotated[int, Field(ge=1)]
Pairs = Annotated[int, Field(ge=20)]


class Scans(Section):
    """Scans of the models on labelled pairs, `snakemake scans` (paper, Figs. S1 to S5)."""

    held_out: float = Field(
        default=0.1, gt=0.0, le=0.5, description="share of the pairs that scores are taken on"
    )
    splits: list[Literal["row", "glass"]] = Field(
        default=["row", "glass"],
        min_length=1,
        description="what is held out: pairs at random (`row`, as in the paper) or whole glasses",
    )
    repeats: int = Field(
        default=3, ge=1, description="repetitions with other pairs held out and other seeds"
    )
    training_pairs: int = Field(
        default=10_000,
        ge=20,
        description="most pairs that a model is trained on, drawn at random; the sizes have their "
        "own key",
    )
    features: Literal["plain", "physics"] = Field(
        default="plain",
        description="what the models see, instead of `learn.features`; `plain` is the paper's, and "
        "what single features are told apart by",
    )
    particles: list[Particles] = Field(
        default=[1, 2, 3, 4, 5, 8], min_length=1, description="values of M"
    )
    sizes: list[Pairs] = Field(
        default=[100, 300, 1000, 3000, 7000, 10_000, 30_000],
        min_length=1,
        description="numbers of training pairs; those beyond the table are left out",
    )
    rounds: list[Rounds] = Field(
        default=[10, 30, 100, 300, 1000],
        min_length=1,
        description="boosting rounds, the measure of the training time that is the same anywhere; "
        "the seconds are recorded",
    )
    feature_counts: list[Count] | None = Field(
        default=None,
        description="numbers of features that models are trained on, and all of them (Fig. S5); "
        "null: every number, as in the paper",
    )
    perceptron_layers: int = Field(
        default=10, ge=1, le=50, description="hidden layers of the perceptron of the leaderboard"
    )
    perceptron_width: float = Field(
        default=1.1, gt=0, le=100, description="neurons of a hidden layer, for each feature"
    )
    perceptron_epochs: int = Field(
        default=500, ge=1, description="most passes of its training over the pairs"
    )
    bond_order: bool = Field(
        default=False,
        description="add bond-orientational parameters and diameters to the features whose "
        "importance is measured (Fig. S4); needs the package freud-analysis",
    )

    @field_validator("splits", "particles", "sizes", "rounds", "feature_counts")
    @classmethod
    def _once(cls, values: list | None) -> list | None:
        if not values:
            return values
        if len(set(values)) != len(values):
            raise ValueError(f"{values} has an entry twice, expected each once")
        return sorted(values) if isinstance(values[0], int) else values
