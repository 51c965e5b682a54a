"""Extended XYZ through ASE: round trips and faults."""

from __future__ import annotations

import ase
import ase.io
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tlsfind.configuration import Configuration
from tlsfind.errors import InputError
from tlsfind.interop.extxyz import read_extxyz, write_extxyz

FRAME = """\
3
Lattice="4.5 0.0 0.0 0.0 4.5 0.0 0.0 0.0 4.5" pbc="T T T" \
Properties=species:S:1:pos:R:3:diameter:R:1
A 0.5 1.0 1.5 0.8
B 2.5 -1.0 7.5 1.25
A 1.5 4.0 0.5 1.0
"""


@pytest.fixture
def glass() -> Configuration:
    random = np.random.default_rng(1)
    return Configuration(
        random.uniform(-9, 9, (60, 3)), random.uniform(0.7, 1.6, 60), 60 ** (1 / 3)
    )


def refusal(folder, text: str) -> str:
    path = folder / "frame.xyz"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_extxyz(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_frame_with_species_that_are_not_elements(tmp_path):
    path = tmp_path / "frame.xyz"
    path.write_text(FRAME)
    read = read_extxyz(path)
    assert read.box == 4.5
    np.testing.assert_array_equal(read.diameters, [0.8, 1.25, 1.0])
    np.testing.assert_array_equal(read.positions[1], [2.5, -1.0, 7.5])


def test_periodic_where_the_file_does_not_say(tmp_path):
    path = tmp_path / "frame.xyz"
    path.write_text(FRAME.replace('pbc="T T T" ', ""))
    assert len(read_extxyz(path)) == 3


@settings(max_examples=40, deadline=None)
@given(data=st.data(), n=st.integers(1, 10), box=st.floats(0.5, 60.0))
def test_round_trip(tmp_path_factory, data, n, box):
    positions = data.draw(hnp.arrays(float, (n, 3), elements=st.floats(-500, 500)))
    diameters = data.draw(hnp.arrays(float, n, elements=st.floats(0.01, 10)))
    path = tmp_path_factory.getbasetemp() / "round_trip.xyz"
    write_extxyz(path, Configuration(positions, diameters, box))
    read = read_extxyz(path)
    assert read.box == box
    np.testing.assert_array_equal(read.positions, positions)
    np.testing.assert_array_equal(read.diameters, diameters)


def test_displacements_and_info_as_others_see_them(tmp_path, glass):
    moved = np.random.default_rng(2).normal(size=(60, 3))
    path = tmp_path / "pair.xyz"
    info = {
        "glass": "T0.092-0003",
        "minimum_a": 4,
        "barrier": np.float64(0.0123456789),
        "n": "a\nb",
    }
    write_extxyz(path, glass, displacement=moved, info=info)
    atoms = ase.io.read(path)
    np.testing.assert_allclose(atoms.arrays["displacement"], moved, rtol=1e-15)
    np.testing.assert_allclose(atoms.arrays["diameter"], glass.diameters, rtol=1e-15)
    np.testing.assert_allclose(atoms.positions, glass.positions, rtol=1e-15)
    assert set(atoms.arrays) == {"numbers", "positions", "diameter", "displacement"}
    assert atoms.pbc.all()
    assert atoms.cell.volume == pytest.approx(60.0)
    assert atoms.info == {
        "glass": "T0.092-0003",
        "minimum_a": 4,
        "barrier": 0.0123456789,
        "n": "a b",
    }
    assert path.read_text().splitlines()[1].startswith('Lattice="')
    assert [file.name for file in tmp_path.iterdir()] == ["pair.xyz"]


def test_files_written_by_ase_are_read(tmp_path, glass):
    atoms = ase.Atoms("H60", glass.positions, cell=glass.box * np.eye(3), pbc=True)
    atoms.new_array("diameter", glass.diameters)
    ase.io.write(tmp_path / "ase.xyz", atoms, format="extxyz")
    read = read_extxyz(tmp_path / "ase.xyz")
    np.testing.assert_allclose(read.positions, glass.positions, rtol=0, atol=1e-8)
    np.testing.assert_allclose(read.diameters, glass.diameters, rtol=0, atol=1e-8)


def test_edges_of_six_digits_are_cubic(tmp_path):
    path = tmp_path / "frame.xyz"
    path.write_text(FRAME.replace('0.0 4.5"', '0.0 4.5000009"'))
    assert read_extxyz(path).box == pytest.approx(4.5000003, abs=1e-12)
    assert "cubic" in refusal(tmp_path, FRAME.replace('0.0 4.5"', '0.0 4.500009"'))


def test_writer_refuses_what_does_not_fit(tmp_path, glass):
    with pytest.raises(ValueError, match="displacement"):
        write_extxyz(tmp_path / "x.xyz", glass, displacement=np.zeros((59, 3)))
    with pytest.raises(ValueError, match="key"):
        write_extxyz(tmp_path / "x.xyz", glass, info={"Lattice": 1})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('Lattice="4.5 0.0 0.0 0.0 4.5 0.0 0.0 0.0 4.5" ', "", ["no Lattice"]),
        ("0.0 0.0 4.5", "0.0 0.0 4.6", ["4.6", "cubic"]),
        ("4.5 0.0 0.0 0.0 4.5", "4.5 0.0 0.0 0.3 4.5", ["0.3", "cubic"]),
        ("0.0 0.0 4.5", "0.0 0.0 -4.5", ["-4.5", "cubic"]),
        ('pbc="T T T"', 'pbc="T T F"', ['pbc="T T F"', "T T T"]),
        ("diameter:R:1", "radius:R:1", ["'diameter'", "radius"]),
        (":diameter:R:1", "", ["'diameter'"]),
        ("diameter:R:1", "diameter:S:1", ["'diameter'", "real"]),
        ("2.5 -1.0 7.5 1.25", "2.5 -1.0 7.5", ["not readable"]),
        ("2.5 -1.0 7.5", "2.5 hello 7.5", ["not readable", "hello"]),
        ("2.5 -1.0 7.5", "2.5 nan 7.5", ["NaN", "particle 2"]),
        ("7.5 1.25", "7.5 0.0", ["diameter", "particle 2"]),
        ("3\n", "4\n", ["not readable"]),
        ("3\n", "2\n", ["not readable"]),
        ("3\n", "three\n", ["not readable", "three"]),
    ],
)
def test_faults_are_named(tmp_path, old, new, words):
    assert old in FRAME
    message = refusal(tmp_path, FRAME.replace(old, new, 1))
    for word in words:
        assert word in message


