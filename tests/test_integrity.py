"""Damaged files of a run are found, others are left alone."""

from __future__ import annotations

import errno
import gzip
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tlsfind import config, integrity, parquet, tables
from tlsfind.cli import main
from tlsfind.errors import DamagedError, InputError
from tlsfind.interop.native import Minima, save_minima
from tlsfind.paths.journal import Journal
from tlsfind.plan.outputs import outputs


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


def test_a_cut_figure_is_drawn_again(results, make_config):
    """The rules name its first format only: that of a leading figure goes with it."""
    (results / "config.yaml").write_text(config.dump(make_config()))
    (results / "figures/loop.png").write_bytes(b"IEND\xaeB`\x82")
    (results / "figures/loop.svg").write_bytes(b"<svg></svg>")
    (results / "figures/fig3_points.csv").write_bytes(b"a,b\n")
    assert found(results) == {}
    (results / "figures/fig3_points.csv").write_bytes(b"")
    (finding,) = integrity.check(results)
    assert {path.name for path in finding.remove} == {"fig3_points.csv", "loop.png", "loop.svg"}
    assert integrity.targets([finding], results) == ["results/figures/loop.png"]


FOREIGN = {
    "notes/data.pkl": gzip.compress(b"1"),
    "notes/settings.json": b"{} // a comment",
    "notes/todo.txt": b"",
    "notes/.a.b.host.1.tmp": b"",
    "draft.tmp": b"",
    "todo.txt": b"",
    "figures/draft.tmp": b"",
    "figures/mine.png": b"",
    "pairs/mine.parquet": b"",
    "glasses/T0.1-0000/notes.json": b"",
    "loop/00/paths/look.npz": b"",
    "loop/mine/state.json": b"",
    "tables/mine.csv": b"",
    ".hidden/a.json": b"",
    "starts.jsonl": b"",
}


def test_what_is_not_of_the_run_is_left_alone(results, capsys):
    for name, content in FOREIGN.items():
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).write_bytes(content)
        os.utime(results / name, (0, 0))
    np.save(results / "notes/one.npy", np.arange(3))
    (results / "notes/one.npy").rename(results / "notes/one.npz")
    assert found(results) == {}
    assert main(["check", str(results), "--remove"]) == 0
    assert capsys.readouterr().out == f"{results}: nothing is damaged\n"
    assert all((results / name).exists() for name in FOREIGN)


def test_an_array_in_the_place_of_an_archive_is_not_deleted(results):
    place = results / "landscape/T0.1-0000/minima.npz"
    with place.open("wb") as file:
        np.save(file, np.arange(3))
    ((kind, reason),) = found(results).values()
    assert kind == "unreadable"
    assert "single NumPy array" in reason
    assert main(["check", str(results), "--remove"]) == 2
    assert place.exists()


def test_the_config_stays(results, capsys):
    (results / "config.yaml").write_bytes(b"")
    assert main(["check", str(results)]) == 2
    capsys.readouterr()
    assert main(["check", str(results), "--remove"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("is empty; it stays, the next snakemake writes it again")
    assert (results / "config.yaml").exists()


def test_targets_stand_before_the_options(results, capsys):
    (results / "loop/00/state.json").write_bytes(b"")
    assert main(["check", str(results), "--remove"]) == 0
    *_, hint, targets = capsys.readouterr().out.splitlines()
    assert "snakemake TARGETS --configfile ..." in hint
    assert targets == str(results / "loop/00/state.json")


UNREADABLE = [
    "loop/00/selection/batch-000.parquet",
    "landscape/T0.1-0000/minima.npz",
    "loop/00/state.json",
    "figures/fig4.svg",
    "loop/00/paths/batch-000.parquet.journal",
    "loop/00/model/models/classifier/model.pkl",
]
#: Without root's right to read everything.
UNPRIVILEGED = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
def test_what_may_not_be_read_is_not_damaged(results):
    for name in UNREADABLE:
        (results / name).chmod(0)
    hidden = results / "library/tls"
    hidden.chmod(0)
    done = subprocess.run(
        [*UNPRIVILEGED, sys.executable, "-m", "tlsfind", "check", str(results), "--remove"],
        capture_output=True,
        text=True,
    )
    hidden.chmod(0o755)
    *lines, last = done.stdout.splitlines()
    expected = {*(results / name for name in UNREADABLE), hidden}
    assert {line.split(": ")[1] for line in lines} == set(map(str, expected)), done.stderr
    assert all(line.startswith("unreadable: ") and "Permission denied" in line for line in lines)
    assert last.startswith(f"{results}: 7 cannot be read")
    assert done.returncode == 2
    assert all((results / name).exists() for name in UNREADABLE)
    assert len(list(hidden.iterdir())) == 1


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.EMFILE])
@pytest.mark.parametrize("kind", ["table", "arrays", "json"])
def test_errors_of_the_system_are_not_damage(results, monkeypatch, kind, code):
    def fail(*_, **__):
        raise OSError(code, os.strerror(code))

    where = {
        "table": ("pyarrow.parquet.ParquetFile.iter_batches", "selection/batch-000.parquet"),
        "arrays": ("numpy.load", "T0.1-0000/minima.npz"),
        "json": ("tlsfind.integrity.json.loads", "state.json"),
    }
    monkeypatch.setattr(where[kind][0], fail)
    findings = list(integrity.check(results))
    assert {finding.kind for finding in findings} == {"unreadable"}
    assert all(finding.remove == () for finding in findings)
    assert all(os.strerror(code) in finding.reason for finding in findings)
    assert str(findings[-1].path).endswith(where[kind][1])


def test_a_table_that_the_system_does_not_read(results, monkeypatch):
    """An error without a number is Arrow's, of the content; one with a number is the system's."""
    path = results / "loop/00/selection/batch-000.parquet"
    for error, kind in ((OSError("bad page"), DamagedError), (OSError(5, "lost"), InputError)):

        def fail(*_, error=error, **__):
            raise error

        with monkeypatch.context() as patch:
            patch.setattr("pyarrow.parquet.ParquetFile.read", fail)
            with pytest.raises(InputError) as raised:
                parquet.read(path)
        assert raised.type is kind


def test_a_folder_that_cannot_be_made_names_the_file():
    with (
        pytest.raises(InputError, match=r"/proc/foo/a/b.json cannot be written: the folder"),
        parquet.atomic("/proc/foo/a/b.json"),
    ):
        pass


def test_every_output_of_the_rules_is_looked_at(tmp_path, make_config):
    files = [file for places in outputs(make_config(), 2).values() for file in places]
    for file in [Path("config.yaml"), *files]:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(b"")
    assert set(found(tmp_path)) == {"config.yaml", *map(str, files)}
