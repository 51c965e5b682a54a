"""The ensemble on small problems whose answer is known."""

import json
import logging

import numpy as np
import pandas as pd
import pytest

from tlsfind import tables
from tlsfind.config import Learn
from tlsfind.errors import InputError, TlsfindError, TrainingError
from tlsfind.learn import autogluon_log, ensemble, predictor

QUICK = Learn(rounds=20, trees=10, folds=3, stack_levels=0, features="plain")


def problem(n: int = 200, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Features x, y, a constant, and the value x^2 - y."""
    rng = np.random.default_rng(seed)
    features = pd.DataFrame({"x": rng.normal(size=n), "y": rng.normal(size=n), "constant": 0.0})
    return features, (features["x"] ** 2 - features["y"]).to_numpy()


def fit(features, target, folder, **changes) -> ensemble.Trained:
    options = {"problem": "regression", "settings": QUICK, "stack_levels": 0, "seed": 5, **changes}
    return ensemble.fit(features, target, folder, **options)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ensemble") / "model"
    features, target = problem()
    return folder, fit(features, target, folder), features, target


def test_the_same_data_give_the_same_model(trained, tmp_path):
    folder, first, features, target = trained
    again = fit(features, target, tmp_path / "model")
    np.testing.assert_array_equal(again.out_of_fold, first.out_of_fold)
    new, _ = problem(seed=1)
    one, other = (ensemble.Ensemble(path).predict(new) for path in (folder, tmp_path / "model"))
    np.testing.assert_array_equal(one, other)


def test_another_seed_gives_other_folds(trained, tmp_path):
    _, first, features, target = trained
    other = fit(features, target, tmp_path / "model", seed=6)
    assert not np.array_equal(other.out_of_fold, first.out_of_fold)
    assert np.corrcoef(other.out_of_fold, first.out_of_fold)[0, 1] > 0.8


def test_it_learns_a_function_and_keeps_a_small_folder(trained):
    folder, result, _, target = trained
    assert np.corrcoef(result.out_of_fold, target)[0, 1] > 0.7
    assert not result.time_limit_struck
    new, exact = problem(seed=1)
    model = ensemble.Ensemble(folder)
    assert np.corrcoef(model.predict(new), exact)[0, 1] > 0.7
    np.testing.assert_array_equal(model.predict(new[["y", "constant", "x"]]), model.predict(new))
    assert model.predict(new[:0]).shape == (0,)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    assert size < 5e6
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("stack_levels", [0, 1])
def test_out_of_fold_predictions_have_not_seen_their_row(tmp_path, stack_levels):
    features, _ = problem(150)
    noise = np.random.default_rng(99).normal(size=150)
    result = fit(features, noise, tmp_path / "model", stack_levels=stack_levels)
    assert abs(np.corrcoef(result.out_of_fold, noise)[0, 1]) < 0.35


def test_nothing_reaches_the_terminal(tmp_path, capfd, recwarn):
    features, target = problem(60)
    fit(features, target, tmp_path / "model")
    ensemble.Ensemble(tmp_path / "model").predict(features)
    shown = capfd.readouterr()
    assert (shown.out, shown.err) == ("", "")
    assert not list(recwarn)
    assert logging.getLogger("autogluon").level != logging.INFO


def test_heavy_rows_have_out_of_fold_predictions(tmp_path):
    """AutoGluon's short cut for extra trees returns 0 for rows that the bootstrap always draws."""
    features, target = problem(150)
    splitting = 10.0 ** -(2.0 + 0.3 * target)
    splitting[:5] = 1e-7
    settings = QUICK.model_copy(update={"splitting_target": "paper", "stack_levels": 1})
    result = predictor.fit(features, splitting, tmp_path / "model", settings, 1)
    logarithms = -np.log10(result.out_of_fold)
    assert logarithms.min() > 0.5
    assert (result.out_of_fold > 0).all()


def test_an_unusable_target_is_refused(tmp_path):
    features, target = problem(60)
    with pytest.raises(TrainingError, match=r"all 60 training rows have the same value 2\.5"):
        fit(features, np.full(60, 2.5), tmp_path / "model")
    target[:4] = np.nan
    with pytest.raises(TrainingError, match="4 of 60 training rows have no finite value"):
        fit(features, target, tmp_path / "model")


def test_unusable_features_are_named(tmp_path):
    features, target = problem(60)
    broken = features.assign(y=features["y"].where(features.index > 2))
    with pytest.raises(TrainingError, match=r"3 of 60 training rows.*feature\(s\) y"):
        fit(broken, target, tmp_path / "model")
    with pytest.raises(TrainingError, match="every feature has one value over all 60"):
        fit(features * 0.0, target, tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_a_time_limit_that_leaves_no_model_is_an_error(tmp_path):
    features, target = problem(60)
    settings = QUICK.model_copy(update={"time_limit": 1e-3})
    with pytest.raises(TrainingError, match=r"learn.time_limit of 0.001 s ended before one model"):
        fit(features, target, tmp_path / "model", settings=settings)
    assert not list(tmp_path.iterdir())


def test_models_that_stop_for_lack_of_time_are_noticed():
    from autogluon.common.utils.log_utils import set_logger_verbosity
    from autogluon.tabular.models.catboost.callbacks import TimeCheckCallback
    from catboost.core import CatBoostError  # noqa: F401  (the callback's library is there)

    class Round:
        iteration = 3

    with autogluon_log.quiet() as messages:
        set_logger_verbosity(2)
        assert not messages.out_of_time
        assert not TimeCheckCallback(time_start=0.0, time_limit=1.0).after_iteration(Round())
        assert messages.out_of_time


def test_a_model_that_fails_otherwise_is_an_error(tmp_path, monkeypatch):
    features, target = problem(60)
    monkeypatch.setattr(ensemble, "_expected_models", lambda *_: {"Oak_BAG_L1"})
    with pytest.raises(TrainingError, match="Oak_BAG_L1 failed to train on 60 rows"):
        fit(features, target, tmp_path / "model")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("package", ["tlsfind", "autogluon", "python"])
def test_another_minor_version_is_refused(trained, tmp_path, package):
    folder = tmp_path / "model"
    folder.mkdir()
    description = json.loads((trained[0] / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**description, package: "0.99.1"}))
    with pytest.raises(TlsfindError, match=rf"trained with {package} 0.99.1, found {package} "):
        ensemble.Ensemble(folder)


def test_another_schema_is_refused(trained, tmp_path):
    description = json.loads((trained[0] / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps({**description, "schema_version": 99}))
    with pytest.raises(TlsfindError, match="schema version 99"):
        ensemble.Ensemble(tmp_path)


def test_missing_or_damaged_models_are_named(trained, tmp_path):
    with pytest.raises(InputError, match=r"model folder .*nowhere does not exist"):
        ensemble.Ensemble(tmp_path / "nowhere")
    with pytest.raises(InputError, match="holds no model"):
        ensemble.Ensemble(tmp_path)
    (tmp_path / "model.json").write_text("{")
    with pytest.raises(InputError, match=r"model.json cannot be read"):
        ensemble.Ensemble(tmp_path)
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(InputError, match="lacks features, inputs, problem"):
        ensemble.Ensemble(tmp_path)
    (tmp_path / "model.json").write_text((trained[0] / "model.json").read_text())
    with pytest.raises(InputError, match="incomplete or damaged"):
        ensemble.Ensemble(tmp_path)


def test_a_missing_feature_is_named(trained):
    with pytest.raises(InputError, match=r"needs the feature\(s\) y, found x, constant"):
        ensemble.Ensemble(trained[0]).predict(problem()[0][["x", "constant"]])


def kept(folder) -> set[str]:
    """Kinds of the first level that the final model needs, and whether they are refits."""
    names = {path.name for path in (folder / "autogluon" / "models").iterdir() if path.is_dir()}
    return {name for name in names if not name.startswith("WeightedEnsemble")}


@pytest.mark.parametrize("kind", ["lightgbm", "catboost", "extra_trees"])
def test_one_kind_of_model_alone(tmp_path, kind):
    features, target = problem()
    settings = QUICK.model_copy(update={"models": [kind]})
    result = fit(features, target, tmp_path / "model", settings=settings)
    assert np.corrcoef(result.out_of_fold, target)[0, 1] > 0.5
    # one model of all rows, not one of each fold
    assert kept(tmp_path / "model") == {f"{ensemble.KINDS[kind][1]}_BAG_L1_FULL"}
    new, exact = problem(seed=1)
    assert np.corrcoef(ensemble.Ensemble(tmp_path / "model").predict(new), exact)[0, 1] > 0.5


def test_the_description_says_what_was_done(trained, tmp_path):
    description = json.loads((trained[0] / "model.json").read_text())
    assert description["features"] == ["x", "y", "constant"]
    assert description["inputs"] == "plain"
    assert (description["rows"], description["problem"]) == (200, "regression")
    assert description["notes"] == trained[1].notes
    assert description["schema_version"] == tables.SCHEMA_VERSION == 2
    features, target = problem(60)
    seen = []

    def describe(out_of_fold):
        seen.append(out_of_fold)
        return {"mean": float(out_of_fold.mean())}

    settings = QUICK.model_copy(update={"models": ["lightgbm"]})
    result = fit(features, target, tmp_path / "model", settings=settings, describe=describe)
    np.testing.assert_array_equal(seen[0], result.out_of_fold)
    assert ensemble.Ensemble(tmp_path / "model").description["mean"] == result.out_of_fold.mean()


def test_a_constant_feature_is_named_in_the_notes(trained):
    assert trained[1].notes == ["feature(s) constant constant over 200 rows, not used"]


def pairs(n: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Features of pairs with M = 1 and a target that is plain in their logarithms."""
    rng = np.random.default_rng(seed)
    d = 10.0 ** rng.uniform(-3, 1, n)
    energy = 10.0 ** rng.uniform(-4, -1, n)
    frame = pd.DataFrame(
        {
            "delta_e": energy,
            "displacement_1": d * rng.uniform(0.3, 0.9, n),
            "total_displacement": d,
            "participation_ratio": rng.uniform(1, 30, n),
            "transitions_ab": rng.poisson(1.0, n),
            "transitions_ba": rng.poisson(1.0, n),
        }
    )
    return frame, np.log10(energy) - 2.0 * np.log10(d)


def test_the_physics_inputs_are_made_inside_and_help(tmp_path):
    """The caller hands over columns of the pairs table; one of the inputs is the target here."""
    features, target = pairs(200, 0)
    new, exact = pairs(200, 1)
    errors = {}
    for kind in ("physics", "plain"):
        settings = QUICK.model_copy(update={"features": kind, "models": ["extra_trees"]})
        fit(features, target, tmp_path / kind, settings=settings)
        model = ensemble.Ensemble(tmp_path / kind)
        assert model.features == list(features.columns)
        errors[kind] = np.sqrt(np.mean((model.predict(new[new.columns[::-1]]) - exact) ** 2))
    assert errors["physics"] < 0.8 * errors["plain"]


def by_glass(n: int = 160, glasses: int = 8) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """A feature that gives the glass away, a target that is the glass's own, and the glasses."""
    rng = np.random.default_rng(11)
    code = np.arange(n) % glasses
    features = pd.DataFrame({"x": code + 0.1 * rng.random(n)})
    value = rng.permutation(glasses) * 1.0
    return features, value[code], np.char.add("glass-", code.astype(str))


def test_folds_of_glasses_do_not_know_a_glass_by_its_other_rows(tmp_path):
    """The value of a glass is in no other glass: by row it is known, by glass it is not."""
    features, target, glasses = by_glass()
    spread = {}
    for split in ("row", "glass"):
        settings = QUICK.model_copy(update={"split": split, "models": ["extra_trees"], "folds": 4})
        result = fit(features, target, tmp_path / split, settings=settings, glasses=glasses)
        assert result.notes == []
        spread[split] = np.sqrt(np.mean((result.out_of_fold - target) ** 2)) / target.std()
    assert spread["row"] < 0.1
    assert spread["glass"] > 0.7
    # the folds are no input
    assert ensemble.Ensemble(tmp_path / "glass").predict(features).shape == (160,)


def test_more_folds_than_glasses_are_as_many_as_glasses(tmp_path):
    features, target, glasses = by_glass(60, 2)
    settings = QUICK.model_copy(update={"split": "glass", "folds": 5, "models": ["lightgbm"]})
    result = fit(
        features, target + features["x"], tmp_path / "m", settings=settings, glasses=glasses
    )
    assert np.isfinite(result.out_of_fold).all()


def test_rows_of_one_glass_fall_back_to_folds_by_row_and_say_so(tmp_path):
    features, target, _ = by_glass(60)
    settings = QUICK.model_copy(update={"split": "glass", "models": ["lightgbm"]})
    one = np.full(60, "A")
    result = fit(features, target, tmp_path / "m", settings=settings, glasses=one)
    assert result.notes == ["all 60 rows are of one glass: folds by row, not by glass"]
    assert json.loads((tmp_path / "m" / "model.json").read_text())["notes"] == result.notes
    with pytest.raises(TrainingError, match=r"learn.split is glass, but the glasses .* not given"):
        fit(features, target, tmp_path / "n", settings=settings)


def test_a_model_that_time_cut_out_is_a_note(tmp_path, monkeypatch):
    """Out of time with one model trained: the ensemble is used, and says which model it lacks."""
    features, target = problem(60)
    expected = ensemble._expected_models
    monkeypatch.setattr(ensemble, "_expected_models", lambda *a: expected(*a) | {"Oak_BAG_L1"})
    monkeypatch.setattr(autogluon_log.Messages, "out_of_time", property(lambda self: True))
    settings = QUICK.model_copy(update={"models": ["lightgbm"]})
    result = fit(features[["x", "y"]], target, tmp_path / "m", settings=settings)
    assert result.time_limit_struck
    assert result.notes == ["time limit: Oak_BAG_L1 not trained"]
    assert ensemble.Ensemble(tmp_path / "m").description["time_limit_struck"] is True


def test_packages_are_listed_once_in_a_process(monkeypatch):
    from autogluon.common.utils import utils

    calls = []

    def versions(*, strict=False):
        calls.append(strict)
        return {"some": "1.0"}, ["another"]

    monkeypatch.setattr(utils, "get_package_versions", versions)
    found = []
    for _ in range(2):
        with autogluon_log.quiet():
            found += [utils.get_autogluon_metadata() for _ in range(2)]
    assert len(calls) == 1
    for content in found:
        assert (content["packages"], content["packages_invalid"]) == ({"some": "1.0"}, ["another"])
    assert utils.get_package_versions is versions
