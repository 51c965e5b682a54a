"""The commands on what models learned: wrong input gives one message, right input a file."""

import json

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from tlsfind import tables
from tlsfind.cli import explain
from tlsfind.config import Learn
from tlsfind.errors import ConfigError, InputError, TrainingError
from tlsfind.interpret import transfer
from tlsfind.learn import labelled

CONFIG = """
run: {name: test, output: results, seed: 1}
glasses: [{preparation_temperature: 0.09, count: 2}]
prepare: {blocks: 20}
explore: {trajectories: 1, steps: 10, quench_every: 5}
"""


@pytest.fixture(scope="module")
def app():
    app = typer.Typer()
    explain.register(app)
    return app


@pytest.fixture
def call(app):
    def call(*arguments):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        return result.exit_code, result.exception, result.output

    return call


@pytest.fixture
def table(tmp_path):
    """A labelled table of two temperatures with two glasses each."""
    rng = np.random.default_rng(0)
    names = tables.feature_names(3)
    n = 240
    frame = pd.DataFrame(rng.uniform(0.1, 1.0, (n, len(names))), columns=names)
    frame[["transitions_ab", "transitions_ba"]] = 1
    wells = frame["total_displacement"] < 0.6
    frame = frame.assign(
        glass=[f"T{0.07 if i < 2 else 0.09:g}-{i}" for i in np.arange(n) % 4],
        minimum_a=np.arange(n),
        minimum_b=np.arange(n) + 1,
        preparation_temperature=np.where(np.arange(n) % 4 < 2, 0.07, 0.09),
        is_double_well=wells,
        quantum_splitting=np.where(wells, 0.01 * frame["delta_e"], np.nan),
        barrier=np.nan,
        unit_system="argon",
    )
    labelled.write(frame, tmp_path / "labelled.parquet", 3, 0)
    return tmp_path / "labelled.parquet"


def test_transfer(call, table, tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, "Learn", lambda: Learn(screen_rounds=10))
    code, _, _ = call("transfer", table, "--output", tmp_path / "out.csv")
    assert code == 0
    assert len(pd.read_csv(tmp_path / "out.csv")) == 6


def test_transfer_with_a_config(call, table, tmp_path, monkeypatch):
    rounds = []
    fit = transfer.screen.fit

    def told(*arguments, **named):
        rounds.append(named["rounds"])
        return fit(*arguments, **named)

    monkeypatch.setattr(transfer.screen, "fit", told)
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG + "learn: {screen_rounds: 13}\n")
    code, _, _ = call("transfer", table, "-o", tmp_path / "out.csv", "--config", config)
    assert code == 0
    assert set(rounds) == {13}


def test_stability(call, table, tmp_path):
    code, _, _ = call("stability", table, "--output", tmp_path / "out.json", "--transitions")
    assert code == 0
    found = json.loads((tmp_path / "out.json").read_text())
    assert {"by_row", "by_glass", "shap"} <= set(found)
    assert "transitions_ab" in found["features"]


def test_wrong_input(call, table, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG)
    out = tmp_path / "out"
    _, error, _ = call("transfer", tmp_path / "absent.parquet", "-o", out / "x.csv")
    assert isinstance(error, InputError)
    assert "absent.parquet does not exist" in str(error)
    _, error, _ = call("transfer", table, "-o", out / "x.json")
    assert isinstance(error, InputError)
    _, error, _ = call("transfer", table, "-o", out / "x.csv", "--threshold", "nan")
    assert isinstance(error, InputError)
    _, error, _ = call("transfer", table, "-o", out / "x.csv", "-c", tmp_path / "no.yaml")
    assert isinstance(error, ConfigError)
    code, _, output = call("transfer", table, "-o", out / "x.csv", "--model", "forest")
    assert code == 2
    assert "forest" in output
    one = tmp_path / "one.parquet"
    frame = labelled.read(table).frame
    labelled.write(frame[frame["preparation_temperature"] == 0.07], one, 3, 0)
    _, error, _ = call("stability", one, "-o", out / "x.json")
    assert isinstance(error, TrainingError)
    assert "at least two temperatures" in str(error)
    options = ("--labelled", table, "-o", out)
    _, error, _ = call("explain", "-c", tmp_path / "no.yaml", "--model", tmp_path, *options)
    assert isinstance(error, ConfigError)
    _, error, _ = call("explain", "-c", config, "--model", tmp_path / "no", *options)
    assert isinstance(error, InputError)
    assert "classifier does not exist" in str(error)
    assert not out.exists()
