"""What LAMMPS is told about a system: classes of size, data files, checks before LAMMPS's own."""

import numpy as np
import pytest
from test_lammps_models import KOB_ANDERSEN, dimer_model, mixture, write_dimer

from tlsfind.config import LammpsModel
from tlsfind.configuration import Configuration, wrap
from tlsfind.engine.lammps.data import read_data_file
from tlsfind.engine.lammps.engine import LammpsEngine
from tlsfind.engine.lammps.system import System, split_commands
from tlsfind.engine.native.potential import CUTOFF, mixed_diameter
from tlsfind.errors import ConfigError, InputError
from tlsfind.interop.lammps_data import read_lammps_data


@pytest.mark.parametrize("classes", [1, 4, 8])
def test_cutoffs_of_size_classes_hold_every_pair(make_liquid, classes):
    liquid = make_liquid(1)
    system = System.polydisperse(liquid.diameters, liquid.box, classes)
    cutoffs = {}
    for command in system.pair_commands[1:]:
        words = command.split()
        cutoffs[int(words[1]), int(words[2])] = float(words[-1])
    assert len(cutoffs) == classes * (classes + 1) // 2
    a, b = liquid.diameters[:, None], liquid.diameters[None, :]
    ranges = CUTOFF * mixed_diameter.py_func(a, b)
    for (i, j), cutoff in cutoffs.items():
        inside = ranges[np.ix_(system.types == i, system.types == j)]
        assert inside.max() <= cutoff + 1e-12
    assert max(cutoffs.values()) == pytest.approx(ranges.max())
    counts = np.bincount(system.types)[1:]
    assert np.ptp(counts) <= 1
    np.testing.assert_array_equal(system.masses, np.ones(len(liquid)))


def test_more_classes_than_particles():
    system = System.polydisperse(np.array([1.0, 1.1, 1.0]), 20.0, 8)
    assert len(system.masses_by_type) == 3
    assert sorted(system.types) == [1, 2, 3]


def test_a_small_box_is_named():
    with pytest.raises(InputError, match=r"box edge 2\.4 is too small.*1\.25.*half the box"):
        System.polydisperse(np.ones(5), 2.4)


def test_sameness_is_of_content(make_liquid):
    liquid = make_liquid(1)
    system = System.polydisperse(liquid.diameters, liquid.box)
    assert system.same_as(System.polydisperse(liquid.diameters.copy(), liquid.box))
    assert not system.same_as(System.polydisperse(liquid.diameters[::-1], liquid.box))
    assert not system.same_as(System.polydisperse(liquid.diameters, 1.01 * liquid.box))
    configuration = mixture(27, 6.0, 0.8)
    model = LammpsModel(**KOB_ANDERSEN)
    other = LammpsModel(**{**KOB_ANDERSEN, "commands": "pair_style zero 2.5\npair_coeff * *"})
    typed = System.from_model(model, configuration)
    assert typed.same_as(System.from_model(model, mixture(27, 6.0, 0.8)))
    assert not typed.same_as(System.from_model(other, configuration))
    assert not typed.same_as(system)


def test_data_text_of_spheres_is_read_back(make_liquid, tmp_path):
    liquid = make_liquid(2)
    system = System.polydisperse(liquid.diameters, liquid.box)
    path = tmp_path / "spheres.data"
    path.write_text(system.data_text(liquid.positions + 3 * liquid.box))
    again = read_lammps_data(path)
    np.testing.assert_array_equal(again.diameters, liquid.diameters)
    assert again.box == liquid.box
    np.testing.assert_allclose(again.positions, liquid.positions, atol=1e-12)
    data = read_data_file(path, "sphere")
    np.testing.assert_array_equal(data.types, system.types)
    np.testing.assert_allclose(data.own_masses, 1.0, rtol=1e-14)


