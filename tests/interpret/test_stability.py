"""The perceptron that tells the preparation temperature: what it can know, and what it cannot."""

import json

import numpy as np
import pandas as pd
import pytest

from tlsfind import tables
from tlsfind.analysis.figures import figS8
from tlsfind.errors import TrainingError
from tlsfind.interpret import stability
from tlsfind.learn import labelled

FEATURES = tables.feature_names(3)


def pairs(temperature, glasses, n, *, seed, shift=0.0, fingerprint=False):
    """Pairs with one displacement larger by ``shift`` decades.

    With ``fingerprint``, each glass has its own d and participation ratio.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for number in range(glasses):
        values = 10.0 ** rng.normal(-0.5, 0.2, (n, len(FEATURES)))
        frame = pd.DataFrame(values, columns=FEATURES)
        frame["displacement_3"] *= 10.0**shift
        if fingerprint:
            for name in ("total_displacement", "participation_ratio"):
                frame[name] = 10.0 ** rng.normal(rng.uniform(-1.0, 1.0), 0.05, n)
        frame[["transitions_ab", "transitions_ba"]] = rng.poisson(100.0 * temperature, (n, 2))
        parts.append(
            frame.assign(
                glass=f"T{temperature:g}-{number:04d}",
                minimum_a=np.arange(n),
                minimum_b=np.arange(n) + 1,
                preparation_temperature=temperature,
                is_double_well=True,
                quantum_splitting=0.01,
                barrier=np.nan,
                unit_system="argon",
            )
        )
    return pd.concat(parts, ignore_index=True)


def data(*parts, transitions=False):
    frame = pd.concat(parts, ignore_index=True)
    return stability.select(labelled.check(frame, FEATURES, "here"), transitions, 0)


def test_temperatures_that_differ():
    chosen = data(pairs(0.07, 4, 60, seed=1), pairs(0.09, 4, 60, seed=2, shift=1.2))
    for split in ("row", "glass"):
        found = stability.scores(chosen, split)
        assert found["accuracy"] > 0.95
        assert found["balanced_accuracy"] > 0.95
        assert np.sum(found["confusion"]) == 480
        assert np.trace(found["confusion"]) == round(480 * found["accuracy"])


def test_glasses_are_not_taken_for_temperatures():
    """Temperatures alike, glasses with fingerprints: told by row, a coin's toss by glass."""
    chosen = data(
        pairs(0.07, 6, 40, seed=1, fingerprint=True), pairs(0.09, 6, 40, seed=2, fingerprint=True)
    )
    by_row, by_glass = (stability.scores(chosen, split) for split in ("row", "glass"))
    assert by_row["accuracy"] > 0.75
    assert 0.25 < by_glass["accuracy"] < 0.65


def test_training_goes_on_for_all_epochs(monkeypatch):
    """No rows are held out to stop it, however many there are and however flat the loss is."""
    monkeypatch.setattr(stability, "EPOCHS", 30)
    chosen = data(pairs(0.07, 2, 1500, seed=1), pairs(0.09, 2, 1500, seed=2))
    perceptron = stability.Perceptron(list(chosen.frame.columns), (2,), 0)
    perceptron.fit(chosen.frame.to_numpy(dtype=float), chosen.code)
    network = perceptron._pipeline[-1]
    assert network.n_iter_ == 30
    assert not network.early_stopping


def test_alike_by_row():
    chosen = data(pairs(0.07, 3, 60, seed=1), pairs(0.09, 3, 60, seed=2))
    assert 0.4 < stability.scores(chosen, "row")["accuracy"] < 0.6


def test_transitions_are_left_out_unless_asked_for():
    parts = pairs(0.02, 3, 60, seed=1), pairs(0.2, 3, 60, seed=2)
    without, wanted = data(*parts), data(*parts, transitions=True)
    assert "transitions_ab" not in without.frame
    assert "transitions_ab" in wanted.frame
    assert stability.scores(without, "glass")["accuracy"] < 0.65
    assert stability.scores(wanted, "glass")["accuracy"] > 0.95


def test_balanced_accuracy_sees_a_rare_temperature():
    chosen = data(pairs(0.07, 4, 40, seed=1), pairs(0.09, 2, 10, seed=2))
    found = stability.scores(chosen, "row")
    assert found["accuracy"] > 0.8
    assert found["balanced_accuracy"] < 0.65