def test_exactly_one_frame(tmp_path):
    assert "3 frames, expected exactly one" in refusal(tmp_path, 3 * FRAME)
    assert "0 frames" in refusal(tmp_path, "")
    with pytest.raises(InputError, match="does not exist"):
        read_extxyz(tmp_path / "missing.xyz")


def test_types_come_back_and_ase_reads_the_file(tmp_path):
    from ase.io import read

    positions = np.random.default_rng(5).uniform(0.0, 4.0, (6, 3))
    types = np.array([1, 2, 2, 1, 3, 1], np.int32)
    typed = Configuration(positions, np.full(6, 0.9), 4.0, "typed", types)
    path = tmp_path / "typed.xyz"
    write_extxyz(path, typed, displacement=0.1 * positions)
    back = read_extxyz(path)
    np.testing.assert_array_equal(back.positions, positions)
    np.testing.assert_array_equal(back.types, types)
    np.testing.assert_array_equal(back.diameters, typed.diameters)
    atoms = read(path)
    np.testing.assert_array_equal(atoms.arrays["type"], types)
    np.testing.assert_array_equal(atoms.arrays["displacement"], 0.1 * positions)


def test_types_without_diameters_have_diameter_one(tmp_path):
    path = tmp_path / "types.xyz"
    path.write_text(
        '2\nLattice="5 0 0 0 5 0 0 0 5" Properties=species:S:1:pos:R:3:type:I:1 pbc="T T T"\n'
        "A 1.0 1.0 1.0 1\nB 2.0 2.0 2.0 2\n"
    )
    found = read_extxyz(path)
    np.testing.assert_array_equal(found.types, [1, 2])
    np.testing.assert_array_equal(found.diameters, [1.0, 1.0])
