"""The check of a run by LAMMPS: what is right passes, what was spoiled is found."""

import os
import signal

import numpy as np
import pandas as pd
import pytest

from tlsfind import config as configuration
from tlsfind import tables
from tlsfind.cli import main
from tlsfind.configuration import Configuration
from tlsfind.engine.lammps.instance import LammpsFailure
from tlsfind.engine.native.engine import NativeEngine
from tlsfind.interop.native import Minima, save_minima
from tlsfind.paths.stage import result_row
from tlsfind.paths.worker import Worker, WorkerDied, solve_pair
from tlsfind.prepare.start import box_edge, draw_diameters, lattice_start
from tlsfind.validate import RIM
from tlsfind.validate.checks import (
    compare_quenches,
    minimum_checks,
    path_checks,
    thermal,
)
from tlsfind.validate.sample import draw_minima, draw_pairs, spread
from tlsfind.validate.stage import check_stored, engines, validate

GLASS = "T0.09-0000"
R = 2.0 ** (1.0 / 6.0)
FOUR = {
    "units": "lj",
    "species": {name: {"share": 0.25} for name in "ABCD"},
    "commands": "pair_style lj/cut 3.0\npair_coeff * * 1.0 1.0",
}


def make_config(root, lammps=None, **validation):
    """A run of one glass; a model given as LAMMPS commands, or the built-in one."""
    content = {
        "run": {"name": "tiny", "output": str(root), "seed": 4},
        "model": {"n_particles": 200, **({"lammps": lammps} if lammps else {})},
        "glasses": [{"preparation_temperature": 0.09}],
        "prepare": {"blocks": 20},
        "explore": {"trajectories": 1, "steps": 20, "quench_every": 20},
        "paths": {"images": 11, "force_tolerance": 0.01, "grid": 301, "time_step": 0.02},
        "units": {"light": {"sigma": 3.4, "mass": 40, "epsilon": 667, "threshold_temperature": 9}},
        "validation": {"minima": 2, "double_wells": 1, "tls": 1, **validation},
    }
    return configuration.parse(content)


def write_run(config, particles, energies, forces, positions, wells=()):
    """Landscape and library of a run of one glass."""
    root = config.run.output
    count = len(positions)
    folder = root / "landscape" / GLASS
    save_minima(
        folder / "minima.npz",
        Minima(
            np.array(positions), np.array(energies), np.array(forces),
            np.arange(count, dtype=np.int32), particles.diameters, particles.box, GLASS,
            types=particles.types,
        ),
    )  # fmt: skip
    rows = [
        {"glass": GLASS, "minimum": k, "energy": energies[k], "max_force": forces[k]}
        for k in range(count)
    ]
    tables.write(rows, folder / "minima.parquet", tables.schema("minima"))
    columns = tables.library_columns(3, config.unit_systems)
    tables.write(
        list(wells), root / "library" / "double_wells.parquet", tables.schema("library", columns)
    )
    return config


@pytest.fixture(scope="module")
def minima():
    """Two minima of 200 soft spheres: particles, energies, largest forces, positions."""
    rng = np.random.default_rng(3)
    model = configuration.Model(n_particles=200)
    diameters, box = draw_diameters(model, rng), box_edge(model)
    engine = NativeEngine(diameters, box)
    found = []
    for noise in (0.2, 0.25):
        start = lattice_start(model, rng) + rng.normal(0.0, noise, (200, 3))
        found.append(engine.quench(start, 1e-6))
    particles = Configuration(found[0].positions, diameters, box)
    return (
        particles,
        [q.energy for q in found],
        [q.max_force for q in found],
        [q.positions for q in found],
    )


@pytest.fixture
def native(minima, tmp_path):
    """A run of the native engine without double wells."""
    return write_run(make_config(tmp_path / "run"), *minima)


def trimer(shift):
    """A dimer at its distance, a third particle left or right of its axis, one far away."""
    return np.array(
        [[4.0, 5.0, 5.0], [4.0 + R, 5.0, 5.0], [4.0 + R / 2, 5.0 + shift, 5.0], [0.5, 0.5, 0.5]]
    )


@pytest.fixture(scope="module")
def swing():
    """A double well of a LAMMPS model: particles, config, the solved path."""
    height = np.sqrt(3.0) / 2.0 * R
    left, right = trimer(-height), trimer(height)
    particles = Configuration(left, np.ones(4), 10.0, "trimer", np.array([1, 2, 3, 4]))
    config = make_config("nowhere", FOUR)
    result = solve_pair(config, particles, left, right)
    assert result.status == "double_well"
    return particles, [left, right], result


@pytest.fixture
def foreign(swing, tmp_path):
    """A run of LAMMPS with one double well."""
    particles, positions, result = swing
    config = make_config(tmp_path / "run", FOUR, minima=1)
    engine, _ = engines(config, particles)
    solved = [engine.energy_forces(p) for p in positions]
    well = {
        "glass": GLASS, "minimum_a": 0, "minimum_b": 1, "iteration": 0, "seconds": 1.0,
        **result_row(result, list(config.unit_systems)),
    }  # fmt: skip
    energies = [energy for energy, _ in solved]
    forces = [float(np.abs(force).max()) for _, force in solved]
    return write_run(config, particles, energies, forces, positions, [well])


