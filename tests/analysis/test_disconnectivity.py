"""Superbasins against an analytic landscape and a naive search; the tree; a glass with TLS."""

import numpy as np
import pandas as pd
import pytest

from tlsfind.analysis.figures import disconnectivity
from tlsfind.analysis.superbasins import UnionFind, lowest_saddles, superbasins, tree


def naive(energies, edges, saddles, ladder):
    """Superbasins by walking from every minimum, at every rung anew."""
    found = np.full((len(ladder), len(energies)), -1)
    for rung, height in enumerate(ladder):
        for start in range(len(energies)):
            if energies[start] > height:
                continue
            reached, new = {start}, [start]
            while new:
                here = new.pop()
                for (one, other), saddle in zip(edges, saddles, strict=True):
                    for a, b in ((one, other), (other, one)):
                        if a == here and saddle <= height and b not in reached:
                            reached.add(b)
                            new.append(b)
            found[rung, start] = min(reached)
    return found


def random_landscape(rng, minima=25, edges=40):
    energies = rng.uniform(0.0, 1.0, minima)
    pairs = rng.integers(0, minima, (edges, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    saddles = energies[pairs].max(axis=1) + rng.exponential(0.3, len(pairs))
    return energies, pairs, saddles


def chain():
    """Minima and maxima of E(x) = cos 6 x + 0.3 x on 0 < x < 5, from its derivative."""
    x = np.linspace(0.0, 5.0, 200_001)
    energy = np.cos(6.0 * x) + 0.3 * x
    inner = slice(1, -1)
    lower = (energy[inner] < energy[:-2]) & (energy[inner] < energy[2:])
    upper = (energy[inner] > energy[:-2]) & (energy[inner] > energy[2:])
    minima, maxima = energy[inner][lower], energy[inner][upper]
    first = np.flatnonzero(lower)[0]
    between = maxima[np.flatnonzero(upper) > first][: len(minima) - 1]
    edges = np.array([[k, k + 1] for k in range(len(between))])
    return minima, edges, between


def test_a_washboard_joins_its_minima_one_by_one():
    """The saddles rise with x: at each rung the first minima are together, the rest alone."""
    minima, edges, saddles = chain()
    assert len(minima) == 5
    analytic = np.arcsin(0.3 / 6.0)  # sin 6x = 0.05 at all extrema
    assert saddles[0] == pytest.approx(np.cos(analytic) + 0.05 * (2 * np.pi + analytic), abs=1e-6)
    ladder = np.array([saddles[3], saddles[2], saddles[1], saddles[0]]) + 1e-9
    basins = superbasins(minima, edges, saddles, ladder)
    assert basins.tolist() == [
        [0, 0, 0, 0, 0], [0, 0, 0, 0, 4], [0, 0, 0, 3, 4], [0, 0, 2, 3, 4]
    ]  # fmt: skip
    nodes = tree(minima, basins, ladder)
    assert nodes.groupby("rung")["minima"].max().tolist() == [5, 4, 3, 2, 1]
    assert (nodes["lowest"][nodes["minima"] > 1] == 0).all()


@pytest.mark.parametrize("seed", range(6))
def test_superbasins_are_those_of_a_naive_search(seed):
    energies, edges, saddles = random_landscape(np.random.default_rng(seed))
    ladder = np.linspace(saddles.max(), energies.min(), 17)
    found = superbasins(energies, edges, saddles, ladder)
    np.testing.assert_array_equal(found, naive(energies, edges, saddles, ladder))


@pytest.mark.parametrize("seed", range(3))
def test_lowest_saddles_connect_as_low_as_all(seed):
    energies, edges, saddles = random_landscape(np.random.default_rng(seed))
    used = lowest_saddles(len(energies), edges, saddles)
    assert len(used) <= len(energies) - 1
    ladder = np.linspace(saddles.max(), energies.min(), 9)
    np.testing.assert_array_equal(
        superbasins(energies, edges[used], saddles[used], ladder),
        superbasins(energies, edges, saddles, ladder),
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_tree_is_nested_and_its_leaves_are_apart(seed):
    energies, edges, saddles = random_landscape(np.random.default_rng(seed))
    ladder = np.linspace(max(saddles.max(), energies.max()), energies.min(), 12, endpoint=False)
    nodes = tree(energies, superbasins(energies, edges, saddles, ladder), ladder)
    leaves = nodes[nodes["rung"] == len(ladder)]
    assert leaves["x"].nunique() == len(leaves) == len(energies)
    inner = nodes[nodes["parent"] >= 0]
    up = nodes.iloc[inner["parent"].to_numpy()]
    assert (up["energy"].to_numpy() >= inner["energy"].to_numpy()).all()
    assert (up["minima"].to_numpy() >= inner["minima"].to_numpy()).all()
    for parent, own in nodes[nodes["parent"] >= 0].groupby("parent"):
        assert own["minima"].sum() == nodes["minima"].iloc[parent]
        assert own["x"].min() <= nodes["x"].iloc[parent] <= own["x"].max()


def test_union_find():
    sets = UnionFind(5)
    assert sets.join(3, 4)
    assert sets.join(4, 1)
    assert not sets.join(1, 3)
    assert sets.labels().tolist() == [0, 1, 2, 1, 1]


def test_saddles_are_exact_for_double_wells_and_bounds_for_others():
    energies = pd.Series({0: 1.0, 1: 1.5, 2: 1.2})
    rows = [
        (0, 1, "double_well", 0.8, 9.0), (1, 2, "multiple_wells", np.nan, 0.7),
        (0, 2, "single_well", np.nan, 0.05), (0, 1, "failed", np.nan, np.nan),
        (0, 1, "endpoints_identical", np.nan, np.nan),
    ]  # fmt: skip
    paths = pd.DataFrame(rows, columns=["minimum_a", "minimum_b", "status", "barrier", "top"])
    found = disconnectivity.saddles_of(paths, energies).set_index(["minimum_a", "minimum_b"])
    assert found.loc[(0, 1)].tolist() == [1.8, True]
    assert found.loc[(1, 2)].tolist() == [2.2, False]
    assert found.loc[(0, 2)].tolist() == [1.2, False]  # never below an end
    assert len(found) == 3


def test_minima_without_a_saddle_are_left_out_and_tls_join_at_their_barrier():
    minima = pd.DataFrame({"minimum": [7, 3, 5, 9], "energy": [2.0, 1.0, 1.2, 1.9]})
    saddles = pd.DataFrame(
        {"minimum_a": [3, 3], "minimum_b": [5, 7], "energy": [1.3, 3.0], "exact": True}
    )
    tls = pd.DataFrame(
        {"minimum_a": [3, 3], "minimum_b": [5, 9], "quantum_splitting": [1e-4, 1e-3]}
    )
    found = disconnectivity.numbers(minima, saddles, tls, rungs=100)
    leaves = found["nodes"][found["nodes"]["rung"] == 100]
    assert sorted(leaves["minimum"]) == [3, 5, 7]
    assert found["tls"]["energy"].iloc[0] == pytest.approx(0.3, abs=0.03)
    assert found["tls"]["energy"].iloc[0] >= 0.3
    assert found["tls"]["node"].iloc[1] == -1
    assert found["levels"]["superbasins"].iloc[0] == 1


def test_the_glass_with_most_tls_is_drawn(run):
    found = disconnectivity.collect(run.results)
    tls = run.results.solved[run.results.is_tls(run.results.solved)]
    counts = tls["glass"].value_counts()
    about = found["glass"].iloc[0]
    assert counts[about["glass"]] == counts.max() == about["tls"] == len(found["tls"])
    named = run.config.analysis.model_copy(update={"landscape_glass": "T0.062-0002"})
    other = run._replace(config=run.config.model_copy(update={"analysis": named}))
    assert disconnectivity.collect(other.results)["glass"]["glass"].iloc[0] == "T0.062-0002"


def test_a_glass_without_saddles_is_refused(poor_run):
    found = disconnectivity.numbers(
        pd.DataFrame({"minimum": [0, 1], "energy": [0.0, 1.0]}),
        pd.DataFrame(columns=["minimum_a", "minimum_b", "energy", "exact"]),
        pd.DataFrame(columns=["minimum_a", "minimum_b", "quantum_splitting"]),
    )
    assert found["nodes"].empty
    about = {"glass": ["g"], "minima": [2], "connected": [0], "tls": [0], "base": [0.0]}
    figure = disconnectivity.draw({**found, "glass": pd.DataFrame(about)}, poor_run.results)
    assert "not drawn" in figure.axes[0].texts[0].get_text().replace("\n", " ")