def test_data_text_of_a_mixture_is_read_back(tmp_path):
    configuration = mixture(27, 6.0, 0.8)
    model = {**KOB_ANDERSEN, "species": {"A": {"share": 1, "mass": 2.5}, "B": {"share": 0}}}
    path = tmp_path / "mixture.data"
    path.write_text(System.from_model(LammpsModel(**model), configuration).data_text(
        configuration.positions
    ))  # fmt: skip
    data = read_data_file(path, "atomic")
    np.testing.assert_array_equal(data.types, configuration.types)
    np.testing.assert_array_equal(data.masses, [2.5, 1.0])
    assert data.box == 6.0
    system = System.from_model(LammpsModel(**{**KOB_ANDERSEN, "data_file": path}), configuration)
    np.testing.assert_array_equal(np.unique(system.masses), [1.0, 2.5])
    text = system.data_text(configuration.positions + 6.0)
    (tmp_path / "again.data").write_text(text)
    assert text.splitlines()[-27:] == path.read_text().splitlines()[-27:] or np.allclose(
        read_rows(text), read_rows(path.read_text())
    )


def read_rows(text):
    return np.array([line.split() for line in text.splitlines()[-27:]], dtype=float)


def test_topology_of_a_data_file_survives(tmp_path):
    path = write_dimer(tmp_path / "dimer.data")
    configuration = Configuration(
        np.array([[19.0, 10, 10], [20.5, 10, 10]]), np.ones(2), 20.0, types=np.array([1, 1])
    )
    system = System.from_model(LammpsModel(**dimer_model(path)), configuration)
    positions = np.array([[19.5, 4.0, 5.0], [21.0, -4.0, 5.0]])
    lines = system.data_text(positions).splitlines()
    x, y, z = wrap(positions, 20.0)[1].tolist()
    assert f"2 1 1 {x!r} {y!r} {z!r}" in lines
    assert "1 1 1 19.5 4.0 5.0" in lines
    assert "0.0 20.0 xlo xhi" in lines
    assert lines[lines.index("Bonds") + 2] == "1 1 1 2"
    commands = system.commands(path)
    before = commands.index(f'read_data "{path}"')
    assert commands.index("bond_style harmonic") < before  # the file holds its coefficients
    assert commands.index("pair_style zero 3.0") > before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"counts": "2 atoms\n2 atom types", "sections": "Masses\n\n1 1\n2 1"},
            "declares 2 atom types, expected 1: .* are X",
        ),
        ({"counts": "2 atoms\n2 atom types"}, "1 masses and 2 atom types"),
        ({"counts": "3 atoms\n1 atom types"}, "2 lines in the section Atoms, expected 3"),
        ({"box": "0 9 xlo xhi\n0 9 ylo yhi\n0 9 zlo zhi"}, "box edge 9, expected 20"),
        ({"box": "0 9 xlo xhi\n0 8 ylo yhi\n0 9 zlo zhi"}, "expected a cubic box"),
        ({"box": "0 9 xlo xhi\n1 0 0 xy xz yz"}, "tilted box"),
        ({"atoms": "Atoms\n\n1 1 1 0 0 0\n3 1 1 0 0 0"}, "not 1 to 2, each once"),
        ({"atoms": "Atoms\n\n1 1 1 0 0 0\n2 1 1 0"}, "not a data file of atom_style bond"),
        ({"sections": "Masses\n\n2 1.0"}, r"masses of the types \[2\], expected each"),
    ],
)
def test_data_files_that_do_not_fit(tmp_path, changes, message):
    path = write_dimer(tmp_path / "dimer.data", **changes)
    configuration = Configuration(np.zeros((2, 3)), np.ones(2), 20.0, types=np.array([1, 1]))
    with pytest.raises(InputError, match=message):
        System.from_model(LammpsModel(**dimer_model(path)), configuration)


