"""``energy``, ``pair`` and ``path`` on real minima of a small system."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from tlsfind.cli.show import strict
from tlsfind.cli.single import register
from tlsfind.config import Paths
from tlsfind.configuration import Configuration, displacements, minimum_image
from tlsfind.engine import make_engine
from tlsfind.engine.base import Quench
from tlsfind.errors import ConfigError, InputError
from tlsfind.interop.extxyz import write_extxyz
from tlsfind.interop.lammps_data import write_lammps_data
from tlsfind.interop.native import Minima, save_minima
from tlsfind.paths.solver import solve_path
from tlsfind.units import BUILT_IN

N = 200
BOX = N ** (1 / 3)
PATH_KEYS = {
    *("minimum_a", "minimum_b", "status", "message", "delta_e", "barrier", "path_length"),
    *("quantum_splitting", "delta_0", "delta_0_by_unit", "energy_1", "energy_2", "wells"),
    *("iterations", "final_force", "splitting_change", "xi", "energy"),
}

app = typer.Typer(pretty_exceptions_enable=False)
register(app)


def run(*arguments: object):
    """Run a command; errors of the package come through as exceptions."""
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


def run_json(*arguments: object):
    """The JSON on the standard output, which must be all of it and strictly valid."""
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout, parse_constant=lambda word: pytest.fail(f"JSON has {word}"))


@dataclass
class Pair:
    """Two neighbouring minima, the lower one first, and a file that holds them."""

    low: Configuration
    high: Configuration
    energies: tuple[float, float]
    folder: Path

    def minimum(self, identifier: int) -> str:
        return f"{self.folder / 'minima.npz'}#{identifier}"


def double_well(seed: int) -> tuple[Configuration, Quench, Quench] | None:
    """Quench random particles, then kick a few of them until they form a double well."""
    random = np.random.default_rng(seed)
    share = (np.arange(N) + 0.5) / N
    diameters = (0.73**-2 - share * (0.73**-2 - 1.62**-2)) ** -0.5
    diameters /= diameters.mean()
    start = Configuration(random.uniform(0, BOX, (N, 3)), diameters, BOX)
    engine = make_engine(start)
    first = engine.quench(start.positions)
    assert first.converged
    for _ in range(200):
        distance = minimum_image(first.positions - first.positions[random.integers(N)], BOX)
        weight = np.exp(-2.0 * (distance**2).sum(axis=1))[:, None]
        second = engine.quench(first.positions + 0.35 * weight * random.normal(size=(N, 3)))
        moved = np.linalg.norm(displacements(first.positions, second.positions, BOX))
        if second.converged and 0.05 < moved < 0.8:
            a, b = sorted((first, second), key=lambda quench: quench.energy)
            solved = solve_path(engine, a.positions, b.positions, BOX, Paths(), BUILT_IN)
            if solved.status == "double_well":
                return start, first, second
    return None


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> Pair:
    """The first double well of some random structures, of which not all have one nearby."""
    found = next((well for seed in range(20) if (well := double_well(seed))), None)
    assert found is not None, "no double well in 20 structures"
    start, first, second = found
    low, high = sorted((first, second), key=lambda quench: quench.energy)
    folder = tmp_path_factory.mktemp("pair")
    minima = Minima(
        positions=np.stack([high.positions, low.positions]),
        energies=[high.energy, low.energy],
        max_forces=[high.max_force, low.max_force],
        minimum=[4, 7],
        diameters=start.diameters,
        box=BOX,
        glass="T0.1-0000",
    )
    save_minima(folder / "minima.npz", minima)
    return Pair(
        start.with_positions(low.positions),
        start.with_positions(high.positions),
        (low.energy, high.energy),
        folder,
    )


@pytest.fixture(scope="module")
def solved(pair) -> tuple[dict, dict, Path]:
    """The path from low to high with a picture, and from high to low."""
    picture = pair.folder / "profile.png"
    forward = run_json("path", pair.minimum(7), pair.minimum(4), "--plot", picture)
    return forward, run_json("path", pair.minimum(4), pair.minimum(7)), picture


def test_energy_is_that_of_the_quench_in_every_format(pair, tmp_path):
    random = np.random.default_rng(2)
    moved = pair.low.positions + random.normal(size=3) + BOX * random.integers(-2, 3, (N, 3))
    write_extxyz(tmp_path / "low.xyz", pair.low.with_positions(moved))
    write_lammps_data(tmp_path / "sphere.data", pair.low)
    write_lammps_data(tmp_path / "charge.data", pair.low, "charge")
    files = [
        pair.minimum(4),
        pair.minimum(7),
        *(str(tmp_path / name) for name in ("low.xyz", "sphere.data", "charge.data")),
    ]
    rows = run_json("energy", *files, "--diameter-from", "charge")
    assert [row["file"] for row in rows] == files
    assert all(set(row) == {"file", "energy_per_particle", "max_force"} for row in rows)
    low, high = (energy / N for energy in pair.energies)
    found = [row["energy_per_particle"] for row in rows]
    assert found == pytest.approx([high, low, low, low, low], abs=1e-12)
    assert max(row["max_force"] for row in rows) <= 1.01e-6


def test_energy_as_a_table(pair):
    result = run("energy", pair.minimum(7))
    assert result.exit_code == 0
    assert f"{pair.energies[0] / N:.10g}" in result.stdout
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(result.stdout)


@pytest.mark.parametrize("command", [["energy"], ["pair"], ["pair", "--quench"]])
def test_particles_at_one_place_are_named(tmp_path, pair, command):
    positions = pair.low.positions.copy()
    positions[17] = positions[4]
    write_lammps_data(tmp_path / "overlap.data", pair.low.with_positions(positions))
    others = [pair.minimum(4)] if "pair" in command else []
    with pytest.raises(InputError, match=r"overlap\.data: particles 5 and 18"):
        run(*command, *others, tmp_path / "overlap.data")


def test_nothing_is_printed_when_one_file_is_wrong(pair, tmp_path):
    write_lammps_data(tmp_path / "charge.data", pair.low, "charge")
    arguments = ["energy", pair.minimum(7), str(tmp_path / "charge.data"), "--json"]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, InputError)
    assert "--diameter-from charge" in str(result.exception)
    assert result.stdout == ""


@pytest.mark.parametrize("particles", [1, 3, 5])
def test_pair_features(pair, particles):
    content = run_json("pair", pair.minimum(4), pair.minimum(7), "--particles", particles)
    assert (content["minimum_a"], content["minimum_b"]) == (pair.minimum(7), pair.minimum(4))
    assert set(content) == {
        *("minimum_a", "minimum_b", "delta_e", "total_displacement", "participation_ratio"),
        *(f"displacement_{i}" for i in range(1, particles + 1)),
        *(f"distance_1_{i}" for i in range(2, particles + 1)),
    }
    vectors = displacements(pair.low.positions, pair.high.positions, BOX)
    lengths = np.sort(np.linalg.norm(vectors, axis=1))[::-1]
    assert content["delta_e"] == pytest.approx(pair.energies[1] - pair.energies[0], abs=1e-9)
    assert content["total_displacement"] == pytest.approx(np.linalg.norm(vectors))
    assert [content[f"displacement_{i + 1}"] for i in range(particles)] == pytest.approx(
        list(lengths[:particles])
    )
    ratio = (lengths**2).sum() ** 2 / (lengths**4).sum()
    assert content["participation_ratio"] == pytest.approx(ratio)


def test_pair_does_not_depend_on_the_order_or_the_format(pair, tmp_path):
    write_extxyz(tmp_path / "high.xyz", pair.high)
    one = run_json("pair", pair.minimum(7), pair.minimum(4))
    two = run_json("pair", pair.minimum(4), pair.minimum(7))
    mixed = run_json("pair", tmp_path / "high.xyz", pair.minimum(7))
    assert one == two
    assert mixed["minimum_a"] == pair.minimum(7)
    for name in set(one) - {"minimum_a", "minimum_b"}:
        assert mixed[name] == pytest.approx(one[name], abs=1e-6)


def test_plain_pair_says_which_is_lower(pair):
    result = run("pair", pair.minimum(4), pair.minimum(7))
    assert "minimum_a is the one of lower energy, here the second argument" in result.stdout
    assert "participation_ratio" in result.stdout
    assert "second argument" not in run("pair", pair.minimum(7), pair.minimum(4)).stdout


def test_endpoints_that_are_not_minima(pair, tmp_path):
    shaken = pair.low.positions + 0.01 * np.random.default_rng(3).normal(size=(N, 3))
    spec = tmp_path / "shaken.xyz"
    write_extxyz(spec, pair.low.with_positions(shaken))
    result = run("pair", spec, pair.minimum(4), "--json")
    assert "not a minimum" in result.stderr
    assert str(spec) in result.stderr
    assert pair.minimum(4) not in result.stderr
    assert json.loads(result.stdout)["total_displacement"] > 0
    quenched = run("pair", spec, pair.minimum(4), "--quench", "--json")
    assert quenched.stderr == ""
    reference = run_json("pair", pair.minimum(7), pair.minimum(4))
    content = json.loads(quenched.stdout)
    assert content["delta_e"] == pytest.approx(reference["delta_e"], abs=1e-6)
    assert content["total_displacement"] == pytest.approx(reference["total_displacement"], abs=1e-4)


@pytest.mark.parametrize("command", ["pair", "path"])
def test_different_particles_are_refused(pair, tmp_path, command):
    fewer = Configuration(pair.low.positions[:-1], pair.low.diameters[:-1], BOX)
    write_extxyz(tmp_path / "fewer.xyz", fewer)
    exchanged = pair.low.diameters.copy()
    exchanged[[0, 1]] = exchanged[[1, 0]]
    write_extxyz(tmp_path / "others.xyz", Configuration(pair.low.positions, exchanged, BOX))
    with pytest.raises(InputError, match=r"200 particles and .* has 199"):
        run(command, pair.minimum(7), tmp_path / "fewer.xyz")
    with pytest.raises(InputError, match="different particles: particle"):
        run(command, pair.minimum(7), tmp_path / "others.xyz")


def test_a_small_box_is_refused_by_name(tmp_path):
    path = tmp_path / "small.xyz"
    write_extxyz(path, Configuration(np.arange(9).reshape(3, 3) % 2, np.ones(3), 1.5))
    with pytest.raises(InputError, match=r"small\.xyz.*box"):
        run("energy", path)


def test_path_object(solved, pair):
    content, _, _ = solved
    assert set(content) == PATH_KEYS
    assert (content["minimum_a"], content["minimum_b"]) == (pair.minimum(7), pair.minimum(4))
    assert content["delta_e"] == pytest.approx(pair.energies[1] - pair.energies[0], abs=1e-9)
    assert len(content["xi"]) == len(content["energy"]) >= 40
    straight = np.linalg.norm(displacements(pair.low.positions, pair.high.positions, BOX))
    assert content["path_length"] > 0.99 * straight
    for name in ("quantum_splitting", "delta_0_by_unit", "energy_1", "energy_2"):
        assert list(content[name]) == list(BUILT_IN)
    assert content["delta_0"] == content["delta_0_by_unit"]["argon"]


def test_path_is_the_same_from_both_ends(solved):
    forward, backward, _ = solved
    for name in ("minimum_a", "minimum_b", "status", "wells"):
        assert backward[name] == forward[name]
    for name in ("delta_e", "barrier", "path_length", "quantum_splitting"):
        assert forward[name] is not None
        assert backward[name] == pytest.approx(forward[name], rel=1e-3, abs=1e-9)


def test_path_levels_belong_to_the_profile(solved):
    content, _, _ = solved
    assert content["status"] == "double_well"
    assert content["barrier"] >= content["delta_e"] - 1e-9
    assert content["barrier"] == pytest.approx(
        max(e for x, e in zip(content["xi"], content["energy"], strict=True) if 0 <= x <= 1),
        rel=0.05,
    )
    for unit, splitting in content["quantum_splitting"].items():
        low, high = content["energy_1"][unit], content["energy_2"][unit]
        assert 0 < low < high
        assert splitting == pytest.approx(high - low, rel=1e-6, abs=1e-12)
        tunnelling = content["delta_0_by_unit"][unit]  # none where a level is above the barrier
        assert tunnelling is None or tunnelling > 0


def test_picture(solved, pair, tmp_path):
    assert solved[2].read_bytes().startswith(b"\x89PNG")
    drawn = tmp_path / "new" / "profile.SVG"
    result = run("path", pair.minimum(7), pair.minimum(4), "--images", 9, "--plot", drawn)
    assert result.exit_code == 0
    assert "<svg" in drawn.read_text()
    assert [file.name for file in drawn.parent.iterdir()] == ["profile.SVG"]
    assert "path_length" in result.stdout
    assert str(drawn) in result.stderr


def test_identical_endpoints(pair, tmp_path):
    arguments = ["path", pair.minimum(7), pair.minimum(7)]
    content = run_json(*arguments)
    assert content["status"] == "endpoints_identical"
    assert content["barrier"] is None
    assert set(content["quantum_splitting"].values()) == {None}
    assert content["delta_0"] is None
    features = run_json("pair", pair.minimum(7), pair.minimum(7))
    assert features["delta_e"] == 0
    assert features["total_displacement"] == 0


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_nothing_is_printed_when_there_is_no_profile(pair, tmp_path, options):
    plot = tmp_path / "z.png"
    arguments = ["path", pair.minimum(7), pair.minimum(7), *options, "--plot", str(plot)]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, InputError)
    assert "no profile to draw, the status is endpoints_identical" in str(result.exception)
    assert result.stdout == ""
    assert not list(tmp_path.iterdir())


def test_settings_of_a_run(pair, tmp_path):
    config = tmp_path / "run.yaml"
    config.write_text(
        """
