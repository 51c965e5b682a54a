"""The screening models: honest out of fold, below every held-out TLS, the same after a reload."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlsfind.errors import InputError
from tlsfind.learn import screen

BOUND = 2.8


def pairs(n: int = 600, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Two features that decide double wells and targets, one that decides nothing."""
    rng = np.random.default_rng(seed)
    features = pd.DataFrame({name: rng.random(n) for name in ("d", "energy", "noise")})
    double_well = features["d"].to_numpy() + 0.1 * rng.normal(size=n) < 0.5
    target = 1.5 + 2.0 * features["energy"].to_numpy() + 0.1 * rng.normal(size=n)
    return features, double_well, np.where(double_well, target, np.nan)


def fit(features, double_well, target, **changes) -> screen.Trained:
    options = {"rounds": 30, "seed": 1, **changes}
    return screen.fit(features, double_well, target, BOUND, **options)


@pytest.fixture(scope="module")
def trained() -> screen.Trained:
    return fit(*pairs())


def average_precision(truth, score) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(truth, score))


def test_it_learns_double_wells_and_targets(trained):
    _, double_well, target = pairs()
    found = trained.out_of_fold
    assert ((found.probability > 0.5) == double_well).mean() > 0.85
    assert np.corrcoef(found.target[double_well], target[double_well])[0, 1] > 0.95
    tls = double_well & (np.nan_to_num(target) > BOUND)
    assert average_precision(tls, found.probability_tls) > 0.8
    new, double_well, target = pairs(seed=7)
    found = trained.screen.predict(new)
    assert ((found.probability > 0.5) == double_well).mean() > 0.85
    tls = double_well & (np.nan_to_num(target) > BOUND)
    assert average_precision(tls, found.probability_tls) > 0.8
    # calibrated: the probabilities add up to the number that there are
    assert found.probability.sum() == pytest.approx(double_well.sum(), rel=0.15)
    assert found.probability_tls.sum() == pytest.approx(tls.sum(), rel=0.25)


def test_the_probability_of_a_tls_is_the_product(trained):
    found = trained.screen.predict(pairs(seed=3)[0])
    above = trained.screen.residuals.probability_above(found.target, BOUND)
    np.testing.assert_array_equal(found.probability_tls, found.probability * above)
    assert ((found.probability_tls >= 0) & (found.probability_tls <= found.probability)).all()


def test_out_of_fold_predictions_have_not_seen_their_row():
    """Labels and targets of pure noise: known by heart in training, not known out of fold."""
    unseen = []
    for seed in range(2):
        rng = np.random.default_rng(100 + seed)
        features = pairs(600, seed)[0]
        wells = rng.random(600) < 0.3
        target = np.where(wells, rng.normal(2.0, 0.5, 600), np.nan)
        tls = wells & (np.nan_to_num(target) > BOUND)
        result = fit(features, wells, target, rounds=100)
        seen, found = result.screen.predict(features), result.out_of_fold
        assert average_precision(wells, seen.probability) > wells.mean() + 0.3
        assert average_precision(wells, found.probability) < wells.mean() + 0.1
        assert average_precision(tls, found.probability_tls) < tls.mean() + 0.1
        assert np.corrcoef(seen.target[wells], target[wells])[0, 1] > 0.7
        unseen.append(np.corrcoef(found.target[wells], target[wells])[0, 1])
    assert abs(np.mean(unseen)) < 4 / np.sqrt(2 * 180)


def test_rows_of_a_given_fold_are_predicted_by_the_others():
    """The folds are taken as they are: a group whose value no other has is not known."""
    features, double_well, _ = pairs(400, 2)
    group = np.arange(400) % 4
    features = features.assign(group=group + 0.0)
    target = np.where(double_well, 1.5 + 0.5 * group, np.nan)
    by_row = fit(features, double_well, target).out_of_fold.target
    by_group = fit(features, double_well, target, fold=group).out_of_fold.target
    wells = double_well
    error = [np.abs(found[wells] - target[wells]).mean() for found in (by_row, by_group)]
    assert error[0] < 0.1
    assert error[1] > 0.4


def test_the_cutoff_is_below_every_held_out_tls(trained):
    _, double_well, target = pairs()
    tls = double_well & (np.nan_to_num(target) > BOUND)
    lowest = trained.out_of_fold.probability_tls[tls].min()
    assert trained.screen.cutoff == pytest.approx(screen.MARGIN * lowest)
    assert trained.screen.cutoff < lowest


def test_without_a_tls_the_cutoff_lets_nothing_through_but_the_share():
    features, double_well, target = pairs()
    result = fit(features, double_well, np.minimum(target, BOUND - 0.1))
    assert result.screen.cutoff == 1.0
    scores = result.screen.predict(features).probability_tls
    assert (scores < 1.0).all()
    result.screen.admit(scores, 0.1)
    assert (scores >= result.screen.cutoff).mean() == pytest.approx(0.1, abs=0.01)


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=60),
    st.floats(0.01, 1.0),
    st.floats(0.0, 1.0),
)
@settings(deadline=None)
def test_admit_only_lowers_the_cutoff_and_lets_the_share_through(scores, share, cutoff):
    model = screen.Screen([], None, None, None, None, BOUND, cutoff)
    model.admit(np.array(scores), share)
    assert model.cutoff <= cutoff
    assert (np.array(scores) >= model.cutoff).sum() >= np.floor(len(scores) * share - 1e-9)


