"""Data files of particles with types: every style, and what is said of wrong ones."""

import numpy as np
import pytest

from tlsfind.errors import InputError
from tlsfind.interop.lammps_types import read_lammps_types

MIDDLE = {
    "atomic": "{kind}",
    "charge": "{kind} -0.5",
    "sphere": "{kind} 1.1 0.9",
    "molecular": "7 {kind}",
    "full": "7 {kind} -0.5",
}
PLACES = [("1.0 2.0 3.0", 2), ("-0.5 0.25 9.0", 1), ("4.0 4.5 4.75", 2)]


def data_file(path, style="atomic", types=2, flags="", hint=None, ids=(3, 1, 2)):
    """Three particles in a box from -1 to 9, in the order of ``ids``."""
    lines = ["title with 99 atoms", "", "3 atoms", f"{types} atom types", ""]
    lines += [f"-1 9 {axis}lo {axis}hi" for axis in "xyz"] + [""]
    lines += [f"Atoms{f' # {hint}' if hint else ''}", ""]
    for identifier, (place, kind) in zip(ids, PLACES, strict=True):
        lines.append(f"{identifier} {MIDDLE[style].format(kind=kind)} {place} {flags}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("style", sorted(MIDDLE))
@pytest.mark.parametrize("flags", ["", "1 0 -1"])
@pytest.mark.parametrize("hinted", [True, False])
def test_every_style(tmp_path, style, flags, hinted):
    file = data_file(tmp_path / "a", style, flags=flags, hint=style if hinted else None)
    found = read_lammps_types(file, style, ["A", "B"])
    assert found.box == 10.0
    assert found.types.dtype == np.int32
    assert found.types.tolist() == [1, 2, 2]  # by id
    expected = np.array([[0.5, 1.25, 10.0], [5.0, 5.5, 5.75], [2.0, 3.0, 4.0]])
    if flags:
        expected += [10.0, 0.0, -10.0]
    np.testing.assert_allclose(found.positions, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "style", "message"),
    [
        ({"types": 3}, "atomic", r"line 4: found 3 atom types, expected 2, .*\(A, B\)"),
        ({"types": 1}, "atomic", "found 1 atom types, expected 2"),
        ({"hint": "full"}, "atomic", "found atom_style full, expected atomic, the atom_style of"),
        ({"hint": "hybrid atomic bond"}, "atomic", "found atom_style hybrid atomic bond"),
        ({}, "full", "5 columns, expected 7 or 10 of atom_style full"),
        ({}, "ellipsoid", "atom_style ellipsoid in the config, expected one"),
        ({"ids": (1, 2, 5)}, "atomic", "ids up to 5 of 3 atoms, expected the ids 1 to 3"),
        ({"ids": (1, 2, 2)}, "atomic", "found id 2, which is also in line"),
    ],
)
def test_wrong_files(tmp_path, changes, style, message):
    file = data_file(tmp_path / "wrong.data", **changes)
    with pytest.raises(InputError, match=message) as raised:
        read_lammps_types(file, style, ["A", "B"])
    assert "wrong.data" in str(raised.value)


def test_a_type_beyond_the_header(tmp_path):
    file = data_file(tmp_path / "wrong.data")
    file.write_text(file.read_text().replace("3 2 1.0", "3 4 1.0"))
    with pytest.raises(InputError, match=r"line 12: found particle type 4, expected 1 to 2 \(A, B"):
        read_lammps_types(file, "atomic", ["A", "B"])


def test_no_line_of_types(tmp_path):
    file = data_file(tmp_path / "wrong.data")
    file.write_text(file.read_text().replace("2 atom types", ""))
    with pytest.raises(InputError, match="found 0 lines 'N atom types'"):
        read_lammps_types(file, "atomic", ["A", "B"])


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_lammps_types(tmp_path / "none", "atomic", ["A"])
