"""One reader for all formats."""

from __future__ import annotations

import numpy as np
import pytest

from tlsfind.configuration import Configuration
from tlsfind.errors import InputError
from tlsfind.interop import read_configuration
from tlsfind.interop.extxyz import write_extxyz
from tlsfind.interop.lammps_data import write_lammps_data
from tlsfind.interop.native import Minima, save_glass, save_minima

INFO = {"glass": "g", "temperature": 0.04, "preparation_temperature": 0.09}


@pytest.fixture
def glass() -> Configuration:
    random = np.random.default_rng(8)
    return Configuration(random.uniform(0, 3, (30, 3)), random.uniform(0.7, 1.6, 30), 3.1)


@pytest.fixture
def files(tmp_path, glass) -> dict[str, str]:
    """The same particles in every format: name of the format to specification."""
    write_extxyz(tmp_path / "a.xyz", glass)
    write_extxyz(tmp_path / "a.EXTXYZ", glass)
    write_extxyz(tmp_path / "frame", glass)
    write_lammps_data(tmp_path / "sphere.data", glass)
    write_lammps_data(tmp_path / "charge.lmp", glass, "charge")
    save_glass(tmp_path / "glass.npz", glass, np.zeros((30, 3)), INFO)
    save_glass(tmp_path / "glass.restart", glass, np.zeros((30, 3)), INFO)
    save_glass(tmp_path / "odd#name.npz", glass, np.zeros((30, 3)), INFO)
    positions = np.stack([np.zeros((30, 3)), glass.positions])
    minima = Minima(positions, [0, 1], [0, 0], [3, 12], glass.diameters, glass.box, "g")
    save_minima(tmp_path / "minima.npz", minima)
    names = [file.name for file in tmp_path.iterdir()]
    return {name: str(tmp_path / name) + ("#12" if "minima" in name else "") for name in names}


def test_every_format_gives_the_same_particles(files, glass):
    assert len(files) == 9
    for spec in files.values():
        read = read_configuration(spec, "charge")
        np.testing.assert_allclose(read.positions, glass.positions, rtol=0, atol=1e-8)
        np.testing.assert_allclose(read.diameters, glass.diameters, rtol=0, atol=1e-8)
        assert read.box == glass.box
        assert read.source == spec


def test_the_charge_column_is_not_taken_unasked(files):
    with pytest.raises(InputError, match="--diameter-from charge"):
        read_configuration(files["charge.lmp"])


def test_identifiers_are_for_minima(files, tmp_path):
    with pytest.raises(InputError, match="is LAMMPS data"):
        read_configuration(files["sphere.data"] + "#1")
    with pytest.raises(InputError, match="'x12' after '#'"):
        read_configuration(f"{tmp_path}/minima.npz#x12")
    with pytest.raises(InputError, match="one configuration"):
        read_configuration(files["glass.npz"] + "#1")


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_configuration(tmp_path / "none.xyz")
    with pytest.raises(InputError, match="not a file"):
        read_configuration(tmp_path)


def test_a_title_that_is_a_number_does_not_make_xyz(files, glass, tmp_path):
    lines = (tmp_path / "sphere.data").read_text().splitlines()
    for number, before in (("400", ""), ("30", "\n# comment"), ("007", "\n\n\n")):
        path = tmp_path / "numbered"
        path.write_text("\n".join([number + before, *lines[1:]]) + "\n")
        read = read_configuration(path)
        np.testing.assert_allclose(read.positions, glass.positions, rtol=0, atol=1e-12)
    frame = (tmp_path / "frame").read_text().splitlines()
    path.write_text("\n".join([frame[0], 'note="of 30 atoms" ' + frame[1], *frame[2:]]) + "\n")
    assert len(read_configuration(path)) == 30
    path.write_text("2\nplain XYZ\nA 0 0 0\nA 1 1 1\n")
    with pytest.raises(InputError, match="no Lattice"):
        read_configuration(path)
