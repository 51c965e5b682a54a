"""The benchmarks run; their numbers are of machines and stand in docs/."""

import json
import math
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import barriers, page, part, registry, table, timing  # noqa: E402
from benchmarks.peers import minimisers, neb, plain  # noqa: E402
from benchmarks.peers.springs import Band  # noqa: E402
from benchmarks.run import main  # noqa: E402

from synthetic_run import make_config, make_run  # noqa: E402
from tlsfind import tables  # noqa: E402
from tlsfind.config import Learn, Loop, dump  # noqa: E402
from tlsfind.errors import InputError  # noqa: E402

#: Keys that others rely on.
NAMED = (
    "force.microseconds",
    "force.ratio_lepton",
    "quench.seconds",
    "path.seconds",
    "path.ratio_lammps_neb",
    "swap.microseconds",
    "features.microseconds_per_pair",
    "screen.microseconds_per_pair",
    "end_to_end.tls_per_core_hour",
)
#: What is not measured at the smallest sizes.
NOT_QUICK = ("path.seconds_double_well", "pool.predict_microseconds_per_row")
#: What may be 0 or unknown at the smallest sizes.
MAY_BE_ZERO = (
    "recognition.", "machine.load", "setup_seconds", "cascade.", "end_to_end.standard",
    "ratio_standard",
)  # fmt: skip


def write_records(root: Path) -> None:
    """Records of jobs of some rules, a minute each."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for stage, item in (("prepare", "a"), ("explore", "a"), ("paths", "0"), ("train", "0")):
        record = {
            "stage": stage, "item": item, "status": "done", "host": "here", "pid": 1,
            "slurm_job": "", "started": now, "updated": now, "wall_seconds": 60.0,
            "cpu_seconds": 60.0, "max_rss_mb": 1.0, "done": 1, "total": 1, "version": "0",
            "config_hash": "", "seed": 1, "message": "",
        }  # fmt: skip
        file = root / "jobs" / stage / f"{item}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(record))
    (root / "starts.jsonl").write_text(json.dumps({"started": now}) + "\n")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A made-up run with trained models and records of jobs."""
    from tlsfind.learn.stage import train

    root = tmp_path_factory.mktemp("run")
    config = make_config(root, {0.07: 2})
    learn = Learn(rounds=10, trees=10, folds=2, screen_rounds=10, pool_sample=1000)
    loop = Loop(**{**config.loop.model_dump(), "standard_transitions": 4})
    config = config.model_copy(update={"learn": learn, "loop": loop})
    make_run(config)
    (root / "config.yaml").write_text(dump(config))
    pairs = sorted((root / "pairs").glob("*.parquet"))
    last = root / "loop" / "02"
    train(config, 2, last / "paths.parquet", pairs, last / "model")
    write_records(root)
    return root


@pytest.fixture(scope="module")
def measured(run, tmp_path_factory) -> tuple[dict, str]:
    """Every part at its smallest: the JSON and the page."""
    folder = tmp_path_factory.mktemp("bench")
    output, written = folder / "bench.json", folder / "performance.md"
    options = ["--quick", "--output", output, "--page", written, "--run", run]
    assert main([*map(str, options), "--cache", str(folder / "cache")]) == 0
    return json.loads(output.read_text()), written.read_text()


