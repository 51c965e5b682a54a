"""Published mode in snakemake: on a small folder like the authors', and its messages."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from authors_tables import PUBLISHED, needs_published
from published_tables import RUNS, SETTINGS, make
from tlsfind import tables
from workflow_runs import ROOT, TEST_CONFIG, planned_jobs, snakemake

CONFIG = ROOT / "config" / "published.yaml"

EVERYTHING = {
    "published_import": 1,
    "published_predict": 2,
    "published_explain": 1,
    "published_scan": 5,
    "published_figures": 1,
    "published_compare": 1,
    "published_report": 1,
    "published": 1,
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the authors' tables and a config, in which the mode ran to its end."""
    folder = tmp_path_factory.mktemp("published")
    make(folder / "authors")
    content = {"published": {"folder": "authors", "training_pairs": 250}, **SETTINGS}
    (folder / "published.yaml").write_text(yaml.safe_dump(content))
    done = snakemake(folder, "--configfile", folder / "published.yaml", "--cores", 1)
    assert done.returncode == 0, done.stdout[-6000:]
    return folder


def test_everything_is_there(place):
    results = place / "results" / "published"
    table = pd.read_csv(results / "paper_vs_ours.csv", dtype=str, keep_default_na=False)
    rows = table.set_index("quantity")
    assert rows.loc["tls_T0.07_argon", "ours"] == str(RUNS["T007"][1])
    assert rows.loc["tls_T0.092_argon", "ours"] == str(RUNS["T0092"][1])
    for name in ("fig3", "fig4", "fig5"):
        for kind in ("png", "svg"):
            assert (results / "figures" / f"{name}.{kind}").stat().st_size > 0
    page = (results / "report_published.html").read_text()
    assert page.count("data:image/png;base64,") >= 8
    for number in range(1, 6):
        scan = results / "scans" / "T007" / f"figS{number}"
        assert len(tables.read(scan / "scan.parquet")) >= 2
        assert (scan / f"figS{number}.svg").stat().st_size > 0
        assert f"figS{number}" in page
    assert (results / "scans" / "T007" / "figS4" / "table_s1.csv").is_file()
    assert (results / "config.yaml").is_file()
    assert len(list((results / "jobs").rglob("*.json"))) >= 6


def test_change_reruns_only_what_reads_it(place, tmp_path):
    content = yaml.safe_load((place / "published.yaml").read_text())
    again = snakemake(place, "-n", "--configfile", place / "published.yaml")
    assert "Nothing to be done" in again.stdout
    for section, key, value, jobs in (
        ("analysis", "min_points", 6, {"published_figures", "published_report"}),
        ("learn", "rounds", 16, set(EVERYTHING) - {"published_import"}),
        ("published", "min_displacement", 0.0, set(EVERYTHING)),
    ):
        changed = tmp_path / "changed.yaml"
        changed.write_text(yaml.safe_dump({**content, section: {**content[section], key: value}}))
        plan = snakemake(place, "-n", "--configfile", changed)
        assert set(planned_jobs(plan.stdout)) - {"published"} == jobs - {"published"}, key


def test_missing_folder_is_one_message(tmp_path):
    run = snakemake(tmp_path, "-n", "--configfile", CONFIG)
    assert run.returncode != 0
    assert "published.folder: authors-tables does not exist, expected a folder with" in run.stdout
    assert "Traceback" not in run.stdout


def test_targets_of_the_other_mode(tmp_path):
    make(tmp_path / "authors-tables")
    wrong = snakemake(tmp_path, "figures", "-n", "--configfile", CONFIG)
    assert wrong.returncode != 0
    assert "this target needs the config of a run" in wrong.stdout
    run = snakemake(tmp_path, "published", "-n", "--configfile", TEST_CONFIG)
    assert run.returncode != 0
    assert "the target published needs a config of published mode" in run.stdout


@needs_published
def test_dry_run_on_the_published_tables(tmp_path):
    content = yaml.safe_load(CONFIG.read_text())
    content["published"]["folder"] = str(PUBLISHED)
    file = Path(tmp_path / "published.yaml")
    file.write_text(yaml.safe_dump(content))
    for target in ([], ["published"]):
        plan = snakemake(tmp_path, *target, "-n", "--configfile", file)
        assert plan.returncode == 0, plan.stdout
        assert planned_jobs(plan.stdout) == EVERYTHING
    assert not re.search("error", plan.stdout, re.IGNORECASE)
