"""Glasses of the user's own trajectories in the workflow, as far as the landscapes."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from frame_files import write_dump
from tlsfind import config, tables
from tlsfind.configuration import Configuration
from tlsfind.engine import make_engine
from tlsfind.interop.native import load_minima
from tlsfind.prepare.start import box_edge, draw_diameters, lattice_start
from workflow_runs import planned_jobs, snakemake

MODEL = {"n_particles": 200}
OWN = {"preparation_temperature": 0.12, "frames": ["runs/dump.*"]}
MADE = {"preparation_temperature": 0.12, "count": 2}


def write_config(folder, glasses, **sections):
    content = {
        "run": {"name": "own", "output": "results/own"},
        "model": MODEL,
        "glasses": glasses,
        **sections,
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working directory with two trajectories that go between three minima."""
    path = tmp_path_factory.mktemp("own")
    settings = config.load(write_config(path, [OWN]))
    rng = np.random.default_rng(4)
    diameters, box = draw_diameters(settings.model, rng), box_edge(settings.model)
    start = lattice_start(settings.model, rng)
    engine = make_engine(Configuration(start, diameters, box), settings)
    minima = [engine.quench(start + rng.normal(0, 0.1, start.shape)).positions for _ in range(3)]
    for name, order in (("dump.2", [0, 1, 1]), ("dump.10", [2, 0])):
        frames = [
            (100 * step, minima[k] + rng.normal(0, 1e-3, start.shape))
            for step, k in enumerate(order)
        ]
        write_dump(path / "runs" / name, frames, box, {"diameter": diameters}, "x y z ix iy iz")
    return path


def test_own_trajectories_need_no_exploration(folder):
    """Nothing is prepared or explored; a new file is imported, with what follows."""
    target = ["landscapes", "--configfile", write_config(folder, [OWN])]
    plan = snakemake(folder, "-n", *target)
    assert planned_jobs(plan.stdout) == {"import_frames": 1, "landscape": 1, "landscapes": 1}
    done = snakemake(folder, *target, "--cores", 1)
    assert done.returncode == 0, done.stdout[-4000:]
    results = folder / "results" / "own"
    visits = tables.read(results / "landscape" / "T0.12-0000" / "visits.parquet")
    assert visits["trajectory"].tolist() == [0, 0, 0, 1, 1]
    assert visits["step"].tolist() == [0, 100, 200, 0, 100]
    assert visits["minimum"].tolist() == [0, 1, 1, 2, 0]
    assert len(load_minima(results / "landscape" / "T0.12-0000" / "minima.npz")) == 3
    assert (results / "logs" / "import" / "T0.12-0000.log").stat().st_size > 0
    assert "Nothing to be done" in snakemake(folder, "-n", *target).stdout
    more = folder / "runs" / "dump.11"
    more.write_bytes((folder / "runs" / "dump.10").read_bytes())
    plan = snakemake(folder, "-n", *target)
    more.unlink()
    assert planned_jobs(plan.stdout) == {"import_frames": 1, "landscape": 1, "landscapes": 1}


def test_own_and_made_glasses_in_one_run(folder, tmp_path):
    stages = {
        "prepare": {"blocks": 20},
        "explore": {"trajectories": 12, "steps": 10, "quench_every": 5},
    }
    for glasses, jobs in (
        ([MADE, {**OWN, "frames": [str(folder / "runs" / "*")]}], {"import_frames": 1}),
        ([MADE], {}),
    ):
        path = write_config(tmp_path, glasses, **stages)
        plan = snakemake(tmp_path, "-n", "landscapes", "--configfile", path)
        assert plan.returncode == 0, plan.stdout
        count = 2 + len(jobs)
        made = {"prepare": 2, "explore": 6, "landscape": count, "landscapes": 1}
        assert planned_jobs(plan.stdout) == {**made, **jobs}


def test_missing_frames_are_one_message(tmp_path):
    run = snakemake(tmp_path, "-n", "--configfile", write_config(tmp_path, [OWN]))
    assert run.returncode == 1
    assert "frames of glass T0.12-0000: no file matches 'runs/dump.*'" in run.stdout
    assert "Traceback" not in run.stdout
    assert len(run.stdout.splitlines()) < 12
