"""Own trajectories in the place of preparation and exploration, on a small glass."""

from __future__ import annotations

import numpy as np
import pytest

from frame_files import write_dump, write_xyz
from tlsfind import config as configuration
from tlsfind import tables
from tlsfind.cli import main
from tlsfind.config import dump
from tlsfind.configuration import minimum_image
from tlsfind.engine import make_engine
from tlsfind.engine.base import Quench
from tlsfind.errors import ConfigError, InputError
from tlsfind.explore import frames as stage
from tlsfind.explore import stage as explore_stage
from tlsfind.explore.frames import import_trajectory
from tlsfind.interop.native import load_glass, load_minima
from tlsfind.landscape.stage import landscape
from tlsfind.prepare.stage import prepare

GLASS = "T0.15-0000"
EVERY = 20
QUENCHES = 6


def small_config(model=None, **changes):
    settings = {
        "temperature": 0.12,
        "trajectories": 2,
        "steps": EVERY * QUENCHES,
        "quench_every": EVERY,
    }
    return configuration.parse(
        {
            "run": {"name": "frames", "output": "unused", "seed": 5},
            "model": {"n_particles": 200, **(model or {})},
            "glasses": [{"preparation_temperature": 0.15}],
            "prepare": {"blocks": 40, "melt_blocks": 20, "cooling_time": 5.0},
            "explore": {**settings, **changes},
        }
    )


class Recorder:
    """An engine that remembers what it was told to quench."""

    def __init__(self, engine):
        self._engine = engine
        self.quenched = []

    def __getattr__(self, name):
        return getattr(self._engine, name)

    def quench(self, positions, *arguments):
        self.quenched.append(positions.copy())
        return self._engine.quench(positions, *arguments)


@pytest.fixture(scope="module")
def explored(tmp_path_factory):
    """Folder of a block of two explored trajectories, and the frames that were quenched."""
    folder = tmp_path_factory.mktemp("explored")
    prepare(small_config(), GLASS, folder)
    recorder = None

    def recorded(*arguments):
        nonlocal recorder
        recorder = Recorder(make_engine(*arguments))
        return recorder

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(explore_stage, "make_engine", recorded)
        explore_stage.explore(small_config(), GLASS, folder / "glass.npz", 0, folder)
    steps = [(k + 1) * EVERY for k in range(QUENCHES)]
    frames = [
        list(zip(steps, recorder.quenched[start : start + QUENCHES], strict=True))
        for start in (0, QUENCHES)
    ]
    return folder, frames, load_minima(folder / "minima.npz")


def imported(config, files, output):
    import_trajectory(config, GLASS, files, output)
    block = output / "explore" / GLASS / "block-000"
    return tables.read(block / "visits.parquet"), load_minima(block / "minima.npz"), block


def check_same(explored, output, visits, minima):
    """The visits and minima of ``explore``, whatever file the frames came through."""
    expected = tables.read(explored[0] / "visits.parquet")
    keys = ["glass", "trajectory", "step", "minimum"]
    assert visits[keys].equals(expected[keys])
    np.testing.assert_allclose(visits["energy"], expected["energy"], rtol=0, atol=1e-9)
    assert (visits["max_force"] <= 1e-6).all()
    known = explored[2]
    assert minima.minimum.tolist() == known.minimum.tolist()
    assert len(minima) > 2
    np.testing.assert_array_equal(minima.diameters, known.diameters)
    moves = minimum_image(minima.positions - known.positions, known.box)
    np.testing.assert_allclose(moves, moves[:, :1] * np.ones((1, 200, 1)), atol=1e-4)


@pytest.mark.parametrize(
    ("coordinates", "shuffle", "suffix"),
    [
        ("xu yu zu", None, ""),
        ("x y z ix iy iz", 3, ".gz"),
        ("x y z", None, ""),
        ("xs ys zs ix iy iz", 4, ""),
    ],
)
def test_dumps_give_what_explore_gives(explored, tmp_path, coordinates, shuffle, suffix):
    _, frames, known = explored
    files = [
        write_dump(
            tmp_path / f"dump.{number}{suffix}", frames[k], known.box,
            {"type": np.ones(200, int), "diameter": known.diameters}, coordinates, shuffle=shuffle,
        )
        for k, number in ((0, 9), (1, 10))
    ]  # fmt: skip
    # the order in which files are named does not matter
    visits, minima, _ = imported(small_config(), files[::-1], tmp_path / "out")
    check_same(explored, tmp_path / "out", visits, minima)


def test_xyz_gives_what_explore_gives(explored, tmp_path):
    _, frames, known = explored
    columns = {"species": ["X"] * 200, "diameter": known.diameters}
    files = [
        write_xyz(tmp_path / f"{k}.xyz", part, known.box, columns) for k, part in enumerate(frames)
    ]
    visits, minima, _ = imported(small_config(), files, tmp_path / "out")
    check_same(explored, tmp_path / "out", visits, minima)


