"""Where the loop stands: sums over streams, history, and what stops it."""

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from tlsfind import tables
from tlsfind.errors import InputError
from tlsfind.learn import assessment, missing, stage, training
from tlsfind.learn.assessment import Remaining
from tlsfind.pairs.keys import KEYS, PairSet

THRESHOLD = 0.0015


def predictions_table(landscape, path, probability) -> pd.DataFrame:
    frame = landscape.frame[KEYS].assign(
        probability_double_well=0.5, predicted_splitting=0.01, splitting_low=0.001,
        probability_tls=np.asarray(probability, dtype=np.float32), rescored=True,
    )  # fmt: skip
    tables.write(frame, path, tables.schema("predictions"))
    return frame


@pytest.fixture
def predicted(landscape, tmp_path):
    """Two predictions tables of the landscape, and all their rows."""
    rng = np.random.default_rng(4)
    probability = 10.0 ** rng.uniform(-6, 0, len(landscape.frame))
    whole = predictions_table(landscape, tmp_path / "whole.parquet", probability)
    files = []
    for name, part in whole.groupby("glass"):
        files.append(tmp_path / f"{name}.parquet")
        tables.write(part, files[-1], tables.schema("predictions"))
    return files, whole


def test_the_streamed_sum_equals_the_sum_in_memory(predicted, monkeypatch):
    files, whole = predicted
    for rows in (17, 10**6):
        monkeypatch.setattr(tables, "BATCH_ROWS", rows)
        found = assessment.remaining(files, PairSet())
        assert found.pairs == len(whole)
        exact = whole["probability_tls"].astype(float).sum()
        assert found.expected_tls == pytest.approx(exact, rel=1e-12)


def test_pairs_with_a_path_are_not_missing(predicted, landscape, solved_pairs):
    files, whole = predicted
    chosen = whole.sample(700, random_state=0)
    solved = solved_pairs(landscape.frame.loc[chosen.index], 0)
    found = assessment.remaining(files, PairSet(solved))
    rest = whole.drop(chosen.index)
    assert found.pairs == len(rest)
    assert found.expected_tls == pytest.approx(
        rest["probability_tls"].astype(float).sum(), rel=1e-12
    )
    # a path without a verdict is a path; a pair of another glass is not
    other = solved.assign(glass="C")
    assert assessment.remaining(files, PairSet(other)).pairs == len(whole)
    assert assessment.remaining(files, PairSet(whole)) == Remaining(0, 0.0)


def test_sums_of_no_tables_or_wrong_ones(landscape, tmp_path):
    with pytest.raises(InputError, match="no table was given"):
        assessment.remaining([], PairSet())
    with pytest.raises(InputError, match="does not exist"):
        assessment.remaining([tmp_path / "no.parquet"], PairSet())
    with pytest.raises(InputError, match=r"lacks the column\(s\) probability_tls"):
        assessment.remaining(landscape.files, PairSet())


def paths_frame(rows: list[tuple]) -> pd.DataFrame:
    """Paths from (iteration, status, splitting, probability_tls)."""
    frame = pd.DataFrame(rows, columns=["iteration", "status", "splitting", "probability_tls"])
    keys = pd.DataFrame({"glass": "A", "minimum_a": 0, "minimum_b": np.arange(1, len(rows) + 1)})
    frame["stratum"] = np.where(frame["probability_tls"].notna(), "tls_probability", "transitions")
    return pd.concat([keys, frame], axis=1).astype({"probability_tls": float, "splitting": float})


PATHS = paths_frame(
    [
        (0, "double_well", 0.001, None),
        (0, "double_well", 0.0015, None),
        (0, "multiple_wells", None, None),
        (1, "double_well", 0.0001, 0.9),
        (1, "double_well", 0.1, 0.4),
        (1, "single_well", 0.0001, 0.3),
        (1, "failed", None, 0.2),
        (2, "double_well", 0.0014, 0.8),
        (2, "double_well", None, 0.1),
    ]
)


def test_counts(make_config):
    config = make_config()
    assert assessment.is_tls(config, PATHS).tolist() == [
        True, False, False, True, False, False, False, True, False,
    ]  # fmt: skip
    whole = {"total_paths": 9, "total_double_wells": 6, "total_tls": 3}
    first, second, third = (assessment.counts(config, PATHS, k) for k in range(3))
    assert first == {"paths": 3, "double_wells": 2, "tls": 1, "expected_tls": None, **whole}
    assert second["expected_tls"] == pytest.approx(1.8)
    assert {**second, "expected_tls": 0} == {
        "paths": 4, "double_wells": 2, "tls": 1, "expected_tls": 0, **whole,
    }  # fmt: skip
    assert third["expected_tls"] == pytest.approx(0.9)
    none = assessment.counts(config, PATHS[:0], 0)
    assert none["expected_tls"] is None
    assert {none[key] for key in none if key != "expected_tls"} == {0}


