"""The project's own format: round trips, damaged files, and single minima."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tlsfind.configuration import Configuration
from tlsfind.errors import InputError
from tlsfind.interop.native import (
    Minima,
    load_glass,
    load_minima,
    open_minima,
    read_minima,
    read_native,
    save_glass,
    save_minima,
    stream_positions,
)

INFO = {"glass": "T0.092-0003", "temperature": 0.0401, "preparation_temperature": 0.092}
FINITE = st.floats(-1e6, 1e6)


def some_minima(count: int = 4, particles: int = 6, **changes) -> Minima:
    random = np.random.default_rng(5)
    contents = {
        "positions": random.normal(size=(count, particles, 3)),
        "energies": random.normal(size=count),
        "max_forces": random.uniform(0, 1e-6, size=count),
        "minimum": 3 * np.arange(count) + 2,
        "diameters": random.uniform(0.7, 1.6, particles),
        "box": 2.5,
        "glass": "T0.07-0000",
    }
    return Minima(**{**contents, **changes})


@pytest.fixture
def glass_file(tmp_path):
    random = np.random.default_rng(6)
    glass = Configuration(random.normal(size=(5, 3)), np.linspace(0.8, 1.2, 5), 1.7)
    save_glass(
        tmp_path / "glass.npz", glass, random.normal(size=(5, 3)), {**INFO, "series": [1, 2]}
    )
    return tmp_path / "glass.npz"


def rewrite(path, **changes):
    """Change, or with None remove, keys of an archive."""
    with np.load(path) as archive:
        contents = {**archive, **changes}
    np.savez(path, **{key: value for key, value in contents.items() if value is not None})


@settings(max_examples=30, deadline=None)
@given(data=st.data(), n=st.integers(1, 8), box=st.floats(0.5, 50))
def test_glass_round_trip_is_exact(tmp_path_factory, data, n, box):
    positions, velocities = (data.draw(hnp.arrays(float, (n, 3), elements=FINITE)) for _ in "pv")
    diameters = data.draw(hnp.arrays(float, n, elements=st.floats(0.1, 3)))
    path = tmp_path_factory.getbasetemp() / "glass.npz"
    save_glass(path, Configuration(positions, diameters, box), velocities, INFO)
    glass, read_velocities, info = load_glass(path)
    np.testing.assert_array_equal(glass.positions, positions)
    np.testing.assert_array_equal(glass.diameters, diameters)
    np.testing.assert_array_equal(read_velocities, velocities)
    assert glass.box == box
    assert info == INFO


def test_further_keys_of_a_glass_are_kept(glass_file):
    glass, _, info = load_glass(glass_file)
    np.testing.assert_array_equal(info["series"], [1, 2])
    assert isinstance(info["temperature"], float)
    np.testing.assert_array_equal(read_native(glass_file).positions, glass.positions)


def test_files_are_written_at_once_and_alike(tmp_path):
    for name in ("one.npz", "two.npz"):
        save_minima(tmp_path / name, some_minima())
    assert sorted(file.name for file in tmp_path.iterdir()) == ["one.npz", "two.npz"]
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_glass_needs_its_names(tmp_path):
    glass = Configuration(np.zeros((2, 3)), np.ones(2), 1.0)
    with pytest.raises(ValueError, match="preparation_temperature"):
        save_glass(tmp_path / "g.npz", glass, np.zeros((2, 3)), {"glass": "x", "temperature": 1.0})
    with pytest.raises(ValueError, match="velocities"):
        save_glass(tmp_path / "g.npz", glass, np.zeros((3, 3)), INFO)
    assert not list(tmp_path.iterdir())


def test_minima_round_trip_and_single_minima(tmp_path):
    minima = some_minima()
    path = tmp_path / "minima.npz"
    save_minima(path, minima)
    read = load_minima(path)
    for name in ("positions", "energies", "max_forces", "minimum", "diameters"):
        np.testing.assert_array_equal(getattr(read, name), getattr(minima, name))
    assert (read.box, read.glass, len(read), read.minimum.dtype) == (2.5, "T0.07-0000", 4, np.int32)
    single = read.configuration(8)
    np.testing.assert_array_equal(single.positions, minima.positions[2])
    assert single.source == f"{path}#8"
    np.testing.assert_array_equal(read_native(path, 8).positions, single.positions)


def test_no_minima_are_minima_too(tmp_path):
    empty = np.zeros(0)
    minima = some_minima(0, energies=empty, max_forces=empty, minimum=empty)
    save_minima(tmp_path / "minima.npz", minima)
    assert len(load_minima(tmp_path / "minima.npz")) == 0


def test_which_minimum(tmp_path, glass_file):
    path = tmp_path / "minima.npz"
    save_minima(path, some_minima())
    with pytest.raises(InputError, match=r"no minimum 7, expected one of 2, 5, 8, 11"):
        read_native(path, 7)
    with pytest.raises(InputError, match=r"4 minima, expected .*#IDENTIFIER"):
        read_native(path)
    with pytest.raises(InputError, match="one configuration"):
        read_native(glass_file, 7)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"energies": np.zeros(3)}, "energies has shape"),
        ({"diameters": np.ones(7)}, "diameters has shape"),
        ({"positions": np.zeros((4, 18))}, "expected \\(n, N, 3\\)"),
        ({"minimum": np.array([1, 2, 2, 3])}, "twice"),
    ],
)
def test_minima_that_do_not_fit_together(changes, words):
    with pytest.raises(InputError, match=words):
        some_minima(**changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"velocities": None}, "lacks the key.*velocities"),
        ({"preparation_temperature": None}, "lacks the key.*preparation_temperature"),
        ({"positions": np.full((5, 3), np.nan)}, "NaN"),
        ({"positions": np.zeros((4, 3))}, "diameters for 4"),
        ({"velocities": np.full((5, 3), np.inf)}, "infinite velocities"),
        ({"velocities": np.zeros((4, 3))}, "velocities have shape"),
        ({"box": np.array([1.0, 2.0, 3.0])}, "cubic"),
        ({"diameters": np.array(list("abcde"))}, "real numbers"),
        ({"box": -1.0}, "positive"),
    ],
)
def test_faults_of_a_glass(glass_file, changes, words):
    rewrite(glass_file, **changes)
    with pytest.raises(InputError, match=words) as caught:
        load_glass(glass_file)
    assert str(glass_file) in str(caught.value)


@settings(max_examples=25, deadline=None)
@given(share=st.floats(0.0, 0.999))
def test_truncated_files(tmp_path_factory, share):
    path = tmp_path_factory.getbasetemp() / "truncated.npz"
    save_minima(path, some_minima(2))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    for read in (load_minima, load_glass, read_native):
        with pytest.raises(InputError, match=r"truncated\.npz"):
            read(path)


def test_a_flipped_bit_is_seen(tmp_path):
    path = tmp_path / "minima.npz"
    save_minima(path, some_minima())
    content = bytearray(path.read_bytes())
    content[content.index(some_minima().positions.tobytes()) + 11] ^= 4
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        load_minima(path)


def test_other_files(tmp_path):
    np.save(tmp_path / "array.npy", np.zeros(3))
    (tmp_path / "array.npy").rename(tmp_path / "array.npz")
    (tmp_path / "text.npz").write_text("positions\n")
    rows = {
        "array.npz": "single NumPy array",
        "text.npz": "not a complete",
        "none.npz": "not exist",
    }
    for name, words in rows.items():
        with pytest.raises(InputError, match=words):
            read_native(tmp_path / name)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_minima_are_read_one_by_one(tmp_path, save):
    rng = np.random.default_rng(0)
    path = tmp_path / "minima.npz"
    identifiers = np.array([4, 0, 7, 2, 9], dtype=np.int32)
    values = {"energies": np.zeros(5), "max_forces": np.zeros(5), "diameters": np.ones(4)}
    positions = rng.random((5, 4, 3))
    save(path, positions=positions, minimum=identifiers, box=2.0, glass="x", **values)
    last, first = read_minima(path, [9, 4])
    np.testing.assert_array_equal(last.positions, positions[4])
    np.testing.assert_array_equal(first.positions, positions[0])
    assert first.box == 2.0
    first.positions[0] = 0.0  # a copy: the file stays as it is
    np.testing.assert_array_equal(open_minima(path).positions, positions)
    np.testing.assert_array_equal(list(stream_positions(path)), positions)
    with pytest.raises(InputError, match="no minimum 3"):
        read_minima(path, [3])


def test_types_of_minima_are_read(tmp_path):
    values = {"energies": np.zeros(2), "max_forces": np.zeros(2), "diameters": np.ones(4)}
    arrays = {"positions": np.random.default_rng(0).random((2, 4, 3)), "minimum": np.arange(2)}
    path = tmp_path / "minima.npz"
    np.savez(path, **arrays, **values, box=2.0, glass="x", types=np.array([1, 2, 2, 1]))
    first, _ = read_minima(path, [0, 1])
    np.testing.assert_array_equal(first.types, [1, 2, 2, 1])
    np.savez(path, **arrays, **values, box=2.0, glass="x", types=np.array([1, 2]))
    with pytest.raises(InputError, match="expected 4 integers from 1"):
        read_minima(path, [0])


def test_damage_is_seen_while_streaming(tmp_path):
    path = tmp_path / "minima.npz"
    save_minima(path, some_minima())
    assert len(list(stream_positions(path))) == 4
    content = bytearray(path.read_bytes())
    content[content.index(some_minima().positions.tobytes()) + 11] ^= 4
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"minima\.npz is damaged"):
        list(stream_positions(path))


def test_mapped_minima_take_no_memory(tmp_path):
    path = tmp_path / "minima.npz"
    count, particles = 40, 5000
    values = {"energies": np.zeros(count), "max_forces": np.zeros(count)}
    save_minima(
        path,
        Minima(
            positions=np.ones((count, particles, 3)),
            minimum=np.arange(count),
            diameters=np.ones(particles),
            box=2.0,
            glass="x",
            **values,
        ),
    )
    peaks = []
    for read in (load_minima, open_minima, lambda path: sum(map(np.sum, stream_positions(path)))):
        tracemalloc.start()
        kept = read(path)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        del kept
    size = 24 * count * particles
    assert peaks[0] > size
    assert max(peaks[1:]) < 0.3 * size