def leaves(content, name=""):
    """Every number with its dotted key."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from leaves(value, f"{name}.{key}" if name else key)
    elif isinstance(content, list):
        for value in content:
            yield from leaves(value, name)
    elif not isinstance(content, str | bool):
        yield name, content


def test_every_number_is_positive_and_finite(measured):
    result, _ = measured
    assert set(result["part_seconds"]) == set(registry.NAMES)
    del result["part_seconds"]
    for name, value in leaves(result):
        if not any(part in name for part in MAY_BE_ZERO):
            assert value is not None, name
            assert math.isfinite(value), name
            assert value > 0, name


@pytest.mark.parametrize("key", NAMED)
def test_the_named_keys_are_there(measured, key):
    assert part.look_up(measured[0], key) > 0


def test_every_comparison_and_growth_is_measured(measured):
    result, _ = measured
    for one in registry.every():
        for line in one.comparisons:
            if line.ours not in NOT_QUICK:
                assert part.look_up(result, line.ours) is not None, line
            if line.theirs:
                assert part.look_up(result, line.theirs) is not None, line
        for growth in one.growths:
            assert part.look_up(result, growth.key), growth
    assert {target.key for target in page.TARGETS} >= {"force.ratio_lepton", "quench.seconds"}
    for target in page.TARGETS:
        assert part.look_up(result, target.key) > 0, target


def test_native_and_lammps_quench_alike(measured):
    """On configurations of one trajectory both engines find the same minimum."""
    assert measured[0]["quench"]["lepton_classes"]["same_minimum"] == "1 of 1"


def test_page_of_a_measurement_says_that_it_is_a_test(measured):
    _, written = measured
    assert "the numbers mean nothing" in written
    for one in registry.every():
        assert f"## {one.title}" in written


def synthetic() -> dict:
    """A JSON with the number 2 wherever a part or a target names a key."""
    result: dict = {
        "machine": {"processor": "p", "cores": 2, "system": "s", "load": 0.1, "commit": "abc",
                    "date": "2026-01-01", "versions": {"tlsfind": "1"}},
        "settings": {"seconds": 600.0, "run": "results/demo", "quick": False},
    }  # fmt: skip

    def put(key: str) -> None:
        here = result
        *folders, last = key.split(".")
        for name in folders:
            here = here.setdefault(name, {})
        here.setdefault(last, 2.0)

    for one in registry.every():
        for line in one.comparisons:
            for key in filter(None, (line.ours, line.theirs, line.ratio)):
                put(key)
        for growth in one.growths:
            for column in growth.columns.values():
                put(f"{growth.key}.500.{column}")
    for target in page.TARGETS:
        put(target.key)
    result["force"] |= {"spread": [1.0, 3.0], "rounds": 7}
    return result


def test_page_of_a_synthetic_json():
    result = synthetic()
    for key in NAMED:
        assert part.look_up(result, key) == 2.0
    result["quench"]["seconds"] = 0.05
    written = page.render(result)
    assert "| quench of an MD configuration | 0.1 s | 0.04 s | 0.05 s | reach |" in written
    assert (
        "| force evaluation against LAMMPS, one configuration | 25 x | 60 x | 2 x | no |" in written
    )
    assert "| force evaluation, tlsfind | 2 us | 1 | 3 | 7 |" in written
    assert "against before" not in written
    former = {**result, "quench": {**result["quench"], "seconds": 0.1}}
    before = page.render(result, former)
    line = next(line for line in before.splitlines() if line.startswith("| quench | 0.05 s"))
    assert line.endswith("| 2 |")  # twice as fast


def test_page_of_a_part_only():
    result = synthetic()
    only = {name: result[name] for name in ("machine", "settings", "swap")}
    written = page.render(only)
    assert "## Swap attempts" in written
    assert "## Quench" not in written
    assert "not measured" in written


def test_rates_improve_upwards_and_costs_downwards():
    rate = part.Comparison("", "/s", "a")
    cost = part.Comparison("", "us", "a")
    assert table.better(rate, 20.0, 10.0) == 2.0
    assert table.better(cost, 5.0, 10.0) == 2.0


def test_unknown_part_is_a_clear_error(capsys):
    assert main(["--only", "force,quenching"]) == 2
    said = capsys.readouterr().err
    assert "no part quenching" in said
    assert "quench," in said


def test_a_part_that_fails_is_named_and_the_others_are_kept(tmp_path, capsys):
    output = tmp_path / "bench.json"
    options = ["--quick", "--only", "schroedinger,end_to_end", "--output", str(output)]
    assert main([*options, "--run", str(tmp_path / "nowhere")]) == 1
    result = json.loads(output.read_text())
    assert result["schroedinger"]["ratio_arpack"] > 0
    assert "no finished run" in result["failed"]["end_to_end"]
    assert "part end_to_end failed" in capsys.readouterr().err


def test_two_parts_may_not_give_one_number():
    found = {"a": {"b": 1}}
    part.merge(found, {"a": {"c": 2}})
    assert found == {"a": {"b": 1, "c": 2}}
    with pytest.raises(ValueError, match="two parts"):
        part.merge(found, {"a": {"b": 3}})
    with pytest.raises(InputError, match="no part x"):
        registry.selected("x")


def test_ratio_is_taken_within_rounds():
    ours, theirs = (
        timing.Times(np.array([1.0, 10.0, 2.0])),
        timing.Times(np.array([3.0, 30.0, 6.0])),
    )
    assert ours.over(theirs) == 3.0
    assert ours.numbers("milliseconds")["milliseconds"] == 2000.0
    calls = []
    found = timing.in_turn(
        {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 2, 4, 0
    )
    assert calls == ["a", "b"] * 3
    assert found["a"].rounds.shape == (2,)


def test_settled_is_the_first_of_those_that_stay():
    assert barriers.settled(np.array([2.0, 1.001, 1.5, 1.002, 1.0]), 1.0) == 3
    assert barriers.settled(np.array([1.0, 1.0]), 1.0) == 0
    assert barriers.settled(np.array([1.0, 1.5]), 1.0) is None
    x = np.linspace(0.0, 1.0, 21)
    assert barriers.barrier(x, 16.0 * (x * (1 - x)) ** 2 - 0.1 * x) == pytest.approx(1.05, abs=0.01)


class Muller:
    """An engine of one particle on a double well with a curved valley."""

    def path_energy_forces(self, images):
        x, y, z = images[:, 0, 0], images[:, 0, 1], images[:, 0, 2]
        off = y - 0.5 * (1.0 - x**2)
        energies = (x**2 - 1.0) ** 2 + 5.0 * off**2 + z**2
        gx = 4.0 * x * (x**2 - 1.0) + 10.0 * off * x
        forces = -np.stack([gx, 10.0 * off, 2.0 * z], axis=-1)[:, None]
        return energies, forces

    def energy_forces(self, positions):
        energies, forces = self.path_energy_forces(positions[None])
        return energies[0], forces[0]


def test_springs_find_the_known_saddle():
    a, b = np.array([[-1.0, 0.0, 0.0]]), np.array([[1.0, 0.0, 0.0]])
    weights = np.linspace(0.0, 1.0, 21)[:, None, None]
    band = Band(Muller(), (1.0 - weights) * a + weights * b)
    for _ in range(3000):
        band.step()
    assert band.force < 1e-4
    top = barriers.barrier(band.positions(), band.energies)
    assert top == pytest.approx(1.0, abs=1e-3)
    assert band.images[10, 0] == pytest.approx([0.0, 0.5, 0.0], abs=1e-3)


@pytest.mark.parametrize("name", minimisers.WAYS)
def test_minimisers_reach_the_tolerance(name):
    found = minimisers.descend(name, Muller(), np.array([[0.6, 0.4, 0.2]]), 1e-6)
    assert found.converged
    assert found.energy == pytest.approx(0.0, abs=1e-10)
    assert 3 < found.evaluations < 2000


def test_plain_swap_keeps_the_energy_balance():
    """The energy of a particle in NumPy is what the native engine adds up to."""
    from tlsfind.engine.native.engine import NativeEngine

    rng = np.random.default_rng(0)
    sites = np.stack(np.meshgrid(*[np.arange(6.0)] * 3), axis=-1).reshape(-1, 3)
    places = sites + 0.05 * rng.normal(size=sites.shape)
    diameters = rng.uniform(0.8, 1.2, len(places))
    total = NativeEngine(diameters, 6.0).energy(places)
    parts = [plain.particle_energy(i, places, diameters, 6.0) for i in range(len(places))]
    assert sum(parts) / 2.0 == pytest.approx(total, rel=1e-10)
    kept = sorted(diameters)
    accepted = sum(plain.swap_attempt(places, diameters, 6.0, 0.5, 0.3, rng) for _ in range(50))
    assert 0 < accepted < 50
    assert sorted(diameters) == kept


def test_neb_log_is_read_up_to_the_climbing():
    log = "\n".join(
        ["0 9 9 0 0 0 1 1 2 0 5.0 0.5 6.0 1 5.5", "10 1 1 0 0 0 1 1 2 0 5.0 0.4 5.8 1 5.5",
         "Climbing replica = 2", "10 1 1 0 0 0 1 1 2 0 5.0 0.4 7.7 1 5.5"]
    )  # fmt: skip
    steps, positions, energies = neb.read_log(log)
    assert steps.tolist() == [0, 10]
    assert positions[1].tolist() == [0.0, 0.4, 1.0]
    assert energies[:, 1].tolist() == [6.0, 5.8]
    assert neb.speak_every("a\nneb 0.0 1e-12 40 0 40 each x\n", 10).splitlines()[1] == (
        "neb 0.0 1e-12 40 0 10 each x"
    )
    with pytest.raises(ValueError, match="expected one"):
        neb.speak_every("run 0", 10)


def test_streaming_benchmark_measures_the_stages(tmp_path):
    command = [sys.executable, ROOT / "benchmarks" / "streaming.py", "--folder", tmp_path]
    command += ["--minima", "60", "--particles", "200", "--rows-limit", "500"]
    command += ["--stages", "generate", "landscape", "pairs", "select 0"]
    done = subprocess.run(map(str, command), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    head, *lines, sizes = done.stdout.splitlines()
    assert head.split()[0] == "stage"
    rows = [int(line[10:].split()[0]) for line in lines]
    assert rows == [60, 60, 500, 500]
    assert all(float(line.split()[-1]) > 50 for line in lines)  # MiB of a process with NumPy
    assert sizes.startswith("pairs.parquet")
    assert len(tables.read(tmp_path / "landscape" / "minima.parquet")) == 60
    chosen = tables.read_many(sorted((tmp_path / "selection").glob("*.parquet")))
    assert len(chosen) == 500