def test_the_threshold_is_that_of_the_loops_unit_system(make_config):
    config = make_config(loop={"unit_system": "nip"})
    threshold = config.unit_systems["nip"].tls_threshold
    assert threshold != THRESHOLD
    expected = (PATHS["status"] == "double_well") & (PATHS["splitting"] < threshold)
    assert assessment.is_tls(config, PATHS).tolist() == expected.tolist()


def test_the_estimate_goes_by_the_pairs_that_models_picked(make_config):
    """Neither the initial batch nor a path without a verdict says anything of probabilities."""
    rest = Remaining(1000, 7.5)
    found = assessment.missing_tls(make_config(), PATHS, rest)
    assert found == missing.estimate(7.5, 2, 0.9 + 0.4 + 0.3 + 0.8 + 0.1)
    explored = PATHS.assign(stratum=np.where(PATHS["iteration"] == 2, "close", PATHS["stratum"]))
    found = assessment.missing_tls(make_config(), explored, rest)
    assert found == missing.estimate(7.5, 1, 0.9 + 0.4 + 0.3)
    before = assessment.missing_tls(make_config(), PATHS[:3], rest)
    assert before == missing.estimate(7.5, 0, 0.0)
    assert before.mean == pytest.approx(7.5)


def write_history(path, iterations) -> None:
    rows = [
        {
            "iteration": k, "paths": 60, "double_wells": 40, "tls": 5, "total_paths": 60 * (k + 1),
            "total_double_wells": 40 * (k + 1), "total_tls": 5 * (k + 1), "notes": "",
            "classifier_accuracy": 0.9, "time_limit_struck": False,
        }
        for k in iterations
    ]  # fmt: skip
    tables.write(rows, path, tables.schema("history"))


def test_history_must_fit_the_iteration(first_iteration, tmp_path):
    assert len(assessment.read_history(None, 0)) == 0
    assert len(assessment.read_history(first_iteration.history, 1)) == 1
    with pytest.raises(InputError, match=r"has the iterations \[0\], expected \[0, 1\]"):
        assessment.read_history(first_iteration.history, 2)
    with pytest.raises(InputError, match=r"has the iterations \[0\], expected \[\]"):
        assessment.read_history(first_iteration.history, 0)
    with pytest.raises(InputError, match="needs the history of iteration 0"):
        assessment.read_history(None, 1)
    gap = tmp_path / "gap.parquet"
    write_history(gap, [0, 2])
    with pytest.raises(InputError, match=r"has the iterations \[0, 2\], expected \[0, 1\]"):
        assessment.read_history(gap, 2)
    with pytest.raises(InputError, match="does not exist"):
        assessment.read_history(tmp_path / "no.parquet", 1)


def test_a_history_of_an_older_version_is_refused(tmp_path):
    path = tmp_path / "history.parquet"
    columns = [column for column in tables.FIXED["history"] if column[0] != "missing_tls"]
    write_history(path, [0])
    tables.write(tables.read(path), path, tables.schema("history", columns))
    with pytest.raises(InputError, match=r"lacks the column\(s\) missing_tls;"):
        assessment.read_history(path, 1)


TRAINING = {
    "trained": True,
    "classifier_accuracy": 0.9,
    "splitting_r_log": None,
    "barrier_r": None,
    "time_limit_struck": False,
    "notes": ["one", "two"],
}


def test_training_json_is_read_and_checked(tmp_path):
    path = tmp_path / "training.json"
    with pytest.raises(InputError, match=r"is no training: .*training.json does not exist"):
        assessment.read_training(tmp_path)
    path.write_text("{")
    with pytest.raises(InputError, match=r"training.json cannot be read"):
        assessment.read_training(tmp_path)
    lacking = {key: value for key, value in TRAINING.items() if key not in ("notes", "barrier_r")}
    path.write_text(json.dumps(lacking))
    with pytest.raises(InputError, match=r"training.json lacks barrier_r, notes: train again"):
        assessment.read_training(tmp_path)
    path.write_text(json.dumps({**TRAINING, "screen": {}}))
    assert assessment.read_training(tmp_path) == TRAINING


