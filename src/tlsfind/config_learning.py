"""The sections ``learn`` and ``loop`` of the config, and what every section is.

See :mod:`tlsfind.config`, which holds the other sections and the whole.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Section(BaseModel):
    """A part of the config. Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


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
