"""The drawing of a pair, and its path as a trajectory that ASE reads back."""

import ase.io
import numpy as np
import pytest

from tlsfind import tables
from tlsfind.analysis.figures import picture
from tlsfind.analysis.pictures import frames, write
from tlsfind.configuration import Configuration
from tlsfind.engine import make_engine
from tlsfind.errors import ConfigError, InputError
from tlsfind.interop.extxyz import write_frames
from tlsfind.interop.native import read_minima
from tlsfind.paths.images import centred
from tlsfind.paths.mep import Path, straight_path

BOX = 6.0


def hop():
    """Forty particles of which one jumps across the border of the box and two others give way."""
    rng = np.random.default_rng(0)
    positions = rng.uniform(0.0, BOX, (40, 3))
    positions[7] = [BOX - 0.1, 3.0, 3.0]
    move = np.zeros((40, 3))
    move[7] = [0.6, 0.0, 0.0]
    move[8], move[9] = [0.0, 0.3, 0.0], [0.0, 0.0, -0.1]
    return positions, move


def test_axes_show_most_of_the_motion():
    """A move in a slanted plane is seen from above it, without being turned over."""
    rng = np.random.default_rng(1)
    plane = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    flat = np.column_stack([rng.normal(size=20), 0.4 * rng.normal(size=20), np.zeros(20)])
    axes = picture.axes_of(flat @ plane.T)
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1.0)
    seen = flat @ plane.T @ axes.T
    np.testing.assert_allclose(seen[:, 2], 0.0, atol=1e-12)
    assert np.linalg.norm(seen[:, 0]) > np.linalg.norm(seen[:, 1])


def test_the_one_that_moves_most_is_in_the_middle_and_images_are_resolved():
    positions, move = hop()
    shown = picture.particles(positions, move, np.ones(40), BOX).set_index("particle")
    assert shown.loc[7, ["x", "y", "depth"]].abs().max() == 0.0
    assert shown.loc[7, "move_x"] == pytest.approx(0.6)
    assert shown.loc[8, "displacement"] == pytest.approx(0.3)
    assert shown["moves"].sum() == 2  # 0.1 is below a quarter of 0.6
    assert 9 not in shown.index or not shown.loc[9, "moves"]
    assert (shown[["x", "y", "depth"]].abs() <= 0.5 * np.sqrt(3) * BOX).all(axis=None)
    assert shown["depth"].is_monotonic_increasing


def test_neighbours_are_those_near_a_particle_that_moves():
    positions, move = hop()
    shown = picture.particles(positions, move, np.ones(40), BOX)
    away = positions[:, None] - positions[[7, 8]][None]
    away -= BOX * np.rint(away / BOX)
    near = np.linalg.norm(away, axis=2).min(axis=1) < picture.NEIGHBOURHOOD
    # seen from particle 7, whose images of 8 may be others than the nearest to a neighbour of 8
    assert set(shown["particle"]) <= set(np.flatnonzero(near))
    assert {7, 8} <= set(shown["particle"])


def test_total_displacement_and_participation_ratio():
    positions, move = hop()
    first = Configuration(positions, np.ones(40), BOX)
    second = Configuration((positions + move) % BOX, np.ones(40), BOX)
    found = picture.numbers(first, second, None, {"glass": "g"})["pair"].iloc[0]
    free = move - move.mean(axis=0)
    d2 = (free**2).sum(axis=1)
    assert found["total_displacement"] == pytest.approx(np.sqrt(d2.sum()))
    assert found["participation_ratio"] == pytest.approx(d2.sum() ** 2 / (d2**2).sum())


def test_a_centred_path_never_jumps():
    positions, move = hop()
    images = straight_path(positions, positions + move, 9).images
    moved = centred(images, BOX)
    np.testing.assert_allclose(moved[0, 7], 0.5 * BOX)
    assert (moved[0] >= 0).all()
    assert (moved[0] < BOX).all()
    np.testing.assert_allclose(np.diff(moved, axis=0), np.diff(images, axis=0), atol=1e-12)


@pytest.mark.parametrize("types", [None, np.arange(40, dtype=np.int32) % 2])
def test_a_trajectory_comes_back_from_ase(tmp_path, types):
    positions, move = hop()
    path = straight_path(positions, positions + move, 7)
    path.energies = np.linspace(-3.0, -2.0, 7) ** 2
    diameters = np.random.default_rng(2).uniform(0.7, 1.6, 40)
    file = tmp_path / "path.xyz"
    write_frames(file, frames(path, diameters, BOX, {"glass": "g-0"}, types), BOX)
    read = ase.io.read(file, index=":")
    images = centred(path.images, BOX)
    assert len(read) == 7
    for number, atoms in enumerate(read):
        np.testing.assert_array_equal(atoms.positions, images[number])
        np.testing.assert_array_equal(atoms.arrays["radius"], 0.5 * diameters)
        move_here = images[number] - images[0]
        np.testing.assert_array_equal(atoms.arrays["displacement"], move_here)
        np.testing.assert_array_equal(
            atoms.arrays["displacement_length"], np.linalg.norm(move_here, axis=1)
        )
        assert ("type" in atoms.arrays) == (types is not None)
        assert atoms.info["xi"] == pytest.approx(number / 6)
        assert atoms.info["image"] == number
        assert atoms.info["glass"] == "g-0"
        energy = path.energies[number] - path.energies[0]
        assert atoms.get_potential_energy() == pytest.approx(energy, rel=1e-12)
        np.testing.assert_allclose(atoms.cell.lengths(), BOX)
        assert atoms.pbc.all()


def test_picture_of_a_run(run, tmp_path, monkeypatch):
    """The pair of lowest E_qs, relaxed to the force of the run, lower minimum first."""

    def straight(engine, a, b, box, settings, tolerance, types=None):
        path = straight_path(a, b, 5)
        path.energies = engine.path_energy_forces(path.images)[0]
        return Path(path.images, path.energies, force=0.0), True

    monkeypatch.setattr("tlsfind.analysis.pictures.relaxed_path", straight)
    files = write(run.config, run.root, tmp_path)
    wells = tables.read(run.root / "library" / "double_wells.parquet")
    row = wells.iloc[0]
    names = sorted(f"{row['glass']}_{m}_{n}" for m, n in [
        (row["minimum_a"], row["minimum_b"]), (row["minimum_b"], row["minimum_a"])])  # fmt: skip
    assert [file.suffix for file in files] == [".png", ".xyz"]
    assert files[1].stem in names
    read = ase.io.read(files[1], index=":")
    assert len(read) == 5
    a, b = (int(word) for word in files[1].stem.split("_")[1:])
    first, second = read_minima(run.root / "landscape" / row["glass"] / "minima.npz", [a, b])
    engine = make_engine(first, run.config)
    assert engine.energy(first.positions) <= engine.energy(second.positions)


def test_wrong_pairs_are_named(run, tmp_path):
    with pytest.raises(ConfigError, match="no glass 'T9'"):
        write(run.config, run.root, tmp_path, ("T9", 1, 2))
    with pytest.raises(InputError, match="two different ones"):
        write(run.config, run.root, tmp_path, ("T0.092-0000", 1, 1))
    with pytest.raises(InputError, match="no minimum 9999"):
        write(run.config, run.root, tmp_path, ("T0.092-0000", 1, 9999))
    assert not list(tmp_path.iterdir())


def test_no_tls_is_said(poor_run):
    figure = picture.draw(picture.collect(poor_run.results), poor_run.results)
    assert "no TLS was found" in figure.axes[0].texts[0].get_text()
