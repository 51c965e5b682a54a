"""Warm starts: rows and models of other glasses, used and never taken for the run's own."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tlsfind import tables
from tlsfind.config import Config
from tlsfind.errors import InputError, TrainingError
from tlsfind.learn import checks, labelled, selection, stage, training
from tlsfind.pairs.keys import KEYS, PairSet

FEATURES = tables.feature_names(3)
QUICK = {"models": ["extra_trees"]}


def keys(frame: pd.DataFrame) -> set[tuple]:
    return {tuple(row) for row in frame[KEYS].itertuples(index=False)}


@pytest.fixture(scope="module")
def others(made_up_pairs, solved_pairs) -> pd.DataFrame:
    """400 labelled pairs of two other glasses, which have the names of the run's glasses."""
    pairs = pd.concat([made_up_pairs("A", 50, 11), made_up_pairs("B", 40, 12)], ignore_index=True)
    pairs = pairs[pairs["total_displacement"] < 2.0].sample(400, random_state=3)
    solved = solved_pairs(pairs, 0)
    well = (solved["status"] == "double_well").to_numpy()
    return pairs.assign(
        preparation_temperature=0.08,
        is_double_well=well,
        quantum_splitting=solved["quantum_splitting_argon"],
        barrier=solved["barrier"],
        unit_system="argon",
    ).reset_index(drop=True)


@pytest.fixture(scope="module")
def start_table(others, tmp_path_factory):
    path = tmp_path_factory.mktemp("start") / "labelled.parquet"
    labelled.write(others, path, 3, 0)
    return path


@pytest.fixture(scope="module")
def start(start_table, landscape, make_config, tmp_path_factory) -> SimpleNamespace:
    """Models of that table alone, and what they predict of the run's pairs."""
    folder = tmp_path_factory.mktemp("warm")
    config = make_config(learn=QUICK)
    stage.train_table(config, start_table, folder / "model")
    predictions = [folder / "predictions.parquet"]
    stage.predict(config, folder / "model", landscape.files, predictions[0])
    return SimpleNamespace(config=config, model=folder / "model", predictions=predictions)


def own_paths(landscape, solved_pairs, n: int = 150) -> pd.DataFrame:
    pairs = landscape.frame[landscape.frame["total_displacement"] < 2.0]
    return solved_pairs(pairs.sample(n, random_state=5), 0)


@pytest.fixture(scope="module")
def warm(landscape, make_config, solved_pairs, write_paths, start_table, tmp_path_factory):
    """A training of 150 paths of the run and 400 rows of others."""
    folder = tmp_path_factory.mktemp("trained")
    config = make_config(learn=QUICK, loop={"start_table": str(start_table)})
    paths = write_paths(own_paths(landscape, solved_pairs), folder / "paths.parquet")
    stage.train(config, 0, paths, landscape.files, folder / "model")
    return SimpleNamespace(config=config, paths=paths, model=folder / "model")


def rows_of(model, name: str) -> int:
    return json.loads((model / "models" / name / "model.json").read_text())["rows"]


def test_the_models_see_the_rows_of_others(warm, others):
    paths = tables.read(warm.paths)
    wells = int((paths["status"] == "double_well").sum())
    assert rows_of(warm.model, "classifier") == 150 + 400
    assert rows_of(warm.model, "predictor") == wells + others["is_double_well"].sum()
    assert rows_of(warm.model, "barrier") == wells + others["is_double_well"].sum()


def test_the_rows_of_others_are_in_no_table_of_the_run(warm, others):
    paths = tables.read(warm.paths)
    assert keys(others) & keys(paths)  # the same keys, of other glasses
    for name in ("out_of_fold", "labelled"):
        table = tables.read(warm.model / f"{name}.parquet")
        assert len(table) == 150
        assert keys(table) == keys(paths)
        assert set(table["glass"]) == {"A", "B"}
        merged = table.merge(paths, on=KEYS, suffixes=("", "_path"))
        well = merged["status"] == "double_well"
        assert (merged["is_double_well"] == well).all()
        np.testing.assert_array_equal(
            merged["quantum_splitting"], merged["quantum_splitting_argon"].where(well)
        )


def test_out_of_fold_predictions_stay_with_their_rows(warm):
    table = tables.read(warm.model / "out_of_fold.parquet")
    right = (table["probability_double_well"] > 0.5) == table["is_double_well"]
    assert right.mean() > 0.9
    well = table[table["is_double_well"]]
    logarithms = np.log10(well[["quantum_splitting", "predicted_splitting"]])
    assert np.corrcoef(logarithms.T)[0, 1] > 0.85