def test_by_glass_every_fold_knows_every_temperature():
    chosen = data(
        pairs(0.06, 2, 30, seed=1), pairs(0.07, 3, 30, seed=2), pairs(0.09, 7, 30, seed=3)
    )
    fold = stability.folds(chosen, "glass", 0)
    for number in np.unique(fold):
        assert set(chosen.code[fold != number]) == {0, 1, 2}
        assert not set(chosen.glasses[fold == number]) & set(chosen.glasses[fold != number])


def test_one_glass_of_a_temperature():
    chosen = data(pairs(0.07, 1, 60, seed=1), pairs(0.09, 3, 60, seed=2, shift=1.2))
    found = stability.scores(chosen, "glass")
    assert found["accuracy"] is None
    assert "temperature 0.07 are of the glass T0.07-0000, expected at least two" in found["note"]
    assert stability.scores(chosen, "row")["accuracy"] > 0.9


def test_interpretation():
    """It goes by the one feature that differs; the larger it is, the hotter."""
    chosen = data(pairs(0.07, 3, 80, seed=1), pairs(0.09, 3, 80, seed=2, shift=1.2))
    found, values = stability.interpretation(chosen)
    assert len(values) == 480 * 8
    assert set(values["glass"]) == set(chosen.glasses)
    np.testing.assert_allclose(
        values.groupby("feature")["shap"].apply(lambda part: part.abs().mean()).sort_index(),
        [found["shap"][name]["mean_abs"] for name in sorted(found["shap"])],
    )
    first = next(iter(found["shap"]))
    assert first == "displacement_3"
    assert found["shap"][first]["direction"] > 0.7
    told = found["partial_dependence"][first]["temperature"]
    assert told[0] < 0.075
    assert told[-1] > 0.085
    assert len(found["partial_dependence"]) == len(chosen.frame.columns)


def test_unusable_data():
    with pytest.raises(TrainingError, match=r"preparation temperature 0\.07, expected pairs of at"):
        data(pairs(0.07, 3, 40, seed=1))
    with pytest.raises(TrainingError, match=r"5 pairs of the preparation temperature 0\.09"):
        data(pairs(0.07, 3, 40, seed=1), pairs(0.09, 1, 5, seed=2))


def test_rows_are_capped(monkeypatch):
    monkeypatch.setattr(stability, "MAX_PAIRS", 50)
    chosen = data(pairs(0.07, 3, 40, seed=1), pairs(0.09, 1, 30, seed=2))
    assert np.bincount(chosen.code).tolist() == [50, 30]


def test_file(tmp_path, monkeypatch):
    monkeypatch.setattr(stability, "DEPTHS", (1,))
    monkeypatch.setattr(stability, "WIDTHS", (5,))
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    labelled.write(pairs(0.07, 2, 40, seed=1), files[0], 3, 0)
    labelled.write(pairs(0.09, 2, 40, seed=2, shift=1.2), files[1], 3, 0)
    output = tmp_path / "out" / "stability.json"
    found = stability.stability(files, output, scanned=True)
    assert json.loads(output.read_text()) == found
    shap = tables.read(tmp_path / "out" / "stability_shap.parquet", tables.schema("shap").names)
    assert set(shap["model"]) == {"stability"}
    assert len(shap) == 160 * len(found["features"])
    assert found["temperatures"] == [0.07, 0.09]
    assert found["pairs"] == [80, 80]
    assert found["glasses"] == [2, 2]
    assert found["commonest"] == 0.5
    assert [(row["depth"], row["width"]) for row in found["scan"]] == [(1, 60), (2, 5)]
    again = stability.stability(files, tmp_path / "again.json", scanned=True)
    assert again == found


def test_too_few_pairs_are_a_note_where_that_is_allowed(tmp_path):
    few = pd.concat([pairs(0.07, 2, 40, seed=1), pairs(0.09, 1, 12, seed=2)], ignore_index=True)
    source = tmp_path / "labelled.parquet"
    labelled.write(few, source, 3, 0)
    output = tmp_path / "stability.json"
    with pytest.raises(TrainingError, match=r"12 pairs of the preparation temperature 0\.09"):
        stability.stability([source], output)
    assert [file.name for file in tmp_path.iterdir()] == ["labelled.parquet"]
    stability.stability([source], output, scanned=True, allow_too_few=True)
    content = json.loads(output.read_text())
    assert content["note"] == "12 pairs of the preparation temperature 0.09, expected at least 20"
    assert (content["pairs"], content["glasses"]) == ([80, 12], [2, 1])
    assert "by_row" not in content
    assert len(tables.read(tmp_path / "stability_shap.parquet", tables.schema("shap").names)) == 0
    assert figS8.numbers(content)["scan"].empty
