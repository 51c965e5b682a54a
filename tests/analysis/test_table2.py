"""Table II: costs of the steps, from records of jobs and the times of paths."""

import numpy as np
import pandas as pd
import pytest

from tlsfind.analysis.tables import table2


def jobs(rows):
    return pd.DataFrame(rows, columns=["stage", "item", "status", "cpu_seconds"])


WORK = table2.Work(
    glasses=2, quenches=1000, minima=50, pairs=600, prediction_jobs=2, initial_paths=100,
    iterations=3, batch=10.0,
)  # fmt: skip


def test_costs_are_divided_by_the_work():
    spent = jobs(
        [
            ("prepare", "a", "done", 30.0),
            ("prepare", "b", "done", 50.0),
            ("prepare", "b", "failed", 999.0),
            ("explore", "a block 0", "done", 200.0),
            ("landscape", "a", "done", 50.0),
            ("pairs", "a", "done", 6.0),
            ("paths", "loop/00/selection/batch-000.parquet", "done", 4.0),
            ("paths", "standard/selection/slice-000.parquet", "done", 5.0),
            ("train", "0", "done", 10.0),
            ("train", "1", "done", 20.0),
            *(("predict", f"loop/0{k}/predictions/00{j}.parquet", "done", 3.0)
              for k in (0, 1) for j in (0, 1)),
            ("predict", "loop/start/predictions/000.parquet", "done", 999.0),
            ("select", "0", "done", 1.0),
            ("assess", "0", "done", 2.0),
        ]
    )  # fmt: skip
    paths, standard = np.array([1.0, 2.0, np.nan]), np.array([3.0])
    rows = table2.table(spent, paths, standard, WORK).set_index("step")
    seconds = rows["seconds"]
    assert seconds["prepare a glass"] == pytest.approx(40.0)
    assert seconds["quench with its dynamics"] == pytest.approx(0.2)
    assert seconds["find a minimum"] == pytest.approx(5.0)
    assert seconds["collect a pair"] == pytest.approx(256.0 / 600)
    assert seconds["features of a pair"] == pytest.approx(0.01)
    assert seconds["path and levels of a pair"] == pytest.approx(2.0)
    assert seconds["the same, processor time"] == pytest.approx(9.0 / 3)
    assert seconds["predict a pair"] == pytest.approx(12.0 / (2 * 600))  # two passes
    assert seconds["train all models"] == pytest.approx(15.0)
    assert seconds["whole active loop"] == pytest.approx(4.0 + 30.0 + 12.0 + 1.0 + 2.0)
    paper = 100 * 1e2 + 3 * (10 * 1e2 + 1e3 + 600 * 1e-5)  # t_i of IV.H
    assert rows.loc["whole active loop", "paper_seconds_low"] == pytest.approx(paper)
    np.testing.assert_allclose(rows["seconds"] * rows["units"], rows["total_seconds"])


def test_without_records_paths_alone_are_known():
    rows = table2.table(None, np.array([1.0, 3.0]), np.array([]), WORK).set_index("step")
    assert rows.index[rows["seconds"].notna()].tolist() == ["path and levels of a pair"]
    assert rows.loc["path and levels of a pair", "seconds"] == 2.0


def test_table_of_a_run(run):
    rows = table2.collect(run.results).set_index("step")
    solved = len(run.truth["paths"]) + len(run.truth["standard"])
    assert rows.loc["path and levels of a pair", "units"] == solved
    assert rows.loc["path and levels of a pair", "seconds"] == pytest.approx(1.0)
    assert rows.loc["prepare a glass", "units"] == 14
    assert rows.loc["find a minimum", "units"] == 560
    assert rows["seconds"].notna().all()
