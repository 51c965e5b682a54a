"""The summary of simulated loops by hand, the figure's numbers, and the command's files."""

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from tlsfind import tables
from tlsfind.analysis.figures import simulated
from tlsfind.cli import simulate as command
from tlsfind.errors import InputError
from tlsfind.learn import labelled
from tlsfind.simulate import loop as simulate
from tlsfind.simulate import stage as simulation


def curve(rule, seed, paths, tls, *, total=10, missing=None, stop=(), stop_missing=()):
    """Curves by hand: missing is a list of (low, estimate, high), or none."""
    frame = pd.DataFrame(
        {
            "rule": rule,
            "seed": seed,
            "iteration": range(len(paths)),
            "chosen_by": rule,
            "paths": paths,
            "tls": tls,
            "double_wells": tls,
            "total_tls": total,
            "true_missing": total - np.array(tls),
            "expected_tls": 1.0,
            "predicted_missing": np.nan,
        }
    )
    bounds = np.full((len(paths), 3), np.nan) if missing is None else np.array(missing, float)
    frame[["missing_low", "missing", "missing_high"]] = bounds
    frame["stop"] = [i in stop for i in range(len(paths))]
    frame["stop_missing"] = [i in stop_missing for i in range(len(paths))]
    return frame


@pytest.fixture
def curves():
    sure = [(5, 6, 9), (0, 1, 2), (0, 0, 0)]
    wrong = [(0, 1, 2), (0, 1, 2), (3, 4, 5)]
    return pd.concat(
        [
            curve("tls_probability", 0, [10, 20, 30], [2, 8, 10], missing=sure, stop=[2]),
            curve("tls_probability", 1, [10, 20, 40], [1, 7, 9], missing=wrong, stop=[1, 2]),
            curve("random", 0, [10, 50], [1, 10]),
        ],
        ignore_index=True,
    )


def test_random_batches_are_counted(curves):
    curves.loc[[0, 1, 4], "chosen_by"] = simulate.TOO_FEW
    assert simulation.summary(curves)["random_batches"].tolist() == [3, 0]


def test_summary(curves):
    found = simulation.summary(curves).set_index("rule")
    assert list(found.index) == ["tls_probability", "random"]
    model = found.loc["tls_probability"]
    assert model["seeds"] == 2
    assert model[["paths_to_50", "paths_to_50_min", "paths_to_50_max"]].tolist() == [20, 20, 20]
    assert model[["paths_to_80_min", "paths_to_80_max"]].tolist() == [20, 40]
    # one seed never found all: least is known, most and the higher median are not
    assert model["paths_to_100_min"] == 30
    assert np.isnan(model["paths_to_100_max"])
    assert np.isnan(model["paths_to_100"])
    assert model[["never_found_min", "never_found_max"]].tolist() == [0, 1]
    # 8 in 5..9, 2 in 0..2, 0 in 0..0; of the other seed none
    assert model["coverage"] == pytest.approx(3 / 6)
    assert model["coverage_some"] == pytest.approx(2 / 5)
    assert model[["stop_paths_min", "stop_paths_max"]].tolist() == [20, 30]
    assert model[["stop_share_min", "stop_share_max"]].tolist() == [0.7, 1.0]
    assert np.isnan(model["stop_missing_paths"])
    random = found.loc["random"]
    assert np.isnan(random["coverage"])
    assert random["paths_to_95"] == 50


def test_numbers_of_the_figure(curves):
    numbers = simulated.numbers(curves)
    share = numbers["share"].set_index(["rule", "paths"])
    assert share.loc[("tls_probability", 10)].tolist() == pytest.approx([0.15, 0.1, 0.2])
    # the loop that found all by 30 paths stays at 1, the other is at 0.7 until 40
    assert share.loc[("tls_probability", 30)].tolist() == pytest.approx([0.85, 0.7, 1.0])
    assert share.loc[("tls_probability", 40)].tolist() == pytest.approx([0.95, 0.9, 1.0])
    assert len(numbers["missing"]) == 6