run: {name: test, output: results}
glasses: [{preparation_temperature: 0.09, count: 1}]
prepare: {blocks: 20}
explore: {trajectories: 1, steps: 10, quench_every: 5}
paths: {images: 9}
units: {heavy: {sigma: 3.4, mass: 400, epsilon: 600}}
loop: {unit_system: heavy}
"""
    )
    arguments = ["path", pair.minimum(7), pair.minimum(4), "--config", config]
    content = run_json(*arguments)
    assert list(content["quantum_splitting"]) == ["heavy", "argon", "nip"]
    assert content["delta_0"] == content["delta_0_by_unit"]["heavy"]
    inside = [x for x in content["xi"] if -1e-9 <= x <= 1 + 1e-9]
    assert len(inside) == 9
    more = run_json(*arguments, "--images", 11, "--force-tolerance", 0.05)
    assert len([x for x in more["xi"] if -1e-9 <= x <= 1 + 1e-9]) == 11


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        (["--images", 2], ConfigError, "--images 2"),
        (["--force-tolerance", -1], ConfigError, "--force-tolerance -1"),
        (["--plot", "profile.xyz"], InputError, "'.xyz', expected one of .*png"),
        (["--plot", "profile"], InputError, "expected one of"),
        (["--config", "missing.yaml"], ConfigError, "missing.yaml does not exist"),
    ],
)
def test_wrong_options_of_path(pair, options, error, words):
    with pytest.raises(error, match=words):
        run("path", pair.minimum(7), pair.minimum(4), *options)


def test_wrong_usage_is_status_2(pair):
    assert run("pair", pair.minimum(7), pair.minimum(4), "--particles", 0).exit_code == 2
    assert run("pair", pair.minimum(7)).exit_code == 2
    assert run("energy", pair.minimum(7), "--diameter-from", "mass").exit_code == 2


def test_strict_json_values():
    content = {
        "a": np.array([1.0, np.nan]),
        "b": [np.float32("inf"), np.int32(3)],
        "c": (True, "x"),
    }
    assert strict(content) == {"a": [1.0, None], "b": [None, 3], "c": [True, "x"]}
    assert (
        json.dumps(strict({1: -math.inf, "n": None}), allow_nan=False) == '{"1": null, "n": null}'
    )


def test_lammps_gives_the_same_numbers(pair):
    ends = [pair.minimum(4), pair.minimum(7)]
    native = run_json("energy", *ends)
    judged = run_json("energy", *ends, "--engine", "lammps")
    for one, other in zip(native, judged, strict=True):
        assert other["energy_per_particle"] == pytest.approx(one["energy_per_particle"], abs=1e-10)
        assert other["max_force"] == pytest.approx(one["max_force"], abs=1e-8)
    features = [run_json("pair", *ends, "--engine", name) for name in ("native", "lammps")]
    assert features[1]["delta_e"] == pytest.approx(features[0]["delta_e"], abs=1e-8)


#: Lennard-Jones particles of two species in a config, and some of them in a data file.
MIXTURE = """
run: {name: mixture, output: results/mixture}
model:
  lammps:
    species: {A: {share: 0.5}, B: {share: 0.5}}
    commands: |
      pair_style lj/cut 2.5
      pair_coeff * * 1.0 1.0