def test_the_labelled_table_of_a_warm_run_can_warm_the_next(warm, make_config):
    config = make_config(loop={"start_table": str(warm.model / "labelled.parquet")})
    assert len(training.start_rows(config)) == 150


def test_glasses_of_equal_name_are_others(make_config, start_table, others, landscape):
    config = make_config(loop={"start_table": str(start_table)})
    rows = training.start_rows(config)
    assert set(rows["glass"]) == {"start:A", "start:B"}
    assert not set(rows["glass"]) & set(landscape.frame["glass"])
    pd.testing.assert_frame_equal(rows[FEATURES], others[FEATURES], check_dtype=False)
    assert training.start_rows(make_config()) is None


def test_folds_of_glasses_tell_them_apart(warm):
    """One glass of the run and two of others are three folds: no fallback to folds by row."""
    own = tables.read(warm.model / "labelled.parquet")
    everything = pd.concat([own[own["glass"] == "A"], training.start_rows(warm.config)])
    glasses, wells = everything["glass"].to_numpy(), everything["is_double_well"].to_numpy()
    fold, note = checks.glass_folds(wells, glasses, 3, 0, "binary")
    assert note is None
    assert len({(glass, number) for glass, number in zip(glasses, fold, strict=True)}) == 3


def test_few_paths_are_enough_with_the_rows_of_others(
    landscape, make_config, solved_pairs, write_paths, start_table, tmp_path
):
    few = write_paths(own_paths(landscape, solved_pairs, 10), tmp_path / "paths.parquet")
    learn = {"models": ["lightgbm"], "rounds": 10}
    stage.train(make_config(learn=learn), 0, few, landscape.files, tmp_path / "cold")
    assert not json.loads((tmp_path / "cold" / "training.json").read_text())["trained"]
    config = make_config(learn=learn, loop={"start_table": str(start_table)})
    stage.train(config, 0, few, landscape.files, tmp_path / "warm")
    assert len(tables.read(tmp_path / "warm" / "out_of_fold.parquet")) == 10


def test_models_of_a_table_alone(start, others):
    assert {path.name for path in start.model.iterdir()} == {"models", "training.json"}
    assert rows_of(start.model, "classifier") == len(others)
    content = json.loads((start.model / "training.json").read_text())
    assert content["classifier_accuracy"] > 0.85
    assert content["splitting_r_log"] > 0.85
    assert content["screen"]["held_out_tls_lost"] == 0


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_start_model_picks_the_initial_batch_but_for_the_explored_share(
    start, landscape, make_config, tmp_path, share
):
    loop = {"start_explore": share, "acquisition": "tls_probability", "initial_paths": 200}
    config = make_config(loop=loop)
    stage.select(config, 0, landscape.files, tmp_path, predictions=start.predictions)
    chosen = tables.read_many(sorted(tmp_path.iterdir()))
    assert len(chosen) == 200
    assert not chosen.duplicated(KEYS).any()
    assert set(chosen["iteration"]) == {0}
    predicted = tables.read(start.predictions[0])
    merged = chosen[KEYS].merge(predicted, on=KEYS)
    for name in selection.PREDICTED:  # of the explored ones too
        np.testing.assert_array_equal(chosen[name], merged[name].astype(float))

    explored = chosen[chosen["stratum"].isin(selection.STRATA)]
    assert len(explored) == round(200 * share)
    if share:  # as a cold start of that size draws them
        alone = make_config(loop={"initial_paths": len(explored)})
        assert keys(explored) == keys(selection.initial(alone, landscape.files))
    picked = chosen[chosen["stratum"] == "tls_probability"]
    assert len(explored) + len(picked) == 200
    free = predicted[~PairSet(explored).contains(predicted)]
    best = free.sort_values(["rescored", "probability_tls"], ascending=False).head(len(picked))
    assert keys(picked) == keys(best)


def test_a_warm_start_finds_more_tls_at_once(start, landscape, make_config, solved_pairs):
    exact = solved_pairs(landscape.frame, 0)
    tls = keys(exact[(exact["quantum_splitting_argon"] < 0.0015)])
    config = make_config(loop={"initial_paths": 150})
    cold = selection.initial(config, landscape.files)
    warm = selection.initial(config, landscape.files, start.predictions)
    assert len(tls & keys(warm)) > 2 * len(tls & keys(cold))


