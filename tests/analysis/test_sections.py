"""Places of figures in the report, and figures that other commands left in the folder of a run."""

import io

import numpy as np
import pandas as pd
from PIL import Image

from tlsfind.analysis import stage
from tlsfind.analysis.captions import CAPTIONS
from tlsfind.analysis.cells import further_tables
from tlsfind.analysis.report import render
from tlsfind.analysis.sections import arranged, contents, extra_images


def png() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((4, 6), np.uint8)).save(buffer, "png")
    return buffer.getvalue()


def test_every_figure_of_the_registry_has_one_place():
    places = arranged([*stage.FIGURES, "explanation", "new"])
    everything = [name for own in places.values() for name in own]
    assert sorted(everything) == sorted([*stage.FIGURES, "explanation", "new"])
    assert places["further"] == ["new"]


def test_contents_name_what_is_there():
    places = arranged(["loop", "new"])
    titles = dict(contents(places, [{"name": "table_2", "title": "Table 2"}], transfer=False))
    assert titles["further"] == "Further figures"
    assert titles["table_2"] == "Table 2"
    assert "explanation" not in titles
    assert "temperatures" not in titles
    assert "temperatures" in dict(contents(places, [], transfer=True))


def test_figures_of_other_commands_are_found(tmp_path):
    folder = tmp_path / "convergence"
    folder.mkdir()
    (folder / "convergence.png").write_bytes(png())
    (folder / "convergence.svg").write_text("<svg/>")
    (folder / "unknown.png").write_bytes(png())
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "figS2.svg").write_text("<svg/>")
    found = extra_images(tmp_path, {"convergence": "text", "figS2": "text"})
    assert {name: kind for name, (kind, _) in found.items()} == {
        "convergence": "image/png", "figS2": "image/svg+xml"
    }  # fmt: skip


def test_further_tables_are_those_with_a_caption(tmp_path):
    for name in ("table_1", "table_2", "other"):
        pd.DataFrame({"step": ["path"], "core_seconds": [0.25]}).to_csv(
            tmp_path / f"{name}.csv", index=False
        )
    (found,) = further_tables(tmp_path, {"table_1": "", "table_2": "costs"})
    assert (found["name"], found["title"], found["caption"]) == ("table_2", "Table 2", "costs")
    assert found["head"] == ["step", "core seconds"]
    assert found["rows"] == [["path", "0.25"]]


#: Figures whose numbers the tables of the report show.
NEEDED = ("fig3", "fig3_prospective", "fig4")


def test_the_report_shows_them(poor_run):
    drawn = {name: ("image/png", png()) for name in (*stage.FIGURES, "convergence", "new")}
    numbers = {name: stage.FIGURES[name].collect(poor_run.results) for name in NEEDED}
    page = render(poor_run.results, drawn, numbers)
    assert page.count("<img ") == len(drawn)
    assert 'id="figure-convergence"' in page
    assert CAPTIONS["convergence"][:60] in page
    assert page.index('id="further"') < page.index('id="figure-new"')
