"""The run's files: the one pass over the pairs, the last iteration, and what is missing."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from synthetic_run import KEYS, make_config
from tlsfind.analysis.results import EDGES, Results, scan_pairs
from tlsfind.errors import InputError


def test_scan_counts_as_a_whole_table_does(run):
    pairs, scan = run.truth["pairs"], run.results.scan
    assert scan.pairs == pairs.groupby("glass").size().to_dict()
    least = pairs[["transitions_ab", "transitions_ba"]].min(axis=1)
    assert scan.qualifying == (least >= 4).groupby(pairs["glass"]).sum().to_dict()
    temperature = pairs["glass"].str[1:6].astype(float)
    columns = {**{name: name for name in EDGES}, "transitions": None}
    for value, histograms in scan.histograms.items():
        here = pairs[temperature == value]
        for name, column in columns.items():
            values = here[column] if column else here["transitions_ab"] + here["transitions_ba"]
            np.testing.assert_array_equal(
                histograms[name].counts, np.histogram(values, EDGES[name])[0]
            )
            assert histograms[name].total == len(here)


def test_scan_finds_the_transitions_of_the_solved_pairs(run):
    results = run.results
    found = results.solved[KEYS].merge(results.scan.solved, on=KEYS)
    known = results.solved[KEYS].merge(run.truth["pairs"], on=KEYS)
    assert len(found) == len(results.solved) == len(known)
    for name in ("transitions_ab", "transitions_ba"):
        np.testing.assert_array_equal(found[name], known[name])


def test_scan_does_not_depend_on_the_block(run):
    results = run.results
    again = scan_pairs(results.pair_files, results.temperatures, results.solved, 4, block=37)
    pd.testing.assert_frame_equal(again.solved, results.scan.solved)
    for value, histograms in results.scan.histograms.items():
        for name, histogram in histograms.items():
            np.testing.assert_array_equal(again.histograms[value][name].counts, histogram.counts)


def test_pairs_of_another_glass_are_refused(run):
    results = run.results
    wrong = {"T0.062-0000": results.pair_files["T0.092-0000"]}
    with pytest.raises(InputError, match=r"has pairs of glass 'T0\.092-0000'"):
        scan_pairs(wrong, results.temperatures, results.solved, 4)


def test_the_last_iteration_is_the_first_converged_one(run, tmp_path):
    root = tmp_path / "r"
    config = make_config(root, {0.092: 1})
    root.mkdir()
    with pytest.raises(InputError, match=r"loop/00/state\.json"):
        _ = Results(config, root).final_iteration
    for k, converged in enumerate([False, True, False]):
        path = root / "loop" / f"{k:02d}" / "state.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"converged": converged}))
    assert Results(config, root).final_iteration == 1
    (root / "loop" / "01" / "state.json").write_text('{"converged": false}')
    assert Results(config, root).final_iteration == 2
    (root / "loop" / "02" / "state.json").write_text("{")
    with pytest.raises(InputError, match="not valid JSON"):
        _ = Results(config, root).final_iteration
    assert run.results.final_iteration == 2


def test_a_missing_folder_and_a_truncated_table_are_named(run, tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        Results(run.config, tmp_path / "nowhere")
    root = tmp_path / "copy"
    shutil.copytree(run.root, root)
    path = root / "pairs" / "T0.092-0003.parquet"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(InputError, match=r"T0\.092-0003\.parquet is not a complete Parquet file"):
        _ = Results(run.config, root).scan