@pytest.mark.parametrize("rule", ["random", "smallest_delta_e", "lower_confidence"])
def test_other_rules_pick_the_initial_batch_too(start, landscape, make_config, rule):
    config = make_config(loop={"acquisition": rule, "initial_paths": 50, "start_explore": 0.2})
    chosen = selection.initial(config, landscape.files, start.predictions)
    assert (~chosen["stratum"].isin(selection.STRATA)).sum() == 40
    assert rule in set(chosen["stratum"])
    assert chosen[selection.PREDICTED].notna().all(axis=None)


def test_more_than_there_is(start, landscape, make_config):
    config = make_config(loop={"initial_paths": 4000})
    chosen = selection.initial(config, landscape.files, start.predictions)
    assert keys(chosen) == keys(landscape.frame)
    assert len(chosen) == len(landscape.frame)


def test_no_pairs_at_all(start, landscape, make_config, write_pairs, tmp_path):
    """Glasses of one minimum have no pair: nothing to pick, with models or without."""
    config = make_config()
    empty = write_pairs(landscape.frame[:0], tmp_path / "pairs.parquet")
    stage.predict(config, start.model, [empty], tmp_path / "predictions.parquet")
    for number, predictions in enumerate(([], [tmp_path / "predictions.parquet"])):
        output = tmp_path / f"selection-{number}"
        stage.select(config, 0, [empty], output, predictions=predictions)
        assert len(tables.read_many(sorted(output.iterdir()))) == 0


def refused(config: Config, first_iteration, landscape, folder, message: str) -> None:
    with pytest.raises(InputError, match=message):
        stage.train(config, 0, first_iteration.paths, landscape.files, folder / "model")
    assert not (folder / "model").exists()


def test_tables_that_do_not_fit_are_refused(
    first_iteration, landscape, make_config, others, start_table, tmp_path
):
    path = tmp_path / "other.parquet"
    arguments = (first_iteration, landscape, tmp_path)
    config = make_config(loop={"start_table": str(path)})
    refused(config, *arguments, r"table .*other.parquet does not exist")
    labelled.write(others.assign(unit_system="nip"), path, 3, 0)
    units = (
        r"labelled table .*other.parquet holds E_qs in nip, expected argon \(loop.unit_system\)$"
    )
    refused(config, *arguments, units)
    with pytest.raises(InputError, match=units):
        stage.train_table(config, path, tmp_path / "model")
    two = others.drop(columns=["displacement_3", "distance_1_3"])
    labelled.write(two, path, 2, 0)
    particles = (
        r"labelled table .*other.parquet has the displacements of 2 particles, expected 3 "
        r"\(pairs.particles\)$"
    )
    refused(config, *arguments, particles)
    with pytest.raises(InputError, match=particles):
        stage.train_table(config, path, tmp_path / "model")
    other = make_config(loop={"start_table": str(start_table), "unit_system": "nip"})
    refused(other, *arguments, r"holds E_qs in argon, expected nip \(loop.unit_system\)$")
    assert not (tmp_path / "model").exists()


def test_a_table_of_too_few_rows_is_refused(make_config, others, tmp_path):
    path = tmp_path / "few.parquet"
    wells, rest = others[others["is_double_well"]], others[~others["is_double_well"]]
    labelled.write(pd.concat([wells[:30], rest[:4]]), path, 3, 0)
    with pytest.raises(
        TrainingError, match=r"30 double wells with E_qs and 4 other pairs .*few.parquet"
    ):
        stage.train_table(make_config(), path, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_start_model_that_does_not_fit_is_refused(start, landscape, make_config, tmp_path):
    """The same checks as for every model, when it predicts the pairs of the run."""
    output = tmp_path / "p.parquet"
    nip = make_config(loop={"unit_system": "nip"})
    with pytest.raises(InputError, match=r"were trained for TLS below E_qs = 0.0015, expected"):
        stage.predict(nip, start.model, landscape.files, output)
    with pytest.raises(InputError, match=r"model folder .*nowhere/classifier does not exist"):
        stage.predict(make_config(), tmp_path / "nowhere", landscape.files, output)
    narrow = tmp_path / "narrow.parquet"
    tables.write(landscape.frame, narrow, tables.schema("pairs", tables.pairs_columns(2)))
    with pytest.raises(InputError, match=r"narrow.parquet lacks the column.s. displacement_3"):
        stage.predict(make_config(), start.model, [narrow], output)
    assert not output.exists()
