"""Added pairs are possible pairs, new ones, and like those they were made from."""

import numpy as np
import pandas as pd
import pytest

from tlsfind import tables
from tlsfind.errors import InputError
from tlsfind.learn import labelled
from tlsfind.pairs.keys import KEYS
from tlsfind.simulate import dilution


def made_up(n: int, particles: int, seed: int = 0) -> labelled.Labelled:
    """Pairs whose PR follows from displacements of 50 particles, a third of them double wells."""
    rng = np.random.default_rng(seed)
    moves = np.sort(rng.gamma(0.3, 0.1, (n, 50)), axis=1)[:, ::-1]
    square = (moves**2).sum(axis=1)
    frame = pd.DataFrame(
        {
            "glass": rng.choice(["A", "B"], n),
            "minimum_a": np.arange(n, dtype=np.int32),
            "minimum_b": np.arange(n, dtype=np.int32) + 1,
            "delta_e": rng.exponential(0.03, n),
            "total_displacement": np.sqrt(square),
            "participation_ratio": square**2 / (moves**4).sum(axis=1),
            "transitions_ab": rng.geometric(0.1, n) - 1,
            "transitions_ba": rng.geometric(0.1, n) - 1,
            "preparation_temperature": 0.07,
            "is_double_well": rng.random(n) < 1 / 3,
            "barrier": np.nan,
            "unit_system": "argon",
        }
    )
    for k in range(1, particles + 1):
        frame[f"displacement_{k}"] = moves[:, k - 1]
    for k in range(2, particles + 1):
        frame[f"distance_1_{k}"] = rng.uniform(0.8, 6.0, n)
    frame["quantum_splitting"] = np.where(frame["is_double_well"], 0.01, np.nan)
    columns = [name for name, _, _ in tables.labelled_columns(particles)]
    return labelled.check(frame[columns], tables.feature_names(particles), "made up")


@pytest.mark.parametrize("particles", [1, 3, 5])
def test_coordinates_give_the_pairs_back(particles):
    table = made_up(300, particles)
    coordinates = dilution.to_coordinates(table.frame, particles)
    assert coordinates.shape == (300, 2 * particles + 4)
    back = dilution.from_coordinates(coordinates, particles)
    assert set(back) == set(table.features)
    for name, values in back.items():
        np.testing.assert_allclose(values, table.frame[name], rtol=1e-3, atol=1e-9)


@pytest.mark.parametrize("particles", [1, 3])
@pytest.mark.parametrize("bandwidth", [0.2, 3.0])
def test_added_pairs_are_possible_pairs(particles, bandwidth):
    """However strong the noise: sorted, within d, PR within what the displacements allow."""
    table = made_up(400, particles)
    diluted = dilution.dilute(table, 5.0, np.random.default_rng(1), bandwidth)
    added = diluted.frame.iloc[400:]
    assert len(added) == 2000
    moves = added[[f"displacement_{k}" for k in range(1, particles + 1)]].to_numpy()
    assert (moves > 0).all()
    assert (np.diff(moves, axis=1) <= 0).all()
    d2 = added["total_displacement"].to_numpy() ** 2
    assert ((moves**2).sum(axis=1) <= d2 * (1 + 1e-9)).all()
    ratio = added["participation_ratio"].to_numpy()
    most = d2**2 / (moves**4).sum(axis=1)
    rest = np.maximum(d2 - (moves**2).sum(axis=1), 0.0)
    least = d2**2 / ((moves**4).sum(axis=1) + moves[:, -1] ** 2 * rest)
    assert (ratio >= 1 - 1e-9).all()
    assert (ratio <= most * (1 + 1e-6)).all()
    assert (ratio >= least * (1 - 1e-6)).all()
    for name in ("transitions_ab", "transitions_ba"):
        assert added[name].min() >= 0
        assert (added[name] == added[name].round()).all()
    assert np.isfinite(added[table.features].to_numpy(dtype=float)).all()
    # the reader of labelled tables accepts what was made
    labelled.check(diluted.frame, diluted.features, "diluted")


def test_added_pairs_are_new_and_no_double_wells():
    table = made_up(400, 3)
    diluted = dilution.dilute(table, 2.5, np.random.default_rng(1))
    pd.testing.assert_frame_equal(diluted.frame.iloc[:400], table.frame, check_dtype=False)
    added = diluted.frame.iloc[400:]
    assert len(added) == 1000
    assert not added["is_double_well"].any()
    assert added["quantum_splitting"].isna().all()
    assert not diluted.frame.duplicated(KEYS).any()
    for glass, rows in added.groupby("glass"):
        old = table.frame.loc[table.frame["glass"] == glass, KEYS[1:]].to_numpy().max()
        assert rows["minimum_a"].min() > old
        assert (rows["minimum_b"] > rows["minimum_a"]).all()
    # no two added pairs share a minimum
    minima = pd.concat(
        [added[["glass", name]].set_axis(["glass", "m"], axis=1) for name in KEYS[1:]]
    )
    assert not minima.duplicated().any()


def test_added_pairs_are_like_those_drawn_from():
    table = made_up(3000, 3)
    others = table.frame[~table.is_double_well]
    diluted = dilution.dilute(table, 3.0, np.random.default_rng(2))
    added = diluted.frame.iloc[3000:]
    for name in ("delta_e", "total_displacement", "displacement_1", "displacement_3"):
        was, now = np.log(others[name]), np.log(added[name])
        assert abs(now.median() - was.median()) < 0.1 * was.std()
        assert 0.97 < now.std() / was.std() < 1.1
    joint = ["displacement_1", "total_displacement"]
    was, now = (np.corrcoef(np.log(frame[joint]).T)[0, 1] for frame in (others, added))
    assert abs(was - now) < 0.05
    share = others["glass"].value_counts(normalize=True)
    np.testing.assert_allclose(
        added["glass"].value_counts(normalize=True)[share.index], share, atol=0.03
    )


def test_the_seed_decides():
    table = made_up(100, 3)
    first, again, other = (
        dilution.dilute(table, 1.0, np.random.default_rng(seed)).frame for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


def test_errors_and_nothing_to_add():
    table = made_up(100, 3)
    assert dilution.dilute(table, 0.0, np.random.default_rng(0)) is table
    for factor in (-1.0, float("nan")):
        with pytest.raises(InputError, match="expected 0 or more"):
            dilution.dilute(table, factor, np.random.default_rng(0))
    wells = labelled.Labelled(
        table.frame[table.is_double_well].reset_index(drop=True), table.features, "argon"
    )
    with pytest.raises(InputError, match="none to add more of"):
        dilution.dilute(wells, 1.0, np.random.default_rng(0))


def test_one_pair_to_draw_from_is_repeated():
    table = made_up(100, 3)
    rows = np.r_[np.flatnonzero(table.is_double_well), np.flatnonzero(~table.is_double_well)[:1]]
    few = labelled.Labelled(table.frame.iloc[rows].reset_index(drop=True), table.features, "argon")
    added = dilution.dilute(few, 1.0, np.random.default_rng(0)).frame.iloc[len(rows) :]
    np.testing.assert_allclose(
        added["total_displacement"], few.frame["total_displacement"].iloc[-1], rtol=1e-5
    )