def test_a_loop_that_was_cut_short_has_no_band_beyond():
    cut = pd.concat(
        [curve("random", 0, [10, 20], [1, 2]), curve("random", 1, [10, 20, 30], [1, 2, 3])]
    )
    share = simulated.numbers(cut)["share"]
    assert share["paths"].tolist() == [10, 20]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A small labelled table with double wells among close pairs, TLS at small Delta E."""
    rng = np.random.default_rng(0)
    n = 900
    d = rng.gamma(6.0, 0.1, n)
    frame = pd.DataFrame(
        {
            "glass": rng.choice(["A", "B", "C"], n),
            "minimum_a": np.arange(n),
            "minimum_b": np.arange(n) + 1,
            "delta_e": rng.exponential(0.03, n),
            "total_displacement": d,
            "participation_ratio": 1.2 + rng.gamma(2.0, 1.0, n),
            "displacement_1": 0.8 * d,
            "displacement_2": 0.3 * d,
            "displacement_3": 0.1 * d,
            "distance_1_2": rng.uniform(0.8, 6.0, n),
            "distance_1_3": rng.uniform(0.8, 6.0, n),
            "transitions_ab": rng.geometric(0.2, n),
            "transitions_ba": rng.geometric(0.2, n),
            "preparation_temperature": 0.07,
            "is_double_well": d < 0.6,
            "barrier": np.nan,
            "unit_system": "argon",
        }
    )
    splitting = np.hypot(10.0 ** (-1.0 - 4.0 * d), 0.1 * frame["delta_e"])
    frame["quantum_splitting"] = np.where(frame["is_double_well"], splitting, np.nan)
    path = tmp_path_factory.mktemp("simulation") / "labelled.parquet"
    labelled.write(frame, path, 3, 0)
    return path


def run(*arguments):
    app = typer.Typer()
    command.register(app)
    app.command("nothing")(lambda: None)
    return CliRunner().invoke(app, ["simulate-loop", *map(str, arguments)])


def test_the_command_writes_its_files(table, tmp_path):
    options = ["--rule", "tls_probability", "--rule", "random", "--seeds", 2, "--initial", 150]
    options += ["--batch", 50, "--max-paths", 250, "--rounds", 20, "--dilute", 0.5]
    result = run(table, "--output", tmp_path / "out", *options)
    assert result.exit_code == 0, result.output
    assert "paths_to_95" in result.output
    names = {path.name for path in (tmp_path / "out").iterdir()}
    figures = {"simulated_loops.png", "simulated_loops.svg"}
    assert names == {"curves.parquet", "curves.csv", "summary.csv", *figures}
    curves = tables.read(tmp_path / "out" / "curves.parquet")
    assert list(curves.columns) == [name for name, _, _ in simulation.CURVES]
    assert set(curves["rule"]) == {"tls_probability", "random"}
    assert set(curves["seed"]) == {0, 1}
    random = curves[curves["rule"] == "random"]
    assert random["missing"].isna().all()
    assert (random.groupby("seed")["true_missing"].last() == 0).all()
    models = curves[curves["rule"] == "tls_probability"]
    assert models["missing"].notna().all()
    assert models["paths"].max() == 250
    text = pd.read_csv(tmp_path / "out" / "curves.csv")
    pd.testing.assert_series_equal(text["tls"], curves["tls"])
    assert pd.read_csv(tmp_path / "out" / "summary.csv")["rule"].tolist() == list(
        dict.fromkeys(curves["rule"])
    )


def test_random_batches_and_skipped_seeds_are_told(table, tmp_path, caplog):
    """One E_qs for all double wells, TLS in one glass only."""
    frame = labelled.read(table).frame
    same = frame.assign(quantum_splitting=np.where(frame["is_double_well"], 0.001, np.nan))
    labelled.write(same, tmp_path / "same.parquet", 3, 0)
    options = ["--rule", "tls_probability", "--seeds", 1, "--max-paths", 700]
    result = run(tmp_path / "same.parquet", "--output", tmp_path / "out", *options)
    assert result.exit_code == 0, result.output
    summary = pd.read_csv(tmp_path / "out" / "summary.csv")
    # K_0 = 300 and K_i = 250, those of the config
    assert summary["random_batches"].tolist() == [2]
    assert summary["skipped_seeds"].tolist() == [0]
    assert "random_batches" in result.output

    tls = frame["quantum_splitting"] < 0.0015
    one = frame.assign(glass=frame["glass"].where(~tls, "A"))
    labelled.write(one, tmp_path / "one.parquet", 3, 0)
    settings = simulate.Settings(batch=50, max_paths=50, rounds=20)
    with caplog.at_level("INFO", "tlsfind"):
        found = simulation.simulate_loop(
            tmp_path / "one.parquet", tmp_path, settings, rules=["standard"], transfer=True
        )
    assert found[["seeds", "skipped_seeds"]].to_numpy().tolist() == [[1, 2]]
    assert sum("is skipped: no TLS" in record.getMessage() for record in caplog.records) == 2


def test_transfer_without_models_draws_too(table, tmp_path):
    settings = simulate.Settings(batch=50, max_paths=50, rounds=20)
    found = simulation.simulate_loop(
        table, tmp_path, settings, rules=["standard"], seeds=1, transfer=True, formats=["png"]
    )
    assert found["never_found"].tolist() == [0]
    assert (tmp_path / "simulated_loops.png").stat().st_size > 10_000


def test_errors(table, tmp_path):
    settings = simulate.Settings()
    with pytest.raises(InputError, match="'greedy' is unknown, expected one of"):
        simulation.simulate_loop(table, tmp_path / "out", settings, rules=["greedy"])
    for threshold in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match=r"threshold of .*, expected a positive, finite E_qs"):
            simulation.simulate_loop(table, tmp_path / "out", settings, threshold=threshold)
    with pytest.raises(InputError, match="holds no TLS"):
        simulation.simulate_loop(table, tmp_path / "out", settings, threshold=1e-9)
    frame = labelled.read(table).frame.assign(unit_system="xenon")
    labelled.write(frame, tmp_path / "xenon.parquet", 3, 0)
    with pytest.raises(InputError, match=r"unit system xenon.*give it with --threshold"):
        simulation.simulate_loop(tmp_path / "xenon.parquet", tmp_path / "out", settings)
    assert not (tmp_path / "out").exists()
