"""The cache of compiled kernels follows every source that they are made of."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from numba.core.dispatcher import Dispatcher

from tlsfind import kernels


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "sub").mkdir()
    (tmp_path / "caller.py").write_text("@kernel\ndef f(x):\n    return g(x)\n")
    (tmp_path / "sub" / "called.py").write_text("@njit\ndef g(x):\n    return x\n")
    (tmp_path / "other.py").write_text("A = 1\n")
    monkeypatch.setattr(kernels, "PACKAGE", tmp_path)
    kernels.cache_folder.cache_clear()
    yield tmp_path
    kernels.cache_folder.cache_clear()


def folder() -> Path:
    kernels.cache_folder.cache_clear()
    return kernels.cache_folder()


def test_only_files_with_kernels_count(package: Path):
    assert [file.name for file in kernels.sources()] == ["caller.py", "called.py"]
    before = folder()
    (package / "other.py").write_text("A = 2\n")
    assert folder() == before


def test_an_edit_of_an_inlined_function_changes_the_folder(package: Path):
    before = folder()
    (package / "sub" / "called.py").write_text("@njit\ndef g(x):\n    return 2 * x\n")
    assert folder() != before


def test_stale_folders_are_dropped(package: Path):
    current = folder()
    stale = current.with_name("stale")
    for path in (current, stale):
        path.mkdir(parents=True)
    kernels.drop_stale()
    assert current.is_dir()
    assert not stale.exists()


def test_the_user_cache_is_used_where_the_package_is_read_only(
    package: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(kernels.os, "access", lambda *_: False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert folder().is_relative_to(tmp_path / "cache" / "tlsfind")


def test_the_project_has_its_kernels_listed():
    names = {file.name for file in kernels.sources()}
    assert {"potential.py", "forces.py", "lanes.py", "hybrid.py", "string_kernel.py"} <= names
    assert [file.parent.name for file in kernels.sources() if file.name == "kernel.py"] == [
        "landscape",
        "pairs",
    ]


@pytest.mark.parametrize("module", ["pairs", "landscape"])
def test_all_kernels_have_the_one_cache(module: str):
    found = import_module(f"tlsfind.{module}.kernel")
    compiled = [value for value in vars(found).values() if isinstance(value, Dispatcher)]
    cached = [one for one in compiled if one.stats.cache_path is not None]
    assert cached
    for one in cached:
        assert Path(one.stats.cache_path).is_relative_to(kernels.cache_folder())
