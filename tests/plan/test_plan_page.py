"""The numbers of docs/plan.md and docs/scale.md are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tlsfind import config as settings
from tlsfind.config import Config
from tlsfind.plan import counts, units
from tlsfind.plan import pool as minima
from tlsfind.plan.costs import Costs, Size
from tlsfind.plan.page import hours
from tlsfind.plan.paper import compare

ROOT = Path(__file__).parents[2]
PLAN = (ROOT / "docs" / "plan.md").read_text(encoding="utf-8")
SCALE = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
MIB = 2**20 / 1e6
LJ, LEPTON, EAM = (units.LAMMPS[name] for name in ("lj", "lepton", "eam"))
US, MS, NS = 1e-6, 1e-3, 1e-9

# The numbers of the column "cost", in their order: constants and the unit they are given in.
UNIT_COSTS = {
    "start of a command": [(units.START, 1)],
    "step of molecular dynamics, native": [(units.NATIVE_STEP, US)],
    "force evaluation in a quench, native": [(units.NATIVE_EVALUATION, NS)],
    "evaluations of a quench": [(units.EVALUATIONS, 1), (units.EVALUATIONS_AT, 1),
                                (units.EVALUATIONS_POWER, 1), (units.LAMMPS_EVALUATIONS, 1)],
    "swap attempt": [(units.NATIVE_SWAP, US)],
    "image of a path and iteration, native": [(units.NATIVE_IMAGE, US),
                                              (units.NATIVE_IMAGE_PARTICLE, NS)],
    "iterations of a path": [(units.PATH_ITERATIONS, 1)],
    "step in LAMMPS, Lennard-Jones": [(LJ[0][1], US)],
    "evaluation of a quench in LAMMPS, the same": [(LJ[1][1], US)],
    "image in LAMMPS, the same": [(LJ[2][0], MS), (LJ[2][1], US)],
    "built-in model in LAMMPS: step, image": [(LEPTON[0][0], MS), (LEPTON[0][1], US),
                                              (LEPTON[2][0], MS), (LEPTON[2][1], US)],
    "embedded atoms: step": [(EAM[0][1], US)],
    "features of a pair": [(units.FEATURES, US), (units.FEATURES_PARTICLE, NS),
                           (units.FEATURES_MATCHED, US)],
    "scan of a pair": [(units.SCAN, US)],
    "the same in a training": [(units.TRAIN_SCAN, US)],
    "prediction of a pair": [(units.SCREEN, US), (units.ENSEMBLE, US)],
    "training": [(units.TRAIN_START, 1), (units.TRAIN_FOLD, 1), (units.TRAIN_ROUND, MS), (1, 1),
                 (units.TRAIN_STACK, 1), (1, 1), (units.TRAIN_ROWS, 1)],
    "row of pairs, of predictions": [(units.PAIR, 1), (units.PREDICTION, 1)],
    "minimum": [(units.COORDINATES, 1)],
    "path with its profile and candidates": [
        (units.PATH, 1), (units.PATH_IMAGE, 1), (units.CANDIDATES * units.CANDIDATE_PARTICLE, 1)],
}  # fmt: skip


def load(name: str) -> Config:
    return settings.load(ROOT / "config" / f"{name.removesuffix('.yaml')}.yaml")


def rows(page: str, header: str) -> dict[str, list[str]]:
    """Rows of the table whose first line begins with ``header``: first cell, the other cells."""
    lines = page[page.index(f"\n{header}") + 1 :].split("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {first.split("`")[1] if "`" in first else first: rest for first, *rest in cells}


def numbers(text: str) -> list[float]:
    return [float(found) for found in re.findall(r"(?<![\w.])\d+(?:\.\d+)?", text)]


def benchmark(name: str) -> list[tuple[float, float, float]]:
    """Rows, seconds, and MiB at most of the runs of a stage in docs/scale.md."""
    found = re.findall(rf"^{name} +(\d+) +([\d.]+) .* (\d+)$", SCALE, re.MULTILINE)
    assert len(found) == 2
    return [(float(n), float(s), float(m)) for n, s, m in found]


def test_unit_costs_of_the_page():
    table = rows(PLAN, "| work |")
    assert set(table) == set(UNIT_COSTS)
    for label, (cost, _) in table.items():
        expected = [value / unit for value, unit in UNIT_COSTS[label]]
        assert numbers(cost) == pytest.approx(expected, rel=0.01), label


def test_minima_of_the_page():
    for name, (estimate, _) in rows(PLAN, "| | estimate per glass").items():
        assert f"{minima.pool(load(name)).minima:.0f}" == estimate, name
    text = " ".join(PLAN.split())
    for words in (
        f"as the power {minima.TIME_POWER:g} of the time",
        f"with T_f (power {minima.T_F_POWER:g}), N (power {minima.N_POWER:g})",
        f"temperature of the dynamics (power {minima.T_POWER:g})",
        f"(ranks up to {minima.ANCHOR_MINIMA:.0f} on average",
    ):
        assert words in text


def test_the_papers_formula_of_the_page():
    table = rows(PLAN, "| config | loop: paper / here")
    assert len(table) == 3
    for name, cells in table.items():
        config = load(name)
        loop, standard, _ = compare(Costs(config, minima.pool(config)), config.loop.max_iterations)
        expected = []
        for row in (loop, standard):
            expected += [f"{hours(row.paper)} / {hours(row.ours)} h", f"{row.ratio:.3g}"]
        assert cells == expected, name


@pytest.mark.parametrize(
    ("label", "name", "iterations"),
    [("demo.yaml", "demo", 3), ("kob-andersen.yaml", "kob-andersen", 2), ("test.yaml", "test", 1)],
)
def test_estimates_of_real_runs_of_the_page(label, name, iterations):
    config = load(name)
    costs = Costs(config, minima.pool(config))
    jobs = counts.after(config, iterations)
    estimate = sum(number * costs.job(rule).seconds for rule, number in jobs.items() if number)
    row = re.search(rf"^\| `{label}`.*? \| (\d+) s \| (\d+) s \| ([\d.]+) \|$", PLAN, re.MULTILINE)
    took, stated, ratio = map(float, row.groups())
    assert stated == pytest.approx(estimate, rel=0.01)
    assert ratio == pytest.approx(estimate / took, abs=0.01)


@pytest.mark.parametrize(
    ("stage", "rule"),
    [("pairs", "pair_features"), ("select 0", "select_initial"), ("train", "train"),
     ("predict", "predict"), ("assess", "assess"), ("select 1", "select_next")],
)  # fmt: skip
def test_stages_that_stream_cost_what_was_measured(stage, rule):
    """Against the two runs of benchmarks/streaming.py in docs/scale.md; 1500 paths.

    The ensembles predicted a tenth of the pairs in them; the training had one process.
    """
    config = load("paper/T0.092")
    learn = config.learn.model_copy(update={"screen_share": 0.1})
    config = config.model_copy(update={"learn": learn})
    for pairs, seconds, most in benchmark(stage):
        n = (2.0 * pairs) ** 0.5
        size = Size(n, n, pairs, 1500, frames=0, trajectories=1, blocks=0)
        job = Costs(config, minima.pool(config)).job(rule, size)
        assert 0.8 < job.seconds / seconds < 3
        memory = job.memory_mb - units.SECOND_PROCESS.get(rule, 0.0)
        assert 0.95 < memory / (most * MIB) < 1.6


def test_bytes_per_row_are_what_was_measured():
    for name, unit in (("pairs", units.PAIR), ("predictions", units.PREDICTION)):
        found = re.findall(rf"^{name}\.parquet: .* ([\d.]+) bytes per row$", SCALE, re.MULTILINE)
        assert [float(size) for size in found] == pytest.approx([unit] * 2, rel=0.1)


def test_jobs_of_the_paper_configs_in_the_page_on_scale():
    table = rows(SCALE, "| config | glasses | jobs")
    text = " ".join(SCALE.split())
    more = []
    for name, (glasses, jobs, *_) in table.items():
        config = load(name.removeprefix("config/"))
        first, second = (sum(counts.after(config, k).values()) for k in (0, 1))
        assert glasses == str(len(config.glass_names))
        assert jobs == str(first + 1), name  # and the rule `all`
        more.append(str(second - first))
        job = Costs(config, minima.pool(config)).job("explore").seconds - units.START
        trajectory = job / config.explore.trajectories_per_block
        temperature = config.glasses[0].preparation_temperature
        assert re.search(rf"{trajectory:.0f} s at (T_f = )?{temperature:g}\b", text), name
        assert f"`paths.batch` ({config.paths.batch} paths of" in text
    assert f"an iteration adds {more[0]}, {more[1]} and {more[2]}" in text
    pair = units.SCREEN + units.ENSEMBLE * config.learn.screen_share
    assert f"`learn.glasses_per_job` ({pair / US:.2g} us a pair)" in text
