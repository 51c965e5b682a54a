"""Import of the authors' tables: verdicts, the command, and the published tables."""

from __future__ import annotations

import numpy as np
import pytest
import typer
from authors_folder import BELOW, PAIRS, WELLS, dropped, put, put_verdicts
from typer.testing import CliRunner

from authors_tables import PUBLISHED, needs_published
from tlsfind import tables
from tlsfind.cli import imports
from tlsfind.errors import InputError
from tlsfind.interop.authors import import_authors, read_authors, read_verdicts
from tlsfind.learn import labelled
from tlsfind.pairs.keys import KEYS


def test_verdicts(tmp_path):
    wells = [[3, 1, 2, 0.001], [3, 9, 4, 0.002], [5, 1, 2, 0.0], [3, 1, 2, 0.003], [4, 4, 4, 0.1]]
    others = [[3, 5, 6], [3, 6, 5], [3, 2, 1], [6, 1, 2]]
    table = read_verdicts(put_verdicts(tmp_path, wells, others), "T0062")
    assert table.frame.to_dict("list") == {
        "glass": ["T0.062-0003", "T0.062-0003", "T0.062-0003", "T0.062-0006"],
        "minimum_a": [1, 4, 5, 1],
        "minimum_b": [2, 9, 6, 2],
        "is_double_well": [True, True, False, False],
        "quantum_splitting": pytest.approx([0.001, 0.002, np.nan, np.nan], nan_ok=True),
        "unit_system": ["argon"] * 4,
    }
    assert table.report.files[0].dropped == {
        "both minima are the same": 1,
        "E_qs is no positive number": 1,
        "pair found before": 1,
    }
    assert table.report.files[1].dropped == {"pair found before": 1}
    assert table.report.joined == {
        "pairs of nonDW_T0062.csv dropped, found in quantum_splitting_T0062.csv, "
        "there as a double well": 1
    }
    assert (table.report.double_wells, table.report.tls) == (2, 1)


@pytest.mark.parametrize("kind", ["wells", "others"])
def test_one_file_of_verdicts(tmp_path, kind):
    rows = {"wells": [[1, 2, 3, 0.001]], "others": [[1, 2, 3]]}
    put_verdicts(tmp_path, **{kind: rows[kind]})
    (report,) = import_authors(tmp_path, tmp_path / "out")
    assert report.kept == 1
    assert report.double_wells == (kind == "wells")
    assert "is missing" in report.notes[0]
    assert "no labelled-T0062.parquet" in report.notes[1]
    read = tables.read(tmp_path / "out" / "verdicts-T0062.parquet")
    assert list(read) == [name for name, _, _ in tables.FIXED["verdicts"]]


def test_damaged_verdicts(tmp_path):
    path = put_verdicts(tmp_path, [[1, 2, 3, 0.001], [1, 4, 5, 0.002]]) / (
        "quantum_splitting_T0062.csv"
    )
    whole = path.read_text()
    path.write_text(whole.rsplit(",", 1)[0])  # cut within the last line
    assert dropped(read_verdicts(tmp_path, "T0062")) == {"E_qs is no positive number": 1}
    path.write_text(whole + "9,1,2,3,4,5,6,7\n")
    with pytest.raises(InputError, match="not a complete CSV"):
        read_verdicts(tmp_path, "T0062")
    path.write_text("")
    with pytest.raises(InputError, match="not a complete CSV"):
        read_verdicts(tmp_path, "T0062")
    path.write_text(whole.replace("out", "E_qs"))
    with pytest.raises(InputError, match=r"unknown column\(s\) E_qs and lacks the column\(s\) out"):
        read_verdicts(tmp_path, "T0062")


# --- the command --------------------------------------------------------------------------------


@pytest.fixture
def run():
    """Run ``import ...`` in an app of its own."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(lambda: None)
    imports.register(app)
    return lambda *arguments: CliRunner().invoke(app, ["import", *map(str, arguments)])


def test_command_imports_every_label(tmp_path, run, classifier, predictor):
    put_verdicts(put(tmp_path, classifier, predictor), [[3, 1, 2, 0.001]], [[3, 5, 6]], "T0092")
    result = run("authors", tmp_path, "--output", tmp_path / "out")
    assert result.exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "labelled-T0062.parquet",
        "verdicts-T0092.parquet",
    ]
    shown = result.stdout
    assert f"pretraining-classifier-T0062.feather: {PAIRS} rows, 0 dropped" in shown
    assert f"{WELLS} double wells ({WELLS} with E_qs), {BELOW} TLS (E_qs < 0.0015 eps)" in shown
    assert "there is no verdicts-T0062.parquet" in shown
    one = run("authors", tmp_path, "--output", tmp_path / "one", "--label", "T0092")
    assert one.exit_code == 0
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["verdicts-T0092.parquet"]


def test_command_writes_nothing_without_a_usable_row(tmp_path, run, classifier, predictor):
    put_verdicts(put(tmp_path, classifier, predictor), [[3, 1, 2, 0.001]])
    result = run("authors", tmp_path, "-o", tmp_path / "out", "--min-displacement", "2")
    assert isinstance(result.exception, InputError)
    message = str(result.exception)
    assert "no usable row for labelled-T0062.parquet" in message
    assert f"{PAIRS} rows, {PAIRS} dropped (d below 2" in message
    assert not (tmp_path / "out").exists()


# --- the published tables -----------------------------------------------------------------------


@needs_published
def test_published_labels():
    table = read_authors(PUBLISHED, "T007")
    assert [file.rows for file in table.report.files] == [39065, 23535]
    assert dropped(table) == {"d below 0.001, one minimum found twice": 59}
    report = table.report
    assert (report.kept, report.double_wells, report.tls) == (39006, 23535, 291)
    assert report.with_splitting == 23535
    assert not report.joined
    assert not report.notes
    assert table.frame["glass"].nunique() == 50
    labelled.check(table.frame, tables.feature_names(3), "T007")
    everything = read_authors(PUBLISHED, "T007", min_displacement=0.0).report
    assert (everything.kept, everything.double_wells, everything.tls) == (39065, 23535, 291)


@needs_published
@pytest.mark.parametrize(
    ("label", "wells", "others", "doubles", "tls"),
    [("T007", 4064, 936, 59, 1057), ("T0092", 2697, 1303, 96, 776)],
)
def test_published_verdicts(label, wells, others, doubles, tls):
    """The numbers of paths and of TLS of Table I."""
    report = read_verdicts(PUBLISHED, label).report
    assert [file.rows for file in report.files] == [wells, others]
    assert [dict(file.dropped) for file in report.files] == [{}, {"pair found before": doubles}]
    assert not report.joined
    assert (report.kept, report.double_wells, report.tls) == (wells + others - doubles, wells, tls)


@needs_published
def test_published_verdicts_agree_with_the_labels():
    """Both tables number minima alike, so that they can be joined by their keys."""
    pairs = read_authors(PUBLISHED, "T007").frame
    both = read_verdicts(PUBLISHED, "T007").frame.merge(pairs, on=KEYS, suffixes=("", "_labelled"))
    assert len(both) == 1180
    assert (both["is_double_well"] == both["is_double_well_labelled"]).all()
    known = both["is_double_well"]
    np.testing.assert_allclose(
        both.loc[known, "quantum_splitting"], both.loc[known, "quantum_splitting_labelled"]
    )
