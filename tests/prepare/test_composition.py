"""Where models given as LAMMPS commands start: composition, lattice, data files."""

from fractions import Fraction

import numpy as np
import pytest

from tlsfind.config import Model
from tlsfind.configuration import minimum_image
from tlsfind.errors import InputError
from tlsfind.prepare.composition import species_counts, species_start


def model(shares=(0.8, 0.2), data_file=None, **changes):
    species = {f"S{k}": {"diameter": 1.0 - 0.1 * k} for k in range(len(shares))}
    for entry, share in zip(species.values(), shares, strict=True):
        if share is not None:
            entry["share"] = share
    lammps = {"species": species, "commands": "pair_style lj/cut 2.5", "data_file": data_file}
    return Model(density=1.2, lammps=lammps, **changes)


def naive_counts(shares, n):
    """Hand out the particles left over one by one to the species that lacks most."""
    exact = [Fraction(share).limit_denominator(10**6) * n for share in shares]
    counts = [int(x) for x in exact]
    while sum(counts) < n:
        lacks = [x - c for x, c in zip(exact, counts, strict=True)]
        counts[lacks.index(max(lacks))] += 1
    return counts


@pytest.mark.parametrize(
    ("shares", "n", "expected"),
    [
        ([0.8, 0.2], 400, [320, 80]),
        ([1 / 3, 1 / 3, 1 / 3], 200, [67, 67, 66]),
        ([0.64, 0.36], 257, [164, 93]),
        ([0.7, 0.2, 0.1], 203, [142, 41, 20]),
        ([0.5, 0.0, 0.5], 201, [101, 0, 100]),
        ([1.0], 200, [200]),
    ],
)
def test_counts(shares, n, expected):
    assert species_counts(shares, n) == expected


def test_counts_against_a_naive_count():
    rng = np.random.default_rng(0)
    for _ in range(200):
        cents = rng.multinomial(100, rng.dirichlet(np.ones(rng.integers(1, 6))))
        shares, n = (cents / 100).tolist(), int(rng.integers(200, 1000))
        counts = species_counts(shares, n)
        assert sum(counts) == n
        assert counts == naive_counts(shares, n)


def test_the_recipe():
    recipe = model(n_particles=350)
    a = species_start(recipe, np.random.default_rng(1))
    assert len(a) / a.box**3 == pytest.approx(1.2)
    assert np.bincount(a.types).tolist() == [0, 280, 70]
    assert set(a.diameters[a.types == 2]) == {0.9}
    assert (np.diff(a.types) < 0).sum() > 30  # shuffled
    spacing = a.box / np.ceil(350 ** (1 / 3))
    closest = min(
        np.linalg.norm(minimum_image(a.positions[i + 1 :] - a.positions[i], a.box), axis=1).min()
        for i in range(349)
    )
    assert closest > 0.8 * spacing
    b, c = (species_start(recipe, np.random.default_rng(seed)) for seed in (1, 2))
    np.testing.assert_array_equal(a.types, b.types)
    np.testing.assert_array_equal(a.positions, b.positions)
    assert not np.array_equal(a.types, c.types)


@pytest.fixture
def data_file(tmp_path):
    """250 particles, a fifth of them of type 2, in a box of edge 6 around the origin."""
    rng = np.random.default_rng(3)
    places = rng.uniform(-3.0, 3.0, (250, 3))
    lines = ["random", "", "250 atoms", "2 atom types", ""]
    lines += [f"-3.0 3.0 {axis}lo {axis}hi" for axis in "xyz"] + ["", "Atoms", ""]
    lines += [
        f"{i + 1} {1 + (i % 5 == 0)} " + " ".join(f"{x!r}" for x in place.tolist())
        for i, place in enumerate(places)
    ]
    path = tmp_path / "start.data"
    path.write_text("\n".join(lines) + "\n")
    return path, places


def test_a_data_file(data_file):
    path, places = data_file
    found = species_start(model((None, None), path), np.random.default_rng(0))
    assert found.box == 6.0  # not the density of the config
    np.testing.assert_allclose(found.positions, places + 3.0)
    assert np.bincount(found.types).tolist() == [0, 200, 50]
    for number in (250, 1500):  # the file's own, and the default, which nobody may have chosen
        species_start(model((0.8, 0.2), path, n_particles=number), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("shares", "changes", "message"),
    [
        ((0.8, 0.2), {"n_particles": 300}, "found 250 atoms, expected model.n_particles, .* 300"),
        ((0.5, 0.5), {}, "found 200 S0, 50 S1 atoms, expected about 125 S0, 125 S1"),
        ((None, None, None), {}, "found 2 atom types, expected 3"),
        ((None,), {}, "found 2 atom types, expected 1"),
    ],
)
def test_a_data_file_that_contradicts_the_config(data_file, shares, changes, message):
    with pytest.raises(InputError, match=message):
        species_start(model(shares, data_file[0], **changes), np.random.default_rng(0))


def test_the_built_in_model_has_no_species():
    with pytest.raises(ValueError, match="no species"):
        species_start(Model(), np.random.default_rng(0))