def test_what_is_written_is_honest(explored, tmp_path):
    """What nobody measured is null, the rest is of the frames."""
    _, frames, known = explored
    extra = {"diameter": known.diameters}
    file = write_dump(tmp_path / "dump", frames[1], known.box, extra)
    visits, minima, block = imported(small_config(), [file], tmp_path / "out")
    assert visits["trajectory"].unique().tolist() == [0]
    row = tables.read(block / "trajectories.parquet").iloc[0]
    assert row["steps"] == EVERY * (QUENCHES - 1)
    assert (row["quenches"], row["unconverged"]) == (QUENCHES, 0)
    assert row["evaluations"] > 100
    assert row[["temperature", "energy_drift", "energy_fluctuation"]].isna().all()

    folder = tmp_path / "out" / "glasses" / GLASS
    row = tables.read(folder / "glass.parquet").iloc[0]
    assert row["equilibrated"] is None
    assert row["verdict"] == "imported: equilibration not judged"
    assert (row["preparation_temperature"], row["n_particles"]) == (0.15, 200)
    assert row["inherent_energy"] == pytest.approx(visits["energy"].iloc[0] / 200)
    assert np.isnan(row["temperature"])
    evidence = tables.read(folder / "equilibration.parquet", tables.schema("equilibration").names)
    assert evidence.empty
    assert tables.metadata(folder / "glass.parquet")["config_hash"] == small_config().hash
    glass, velocities, info = load_glass(folder / "glass.npz")
    np.testing.assert_allclose(glass.positions, frames[1][0][1], atol=1e-13)
    assert not velocities.any()
    assert (info["glass"], info["temperature"]) == (GLASS, 0.12)

    landscape(small_config(), GLASS, [block], tmp_path / "landscape")
    found = tables.read(tmp_path / "landscape" / "minima.parquet")
    assert found["visits"].sum() == QUENCHES
    assert found["energy"].tolist() == minima.energies.tolist()


def test_minima_are_taken_as_they_are(explored, tmp_path):
    """Frames that are minima keep every digit; no quench is spent."""
    _, _, known = explored
    order = [0, 1, 0, 2, 1]
    places = list(zip(range(len(order)), known.positions[order], strict=True))
    file = write_dump(tmp_path / "dump", places, known.box, {"diameter": known.diameters})
    visits, minima, block = imported(small_config(), [file], tmp_path / "out")
    assert visits["minimum"].tolist() == order
    np.testing.assert_array_equal(minima.positions, known.positions[:3])
    row = tables.read(block / "trajectories.parquet").iloc[0]
    assert (row["quenches"], row["evaluations"]) == (0, len(order))


def test_frames_without_steps_are_numbered(explored, tmp_path):
    _, frames, known = explored
    places = [(None, positions) for _, positions in frames[0][:3]]
    file = write_xyz(tmp_path / "a.xyz", places, known.box, {"diameter": known.diameters})
    visits, _, block = imported(small_config(), [file], tmp_path / "out")
    assert visits["step"].tolist() == [1, 2, 3]
    assert np.isnan(tables.read(block / "trajectories.parquet")["steps"].iloc[0])


def test_unconverged_quenches_are_visits_without_a_minimum(explored, tmp_path, caplog):
    _, frames, known = explored
    file = write_dump(tmp_path / "d", frames[0][:2], known.box, {"diameter": known.diameters})
    config = small_config(force_tolerance=1e-300, max_evaluations=100)
    with caplog.at_level("WARNING", logger="tlsfind"):
        visits, minima, block = imported(config, [file], tmp_path / "out")
    assert visits["minimum"].isna().all()
    assert len(minima) == 0
    assert tables.read(block / "trajectories.parquet")["unconverged"].tolist() == [2]
    assert "2 quenches missed the force tolerance" in caplog.text
    row = tables.read(tmp_path / "out" / "glasses" / GLASS / "glass.parquet").iloc[0]
    assert np.isnan(row["inherent_energy"])


class Springs:
    """Particles tied to sites, types by springs of different strength: one known minimum."""

    def __init__(self, particles, sites):
        self.strength = particles.types[:, None].astype(float)
        self.sites = sites

    def energy_forces(self, positions):
        moves = positions - self.sites
        return float((0.5 * self.strength * moves**2).sum()), -self.strength * moves

    def quench(self, positions, force_tolerance, max_evaluations):
        return Quench(self.sites.copy(), 0.0, 0.0, 2, True)


SPECIES = {"A": {"share": 0.75}, "B": {"share": 0.25, "diameter": 0.88}}


def typed_config(**lammps):
    model = {"species": SPECIES, "commands": "pair_style lj/cut 2.5", **lammps}
    return small_config({"lammps": model})


@pytest.fixture
def typed(monkeypatch):
    """Positions and types of a model of two species, and an engine for it."""
    rng = np.random.default_rng(2)
    box = 200 ** (1 / 3)
    sites = rng.uniform(0, box, (200, 3))
    types = rng.permutation(np.repeat([1, 2], [150, 50]))
    monkeypatch.setattr(stage, "make_engine", lambda particles, config: Springs(particles, sites))
    places = [(k, sites + k * rng.normal(0, 0.1, sites.shape)) for k in range(3)]
    return places, types, box