def test_admit_of_no_pairs_leaves_the_cutoff():
    model = screen.Screen([], None, None, None, None, BOUND, 0.3)
    model.admit(np.empty(0), 0.5)
    assert model.cutoff == 0.3
    # a cutoff that lets more through than the share is not raised
    model.admit(np.linspace(0.5, 1.0, 50), 0.1)
    assert model.cutoff == 0.3


def test_the_same_data_and_seed_give_the_same_models(trained):
    features, double_well, target = pairs()
    before = features.copy(), double_well.copy(), target.copy()
    again, other = fit(*pairs()), fit(features, double_well, target, seed=2)
    new = pairs(seed=9)[0]
    for name in ("probability", "target", "probability_tls"):
        one, two = (getattr(result.out_of_fold, name) for result in (trained, again))
        np.testing.assert_array_equal(one, two)
        assert not np.array_equal(one, getattr(other.out_of_fold, name))
        one, two = (getattr(result.screen.predict(new), name) for result in (trained, again))
        np.testing.assert_array_equal(one, two)
    assert trained.screen.cutoff == again.screen.cutoff
    pd.testing.assert_frame_equal(features, before[0])
    np.testing.assert_array_equal(double_well, before[1])
    np.testing.assert_array_equal(target, before[2])


def test_a_pair_is_predicted_alike_in_any_company(trained):
    new = pairs(50, 4)[0]
    whole = trained.screen.predict(new)
    wide = new.assign(other=1.0)[["other", "noise", "energy", "d"]][::-1]
    again = trained.screen.predict(wide)
    np.testing.assert_array_equal(again.probability_tls[::-1], whole.probability_tls)
    one = trained.screen.predict(new[7:8])
    assert one.probability_tls[0] == whole.probability_tls[7]
    none = trained.screen.predict(new[:0])
    assert none.probability.shape == none.target.shape == none.probability_tls.shape == (0,)


def test_double_wells_of_unknown_splitting_teach_the_classifier_only():
    features, double_well, target = pairs()
    unknown = double_well & (np.arange(600) % 2 == 0)
    result = fit(features, double_well, np.where(unknown, np.nan, target))
    found = result.out_of_fold
    assert np.isfinite([found.probability, found.target, found.probability_tls]).all()
    assert ((found.probability > 0.5) == double_well)[unknown].mean() > 0.8
    assert np.corrcoef(found.target[unknown], target[unknown])[0, 1] > 0.9


def test_saved_and_loaded_models_are_the_same(trained, tmp_path):
    folder = tmp_path / "deep" / "screen"
    trained.screen.save(folder)
    loaded = screen.load(folder)
    assert loaded.features == trained.screen.features
    assert (loaded.bound, loaded.cutoff) == (BOUND, trained.screen.cutoff)
    new = pairs(seed=6)[0]
    one, two = (model.predict(new) for model in (trained.screen, loaded))
    for name in ("probability", "target", "probability_tls"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    level = [model.residuals.quantile(one.target, 0.9) for model in (trained.screen, loaded)]
    np.testing.assert_array_equal(*level)
    assert sum(file.stat().st_size for file in folder.iterdir()) < 200_000


def test_missing_and_damaged_models_are_named(trained, tmp_path):
    whole = tmp_path / "whole"
    trained.screen.save(whole)
    with pytest.raises(InputError, match=r"nowhere are missing or damaged: .*; train again"):
        screen.load(tmp_path / "nowhere")

    def damaged(name: str, content: bytes | None) -> None:
        folder = tmp_path / "damaged"
        trained.screen.save(folder)
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(content)
        with pytest.raises(InputError, match=r"screening models in .*damaged are missing or dam"):
            screen.load(folder)

    description = json.loads((whole / "screen.json").read_text())
    damaged("screen.json", None)
    damaged("screen.json", b"{")
    damaged("screen.json", b"[]")
    damaged("screen.json", b"\xff\xfe")
    for key in description:
        lacking = {name: value for name, value in description.items() if name != key}
        damaged("screen.json", json.dumps(lacking).encode())
    damaged("screen.json", json.dumps({**description, "logistic": {"slop": 1.0}}).encode())
    for name in ("classifier.cbm", "predictor.cbm"):
        content = (whole / name).read_bytes()
        damaged(name, None)
        damaged(name, b"")
        damaged(name, b"no model")
        damaged(name, content[: len(content) // 2])


def test_nothing_reaches_the_terminal_or_the_folder(trained, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    fit(*pairs(200), rounds=10).screen.save(tmp_path / "screen")
    screen.load(tmp_path / "screen")
    shown = capfd.readouterr()
    assert (shown.out, shown.err) == ("", "")
    assert [path.name for path in tmp_path.iterdir()] == ["screen"]
