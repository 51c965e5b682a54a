"""Damaged files of a run are found, others are left alone."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

from tlsfind import config, integrity, parquet, tables
from tlsfind.cli import main
from tlsfind.errors import InputError
from tlsfind.interop.native import Minima, save_minima
from tlsfind.paths.journal import Journal


@pytest.fixture
def results(tmp_path):
    """A folder with a file of each kind, all whole."""
    root = tmp_path / "results" / "run"
    rows = [{"glass": "T0.1-0000", "minimum_a": k, "minimum_b": k + 1} for k in range(500)]
    tables.write(rows, root / "loop/00/selection/batch-000.parquet", tables.schema("selection"))
    positions = np.random.default_rng(1).uniform(size=(3, 50, 3))
    minima = Minima(
        positions, np.zeros(3), np.zeros(3), np.arange(3), np.ones(50), 4.0, "T0.1-0000"
    )
    save_minima(root / "landscape/T0.1-0000/minima.npz", minima)
    with Journal(root / "loop/00/paths/batch-000.parquet.journal", "me") as journal:
        journal.add("1", {"status": "double_well"}, [])
    for name, content in {
        "config.yaml": b"run: 1\n",
        "loop/00/state.json": b"{}\n",
        "figures/fig4.png": b"\x89PNG\r\n...IEND\xaeB`\x82",
        "figures/fig4.svg": b"<svg></svg>\n",
        "report.html": b"<html></html>\n",
        "tables/table_1.csv": b"a,b\n",
        "loop/00/model/training.json": b"{}",
        "loop/00/model/models/classifier/model.pkl": b"\x80\x04.",
        "loop/00/model/models/screen/classifier.cbm": b"CBM1",
        "library/tls/T0.1-0000_1_2.xyz": b"2\n",
        "logs/paths/00-000.log": b"",
        ".snakemake/metadata/abc.json": b"",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def found(results):
    return {
        str(one.path.relative_to(results)): (one.kind, one.reason)
        for one in integrity.check(results)
    }


def test_nothing_is_damaged(results, capsys):
    assert found(results) == {}
    assert main(["check", str(results)]) == 0
    assert capsys.readouterr().out == f"{results}: nothing is damaged\n"


@pytest.mark.parametrize(
    "name",
    [
        "loop/00/selection/batch-000.parquet",
        "landscape/T0.1-0000/minima.npz",
        "loop/00/state.json",
        "figures/fig4.png",
        "figures/fig4.svg",
        "report.html",
    ],
)
def test_a_file_that_is_cut_off_or_empty(results, name):
    path = results / name
    content = path.read_bytes()
    for length in (0, 1, len(content) // 2, len(content) - 2):
        path.write_bytes(content[:length])
        ((place, (kind, reason)),) = found(results).items()
        assert (place, kind) == (name, "damaged")
        assert reason == ("is empty" if length == 0 else reason)
        assert str(results) not in reason


@pytest.mark.parametrize(
    "name", ["loop/00/selection/batch-000.parquet", "landscape/T0.1-0000/minima.npz"]
)
def test_a_byte_that_changed_on_the_disk(results, name):
    path = results / name
    content = bytearray(path.read_bytes())
    content[len(content) // 3 if name.endswith("npz") else 60] ^= 0xFF
    path.write_bytes(content)
    assert found(results)[name][0] == "damaged"


def test_a_folder_that_is_one_result(results, capsys):
    """A damaged model is deleted with all models of the training, and what vouches for them."""
    models = results / "loop/00/model/models"
    (models / "classifier/model.pkl").write_bytes(b"\x80\x04")
    (models / "screen/classifier.cbm").write_bytes(b"")
    library = results / "library/tls"
    next(library.iterdir()).write_bytes(b"")
    assert {name: kind for name, (kind, _) in found(results).items()} == {
        "loop/00/model/models": "damaged",
        "library/tls": "damaged",
    }
    assert main(["check", str(results), "--remove"]) == 0
    shown = capsys.readouterr().out.splitlines()
    training = models.with_name("training.json")
    assert shown[-1] == f"{library} {models} {training}"
    assert not models.exists()
    assert not library.exists()
    assert not training.exists()
    assert (results / "loop/00/state.json").exists()
    assert main(["check", str(results)]) == 0


def test_leftovers_of_killed_processes(results):
    folder = results / "pairs"
    folder.mkdir()
    here, alive = parquet.machine(), os.getpid()
    with parquet.atomic(folder / "T0.1-0000.json") as temporary:
        temporary.write_text("{}")
        assert parquet.owner(temporary) == (here, alive)
        assert found(results)[f"pairs/{temporary.name}"][0] == "harmless"
    assert not temporary.exists()
    dead = folder / f".a.parquet.{here}.{2**22 + 1}.tmp"
    elsewhere, old = folder / ".b.parquet.elsewhere.1.tmp", folder / ".c.parquet.elsewhere.1.tmp"
    staging = results / "loop/00/model/models/.classifier.x1"
    staging.mkdir()
    for path in (dead, elsewhere, old, staging / "half.json"):
        path.write_text("")
    past = time.time() - 7200
    for path in (old, staging / "half.json", staging):
        os.utime(path, (past, past))
    kinds = {name.rpartition("/")[2]: kind for name, (kind, _) in found(results).items()}
    assert kinds == {
        dead.name: "leftover",
        elsewhere.name: "harmless",
        old.name: "leftover",
        staging.name: "leftover",
    }
    assert main(["check", str(results), "--remove"]) == 0
    assert [path.exists() for path in (dead, elsewhere, old, staging)] == [
        False,
        True,
        False,
        False,
    ]
    assert (results / ".snakemake/metadata/abc.json").exists()


def test_a_cut_journal_is_harmless(results):
    journal = results / "loop/00/paths/batch-000.parquet.journal"
    with journal.open("a") as file:
        file.write("12345678 {")
    ((name, (kind, reason)),) = found(results).items()
    assert name == "loop/00/paths/batch-000.parquet.journal"
    assert kind == "harmless"
    assert "1 paths are whole" in reason
    assert main(["check", str(results), "--remove"]) == 0
    assert journal.exists()


def test_only_results_are_looked_at(tmp_path, capsys):
    (tmp_path / "a.json").write_text("")
    with pytest.raises(InputError, match=r"no config\.yaml"):
        next(integrity.check(tmp_path))
    assert main(["check", str(tmp_path), "--remove"]) == 2
    assert "expected the folder of a run's results" in capsys.readouterr().err
    assert (tmp_path / "a.json").exists()


def test_targets_are_named_as_the_rules_do(results, make_config):
    names = ["jobs/explore/x.json", "glasses/T0.1-0000/restart.npz", "loop/00/state.json"]
    findings = [
        integrity.Finding(results / name, "damaged", "is empty", (results / name,))
        for name in names
    ]
    assert integrity.targets(findings, results) == [str(results / names[2])]
    (results / "config.yaml").write_text(config.dump(make_config()))
    assert integrity.targets([*findings, *findings], results) == ["results/loop/00/state.json"]