def test_particles_that_do_not_fit_the_model(tmp_path):
    path = write_dimer(tmp_path / "dimer.data")
    model = LammpsModel(**dimer_model(path))
    with pytest.raises(InputError, match="holds 2 particles, expected 3"):
        System.from_model(model, Configuration(np.zeros((3, 3)), np.ones(3), 20.0, types=[1] * 3))
    with pytest.raises(InputError, match=r"types 1 to 2, expected 1 to 1.*species are X"):
        System.from_model(model, Configuration(np.zeros((2, 3)), np.ones(2), 20.0, types=[1, 2]))
    heavy = LammpsModel(**{**dimer_model(path), "species": {"X": {"mass": 5.0}}})
    with pytest.raises(ConfigError, match=r"species\.X\.mass is 5 and .* has 4"):
        System.from_model(
            heavy, Configuration(np.zeros((2, 3)), np.ones(2), 20.0, types=np.array([1, 1]))
        )
    full = LammpsModel(**{**KOB_ANDERSEN, "atom_style": "full"})
    with pytest.raises(ConfigError, match="'full' needs a data_file"):
        System.from_model(full, mixture(27, 6.0, 0.8))
    nowhere = LammpsModel(**dimer_model(tmp_path / "nowhere.data"))
    with pytest.raises(InputError, match=r"nowhere\.data does not exist"):
        System.from_model(nowhere, Configuration(np.zeros((1, 3)), np.ones(1), 5.0, types=[1]))


def test_commands_are_split():
    text = "a 1 # comment\n\n  b 2 &\n 3 &\n  4\n# nothing\nc &"
    assert split_commands(text) == ["a 1", "b 2 3 4", "c"]


def test_a_quoted_number_sign_is_no_comment():
    text = "pair_coeff 1 1 \"a#b\" 1.0 # one\npair_coeff 1 2 'c # d'\n# nothing else"
    assert split_commands(text) == ['pair_coeff 1 1 "a#b" 1.0', "pair_coeff 1 2 'c # d'"]


CHARGED = """two ions of one type

2 atoms
1 atom types
0.0 9.0 xlo xhi
0.0 9.0 ylo yhi
0.0 9.0 zlo zhi

Atoms # charge

1 1 1.0 1.0 1.0 1.0
2 1 {charge} 4.0 4.0 4.0
"""


def test_particles_of_a_type_must_be_alike(tmp_path):
    path = tmp_path / "ions.data"
    path.write_text(CHARGED.format(charge="1.00"))
    read_data_file(path, "charge").check_alike()
    path.write_text(CHARGED.format(charge="-1.0"))
    with pytest.raises(InputError, match=r"particles of type 1 have 1\.0 and -1\.0 between type"):
        read_data_file(path, "charge").check_alike()
    model = LammpsModel(
        atom_style="charge",
        species={"ion": {}},
        commands="pair_style lj/cut 2.5\npair_coeff * * 1.0 1.0",
        data_file=path,
    )
    ions = Configuration(np.eye(3)[:2], np.ones(2), 9.0, "ions", np.array([1, 1]))
    with pytest.raises(InputError, match=r"ions\.data: particles of type 1"):
        System.from_model(model, ions)


def test_a_potential_that_lacks_a_pair_is_found_at_the_start():
    mixture = LammpsModel(
        species={"A": {"share": 0.5}, "B": {"share": 0.5}},
        commands="pair_style lj/cut 2.5\npair_coeff 1 1 1.0 1.0",
    )
    pair = Configuration(
        np.array([[1.0, 1, 1], [3, 3, 3]]), np.ones(2), 9.0, "two", np.array([1, 2])
    )
    with pytest.raises(ConfigError, match=r"model\.lammps\.commands: .*pair coeffs are not set"):
        LammpsEngine(System.from_model(mixture, pair))


def test_masses_left_out_are_one_or_those_of_the_file(tmp_path):
    model = LammpsModel(
        species={"A": {"share": 0.5, "mass": 3.0}, "B": {"share": 0.5}},
        commands="pair_style lj/cut 2.5\npair_coeff * * 1.0 1.0",
    )
    dumped = LammpsModel.model_validate(model.model_dump(mode="json"))
    pair = Configuration(np.eye(3)[:2], np.ones(2), 9.0, "two", np.array([1, 2]))
    for entry in (model, dumped):
        np.testing.assert_array_equal(System.from_model(entry, pair).masses, [3.0, 1.0])
