"""Sample, levels and the comparison with published values; the command on a small landscape."""

import numpy as np
import pandas as pd
import pytest

from tlsfind import tables
from tlsfind.analysis.figures import convergence as figure
from tlsfind.convergence import published, sample, stage
from tlsfind.errors import InputError
from tlsfind.paths.solver import PathResult

KEYS = ["glass", "minimum_a", "minimum_b"]
THRESHOLD = 0.0015


def wells(count=200, tls=40, seed=0):
    rng = np.random.default_rng(seed)
    splitting = np.concatenate(
        [rng.uniform(1e-4, THRESHOLD, tls), rng.uniform(THRESHOLD, 0.05, count - tls)]
    )
    frame = pd.DataFrame(
        {"glass": "T0.092-0000", "minimum_a": np.arange(count), "minimum_b": count}
    )
    return frame.assign(quantum_splitting_argon=rng.permutation(splitting))


def test_half_of_the_sample_are_tls_and_a_quarter_next_to_them():
    frame = wells()
    splitting = frame["quantum_splitting_argon"].to_numpy()
    rows = sample.stratified(splitting, THRESHOLD, 60)
    assert len(rows) == len(set(rows)) == 60
    chosen = np.sort(splitting[rows])
    assert (chosen < THRESHOLD).sum() >= 30
    above = np.sort(splitting[splitting >= THRESHOLD])
    assert set(above[:15]) <= set(chosen)
    assert chosen.max() == splitting.max()


@pytest.mark.parametrize(("count", "tls"), [(10, 3), (50, 50), (50, 0), (1, 0)])
def test_small_libraries_are_taken_as_far_as_they_go(count, tls):
    splitting = wells(count, tls)["quantum_splitting_argon"].to_numpy()
    assert len(sample.stratified(splitting, THRESHOLD, 60)) == count


def test_the_random_sample_does_not_look_at_the_splitting():
    """Other splittings of the same pairs give the same random pairs, and another seed others."""
    frame = wells()
    first = sample.draw(frame, "argon", THRESHOLD, 20, 30, seed=1)
    turned = frame.assign(quantum_splitting_argon=frame["quantum_splitting_argon"].to_numpy()[::-1])
    second = sample.draw(turned, "argon", THRESHOLD, 20, 30, seed=1)
    drawn = [set(f.loc[f["random"], "minimum_a"]) for f in (first, second)]
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 30
    assert first["stratified"].sum() == 20
    other = sample.draw(frame, "argon", THRESHOLD, 20, 30, seed=2)
    assert set(other.loc[other["random"], "minimum_a"]) != drawn[0]


def levels():
    """Three pairs at two forces and two numbers of images; E_qs is too high at the loose force."""
    rows = []
    exact = {0: 0.001, 1: 0.00145, 2: 0.004}
    for pair, splitting in exact.items():
        for images in (20, 40):
            for tolerance, factor in ((0.1, 1.1), (0.01, 1.0)):
                rows.append(
                    {"glass": "g", "minimum_a": pair, "minimum_b": 9, "images": images,
                     "force_tolerance": tolerance, "status": "double_well", "iterations": 100,
                     "barrier": 0.1, "quantum_splitting": splitting * factor,
                     "unit_system": "argon", "stratified": True, "random": pair < 2}
                )  # fmt: skip
    return pd.DataFrame(rows)


def test_changes_and_tls_of_each_level():
    found = figure.numbers(levels(), THRESHOLD)
    assert found["reference"].iloc[0][["images", "force_tolerance"]].tolist() == [40, 0.01]
    table = found["levels"].set_index(["images", "force_tolerance"])
    loose, tight = table.loc[(40, 0.1)], table.loc[(40, 0.01)]
    assert loose["change"] == pytest.approx(0.1)
    assert tight["change"] == 0.0
    assert (loose["tls"], tight["tls"], loose["tls_reference"]) == (1, 2, 2)
    assert (loose["tls_lost"], loose["tls_false"]) == (1, 0)
    assert loose["large"] == 1.0
    assert loose["compared"] == 3


def test_a_pair_that_is_no_double_well_at_the_reference_is_not_compared():
    table = levels()
    finest = (table["images"] == 40) & (table["force_tolerance"] == 0.01)
    other = table["minimum_a"] == 2
    table.loc[finest & other, "status"] = "multiple_wells"
    table.loc[finest & other, "quantum_splitting"] = np.nan
    found = figure.numbers(table, THRESHOLD)["levels"]
    assert (found["compared"] == 2).all()
    assert found["multiple_wells"].sum() == 1
    assert (found["tls_reference"] == 2).all()


def test_offsets_are_the_medians_of_the_random_pairs():
    table = levels()
    pairs = table.drop_duplicates(KEYS)[KEYS].assign(delta_e=[0.001, 0.00145, 0.004])
    models = {("T007", "all"): lambda frame: np.log10(frame["delta_e"].to_numpy())}
    found = published.offsets(table, pairs, models, seed=0)
    found = found.set_index(["images", "force_tolerance"])
    assert (found["pairs"] == 2).all()
    assert found.loc[(40, 0.1), "offset"] == pytest.approx(np.log10(1.1))
    assert found.loc[(40, 0.01), "offset"] == pytest.approx(0.0, abs=1e-12)
    assert found.loc[(20, 0.1), "offset_low"] == pytest.approx(np.log10(1.1))
    table.loc[0, "status"] = "not_converged"  # one level of one pair: it is left out everywhere
    found = published.offsets(table, pairs, models, seed=0)
    assert (found["pairs"] == 1).all()


def test_limits_hold_the_truth():
    rng = np.random.default_rng(4)
    hits = 0
    for trial in range(60):
        ours = rng.normal(0.0, 1.0, 80)
        found = published.agreement(ours + 0.05, ours + rng.normal(0.0, 0.2, 80), trial)
        hits += found["offset_low"] <= 0.05 <= found["offset_high"]
        assert found["r_low"] <= found["r"] <= found["r_high"]
    assert hits >= 51


def test_levels_are_out_of_range(tmp_path, make_config):
    config = make_config()
    for levels_of, match in (
        ({"tolerances": (0.1, 0.0)}, "force tolerances .* expected positive"),
        ({"images": (4,)}, "from 5 to 500"),
        ({"published": tmp_path}, "drawn at random"),
    ):
        with pytest.raises(InputError, match=match):
            stage.convergence(config, tmp_path, tmp_path / "out", **levels_of)
    assert not (tmp_path / "out").exists()


def test_a_level_changes_nothing_but_the_path(make_config):
    config = make_config()
    level = stage.at_level(config, 20, 0.003)
    assert (level.paths.images, level.paths.force_tolerance) == (20, 0.003)
    assert level.paths.refinements == 0
    assert level.paths.max_iterations >= stage.ITERATIONS
    same = {"images", "force_tolerance", "refinements", "max_iterations"}
    assert level.paths.model_dump(exclude=same) == config.paths.model_dump(exclude=same)


def test_rows_of_failures_fit_the_table():
    row = pd.Series({**dict(zip(KEYS, ("g", 1, 2), strict=True)), "stratified": True,
                     "random": False, "quantum_splitting_argon": 1e-3})  # fmt: skip
    failed = stage.level_row(row, PathResult("failed", "worse"), "argon", 40, 0.01)
    tables.to_arrow(pd.DataFrame([failed]), tables.schema("convergence"))
    assert np.isnan(failed["quantum_splitting"])
