"""The generated reference files are in step with the code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from tlsfind import reference, tables
from tlsfind.analysis.captions import CAPTIONS
from tlsfind.config import Config
from tlsfind.published.settings import PublishedConfig

ROOT = Path(__file__).parents[1]


def test_generated_files_are_in_step():
    assert reference.out_of_step(ROOT) == [], "run `make schema`"


def test_out_of_step_is_noticed(tmp_path):
    assert len(reference.out_of_step(tmp_path)) == len(reference.generated())
    files = reference.write(tmp_path)
    assert reference.out_of_step(tmp_path) == []
    files[0].write_text(files[0].read_text() + "\n")
    assert reference.out_of_step(tmp_path) == [files[0]]


def test_configuration_page_has_every_key():
    page = reference.configuration_page()
    for section, field in Config.model_fields.items():
        model = reference._model_in(field.annotation)
        assert f"## `{section}`" in page
        for key, inner in model.model_fields.items():
            assert f"| `{section}.{key}` |" in page
            assert inner.description, f"{section}.{key} has no description"


def test_page_of_published_mode_has_every_key():
    page = reference.published_page()
    for section, field in PublishedConfig.model_fields.items():
        assert f"## `{section}`" in page
        for key, inner in reference._model_in(field.annotation).model_fields.items():
            assert f"| `{section}.{key}` |" in page
            assert inner.description, f"{section}.{key} has no description"


def test_tables_page_has_every_column():
    page = reference.tables_page()
    assert set(reference.PLACES) == {
        *tables.FIXED,
        "pairs",
        "paths",
        "library",
        "labelled",
    }
    for columns in [*tables.FIXED.values(), tables.library_columns(3, ["argon", "nip"])]:
        for name, _, description in columns:
            assert f"| `{name}` |" in page
            assert description


def test_each_caption_is_a_file_of_the_workflow_and_each_file_a_caption():
    rules = "".join(file.read_text() for file in sorted((ROOT / "rules").glob("*.smk")))
    assert set(re.findall(r'caption\("(\w+)"\)', rules)) == set(CAPTIONS)
    files = {path.stem for path in (ROOT / reference.CAPTIONS_FOLDER).glob("*.rst")}
    assert files == {*CAPTIONS, "workflow"}
    for name, text in CAPTIONS.items():
        page = (ROOT / reference.CAPTIONS_FOLDER / f"{name}.rst").read_text()
        assert page.split() == text.split()
        assert max(map(len, page.splitlines())) < 100


@pytest.mark.parametrize(
    "path", sorted((ROOT / "config").rglob("*.yaml")), ids=lambda path: path.name
)
def test_configs_fit_the_schema(path):
    content = yaml.safe_load(path.read_text())
    model = PublishedConfig if "published" in content else Config
    schema = json.loads(reference.config_schema(model))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(content)
