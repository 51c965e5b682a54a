"""What is trained on and what is held out."""

from __future__ import annotations

import numpy as np
import pytest

from scan_settings import LEARN, SCANS
from tlsfind.errors import TrainingError
from tlsfind.learn.labelled import Labelled
from tlsfind.scans.draws import KINDS, draw, draws, studies


@pytest.mark.parametrize("split", ["row", "glass"])
@pytest.mark.parametrize("model", KINDS)
def test_training_and_held_out_pairs_are_all_eligible_ones(study, model, split):
    pairs = draw(study, model, split, 0)
    both = np.sort(np.concatenate([pairs.train, pairs.test]))
    assert np.array_equal(both, np.flatnonzero(study.eligible(model)))
    if model == "predictor":
        assert study.table.is_double_well[both].all()


def test_a_tenth_is_held_out_by_row(study):
    pairs = draw(study, "classifier", "row", 0)
    assert len(pairs.test) == 80


def test_a_glass_is_on_one_side_only(study):
    pairs = draw(study, "classifier", "glass", 1)
    glasses = study.table.glasses
    assert not set(glasses[pairs.train]) & set(glasses[pairs.test])


def test_both_models_hold_out_the_same_pairs(study):
    every, wells = (draw(study, model, "row", 1) for model in KINDS)
    assert set(wells.test) == set(every.test[study.table.is_double_well[every.test]])


def test_repetitions_differ_and_can_be_repeated(study):
    first, again, other = (draw(study, "classifier", "row", k) for k in (0, 0, 1))
    assert np.array_equal(first.train, again.train)
    assert first.seed == again.seed != other.seed
    assert len(np.intersect1d(first.test, other.test)) < len(first.test)


def test_the_largest_glass_is_not_always_held_out(study):
    held = [tuple(np.unique(study.table.glasses[draw(study, "classifier", "glass", k).test]))
            for k in range(8)]  # fmt: skip
    assert len(set(held)) > 2


def test_smaller_samples_are_part_of_larger_ones_and_random(study):
    pairs = draw(study, "classifier", "row", 0)
    assert set(pairs.first(50).train) < set(pairs.first(200).train)
    share = study.table.is_double_well[pairs.first(200).train].mean()
    assert share == pytest.approx(study.table.is_double_well.mean(), abs=0.15)  # 4 sigma


def test_one_glass_is_a_reason_and_no_error(table):
    one = Labelled(
        table.frame[table.glasses == table.glasses[0]].reset_index(drop=True),
        table.features,
        table.unit_system,
    )
    (study,) = studies(one, LEARN, SCANS, 0.0015, seed=3)
    with pytest.raises(TrainingError, match="at least two glasses"):
        draw(study, "classifier", "glass", 0)
    found = {(split, repeat): pairs for split, repeat, pairs in draws(study, "classifier")}
    assert len(found) == 4
    assert "at least two glasses" in found["glass", 0]
    assert not isinstance(found["row", 0], str)


def test_a_study_for_each_temperature(made_up, table):
    import pandas as pd

    frame = pd.concat([made_up(90, 2, 5, 0.092), table.frame], ignore_index=True)
    both = Labelled(frame, table.features, table.unit_system)
    found = studies(both, LEARN, SCANS, 0.0015, seed=3)
    assert [(one.temperature, len(one.table.frame)) for one in found] == [(0.07, 800), (0.092, 90)]
