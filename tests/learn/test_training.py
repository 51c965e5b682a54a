"""One iteration of the loop on a made-up landscape, and what is refused."""

import json

import numpy as np
import pandas as pd
import pytest

from tlsfind import tables
from tlsfind.errors import InputError, TrainingError
from tlsfind.learn import classifier, predictor, stage, training
from tlsfind.pairs.keys import KEYS

THRESHOLD = 0.0015


def test_models_learn_the_landscape(first_iteration, landscape, solved_pairs):
    exact = solved_pairs(landscape.frame, 0)
    predicted = tables.read(first_iteration.predictions[0])
    pd.testing.assert_frame_equal(predicted[KEYS], landscape.frame[KEYS])
    well = (exact["status"] == "double_well").to_numpy()
    probability = predicted["probability_double_well"].to_numpy()
    right = (probability > 0.5) == well
    assert right[well].mean() > 0.9
    assert right[~well].mean() > 0.9
    splitting = predicted["predicted_splitting"].to_numpy()
    assert (np.isnan(splitting) == (probability < 0.05)).all()
    known = well & ~np.isnan(splitting)
    r = np.corrcoef(np.log(splitting[known]), np.log(exact["quantum_splitting_argon"][known]))[0, 1]
    assert r > 0.9


def test_out_of_fold_table(first_iteration):
    paths = tables.read(first_iteration.paths)
    table = tables.read(first_iteration.model / "out_of_fold.parquet")
    assert table.columns.tolist() == tables.schema("out_of_fold").names
    merged = table.merge(paths, on=KEYS, suffixes=("", "_path"))
    assert len(merged) == len(paths) == 300
    well = merged["is_double_well"]
    assert (well == (merged["status"] == "double_well")).all()
    for column in ("quantum_splitting", "predicted_splitting", "barrier"):
        assert (merged[column].notna() == well).all()
    np.testing.assert_array_equal(
        merged.loc[well, "quantum_splitting"], merged.loc[well, "quantum_splitting_argon"]
    )
    assert merged["probability_double_well"].between(0, 1).all()


def test_history_and_state_agree_with_the_paths(first_iteration):
    paths = tables.read(first_iteration.paths)
    well = paths["status"] == "double_well"
    tls = int((well & (paths["quantum_splitting_argon"] < THRESHOLD)).sum())
    assert tls > 5
    history = tables.read(first_iteration.model / "history.parquet")
    assert len(history) == 1
    row = history.iloc[0]
    assert row[["iteration", "paths", "total_paths"]].tolist() == [0, 300, 300]
    assert row[["double_wells", "total_double_wells"]].tolist() == [well.sum()] * 2
    assert row[["tls", "total_tls"]].tolist() == [tls] * 2
    assert row["classifier_accuracy"] > 0.9
    assert row["splitting_r_log"] > 0.85
    state = json.loads((first_iteration.model / "state.json").read_text())
    assert state["iteration"] == 0
    assert state["converged"] is False
    assert state["finished"] is False
    assert state["time_limit_struck"] is False
    assert (state["new_tls"], state["total_tls"]) == (tls, tls)
    assert state["total_paths"] == 300
    assert state["total_double_wells"] == well.sum()


def test_the_metadata_say_where_tables_come_from(first_iteration):
    for file in (*first_iteration.predictions, first_iteration.model / "history.parquet"):
        stamp = tables.metadata(file)
        assert stamp["config_hash"] == first_iteration.config.hash
        assert stamp["seed"] == "1"


def test_second_iteration_appends_to_history_and_is_reproducible(
    first_iteration, landscape, solved_pairs, write_paths, tmp_path
):
    run = first_iteration
    stage.select(run.config, 1, landscape.files, tmp_path / "s", run.paths, run.predictions)
    chosen = tables.read_many(sorted((tmp_path / "s").iterdir()))
    new = solved_pairs(chosen[KEYS].merge(landscape.frame, on=KEYS), 1)
    part = write_paths(new, tmp_path / "part.parquet")
    stage.collect(run.config, [part], tmp_path / "paths.parquet", run.paths)
    arguments = (run.config, 1, tmp_path / "paths.parquet")
    stage.train(*arguments, landscape.files, tmp_path / "one", run.model)
    stage.train(*arguments, landscape.files[::-1], tmp_path / "two", run.model / "history.parquet")
    for name in ("history", "out_of_fold"):
        one, two = (tables.read(tmp_path / folder / f"{name}.parquet") for folder in ("one", "two"))
        pd.testing.assert_frame_equal(one, two, check_exact=True)
    history = tables.read(tmp_path / "one" / "history.parquet")
    assert history["iteration"].tolist() == [0, 1]
    assert history["paths"].tolist() == [300, 60]
    assert history["total_paths"].tolist() == [300, 360]
    assert history["total_tls"].tolist() == np.cumsum(history["tls"]).tolist()
    # the model's batch is richer in TLS than the initial one
    assert history["tls"][1] / 60 > 2 * history["tls"][0] / 300