glasses: [{preparation_temperature: 0.3, count: 1}]
prepare: {blocks: 20}
explore: {trajectories: 1, steps: 10, quench_every: 5}
"""
DIMER = """two particles at the distance 1.5 across the boundary

2 atoms
2 atom types
0.0 8.0 xlo xhi
0.0 8.0 ylo yhi
0.0 8.0 zlo zhi

Atoms # atomic

1 1 0.5 4.0 4.0
2 2 7.0 4.0 4.0
"""


def test_a_model_of_the_config_evaluates_a_data_file(tmp_path):
    config, dimer = tmp_path / "mixture.yaml", tmp_path / "dimer.data"
    config.write_text(MIXTURE)
    dimer.write_text(DIMER)
    row = run_json("energy", dimer, "--config", config)[0]
    attraction = 1.5**-6
    assert row["energy_per_particle"] == pytest.approx(2 * (attraction**2 - attraction), rel=1e-12)
    force = 24 * (2 * attraction**2 - attraction) / 1.5
    assert row["max_force"] == pytest.approx(abs(force), rel=1e-12)


def test_the_native_engine_refuses_another_model(tmp_path):
    config, dimer = tmp_path / "mixture.yaml", tmp_path / "dimer.data"
    config.write_text(MIXTURE)
    dimer.write_text(DIMER)
    with pytest.raises(ConfigError, match="native engine knows only the built-in model"):
        run("energy", dimer, "--config", config, "--engine", "native")
    typed = tmp_path / "typed.xyz"
    particles = Configuration(np.eye(3), np.ones(3), 8.0, "typed", np.array([1, 2, 1]))
    write_extxyz(typed, particles)
    with pytest.raises(InputError, match=r"typed\.xyz holds particles of types"):
        run("energy", typed)
