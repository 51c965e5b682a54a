"""One iteration of the loop on a made-up landscape, and what is refused."""

import json

import numpy as np
import pandas as pd
import pytest

from tlsfind import tables
from tlsfind.errors import InputError, TrainingError
from tlsfind.learn import classifier, labelled, predictor, selection, stage, training
from tlsfind.pairs.keys import KEYS, PairSet

THRESHOLD = 0.0015


def test_out_of_fold_table(first_iteration):
    paths = tables.read(first_iteration.paths)
    table = tables.read(first_iteration.model / "out_of_fold.parquet")
    assert table.columns.tolist() == tables.schema("out_of_fold").names
    merged = table.merge(paths, on=KEYS, suffixes=("", "_path"))
    assert len(merged) == len(paths) == 300
    well = merged["is_double_well"]
    assert (well == (merged["status"] == "double_well")).all()
    for column in ("quantum_splitting", "predicted_splitting", "barrier", "predicted_barrier"):
        assert (merged[column].notna() == well).all()
    np.testing.assert_array_equal(
        merged.loc[well, "quantum_splitting"], merged.loc[well, "quantum_splitting_argon"]
    )
    assert merged["probability_double_well"].between(0, 1).all()
    r = np.corrcoef(merged.loc[well, "barrier"], merged.loc[well, "predicted_barrier"])[0, 1]
    assert r > 0.9
    # calibrated: undoes the weights of the balanced classes
    assert abs(merged["probability_double_well"].mean() - well.mean()) < 0.02


def test_training_json_is_that_of_the_out_of_fold_table(first_iteration):
    table = tables.read(first_iteration.model / "out_of_fold.parquet")
    content = json.loads((first_iteration.model / "training.json").read_text())
    right = (table["probability_double_well"] > 0.5) == table["is_double_well"]
    assert content["classifier_accuracy"] == pytest.approx(right.mean())
    well = table[table["is_double_well"]]
    logarithms = np.log10(well[["quantum_splitting", "predicted_splitting"]])
    assert content["splitting_r_log"] == pytest.approx(np.corrcoef(logarithms.T)[0, 1])
    barriers = well[["barrier", "predicted_barrier"]]
    assert content["barrier_r"] == pytest.approx(np.corrcoef(barriers.T)[0, 1])
    assert content["notes"] == []
    assert content["time_limit_struck"] is False
    tls = well["quantum_splitting"] < THRESHOLD
    assert content["screen"]["held_out_tls"] == tls.sum()
    assert content["screen"]["held_out_tls_lost"] == 0
    assert 0.09 <= content["screen"]["share_rescored"] < 0.5


def test_labelled_table_is_every_path_with_a_verdict(first_iteration, landscape):
    run = first_iteration
    paths = tables.read(run.paths)
    table = labelled.read(run.model / "labelled.parquet", 3)
    assert table.unit_system == "argon"
    assert tables.metadata(run.model / "labelled.parquet")["config_hash"] == run.config.hash
    merged = table.frame.merge(paths, on=KEYS, suffixes=("", "_path"))
    assert len(merged) == len(paths) == len(table.frame)
    well = merged["is_double_well"]
    assert (well == (merged["status"] == "double_well")).all()
    for column, exact in (
        ("quantum_splitting", "quantum_splitting_argon"), ("barrier", "barrier_path"),
    ):  # fmt: skip
        np.testing.assert_array_equal(merged[column], merged[exact].where(well))
    features = merged[KEYS].merge(landscape.frame, on=KEYS)[table.features]
    pd.testing.assert_frame_equal(merged[table.features], features, check_dtype=False)
    # these glasses are none of the config's
    assert merged["preparation_temperature"].isna().all()


def test_the_preparation_temperature_is_that_of_the_config(
    landscape, make_config, solved_pairs, write_paths, write_pairs, tmp_path
):
    config = make_config()
    name = config.glass_names[0]
    pairs = landscape.frame[:50].assign(glass=name)
    paths = write_paths(solved_pairs(pairs, 0), tmp_path / "paths.parquet")
    rows = training.labelled_rows(config, paths, [write_pairs(pairs, tmp_path / "pairs.parquet")])
    assert set(rows["preparation_temperature"]) == {0.09}


def test_only_what_predictions_need_is_kept(first_iteration):
    """models/ and the tables of a training; the history belongs to the assessment."""
    model = first_iteration.model
    assert {path.name for path in model.iterdir()} == {
        "models", "out_of_fold.parquet", "labelled.parquet", "training.json",
    }  # fmt: skip
    assert {path.name for path in (model / "models").iterdir()} == {
        "classifier", "predictor", "barrier", "screen",
    }  # fmt: skip
    size = sum(file.stat().st_size for file in model.rglob("*") if file.is_file())
    assert size < 5e6


def test_the_metadata_say_where_tables_come_from(first_iteration):
    for file in (*first_iteration.predictions, first_iteration.history):
        stamp = tables.metadata(file)
        assert stamp["config_hash"] == first_iteration.config.hash
        assert stamp["seed"] == "1"