def test_state_follows_the_fewest_iterations(make_config):
    """A batch without TLS ends the loop only if ``loop.min_iterations`` batches were solved."""
    numbers = {
        "paths": 60, "double_wells": 4, "tls": 0,
        "total_paths": 420, "total_double_wells": 100, "total_tls": 50,
    }  # fmt: skip
    outcome = training.Outcome(pd.DataFrame(), 0.9, 0.8, False)
    for fewest, converged in [(1, True), (2, True), (3, False)]:
        settings = make_config(loop={"min_iterations": fewest})
        found = training.state(settings, 2, numbers, outcome, pairs_left=1000)
        assert (found["converged"], found["finished"]) == (converged, converged)


def test_collect_keeps_the_first_row_of_a_pair_in_order(
    landscape, make_config, solved_pairs, write_paths, tmp_path
):
    pairs = landscape.frame.sample(30, random_state=0)
    previous = write_paths(solved_pairs(pairs[:10], 0), tmp_path / "previous.parquet")
    one = write_paths(solved_pairs(pairs[5:20], 1), tmp_path / "one.parquet")
    two = write_paths(
        solved_pairs(pairs[15:30], 1).assign(status="failed"), tmp_path / "two.parquet"
    )
    stage.collect(make_config(), [one, two], tmp_path / "merged.parquet", previous)
    merged = tables.read(tmp_path / "merged.parquet")
    assert len(merged) == 30
    assert merged["iteration"].value_counts().to_dict() == {0: 10, 1: 20}
    assert (merged["status"] == "failed").sum() == 10
    ordered = merged.sort_values(["iteration", *KEYS], ignore_index=True)
    pd.testing.assert_frame_equal(merged, ordered)


def test_collect_of_empty_batches(landscape, make_config, solved_pairs, write_paths, tmp_path):
    empty = write_paths(solved_pairs(landscape.frame[:0], 1), tmp_path / "empty.parquet")
    stage.collect(make_config(), [empty, empty], tmp_path / "merged.parquet", None)
    assert len(tables.read(tmp_path / "merged.parquet")) == 0


def train_on(config, paths, landscape, write_paths, folder):
    file = write_paths(paths, folder / "paths.parquet")
    stage.train(config, 0, file, landscape.files, folder / "model", None)


def test_too_few_double_wells_say_what_to_do(
    landscape, make_config, solved_pairs, write_paths, tmp_path
):
    solved = solved_pairs(landscape.frame, 0)
    well = solved["status"] == "double_well"
    few = pd.concat([solved[well][:7], solved[~well][:90]])
    message = (
        r"found 7 double wells and 90 other pairs .*paths.parquet, expected at least 20 of each "
        r".learn.min_double_wells.: raise loop.initial_paths, or explore with more trajectories"
    )
    with pytest.raises(TrainingError, match=message):
        train_on(make_config(), few, landscape, write_paths, tmp_path)
    assert not (tmp_path / "model").exists()
    few = pd.concat([solved[well][:90], solved[~well][:3]])
    with pytest.raises(TrainingError, match=r"90 double wells and 3 other .*transition_share"):
        train_on(make_config(), few, landscape, write_paths, tmp_path)


def test_paths_without_a_verdict_do_not_count(
    landscape, make_config, solved_pairs, write_paths, tmp_path
):
    solved = solved_pairs(landscape.frame, 0)
    others = solved[solved["status"] != "double_well"][:60].copy()
    others["status"] = ["not_converged", "failed", "endpoints_identical"] * 20
    rows = pd.concat([solved[solved["status"] == "double_well"][:60], others])
    assert classifier.is_labelled(others["status"]).sum() == 0
    with pytest.raises(TrainingError, match="60 double wells and 0 other pairs with a verdict"):
        train_on(make_config(), rows, landscape, write_paths, tmp_path)


