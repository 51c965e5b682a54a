"""The cache of compiled kernels follows every source that they are made of."""

from __future__ import annotations

import os
import subprocess
import sys
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
    stale, other = current.with_name("0123456789abcdef"), current.with_name("data")
    for path in (current, stale, other):
        path.mkdir(parents=True)
    kernels.drop_stale()
    assert current.is_dir()
    assert not stale.exists()
    assert other.is_dir()


def test_nothing_is_dropped_in_a_folder_of_the_users(
    package: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv(kernels.VARIABLE, str(tmp_path / "shared"))
    other = folder().with_name("0123456789abcdef")  # of another version, in use
    other.mkdir(parents=True)
    kernels.drop_stale()
    assert other.is_dir()


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


SQUARE = """
from tlsfind.kernels import kernel


@kernel
def square(x):
    return x * x
"""

CALLS = """
import sys
import numpy as np
import some_kernels

for kind in sys.argv[1:]:
    assert some_kernels.square(np.dtype(kind).type(3)) == 9
stats = some_kernels.square.stats
print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""


class Machine:
    """Processes that compile and call the kernel of one file, with the cache in one folder."""

    def __init__(self, folder: Path) -> None:
        self.cache = folder / "cache"
        self.folder = folder
        (folder / "some_kernels.py").write_text(SQUARE)

    def start(self, *kinds: str, **environment: str) -> subprocess.Popen:
        """Begin to call ``square`` with numbers of these types."""
        places = [str(self.folder), str(kernels.PACKAGE.parent)]
        known = {kernels.VARIABLE: str(self.cache), "PYTHONPATH": os.pathsep.join(places)}
        return subprocess.Popen(
            [sys.executable, "-c", CALLS, *kinds],
            env={**os.environ, **known, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def counts(self, process: subprocess.Popen) -> tuple[int, int]:
        """Signatures that a process found in the cache, and those that it compiled."""
        said, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        hits, misses = said.split()
        return int(hits), int(misses)

    def call(self, *kinds: str, **environment: str) -> tuple[int, int]:
        """:meth:`start` and :meth:`counts`."""
        return self.counts(self.start(*kinds, **environment))

    @property
    def files(self) -> list[Path]:
        """All files of the cache."""
        return sorted(path for path in self.cache.rglob("*") if path.is_file())


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_many_processes_fill_one_empty_cache(machine: Machine):
    kinds = ["float32", "float64", "int32", "int64"]
    orders = [kinds[k:] + kinds[:k] for k in range(4)]
    running = [machine.start(*order) for order in orders]
    for process in running:
        hits, misses = machine.counts(process)
        assert hits + misses == 4
    assert len(machine.files) == 4  # one for each signature, and nothing temporary
    assert machine.call(*kinds) == (4, 0)


def test_code_for_another_processor_is_not_used(machine: Machine):
    # the name stands for a machine of the cluster with other instructions
    assert machine.call("float64", NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="") == (0, 1)
    assert machine.call("float64") == (0, 1)
    assert len(machine.files) == 2
    assert machine.call("float64") == (1, 0)
    assert machine.call("float64", NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="") == (1, 0)


@pytest.mark.parametrize("damage", ["empty", "other", "cut", "flipped"])
def test_a_damaged_file_is_compiled_anew(machine: Machine, damage: str):
    machine.call("float64")
    (file,) = machine.files
    whole = file.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    files = {"empty": b"", "other": b"no code", "cut": whole[:-10], "flipped": flipped}
    file.write_bytes(files[damage])
    assert machine.call("float64") == (0, 1)
    assert machine.call("float64") == (1, 0)


def test_a_cache_that_cannot_be_written_costs_compilations_only(machine: Machine):
    machine.cache.write_text("a file in the place of the folder")
    assert machine.call("float64") == (0, 1)
    assert machine.call("float64") == (0, 1)


def test_kernels_that_are_there_are_used_where_the_package_is_read_only(
    package: Path, monkeypatch: pytest.MonkeyPatch
):
    current = folder()
    monkeypatch.setattr(kernels.os, "access", lambda *_: False)
    assert folder() != current
    current.mkdir(parents=True)
    assert folder() == current


def test_the_folder_can_be_named(package: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv(kernels.VARIABLE, str(tmp_path / "named"))
    assert folder().parent == tmp_path / "named"
    assert not (tmp_path / "named").exists()
