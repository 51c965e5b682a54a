"""The command evaluate: the authors' tables, a config, and arguments that are wrong."""

import json

import pytest
import typer
from made_up_pairs import REQUIRED, leaves, make_table
from typer.testing import CliRunner

from authors_tables import FEATURES
from tlsfind.cli import evaluate as command
from tlsfind.errors import InputError, TlsfindError
from tlsfind.evaluate import stage as evaluation
from tlsfind.learn import labelled

AUTHORS = {
    "glass": "conf",
    "minimum_a": "i2",
    "minimum_b": "j2",
    **{ours: theirs for theirs, ours in FEATURES.items()},
}


def write_authors(folder) -> None:
    """The two tables of another temperature, and nothing else, with a row to be dropped."""
    frame = make_table()
    frame["glass"] = frame["glass"].str[1:].astype(int)
    frame.loc[0, "total_displacement"] = 1e-5
    pairs = frame.rename(columns=AUTHORS)[list(AUTHORS.values())]
    energies = {"i": 0.2 + 1e-6 * pairs["i2"], "j": 0.2 + 1e-6 * pairs["j2"]}
    pairs = pairs.assign(**energies)
    wells = frame["is_double_well"]
    both = pairs.assign(is_dw=wells.astype(int))
    both.to_feather(folder / "pretraining-classifier-T0062.feather")
    splittings = pairs.assign(quantum_splitting=frame["quantum_splitting"])[wells]
    splittings.reset_index(drop=True).to_feather(folder / "pretraining-predictor-T0062.feather")


def call(*arguments):
    app = typer.Typer()
    command.register(app)
    return CliRunner().invoke(app, ["evaluate", *(str(argument) for argument in arguments)])


def test_command_on_the_authors_tables(fakes, tmp_path):
    write_authors(tmp_path)
    out = tmp_path / "new" / "out.json"
    done = call(
        "--authors", tmp_path, "--label", "T0062", "--json", out, "--time-limit", 100, "--seed", 0,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "random   grouped" in done.output
    result = json.loads(out.read_text())
    assert set(REQUIRED) <= set(leaves(result))
    assert result["settings"]["learn"]["time_limit"] == 100
    assert result["settings"]["seed"] == 0
    data = result["data"]
    assert data["label"] == "T0062"
    assert data["glasses"] == 6
    assert data["preparation_temperatures"] == [0.062]
    assert data["dropped"] == sum(sum(file["dropped"].values()) for file in data["files"]) > 0
    assert data["rows"] == 719


def test_command_on_a_table_with_a_config(fakes, tmp_path):
    table, out, config = tmp_path / "pairs.parquet", tmp_path / "out.json", tmp_path / "c.yaml"
    labelled.write(make_table(), table, 3, 0)
    config.write_text(
        "run: {name: t, output: r, seed: 7}\n"
        "glasses: [{preparation_temperature: 0.09, count: 2}]\n"
        "prepare: {blocks: 20}\n"
        "explore: {trajectories: 1, steps: 10, quench_every: 5}\n"
        "learn: {rounds: 33, splitting_target: paper, screen_rounds: 20}\n"
    )
    done = call("--table", table, "--json", out, "--config", config, "--folds", 2, "--threads", 1)
    assert done.exit_code == 0, done.output
    settings = json.loads(out.read_text())["settings"]
    assert settings["seed"] == 7
    assert settings["learn"]["rounds"] == 33
    assert settings["learn"]["time_limit"] == 600
    assert settings["modes"] == ["paper"]
    assert settings["threads"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "exactly one of --table"),
        (["--table", "t.parquet", "--authors", "."], "exactly one of --table"),
        (["--authors", "."], "go together"),
        (["--table", "t.parquet", "--label", "T007"], "go together"),
        (["--table", "absent.parquet"], "absent.parquet"),
        (["--authors", "absent", "--label", "T007"], "absent"),
        (["--table", "t.parquet", "--time-limit", "0"], "time limit of 0 s"),
        (["--table", "t.parquet", "--time-limit", "nan"], "time limit of nan s"),
        (["--table", "t.parquet", "--config", "absent.yaml"], "absent.yaml does not exist"),
    ],
)
def test_bad_arguments(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = call(*arguments, "--json", "out.json")
    assert isinstance(done.exception, TlsfindError)  # main() turns it into exit status 2
    assert message in str(done.exception)
    assert not (tmp_path / "out.json").exists()


def test_usage_errors(tmp_path):
    assert call("--table", "t.parquet").exit_code == 2  # no --json
    assert call("--table", "t", "--json", "o", "--folds", 1).exit_code == 2
    assert call("--table", "t", "--json", "o", "--mode", "linear").exit_code == 2


def test_output_is_checked_before_the_work(tmp_path):
    done = call("--table", "absent.parquet", "--json", tmp_path)
    assert isinstance(done.exception, InputError)
    assert "is a folder, expected the name of a JSON file" in str(done.exception)
    (tmp_path / "file").touch()
    done = call("--table", "absent.parquet", "--json", tmp_path / "file" / "below" / "out.json")
    assert isinstance(done.exception, InputError)
    assert "file is a file, expected a folder" in str(done.exception)


def test_no_empty_folder_is_left(tmp_path):
    (tmp_path / "authors").mkdir()
    options = ["--authors", tmp_path / "authors", "--label", "T1", "--json"]
    done = call(*options, tmp_path / "new" / "deep" / "out.json")
    assert isinstance(done.exception, InputError)
    assert not (tmp_path / "new").exists()


def test_nan_is_never_written(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        evaluation.write({"value": float("nan")}, tmp_path / "out.json")
    assert list(tmp_path.iterdir()) == []
