"""Summary, report and figures of runs whose glasses come from a user's own trajectories."""

from __future__ import annotations

import shutil

import pytest

from tlsfind import tables
from tlsfind.analysis import report, summary
from tlsfind.analysis.figures import equilibration
from tlsfind.analysis.results import Results
from tlsfind.explore.frames import VERDICT

UNKNOWN = ["temperature", "energy_drift", "energy_fluctuation", "steps"]


def with_imported(run, folder, glasses):
    """A copy of a run whose ``glasses`` are imported."""
    root = folder / "results"
    shutil.copytree(run.root, root)
    for glass in glasses:
        file = root / "glasses" / glass / "glass.parquet"
        row = tables.read(file).iloc[0]
        kept = ["glass", "preparation_temperature", "n_particles", "inherent_energy"]
        tables.write([{**row[kept], "verdict": VERDICT}], file, tables.schema("glasses"))
        schema = tables.schema("equilibration")
        tables.write([], file.with_name("equilibration.parquet"), schema)
        for block in (root / "explore" / glass).glob("block-*/trajectories.parquet"):
            rows = tables.read(block).drop(columns=UNKNOWN).to_dict("records")
            tables.write(rows, block, tables.schema("trajectories"))
    return Results(run.config, root)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("imported", [1, 2])
def test_what_was_not_judged_is_said(poor_run, tmp_path, imported):
    names = poor_run.config.glass_names  # the second one is not equilibrated
    results = with_imported(poor_run, tmp_path, names[:imported])
    numbers = summary.collect(results)
    assert numbers["glasses_not_judged"] == names[:imported]
    assert numbers["glasses_not_equilibrated"] == names[imported:]
    lines = dict(summary.lines(numbers))
    assert f"{imported} imported, equilibration not judged" in lines["Glasses"]
    assert (lines["Largest energy drift"] == "unknown") == (imported == 2)
    said = [text for text in report.warnings(results, numbers) if "imported" in text]
    assert len(said) == 1
    assert said[0].startswith(f"{imported} of 2 glasses {'is' if imported == 1 else 'are'} ")
    row = report.glasses_table(results)["rows"][0]
    assert row[2] == "–"
    assert row[-1] == "imported: equilibration not judged"
    row = report.landscape_table(results)["rows"][0]
    assert row[2:4] == ["–", "–"]


@pytest.mark.parametrize("imported", [1, 2])
def test_empty_panels_say_why(poor_run, tmp_path, imported):
    results = with_imported(poor_run, tmp_path, poor_run.config.glass_names[:imported])
    figure = equilibration.draw(equilibration.collect(results), results)
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert any("imported" in text for text in texts) == (imported == 2)
    assert all(bool(axes.lines) == (imported == 1) for axes in figure.axes)