def test_second_iteration_appends_to_history_and_is_reproducible(
    first_iteration, landscape, make_config, solved_pairs, write_paths, tmp_path
):
    run = first_iteration
    stage.select(run.config, 1, landscape.files, tmp_path / "s", run.paths, run.predictions)
    chosen = tables.read_many(sorted((tmp_path / "s").iterdir()))
    new = solved_pairs(chosen[KEYS].merge(landscape.frame, on=KEYS), 1)
    picked = new.merge(chosen[[*KEYS, "probability_tls"]], on=KEYS, how="left")
    new = new.assign(probability_tls=picked["probability_tls"].to_numpy())
    part = write_paths(new, tmp_path / "part.parquet")
    stage.collect(run.config, [part], tmp_path / "paths.parquet", run.paths)
    config = make_config(learn={"models": ["lightgbm", "extra_trees"], "rounds": 15})
    arguments = (config, 1, tmp_path / "paths.parquet")
    # neither the order of the tables nor a second process matters
    for folder, files, processes in (
        ("one", landscape.files, 1),
        ("two", landscape.files[::-1], 2),
    ):
        output = tmp_path / folder
        stage.train(*arguments, files, output, processes)
        stage.predict(config, output, landscape.files, output / "predictions.parquet")
        predictions = [output / "predictions.parquet"]
        stage.assess(*arguments, predictions, output, output, run.history)
    for name in ("history", "out_of_fold", "labelled", "predictions"):
        one, two = (tables.read(tmp_path / folder / f"{name}.parquet") for folder in ("one", "two"))
        pd.testing.assert_frame_equal(one, two, check_exact=True)
    for name in ("training.json", "state.json"):
        assert (tmp_path / "one" / name).read_text() == (tmp_path / "two" / name).read_text()
    history = tables.read(tmp_path / "one" / "history.parquet")
    assert history["iteration"].tolist() == [0, 1]
    assert history["paths"].tolist() == [300, 60]
    assert history["total_paths"].tolist() == [300, 360]
    assert history["total_tls"].tolist() == np.cumsum(history["tls"]).tolist()
    # the model's batch is richer in TLS than the initial one
    assert history["tls"][1] / 60 > 2 * history["tls"][0] / 300
    # what the models expected in it is what they said when it was picked
    assert history["expected_tls"][1] == pytest.approx(chosen["probability_tls"].sum())
    state = json.loads((tmp_path / "one" / "state.json").read_text())
    assert state["pairs_left"] == 2400
    assert state["missing_tls_low"] <= state["missing_tls"] <= state["missing_tls_high"]


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
    stage.train(config, 0, file, landscape.files, folder / "model")


def test_too_few_double_wells_say_what_to_do(
    landscape, make_config, solved_pairs, write_paths, tmp_path
):
    solved = solved_pairs(landscape.frame, 0)
    well = solved["status"] == "double_well"
    few = pd.concat([solved[well][:7], solved[~well][:90]])
    message = (
        r"found 7 double wells with E_qs and 90 other pairs .*last.parquet, expected at least 20 "
        r"of each .learn.min_double_wells.: take more random pairs, or explore with more traj"
    )
    # at the last iteration it is an error, before it a note
    last = {"max_iterations": 1}
    paths = write_paths(few, tmp_path / "last.parquet")
    with pytest.raises(TrainingError, match=message):
        stage.train(make_config(loop=last), 1, paths, landscape.files, tmp_path / "model")
    assert not (tmp_path / "model").exists()
    few = pd.concat([solved[well][:90], solved[~well][:3]])
    train_on(make_config(), few, landscape, write_paths, tmp_path)
    (note,) = json.loads((tmp_path / "model" / "training.json").read_text())["notes"]
    assert "no models: found 90 double wells with E_qs and 3 other" in note


def test_without_models_the_next_batch_is_drawn_from_the_strata(
    landscape, make_config, solved_pairs, write_paths, tmp_path
):
    config = make_config(loop={"paths_per_iteration": 60})
    solved = solved_pairs(landscape.frame, 0)
    few = solved[solved["status"] != "double_well"][:50]
    train_on(config, few, landscape, write_paths, tmp_path)
    model, paths, table = tmp_path / "model", tmp_path / "paths.parquet", tmp_path / "p.parquet"
    assert not list((model / "models").iterdir())
    assert len(tables.read(model / "labelled.parquet")) == 50
    assert stage.predict(config, model, landscape.files, table) == 0
    predictions = tables.read(table)
    assert len(predictions) == len(landscape.frame)
    assert predictions["probability_tls"].isna().all()
    state = stage.assess(config, 0, paths, [table], model, tmp_path / "state")
    assert (state["finished"], state["missing_tls"]) == (False, None)
    assert "too few double wells or others" in state["reason"]
    assert state["pairs_left"] == len(landscape.frame) - 50
    stage.select(config, 1, landscape.files, tmp_path / "next", paths, [table])
    chosen = tables.read_many(sorted((tmp_path / "next").iterdir()))
    assert len(chosen) == 60
    assert set(chosen["stratum"]) <= set(selection.STRATA)
    assert chosen["probability_tls"].isna().all()
    assert not PairSet(few).contains(chosen).any()


