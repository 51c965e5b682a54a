"""The stage's files: figures with numbers, Table I, the summary, and a report that stands alone."""

import base64
import io
import json
import re
import shutil
from html.parser import HTMLParser

import pandas as pd
import pytest
from rich.console import Console

from synthetic_run import damage, write_checks
from tlsfind import tables
from tlsfind.analysis import stage, style, summary
from tlsfind.analysis.cells import text
from tlsfind.analysis.report import warnings
from tlsfind.analysis.results import Results
from tlsfind.analysis.sections import shown_width
from tlsfind.errors import DamagedError, InputError


class Page(HTMLParser):
    """Collects images, links, tables' cells and tags left open."""

    VOID = ("meta", "img", "br", "link", "input")

    def __init__(self, source):
        super().__init__()
        self.images, self.references, self.cells, self.open, self.text = [], [], [], [], []
        self.tags = set()
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.add(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "img":
            self.images.append(values["src"])
        self.references += [values[key] for key in ("src", "href") if key in values]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)
        if self.open and self.open[-1] == "td":
            self.cells.append(data.strip())


def page_of(run, tmp_path):
    output = tmp_path / "report.html"
    stage.report(run.config, run.root, output)
    return Page(output.read_text(encoding="utf-8"))


def check_alone(page):
    from PIL import Image

    assert page.open == []
    assert len(page.images) == len(stage.FIGURES)
    for source in page.images:
        kind, _, data = page_source(source)
        assert kind == "data:image/png;base64"
        image = Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
        image.verify()
        assert image.format == "PNG"
    others = [r for r in page.references if not r.startswith(("data:", "#"))]
    assert others == []
    assert not page.tags & {"script", "link", "iframe"}


def page_source(source):
    return source.partition(",")


@pytest.fixture
def few_figures(monkeypatch):
    """Four figures instead of all, where figures are not what is looked at."""
    some = ("fig3", "fig3_prospective", "fig4", "loop")  # three of them the text needs
    monkeypatch.setattr(stage, "FIGURES", {name: stage.FIGURES[name] for name in some})


def test_report_stands_alone(run, tmp_path):
    page = page_of(run, tmp_path)
    check_alone(page)
    whole = " ".join(page.text)
    assert "1 of 14 glasses is not equilibrated (T0.092-0001)" in whole
    assert "T0.062-0003" in page.cells
    assert "FAILED self-overlap: 0.80 after half the run" in page.cells
    tls = tables.read(run.root / "library" / "tls.parquet")
    assert f"{tls['quantum_splitting_argon'].iloc[0]:.4g}" in page.cells
    assert run.config.hash in page.cells
    assert "seed: 3" in whole
    assert list(tmp_path.iterdir()) == [tmp_path / "report.html"]


def test_figures_that_are_drawn_already_are_taken(poor_run, few_figures, tmp_path, monkeypatch):
    drawn = tmp_path / "figures"
    stage.figures(poor_run.config, poor_run.root, drawn, ["fig4", "loop"])
    made, png = [], style.png
    monkeypatch.setattr(style, "png", lambda figure: made.append(figure) or png(figure))
    output = tmp_path / "report.html"
    stage.report(poor_run.config, poor_run.root, output, [tmp_path / "none", drawn])
    assert len(made) == len(stage.FIGURES) - 2
    page = Page(output.read_text(encoding="utf-8"))
    images = {base64.b64decode(page_source(source)[2]) for source in page.images}
    assert len(images) == len(stage.FIGURES)
    for name in ("fig4", "loop"):
        assert (drawn / f"{name}.png").read_bytes() in images
    # as wide as one that is drawn for the report, in spite of the other resolution
    widths = re.findall(r'<img [^>]* width="(\d+)"', output.read_text())
    assert len(widths) == len(stage.FIGURES)
    assert max(map(int, widths)) == round(160 * style.PAGE)
    assert shown_width("image/png", (drawn / "fig4.png").read_bytes()) == round(160 * style.PAGE)
    assert shown_width("image/svg+xml", b"<svg/>") is None
    # what other formats or an earlier run left there is not taken
    analysis = poor_run.config.analysis.model_copy(update={"formats": ["svg"]})
    stage.report(poor_run.config.model_copy(update={"analysis": analysis}), poor_run.root,
                 output, [drawn])  # fmt: skip
    assert len(made) == 2 * len(stage.FIGURES) - 2
    (drawn / "loop.png").write_bytes(b"")
    output.unlink()
    with pytest.raises(DamagedError, match=r"loop\.png is damaged: delete it and draw it again"):
        stage.report(poor_run.config, poor_run.root, output, [drawn])
    assert not output.exists()