def checked(config):
    output = config.run.output / "validation.parquet"
    validate(config, config.run.output, output)
    return tables.read(output, tables.schema("validation").names)


def test_the_native_engine_agrees(native):
    table = checked(native)
    assert sorted(table["what"].unique()) == ["displaced_force", "energy", "force", "quench"]
    assert table.groupby("what").size().tolist() == [2] * 4
    assert table["within"].all(), table[["what", "difference", "message"]]
    by = table.groupby("what")["difference"].max()
    assert by["energy"] < 1e-12
    assert 0 < by["displaced_force"] < 1e-10
    largest = table.loc[table["what"] == "displaced_force", "value"]
    assert largest.min() > 1.0, "forces of a displaced configuration are not small"
    assert table["minimum_b"].isna().all()
    stamp = tables.metadata(native.run.output / "validation.parquet")
    assert stamp["config_hash"] == native.hash


class Stronger:
    """An engine whose forces are too large by a factor."""

    def __init__(self, engine, factor):
        self.engine, self.factor = engine, factor

    def __getattr__(self, name):
        return getattr(self.engine, name)

    def energy_forces(self, positions):
        energy, forces = self.engine.energy_forces(positions)
        return energy, self.factor * forces


def test_a_wrong_kernel_is_found(native):
    """Forces wrong by 1e-7 show where forces are large, and only there."""
    stored = draw_minima(native, native.run.output, 1)[0]
    right, reference = engines(native, stored.configuration)
    checks = minimum_checks(native, stored, Stronger(right, 1.0 + 1e-7), reference)
    outside = [check for check in checks if not check.within]
    assert [check.what for check in outside] == ["displaced_force"]
    assert outside[0].difference > 1e-8


def test_a_wrong_energy_is_found(minima, tmp_path):
    particles, energies, *rest = minima
    wrong = [energies[0] + 200 * 1e-6, energies[1]]
    config = write_run(make_config(tmp_path / "run"), particles, wrong, *rest)
    table = checked(config)
    outside = table[~table["within"]]
    assert outside[["what", "minimum_a"]].to_numpy().tolist() == [["energy", 0]]
    assert outside["difference"].item() == pytest.approx(1e-6, rel=1e-3)


def test_a_shifted_particle_is_found(minima, tmp_path):
    particles, energies, forces, positions = minima
    moved = [positions[0], positions[1].copy()]
    moved[1][17, 2] += 1e-3
    config = write_run(make_config(tmp_path / "run"), particles, energies, forces, moved)
    table = checked(config)
    found = table[~table["within"]]
    assert set(found["minimum_a"]) == {1}
    assert {"energy", "force"} <= set(found["what"])


def test_a_run_of_lammps_is_reproduced(foreign):
    table = checked(foreign)
    assert table["within"].all(), table[["what", "difference", "message"]]
    paths = table[table["minimum_b"].notna()]
    assert paths["what"].tolist() == ["verdict", "barrier", "quantum_splitting"]
    assert paths["difference"].max() < 1e-6


def test_a_wrong_barrier_is_found(foreign):
    file = foreign.run.output / "library" / "double_wells.parquet"
    wells = tables.read(file)
    schema = tables.schema("library", tables.library_columns(3, foreign.unit_systems))
    tables.write(wells.assign(barrier=wells["barrier"] + 1e-3), file, schema)
    table = checked(foreign)
    outside = table[~table["within"]]
    assert outside["what"].tolist() == ["barrier"]
    assert outside["difference"].item() == pytest.approx(1e-3, rel=1e-3)


class Broken:
    """A LAMMPS that fails at every call."""

    def __getattr__(self, name):
        def fail(*arguments, **options):
            raise LammpsFailure("ERROR: Lost atoms: original 200 current 199")

        return fail


def test_a_failing_lammps_gives_rows(native):
    stored = draw_minima(native, native.run.output, 1)[0]
    engine = NativeEngine(stored.configuration.diameters, stored.configuration.box)
    checks = minimum_checks(native, stored, engine, Broken())
    assert len(checks) == 4
    assert not any(check.within for check in checks)
    assert all("Lost atoms: original 200" in check.message for check in checks)
    assert all(check.difference is None for check in checks)


def die(config, stored):
    """A task of the worker that kills it, where the minimum has an even identifier."""
    if stored.minimum % 2 == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return check_stored(config, stored)


def test_a_dying_lammps_takes_only_its_minimum(native, monkeypatch):
    monkeypatch.setattr("tlsfind.validate.stage.check_stored", die)
    table = checked(native)
    assert set(table.loc[~table["within"], "minimum_a"]) == {0}
    assert table.loc[~table["within"], "message"].str.contains("died .killed by SIGKILL").all()
    assert table.loc[table["minimum_a"] == 1, "within"].all()