def test_what_a_training_writes_can_be_read(first_iteration):
    written = json.loads((first_iteration.model / "training.json").read_text())
    found = assessment.read_training(first_iteration.model)
    assert set(found) == set(TRAINING)
    assert found == {key: written[key] for key in found}


NUMBERS = {
    "paths": 60, "double_wells": 4, "tls": 1, "total_paths": 420, "total_double_wells": 100,
    "total_tls": 50, "expected_tls": 2.0,
}  # fmt: skip


def row_of(iteration: int, high: float = 30.0, **changes) -> dict:
    estimate = missing.Estimate(12.0, 3.0, high)
    return assessment.history_row(iteration, {**NUMBERS, **changes}, TRAINING, estimate)


def test_a_row_of_the_history_has_its_columns():
    row = row_of(2)
    assert set(row) == set(tables.schema("history").names)
    assert row["notes"] == "one; two"
    assert [row[f"missing_tls{end}"] for end in ("", "_low", "_high")] == [12.0, 3.0, 30.0]


def test_the_keys_of_the_state(make_config):
    state = assessment.state(make_config(), row_of(2), 1000)
    assert set(state) == {
        "iteration", "converged", "finished", "reason", "new_paths", "new_double_wells", "new_tls",
        "total_paths", "total_double_wells", "total_tls", "expected_tls", "classifier_accuracy",
        "splitting_r_log", "barrier_r", "time_limit_struck", "notes", "missing_tls",
        "missing_tls_low", "missing_tls_high", "pairs_left",
    }  # fmt: skip
    assert (state["new_paths"], state["new_double_wells"], state["new_tls"]) == (60, 4, 1)
    assert (state["total_paths"], state["pairs_left"]) == (420, 1000)
    json.dumps(state)


def test_state_follows_the_fewest_iterations(make_config):
    """A batch without TLS ends the loop only if ``loop.min_iterations`` batches were solved."""
    for fewest, converged in [(1, True), (2, True), (3, False)]:
        settings = make_config(loop={"min_iterations": fewest})
        found = assessment.state(settings, row_of(2, tls=0), 1000)
        assert (found["converged"], found["finished"]) == (converged, converged)


@pytest.mark.parametrize(
    ("stop_on", "tls", "high", "converged"),
    [
        ("last_batch", 0, 30.0, True),
        ("last_batch", 1, 0.0, False),
        ("missing", 0, 30.0, False),
        ("missing", 1, 2.0, True),
        ("either", 0, 30.0, True),
        ("either", 1, 2.0, True),
        ("either", 1, 30.0, False),
    ],
)
def test_the_config_says_which_rule_stops(make_config, stop_on, tls, high, converged):
    settings = make_config(loop={"stop_on": stop_on, "min_iterations": 1})
    found = assessment.state(settings, row_of(2, high, tls=tls), 1000)
    assert (found["converged"], found["finished"]) == (converged, converged)


def test_the_missing_fraction_is_that_of_the_config(make_config):
    for fraction, converged in [(0.3, False), (0.4, True)]:  # 30 of 80 are 0.375
        loop = {"stop_on": "missing", "missing_fraction": fraction, "min_iterations": 1}
        found = assessment.state(make_config(loop=loop), row_of(2, tls=9), 1000)
        assert found["converged"] == converged


def test_history_and_state_of_the_first_iteration(first_iteration):
    run = first_iteration
    paths = tables.read(run.paths)
    well = paths["status"] == "double_well"
    tls = int((well & (paths["quantum_splitting_argon"] < THRESHOLD)).sum())
    assert tls > 5
    history = tables.read(run.history)
    assert len(history) == 1
    row = history.iloc[0]
    assert row[["iteration", "paths", "total_paths"]].tolist() == [0, 300, 300]
    assert row[["double_wells", "total_double_wells"]].tolist() == [well.sum()] * 2
    assert row[["tls", "total_tls"]].tolist() == [tls] * 2
    assert row["classifier_accuracy"] > 0.9
    assert row["splitting_r_log"] > 0.85
    assert row["barrier_r"] > 0.85
    assert row["notes"] == ""
    assert np.isnan(row["expected_tls"])
    state = json.loads((run.folder / "state" / "state.json").read_text())
    assert state == run.state
    assert state["iteration"] == 0
    assert state["converged"] is False
    assert state["finished"] is False
    assert state["time_limit_struck"] is False
    assert (state["new_tls"], state["total_tls"]) == (tls, tls)
    assert (state["total_paths"], state["pairs_left"]) == (300, 2460)
    assert state["total_double_wells"] == well.sum()


