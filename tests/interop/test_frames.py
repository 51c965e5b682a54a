"""Frames of dumps and of extended XYZ: what is written is read, what is wrong is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from frame_files import write_dump, write_lines, write_xyz
from tlsfind.configuration import Configuration
from tlsfind.errors import InputError
from tlsfind.interop.extxyz import write_extxyz
from tlsfind.interop.frames import find_files, natural_order, read_frames

N, BOX = 12, 4.75
SPECIES = {"A": 1.0, "B": 0.88}


@pytest.fixture(scope="module")
def particles():
    """Diameters, types, and three frames that wander out of the box, some of them far."""
    rng = np.random.default_rng(3)
    positions = rng.uniform(0, BOX, (N, 3))
    frames = []
    for step in (0, 50, 200):
        positions = positions + rng.normal(0, 2.0, (N, 3))
        frames.append((step, positions))
    diameters = rng.uniform(0.7, 1.6, N)
    types = np.array([1, 1, 2] * 4)
    return diameters, types, frames


def check(found, frames, diameters, unwrapped=True):
    found = list(found)
    assert [frame.step for frame in found] == [step for step, _ in frames]
    assert [frame.number for frame in found] == list(range(1, len(frames) + 1))
    for frame, (_, positions) in zip(found, frames, strict=True):
        assert frame.configuration.box == pytest.approx(BOX, rel=1e-15)
        assert frame.ids.tolist() == list(range(1, N + 1))
        np.testing.assert_array_equal(frame.configuration.diameters, diameters)
        difference = frame.configuration.positions - positions
        if not unwrapped:
            difference -= BOX * np.rint(difference / BOX)
        np.testing.assert_allclose(difference, 0, atol=1e-13)
    return found


@pytest.mark.parametrize("low", [0.0, -2.5])
@pytest.mark.parametrize("shuffle", [None, 7])
@pytest.mark.parametrize(
    ("coordinates", "unwrapped"),
    [
        ("xu yu zu", True),
        ("x y z ix iy iz", True),
        ("x y z", False),
        ("xs ys zs ix iy iz", True),
        ("xs ys zs", False),
        ("xsu ysu zsu", True),
        # unwrapped ones need no image flags, which must not be applied twice
        ("x y z xu yu zu ix iy iz", True),
        ("xsu ysu zsu ix iy iz", True),
    ],
)
def test_coordinates_of_dumps(tmp_path, particles, coordinates, unwrapped, shuffle, low):
    diameters, types, frames = particles
    extra = {"type": types, "diameter": diameters}
    path = write_dump(tmp_path / "a", frames, BOX, extra, coordinates, low, shuffle)
    check(read_frames(path), frames, diameters, unwrapped)


def test_gzip_units_and_time_in_dumps(tmp_path, particles):
    diameters, _, frames = particles
    header = ["ITEM: UNITS", "lj", "ITEM: TIME", "0.5"]
    path = tmp_path / "dump.gz"
    write_dump(path, frames, BOX, {"diameter": diameters}, header=header)
    found = check(read_frames(path), frames, diameters)
    assert {frame.units for frame in found} == {"lj"}
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"dump\.gz is damaged"):
        list(read_frames(path))


@pytest.mark.parametrize("bounds", ["", "xy xz yz pp pp pp"])
def test_boxes_without_flags_or_with_zero_tilt(tmp_path, particles, bounds):
    diameters, _, frames = particles
    path = write_dump(tmp_path / "a", frames, BOX, {"diameter": diameters}, bounds=bounds)
    check(read_frames(path), frames, diameters)


def test_diameters_by_radius_or_charge(tmp_path, particles):
    diameters, _, frames = particles
    path = write_dump(tmp_path / "radius", frames, BOX, {"radius": diameters / 2})
    check(read_frames(path), frames, diameters)
    path = write_dump(tmp_path / "charge", frames, BOX, {"q": diameters})
    check(read_frames(path, diameter_from="charge"), frames, diameters)
    with pytest.raises(InputError, match=r"expected a column diameter or radius.*--diameter-from"):
        list(read_frames(path))


def test_extended_xyz(tmp_path, particles):
    diameters, _, frames = particles
    columns = {"species": ["X"] * N, "diameter": diameters}
    path = write_xyz(tmp_path / "a.xyz", frames, BOX, columns, "Timestep")
    check(read_frames(path), frames, diameters)
    path = write_xyz(tmp_path / "b.xyz.gz", [(None, p) for _, p in frames], BOX, columns)
    assert [frame.step for frame in read_frames(path)] == [None] * 3
    # ids put the particles in order
    order = np.random.default_rng(1).permutation(N)
    columns = {"id": order + 1, "diameter": diameters[order]}
    path = write_xyz(tmp_path / "c.xyz", [(s, p[order]) for s, p in frames], BOX, columns)
    check(read_frames(path), frames, diameters)


def test_blank_lines_lose_no_frame(tmp_path, particles):
    """The reader of ASE takes a blank line for the end."""
    diameters, _, frames = particles
    parts = [
        write_xyz(tmp_path / f"{k}.xyz", [frame], BOX, {"diameter": diameters}).read_text()
        for k, frame in enumerate(frames)
    ]
    path = tmp_path / "all.xyz"
    path.write_text("\n\n".join(parts) + "\n\n")
    check(read_frames(path), frames, diameters)


def test_what_the_project_writes_is_read(tmp_path, particles):
    diameters, types, frames = particles
    for kinds, species in ((None, None), (types, SPECIES)):
        sizes = diameters if kinds is None else np.array([1.0, 0.88])[types - 1]
        configuration = Configuration(frames[0][1], sizes, BOX, types=kinds)
        write_extxyz(tmp_path / "one.xyz", configuration, info={"step": 0})
        found = check(read_frames(tmp_path / "one.xyz", species), frames[:1], sizes)
        assert (found[0].configuration.types is None) == (kinds is None)


def test_types_by_number_and_by_name(tmp_path, particles):
    _, types, frames = particles
    sizes = np.array([1.0, 0.88])[types - 1]
    names = [["A", "B"][kind - 1] for kind in types]
    files = [
        write_dump(tmp_path / "a", frames, BOX, {"type": types}),
        write_dump(tmp_path / "b", frames, BOX, {"element": names}, shuffle=1),
        write_dump(tmp_path / "c", frames, BOX, {"type": types, "element": names}),
        # what LAMMPS writes where nobody told it the elements
        write_dump(tmp_path / "d", frames, BOX, {"type": types, "element": ["C"] * N}),
        write_dump(tmp_path / "e", frames, BOX, {"type": names}),
        write_xyz(tmp_path / "f", frames, BOX, {"species": names}),
        write_xyz(tmp_path / "g", frames, BOX, {"species": ["X"] * N, "type": types}),
    ]
    for file in files:
        for frame in check(read_frames(file, SPECIES), frames, sizes):
            np.testing.assert_array_equal(frame.configuration.types, types)
    wrong = {
        "no type": ({}, "expected type .by number. or element .*: 1 A, 2 B"),
        "type": ({"type": types + 1}, "line 12: found '3' in column type, expected one of"),
        "element": ({"element": ["Q"] * N}, "line 10: found 'Q' in column element"),
        "both": (
            {"type": types, "element": ["A"] * N},
            "line 12: found 'A' in column element, expected B, as it is of type 2",
        ),
    }
    for name, (columns, message) in wrong.items():
        path = write_dump(tmp_path / name, frames, BOX, columns)
        with pytest.raises(InputError, match=message):
            list(read_frames(path, SPECIES))


# Changes of a good dump (lines from 0), and what is said about them.
DUMP_MISTAKES = {
    "no digits": ({1: "zero"}, "frame 1, line 2: found 'zero', expected the time step"),
    "no particles": ({3: "0"}, "frame 1, line 4: found '0', expected particles"),
    "triclinic": (
        {4: "ITEM: BOX BOUNDS xy xz yz pp pp pp", 5: "0 4.75 0.1", 6: "0 4.75 0", 7: "0 4.75 0"},
        "line 8: found tilt factors 0.1 0 0, expected a cubic box",
    ),
    "general triclinic": (
        {4: "ITEM: BOX BOUNDS abc origin"},
        "line 5: found a general triclinic box, expected a cubic box",
    ),
    "not cubic": ({5: "0 4.5"}, "line 8: found a box of 4.5 x 4.75 x 4.75"),
    "walls": ({4: "ITEM: BOX BOUNDS pp pp ff"}, "line 5: found boundaries pp pp ff"),
    "bounds": ({6: "0 x"}, "line 7: found '0 x', expected 2 numbers, the bounds in y"),
    "no id": ({8: "ITEM: ATOMS mol diameter xu yu zu"}, "line 9.*expected a column id"),
    "no names": ({8: "ITEM: ATOMS"}, "line 9.*names of columns"),
    "no place": ({8: "ITEM: ATOMS id diameter a b c"}, "line 9.*expected coordinates xu yu zu or"),
    "other item": ({2: "ITEM: NUMBER OF ENTRIES"}, "line 3: found ITEM: NUMBER OF ENTRIES"),
    "too few columns": ({10: "2 1.0 1 1"}, "line 11: found 4 columns, expected 5 for each of 12"),
    "a word": ({10: "2 1.0 1 1 here"}, "line 11: found 'here' in column zu, expected a finite"),
    "nan": ({10: "2 1.0 1 nan 1"}, "line 11: found 'nan' in column yu"),
    "double id": ({10: "1 1.0 1 1 1"}, "line 11: found '1' in column id, expected every id once"),
    "id": ({10: "2.0 1.0 1 1 1"}, "line 11: found '2.0' in column id, expected a whole number"),
    "diameter": ({10: "2 -1.0 1 1 1"}, "frame 1.*diameter that is not a positive number.*2 with"),
    "other diameter": ({31: "2 9.0 1 1 1"}, "frame 1 and .*frame 2 hold different particles"),
    "other box": (dict.fromkeys((26, 27, 28), "0 4.76"), "frame 1 has box edge 4.75 and"),
    "other id": ({41: "99 DIAMETER 1 1 1"}, "frame 2 hold different particles: id 12"),
    "same step": ({22: "0"}, "frame 2: step 0 follows step 0, expected steps that increase"),
}


@pytest.fixture
def dump(tmp_path, particles):
    diameters, _, frames = particles
    path = write_dump(tmp_path / "dump", frames, BOX, {"diameter": diameters})
    return path, path.read_text().splitlines(), diameters


@pytest.mark.parametrize("mistake", DUMP_MISTAKES)
def test_mistakes_in_dumps_are_named(dump, mistake):
    path, lines, diameters = dump
    changes, message = DUMP_MISTAKES[mistake]
    for number, line in changes.items():
        lines[number] = line.replace("DIAMETER", f"{diameters[-1]:.17g}")
    write_lines(path, lines)
    with pytest.raises(InputError, match=message) as error:
        list(read_frames(path))
    assert str(path) in str(error.value)


def test_cut_off_files(dump, tmp_path, particles):
    path, lines, diameters = dump
    write_lines(path, lines[:-3])
    with pytest.raises(InputError, match=r"frame 3, line 60: found the end of the file.*cut off"):
        list(read_frames(path))
    write_lines(path, [*lines, "stray"])
    with pytest.raises(InputError, match="line 64: found 'stray', expected a line that begins"):
        list(read_frames(path))
    path = write_xyz(tmp_path / "a.xyz", particles[2], BOX, {"diameter": diameters})
    lines = path.read_text().splitlines()
    write_lines(path, lines[:-1])
    with pytest.raises(InputError, match="frame 3, line 41: found the end of the file"):
        list(read_frames(path))


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "file"
    with pytest.raises(InputError, match="file does not exist"):
        list(read_frames(path))
    for content, message in {
        b"": "holds no frame",
        b"LAMMPS data file\n\n12 atoms\n": "expected a LAMMPS text dump",
        b"\xff\xfe\x00\x01": "is not text",
        b"ITEM: TIMESTEP\n": "line 1: found the end of the file",
    }.items():
        path.write_bytes(content)
        with pytest.raises(InputError, match=message):
            list(read_frames(path))
    with pytest.raises(InputError, match="cannot be read"):
        list(read_frames(tmp_path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("Lattice", "Box"), "frame 1 has no Lattice"),
        (('pbc="T T T"', 'pbc="T T F"'), "frame 1 has pbc"),
        (("step=0", "step=0.5"), "line 2: found step=0.5, expected a whole number"),
        (("step=50", "step=0"), "frame 2: step 0 follows step 0"),
        (("step=50", ""), "frame 2: some frames have a step and some have none"),
        (("diameter:R:1:", "diameter:R:"), "line 2: found Properties="),
        (("diameter:R:1:pos:R:3", "pos:R:3"), "line 3: found 4 columns, expected 3"),
        (("diameter:R:1", "size:R:1"), "columns size x y z, expected a column diameter"),
    ],
)
def test_mistakes_in_xyz_are_named(tmp_path, particles, change, message):
    diameters, _, frames = particles
    path = write_xyz(tmp_path / "a.xyz", frames, BOX, {"diameter": diameters})
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(InputError, match=message):
        list(read_frames(path))


def test_triclinic_xyz_is_refused(tmp_path, particles):
    diameters, _, frames = particles
    for lattice in ("4.75 0 0 1 4.75 0 0 0 4.75", "4.75 0 0 0 4.75 0 0 0 5", "4.75"):
        path = write_xyz(tmp_path / "a", frames, BOX, {"diameter": diameters}, lattice=lattice)
        with pytest.raises(InputError, match="Lattice="):
            list(read_frames(path))


def test_frames_are_read_one_at_a_time(dump):
    """A mistake in a later frame is met when that frame is."""
    path, lines, _ = dump
    write_lines(path, lines[:-1])
    frames = read_frames(path)
    assert [next(frames).number, next(frames).number] == [1, 2]
    with pytest.raises(InputError, match="frame 3"):
        next(frames)


def test_files_in_natural_order(tmp_path, monkeypatch):
    names = ["run2/dump.10", "run2/dump.9", "run10/dump.1", "run2/dump.x", "a.xyz"]
    assert list(map(str, natural_order(map(Path, names)))) == [
        "a.xyz", "run2/dump.9", "run2/dump.10", "run2/dump.x", "run10/dump.1"
    ]  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for name in names:
        write_lines(tmp_path / name, [""])
    found = find_files(["run*/dump.[0-9]*", "run2/*"])
    assert list(map(str, found)) == ["run2/dump.9", "run2/dump.10", "run2/dump.x", "run10/dump.1"]
    with pytest.raises(InputError, match=r"no file matches 'runs/\*'"):
        find_files(["a.xyz", "runs/*"])
