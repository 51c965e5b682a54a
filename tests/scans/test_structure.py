"""Bond-orientational parameters against a naive implementation."""

from __future__ import annotations

import builtins
import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.spatial import Voronoi
from scipy.special import sph_harm_y

from tlsfind.errors import InputError
from tlsfind.scans import structure
from tlsfind.tables_scans import BOND_DEGREES

KEYS = ["glass", "minimum_a", "minimum_b"]


@pytest.fixture
def freud():
    return pytest.importorskip("freud", reason="freud-analysis is not installed (tlsfind[freud])")


def naive(positions, box, degree):
    """q_l by its definition: all periodic images, their Voronoi faces, spherical harmonics."""
    n = len(positions)
    shifts = np.array(list(itertools.product([-1, 0, 1], repeat=3))) * box
    shifts = shifts[np.argsort(np.abs(shifts).sum(axis=1), kind="stable")]
    images = (positions[None] + shifts[:, None]).reshape(-1, 3)
    bonds = [[] for _ in range(n)]
    for i, j in Voronoi(images).ridge_points:
        for a, b in ((i, j), (j, i)):
            if a < n:
                bonds[a].append((b % n, images[b] - images[a]))
    orders = np.arange(-degree, degree + 1)
    local = np.zeros((n, len(orders)), dtype=complex)
    for i in range(n):
        r = np.array([vector for _, vector in bonds[i]])
        theta = np.arccos(r[:, 2] / np.linalg.norm(r, axis=1))
        phi = np.arctan2(r[:, 1], r[:, 0])
        local[i] = [sph_harm_y(degree, m, theta, phi).mean() for m in orders]
    mean = [local[[i, *(j for j, _ in bonds[i])]].mean(axis=0) for i in range(n)]
    return np.sqrt(4 * np.pi / (2 * degree + 1) * (np.abs(mean) ** 2).sum(axis=1))


def shaken_crystal(seed):
    """128 particles near a body-centred cubic lattice, whose Voronoi faces are all large.

    Among random particles, faces of next to no area are there or not in single precision.
    """
    cells = np.array(list(itertools.product(range(4), repeat=3)), dtype=float)
    noise = np.random.default_rng(seed).normal(0, 0.03, (128, 3))
    return np.concatenate([cells, cells + 0.5]) + noise, 4.0


def test_a_shaken_crystal_against_the_definition(freud):
    positions, box = shaken_crystal(1)
    found = structure.bond_order(positions, box)
    assert found.shape == (128, len(BOND_DEGREES))
    assert found.std(axis=0).min() > 5e-4  # no two particles are alike
    for k, degree in enumerate(BOND_DEGREES):
        np.testing.assert_allclose(found[:, k], naive(positions, box, degree), atol=1e-5)


def test_a_box_too_small_for_freud_is_refused(freud):
    positions = np.random.default_rng(1).uniform(0, 3.0, (30, 3))
    with pytest.raises(InputError, match="less than half the box"):
        structure.bond_order(positions, 3.0)


def test_body_centred_cubic_crystal(freud):
    """14 Voronoi neighbours: q_4 = 0.0364, q_6 = 0.511 (Steinhardt et al., PRB 28, 784, 1983)."""
    cells = np.array(list(itertools.product(range(4), repeat=3)), dtype=float)
    positions = np.concatenate([cells, cells + 0.5])
    found = structure.bond_order(positions, 4.0, [4, 6])
    np.testing.assert_allclose(found, np.tile([0.0364, 0.5107], (len(positions), 1)), atol=1e-3)


def test_rotation_and_translation_leave_it(freud):
    positions, box = shaken_crystal(2)
    turned = positions[:, [1, 2, 0]] + 0.37
    np.testing.assert_allclose(
        structure.bond_order(positions, box), structure.bond_order(turned, box), atol=2e-5
    )


def test_the_particles_that_move_most():
    rng = np.random.default_rng(3)
    a = rng.uniform(0, 5, (50, 3))
    b = a.copy()
    b[17] += 0.5
    b[4] -= 0.3
    first, second = structure.movers(a, b, 5.0, 2)
    assert first.tolist() == [17, 4]
    assert second.tolist() == [17, 4]


def test_without_freud_there_is_one_message(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "freud":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"pip install 'tlsfind\[freud\]'"):
        structure.bond_order(np.zeros((1, 3)), 1.0)


def table_of_structures():
    rows = []
    for pair in (1, 2):
        for particle in (1, 2):
            row = {"glass": "A", "minimum_a": pair, "minimum_b": 9, "particle": particle}
            row["diameter"] = 10.0 * pair + particle
            for degree in BOND_DEGREES:
                row[f"q{degree}_a"] = degree + particle
                row[f"q{degree}_b"] = degree + particle + 0.25 * pair
            rows.append(row)
    return pd.DataFrame(rows)


def test_features_of_structures():
    pairs = pd.DataFrame({"glass": ["A", "A"], "minimum_a": [2, 1], "minimum_b": [9, 9]})
    found = structure.as_features(table_of_structures(), pairs)
    assert found.shape == (2, 2 * (1 + 3 * len(BOND_DEGREES)))
    assert found["diameter_2"].tolist() == [22.0, 12.0]
    assert found["q6_a_1"].tolist() == [7.0, 7.0]
    assert found["q6_change_1"].tolist() == [0.5, 0.25]


def test_features_of_pairs_without_structures():
    pairs = pd.DataFrame({"glass": ["A"], "minimum_a": [3], "minimum_b": [9]})
    with pytest.raises(InputError, match="1 labelled pairs are not in the table"):
        structure.as_features(table_of_structures(), pairs)