def test_the_estimate_of_the_first_iteration_holds_the_truth(
    first_iteration, landscape, solved_pairs
):
    """The interval covers the TLS that a path for every other pair would find."""
    run = first_iteration
    predicted = tables.read(run.predictions[0])
    solved = PairSet(tables.read(run.paths, only=KEYS))
    free = ~solved.contains(predicted)
    mean = predicted["probability_tls"][free].astype(float).sum()
    estimate = missing.estimate(mean, 0, 0.0)
    assert run.state["missing_tls"] == pytest.approx(mean, rel=1e-9)
    assert asdict(estimate) == pytest.approx(
        {name: run.state[key] for name, key in [
            ("mean", "missing_tls"), ("low", "missing_tls_low"), ("high", "missing_tls_high"),
        ]}
    )  # fmt: skip
    exact = solved_pairs(landscape.frame, 0)
    tls = (exact["status"] == "double_well") & (exact["quantum_splitting_argon"] < THRESHOLD)
    true = int(tls[free].sum())
    assert 10 < true < 200
    assert estimate.low <= true <= estimate.high


def test_the_chain_of_histories(first_iteration, landscape, solved_pairs, write_paths, tmp_path):
    """Three iterations, the later ones with made-up batches; nulls of the first row stay nulls."""
    run = first_iteration
    paths, history = run.paths, run.history
    left = landscape.frame[~PairSet(tables.read(paths)).contains(landscape.frame)]
    for iteration in (1, 2):
        batch = left[60 * (iteration - 1) : 60 * iteration]
        new = solved_pairs(batch, iteration).assign(probability_tls=0.25, stratum="tls_probability")
        part = write_paths(new, tmp_path / f"part-{iteration}.parquet")
        merged, output = tmp_path / f"paths-{iteration}.parquet", tmp_path / f"state-{iteration}"
        stage.collect(run.config, [part], merged, paths)
        state = stage.assess(
            run.config, iteration, merged, run.predictions, run.model, output, history
        )
        assert state == json.loads((output / "state.json").read_text())
        assert state["expected_tls"] == pytest.approx(15.0)
        assert state["pairs_left"] == 2460 - 60 * iteration
        paths, history = merged, output / "history.parquet"
    table = tables.read(history)
    assert table.columns.tolist() == tables.schema("history").names
    assert table["iteration"].tolist() == [0, 1, 2]
    assert table["paths"].tolist() == [300, 60, 60]
    assert table["total_paths"].tolist() == [300, 360, 420]
    assert table["total_tls"].tolist() == np.cumsum(table["tls"]).tolist()
    assert table["expected_tls"].isna().tolist() == [True, False, False]
    first = tables.read(run.history)
    pd.testing.assert_frame_equal(table[:1], first, check_dtype=False)
    # both batches count in the estimate: 30 expected TLS, and as many as were found
    config, solved = run.config, training.loop_paths(run.config, paths)
    rest = assessment.remaining(run.predictions, PairSet(solved))
    expected = missing.estimate(rest.expected_tls, int(table["tls"][1:].sum()), 30.0)
    assert assessment.missing_tls(config, solved, rest) == expected
    assert table["missing_tls"].tolist()[2] == pytest.approx(expected.mean)


def test_assess_writes_nothing_when_its_input_does_not_fit(first_iteration, tmp_path):
    run = first_iteration
    arguments = (run.config, 1, run.paths, run.predictions, run.model, tmp_path)
    with pytest.raises(InputError, match="needs the history of iteration 0"):
        stage.assess(*arguments)
    with pytest.raises(InputError, match="is no training"):
        stage.assess(run.config, 0, run.paths, run.predictions, tmp_path, tmp_path / "out")
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(run.predictions[0].read_bytes()[:-100])
    with pytest.raises(InputError, match=r"broken.parquet is not a complete Parquet file"):
        stage.assess(run.config, 0, run.paths, [broken], run.model, tmp_path / "out")
    assert [path.name for path in tmp_path.rglob("*")] == ["broken.parquet"]


def test_no_pair_left_ends_the_loop(
    first_iteration, landscape, solved_pairs, write_paths, tmp_path
):
    run = first_iteration
    everything = write_paths(solved_pairs(landscape.frame, 0), tmp_path / "paths.parquet")
    state = stage.assess(run.config, 0, everything, run.predictions, run.model, tmp_path / "out")
    assert (state["converged"], state["finished"], state["pairs_left"]) == (True, True, 0)
    assert state["reason"] == "every pair has a path"
    assert [state[f"missing_tls{end}"] for end in ("", "_low", "_high")] == [0.0, 0.0, 0.0]
