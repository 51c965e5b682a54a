"""The conda environment and the container recipes install what requirements.lock says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))
RECIPES = [ROOT / "envs" / name for name in ("Dockerfile", "apptainer.def")]

# Names on conda-forge that differ from PyPI's.
CONDA_NAMES = {"matplotlib-base": "matplotlib"}

# Packages of the environment that are not in the lock for what they are.
UNLOCKED = {"python", "pip"}


def locked(python):
    """Versions of the lock for a Python version on Linux, by normalised name."""
    environment = {
        **default_environment(),
        "python_version": python,
        "python_full_version": f"{python}.0",
        "platform_machine": "x86_64",
        "sys_platform": "linux",
    }
    versions = {}
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate(environment):
            name = canonicalize_name(requirement.name)
            assert name not in versions, f"{name} twice for Python {python}"
            versions[name] = str(requirement.specifier).removeprefix("==")
    return versions


def pinned(file):
    """Versions of a conda environment by normalised PyPI name, conda's and pip's."""
    content = yaml.safe_load(file.read_text())
    versions = {}
    for entry in content["dependencies"]:
        lines = entry["pip"] if isinstance(entry, dict) else [entry]
        for line in lines:
            name, _, version = line.replace("==", "=").partition("=")
            name = canonicalize_name(CONDA_NAMES.get(name, name))
            assert name not in versions, f"{file}: {name} twice"
            versions[name] = version
    return versions


def project():
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)["project"]


def requirements():
    """What the project needs at run time, by normalised name."""
    return {canonicalize_name(Requirement(d).name) for d in project()["dependencies"]}


@pytest.mark.parametrize("file", ENVIRONMENTS, ids=lambda path: path.name)
def test_conda_environment_is_pinned_to_the_lock(file):
    versions = pinned(file)
    python = versions["python"]
    lock = locked(python)
    wrong = {
        name: (version, lock.get(name, "not in the lock"))
        for name, version in versions.items()
        if name not in UNLOCKED and version != lock.get(name)
    }
    assert wrong == {}
    assert Requirement(f"python{project()['requires-python']}").specifier.contains(f"{python}.0")


@pytest.mark.parametrize("file", ENVIRONMENTS, ids=lambda path: path.name)
def test_conda_environment_has_all_that_is_needed(file):
    """Every dependency, the boosted trees that AutoGluon asks for, and what builds the project."""
    needed = requirements() | {"lightgbm", "hatchling", "editables"}
    assert needed - set(pinned(file)) == set()
    assert "nodefaults" in yaml.safe_load(file.read_text())["channels"]


def test_lock_holds_all_that_is_needed_and_no_gpu_package():
    for python in ("3.11", "3.12", "3.13"):
        versions = locked(python)
        assert requirements() - set(versions) == set()
        assert [name for name in versions if re.search(r"nvidia|cuda|torch|triton", name)] == []
        for line in project()["dependencies"]:
            requirement = Requirement(line)
            version = versions[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version), line


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.name)
def test_recipe_copies_the_project_and_installs_by_the_script(recipe):
    text = recipe.read_text()
    assert re.search(r"^(RUN|    )\s*sh /opt/tlsfind/envs/container.sh$", text, re.MULTILINE)
    assert re.search(r"^(FROM|From:) debian:12-slim$", text, re.MULTILINE)
    needed = ["pyproject.toml", "requirements.lock", "README.md", "LICENSE", "Snakefile"]
    needed += ["src", "rules", "workflow", "config", "envs"]
    for name in needed:
        assert (ROOT / name).exists()
        assert re.search(
            rf"(^COPY .*|^    )\b{re.escape(name)}\b.* /opt/tlsfind", text, re.MULTILINE
        )


def test_script_installs_the_lock_and_then_the_project_alone():
    """The same two steps as `make install`."""
    script = (ROOT / "envs" / "container.sh").read_text()
    steps = re.findall(r"pip install (.*)", script)
    assert steps[0].split() == ["--no-cache-dir", "--requirement", "/opt/tlsfind/requirements.lock"]
    assert {"--no-deps", "--no-build-isolation", "/opt/tlsfind"} <= set(steps[1].split())
    made = re.findall(r"pip install --quiet (.*)", (ROOT / "Makefile").read_text())
    assert made[0] == "--requirement requirements.lock"
    assert {"--no-deps", "--no-build-isolation"} <= set(made[1].split())


def test_no_recipe_names_a_host():
    for file in [*ENVIRONMENTS, *RECIPES, ROOT / "envs" / "container.sh", ROOT / "Makefile"]:
        assert "://" not in file.read_text(), file
