"""Every scan from a labelled table to its figure, by the command line."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml

from scan_settings import LEARN, SCANS
from tlsfind import tables
from tlsfind.cli import main
from tlsfind.scans.features import LEFT_OUT
from tlsfind.scans.kinds import FIGURES
from tlsfind.tables_scans import JOIN


@pytest.fixture(scope="module")
def config_file(tmp_path_factory):
    """Two repetitions take twice as long and show nothing more."""
    content = {
        "run": {"name": "made-up", "output": "results", "seed": 3},
        "glasses": [{"preparation_temperature": 0.07}],
        "prepare": {"blocks": 20},
        "explore": {"trajectories": 1, "steps": 10, "quench_every": 5},
        "learn": LEARN.model_dump(),
        "scans": {**SCANS.model_dump(), "repeats": 1},
        "analysis": {
            "formats": ["png"],
            "explain_sample": 15,
            "explain_background": 8,
            "permutations": 3,
        },
    }
    path = tmp_path_factory.mktemp("config") / "config.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture(scope="module")
def scanned(tmp_path_factory, labelled_file, few_features, config_file):
    """The function that makes a scan once and gives its folder and table."""
    done = {}

    def scan(kind):
        if kind not in done:
            folder = tmp_path_factory.mktemp(kind)
            file = few_features if kind == "features" else labelled_file
            settings = config_file
            if kind == "features":  # by far the most trainings
                content = yaml.safe_load(config_file.read_text())
                content["scans"].update(splits=["row"], feature_counts=[1, 2, 4])
                settings = folder / "config.yaml"
                settings.write_text(yaml.safe_dump(content))
            command = ["scan", kind, str(file), "--config", str(settings)]
            assert main([*command, "--output", str(folder)]) == 0
            done[kind] = folder
        return done[kind], tables.read(done[kind] / "scan.parquet")

    return scan


@pytest.mark.parametrize("kind", FIGURES)
def test_tables_and_figure(scanned, kind):
    folder, scan = scanned(kind)
    assert (folder / f"{FIGURES[kind]}.png").stat().st_size > 10_000
    assert list(folder.glob(f"{FIGURES[kind]}_*.csv"))
    assert set(scan["preparation_temperature"]) == ({0.07} if kind == "features" else {0.07, 0.092})
    scored = scan[["accuracy", "r2_log"]].notna().any(axis=1)
    assert (scored | (scan["note"] != "")).all()
    unfit = scan[(scan["preparation_temperature"] == 0.092) & (scan["split"] == "glass")]
    assert unfit[["accuracy", "r2_log"]].isna().all(axis=None)  # that T_f has one glass
    assert unfit["note"].str.contains("at least two glasses").all()


def test_leaderboard(scanned):
    folder, scan = scanned("leaderboard")
    rows = scan[(scan["preparation_temperature"] == 0.07) & (scan["split"] == "row")]
    expected = {"ensemble", "lightgbm", "extra_trees", "screen", "perceptron"}
    for _, of in rows.groupby("model"):
        assert set(of["variant"]) == expected
        assert of["training_pairs"].nunique() == 1  # all on the same pairs
    assert (rows.loc[rows["model"] == "classifier", "accuracy"] > 0.75).all()
    best = rows[(rows["model"] == "predictor") & (rows["variant"] == "ensemble")]
    assert (best["r2_log"] > 0.5).all()
    points = tables.read(folder / "points.parquet")
    one = points[(points["variant"] == "ensemble") & (points["split"] == "row")]
    one = one[one["preparation_temperature"] == 0.07]
    r = np.corrcoef(np.log10(one["exact"]), np.log10(one["predicted"]))[0, 1]
    assert r == pytest.approx(best["r_log"].iloc[0])


def test_performance(scanned):
    for model, score in (("predictor", "r2_log"), ("classifier", "accuracy")):
        _, scan = scanned(model)
        assert set(scan["model"]) == {model}
        rows = scan[(scan["split"] == "row") & (scan["preparation_temperature"] == 0.07)]
        by = {name: of.set_index("value") for name, of in rows.groupby("scan")}
        assert list(by["particles"].index) == [1.0, 2.0, 3.0]  # no minima for M = 5
        assert list(by["rounds"].index) == [10.0, 20.0]
        sizes = by["size"]
        assert list(sizes.index[:2]) == [60.0, 200.0]
        assert sizes.index[2] == sizes["training_pairs"].iloc[2] < 500  # all there are
        assert sizes[score].iloc[2] > sizes[score].iloc[0] - 0.02


def test_importance(scanned):
    folder, _ = scanned("importance")
    importance = tables.read(folder / "importance.parquet")
    own = importance[(importance["preparation_temperature"] == 0.07) & (importance["repeat"] == 0)]
    drops = own.set_index(["model", "score", "feature"])["drop_mean"]
    # what makes a double well, and what makes its splitting, is d; the rest is noise
    assert drops["classifier", "accuracy"].idxmax() == "total_displacement"
    rise = drops["predictor", "rmse"].sort_values(ascending=False)
    assert set(rise.index[:2]) == {"total_displacement", "delta_e"}
    assert rise["distance_1_2"] < 0.2 * rise.iloc[1]
    table = pd.read_csv(folder / "table_s1.csv")
    first = table[(table["preparation_temperature"] == 0.07) & (table["rank"] == 1)]
    assert dict(zip(first["model"], first["feature"], strict=True))["classifier"] == (
        "total_displacement"
    )
    shap = tables.read(folder / "shap.parquet")
    sums = shap.groupby(["preparation_temperature", "model", "glass", "minimum_a"])
    total = sums["shap"].sum() + sums["base"].first()
    np.testing.assert_allclose(total, sums["prediction"].first(), atol=1e-6)


def test_number_of_features(scanned):
    _, scan = scanned("features")
    rows = scan[(scan["split"] == "row") & (scan["preparation_temperature"] == 0.07)]
    for (model, variant), of in rows.groupby(["model", "variant"]):
        assert of["value"].tolist() == ([1, 2, 4, 6] if variant == "all" else [1, 2, 3])
        added = [added.split(JOIN) for added in of["feature"]]
        assert [len(names) for names in added] == np.diff(of["value"], prepend=0).tolist()
        every = [name for names in added for name in names]
        assert len(set(every)) == len(every)
        assert variant == "all" or not set(every) & set(LEFT_OUT)
        if model == "classifier":  # d alone tells double wells in this landscape
            assert of["feature"].iloc[0] == "total_displacement"
            assert of["accuracy"].iloc[0] > 0.9
    predictor = rows[rows["model"] == "predictor"].groupby("variant")["r_log"].last()
    assert predictor["all"] > predictor["without"] + 0.05  # Delta E is half of the law


def test_the_same_seed_gives_the_same_table(tmp_path, few_features, config_file):
    content = yaml.safe_load(config_file.read_text())
    content["scans"].update(splits=["row"], particles=[1], sizes=[60], rounds=[10])
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(content))
    found = []
    for name in "ab":
        command = ["scan", "classifier", str(few_features), "--config", str(path)]
        assert main([*command, "--output", str(tmp_path / name)]) == 0
        found.append(tables.read(tmp_path / name / "scan.parquet").drop(columns="seconds"))
    pd.testing.assert_frame_equal(*found, rtol=1e-12)


def test_structures_are_needed_for_bond_order(tmp_path, labelled_file, config_file, capsys):
    content = yaml.safe_load(config_file.read_text())
    content["scans"]["bond_order"] = True
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(content))
    command = ["scan", "importance", str(labelled_file), "--config", str(path)]
    assert main([*command, "--output", str(tmp_path / "out")]) == 2
    assert "no table of structures" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_missing_table_is_one_message(tmp_path, capsys):
    assert main(["scan", "features", str(tmp_path / "no.parquet"), "-o", str(tmp_path)]) == 2
    assert "no.parquet" in capsys.readouterr().err