def test_paths_without_a_verdict_do_not_count(
    landscape, make_config, solved_pairs, write_paths, tmp_path
):
    solved = solved_pairs(landscape.frame, 0)
    others = solved[solved["status"] != "double_well"][:60].copy()
    others["status"] = ["not_converged", "failed", "endpoints_identical"] * 20
    rows = pd.concat([solved[solved["status"] == "double_well"][:60], others])
    assert classifier.is_labelled(others["status"]).sum() == 0
    train_on(make_config(), rows, landscape, write_paths, tmp_path)
    (note,) = json.loads((tmp_path / "model" / "training.json").read_text())["notes"]
    assert "60 double wells with E_qs and 0 other pairs with a verdict" in note


def test_paths_that_fit_no_pairs_table_are_refused(first_iteration, landscape, tmp_path):
    run = first_iteration
    with pytest.raises(InputError, match=r"in none of the 1 pairs tables, the first is B, "):
        stage.train(run.config, 0, run.paths, landscape.files[:1], tmp_path)


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
        stage.train(run.config, 0, run.paths, [pairs], tmp_path / "model")
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
        stage.train(run.config, 0, run.paths, tables_of, output)
    with pytest.raises(InputError, match=message):
        stage.predict(run.config, run.model, tables_of, output / "predictions.parquet")
    with pytest.raises(InputError, match=message):
        stage.collect(run.config, [broken], output / "paths.parquet", None)
    assert not [path for path in output.rglob("*") if path.is_file()]


def test_without_barriers_the_loop_goes_on_and_says_so(
    landscape, make_config, solved_pairs, write_paths, tmp_path
):
    solved = solved_pairs(landscape.frame.sample(250, random_state=0), 0).assign(barrier=np.nan)
    config = make_config(learn={"models": ["lightgbm"], "rounds": 10})
    train_on(config, solved, landscape, write_paths, tmp_path)
    content = json.loads((tmp_path / "model" / "training.json").read_text())
    assert content["barrier_r"] is None
    assert content["notes"] == ["barrier: too few values, not trained"]
    assert not (tmp_path / "model" / "models" / "barrier").exists()
    table = tables.read(tmp_path / "model" / "out_of_fold.parquet")
    assert table["predicted_barrier"].isna().all()
    # and the models predict
    stage.predict(config, tmp_path / "model", landscape.files[1:], tmp_path / "p.parquet")
    assert len(tables.read(tmp_path / "p.parquet")) == 45 * 44 // 2


def test_a_training_by_glass_whose_rows_are_of_one_glass_says_so(
    landscape, make_config, solved_pairs, write_paths, tmp_path
):
    pairs = landscape.frame[landscape.frame["glass"] == "A"].sample(200, random_state=0)
    config = make_config(learn={"models": ["lightgbm"], "rounds": 10, "split": "glass"})
    train_on(config, solved_pairs(pairs, 0), landscape, write_paths, tmp_path)
    notes = json.loads((tmp_path / "model" / "training.json").read_text())["notes"]
    assert [note.split(": ", 1)[0] for note in notes] == [
        "classifier",
        "splitting",
        "barrier",
        "screen",
    ]
    assert all("of one glass: folds by row, not by glass" in note for note in notes)
    predictions = [tmp_path / "p.parquet"]
    stage.predict(config, tmp_path / "model", landscape.files, predictions[0])
    state = stage.assess(
        config, 0, tmp_path / "paths.parquet", predictions, tmp_path / "model", tmp_path / "state"
    )
    assert state["notes"] == "; ".join(notes)
    assert tables.read(tmp_path / "state" / "history.parquet")["notes"].tolist() == [state["notes"]]


def test_the_pool_sample_is_uniform_and_follows_the_seed(landscape, make_config, monkeypatch):
    config = make_config()
    sample = training.pool_sample(config, landscape.files, 0)
    assert sample.columns.tolist() == tables.feature_names(3)
    assert len(sample) == 1000
    share = (landscape.frame["total_displacement"] < 1).mean()
    error = 4 * np.sqrt(share * (1 - share) / 1000)
    assert abs((sample["total_displacement"] < 1).mean() - share) < error
    monkeypatch.setattr(tables, "BATCH_ROWS", 300)
    again = training.pool_sample(config, landscape.files[::-1], 0)
    pd.testing.assert_frame_equal(again, sample)
    later = training.pool_sample(config, landscape.files, 1)
    assert not later.equals(sample)
    whole = training.pool_sample(make_config(learn={"pool_sample": 5000}), landscape.files, 0)
    assert len(whole) == 2760


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