def test_the_worker_says_that_it_died(native):
    stored = draw_minima(native, native.run.output, 2)
    with Worker(native, die) as worker, pytest.raises(WorkerDied, match="SIGKILL"):
        worker.call(next(s for s in stored if s.minimum == 0))


def test_a_failed_path_is_outside(swing, foreign):
    from tlsfind.paths.solver import failed_result

    row = draw_pairs(foreign, foreign.run.output, 1, 1).iloc[0]
    checks = path_checks(foreign, row, failed_result(foreign.unit_systems, "LAMMPS died"), 1.0)
    assert [check.within for check in checks] == [False] * 3
    assert checks[0].message == "double_well here, failed by the reference: LAMMPS died"
    good = path_checks(foreign, row, swing[2], 1.0)
    assert all(check.within for check in good)


class Elsewhere:
    """An engine whose quenches, unless they begin at a minimum, end at one given minimum."""

    def __init__(self, engine, minima, end):
        self.engine, self.minima, self.end = engine, minima, end

    def quench(self, positions, *arguments):
        for known in self.minima:
            if np.abs(positions - known).max() < 1e-3:
                return self.engine.quench(positions, *arguments)
        return self.engine.quench(self.end, *arguments)


def test_a_start_at_the_rim_is_told_from_an_error(native, minima):
    particles, _, _, positions = minima
    engine = NativeEngine(particles.diameters, particles.box)
    stored = next(s for s in draw_minima(native, native.run.output, 2) if s.minimum == 0)
    start = thermal(native, engine, stored, 20)
    same = compare_quenches(native, engine, engine, start, stored)
    assert same.same
    assert not same.rim
    assert same.distance == 0.0
    other = Elsewhere(engine, positions, positions[1])
    rim = compare_quenches(native, engine, other, start, stored)
    assert not rim.same
    assert rim.rim
    wrong = Elsewhere(engine, [], positions[1])
    found = compare_quenches(native, engine, wrong, start, stored)
    assert not found.same
    assert not found.rim
    said = minimum_checks(native, stored, engine, Both(engine, other))[-1]
    assert not said.within
    assert said.message == RIM


class Both:
    """Forces of one engine, quenches of another."""

    def __init__(self, forces, quenches):
        self.energy, self.energy_forces = forces.energy, forces.energy_forces
        self.quench = quenches.quench


def test_missing_lammps_is_a_clear_error(native, capsys, tmp_path):
    text = configuration.dump(
        native.model_copy(
            update={"engine": native.engine.model_copy(update={"python": tmp_path / "none"})}
        )
    )
    file = tmp_path / "config.yaml"
    file.write_text(text)
    output = tmp_path / "validation.parquet"
    arguments = ["validate", native.run.output, "--config", file, "--output", output]
    assert main([str(argument) for argument in arguments]) == 2
    message = capsys.readouterr().err
    assert "validation.enabled: false" in message
    assert "engine.python" in message
    assert not output.exists()


def test_the_sample_is_spread_over_the_glasses():
    sizes = {"a": 100, "b": 1, "c": 0, "d": 100}
    drawn = spread(sizes, 10, np.random.default_rng(1))
    counts = {name: len(rows) for name, rows in drawn.items()}
    assert counts["b"] == 1
    assert counts["c"] == 0
    assert {counts["a"], counts["d"]} == {4, 5}
    for name, rows in drawn.items():
        assert len(set(rows)) == len(rows)
        assert all(0 <= row < sizes[name] for row in rows)
    everything = spread(sizes, 500, np.random.default_rng(1))
    assert sum(map(len, everything.values())) == 201
    assert all(len(rows) == 0 for rows in spread(sizes, 0, np.random.default_rng(1)).values())


def test_the_sample_is_reproducible(native):
    first, second = (draw_minima(native, native.run.output, 1) for _ in range(2))
    assert [s.minimum for s in first] == [s.minimum for s in second]
    numbers = {draw_minima(native, native.run.output, 1, seed)[0].minimum for seed in range(8)}
    assert numbers == {0, 1}


def test_pairs_are_tls_first(foreign):
    root = foreign.run.output
    file = root / "library" / "double_wells.parquet"
    unit = f"quantum_splitting_{foreign.loop.unit_system}"
    wells = tables.read(file)
    threshold = foreign.unit_systems[foreign.loop.unit_system].tls_threshold
    many = pd.concat([wells] * 6, ignore_index=True)
    many[unit] = np.array([0.5, 2, 0.4, 3, 0.3, 4]) * threshold
    schema = tables.schema("library", tables.library_columns(3, foreign.unit_systems))
    tables.write(many, file, schema)
    drawn = draw_pairs(foreign, root, 1, 2)
    assert drawn["tls"].tolist() == [True, True, False]
    assert len(draw_pairs(foreign, root, 9, 9)) == 6
    assert len(draw_pairs(foreign, root, 0, 0)) == 0
