"""The page on the agreement of both engines: that it says what was measured."""

import numpy as np
import pandas as pd
import pytest

from tlsfind import config as configuration
from tlsfind.configuration import Configuration
from tlsfind.engine.native.engine import NativeEngine
from tlsfind.errors import ConfigError
from tlsfind.prepare.start import box_edge, draw_diameters, lattice_start
from tlsfind.validate import agreement, page
from tlsfind.validate.agreement import Agreement, Sizes, tight, with_paths
from tlsfind.validate.sample import Stored


@pytest.fixture(scope="module")
def config():
    return configuration.parse(
        {
            "run": {"name": "tiny", "output": "results", "seed": 4},
            "model": {"n_particles": 200},
            "glasses": [{"preparation_temperature": 0.09}],
            "prepare": {"blocks": 20},
            "explore": {"trajectories": 1, "steps": 10, "quench_every": 5},
        }
    )


@pytest.fixture(scope="module")
def measured(config):
    """Energies, forces, trajectories and quenches of one minimum."""
    rng = np.random.default_rng(3)
    diameters, box = draw_diameters(config.model, rng), box_edge(config.model)
    start = lattice_start(config.model, rng) + rng.normal(0.0, 0.2, (200, 3))
    quench = NativeEngine(diameters, box).quench(start, 1e-6)
    particles = Configuration(quench.positions, diameters, box)
    stored = Stored("T0.09-0000", 0, particles, quench.energy, quench.max_force, (3, 0, 0))
    return agreement._engines(config, [stored], seed=0)


def test_engines_agree(measured):
    static, trajectories, quenches = measured
    assert static["energy_minimum"].item() < 1e-13
    assert static["energy_displaced"].item() < 1e-13
    assert static["force_displaced"].item() < 1e-11
    assert static["largest_displaced"].item() > 1e3 * static["largest_minimum"].item()
    assert trajectories["steps"].tolist() == [1, 10, 100]
    assert trajectories["position"].max() < 1e-9
    assert trajectories["position"].iloc[0] < 1e-13
    assert quenches["same"].all()
    assert quenches["distance"].item() < 1e-4


def rows(**changes):
    """Two solved pairs, the second of which may differ."""
    one = {
        "glass": "T0.09-0000", "minimum_a": 1, "minimum_b": 2, "tls": True,
        "native_status": "double_well", "native_message": "", "native_barrier": 0.1,
        "native_splitting": 1e-3, "native_force": 0.003, "native_change": 0.01,
        "native_iterations": 300, "native_seconds": 0.3, "lammps_status": "double_well",
        "lammps_message": "", "lammps_barrier": 0.1, "lammps_splitting": 1e-3,
        "lammps_force": 0.003, "lammps_change": 0.01, "lammps_iterations": 310,
        "lammps_seconds": 9.0, "barrier_difference": 1e-9, "splitting_difference": 1e-6,
        "within": True,
    }  # fmt: skip
    return pd.DataFrame([one, {**one, "minimum_b": 3, "tls": False, **changes}])


def whole(measured, string, tighter):
    empty = string.iloc[:0]
    return Agreement(*measured, string, empty, tighter, empty, {})


def test_the_page_says_that_all_agree(config, measured):
    text = page.page(config, whole(measured, rows(), rows().iloc[:0]), Sizes(2, 0, 20, 1), "- head")
    assert "All are within the tolerances, with the same verdict." in text
    assert "1 of 1 displaced configurations end in the same minimum" in text
    assert "neb`" not in text.split("## Paths")[1]
    assert "| E_qs, string solver on both | 2 | 0.0001 % | 2 % | 0 |" in text
    for line in text.splitlines():
        assert not line.startswith("|") or line.endswith("|")


@pytest.mark.parametrize(
    ("after", "sentence"),
    [
        (0.004, "not a difference of the models."),
        (0.04, "than the difference in 1 of 1: there the distance between images explains it."),
        (0.4, "in 0 of 1: there the distance between images explains it. 1 remain unexplained."),
    ],
)
def test_the_page_explains_differences_by_what_was_measured(config, measured, after, sentence):
    found = rows(lammps_splitting=1.05e-3, splitting_difference=0.05, within=False)
    tighter = rows(splitting_difference=after, within=after < 0.02).iloc[1:]
    tighter = tighter.assign(finer_barrier=0.1001, finer_splitting=1.1e-3)
    text = page.page(config, whole(measured, found, tighter), Sizes(2, 0, 20, 1), "- head")
    assert "1 of them are outside the tolerances" in text
    assert f"the largest goes from 5 % to {100 * after:.2g} %" in text
    assert sentence in text


def test_the_page_tells_failures_and_rims(config, measured):
    static, trajectories, quenches = measured
    other = quenches.assign(same=False, rim=True, distance=1.0)
    quenches = pd.concat([quenches, other], ignore_index=True)
    failed = rows(
        lammps_status="failed", lammps_message="LAMMPS died", splitting_difference=np.nan,
        barrier_difference=np.nan, lammps_barrier=np.nan, within=False,
    )  # fmt: skip
    text = page.page(
        config, whole((static, trajectories, quenches), failed, failed.iloc[:0]),
        Sizes(2, 0, 20, 1), "- head",
    )  # fmt: skip
    assert "Of the other 1, 1 start at the rim of two basins" in text
    assert "1 failed, e.g. with: LAMMPS died." in text
    assert "| 2 | 1 differ | the same | 1 |" in text


def test_only_the_native_engine_has_such_a_page(config, tmp_path):
    engine = config.engine.model_copy(update={"name": "lammps"})
    with pytest.raises(ConfigError, match="expected native"):
        agreement.measure(
            config.model_copy(update={"engine": engine}), tmp_path, Sizes(1, 0, 20, 1), 0
        )


def test_tighter_settings(config):
    closer = with_paths(config, **tight(config.paths)).paths
    assert closer.force_tolerance == pytest.approx(0.1 * config.paths.force_tolerance)
    assert closer.splitting_tolerance == pytest.approx(0.1 * config.paths.splitting_tolerance)
    assert closer.solver == "string"