def test_particles_of_types(typed, tmp_path):
    places, types, box = typed
    names = np.array(["A", "B"])[types - 1]
    files = [
        write_dump(tmp_path / "1", places, box, {"type": types}, header=["ITEM: UNITS", "lj"]),
        write_xyz(tmp_path / "2", places, box, {"species": names}),
    ]
    visits, minima, block = imported(typed_config(), files, tmp_path / "out")
    assert visits["minimum"].tolist() == [0] * 6
    np.testing.assert_array_equal(minima.types, types)
    np.testing.assert_array_equal(minima.diameters, np.array([1.0, 0.88])[types - 1])
    trajectories = tables.read(block / "trajectories.parquet")
    assert trajectories["quenches"].tolist() == [2, 2]
    assert trajectories["evaluations"].tolist() == [7, 7]
    glass, _, _ = load_glass(tmp_path / "out" / "glasses" / GLASS / "glass.npz")
    np.testing.assert_array_equal(glass.types, types)


def test_particles_of_another_model_are_refused(typed, tmp_path):
    places, types, box = typed

    def refused(message, config=None, **columns):
        header = ["ITEM: UNITS", "metal"] if columns.pop("metal", None) else []
        file = write_dump(tmp_path / "d", places, box, columns or {"type": types}, header=header)
        with pytest.raises(InputError, match=message):
            import_trajectory(config or typed_config(), GLASS, [file], tmp_path / "out")

    refused("in units metal, expected lj", type=types, metal=True)
    refused(r"has 50 particles of type 1 \(A\), expected 150, its share 0\.75", type=3 - types)
    refused("found '3' in column type, expected one of model.lammps.species: 1 A, 2 B",
            type=types + 1)  # fmt: skip
    refused("found 'Cu' in column element", element=["Cu"] * 200)
    refused("expected a column diameter or radius", small_config(), type=types)
    refused(r"d, frame 1 has 200 particles, expected 300 as in model\.n_particles",
            small_config({"n_particles": 300, "lammps": typed_config().model.lammps}))  # fmt: skip
    refused(r"density 1; expected 1\.2 as in model\.density",
            small_config({"density": 1.2, "lammps": typed_config().model.lammps}))  # fmt: skip
    assert not (tmp_path / "out").exists()


def test_bad_files_are_named_and_nothing_written(explored, tmp_path):
    _, frames, known = explored
    config = small_config()
    extra = {"diameter": known.diameters}
    good = write_dump(tmp_path / "good", frames[0], known.box, extra)
    other = write_dump(
        tmp_path / "other", frames[1], known.box, {"diameter": known.diameters[::-1]}
    )
    cut = tmp_path / "x.cut"
    cut.write_text(good.read_text()[:-100])
    overlap = frames[0][0][1].copy()
    overlap[1] = overlap[0]
    close = write_dump(tmp_path / "close", [(0, overlap)], known.box, extra)
    for files, message in (
        ([], "no file of frames was given"),
        ([good, good], "good was given twice"),
        ([good, tmp_path / "missing"], "missing does not exist"),
        ([good, cut], r"x\.cut, frame 6"),
        ([good, other], "good, frame 1 and .*other, frame 1 hold different particles"),
        ([close], "close, frame 1: particles 1 and 2 are at the same place"),
    ):
        with pytest.raises(InputError, match=message):
            import_trajectory(config, GLASS, files, tmp_path / "out")
    with pytest.raises(ConfigError, match="no glass"):
        import_trajectory(config, "T0.3-0000", [good], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_command(explored, tmp_path, capsys):
    _, frames, known = explored
    config = tmp_path / "config.yaml"
    config.write_text(dump(small_config()))
    files = [
        str(write_dump(tmp_path / f"dump.{k}", frame, known.box, {"q": known.diameters}))
        for k, frame in enumerate([frames[0][:1], frames[1][:1]])
    ]
    common = ["--config", str(config), "--glass", GLASS, "--output", str(tmp_path / "out")]
    assert main(["import", "trajectory", *files, *common]) == 2
    assert "use --diameter-from charge" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()
    assert main(["import", "trajectory", *files, *common, "--diameter-from", "charge"]) == 0
    log = capsys.readouterr().err
    assert "2 files of one frame each" in log
    assert f"{GLASS}: 2 trajectories, 2 frames, 0 of them minima as they are" in log
    written = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.*")}
    folder = f"explore/{GLASS}/block-000"
    assert written == {
        f"glasses/{GLASS}", f"glasses/{GLASS}/glass.npz", f"glasses/{GLASS}/glass.parquet",
        f"glasses/{GLASS}/equilibration.parquet", f"explore/{GLASS}", f"{folder}/visits.parquet",
        f"{folder}/trajectories.parquet", f"{folder}/minima.npz",
    }  # fmt: skip
