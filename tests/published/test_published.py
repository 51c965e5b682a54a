"""Published mode on a small folder like the authors': every step, its numbers, its errors."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from published_tables import GLASSES, PAIRS, RUNS, SETTINGS, labelled, make
from tlsfind.cli import main
from tlsfind.config import Learn, load
from tlsfind.errors import ConfigError, InputError
from tlsfind.learn import labelled as labelled_tables
from tlsfind.pairs.keys import KEYS
from tlsfind.published import compare, fig3, fig4, paper, settings, stage
from tlsfind.published.predict import parts
from tlsfind.published.source import Source, labels_of

THRESHOLD = 0.0015


@pytest.fixture(scope="module")
def config():
    content = {"published": {"folder": "authors", "training_pairs": 250}, **SETTINGS}
    return settings.parse(content)


@pytest.fixture(scope="module")
def root(config, tmp_path_factory):
    """Results of every step but the report, made by the commands."""
    folder = tmp_path_factory.mktemp("published")
    make(folder / "authors")
    file = folder / "published.yaml"
    file.write_text(json.dumps(config.model_dump(mode="json")))
    results = folder / "results"

    def run(*arguments):
        assert main([str(argument) for argument in arguments]) == 0

    imported = results / "tables"
    run("import", "authors", folder / "authors", "-o", imported, "--json", imported / "import.json")
    table = imported / "labelled-T007.parquet"
    for split in ("row", "glass"):
        place = results / "predictions" / "T007" / split
        run("published", "predict", table, "--split", split, "-c", file, "-o", place)
    place = results / "predictions" / "T007" / "row"
    target = results / "explain" / "T007"
    run("published", "explain", table, "--predictions", place, "-c", file, "-o", target)
    return results


@pytest.fixture(scope="module")
def source(config, root):
    return Source(config, root)


def test_labels(root):
    assert labels_of(root.parent / "authors") == (["T007"], ["T007", "T0092"])


def test_parts(root):
    table = labelled_tables.read(root / "tables" / "labelled-T007.parquet")
    for split in ("row", "glass"):
        rows = parts(table, split, THRESHOLD, 3, 100, seed=1)
        assert not (rows.held_out & (rows.classifier | rows.predictor)).any()
        assert rows.classifier.sum() == rows.predictor.sum() == 100
        assert table.is_double_well[rows.predictor].all()
        assert len(rows.held_out) / 3.6 < rows.held_out.sum() < len(rows.held_out) / 2.5
        again = parts(table, split, THRESHOLD, 3, 100, seed=1)
        for name, found in vars(rows).items():
            assert np.array_equal(found, vars(again)[name])
        other = parts(table, split, THRESHOLD, 3, 100, seed=2)
        assert not np.array_equal(rows.predictor, other.predictor)
        common = set(table.glasses[rows.held_out]) & set(table.glasses[~rows.held_out])
        assert bool(common) == (split == "row")
    every = parts(table, "row", THRESHOLD, 2, 10**6, seed=1)
    assert np.array_equal(every.classifier, ~every.held_out)
    assert np.array_equal(every.predictor, ~every.held_out & table.is_double_well)


@pytest.mark.parametrize("split", ["row", "glass"])
def test_held_out_predictions(source, split):
    """They know the law of the synthetic tables, and their scores are those of the table."""
    frame, scores = source.predictions(0.07, split), source.scores(0.07, split)
    well = frame["is_double_well"].to_numpy(dtype=bool)
    assert frame["predicted_splitting"].notna().equals(pd.Series(well))
    right = (frame["probability_double_well"] > 0.5).to_numpy() == well
    assert scores["classifier"]["accuracy"] == pytest.approx(right.mean())
    assert scores["classifier"]["accuracy"] > 0.85
    logs = np.log10(frame.loc[well, ["quantum_splitting", "predicted_splitting"]].astype(float))
    assert scores["splitting"]["r_log"] == pytest.approx(np.corrcoef(logs.T)[0, 1])
    assert scores["splitting"]["r_log"] > 0.9
    assert scores["held_out_pairs"] == len(frame)
    assert (scores["held_out_glasses"] == GLASSES) == (split == "row")
    assert scores["predictor_pairs"] <= 250
    assert scores["splitting_below_0.1"]["pairs"] == well.sum()


def test_explanation_of_held_out_pairs(source):
    shap = source.shap(0.07)
    held = source.predictions(0.07, "row")
    assert shap[KEYS].drop_duplicates().merge(held, on=KEYS)["glass"].size == len(
        shap[KEYS].drop_duplicates()
    )
    assert set(shap["model"]) == {"classifier", "predictor"}
    importance = source.importance(0.07)
    first = importance[(importance["model"] == "predictor") & (importance["rank"] == 1)]
    assert set(first["feature"]) == {"delta_e"}


def test_confusion():
    points = pd.DataFrame(
        {
            "exact": [1e-3, 1e-3, 1e-3, 2e-3, 2e-3, 9e-3],
            "predicted": [1e-3, 2e-3, 9e-3, 1e-3, 2.9e-3, 9e-3],
        }
    )
    matrix, lines = fig4.confusion(points, THRESHOLD)
    assert matrix.iloc[0].to_dict() == {
        "true_positive": 1, "false_positive": 1, "false_negative": 2, "true_negative": 2,
    }  # fmt: skip
    assert lines["paths"].tolist() == [2, 4, 4]
    assert lines["tls"].tolist() == [1, 2, 2]
    assert lines["share"].tolist() == pytest.approx([1 / 3, 2 / 3, 2 / 3])


def test_numbers_of_the_figures(source):
    numbers = fig4.collect(source)
    per_glass = numbers["per_glass"].set_index("preparation_temperature")
    for t_f, label in ((0.07, "T007"), (0.092, "T0092")):
        wells, tls, _, _ = RUNS[label]
        assert per_glass.loc[t_f, "double_wells"].sum() == wells
        assert per_glass.loc[t_f, "tls"].sum() == tls
    plateau = numbers["plateau"].set_index("preparation_temperature")
    assert plateau.loc[0.07, "glasses"] == GLASSES  # those of the labelled pairs count, too
    assert plateau.loc[0.092, "glasses"] == 4
    expected = RUNS["T007"][1] / (THRESHOLD * 1500 * GLASSES)
    assert plateau.loc[0.07, "n_0_threshold"] == pytest.approx(expected)
    assert plateau.loc[0.07, "n_0_low"] < plateau.loc[0.07, "n_0"] < plateau.loc[0.07, "n_0_high"]
    held = source.predictions(0.07, "row")["is_double_well"].sum()
    assert numbers["confusion"].drop(columns="preparation_temperature").sum(axis=1)[0] == held
    correlation = fig3.collect(source)["correlation"]
    scores = source.scores(0.07, "glass")["splitting"]
    rows = correlation[(correlation["split"] == "glass") & np.isinf(correlation["below"])]
    assert rows["r_log"].iloc[0] == pytest.approx(scores["r_log"])


def test_figures_are_written_with_their_numbers(config, root, tmp_path):
    images = stage.figures(config, root, tmp_path)
    assert sorted(path.name for path in images) == sorted(
        f"{name}.{kind}" for name in ("fig3", "fig4", "fig5") for kind in config.analysis.formats
    )
    for path in images:
        assert path.stat().st_size > 5000
    points = pd.read_csv(tmp_path / "fig3_points.csv")
    assert set(points["split"]) == {"row", "glass"}
    assert len(pd.read_csv(tmp_path / "fig4_density.csv")) == sum(run[0] for run in RUNS.values())


def test_comparison(source, tmp_path):
    """Every number of the paper stands beside ours, and each difference has a note."""
    table = compare.write(source, tmp_path / "paper_vs_ours.csv")
    read = pd.read_csv(tmp_path / "paper_vs_ours.csv", dtype=str, keep_default_na=False)
    assert list(read) == ["quantity", "paper", "ours", "note"]
    pd.testing.assert_frame_equal(read, table, check_dtype=False)
    assert not read["quantity"].duplicated().any()
    rows = read.set_index("quantity")
    for t_f, label in ((0.07, "T007"), (0.092, "T0092")):
        wells, tls, others, repeated = RUNS[label]
        printed = paper.TEMPERATURES[t_f]
        named = f"T{t_f:g}"
        assert rows.loc[f"tls_{named}_argon", ["paper", "ours"]].tolist() == [
            str(printed.tls), str(tls),
        ]  # fmt: skip
        assert rows.loc[f"paths_{named}", "ours"] == str(wells + others + repeated)
        assert rows.loc[f"paths_different_{named}", "ours"] == str(wells + others)
        assert rows.loc[f"duplicates_dropped_{named}", "ours"] == str(repeated)
        assert rows.loc[f"n0_{named}", "paper"] == f"{printed.n_0:g}"
        assert float(rows.loc[f"n0_{named}", "ours"]) > 0
        assert rows.loc[f"tls_{named}_nip", "ours"] == ""
    assert rows.loc["n0_T0.062", ["paper", "ours"]].tolist() == ["0.67", ""]
    frame = labelled()
    assert rows.loc["labelled_pairs_T0.07", "ours"] == str(PAIRS)
    assert rows.loc["labelled_double_wells_T0.07", "ours"] == str(int(frame["is_dw"].sum()))
    assert rows.loc["d_below_minimum_T0.07", "ours"] == "1"
    tls = int((frame["quantum_splitting"] < THRESHOLD).sum())
    assert rows.loc["standard_tls_T0.07_argon", ["paper", "ours"]].tolist() == ["291", str(tls)]
    least = frame[["Tij", "Tji"]].min(axis=1)
    assert rows.loc["standard_paths_T0.07", "ours"] == str(int((least >= 4).sum()))
    for split in ("row", "glass"):
        scores = source.scores(0.07, split)
        accuracy = float(rows.loc[f"classifier_accuracy_T0.07_{split}", "ours"])
        assert accuracy == pytest.approx(scores["classifier"]["accuracy"], abs=1e-4)
    for model, ranking in paper.RANKING.items():
        ours = [rows.loc[f"shap_rank_{k}_{model}_T0.07", "ours"] for k in range(1, 11)]
        assert sorted(ours) == sorted(ranking) == sorted(source.labelled[0.07].features)
    assert rows.loc["permutation_rank_1_predictor_T0.07", ["paper", "ours"]].nunique() == 1
    known = rows[(rows["paper"] != "") & (rows["paper"] != rows["ours"])]
    assert (known["note"] != "").all()


def test_rows_of_scans_are_added(source, tmp_path):
    extra = tmp_path / "scan.csv"
    extra.write_text("quantity,paper,ours,note\nbest_m,3,4,Fig. S2\n")
    assert compare.table(source, [extra]).iloc[-1].tolist() == ["best_m", "3", "4", "Fig. S2"]
    extra.write_text("quantity,paper\nbest_m,3\n")
    with pytest.raises(InputError, match="has the columns quantity, paper, expected quantity"):
        compare.table(source, [extra])
    with pytest.raises(InputError, match="missing or no CSV"):
        compare.table(source, [tmp_path / "nowhere.csv"])


def test_page_opens_offline(config, root, tmp_path):
    from tlsfind.published.report import report

    table = tmp_path / "paper_vs_ours.csv"
    compare.write(Source(config, root), table)
    (image := tmp_path / "figS2.png").write_bytes(b"\x89PNG")
    image.with_suffix(".txt").write_text("R2 against M.")
    report(config, root, table, tmp_path / "page.html", [image])
    page = (tmp_path / "page.html").read_text()
    assert page.count("data:image/png;base64,") == 4
    assert "R2 against M." in page
    assert "tls_T0.092_argon" in page
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)
    assert "pretraining-classifier-T007.feather" in page


def test_without_labelled_pairs(config, tmp_path):
    """Only the csv files: Table I and n_0 remain."""
    folder = make(tmp_path / "authors")
    for path in folder.glob("*.feather"):
        path.unlink()
    place = tmp_path / "results" / "tables"
    arguments = ["import", "authors", folder, "-o", place, "--json", place / "import.json"]
    assert main([str(argument) for argument in arguments]) == 0
    source = Source(config, tmp_path / "results")
    rows = compare.table(source).set_index("quantity")
    assert rows.loc["tls_T0.07_argon", "ours"] == str(RUNS["T007"][1])
    assert list(stage.drawings(source)) == ["fig4"]
    stage.figures(config, tmp_path / "results", tmp_path / "figures")


# --- the config ---------------------------------------------------------------------------------


def test_defaults_and_shared_sections():
    config = settings.parse({"published": {"folder": "here"}})
    assert config.learn == Learn()
    assert str(config.run.output) == "results/published"
    assert config.published.training_pairs == 10_000
    assert config.hash != settings.parse({"published": {"folder": "there"}}).hash


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"published": {}}, r"published.folder: required key is missing"),
        ({"published": {"folder": "x", "fold": 3}}, r"published.fold: unknown key, expected one"),
        ({"published": {"folder": "x"}, "glasses": []}, r"glasses: unknown key"),
        ({"run": {"name": "a"}}, r"has no section `published`"),
        ([], r"expected a mapping"),
    ],
)
def test_wrong_configs(content, message):
    with pytest.raises(ConfigError, match=message):
        settings.parse(content)


def test_configs_of_both_modes_are_told_apart(tmp_path):
    file = tmp_path / "published.yaml"
    file.write_text("published: {folder: x}\n")
    with pytest.raises(ConfigError, match="is a config of published mode"):
        load(file)
    assert main(["published", "figures", "x", "-c", str(file), "-o", str(tmp_path)]) == 2


def test_missing_results(config, tmp_path):
    with pytest.raises(InputError, match=r"import.json is missing or damaged"):
        _ = Source(config, tmp_path).imported
