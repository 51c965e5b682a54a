"""The numbers of Figs. S6 to S10."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from synthetic_run import write_scan
from tlsfind.analysis import confusion, report, stage, style
from tlsfind.analysis.captions import CAPTIONS
from tlsfind.analysis.figures import figS6, figS7, figS8, figS9, figS10
from tlsfind.errors import DamagedError, InputError


def text_of(figure):
    own = [text.get_text() for axes in figure.axes for text in axes.texts]
    return " ".join([*own, figure.get_supxlabel()]).replace("\n", " ")


def paths(rows):
    """Paths: iteration, status, exact E_qs, predicted probability and E_qs."""
    names = ["iteration", "status", "quantum_splitting_argon", "probability_double_well",
             "predicted_splitting"]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


def test_confusion_of_each_iteration():
    nothing = (None, None)
    frame = paths(
        [
            (0, "double_well", 0.5, *nothing),
            (0, "multiple_wells", None, *nothing),
            (1, "double_well", 0.5, 0.9, 0.6),
            (1, "double_well", 2.0, 0.9, 0.6),
            (1, "single_well", None, 0.9, 0.6),
            (1, "failed", None, 0.9, 0.6),
            (2, "double_well", 3.0, 0.4, 0.6),
            (2, "not_converged", None, 0.9, 3.0),
        ]
    )
    found = figS6.numbers(frame, "argon", 1.0)
    totals = found["iterations"].set_index("iteration")
    assert totals["tls"].tolist() == [1, 2, 2]
    assert totals["double_well"].tolist() == [0, 1, 2]
    assert totals["other"].tolist() == [1, 2, 2]
    assert totals["unknown"].tolist() == [0, 1, 2]
    matrix = found["confusion"].set_index(["iteration", "exact", "predicted"])["count"]
    assert set(found["confusion"]["iteration"]) == {1, 2}
    assert matrix[1].sum() == 3
    assert all(matrix[(1, exact, "tls")] == 1 for exact in confusion.CLASSES)
    assert matrix[(2, "double_well", "other")] == matrix[2].sum() == 1


def test_confusion_of_a_loop_without_iterations(run):
    frame = paths([(0, "double_well", 0.5, None, None)])
    found = figS6.numbers(frame, "argon", 1.0)
    assert found["confusion"].empty
    with style.styled():
        figure = figS6.draw(found, run.results)
    assert "nothing was predicted" in text_of(figure)


def test_totals_are_those_of_the_paths(run):
    solved = run.truth["paths"]
    last = figS6.collect(run.results)["iterations"].iloc[-1]
    assert last[list(confusion.CLASSES)].sum() + last["unknown"] == len(solved)
    assert last["tls"] == run.results.is_tls(solved).sum()


def test_loop_against_the_standard_procedure(run):
    found = figS7.collect(run.results)
    solved, truth = run.truth["paths"], run.truth["pairs"]
    counts = found["iterations"]
    assert counts["paths"].iloc[-1] == len(solved)
    assert counts["tls"].iloc[-1] == (counts["qualifying"] + counts["excluded"]).sum()
    keys = ["glass", "minimum_a", "minimum_b"]
    known = solved[run.results.is_tls(solved)].merge(truth, on=keys)
    least = known[["transitions_ab", "transitions_ba"]].min(axis=1)
    assert counts["qualifying"].sum() == (least >= 4).sum()
    assert counts["excluded"].sum() == (least < 4).sum()
    row = found["standard"].iloc[0]
    qualify = truth[["transitions_ab", "transitions_ba"]].min(axis=1) >= 4
    assert row["paths"] == qualify.sum()
    assert row["tls_low"] <= row["tls"] <= row["tls_high"]


def test_scan_of_perceptrons(run, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(run.root, root)
    with pytest.raises(InputError, match=r"stability_scan\.json does not exist"):
        stage.figures(run.config, root, tmp_path / "out", ["figS8"])
    write_scan(root)
    results = run._replace(root=root).results
    scan = figS8.collect(results)["scan"]
    depth = scan[(scan["panel"] == "depth") & (scan["split"] == "row")].set_index("depth")
    assert depth["accuracy"].to_dict() == pytest.approx({1: 0.81, 2: 0.82, 3: 0.83})
    width = scan[(scan["panel"] == "width") & (scan["split"] == "row")].set_index("width")
    assert width["accuracy"].to_dict() == pytest.approx({60: 0.82, 5: 0.82})
    assert scan.loc[scan["split"] == "glass", "accuracy"].isna().all()
    (file,) = stage.figures(run.config, root, tmp_path / "out", ["figS8"])
    assert file.name == "figS8.png"
    with style.styled():
        figure = figS8.draw(figS8.collect(results), results)
    labels = [label.get_text() for label in figure.axes[0].get_legend().get_texts()]
    assert "by glass: too few glasses" in labels
    assert "100 pairs of 4 glasses at T_f = 0.062" in " ".join(figure.get_supxlabel().split())


def test_scan_must_be_one(tmp_path):
    file = tmp_path / "scan.json"
    file.write_text("{}")
    with pytest.raises(InputError, match="has no scan"):
        figS8.read(file)
    file.write_text("{")
    with pytest.raises(DamagedError):
        figS8.read(file)


def test_what_the_perceptron_goes_by(run):
    found = figS9.collect(run.results)
    points = found["points"]
    assert points["feature"].iloc[0] == "delta_e"
    assert points["level"].between(0.0, 1.0).all()
    assert points["offset"].abs().max() <= 0.4
    content = json.loads((run.root / figS9.FILE).read_text())
    first = found["dependence"][found["dependence"]["feature"] == "displacement_1"]
    assert first["temperature"].tolist() == [0.062, 0.092]
    assert len(found["dependence"]) == 2 * len(content["features"])
    assert figS9.ends(content["features"]) == ("displacement_3", "displacement_1")


def test_matrix_of_temperatures(run):
    matrix = figS10.collect(run.results)["matrix"]
    assert len(matrix) == 2 * 2 * 4
    keys = ["score", "split", "training_temperature", "prediction_temperature"]
    values = matrix.set_index(keys)["value"]
    assert values[("r_log", "row", 0.062, 0.062)] == 0.8
    assert np.isnan(values[("r_log", "glass", 0.062, 0.062)])
    assert values[("r_log", "glass", 0.062, 0.092)] == 0.8
    assert (values["accuracy"] == 0.9).all()


def test_damaged_transfer_table(run, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(run.root, root)
    (root / figS10.FILE).write_text("split\nrow\n")
    with pytest.raises(InputError, match="lacks model"):
        figS10.collect(run._replace(root=root).results)


def test_too_few_pairs_of_a_temperature_are_said(run, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(run.root, root)
    note = {"note": "12 pairs", "temperatures": [0.062, 0.092], "pairs": [40, 12]}
    for figure in (figS8, figS9):
        (root / figure.FILE).write_text(json.dumps({**note, "glasses": [2, 1], "scan": []}))
    results = run._replace(root=root).results
    with style.styled():
        figures = [module.draw(module.collect(results), results) for module in (figS8, figS9)]
    assert all("no perceptron tells them apart" in text_of(figure) for figure in figures)
    assert report.stability_text(results) == "none: 12 pairs"


def test_one_temperature_is_said(poor_run):
    with style.styled():
        figures = [
            module.draw(module.collect(poor_run.results), poor_run.results)
            for module in (figS9, figS10)
        ]
    assert "no perceptron tells them apart" in text_of(figures[0])
    assert "nothing to transfer to" in text_of(figures[1])


def test_unknown_figure(run, tmp_path):
    with pytest.raises(InputError, match=r"figure 'fig7' is unknown, expected one of fig1, "):
        stage.figures(run.config, run.root, tmp_path / "out", ["fig7"])
    assert not (tmp_path / "out").exists()


def test_only_some_figures(run, tmp_path):
    stage.figures(run.config, run.root, tmp_path, ["figS10"])
    assert {path.name for path in tmp_path.iterdir()} == {"figS10.png", "figS10_matrix.csv"}


def test_every_figure_has_a_caption():
    assert {*stage.FIGURES, *stage.ON_REQUEST} <= set(CAPTIONS)