def test_paths_that_fit_no_pairs_table_are_refused(first_iteration, landscape, tmp_path):
    run = first_iteration
    with pytest.raises(InputError, match=r"in none of the 1 pairs tables, the first is B, "):
        stage.train(run.config, 0, run.paths, landscape.files[:1], tmp_path, None)


def test_a_pair_listed_twice_is_refused(
    landscape, make_config, solved_pairs, write_paths, tmp_path
):
    solved = solved_pairs(landscape.frame[:50], 0)
    twice = pd.concat([solved, solved[:1]])
    with pytest.raises(InputError, match="pair A, 0, 1 stands more than once"):
        train_on(make_config(), twice, landscape, write_paths, tmp_path)


def test_a_feature_that_is_not_a_number_is_refused(
    first_iteration, landscape, write_pairs, tmp_path
):
    run = first_iteration
    frame = landscape.frame.copy()
    frame.loc[frame.index[100:], "participation_ratio"] = np.nan
    pairs = write_pairs(frame, tmp_path / "pairs.parquet")
    with pytest.raises(TrainingError, match=r"participation_ratio"):
        stage.train(run.config, 0, run.paths, [pairs], tmp_path / "model", None)
    output = tmp_path / "predictions.parquet"
    with pytest.raises(InputError, match=r"participation_ratio of pair A, .*pairs.parquet"):
        stage.predict(run.config, run.model, [pairs], output)
    assert not output.exists()


def test_truncated_tables_are_named_and_nothing_is_written(first_iteration, landscape, tmp_path):
    run = first_iteration
    whole = landscape.files[1].read_bytes()
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(whole[: len(whole) - 100])
    output = tmp_path / "out"
    tables_of = [landscape.files[0], broken]
    message = r"broken.parquet is not a complete Parquet file"
    with pytest.raises(InputError, match=message):
        stage.select(run.config, 0, tables_of, output)
    with pytest.raises(InputError, match=message):
        stage.train(run.config, 0, run.paths, tables_of, output, None)
    with pytest.raises(InputError, match=message):
        stage.predict(run.config, run.model, tables_of, output / "predictions.parquet")
    with pytest.raises(InputError, match=message):
        stage.collect(run.config, [broken], output / "paths.parquet", None)
    assert not [path for path in output.rglob("*") if path.is_file()]


def test_a_model_of_other_features_is_refused(first_iteration, landscape, tmp_path):
    pairs = tmp_path / "narrow.parquet"
    narrow = tables.schema("pairs", tables.pairs_columns(2))
    tables.write(landscape.frame, pairs, narrow)
    with pytest.raises(InputError, match=r"narrow.parquet lacks the column.s. displacement_3"):
        stage.predict(
            first_iteration.config, first_iteration.model, [pairs], tmp_path / "p.parquet"
        )
    with pytest.raises(InputError, match="does not exist"):
        stage.predict(first_iteration.config, tmp_path / "no", [pairs], tmp_path / "p.parquet")


def test_history_must_fit_the_iteration(first_iteration, tmp_path):
    assert len(training.read_history(None, 0)) == 0
    assert len(training.read_history(first_iteration.model, 1)) == 1
    with pytest.raises(InputError, match=r"has the iterations \[0\], expected \[0, 1\]"):
        training.read_history(first_iteration.model, 2)
    with pytest.raises(InputError, match="needs the history of iteration 0"):
        training.read_history(None, 1)


def test_splitting_targets():
    splitting = np.array([0.0, -1.0, 1e-15, 1e-3, 130.0])
    np.testing.assert_allclose(
        predictor.to_target(splitting), [12, 12, 12, 3, -np.log10(130.0)], rtol=1e-12
    )
    back = predictor.from_target(predictor.to_target(splitting))
    np.testing.assert_allclose(back, [1e-12, 1e-12, 1e-12, 1e-3, 130.0], rtol=1e-12)
    np.testing.assert_allclose(
        predictor.loss_weights(np.array([1e-3, 2e-3, 0.0, 1e-6])), [1e3, 500.0, 1e6, 1e6]
    )


def test_balanced_weights_make_classes_count_alike():
    labels = np.array([True] * 30 + [False] * 10)
    weights = classifier.balanced_weights(labels)
    assert weights[labels].sum() == pytest.approx(weights[~labels].sum())
    assert weights.mean() == pytest.approx(1.0)