def test_report_of_a_run_without_tls(poor_run, tmp_path):
    page = page_of(poor_run, tmp_path)
    check_alone(page)
    assert "No two-level system was found." in " ".join(page.text)


def test_report_without_the_standard_procedure(run, tmp_path, monkeypatch):
    some = ("fig3", "fig3_prospective", "fig4", "fig6", "loop", "recall", "figS7")
    monkeypatch.setattr(stage, "FIGURES", {name: stage.FIGURES[name] for name in some})
    root = tmp_path / "copy"
    shutil.copytree(run.root, root)
    shutil.rmtree(root / "standard")
    output = tmp_path / "out"
    page = page_of(run._replace(root=root), output)
    check_alone(page)
    assert "The standard procedure was not run" in " ".join(page.text)


@pytest.mark.usefixtures("few_figures")
def test_names_are_escaped(run, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(run.root, root)
    path = root / "glasses" / "T0.092-0000" / "glass.parquet"
    rows = tables.read(path).assign(verdict="<script>alert(1)</script> & more")
    tables.write(rows, path, tables.schema("glasses"))
    page = page_of(run._replace(root=root), tmp_path / "out")
    assert "script" not in page.tags
    assert "<script>alert(1)</script> & more" in page.cells


def test_figures_come_with_their_numbers(run, tmp_path):
    written = stage.figures(run.config, run.root, tmp_path)
    assert sorted(path.name for path in written) == sorted(f"{n}.png" for n in stage.FIGURES)
    numbers = {path.stem for path in tmp_path.glob("*.csv")}
    for name in stage.FIGURES:
        assert any(stem.startswith(f"{name}_") for stem in numbers)
    frame = pd.read_csv(tmp_path / "fig4_per_glass.csv")
    assert len(frame) == 14
    assert frame["double_wells"].sum() == len(run.results.double_wells)
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("name", ["pairs/T0.092-0001.parquet", "loop/02/paths.parquet"])
def test_a_damaged_table_is_named_and_nothing_written(poor_run, tmp_path, name):
    root, output = tmp_path / "copy", tmp_path / "output"
    shutil.copytree(poor_run.root, root)
    damage(root / name)
    for function in (stage.figures, stage.table_one, stage.report):
        with pytest.raises(InputError, match=f"{name} is damaged: ."):
            function(poor_run.config, root, output)
        assert not output.exists()
    with pytest.raises(InputError, match=f"{name} is damaged: ."):
        stage.summary(root)
    assert not (root / "summary.json").exists()


@pytest.mark.usefixtures("few_figures")
def test_all_formats(poor_run, tmp_path):
    analysis = poor_run.config.analysis.model_copy(update={"formats": ["svg", "pdf"]})
    config = poor_run.config.model_copy(update={"analysis": analysis})
    written = stage.figures(config, poor_run.root, tmp_path)
    assert len(written) == 2 * len(stage.FIGURES)
    first = {path.name: path.read_bytes() for path in written}
    for path in stage.figures(config, poor_run.root, tmp_path, ["fig4", "loop"]):
        assert path.read_bytes() == first[path.name], f"{path.name} is not reproducible"


def test_table_one_file(run, tmp_path):
    stage.table_one(run.config, run.root, tmp_path / "tables" / "table_1.csv")
    frame = pd.read_csv(tmp_path / "tables" / "table_1.csv")
    assert frame["unit_system"].tolist() == ["argon", "nip"] * 3
    assert frame["loop_paths"].iloc[4] == len(run.truth["paths"])


def test_summary_numbers(run):
    numbers = stage.summary(run.root)
    assert json.loads((run.root / "summary.json").read_text()) == numbers
    paths, extra = run.truth["paths"], run.truth["standard"]
    solved = len(paths) + len(extra)
    statuses = paths["status"].value_counts().add(extra["status"].value_counts(), fill_value=0)
    assert numbers["glasses"] == 14
    assert numbers["glasses_not_equilibrated"] == ["T0.092-0001"]
    assert numbers["minima"] == 14 * 40
    assert numbers["pairs"] == len(run.truth["pairs"])
    assert numbers["paths"] == solved
    assert numbers["paths_standard_only"] == len(extra)
    assert sum(numbers["statuses"].values()) == solved
    for name, count in statuses.items():
        assert numbers["statuses"][name] == count
    assert numbers["double_wells"] == numbers["statuses"]["double_well"]
    assert numbers["tls"] == len(tables.read(run.root / "library" / "tls.parquet"))
    bad = numbers["statuses"]["failed"] + numbers["statuses"]["not_converged"]
    assert numbers["unsolved_share"] == pytest.approx(bad / solved)
    later = numbers["loop_after_initial"]
    assert later["paths"] == (paths["iteration"] >= 1).sum()
    assert later["tls_per_path"] == pytest.approx(later["tls"] / later["paths"])
    ratio = numbers["loop"]["tls_per_path"] / numbers["standard"]["tls_per_path"]
    assert numbers["ratio"] == pytest.approx(ratio)
    assert numbers["iterations"] == 2
    assert numbers["converged"]
    assert numbers["energy_drift_max"] == pytest.approx(4e-6)
    assert numbers["unconverged_quenches"] == 2
    assert numbers["quenches"] == 14 * 2 * 100


def test_summary_without_tls_is_valid_json(poor_run):
    numbers = stage.summary(poor_run.root)
    assert numbers["tls"] == 0
    assert numbers["ratio"] is None
    assert "NaN" not in (poor_run.root / "summary.json").read_text()
    shown = io.StringIO()
    summary.print_summary(numbers, Console(file=shown, width=100))
    assert "Two-level systems" in shown.getvalue()
    assert "unknown" in shown.getvalue()


def test_warnings(run):
    results = Results(run.config, run.root)
    numbers = summary.collect(results)
    assert numbers["standard"]["selection"]["sampled"] == 40
    assert len(warnings(results, numbers)) == 1
    worse = {
        "unsolved_share": (0.06, "6.0% of the paths"),
        "converged": (False, "did not converge"),
        "time_limit_struck": (True, "time limit struck"),
        "energy_drift_max": (0.001, "drifted by up to 1.0e-03"),
        "unconverged_quenches": (100, "100 of 2,800 quenches"),
        "tls": (0, "No two-level system"),
    }
    for key, (value, message) in worse.items():
        found = warnings(results, {**numbers, key: value})
        assert len(found) == 2
        assert message in found[1]


@pytest.mark.usefixtures("few_figures")
def test_agreement_with_lammps_is_shown_and_warned_of(poor_run, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(poor_run.root, root)
    page = page_of(poor_run._replace(root=root), tmp_path / "out")
    assert "Agreement with LAMMPS" in page.text
    assert "energy per particle of a minimum" in page.cells
    assert "checks by LAMMPS" not in " ".join(page.text)

    write_checks(root, outside=True)
    page = page_of(poor_run._replace(root=root), tmp_path / "out")
    whole = " ".join(page.text)
    assert "1 of 3 checks by LAMMPS are outside the tolerances (1 barrier)." in whole
    assert "Outside the tolerances:" in whole
    numbers = summary.collect(Results(poor_run.config, root))
    assert numbers["validation"] == {
        "checks": 3, "outside": 1, "outside_by_kind": {"barrier": 1}, "at_the_rim": 0
    }  # fmt: skip
    assert ("Checked by LAMMPS", "3 checks, 1 outside the tolerances") in summary.lines(numbers)

    (root / "validation.parquet").unlink()
    page = page_of(poor_run._replace(root=root), tmp_path / "out")
    assert "not checked by LAMMPS (its table is missing)" in " ".join(page.text)


@pytest.mark.usefixtures("few_figures")
def test_a_run_without_the_check_says_so(poor_run, tmp_path):
    off = poor_run.config.validation.model_copy(update={"enabled": False})
    config = poor_run.config.model_copy(update={"validation": off})
    page = page_of(poor_run._replace(config=config), tmp_path)
    assert "not checked by LAMMPS (validation.enabled is false)" in " ".join(page.text)
    assert "energy per particle of a minimum" not in page.cells


def test_cells():
    assert text(None) == text(float("nan")) == "–"
    assert text(True) == "yes"
    assert text(12345) == "12,345"
    assert text(0.000123456) == "0.0001235"
